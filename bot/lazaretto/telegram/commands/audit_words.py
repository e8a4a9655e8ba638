"""What is looked for in the log, in the words of `/audit`: those of the terminal, with a colon."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta

from lazaretto.audit import Event
from lazaretto.model import Action
from lazaretto.text import shown

__all__ = ["LONGEST", "Sought", "WrongFilter", "sought_in"]

LONGEST = 200
"""Characters of a question, which stands above its answer."""

_CHAT = re.compile(r"-[0-9]{1,18}")
_MEMBER = re.compile(r"@[A-Za-z0-9_]{1,32}|[0-9]{1,18}|[0-9a-f]{32}")
_RULE = re.compile(r"[a-z0-9*?][a-z0-9.*?-]{0,63}")
_CASE = re.compile(r"[0-9]{1,18}")
_PERIOD = re.compile(r"([0-9]{1,5})([mhdw])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


class WrongFilter(ValueError):
    """A filter that there is not, or with a value that it cannot have; the text is the word."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Filters as they were written, each one that holds, and the words beside them. of: the chat; None for all."""

    since: str = ""
    until: str = ""
    group: str = ""
    member: str = ""
    case: str = ""
    rule: tuple[str, ...] = ()
    event: tuple[str, ...] = ()
    decision: tuple[str, ...] = ()
    text: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        """The command that asks for it."""
        words = ["/audit"]
        for each in fields(self):
            value = getattr(self, each.name)
            some = [value] if isinstance(value, str) else value
            words += [one if each.name == "text" else f"{each.name}:{one}" for one in some if one]
        return " ".join(words)

    def moments(self, now: datetime) -> tuple[datetime | None, datetime | None]:
        """From when on, and until when."""
        return (_moment(self.since, now) if self.since else None, _moment(self.until, now) if self.until else None)


def sought_in(words: Sequence[str], now: datetime) -> Sought:
    """Raises WrongFilter."""
    found: dict[str, str] = {}
    several: dict[str, list[str]] = {"rule": [], "event": [], "decision": [], "text": []}
    for word in shown(" ".join(words), LONGEST).split():
        name, colon, value = word.partition(":")
        name = name.lower()
        if _CHAT.fullmatch(word):
            found["group"] = word
        elif not colon or name not in _CHECKS:
            several["text"].append(word)  # also `http://...`: whoever looks for it means it
        elif not _CHECKS[name](value, now):
            raise WrongFilter(word)
        elif name in several:
            several[name].append(value)
        else:
            found[name] = value
    return Sought(
        since=found.get("since", ""),
        until=found.get("until", ""),
        group=found.get("group", ""),
        member=found.get("member", ""),
        case=found.get("case", ""),
        rule=tuple(several["rule"]),
        event=tuple(several["event"]),
        decision=tuple(several["decision"]),
        text=tuple(several["text"]),
    )


def _moment(text: str, now: datetime) -> datetime | None:
    """`7d` (ago) or a date, without a zone in UTC; None for anything else."""
    try:
        if period := _PERIOD.fullmatch(text):
            return now - int(period[1]) * _UNITS[period[2]]
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _like(form: re.Pattern[str]) -> Callable[[str, datetime], bool]:
    return lambda value, _: form.fullmatch(value) is not None


def _is_moment(value: str, now: datetime) -> bool:
    return _moment(value, now) is not None


_CHECKS: Mapping[str, Callable[[str, datetime], bool]] = {
    "since": _is_moment,
    "until": _is_moment,
    "group": _like(_CHAT),
    "member": _like(_MEMBER),
    "case": _like(_CASE),
    "rule": _like(_RULE),
    "event": lambda value, _: value in list(Event),
    "decision": lambda value, _: value in list(Action),
}
