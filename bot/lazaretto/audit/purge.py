"""Deletes what is due, a bounded piece at a time, each with the record that says so. Inside the caller's transaction.

A record is purged by leaving its tombstone in its place (see `chain`): the log verifies as before, and says of what is
missing that it was purged, when, and by which group's rule.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, func, select

from lazaretto.audit.about import about
from lazaretto.audit.chain import Graves, Ledger, tombstone_of
from lazaretto.audit.deeds import tell_card
from lazaretto.audit.events import Event
from lazaretto.model import CaseState
from lazaretto.state import attachments as journal
from lazaretto.state import cases, log_index, retention
from lazaretto.state.codec import canonical, rfc3339
from lazaretto.state.retention import Room
from lazaretto.state.schema import audit

__all__ = ["BATCH", "INSTALLATION", "Kind", "Page", "events", "files", "label", "look", "people", "personal", "updates"]

BATCH = 50
"""Attachments in one transaction: some twenty statements each, so that the writer is held for a tenth of a second."""

_PAGE = 2000
"""Records looked at in one go, and so at most purged in one transaction, each by one statement."""

INSTALLATION = "*"
"""Stands for the room of records that speak of no chat and no attachment."""

_EXPIRED = "Nobody decided in time: its file was deleted."
_FORGOTTEN = "Its time is over: the sender's data was deleted."


class Kind(StrEnum):
    """What is purged."""

    FILES = "files"
    PERSONAL = "personal"
    PEOPLE = "people"
    UPDATES = "updates"
    EVENTS = "events"


def files(ledger: Ledger, room: Room, before: datetime, among: Sequence[str]) -> int:
    """Doom files, and let cases expire, of those of these that are due. Answers how many."""
    connection = ledger.connection
    due = retention.files_due(connection, room, before, among)
    items, expired = 0, []
    for attachment in due:
        doomed = retention.doom(connection, attachment)
        items += doomed
        number = retention.expiring(connection, attachment)
        if number is None:
            continue
        cases.expire(connection, number, ledger.now)
        row = journal.find(connection, attachment)
        if row is not None:
            ledger.append(Event.EXPIRED, {"items": doomed}, case=number, **about(row))
        tell_card(ledger, number, _EXPIRED)
        expired.append(number)
    if due:
        counts = {"attachments": len(due), "cases": expired, "items": items}
        ledger.append(Event.PURGED, _said(Kind.FILES, before, counts), chat=room.label)
    return len(due)


def personal(ledger: Ledger, room: Room, before: datetime, among: Sequence[str]) -> int:
    """Delete personal fields of those of these that are due. Answers how many."""
    connection = ledger.connection
    due = retention.personal_due(connection, room, before, among)
    if not due:
        return 0
    retention.forget_attachments(connection, due)
    shown = [number for attachment in due if (number := cases.number_of(connection, attachment)) is not None]
    for number in shown:
        case = cases.find(connection, number)
        if case is not None and case.card is not None and case.state != CaseState.ERASED:
            tell_card(ledger, number, _FORGOTTEN)
    ledger.append(
        Event.PURGED, _said(Kind.PERSONAL, before, {"attachments": len(due), "cases": shown}), chat=room.label
    )
    return len(due)


def people(ledger: Ledger, before: datetime, gone: Sequence[str]) -> int:
    """Delete these people, if nothing speaks of them any more. Answers how many."""
    forgotten = retention.forget_people(ledger.connection, gone, ledger.now)
    if forgotten:
        ledger.append(Event.PURGED, _said(Kind.PEOPLE, before, {"people": forgotten}))
    return forgotten


def updates(ledger: Ledger, before: datetime) -> int:
    """Delete updates that were set aside before then. Answers how many."""
    forgotten = retention.forget_asides(ledger.connection, before)
    if forgotten:
        ledger.append(Event.PURGED, _said(Kind.UPDATES, before, {"updates": forgotten}))
    return forgotten


# ── Records ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Page:
    """What one look at the log found. due: records to purge. spared: the first one that is old enough, and belongs to
    something under way. upto: as far as was looked. more: is there more that is old enough?"""

    due: tuple[int, ...]
    spared: int | None
    upto: int
    more: bool


def look(connection: Connection, room: Room | None, before: datetime, after: int) -> Page:
    """The next records of a room that are older than `before`; None for those that speak of no chat."""
    text = cast(audit.c.record, Text)
    end = after + _PAGE
    window = (audit.c.seq > after) & (audit.c.seq <= end) & (func.json_valid(text) == 1)
    time = func.json_extract(text, "$.time")
    old = select(func.max(audit.c.seq)).where(window, time < rfc3339(before))
    upto = connection.scalar(old) or after
    attachment = func.json_extract(text, "$.attachment")
    query = select(audit.c.seq, attachment.label("attachment")).where(
        window, audit.c.seq <= upto, func.json_extract(text, "$.event").is_not(None), _speaks_of(text, room)
    )
    # Purges of records answer for tombstones, so they stay.
    rows = connection.execute(query.where(func.json_extract(text, "$.data.digest").is_(None)).order_by(audit.c.seq))
    found = [(row.seq, row.attachment) for row in rows]
    busy = retention.running(connection, {attachment for _, attachment in found if attachment is not None})
    spared = [seq for seq, attachment in found if attachment in busy]
    return Page(
        tuple(seq for seq, attachment in found if attachment not in busy),
        spared[0] if spared else None,
        upto,
        upto == end,
    )


def _speaks_of(text: ColumnElement[str], room: Room | None) -> ColumnElement[bool]:
    chat, attachment = func.json_extract(text, "$.chat"), func.json_extract(text, "$.attachment")
    if room is None:
        return chat.is_(None) & attachment.is_(None)
    return chat == room.label if room.label else chat.is_(None) & attachment.is_not(None)


def events(ledger: Ledger, room: Room | None, before: datetime, seqs: Sequence[int], done: int) -> int:
    """Purge these records, and write down that the room is through up to record `done`. Answers how many."""
    connection = ledger.connection
    retention.set_progress(connection, label(room), done)
    rows = connection.execute(select(audit).where(audit.c.seq.in_(seqs)).order_by(audit.c.seq)).all()
    if not rows:
        return 0
    graves, counts = Graves(), _Counts()
    for row in rows:
        graves.add(tombstone_of(row.record, 0))
        counts.add(json.loads(row.record))
    said = _said(Kind.EVENTS, before, graves.data | counts.data)
    ledger.append(Event.PURGED, said, chat=room.label if room else None)
    purge = int(ledger.records[-1]["seq"])
    log_index.forget(connection, ((row.seq, row.record) for row in rows))
    for row in rows:
        left = canonical(tombstone_of(row.record, purge))
        connection.execute(audit.update().where(audit.c.seq == row.seq).values(record=left))
    return len(rows)


def label(room: Room | None) -> str:
    """The name under which a room's progress is kept."""
    return INSTALLATION if room is None else room.label or room.platform


class _Counts:
    """What `audit coverage` adds up, of records that it cannot read any more."""

    def __init__(self) -> None:
        self._received = 0
        self._counted: Counter[str] = Counter()

    def add(self, record: dict[str, Any]) -> None:
        if record["event"] == Event.RECEIVED:
            self._received += 1
        elif record["event"] == Event.COVERAGE:
            self._counted.update(record["data"]["updates"])

    @property
    def data(self) -> dict[str, Any]:
        found: dict[str, Any] = {"received": self._received} if self._received else {}
        return found | ({"counted": dict(self._counted)} if self._counted else {})


def _said(kind: Kind, before: datetime, counts: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind.value, "until": rfc3339(before), **counts}
