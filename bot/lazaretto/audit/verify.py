"""Finds the first record of the audit log that is not as it was written. Needs no secret.

What a record said is attested by the next one's `prev`, and what the newest said by nobody but `--expect SEQ:HASH`.
So when a record does not fit the one before it, either may be the changed one, and the record *behind* decides:
if that still attests this one, the one before was changed.

A purged record's tombstone is linked like a record. That it was purged, and not removed by somebody, the `purged`
record says that it names; which comes later, so a removal that none answers for is found there, or at the end.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from json.scanner import make_scanner
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import Connection

from lazaretto.audit.chain import GENESIS, MAX_RECORD, TOMBSTONE, Graves, Head, link
from lazaretto.audit.events import FIELDS, VERSION, Event
from lazaretto.state import open_state
from lazaretto.state.codec import canonical

__all__ = ["Fault", "Kind", "Verdict", "verify", "verify_connection", "verify_database", "verify_file"]

_PAGE = 500
_FIRST = "SELECT seq, record FROM audit ORDER BY seq LIMIT ?"
_NEXT = "SELECT seq, record FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"
_FIELDS = frozenset(FIELDS)


class Kind(StrEnum):
    """What is wrong with a record."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    SWAPPED = "swapped"
    HALF_WRITTEN = "half-written"
    UNEXPECTED = "unexpected"  # not the one that --expect names: the log was cut or rewritten


@dataclass(frozen=True, slots=True)
class Fault:
    """The first record that is wrong, and how, in one sentence."""

    seq: int
    kind: Kind
    what: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """records: how many are in order, purged ones included. head: the last of them. fault: None for a whole chain."""

    records: int
    head: Head
    fault: Fault | None
    purged: int = 0


@dataclass(slots=True)  # not frozen: making one would take three times as long
class _Line:
    """One stored record. key: its number in the database, None in a file. fault: what is wrong with it by itself."""

    raw: bytes
    key: int | None
    fields: dict[str, Any]
    problem: tuple[Kind, str] | None

    @property
    def seq(self) -> int:
        return int(self.fields["seq"])

    @property
    def is_tombstone(self) -> bool:
        return "purged" in self.fields

    @property
    def hash(self) -> str:
        """What the next record's `prev` has to say."""
        return str(self.fields["hash"]) if self.is_tombstone else link(self.raw)


async def verify_database(folder: Path, expect: Head | None = None) -> Verdict:
    """Verify the log in a state folder, also while the bot runs. Raises StateError when there is none."""
    async with open_state(folder, beside=True) as state:
        return await state.read(lambda connection: verify_connection(connection, expect))


async def verify_file(path: Path, expect: Head | None = None) -> Verdict:
    """Verify an exported log (JSON Lines). Raises OSError when it cannot be read."""
    return await asyncio.to_thread(_verify_file, path, expect)


def _verify_file(path: Path, expect: Head | None) -> Verdict:
    with path.open("rb") as file:
        return verify(_lines_of_file(file), expect)


def verify_connection(connection: Connection, expect: Head | None = None) -> Verdict:
    """Verify the log of an open database."""
    return verify(_lines_of_table(connection), expect)


def _lines_of_table(connection: Connection) -> Iterator[_Line]:
    page, last = connection.exec_driver_sql(_FIRST, (_PAGE,)).all(), 0
    while page:
        for last, raw in page:
            yield _line(raw, last)
        page = connection.exec_driver_sql(_NEXT, (last, _PAGE)).all()


def _lines_of_file(file: BinaryIO) -> Iterator[_Line]:
    """One line a record. An annex (see `export`) belongs to the record before it, whose `data` must name it."""
    before = b""
    while raw := file.readline(MAX_RECORD + 1):
        line = _line(raw.removesuffix(b"\n"), None)
        if not raw.endswith(b"\n"):
            line = _Line(line.raw, None, {}, (Kind.HALF_WRITTEN, "its line has no end"))
        if line.fields.keys() == {"personal", "salt", "json"}:
            if problem := _wrong_annex(line.fields, before):
                yield _Line(line.raw, None, {}, (Kind.CHANGED, problem))
            continue
        before = line.raw
        yield line


def _wrong_annex(annex: dict[str, Any], record: bytes) -> str | None:
    try:
        digest = hashlib.sha256(bytes.fromhex(annex["salt"]) + annex["json"].encode("utf-8", "backslashreplace"))
    except (TypeError, ValueError, AttributeError):
        return "the personal fields before it are not as they were exported"
    if digest.hexdigest() != annex["personal"] or digest.hexdigest().encode("ascii") not in record:
        return "the personal fields before it are not those that its predecessor names"
    return None


def _line(raw: object, key: int | None) -> _Line:
    if not isinstance(raw, bytes):
        return _Line(b"", key, {}, (Kind.CHANGED, "it is not stored as bytes"))
    read = _read(raw)
    if read is None:
        return _Line(raw, key, {}, (Kind.HALF_WRITTEN, "it is not JSON: cut off or overwritten"))
    fields, is_canonical = read
    if not isinstance(fields, dict):
        return _Line(raw, key, {}, (Kind.CHANGED, "it is not a JSON object"))
    return _Line(raw, key, fields, _problem(fields, is_canonical))


_scan: Callable[[str, int], tuple[Any, int]] = make_scanner(json.JSONDecoder())  # type: ignore[arg-type] # typeshed's error


def _read(raw: bytes) -> tuple[Any, bool] | None:
    """The value, and whether it is written as we write it; None for what is no JSON.

    What we wrote is read without looking for spaces and encodings, which takes as long again as reading it.
    """
    with suppress(ValueError, StopIteration, RecursionError):
        text = raw.decode("utf-8")
        value, end = _scan(text, 0)
        if end == len(text) and canonical(value) == raw:
            return value, True
    try:
        return json.loads(raw), False
    except (ValueError, RecursionError):
        return None


def _problem(fields: dict[str, Any], is_canonical: bool) -> tuple[Kind, str] | None:
    """What is wrong with a record whatever its neighbours are."""
    is_tombstone = fields.keys() == TOMBSTONE
    if not is_tombstone and fields.keys() != _FIELDS:
        return Kind.CHANGED, "its fields are not those of a record"
    if is_tombstone and (type(fields["purged"]) is not int or not isinstance(fields["hash"], str)):
        return Kind.CHANGED, "what is left of it is not of its types"
    if not is_tombstone and (type(fields["v"]) is not int or fields["v"] != VERSION):
        return Kind.CHANGED, f"its version is {fields['v']!r}; this program knows {VERSION}"
    if type(fields["seq"]) is not int or not isinstance(fields["time"], str) or not isinstance(fields["prev"], str):
        return Kind.CHANGED, "its number, time or prev is not of its type"
    return None if is_canonical else (Kind.CHANGED, "its bytes are not canonical JSON")


def verify(lines: Iterable[_Line], expect: Head | None = None) -> Verdict:
    """Go through the records once, holding three of them at a time."""
    before: _Line | None = None
    older: _Line | None = None
    count = 0
    purges = _Purges()
    for line, behind in _with_next(lines):
        fault = _check(line, count + 1, before, older, behind, expect) or purges.check(line)
        if fault is not None:
            return Verdict(count, _head(before), fault, purges.count)
        older, before, count = before, line, count + 1
    fault = purges.unanswered()
    if fault is None and expect is not None and expect.seq > count:
        what = f"record {count + 1} and those behind it are missing: the newest is {count}, expected was {expect.seq}"
        fault = Fault(count + 1, Kind.UNEXPECTED, what)
    return Verdict(count, _head(before), fault, purges.count)


class _Purges:
    """Holds tombstones against the records that answer for them."""

    def __init__(self) -> None:
        self.count = 0
        self._open: dict[int, Graves] = {}
        self._first: dict[int, int] = {}

    def check(self, line: _Line) -> Fault | None:
        """The fault that shows at a line which is in order by itself."""
        if line.is_tombstone:
            self.count += 1
            self._open.setdefault(line.fields["purged"], Graves()).add(line.fields)
            self._first.setdefault(line.fields["purged"], line.seq)
            return None
        found = self._open.pop(line.seq, Graves())
        data = line.fields["data"] if line.fields["event"] == Event.PURGED else None
        if not isinstance(data, dict) or "digest" not in data:
            return _unanswered(self._first[line.seq]) if found.count else None
        said = {key: data.get(key) for key in found.data}
        if said != found.data:
            return _ill_answered(line.seq, found.data["ranges"], said["ranges"])
        if found.latest >= str(data.get("until")):
            what = f"record {line.seq} purged records that are not older than it says"
            return Fault(line.seq, Kind.CHANGED, what)
        return None

    def unanswered(self) -> Fault | None:
        """A removal for which nothing answered until the end."""
        return _unanswered(min(self._first[purge] for purge in self._open)) if self._open else None


def _unanswered(seq: int) -> Fault:
    return Fault(seq, Kind.REMOVED, f"record {seq} was removed, and no `purged` record answers for it")


def _ill_answered(purge: int, found: list[list[int]], said: Any) -> Fault:
    """Tombstones are not those that `purge` names: the first that it does not, or else the first of all."""
    try:
        named = [(int(first), int(last)) for first, last in said]
    except (TypeError, ValueError):
        named = []
    for first, last in found:
        for seq in range(first, last + 1):
            if not any(low <= seq <= high for low, high in named):
                what = f"record {seq} was removed: record {purge}, which is to answer for it, does not name it"
                return Fault(seq, Kind.REMOVED, what)
    seq = found[0][0] if found else purge
    what = f"what is left of record {seq} and others, which record {purge} purged, is not what it says of them"
    return Fault(seq, Kind.CHANGED, what)


def _with_next(lines: Iterable[_Line]) -> Iterator[tuple[_Line, _Line | None]]:
    current: _Line | None = None
    for line in lines:
        if current is not None:
            yield current, line
        current = line
    if current is not None:
        yield current, None


def _head(line: _Line | None) -> Head:
    return Head(0, GENESIS) if line is None else Head(line.seq, line.hash)


def _check(
    line: _Line, expected: int, before: _Line | None, older: _Line | None, behind: _Line | None, expect: Head | None
) -> Fault | None:
    """The fault that shows at `line`, which stands where record `expected` should."""
    if line.key is not None and line.key > expected:
        return Fault(expected, Kind.REMOVED, f"record {expected} is missing: record {line.key} comes next")
    if line.problem is not None:
        kind, what = line.problem
        return Fault(expected, kind, f"record {expected}: {what}")
    if line.key is not None and line.key < expected:
        return Fault(expected, Kind.INSERTED, f"a record numbered {line.key} stands before the first")
    if line.seq != expected:
        return _misplaced(line, expected, before, older, behind)
    if line.fields["prev"] != _head(before).hash:
        return _unlinked(line, expected, behind, expect)
    if before is not None and line.fields["time"] < before.fields["time"]:
        return Fault(expected, Kind.CHANGED, f"record {expected} says that it is older than the one before it")
    if expect is not None and expect.seq == expected and expect.hash != line.hash:
        return Fault(expected, Kind.UNEXPECTED, f"record {expected} is not the expected one: it, or all, was rewritten")
    return None


def _misplaced(line: _Line, expected: int, before: _Line | None, older: _Line | None, behind: _Line | None) -> Fault:
    """Another number than its place has. Which fault it is shows in the neighbours; the first bad place is the same."""
    if before is not None and line.seq == before.seq and line.fields["prev"] == _head(older).hash:
        return Fault(line.seq, Kind.INSERTED, f"there are two records {line.seq}: one of them was inserted")
    if line.seq < expected:
        return Fault(expected, Kind.INSERTED, f"an older record, {line.seq}, stands where record {expected} should")
    if behind is not None and not behind.problem and behind.seq in (expected, expected + 1) and line.seq > expected:
        what = f"record {expected} and record {line.seq} changed places, or its number was changed"
        return Fault(expected, Kind.SWAPPED, what)
    return Fault(expected, Kind.REMOVED, f"record {expected} is missing: record {line.seq} stands in its place")


def _unlinked(line: _Line, expected: int, behind: _Line | None, expect: Head | None) -> Fault:
    """`prev` does not fit: the record before was changed, or this one."""
    attested = None
    if behind is not None and not behind.problem:
        attested = str(behind.fields["prev"])
    elif behind is None and expect is not None and expect.seq == expected:
        attested = expect.hash
    if expected == 1 or (attested is not None and attested != line.hash):
        return Fault(expected, Kind.CHANGED, f"record {expected} was changed, or put in another's place")
    if attested is None:
        what = f"record {expected - 1} or record {expected} was changed: they do not fit each other"
        return Fault(expected - 1, Kind.CHANGED, what)
    return Fault(expected - 1, Kind.CHANGED, f"record {expected - 1} was changed: record {expected} attests another")
