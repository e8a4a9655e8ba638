"""Layers of policy keys written down as the TOML of one group's file, which is read as the same layer again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from lazaretto.model import Action
from lazaretto.policy.layers import ACTIONS, KEYS, Layer
from lazaretto.policy.selectors import CELLS, best, is_glob, settable
from lazaretto.policy.values import shown_period, shown_size, wildcard
from lazaretto_validators import Category, Rule, Severity

__all__ = ["toml_of"]

_CELLS_AND_CATEGORIES = frozenset([*CELLS, *Category])


def toml_of(layers: Sequence[Layer]) -> str:
    """The keys of all layers, later beating earlier, in the order in which they are documented. Actions come last:
    all lines below a table belong to it."""
    values: dict[str, Any] = {}
    for layer in layers:
        values |= layer.values
    actions = _one_table([layer.actions for layer in reversed(layers)])
    lines = [f"{key} = {_value(key, values[key])}" for key in KEYS if key in values]
    return "\n".join([*lines, *_table(actions)]) + "\n" if lines or actions else ""


def _one_table(tables: Sequence[Mapping[str, Action]]) -> Mapping[str, Action]:
    """One table for several, the last word first. A later layer's category beats an earlier one's rule, which in one
    table would beat the category: where that makes a difference, the cell or rule is named."""
    if len(tables) == 1:
        return tables[0]
    flat: dict[str, Action] = {}
    for table in reversed(tables):
        for category in set(Category) & table.keys():
            flat = {selector: action for selector, action in flat.items() if not selector.startswith(f"{category}.")}
        if not _CELLS_AND_CATEGORIES.isdisjoint(table):  # in one table, `*` would beat them; the loop below names all
            flat = {selector: action for selector, action in flat.items() if not _is_for_all(selector)}
        flat |= table
    # Rules without a name of their own stand for the whole cell; they come first, as what is named beats them.
    cells = {cell: Rule("", Category(cell.split(".")[0]), Severity(cell.split(".")[1]), "", "") for cell in CELLS}
    for name, rule in (*cells.items(), *settable().items()):
        wanted = _action(rule, tables)
        if wanted is not None and _action(rule, [flat]) is not wanted:
            flat[name] = wanted
    return flat


def _is_for_all(selector: str) -> bool:
    """Does it speak for every rule, also for those that are to come?"""
    return is_glob(selector) and wildcard(selector).fullmatch("") is not None


def _action(rule: Rule, tables: Sequence[Mapping[str, Action]]) -> Action | None:
    for table in tables:
        if (selector := best(rule, table)) is not None:
            return table[selector]
    return None


def _table(actions: Mapping[str, Action]) -> Iterator[str]:
    if not actions:
        return
    yield ""
    yield f"[{ACTIONS}]"
    for selector in sorted(actions):
        yield f"{_text(selector)} = {_text(actions[selector])}"


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if key == "max_size":
        return _text(shown_size(value))
    if isinstance(value, timedelta):
        return _text(shown_period(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple):
        return f"[{', '.join(_text(one) for one in value)}]"
    return _text(value)


def _text(value: str) -> str:
    """A basic string: JSON's escapes are TOML's, which wants DEL escaped, too (TOML 1.0, String)."""
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
