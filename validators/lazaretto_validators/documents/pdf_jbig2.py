"""The segments of a JBIG2 picture in a PDF. ITU-T T.88, 7.2 (segment headers), 7.4 (segment data).

    segment = number:u32 flags:u8 references page:u8|u32 length:u32 data
    flags   = type:6 bits, long page number:1, deferred:1

FORCEDENTRY summed the symbols of several dictionaries beyond what a 32-bit number holds, and built a computer of
refinement segments. Threats PDF-21.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

__all__ = ["judge_segments"]

MAX_SEGMENTS = 5000
MAX_REFINEMENTS = 1000
MAX_SYMBOLS = 65_536  # exported by all dictionaries that one text region refers to; 2^32 is what the attack needs
_SYMBOLS, _TEXT, _REFINEMENT = 0, (4, 6, 7), (40, 42, 43)
_REGIONS = (4, 6, 7, 20, 22, 23, 36, 38, 39, 40, 42, 43)
_UNKNOWN = 0xFFFFFFFF  # the length of a generic region may be unknown: 7.2.7


def judge_segments(parts: tuple[bytes, ...]) -> str:
    """What is wrong with the segments of the globals and the page, in this order; "" if nothing is."""
    exported: dict[int, int] = {}
    count = refinements = 0
    for data in parts:
        for number, kind, references, begin, length in _segments(data):
            count += 1
            refinements += kind in _REFINEMENT
            if length < 0:
                return f"segment {number} breaks off"
            if any(reference >= number for reference in references):
                return f"segment {number} refers to {max(references)}"
            if kind == _SYMBOLS:
                exported[number] = _exported(data[begin : begin + 32])
            elif kind in _TEXT and (total := sum(exported.get(r, 0) for r in references)) > MAX_SYMBOLS:
                return f"segment {number} uses {total} symbols"
            if kind in (*_REGIONS, 48) and _is_huge(data[begin : begin + 8], kind):
                return f"segment {number} is larger than any picture"
            if count > MAX_SEGMENTS or refinements > MAX_REFINEMENTS:
                return f"{count} segments, {refinements} refinements"
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
    return bool(width >= 1 << 31 or (height >= 1 << 31 and not (kind == 48 and height == _UNKNOWN)))
