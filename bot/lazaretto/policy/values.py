"""The values that policies and settings are written in: sizes, ids, globs.

Every reader takes what TOML, JSON or a mapping gave and answers the value; it raises ValueError with what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from fnmatch import translate
from functools import lru_cache
from typing import TypeVar

__all__ = [
    "ADMINS",
    "FOREVER",
    "count",
    "days",
    "earlier",
    "globs",
    "identifier",
    "later",
    "members",
    "names",
    "one_of",
    "period",
    "period_or_none",
    "read_size",
    "shown_period",
    "shown_size",
    "switch",
    "wildcard",
    "word",
    "words",
]

_Word = TypeVar("_Word", bound=StrEnum)

MAX_SIZE = 2**53
"""Bytes. Beyond it a number no longer survives JSON readers that count in doubles; no file comes near it."""

_UNITS = {"B": 1}
_UNITS |= {f"{prefix}B": 1000**power for power, prefix in enumerate("KMGT", 1)}
_UNITS |= {f"{prefix}IB": 1024**power for power, prefix in enumerate("KMGT", 1)}
_SIZE = re.compile(r"([0-9]{1,16})(?:\.([0-9]{1,3}))?\s*([A-Za-z]{1,3})")
_PERIOD = re.compile(r"([0-9]{1,6})\s*(day|week|year)s?", re.IGNORECASE)
_DAYS = {"day": 1, "week": 7, "year": 365}
_LONGEST = 36_500
"""Days. Whoever means longer means for ever."""

FOREVER = timedelta.max
"""The period that is longer than every other."""

ADMINS = "admins"
"""Stands in `exempt` for whoever administers the chat."""

_IDENTIFIER = re.compile(r"-?[0-9]{1,19}")


def read_size(value: object) -> int:
    """Bytes, from an integer or from text such as "50 MB" (50,000,000) or "20 MiB" (20 x 1024 x 1024)."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r} is not a size")
    count = value if isinstance(value, int) else _size_of_text(value)
    if not 0 < count <= MAX_SIZE:
        raise ValueError(f"{value!r} is out of range")
    return count


def _size_of_text(text: str) -> int:
    match = _SIZE.fullmatch(text.strip())
    unit = _UNITS.get(match[3].upper()) if match else None
    if match is None or unit is None:
        raise ValueError(f"{text!r} is not a size")
    # Whole numbers throughout: 0.1 has no exact double, and a limit must not depend on rounding.
    fraction = match[2] or ""
    divisor: int = 10 ** len(fraction)
    return int(match[1] + fraction) * unit // divisor


def shown_size(count: int) -> str:
    """A size as the configuration would write it, in the largest unit that is exact."""
    unit = max((u for u, value in _UNITS.items() if count % value == 0), key=_UNITS.__getitem__)
    return f"{count // _UNITS[unit]} {unit.replace('IB', 'iB')}"


def switch(value: object) -> bool:
    """true or false, and nothing that is like them."""
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def identifier(value: object) -> str:
    """The id of a chat or member: digits in a string, because the next platform's ids are no numbers."""
    if isinstance(value, int) and not isinstance(value, bool):
        raise ValueError(f'{value} is a number: ids are written in quotes, "{value}"')
    if not isinstance(value, str) or not _IDENTIFIER.fullmatch(value):
        raise ValueError(f"{value!r} is not an id")
    return value


def days(value: object) -> int:
    """A whole number of days, from 1 to ten years."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is not a whole number")
    if not 1 <= value <= 3650:
        raise ValueError(f"{value} is out of range")
    return value


def count(value: object) -> int:
    """A whole number from 0 to 100."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise ValueError(f"{value!r} is not a whole number from 0 to 100")
    return value


def members(value: object) -> tuple[str, ...]:
    """A list of members' ids, and `admins` for all who administer the chat."""
    return tuple(name if name == ADMINS else identifier(name) for name in names(value))


def period_or_none(value: object) -> timedelta:
    """A period; "none" is no time at all."""
    return timedelta(0) if isinstance(value, str) and value.strip().lower() == "none" else period(value)


def period(value: object) -> timedelta:
    """A time to keep something, from text such as "30 days", "12 weeks", "1 year" (365 days) or "forever"."""
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a period")
    text = value.strip().lower()
    if text == "forever":
        return FOREVER
    match = _PERIOD.fullmatch(text)
    if match is None:
        raise ValueError(f"{value!r} is not a period")
    count = int(match[1]) * _DAYS[match[2]]
    if not 1 <= count <= _LONGEST:
        raise ValueError(f"{value!r} is out of range")
    return timedelta(days=count)


def shown_period(value: timedelta) -> str:
    """A period as the configuration would write it."""
    if not value:
        return "none"
    if value == FOREVER:
        return "forever"
    return "1 day" if value.days == 1 else f"{value.days} days"


def earlier(moment: datetime, period: timedelta) -> datetime:
    """So long before a moment; never before time begins, where FOREVER would lead."""
    first = datetime.min.replace(tzinfo=UTC)
    return moment - period if moment - first > period else first


def later(moment: datetime, period: timedelta) -> datetime:
    """So long after a moment; never after time ends, where FOREVER would lead."""
    last = datetime.max.replace(tzinfo=UTC)
    return moment + period if last - moment > period else last


def names(value: object) -> tuple[str, ...]:
    """A list of strings."""
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(v, str) and v for v in value):
        raise ValueError(f"{value!r} is not a list of strings")
    return tuple(value)


def globs(value: object) -> tuple[str, ...]:
    """A list of globs on media types, in lower case as media types are compared."""
    return tuple(glob.strip().lower() for glob in names(value))


def word(kind: type[_Word], value: object) -> _Word:
    """One of an enumeration's words."""
    try:
        return kind(value)  # type: ignore[arg-type]  # a value of any type is looked up, and refused
    except ValueError:
        raise ValueError(f"{value!r} is not one of {', '.join(kind)}") from None


def one_of(known: Sequence[str], value: object) -> str:
    """One of these texts."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{value!r} is not one of {', '.join(known)}")
    return value


def words(kind: type[_Word], value: object) -> tuple[_Word, ...]:
    """A list of an enumeration's words."""
    return tuple(word(kind, one) for one in names(value))


@lru_cache(maxsize=4096)
def wildcard(glob: str) -> re.Pattern[str]:
    """A glob (`*`, `?`, `[...]`) as a pattern for `fullmatch`; case counts."""
    return re.compile(translate(glob))
