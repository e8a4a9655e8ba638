"""Sample descriptions: what a track's media are coded with, and where they lie. ISO/IEC 14496-12 8.5.2, 8.7.2, 12.

QuickTime's sound descriptions are longer than ISO's (QuickTime File Format, sound sample descriptions 1 and 2).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import Box, File
from lazaretto_validators.bmff.bmff_codecs import (
    alac_fault,
    avc_fault,
    descriptor_fault,
    hevc_fault,
    icc_fault,
    obu_fault,
)
from lazaretto_validators.bmff.bmff_tracks import Track
from lazaretto_validators.finding import Rule
from lazaretto_validators.names import words

__all__ = [
    "PARAMETERS", "check_colour", "check_data_references", "check_descriptions", "check_parameters", "is_remote",
]  # fmt: skip

_HEAD = 64 * 1024  # bytes of parameters that are looked at: sets of parameters take hundreds, profiles some thousand
_LONG = 4096  # bytes: longer parameters than any codec has, or a profile, are searched for second files
MAX_SIDE = 32768  # pixels, threats MP4-16
MAX_FRAME_BYTES = 1 << 31  # at four bytes a pixel, threats MP4-16

_VISUAL = frozenset({b"vide", b"auxv", b"pict"})  # handlers, 12.1.1
_VISUAL_FIELDS = 78  # bytes before the boxes of a visual description, 12.1.3.2

_CODED = frozenset(
    word.encode("latin-1").ljust(4)
    for word in words(
        "avc1 avc2 avc3 avc4 hvc1 hvc2 hev1 hev2 vvc1 vvi1 dvh1 dvhe dva1 dvav av01 dav1 vp08 vp09 mp4v s263 encv resv "
        "apch apcn apcs apco ap4h ap4x jpeg mjpa mjp2 mp4a enca alac Opus opus fLaC samr sawb sawp ac-3 ec-3 ac-4 apac "
        "dtsc dtsh dtsl dtse dts+ dts- mha1 mhm1 mha2 mhm2 twos sowt in24 in32 fl32 fl64 lpcm ipcm fpcm raw"
    )
)
"""Codecs whose descriptions go on with boxes. Others are older, or keep data of their own there."""

_RISKY = {
    b"ac-3": rules.DOLBY_DIGITAL,
    b"ec-3": rules.RISKY_CODEC,
    b"ac-4": rules.RISKY_CODEC,
    b"apac": rules.RISKY_CODEC,
}
_REMOTE = re.compile(rb"(?i)\s*(?:[a-z][a-z0-9+.-]{1,20}://[^\s/]|\\\\|//)")
_LOCAL = re.compile(rb"(?i)\s*file:///")


def is_remote(location: bytes) -> bool:
    """Does it name a place on another computer? A path or a `file:///` on one's own does not."""
    return _REMOTE.match(location) is not None and not _LOCAL.match(location)


def check_data_references(box: Box, file: File, track: Track) -> None:
    """`dref`: in which files the media lie. 8.7.2; QuickTime's `alis` is an alias record."""
    if box.length < 8:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "8 bytes or more")
        return
    declared, count = file.number(box.body + 4, 4), 0
    for entry in file.children(box, box.body + 8):
        count += 1
        if entry.length < 4:
            file.note(rules.BOX_SHORT, entry, f"{entry.length} bytes", "4 bytes or more")
            continue
        if file.number(entry.body, 4) & 1 or entry.type == b"imdt":
            continue
        location = file.head(entry, 1024)[4:]
        if not location.strip(b"\0"):
            continue  # nothing is named: nothing will be fetched
        track.outside = True
        rule = rules.EXTERNAL_DATA if entry.type != b"alis" and is_remote(_named(entry, location)) else rules.OTHER_FILE
        file.note(rule, entry, location[:100], "the file itself")
    track.references = count
    if declared > count:
        file.note(rules.TABLE_OVERRUN, box, f"{declared} entries", f"{count} entries")


def _named(entry: Box, location: bytes) -> bytes:
    """The location in a data entry: the second string of a `urn `."""
    return location.partition(b"\0")[2] if entry.type == b"urn " else location


def check_descriptions(box: Box, file: File, track: Track) -> None:
    """`stsd`: one description for each way in which samples are coded. 8.5.2."""
    if box.length < 8:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "8 bytes or more")
        return
    newer = file.read(box.body, 1)[0] == 1
    declared = file.number(box.body + 4, 4)
    kinds: set[tuple[bytes, int, int]] = set()
    for entry in file.children(box, box.body + 8):
        track.descriptions += 1
        if entry.length < 8:
            file.note(rules.BOX_SHORT, entry, f"{entry.length} bytes", "8 bytes or more")
            continue
        track.reference_indices.append((file.number(entry.body + 6, 2), entry))
        if track.handler in _VISUAL:
            kinds.update(_check_visual(entry, file))
        elif track.handler == b"soun":
            _check_sound(entry, file, newer=newer)
        else:
            file.search_later(entry)
    if declared > track.descriptions:
        file.note(rules.TABLE_OVERRUN, box, f"{declared} entries", f"{track.descriptions} entries")
    if len(kinds) > 1:
        seen = ", ".join(sorted(f"{k.decode('latin-1')} {w}x{h}" for k, w, h in kinds))
        file.note(rules.MIXED_SAMPLES, box, seen, "one codec and size")


def _check_visual(entry: Box, file: File) -> list[tuple[bytes, int, int]]:
    """Codec, width and height of a visual description. 12.1.3."""
    if entry.length < _VISUAL_FIELDS:
        file.note(rules.BOX_SHORT, entry, f"{entry.length} bytes", f"{_VISUAL_FIELDS} bytes or more")
        return []
    width, height = file.number(entry.body + 24, 2), file.number(entry.body + 26, 2)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and 4 * width * height < MAX_FRAME_BYTES):
        file.note(rules.FRAME_SIZE, entry, f"{width}x{height}", f"1 to {MAX_SIDE} each")
    begin = _VISUAL_FIELDS + (_colour_table(entry, file) if file.quicktime else 0)
    return [(_boxes_in(entry, file, min(begin, entry.length)), width, height)]


def _colour_table(entry: Box, file: File) -> int:
    """Bytes of the colours that follow a description with few of them. QuickTime File Format, color table atom."""
    depth, table = file.number(entry.body + 74, 2), file.number(entry.body + 76, 2)
    if table or not depth & 31 <= 8 or entry.length < _VISUAL_FIELDS + 8:
        return 0
    return 8 + 8 * (file.number(entry.body + _VISUAL_FIELDS + 6, 2) + 1)


def _check_sound(entry: Box, file: File, *, newer: bool) -> None:
    """12.2.3; the version field of QuickTime's first descriptions adds 16 or 36 bytes."""
    if entry.length < 28:
        file.note(rules.BOX_SHORT, entry, f"{entry.length} bytes", "28 bytes or more")
        return
    version = file.number(entry.body + 8, 2)
    begin = 28 if newer else {1: 44, 2: 64}.get(version, 28)
    if entry.length < begin:
        file.note(rules.BOX_SHORT, entry, f"{entry.length} bytes", f"{begin} bytes or more")
        return
    if rule := _RISKY.get(_boxes_in(entry, file, begin)):
        file.note(rule, entry, entry.type, "AAC, MP3, Opus and others")


def _boxes_in(entry: Box, file: File, begin: int) -> bytes:
    """What stands in a description behind its fields. Answers the codec; that of protected media is told inside."""
    if entry.type not in _CODED:
        file.search_later(entry, entry.body + begin)
        return entry.type
    codec = entry.type
    todo = [(entry, entry.body + begin)]
    while todo:
        parent, at = todo.pop()
        for box in file.children(parent, at):
            if box.type in (b"sinf", b"schi", b"wave", b"rinf"):
                todo.append((box, box.body))
            elif box.type == b"frma" and parent.type in (b"sinf", b"rinf") and box.length >= 4:
                codec = file.read(box.body, 4)
            elif box.type in PARAMETERS:
                check_parameters(box, file)
            elif box.type == b"colr":
                check_colour(box, file)
            else:
                file.search_later(box)
    return codec


def _full(fault: Callable[[bytes], str | None]) -> Callable[[bytes], str | None]:
    """For a box with version and flags in front."""
    return lambda data: fault(data[4:]) if len(data) >= 4 else f"{len(data)} bytes"


def _av1_fault(data: bytes) -> str | None:
    """AV1-ISOBMFF 2.3: four bytes, then units."""
    if len(data) < 4:
        return f"{len(data)} bytes"
    if data[0] != 0x81:
        return f"marker and version {data[0]:#04x}"
    return obu_fault(lambda at, count: data[4 + at : 4 + at + count], len(data) - 4)


def _channels_fault(data: bytes) -> str | None:
    """`chan`: a layout and descriptions of 20 bytes each. QuickTime File Format, channel layout."""
    if len(data) < 16:
        return f"{len(data)} bytes"
    count = int.from_bytes(data[12:16], "big")
    return None if 16 + 20 * count <= len(data) else f"{count} channels in {len(data)} bytes"


PARAMETERS: dict[bytes, tuple[Rule, Callable[[bytes], str | None]]] = {
    b"esds": (rules.DESCRIPTOR, _full(descriptor_fault)),
    b"avcC": (rules.CODEC_CONFIG, avc_fault),
    b"hvcC": (rules.CODEC_CONFIG, hevc_fault),
    b"av1C": (rules.CODEC_CONFIG, _av1_fault),
    b"alac": (rules.ALAC_COOKIE, _full(alac_fault)),
    b"chan": (rules.TABLE_OVERRUN, _channels_fault),
}
"""The rule that a box of parameters breaks, and how that is found."""


def check_parameters(box: Box, file: File) -> None:
    """A box of parameters of a codec."""
    rule, fault = PARAMETERS[box.type]
    seen = fault(file.head(box, _HEAD))
    if seen and box.length <= _HEAD:
        file.note(rule, box, seen, "within its box")
    if box.length > _LONG:
        file.search_later(box)


def check_colour(box: Box, file: File) -> None:
    """`colr`: numbers, or a profile. 12.1.5."""
    head = file.head(box, _HEAD)
    least = {b"nclx": 11, b"nclc": 10}.get(head[:4], 4)
    if len(head) < least:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", f"{least} bytes")
    elif head[:4] in (b"prof", b"rICC") and (seen := icc_fault(head[4:], box.length - 4)):
        file.note(rules.PROFILE, box, seen)
    if box.length > _LONG:
        file.search_later(box)
