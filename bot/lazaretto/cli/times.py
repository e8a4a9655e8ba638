"""Moments as people type them: how long ago, or a date."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from lazaretto.cli.output import fail

__all__ = ["moment"]

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
_PERIOD = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)


def moment(text: str | None, option: str, now: datetime | None = None) -> datetime | None:
    """`7d` (ago), `2026-03-01`, `2026-03-01T12:00Z`: without a zone it is UTC. Ends the program for anything else."""
    if text is None:
        return None
    try:
        if period := _PERIOD.fullmatch(text):
            return (now or datetime.now(UTC)) - int(period[1]) * _UNITS[period[2]]
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        fail(
            f"{option}: {text!r} is no moment",
            "say how long ago (30m, 12h, 7d, 2w), or a date: 2026-03-01, 2026-03-01T12:00Z",
        )
