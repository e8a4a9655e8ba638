"""Tells people when something went wrong, and keeps a count of it."""

# mypy: disable-error-code="union-attr,arg-type"

from __future__ import annotations

from telegram import Update
from telegram.ext import CommandHandler, ContextTypes, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install


class Unreadable(Exception):
    """The bot cannot make sense of a file."""


async def divide(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """/divide A B"""
    above, below = map(int, context.args)
    await update.message.reply_text(str(above / below))


async def read(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    name = update.message.document.file_name
    if not name.endswith(".csv"):
        raise Unreadable(f"{name} is no table")
    await update.message.reply_text(f"I have read {name}.")


async def usage(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("Say /divide and two numbers.")


async def failed(update: object, context: ContextTypes.DEFAULT_TYPE) -> None:
    context.bot_data["failures"] = context.bot_data.get("failures", 0) + 1
    if isinstance(update, Update):
        await update.effective_message.reply_text(f"That went wrong: {type(context.error).__name__}")


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.build()
    application.add_handler(CommandHandler("divide", divide))
    application.add_handler(MessageHandler(filters.Document.ALL, read))
    application.add_handler(MessageHandler(filters.TEXT, usage))
    application.add_error_handler(failed)
    install(application)
    return application
