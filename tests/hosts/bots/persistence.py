"""Remembers what people tell it, over restarts: data of all three kinds, and the state of a conversation."""

# mypy: disable-error-code="union-attr,index"

from __future__ import annotations

from telegram import Update
from telegram.ext import (
    CommandHandler,
    ContextTypes,
    ConversationHandler,
    MessageHandler,
    PicklePersistence,
    filters,
)

from hosts.shapes import AnyApplication, AnyBuilder, Install

ASKED = 1


async def ask(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    await update.message.reply_text("What is it?")
    return ASKED


async def learn(update: Update, context: ContextTypes.DEFAULT_TYPE) -> int:
    context.user_data["known"] = update.message.text
    context.chat_data.setdefault("told by", []).append(update.effective_user.first_name)
    context.bot_data["lessons"] = context.bot_data.get("lessons", 0) + 1
    await update.message.reply_text("I shall remember that.")
    return ConversationHandler.END


async def recall(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    known, lessons = context.user_data.get("known", "nothing"), context.bot_data.get("lessons", 0)
    files = ", ".join(context.chat_data.get("files", ()))
    await update.message.reply_text(f"I know {known} from you, {lessons} things in all, and the files: {files}.")


async def keep(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    context.chat_data.setdefault("files", []).append(update.message.document.file_name)
    await update.message.reply_text("Kept.")


async def stray(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("Say /learn or /recall.")


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.persistence(PicklePersistence("memories.pickle")).build()
    application.add_handler(
        ConversationHandler(
            entry_points=[CommandHandler("learn", ask)],
            states={ASKED: [MessageHandler(filters.TEXT & ~filters.COMMAND, learn)]},
            fallbacks=[],
            name="lesson",
            persistent=True,
        )
    )
    application.add_handler(CommandHandler("recall", recall))
    application.add_handler(MessageHandler(filters.Document.ALL, keep))
    application.add_handler(MessageHandler(filters.TEXT, stray))
    install(application)
    return application
