"""The segments of a JBIG2 picture in a PDF. ITU-T T.88, 7.2 (segment headers), 7.4 (segment data).

    segment = number:u32 flags:u8 references page:u8|u32 length:u32 data
    flags   = type:6 bits, long page number:1, deferred:1

FORCEDENTRY summed the symbols of several dictionaries beyond what a 32-bit number holds, and built a computer of
refinement segments. Threats PDF-21.
"""

from __future__ import annotations

import struct
from collections import ChainMap
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Segments", "read_segments"]

MAX_SEGMENTS = 5000
MAX_REFINEMENTS = 1000
MAX_SYMBOLS = 65_536  # exported by all dictionaries that one text region refers to; 2^32 is what the attack needs
_SYMBOLS, _TEXT, _REFINEMENT = 0, (4, 6, 7), (40, 42, 43)
_REGIONS = (4, 6, 7, 20, 22, 23, 36, 38, 39, 40, 42, 43)
_PAGE = 48
_HEAD = 32  # bytes of a segment that hold all numbers judged here
_UNKNOWN = 0xFFFFFFFF  # the length of a generic region may be unknown: 7.2.7


@dataclass(slots=True)
class Segments:
    """What the segments so far amount to. exported: symbols by number of their dictionary. wrong: "" if nothing is."""

    exported: ChainMap[int, int] = field(default_factory=ChainMap)
    count: int = 0
    refinements: int = 0
    wrong: str = ""


def read_segments(data: bytes, shared: Segments) -> Segments:
    """The segments of one stream, after those that it shares with others (7.2 of T.88; ISO 32000-2, 7.4.7)."""
    read = Segments(shared.exported.new_child(), shared.count, shared.refinements, shared.wrong)
    for number, kind, references, begin, length in _segments(data):
        if read.wrong:
            break
        read.count += 1
        read.refinements += kind in _REFINEMENT
        head = data[begin : begin + min(max(length, 0), _HEAD)]
        if kind == _SYMBOLS:
            read.exported[number] = _exported(head)
        read.wrong = _judge(read, number, kind, references, head, length)
    return read


def _judge(read: Segments, number: int, kind: int, references: tuple[int, ...], head: bytes, length: int) -> str:
    if length < 0:
        return f"segment {number} breaks off"
    if any(reference >= number for reference in references):
        return f"segment {number} refers to {max(references)}"
    if kind in _TEXT and (total := sum(read.exported.get(r, 0) for r in references)) > MAX_SYMBOLS:
        return f"segment {number} uses {total} symbols"
    if kind in (*_REGIONS, _PAGE) and _is_huge(head, kind):
        return f"segment {number} is larger than any picture"
    if read.count > MAX_SEGMENTS or read.refinements > MAX_REFINEMENTS:
        return f"{read.count} segments, {read.refinements} refinements"
    return ""


def _segments(data: bytes) -> Iterator[tuple[int, int, tuple[int, ...], int, int]]:
    """Number, type, references, begin and length of each; a length of -1 for one that breaks off."""
    at = 0
    while len(data) - at >= 11:
        number, flags = struct.unpack_from(">IB", data, at)
        at += 5
        count = data[at] >> 5
        if count == 7:  # the long form
            count = struct.unpack_from(">I", data, at)[0] & 0x1FFFFFFF
            at += 4 + (count + 8) // 8
        else:
            at += 1
        width = 1 if number <= 256 else 2 if number <= 65536 else 4
        if at + count * width + 5 > len(data):
            yield number, flags & 63, (), at, -1
            return
        raw = data[at : at + count * width]
        references = tuple(int.from_bytes(raw[n : n + width], "big") for n in range(0, len(raw), width))
        at += count * width + (4 if flags & 64 else 1)
        length = int.from_bytes(data[at : at + 4], "big")
        at += 4
        if length == _UNKNOWN and flags & 63 == 38:
            yield number, 38, references, at, len(data) - at
            return
        yield number, flags & 63, references, at, length if at + length <= len(data) else -1
        at += length


def _exported(data: bytes) -> int:
    """SDNUMEXSYMS behind the flags and the template pixels of a symbol dictionary: 7.4.2.1."""
    if len(data) < 2:
        return 0
    flags = int.from_bytes(data[:2], "big")
    at = 2
    if not flags & 1:
        at += 8 if not flags >> 10 & 3 else 2
    if flags & 2 and not flags >> 12 & 1:
        at += 4
    return int.from_bytes(data[at : at + 4], "big")


def _is_huge(data: bytes, kind: int) -> bool:
    if len(data) < 8:
        return False
    width, height = struct.unpack_from(">II", data)
    return bool(width >= 1 << 31 or (height >= 1 << 31 and not (kind == _PAGE and height == _UNKNOWN)))
