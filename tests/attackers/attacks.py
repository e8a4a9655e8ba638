"""A third-party validator that does what an exploited one would do: its files name the attack that it is to try.

    file = "ATTACK " name LF

An attack that comes through is the finding `attack.reached`; one that the kernel refuses, `attack.refused`. Everything
is imported at load, so that no attack fails for want of a module.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import json
import mmap
import os
import platform
import re
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from lazaretto_validators import Category, Finding, Rule, Screening, Severity, Source, validator
from lazaretto_validators.registry import Installed, load

__all__ = ["ATTACKS", "MAGIC", "SYSTEM_CALLS", "validate_attack"]

MAGIC = b"ATTACK "

REACHED = Rule("attack.reached", Category.EXPLOIT, Severity.HIGH, "It came through.", "a hole in the lock")
REFUSED = Rule("attack.refused", Category.EXPLOIT, Severity.INFO, "It was refused.", "the lock holds")

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.syscall.restype = ctypes.c_long
_LIBC.syscall.argtypes = [ctypes.c_long] * 7

_NUMBERS = {
    "x86_64": {
        "openat2": 437, "fork": 57, "clone": 56, "clone3": 435, "connect": 42, "ptrace": 101, "process_vm_readv": 310,
        "io_uring_setup": 425, "tgkill": 234, "memfd_create": 319, "pidfd_open": 434, "unshare": 272, "mprotect": 10,
        "getpid_x32": 39 | 1 << 30,
    },
    "aarch64": {
        "openat2": 437, "clone": 220, "clone3": 435, "connect": 203, "ptrace": 117, "process_vm_readv": 270,
        "io_uring_setup": 425, "tgkill": 131, "memfd_create": 279, "pidfd_open": 434, "unshare": 97, "mprotect": 226,
    },
}[platform.machine()]  # fmt: skip


def _call(name: str, *arguments: int) -> int:
    """A raw system call, past every wrapper. Raises OSError."""
    padded = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    result: int = _LIBC.syscall(_NUMBERS[name], *padded)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


_KEPT: list[object] = []
"""What the kernel was given the address of."""


def _address(memory: ctypes.Array[Any]) -> int:
    _KEPT.append(memory)
    return ctypes.addressof(memory)


def _buffer(size: int = 64) -> int:
    return _address(ctypes.create_string_buffer(size))


def _child_of(start: Callable[[], int]) -> None:
    """A child that ends at once, and the parent that goes on."""
    if start() == 0:
        os._exit(0)


def _create() -> None:
    path = f"/tmp/lazaretto-attack-{os.getpid()}"
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.unlink(path)  # noqa: PTH108


def _read_a_file() -> None:
    with open("/etc/passwd", "rb") as file:  # noqa: PTH123
        file.read(1)


def _write_a_file() -> None:
    with open("/dev/null", "wb", buffering=0) as file:  # noqa: PTH123
        file.write(b"x")


def _connect() -> None:
    """On the worker's own socket, which needs no other call before."""
    try:
        _call("connect", 3, _buffer(110), 110)
    except OSError as error:
        if error.errno not in (errno.EISCONN, errno.EINVAL):  # let through: it found fault with what we asked for
            raise


def _thread() -> None:
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


def _execute() -> None:
    os.execv("/bin/true", ["true"])


def _map_code() -> None:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()


def _make_code() -> None:
    page = mmap.mmap(-1, 4096)
    _KEPT.append(page)
    _call("mprotect", ctypes.addressof(ctypes.c_char.from_buffer(page)), 4096, mmap.PROT_READ | mmap.PROT_EXEC)


def _lazy_import() -> None:
    sys.modules.pop("wave", None)
    import wave  # noqa: F401


SYSTEM_CALLS: dict[str, Callable[[], object]] = {
    "socket": lambda: socket.socket().close(),
    "socketpair": lambda: [end.detach() for end in socket.socketpair()],
    "connect": _connect,
    "read-a-file": _read_a_file,
    "write-a-file": _write_a_file,
    "create-a-file": _create,
    "openat2": lambda: os.close(_call("openat2", -100, _path(), _buffer(24), 24)),
    "stat": lambda: os.stat("/"),  # noqa: PTH116
    "list-a-folder": lambda: os.listdir("/"),  # noqa: PTH208
    "change-folder": lambda: os.chdir("/"),
    "write-to-stderr": lambda: os.write(2, b"x"),
    "execute": _execute,
    "fork": lambda: _child_of(os.fork),
    "clone": lambda: _child_of(lambda: _call("clone", signal.SIGCHLD)),
    "clone3": lambda: _clone3(),
    "thread": _thread,
    "kill-parent": lambda: os.kill(os.getppid(), 0),
    "kill-self": lambda: os.kill(os.getpid(), 0),
    "signal-a-thread": lambda: _call("tgkill", os.getpid(), os.getpid(), 0),
    "ptrace": lambda: _call("ptrace", 0),
    "read-another-process": lambda: _call("process_vm_readv", os.getpid(), _vector(), 1, _vector(), 1),
    "map-code": _map_code,
    "make-code": _make_code,
    "io_uring": lambda: os.close(_call("io_uring_setup", 1, _buffer(120))),
    "memfd": lambda: os.close(_call("memfd_create", _path(), 0)),
    "pidfd": lambda: os.close(_call("pidfd_open", os.getpid())),
    "user-namespace": lambda: _call("unshare", 0),
    "raise-limits": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
    "new-timer": lambda: signal.setitimer(signal.ITIMER_REAL, 0),
    "prctl": lambda: _LIBC.prctl(3, 0, 0, 0, 0),
    "sleep": lambda: time.sleep(0.001),
    "duplicate-descriptor": lambda: os.close(os.dup(3)),
    "pipe": os.pipe,
    "lazy-import": _lazy_import,
}
"""Each harmless where it comes through, so that the same can be tried without the lock."""

if "fork" in _NUMBERS:
    SYSTEM_CALLS["raw-fork"] = lambda: _child_of(lambda: _call("fork"))
if "getpid_x32" in _NUMBERS:
    SYSTEM_CALLS["x32"] = lambda: _x32()


def _x32() -> None:
    try:
        _call("getpid_x32")
    except OSError as error:
        if error.errno != errno.ENOSYS:  # let through, to a kernel built without that ABI
            raise


def _clone3() -> None:
    try:
        _call("clone3", 0, 0)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EFAULT):  # let through: it found fault with what we asked for
            raise


def _path() -> int:
    return _address(ctypes.create_string_buffer(b"/etc/passwd"))


def _vector() -> int:
    return _address((ctypes.c_size_t * 2)(_buffer(8), 8))


def _small_objects() -> None:
    kept: list[object] = []
    while True:
        kept.append([kept])


def _blocks() -> None:
    kept = []
    while True:
        # Zeros, which nobody writes: page faults cost processor time, and on a busy machine that budget ended first.
        kept.append(bytes(1 << 20))


def _python_loop() -> None:
    while True:
        pass


def _recursion() -> None:
    _recursion()


EXHAUSTIONS: dict[str, Callable[[], object]] = {
    "one-allocation": lambda: bytearray(4 << 30),
    "blocks": _blocks,
    "small-objects": _small_objects,
    "python-loop": _python_loop,
    "c-loop": lambda: all(itertools.repeat(True)),
    "regular-expression": lambda: re.match(rb"(a*)*\Z", b"a" * 40 + b"b"),
    "big-integers": lambda: 9**9**9**9,
    "recursion": _recursion,
}


def _say(line: bytes) -> None:
    os.write(3, line)
    os._exit(0)


def _flood() -> None:
    while True:
        os.write(3, b"x" * 4096)


def _reply(**changes: object) -> bytes:
    """What an honest worker would say, with some of it changed."""
    rules = load([Installed("attack", "attackers.attacks:validate_attack", "lazaretto-attacks")]).rule_set
    proper = {"v": 2, "media_type": "text/plain", "size": 0, "findings": [], "total": 0, "coverage": []}
    return json.dumps({**proper, "rule_set": rules, **changes}).encode() + b"\n"


_UNKNOWN = {"rule": "attack.all-is-well", "offset": 0, "where": "", "seen": "", "allowed": ""}

LIES: dict[str, Callable[[], object]] = {
    "flood": _flood,
    "no-json": lambda: _say(b"all is well\n"),
    "unknown-rule": lambda: _say(_reply(findings=[_UNKNOWN], total=1)),
    "other-size": lambda: _say(_reply(size=1 << 40)),
    "two-answers": lambda: _say(2 * _reply()),
    "stop-self": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "silent-exit": lambda: os._exit(0),
    "null-pointer": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "jump-into-data": lambda: ctypes.CFUNCTYPE(None)(_buffer())(),
}

ATTACKS: dict[str, Callable[[], object]] = {**SYSTEM_CALLS, **EXHAUSTIONS, **LIES, "none": lambda: None}


@validator("application/x-attack", magic=MAGIC, rules=(REACHED, REFUSED), example=MAGIC + b"none\n", api=1)
def validate_attack(source: Source, screening: Screening) -> Iterator[Finding]:
    """Try the attack that the file names. `none` is an honest file."""
    source.expect(MAGIC)
    name = source.peek(64).partition(b"\n")[0].decode("ascii", "replace")
    screening.ends_at(source.size)
    if name == "none":
        return
    try:
        ATTACKS[name]()
    except OSError as error:
        yield REFUSED.found(at=0, where=name, seen=errno.errorcode.get(error.errno or 0, "no number"))
    except ImportError as error:
        yield REFUSED.found(at=0, where=name, seen=type(error).__name__)
    else:
        yield REACHED.found(at=0, where=name)
