"""The index of the audit log: which records a search has to look at. All functions run inside the caller's transaction.

A record has *terms*: `e:` its event, `c:` chat, `s:` subject, `a:` attachment, `r:` each rule, `d:` the decision that
it speaks of, `w:` each word of what it says. The index leads from a term to the numbers of its records, and from a word
of a name, caption or file name to the erasable row that holds it, with which it goes.

Nothing depends on the index: it is made from the log, behind it and apart from it, and what it leads to is held
against the records themselves. Records behind `indexed` are not in it yet, and are few.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from sqlalchemy import Connection

__all__ = ["BATCH", "catch_up", "forget", "indexed", "terms_of", "words_in", "words_of_person"]

BATCH = 512
"""Records that are indexed together: as many are looked at one by one in a search at most, which takes some 10 ms."""

_LONGEST = 64
"""Characters of a word: a SHA-256 in hex."""

_MOST_WORDS = 200
"""Words of one record or one attachment: a caption has 1,024 characters (4,096 for some), an album has ten files."""

_NO_WORDS = {
    "digest", "digests", "evidence", "grants", "head", "layers", "made_at", "members", "message", "personal", "policy",
    "posted_at", "rule_set", "sha256", "since", "until",
}  # fmt: skip
"""What of a record's `data` is not indexed by words: ids, times, and hashes. Digests of files lead to attachments by an
index of `parts`, and each of them would be one more word of the log that comes once."""

_WORD = re.compile(r"[^\W_]+")

# Plain SQL: building a statement takes several times as long as running it.
_ADD_TERM = "INSERT OR IGNORE INTO audit_terms (term) VALUES (?)"
_NUMBERS = "SELECT term, id FROM audit_terms WHERE term IN (SELECT value FROM json_each(?))"
_ADD = "INSERT OR IGNORE INTO audit_postings (term, seq) VALUES (?, ?)"
_ADD_WORD = "INSERT OR IGNORE INTO personal_words (word, personal) VALUES (?, ?)"
_TAKE = "DELETE FROM audit_postings WHERE seq = ? AND term = (SELECT id FROM audit_terms WHERE term = ?)"
_TAKE_TERM = (
    "DELETE FROM audit_terms WHERE term = ? "
    "AND NOT EXISTS (SELECT 1 FROM audit_postings WHERE audit_postings.term = audit_terms.id)"
)
_UPTO = "INSERT INTO audit_indexed (id, seq) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET seq = max(seq, excluded.seq)"
_NAMES = (
    "SELECT personal.id, personal.json FROM attachments JOIN personal ON personal.id = attachments.personal "
    "WHERE attachments.id IN (SELECT value FROM json_each(?))"
)


def words_in(text: str) -> list[str]:
    """The words of a text, as they are indexed: runs of letters and digits, without regard to case."""
    plain = text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()
    return [word[:_LONGEST] for word in _WORD.findall(plain)]


def terms_of(record: Mapping[str, Any]) -> set[str]:
    """The terms of a record; none of a tombstone. The words of its event and its rules are those of their terms."""
    event = record.get("event")
    if not isinstance(event, str):
        return set()
    data = record.get("data") or {}
    terms = {f"w:{word}" for word in islice(_said(data), _MOST_WORDS)}
    terms.add(f"e:{event}")
    terms.update([f"r:{rule}" for rule in record.get("rules") or ()])
    for kind, field in (("c:", "chat"), ("s:", "subject"), ("a:", "attachment")):
        if record.get(field) is not None:
            terms.add(f"{kind}{record[field]}")
    if "action" in data:
        terms.add(f"d:{data['action']}")
    return terms


def _said(value: object) -> Iterator[str]:
    """The words in `data`. Most of its texts are a few that come again and again."""
    if isinstance(value, str):
        yield from _words_of_short(value) if len(value) <= _LONGEST else words_in(value)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _NO_WORDS:
                yield from _said(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _said(inner)


@lru_cache(4096)
def _words_of_short(text: str) -> tuple[str, ...]:
    return tuple(words_in(text))


def words_of_person(raw: str) -> set[str]:
    """The words of an attachment's erasable fields: its sender's and files' names, and its caption."""
    fields = json.loads(raw)
    if not isinstance(fields, dict) or "claims" not in fields:
        return set()
    sender = fields.get("sender") or {}
    names = (claim.get("name") for claim in fields["claims"].values())
    texts = (sender.get("name"), sender.get("username"), *names, fields.get("caption"))
    return set(words_in(" ".join(text for text in texts if text))[:_MOST_WORDS])


def indexed(connection: Connection) -> int:
    """The number of the last record that is in the index."""
    return int(connection.exec_driver_sql("SELECT COALESCE(max(seq), 0) FROM audit_indexed").scalar_one())


def catch_up(connection: Connection, most: int = BATCH) -> bool:
    """Index so many of the records that are not yet. Answers whether there may be more of them."""
    done = indexed(connection)
    page = connection.exec_driver_sql(
        "SELECT seq, record FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", (done, most)
    ).all()
    if not page:
        return False
    found = [(seq, record) for seq, raw in page if (record := _record(raw)) is not None]
    _add_terms(connection, [(seq, terms_of(record)) for seq, record in found])
    _add_names(connection, [record for _, record in found])
    connection.exec_driver_sql(_UPTO, (page[-1][0],))
    return len(page) == most


def _record(raw: object) -> dict[str, Any] | None:
    """None for what is no JSON object: finding these is `verify`'s work, and the index must not stop at them."""
    try:
        record = json.loads(raw) if isinstance(raw, bytes) else None
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _add_terms(connection: Connection, found: Sequence[tuple[int, set[str]]]) -> None:
    terms = sorted(set().union(*(terms for _, terms in found)))
    if not terms:
        return
    connection.exec_driver_sql(_ADD_TERM, [(_storable(term),) for term in terms])
    numbers = dict(tuple(row) for row in connection.exec_driver_sql(_NUMBERS, (json.dumps([*map(_storable, terms)]),)))
    connection.exec_driver_sql(_ADD, sorted((numbers[_storable(term)], seq) for seq, mine in found for term in mine))


def _add_names(connection: Connection, found: Sequence[Mapping[str, Any]]) -> None:
    """Those of attachments that came in. Whoever was erased meanwhile has none any more."""
    new = [record["attachment"] for record in found if record.get("event") in ("received", "joined")]
    rows = connection.exec_driver_sql(_NAMES, (json.dumps(new),)).all() if new else []
    words = sorted((_storable(word), number) for number, raw in rows for word in words_of_person(raw))
    if words:
        connection.exec_driver_sql(_ADD_WORD, words)


def forget(connection: Connection, rows: Iterable[tuple[int, bytes]]) -> None:
    """Take records out that are purged: numbers and bytes, as they were."""
    found = [(seq, terms_of(record)) for seq, raw in rows if (record := _record(raw)) is not None]
    gone = [(seq, _storable(term)) for seq, terms in found for term in terms]
    if gone:
        connection.exec_driver_sql(_TAKE, gone)
        connection.exec_driver_sql(_TAKE_TERM, [(term,) for term in sorted({term for _, term in gone})])


def _storable(term: str) -> str:
    return term.encode("utf-8", "backslashreplace").decode("utf-8")
