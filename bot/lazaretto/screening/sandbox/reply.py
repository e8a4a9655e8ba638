"""A worker's answer: written by honest code, read as if by nobody's.

The worker has parsed a stranger's bytes, so its line is checked field by field: exact keys, exact types, bounded
numbers, bounded printable strings, rules and types that this process knows. Anything else is a bad reply.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import NoReturn

from lazaretto.screening.sandbox.protocol import MAX_REPLY, VERSION
from lazaretto_validators import Finding, Inspection, default_registry
from lazaretto_validators.finding import MAX_OFFSET, MAX_TEXT, evidence
from lazaretto_validators.inspect import MAX_FINDINGS, MAX_GAPS, Gap
from lazaretto_validators.media_types import MEDIA_TYPES, MediaType

__all__ = ["BadReply", "both_ends", "decode_reply", "encode_reply"]

_KEYS = {"v", "media_type", "size", "findings", "total", "coverage", "rule_set"}
_FINDING_KEYS = {"rule", "offset", "where", "seen", "allowed"}
_GAP_KEYS = {"where", "why"}

_MAX_NUMBER = MAX_OFFSET
"""Largest number in a reply: more bytes than any file has, and exact in every JSON reader."""

_TEXT_STEPS = (MAX_TEXT, 80, 30)
"""Longest strings, in characters, tried in turn. A printable character takes at most 4 bytes, so at 30 the fullest
reply is 64 x (3 x 120 + 130) + 64 x (2 x 120 + 25) bytes, about 48 KiB: it always fits."""


class BadReply(Exception):
    """The worker's line is not an answer. `expected` says what would have been one."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def encode_reply(inspection: Inspection) -> bytes:
    """The line for an inspection, newline included, at most MAX_REPLY bytes: long texts give way first."""
    for longest in _TEXT_STEPS:
        said = {
            "v": VERSION,
            "media_type": inspection.media_type.name if inspection.media_type else None,
            "size": inspection.size,
            "findings": [_finding_out(finding, longest) for finding in inspection.findings],
            "total": inspection.total,
            "coverage": [{"where": _fit(g.where, longest), "why": _fit(g.why, longest)} for g in inspection.coverage],
            "rule_set": inspection.rule_set,
        }
        line = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if len(line) <= MAX_REPLY:
            return line
    raise ValueError(f"a reply of {len(line)} bytes: more findings or longer rule ids than an inspection may have")


def decode_reply(line: bytes) -> Inspection:
    """Raises BadReply."""
    try:
        said = json.loads(line, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadReply("one line of JSON") from error
    fields = _object(said, _KEYS, "reply")
    if fields["v"] != VERSION:
        raise BadReply(f"protocol version {VERSION}")
    if fields["rule_set"] != default_registry().rule_set:
        raise BadReply("the rules that this process loaded: restart the bot after an upgrade")
    findings = tuple(_finding_in(item) for item in _list(fields["findings"], MAX_FINDINGS, "findings"))
    total = _number(fields["total"], "total")
    if total < len(findings):
        raise BadReply("a total not below the number of findings")
    return Inspection(
        _media_type(fields["media_type"]),
        None if fields["size"] is None else _number(fields["size"], "size"),
        tuple(sorted(findings, key=_severity)),
        total,
        tuple(_gap_in(item) for item in _list(fields["coverage"], MAX_GAPS, "coverage")),
        default_registry().rule_set,
    )


def _finding_out(finding: Finding, longest: int) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "offset": finding.offset,
        "where": _fit(finding.where, longest),
        "seen": _fit(finding.seen, longest),
        "allowed": _fit(finding.allowed, longest),
    }


def _fit(text: str, longest: int) -> str:
    return both_ends(evidence(text), longest)


def both_ends(text: str, longest: int) -> str:
    """A text that is too long without its middle: the end of a name says what opens it."""
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}…{text[-half:]}"


def _finding_in(item: object) -> Finding:
    fields = _object(item, _FINDING_KEYS, "finding")
    rule = fields["rule"]
    # The worker's own rules alone: that a moderator confirmed a file is for the bot to say.
    if not isinstance(rule, str) or rule not in default_registry().rules:
        raise BadReply("a rule that this process knows")
    offset = None if fields["offset"] is None else _number(fields["offset"], "offset")
    return Finding(rule, offset, *(_text(fields[key], key) for key in ("where", "seen", "allowed")))


def _gap_in(item: object) -> Gap:
    fields = _object(item, _GAP_KEYS, "coverage")
    return Gap(_text(fields["where"], "where"), _text(fields["why"], "why"))


def _severity(finding: Finding) -> int:
    return default_registry().rules[finding.rule].severity.rank


def _media_type(name: object) -> MediaType | None:
    if name is None:
        return None
    if not isinstance(name, str) or name not in _known_types():
        raise BadReply("a media type that this process knows")
    return _known_types()[name]


@cache
def _known_types() -> dict[str, MediaType]:
    foreign = {kind.name: kind for validator in default_registry().validators for kind in validator.media_types}
    return {**foreign, **MEDIA_TYPES}


def _object(value: object, keys: set[str], what: str) -> dict[str, object]:
    if not isinstance(value, dict) or value.keys() != keys:
        raise BadReply(f"{what}: an object of {', '.join(sorted(keys))}")
    return value


def _list(value: object, longest: int, what: str) -> Iterable[object]:
    if not isinstance(value, list) or len(value) > longest:
        raise BadReply(f"{what}: a list of at most {longest}")
    return value


def _number(value: object, what: str) -> int:
    # True is an int in Python; type() is exact.
    if type(value) is not int or not 0 <= value <= _MAX_NUMBER:
        raise BadReply(f"{what}: a whole number from 0 to {_MAX_NUMBER}")
    return value


def _text(value: object, what: str) -> str:
    # An honest worker has escaped what it quotes, so that controls and bidi marks in a reply are no accident.
    if not isinstance(value, str) or len(value) > MAX_TEXT or not value.isprintable():
        raise BadReply(f"{what}: at most {MAX_TEXT} printable characters")
    return value


def _without_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadReply("every key once")
    return fields


def _no_constant(name: str) -> NoReturn:
    raise BadReply(f"numbers, not {name}")
