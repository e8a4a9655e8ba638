"""Extensions of a GIF: control blocks, comments, applications' data, and what an attacker keeps in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import gif_rules as rules
from lazaretto_validators.images.gif_structure import Walk, chain, data_of
from lazaretto_validators.slack import code_in, doctype_in, file_in
from lazaretto_validators.source import Source

__all__ = ["EXTENSION", "check_extension"]

EXTENSION = 0x21
_CONTROL, _TEXT, _APPLICATION, _COMMENT = 0xF9, 0x01, 0xFF, 0xFE
_SIZES = {_CONTROL: 4, _TEXT: 12, _APPLICATION: 11}  # bytes of the first sub-block: GIF89a 23, 25, 26
_XMP, _ICC = b"XMP DataXMP", b"ICCRGBG1012"
_RAMP = bytes(range(255, -1, -1)) + b"\0"  # with a 01 in front: XMP part 3, 1.1.2, the "magic trailer"
_ICC_PADDING = 3
_ROOM_FOR_A_FILE = 64  # bytes: loop counts and time stamps are shorter, and there may be one for each frame
_SEARCH_COST = 16  # operations


def check_extension(source: Source, walk: Walk) -> Iterator[Finding]:
    """One extension, its introducer already read, up to behind its terminator."""
    at = source.offset - 1
    label = source.read(1)[0]
    begin = source.tell()
    head = source.peek(256)
    first = head[1 : 1 + head[0]] if head else b""
    where = f"extension {label:02x}"
    if label == _CONTROL:
        yield from _judge_control(first, at, walk)
    elif label != _COMMENT and label not in _SIZES:
        yield from walk.once(rules.EXTENSION_LABEL.found(at=at, where=where, seen=f"{label:02x}"))
    elif label != _COMMENT and len(first) not in (0, _SIZES[label]):
        yield from walk.once(rules.EXTENSION_SIZE.found(at=at, where=where, seen=len(first), allowed=_SIZES[label]))
    data = map(data_of, chain(source, walk))
    length, start = 0, b""
    if code := code_in(_noting(data, sizes := [0], starts := bytearray())):
        yield rules.CODE_IN_METADATA.found(at=at, where=where, seen=code)
    length, start = sizes[0], bytes(starts)
    raw = source.at(begin, source.tell() - begin)
    if first == _XMP:
        yield from _judge_xmp(raw, at, walk)
    elif first == _ICC:
        yield from _judge_profile(start[len(_ICC) :], length - len(_ICC), at)
    if length >= _ROOM_FOR_A_FILE:
        walk.screening.spend(_SEARCH_COST)
        if hit := file_in(source, begin + 1, source.tell() - 1, host="image/gif", quoting=True):
            shown = f"{hit[1].label} ({hit[1].name})"
            yield rules.PARASITE.found(at=source.offset - source.tell() + hit[0], where=where, seen=shown)


def _noting(pieces: Iterable[bytes], sizes: list[int], start: bytearray) -> Iterator[bytes]:
    """The same pieces; their length is added up, and the first bytes are kept."""
    for piece in pieces:
        sizes[0] += len(piece)
        if len(start) < _ROOM_FOR_A_FILE:
            start += piece[:_ROOM_FOR_A_FILE]
        yield piece


def _judge_control(fields: bytes, at: int, walk: Walk) -> Iterator[Finding]:
    """GIF89a 23: flags, delay, transparent colour."""
    where = "extension f9"
    if len(fields) != _SIZES[_CONTROL]:
        yield from walk.once(rules.CONTROL_SIZE.found(at=at, where=where, seen=len(fields), allowed=_SIZES[_CONTROL]))
        return
    walk.controls += 1
    disposal = fields[0] >> 2 & 7
    if disposal > 3:
        yield from walk.once(
            rules.CONTROL_FIELDS.found(at=at, where=where, seen=f"disposal {disposal}", allowed="0 to 3")
        )
    if walk.controls > 1:
        yield from walk.once(rules.CONTROL_FIELDS.found(at=at, where=where, seen="two before one frame", allowed="one"))
    walk.transparent = fields[3] if fields[0] & 1 else None


def _judge_xmp(raw: Source, at: int, walk: Walk) -> Iterator[Finding]:
    """The packet as it lies in the file: its text is not cut into sub-blocks."""
    where = "XMP"
    if code := code_in(raw.at(0).pieces()):
        yield from walk.once(rules.CODE_IN_METADATA.found(at=at, where=where, seen=code))
    if declared := doctype_in(raw.at(0).pieces()):
        yield rules.XMP_DTD.found(at=at, where=where, seen=declared)
    end = raw.at(max(0, raw.size - len(_RAMP))).peek(len(_RAMP))
    if end != _RAMP:
        yield from walk.once(
            rules.XMP_TRAILER.found(at=at, where=where, seen=end[-4:].hex(" "), allowed="01 ff ... 00 00")
        )


def _judge_profile(start: bytes, size: int, at: int) -> Iterator[Finding]:
    """ICC.1 7.2: the profile begins with its size, and has its signature at byte 36."""
    declared = int.from_bytes(start[:4], "big")
    if start[36:40] != b"acsp" or not declared <= size <= declared + _ICC_PADDING:
        yield rules.ICC_PROFILE.found(at=at, where="ICC profile", seen=f"size field {declared}", allowed=size)
