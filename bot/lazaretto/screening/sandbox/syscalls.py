"""What a locked worker may ask of the kernel: system calls and their numbers, as data.

A warmed-up worker that hashes, inflates and matches really makes `read`, `pread64`, `write`, `brk`, `exit_group`, and
`mmap`, `munmap`, `getrandom` for larger objects. The other allowed calls are what malloc and the return from a signal
may need, and clocks where the kernel's vDSO is absent. All of them work on memory, on time, and on two descriptors.

What is refused is what a stray import or a write to stderr tries: to Python an exception, EPERM, and not the end of the
worker. So is an allowed call with other arguments. Whatever is not named here ends the process, and nobody should add
a call "to be safe": epoll, poll, sendmsg, clone, tgkill, prctl, io_uring and memfd are left out on purpose.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux. Both architectures are
little-endian, which `seccomp` relies on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["ALLOWED", "ARCHITECTURES", "REFUSED", "Architecture", "Condition"]


class Architecture(NamedTuple):
    """`machine` as uname(2) says it; `audit`: the AUDIT_ARCH value that a filter sees; `seccomp`: the number of the
    call that installs one; `numbers`: those of the calls in the policy, by name."""

    machine: str
    audit: int
    seccomp: int
    numbers: Mapping[str, int]


class Condition(NamedTuple):
    """Argument number `argument` (from 0), after AND with `mask`, is one of `values`. Only its low 32 bits count."""

    argument: int
    mask: int
    values: tuple[int, ...]


_TABLE: dict[str, tuple[int | None, int | None]] = {
    # name              x86_64 aarch64
    "read":              (0,    63),
    "pread64":           (17,   67),
    "write":             (1,    64),
    "brk":               (12,   214),
    "mmap":              (9,    222),
    "munmap":            (11,   215),
    "mremap":            (25,   216),
    "madvise":           (28,   233),
    "mprotect":          (10,   226),
    "getrandom":         (318,  278),
    "clock_gettime":     (228,  113),
    "gettimeofday":      (96,   169),
    "time":              (201,  None),
    "futex":             (202,  98),
    "rt_sigreturn":      (15,   139),
    "restart_syscall":   (219,  128),
    "exit_group":        (231,  94),
    "open":              (2,    None),
    "openat":            (257,  56),
    "close":             (3,    57),
    "lseek":             (8,    62),
    "fstat":             (5,    80),
    "stat":              (4,    None),
    "lstat":             (6,    None),
    "newfstatat":        (262,  79),
    "statx":             (332,  291),
    "access":            (21,   None),
    "faccessat":         (269,  48),
    "readlink":          (89,   None),
    "readlinkat":        (267,  78),
    "getdents64":        (217,  61),
    "getcwd":            (79,   17),
    "ioctl":             (16,   29),
    "fcntl":             (72,   25),
    "getpid":            (39,   172),
    "uname":             (63,   160),
    "sysinfo":           (99,   179),
    "sched_yield":       (24,   124),
    "rt_sigaction":      (13,   134),
    "rt_sigprocmask":    (14,   135),
}  # fmt: skip


def _column(index: int) -> dict[str, int]:
    return {name: number for name, row in _TABLE.items() if (number := row[index]) is not None}


ARCHITECTURES = (
    Architecture("x86_64", 0xC000_003E, 317, _column(0)),
    Architecture("aarch64", 0xC000_00B7, 277, _column(1)),
)

# A descriptor and a futex's operation are ints to the kernel: it looks at no more than these bits itself.
_INT = 0xFFFF_FFFF
_SOCKET = Condition(0, _INT, (3,))
_FILE = Condition(0, _INT, (4,))

_PROT_EXEC = 0x4
_MAP_ANONYMOUS = 0x20
# Single bits of a long, both in its low half.
_NOT_EXECUTABLE = Condition(2, _PROT_EXEC, (0,))
_ANONYMOUS = Condition(3, _MAP_ANONYMOUS, (_MAP_ANONYMOUS,))

_FUTEX_WAKE = 1
_FUTEX_PRIVATE = 128
# Nobody else is there to be waited for: a lock that is taken would be a worker that hangs.
_WAKES = Condition(1, _INT, (_FUTEX_WAKE, _FUTEX_WAKE | _FUTEX_PRIVATE))

_DONTNEED, _FREE = 4, 8
# What malloc gives pages back with. Other advice can poison pages, or change how the kernel keeps them.
_GIVES_BACK = Condition(2, _INT, (_DONTNEED, _FREE))

# The system's clocks have small numbers; those of other processes are negative.
_NAMED_CLOCK = Condition(0, 0xFFFF_FFF0, (0,))

ALLOWED: Mapping[str, tuple[Condition, ...]] = {
    "read": (_SOCKET,),
    "pread64": (_FILE,),
    "write": (_SOCKET,),
    "brk": (),
    "mmap": (_NOT_EXECUTABLE, _ANONYMOUS),
    "munmap": (),
    "mremap": (),
    "madvise": (_GIVES_BACK,),
    "mprotect": (_NOT_EXECUTABLE,),
    "getrandom": (),
    "clock_gettime": (_NAMED_CLOCK,),
    "gettimeofday": (),
    "time": (),
    "futex": (_WAKES,),
    "rt_sigreturn": (),
    "restart_syscall": (),
    "exit_group": (),
}
"""By name, in the order of comparing: what a worker calls most comes first. All conditions of a call must hold."""

REFUSED = tuple(name for name in _TABLE if name not in ALLOWED)
"""Answered with EPERM."""
