"""PNG to measure with, its pixels deflated in several ways. As everything in `files`: sound, inert, always the same."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from pathlib import Path

from benchmarks.making import Builder, Made, Stream, made, noise, repeated, zlib_stream
from benchmarks.options import KIB, MIB

__all__ = ["KINDS", "ROW", "png_noise"]

IDAT = 64 * KIB
"""Bytes of pixel data in a chunk, as widespread encoders write them."""

ROW = 4096
"""Bytes in a row of pixels of three samples, its filter byte included, so that a MiB is a whole number of rows."""

_WIDE_ROW = 16 * ROW  # of large pictures: no side of one may be too long
_LARGE = 16 * MIB

_MOST_PIXELS = 256 * MIB
"""Bytes of pixels in one picture: what declares more than 100 million pixels counts as a bomb."""

_PRIVATE = 256 * MIB
"""Bytes in a private chunk at most."""


@lru_cache(maxsize=8)
def _noisy_rows(size: int, row: int) -> bytes:
    """Rows of noise of six bits a sample, none of them filtered: eight bits would be stored, not compressed."""
    rows = bytearray(noise(size).translate(bytes(value & 63 for value in range(256))))
    rows[::row] = bytes(size // row)
    return bytes(rows)


@lru_cache(maxsize=8)
def _gradient_rows(size: int, row: int) -> bytes:
    """Rows of a colour that changes slowly across and down, which deflate packs well."""
    # As steep in wide rows as in others, or there would be nothing but runs in them.
    ramp = [x % (ROW // 3) * 255 // (ROW // 3) for x in range(row // 3)]
    across = bytes(value for level in ramp for value in (level, 255 - level, 128))
    shifted = [bytes((byte + shade) & 255 for byte in range(256)) for shade in range(256)]
    return b"".join(b"\0" + across.translate(shifted[number % 256]) for number in range(size // row))


def _in_parts(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The same bytes in parts of `length`."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        whole = len(waiting) - len(waiting) % length
        for at in range(0, whole, length):
            yield bytes(waiting[at : at + length])
        del waiting[:whole]
    yield bytes(waiting)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _png_head(row: int, rows: int) -> bytes:
    header = struct.pack(">IIBBBBB", row // 3, rows, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)


def _private_chunks(size: int) -> Iterator[bytes]:
    """Chunks of noise that no specification knows, of `size` bytes together."""
    for length in (min(_PRIVATE, size - at) for at in range(0, size, _PRIVATE)):
        kind = b"juNK"
        crc = zlib.crc32(kind)
        yield struct.pack(">I", length) + kind
        for piece in repeated(noise(min(length, MIB)), length):
            crc = zlib.crc32(piece, crc)
            yield piece
        yield struct.pack(">I", crc)


def _png(path: Path, size: int, rows_of: Callable[[int, int], bytes], level: int) -> Made:
    """A picture of `size` bytes of pixels, in whole rows. What is more than one may have stands in private chunks."""
    row = ROW if size < _LARGE else _WIDE_ROW
    pixels = min(size, _MOST_PIXELS)
    piece = rows_of(min(pixels, MIB), row)
    extents: list[tuple[int, int]] = []

    def layout() -> Iterator[bytes]:
        at = 0
        for part in chain([_png_head(row, pixels // row)], _private_chunks(size - pixels)):
            at += len(part)
            yield part
        for data in _in_parts(zlib_stream(repeated(piece, pixels), level), IDAT):
            extents.append((at + 8, len(data)))
            at += len(data) + 12
            yield _chunk(b"IDAT", data)
        yield _chunk(b"IEND", b"")

    file = made(path, layout(), "image/png")
    return replace(file, streams=(Stream(tuple(extents), zlib.MAX_WBITS),))


def png_stored(path: Path, size: int) -> Made:
    """A picture whose deflate stream is stored blocks: two checksums, and inflating is copying."""
    return _png(path, size, _noisy_rows, 0)


def png_noise(path: Path, size: int) -> Made:
    """A picture of noise: every byte has a code of its own, and little is saved."""
    return _png(path, size, _noisy_rows, 6)


def png_gradient(path: Path, size: int) -> Made:
    """A picture that compresses well: much more comes out than is in the file."""
    return _png(path, size, _gradient_rows, 6)


def png_ancillary(path: Path, size: int) -> Made:
    """A small picture with large private chunks, one up to 256 MiB: reading and one checksum."""
    pixels = _chunk(b"IDAT", zlib.compress(bytes(ROW))) + _chunk(b"IEND", b"")
    return made(path, chain([_png_head(ROW, 1)], _private_chunks(size), [pixels]), "image/png")


KINDS: Mapping[str, tuple[Builder, str]] = {
    "png, stored blocks": (png_stored, ".png"),
    "png, noise": (png_noise, ".png"),
    "png, gradient": (png_gradient, ".png"),
    "png, one chunk": (png_ancillary, ".png"),
}
