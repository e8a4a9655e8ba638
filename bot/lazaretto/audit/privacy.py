"""What is held about one person, and what keeps it from being erased by themselves. Reads, and changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from lazaretto.audit.store import AuditedStore
from lazaretto.model import CaseState, Person
from lazaretto.ports import DeedKind
from lazaretto.state import attachments as journal
from lazaretto.state import erasure, outbox, people
from lazaretto.state.schema import attachments, cases
from lazaretto.state.schema import outbox as outbox_table

__all__ = ["Held", "Posted", "Privacy", "Strike", "Waiting"]

_MOST_CHATS = 20
"""Chats that are told one by one, the newest first."""

_UNDECIDED = (CaseState.OPEN, CaseState.RELEASE_PENDING, CaseState.APPEALED)
_PENALTIES = (DeedKind.MUTE, DeedKind.BAN)


@dataclass(frozen=True, slots=True)
class Posted:
    """What somebody posted in one chat. chat: None for their private chat with the bot. title: as it was told last, by
    a stranger; None where that is deleted already."""

    chat: str | None
    channel: bool
    title: str | None
    files: int
    cases: int


@dataclass(frozen=True, slots=True)
class Held:
    """decided: cases that they decided about."""

    subject: str
    someone: Person
    posted: tuple[Posted, ...]
    files: int
    cases: int
    decided: int


@dataclass(frozen=True, slots=True)
class Strike:
    """A confirmed case that had no consequence yet, and may count towards one."""

    chat: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is not over: undecided cases and files that may become some, mutes and bans on their way, and confirmed
    cases that may count."""

    cases: int
    penalties: int
    strikes: tuple[Strike, ...]


class Privacy:
    """What a store holds about people."""

    def __init__(self, store: AuditedStore) -> None:
        self._state = store.state

    async def held(self, platform: str, user: str) -> Held | None:
        """None where nobody like that is known."""
        return await self._state.read(lambda connection: _held(connection, platform, user))

    async def waiting(self, subject: str) -> Waiting:
        """What moderators, or the outbox, are not through with."""
        return await self._state.read(lambda connection: _waiting(connection, subject))

    async def left(self, subject: str, someone: Person) -> dict[str, int]:
        """Rows by table that still say who an erased subject was: none, if all is right."""
        return await self._state.read(lambda connection: erasure.left_of(connection, subject, someone))


def _held(connection: Connection, platform: str, user: str) -> Held | None:
    subject = people.subject_of(connection, platform, user)
    someone = None if subject is None else people.person(connection, subject)
    if subject is None or someone is None:
        return None
    theirs = attachments.c.subject == subject
    per_chat = (
        select(
            attachments.c.chat,
            attachments.c.channel,
            func.count(attachments.c.id).label("files"),
            func.count(cases.c.id).label("cases"),
            func.max(attachments.c.number).label("newest"),
        )
        .outerjoin(cases, cases.c.attachment == attachments.c.id)
        .where(theirs, attachments.c.joined.is_(None))
        .group_by(attachments.c.chat, attachments.c.channel)
        .order_by(func.max(attachments.c.number).desc())
    )
    rows = connection.execute(per_chat).all()
    posted = [
        Posted(row.chat, bool(row.channel), _title(connection, row.newest), row.files, row.cases)
        for row in rows[:_MOST_CHATS]
    ]
    decided = connection.scalar(select(func.count()).select_from(cases).where(cases.c.closed_by == subject)) or 0
    files, held = sum(row.files for row in rows), sum(row.cases for row in rows)
    return Held(subject, someone, tuple(posted), files, held, decided)


def _title(connection: Connection, number: int) -> str | None:
    name = connection.scalar(select(attachments.c.id).where(attachments.c.number == number))
    attachment = None if name is None else journal.load(connection, name)
    return None if attachment is None else attachment.room


def _waiting(connection: Connection, subject: str) -> Waiting:
    mine = cases.join(attachments, attachments.c.id == cases.c.attachment)
    theirs = attachments.c.subject == subject
    undecided = select(func.count()).select_from(mine).where(theirs, cases.c.state.in_(_UNDECIDED))
    # What is still being judged may become a case, which forgetting its sender would prevent. An album has a row of its
    # own, which stands for its members.
    unjudged = select(func.count(attachments.c.id)).where(theirs, attachments.c.state == journal.Progress.RECEIVED)
    penalties = (
        select(func.count())
        .select_from(outbox_table.join(attachments, attachments.c.id == outbox_table.c.attachment))
        .where(theirs, outbox_table.c.kind.in_(_PENALTIES), outbox_table.c.state.in_(outbox.WAITING))
    )
    confirmed = (
        select(attachments.c.chat, cases.c.closed_at)
        .select_from(mine)
        .where(theirs, cases.c.state == CaseState.CONFIRMED, cases.c.struck.is_(None))
        .where(attachments.c.chat.is_not(None), cases.c.closed_at.is_not(None))
    )
    strikes: Sequence[Strike] = [Strike(row.chat, row.closed_at) for row in connection.execute(confirmed)]
    open_still = (connection.scalar(undecided) or 0) + (connection.scalar(unjudged) or 0)
    return Waiting(open_still, connection.scalar(penalties) or 0, tuple(strikes))
