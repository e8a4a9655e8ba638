"""Reminds people of what they told it, with jobs, and files what they send after a while."""

# mypy: disable-error-code="union-attr,arg-type,index,type-var"

from __future__ import annotations

from telegram import Update
from telegram.ext import CommandHandler, ContextTypes, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install


async def ring(context: ContextTypes.DEFAULT_TYPE) -> None:
    await context.bot.send_message(context.job.chat_id, f"Ding! {context.job.data}")


async def remind(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """/remind SECONDS WHAT"""
    seconds, what = context.args[0], " ".join(context.args[1:])
    context.job_queue.run_once(ring, float(seconds), chat_id=update.effective_chat.id, name=what, data=what)
    await update.message.reply_text(f"I shall remind you of {what}.")


async def reminders(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    names = sorted(job.name for job in context.job_queue.jobs())
    await update.message.reply_text(f"To come: {', '.join(names) or 'nothing'}.")


async def forget(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    for job in context.job_queue.get_jobs_by_name(" ".join(context.args)):
        job.schedule_removal()
    await update.message.reply_text("Forgotten.")


async def file_later(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    name = update.message.document.file_name
    context.job_queue.run_once(ring, 0, chat_id=update.effective_chat.id, name=name, data=f"{name} is filed.")


async def help_out(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("Say /remind, a number of seconds, and of what.")


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.build()
    application.add_handler(CommandHandler("remind", remind))
    application.add_handler(CommandHandler("reminders", reminders))
    application.add_handler(CommandHandler("forget", forget))
    application.add_handler(MessageHandler(filters.ATTACHMENT, file_later))
    application.add_handler(MessageHandler(filters.TEXT, help_out))
    install(application)
    return application
