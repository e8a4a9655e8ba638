"""Looks back: which cases there are, and what is known around one of them.

Nothing here reads more of the state than it names: cases by their numbers from the newest back, what a member posted
by the index of senders, copies of a file by the index of digests.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, Text, cast, func, literal_column, select

from lazaretto.audit.events import Event
from lazaretto.audit.search import Query, search
from lazaretto.audit.store import AuditedStore
from lazaretto.model import Action, Case, CaseState, Person
from lazaretto.state import attachments as journal
from lazaretto.state import cases, people
from lazaretto.state.codec import reasons_of
from lazaretto.state.schema import attachments, parts
from lazaretto.state.schema import cases as cases_table
from lazaretto.state.schema import people as people_table

__all__ = ["Brief", "Copy", "Facts", "History", "Listing", "Seen", "Wanted", "named", "user_named"]

MOST_RECORDS = 200
"""Of a case's timeline, the newest. An attachment has some ten; only one that is pressed again and again has more."""

_MOST_REFUSED = 20
"""Of the presses that were refused, the newest. Whoever may not press can do so for ever, and must push nothing out."""

_TELLING = tuple(event for event in Event if event is not Event.REFUSED_PRESS)

_MOST_COPIES = 1000
"""Posts of the same file that are looked at, of each digest the newest."""

_HELD = (Action.QUARANTINE, Action.REJECT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cases. chats: of these alone; None for everywhere, private chats included. states: none for all.
    member: who sent them, `@name` or a user id. rule: an id or a glob; empty for all."""

    platform: str
    chats: Collection[str] | None
    states: tuple[CaseState, ...] = ()
    member: str | None = None
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of cases, newest first, and whether there are newer and older ones."""

    cases: tuple[Case, ...]
    newer: bool
    older: bool


@dataclass(frozen=True, slots=True)
class Brief:
    """One case in a list of somebody's."""

    id: int
    state: CaseState
    action: Action
    rule: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a member in one chat. strikes: confirmed cases since a moment."""

    posted: int
    held: int
    flagged: int
    states: Mapping[CaseState, int]
    strikes: int
    last: tuple[Brief, ...]


@dataclass(frozen=True, slots=True)
class Copy:
    """The same file in another post."""

    chat: str
    posted_at: datetime
    action: Action | None
    enforced: bool
    case: int | None
    state: CaseState | None


@dataclass(frozen=True, slots=True)
class Facts:
    """A case, its records (oldest first), who they speak of by subject, and what is known of its sender in its chat.

    seen: None where the sender was erased.
    """

    case: Case
    sender: Person | None
    records: tuple[dict[str, Any], ...]
    people: Mapping[str, Person]
    seen: Seen | None


class History:
    """The past in a store."""

    def __init__(self, store: AuditedStore) -> None:
        self._state = store.state

    async def listing(
        self, wanted: Wanted, *, before: int | None = None, after: int | None = None, limit: int
    ) -> Listing:
        """The newest cases in front of `before`, or the oldest behind `after`."""

        def look(connection: Connection) -> Listing:
            found = _listed(connection, wanted, before=before, after=after, limit=limit)
            edge = after if after is not None else (before or 1) - 1
            newest, oldest = (found[0], found[-1]) if found else (edge, edge + 1)
            newer = _listed(connection, wanted, after=newest, limit=1)
            older = _listed(connection, wanted, before=oldest, limit=1)
            some = (cases.load(connection, number) for number in found)
            return Listing(tuple(case for case in some if case is not None), bool(newer), bool(older))

        return await self._state.read(look)

    async def facts(self, number: int, strikes_since: datetime) -> Facts | None:
        """Everything about a case but the copies of its file."""
        return await self._state.read(lambda connection: _facts(connection, number, strikes_since))

    async def chats_of_copies(self, attachment: str) -> frozenset[str]:
        """The chats of its platform in which the files of an attachment were posted, too; private ones left out."""

        def look(connection: Connection) -> frozenset[str]:
            query = select(attachments.c.chat).where(*_copies(connection, attachment)).distinct()
            return frozenset(connection.scalars(query))

        return await self._state.read(look)

    async def copies(self, attachment: str, chats: Collection[str], limit: int) -> tuple[list[Copy], int]:
        """Other posts of the files of an attachment in these chats: the newest, and how many there are."""
        return await self._state.read(lambda connection: _copies_in(connection, attachment, chats, limit))


# ── Lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def _listed(
    connection: Connection, wanted: Wanted, *, before: int | None = None, after: int | None = None, limit: int
) -> list[int]:
    upwards = after is not None
    query = select(cases_table.c.id, attachments.c.reasons).join(
        attachments, attachments.c.id == cases_table.c.attachment
    )
    query = query.where(*_conditions(connection, wanted))
    if before is not None:
        query = query.where(cases_table.c.id < before)
    if after is not None:
        query = query.where(cases_table.c.id > after)
    order = cases_table.c.id.asc() if upwards else cases_table.c.id.desc()
    rows = connection.execute(query.order_by(order))
    found = list(islice((int(row.id) for row in rows if _has_rule(row.reasons, wanted.rule)), limit))
    rows.close()
    return found[::-1] if upwards else found


def _conditions(connection: Connection, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    if wanted.states:
        yield cases_table.c.state.in_(wanted.states)
    if wanted.chats is not None:
        # Without the index of rooms: it leads to everything that was posted in one, and cases are few of that.
        yield attachments.c.platform.concat("") == wanted.platform
        yield attachments.c.chat.concat("").in_(wanted.chats)
    if wanted.member is not None:
        yield attachments.c.subject.in_(_subjects(connection, wanted.platform, wanted.member))
    if wanted.rule:  # spares reading most of them; see `_has_rule`
        yield cast(attachments.c.reasons, Text).op("GLOB")(f'*[[]"{wanted.rule}",*')


def _has_rule(reasons: list[list[Any]] | None, rule: str) -> bool:
    return not rule or any(fnmatchcase(reason.rule, rule) for reason in reasons_of(reasons))


def _subjects(connection: Connection, platform: str, who: str) -> list[str]:
    """Of `@name`, which several may have had, or of a user id."""
    if who.startswith("@"):
        mine = func.lower(people_table.c.username) == who[1:].lower()
    else:
        mine = people_table.c.user_id == who
    query = select(people_table.c.subject).where(people_table.c.platform == platform, mine)
    return list(connection.scalars(query))


def named(connection: Connection, subjects: Collection[str]) -> dict[str, Person]:
    """Who these subjects are; nothing of those that were erased."""
    found = ((subject, people.person(connection, subject)) for subject in subjects)
    return {subject: person for subject, person in found if person is not None}


def user_named(connection: Connection, name: str) -> str | None:
    """The id of the user who has `@name`, as far as is known: of several the one who came last."""
    mine = func.lower(people_table.c.username) == name.removeprefix("@").lower()
    newest = select(people_table.c.user_id).where(mine).order_by(literal_column("rowid").desc()).limit(1)
    return connection.scalar(newest)


# ── One case ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _facts(connection: Connection, number: int, strikes_since: datetime) -> Facts | None:
    case = cases.load(connection, number)
    row = None if case is None else journal.find(connection, case.attachment.id)
    if case is None or row is None:
        return None
    records = _records(connection, number)
    known = named(connection, {record["subject"] for record in records if record.get("subject")})
    erased = case.state is CaseState.ERASED or row.personal is None
    return Facts(
        case=case,
        sender=None if erased else case.attachment.sender,
        records=records,
        people=known,
        seen=None if erased else _seen(connection, row, number, strikes_since),
    )


def _records(connection: Connection, number: int) -> tuple[dict[str, Any], ...]:
    """A case's timeline, oldest first."""
    told = search(connection, Query(case=number, events=_TELLING, limit=MOST_RECORDS))
    refused = search(connection, Query(case=number, events=(Event.REFUSED_PRESS,), limit=_MOST_REFUSED))
    return tuple(sorted(told + refused, key=lambda record: int(record["seq"])))


def _seen(connection: Connection, row: Row[Any], number: int, strikes_since: datetime, last: int = 5) -> Seen:
    """What a sender posted in the chat of one of their attachments. row: of `attachments`. number: of its case, which
    is not one of the last."""
    theirs = [
        attachments.c.subject == row.subject,
        attachments.c.platform == row.platform,
        attachments.c.chat.is_not_distinct_from(row.chat),
        attachments.c.joined.is_(None),  # its album stands for it
    ]
    enforced = attachments.c.enforced == 1
    posted = connection.execute(
        select(
            func.count().label("posted"),
            func.count().filter(enforced & attachments.c.action.in_(_HELD)).label("held"),
            func.count().filter(enforced & (attachments.c.action == Action.FLAG)).label("flagged"),
        ).where(*theirs)
    ).one()
    mine = _of_cases().where(*theirs)
    by_state = mine.with_only_columns(cases_table.c.state, func.count()).group_by(cases_table.c.state)
    recent = mine.where(cases_table.c.id != number).order_by(cases_table.c.id.desc()).limit(last)
    struck = mine.with_only_columns(func.count()).where(
        cases_table.c.state == CaseState.CONFIRMED, cases_table.c.closed_at >= strikes_since
    )
    return Seen(
        posted=posted.posted,
        held=posted.held,
        flagged=posted.flagged,
        states={CaseState(state): count for state, count in connection.execute(by_state)},
        strikes=connection.scalar(struck) or 0,
        last=tuple(_brief(row) for row in connection.execute(recent)),
    )


def _of_cases() -> Select[Any]:
    columns = (
        cases_table.c.id,
        cases_table.c.state,
        cases_table.c.opened_at,
        attachments.c.action,
        attachments.c.reasons,
    )
    return select(*columns).join(attachments, attachments.c.id == cases_table.c.attachment)


def _brief(row: Row[Any]) -> Brief:
    reasons = reasons_of(row.reasons)
    action = Action(row.action) if row.action else Action.QUARANTINE
    return Brief(row.id, CaseState(row.state), action, reasons[0].rule if reasons else "", row.opened_at)


def _copies_in(connection: Connection, attachment: str, chats: Collection[str], limit: int) -> tuple[list[Copy], int]:
    mine = [*_copies(connection, attachment), attachments.c.chat.concat("").in_(chats)]  # they are known by their ids
    columns = (
        attachments.c.chat,
        attachments.c.posted_at,
        attachments.c.action,
        attachments.c.enforced,
        cases_table.c.id.label("case"),
        cases_table.c.state,
    )
    joined = attachments.outerjoin(cases_table, cases_table.c.attachment == attachments.c.id)
    query = select(*columns).select_from(joined).where(*mine).order_by(attachments.c.number.desc()).limit(limit)
    count = connection.scalar(select(func.count()).select_from(attachments).where(*mine)) or 0
    found = [
        Copy(
            chat=row.chat,
            posted_at=row.posted_at,
            action=None if row.action is None else Action(row.action),
            enforced=bool(row.enforced),
            case=row.case,
            state=None if row.state is None else CaseState(row.state),
        )
        for row in connection.execute(query)
    ]
    return found, count


def _copies(connection: Connection, attachment: str) -> list[ColumnElement[bool]]:
    platform = select(attachments.c.platform).where(attachments.c.id == attachment).scalar_subquery()
    own = select(parts.c.sha256).where(parts.c.attachment == attachment, parts.c.sha256.is_not(None)).distinct()
    found: set[str] = set()
    for digest in connection.scalars(own).all():
        newest = select(parts.c.attachment).where(parts.c.sha256 == digest).order_by(literal_column("rowid").desc())
        found.update(connection.scalars(newest.limit(_MOST_COPIES)))
    found.discard(attachment)
    return [
        attachments.c.id.in_(sorted(found)),
        attachments.c.platform.concat("") == platform,
        attachments.c.chat.is_not(None),
    ]
