"""`lazaretto run` with a web server: updates come by webhook, or by polling as without one.

The application is started and stopped as the library's own `run_webhook` and `run_polling` do, hooks included: the
plugin starts and stops in them. The library's server is not used, because it has one page.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from starlette.routing import Route, Router
from telegram import Update

from lazaretto.config import Web
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.lifetime import Patience, started, until_told
from lazaretto.telegram.plugin import Guard
from lazaretto.telegram.redaction import redact_logs
from lazaretto.telegram.web.checks import Progress, checks_of
from lazaretto.telegram.web.health import Readiness, pages
from lazaretto.telegram.web.intake import Intake
from lazaretto.telegram.web.server import Server

__all__ = ["running", "serve"]

_log = structlog.get_logger("lazaretto.web")


def serve(application: AnyApplication, guard: Guard, web: Web) -> None:
    """Run until SIGTERM or Ctrl-C. Raises what a start can meet."""
    asyncio.run(until_told(running(application, guard, web), guard))


@asynccontextmanager
async def running(application: AnyApplication, guard: Guard, web: Web) -> AsyncIterator[None]:
    """The application, started, and the server beside it. Raises what a start can meet."""
    secret = secrets.token_urlsafe(32)  # new at every start: whoever learned an old one has nothing
    intake = Intake(application, guard.journal, guard.metrics, secret)
    progress = Progress(webhook=web.webhook is None)
    readiness = Readiness(checks_of(guard, progress))
    routes = [*pages(readiness, guard.metrics.registry), *([Route(web.path, intake)] if web.webhook else ())]
    # Nothing is guessed: a path with another slash at its end is no page.
    server = Server(Router(routes, redirect_slashes=False), web.listen, web.port or 0)
    patience = Patience()
    async with AsyncExitStack() as stack:
        stack.callback(redact_logs(secret))
        stack.push_async_callback(server.stop)
        await server.start()  # first: whoever watches sees that we live, however long the rest takes
        await stack.enter_async_context(started(application, patience))
        # Before the application stops: what we said that we have is handled.
        stack.push_async_callback(patience.wait, "requests", server.stop)
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


async def _set_webhook(application: AnyApplication, url: str, secret: str) -> None:
    # All update types: what is not asked for is invisible, and the server remembers an earlier, shorter list.
    # Nothing is dropped: updates that came while we were down carry attachments, too.
    await application.bot.set_webhook(
        url, secret_token=secret, allowed_updates=Update.ALL_TYPES, drop_pending_updates=False
    )
