"""Cases and their steps. All functions run inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from lazaretto.model import Action, Case, CaseState
from lazaretto.ports import DeedKind
from lazaretto.state import attachments as journal
from lazaretto.state import outbox, raids
from lazaretto.state.people import person
from lazaretto.state.schema import attachments, cases

__all__ = ["expire", "find", "known", "listed", "load", "number_of", "open_case", "step"]


def open_case(
    connection: Connection, attachment: str, moderators: str | None, now: datetime, lead: int | None = None
) -> int:
    """Open the attachment's one case. Answers its number. Raises IntegrityError if it has one already.

    lead: the case that it follows.
    """
    row = connection.execute(
        cases.insert().values(
            attachment=attachment, state=CaseState.OPEN, opened_at=now, moderators=moderators, lead=lead
        )
    )
    return int(row.lastrowid)


def find(connection: Connection, number: int) -> Row[Any] | None:
    """The case's row."""
    return connection.execute(select(cases).where(cases.c.id == number)).one_or_none()


def number_of(connection: Connection, attachment: str) -> int | None:
    """The number of the attachment's case."""
    return connection.scalar(select(cases.c.id).where(cases.c.attachment == attachment))


def known(connection: Connection, ids: Sequence[str]) -> dict[str, bool]:
    """Those of these attachments that have a row, each with whether it is held."""
    found = connection.execute(select(attachments).where(attachments.c.id.in_(ids))).all()
    return {row.id: _is_held(connection, journal.whole(connection, row)) for row in found}


def _is_held(connection: Connection, row: Row[Any]) -> bool:
    if row.state == journal.Progress.SET_ASIDE:
        return True
    decision = journal.decision_of(row)
    if decision is None or not decision.holds:
        return False
    state = connection.scalar(select(cases.c.state).where(cases.c.attachment == row.id))
    return state != CaseState.RELEASED


def step(connection: Connection, number: int, target: CaseState, **columns: object) -> None:
    """Take a case to another state. Raises IntegrityError, from the database's own trigger, for an illegal step."""
    connection.execute(cases.update().where(cases.c.id == number).values(state=target, **columns))


def expire(connection: Connection, number: int, now: datetime) -> None:
    """Nobody decided in time, or no second moderator did."""
    case = find(connection, number)
    if case is not None and case.second:
        step(connection, number, CaseState.OPEN, second=None, closed_by=None)
    step(connection, number, CaseState.EXPIRED, closed_at=now)


def load(connection: Connection, number: int) -> Case | None:
    """A case with all that its card shows. `closed_by` is a name, or a subject when the name was erased."""
    row = find(connection, number)
    if row is None:
        return None
    journaled = journal.find(connection, row.attachment)
    attachment = journal.load(connection, row.attachment)
    if journaled is None or attachment is None:  # the foreign key forbids it
        raise LookupError(f"case {number} has no attachment")
    decision = journal.decision_of(journaled)
    return Case(
        id=row.id,
        attachment=attachment,
        state=CaseState(row.state),
        action=decision.action if decision else Action.QUARANTINE,
        reasons=decision.reasons if decision else (),
        reports=journal.reports_of(connection, row.attachment),
        opened_at=row.opened_at,
        removed_at=journaled.removed_at,
        closed_by=_name(connection, row.closed_by),
        moderators=row.moderators,
        sealed=journal.sealed_of(connection, row.attachment),
        uncertain=_uncertain(connection, row),
        raid=raids.raid_of(connection, number),
        second=bool(row.second),
        appealed_at=row.appealed_at,
        measures=outbox.measures(connection, row.attachment, number),
    )


def _uncertain(connection: Connection, case: Row[Any]) -> int | None:
    publication = outbox.latest(connection, case.attachment, DeedKind.PUBLISH)
    pending = case.state == CaseState.RELEASE_PENDING and not case.second  # otherwise it is of an earlier release
    unknown = pending and publication is not None and publication.state == outbox.DeedState.UNKNOWN
    return int(publication.id) if unknown and publication is not None else None


def _name(connection: Connection, subject: str | None) -> str | None:
    if subject is None:
        return None
    known = person(connection, subject)
    return known.name if known is not None else subject


def listed(
    connection: Connection, *, states: Sequence[CaseState] = (), chat: str | None = None, limit: int = 50
) -> list[Case]:
    """The newest cases, newest first, of these states (all, if none is named) and of one chat."""
    query = select(cases.c.id).join(attachments, attachments.c.id == cases.c.attachment)
    if states:
        query = query.where(cases.c.state.in_(states))
    if chat is not None:
        query = query.where(attachments.c.chat == chat)
    numbers = connection.scalars(query.order_by(cases.c.id.desc()).limit(limit)).all()
    return [case for number in numbers if (case := load(connection, number)) is not None]
