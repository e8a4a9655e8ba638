"""A week of one chat in figures, and which weeks its moderators have had."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import ColumnElement, Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from lazaretto.audit.about import chat_of
from lazaretto.audit.chain import Ledger
from lazaretto.audit.events import Event
from lazaretto.audit.store import AuditedStore
from lazaretto.model import DRILL, Action, CaseState, Place
from lazaretto.state.codec import reasons_of, rfc3339
from lazaretto.state.schema import attachments, cases, weekly

__all__ = ["Figures", "Span", "Weekly", "last_week_until"]

_WEEK = timedelta(days=7)
_MORNING = timedelta(hours=6)
"""After midnight, UTC, on a Monday: early in Europe, and Monday nearly everywhere."""

_MOST_WEEKS = 5
"""That one report is about, where the bot was down for longer."""

_AHEAD = timedelta(days=1)
"""Beyond it a time lies in the future by a clock's fault: it must not keep reports away for as long."""

_MOST_RULES = 5
_WAITING = (CaseState.OPEN, CaseState.RELEASE_PENDING, CaseState.APPEALED)


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on and before `until`."""

    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """What came in a span, and what was decided in it. An album counts as one.

    held: removed, with their bytes kept or not. would_hold, would_flag: what was only observed. waiting: cases, at the
    moment. exposure: seconds that half of what was removed was visible at most, and 19 of 20; None where nothing was.
    rules: the most frequent reasons, with how many attachments each concerned.
    """

    posted: int
    held: int
    flagged: int
    would_hold: int
    would_flag: int
    released: int
    confirmed: int
    waiting: int
    exposure: tuple[float, float] | None
    rules: tuple[tuple[str, int], ...]


class Weekly:
    """Reports in a store."""

    def __init__(self, store: AuditedStore) -> None:
        self._store = store

    async def place_of(self, platform: str, chat: str) -> Place:
        """A chat by its id. Whether it is a channel is known by what was posted there."""
        here = (attachments.c.platform == platform) & (attachments.c.chat == chat)
        channel = await self._store.state.read(
            lambda connection: connection.scalar(select(func.max(attachments.c.channel)).where(here))
        )
        return Place(platform, chat, channel=bool(channel))

    async def due(self, place: Place, now: datetime) -> Span | None:
        """What a chat's moderators have not had yet. A chat that nobody has asked about before begins now."""
        until = last_week_until(now)

        def begin(ledger: Ledger) -> None:
            _write(ledger.connection, place, until)

        had = await self._store.state.read(lambda connection: _had(connection, place))
        if had is None or had > now + _AHEAD:
            await self._store.write(begin)
            return None
        return Span(max(had, until - _MOST_WEEKS * _WEEK), until) if had < until else None

    async def claim(self, place: Place, span: Span) -> bool:
        """Write down, with a record, that it is sent. Answers yes once: after a crash it may never have been."""

        def work(ledger: Ledger) -> bool:
            had = _had(ledger.connection, place)
            if had is None or had >= span.until:
                return False
            _write(ledger.connection, place, span.until)
            data = {"since": rfc3339(span.since), "until": rfc3339(span.until)}
            ledger.append(Event.WEEKLY_REPORT, data, chat=chat_of(place))
            return True

        return await self._store.write(work)

    async def figures(self, place: Place, span: Span) -> Figures:
        """A chat's figures."""
        return await self._store.state.read(lambda connection: _figures(connection, place, span))


def last_week_until(now: datetime) -> datetime:
    """The Monday, midnight UTC, at which the last week ended whose report may be sent."""
    day = (now.astimezone(UTC) - _MORNING).date()
    return datetime.combine(day - timedelta(days=day.weekday()), time(), UTC)


def _had(connection: Connection, place: Place) -> datetime | None:
    mine = (weekly.c.platform == place.platform) & (weekly.c.room == place.chat)
    until: datetime | None = connection.scalar(select(weekly.c.until).where(mine))
    return until


def _write(connection: Connection, place: Place, until: datetime) -> None:
    statement = insert(weekly).values(platform=place.platform, room=place.chat, until=until)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["platform", "room"], set_={"until": statement.excluded.until})
    )


def _figures(connection: Connection, place: Place, span: Span) -> Figures:
    here = (attachments.c.platform == place.platform) & (attachments.c.chat == place.chat)
    here &= attachments.c.joined.is_(None) & (attachments.c.kind != DRILL)
    came = attachments.c.received_at >= span.since, attachments.c.received_at < span.until
    columns = (
        attachments.c.action,
        attachments.c.enforced,
        attachments.c.reasons,
        attachments.c.posted_at,
        attachments.c.removed_at,
    )
    counted: Counter[tuple[str, bool]] = Counter()
    rules: Counter[str] = Counter()
    visible: list[float] = []
    posted = 0
    for row in connection.execute(select(*columns).where(here, *came)):
        posted += 1
        if row.action in (None, Action.FORWARD):
            continue
        kind = "flag" if row.action == Action.FLAG else "hold"
        counted[kind, bool(row.enforced)] += 1
        rules.update({reason.rule for reason in reasons_of(row.reasons)})
        if row.removed_at is not None:
            visible.append(max(0.0, (row.removed_at - row.posted_at).total_seconds()))
    closed = cases.c.closed_at >= span.since, cases.c.closed_at < span.until
    return Figures(
        posted=posted,
        held=counted["hold", True],
        flagged=counted["flag", True],
        would_hold=counted["hold", False],
        would_flag=counted["flag", False],
        released=_cases(connection, here, cases.c.state == CaseState.RELEASED, *closed),
        confirmed=_cases(connection, here, cases.c.state == CaseState.CONFIRMED, *closed),
        waiting=_cases(connection, here, cases.c.state.in_(_WAITING)),
        exposure=(_rank(visible, 0.5), _rank(visible, 0.95)) if visible else None,
        rules=tuple(sorted(rules.items(), key=lambda rule: (-rule[1], rule[0]))[:_MOST_RULES]),
    )


def _cases(connection: Connection, *conditions: ColumnElement[bool]) -> int:
    joined = cases.join(attachments, attachments.c.id == cases.c.attachment)
    return connection.scalar(select(func.count()).select_from(joined).where(*conditions)) or 0


def _rank(values: Sequence[float], share: float) -> float:
    """The smallest value that so many of all are not above: the nearest rank."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
