"""Pages for whoever watches the bot: does it live, is it ready, what did it count.

They tell nothing of files or people, and of chats the ids of those that the configuration names. Nothing here asks
Telegram.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from time import monotonic

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lazaretto.tasks import spawn

__all__ = ["Check", "Readiness", "pages"]

_SECONDS = 5.0  # for one check: whoever asks waits no longer than some ten seconds
_KEPT_SECONDS = 1.0  # for which a result answers whoever asks
_log = structlog.get_logger("lazaretto.health")

Check = Callable[[], Awaitable[bool]]
"""Is it well? Raises, or takes too long, where it is not."""


class Readiness:
    """What has to be well, by name, in the order in which it comes up."""

    def __init__(self, checks: Mapping[str, Check]) -> None:
        self._checks = checks
        self._looking: asyncio.Task[Sequence[str]] | None = None
        self._old_at = 0.0

    async def missing(self) -> Sequence[str]:
        """Names of what is not well. However many ask, however often, they wait for the same look."""
        if self._looking is None or (self._looking.done() and monotonic() >= self._old_at):
            self._looking = spawn(self._look(), "readiness")
        return await asyncio.shield(self._looking)

    async def _look(self) -> Sequence[str]:
        missing = [name for name, check in self._checks.items() if not await _is_well(name, check)]
        self._old_at = monotonic() + _KEPT_SECONDS
        return missing


async def _is_well(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(_SECONDS):
            return await check()
    except Exception as error:
        _log.warning("not ready", what=name, why=str(error) or type(error).__name__)
        return False


def pages(readiness: Readiness, registry: CollectorRegistry) -> Sequence[Route]:
    """The three pages."""

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("alive\n")

    async def readyz(_: Request) -> Response:
        missing = await readiness.missing()
        return JSONResponse({"ready": not missing, "missing": missing}, status_code=503 if missing else 200)

    async def metrics(_: Request) -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
