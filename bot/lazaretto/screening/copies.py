"""Copies of one file are looked at once, whoever posts them and whenever.

What is kept of a file is what was found in its bytes; the claims of every post are judged anew. It is kept by digest,
rule set and limits, for as long as the bot runs.

A digest is known with the last byte, and by then a worker that looked along the way is done. So a file that may be a
copy, because one of its size was looked at or is being looked at, only fills the spool, and a worker looks at it
afterwards if its digest is new.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

from lazaretto.screening.sandbox.handle import Fault, FaultKind
from lazaretto.tasks import spawn
from lazaretto_validators import Inspection, Limits

__all__ = ["Copies", "Seen"]

_MOST = 4096
"""Inspections that are kept: of 64 findings each at most, some tens of kilobytes at the very worst."""

_PATIENCE = 10.0
"""Seconds to wait for another file of the same size that is still arriving. A copy is posted within moments of the
first, and a download that somebody draws out must not hold up others."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What was found in the bytes, before any claim was judged, and the lock that held meanwhile."""

    inspection: Inspection
    layers: tuple[str, ...]


class _Key(NamedTuple):
    sha256: str
    rule_set: str
    limits: Limits


Work = Callable[[], Coroutine[None, None, Seen | Fault]]


class Copies:
    """What was made of which bytes. limits, rule_set: what every inspection here is made under."""

    def __init__(self, limits: Limits, rule_set: str, most: int = _MOST, patience: float = _PATIENCE) -> None:
        self._limits = limits
        self._rule_set = rule_set
        self._most = most
        self._patience = patience
        self._kept: OrderedDict[_Key, Seen] = OrderedDict()
        self._sizes: Counter[int] = Counter()  # of those that are kept
        self._looking: dict[_Key, asyncio.Task[Seen | Fault]] = {}
        self._arriving: dict[int, set[asyncio.Future[None]]] = {}
        self.reused = 0

    def probable(self, size: int | None) -> bool:
        """May a file of this size be a copy of one that is known or just arriving?"""
        return size is not None and (self._sizes[size] > 0 or size in self._arriving)

    @contextmanager
    def arriving(self, size: int | None) -> Iterator[None]:
        """A file of which nobody knows yet whether it has copies is looked at while it arrives."""
        if size is None:
            yield
            return
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._arriving.setdefault(size, set()).add(over)
        try:
            yield
        finally:  # however it ended, nobody waits for it any longer
            self._arriving[size].discard(over)
            if not self._arriving[size]:
                del self._arriving[size]
            over.set_result(None)

    def keep(self, sha256: str, size: int, seen: Seen) -> None:
        """Remember what was found in a whole file. What ended at some bound of its own is not the whole."""
        key = self._key(sha256)
        if seen.inspection.size != size or seen.inspection.rule_set != self._rule_set or key in self._kept:
            return
        self._kept[key] = seen
        self._sizes[size] += 1
        if len(self._kept) > self._most:
            _, oldest = self._kept.popitem(last=False)
            self._forget_size(oldest.inspection.size)

    async def seen(self, sha256: str, size: int, work: Work) -> Seen | Fault:
        """What was found in these bytes: known, being found by somebody else, or found by `work` now.

        `work` goes on for others when whoever began it is cancelled. A fault of the file is shared by those who
        wait, and not kept.
        """
        key, loop = self._key(sha256), asyncio.get_running_loop()
        patient_until = loop.time() + self._patience
        while True:
            if (known := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                self.reused += 1
                return known
            if (task := self._looking.get(key)) is not None:
                found = await asyncio.shield(task)
                if isinstance(found, Fault) and found.kind is FaultKind.FAILED:
                    continue  # the machinery failed and not the file: whoever waited has a try of their own
                self.reused += 1
                return found
            left = patient_until - loop.time()
            if size not in self._arriving or left <= 0:
                return await asyncio.shield(self._begin(key, size, work))
            await asyncio.wait(self._arriving[size], timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def _begin(self, key: _Key, size: int, work: Work) -> asyncio.Task[Seen | Fault]:
        task = self._looking[key] = spawn(work(), "a look at a file that may have copies")

        def over(done: asyncio.Task[Seen | Fault]) -> None:
            del self._looking[key]
            if not done.cancelled() and done.exception() is None and isinstance(found := done.result(), Seen):
                self.keep(key.sha256, size, found)

        task.add_done_callback(over)
        return task

    def _key(self, sha256: str) -> _Key:
        return _Key(sha256, self._rule_set, self._limits)

    def _forget_size(self, size: int | None) -> None:
        if size is not None:
            self._sizes[size] -= 1
            if not self._sizes[size]:
                del self._sizes[size]
