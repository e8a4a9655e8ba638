"""Values of policy keys as people type them in a chat, brought into the form that the configuration's files have.

on and yes are true; 3d is "3 days", 20mb is "20 MB"; lists are separated by spaces or commas. What is not understood
is left as it is: the key's own reader then says what is wrong, and what to write.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from lazaretto.policy import ConfigError, Problem
from lazaretto.policy.layers import ACTIONS, CHAT, KEYS
from lazaretto.policy.selectors import check
from lazaretto.policy.values import (
    count,
    days,
    globs,
    members,
    period,
    period_or_none,
    read_size,
    switch,
    words,
)

__all__ = ["is_list", "key_of", "value_of"]

_TRUE = frozenset({"on", "yes", "true", "1", "enable", "enabled"})
_FALSE = frozenset({"off", "no", "false", "0", "disable", "disabled"})
_NOTHING = frozenset({"none", "nobody", "nothing", "-", "off", "no"})
_PERIOD = re.compile(r"([0-9]{1,6})\s*([a-z]+)")
_UNITS = {"d": "day", "day": "day", "days": "day", "w": "week", "week": "week", "weeks": "week"}
_UNITS |= {"y": "year", "year": "year", "years": "year"}
_SIZE = re.compile(r"([0-9]+(?:[.,][0-9]+)?)\s*([a-z]*)")
_SHORT_SIZES = {"k": "KB", "m": "MB", "g": "GB", "t": "TB"}
_NUMBER = re.compile(r"[0-9]{1,6}")
_SEPARATOR = re.compile(r"[\s,;]+")
_MOST = 64
"""Values in a list: more belongs into a file."""
_LONGEST = 100
"""Characters of one value: media types have up to 127 each side of the slash, and none that is in use comes near."""
_PLAIN = re.compile(r"[\w.+*?\[\]!/:-]+", re.ASCII)


def key_of(typed: str) -> str:
    """A policy key as typed. `actions.` may be left out: `active.high` is `actions.active.high`."""
    key = typed.strip()
    if key.lower().replace("-", "_") in KEYS:
        return key.lower().replace("-", "_")
    return f"{ACTIONS}.{key}" if not key.startswith(f"{ACTIONS}.") and check(key) is None else key


def value_of(key: str, typed: str) -> object:
    """A value as it is kept for the key. Raises ConfigError for what is too long or has characters that none has."""
    text = typed.strip()
    if key not in KEYS:
        return text.lower()
    read = KEYS[key].read
    kind = _KINDS.get(getattr(read, "func", read))
    return text.lower() if kind is None else kind(key, text)


def is_list(key: str) -> bool:
    """Is the key's value a list?"""
    return isinstance(KEYS[key].default, tuple) if key in KEYS else False


def _switch(_key: str, text: str) -> object:
    word = text.lower()
    return True if word in _TRUE else False if word in _FALSE else text


def _list(key: str, text: str) -> object:
    if text.lower() in _NOTHING:
        return []
    values = [value.strip("\"'") for value in _SEPARATOR.split(text.strip("[]")) if value.strip("\"'")]
    wrong = next((v for v in values if len(v) > _LONGEST or not _PLAIN.fullmatch(v)), None)
    if wrong is not None:
        raise ConfigError([Problem(CHAT, key, f"{wrong[:_LONGEST]!r} is no value of a list", KEYS[key].remedy)])
    if len(values) > _MOST:
        raise ConfigError([Problem(CHAT, key, "the list is too long", f"write at most {_MOST} values")])
    return [value.lower() for value in values]


def _period(_key: str, text: str) -> object:
    word = text.lower()
    if word in ("off", "no", "0", "never"):
        return "none"
    match = _PERIOD.fullmatch(word)
    unit = _UNITS.get(match[2]) if match else None
    return f"{int(match[1])} {unit}s" if match and unit else word


def _size(_key: str, text: str) -> object:
    match = _SIZE.fullmatch(text.lower())
    if match is None:
        return text
    unit = _SHORT_SIZES.get(match[2], match[2].upper() or "B").replace("IB", "iB")
    return f"{match[1].replace(',', '.')} {unit}"


def _number(_key: str, text: str) -> object:
    word = "0" if text.lower() in _FALSE else text
    return int(word) if _NUMBER.fullmatch(word) else text


_KINDS: Mapping[Callable[..., Any], Callable[[str, str], object]] = {
    switch: _switch,
    globs: _list,
    members: _list,
    words: _list,
    period: _period,
    period_or_none: _period,
    read_size: _size,
    count: _number,
    days: _number,
}
"""By the function that reads a key."""
