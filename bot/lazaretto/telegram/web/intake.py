"""The webhook: takes updates in from Telegram, and from nobody else.

Telegram is told that we have an update (200) only when its attachment is on disk and it is in the queue. On any other
answer it delivers the update again later, for up to 24 hours.
"""

from __future__ import annotations

import asyncio
import hmac
import json
from collections.abc import Mapping
from enum import StrEnum
from time import monotonic
from typing import Any, NoReturn

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from lazaretto.metrics import Metrics
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.journal import Journal, Placeholder, Unreadable

__all__ = ["LARGEST_BODY", "Intake", "Outcome"]

# A text has 4096 characters, a caption 1024, a message 100 entities: an update with everything in it, and with the
# messages that it replies to and pins, is some tens of kilobytes of JSON.
LARGEST_BODY = 1 << 20
_BODY_SECONDS = 30.0  # for the whole body; Telegram sends it in one go
_AGAIN_SECONDS = 5  # after which Telegram may try again what could not be written down
_LOG_SECONDS = 60.0  # between two lines about updates that cannot be taken in: each is tried again and again

_SECRET = b"x-telegram-bot-api-secret-token"
_log = structlog.get_logger("lazaretto.webhook")


class Outcome(StrEnum):
    """What became of a request."""

    TAKEN = "taken"
    REPEATED = "repeated"  # it came before, and was taken then
    UNREADABLE = "unreadable"  # the library cannot read it: it was judged or set aside, and no handler sees it
    NO_POST = "no-post"
    FORBIDDEN = "forbidden"
    NO_JSON_TYPE = "no-json-type"
    TOO_LARGE = "too-large"
    TOO_SLOW = "too-slow"
    BROKEN_OFF = "broken-off"
    NO_OBJECT = "no-object"
    UNAVAILABLE = "unavailable"


_STATUS: Mapping[Outcome, int] = {
    Outcome.TAKEN: 200,
    Outcome.REPEATED: 200,
    Outcome.UNREADABLE: 200,
    Outcome.NO_POST: 405,
    Outcome.FORBIDDEN: 403,
    Outcome.NO_JSON_TYPE: 415,
    Outcome.TOO_LARGE: 413,
    Outcome.TOO_SLOW: 408,
    Outcome.BROKEN_OFF: 400,  # nobody is there to read it
    Outcome.NO_OBJECT: 400,
    Outcome.UNAVAILABLE: 503,
}
_HEADERS: Mapping[Outcome, Mapping[str, str]] = {
    Outcome.NO_POST: {"Allow": "POST"},
    Outcome.UNAVAILABLE: {"Retry-After": str(_AGAIN_SECONDS)},
}


class _Ended(Exception):
    """The request is over, with this outcome."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome)
        self.outcome = outcome


class Intake:
    """The webhook as an ASGI application. `open` is false while updates cannot be taken in yet."""

    def __init__(self, application: AnyApplication, journal: Journal, metrics: Metrics, secret: str) -> None:
        self.open = False
        self._application = application
        self._journal = journal
        self._metrics = metrics
        self._secret = secret.encode("ascii")
        self._logged = -_LOG_SECONDS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, by its outcome alone: nothing of it is repeated."""
        try:
            outcome = await self._take(await self._update_of(Request(scope, receive)))
        except _Ended as end:
            outcome = end.outcome
        self._metrics.webhook.labels(outcome.value).inc()
        await Response(status_code=_STATUS[outcome], headers=_HEADERS.get(outcome))(scope, receive, send)

    async def _update_of(self, request: Request) -> dict[str, Any]:
        """The update that a request brings. Nothing of its body is read before we know that Telegram sent it."""
        if request.method != "POST":
            raise _Ended(Outcome.NO_POST)
        # As bytes, and in a time that does not tell how much of it was right.
        given = dict(request.headers.raw).get(_SECRET, b"")
        if not hmac.compare_digest(given, self._secret):
            raise _Ended(Outcome.FORBIDDEN)
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise _Ended(Outcome.NO_JSON_TYPE)
        if not self.open:
            raise _Ended(Outcome.UNAVAILABLE)
        return _object_in(await _body_of(request))

    async def _take(self, data: dict[str, Any]) -> Outcome:
        """Have it on disk and in the queue. Raises _Ended where that cannot be."""
        try:
            update = await self._journal.read(data, self._application.bot)
            if update is not None and not isinstance(update, Placeholder):
                await self._application.update_queue.put(update)
        except Exception as error:
            self._journal.put_off(data)
            self._unavailable(error)
        await self._journal.came(data)
        if update is None or isinstance(update, Unreadable):
            return Outcome.UNREADABLE
        return Outcome.REPEATED if isinstance(update, Placeholder) else Outcome.TAKEN

    def _unavailable(self, error: Exception) -> NoReturn:
        if monotonic() - self._logged >= _LOG_SECONDS:
            self._logged = monotonic()
            _log.error("updates cannot be taken in, Telegram delivers them again", error=str(error))
        raise _Ended(Outcome.UNAVAILABLE) from None


async def _body_of(request: Request) -> bytes:
    """The body, counted as it comes: what it says of its own length is only said."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LARGEST_BODY:
                    raise _Ended(Outcome.TOO_LARGE)
    except TimeoutError:
        raise _Ended(Outcome.TOO_SLOW) from None
    except ClientDisconnect:
        raise _Ended(Outcome.BROKEN_OFF) from None
    return bytes(body)


def _object_in(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise _Ended(Outcome.NO_OBJECT) from None
    if not isinstance(value, dict):
        raise _Ended(Outcome.NO_OBJECT)
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")  # Python's parser takes NaN, and a database would not
