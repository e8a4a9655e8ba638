"""Mutes and bans of senders: ordered by a moderator, or what too many confirmed cases come to. Inside the caller's
transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, select

from lazaretto.audit.about import about
from lazaretto.audit.chain import Ledger
from lazaretto.audit.events import Event
from lazaretto.model import DRILL, CaseState, Person
from lazaretto.policy.values import earlier
from lazaretto.ports import DeedKind, Strikes
from lazaretto.state import attachments as journal
from lazaretto.state import cases, outbox, people
from lazaretto.state.schema import attachments
from lazaretto.state.schema import cases as cases_table

__all__ = ["newest", "punish", "strike"]

_KINDS = (DeedKind.MUTE, DeedKind.BAN)


def newest(ledger: Ledger, attachment: str) -> int:
    """The newest mute or ban for an attachment's case; 0 where there is none."""
    found = (outbox.latest(ledger.connection, attachment, kind) for kind in _KINDS)
    return max((int(row.id) for row in found if row is not None), default=0)


def punish(ledger: Ledger, number: int, kind: DeedKind, seconds: int, by: Person, *, after: int) -> bool:
    """Order a mute or ban of a case's sender. Answers whether that was a change.

    after: the newest one that the presser was told of. Where another has come since, the press came twice, or somebody
    else was faster.
    """
    case = cases.find(ledger.connection, number)
    row = None if case is None else journal.find(ledger.connection, case.attachment)
    if case is None or row is None or not _is_in_a_group(row) or case.state == CaseState.ERASED:
        return False
    if newest(ledger, row.id) != after:
        return False
    subject = people.subject_for(ledger.connection, by)
    _order(ledger, row, number, kind, seconds, {"cause": "moderator"}, subject)
    return True


def strike(ledger: Ledger, attachment: str, strikes: Strikes) -> DeedKind | None:
    """A case was confirmed: if its sender has as many as there may be, order what follows. Answers what does.

    Cases that had a consequence have none again.
    """
    row = journal.find(ledger.connection, attachment)
    if row is None or not strikes.limit or not _is_in_a_group(row):
        return None
    number = cases.number_of(ledger.connection, attachment)
    counted = _counted(ledger, row, strikes)
    if number is None or len(counted) < strikes.limit:
        return None
    mine = cases_table.c.id.in_(counted)
    ledger.connection.execute(cases_table.update().where(mine).values(struck=1))
    why: dict[str, object] = {"cause": "strikes", "strikes": counted}
    _order(ledger, row, number, strikes.kind, strikes.seconds, why, row.subject)
    return strikes.kind


def _counted(ledger: Ledger, row: Row[Any], strikes: Strikes) -> list[int]:
    """The sender's confirmed cases in the chat that count and did not yet."""
    # Within, on both sides: a clock that was ahead must not make them count for as long as it was.
    since, until = earlier(ledger.now, strikes.within), ledger.now
    query = (
        select(cases_table.c.id)
        .join(attachments, attachments.c.id == cases_table.c.attachment)
        .where(attachments.c.subject == row.subject, attachments.c.platform == row.platform)
        .where(attachments.c.chat == row.chat, cases_table.c.state == CaseState.CONFIRMED)
        .where(cases_table.c.struck.is_(None), cases_table.c.closed_at.between(since, until))
        .order_by(cases_table.c.id)
    )
    return list(ledger.connection.scalars(query))


def _order(
    ledger: Ledger, row: Row[Any], number: int, kind: DeedKind, seconds: int, why: dict[str, object], subject: str
) -> None:
    outbox.intend(ledger.connection, kind, row.id, number, note=str(seconds), again=True)
    data = {"penalty": kind.value, "seconds": seconds, **why}
    ledger.append(Event.PENALTY, data, case=number, **(about(row) | {"subject": subject}))


def _is_in_a_group(row: Row[Any]) -> bool:
    return row.kind != DRILL and not row.private and not row.channel and row.account is None
