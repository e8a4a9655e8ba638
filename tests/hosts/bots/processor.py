"""Handles the updates of one chat after each other and those of different chats at the same time."""

# mypy: disable-error-code="union-attr"

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable
from typing import Any

from telegram import Update
from telegram.ext import BaseUpdateProcessor, CommandHandler, ContextTypes, MessageHandler, filters

from hosts.shapes import AnyApplication, AnyBuilder, Install


class ChatByChat(BaseUpdateProcessor):
    """One lock for each chat."""

    def __init__(self) -> None:
        super().__init__(max_concurrent_updates=16)
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def do_process_update(self, update: object, coroutine: Awaitable[Any]) -> None:
        chat = update.effective_chat if isinstance(update, Update) else None
        async with self._locks[chat.id if chat is not None else 0]:
            await coroutine

    async def initialize(self) -> None:
        """Nothing to open."""

    async def shutdown(self) -> None:
        self._locks.clear()


async def dice(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("Four. It is always four.")


async def answer(update: Update, context: ContextTypes.DEFAULT_TYPE) -> None:
    await update.message.reply_text("One after the other!")


def build(builder: AnyBuilder, install: Install) -> AnyApplication:
    application = builder.concurrent_updates(ChatByChat()).build()
    application.add_handler(CommandHandler("dice", dice))
    application.add_handler(MessageHandler(filters.TEXT | filters.ATTACHMENT, answer))
    install(application)
    return application
