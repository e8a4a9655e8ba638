"""The process that looks at one file: `python -I -m lazaretto.screening.worker CONTROL FILE MEMORY CPU`.

CONTROL, FILE: descriptors, a stream socket and the file. MEMORY: bytes of address space beyond what is in use once
everything is loaded. CPU: seconds, the backstop for a worker that nobody is left to kill. `protocol` has what is said.

It loads and warms every validator first, then limits itself, then says hello; only then does a file's first byte come.
It leaves by `os._exit`, because nothing in it is worth a clean-up.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path

from lazaretto.screening.protocol import (
    ABORT,
    END,
    EXIT_MEMORY,
    MARK_SIZE,
    MAX_REQUEST,
    Hello,
    decode_mark,
    decode_request,
    encode_hello,
)
from lazaretto.screening.reply import encode_reply
from lazaretto_validators import Claim, Registry, Source, default_registry, screen
from lazaretto_validators.source import Aborted

__all__ = ["Inbox", "limit_resources", "main"]

_FEW_DESCRIPTORS = 8
"""RLIMIT_NOFILE: the five that it has and room for one import at a time."""


class Inbox:
    """The bot's words, read as they come. Blocks."""

    def __init__(self, control: int) -> None:
        self._control = control
        self._unread = b""
        self._there = 0
        self._ended = False
        self._aborted = False

    def line(self) -> bytes:
        """The request. Raises EOFError when the bot is gone, ValueError for a line that is too long."""
        while b"\n" not in self._unread:
            if len(self._unread) >= MAX_REQUEST:
                raise ValueError(f"a request of more than {MAX_REQUEST} bytes")
            self._receive()
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def wait(self, count: int) -> tuple[int, bool]:
        """Block until `count` bytes are in the file or it ended: (bytes there, ended). Raises Aborted."""
        while self._there < count and not self._ended:
            if self._aborted:
                raise Aborted
            self._hear()
        return self._there, self._ended

    def _hear(self) -> None:
        """Take the next mark in. Marks heard after an end mean nothing."""
        while len(self._unread) < MARK_SIZE:
            try:
                self._receive()
            except EOFError:
                self._aborted = True
                return
        mark = decode_mark(self._unread[:MARK_SIZE])
        self._unread = self._unread[MARK_SIZE:]
        if mark == END:
            self._ended = True
        elif mark == ABORT:
            self._aborted = True
        else:
            self._there = max(self._there, mark)

    def _receive(self) -> None:
        data = os.read(self._control, 4096)
        if not data:
            raise EOFError("the bot is gone")
        self._unread += data


def warm_up(registry: Registry) -> None:
    """Look at one small file of each format, so that whatever is loaded on first use is loaded before the limits."""
    for judge in registry.validators:
        claim = Claim(name="example.txt", media_type=judge.media_types[0].name, size=len(judge.example))
        encode_reply(screen(Source.of_bytes(judge.example), claim, registry=registry))


def limit_resources(memory: int, cpu: int) -> tuple[str, ...]:
    """Set the limits; answers the layers that hold now."""
    in_use = _address_space()
    if in_use is None:
        return ()
    limits = (
        (resource.RLIMIT_CORE, 0),  # a core file would hold the attachment, readable to who knows whom
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _FEW_DESCRIPTORS),
        (resource.RLIMIT_AS, in_use + memory),
    )
    try:
        for which, bound in limits:
            resource.setrlimit(which, (bound, bound))
        # At the soft limit SIGXCPU ends the worker by its name; at the hard one, SIGKILL, which could be anybody's.
        resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 2))
    except (OSError, ValueError):  # a hard limit of the machine is already lower, or the system does not know it
        return ()
    return ("rlimits",)


def _address_space() -> int | None:
    """Bytes of address space in use; None where the system does not tell."""
    try:
        pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    except OSError:
        return None
    return int(pages) * resource.getpagesize()


def _send(control: int, line: bytes) -> None:
    while line:
        line = line[os.write(control, line) :]


def main(arguments: list[str]) -> int:
    """One file. Answers the exit status."""
    control, file, memory, cpu = (int(argument) for argument in arguments)
    registry = default_registry()
    warm_up(registry)
    layers = limit_resources(memory, cpu)
    try:
        _send(control, encode_hello(Hello(layers, registry.rule_set)))
        inbox = Inbox(control)
        claim, limits = decode_request(inbox.line())
        inspection = screen(Source.of_growing_file(file, inbox.wait), claim, limits, registry)
        _send(control, encode_reply(inspection))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return os.EX_OK  # a spare that was not needed, or nobody is left to answer to
    except MemoryError:
        return EXIT_MEMORY
    return os.EX_OK


if __name__ == "__main__":
    status = os.EX_SOFTWARE
    try:
        status = main(sys.argv[1:])
    finally:
        os._exit(status)
