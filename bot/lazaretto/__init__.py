"""Quarantine for chat attachments: streaming format validators for Telegram bots.

import lazaretto

guard = lazaretto.install(application, "config")      # one line in your python-telegram-bot application
report = await lazaretto.screen_file("suspect.png")   # or just look at a file
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

__all__ = ["Guard", "__version__", "install", "screen_file"]

if TYPE_CHECKING:
    from lazaretto.screening.in_process import screen_file
    from lazaretto.telegram.plugin import Guard, install

# Loaded on first use: a screening worker imports this package too, and must not pay for Telegram and a database.
_HOMES = {
    "Guard": "lazaretto.telegram.plugin",
    "install": "lazaretto.telegram.plugin",
    "screen_file": "lazaretto.screening.in_process",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lazaretto' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
