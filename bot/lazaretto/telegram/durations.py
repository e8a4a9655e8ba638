"""For how long somebody is muted or banned: what the buttons offer, and how Telegram is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lazaretto.languages import N_, Language

__all__ = ["CHOICES", "FOR_EVER", "told_duration", "until"]

FOR_EVER = 0
_HOUR, _DAY = 3600, 86_400

CHOICES = {_HOUR: N_("1 hour"), _DAY: N_("1 day"), 7 * _DAY: N_("7 days"), FOR_EVER: N_("for ever")}
"""Seconds, and what the button says."""

_SHORTEST, _LONGEST = 30, 366 * _DAY
"""Seconds. Telegram takes whatever is shorter or longer for ever: Bot API, restrictChatMember."""


def until(seconds: int, now: datetime | None = None) -> datetime | None:
    """When so many seconds from now are over; None for ever. Nothing short becomes for ever by accident."""
    if seconds == FOR_EVER or seconds > _LONGEST:
        return None
    return (now or datetime.now(UTC)) + timedelta(seconds=max(seconds, 2 * _SHORTEST))


def told_duration(say: Language, seconds: int) -> str:
    """`7 days`."""
    if seconds in CHOICES:
        return say(CHOICES[seconds])
    if seconds > _LONGEST:
        return say(CHOICES[FOR_EVER])
    if seconds % _DAY == 0:
        return say.many("{count} day", "{count} days", seconds // _DAY)
    return say.many("{count} hour", "{count} hours", -(-seconds // _HOUR))
