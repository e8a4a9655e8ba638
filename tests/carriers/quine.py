"""A gzip file that unpacks to itself, made on the spot. It holds nothing but its own description.

Deflate has blocks that print what follows, and copies of what was printed. In units of five bytes, with P the gzip
header and S the trailer, Ln "print the next n units" and C "print the last four units again", the program

    P  L4 P L4  C  L1 C  L1 L1  L4 C L1 L1 L4  C  L4 C L4 C L4  C  L4 C S  C S

prints itself: each print brings the text of the step before it, each copy that of the print before. What is left is the
checksum of the whole, which stands in it twice: CRC-32 is linear over bits, so the right one is the solution of 32
equations.
"""

from __future__ import annotations

import struct
import zlib

__all__ = ["quine"]

_UNIT = 5  # bytes
_HEADER = b"\x1f\x8b\x08\x08\0\0\0\0\2\xffr.gz\0"  # RFC 1952 2.3, with a name of four letters: three units
_LAST = b"\x03\0"  # a final block without anything in it, RFC 1951 3.2.6


def quine() -> bytes:
    """The file: `gzip.decompress(quine()) == quine()`."""
    with_none = zlib.crc32(_file(0))
    # What each bit of the stored checksum adds to the difference of stored and real one.
    added = [zlib.crc32(_file(1 << bit)) ^ with_none ^ 1 << bit for bit in range(32)]
    return _file(_solution(added, with_none))


def _file(checksum: int) -> bytes:
    one, four, copy = _print(1), _print(4), _copy()
    # Eight bytes of trailer, two of the last block, and five that print nothing: three units.
    size = _UNIT * 34
    trailer = _print(0) + _LAST + struct.pack("<LL", checksum, size)
    begin = [_HEADER, four, _HEADER, four, copy, one, copy, one, one, four, copy, one, one, four, copy]
    return b"".join([*begin, four, copy, four, copy, four, copy, four, copy, trailer, copy, trailer])


def _print(units: int) -> bytes:
    """The head of a stored block, RFC 1951 3.2.4."""
    return struct.pack("<BHH", 0, _UNIT * units, 0xFFFF ^ (_UNIT * units))


def _copy() -> bytes:
    """Twice ten bytes from a distance of twenty, in a block of fixed codes: forty bits. RFC 1951 3.2.5, 3.2.6."""
    ten, twenty, end = "0001000", "01000", "0000000"  # codes 264, 8 and 256
    bits = "0" + "10" + 2 * (ten + twenty + "110") + end  # extra bits and the type with their lowest bit first
    return int(bits[::-1], 2).to_bytes(_UNIT, "little")


def _solution(columns: list[int], wanted: int) -> int:
    """The bits whose columns add up to `wanted`: elimination over GF(2)."""
    pivots: dict[int, tuple[int, int]] = {}
    for bit, column in enumerate(columns):
        vector, used = column, 1 << bit
        while vector and (known := pivots.get(vector.bit_length())):
            vector, used = vector ^ known[0], used ^ known[1]
        if vector:
            pivots[vector.bit_length()] = vector, used
    solution = 0
    while wanted:
        vector, used = pivots[wanted.bit_length()]
        wanted, solution = wanted ^ vector, solution ^ used
    return solution
