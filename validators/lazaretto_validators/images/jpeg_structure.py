"""What the parts of the JPEG validator share: a segment, the frame, the tables, what is known so far."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = [
    "BLOCK",
    "SIGNATURE",
    "Block",
    "Component",
    "Extended",
    "Frame",
    "Huffman",
    "Picture",
    "Piece",
    "Segment",
    "hand_over",
    "name_of",
]

SIGNATURE = b"\xff\xd8\xff"
"""SOI and the beginning of another marker: B.1.1.3, B.2.1."""

MAX_THUMBNAILS = 16
"""Exif, JFXX and Photoshop have one each; thousands would only cost time."""

BLOCK = 64
"""Coefficients of a block of eight by eight samples. A.1.3."""

_NAMES = {
    0x01: "TEM", 0xC4: "DHT", 0xC8: "JPG", 0xCC: "DAC", 0xD8: "SOI", 0xD9: "EOI", 0xDA: "SOS", 0xDB: "DQT",
    0xDC: "DNL", 0xDD: "DRI", 0xDE: "DHP", 0xDF: "EXP", 0xFE: "COM",
}  # fmt: skip


def name_of(marker: int) -> str:
    """A marker's name in table B.1."""
    if name := _NAMES.get(marker):
        return name
    for first, last, prefix in ((0xC0, 0xCF, "SOF"), (0xD0, 0xD7, "RST"), (0xE0, 0xEF, "APP"), (0xF0, 0xFD, "JPG")):
        if first <= marker <= last:
            return f"{prefix}{marker - first}"
    return f"FF{marker:02X}"


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker segment as a whole. offset: of its marker. body: what follows the length field."""

    marker: int
    offset: int
    body: bytes
    number: int

    @property
    def where(self) -> str:
        """Its name in a finding."""
        return f"{name_of(self.marker)}[{self.number}]"

    @property
    def begin(self) -> int:
        """Where its body stands in the file."""
        return self.offset + 4

    def found(self, rule: Rule, seen: object, allowed: object = "") -> Finding:
        """A finding of the segment."""
        return rule.found(at=self.offset, where=self.where, seen=seen, allowed=allowed)


class Component(NamedTuple):
    """A component of the frame. h, v: sampling factors. table: of quantization."""

    id: int
    h: int
    v: int
    table: int


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame header. height may be told later, by DNL."""

    marker: int
    precision: int
    height: int
    width: int
    components: tuple[Component, ...]

    @property
    def progressive(self) -> bool:
        """SOF2, SOF6, SOF10, SOF14."""
        return self.marker & 3 == 2

    @property
    def lossless(self) -> bool:
        """SOF3, SOF7, SOF11, SOF15."""
        return self.marker & 3 == 3

    @property
    def arithmetic(self) -> bool:
        """SOF9 and above."""
        return self.marker >= 0xC9

    def units(self, chosen: tuple[Component, ...]) -> tuple[int, int]:
        """How many MCUs a scan of these components has, and blocks (samples if lossless) in each. A.2."""
        side = 1 if self.lossless else 8
        most_h, most_v = max(c.h for c in self.components), max(c.v for c in self.components)
        if len(chosen) == 1:
            only = chosen[0]
            width, height = -(-self.width * only.h // most_h), -(-self.height * only.v // most_v)
            return -(-width // side) * -(-height // side), 1
        across, down = -(-self.width // (side * most_h)), -(-self.height // (side * most_v))
        return across * down, sum(c.h * c.v for c in chosen)


class Huffman(NamedTuple):
    """What a table says about the number of bits that a block takes: of the symbols, the cheapest and the dearest.

    least, most: bits of code and of what follows it, in a symbol. shortest: bits of the shortest code alone.
    """

    least: int
    most: int
    shortest: int


@dataclass(slots=True)
class Block:
    """A block of Exif, which begins in the segment `first`."""

    first: Segment
    data: bytearray


class Piece(NamedTuple):
    """A piece of a packet, from `begin` to `end` in it. head, tail: the text that it begins and ends with."""

    begin: int
    end: int
    head: bytes
    tail: bytes


@dataclass(slots=True)
class Extended:
    """An extended XMP packet, by its GUID. total: as first declared, by the segment `first`."""

    first: Segment
    total: int
    pieces: list[Piece] = field(default_factory=list)


@dataclass(slots=True)
class Profile:
    """The colour profile, in pieces. head: its beginning, as much as is judged."""

    count: int = 0
    pieces: int = 0
    size: int = 0
    head: bytearray = field(default_factory=bytearray)
    first: Segment | None = None
    spoilt: bool = False


@dataclass(slots=True)
class Resources:
    """Photoshop's resource blocks, which may run on from one APP13 into the next.

    carry: the beginning of a block whose header is not there yet. left: bytes of the last one still to come.
    last: the segment that it began in.
    """

    carry: bytes = b""
    left: int = 0
    last: Segment | None = None


@dataclass(slots=True)
class Picture:
    """What has been learnt so far, in file order.

    quantization: numbers of the tables defined; huffman: by class and number. interval: MCUs between restarts.
    framed: a frame header was met, lawful or not. refused: scans whose header does not hold together.
    bits: by component, for each coefficient the lowest bit known, -1 while it has not come.
    entropy: bytes of pixel data. private: bytes in segments that no decoder needs. resources: what Photoshop wrote.
    extended: packets of XMP by their GUIDs; pieces: of all of them.
    """

    source: Source
    screening: Screening
    framed: bool = False
    frame: Frame | None = None
    quantization: set[int] = field(default_factory=set)
    huffman: dict[tuple[int, int], Huffman] = field(default_factory=dict)
    interval: int = 0
    scans: int = 0
    refused: int = 0
    entropy: int = 0
    bits: dict[int, list[int]] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    counts: dict[int, int] = field(default_factory=dict)
    # metadata
    private: int = 0
    exif: list[Block] = field(default_factory=list)
    exif_bytes: int = 0
    jfif: int = 0
    index: tuple[tuple[int, int], ...] = ()
    profile: Profile = field(default_factory=Profile)
    extended: dict[bytes, Extended] = field(default_factory=dict)
    pieces: int = 0
    thumbnails: int = 0
    resources: Resources = field(default_factory=Resources)

    def once(self, rule: Rule) -> bool:
        """Is it the first time? For what a damaged file breaks thousands of times alike."""
        if rule.id in self.told:
            return False
        self.told.add(rule.id)
        return True


def hand_over(picture: Picture, name: str, at: int, length: int) -> None:
    """Screen a thumbnail as a member. What does not begin as a picture is none: numbers left behind by an editor."""
    source = picture.source.at(at, length)
    picture.thumbnails += 1
    if picture.thumbnails > MAX_THUMBNAILS:
        picture.screening.not_covered(name, f"the picture has more than {MAX_THUMBNAILS} thumbnails")
    elif source.peek(len(SIGNATURE)) == SIGNATURE:
        picture.screening.member(name, source, media_type="image/jpeg", nameless=True)
    else:
        picture.screening.not_covered(name, "it does not begin as a JPEG picture")
