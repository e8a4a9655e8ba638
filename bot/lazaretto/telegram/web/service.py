"""`lazaretto run` with a web server: updates come by webhook, or by polling as without one.

The application is started and stopped as the library's own `run_webhook` and `run_polling` do, hooks included: the
plugin starts and stops in them. The library's server is not used, because it has one page.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog
from starlette.routing import Route, Router
from telegram import Update

from lazaretto.config import Web
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.plugin import Guard
from lazaretto.telegram.redaction import redact_logs
from lazaretto.telegram.web.checks import Progress, checks_of
from lazaretto.telegram.web.health import Readiness, pages
from lazaretto.telegram.web.intake import Intake
from lazaretto.telegram.web.server import Server

__all__ = ["running", "serve"]

# What handlers may still take when the bot stops. Attachments that they leave are in the journal.
_DRAIN_SECONDS = 10.0
_log = structlog.get_logger("lazaretto.web")


def serve(application: AnyApplication, guard: Guard, web: Web) -> None:
    """Run until SIGINT or SIGTERM; a second one hurries the end. Raises what a start can meet."""
    asyncio.run(_until_told(application, guard, web))


async def _until_told(application: AnyApplication, guard: Guard, web: Web) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    up, told = asyncio.Event(), asyncio.Event()

    def end() -> None:
        hurry = told.is_set() or not up.is_set()
        told.set()
        if hurry and task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows, where Ctrl-C cancels the task by itself
            loop.add_signal_handler(number, end)
    try:
        async with running(application, guard, web):
            up.set()
            await told.wait()
    except asyncio.CancelledError:
        if not told.is_set():
            raise


@asynccontextmanager
async def running(application: AnyApplication, guard: Guard, web: Web) -> AsyncIterator[None]:
    """The application, started, and the server beside it. Raises what a start can meet."""
    secret = secrets.token_urlsafe(32)  # new at every start: whoever learned an old one has nothing
    intake = Intake(application, guard, guard.metrics, secret)
    progress = Progress(webhook=web.webhook is None)
    readiness = Readiness(checks_of(guard, progress))
    routes = [*pages(readiness, guard.metrics.registry), *([Route(web.path, intake)] if web.webhook else ())]
    # Nothing is guessed: a path with another slash at its end is no page.
    server = Server(Router(routes, redirect_slashes=False), web.listen, web.port or 0)
    async with AsyncExitStack() as stack:
        stack.callback(redact_logs(secret))
        stack.push_async_callback(server.stop)
        await server.start()  # first: whoever watches sees that we live, however long the rest takes
        await _start(application, stack)
        stack.push_async_callback(server.stop)  # before the application stops: what we said that we have is handled
        progress.guard = intake.open = True
        if web.webhook is not None:
            await _set_webhook(application, web.webhook, secret)
            progress.webhook = True
        stack.callback(setattr, progress, "guard", False)
        _log.info("listening", address=f"{web.listen}:{web.port}", webhook=web.webhook)
        if web.beyond:
            _log.warning("other machines may reach the pages, which are not for the public", remedy=web.REMEDY)
        yield
    if web.webhook is not None:
        _log.info("the webhook stays set: Telegram keeps updates for 24 hours and delivers them at the next start")


async def _start(application: AnyApplication, stack: AsyncExitStack) -> None:
    """What `run_polling` and `run_webhook` do, hooks included. `stack` undoes it."""
    stack.push_async_callback(_hook, application, application.post_shutdown)
    stack.push_async_callback(application.shutdown)
    await application.initialize()
    await _hook(application, application.post_init)
    stack.push_async_callback(_hook, application, application.post_stop)
    await application.start()
    stack.push_async_callback(_in_time, "handlers", application.stop)
    if application.updater is not None:
        stack.push_async_callback(_in_time, "polling", application.updater.stop)
        # Takes a webhook away that is set. All update types and nothing dropped: as in `lazaretto.cli.run`.
        await application.updater.start_polling(allowed_updates=Update.ALL_TYPES, drop_pending_updates=False)


async def _hook(application: AnyApplication, hook: Callable[[AnyApplication], Awaitable[object]] | None) -> None:
    if hook is not None:
        await hook(application)


async def _in_time(what: str, stop: Callable[[], Awaitable[object]]) -> None:
    try:
        async with asyncio.timeout(_DRAIN_SECONDS):
            await stop()
    except TimeoutError:
        _log.warning("not waited for any longer, attachments are gone on with at the next start", what=what)


async def _set_webhook(application: AnyApplication, url: str, secret: str) -> None:
    # All update types: what is not asked for is invisible, and the server remembers an earlier, shorter list.
    # Nothing is dropped: updates that came while we were down carry attachments, too.
    await application.bot.set_webhook(
        url, secret_token=secret, allowed_updates=Update.ALL_TYPES, drop_pending_updates=False
    )
