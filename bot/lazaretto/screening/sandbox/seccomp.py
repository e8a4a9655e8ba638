"""The filter of system calls: `syscalls` as a program for the kernel, and its installing.

The language is classic BPF: 8 bytes an instruction, one accumulator, jumps forward by at most 255. The kernel runs the
program at every system call over `struct seccomp_data` (int nr, u32 arch, u64 instruction_pointer, u64 args[6]). See
seccomp(2) and Documentation/userspace-api/seccomp_filter.rst.

The architecture is compared first and then the whole number, which also disposes of the other calling conventions of an
x86_64 kernel: i386 is another architecture, and x32 has bit 30 of the number set.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from functools import cache
from typing import Literal, NamedTuple

from lazaretto.screening.sandbox import linux
from lazaretto.screening.sandbox.syscalls import ALLOWED, ARCHITECTURES, REFUSED, Architecture, Condition

__all__ = ["Refusal", "architecture", "install", "program"]

Refusal = Literal["eperm", "kill"]

_RET_KILL_PROCESS = 0x8000_0000
_RET_ERRNO = 0x0005_0000
_RET_ALLOW = 0x7FFF_0000

_LOAD = 0x20  # BPF_LD | BPF_W | BPF_ABS: accumulator = the 32 bits at offset k
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_JEQ = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RET = 0x06  # BPF_RET | BPF_K

_NR = 0
_ARCH = 4
_ARGUMENTS = 16
_ARGUMENT_SIZE = 8
"""Offsets in seccomp_data; at an argument's offset is its low half, because the machine is little-endian."""

_INSTRUCTION = struct.Struct("=HBBI")

_SET_MODE_FILTER = 1
_FLAG_TSYNC = 1


class _Line(NamedTuple):
    """An instruction, and the labels where a comparison goes on: an empty one is the next line."""

    code: int
    k: int
    yes: str = ""
    no: str = ""


def program(arch: Architecture, *, refused: Refusal = "eperm") -> bytes:
    """The filter for `arch`. With "kill", what would be refused ends the process too: that brings out late imports."""
    refusal = _RET_KILL_PROCESS if refused == "kill" else _RET_ERRNO | errno.EPERM
    lines = [_Line(_LOAD, _ARCH), _Line(_JEQ, arch.audit, no="kill"), _Line(_LOAD, _NR)]
    labels: dict[str, int] = {}
    for name, conditions in ALLOWED.items():
        if name not in arch.numbers:
            continue
        if not conditions:
            lines.append(_Line(_JEQ, arch.numbers[name], yes="allow"))
            continue
        lines.append(_Line(_JEQ, arch.numbers[name], no=f"after {name}"))
        for condition in conditions:
            _test(condition, f"{name} {condition.argument}", lines, labels)
        lines.append(_Line(_RET, _RET_ALLOW))
        labels[f"after {name}"] = len(lines)
    lines += [_Line(_JEQ, arch.numbers[name], yes="refuse") for name in REFUSED if name in arch.numbers]
    for label, answer in (("kill", _RET_KILL_PROCESS), ("refuse", refusal), ("allow", _RET_ALLOW)):
        labels[label] = len(lines)
        lines.append(_Line(_RET, answer))
    assembled = b"".join(_assemble(line, here, labels) for here, line in enumerate(lines))
    _argument(assembled)  # a worker that is forked from here then need not make it: 35 us of its 450
    return assembled


def _test(condition: Condition, name: str, lines: list[_Line], labels: dict[str, int]) -> None:
    """Go on with the line after these if the condition holds, otherwise refuse."""
    lines.append(_Line(_LOAD, _ARGUMENTS + _ARGUMENT_SIZE * condition.argument))
    lines.append(_Line(_AND, condition.mask))
    *others, last = condition.values
    lines += [_Line(_JEQ, value, yes=name) for value in others]
    lines.append(_Line(_JEQ, last, no="refuse"))
    labels[name] = len(lines)


def _assemble(line: _Line, here: int, labels: dict[str, int]) -> bytes:
    """Raises struct.error for a jump that is too far."""
    yes = labels[line.yes] - here - 1 if line.yes else 0
    no = labels[line.no] - here - 1 if line.no else 0
    return _INSTRUCTION.pack(line.code, yes, no, line.k)


@cache
def architecture() -> Architecture | None:
    """What this process runs on; None where there is no table of numbers."""
    if sys.platform != "linux" or struct.calcsize("P") != 8:  # a 32-bit interpreter has its own numbers
        return None
    machine = os.uname().machine
    return next((known for known in ARCHITECTURES if known.machine == machine), None)


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


@cache
def _argument(filter_program: bytes) -> _Program:
    """Keeps the bytes that it points to alive, and the cache keeps it."""
    return _Program(len(filter_program) // _INSTRUCTION.size, filter_program)


def install(filter_program: bytes) -> None:
    """Put the filter around all threads of this process, for good. Needs no_new_privs. Raises OSError."""
    arch = architecture()
    if arch is None:
        raise OSError(errno.ENOSYS, "no table of system calls for this machine")
    address = ctypes.addressof(_argument(filter_program))
    thread = linux.syscall(arch.seccomp, _SET_MODE_FILTER, _FLAG_TSYNC, address)
    if thread != 0:  # this one has a filter of its own that ours cannot be put upon; nothing was installed
        raise OSError(errno.EBUSY, f"thread {thread} cannot take the filter")
