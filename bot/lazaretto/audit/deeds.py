"""What became of deeds, and what follows for their cases. Inside the caller's transaction."""

from __future__ import annotations

from datetime import timedelta
from math import ceil
from typing import Any

from sqlalchemy import Row

from lazaretto.audit.about import about, without_names
from lazaretto.audit.chain import Ledger
from lazaretto.audit.events import Event
from lazaretto.model import CaseState
from lazaretto.ports import Deed, DeedKind
from lazaretto.state import attachments as journal
from lazaretto.state import cases, outbox, precedents, raids
from lazaretto.state.erasure import CARD_NOTE
from lazaretto.state.outbox import DeedState
from lazaretto.state.schema import attachments as attachments_table
from lazaretto.state.schema import cases as cases_table

__all__ = ["attempting", "done", "failed", "postpone", "tell_card", "unsure"]

FIRST_RETRY = timedelta(seconds=1)  # what is to be removed can be seen meanwhile
LONGEST_RETRY = timedelta(minutes=5)
_TO_THE_SENDER = (DeedKind.MUTE, DeedKind.BAN, DeedKind.TELL)  # the card says what came of it


_PUT_OFF = "put off"
"""The result of a deed that waits, and whose newest record is that it was postponed. While that goes on its tries are
counted and not recorded: a night without network would write more than anything that a group can post."""


def attempting(ledger: Ledger, deed: Deed) -> None:
    """Written before the platform is asked, so that a crash in between leaves `attempted`."""
    row = outbox.find(ledger.connection, deed.id)
    if row is None or row.state not in outbox.WAITING:
        return
    attempt = row.attempts + 1
    outbox.settle(ledger.connection, deed.id, state=DeedState.ATTEMPTED, attempts=attempt)
    if row.result != _PUT_OFF:
        _append(ledger, Event.ATTEMPTED, row, attempt=attempt)


def done(ledger: Ledger, deed: Deed, result: str | None) -> None:
    """A fact, also for a deed that had been given up meanwhile."""
    connection = ledger.connection
    row = outbox.find(connection, deed.id)
    if row is None or row.state == DeedState.DONE:
        return
    outbox.settle(connection, deed.id, state=DeedState.DONE, result=result)
    _append(ledger, Event.DONE, row, **_tries(row), **({} if result is None else {"result": result}))
    if row.kind == DeedKind.REMOVE:
        mine = attachments_table.c.id == row.attachment
        connection.execute(attachments_table.update().where(mine).values(removed_at=ledger.now))
        case = None if row.case is None else cases.find(connection, row.case)
        if case is not None and case.card is not None:  # one that is still to be shown will say so itself
            tell_card(ledger, case.id, "It was removed.")
    elif row.kind == DeedKind.CARD:
        _shown(ledger, row, result)
    elif row.kind == DeedKind.PUBLISH:
        _published(ledger, row)
    elif row.kind in _TO_THE_SENDER:
        tell_card(ledger, row.case, "")


def _shown(ledger: Ledger, row: Row[Any], result: str | None) -> None:
    mine = cases_table.c.id == row.case
    ledger.connection.execute(cases_table.update().where(mine).values(card=result))
    case = cases.find(ledger.connection, row.case)
    if case is not None and case.state == CaseState.ERASED:  # shown with the name, after it was erased
        tell_card(ledger, row.case, CARD_NOTE)


def _published(ledger: Ledger, row: Row[Any]) -> None:
    case = cases.find(ledger.connection, row.case)
    if case is None or case.state != CaseState.RELEASE_PENDING:
        return
    cases.step(ledger.connection, case.id, CaseState.RELEASED, closed_at=ledger.now)
    _append_case(ledger, Event.RELEASED, row, case.closed_by)
    tell_card(ledger, case.id, "Released: it was posted again.")


def failed(ledger: Ledger, deed: Deed, why: str, *, gone: bool = False) -> str:
    """Refused for good. A publication's case is open again, and what its release granted is withdrawn; another case of
    a raid has the card. gone: the card was deleted. Answers why, without names."""
    connection = ledger.connection
    row = outbox.find(connection, deed.id)
    why = without_names(connection, deed.attachment, why)
    if row is None or row.state not in (*outbox.WAITING, DeedState.UNKNOWN):
        return why
    outbox.settle(connection, deed.id, state=DeedState.FAILED, result=why)
    _append(ledger, Event.FAILED, row, why=why, **_tries(row))
    if row.kind == DeedKind.REMOVE:
        tell_card(ledger, row.case, f"It could not be removed: {why}")
    elif row.kind == DeedKind.CARD:
        _hand_on(ledger, row)
    elif row.kind in _TO_THE_SENDER:
        tell_card(ledger, row.case, "")
    elif row.kind == DeedKind.UPDATE_CARD and gone:
        _show_again(ledger, row)
    elif row.kind == DeedKind.PUBLISH:
        _reopen(ledger, row, why)
    return why


def _hand_on(ledger: Ledger, row: Row[Any]) -> None:
    """Another case of its raid has the card, which tells what this one was still to tell."""
    note = outbox.latest(ledger.connection, row.attachment, DeedKind.UPDATE_CARD)
    outbox.withdraw(ledger.connection, row.attachment, DeedKind.UPDATE_CARD)
    raids.hand_on(ledger.connection, row.case)
    if note is not None and note.state in outbox.WAITING:
        tell_card(ledger, row.case, note.note)


def _show_again(ledger: Ledger, row: Row[Any]) -> None:
    """Another card for the one that was deleted, while the case or one of those that follow it waits: they have none of
    their own. What was to be told on the old one is told on the new one, unless there is something newer to tell."""
    connection, case = ledger.connection, cases.find(ledger.connection, row.case)
    raid = raids.raid_of(connection, row.case)
    if case is None or case.card is None or not (case.state in raids.WAITS or (raid is not None and raid.waiting)):
        return
    connection.execute(cases_table.update().where(cases_table.c.id == case.id).values(card=None))
    outbox.intend(connection, DeedKind.CARD, case.attachment, case.id, again=True)
    newest = outbox.latest(connection, case.attachment, DeedKind.UPDATE_CARD)
    if newest is None or newest.id == row.id:
        outbox.intend(connection, DeedKind.UPDATE_CARD, case.attachment, case.id, note=row.note, again=True)


def _reopen(ledger: Ledger, row: Row[Any], why: str) -> None:
    connection, case = ledger.connection, cases.find(ledger.connection, row.case)
    if case is not None and case.state == CaseState.RELEASE_PENDING:
        cases.step(connection, case.id, CaseState.OPEN, closed_by=None)
        precedents.revoke(connection, case.id)
        _append_case(ledger, Event.REOPENED, row, None, why=why)
        tell_card(ledger, case.id, f"It could not be posted again, so the case is open: {why}")


def unsure(ledger: Ledger, deed: Deed, why: str) -> None:
    """No answer came. A publication waits for a moderator; anything else is repeated, later and later."""
    connection = ledger.connection
    row = outbox.find(connection, deed.id)
    if row is None or row.state not in outbox.WAITING:
        return
    why = without_names(connection, row.attachment, why)
    _append(ledger, Event.UNKNOWN, row, why=why, **_tries(row))
    if row.kind != DeedKind.PUBLISH:
        wait = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(max(row.attempts - 1, 0), 10))
        outbox.settle(connection, deed.id, state=DeedState.ATTEMPTED, not_before=ledger.now + wait, result=None)
        return
    outbox.settle(connection, deed.id, state=DeedState.UNKNOWN, result=why)
    note = "Nobody knows whether it was posted again: look into the chat. If it is not there, press Send it again."
    tell_card(ledger, row.case, note)


def postpone(ledger: Ledger, deed: Deed, seconds: float) -> None:
    """Nothing was done, so the deed is as it was before the attempt, for later. Recorded once, however often it comes
    one after the other: the record of what came of it in the end says how often it was tried."""
    row = outbox.find(ledger.connection, deed.id)
    if row is None or row.state not in outbox.WAITING:
        return
    state = DeedState.ATTEMPTED if deed.attempted else DeedState.INTENDED
    wait = min(outbox.LONGEST_WAIT, timedelta(seconds=seconds))
    if row.result != _PUT_OFF:
        _append(ledger, Event.POSTPONED, row, seconds=ceil(wait.total_seconds()))
    outbox.settle(ledger.connection, deed.id, state=state, not_before=ledger.now + wait, result=_PUT_OFF)


def _tries(row: Row[Any]) -> dict[str, int]:
    return {"tries": row.attempts} if row.result == _PUT_OFF else {}


def tell_card(ledger: Ledger, number: int | None, note: str) -> None:
    """Have a case's card brought up to date, if it has one or will have; of one that follows another, that one's."""
    case = None if number is None else cases.find(ledger.connection, number)
    if case is not None and case.lead is not None:
        note = f"Case {case.id}: {note}" if note else ""
        case = cases.find(ledger.connection, case.lead)
    if case is None or case.moderators is None:
        return
    card = outbox.latest(ledger.connection, case.attachment, DeedKind.CARD)
    if case.card is None and (card is None or card.state == DeedState.FAILED):
        return
    outbox.intend(ledger.connection, DeedKind.UPDATE_CARD, case.attachment, case.id, note=note, again=True)


def _append(ledger: Ledger, event: Event, row: Row[Any], **data: object) -> None:
    attachment = journal.find(ledger.connection, row.attachment)
    if attachment is None:  # the foreign key forbids it
        raise LookupError(f"deed {row.id} has no attachment")
    ledger.append(event, {"deed": row.id, "kind": row.kind, **data}, case=row.case, **about(attachment))


def _append_case(ledger: Ledger, event: Event, row: Row[Any], subject: str | None, **data: object) -> None:
    attachment = journal.find(ledger.connection, row.attachment)
    if attachment is None:
        raise LookupError(f"deed {row.id} has no attachment")
    ids = about(attachment)
    if subject is not None:
        ids["subject"] = subject
    ledger.append(event, data, case=row.case, **ids)
