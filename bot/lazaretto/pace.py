"""How fast the platform is asked: so much in all, less for posts in one chat, and removals before everything else.

A platform that is asked too fast refuses a chat for a while, removals included, and what should be gone stays visible.
So posts leave room for removals that may come, and never wait in front of them; where a chat is refused all the same,
that chat alone waits. A platform that cannot be reached is asked by one request from time to time, and everything else
waits for what comes of that one. Every count is a bucket that refills steadily, and nothing here waits: whoever asks is
told how long to.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from lazaretto.ports import Deed, DeedKind

__all__ = ["Pace", "Pacer"]

_RESERVE = 1 / 3
"""Of what may be asked in a second, kept for removals."""

_FIRST_PAUSE = 5.0
_LONGEST_PAUSE = 60.0
"""Seconds before a platform that could not be reached is tried again; doubled each time. The longest is what a file may
stay visible for after the network is back, and keeps a night without one to sixty tries an hour."""

_ROUNDING = 1e-6  # of a request: who comes back after exactly the time that was named must not be sent away again
_MOST_CHATS = 10_000
"""Whose counts are kept. Those asked longest ago are forgotten, and by then their buckets are full again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """What a platform bears. per_second: requests in all. chat_per_minute: posts and edits in one chat.

    A quarter of a chat's minute may come at once; after that not more than one a second, or what the minute allows.
    """

    per_second: float = 30.0
    chat_per_minute: float = 20.0


class _Bucket:
    """Holds up to `size`, and refills by `rate` a second."""

    __slots__ = ("_at", "_level", "_rate", "_size")

    def __init__(self, size: float, rate: float, now: float) -> None:
        self._size = size
        self._rate = rate
        self._level = size
        self._at = now

    def wait(self, amount: float, now: float) -> float:
        """Seconds until `amount`, or all that it can hold, is in it."""
        self._level = min(self._size, self._level + (now - self._at) * self._rate)
        self._at = now
        missing = min(amount, self._size) - self._level
        return missing / self._rate if missing > _ROUNDING else 0.0

    def take(self, amount: float) -> None:
        """May leave less than nothing, for what is larger than the bucket."""
        self._level -= amount


@dataclass(slots=True)
class _Chat:
    """One chat's counts, and until when the platform refuses it, for removals and for the rest."""

    minute: _Bucket
    moment: _Bucket
    refused: dict[bool, float] = field(default_factory=dict)


class Pacer:
    """Who may ask now. clock: seconds that only go forward."""

    def __init__(self, pace: Pace, clock: Callable[[], float] = monotonic) -> None:
        self._pace = pace
        self._clock = clock
        self._all = _Bucket(pace.per_second, pace.per_second, clock())
        self._chats: OrderedDict[str, _Chat] = OrderedDict()
        self._pause = 0.0  # while the platform cannot be reached, the one after the newest try
        self._closed = 0.0  # until then nothing is asked
        self._probe: int | None = None  # the deed that tried last

    def admit(self, deed: Deed) -> float:
        """0, and it is counted: ask now. Otherwise the seconds after which to come again."""
        now, chat, removal = self._clock(), self._chat(deed.room), deed.kind is DeedKind.REMOVE
        if (refused := chat.refused.get(removal, now) - now) > 0:
            return refused
        if self._pause and self._closed > now:
            return self._closed - now
        if removal:
            wait = self._all.wait(deed.requests, now)
        else:
            kept = self._pace.per_second * _RESERVE
            wait = max(self._all.wait(1 + kept, now), chat.minute.wait(1, now), chat.moment.wait(1, now))
        if wait > 0:
            return wait
        self._all.take(deed.requests)
        if not removal:
            chat.minute.take(1)
            chat.moment.take(1)
        if self._pause:  # should nobody ever say what came of it, the next one has its try after the same pause
            self._probe, self._closed = deed.id, now + self._pause
        return 0.0

    def refused(self, deed: Deed, seconds: float) -> None:
        """The platform wants nothing of this kind in this chat for so long. Other chats are not concerned."""
        self.reached()
        self._chat(deed.room).refused[deed.kind is DeedKind.REMOVE] = self._clock() + seconds

    def unreachable(self, deed: Deed) -> None:
        """The platform could not be reached for this, nor could it for anything else."""
        now = self._clock()
        if self._pause and self._closed > now and deed.id != self._probe:
            return  # it was under way when that was found out
        self._pause = min(_LONGEST_PAUSE, 2 * self._pause) if self._pause else _FIRST_PAUSE
        self._probe, self._closed = None, now + self._pause

    def reached(self) -> None:
        """The platform answered, whatever it said."""
        self._pause = 0.0

    def _chat(self, room: str) -> _Chat:
        chat = self._chats.get(room)
        if chat is None:
            now, minute = self._clock(), self._pace.chat_per_minute
            moment = _Bucket(max(1.0, minute / 4), max(1.0, minute / 60), now)
            chat = self._chats[room] = _Chat(_Bucket(max(1.0, minute), minute / 60, now), moment)
            if len(self._chats) > _MOST_CHATS:
                self._chats.popitem(last=False)
        self._chats.move_to_end(room)
        return chat
