"""The application's update queue, put in place of the library's own."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextvars import ContextVar

from telegram import Update

from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.journal import Journal, Placeholder

__all__ = ["Handling", "JournalQueue", "replace_queue"]


class Handling:
    """One update on its way through the handlers."""

    def __init__(self) -> None:
        self._then: list[Callable[[], None]] = []
        self._over = False

    def then(self, do: Callable[[], None]) -> None:
        """To be done when the handlers have ended; never, where they were cut off."""
        if self._over:
            do()
        else:
            self._then.append(do)

    def end(self, *, cut_off: bool) -> None:
        """The handlers have ended."""
        self._over = True
        for do in () if cut_off else self._then:
            do()
        self._then.clear()


_handling: ContextVar[Handling | None] = ContextVar("lazaretto_handling", default=None)


class JournalQueue(asyncio.Queue[object]):
    """The application's update queue, which makes an update durable before Telegram is told that we have it.

    The polling loop awaits `put` before it asks for newer updates, and asking is what acknowledges. An exception other
    than the library's own would end polling for good and silently, so a full disk is reported as a NetworkError: the
    loop waits and asks again. The webhook awaits `put` before it answers.

    The library's fetcher calls `get`, has the update handled in the same context, and then calls `task_done`: so it is
    known when the handlers have ended, too.
    """

    def __init__(self, maxsize: int = 0, journal: Journal | None = None) -> None:
        super().__init__(maxsize)
        self.journal = journal

    async def put(self, item: object) -> None:
        """Write an update with an attachment down, then queue it."""
        if isinstance(item, Placeholder):
            return
        if self.journal is not None and isinstance(item, Update):
            await self.journal.take(item, super().put)
        else:
            await super().put(item)

    async def get(self) -> object:
        item = await super().get()
        _handling.set(Handling())
        return item

    def task_done(self) -> None:
        super().task_done()
        if (handling := _handling.get()) is not None:
            handling.end(cut_off=isinstance(sys.exc_info()[1], asyncio.CancelledError))

    @staticmethod
    def handling() -> Handling | None:
        """The update that is being handled where this is called; None where it came past the queue."""
        return _handling.get()


def replace_queue(application: AnyApplication, journal: Journal) -> Callable[[], None]:
    """Put a `JournalQueue` in place of the application's and its updater's queue, with what is in it already.

    Answers the function that undoes it. Raises RuntimeError where the queue is in use, or is not the library's.
    """
    theirs, updater = application.update_queue, application.updater
    if _in_use(application):
        raise RuntimeError(
            "journal=True replaces the application's queue: install it before the application is started"
        )
    if type(theirs) is not asyncio.Queue or (updater is not None and updater.update_queue is not theirs):
        raise RuntimeError(
            "journal=True replaces the application's queue, and this one is your own "
            f"({type(theirs).__qualname__}): leave out update_queue(...) where you build the application, or journal"
        )
    ours = JournalQueue(theirs.maxsize, journal)
    _exchange(application, theirs, ours)

    def undo() -> None:
        ours.journal = None  # whoever goes on using it has a plain queue
        if application.update_queue is ours and not _in_use(application):
            _exchange(application, ours, theirs)

    return undo


def _in_use(application: AnyApplication) -> bool:
    return application.running or (application.updater is not None and application.updater.running)


def _exchange(application: AnyApplication, old: asyncio.Queue[object], new: asyncio.Queue[object]) -> None:
    while not old.empty():
        new.put_nowait(old.get_nowait())
        asyncio.Queue.task_done(old)
    application.update_queue = new
    if application.updater is not None:
        application.updater.update_queue = new
