"""xz files. The .xz File Format 1.2.0, https://tukaani.org/xz/xz-file-format.txt; LZMA2 as XZ Utils read it.

    file   = stream {zeros stream} zeros                            (little-endian; zeros fill up to four bytes)
    stream = FD "7zXZ" 00 flags crc32 {block} index footer
    block  = size:u8 flags:u8 [packed] [unpacked] {filter} zeros crc32 {chunk} 00 zeros check
    filter = id length properties                                   (numbers of seven bits a byte)
    chunk  = control:u8 unpacked:u16 [packed:u16] [properties:u8] data            (LZMA2: big-endian)
    index  = 00 count {size unpacked} zeros crc32
    footer = crc32 size:u32 flags "YZ"

Nothing is unpacked: a decoder stops at the size that each chunk declares, so that their sum is the most that ever comes
out. Checked: every header and its checksum, filters, dictionaries, the chain of chunks, the index against the blocks,
the footer, how far the file expands. Not checked: the content, and the checksum of it; what follows the last stream,
which `polyglot` classifies.

Deviations: none, readers are strict.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.archive_extent import vint
from lazaretto_validators.archives import xz_rules as rules
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import PIECE, NotThisFormat, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST", "validate_xz"]

SMALLEST = bytes.fromhex("fd377a585a000004e6d6b446" + "000000001cdf4421" + "1fb6f37d010000000004595a")
"""Nothing, compressed."""

MAGIC = b"\xfd7zXZ\0"
_CHECK_SIZES = (0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64)  # .xz 2.1.1.2
_PACKED, _UNPACKED, _RESERVED = 0x40, 0x80, 0x3C  # block flags, .xz 3.1.2
_LZMA2 = 0x21
_BEFORE_LZMA2 = {
    3: (1,),
    **dict.fromkeys(range(4, 12), (0, 4)),
}  # .xz 5.3.2, 5.3.3: delta, branches; size of properties
_MAX_DICTIONARY, _LARGEST_DICTIONARY = 40, 37  # .xz 5.3.1: 4 GiB; XZ Utils write no more than 1.5 GiB


class _Broken(Exception):
    """The stream cannot be read any further."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.rule)
        self.finding = finding


@dataclass(slots=True)
class _Walk:
    """blocks: size without padding and unpacked size, of the stream that is read. unpacked: of the whole file so far.

    dictionary: the largest one, as .xz 5.3.1 writes sizes.
    """

    source: Source
    check: int = 0
    blocks: list[tuple[int, int]] = field(default_factory=list)
    unpacked: int = 0
    dictionary: int = 0


@validator("application/x-xz", magic=MAGIC, extensions=("xz", "txz"), rules=rules.RULES, example=SMALLEST, api=1)
def validate_xz(source: Source, screening: Screening) -> Iterator[Finding]:
    """xz files, their structure and how far they expand. The .xz File Format 1.2.0."""
    if source.peek(len(MAGIC)) != MAGIC:
        raise NotThisFormat("no xz header")
    walk = _Walk(source)
    try:
        while source.peek(len(MAGIC)) == MAGIC:
            _stream(walk)
            source.skip(_padding(source))
        screening.ends_at(source.tell())
    except _Broken as broken:
        yield broken.finding
        screening.not_covered(f"after byte {broken.finding.offset}", "where anything begins cannot be known")
    limits, packed = screening.limits, source.tell()
    if walk.unpacked > limits.ratio_floor and walk.unpacked > limits.ratio * packed:
        yield rules.BOMB.found(at=0, seen=f"{packed} bytes to {walk.unpacked}", allowed=limits.ratio)
    if walk.dictionary > _LARGEST_DICTIONARY:
        yield rules.DICTIONARY.found(at=0, seen=f"size {walk.dictionary}", allowed=_LARGEST_DICTIONARY)
    screening.not_covered("content", "xz data is not unpacked")


def _padding(source: Source) -> int:
    """How many zeros follow a stream. .xz 2.2"""
    count = 0
    for piece in source.at(source.tell()).pieces():
        content = piece.lstrip(b"\0")
        count += len(piece) - len(content)
        if content:
            break
    return count - count % 4


def _stream(walk: _Walk) -> None:
    """A header, blocks, their index, a footer. .xz 2.1"""
    source, at = walk.source, walk.source.offset
    header = source.read(12)
    flags, told = struct.unpack_from("<2sL", header, 6)
    if zlib.crc32(flags) != told or flags[0] or flags[1] & 0xF0:
        raise _Broken(rules.HEADER.found(at=at + 6, where="header", seen=header[6:].hex(" ")))
    walk.check = _CHECK_SIZES[flags[1]]
    walk.blocks.clear()
    while source.peek(1) not in (b"\0", b""):
        _block(walk)
    index = _index_of(walk.blocks)
    _compare(source, index)
    at = source.offset
    footer = source.read(12)
    end = struct.pack("<L2s", len(index) // 4 - 1, flags)
    if footer != struct.pack("<L6s2s", zlib.crc32(end), end, b"YZ"):
        raise _Broken(rules.FOOTER.found(at=at, where="footer", seen=footer.hex(" "), allowed=end.hex(" ")))


def _block(walk: _Walk) -> None:
    """A header, chunks, padding, a checksum of the content. .xz 3"""
    source, at, where = walk.source, walk.source.offset, f"block {len(walk.blocks)}"
    header = source.read(4 * (source.peek(1)[0] + 1))
    told = _sizes_told(header, walk, at, where)
    begin = source.tell()
    unpacked = _chunks(walk, where)
    packed = source.tell() - begin
    zeros = source.read(-packed % 4)
    if any(size not in (None, real) for size, real in zip(told, (packed, unpacked), strict=True)) or any(zeros):
        seen, allowed = (f"{size[0]} bytes to {size[1]}, {zeros!r}" for size in ((packed, unpacked), told))
        raise _Broken(rules.BLOCK.found(at=at, where=where, seen=seen, allowed=allowed))
    source.skip(walk.check)
    walk.blocks.append((len(header) + packed + walk.check, unpacked))


def _sizes_told(header: bytes, walk: _Walk, at: int, where: str) -> tuple[int | None, int | None]:
    """Packed and unpacked size that a block's header declares, where it does. .xz 3.1"""
    fields, flags = _Fields(header[:-4], 2), header[1]
    try:
        if zlib.crc32(header[:-4]) != int.from_bytes(header[-4:], "little") or flags & _RESERVED:
            raise ValueError(f"flags {flags:02x}, checksum {header[-4:].hex()}")
        packed = fields.number() if flags & _PACKED else None
        unpacked = fields.number() if flags & _UNPACKED else None
        filters = [(fields.number(), fields.take(fields.number())) for _ in range((flags & 3) + 1)]
        if any(rest := fields.take(len(fields.data) - fields.at)):
            raise ValueError(f"{rest.hex(' ')} behind the filters")
    except ValueError as error:
        raise _Broken(rules.BLOCK.found(at=at, where=where, seen=str(error))) from None
    *others, (last, dictionary) = filters
    known = all(len(properties) in _BEFORE_LZMA2.get(name, ()) for name, properties in others)
    if not known or last != _LZMA2 or len(dictionary) != 1 or dictionary[0] > _MAX_DICTIONARY:
        seen = ", ".join(f"{name:x} {properties.hex()}" for name, properties in filters)
        raise _Broken(rules.FILTER.found(at=at, where=where, seen=seen))
    walk.dictionary = max(walk.dictionary, dictionary[0])
    return packed, unpacked


def _chunks(walk: _Walk, where: str) -> int:
    """Walks the chain of LZMA2 chunks. Answers how many bytes come out of it.

    A control byte: 0 the end, 1 and 2 data that is not compressed, from 80 on compressed data and five bits of its
    size, from C0 on with a byte of properties. 1 and from E0 on forget what came before, as the first must.
    """
    source, unpacked, first = walk.source, 0, True
    while (control := (head := source.peek(6))[:1]) != b"\0":
        kind, size = int.from_bytes(control), int.from_bytes(head[1:3]) + 1
        if 2 < kind < 0x80 or (first and kind != 1 and 0 < kind < 0xE0):
            raise _Broken(rules.CHUNK.found(at=source.offset, where=where, seen=head.hex(" ")))
        if kind < 0x80:
            source.skip(3 + size)
        else:
            size += (kind & 0x1F) << 16
            source.skip(5 + (kind >= 0xC0) + int.from_bytes(head[3:5]) + 1)
        unpacked, first = unpacked + size, False
        walk.unpacked += size
    source.skip(1)
    return unpacked


def _index_of(blocks: list[tuple[int, int]]) -> bytes:
    """The index that these blocks must have: there is one way to write it. .xz 4"""
    numbers = (len(blocks), *(size for block in blocks for size in block))
    index = b"\0" + b"".join(map(_number, numbers))
    index += bytes(-len(index) % 4)
    return index + zlib.crc32(index).to_bytes(4, "little")


def _compare(source: Source, index: bytes) -> None:
    for begin in range(0, len(index), PIECE):
        allowed = index[begin : begin + PIECE]
        at, seen = source.offset, source.peek(len(allowed))
        if not allowed.startswith(seen):
            raise _Broken(rules.INDEX.found(at=at, where="index", seen=seen[:32], allowed=allowed[:32]))
        source.skip(len(allowed))


def _number(value: int) -> bytes:
    """.xz 1.2"""
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])


@dataclass(slots=True)
class _Fields:
    """A block's header, field by field. Raises ValueError where it ends too early."""

    data: bytes
    at: int

    def number(self) -> int:
        """.xz 1.2"""
        value, width = vint(self.data[self.at : self.at + 9])
        if not width:
            raise ValueError("a number without an end")
        self.at += width
        return value

    def take(self, count: int) -> bytes:
        """The next bytes."""
        taken = self.data[self.at : self.at + count]
        if len(taken) < count:
            raise ValueError(f"{count} bytes of {len(taken)}")
        self.at += count
        return taken
