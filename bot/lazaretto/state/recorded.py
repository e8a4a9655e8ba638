"""What was judged in a chat, as it is kept: claims, reports, what was decided, and what became of the case.

All functions run inside the caller's transaction. They read a page at a time by the index of rooms, newest first.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from lazaretto.model import DRILL, Attachment, CaseState, Claim, Decision, Part, Person, Place, Report
from lazaretto.state.attachments import decision_of
from lazaretto.state.codec import Instant, claim_of, report_of
from lazaretto.state.schema import attachments, cases, parts, personal

__all__ = ["Recorded", "first_posts", "is_channel", "judged"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """One attachment and what became of it.

    number: rises with every attachment. subject: who sent it. attachment, reports: None where claims or reports are not
    kept any more; of the sender only the subject is told. decision: None where none was taken. case, state: None
    without a case.
    """

    number: int
    received_at: datetime
    subject: str
    attachment: Attachment | None
    reports: tuple[Report, ...] | None
    decision: Decision | None
    case: int | None = None
    state: CaseState | None = None


def judged(
    connection: Connection, place: Place, since: datetime, before: Recorded | None = None, *, limit: int
) -> list[Recorded]:
    """The newest that came into a group or channel since then, those in front of `before`; an album is one.

    Place.private is a ValueError: a private chat has no id in the records.
    """
    if place.private:
        raise ValueError("what came in private is recorded by its sender, not by its chat")
    here = (attachments.c.platform == place.platform) & (attachments.c.chat == place.chat)
    where = [here, attachments.c.channel == int(place.channel), attachments.c.received_at >= since]
    if before is not None:
        at, number = attachments.c.received_at, attachments.c.number
        earlier = or_(at < before.received_at, and_(at == before.received_at, number < before.number))
        where += [at <= before.received_at, earlier]
    query = (
        select(attachments, personal.c.json.label("told"), cases.c.id.label("case"), cases.c.state.label("outcome"))
        .outerjoin(personal, personal.c.id == attachments.c.personal)
        .outerjoin(cases, cases.c.attachment == attachments.c.id)
        .where(*where, attachments.c.kind != DRILL)
        .where(attachments.c.joined.is_(None))  # their album stands for them
        .order_by(attachments.c.received_at.desc(), attachments.c.number.desc())
        .limit(limit)
    )
    rows = connection.execute(query).all()
    files = _files(connection, [row.id for row in rows])
    return [_recorded(row, files[row.id]) for row in rows]


def first_posts(connection: Connection, place: Place, subjects: Collection[str]) -> Mapping[str, datetime]:
    """When each of them first sent something to a chat, as far as the records go."""
    first = func.min(attachments.c.received_at, type_=Instant)
    theirs = attachments.c.subject.in_(subjects) & (attachments.c.chat == place.chat)
    rows = connection.execute(select(attachments.c.subject, first).where(theirs).group_by(attachments.c.subject))
    return {row[0]: row[1] for row in rows}


def is_channel(connection: Connection, platform: str, chat: str) -> bool:
    """Is what came from this chat recorded as a channel's?"""
    there = (attachments.c.platform == platform) & (attachments.c.chat == chat) & (attachments.c.channel == 1)
    return connection.scalar(select(attachments.c.number).where(there).limit(1)) is not None


def _files(connection: Connection, ids: Sequence[str]) -> Mapping[str, list[Row[Any]]]:
    found: defaultdict[str, list[Row[Any]]] = defaultdict(list)
    query = (
        select(parts, personal.c.json.label("judged"))
        .outerjoin(personal, personal.c.id == parts.c.report)
        .where(parts.c.attachment.in_(ids))
        .order_by(parts.c.attachment, parts.c.part)
    )
    for row in connection.execute(query):
        found[row.attachment].append(row)
    return found


def _recorded(row: Row[Any], files: Sequence[Row[Any]]) -> Recorded:
    return Recorded(
        number=row.number,
        received_at=row.received_at,
        subject=row.subject,
        attachment=_attachment(row, files),
        reports=_reports(files),
        decision=decision_of(row),
        case=row.case,
        state=None if row.outcome is None else CaseState(row.outcome),
    )


def _attachment(row: Row[Any], files: Sequence[Row[Any]]) -> Attachment | None:
    if row.told is None:
        return None
    claims = json.loads(row.told)["claims"]
    return Attachment(
        id=row.id,
        place=Place(row.platform, row.chat, row.thread, channel=bool(row.channel)),
        message=row.message,
        update=row.update_id,
        sender=Person(row.platform, row.subject, ""),
        kind=row.kind,
        parts=tuple(
            Part(file.part, file.file_id, file.unique_id, file.path, _claim(claims.get(str(file.part))))
            for file in files
        ),
        posted_at=row.posted_at,
    )


def _claim(value: dict[str, Any] | None) -> Claim:
    return Claim() if value is None else claim_of(value)


def _reports(files: Sequence[Row[Any]]) -> tuple[Report, ...] | None:
    if any(file.judged is None for file in files):
        return None
    return tuple(report_of(json.loads(file.judged)) for file in files)
