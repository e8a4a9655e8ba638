"""How the product's data is written down: canonical JSON, times, and text that a stranger chose.

Strangers choose names and captions, so every text may hold lone surrogates, which have no UTF-8. In JSON they become
`\\ud800` escapes and come back unchanged; in plain columns they stay escaped.
"""

# ruff: noqa: ARG002 - SQLAlchemy hands every type decorator a dialect

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

from lazaretto.model import Action, Claim, Gap, Person, Reason, Report
from lazaretto_validators import Finding

__all__ = [
    "Instant",
    "Json",
    "Words",
    "canonical",
    "claim_of",
    "json_of_claim",
    "json_of_person",
    "json_of_reasons",
    "json_of_report",
    "person_of",
    "reasons_of",
    "report_of",
    "rfc3339",
    "storable",
]


# Made once: it takes as long as writing a record.
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: object) -> bytes:
    """JSON with sorted keys and no spaces, in UTF-8: equal values give equal bytes. Raises ValueError for NaN."""
    text = _CANONICAL.encode(value)
    # In a JSON string Python's escape of a lone surrogate is JSON's own, so it is still the same value.
    return text.encode("utf-8", "backslashreplace")


def storable(text: str) -> str:
    """`text` with every lone surrogate escaped: what UTF-8, and so the database, can hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def rfc3339(moment: datetime) -> str:
    """UTC with microseconds, always of the same length, so that texts sort as times do. Raises for naive times."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone cannot be stored: {moment!r}")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


class Words(TypeDecorator[str]):
    """Any text, also one that has no UTF-8."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else storable(value)


class Instant(TypeDecorator[datetime]):
    """A point in time, as RFC 3339 text in UTC."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else rfc3339(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else datetime.fromisoformat(value)


class Json(TypeDecorator[Any]):
    """A JSON value as canonical text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> str | None:
        return None if value is None else canonical(value).decode("utf-8")

    def process_result_value(self, value: str | None, dialect: Dialect) -> object:
        return None if value is None else json.loads(value)


def json_of_person(person: Person) -> dict[str, Any]:
    told = {"platform": person.platform, "id": person.id, "name": person.name, "username": person.username}
    return told if person.language is None else told | {"language": person.language}


def person_of(value: dict[str, Any]) -> Person:
    return Person(value["platform"], value["id"], value["name"], value["username"], value.get("language"))


def json_of_claim(claim: Claim) -> dict[str, Any]:
    return {"name": claim.name, "media_type": claim.media_type, "size": claim.size, "kind": claim.kind}


def claim_of(value: dict[str, Any]) -> Claim:
    return Claim(value["name"], value["media_type"], value["size"], value["kind"])


def json_of_reasons(reasons: Sequence[Reason]) -> list[list[Any]]:
    return [[reason.rule, reason.action.value, reason.key, reason.part] for reason in reasons]


def reasons_of(value: list[list[Any]] | None) -> tuple[Reason, ...]:
    return tuple(Reason(rule, Action(action), key, part) for rule, action, key, part in value or ())


def json_of_report(report: Report) -> dict[str, Any]:
    return {
        "media_type": report.media_type,
        "size": report.size,
        "sha256": report.sha256,
        "findings": [[f.rule, f.offset, f.where, f.seen, f.allowed] for f in report.findings],
        "total": report.total,
        "coverage": [[gap.where, gap.why] for gap in report.coverage],
        "rule_set": report.rule_set,
        "layers": list(report.layers),
        "partial": report.partial,
        "broke_off": list(report.broke_off),
    }


def report_of(value: dict[str, Any]) -> Report:
    return Report(
        media_type=value["media_type"],
        size=value["size"],
        sha256=value["sha256"],
        findings=tuple(Finding(*finding) for finding in value["findings"]),
        total=value["total"],
        coverage=tuple(Gap(*gap) for gap in value["coverage"]),
        rule_set=value["rule_set"],
        layers=tuple(value["layers"]),
        partial=value["partial"],
        broke_off=tuple(value.get("broke_off", ())),  # older ones lack it
    )
