"""Finds records of the audit log: by time, chat, member, rule, decision, event, case, and by words.

The index (`state.log_index`) names candidates, newest first or oldest first; each is held against the query once more,
as it stands in the log. The newest records are not in the index yet, and are looked at one by one.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from itertools import islice
from typing import Any

from sqlalchemy import Connection

from lazaretto.audit.candidates import Wanted, all_between, candidates, first_from, numbers, plain, read
from lazaretto.audit.events import Event
from lazaretto.model import Action
from lazaretto.state import log_index
from lazaretto.state.codec import rfc3339

__all__ = ["MOST_NAMED", "Query", "matching", "search"]

MOST_NAMED = 1000
"""Attachments that a text may find by a name, a caption or a file name: the newest. A word such as `pdf` has them all,
and whoever looks for it wants a narrower one."""

_PAGE = 64

_SHORTEST_DIGEST = 8

_NAMES = ("e:", "r:")
"""Terms that have words of their own."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for. Everything that is given must hold; of several rules, decisions or events one of them.

    since, until: from this moment on, and before that one. chats: `PLATFORM:CHAT`, where the asker may look: None for
    everywhere, private chats (whose records name none) included. group: one chat, with or without its platform.
    member: a user id or a subject: records of what they did. rules: ids or globs. actions: decisions.
    case, attachment: everything about one of them. text: words, each of which begins a word of the record, or each of
    which begins a word of the names, caption or file names of its attachment, as far as these are kept.
    after: only records behind this number. before: only records in front of it, to go on with the next page.
    limit: at most so many, None for all.
    """

    since: datetime | None = None
    until: datetime | None = None
    chats: Collection[str] | None = None
    group: str | None = None
    member: str | None = None
    rules: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    events: tuple[Event, ...] = ()
    case: int | None = None
    attachment: str | None = None
    text: str = ""
    after: int = 0
    before: int | None = None
    limit: int | None = 50


def search(connection: Connection, query: Query) -> list[dict[str, Any]]:
    """The records that fit, newest first."""
    return [record for _, record in matching(connection, query)]


def matching(
    connection: Connection, query: Query, *, oldest_first: bool = False
) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """The records that fit, as they are stored and as objects; purged ones never do. Holds a page of them at a time."""
    low, high = _span(connection, query)
    ways = [] if low > high else list(_ways(connection, query))
    found = [_way(connection, way, query, low, high, oldest_first) for way in ways]
    merged = heapq.merge(*found, key=lambda hit: hit[0], reverse=not oldest_first)
    yield from islice(_once(merged), query.limit)


_Hit = tuple[int, bytes, dict[str, Any]]


def _once(hits: Iterable[_Hit]) -> Iterator[tuple[bytes, dict[str, Any]]]:
    last = 0
    for seq, raw, record in hits:
        if seq != last:
            yield raw, record
        last = seq


# ── What is wanted ────────────────────────────────────────────────────────────────────────────────────────────────────


def _ways(connection: Connection, query: Query) -> Iterator[list[Wanted]]:
    """What a record must have. A text gives two ways to fit: its own words, or those of its attachment's names."""
    always = list(_always(connection, query))
    words = list(dict.fromkeys(log_index.words_in(query.text)))
    if not query.text.strip():
        yield always
    elif words:
        yield [*always, *(_beginning(word) for word in words)]
        if named := _named(connection, words, query):
            yield [*always, _any_of("a:", named)]


def _always(connection: Connection, query: Query) -> Iterator[Wanted]:
    if query.chats is not None:
        yield _any_of("c:", _with_former(connection, query.chats))
    if query.group is not None:
        ids = _with_former(connection, [query.group])
        yield _any_of("c:", ids) if ":" in query.group else _like("c:", lambda chat: chat.partition(":")[2] in ids)
    if query.member is not None:
        yield _any_of("s:", _subjects(connection, query.member))
    if query.rules:
        yield _rules(query.rules)
    if query.actions:
        yield _any_of("d:", query.actions)
    if query.events:
        yield _any_of("e:", query.events)
    if query.case is not None:
        yield _any_of("a:", _attachments_of(connection, "cases.id = ?", query.case))
    if query.attachment is not None:
        yield _any_of("a:", {query.attachment, *_attachments_of(connection, "attachments.id = ?", query.attachment)})


def _any_of(kind: str, values: Iterable[str]) -> Wanted:
    terms = frozenset(f"{kind}{value}" for value in values)
    return Wanted(terms.__contains__, exact=terms)


def _like(kind: str, accepts: Callable[[str], bool]) -> Wanted:
    return Wanted(
        lambda term: term.startswith(kind) and accepts(term.removeprefix(kind)), ranges=((kind, _behind(kind)),)
    )


def _rules(patterns: Sequence[str]) -> Wanted:
    if any(set(pattern) & set("*?[") for pattern in patterns):
        return _like("r:", lambda rule: any(fnmatchcase(rule, pattern) for pattern in patterns))
    return _any_of("r:", patterns)


def _beginning(word: str) -> Wanted:
    """Words that begin so, also of an event's or a rule's name, and ids that somebody may have copied in part."""
    starts = tuple(f"{kind}{word}" for kind in ("w:", "a:", "s:"))

    def accepts(term: str) -> bool:
        if term.startswith(_NAMES):
            return any(part.startswith(word) for part in log_index.words_in(term[2:]))
        return term.startswith(starts)

    return Wanted(accepts, ranges=tuple((start, _behind(start)) for start in (*starts, *_NAMES)))


def _behind(start: str) -> str:
    """The first text behind all those that begin with `start`, in the order of UTF-8."""
    last = ord(start[-1])
    return f"{start}\U0010ffff" if last in (0xD7FF, 0x10FFFF) else f"{start[:-1]}{chr(last + 1)}"


def _with_former(connection: Connection, chats: Collection[str]) -> set[str]:
    """These chats, and the ids that they had before they became supergroups: records keep the old one."""
    moved = connection.exec_driver_sql("SELECT platform, chat, moved_to FROM chats WHERE moved_to IS NOT NULL")
    found = set(chats)
    for platform, old, new in moved:
        found.update({f"{platform}:{old}"} if f"{platform}:{new}" in chats else {old} if new in chats else ())
    return found


def _subjects(connection: Connection, member: str) -> set[str]:
    rows = connection.exec_driver_sql("SELECT subject FROM people WHERE user_id = ?", (plain(member),))
    return {member, *rows.scalars()}


def _attachments_of(connection: Connection, where: str, value: object) -> set[str]:
    """The attachment of a case, or one by its id, and what was joined in it."""
    of = f"SELECT attachments.id FROM attachments LEFT JOIN cases ON cases.attachment = attachments.id WHERE {where}"  # noqa: S608 - ours
    rows = connection.exec_driver_sql(
        f"WITH one AS ({of}) SELECT id FROM one UNION SELECT id FROM attachments WHERE joined IN (SELECT id FROM one)",  # noqa: S608
        (plain(value) if isinstance(value, str) else value,),
    )
    return set(rows.scalars())


def _named(connection: Connection, words: Sequence[str], query: Query) -> set[str]:
    """The newest attachments whose names have these words, or whose file has this digest."""
    of_word = "SELECT personal FROM personal_words WHERE word >= ? AND word < ?"
    having = " INTERSECT ".join([of_word] * len(words))
    values = [plain(bound) for word in words for bound in (word, _behind(word))]
    if query.group is None and query.chats is None:
        where = f"personal IN ({having} ORDER BY personal DESC LIMIT {MOST_NAMED})"
    elif query.group is not None:
        where = f"personal IN ({having}) AND chat = ?"
        values.append(plain(query.group.rpartition(":")[2]))
    else:
        where = f"personal IN ({having}) AND platform || ':' || chat IN (SELECT value FROM json_each(?))"  # noqa: S608 - ours
        values.append(json.dumps([plain(chat) for chat in query.chats or ()]))
    rows = connection.exec_driver_sql(
        f"SELECT id FROM attachments WHERE {where} ORDER BY personal DESC LIMIT {MOST_NAMED}",  # noqa: S608 - ours
        tuple(values),
    )
    return {*rows.scalars(), *_newly_named(connection, words), *_of_digest(connection, words)}


def _of_digest(connection: Connection, words: Sequence[str]) -> Iterator[str]:
    """Those of a file with this SHA-256, of which the beginning is enough."""
    if len(words) != 1 or len(words[0]) < _SHORTEST_DIGEST or set(words[0]) - set("0123456789abcdef"):
        return
    of = f"SELECT attachment FROM parts WHERE sha256 >= ? AND sha256 < ? ORDER BY sha256 LIMIT {MOST_NAMED}"  # noqa: S608 - ours
    yield from connection.exec_driver_sql(of, (words[0], _behind(words[0]))).scalars()


def _newly_named(connection: Connection, words: Sequence[str]) -> Iterator[str]:
    """Those that came in since the index was brought up to date."""
    newest = connection.exec_driver_sql("SELECT record FROM audit WHERE seq > ?", (log_index.indexed(connection),))
    new = [record["attachment"] for raw in newest.scalars() if (record := read(raw)) and record.get("attachment")]
    names = (
        "SELECT attachments.id, personal.json FROM attachments JOIN personal ON personal.id = attachments.personal "
        "WHERE attachments.id IN (SELECT value FROM json_each(?))"
    )
    for attachment, raw in connection.exec_driver_sql(names, (json.dumps(new),)):
        theirs = log_index.words_of_person(raw)
        if all(any(mine.startswith(word) for mine in theirs) for word in words):
            yield attachment


# ── Which numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _span(connection: Connection, query: Query) -> tuple[int, int]:
    """The first and the last number that may fit."""
    newest = int(connection.exec_driver_sql("SELECT COALESCE(max(seq), 0) FROM audit").scalar_one())
    low, high = query.after + 1, newest
    if query.since is not None:
        low = max(low, first_from(connection, rfc3339(query.since), newest))
    if query.until is not None:
        high = min(high, first_from(connection, rfc3339(query.until), newest) - 1)
    if query.before is not None:
        high = min(high, query.before - 1)
    return low, high


def _way(
    connection: Connection, way: Sequence[Wanted], query: Query, low: int, high: int, oldest_first: bool
) -> Iterator[_Hit]:
    """The records that have all of this, in order."""
    upto = log_index.indexed(connection)
    pieces: list[Iterator[int]] = [
        candidates(connection, way, low, min(high, upto), oldest_first),
        all_between(connection, max(low, upto + 1), high, oldest_first),
    ]
    since, until = (None if at is None else rfc3339(at) for at in (query.since, query.until))
    for piece in pieces if oldest_first else reversed(pieces):
        for seq, raw, record in _loaded(connection, piece):
            terms = log_index.terms_of(record)
            time = str(record.get("time"))
            in_time = (since is None or time >= since) and (until is None or time < until)
            if in_time and terms and all(wanted.holds(terms) for wanted in way):
                yield seq, raw, record


def _loaded(connection: Connection, candidates: Iterator[int]) -> Iterator[_Hit]:
    while page := list(islice(candidates, _PAGE)):
        statement = f"SELECT seq, record FROM audit WHERE seq IN ({numbers(page)})"  # noqa: S608 - numbers
        rows: dict[int, Any] = dict(map(tuple, connection.exec_driver_sql(statement)))
        for seq in page:
            if record := read(rows.get(seq)):
                yield seq, rows[seq], record
