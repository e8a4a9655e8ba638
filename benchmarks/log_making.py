"""A log of any length, as a bot writes it: attachments on their way, some of them held, decided about, and refused.

Records are made by the ledger, and indexed as the store does it; the rows that they speak of are written beside them,
many at once, because a bot would need a quarter of an hour for a million.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert, select

from lazaretto.audit import AuditedStore, Event, Ledger
from lazaretto.audit.about import About
from lazaretto.state import log_index, people
from lazaretto.state.codec import rfc3339
from lazaretto.state.schema import attachments, cases, parts
from lazaretto.state.schema import people as people_table

__all__ = ["GROUPS", "MEMBERS", "START", "WORDS", "make_log"]

GROUPS, MEMBERS = 50, 5000
START = datetime(2026, 1, 1, tzinfo=UTC)

WORDS = [
    f"{a}{b}"
    for a in ["ba", "ce", "di", "fo", "gu", "ha", "ki", "lo", "mu", "ne", "po", "ra", "su", "ti", "wo"]
    for b in ["ran", "mel", "dor", "vis", "tak"]
]
_KINDS = [("png", "image/png"), ("pdf", "application/pdf"), ("zip", "application/zip"), ("mp4", "video/mp4")]
_RULES = ["claim.runs", "claim.double-extension", "pdf.javascript", "png.chunk-crc", "zip.encrypted", "office.macro"]
_TOGETHER = 5000  # attachments in one transaction

_HELD_EVERY = 12
"""One of so many is held: a group that is under attack has more, a quiet one less."""


@dataclass(slots=True)
class _Rows:
    """What is written beside the records, table by table."""

    attachments: list[dict[str, Any]] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)
    cases: list[dict[str, Any]] = field(default_factory=list)


async def make_log(store: AuditedStore, records: int) -> None:
    """Write at least so many records, and index them."""
    subjects = await store.write(_members)
    rng, number = random.Random(1), 0
    while int((await store.head()).partition(":")[0]) < records:
        first, number = number, number + min(_TOGETHER, max(1, records // 5))
        await store.write(lambda ledger, a=first, b=number: _some(ledger, rng, subjects, a, b))  # type: ignore[misc]
    while await store.state.writer.do(log_index.catch_up):
        pass


def _members(ledger: Ledger) -> list[str]:
    rng = random.Random(2)
    rows: list[dict[str, Any]] = [
        {
            "subject": hashlib.md5(f"s{n}".encode(), usedforsecurity=False).hexdigest(),
            "platform": "telegram",
            "user_id": str(10_000 + n),
            "name": " ".join(rng.choices(WORDS, k=2)).title(),
            "username": None,
        }
        for n in range(MEMBERS)
    ]
    ledger.connection.execute(insert(people_table), rows)
    return [row["subject"] for row in rows]


def _some(ledger: Ledger, rng: random.Random, subjects: Sequence[str], first: int, behind: int) -> None:
    rows = _Rows()
    for number in range(first, behind):
        ledger.now = START + timedelta(seconds=40 * number)
        _one(ledger, rng, subjects, number, rows)
    connection = ledger.connection
    connection.execute(insert(attachments), rows.attachments)
    connection.execute(insert(parts), rows.parts)
    if rows.cases:
        connection.execute(insert(cases), rows.cases)
    ledger.records.clear()  # the mirror has no use for them


def _one(ledger: Ledger, rng: random.Random, subjects: Sequence[str], number: int, rows: _Rows) -> None:
    extension, media_type = rng.choice(_KINDS)
    one = hashlib.md5(f"a{number}".encode(), usedforsecurity=False).hexdigest()
    digest = hashlib.sha256(f"f{number // 3}".encode()).hexdigest()
    subject, group = rng.choice(subjects), f"-100{rng.randrange(GROUPS)}"
    name = f"{'_'.join(rng.choices(WORDS, k=3))}_{number}.{extension}"
    said: dict[str, Any] = {"chat": None, "caption": " ".join(rng.choices(WORDS, k=6))}
    said["sender"] = {
        "platform": "telegram",
        "id": str(10_000 + number % MEMBERS),
        "name": "Somebody",
        "username": None,
    }
    said["claims"] = {"0": {"name": name, "media_type": media_type, "size": 1000, "kind": "document"}}
    kept = people.keep(ledger.connection, subject, said)
    about = About(chat=f"telegram:{group}", attachment=one, subject=subject)
    held = number % _HELD_EVERY == 0
    rule = rng.choice(_RULES)
    posted = rfc3339(ledger.now)
    received = {"kind": "document", "message": str(number), "parts": 1, "posted_at": posted, "private": False}
    ledger.append(Event.RECEIVED, received | {"personal": kept.digest}, **about)
    looked = _looked(media_type, digest, held)
    ledger.append(Event.SCREENED, {"parts": [looked]}, rules=[rule] if held else [], **about)
    action = "quarantine" if held else "forward"
    reasons = [[rule, action, "spoofed.high", 0]] if held else []
    decided = {"action": action, "enforced": True, "policy": "7d1e" * 16, "reasons": reasons}
    ledger.append(Event.DECIDED, decided, rules=[rule] if held else [], **about)
    if held:
        _held(ledger, rng.choice(subjects[:40]), number, about, rows)
    ledger.append(Event.FINISHED, case=number // _HELD_EVERY + 1 if held else None, **about)
    rows.attachments.append(_row(one, group, number, subject, kept.id, ledger.now, action))
    rows.parts.append(
        {"attachment": one, "part": 0, "file_id": "f", "unique_id": "u", "path": "p", "sha256": digest, "size": 1000}
    )


def _looked(media_type: str, digest: str, held: bool) -> dict[str, Any]:
    return {
        "media_type": media_type,
        "size": 1000,
        "sha256": digest,
        "findings": int(held),
        "not_covered": 0,
        "rule_set": "0a1b2c3d4e5f6071",
        "layers": ["landlock", "no_new_privs", "rlimits", "seccomp"],
        "partial": False,
        "evidence": "e" * 64,
    }


def _held(ledger: Ledger, moderator: str, number: int, about: About, rows: _Rows) -> None:
    case = number // _HELD_EVERY + 1
    ledger.append(Event.OPENED, {"action": "quarantine"}, case=case, **about)
    for deed, kind in enumerate(("remove", "card")):
        ledger.append(Event.ATTEMPTED, {"deed": 2 * number + deed, "kind": kind, "attempt": 1}, case=case, **about)
        ledger.append(Event.DONE, {"deed": 2 * number + deed, "kind": kind}, case=case, **about)
    about = About(chat=about["chat"], attachment=about["attachment"], subject=moderator)
    if case % 3 == 0:
        ledger.append(
            Event.REFUSED_PRESS, {"verb": "release", "why": "no right to delete messages"}, case=case, **about
        )
    if case % 2 == 0:
        ledger.append(Event.CONFIRMED, {"digests": []}, case=case, **about)
    rows.cases.append({"id": case, "attachment": about["attachment"], "state": "open", "opened_at": ledger.now})


def _row(one: str, group: str, number: int, subject: str, kept: int, now: datetime, action: str) -> dict[str, Any]:
    return {
        "id": one,
        "platform": "telegram",
        "chat": group,
        "message": str(number),
        "private": 0,
        "channel": 0,
        "update_id": str(number),
        "kind": "document",
        "subject": subject,
        "personal": kept,
        "posted_at": now,
        "received_at": now,
        "action": action,
        "enforced": 1,
        "reasons": [],
        "policy": "p",
        "state": "finished",
    }


def case_numbers(connection: Connection) -> list[int]:
    """All cases that there are."""
    return list(connection.scalars(select(cases.c.id)))
