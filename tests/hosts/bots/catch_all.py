"""Handlers that see every update, in groups of their own below all others: a log, and statistics."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

import logging

from telegram import Update
from telegram.ext import CommandHandler, ContextTypes, MessageHandler, TypeHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install

logger = logging.getLogger(__name__)

FIRST_OF_ALL = -1000


async def keep_log(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    logger.debug("update %s", update.update_id)


async def count_messages(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    context.bot_data["messages"] = context.bot_data.get("messages", 0) + 1


async def statistics(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text(f"{context.bot_data.get('messages', 0)} messages so far.")


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("I have counted that.")


def _handlers(builder: AnyBuilder) -> AnyApplication:
    application = builder.build()
    application.add_handler(CommandHandler("statistics", statistics))
    application.add_handler(MessageHandler(filters.ALL, answer))
    return application


def build_before(builder: AnyBuilder, install: Install) -> AnyApplication:
    """They are added first, as the plugin asks for."""
    application = _handlers(builder)
    application.add_handler(TypeHandler(Update, keep_log), group=FIRST_OF_ALL)
    application.add_handler(MessageHandler(filters.ALL, count_messages), group=-1)
    install(application)
    return application


def build_after(builder: AnyBuilder, install: Install, group: int) -> AnyApplication:
    """One of them is added when the plugin is in place already."""
    application = _handlers(builder)
    install(application)
    application.add_handler(MessageHandler(filters.ALL, count_messages), group=group)
    return application


def build_in_front(builder: AnyBuilder, install: Install) -> AnyApplication:
    """One of them gets in front of the gate."""
    application = _handlers(builder)
    application.add_handler(MessageHandler(filters.ALL, count_messages), group=-1)
    install(application)
    application.add_handler(TypeHandler(Update, keep_log), group=min(application.handlers) - 1)
    return application
