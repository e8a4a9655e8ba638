"""Attachments, their parts and updates: the journal. All functions run inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, bindparam, func, select

from lazaretto.model import ALBUM, Action, Attachment, Claim, Decision, Part, Person, Place, Report, SealedPart
from lazaretto.ports import Pending
from lazaretto.state.codec import (
    Instant,
    claim_of,
    json_of_claim,
    json_of_person,
    json_of_reasons,
    json_of_report,
    person_of,
    reasons_of,
    report_of,
)
from lazaretto.state.people import Kept, keep, kept, subject_for, subject_of
from lazaretto.state.schema import attachments, parts, updates

__all__ = [
    "Progress",
    "add",
    "add_judgement",
    "decision_of",
    "find",
    "first_of",
    "join",
    "load",
    "move",
    "pending",
    "pending_of",
    "reports_of",
    "sealed_items",
    "sealed_of",
    "whole",
]


# What every attachment takes is built once: building a statement takes several times as long as running it.
_ID: BindParameter[str] = bindparam("of")
_FIND = select(attachments).where(attachments.c.id == _ID)
_PARTS = select(parts).where(parts.c.attachment == _ID).order_by(parts.c.part)
_ADD, _ADD_UPDATE, _ADD_PART = attachments.insert(), updates.insert(), parts.insert()
_UPDATE_PART = parts.update().where(parts.c.attachment == _ID, parts.c.part == bindparam("number"))

_TOLD = ("room", "topic", "reply_to")
"""Fields of an attachment that are kept as they are, with what is personal of it."""

_IN_ORDER = (func.length(attachments.c.message), attachments.c.message, attachments.c.number)
"""Messages as `albums.joined` has them; in whatever order they came."""


class Progress(StrEnum):
    """How far an attachment has come."""

    RECEIVED = "received"
    JOINED = "joined"  # its album stands for it
    DECIDED = "decided"
    FINISHED = "finished"
    SET_ASIDE = "set-aside"


def find(connection: Connection, attachment: str) -> Row[Any] | None:
    """The attachment's row."""
    return connection.execute(_FIND, {"of": attachment}).one_or_none()


def add(connection: Connection, attachment: Attachment, update: str | None, now: datetime) -> Kept:
    """Write a new attachment down, with its update if it has one of its own. Answers what of it is personal."""
    place = attachment.place
    subject = subject_for(connection, attachment.sender)
    private = keep(connection, subject, _personal_of(attachment))
    row = {
        "id": attachment.id,
        "platform": place.platform,
        "chat": None if place.private else place.chat,
        "message": attachment.message,
        "thread": place.thread,
        "private": int(place.private),
        "channel": int(place.channel),
        "update_id": attachment.update,
        "kind": attachment.kind,
        "subject": subject,
        "personal": private.id,
        "posted_at": attachment.posted_at,
        "received_at": now,
        "state": Progress.RECEIVED,
        "account": place.account,
        "album": attachment.album,
    }
    connection.execute(_ADD, row)
    if update is not None:
        connection.execute(_ADD_UPDATE, {"attachment": attachment.id, "json": update})
    rows = [
        {
            "attachment": attachment.id,
            "part": part.index,
            "file_id": part.file_id,
            "unique_id": part.unique_id,
            "path": part.path,
            "message": part.message or None,
        }
        for part in attachment.parts
    ]
    if rows:
        connection.execute(_ADD_PART, rows)
    return private


def join(connection: Connection, album: str, members: Sequence[str]) -> None:
    """From now on `album` stands for its members."""
    mine = attachments.c.id.in_(members)
    connection.execute(attachments.update().where(mine).values(joined=album, state=Progress.JOINED))


def _personal_of(attachment: Attachment) -> dict[str, Any]:
    # What an attachment does not have is left out: most have none of these.
    told = {name: value for name in _TOLD if (value := getattr(attachment, name)) is not None}
    return told | {
        "sender": json_of_person(attachment.sender),
        "chat": attachment.place.chat if attachment.place.private else None,
        "caption": attachment.caption,
        "claims": {str(part.index): json_of_claim(part.claim) for part in attachment.parts},
    }


def load(connection: Connection, attachment: str) -> Attachment | None:
    """The attachment as it came. After erasure its sender is a nameless person whose id is the subject."""
    row = find(connection, attachment)
    return None if row is None else _attachment_of(connection, row)


def _attachment_of(connection: Connection, row: Row[Any]) -> Attachment:
    private = kept(connection, row.personal)
    known = private.value if private is not None else {"sender": None, "chat": None, "caption": None, "claims": {}}
    sender = person_of(known["sender"]) if known["sender"] else Person(row.platform, row.subject, "")
    files = connection.execute(_PARTS, {"of": row.id})
    joined = select(attachments.c.id).where(attachments.c.joined == row.id).order_by(*_IN_ORDER)
    return Attachment(
        id=row.id,
        place=Place(
            row.platform,
            row.chat or known["chat"] or row.subject,
            row.thread,
            bool(row.private),
            bool(row.channel),
            row.account,
        ),
        message=row.message,
        update=row.update_id,
        sender=sender,
        kind=row.kind,
        parts=tuple(
            Part(f.part, f.file_id, f.unique_id, f.path, _claim(known["claims"].get(str(f.part))), f.message or "")
            for f in files
        ),
        posted_at=row.posted_at,
        caption=known["caption"],
        album=row.album,
        members=tuple(connection.scalars(joined).all()) if row.kind == ALBUM else (),
        room=known.get("room"),
        topic=known.get("topic"),
        reply_to=known.get("reply_to"),
    )


def _claim(value: dict[str, Any] | None) -> Claim:
    return Claim() if value is None else claim_of(value)


def decision_of(row: Row[Any]) -> Decision | None:
    """What was decided; None until then."""
    if row.action is None:
        return None
    return Decision(Action(row.action), bool(row.enforced), reasons_of(row.reasons))


def whole(connection: Connection, row: Row[Any]) -> Row[Any]:
    """The row that stands for this one: that of its album, if it was joined to one."""
    album = None if row.joined is None else find(connection, row.joined)
    return row if album is None else album


def pending_of(connection: Connection, row: Row[Any]) -> Pending:
    """The attachment with its updates and its decision; of one that was joined to an album, the album."""
    row = whole(connection, row)
    stored = (
        select(updates.c.json)
        .join(attachments, attachments.c.id == updates.c.attachment)
        .where(_stands_for(row.id))
        .order_by(attachments.c.number)
    )
    return Pending(_attachment_of(connection, row), tuple(connection.scalars(stored).all()), decision_of(row))


def _stands_for(attachment: str) -> ColumnElement[bool]:
    """The attachment itself and, if it is an album, its members."""
    return (attachments.c.id == attachment) | (attachments.c.joined == attachment)


def first_of(connection: Connection, place: Place, sender: Person) -> datetime | None:
    """When a chat had its first attachment of somebody's; None where it had none."""
    subject = subject_of(connection, sender.platform, sender.id)
    theirs = (attachments.c.subject == subject) & (attachments.c.chat == place.chat)
    first: datetime | None = connection.scalar(select(func.min(attachments.c.received_at, type_=Instant)).where(theirs))
    return first


def pending(connection: Connection) -> list[Pending]:
    """What was taken in and is neither finished nor set aside, oldest first."""
    unfinished = attachments.c.state.in_((Progress.RECEIVED, Progress.DECIDED))
    rows = connection.execute(select(attachments).where(unfinished).order_by(attachments.c.number))
    return [pending_of(connection, row) for row in rows.all()]


def add_judgement(
    connection: Connection,
    row: Row[Any],
    reports: Sequence[Report],
    decision: Decision,
    sealed: Sequence[SealedPart],
    policy: str,
) -> list[Kept]:
    """Write reports, decision and vault items down. Answers the reports as they are kept, in order of the parts."""
    private = []
    for index, report in enumerate(reports):
        private.append(keep(connection, row.subject, json_of_report(report)))
        _update_part(
            connection,
            row.id,
            index,
            media_type=report.media_type,
            size=report.size,
            sha256=report.sha256,
            report=private[-1].id,
        )
    for item in sealed:
        # The vault saw all of the bytes, so its digest stands where a report has none.
        _update_part(connection, row.id, item.part, item=item.item, item_size=item.size, sha256=item.sha256)
    connection.execute(
        attachments.update()
        .where(attachments.c.id == row.id)
        .values(
            action=decision.action,
            enforced=int(decision.enforced),
            reasons=json_of_reasons(decision.reasons),
            policy=policy,
            state=Progress.DECIDED,
        )
    )
    return private


def _update_part(connection: Connection, attachment: str, part: int, **columns: object) -> None:
    connection.execute(_UPDATE_PART, {"of": attachment, "number": part, **columns})


def move(connection: Connection, attachment: str, progress: Progress) -> bool:
    """Bring an attachment to another stage. Answers whether that was a change."""
    where = (attachments.c.id == attachment) & (attachments.c.state != progress)
    changed = connection.execute(attachments.update().where(where).values(state=progress)).rowcount > 0
    if progress is Progress.FINISHED:
        done = select(attachments.c.id).where(_stands_for(attachment))
        connection.execute(updates.delete().where(updates.c.attachment.in_(done)))
    return changed


def reports_of(connection: Connection, attachment: str) -> tuple[Report, ...]:
    """The parts' reports, in order; none after erasure."""
    numbers = connection.scalars(select(parts.c.report).where(parts.c.attachment == attachment).order_by(parts.c.part))
    found = [kept(connection, number) for number in numbers.all()]
    return tuple(report_of(report.value) for report in found if report is not None)


def sealed_of(connection: Connection, attachment: str) -> tuple[SealedPart, ...]:
    """What of the attachment is in the vault."""
    rows = connection.execute(
        select(parts).where(parts.c.attachment == attachment, parts.c.item.is_not(None)).order_by(parts.c.part)
    )
    return tuple(SealedPart(row.part, row.item, row.sha256, row.item_size) for row in rows)


def sealed_items(connection: Connection) -> frozenset[str]:
    """Every vault item that a part names, also those that are still to be shredded."""
    return frozenset(connection.scalars(select(parts.c.item).where(parts.c.item.is_not(None))).all())
