"""The hash chain: how a record is made and what the next one says of it.

A record is stored as canonical JSON bytes, and `prev` is the SHA-256 of the *stored bytes* of the record before it,
so nobody has to agree on how to write JSON in order to verify. The first record's `prev` is 64 zeros.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from lazaretto.audit.events import DATA, VERSION, Event
from lazaretto.state.codec import canonical, rfc3339
from lazaretto.state.schema import audit

__all__ = ["GENESIS", "MAX_RECORD", "Head", "Ledger", "head", "link"]

GENESIS = "0" * 64
MAX_RECORD = 1 << 20
"""Bytes of one record at most. 64 findings in each of ten parts stay far below."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest record: its number and its hash. `0` and zeros for an empty log."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> Head:
        """Read `SEQ:HASH`. Raises ValueError."""
        seq, colon, digest = text.strip().partition(":")
        if not colon or not seq.isascii() or not seq.isdigit() or len(seq) > 19:
            raise ValueError(f"not SEQ:HASH, as `lazaretto audit head` prints it: {text!r}")
        if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
            raise ValueError(f"the hash must be 64 lower-case hexadecimal digits: {text!r}")
        if int(seq) == 0 and digest != GENESIS:
            raise ValueError(f"before the first record the hash is 64 zeros: {text!r}")
        return cls(int(seq), digest)


def link(record: bytes) -> str:
    """What the next record's `prev` says of this one."""
    return hashlib.sha256(record).hexdigest()


def head(connection: Connection) -> Head:
    """The newest record's number and hash."""
    newest = _newest(connection)
    return Head(0, GENESIS) if newest is None else Head(newest[0], link(newest[1]))


def _newest(connection: Connection) -> tuple[int, bytes] | None:
    row = connection.execute(select(audit).order_by(audit.c.seq.desc()).limit(1)).one_or_none()
    return None if row is None else (row.seq, row.record)


@dataclass(slots=True)
class Ledger:
    """The audit log inside one transaction, which must have been begun with BEGIN IMMEDIATE.

    now: the transaction's time. records: what was appended, for the log mirror after the commit.
    """

    connection: Connection
    now: datetime
    records: list[dict[str, Any]] = field(default_factory=list)

    def append(
        self,
        event: Event,
        data: Mapping[str, object] | None = None,
        *,
        chat: str | None = None,
        case: int | None = None,
        attachment: str | None = None,
        subject: str | None = None,
        rules: Iterable[str] = (),
    ) -> None:
        """Add a record behind the newest. Raises ValueError for data that the event does not have."""
        said = dict(data or {})
        _check(event, said)
        newest = _newest(self.connection)
        record = {
            "v": VERSION,
            "seq": 1 if newest is None else newest[0] + 1,
            "time": self._time(newest),
            "event": event.value,
            "chat": chat,
            "case": case,
            "attachment": attachment,
            "subject": subject,
            "rules": sorted(set(rules)),
            "data": said,
            "prev": GENESIS if newest is None else link(newest[1]),
        }
        raw = canonical(record)
        if len(raw) > MAX_RECORD:
            raise ValueError(f"an audit record of {len(raw)} bytes; at most {MAX_RECORD} are kept")
        self.connection.execute(audit.insert().values(seq=record["seq"], record=raw))
        self.records.append(record)

    def _time(self, newest: tuple[int, bytes] | None) -> str:
        now = rfc3339(self.now.astimezone(UTC))
        if newest is None:
            return now
        # A clock that was set back must not make the log look as if it had been rearranged.
        return max(now, str(json.loads(newest[1])["time"]))


def _check(event: Event, data: Mapping[str, object]) -> None:
    fields = DATA[event]
    if missing := fields.required - data.keys():
        raise ValueError(f"audit event {event} lacks {', '.join(sorted(missing))}")
    if unknown := data.keys() - fields.required - fields.optional:
        raise ValueError(f"audit event {event} has no {', '.join(sorted(unknown))}")
