"""The lock that a worker puts around itself before its first attacker's byte.

The order matters, because each step needs something that a later one takes away: Landlock needs a descriptor and
no_new_privs, the memory limit needs a look into /proc, and the filter forbids all of it. A step that fails is recorded
and the next one is taken: whether what holds is enough, the caller decides, and says so before it reads anything.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from lazaretto.screening.sandbox import landlock, limits, linux, seccomp

__all__ = ["MANDATORY", "Lock", "Locked", "lock_down"]

MANDATORY = frozenset({"no-new-privs", "undumpable", "rlimits", "cpu-timer", "seccomp"})
"""Layers without which a worker on Linux must not read a byte."""

_PARENT_GONE = 69
"""Exit status of a worker whose parent died before it could tie itself to it (EX_UNAVAILABLE). Nobody sees it."""


class Locked(NamedTuple):
    """`layers` hold now. `failed` has "name: reason" of each that this system should have and that does not hold."""

    layers: tuple[str, ...]
    failed: tuple[str, ...]


class Lock(NamedTuple):
    """What is the same for every worker and takes time: made once in the zygote, before any fork.

    `program`: the filter; None where there is no table for this machine. `landlock`: the ABI; 0 for none. `signals`:
    those that do not do what they do by default.
    """

    program: bytes | None
    landlock: int
    signals: tuple[int, ...] = ()
    leave_out: frozenset[str] = frozenset()

    @classmethod
    def prepare(cls, *, refused: seccomp.Refusal = "eperm", leave_out: frozenset[str] = frozenset()) -> Lock:
        """`leave_out` names layers that are not put on (Landlock without its number): for tests which prove that an
        attack gets through without its layer; no configuration leads here. Set no signal handler afterwards."""
        arch = seccomp.architecture()
        program = None if arch is None else seccomp.program(arch, refused=refused)
        return cls(program, 0 if "landlock" in leave_out else landlock.abi(), _signals(), leave_out)

    def whole(self) -> Locked:
        """What `lock_down` answers where nothing fails."""
        steps = [layer for layer, _ in _steps(0, 0, self) if layer not in self.leave_out]
        return Locked((*([] if _is_root() else ["unprivileged"]), *steps), ())


def lock_down(memory: int, cpu: float, lock: Lock | None = None, *, parent: int | None = None) -> Locked:
    """Lock this process, for good: `memory` bytes beyond what it uses now, `cpu` seconds from now on. Never raises.

    Without a `lock`, only with what POSIX offers: an interpreter of its own speaks on descriptors that no filter knows.
    `parent`: the process that forked this one, to die with it; a worker that finds itself orphaned exits at once.
    """
    failed: list[str] = []
    layers = [] if _is_root() else ["unprivileged"]
    _attempt("signals", partial(_reset, lock.signals if lock else _signals()), failed)
    if parent is not None:
        _attempt("parent-death", partial(_die_with, parent), failed)
    for layer, step in _steps(memory, cpu, lock):
        if (lock is None or layer not in lock.leave_out) and _attempt(layer, step, failed):
            layers.append(layer)
    return Locked(tuple(layers), tuple(failed))


def _steps(memory: int, cpu: float, lock: Lock | None) -> list[tuple[str, Callable[[], None]]]:
    """The layers that this system should have, in the order in which they can be put on."""
    if sys.platform == "win32":
        return []
    bounds: list[tuple[str, Callable[[], None]]] = [
        ("rlimits", partial(limits.set_rlimits, limits.address_space(), memory, cpu)),
        ("cpu-timer", partial(limits.start_cpu_timer, cpu)),
    ]
    if sys.platform != "linux" or lock is None:
        return bounds
    rights = [(f"landlock-{lock.landlock}", partial(landlock.restrict, lock.landlock))] if lock.landlock else []
    return [
        ("undumpable", partial(_set, linux.PR_SET_DUMPABLE, 0, linux.PR_GET_DUMPABLE)),
        ("no-new-privs", partial(_set, linux.PR_SET_NO_NEW_PRIVS, 1, linux.PR_GET_NO_NEW_PRIVS)),
        *rights,
        *bounds,
        ("seccomp", partial(_filter, lock.program)),
    ]


def _attempt(name: str, step: Callable[[], None], failed: list[str]) -> bool:
    try:
        step()
    except Exception as error:  # whatever it is, the layer does not hold, and the caller must hear of it
        failed.append(f"{name}: {error}")
        return False
    return True


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _signals() -> tuple[int, ...]:
    """Those that somebody handles or ignores: what the parent does on a signal is not for a worker, and one that is
    ignored would not end it at a limit. Python's own choice stays: a write to a closed socket is an exception."""
    if sys.platform == "win32":
        return ()
    exceptions = (signal.SIGPIPE, signal.SIGXFSZ)
    return tuple(
        number
        for number in signal.valid_signals()
        if number not in exceptions and signal.getsignal(number) is not signal.SIG_DFL
    )


def _reset(signals: tuple[int, ...]) -> None:
    signal.set_wakeup_fd(-1)
    for number in signals:
        signal.signal(number, signal.SIG_DFL)
    if sys.platform != "win32":
        signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _die_with(parent: int) -> None:
    """Linux kills us when the thread that forked us ends. If that was before it was told to, we go ourselves."""
    if sys.platform == "linux":
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(_PARENT_GONE)


def _set(option: int, value: int, question: int) -> None:
    linux.prctl(option, value)
    if linux.prctl(question) != value:
        raise OSError(errno.EPERM, "accepted, but without effect")


def _filter(program: bytes | None) -> None:
    if program is None:
        raise OSError(errno.ENOSYS, "no table of system calls for this machine")
    seccomp.install(program)
