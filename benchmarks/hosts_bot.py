"""A host bot in a process of its own, with the plugin or without: it answers every message with when it saw it.

    python -m benchmarks.hosts_bot

Its order is one line of JSON on stdin, and it runs until stdin is closed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from telegram import Update
from telegram.ext import Application, ExtBot, MessageHandler, filters

import lazaretto
from e2e.host import polled
from lazaretto.log import configure_logging
from lazaretto.telegram.gate import AnyApplication, AnyContext
from lazaretto.telegram.polling import JournalBot

__all__ = ["Order"]

os.environ.setdefault("PTB_TIMEDELTA", "1")  # the library's opt-in to time spans; without it, it warns


@dataclass(frozen=True, slots=True)
class Order:
    """Where Telegram is, how the host handles updates, and the plugin's configuration, None for a host without it.

    journal: the plugin's, so that what carries files is on disk before Telegram is told that it came.
    """

    token: str
    base_url: str
    base_file_url: str
    concurrent_updates: bool
    config: dict[str, Any] | None
    journal: bool = False


async def _answer(update: Update, _context: AnyContext) -> None:
    """The host's handler. The clock is the machine's: other processes can subtract theirs from it."""
    saw_at = perf_counter()
    if update.message is not None:
        await update.message.reply_text(f"{update.message.message_id} {saw_at!r}")


async def _run(order: Order) -> None:
    kind = JournalBot if order.journal else ExtBot[None]
    bot = kind(order.token, base_url=order.base_url, base_file_url=order.base_file_url)
    application: AnyApplication = Application.builder().bot(bot).concurrent_updates(order.concurrent_updates).build()
    application.add_handler(MessageHandler(filters.ALL, _answer))
    if order.config is not None:
        lazaretto.install(application, order.config, journal=order.journal)
    async with polled(application):
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    configure_logging("ERROR")
    asyncio.run(_run(Order(**json.loads(sys.stdin.readline()))))
