"""Reads the audit log out: a few records to look at, or all of it as JSON Lines that `verify_file` understands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Text, cast, func, select

from lazaretto.audit.chain import MAX_RECORD
from lazaretto.audit.events import Event
from lazaretto.state import people
from lazaretto.state.codec import canonical
from lazaretto.state.schema import aside, attachments, audit, parts

__all__ = ["export", "records"]

_PAGE = 500


def records(
    connection: Connection,
    *,
    after: int = 0,
    last: int | None = None,
    events: Sequence[Event] = (),
    case: int | None = None,
    attachment: str | None = None,
) -> list[dict[str, Any]]:
    """Records behind number `after`, in order; of one case, one attachment or some kinds of events if so asked.

    last: only the newest so many of them. Purged records are left out, and so are those that are no JSON: finding
    these is `verify`'s work.
    """
    text = cast(audit.c.record, Text)
    query = select(audit.c.record).where(
        audit.c.seq > after, func.json_valid(text) == 1, func.json_extract(text, "$.event").is_not(None)
    )
    if events:
        query = query.where(func.json_extract(text, "$.event").in_(events))
    if case is not None:
        query = query.where(func.json_extract(text, "$.case") == case)
    if attachment is not None:
        query = query.where(func.json_extract(text, "$.attachment") == attachment)
    if last is not None:
        rows = connection.scalars(query.order_by(audit.c.seq.desc()).limit(last)).all()
        return [json.loads(raw) for raw in reversed(rows)]
    return [json.loads(raw) for raw in connection.scalars(query.order_by(audit.c.seq))]


def export(connection: Connection, *, personal: bool = False) -> Iterator[bytes]:
    """The log as lines: each record, and each tombstone of a purged one, exactly as it is stored.

    personal: behind its record, the erasable fields that a record names by digest and that are still there, as
    `{"json": ..., "personal": DIGEST, "salt": HEX}`: SHA-256(salt || json) is the digest.
    """
    last = 0
    while True:
        page = select(audit).where(audit.c.seq > last).order_by(audit.c.seq).limit(_PAGE)
        rows = connection.execute(page).all()
        for row in rows:
            yield row.record + b"\n"
            if personal:
                yield from _annexes(connection, row.record)
        if len(rows) < _PAGE:
            return
        last = rows[-1].seq


def _annexes(connection: Connection, raw: bytes) -> Iterator[bytes]:
    try:
        record = json.loads(raw[:MAX_RECORD])
    except ValueError:  # not ours to judge here: the line is exported as it is, and `verify` names it
        return
    event = record.get("event") if isinstance(record, dict) else None
    if event in (Event.RECEIVED, Event.SCREENED):
        found = _kept_of(connection, str(record.get("attachment")))
    elif event == Event.UPDATE_SET_ASIDE:
        found = _kept_aside(connection)
    else:
        return
    for kept in found:
        if kept.digest.encode("ascii") in raw:
            yield canonical({"personal": kept.digest, "salt": kept.salt.hex(), "json": kept.json}) + b"\n"


def _kept_of(connection: Connection, attachment: str) -> list[people.Kept]:
    own = connection.scalars(select(attachments.c.personal).where(attachments.c.id == attachment)).all()
    reports = connection.scalars(select(parts.c.report).where(parts.c.attachment == attachment)).all()
    found = [people.kept(connection, number) for number in (*own, *reports)]
    return [kept for kept in found if kept is not None]


def _kept_aside(connection: Connection) -> list[people.Kept]:
    """Few: each of them is an incident."""
    found = [people.kept(connection, number) for number in connection.scalars(select(aside.c.personal))]
    return [kept for kept in found if kept is not None]
