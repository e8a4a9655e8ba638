"""Pictures to measure with: JPEG, GIF, BMP, WebP. As everything in `files`: sound, inert, the same in every run.

Their pixels are coded as encoders do it, in pieces that may follow each other: each takes a whole number of bytes.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import repeat
from pathlib import Path

from benchmarks.making import Builder, Made, behind, made, noise
from benchmarks.options import KIB, MIB
from carriers import bmp as bmps
from carriers import gif as gifs
from carriers import jpeg as jpegs
from carriers import webp as webps
from carriers.riff import chunk

__all__ = ["KINDS"]


class _Bits:
    """Bits in a row. low: the first bit is the lowest of a byte, as in GIF; otherwise the highest, as in JPEG."""

    def __init__(self, *, low: bool) -> None:
        self._low = low
        self._parts: list[str] = []
        self.count = 0

    def put(self, value: int, width: int) -> None:
        digits = f"{value:0{width}b}"
        self._parts.append(digits[::-1] if self._low else digits)
        self.count += width

    def packed(self) -> bytes:
        """All of them, a whole number of bytes."""
        digits = "".join(self._parts)
        number = int(digits[::-1] if self._low else digits, 2)
        return number.to_bytes(self.count // 8, "little" if self._low else "big")


# --- JPEG ---

_SIZES = 8  # a coefficient has fewer bits than that
_SYMBOLS = bytes(range(_SIZES))  # no zeros before it, so many bits; the first one ends a block
_COEFFICIENTS = 24  # in a block, on average: a photograph in high quality
_UNITS = 64  # of three blocks, in a piece: 512 pixels across
_COLOUR = ((1, 0x11, 0), (2, 0x11, 0), (3, 0x11, 0))


@lru_cache(maxsize=1)
def _strip() -> bytes:
    """The coded blocks of _UNITS times 8 x 8 pixels in three colours. T.81 F.1.2."""
    chooser, bits = random.Random(5), _Bits(low=False)
    for block in range(3 * _UNITS):
        for place in range(chooser.randint(_COEFFICIENTS // 2, _COEFFICIENTS * 3 // 2)):
            size = chooser.randrange(1, _SIZES) if place else 0  # the mean stays what it was
            bits.put(size, 4)
            if size:
                bits.put(chooser.getrandbits(size), size)
        last = block == 3 * _UNITS - 1
        if last and (rest := -bits.count % 4):
            bits.put(rest, 4)
            bits.put(1, rest)
        if last and (bits.count + 4) % 8:
            bits.put(4, 4)
            bits.put(1, 4)
        bits.put(0, 4)
    return bits.packed().replace(b"\xff", b"\xff\0")


def jpeg(path: Path, size: int) -> Made:
    """A photograph in full colour, without restart marks."""
    strip = _strip()
    across = 1 if size < 64 * KIB else 8  # strips beside each other: no side may be too long
    rows = max(1, size // len(strip) // across)
    codes = jpegs.dht(0, 0, (0, 0, 0, len(_SYMBOLS)), _SYMBOLS) + jpegs.dht(1, 0, (0, 0, 0, len(_SYMBOLS)), _SYMBOLS)
    frame = jpegs.sof(8 * _UNITS * across, 8 * rows, _COLOUR)
    head = jpegs.SOI + jpegs.dqt() + codes + frame + jpegs.sos((1, 2, 3))

    def layout() -> Iterator[bytes]:
        yield head
        yield from repeat(strip * across, rows)
        yield jpegs.EOI

    return made(path, layout(), "image/jpeg")


# --- GIF ---

_SHADES = 16  # of 256: noise of so few colours shrinks a little, so that strings of all lengths are met
_GIF_ROW = 1024  # pixels
_GIF_ROWS = 64  # in a piece
_PALETTE = bytes(value for shade in range(256) for value in (shade, shade, shade))


_CLEAR, _END = 256, 257  # codes


def _width(codes: int) -> int:
    """Bits of the next code, so many after a clear code: a decoder adds a string with each but the first."""
    return min(12, (258 + max(0, codes - 1)).bit_length())


def _strings() -> Iterator[int]:
    """Codes of _GIF_ROWS rows of noise, with a clear code wherever the table is full, and at the end."""
    pixels = noise(_GIF_ROW * _GIF_ROWS).translate(bytes(value % _SHADES for value in range(256)))
    table: dict[bytes, int] = {}
    string = pixels[:1]
    for at in range(1, len(pixels)):
        pixel = pixels[at : at + 1]
        if string + pixel in table:
            string += pixel
            continue
        yield table.get(string, string[0])
        table[string + pixel] = 258 + len(table)
        string = pixel
        if len(table) == 4096 - 258:
            yield _CLEAR
            table.clear()
    yield table.get(string, string[0])
    yield _CLEAR


@lru_cache(maxsize=1)
def _coded() -> bytes:
    """Those codes as bits, filled up with clear codes, each of nine bits, to a whole number of bytes."""
    bits, since = _Bits(low=True), 0
    for code in _strings():
        bits.put(code, _width(since))
        since = 0 if code == _CLEAR else since + 1
    while bits.count % 8:
        bits.put(_CLEAR, _width(0))
    return bits.packed()


def gif(path: Path, size: int) -> Made:
    """An animation of frames of up to 1 MiB."""
    piece = _coded()
    pieces = max(1, min(size, MIB) // len(piece))
    codes = piece * pieces + _END.to_bytes(2, "little")
    frame = gifs.frame(_GIF_ROW, _GIF_ROWS * pieces, code_size=8, codes=codes)
    head = gifs.screen(_GIF_ROW, _GIF_ROWS * pieces, palette=_PALETTE)

    def layout() -> Iterator[bytes]:
        yield head
        yield from repeat(gifs.control() + frame, max(1, size // len(frame)))
        yield gifs.TRAILER

    return made(path, layout(), "image/gif")


# --- the rest ---


def bmp(path: Path, size: int) -> Made:
    """Pixels of 32 bits that are not packed."""
    width = 64 if size < MIB else 16 * KIB
    header = bmps.info(width, size // (4 * width), depth=32)
    return made(path, behind(bmps.bmp(header, pixels=b""), noise(min(size, MIB)), size), "image/bmp")


def webp(path: Path, size: int) -> Made:
    """An animation of lossy frames whose coefficients are noise."""
    picture = webps.lossy()
    coefficients = noise(max(KIB, min(size // 2, 256 * KIB)))
    frame = webps.anmf(chunk(b"VP8 ", picture + coefficients))
    count = max(1, size // len(frame))
    before = webps.vp8x(2) + webps.anim()
    head = b"RIFF" + struct.pack("<L", 4 + len(before) + count * len(frame)) + b"WEBP" + before

    def layout() -> Iterator[bytes]:
        yield head
        yield from repeat(frame, count)

    return made(path, layout(), "image/webp")


KINDS: Mapping[str, tuple[Builder, str]] = {
    "jpeg": (jpeg, ".jpg"),
    "gif": (gif, ".gif"),
    "bmp": (bmp, ".bmp"),
    "webp": (webp, ".webp"),
}
