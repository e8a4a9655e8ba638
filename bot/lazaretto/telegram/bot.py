"""A bot of our own around the plugin: what `lazaretto run` starts."""

from __future__ import annotations

import asyncio
from typing import Any

from telegram import Update
from telegram.error import NetworkError
from telegram.ext import Application, ApplicationBuilder, CommandHandler, ContextTypes

from lazaretto.config import Configuration
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.plugin import Guard
from lazaretto.telegram.redaction import redact_logs

__all__ = ["JournalQueue", "build_bot"]

_HELP = (
    "I look at every file that is posted in groups where I am an administrator, before anybody has to open it. "
    "Moderators get a card for what I hold back and decide with two taps."
)


class JournalQueue(asyncio.Queue[object]):
    """The application's update queue, which makes an update durable before Telegram is told that we have it.

    The polling loop awaits `put` before it asks for newer updates, and asking is what acknowledges. An exception other
    than the library's own would end polling for good and silently, so a full disk is reported as a NetworkError: the
    loop waits and asks again. The webhook awaits `put` before it answers.
    """

    guard: Guard | None = None

    async def put(self, item: object) -> None:
        """Write an update with an attachment down, then queue it."""
        if self.guard is not None and isinstance(item, Update):
            try:
                await self.guard.write_down(item)
            except Exception as error:
                raise NetworkError(f"the update could not be written down: {error}") from error
        await super().put(item)


async def _help(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
    if update.effective_message is not None:
        await update.effective_message.reply_text(_HELP)


def build_bot(configuration: Configuration, token: str) -> tuple[AnyApplication, Guard]:
    """An application with the plugin in it, ready for `run_polling`, or for `web.serve` where a webhook is set."""
    redact_logs(token)  # the plugin does so as well, but building the application logs already
    settings = configuration.settings
    queue = JournalQueue()
    builder: ApplicationBuilder[Any, Any, Any, Any, Any, Any] = Application.builder()
    builder = builder.token(token).update_queue(queue).concurrent_updates(True)
    if settings.base_url:
        builder = builder.base_url(settings.base_url)
    if settings.base_file_url:
        builder = builder.base_file_url(settings.base_file_url)
    if settings.web.webhook:
        builder = builder.updater(None)  # nothing asks for updates: they come
    application = builder.build()
    application.add_handler(CommandHandler(["start", "help"], _help))
    guard = Guard(application, configuration)
    guard.attach()
    queue.guard = guard
    return application, guard
