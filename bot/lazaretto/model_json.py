"""Reports as JSON and back: what the database keeps of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from lazaretto.model import Gap, Report
from lazaretto_validators import Finding

__all__ = ["report_from_json", "report_to_json"]

T = TypeVar("T")

_VERSION = 1


def report_to_json(report: Report) -> dict[str, Any]:
    """A report as what `json.dumps` takes: {"v": 1, and every field of `Report` under its own name}."""
    return {"v": _VERSION, **asdict(report)}


def report_from_json(stored: Any) -> Report:
    """The report that `report_to_json` wrote. Raises ValueError, naming the field, for anything else."""
    if not isinstance(stored, dict) or stored.get("v") != _VERSION:
        raise ValueError(f"not a report of version {_VERSION}: it was written by another version of Lazaretto")
    try:
        return Report(
            media_type=_optional(stored["media_type"], str, "media_type"),
            size=_optional(stored["size"], int, "size"),
            sha256=_optional(stored["sha256"], str, "sha256"),
            findings=_tuple(stored["findings"], _finding, "findings"),
            total=_is(stored["total"], int, "total"),
            coverage=_tuple(stored["coverage"], _gap, "coverage"),
            rule_set=_is(stored["rule_set"], str, "rule_set"),
            layers=_tuple(stored["layers"], lambda layer: _is(layer, str, "layers"), "layers"),
            partial=_is(stored["partial"], bool, "partial"),
            broke_off=_tuple(stored.get("broke_off", ()), lambda why: _is(why, str, "broke_off"), "broke_off"),
        )
    except KeyError as missing:
        raise ValueError(f"report: {missing} is missing") from missing


def _finding(stored: Any) -> Finding:
    fields = _is(stored, dict, "finding")
    texts = (_is(fields[key], str, key) for key in ("where", "seen", "allowed"))
    return Finding(_is(fields["rule"], str, "rule"), _optional(fields["offset"], int, "offset"), *texts)


def _gap(stored: Any) -> Gap:
    fields = _is(stored, dict, "gap")
    return Gap(_is(fields["where"], str, "where"), _is(fields["why"], str, "why"))


def _tuple(stored: Any, convert: Callable[[Any], T], field: str) -> tuple[T, ...]:
    if not isinstance(stored, list | tuple):
        raise ValueError(f"report: {field} is no list")
    return tuple(convert(item) for item in stored)


def _optional(stored: Any, kind: type[T], field: str) -> T | None:
    return None if stored is None else _is(stored, kind, field)


def _is(stored: Any, kind: type[T], field: str) -> T:
    # Exact: True is an int in Python, and no size.
    if type(stored) is not kind:
        raise ValueError(f"report: {field} is {type(stored).__name__}, not {kind.__name__}")
    return stored
