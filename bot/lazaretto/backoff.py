"""Who made the check crash is not looked at again for a while, so that crashing tells an attacker little.

An exploit that has to guess where things lie in memory tries until a process no longer crashes. Workers get a new
layout after every crash; this makes the tries rare. Each crash of a sender doubles the pause, up to a day; a
day after it without another one clears it. Kept in memory, so that a restart forgets it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from lazaretto.model import Attachment

__all__ = ["Backoff"]

_FIRST = 60.0
_LONGEST = 86_400.0
_MEMORY = 86_400.0  # behind the pause: a day on which nothing crashed
"""Seconds."""

_MOST_SENDERS = 10_000
"""Beyond, those whose last crash is longest ago are forgotten: a memory that strangers fill needs an end."""


@dataclass(slots=True)
class _Record:
    crashes: int = 0
    last: float = 0.0

    @property
    def pause(self) -> float:
        return min(_LONGEST, _FIRST * 2.0 ** min(self.crashes - 1, 32))


class Backoff:
    """Crashes by sender. clock: seconds that only go forward."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._records: OrderedDict[tuple[str, str], _Record] = OrderedDict()

    def crashed(self, attachment: Attachment) -> float:
        """A file of this sender crashed a worker. Answers for how many seconds nothing of theirs is looked at."""
        key, now = _sender(attachment), self._clock()
        record = self._records.pop(key, None)
        if record is None or now - record.last >= record.pause + _MEMORY:
            record = _Record()
        record.crashes, record.last = record.crashes + 1, now
        self._records[key] = record
        if len(self._records) > _MOST_SENDERS:
            self._records.popitem(last=False)
        return record.pause

    def left(self, attachment: Attachment) -> float:
        """Seconds for which nothing of this sender is looked at; 0 for nearly everybody."""
        record = self._records.get(_sender(attachment))
        return max(0.0, record.last + record.pause - self._clock()) if record else 0.0


def _sender(attachment: Attachment) -> tuple[str, str]:
    """Who posts without a name of their own, such as anonymous admins and channels, shares the chat's."""
    return attachment.sender.platform, attachment.sender.id or f"chat {attachment.place.chat}"
