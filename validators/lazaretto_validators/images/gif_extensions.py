"""Extensions of a GIF: control blocks, comments, applications' data, and what an attacker keeps in them."""

from __future__ import annotations

from collections.abc import Iterator

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import gif_rules as rules
from lazaretto_validators.images.gif_structure import Walk, chain, data_of
from lazaretto_validators.images.icc import TABLE, contradictions
from lazaretto_validators.slack import code_in, doctype_in, file_in
from lazaretto_validators.source import Source

__all__ = ["EXTENSION", "check_extension"]

EXTENSION = 0x21
_CONTROL, _TEXT, _APPLICATION, _COMMENT = 0xF9, 0x01, 0xFF, 0xFE
_SIZES = {_CONTROL: 4, _TEXT: 12, _APPLICATION: 11}  # bytes of the first sub-block: GIF89a 23, 25, 26
_XMP, _ICC = b"XMP DataXMP", b"ICCRGBG1012"
_RAMP = bytes(range(255, -1, -1)) + b"\0"  # with a 01 in front: XMP part 3, 1.1.2, the "magic trailer"
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
    if code := code_in(map(data_of, chain(source, walk))):
        yield rules.CODE_IN_METADATA.found(at=at, where=where, seen=code)
    raw = source.at(begin, source.tell() - begin)
    if first == _XMP:
        yield from _judge_xmp(raw, at, walk)
    elif first == _ICC:
        yield from _judge_profile(raw, at, walk)
    if raw.size >= _ROOM_FOR_A_FILE:
        walk.screening.spend(_SEARCH_COST)
        if hit := file_in(source, begin + 1, source.tell() - 1, host="image/gif", quoting=True):
            shown = f"{hit[1].label} ({hit[1].name})"
            yield rules.PARASITE.found(at=source.offset - source.tell() + hit[0], where=where, seen=shown)


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
    """The packet as it lies in the file: its text is not cut into sub-blocks, unless an editor does it all the same."""
    where = "XMP"
    if code := code_in(raw.at(0).pieces()):
        yield from walk.once(rules.CODE_IN_METADATA.found(at=at, where=where, seen=code))
    declared = doctype_in(raw.at(0).pieces())
    end = raw.at(max(0, raw.size - len(_RAMP))).peek(len(_RAMP))
    if end != _RAMP:
        declared = declared or doctype_in(map(data_of, chain(raw.at(0), walk)))
        yield from walk.once(
            rules.XMP_TRAILER.found(at=at, where=where, seen=end[-4:].hex(" "), allowed="01 ff ... 00 00")
        )
    if declared:
        yield from walk.once(rules.XMP_DTD.found(at=at, where=where, seen=declared))


def _judge_profile(raw: Source, at: int, walk: Walk) -> Iterator[Finding]:
    """The colour profile behind the application's name."""
    head, size = bytearray(), 0
    for piece in map(data_of, chain(raw.at(0), walk)):
        head += piece[: len(_ICC) + TABLE - len(head)]
        size += len(piece)
    for seen, allowed in contradictions(bytes(head[len(_ICC) :]), size - len(_ICC)):
        yield from walk.once(rules.ICC_PROFILE.found(at=at, where="ICC profile", seen=seen, allowed=allowed))
