"""Sources that behave as badly as the world does, and patches that break a file in one place. For tests."""

from __future__ import annotations

import os
import random
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from lazaretto_validators.source import Aborted, Source

__all__ = ["PatchError", "aborted", "bytewise", "cut", "from_file", "growing", "in_pieces", "patch", "whole"]


class PatchError(ValueError):
    """A patch that does not fit the bytes it is made for."""


_PATCH = re.compile(r"@([0-9A-Fa-f]+)=((?:[0-9A-Fa-f]{2})+)>((?:[0-9A-Fa-f]{2})+)")


def patch(data: bytes, *edits: str) -> bytes:
    """`data` with bytes replaced, `"@001F=8A>00"`: at offset 0x1F stands 8A and shall stand 00.

    Old and new bytes are as many, so that nothing moves. Raises PatchError where the old bytes are others: a builder
    has changed, and the patch would no longer break what it says.
    """
    patched = bytearray(data)
    for edit in edits:
        parts = _PATCH.fullmatch(edit)
        if parts is None:
            raise PatchError(f'{edit!r} is no patch: write "@OFFSET=OLD>NEW" in hexadecimal')
        offset, old, new = int(parts[1], 16), bytes.fromhex(parts[2]), bytes.fromhex(parts[3])
        if len(old) != len(new):
            raise PatchError(f"{edit!r} replaces {len(old)} bytes by {len(new)}: use as many")
        there = bytes(patched[offset : offset + len(old)])
        if there != old:
            raise PatchError(f"{edit!r}: at {offset:#x} stands {there.hex()}, not {old.hex()}")
        patched[offset : offset + len(new)] = new
    return bytes(patched)


def whole(data: bytes) -> Source:
    """All bytes are there at once."""
    return Source.of_bytes(data)


def bytewise(data: bytes) -> Source:
    """One byte arrives at a time."""
    return Source.of_pieces(data[i : i + 1] for i in range(len(data)))


def in_pieces(data: bytes, seed: int) -> Source:
    """Pieces of random sizes, empty ones among them, the same for the same seed."""
    return Source.of_pieces(_random_pieces(data, seed))


def _random_pieces(data: bytes, seed: int) -> Iterator[bytes]:
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    position = 0
    while position < len(data):
        size = chance.choice((0, 1, 2, 3, 7, 64, 1000, 70_000))
        yield data[position : position + size]
        position += size


@contextmanager
def from_file(data: bytes) -> Iterator[Source]:
    """A regular file that no longer grows."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.flush()
        yield Source.of_file(file.fileno())


@contextmanager
def growing(data: bytes, step: int) -> Iterator[Source]:
    """A file still being written, never further than `step` bytes beyond what was asked for."""
    with tempfile.TemporaryFile() as file:
        written = 0

        def wait(count: int) -> tuple[int, bool]:
            nonlocal written
            until = min(len(data), count + step)
            if until > written:
                os.lseek(file.fileno(), written, os.SEEK_SET)  # Windows has no pwrite
                os.write(file.fileno(), data[written:until])
                written = until
            return written, written == len(data)

        yield Source.of_growing_file(file.fileno(), wait)


def cut(data: bytes, count: int) -> Source:
    """The file ends after `count` bytes."""
    return Source.of_bytes(data[:count])


def aborted(data: bytes, count: int) -> Source:
    """The download breaks off after `count` bytes."""

    def pieces() -> Iterator[bytes]:
        yield data[:count]
        raise Aborted

    return Source.of_pieces(pieces())
