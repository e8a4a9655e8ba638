"""What a worker does with its one file, once the lock is around it.

It says hello, hears the request, looks at the file while the bot announces its bytes, and answers with one line.
How it came to be is its starter's business: forked by the `zygote`, or an interpreter of its own (`exec_worker`).
"""

from __future__ import annotations

import os

from lazaretto.screening.sandbox.protocol import (
    ABORT,
    END,
    EXIT_MEMORY,
    MARK_SIZE,
    MAX_REQUEST,
    decode_mark,
    decode_request,
)
from lazaretto.screening.sandbox.reply import encode_reply
from lazaretto_validators import Registry, Source, inspect
from lazaretto_validators.source import Aborted

__all__ = ["Inbox", "rehearse", "serve", "warm_up"]


class Inbox:
    """The bot's words, read as they come. Blocks."""

    def __init__(self, listening: int) -> None:
        self._listening = listening
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
        data = os.read(self._listening, 4096)
        if not data:
            raise EOFError("the bot is gone")
        self._unread += data


def warm_up(registry: Registry) -> None:
    """Look at one small file of each format, so that whatever is loaded on first use is loaded before the lock."""
    for validator in registry.validators:
        encode_reply(inspect(Source.of_bytes(validator.example), registry=registry))


def rehearse(registry: Registry) -> None:
    """Look at one example. After a fork every page of memory that is written to has to be copied first, half of a small
    file's time: a spare has that behind it when its file comes."""
    encode_reply(inspect(Source.of_bytes(registry.validators[0].example), registry=registry))


def serve(listening: int, speaking: int, file: int, hello: bytes, registry: Registry, *, refuse: bool) -> int:
    """One file, from the hello to the reply. Answers the exit status.

    listening, speaking, file: descriptors; the first two may be the same socket. hello: as `encode_hello` made it.
    refuse: leave after the hello, without a byte of the file.
    """
    try:
        _send(speaking, hello)
        if refuse:
            return 0
        inbox = Inbox(listening)
        request = decode_request(inbox.line())
        source = Source.of_growing_file(file, inbox.wait)
        inspection = inspect(source, request.limits, registry, decisive=request.decisive)
        _send(speaking, encode_reply(inspection))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return 0  # a spare that was not needed, or nobody is left to answer to
    except MemoryError:
        return EXIT_MEMORY
    return 0


def _send(speaking: int, line: bytes) -> None:
    while line:
        line = line[os.write(speaking, line) :]
