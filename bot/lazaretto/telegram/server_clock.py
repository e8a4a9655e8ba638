"""What the Bot API server's clock says, by the Date of its answers (RFC 9110, 6.6.1). No request is made for that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from telegram import Bot
from telegram.request import HTTPXRequest

__all__ = ["TimedRequest", "server_time"]


class TimedRequest(HTTPXRequest):
    """The library's, which also notes how far our clock is from the server's."""

    def __init__(self, **settings: Any) -> None:
        """settings: as `HTTPXRequest` has them."""
        super().__init__(httpx_kwargs={"event_hooks": {"response": [self._note]}}, **settings)
        self.off: timedelta | None = None
        """Ours less the server's, of the newest answer; None before the first that has a Date."""

    async def _note(self, answer: httpx.Response) -> None:
        try:
            said = parsedate_to_datetime(answer.headers["date"])
        except (KeyError, ValueError):
            return
        if said.tzinfo is not None:
            self.off = datetime.now(UTC) - said


def server_time(bot: Bot, now: datetime) -> datetime | None:
    """What the server's clock says by now; None where nobody knows."""
    request = bot.request
    return now - request.off if isinstance(request, TimedRequest) and request.off is not None else None
