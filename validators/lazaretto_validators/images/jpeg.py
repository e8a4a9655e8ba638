"""JPEG pictures. ITU-T T.81 (1992) = ISO/IEC 10918-1; JFIF 1.02; CIPA DC-008 (Exif 3.0), DC-007 (MPF); XMP part 3.

    file     = SOI misc* SOFn misc* scan (misc* scan)* EOI picture* tail     misc = DQT DHT DAC DRI COM APPn
    scan     = SOS entropy [DNL]          entropy = (byte | FF 00 | FF D0..D7)*
    segment  = FF* FF marker length:u16 body:length-2                        SOI, EOI, RSTn, TEM have no length

Checked: every marker and length, all tables to their last byte, the frame and the scans and whether they go together,
pixel data to its end (marks, restart marks, whether it is as long as its blocks can be), the structure of JFIF, Exif,
XMP, colour profile, MPF and Photoshop segments, thumbnails and further pictures as members, files and code in comments
and all other segments, a first segment that makes a script of the file.
Not checked: the values of pixels (nothing is decoded: damage within pixel data that leaves no mark is not seen); what
Exif values and private segments mean; the maker's note; pictures in base64 within XMP; what follows the last picture,
which `polyglot` classifies.

Deviations: any number of fill bytes, JFIF beside Exif, segments in any order, frames without Huffman tables (web
cameras), a restart mark behind the last interval, lines told by DNL, broken Exif values, an MPF index whose pictures
were dropped: told at info, or not at all. Arithmetic and hierarchical headers are read, their data is only passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Mapping
from types import MappingProxyType

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import jpeg_rules as rules
from lazaretto_validators.images.jpeg_entropy import FIRST, check_entropy
from lazaretto_validators.images.jpeg_frame import MAX_SCANS, check_frame, check_lines, check_scan, finish_frame
from lazaretto_validators.images.jpeg_metadata import COM, check_application, check_comment, finish_metadata
from lazaretto_validators.images.jpeg_structure import SIGNATURE, Picture, Segment, name_of
from lazaretto_validators.images.jpeg_tables import (
    check_conditioning,
    check_huffman,
    check_quantization,
    check_restart,
)
from lazaretto_validators.images.jpeg_tail import check_further_pictures
from lazaretto_validators.slack import file_in, script_at
from lazaretto_validators.source import PIECE, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SIGNATURE", "SMALLEST", "validate_jpeg"]

SMALLEST = bytes.fromhex(
    "ffd8ffdb004300" + "01" * 64 +  # DQT: one table, all steps 1
    "ffc0000b080001000101011100"  # SOF0: 1x1, one component of 8 bits
    "ffc400140001" + "00" * 16 +  # DHT: the code 0 for a difference of no bits
    "ffc400141001" + "00" * 16 +  # DHT: the code 0 for the end of a block
    "ffda0008010100003f003f"  # SOS, and one block: 0, 0, filled up with ones
    "ffd9"
)  # fmt: skip

Check = Callable[[Segment, Picture], Iterator[Finding]]

CHECKS: Mapping[int, Check] = MappingProxyType(
    {
        **dict.fromkeys((m for m in range(0xC0, 0xD0) if m not in (0xC4, 0xC8, 0xCC)), check_frame),
        0xC4: check_huffman,
        0xCC: check_conditioning,
        0xDB: check_quantization,
        0xDC: check_lines,
        0xDD: check_restart,
        **dict.fromkeys(range(0xE0, 0xF0), check_application),
        COM: check_comment,
    }
)
"""What is checked of a segment, by its marker. Table B.1."""

_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})  # TEM, RSTn, SOI: no length
_EOI, _SOS = 0xD9, 0xDA
_MARKER = re.compile(rb"\xff[^\x00\xff]")


@validator("image/jpeg", magic=SIGNATURE, extensions=("jpg", "jpeg"), rules=rules.RULES, example=SMALLEST, api=1)
def validate_jpeg(source: Source, screening: Screening) -> Iterator[Finding]:
    """JPEG pictures. ITU-T T.81 (1992)."""
    source.at(0).expect(SIGNATURE)
    source.skip(2)
    picture = Picture(source, screening)
    if (opening := script_at(source.at(0), len(SIGNATURE))) is not None:
        yield rules.SCRIPT.found(at=len(SIGNATURE), where="byte 3", seen=opening)
    while True:
        yield from _pass_junk(picture)
        at = source.offset
        marker = _read_marker(source)
        if marker is None:
            yield rules.NO_END.found(at=at, where="EOI", seen="the end of the file", allowed="EOI")
            yield from _finish(picture, at)
            return
        if marker == _EOI:
            break
        if marker in _ALONE:
            if picture.once(rules.STRAY_MARKER):
                yield rules.STRAY_MARKER.found(at=at, where=f"byte {at}", seen=name_of(marker), allowed="a segment")
            continue
        segment = yield from _read_segment(picture, marker)
        if segment is None:
            screening.not_covered(f"after byte {at}", "where the next segment begins cannot be known")
            return
        if marker == _SOS:
            scan = yield from check_scan(segment, picture)
            yield from check_entropy(scan, picture)
            if picture.scans > MAX_SCANS:
                screening.not_covered(f"after byte {source.offset}", "too many scans")
                return
        elif check := CHECKS.get(marker):
            yield from check(segment, picture)
        else:
            yield segment.found(rules.UNKNOWN_MARKER, name_of(marker), "a marker of table B.1 in use")
    end = source.offset
    yield from _finish(picture, end)
    yield from check_further_pictures(picture, end)


def _pass_junk(picture: Picture) -> Iterator[Finding]:
    """Move to the next marker. Between segments nothing but markers and fill bytes may stand. B.1.1.2."""
    source = picture.source
    head = source.peek(2)
    if not head or (head[0] == 0xFF and head[1:] != b"\0"):
        return
    begin, window = source.offset, FIRST
    while piece := source.peek(window):
        mark = _MARKER.search(piece)
        # Without one, the last byte may be the beginning of the next marker.
        length = mark.start() if mark else max(1, len(piece) - (len(piece) == window and piece.endswith(b"\xff")))
        source.skip(length)
        window = PIECE
        if mark:
            break
    end = source.offset
    if picture.once(rules.JUNK):
        yield rules.JUNK.found(at=begin, where=f"byte {begin}", seen=f"{end - begin} bytes", allowed="a marker")
    if hit := file_in(source.at(0), begin, end, host="image/jpeg"):
        yield rules.PARASITE.found(at=hit[0], where=f"byte {begin}", seen=hit[1].label, allowed="a marker")


def _read_marker(source: Source) -> int | None:
    """The marker that begins here, fill bytes before it passed over; None at the end of the file. B.1.1.3."""
    while (head := source.peek(FIRST)) and not head.strip(b"\xff"):
        source.skip(len(head))
    if not head:
        return None
    source.skip(len(head) - len(head.lstrip(b"\xff")))
    return source.read(1)[0]


def _read_segment(picture: Picture, marker: int) -> Generator[Finding, None, Segment | None]:
    """The segment whose marker was just read. None if its length makes no sense. B.1.1.4."""
    source = picture.source
    at = source.offset - 2
    number = picture.counts.get(marker, 0)
    picture.counts[marker] = number + 1
    length = int.from_bytes(source.read(2), "big")
    if length < 2:
        where = f"{name_of(marker)}[{number}]"
        yield rules.SEGMENT_LENGTH.found(at=at, where=where, seen=length, allowed="2 and more")
        return None
    return Segment(marker, at, source.read(length - 2), number)


def _finish(picture: Picture, end: int) -> Iterator[Finding]:
    """The picture has come to its end."""
    yield from finish_frame(picture, end)
    yield from finish_metadata(picture, end)
