"""Under what conditions the pipeline works: how much at once, how fast, what is counted, and who is told of trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic

from lazaretto.alarms import Alarms
from lazaretto.metrics import Metrics
from lazaretto.model import Place
from lazaretto.pace import Pace, Pacer
from lazaretto.quotas import Quotas

__all__ = ["OTHER_GROUPS", "Conditions"]

OTHER_GROUPS = "other"


def _no_group(_: Place) -> str:
    return OTHER_GROUPS


@dataclass(slots=True, kw_only=True)
class Conditions:
    """One set for all who share it. group_of: under which name a chat is counted; sleep: how a pause is made;
    clock: seconds that only go forward."""

    metrics: Metrics = field(default_factory=Metrics)
    alarms: Alarms = None  # type: ignore[assignment]  # made below, because it counts in the same metrics
    pacer: Pacer = field(default_factory=lambda: Pacer(Pace()))
    quotas: Quotas = field(default_factory=Quotas)
    group_of: Callable[[Place], str] = _no_group
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    clock: Callable[[], float] = monotonic

    def __post_init__(self) -> None:
        if self.alarms is None:
            self.alarms = Alarms(self.metrics)
