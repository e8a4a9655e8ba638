"""Processor time: of this process and of all that it has started, and of another one."""

from __future__ import annotations

import resource
import time

__all__ = ["family_seconds", "seconds_of"]


def family_seconds() -> float:
    """Seconds of this process and of its ended descendants. Those of a screener count once it is closed: its zygote
    has then waited for the workers, and we for the zygote."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in both)


def seconds_of(pid: int) -> float:
    """Seconds of a running process, by its CPU clock: the kernel numbers it as clock_getcpuclockid(3) does."""
    return time.clock_gettime((~pid << 3) | 2)
