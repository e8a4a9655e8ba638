"""Zstandard files. RFC 8878.

    file   = {frame | passed}                                                              (little-endian)
    frame  = 28 B5 2F FD descriptor:u8 [window:u8] [dictionary] [size] {block} [checksum:u32]
    block  = last:1 kind:2 size:21 data            (data of one byte if the kind is 1, a run; else of that size)
    passed = 5x 2A 4D 18 length:u32 data

Nothing is unpacked: frames tell their size as a rule, and runs and raw blocks always do. Checked: headers, the chain of
blocks, the size told against the most and the least that the blocks can give, windows, how far the file is said to
expand, what stands in bytes that are passed over. Not checked: the content and its checksum; how far a frame expands
that does not say it; what follows the last frame, which `polyglot` classifies.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from lazaretto_validators.archives import zstd_rules as rules
from lazaretto_validators.finding import Finding
from lazaretto_validators.slack import file_in
from lazaretto_validators.source import NotThisFormat, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST", "validate_zstd"]

SMALLEST = bytes.fromhex("28b52ffd 20 00 010000")
"""Nothing, compressed."""

_FRAME = b"\x28\xb5\x2f\xfd"
_PASSED = b"\x2a\x4d\x18"  # behind a byte of 50 to 5F
_RAW, _RUN, _RESERVED = 0, 1, 3
_CHECKSUM, _RESERVED_BIT, _SINGLE = 4, 8, 32  # of the descriptor, 3.1.1.1.1
_LARGEST_BLOCK = 128 << 10  # 3.1.1.2.4
_LARGEST_WINDOW = 128 << 20  # what the command grants unless asked; 8 MiB is what every decoder must


@dataclass(slots=True)
class _Frame:
    """told: the size in its header, None if there is none. least, most: what its blocks can give.

    window: bytes of memory for it. checksum: bytes behind the blocks.
    """

    told: int | None = None
    window: int = 0
    checksum: int = 0
    least: int = 0
    most: int = 0


@validator("application/zstd", magic=_FRAME, extensions=("zst", "tzst"), rules=rules.RULES, example=SMALLEST, api=1)
def validate_zstd(source: Source, screening: Screening) -> Iterator[Finding]:
    """Zstandard files, their structure and how far they say to expand. RFC 8878."""
    if not _follows(source):
        raise NotThisFormat("no Zstandard frame")
    unpacked, sound = 0, True
    while sound and (magic := _follows(source)):
        if magic != _FRAME:
            yield from _passed(source)
            continue
        at, frame = source.offset, _Frame()
        sound = yield from _header(source, frame)
        if frame.window > max(_LARGEST_WINDOW, frame.told or 0):
            yield rules.WINDOW.found(at=at + 5, where="header", seen=f"{frame.window} bytes", allowed=_LARGEST_WINDOW)
        sound = sound and (yield from _blocks(source, frame))
        if sound and frame.told is not None and not frame.least <= frame.told <= frame.most:
            seen, allowed = f"{frame.told} bytes", f"{frame.least} to {frame.most}"
            yield rules.SIZE.found(at=at + 4, where="header", seen=seen, allowed=allowed)
        unpacked += max(frame.told or 0, frame.least)
    limits, packed = screening.limits, source.tell()
    if unpacked > limits.ratio_floor and unpacked > limits.ratio * packed:
        yield rules.BOMB.found(at=0, seen=f"{packed} bytes to {unpacked}", allowed=limits.ratio)
    if sound:
        screening.ends_at(packed)
    else:
        screening.not_covered(f"after byte {source.offset}", "where anything begins cannot be known")
    screening.not_covered("content", "Zstandard data is not unpacked")


def _follows(source: Source) -> bytes:
    """The magic number at the cursor, empty if there is none."""
    magic = source.peek(4)
    return magic if magic == _FRAME or (magic[1:] == _PASSED and magic[0] >> 4 == 5) else b""


def _passed(source: Source) -> Iterator[Finding]:
    """Bytes for whoever wrote them. 3.1.2"""
    length = int.from_bytes(source.read(8)[4:], "little")
    begin = source.tell()
    source.skip(length)
    if hit := file_in(source.at(0), begin, begin + length):
        yield rules.PARASITE.found(at=hit[0], where="passed over", seen=f"{hit[1].label} ({hit[1].name})")


def _header(source: Source, frame: _Frame) -> Generator[Finding, None, bool]:
    """Reads it into `frame`. 3.1.1.1. Answers whether blocks can follow."""
    at, descriptor = source.offset, source.read(5)[4]
    if descriptor & _RESERVED_BIT:
        yield rules.HEADER.found(at=at + 4, where="header", seen=f"{descriptor:08b}", allowed="xxxx0xxx")
        return False
    single = bool(descriptor & _SINGLE)
    if not single:
        window = source.read(1)[0]
        frame.window = (8 + (window & 7)) << (7 + (window >> 3))  # 3.1.1.1.2
    source.skip((0, 1, 2, 4)[descriptor & 3])
    width = (single, 2, 4, 8)[descriptor >> 6]
    if width:
        # Two bytes count from 256: 3.1.1.1.4
        frame.told = int.from_bytes(source.read(width), "little") + 256 * (width == 2)
    frame.checksum = 4 if descriptor & _CHECKSUM else 0
    if single:
        frame.window = frame.told or 0
    return True


def _blocks(source: Source, frame: _Frame) -> Generator[Finding, None, bool]:
    """Walks them to the last one, and the checksum behind it. 3.1.1.2. Answers whether they are sound."""
    largest, last = min(_LARGEST_BLOCK, frame.window), False
    while not last:
        at, header = source.offset, int.from_bytes(source.read(3), "little")
        last, kind, size = bool(header & 1), header >> 1 & 3, header >> 3
        if kind == _RESERVED or size > largest:
            yield rules.BLOCK.found(at=at, seen=f"kind {kind}, {size} bytes", allowed=f"{largest} bytes")
            return False
        source.skip(1 if kind == _RUN else size)
        frame.least += size if kind in (_RAW, _RUN) else 0
        frame.most += size if kind in (_RAW, _RUN) else largest
    source.skip(frame.checksum)
    return True
