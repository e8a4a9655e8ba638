"""What of the kept is due to go: files, personal fields, people, audit records. Runs inside the caller's transaction.

Age counts from when an attachment came: by our clock or by the platform's, whichever is later, because a clock that was
behind once must not make things look old. Nothing is due of what is still being judged, released or appealed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, exists, func, or_, select, union
from sqlalchemy.dialects.sqlite import insert

from lazaretto.model import ALBUM, CaseState
from lazaretto.state.attachments import Progress
from lazaretto.state.codec import Instant, rfc3339
from lazaretto.state.intents import IntentState
from lazaretto.state.outbox import WAITING
from lazaretto.state.schema import (
    aside,
    attachments,
    cases,
    chat_settings,
    chats,
    confirmed,
    grants,
    intents,
    outbox,
    parts,
    people,
    personal,
    retention,
    updates,
)

__all__ = [
    "LOOK",
    "People",
    "Room",
    "advance_clock",
    "doom",
    "expiring",
    "files_due",
    "forget_asides",
    "forget_attachments",
    "forget_people",
    "note_idle",
    "personal_due",
    "progress",
    "rooms",
    "running",
    "set_progress",
    "unneeded",
]

LOOK = 1000
"""Looked up at a time, by a reader. What is then deleted is looked at again, in smaller pieces, by the writer."""

_CLOCK = "clock"
_GAIN = 24
"""Days that the retention clock makes up for in a day that the bot runs."""

# Beyond this a time lies in the future by a clock's fault, not by the difference between two machines' clocks.
_AHEAD = timedelta(days=1)

_SETTLED = (Progress.FINISHED, Progress.SET_ASIDE)
_UNDECIDED = (CaseState.OPEN, CaseState.RELEASE_PENDING, CaseState.APPEALED)
_UNDER_WAY = (CaseState.RELEASE_PENDING, CaseState.APPEALED)
_WAITS = (cases.c.state == CaseState.OPEN) | (func.coalesce(cases.c.second, 0) == 1)
"""For a moderator's word, the second one for a release included; an appeal is waited for as long as it takes."""


@dataclass(frozen=True, slots=True)
class Room:
    """Chats that have one policy: a group, a channel, or all private chats of a platform, which have no `chat`."""

    platform: str
    chat: str | None
    channel: bool = False

    @property
    def private(self) -> bool:
        return self.chat is None

    @property
    def label(self) -> str | None:
        """As audit records name it."""
        return None if self.chat is None else f"{self.platform}:{self.chat}"


def rooms(connection: Connection) -> list[Room]:
    """Where attachments came from. Records of a group that has another id now are still under the old one."""
    query = select(attachments.c.platform, attachments.c.chat, attachments.c.channel).distinct()
    found = [Room(row.platform, row.chat, bool(row.channel)) for row in connection.execute(query)]
    moved = select(chats.c.platform, chats.c.chat).where(chats.c.moved_to.is_not(None))
    found += [Room(row.platform, row.chat) for row in connection.execute(moved)]
    return list(dict.fromkeys(found))


# ── The clock ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def advance_clock(connection: Connection, now: datetime, elapsed: timedelta) -> tuple[datetime, timedelta]:
    """Bring the retention clock on. Answers the time to go by, and by how much the system's clock is ahead of it.

    now: by the system's clock. elapsed: how long the bot has run since the last call, by a clock that nobody sets.
    Where the system's clock leaps, this one follows it no faster than a day in an hour. It never goes back, but nothing
    goes by it while the system's clock is behind it. What seems to come from the future counts from now on. Nothing is
    older than the first attachment, so it is never behind that.
    """
    known = _clock(connection)
    if known is None:  # the first time: the bot certainly lived when it took something in
        known = min(now, connection.scalar(select(func.max(attachments.c.received_at, type_=Instant))) or now)
    # A first start with a clock that was years behind would be caught up with for as many months, and nothing deleted.
    first = connection.scalar(select(func.min(attachments.c.received_at, type_=Instant)))
    known = max(known, min(now, first or known))
    reached = max(known, min(now, known + elapsed * _GAIN))
    _write(connection, _CLOCK, rfc3339(reached))
    future = attachments.c.received_at > max(now, reached) + _AHEAD
    connection.execute(attachments.update().where(future).values(received_at=now))
    return min(now, reached), max(now - reached, timedelta())


def _clock(connection: Connection) -> datetime | None:
    value = connection.scalar(select(retention.c.value).where(retention.c.name == _CLOCK))
    return None if value is None else datetime.fromisoformat(value)


def progress(connection: Connection, room: str) -> int:
    """The audit record up to which everything that was due in a room is purged."""
    return int(connection.scalar(select(retention.c.value).where(retention.c.name == f"events {room}")) or 0)


def set_progress(connection: Connection, room: str, seq: int) -> None:
    """Write down how far a room's records are purged."""
    _write(connection, f"events {room}", str(seq))


def _write(connection: Connection, name: str, value: str) -> None:
    statement = insert(retention).values(name=name, value=value)
    connection.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"value": value}))


# ── Files ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def files_due(connection: Connection, room: Room, before: datetime, among: Sequence[str] | None = None) -> list[str]:
    """Attachments that came before then, and have files in the vault or a case that nobody has decided.

    among: only these, to look again whether they are due; without it, the first so many.
    """
    sealed = select(parts.c.attachment).where(parts.c.item.is_not(None), parts.c.doomed.is_(None))
    undecided = select(cases.c.attachment).where(_WAITS)
    busy = select(cases.c.attachment).where(cases.c.state.in_(_UNDER_WAY), ~_WAITS)
    due = _of(room, before, among).where(attachments.c.id.in_(union(sealed, undecided)), attachments.c.id.not_in(busy))
    return list(connection.scalars(due))


def expiring(connection: Connection, attachment: str) -> int | None:
    """The number of its case, if that still waits for a decision."""
    mine = (cases.c.attachment == attachment) & _WAITS
    return connection.scalar(select(cases.c.id).where(mine))


def doom(connection: Connection, attachment: str) -> int:
    """Mark an attachment's files to be shredded: see `erasure.to_shred`. Answers how many."""
    mine = (parts.c.attachment == attachment) & parts.c.item.is_not(None) & parts.c.doomed.is_(None)
    return connection.execute(parts.update().where(mine).values(doomed=1)).rowcount


# ── Personal fields ───────────────────────────────────────────────────────────────────────────────────────────────────


def personal_due(connection: Connection, room: Room, before: datetime, among: Sequence[str] | None = None) -> list[str]:
    """Attachments that came before then and whose personal fields are kept, none of them with anything left to do.

    among: as in `files_due`.
    """
    waiting = select(cases.c.attachment).where(cases.c.state.in_(_UNDECIDED))
    undone = select(outbox.c.attachment).where(outbox.c.state.in_(WAITING))
    due = _of(room, before, among).where(
        attachments.c.personal.is_not(None), attachments.c.id.not_in(waiting), attachments.c.id.not_in(undone)
    )
    return list(connection.scalars(due))


def forget_attachments(connection: Connection, ids: Collection[str]) -> None:
    """Delete what says who posted these, and what they wrote. Ids of chats and messages, digests and decisions stay."""
    mine = parts.c.attachment.in_(ids)
    kept = union(
        select(attachments.c.personal).where(attachments.c.id.in_(ids)), select(parts.c.report).where(mine)
    ).subquery()
    connection.execute(personal.delete().where(personal.c.id.in_(select(kept))))
    connection.execute(parts.update().where(mine).values(file_id="", unique_id=""))
    connection.execute(updates.delete().where(updates.c.attachment.in_(ids)))


def forget_asides(connection: Connection, before: datetime) -> int:
    """Delete updates that were set aside before then. Answers how many."""
    old = select(aside.c.personal).where(aside.c.at < before, aside.c.personal.is_not(None))
    return connection.execute(personal.delete().where(personal.c.id.in_(old))).rowcount


# ── People ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class People:
    """What is to be done about people, by subject. gone: nothing that is kept speaks of them. idle: nor of these, from
    now on. again: something does, again."""

    gone: tuple[str, ...]
    idle: tuple[str, ...]
    again: tuple[str, ...]


def unneeded(connection: Connection, now: datetime, before: datetime) -> People:
    """People of whom nothing that is kept speaks. Who posted something is gone at once, because all that they posted
    is; who only pressed or commanded, when they have been idle since before then."""
    subject, posted = select(people.c.subject).limit(LOOK), exists().where(attachments.c.subject == people.c.subject)
    no_use, since = _no_use(now), people.c.idle_since
    gone = subject.where(no_use, or_(posted, since < before))
    idle = subject.where(no_use, ~posted, since.is_(None))
    again = subject.where(~no_use, since.is_not(None))
    return People(*(tuple(connection.scalars(query)) for query in (gone, idle, again)))


def note_idle(connection: Connection, subjects: Sequence[str], since: datetime | None) -> None:
    """Write down since when nothing speaks of these, or that something does."""
    connection.execute(people.update().where(people.c.subject.in_(subjects)).values(idle_since=since))


def forget_people(connection: Connection, subjects: Sequence[str], now: datetime) -> int:
    """Delete these people, if still nothing speaks of them. Answers how many.

    Whose private chat has settings, a block, or a grant that still counts, is known by their id as long as it has.
    """
    idle = people.c.subject.in_(subjects) & _no_use(now)
    bound = _bound(now)
    blanked = connection.execute(people.update().where(idle, bound).values(name="", username=None)).rowcount
    return blanked + connection.execute(people.delete().where(idle, ~bound)).rowcount


def _no_use(now: datetime) -> ColumnElement[bool]:
    mine = people.c.subject
    kept = attachments.c.personal.is_not(None)
    sent = exists().where(attachments.c.subject == mine, kept)
    decided = exists().where(cases.c.closed_by == mine, attachments.c.id == cases.c.attachment, kept)
    asks = exists().where(intents.c.state == IntentState.WAITING, intents.c.by == mine)
    return ~sent & ~decided & ~asks & ~(_bound(now) & (people.c.name == ""))


def _bound(now: datetime) -> ColumnElement[bool]:
    rooms_of = (
        (table.c.platform == people.c.platform) & (table.c.room == people.c.subject)
        for table in (confirmed, chat_settings)
    )
    granted = (grants.c.platform == people.c.platform) & (grants.c.room == people.c.subject)
    return or_(*(exists().where(mine) for mine in rooms_of), exists().where(granted, grants.c.expires_at > now))


# ── Records ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def running(connection: Connection, ids: Collection[str]) -> frozenset[str]:
    """Those of these attachments with which something is still to happen."""
    album = attachments.alias()
    waiting = select(cases.c.attachment).where(cases.c.state.in_(_UNDECIDED))
    whole = func.coalesce(album.c.id, attachments.c.id)
    query = (
        select(attachments.c.id)
        .outerjoin(album, album.c.id == attachments.c.joined)
        .where(attachments.c.id.in_(ids))
        .where(func.coalesce(album.c.state, attachments.c.state).not_in(_SETTLED) | whole.in_(waiting))
    )
    return frozenset(connection.scalars(query))


def _of(room: Room, before: datetime, among: Sequence[str] | None) -> Select[tuple[str]]:
    """Settled attachments of a room that came before then: of `among`, or the first so many."""
    came = func.max(attachments.c.received_at, attachments.c.posted_at, type_=Instant)
    album = attachments.alias()
    settled_albums = select(album.c.id).where(album.c.state.in_(_SETTLED), album.c.kind == ALBUM)
    query = select(attachments.c.id).where(
        attachments.c.platform == room.platform,
        attachments.c.chat.is_(None) if room.chat is None else attachments.c.chat == room.chat,
        attachments.c.channel == int(room.channel),
        attachments.c.received_at < before,  # follows from the next, but an index knows of it
        came < before,
        attachments.c.state.in_(_SETTLED)
        | ((attachments.c.state == Progress.JOINED) & attachments.c.joined.in_(settled_albums)),
    )
    return query.limit(LOOK) if among is None else query.where(attachments.c.id.in_(among))
