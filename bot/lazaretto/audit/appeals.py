"""What a case's sender is told, and what they say to it. Inside the caller's transaction."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Row, func, select

from lazaretto.audit.about import about
from lazaretto.audit.chain import Ledger
from lazaretto.audit.deeds import tell_card
from lazaretto.audit.events import Event
from lazaretto.model import DRILL, CaseState, Person
from lazaretto.ports import DeedKind
from lazaretto.state import attachments as journal
from lazaretto.state import cases, outbox, people, raids
from lazaretto.state.outbox import DeedState
from lazaretto.state.schema import attachments
from lazaretto.state.schema import cases as cases_table
from lazaretto.state.schema import outbox as outbox_table

__all__ = ["Appeal", "appeal", "inform", "tell"]

_A_DAY = timedelta(days=1)
_APPEALS_A_DAY = 3
"""Of one person. Each brings a card up to date that somebody is to read again."""


class Appeal(StrEnum):
    """What became of a press on Appeal."""

    TAKEN = "taken"
    NOT_THEIRS = "not theirs"  # or there is no such case, which a stranger is not told
    ONCE = "once"  # they have appealed already
    TOO_MANY = "too many"
    DECIDED = "decided"  # nothing is held any more, or for good


def inform(ledger: Ledger, number: int | None) -> None:
    """Have the sender of a case that was just opened told that something of theirs is held.

    Of a burst they are told as often as it has cards at most, and not for each file.
    """
    row = _attachment(ledger, number)
    if row is None or row.kind == DRILL or row.private or row.channel or row.account is not None:
        return
    window = ledger.now - raids.WINDOW, ledger.now + raids.WINDOW
    recently = (
        select(func.count())
        .select_from(outbox_table.join(cases_table, cases_table.c.id == outbox_table.c.case))
        .join(attachments, attachments.c.id == outbox_table.c.attachment)
        .where(outbox_table.c.kind == DeedKind.TELL, attachments.c.subject == row.subject)
        .where(cases_table.c.opened_at.between(*window))
    )
    if (ledger.connection.scalar(recently) or 0) < raids.BURST:
        outbox.intend(ledger.connection, DeedKind.TELL, row.id, number, again=True)


def tell(ledger: Ledger, number: int, by: Person, *, after: int) -> bool:
    """A moderator has the sender told how the case stands. Answers whether that was a change.

    after: as in `penalties.punish`, of what the sender is told.
    """
    row = _attachment(ledger, number)
    if row is None or row.private or row.channel or row.account is not None or row.personal is None:
        return False
    told = outbox.latest(ledger.connection, row.id, DeedKind.TELL)
    if (0 if told is None else told.id) != after:
        return False
    outbox.intend(ledger.connection, DeedKind.TELL, row.id, number, again=True)
    subject = people.subject_for(ledger.connection, by)
    ledger.append(Event.REPORTED_BACK, case=number, **(about(row) | {"subject": subject}))
    return True


def appeal(ledger: Ledger, number: int, by: Person) -> Appeal:
    """The sender asks for another look at their case, once."""
    case, row = cases.find(ledger.connection, number), _attachment(ledger, number)
    subject = people.subject_of(ledger.connection, by.platform, by.id)
    if case is None or row is None or subject is None or row.subject != subject or not _was_told(ledger, row):
        return Appeal.NOT_THEIRS
    if case.appealed_at is not None:
        return Appeal.ONCE
    pending = case.state == CaseState.RELEASE_PENDING and case.second
    if case.state not in (CaseState.OPEN, CaseState.CONFIRMED) and not pending:
        return Appeal.DECIDED
    if _appeals(ledger, subject) >= _APPEALS_A_DAY:
        return Appeal.TOO_MANY
    if case.state == CaseState.CONFIRMED:
        cases.step(ledger.connection, number, CaseState.APPEALED)
    mine = cases_table.c.id == number
    ledger.connection.execute(cases_table.update().where(mine).values(appealed_at=ledger.now))
    ledger.append(Event.APPEALED, case=number, **about(row))
    tell_card(ledger, number, "The sender asks for another look.")
    return Appeal.TAKEN


def _attachment(ledger: Ledger, number: int | None) -> Row[Any] | None:
    case = None if number is None else cases.find(ledger.connection, number)
    return None if case is None else journal.find(ledger.connection, case.attachment)


def _was_told(ledger: Ledger, row: Row[Any]) -> bool:
    """Has a message with the button been sent, or may it have been? No other press is one of ours."""
    sent = outbox_table.c.state.in_((DeedState.DONE, DeedState.ATTEMPTED))
    return _any(ledger, (outbox_table.c.attachment == row.id) & (outbox_table.c.kind == DeedKind.TELL) & sent)


def _any(ledger: Ledger, where: ColumnElement[bool]) -> bool:
    return ledger.connection.execute(select(outbox_table.c.id).where(where).limit(1)).first() is not None


def _appeals(ledger: Ledger, subject: str) -> int:
    since, until = ledger.now - _A_DAY, ledger.now + _A_DAY
    query = (
        select(func.count())
        .select_from(cases_table.join(attachments, attachments.c.id == cases_table.c.attachment))
        .where(attachments.c.subject == subject, cases_table.c.appealed_at.between(since, until))
    )
    return ledger.connection.scalar(query) or 0
