"""Metadata: user data, the tags of iTunes and 3GP, ID3, XMP, and boxes that only their maker knows.

ISO/IEC 14496-12 8.10, 8.11; 3GPP TS 26.244 clause 8; QuickTime File Format, user data and metadata; ID3v2.4.
"""

from __future__ import annotations

from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import LOOK, Box, File, is_printable
from lazaretto_validators.bmff.bmff_entries import is_remote

__all__ = [
    "MAX_XMP",
    "check_id3",
    "check_keys",
    "check_reference_movie",
    "check_tags",
    "check_unique",
    "check_user_datum",
]

_ID3_MAX = 64 * 1024  # bytes of an ID3 tag whose frames are walked at once
_MAX_FRAMES = 10_000

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")  # XMP part 3, 1.2.4 (MPEG-4)
MAX_XMP = 4 << 20  # bytes, threats IMG-35

_TEXT_AT = {
    b"titl": 6,
    b"dscp": 6,
    b"cprt": 6,
    b"perf": 6,
    b"auth": 6,
    b"gnre": 6,
    b"albm": 6,
    b"clsf": 12,
    b"rtng": 14,
    b"loci": 6,
}
"""Where the text of a 3GP asset box begins, behind version, flags, language and codes. TS 26.244 8.2 to 8.10."""

_OTHER_ASSETS = {b"yrrc": 6, b"kywd": 7}
"""Least lengths of those that hold no text, or several. TS 26.244 8.8, 8.5."""


def check_user_datum(box: Box, file: File) -> None:
    """A box in `udta`, each of which describes something. 8.10.1; those of QuickTime have layouts of their own."""
    if box.type == b"ID32":
        check_id3(box, file)
        return
    if not file.quicktime and (box.type in _TEXT_AT or box.type in _OTHER_ASSETS):
        _check_asset(box, file)
    file.search_later(box)


def _check_asset(box: Box, file: File) -> None:
    least = _OTHER_ASSETS.get(box.type, 6)
    if box.length < 6:
        file.note(rules.ASSET_SHORT, box, f"{box.length} bytes", f"{least} bytes or more")
        return
    if box.type == b"kywd":
        _check_keywords(box, file)
        return
    if box.type not in _TEXT_AT:
        return
    at = box.body + _TEXT_AT[box.type]
    if at > box.end:
        file.note(rules.ASSET_SHORT, box, f"{box.length} bytes", f"{_TEXT_AT[box.type]} bytes or more")
        return
    text = b"".join(file.pieces(at, min(box.end, at + _ID3_MAX)))
    wide = text[:2] in (b"\xfe\xff", b"\xff\xfe")
    if wide:
        ended = any(text[place : place + 2] == b"\0\0" for place in range(0, len(text) - 1, 2))
    else:
        ended = b"\0" in text
    if not ended and box.end - at < _ID3_MAX:
        file.note(rules.ASSET_TEXT, box, text[-16:], "an ending zero")


def _check_keywords(box: Box, file: File) -> None:
    """A number of words, each with its length. TS 26.244 8.5."""
    head = b"".join(file.pieces(box.body, min(box.end, box.body + _ID3_MAX)))
    if len(head) < 7:
        file.note(rules.ASSET_SHORT, box, f"{box.length} bytes", "7 bytes or more")
        return
    at = 7
    for number in range(head[6]):
        if at >= len(head) or at + 1 + head[at] > len(head):
            file.note(rules.ASSET_TEXT, box, f"keyword {number} of {head[6]} outside", f"{len(head)} bytes")
            return
        at += 1 + head[at]


_PICTURE_TYPES = {13: "image/jpeg", 14: "image/png", 27: "image/bmp"}  # QuickTime File Format, well-known types


def check_tags(box: Box, file: File) -> None:
    """`ilst`: the tags of iTunes, by name or by the number of a key. QuickTime File Format, metadata item list."""
    for tag in file.children(box, box.body):
        if not _is_tag(tag.type):
            file.note(rules.BOX_TYPE, tag, tag.type, "a name or the number of a key")
        for number, part in enumerate(file.children(tag, tag.body)):
            if part.type != b"data":
                file.search_later(part)
            elif part.length < 8:
                file.note(rules.BOX_SHORT, part, f"{part.length} bytes", "8 bytes or more")
            elif tag.type == b"covr" and part.length > 8:
                file.screening.spend(LOOK)
                picture = file.source.at(part.body + 8, part.length - 8)
                declared = _PICTURE_TYPES.get(file.number(part.body, 4) & 0xFFFFFF)
                file.screening.member(f"{tag.where}[{number}]", picture, media_type=declared, nameless=True)
            else:
                file.search_later(part, part.body + 8)


def _is_tag(kind: bytes) -> bool:
    """Printable, or a number: keys are counted from 1 and are few."""
    return (kind[0] == 0 and any(kind)) or is_printable(kind)


def check_keys(box: Box, file: File) -> None:
    """`keys`: names that the tags are numbered by. QuickTime File Format, metadata item keys."""
    if box.length < 8:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "8 bytes or more")
        return
    declared, at = file.number(box.body + 4, 4), box.body + 8
    for count in range(declared):
        file.screening.spend()
        size = file.number(at, 4) if at + 8 <= box.end else 0
        if size < 8 or at + size > box.end:
            file.note(rules.TABLE_OVERRUN, box, f"{declared} entries", f"{count} entries")
            break
        at += size
    file.search_later(box, box.body + 8)


def check_id3(box: Box, file: File) -> None:
    """`ID32`: language and a tag. https://mp4ra.org: ID3v2 in MPEG-4; ID3v2.4 structure 3.1, 4."""
    if box.length < 16:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "16 bytes or more")
        return
    if seen := _id3_fault(file.head(box, _ID3_MAX)[6:], box.length - 6):
        file.note(rules.ID3_FRAME, box, seen, "within its box")
    file.search_later(box, box.body + 16)


def _syncsafe(data: bytes) -> int | None:
    """Four times seven bits; None where an eighth bit is set. ID3v2.4 6.2."""
    if len(data) < 4 or any(byte & 0x80 for byte in data[:4]):
        return None
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def _id3_fault(tag: bytes, room: int) -> str | None:
    """What is wrong with the lengths of a tag of which `room` bytes are there, and `tag` is the beginning."""
    if tag[:3] != b"ID3" or tag[3] not in (2, 3, 4):
        return None if tag[:3] != b"ID3" else f"version 2.{tag[3]}"
    size = _syncsafe(tag[6:10])
    if size is None or 10 + size > room:
        return f"a tag of {tag[6:10].hex()} in {room} bytes"
    at, end = 10, 10 + size
    if tag[5] & 0x40 and tag[3] > 2:
        extended = _syncsafe(tag[10:14]) if tag[3] == 4 else int.from_bytes(tag[10:14], "big") + 4
        if extended is None or at + extended > end:
            return f"an extended header of {tag[10:14].hex()} in {size} bytes"
        at += extended
    return _frames_fault(tag, at, end)


def _frames_fault(tag: bytes, at: int, end: int) -> str | None:
    name, header = (3, 6) if tag[3] == 2 else (4, 10)
    for _ in range(_MAX_FRAMES):
        if at + header > min(end, len(tag)) or not tag[at]:
            return None  # the end, or padding
        sizes = tag[at + name : at + name + (3 if name == 3 else 4)]
        length = _syncsafe(sizes) if tag[3] == 4 else int.from_bytes(sizes, "big")
        if length is None or at + header + length > end:
            return f"frame {tag[at : at + name]!r} of {sizes.hex()} in {end - at - header} bytes"
        at += header + length
    return f"more than {_MAX_FRAMES} frames"


def check_unique(box: Box, file: File) -> None:
    """`uuid`: whoever knows its 16 bytes knows what it holds; XMP is one. 4.2.2."""
    if box.length < 16:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "16 bytes or more")
    elif file.read(box.body, 16) == XMP_UUID:
        file.search_later(box, box.body + 16, rules.XMP_DTD)
    else:
        file.search_later(box, box.body + 16)


def check_reference_movie(box: Box, file: File) -> None:
    """`rdrf`: a movie that is only a pointer to another one. QuickTime File Format, reference movies."""
    if box.length < 12:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "12 bytes or more")
        return
    length = file.number(box.body + 8, 4)
    if length > box.length - 12:
        file.note(rules.TABLE_OVERRUN, box, f"{length} bytes", f"{box.length - 12} bytes")
        return
    location = file.read(box.body + 12, min(length, 1024))
    rule = rules.EXTERNAL_DATA if is_remote(location) else rules.OTHER_FILE
    file.note(rule, box, location[:100], "a movie in the file itself")
