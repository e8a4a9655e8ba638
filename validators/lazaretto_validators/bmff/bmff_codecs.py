"""Parameters of codecs: lengths inside of lengths. Each function answers what is wrong in words, or None.

ISO/IEC 14496-1 (esds), 14496-15 (avcC, hvcC), AV1-ISOBMFF and AV1 (av1C, OBU), ICC.1 (colour profiles).
"""

from __future__ import annotations

import struct
from collections.abc import Callable

__all__ = [
    "alac_fault", "avc_fault", "descriptor_fault", "hevc_fault", "icc_fault", "nal_fault", "obu_fault",
]  # fmt: skip

Read = Callable[[int, int], bytes]
"""`count` bytes at an offset of what is looked at."""

_MAX_SPECIFIC = 256  # bytes, threats MP4-08; AAC takes two to some dozen, MPEG-4 video fewer than a hundred
_SHORT_SPECIFIC = frozenset({0x20, 0x40, 0x66, 0x67, 0x68})  # MPEG-4 video, AAC; Vorbis keeps its code books there
_ES, _DECODER, _SPECIFIC, _SYNC = 3, 4, 5, 6  # ISO/IEC 14496-1 7.2.2.1, class tags
_MAX_FRAME = 16384  # samples in a frame of ALAC, kALACMaxFrameLength is 4096 in the reference code; threats MP4-19
_MAX_UNITS = 100_000  # units in one picture or one set of parameters


def descriptor_fault(data: bytes) -> str | None:
    """The content of `esds` behind version and flags. ISO/IEC 14496-1 7.2.6.5."""
    at = 0
    while at < len(data) and data[at]:
        end = _descriptor_end(data, at, len(data))
        if isinstance(end, str):
            return end
        body, until = end
        inner = body + _es_header(data, body, until) if data[at] == _ES else body
        fault = _inside_fault(data, inner, until) if data[at] == _ES else _decoder_fault(data, at, body, until)
        if fault:
            return fault
        at = until
    return None


def _inside_fault(data: bytes, at: int, end: int) -> str | None:
    """The descriptors inside of one. 7.2.6.5."""
    if at > end:
        return f"fields up to {at} of {end} bytes"
    while at < end:
        inner = _descriptor_end(data, at, end)
        if isinstance(inner, str):
            return inner
        if fault := _decoder_fault(data, at, *inner):
            return fault
        at = inner[1]
    return None


def _descriptor_end(data: bytes, at: int, end: int) -> tuple[int, int] | str:
    """Where a descriptor's content begins and ends: its length has seven bits in each of at most four bytes. 8.3.3."""
    tag, length, place = data[at], 0, at + 1
    for _ in range(4):
        if place >= end:
            return f"descriptor {tag} without a length"
        length = length << 7 | data[place] & 0x7F
        place += 1
        if data[place - 1] < 0x80:
            break
    else:
        return f"the length of descriptor {tag} has a fifth byte"
    if length > end - place:
        return f"descriptor {tag} of {length} bytes in {end - place}"
    return place, place + length


def _es_header(data: bytes, body: int, end: int) -> int:
    """Bytes of fields before the inner descriptors of an elementary stream. 7.2.6.5."""
    if end - body < 3:
        return end - body + 1
    flags, count = data[body + 2], 3
    count += 2 * bool(flags & 0x80)
    if flags & 0x40:
        count += 1 + (data[body + count] if body + count < end else end)
    return count + 2 * bool(flags & 0x20)


def _decoder_fault(data: bytes, at: int, body: int, end: int) -> str | None:
    """DecoderConfigDescriptor has 13 bytes before what is specific to its decoder. 7.2.6.6."""
    if data[at] != _DECODER:
        return None
    if end - body < 13:
        return f"decoder's parameters of {end - body} bytes"
    place = body + 13
    while place < end:
        inner = _descriptor_end(data, place, end)
        if isinstance(inner, str):
            return inner
        begin, until = inner
        if data[place] == _SPECIFIC and until - begin > _MAX_SPECIFIC and data[body] in _SHORT_SPECIFIC:
            return f"{until - begin} bytes specific to the decoder"
        place = until
    return None


def avc_fault(data: bytes) -> str | None:
    """`avcC`: sequence and picture parameter sets. ISO/IEC 14496-15 5.3.3.1.2; whatever follows is left alone."""
    if len(data) < 7:
        return f"{len(data)} bytes"
    at = _sets_end(data, 6, data[5] & 0x1F)
    if isinstance(at, str):
        return at
    if at >= len(data):
        return "no picture parameter sets"
    end = _sets_end(data, at + 1, data[at])
    return end if isinstance(end, str) else None


def hevc_fault(data: bytes) -> str | None:
    """`hvcC`: arrays of parameter sets. ISO/IEC 14496-15 8.3.3.1.2."""
    if len(data) < 23:
        return f"{len(data)} bytes"
    at = 23
    for number in range(data[22]):
        if at + 3 > len(data):
            return f"array {number} of {data[22]} outside"
        end = _sets_end(data, at + 3, int.from_bytes(data[at + 1 : at + 3], "big"))
        if isinstance(end, str):
            return end
        at = end
    return None


def _sets_end(data: bytes, at: int, count: int) -> int | str:
    """Where `count` parameter sets end, each with a length of 16 bits in front."""
    for number in range(count):
        if at + 2 > len(data):
            return f"parameter set {number} of {count} outside"
        length = int.from_bytes(data[at : at + 2], "big")
        at += 2 + length
        if at > len(data):
            return f"a parameter set of {length} bytes, {at - len(data)} too many"
    return at


def alac_fault(cookie: bytes) -> str | None:
    """The magic cookie of Apple Lossless. ALACMagicCookieDescription.txt."""
    if len(cookie) < 24:
        return f"{len(cookie)} bytes"
    frame, _, depth, _, _, _, channels = struct.unpack_from(">IBBBBBB", cookie)
    if not 1 <= frame <= _MAX_FRAME:
        return f"{frame} samples in a frame"
    if depth not in (16, 20, 24, 32):
        return f"{depth} bits in a sample"
    return None if 1 <= channels <= 8 else f"{channels} channels"


def obu_fault(read: Read, size: int) -> str | None:
    """The units of AV1 in `size` bytes. AV1 5.3.1, 5.3.2."""
    at = 0
    for _ in range(_MAX_UNITS):
        if at >= size:
            return None
        head = read(at, min(10, size - at))
        if head[0] & 0x80:
            return f"unit at {at} with its forbidden bit set"
        body = 1 + (head[0] >> 2 & 1)
        if not head[0] & 2:
            return None if body <= len(head) else f"unit at {at} without its header"
        length, width = _leb128(head, body)
        if width == 0:
            return f"unit at {at} with an endless length"
        at += body + width + length
        if at > size:
            return f"a unit of {length} bytes, {at - size} too many"
    return f"more than {_MAX_UNITS} units"


def _leb128(data: bytes, at: int) -> tuple[int, int]:
    """Value and bytes of a number of at most eight bytes of seven bits each; 0 bytes if it does not end. AV1 4.10.5."""
    value = 0
    for index, byte in enumerate(data[at : at + 8]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value, index + 1
    return 0, 0


def nal_fault(read: Read, size: int, width: int) -> str | None:
    """The units of AVC or HEVC in `size` bytes, each with a length of `width` bytes in front. 14496-15 4.3.3."""
    at = 0
    for _ in range(_MAX_UNITS):
        if at >= size:
            return None
        if at + width > size:
            return f"{size - at} bytes behind the last unit"
        length = int.from_bytes(read(at, width), "big")
        at += width + length
        if at > size:
            return f"a unit of {length} bytes, {at - size} too many"
    return f"more than {_MAX_UNITS} units"


def icc_fault(head: bytes, size: int) -> str | None:
    """Size, signature and table of tags of a profile. ICC.1 7.2, 7.3; up to three bytes of padding are usual."""
    if len(head) < 132 or head[36:40] != b"acsp":
        return f"{size} bytes, signature {head[36:40]!r}"
    declared, tags = struct.unpack_from(">I124xI", head)
    if not declared <= size <= declared + 3:
        return f"size field {declared}, {size} bytes"
    if 132 + 12 * tags > size:
        return f"{tags} tags in {size} bytes"
    for at in range(132, min(132 + 12 * tags, len(head) - 11), 12):
        offset, length = struct.unpack_from(">4xII", head, at)
        if offset + length > size:
            return f"tag {head[at : at + 4]!r} ends at {offset + length} of {size}"
    return None
