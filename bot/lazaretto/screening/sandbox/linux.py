"""The few system calls of Linux that Python has no function for, by ctypes.

The types of the C functions are spelled out: ctypes takes results and arguments for ints, which cuts a pointer in half.
A call that the kernel refuses raises OSError with the kernel's number.

prctl(2), close_range(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
from functools import cache

__all__ = [
    "FIRST_KEPT",
    "PR_GET_DUMPABLE",
    "PR_GET_NO_NEW_PRIVS",
    "PR_SET_DUMPABLE",
    "PR_SET_NO_NEW_PRIVS",
    "PR_SET_PDEATHSIG",
    "close_range",
    "keep_only",
    "prctl",
    "syscall",
]

PR_SET_PDEATHSIG = 1
PR_GET_DUMPABLE = 3
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39

FIRST_KEPT = 3
"""The first descriptor after stdin, stdout and stderr."""

_CLOSE_RANGE = 436
"""The same number on every architecture, like all calls since Linux 5.1."""

_LAST = 0xFFFF_FFFF
"""Where close_range ends: descriptors are unsigned ints to it."""

_FEW = 4096
"""Where we end on a kernel before 5.9, which closes one at a time. The kernel hands out the lowest free number and a
zygote holds a dozen, so none of its descriptors can lie above."""


@cache
def _libc() -> ctypes.CDLL:
    """The C library that the interpreter runs on, with the types of what we call."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    libc.syscall.argtypes = [ctypes.c_long] + [ctypes.c_void_p] * 4
    libc.prctl.restype = ctypes.c_int
    libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
    return libc


def syscall(number: int, *arguments: int | bytes) -> int:
    """System call `number` with up to four arguments: integers, addresses, or bytes to point to. Raises OSError."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return _checked(_libc().syscall(number, *padded))


def prctl(option: int, value: int = 0) -> int:
    """Raises OSError. The arguments that an option does not have must be zero to some of them."""
    return _checked(_libc().prctl(option, value, 0, 0, 0))


def close_range(first: int, last: int = _LAST) -> None:
    """Close the descriptors from `first` to `last`, both included; those that are not open are no error."""
    try:
        syscall(_CLOSE_RANGE, first, last, 0)
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        os.closerange(first, min(last + 1, _FEW))


def keep_only(*descriptors: int) -> None:
    """Move `descriptors` to 3, 4, ... in this order and close all others from there on; 0 to 2 stay. Raises OSError.

    They may lie on one another's places: so all are first copied above every one of them, then each to its own.
    """
    end = FIRST_KEPT + len(descriptors)
    above = max(end, *(descriptor + 1 for descriptor in descriptors)) if descriptors else end
    for copy, descriptor in enumerate(descriptors, above):
        os.dup2(descriptor, copy, inheritable=False)
    for copy, place in enumerate(range(FIRST_KEPT, end), above):
        os.dup2(copy, place, inheritable=False)
    close_range(end)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
