"""WebP's lossy pictures, VP8 key frames. RFC 6386: https://www.rfc-editor.org/rfc/rfc6386 sections 7 to 11, 19.2.

    frame  = tag:24 9Dh 01h 2Ah width:14 scale:2 height:14 scale:2 first-partition sizes:(3 x (n-1)) partition{n}
    tag    = inter-frame:1 version:3 shown:1 first-partition-size:19
    header = 00 segmentation filter log2-n:2 ...

Checked: the tag, the start code, the size, that all partitions lie in the chunk, and that the first one, which is
arithmetically coded, has all macroblocks of the picture (`webp_blocks`), as far as the allowance goes.
Not checked: the coefficients in the other partitions.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import webp_rules as rules
from lazaretto_validators.images.webp_bits import Allowance, Broken, Enough
from lazaretto_validators.images.webp_blocks import Decoder, check_blocks
from lazaretto_validators.images.webp_lossless import Size
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["HEAD", "check_lossy", "read_size"]

HEAD = 10
"""Bytes before the first partition."""

_START = b"\x9d\x01\x2a"  # RFC 6386 9.1
_MAX_VERSION = 3


class _Header(NamedTuple):
    """segments: odds of a segment's number, none where macroblocks have none. partitions: of coefficients."""

    segments: tuple[int, ...]
    partitions: int


def read_size(data: bytes) -> Size:
    """Width and height, from the first ten bytes. RFC 6386 9.1."""
    return Size(int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF)


def check_lossy(
    source: Source, length: int, allowance: Allowance, screening: Screening, where: str
) -> Iterator[Finding]:
    """A frame of `length` bytes, which `source` begins with."""
    offset = source.offset
    data = source.peek(min(HEAD, length))
    if len(data) < HEAD or data[3:6] != _START:
        yield rules.LOSSY_HEADER.found(at=offset, where=where, seen=data, allowed="tag, 9D 01 2A, size")
        return
    tag = int.from_bytes(data[:3], "little")
    size = read_size(data)
    if tag & 1 or tag >> 1 & 7 > _MAX_VERSION or not tag >> 4 & 1 or not all(size):
        seen = f"inter {tag & 1}, version {tag >> 1 & 7}, shown {tag >> 4 & 1}, {size}"
        yield rules.LOSSY_HEADER.found(at=offset, where=where, seen=seen, allowed="a key frame that is shown")
        return
    first = tag >> 5
    rest = length - HEAD - first
    if rest < 0:
        yield rules.LOSSY_PARTITION.found(at=offset, where=where, seen=f"{first} bytes", allowed=length - HEAD)
        return
    decoder = Decoder(source.at(HEAD, first).peek(first))
    header = _read_header(decoder)
    if rest < 3 * (header.partitions - 1):
        seen = f"{header.partitions} partitions in {rest} bytes"
        yield rules.LOSSY_PARTITION.found(
            at=offset, where=where, seen=seen, allowed=f"{3 * (header.partitions - 1)} at least"
        )
    allowance.grow(first)
    try:
        check_blocks(decoder, header.segments, (size.width + 15) // 16, (size.height + 15) // 16, allowance, screening)
    except Broken as broken:
        yield broken.rule.found(at=offset, where=where, seen=broken.seen, allowed=broken.allowed)
    except Enough as enough:
        screening.not_covered(where, str(enough))


def _read_header(decoder: Decoder) -> _Header:
    """The frame header, to the number of partitions. RFC 6386 9.2 to 9.5, 19.2."""
    decoder.number(2)  # colour space, clamping
    segments: tuple[int, ...] = ()
    if decoder.bit():
        has_map = decoder.bit()
        if decoder.bit():
            decoder.bit()
            decoder.optional(7 + 1, 4)  # quantisers, with a sign
            decoder.optional(6 + 1, 4)  # loop filters, with a sign
        if has_map:
            segments = tuple(decoder.number(8) if decoder.bit() else 255 for _ in range(3))
    decoder.number(1 + 6 + 3)  # filter type, level, sharpness
    if decoder.bit() and decoder.bit():  # adjustments of the filter
        decoder.optional(6 + 1, 8)
    return _Header(segments, 1 << decoder.number(2))
