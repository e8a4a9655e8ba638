"""Types of the hosts: what a bot's module is given, and what it gives."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from telegram.ext import Application, ApplicationBuilder

__all__ = ["AnyApplication", "AnyBuilder", "Build", "Install", "Plugin", "Run"]

AnyApplication = Application[Any, Any, Any, Any, Any, Any]
AnyBuilder = ApplicationBuilder[Any, Any, Any, Any, Any, Any]

Install = Callable[[AnyApplication], object]
"""The one line, `lazaretto.install(application, "config")`; or nothing at all, for the same bot without it."""

Build = Callable[[AnyBuilder, Install], AnyApplication]
"""Makes the bot. The builder has token and addresses already."""


class Plugin(Protocol):
    """What a host that is run in its own way calls; see `lazaretto.install`."""

    async def start(self) -> object:
        """Before the first update."""

    async def stop(self) -> None:
        """At the end."""


Run = Callable[[AnyApplication, Plugin | None], AbstractAsyncContextManager[None]]
"""Runs the bot in the way of its own."""
