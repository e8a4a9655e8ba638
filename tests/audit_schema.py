"""Holds every audit record that a test writes in this process against the published schema."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from lazaretto.audit import Ledger

__all__ = ["SCHEMA", "Watcher", "problems"]

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "docs" / "audit-events.schema.json").read_text(encoding="utf-8")
)
_TYPES: dict[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
_KNOWN = {
    "$schema", "$ref", "$defs", "title", "description", "type", "const", "enum", "pattern", "minimum", "required",
    "properties", "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "allOf", "if", "then",
}  # fmt: skip


def problems(value: Any, schema: dict[str, Any], at: str = "record") -> list[str]:
    """The part of JSON Schema that ours uses, checked by hand."""
    assert schema.keys() <= _KNOWN, "a keyword that is not checked here"
    if "$ref" in schema:
        return problems(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], at)
    if not _has_type(value, schema.get("type")):
        return [f"{at}: not {schema['type']}"]
    found = [*_plain(value, schema, at), *_inside(value, schema, at)]
    for rule in schema.get("allOf", ()):
        if not problems(value, rule["if"], at):
            found += problems(value, rule["then"], at)
    return found


def _has_type(value: Any, wanted: str | list[str] | None) -> bool:
    if wanted is None:
        return True
    names = [wanted] if isinstance(wanted, str) else wanted
    return any(type(value) is _TYPES[name] for name in names)


def _plain(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: none of {schema['enum']}")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{at}: {value!r} is not like {schema['pattern']}")
    if isinstance(value, int) and value < schema.get("minimum", value):
        found.append(f"{at}: too small")
    return found


def _inside(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found = [f"{at}: lacks {name}" for name in schema.get("required", ()) if name not in value]
        if schema.get("additionalProperties") is False:
            found += [f"{at}: has {name}" for name in value.keys() - properties.keys()]
        known = value.keys() & properties.keys()
        return found + [p for name in known for p in problems(value[name], properties[name], f"{at}.{name}")]
    if isinstance(value, list):
        within = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        found = [] if within else [f"{at}: {len(value)} items"]
        kinds = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        return found + [
            p
            for n, (item, kind) in enumerate(zip(value, kinds, strict=False))
            for p in problems(item, kind, f"{at}[{n}]")
        ]
    return []


_FIELDS = {key: value for key, value in SCHEMA.items() if key != "allOf"}


class Watcher:
    """Looks at each record as it is appended. wrong: what did not fit, since the last `take`. seen: by event."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self._wrong: list[str] = []

    def watch(self) -> None:
        """From now on, for good."""
        append = Ledger.append

        def watched(ledger: Ledger, *args: Any, **kwargs: Any) -> None:
            append(ledger, *args, **kwargs)
            self.look(ledger.records[-1])

        Ledger.append = watched  # type: ignore[method-assign, assignment]

    def look(self, record: dict[str, Any]) -> None:
        """Check one record. The schema's conditions are one definition for each event; a test holds it to that."""
        plain = json.loads(json.dumps(record))  # as a reader has it: tuples are arrays, members of enums are texts
        self.seen[plain["event"]] += 1
        found = problems(plain, _FIELDS) + problems(plain["data"], SCHEMA["$defs"].get(plain["event"], {}), "data")
        self._wrong += [f"{plain['event']}: {problem}" for problem in found]

    def take(self) -> list[str]:
        """What did not fit since this was last asked."""
        found, self._wrong = self._wrong, []
        return found
