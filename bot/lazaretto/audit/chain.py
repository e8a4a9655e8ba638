"""The hash chain: how a record is made and what the next one says of it.

A record is stored as canonical JSON bytes, and `prev` is the SHA-256 of the *stored bytes* of the record before it,
so nobody has to agree on how to write JSON in order to verify. The first record's `prev` is 64 zeros.

A record whose time is over leaves a tombstone in its place: its number, time, `prev` and hash, and the number of the
`purged` record that answers for it. So its neighbours are linked as before. What a tombstone says of itself nobody
could check, and so the `purged` record holds a digest of all its tombstones.
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

__all__ = [
    "GENESIS",
    "MAX_RECORD",
    "TOMBSTONE",
    "Graves",
    "Head",
    "Ledger",
    "head",
    "link",
    "tombstone_of",
]

GENESIS = "0" * 64
MAX_RECORD = 1 << 20
"""Bytes of one record at most. 64 findings in each of ten parts stay far below."""


TOMBSTONE = frozenset({"seq", "time", "prev", "hash", "purged"})
"""The fields of a tombstone."""


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


def tombstone_of(record: bytes, purged: int) -> dict[str, Any]:
    """What is left of a record, for which record `purged` answers."""
    fields = json.loads(record)
    return {
        "seq": fields["seq"],
        "time": fields["time"],
        "prev": fields["prev"],
        "hash": link(record),
        "purged": purged,
    }


class Graves:
    """The tombstones that one `purged` record answers for, added in order: how many, which, and their digest.

    latest: the time of the newest of them.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._ranges: list[list[int]] = []
        self.count = 0
        self.latest = ""

    def add(self, tombstone: Mapping[str, Any]) -> None:
        """One more."""
        words = (str(tombstone[key]) for key in ("seq", "time", "prev", "hash"))
        self._digest.update(f"{' '.join(words)}\n".encode("utf-8", "backslashreplace"))
        self.count += 1
        self.latest = tombstone["time"]  # times never fall
        if self._ranges and self._ranges[-1][1] == tombstone["seq"] - 1:
            self._ranges[-1][1] = tombstone["seq"]
        else:
            self._ranges.append([tombstone["seq"], tombstone["seq"]])

    @property
    def data(self) -> dict[str, Any]:
        """What the `purged` record says of them. ranges: first and last number of each run of them."""
        return {"records": self.count, "ranges": self._ranges, "digest": self._digest.hexdigest()}


def head(connection: Connection) -> Head:
    """The newest record's number and hash."""
    newest = _newest(connection)
    return Head(0, GENESIS) if newest is None else Head(newest[0], link(newest[1]))


_NEWEST = select(audit).order_by(audit.c.seq.desc()).limit(1)
_APPEND = audit.insert()


def _newest(connection: Connection) -> tuple[int, bytes] | None:
    row = connection.execute(_NEWEST).one_or_none()
    return None if row is None else (row.seq, row.record)


@dataclass(slots=True)
class Ledger:
    """The audit log inside one transaction, which must have been begun with BEGIN IMMEDIATE.

    now: the transaction's time. records: what was appended, for the log mirror after the commit.
    """

    connection: Connection
    now: datetime
    records: list[dict[str, Any]] = field(default_factory=list)
    _last: tuple[int, bytes, str] | None = None  # what was appended last, and its time

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
        newest = self._last or self._newest()
        seq = 1 if newest is None else newest[0] + 1
        time = rfc3339(self.now.astimezone(UTC))
        if newest is not None:  # a clock that was set back must not make the log look as if it had been rearranged
            time = max(time, newest[2])
        record = {
            "v": VERSION,
            "seq": seq,
            "time": time,
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
        self.connection.execute(_APPEND, {"seq": seq, "record": raw})
        self._last = seq, raw, time
        self.records.append(record)

    def _newest(self) -> tuple[int, bytes, str] | None:
        newest = _newest(self.connection)
        return None if newest is None else (*newest, str(json.loads(newest[1])["time"]))


def _check(event: Event, data: Mapping[str, object]) -> None:
    fields = DATA[event]
    if missing := fields.required - data.keys():
        raise ValueError(f"audit event {event} lacks {', '.join(sorted(missing))}")
    if unknown := data.keys() - fields.required - fields.optional:
        raise ValueError(f"audit event {event} has no {', '.join(sorted(unknown))}")
