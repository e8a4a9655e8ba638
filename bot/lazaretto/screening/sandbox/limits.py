"""What a worker may use up: rlimits, and a timer of CPU time. POSIX; nothing of it on Windows.

setrlimit(2), setitimer(2).
"""

from __future__ import annotations

import errno
import math
import os
import signal
import sys

if sys.platform != "win32":
    import resource

__all__ = ["address_space", "set_rlimits", "start_cpu_timer"]

_NOTHING = ("CORE", "FSIZE", "MEMLOCK", "MSGQUEUE", "NPROC")
"""None of it at all: a core file would hold the attachment. MSGQUEUE is Linux only; NPROC does not bind root."""

_CPU_SOFT = 2
_CPU_HARD = 4
"""Seconds beyond the budget. The kernel counts whole ones, so that both come surely after the timer's SIGPROF: at the
soft limit SIGXCPU, which has a name of its own, and at the hard one SIGKILL, which could be anybody's."""


def address_space() -> int | None:
    """Bytes of address space in use; None where the system does not tell. Needs a free descriptor and /proc."""
    if sys.platform == "linux":
        try:
            statm = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return int(os.read(statm, 128).split()[0]) * resource.getpagesize()
        finally:
            os.close(statm)
    return None


def set_rlimits(in_use: int | None, memory: int, cpu: float, *, descriptors: int = 0) -> None:
    """Limit this process to `in_use + memory` bytes of address space, `cpu` seconds, descriptors below `descriptors`.

    `in_use` is what `address_space` said in this same process, after a fork: all that the parent has loaded counts.
    Only Linux tells it and bounds it; elsewhere somebody must watch the memory from outside. Open descriptors stay
    open. Raises OSError, or ValueError for a hard limit that is lower already; what can be refused comes last.
    """
    if sys.platform != "win32":
        for name in _NOTHING:
            which = getattr(resource, f"RLIMIT_{name}", None)
            if which is not None:
                resource.setrlimit(which, (0, 0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))
        seconds = math.ceil(cpu)
        resource.setrlimit(resource.RLIMIT_CPU, (seconds + _CPU_SOFT, seconds + _CPU_HARD))
        if sys.platform == "linux":
            if in_use is None:
                raise OSError(errno.ENODATA, "no /proc/self/statm tells the size of the address space")
            resource.setrlimit(resource.RLIMIT_AS, (in_use + memory, in_use + memory))


def start_cpu_timer(cpu: float) -> None:
    """SIGPROF after `cpu` more seconds of CPU time, to the millisecond; what it does by default is kill."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, cpu)
