"""Second files and program code in what players pass over: unused space, private boxes, texts, and the media data.

A hidden file is told by its own structure, never by being unused: cameras and editors leave much that nobody reads.
"""

from __future__ import annotations

import re

from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import LOOK, Box, File, Room
from lazaretto_validators.bmff.bmff_metadata import MAX_XMP
from lazaretto_validators.confirm import is_tar_header
from lazaretto_validators.embedded import may_hold, search
from lazaretto_validators.identify import identify
from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.media_types import MediaType, Risk
from lazaretto_validators.slack import doctype_in, file_in

__all__ = ["may_open_as_file", "search_box", "search_media_begin", "search_room"]

_SMALL = 16 * 1024  # bytes that are at hand with the box: most fragments, and the descriptions of them
_PHP = "application/x-php"
_OVERLAP = 16  # bytes, more than any match takes: one that lies across two pieces is still seen
_CODE = (re.compile(rb"<(?i:\?php|script)[\s>/]"), re.compile(rb"eval\((?<![\w.]eval\()"))
"""What does not turn up in binary data by chance."""

_OPENINGS = (
    b"PK\x03\x04", b"MZ", b"\x7fELF", b"%PDF-", b"Rar!", b"7z\xbc\xaf", b"<?php", b"<html", b"<!DOCTYPE", b"<!doctype",
    b"<HTML", b"<script", b"#!/", b"\xca\xfe\xba\xbe", b"dex\n", b"MSCF", b"\xd0\xcf\x11\xe0",
)  # fmt: skip
"""What a hidden file in the media data begins with; shorter marks begin sound by chance."""

_FOREIGN = frozenset({Risk.RUN, Risk.ARCHIVE, Risk.DOCUMENT, Risk.BROWSED})
_MEANT = frozenset({"application/x-plist"})  # what programs of Apple keep their settings in


def search_box(box: Box, file: File) -> None:
    """A box of the outermost level, in one pass while it arrives: programs, archives and documents anywhere in it.

    Fields and tables may have more behind them than the specification says, and any number in them.
    """
    small = box.length <= _SMALL and file.exists(box.end)
    if small and not may_hold(file.read(box.body, box.length)):
        return
    content = file.source.at(box.body, box.length)
    hit = search(content, 0)
    if hit and hit[1] == _PHP and any(room.begin <= box.body + hit[0] < room.end for room in file.rooms):
        hit = search(content, 0, scripts=False)  # a text may quote code: `search_room` tells that
    if hit:
        file.note_at(rules.PARASITE, box.body + hit[0], box.where, hit[1], "sound, pictures and what describes them")


def may_open_as_file(box: Box, file: File) -> bool:
    """Does it begin as a file would? What file that is, is told once all is there: an archive is known from its end."""
    return file.peek(box.body, min(16, box.length)).startswith(_OPENINGS)


def search_media_begin(box: Box, file: File) -> None:
    """The beginning of `mdat`, once the file is whole."""
    found = identify(file.source.at(box.body, box.length))
    if found is not None and found.risk in _FOREIGN:
        file.note_at(rules.PARASITE, box.body, box.where, _shown(found), "sound and pictures")


def search_room(room: Room, file: File) -> None:
    """A stretch that players pass over."""
    file.screening.spend(LOOK)
    unused = room.rule is rules.PARASITE
    if hit := file_in(file.source, room.begin, room.end, quoting=not unused):
        if hit[1].name not in _MEANT:
            file.note_at(rules.PARASITE, hit[0], room.where, _shown(hit[1]), "no other file")
            return
    elif unused and (at := _tar_in(room, file)) is not None:
        file.note_at(rules.PARASITE, at, room.where, "a header of a tar archive", "no other file")
        return
    if room.rule is rules.XMP_DTD:
        if room.end - room.begin > MAX_XMP:
            file.note_at(rules.XMP_SIZE, room.begin, room.where, f"{room.end - room.begin} bytes", f"{MAX_XMP} bytes")
        if seen := doctype_in(file.pieces(room.begin, room.end)):
            file.note_at(rules.XMP_DTD, room.begin, room.where, seen)
    if seen := _code_in(room, file):
        rule = rules.PARASITE if unused else rules.CODE_IN_METADATA
        file.note_at(rule, room.begin, room.where, seen)


def _shown(found: MediaType) -> str:
    return f"{found.label} ({found.name})"


def _tar_in(room: Room, file: File) -> int | None:
    """A tar header in one of the first blocks: unpackers skip what they cannot read before it. POSIX.1-1988 10.1.1."""
    for at in (512, 1024, 1536):
        if room.begin <= at and at + 512 <= room.end and is_tar_header(bytes_at(file.source, at, 512)):
            return at
    return None


def _code_in(room: Room, file: File) -> bytes:
    carry = b""
    for piece in file.pieces(room.begin, room.end):
        begin = int(len(carry) == _OVERLAP)  # that one was judged with the character before it, which is gone now
        text = carry + piece
        for pattern in _CODE:
            if match := pattern.search(text, begin):
                return match[0]
        carry = text[-_OVERLAP:]
    return b""
