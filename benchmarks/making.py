"""What all builders of files share: the file that was made, what fills it, deflate streams of repeated pieces."""

from __future__ import annotations

import hashlib
import random
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmarks.options import MIB
from lazaretto_validators import Claim

__all__ = [
    "LAST_BLOCK", "Builder", "Made", "Stream", "behind", "deflated", "made", "noise", "repeated", "text", "zlib_stream",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Stream:
    """A deflate stream in a file, in extents of (offset, length). wbits: as zlib takes it."""

    extents: tuple[tuple[int, int], ...]
    wbits: int


@dataclass(frozen=True, slots=True)
class Made:
    """A file that was made, and what every report on it has to say.

    expected: ids of the rules that it breaks, and no others. streams: what has to be inflated to look at all of it.
    """

    path: Path
    claim: Claim
    media_type: str | None
    size: int
    sha256: str
    expected: frozenset[str] = frozenset()
    streams: tuple[Stream, ...] = ()

    @property
    def packed(self) -> bool:
        """Is most of it deflate streams?"""
        return 2 * sum(length for stream in self.streams for _, length in stream.extents) > self.size


Builder = Callable[[Path, int], Made]
"""Makes a file of about that many bytes of content: pixels, samples, members before they are packed."""


def made(
    path: Path,
    pieces: Iterable[bytes],
    media_type: str | None,
    *,
    expected: Iterable[str] = (),
    claimed: str | None = None,
) -> Made:
    """The file of these pieces."""
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
    claim = Claim(name=path.name, media_type=claimed or media_type, size=size)
    return Made(path, claim, media_type, size, digest.hexdigest(), frozenset(expected))


# --- content ---


@lru_cache(maxsize=8)
def noise(size: int = MIB) -> bytes:
    """Bytes that do not compress, the same in every run."""
    return random.Random(7).randbytes(size)


@lru_cache(maxsize=8)
def text(size: int = MIB) -> bytes:
    """Lines of words, which deflate packs to about a third."""
    chooser = random.Random(3)
    words = ["".join(chooser.choices("etaoinshrdlucm", k=chooser.randint(2, 9))) for _ in range(2000)]
    lines = (" ".join(chooser.choices(words, k=12)) for _ in range(size // 40))
    return "\n".join(lines).encode().ljust(size, b".")[: size - 1] + b"\n"


def repeated(piece: bytes, size: int) -> Iterator[bytes]:
    """The piece again and again, up to `size` bytes."""
    for _ in range(size // len(piece)):
        yield piece
    if rest := size % len(piece):
        yield piece[:rest]


def behind(head: bytes, piece: bytes, size: int) -> Iterator[bytes]:
    """The head, and `size` bytes of the piece behind it."""
    yield head
    yield from repeated(piece, size)


# --- deflate ---


@lru_cache(maxsize=8)
def deflated(piece: bytes, level: int) -> bytes:
    """The piece as raw deflate that can follow and be followed by any other: it ends with a full flush."""
    packer = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(piece) + packer.flush(zlib.Z_FULL_FLUSH)


LAST_BLOCK = b"\x03\x00"  # final, fixed codes, nothing in it: RFC 1951 3.2.6


def zlib_stream(pieces: Iterable[bytes], level: int) -> Iterator[bytes]:
    """A zlib stream of these pieces. RFC 1950."""
    adler = 1
    yield b"\x78\x01"
    for piece in pieces:
        yield deflated(piece, level)
        adler = zlib.adler32(piece, adler)
    yield LAST_BLOCK + adler.to_bytes(4, "big")
