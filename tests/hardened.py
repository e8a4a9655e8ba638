"""A command behind the options of a systemd unit, where no systemd runs: `python hardened.py UNIT COMMAND...`.

The filters of system calls are put on by libseccomp, as systemd does it, and stay on for all that the command starts:
SystemCallFilter=, MemoryDenyWriteExecute=, RestrictNamespaces=, RestrictAddressFamilies=, and with them
NoNewPrivileges=. What the groups of calls hold, `systemd-analyze syscall-filter` says. Mounts and users are the
caller's business.
"""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

__all__ = ["LIBRARY", "allowed_calls", "options"]

LIBRARY = "libseccomp.so.2"

_ALLOW = 0x7FFF_0000
_ERRNO = 0x0005_0000
_EQ, _GT, _MASKED_EQ = 4, 6, 7

_WRITE, _EXEC = 2, 4
_SHM_EXEC = 0o100000
_NAMESPACES = (0x80, 0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000)
_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
_LAST_FAMILY = 45  # AF_MCTP, include/linux/socket.h of Linux 6

Comparison = tuple[int, int, int, int]
"""The argument's number, how to compare, and with what: mask and value, or value and 0."""


class _Comparison(ctypes.Structure):
    _fields_ = (("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64))


def options(unit: Path) -> dict[str, list[str]]:
    """What a unit says, in the order in which it says it."""
    said: defaultdict[str, list[str]] = defaultdict(list)
    for line in unit.read_text("utf-8").splitlines():
        if line and line[0] not in "#;[":
            key, _, value = line.partition("=")
            said[key].append(value)
    return dict(said)


def allowed_calls(filters: Sequence[str]) -> set[str]:
    """The names that lines of SystemCallFilter= come to. Needs systemd-analyze."""
    allowed: set[str] = set()
    for line in filters:
        names = {name for word in line.removeprefix("~").split() for name in _members(word)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed | set(_members("@default"))  # systemd needs these itself, and always allows them


def _members(word: str) -> Iterator[str]:
    if not word.startswith("@"):
        yield word
        return
    listed = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True)
    for line in listed.stdout.splitlines()[1:]:
        member = line.strip()
        if member and not member.startswith("#"):
            yield from _members(member)


class _Filter:
    """One filter of libseccomp. Rules for calls that this machine does not have are left out."""

    def __init__(self, default: int) -> None:
        self._library = library = ctypes.CDLL(LIBRARY)
        library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(default)))

    def add(self, action: int, call: str, *comparisons: Comparison) -> None:
        number = self._library.seccomp_syscall_resolve_name(call.encode())
        if number >= 0:
            array = (_Comparison * len(comparisons))(*(_Comparison(*comparison) for comparison in comparisons))
            self._check(
                self._library.seccomp_rule_add_array(
                    self._context, ctypes.c_uint32(action), number, len(comparisons), array
                )
            )

    def load(self) -> None:
        self._check(self._library.seccomp_load(self._context))

    @staticmethod
    def _check(result: int) -> None:
        if result < 0:
            raise OSError(-result, os.strerror(-result))


def _harden(said: Mapping[str, Sequence[str]]) -> None:
    refused = _Filter(_ALLOW)
    if said.get("MemoryDenyWriteExecute") == ["yes"]:
        refused.add(_ERRNO | errno.EPERM, "mmap", (2, _MASKED_EQ, _EXEC | _WRITE, _EXEC | _WRITE))
        refused.add(_ERRNO | errno.EPERM, "mprotect", (2, _MASKED_EQ, _EXEC, _EXEC))
        refused.add(_ERRNO | errno.EPERM, "shmat", (2, _MASKED_EQ, _SHM_EXEC, _SHM_EXEC))
    if said.get("RestrictNamespaces") == ["yes"]:
        refused.add(_ERRNO | errno.ENOSYS, "clone3")
        refused.add(_ERRNO | errno.EPERM, "setns")
        for call in ("clone", "unshare"):
            for flag in _NAMESPACES:
                refused.add(_ERRNO | errno.EPERM, call, (0, _MASKED_EQ, flag, flag))
    if families := said.get("RestrictAddressFamilies"):
        allowed = {_FAMILIES[name] for name in families[0].split()}
        refused.add(_ERRNO | errno.EAFNOSUPPORT, "socket", (0, _GT, _LAST_FAMILY, 0))
        for family in set(range(_LAST_FAMILY + 1)) - allowed:
            refused.add(_ERRNO | errno.EAFNOSUPPORT, "socket", (0, _EQ, family, 0))
    calls = _Filter(_ERRNO | errno.EPERM)
    for name in allowed_calls(said["SystemCallFilter"]):
        calls.add(_ALLOW, name)
    refused.load()
    calls.load()


if __name__ == "__main__":
    _harden(options(Path(sys.argv[1])))
    os.execv(sys.argv[2], sys.argv[2:])
