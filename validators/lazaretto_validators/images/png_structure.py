"""What the parts of the PNG validator share: a chunk that is being read, the image header, what is known so far.

Everything is read once, forward: a check takes from a chunk what it needs, whoever walks the chunks passes over the
rest. The checksum is kept on the way.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from lazaretto_validators.finding import Finding
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

if TYPE_CHECKING:
    from lazaretto_validators.images.png_pixels import PixelData

__all__ = ["Animation", "Chunk", "Header", "Picture"]

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples in a pixel, by colour type. PNG 6.1."""

DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Bits in a sample, by colour type. PNG 11.2.1, allowed combinations."""

ADAM7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
"""First column, step of columns, first row, step of rows, for each pass. PNG 8.1."""


@dataclass(slots=True)
class Chunk:
    """A chunk whose data is being read.

    offset: where it begins, with its length field. number: 0 for the first of its type.
    left: bytes of its data that are still to be read.
    """

    source: Source
    type: bytes
    length: int
    offset: int
    number: int
    left: int = field(init=False)
    crc: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.length
        self.crc = zlib.crc32(self.type)

    @property
    def where(self) -> str:
        """Its name in a finding."""
        return f"{self.type.decode('latin-1')}[{self.number}]"

    @property
    def critical(self) -> bool:
        """Can the picture not be shown without it? PNG 5.4."""
        return not self.type[0] & 0x20

    def take(self, count: int) -> bytes:
        """The next `count` bytes of its data, fewer where it ends. Raises ShortRead where the file ends."""
        data = self.source.read(min(count, self.left))
        self.left -= len(data)
        self.crc = zlib.crc32(data, self.crc)
        return data

    def pieces(self) -> Iterator[bytes]:
        """The rest of its data. Raises ShortRead where the file ends."""
        for piece in self.source.pieces(self.left):
            self.left -= len(piece)
            self.crc = zlib.crc32(piece, self.crc)
            yield piece


@dataclass(frozen=True, slots=True)
class Header:
    """The image header, as it stands there: nothing is promised about its values."""

    width: int
    height: int
    depth: int
    colour: int
    compression: int
    filtering: int
    interlace: int

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """From the 13 bytes of IHDR. PNG 11.2.1."""
        return cls(*struct.unpack(">IIBBBBB", data))

    @property
    def sized(self) -> bool:
        """Are width and height PNG four-byte unsigned integers other than zero? PNG 7.1, 11.2.1."""
        return 0 < self.width < 1 << 31 and 0 < self.height < 1 << 31

    @property
    def paired(self) -> bool:
        """Do colour type and bit depth go together?"""
        return self.depth in DEPTHS.get(self.colour, ())

    @property
    def known_methods(self) -> bool:
        """Are compression, filter and interlace methods those that exist?"""
        return self.compression == 0 and self.filtering == 0 and self.interlace in (0, 1)

    def passes(self, width: int, height: int) -> tuple[tuple[int, int], ...]:
        """Bytes in a row, filter byte included, and rows, of each pass over width x height pixels. PNG 7.2, 8.1."""
        bits = CHANNELS[self.colour] * self.depth
        sizes = [(width, height)]
        if self.interlace:
            sizes = [(-((x - width) // dx), -((y - height) // dy)) for x, dx, y, dy in ADAM7]
        return tuple((1 + (columns * bits + 7) // 8, rows) for columns, rows in sizes if columns > 0 and rows > 0)


@dataclass(slots=True)
class Animation:
    """What the APNG chunks have said so far. PNG 11.3.6.

    declared: frames according to acTL, None before one came. frames: fcTL met. sequence: the number that comes next.
    begun: an fcTL came after the default image. lacking: the frame that it begins has no data yet.
    """

    declared: int | None = None
    frames: int = 0
    sequence: int = 0
    begun: bool = False
    lacking: bool = False


@dataclass(slots=True)
class Picture:
    """What has been learnt so far, in file order.

    measurable: the header is lawful and small enough, so the pixel data can be measured against it.
    colours: entries of the palette. texts: text chunks met. expanded: bytes that were decompressed.
    pixels: the stream of pixel data that is being fed, if one is. fed: the last chunk that brought pixel data.
    """

    screening: Screening
    header: Header | None = None
    measurable: bool = False
    apple: bool = False
    colours: int = 0
    texts: int = 0
    expanded: int = 0
    pixels: PixelData | None = None
    fed: Chunk | None = None
    seen: dict[bytes, int] = field(default_factory=dict)
    animation: Animation = field(default_factory=Animation)

    def expand(self, count: int) -> None:
        """Charge `count` bytes that came out of a decompressor, and the turn that brought them."""
        self.expanded += count
        self.screening.spend()
        self.screening.expand(count)

    def finish_pixels(self) -> Iterator[Finding]:
        """The stream that is being fed has come to its end."""
        pixels, fed = self.pixels, self.fed
        self.pixels = self.fed = None
        if pixels and fed:
            yield from pixels.finish(fed)

    def has(self, *types: bytes) -> bool:
        """Was a chunk of one of these types met?"""
        return any(self.seen.get(t) for t in types)
