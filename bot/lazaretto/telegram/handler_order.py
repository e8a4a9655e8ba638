"""Where the gate stands: in front of every handler of the host's, with a bolt right behind it.

Before the first handler that wants an update the library reloads the host's stored data, and when that fails it goes
on to the next group, past the gate. So what the gate wanted and never got is the bolt's to stop.
"""

from __future__ import annotations

from typing import Any

from telegram import Update
from telegram.ext import BaseHandler

from lazaretto.telegram.gate import AnyApplication, AnyContext, Gate

__all__ = ["below", "insert_first", "take_out"]

_DISTANCE = 1_000_000  # groups below the host's: what it adds later stands behind us, and not beside or in front


class _Bolt(BaseHandler[Update, AnyContext, None]):
    """Behind the gate: hands it what it wanted and did not get."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate.callback, block=True)
        self.gate = gate

    def check_update(self, update: object) -> object | None:
        return self.gate.missed(update)

    async def handle_update(
        self, update: Update, application: AnyApplication, check_result: object, context: AnyContext
    ) -> None:
        await self.gate.handle_update(update, application, check_result, context)


def insert_first(
    application: AnyApplication, *handlers: BaseHandler[Any, Any, Any], behind: BaseHandler[Any, Any, Any] | None = None
) -> int:
    """Add handlers in a group below all others, and answer its number. A gate gets its bolt in the next group.

    behind: in a group of its own after them, because of one group the library asks one handler: a command may be a
    reply to a file, and so the gate's as well.
    """
    group = min(application.handlers, default=0) - _DISTANCE
    for handler in handlers:
        application.add_handler(handler, group=group)
        if isinstance(handler, Gate):
            application.add_handler(_Bolt(handler), group=group + 1)
    if behind is not None:
        application.add_handler(behind, group=group + 2)
    return group


def take_out(application: AnyApplication, *handlers: BaseHandler[Any, Any, Any]) -> None:
    """Remove what `insert_first` added, bolts included, wherever it stands."""
    for group, there in list(application.handlers.items()):
        for handler in list(there):
            if handler in handlers or (isinstance(handler, _Bolt) and handler.gate in handlers):
                application.remove_handler(handler, group)


def below(application: AnyApplication, group: int) -> list[str]:
    """Names of handlers that run before ours: each of them sees attachments that nobody has judged."""
    return [
        getattr(getattr(handler, "callback", None), "__qualname__", repr(handler))  # a conversation has no callback
        for number, handlers in application.handlers.items()
        if number < group
        for handler in handlers
    ]
