"""Fetches what people send, with the library's own calls, and tells what is in it."""

# mypy: disable-error-code="union-attr,arg-type"

from __future__ import annotations

import hashlib

from telegram import Update
from telegram.ext import ContextTypes, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install


async def weigh(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    document = update.message.document
    file = await context.bot.get_file(document)
    data = bytes(await file.download_as_bytearray())
    digest = hashlib.sha256(data).hexdigest()
    await update.message.reply_text(f"{document.file_name}: {len(data)} bytes, SHA-256 {digest}")


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("Send me a file.")


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.build()
    application.add_handler(MessageHandler(filters.Document.ALL, weigh))
    application.add_handler(MessageHandler(filters.TEXT, answer))
    install(application)
    return application
