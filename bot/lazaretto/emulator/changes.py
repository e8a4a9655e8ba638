"""Waiting for something to happen in the emulated world, without polling it; and the world's clock."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

__all__ = ["Changes", "Clock"]

T = TypeVar("T")

# A predicate may look at things outside the world (the bot's own variables), whose changes nobody announces.
_LOOK_AGAIN = 0.05


class Clock:
    """Wall clock that a test can move forward, to meet the rules that depend on age."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> int:
        """Unix time in whole seconds, as the Bot API counts."""
        return int(time.time() + self._ahead)

    def advance(self, by: timedelta) -> None:
        """Let `by` pass at once."""
        self._ahead += by.total_seconds()


class Changes:
    """An announcement that everyone waiting hears once."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def announce(self) -> None:
        """Wake everyone who waits."""
        self._next.set()
        self._next = asyncio.Event()

    async def until(self, predicate: Callable[[], T | None], timeout: float, wanted: Callable[[], str]) -> T:  # noqa: ASYNC109 - the caller's own words
        """The predicate's first true value. TimeoutError, worded by `wanted()`, after `timeout` seconds."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while not (value := predicate()):
            left = deadline - loop.time()
            if left <= 0:
                raise TimeoutError(wanted())
            with suppress(TimeoutError):
                await asyncio.wait_for(self._next.wait(), min(left, _LOOK_AGAIN))
        return value
