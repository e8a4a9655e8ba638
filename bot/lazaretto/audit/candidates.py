"""Candidates for a search in the audit log: from the index, the numbers of records that may fit, in order."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection

__all__ = ["Wanted", "all_between", "candidates", "first_from", "numbers", "plain", "read"]

_MOST_WORDS = 1000
"""Words of the log that one word of a text may stand for, which it begins."""

_ENOUGH = 20_000
"""How far candidates are counted, to begin with the rarest: 1 ms."""

_APART = 64
"""So many lists of candidates are read side by side, and stopped as soon as there is enough; more are sorted first."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing that a record must have: any of some terms, which are in these places of the index.

    exact: the terms themselves, where they are known. ranges: from the first text on, up to the second.
    """

    accepts: Callable[[str], bool]
    exact: frozenset[str] = frozenset()
    ranges: tuple[tuple[str, str], ...] = ()

    def holds(self, terms: Iterable[str]) -> bool:
        """Has a record with these terms what is wanted?"""
        return any(self.accepts(term) for term in terms)


def candidates(connection: Connection, way: Sequence[Wanted], low: int, high: int, oldest_first: bool) -> Iterator[int]:
    """The numbers from `low` to `high` that the index has for all of this at once, in order.

    Things that stand for very many terms are left to whoever reads the records.
    """
    if low > high:
        return
    if not way:
        yield from all_between(connection, low, high, oldest_first)
        return
    lists = [_known(connection, wanted) for wanted in way]
    if not all(lists):
        return
    counts = [(_count(connection, terms, low, high), len(terms)) for terms in lists]
    rarest = min(range(len(lists)), key=counts.__getitem__)
    others = [terms for at, terms in enumerate(lists) if at != rarest and len(terms) <= _APART]
    yield from _walk(connection, lists[rarest], others, (low, high), oldest_first)


def _walk(
    connection: Connection,
    leading: Sequence[int],
    others: Sequence[Sequence[int]],
    span: tuple[int, int],
    oldest_first: bool,
) -> Iterator[int]:
    has = "AND EXISTS (SELECT 1 FROM audit_postings AS other WHERE other.seq = mine.seq AND other.term IN"
    also = " ".join(f"{has} ({numbers(some)}))" for some in others)
    order = "" if oldest_first else "DESC"

    def some(terms: Sequence[int]) -> Iterator[int]:
        statement = (
            f"SELECT mine.seq FROM audit_postings AS mine WHERE mine.term IN ({numbers(terms)}) "  # noqa: S608 - numbers
            f"AND mine.seq BETWEEN ? AND ? {also} ORDER BY mine.seq {order}"
        )
        yield from connection.exec_driver_sql(statement, span).scalars()

    lists = [[term] for term in leading] if len(leading) <= _APART else [list(leading)]
    last = 0
    for seq in heapq.merge(*map(some, lists), reverse=not oldest_first):
        if seq != last:
            yield seq
        last = seq


def numbers(terms: Iterable[int]) -> str:
    """Numbers for `IN (...)`."""
    return ",".join(map(str, terms))


def _known(connection: Connection, wanted: Wanted) -> list[int]:
    """What the index calls these terms."""
    known = "SELECT id FROM audit_terms WHERE term IN (SELECT value FROM json_each(?))"
    exact = json.dumps([plain(term) for term in sorted(wanted.exact)])
    found = list(connection.exec_driver_sql(known, (exact,)).scalars()) if wanted.exact else []
    for first, behind in wanted.ranges:
        statement = "SELECT id, term FROM audit_terms WHERE term >= ? AND term < ? ORDER BY term"
        rows = connection.exec_driver_sql(statement, (plain(first), plain(behind)))
        found.extend(islice((number for number, term in rows if wanted.accepts(term)), _MOST_WORDS))
    return found


def _count(connection: Connection, terms: Sequence[int], low: int, high: int) -> int:
    """How many records have one of these terms, up to _ENOUGH."""
    statement = (
        f"SELECT count(*) FROM (SELECT 1 FROM audit_postings WHERE term IN ({numbers(terms)}) "  # noqa: S608 - numbers
        f"AND seq BETWEEN ? AND ? LIMIT {_ENOUGH})"
    )
    return int(connection.exec_driver_sql(statement, (low, high)).scalar_one())


def all_between(connection: Connection, low: int, high: int, oldest_first: bool) -> Iterator[int]:
    """Every number from `low` to `high` that there is, in order."""
    order = "" if oldest_first else "DESC"
    statement = f"SELECT seq FROM audit WHERE seq BETWEEN ? AND ? ORDER BY seq {order}"  # noqa: S608 - ours
    yield from connection.exec_driver_sql(statement, (low, high)).scalars()


def first_from(connection: Connection, time: str, newest: int) -> int:
    """The first number whose record is not older than `time`, in RFC 3339; the one behind `newest` if none is.

    Times never fall from one record to the next, so it is found by halving.
    """
    low, high = 1, newest + 1
    while low < high:
        middle = (low + high) // 2
        if _time_of(connection, middle) < time:
            low = middle + 1
        else:
            high = middle
    return low


def _time_of(connection: Connection, seq: int) -> str:
    """The time of a record, or of the next one before it that can be read."""
    for (raw,) in connection.exec_driver_sql("SELECT record FROM audit WHERE seq <= ? ORDER BY seq DESC", (seq,)):
        if record := read(raw):
            return str(record.get("time", ""))
    return ""


def plain(text: str) -> str:
    """A text as the database holds it: see `state.codec`."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def read(raw: object) -> dict[str, Any] | None:
    """A stored record; None for what is no JSON object: finding that is `verify`'s work."""
    try:
        record = json.loads(raw) if isinstance(raw, bytes) else None
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
