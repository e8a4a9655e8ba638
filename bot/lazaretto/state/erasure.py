"""Forgetting a person. Runs inside the caller's transaction; `State.scrub` then forgets the deleted bytes, too."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from lazaretto.model import CaseState
from lazaretto.ports import DeedKind
from lazaretto.state import aside, cases, outbox
from lazaretto.state import attachments as journal
from lazaretto.state.schema import (
    attachments,
    chat_settings,
    confirmed,
    grants,
    parts,
    people,
    personal,
    updates,
)
from lazaretto.state.schema import cases as cases_table

__all__ = ["CARD_NOTE", "Erased", "erase", "shredded", "to_shred"]

CARD_NOTE = "The sender's data was erased."


@dataclass(frozen=True, slots=True)
class Erased:
    """What went. items: to be shredded in the vault. cases: now `erased`. attachments: how many."""

    subject: str
    items: tuple[str, ...]
    cases: tuple[int, ...]
    attachments: int


def erase(connection: Connection, subject: str, now: datetime) -> Erased:
    """Delete everything that says who a subject is or what they wrote; ids, digests and decisions stay."""
    theirs = select(attachments.c.id).where(attachments.c.subject == subject)
    mine = connection.scalars(theirs).all()
    items = connection.scalars(select(parts.c.item).where(parts.c.attachment.in_(theirs), parts.c.item.is_not(None)))
    erased = Erased(subject, tuple(items), tuple(_close_cases(connection, subject, now)), len(mine))
    for attachment in mine:
        _give_up(connection, attachment)
    connection.execute(updates.delete().where(updates.c.attachment.in_(theirs)))
    connection.execute(
        parts.update().where(parts.c.attachment.in_(theirs)).values(file_id="", unique_id="", report=None)
    )
    connection.execute(personal.delete().where(personal.c.subject == subject))
    aside.forget(connection, subject)
    for table in (grants, confirmed, chat_settings):  # those of their private chat
        connection.execute(table.delete().where(table.c.room == subject))
    connection.execute(people.delete().where(people.c.subject == subject))
    return erased


def to_shred(connection: Connection) -> list[str]:
    """Vault items whose sender was erased, or whose time is over. They stay named here until they are gone, so that a
    crash loses none."""
    query = select(parts.c.item).join(attachments, attachments.c.id == parts.c.attachment)
    gone = attachments.c.personal.is_(None) | parts.c.doomed.is_not(None)
    return list(connection.scalars(query.where(parts.c.item.is_not(None), gone)))


def shredded(connection: Connection, item: str) -> None:
    """A vault item is gone."""
    connection.execute(parts.update().where(parts.c.item == item).values(item=None, item_size=None, doomed=None))


def _close_cases(connection: Connection, subject: str, now: datetime) -> list[int]:
    query = (
        select(cases_table)
        .join(attachments, attachments.c.id == cases_table.c.attachment)
        .where(attachments.c.subject == subject, cases_table.c.state != CaseState.ERASED)
    )
    closed = []
    for row in connection.execute(query).all():
        outbox.withdraw(connection, row.attachment, DeedKind.CARD, DeedKind.PUBLISH)
        cases.step(connection, row.id, CaseState.ERASED, closed_at=now)
        if row.card is not None:  # it shows the name until it is brought up to date
            outbox.intend(connection, DeedKind.UPDATE_CARD, row.attachment, row.id, note=CARD_NOTE, again=True)
        closed.append(int(row.id))
    return closed


def _give_up(connection: Connection, attachment: str) -> None:
    """Nothing more is judged; what was to be removed from a group still is, by chat and message alone."""
    row = journal.find(connection, attachment)
    if row is None:
        return
    if row.private:  # its chat's id is gone
        outbox.withdraw(connection, attachment, DeedKind.REMOVE)
    if row.state != journal.Progress.FINISHED:  # its update is gone: nothing can be gone on with
        journal.move(connection, attachment, journal.Progress.FINISHED)
