"""Coverage, counted: what was done with every update that carries a file, so that it can be proved and not claimed.

Each such update has exactly one outcome. It is a metric at once, and from time to time an audit record of its own:
what is `screened` there is `received` in as many records.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import structlog

from lazaretto.metrics import Metrics
from lazaretto.model import Outcome
from lazaretto.state.codec import rfc3339

__all__ = ["Coverage", "Outcome"]

_EVERY = 60.0  # seconds; a crash loses the counts of no more
_log = structlog.get_logger("lazaretto.coverage")

Record = Callable[[Mapping[str, object]], Awaitable[None]]


class Coverage:
    """Counts outcomes. The counts are kept until a record of them is durable."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self._counts: Counter[str] = Counter()
        self._since = datetime.now(UTC)

    def count(self, outcome: Outcome) -> None:
        """One more update."""
        self.metrics.updates.labels(outcome.value).inc()
        self._counts[outcome.value] += 1

    async def keep(self, record: Record) -> None:
        """Write the counts down every minute, until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            await self.flush(record)

    async def flush(self, record: Record) -> None:
        """Write down what was counted since the last time, if anything was. What cannot be is written the next time."""
        if not self._counts:
            return
        until, counted = datetime.now(UTC), self._counts
        self._counts = Counter()
        data = {"since": rfc3339(self._since), "until": rfc3339(until), "updates": dict(sorted(counted.items()))}
        try:
            await record(data)
        except Exception as error:
            self._counts.update(counted)
            _log.error("what was covered cannot be recorded yet", error=str(error))
        else:
            self._since = until
