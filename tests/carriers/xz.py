"""Inert xz files, built field by field: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct
import zlib
from typing import NamedTuple

from lazaretto_validators.limits import Limits
from lazaretto_validators.testing import Case

__all__ = ["CASES", "Block", "block", "chunk", "number", "packed_chunk", "xz"]

TEXT = b"Nothing to see here, only a few plain words.\n"
LZMA2 = (0x21, b"\x16")  # a dictionary of 8 MiB
DELTA = (3, b"\0")


class Block(NamedTuple):
    """data: without a checksum of the content, padded. size, unpacked: as the index has them."""

    data: bytes
    size: int
    unpacked: int


def number(value: int) -> bytes:
    """Seven bits a byte, the lowest first."""
    return bytes([value]) if value < 0x80 else bytes([value & 0x7F | 0x80]) + number(value >> 7)


def with_crc(data: bytes) -> bytes:
    return data + struct.pack("<L", zlib.crc32(data))


def chunk(data: bytes, control: int = 1) -> bytes:
    """A chunk of bytes that are not compressed."""
    return struct.pack(">BH", control, len(data) - 1) + data


def packed_chunk(unpacked: int, packed: bytes = b"\0inert", control: int = 0xE0) -> bytes:
    """A chunk that declares to unpack to so much. Its data are none."""
    high, low = divmod(unpacked - 1, 1 << 16)
    properties = b"\x5d" if control >= 0xC0 else b""
    return struct.pack(">BHH", control | high, low, len(packed) - 1) + properties + packed


def block(
    *chunks: bytes,
    unpacked: int = len(TEXT),
    filters: tuple[tuple[int, bytes], ...] = (LZMA2,),
    told: tuple[int | None, int | None] = (None, None),
    flags: int = 0,
    rest: bytes = b"",
    zeros: bytes | None = None,
) -> Block:
    """One block. told: the sizes in its header."""
    flags |= len(filters) - 1 | 0x40 * (told[0] is not None) | 0x80 * (told[1] is not None)
    header = bytes([flags]) + b"".join(number(size) for size in told if size is not None)
    header += b"".join(number(name) + number(len(properties)) + properties for name, properties in filters) + rest
    header += bytes(-(1 + len(header)) % 4)
    header = with_crc(bytes([(1 + len(header)) // 4]) + header)
    data = b"".join(chunks or (chunk(TEXT),)) + b"\0"
    size = len(header) + len(data)
    return Block(header + data + (bytes(-size % 4) if zeros is None else zeros), size, unpacked)


def xz(*blocks: Block, flags: bytes = b"\0\0", index: tuple[int, ...] | None = None, footer: bytes = b"") -> bytes:
    """One stream, without checksums of the content. index: its numbers. footer: what it says."""
    if index is None:
        index = (len(blocks), *(size for made in blocks for size in (made.size, made.unpacked)))
    listed = b"\0" + b"".join(map(number, index))
    listed = with_crc(listed + bytes(-len(listed) % 4))
    end = footer or struct.pack("<L", len(listed) // 4 - 1) + flags
    header = b"\xfd7zXZ\0" + with_crc(flags)
    return b"".join([header, *(made.data for made in blocks), listed, struct.pack("<L", zlib.crc32(end)), end, b"YZ"])


def _case(rule: str, broken: bytes, repaired: bytes | None = None, limits: Limits | None = None) -> Case:
    return Case(f"xz.{rule}", broken, xz(block()) if repaired is None else repaired, limits)


CASES: tuple[Case, ...] = (
    _case("header", xz() + xz(flags=b"\0\x10"), xz() + xz()),
    _case("block", xz(block(told=(99, None))), xz(block(told=(49, len(TEXT))))),
    _case("filter", xz(block(filters=((0x22, b"\x16"),))), xz(block(filters=(DELTA, LZMA2)))),
    _case("chunk", xz(block(chunk(TEXT, control=2))), xz(block(chunk(TEXT), chunk(TEXT, control=2), unpacked=90))),
    _case("index", xz(block(unpacked=len(TEXT) + 1))),
    _case("footer", xz(block(), footer=b"\0\0\0\0\0\1")),
    _case("dictionary", xz(block(filters=((0x21, b"\x28"),))), xz(block(filters=((0x21, b"\x25"),)))),
    _case(
        "bomb",
        xz(block(packed_chunk(60_000), unpacked=60_000)),
        xz(block(packed_chunk(1000), unpacked=1000)),
        Limits(ratio_floor=1000, ratio=50),
    ),
    _case("truncated", xz(block())[:-1]),
)
