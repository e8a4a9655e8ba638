"""How much may wait and be kept at once, so that nobody can fill the machine up.

What is beyond is not looked at: its claims and the platform's ids are kept, and the group's policy says what
`unscannable` means for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from time import monotonic

from lazaretto.model import Attachment

__all__ = ["Quotas", "Waiting"]


@dataclass(frozen=True, slots=True)
class Quotas:
    """at_once: files that are fetched and looked at together. waiting: attachments that wait, in all, three quarters of
    them of one chat, and per_member of one member in one chat. spool: bytes of all files that are being looked at."""

    at_once: int = 8
    waiting: int = 10_000
    per_member: int = 200
    spool: int = 4_000_000_000

    @property
    def of_a_chat(self) -> int:
        """Attachments of one chat that may wait: a raid by many members must leave the other chats room to be seen."""
        return ceil(self.waiting * 3 / 4)


class Waiting:
    """What waits, and for how long. clock: seconds that only go forward."""

    def __init__(self, quotas: Quotas, clock: Callable[[], float] = monotonic) -> None:
        self._quotas = quotas
        self._clock = clock
        self._held: Counter[tuple[str, ...]] = Counter()  # by (chat,) and by (chat, member)
        self._since: dict[str, float] = {}  # in the order in which they came

    def __len__(self) -> int:
        return len(self._since)

    def longest(self) -> float:
        """Seconds for which the oldest has been waiting."""
        oldest = next(iter(self._since.values()), None)
        return 0.0 if oldest is None else self._clock() - oldest

    def add(self, attachment: Attachment) -> str:
        """One more. Answers what it is too much of, or nothing."""
        self._since[attachment.id] = self._clock()
        chat, member = _holders(attachment)
        self._held.update((chat, member))
        if len(self._since) > self._quotas.waiting:
            return f"{self._quotas.waiting} waiting"
        if self._held[member] > self._quotas.per_member:
            return f"{self._quotas.per_member} of the same member waiting"
        if self._held[chat] > self._quotas.of_a_chat:
            return f"{self._quotas.of_a_chat} of the same chat waiting"
        return ""

    def remove(self, attachment: Attachment) -> None:
        """It waits no longer."""
        del self._since[attachment.id]
        for holder in _holders(attachment):
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]


def _holders(attachment: Attachment) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return (attachment.place.chat,), (attachment.place.chat, attachment.sender.id)
