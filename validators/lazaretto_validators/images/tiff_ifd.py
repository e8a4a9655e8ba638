"""The directories of TIFF (IFDs) in a block of metadata: Exif in JPEG, PNG and WebP, the index of MPF.

    block     = order:"II*\\0"|"MM\\0*" offset:u32 ...      offsets count from the block's beginning
    directory = count:u16 entry{count} next:u32
    entry     = tag:u16 type:u16 count:u32 value:4          an offset where the value takes more than four bytes

TIFF 6.0 section 2; CIPA DC-008 (Exif 3.0) 4.6; CIPA DC-007 (MPF) 5.2. All arithmetic is in Python's unbounded integers,
and nothing is read but the block that the caller holds.

Checked: the header, every directory that Exif names, that none leads back to itself, that values lie in the block.
Not checked: what the values mean; the maker's note, whose offsets most editors break (threats IMG-33, trap 10).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["ORDERS", "Directories", "Directory", "Entry", "Fault", "Kind", "read_directories"]

ORDERS = (b"II*\0", b"MM\0*")
"""What a block begins with: little-endian, big-endian. TIFF 6.0 section 2."""

SIZES = MappingProxyType({1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 129: 1})
"""Bytes of one value, by type. TIFF 6.0 section 2; 129 is UTF-8, Exif 3.0 4.6.2."""

POINTERS: Mapping[int, str] = MappingProxyType({0x8769: "Exif", 0x8825: "GPS", 0xA005: "Interop", 0x014A: "SubIFD"})
"""Tags whose value is the place of another directory. Exif 3.0 4.6.3, TIFF technical note 1."""

MAKER_NOTE = 0x927C
THUMBNAIL, THUMBNAIL_LENGTH = 0x0201, 0x0202  # JPEGInterchangeFormat, Exif 3.0 4.6.5

MAX_DEPTH = 4  # threats IMG-33; Exif has three: IFD0, Exif, Interop
MAX_DIRECTORIES = 16  # in one block; Exif has five
MAX_ENTRIES = 4096  # in one block; Exif 3.0 defines some 200 tags


class Kind(StrEnum):
    """What can be wrong."""

    HEADER = "header"  # no TIFF header, or its first directory lies outside
    DIRECTORY = "directory"  # a directory lies outside the block, in part or altogether
    NEXT = "next"  # the link to the following directory leads nowhere
    LOOP = "loop"  # a directory holds itself
    FLOOD = "flood"  # too deep, too many
    VALUE = "value"  # a value reaches outside


@dataclass(frozen=True, slots=True)
class Fault:
    """at: the place in the block."""

    kind: Kind
    at: int
    where: str
    seen: str
    allowed: str


class Entry(NamedTuple):
    """One entry. length: how many values; at: where they stand in the block, inside the entry or elsewhere."""

    type: int
    length: int
    at: int

    @property
    def size(self) -> int:
        """Bytes of the value; 0 where the type is unknown."""
        return SIZES.get(self.type, 0) * self.length


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory as far as it lies in the block; of several entries of one tag the first."""

    name: str
    entries: Mapping[int, Entry]


@dataclass(slots=True)
class Directories:
    """Everything that was read from a block."""

    block: bytes
    order: str = "<"
    found: list[Directory] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    entries: int = 0

    def named(self, name: str) -> Directory | None:
        """The directory of this name: `IFD0`, `IFD0/Exif`, `IFD1`."""
        return next((directory for directory in self.found if directory.name == name), None)

    def number(self, entry: Entry | None) -> int | None:
        """The first number of a SHORT or LONG value; None if there is none."""
        code = {3: "H", 4: "I", 13: "I"}.get(entry.type) if entry and entry.length else None
        if code is None or entry is None or entry.at + SIZES[entry.type] > len(self.block):
            return None
        return int(struct.unpack_from(f"{self.order}{code}", self.block, entry.at)[0])

    def places(self, entry: Entry) -> list[int]:
        """The directories that an entry leads to: several of type LONG or IFD.

        libexif does not ask for the type. Of another one, only a number that could be a place is taken for one.
        """
        if entry.type not in (4, 13):
            place = self.number(entry)
            raw = int(struct.unpack_from(f"{self.order}I", self.block, entry.at)[0]) if entry.size <= 4 else 0
            return [place] if place is not None else [raw] if 8 <= raw <= len(self.block) - 2 else []
        places = self.block[entry.at : entry.at + 4 * min(entry.length, MAX_DIRECTORIES + 1)]
        return [place for (place,) in struct.iter_unpack(f"{self.order}I", places[: len(places) // 4 * 4])]

    @property
    def thumbnail(self) -> tuple[int, int] | None:
        """Offset and length of the thumbnail in the second directory, as declared."""
        directory = self.named("IFD1")
        if directory is None:
            return None
        offset = self.number(directory.entries.get(THUMBNAIL))
        length = self.number(directory.entries.get(THUMBNAIL_LENGTH))
        return None if offset is None or length is None else (offset, length)


class _Waiting(NamedTuple):
    """A directory still to be read. path: those that lead to it; linked: by another one's `next`, not by a tag."""

    name: str
    at: int
    path: tuple[int, ...]
    linked: bool = False


def read_directories(block: bytes) -> Directories:
    """All directories of a block, each read once, and what is wrong with them. Never raises."""
    read = Directories(block)
    if not block.startswith(ORDERS) or len(block) < 8:
        read.faults.append(Fault(Kind.HEADER, 0, "", repr(block[:8]), "II*\\0 or MM\\0* and an offset"))
        return read
    read.order = order = "<" if block.startswith(b"II") else ">"
    first = struct.unpack_from(f"{order}I", block, 4)[0]
    if not 8 <= first <= len(block) - 2:
        read.faults.append(Fault(Kind.HEADER, 4, "", f"first directory at {first}", f"8 to {len(block) - 2}"))
        return read
    waiting = [_Waiting("IFD0", first, ())]
    while waiting:
        one = waiting.pop(0)
        if fault := _unreadable(one, read):
            read.faults.append(fault)
            if fault.kind is Kind.FLOOD:
                break
            continue
        waiting += _read(one, read)
    return read


def _unreadable(one: _Waiting, read: Directories) -> Fault | None:
    """Why a directory is not read: it was, it lies outside, or there are too many."""
    last = len(read.block) - 2
    depth = one.name.count("/") + 1
    if one.at in one.path:
        # A chain that ends in its own beginning is cut off by every reader; one inside itself overflows their stack.
        return Fault(Kind.NEXT if one.linked else Kind.LOOP, one.at, one.name, f"again at {one.at}", "a tree")
    if not 8 <= one.at <= last:
        return Fault(Kind.NEXT if one.linked else Kind.DIRECTORY, one.at, one.name, f"at {one.at}", f"8 to {last}")
    if depth > MAX_DEPTH or len(read.found) >= MAX_DIRECTORIES or read.entries > MAX_ENTRIES:
        seen = f"{len(read.found)} directories, {read.entries} entries, {depth} deep"
        return Fault(Kind.FLOOD, one.at, one.name, seen, f"{MAX_DIRECTORIES}, {MAX_ENTRIES}, {MAX_DEPTH}")
    return None


def _read(one: _Waiting, read: Directories) -> list[_Waiting]:
    """Take in one directory. Answers the directories that it leads to."""
    block, order = read.block, read.order
    count = struct.unpack_from(f"{order}H", block, one.at)[0]
    room = (len(block) - one.at - 2) // 12
    if count > room:
        read.faults.append(Fault(Kind.DIRECTORY, one.at, one.name, f"{count} entries", f"{room} in the block"))
    count = min(count, room, MAX_ENTRIES)
    begin, end = one.at + 2, one.at + 2 + 12 * count
    entries: dict[int, Entry] = {}
    pointers = []
    rows = struct.iter_unpack(f"{order}HHII", block[begin:end])
    for at, (tag, kind, number, value) in zip(range(begin, end, 12), rows, strict=True):
        entry = Entry(kind, number, at + 8)
        if entry.size > 4:
            entry = entry._replace(at=value)
            if value + entry.size > len(block) and tag != MAKER_NOTE:
                where = f"{one.name}/{tag:#06x}"
                read.faults.append(Fault(Kind.VALUE, at, where, f"ends at {value + entry.size}", f"{len(block)}"))
        entries.setdefault(tag, entry)
        if tag in POINTERS:
            pointers.append((POINTERS[tag], entry))
    read.entries += count
    read.found.append(Directory(one.name, entries))
    return _led_to(one, pointers, end, read)


def _led_to(one: _Waiting, pointers: list[tuple[str, Entry]], end: int, read: Directories) -> list[_Waiting]:
    """The directories inside this one, and the following one. Below the top `next` is often left as garbage.

    A tag that stands there twice leads to two: some readers follow the first, others each.
    """
    path = (*one.path, one.at)
    led = [_Waiting(f"{one.name}/{name}", at, path) for name, entry in pointers for at in read.places(entry)]
    if one.name.startswith("IFD") and "/" not in one.name and end + 4 <= len(read.block):
        following = struct.unpack_from(f"{read.order}I", read.block, end)[0]
        if following:
            led.append(_Waiting(f"IFD{int(one.name[3:]) + 1}", following, path, linked=True))
    return led
