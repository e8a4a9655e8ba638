"""Reads the audit log out: a few records to look at, all of it as JSON Lines that `verify_file` understands, or what a
query finds, in several forms. Nothing here ever holds more than a page of records."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from enum import StrEnum
from io import StringIO
from typing import Any

from sqlalchemy import Connection, Text, cast, func, select

from lazaretto.audit.chain import MAX_RECORD
from lazaretto.audit.events import Event
from lazaretto.audit.ocsf import ocsf
from lazaretto.audit.search import Query, matching
from lazaretto.state import people
from lazaretto.state.codec import canonical
from lazaretto.state.schema import aside, attachments, audit, parts

__all__ = ["CSV_HEAD", "Form", "csv_of", "export", "export_found", "records"]

_PAGE = 500

_COLUMNS = ("seq", "time", "event", "chat", "case", "attachment", "subject", "rules", "data", "prev")
"""Of CSV. `rules` has ids with spaces between them, `data` is JSON. No cell begins as a formula does."""


class Form(StrEnum):
    """What an export is written as."""

    JSONL = "jsonl"
    CSV = "csv"
    OCSF = "ocsf"


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


def export_found(connection: Connection, query: Query, form: Form, *, personal: bool = False) -> Iterator[bytes]:
    """What a query finds, oldest first, as lines. As JSON Lines each record is exactly as it is stored; but records are
    missing between them, so they do not verify as a log. personal: for JSON Lines, as in `export`."""
    if form is Form.CSV:
        yield CSV_HEAD
    for raw, record in matching(connection, query, oldest_first=True):
        if form is Form.CSV:
            yield csv_of(record)
        elif form is Form.OCSF:
            yield canonical(ocsf(raw, record)) + b"\n"
        else:
            yield raw + b"\n"
            if personal:
                yield from _annexes(connection, raw)


def csv_of(record: dict[str, Any]) -> bytes:
    """A record as a line of CSV."""
    told = record | {
        "rules": " ".join(record["rules"]),
        "data": json.dumps(record["data"], sort_keys=True, separators=(",", ":")),
    }
    return _row(["" if told[name] is None else told[name] for name in _COLUMNS])


def _row(cells: Sequence[object]) -> bytes:
    line = StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode("utf-8", "backslashreplace")


CSV_HEAD = _row(_COLUMNS)


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
            # In ASCII: names and captions are in it, and an export may be looked at in a terminal.
            told = {"json": kept.json, "personal": kept.digest, "salt": kept.salt.hex()}
            yield json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n"


def _kept_of(connection: Connection, attachment: str) -> list[people.Kept]:
    own = connection.scalars(select(attachments.c.personal).where(attachments.c.id == attachment)).all()
    reports = connection.scalars(select(parts.c.report).where(parts.c.attachment == attachment)).all()
    found = [people.kept(connection, number) for number in (*own, *reports)]
    return [kept for kept in found if kept is not None]


def _kept_aside(connection: Connection) -> list[people.Kept]:
    """Few: each of them is an incident."""
    found = [people.kept(connection, number) for number in connection.scalars(select(aside.c.personal))]
    return [kept for kept in found if kept is not None]
