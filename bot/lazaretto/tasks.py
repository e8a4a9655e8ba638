"""Background tasks that are neither garbage-collected nor silent."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

__all__ = ["spawn", "to_its_end"]

_running: set[asyncio.Task[Any]] = set()
_log = structlog.get_logger("lazaretto.tasks")


def spawn(work: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
    """Run a coroutine in the background. Its failure is logged with its name; to be cancelled, or struck by a signal
    that ends the program, is no failure of its own."""
    task = asyncio.get_running_loop().create_task(work, name=name)
    _running.add(task)
    task.add_done_callback(_forget)
    return task


async def to_its_end(work: asyncio.Future[Any]) -> None:
    """Wait until this is over, whatever came of it. A cancellation neither reaches it nor cuts the waiting short: it is
    raised after that. For work whose end is bounded and has to be known."""
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


def _forget(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, SystemExit | KeyboardInterrupt):
        _log.error("task failed", task=task.get_name(), error=repr(error), exc_info=error)
