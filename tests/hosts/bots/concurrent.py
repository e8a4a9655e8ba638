"""Handles updates at the same time: whoever waits for something does not keep the others waiting."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

import asyncio

from telegram import Update
from telegram.ext import CommandHandler, ContextTypes, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install


def _bell(context: ContextTypes.DEFAULT_TYPE) -> asyncio.Event:
    bell: asyncio.Event = context.bot_data.setdefault("bell", asyncio.Event())
    return bell


async def wait(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("I am waiting for the bell.")
    await _bell(context).wait()
    await update.message.reply_text("I have heard it.")


async def ring(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    _bell(context).set()


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text(f"{update.message.text}, indeed.")


async def thank(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text(f"Thank you for {update.message.document.file_name}.")


def build(builder: AnyBuilder, install: Install, concurrent_updates: bool | int) -> AnyApplication:
    application = builder.concurrent_updates(concurrent_updates).build()
    application.add_handler(CommandHandler("wait", wait))
    application.add_handler(CommandHandler("ring", ring))
    application.add_handler(MessageHandler(filters.Document.ALL, thank))
    application.add_handler(MessageHandler(filters.TEXT, answer))
    install(application)
    return application
