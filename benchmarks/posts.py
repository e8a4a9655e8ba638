"""What members post: pictures, and programs that say they are pictures. No two of them are the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.files_png import ROW
from benchmarks.making import noise
from benchmarks.options import KIB
from carriers.png import chunk, idat, ihdr, png
from carriers.programs import a_pe

__all__ = ["Post", "mixed"]

_SIZES = (4 * KIB, 16 * KIB, 32 * KIB, 64 * KIB)


@dataclass(frozen=True, slots=True)
class Post:
    """One attachment. bad: whether it has to go."""

    name: str
    mime: str
    data: bytes
    bad: bool

    @property
    def sha256(self) -> str:
        """Its digest, as a report says it."""
        return hashlib.sha256(self.data).hexdigest()


def mixed(count: int) -> Iterator[Post]:
    """So many, every fourth one bad, of 4 to 64 KiB."""
    for number in range(count):
        size = _SIZES[number // 4 % len(_SIZES)]
        if number % 4 == 3:
            yield Post(f"holiday-{number}.jpg", "image/jpeg", _program(size, number), True)
        else:
            yield Post(f"picture-{number}.png", "image/png", _picture(size, number), False)


def _picture(size: int, number: int) -> bytes:
    rows = bytearray(noise(size))
    rows[::ROW] = bytes(size // ROW)
    comment = chunk(b"tEXt", b"Comment\0picture %d" % number)
    return png(comment, head=ihdr(ROW // 3, size // ROW, 8, 2), pixels=idat(bytes(rows)))


def _program(size: int, number: int) -> bytes:
    payload = noise(size)[:-8] + number.to_bytes(8, "little")
    return a_pe(raw=(512, size), size=512) + payload
