"""Chats that people were asked to choose from Telegram's own list."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from telegram import Message

__all__ = ["Choices", "OnChosen"]

OnChosen = Callable[[Message], Awaitable[None]]
"""Told of the message with the chat that somebody chose."""

_MOST = 1000


class Choices:
    """Open questions, in memory: after a restart somebody has to ask again, and no choice is taken for another's."""

    def __init__(self) -> None:
        self._open: OrderedDict[tuple[int, int], OnChosen] = OrderedDict()

    def ask(self, user: int, then: OnChosen) -> int:
        """The number of the question, for `request_chat`: 31 bits of chance, so that it is none of the host's."""
        number = secrets.randbelow(2**31)
        self._open[user, number] = then
        while len(self._open) > _MOST:
            self._open.popitem(last=False)
        return number

    def expects(self, user: int, number: int) -> bool:
        """Was this person asked that?"""
        return (user, number) in self._open

    def take(self, user: int, number: int) -> OnChosen | None:
        """Who is to be told of the answer; once."""
        return self._open.pop((user, number), None)
