"""Photoshop's image resource blocks in APP13. Adobe Photoshop File Formats Specification, image resource blocks.

    segment = "Photoshop 3.0\\0" block*        a block may run on into the next segment of this kind
    block   = "8BIM" id:u16 name:pascal string, padded to even size:u32 data:size, padded to even

Checked: that every block lies inside the segments, the thumbnail by its own format's validator.
Not checked: what the other resources mean.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import jpeg_rules as rules
from lazaretto_validators.images.jpeg_structure import Picture, Segment, hand_over

__all__ = ["PHOTOSHOP", "check_photoshop"]

PHOTOSHOP = b"Photoshop 3.0\0"

_SIGNATURES = (b"8BIM", b"PHUT", b"DCSR", b"AgHg", b"MeSa")  # the others by plug-ins, listed by ExifTool
_THUMBNAILS = (0x0409, 0x040C)
_THUMBNAIL = 28  # bytes of its header: format, width, height, row, size, compressed size, depth, planes
_LEAST = 12  # bytes of a block without a name


def check_photoshop(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """The blocks of one segment, the first of which may be the rest of one that began before."""
    resources = picture.resources
    begin = len(PHOTOSHOP)
    body = resources.carry + segment.body[begin:]
    shift = segment.begin + begin - len(resources.carry)  # where `body` would stand in the file
    at = min(resources.left, len(body))
    resources.left -= at
    resources.carry = b""
    while len(body) - at >= _LEAST:
        if not body.startswith(_SIGNATURES, at):
            if body[at:].strip(b"\0"):
                seen = body[at : at + 4]
                yield rules.PHOTOSHOP_RESOURCE.found(at=shift + at, where=segment.where, seen=seen, allowed="8BIM")
            return
        picture.screening.spend()
        data = at + 6 + (body[at + 6] | 1) + 1
        if data + 4 > len(body):
            break
        kind, size = int.from_bytes(body[at + 4 : at + 6], "big"), int.from_bytes(body[data : data + 4], "big")
        data += 4
        if kind in _THUMBNAILS:
            _thumbnail(segment, picture, body[data : data + min(size, _THUMBNAIL)], shift + data, len(body) - data)
        at = data + size + size % 2
        resources.last = segment
    if at > len(body):
        resources.left = at - len(body) - (1 if at - len(body) == 1 else 0)  # the last padding is often left out
    elif body[at:].strip(b"\0"):
        resources.carry = body[at:]


def _thumbnail(segment: Segment, picture: Picture, head: bytes, at: int, room: int) -> None:
    """The thumbnail's picture, if it lies in the segment as a whole."""
    if len(head) < _THUMBNAIL:
        return
    kind, size = struct.unpack_from(">I16xI", head)
    if kind != 1 or not size:  # raw pixels
        return
    if at < segment.begin or _THUMBNAIL + size > room:
        picture.screening.not_covered(f"{segment.where}/thumbnail", "it runs over several segments")
        return
    hand_over(picture, "Photoshop/thumbnail.jpg", at + _THUMBNAIL, size)
