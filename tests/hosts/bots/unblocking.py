"""Lets no handler block another one, by its defaults, which also set how it writes."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

import asyncio

from telegram import LinkPreviewOptions, Update
from telegram.constants import ParseMode
from telegram.ext import ApplicationHandlerStop, CommandHandler, ContextTypes, Defaults, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install


async def wait(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    bell = context.bot_data.setdefault("bell", asyncio.Event())
    await update.message.reply_text("I am waiting for the <b>bell</b>.")
    await bell.wait()
    await update.message.reply_text("I have heard it.")


async def ring(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    context.bot_data["bell"].set()


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text(f"<i>{update.message.text}</i>, indeed.")


async def thank(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text(f"Thank you for <code>{update.message.document.file_name}</code>.")


async def keep_out(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    """The only one that blocks: it has to, in order to stop."""
    await update.message.reply_text("We do not talk about that.")
    raise ApplicationHandlerStop


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    defaults = Defaults(
        block=False,
        parse_mode=ParseMode.HTML,
        do_quote=True,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    application = builder.defaults(defaults).build()
    application.add_handler(MessageHandler(filters.Regex("politics"), keep_out, block=True), group=-1)
    application.add_handler(CommandHandler("wait", wait))
    application.add_handler(CommandHandler("ring", ring))
    application.add_handler(MessageHandler(filters.Document.ALL, thank))
    application.add_handler(MessageHandler(filters.TEXT, answer))
    install(application)
    return application
