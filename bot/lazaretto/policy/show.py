"""`policy show`: the effective value of every key, and where it comes from."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from lazaretto.policy.layers import ACTIONS, Layer, Merged
from lazaretto.policy.selectors import CELLS, is_glob, settable
from lazaretto.policy.values import shown_period, shown_size, wildcard

__all__ = ["Row", "explain"]


class Row(NamedTuple):
    """One line: a key, its effective value as text, and where that was set."""

    key: str
    value: str
    origin: str


def explain(merged: Merged) -> list[Row]:
    """All keys, then the action for each category and severity, then every rule and glob that a layer names.

    Where another selector has the last word, the origin says which: `config/groups/-100.toml: active`.
    """
    rows = [Row(key, _text(key, value), merged.origin(key)) for key, (value, _) in merged.values.items()]
    rows += [_row(merged, cell, merged.policy.cells[cell][1]) for cell in CELLS]
    rows += _named(merged)
    return rows


def _text(key: str, value: Any) -> str:
    if value is None:
        return "none"
    if key == "max_size":
        return shown_size(value)
    if isinstance(value, timedelta):
        return shown_period(value)
    return ", ".join(value) or "none" if isinstance(value, tuple) else str(value)


def _row(merged: Merged, key: str, selector: str) -> Row:
    """The row of `key`, for which the latest layer with `selector` decides."""
    layer = _speaker(merged, selector)
    origin = layer.origin if selector == key else f"{layer.origin}: {selector}"
    return Row(f"{ACTIONS}.{key}", layer.actions[selector], origin)


def _speaker(merged: Merged, selector: str) -> Layer:
    return next(layer for layer in reversed(merged.layers) if selector in layer.actions)


def _named(merged: Merged) -> Iterator[Row]:
    rules = settable()
    named = sorted({s for layer in merged.layers for s in layer.actions if s in rules or is_glob(s)})
    for selector in named:
        if selector in rules:
            yield _row(merged, selector, merged.policy.action_for(rules[selector])[1])
        else:
            yield _glob_row(merged, selector)


def _glob_row(merged: Merged, glob: str) -> Row:
    row = _row(merged, glob, glob)
    matched = [rule for name, rule in settable().items() if wildcard(glob).fullmatch(name)]
    others = sum(merged.policy.action_for(rule)[1] != glob for rule in matched)
    if not others:
        return row
    return row._replace(origin=f"{row.origin}; other keys speak for {others} of its {len(matched)} rules")
