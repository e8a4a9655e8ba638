"""The life of `lazaretto run`: started as the library's own `run_polling` starts an application, ended within a bound.

SIGTERM and Ctrl-C end it in good order, a second one at once. SIGHUP has the configuration read again, unless it says
that the terminal is gone. Whoever installs the plugin into an application of their own keeps the signals to themselves.

    SIGTERM   requests, polling, handlers     4 s together
              what is being asked of Telegram 2 s (`deeds`)
              processes, database             no wait for anybody else: less than 1 s
    8 s       whatever still holds it up, a disk that does not answer among them, is left to the next start
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager

import structlog
from telegram import Update

from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.plugin import Guard

__all__ = ["STOP_SECONDS", "Patience", "poll", "started", "until_told"]

STOP_SECONDS = 8.0
"""From the first signal to the end of the process. `docker stop` kills after ten: two of them are a margin."""

_DRAIN_SECONDS = 4.0
_LEAST_SECONDS = 0.5
_HANGUP = 1
_TERMINAL = "/dev/tty"
_log = structlog.get_logger("lazaretto.life")


class Patience:
    """What all that is waited for at the end may take together, counted from the first of it.

    The last in the row gets half a second, whatever the others took.
    """

    def __init__(self, seconds: float | None = None) -> None:
        """seconds: four, unless given."""
        self._seconds = _DRAIN_SECONDS if seconds is None else seconds
        self._until: float | None = None

    async def wait(self, what: str, stop: Callable[[], Awaitable[object]]) -> None:
        """Await `stop()`, and give it up when the time is over."""
        now = asyncio.get_running_loop().time()
        self._until = self._until or now + self._seconds
        try:
            async with asyncio.timeout_at(max(self._until, now + _LEAST_SECONDS)):
                await stop()
        except TimeoutError:
            _log.warning("not waited for any longer, attachments are gone on with at the next start", what=what)


def poll(application: AnyApplication, guard: Guard) -> None:
    """Run and ask for updates, until SIGTERM or Ctrl-C. Raises what a start can meet."""
    asyncio.run(until_told(started(application, Patience()), guard))


async def until_told(running: AbstractAsyncContextManager[None], guard: Guard) -> None:
    """Be in `running` until a signal ends the process. Once it is told to, it is over after STOP_SECONDS."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    up, told = asyncio.Event(), asyncio.Event()
    at_terminal = _has_terminal()

    def end(number: int) -> None:
        if told.is_set():
            os._exit(128 + number)  # what is unfinished is on disk: that is as good an end as any
        told.set()
        _end_by_itself()
        if not up.is_set() and task is not None:
            task.cancel()

    def hang_up() -> None:
        if at_terminal and not _has_terminal():  # it was closed: nobody would find a bot that stays
            end(_HANGUP)
        else:
            _log.info("the configuration is read again, because of SIGHUP")
            guard.configuration.read_again()

    if sys.platform != "win32":  # where Ctrl-C cancels the task by itself
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, end, number)
        loop.add_signal_handler(signal.SIGHUP, hang_up)
    try:
        async with running:
            up.set()
            await told.wait()
    except asyncio.CancelledError:
        if not told.is_set():
            raise


def _has_terminal() -> bool:
    try:
        os.close(os.open(_TERMINAL, os.O_RDONLY | getattr(os, "O_NOCTTY", 0)))
    except OSError:
        return False
    return True


def _end_by_itself() -> None:
    """See to it that the process ends, whatever the event loop or a thread is stuck in."""

    def end() -> None:
        # No logging: whoever is stuck may hold its lock.
        os.write(2, b"lazaretto: not everything ended in time; what is unfinished is on disk for the next start\n")
        os._exit(0)

    watch = threading.Timer(STOP_SECONDS, end)
    watch.daemon = True
    watch.start()


@asynccontextmanager
async def started(application: AnyApplication, patience: Patience) -> AsyncIterator[None]:
    """What `run_polling` and `run_webhook` do, hooks included. Updates are asked for where there is an updater.

    Raises what a start can meet.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(_hook, application, application.post_shutdown)
        stack.push_async_callback(application.shutdown)
        await application.initialize()
        await _hook(application, application.post_init)
        stack.push_async_callback(_hook, application, application.post_stop)
        await application.start()
        stack.push_async_callback(patience.wait, "handlers", application.stop)
        if application.updater is not None:
            stack.push_async_callback(patience.wait, "polling", application.updater.stop)
            # Takes a webhook away that is set. All update types: what is not asked for is invisible, and the server
            # remembers an earlier, shorter list. Nothing is dropped: what came while we were down carries files, too.
            await application.updater.start_polling(allowed_updates=Update.ALL_TYPES, drop_pending_updates=False)
        yield


async def _hook(application: AnyApplication, hook: Callable[[AnyApplication], Awaitable[object]] | None) -> None:
    if hook is not None:
        await hook(application)
