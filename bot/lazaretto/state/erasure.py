"""Forgetting a person. Runs inside the caller's transaction; `State.scrub` then forgets the deleted bytes, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from lazaretto.model import CaseState, Person
from lazaretto.ports import DeedKind
from lazaretto.state import aside, cases, outbox
from lazaretto.state import attachments as journal
from lazaretto.state.people import person
from lazaretto.state.schema import (
    attachments,
    chat_settings,
    confirmed,
    grants,
    parts,
    people,
    personal,
    personal_words,
    updates,
)
from lazaretto.state.schema import cases as cases_table

__all__ = ["CARD_NOTE", "Erased", "erase", "left_of", "shredded", "to_shred"]

CARD_NOTE = "The sender's data was erased."
_PENALTIES = (DeedKind.MUTE, DeedKind.BAN)  # of somebody whose id is gone


@dataclass(frozen=True, slots=True)
class Erased:
    """What went. items: to be shredded in the vault. cases: now `erased`. attachments: how many. withdrawn: mutes and
    bans of them that had not been done yet. deleted: rows by table; of `chat_settings`, values that named them."""

    subject: str
    items: tuple[str, ...]
    cases: tuple[int, ...]
    attachments: int
    withdrawn: int = 0
    deleted: Mapping[str, int] = field(default_factory=dict)


def erase(connection: Connection, subject: str, now: datetime) -> Erased:
    """Delete everything that says who a subject is or what they wrote; ids, digests and decisions stay."""
    theirs = select(attachments.c.id).where(attachments.c.subject == subject)
    mine = connection.scalars(theirs).all()
    items = connection.scalars(select(parts.c.item).where(parts.c.attachment.in_(theirs), parts.c.item.is_not(None)))
    someone, sealed = person(connection, subject), tuple(items)
    withdrawn = sum(outbox.withdraw(connection, attachment, *_PENALTIES) for attachment in mine)
    closed = tuple(_close_cases(connection, subject, now))
    for attachment in mine:
        _give_up(connection, attachment)
    deleted = {"updates": connection.execute(updates.delete().where(updates.c.attachment.in_(theirs))).rowcount}
    connection.execute(
        parts.update().where(parts.c.attachment.in_(theirs)).values(file_id="", unique_id="", report=None)
    )
    deleted["personal"] = connection.execute(personal.delete().where(personal.c.subject == subject)).rowcount
    deleted["aside"] = aside.forget(connection, subject)
    for table in (grants, confirmed, chat_settings):  # those of their private chat
        deleted[table.name] = connection.execute(table.delete().where(table.c.room == subject)).rowcount
    deleted["chat_settings"] += 0 if someone is None else _unlist(connection, someone)
    deleted["people"] = connection.execute(people.delete().where(people.c.subject == subject)).rowcount
    return Erased(subject, sealed, closed, len(mine), withdrawn, deleted)


def left_of(connection: Connection, subject: str, someone: Person) -> dict[str, int]:
    """Rows by table that still say who a subject is: none after `erase`. The proof is read, and not remembered."""
    theirs = select(attachments.c.id).where(attachments.c.subject == subject)
    words = personal_words.join(personal, personal.c.id == personal_words.c.personal)
    looks = {
        "people": select(func.count()).select_from(people).where(people.c.subject == subject),
        "personal": select(func.count()).select_from(personal).where(personal.c.subject == subject),
        "personal_words": select(func.count()).select_from(words).where(personal.c.subject == subject),
        "updates": select(func.count()).select_from(updates).where(updates.c.attachment.in_(theirs)),
        "parts": select(func.count()).select_from(parts).where(parts.c.attachment.in_(theirs), _names_a_file()),
    }
    found = {table: connection.scalar(look) or 0 for table, look in looks.items()}
    found["chat_settings"] = len(_lists_with(connection, someone))
    return {table: count for table, count in found.items() if count}


def _names_a_file() -> ColumnElement[bool]:
    return (parts.c.file_id != "") | (parts.c.unique_id != "") | parts.c.report.is_not(None) | parts.c.item.is_not(None)


def _unlist(connection: Connection, someone: Person) -> int:
    """Take a person out of the lists that chats have set, such as of the exempt. Answers how many there were."""
    found = _lists_with(connection, someone)
    for row in found:
        mine = (
            (chat_settings.c.platform == row.platform)
            & (chat_settings.c.room == row.room)
            & (chat_settings.c.key == row.key)
        )
        rest = [member for member in row.value if member != someone.id]
        if rest:
            connection.execute(chat_settings.update().where(mine).values(value=rest))
        else:
            connection.execute(chat_settings.delete().where(mine))
    return len(found)


def _lists_with(connection: Connection, someone: Person) -> list[Row[Any]]:
    rows = connection.execute(select(chat_settings).where(chat_settings.c.platform == someone.platform)).all()
    return [row for row in rows if isinstance(row.value, list) and someone.id in row.value]


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
        outbox.withdraw(connection, row.attachment, DeedKind.CARD, DeedKind.PUBLISH, DeedKind.TELL)
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
