"""Waiting for work that cannot be cancelled: threads, and processes being started."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

__all__ = ["kept", "settled"]

T = TypeVar("T")


async def kept(work: asyncio.Future[T], undo: Callable[[T], None]) -> T:
    """The result of `work`. Whoever is cancelled while waiting loses nothing: `undo` gets what comes out later."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.add_done_callback(lambda done: None if done.cancelled() or done.exception() else undo(done.result()))
        raise


async def settled(work: asyncio.Future[T] | None) -> None:
    """Wait until `work` is over, however it ends. Its error is whoever's who started it."""
    if work is not None:
        await asyncio.wait([work])
        if not work.cancelled():
            work.exception()  # seen: an abandoned write must not be reported as a forgotten one
