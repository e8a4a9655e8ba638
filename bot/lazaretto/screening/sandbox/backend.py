"""How workers come to be: the port that the screener needs, whatever the system offers behind it."""

from __future__ import annotations

import asyncio
import signal
import sys
from dataclasses import dataclass
from typing import Protocol

from lazaretto.screening.sandbox.link import Link
from lazaretto.screening.sandbox.protocol import EXIT_MEMORY

__all__ = ["Backend", "Bounds", "Ending", "Process", "default_backend"]

_CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGSYS", "SIGTRAP")
_TIMERS = ("SIGPROF", "SIGXCPU")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the system itself holds a worker to. memory: bytes of address space beyond what is in use when it starts.

    cpu: seconds of processor time; the last resort, since the bot counts them as well, by the size of the file.
    """

    memory: int
    cpu: float
    spare: bool = False  # its file comes later: it may get ready at leisure


@dataclass(frozen=True, slots=True)
class Ending:
    """How a worker ended. status: of its exit, or minus the signal; None where nobody is left who could tell."""

    status: int | None

    @property
    def signal(self) -> str:
        """The signal's name, empty if it was none."""
        if self.status is None or self.status >= 0:
            return ""
        try:
            return signal.Signals(-self.status).name
        except ValueError:  # a real-time signal has no name
            return f"signal {-self.status}"

    @property
    def crashed(self) -> bool:
        """Did it do what an exploited process does: fault, abort, or ask the kernel for what it may not have?"""
        return self.signal in _CRASHES

    @property
    def out_of_time(self) -> bool:
        """Did the kernel's timer end it?"""
        return self.signal in _TIMERS

    @property
    def out_of_memory(self) -> bool:
        """Did it end itself for want of memory?"""
        return self.status == EXIT_MEMORY

    def __str__(self) -> str:
        if self.status is None:
            return "it vanished"
        if self.signal:
            return f"killed by {self.signal}"
        return f"exit status {self.status}"


class Process(Protocol):
    """A running worker."""

    @property
    def layers(self) -> tuple[str, ...]:
        """What the way of starting it puts between the worker and us; the worker itself may add to it."""

    @property
    def link(self) -> Link:
        """The stream to it."""

    @property
    def gone(self) -> asyncio.Future[Ending]:
        """Done when the process is dead and reaped."""

    @property
    def fresh(self) -> bool:
        """May it be given a file? Not once another one of the same origin has crashed: forks share the layout of their
        memory, and whoever saw one crash could aim better at the next (BROP, Bittau et al. 2014)."""

    def cpu_seconds(self) -> float | None:
        """Processor time that it has used; None where the system does not tell."""

    def kill(self) -> None:
        """End it now. One that is gone already is no error."""


class Backend(Protocol):
    """A way to get workers."""

    @property
    def restarts(self) -> int:
        """How often what starts them had to be started anew."""

    async def start(self, file: int, bounds: Bounds) -> Process:
        """A worker that holds the descriptor `file`, which stays the caller's. Raises OSError. Not to be cancelled."""

    async def close(self) -> None:
        """End whatever is needed to start workers. They themselves must be gone before."""


def default_backend(*, require: bool) -> Backend:
    """The strongest that this system has. require: workers without every mandatory layer leave without a byte."""
    if sys.platform == "linux":
        from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend

        return ZygoteBackend(require=require)
    from lazaretto.screening.sandbox.exec_backend import ExecBackend

    return ExecBackend()
