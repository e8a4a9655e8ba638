"""A bot of our own around the plugin: what `lazaretto run` starts."""

from __future__ import annotations

from typing import Any

from telegram.ext import Application, ApplicationBuilder

from lazaretto.config import Configuration
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.plugin import Guard
from lazaretto.telegram.polling import JournalBot
from lazaretto.telegram.redaction import redact_logs

__all__ = ["build_bot"]


def build_bot(configuration: Configuration, token: str) -> tuple[AnyApplication, Guard]:
    """An application with the plugin in it, ready for `run_polling`, or for `web.serve` where a webhook is set."""
    redact_logs(token)  # the plugin does so as well, but building the application logs already
    settings = configuration.settings
    addresses: dict[str, Any] = {"base_url": settings.base_url, "base_file_url": settings.base_file_url}
    bot = JournalBot(token, **{name: address for name, address in addresses.items() if address})
    builder: ApplicationBuilder[Any, Any, Any, Any, Any, Any] = Application.builder()
    builder = builder.bot(bot).concurrent_updates(True)
    if settings.web.webhook:
        builder = builder.updater(None)  # nothing asks for updates: they come
    application = builder.build()
    guard = Guard(application, configuration)
    guard.attach(journal=True, alone=True)
    return application, guard
