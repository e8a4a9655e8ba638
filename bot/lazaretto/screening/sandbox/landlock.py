"""Landlock with an empty set of rules: no right to any file, TCP port, abstract socket, or process outside.

It stands behind the system-call filter, and alone where the filter has no table. It does not stop stat(2) or chdir(2).
The ABI of a kernel says which rights it knows: to ask for another is an error, and what is not asked for is granted.

landlock(7), Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import errno
import os
import struct
import sys

from lazaretto.screening.sandbox import linux

__all__ = ["abi", "restrict"]

# The same numbers on every architecture.
_CREATE_RULESET = 444
_RESTRICT_SELF = 446

_ASK_VERSION = 1

_ATTRIBUTES: dict[int, tuple[int, ...]] = {
    # ABI: struct landlock_ruleset_attr: file system, network, scopes; each u64, each as long as the kernel knows it
    1: ((1 << 13) - 1,),
    2: ((1 << 14) - 1,),  # refer
    3: ((1 << 15) - 1,),  # truncate
    4: ((1 << 15) - 1, 0b11),  # TCP bind, TCP connect
    5: ((1 << 16) - 1, 0b11),  # ioctl on devices
    6: ((1 << 16) - 1, 0b11, 0b11),  # abstract sockets, signals
    7: ((1 << 16) - 1, 0b11, 0b11),  # nothing: it is about logging
}
_NEWEST = max(_ATTRIBUTES)


def abi() -> int:
    """The kernel's ABI, or the newest that we know if it is newer; 0 where the kernel has no Landlock, where that was
    left off at boot, or where a container's filter does not let us ask."""
    if sys.platform != "linux":
        return 0
    try:
        return min(linux.syscall(_CREATE_RULESET, 0, 0, _ASK_VERSION), _NEWEST)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0
        raise


def restrict(version: int) -> None:
    """Give up every right that ABI `version` knows, for this thread and what it starts. Raises OSError.

    Needs no_new_privs and one free descriptor, which it closes again.
    """
    values = _ATTRIBUTES[min(version, _NEWEST)]
    attributes = struct.pack(f"={len(values)}Q", *values)
    rule_set = linux.syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        linux.syscall(_RESTRICT_SELF, rule_set, 0)
    finally:
        os.close(rule_set)
