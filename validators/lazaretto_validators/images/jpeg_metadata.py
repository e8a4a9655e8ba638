"""Comments and application segments of a JPEG picture: JFIF, Exif, XMP, profile, MPF, Photoshop, Adobe, private ones.

Each is read whole, since it cannot be longer than 64 KiB; what runs over several of them is put together by pieces.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import jpeg_rules as rules
from lazaretto_validators.images.icc import HEADER, TABLE, contradictions
from lazaretto_validators.images.jpeg_photoshop import PHOTOSHOP, check_photoshop
from lazaretto_validators.images.jpeg_structure import Block, Extended, Picture, Piece, Segment, hand_over
from lazaretto_validators.images.tiff_ifd import ORDERS, Kind, read_directories
from lazaretto_validators.slack import code_in, doctype_in, file_in
from lazaretto_validators.source import Source

__all__ = ["COM", "check_application", "check_comment", "finish_metadata"]

COM = 0xFE
JPEG = "image/jpeg"

SEARCH = 32  # operations charged for the search of one segment: what its reads would have been
MAX_EXIF = 1 << 20  # bytes of all its segments; phones fill one
MAX_PIECES = 4096  # of extended XMP, 64 KiB each: a depth map has some hundred
MAX_PRIVATE = 1 << 20  # bytes of private segments, threats STG-02
_OVERLAP = 16  # bytes of two pieces that are read together: more than any match takes
_EXTENSION = struct.Struct(">32sII")  # GUID, total, offset: XMP part 3, 1.1.3.1

# Three characters in a row occur by chance in binary data: only the long ones are looked for there.
_CODE_IN_BINARY = re.compile(rb"<(?i:\?php|script)[\s>/]|eval\((?<![\w.]eval\()")


def check_comment(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """COM: a text, in which code and whole files are kept. B.2.4.5."""
    picture.private += len(segment.body)
    if code := code_in([segment.body]):
        yield segment.found(rules.CODE_IN_METADATA, code, "text")
    yield from _search_file(segment, picture)


def check_application(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """APPn, by the identifier that opens it; then what no segment has a reason to hold. B.2.4.6."""
    body = segment.body
    fits = (check for (marker, name), check in CHECKS.items() if marker == segment.marker and body.startswith(name))
    if check := next(fits, None):
        yield from check(segment, picture)
    elif not body.startswith(PUBLIC):
        picture.private += len(body)
    # A text is judged as one, by its own check.
    if check not in (check_xmp, check_extended_xmp) and (match := _CODE_IN_BINARY.search(body)):
        yield segment.found(rules.CODE_IN_METADATA, match[0])
    yield from _search_file(segment, picture)


PUBLIC = (b"FPXR\0", b"JP", b"HDR_RI", b"CIFF", b"FLIR\0", b"Meta\0", b"META\0", b"urn:iso:std:iso:ts:21496")
"""Identifiers of segments that are large for a reason: FlashPix, JUMBF (C2PA), HDR, thermal pictures."""


def _search_file(segment: Segment, picture: Picture) -> Iterator[Finding]:
    # Over the bytes at hand: a window of the file would wait for the end of the download to know its own size.
    picture.screening.spend(SEARCH)
    if hit := file_in(Source.of_bytes(segment.body), 0, len(segment.body), host=JPEG, quoting=True):
        at, seen = segment.begin + hit[0], hit[1].label
        yield rules.PARASITE.found(at=at, where=segment.where, seen=seen, allowed="text or private data")


# --- JFIF 1.02 ---


def check_jfif(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """APP0: version, density, a thumbnail of three bytes a pixel. Some write more behind it."""
    body = segment.body
    picture.jfif += 1
    if picture.jfif > 1 and picture.once(rules.DUPLICATE_METADATA):
        yield segment.found(rules.DUPLICATE_METADATA, "a second JFIF header", "one")
    pixels = body[12] * body[13] if len(body) > 13 else 0
    if len(body) < 14 or len(body) < 14 + 3 * pixels:
        yield segment.found(rules.JFIF_THUMBNAIL, f"{len(body)} bytes", f"{14 + 3 * pixels} bytes")


def check_jfxx(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """APP0, the extension: a thumbnail as JPEG, with a palette, or of three bytes a pixel."""
    body = segment.body
    code = body[5] if len(body) > 5 else -1
    if code == 0x10:
        hand_over(picture, "JFXX/thumbnail.jpg", segment.begin + 6, len(body) - 6)
        return
    pixels = body[6] * body[7] if len(body) > 7 else 0
    wanted = {0x11: 8 + 768 + pixels, 0x13: 8 + 3 * pixels}.get(code)
    if wanted is None or len(body) < wanted:
        seen = f"kind {code}, {len(body)} bytes"
        yield segment.found(rules.JFIF_THUMBNAIL, seen, f"kind 16, 17 or 19, {wanted or 6} bytes")


# --- Exif: CIPA DC-008 4.5 to 4.7 ---

_EXIF_RULES: Mapping[Kind, Rule] = MappingProxyType({
    Kind.HEADER: rules.EXIF_HEADER,
    Kind.DIRECTORY: rules.EXIF_DIRECTORY,
    Kind.NEXT: rules.EXIF_VALUE,
    Kind.LOOP: rules.EXIF_LOOP,
    Kind.FLOOD: rules.EXIF_LOOP,
    Kind.VALUE: rules.EXIF_VALUE,
})  # fmt: skip


def check_exif(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """APP1: a block of directories, or the rest of one: ExifTool lets a long one go on in further segments."""
    rest = segment.body[len(EXIF) + 1 :]
    before, picture.exif_bytes = picture.exif_bytes, picture.exif_bytes + len(rest)
    if picture.exif_bytes > MAX_EXIF:
        if before <= MAX_EXIF:
            picture.screening.not_covered(segment.where, f"Exif beyond {MAX_EXIF >> 20} MiB is not read")
    elif picture.exif and not rest.startswith(ORDERS):
        picture.exif[-1].data += rest
    else:
        if picture.exif and picture.once(rules.DUPLICATE_METADATA):
            yield segment.found(rules.DUPLICATE_METADATA, "a second Exif header", "one")
        picture.exif.append(Block(segment, bytearray(rest)))


def _finish_exif(block: Block, picture: Picture) -> Iterator[Finding]:
    """The directories, and of the first block, which most readers take, the thumbnail."""
    segment, is_first = block.first, block is picture.exif[0]
    begin = segment.begin + len(EXIF) + 1
    read = read_directories(bytes(block.data))
    picture.screening.spend(read.entries)
    told: set[Kind] = set()
    for fault in read.faults:
        # A further block may be a remainder; but some readers take it, too, and run into its loop.
        if fault.kind in told or not (is_first or _EXIF_RULES[fault.kind] is rules.EXIF_LOOP):
            continue
        told.add(fault.kind)
        where = f"{segment.where}/{fault.where}" if fault.where else segment.where
        yield _EXIF_RULES[fault.kind].found(at=begin + fault.at, where=where, seen=fault.seen, allowed=fault.allowed)
    offset, length = read.thumbnail or (0, 0)
    if not is_first or not length or Kind.VALUE in told:
        return
    if offset + length > len(block.data):
        # Programs that cut a block leave the numbers of the old one.
        yield segment.found(rules.EXIF_VALUE, f"thumbnail ends at {offset + length}", len(block.data))
    elif begin + offset + length > segment.begin + len(segment.body):
        picture.screening.not_covered(f"{segment.where}/thumbnail", "it does not lie in the first segment")
    else:
        hand_over(picture, "Exif/thumbnail.jpg", begin + offset, length)


# --- XMP part 3, 1.1.3 ---


def check_xmp(segment: Segment, picture: Picture) -> Iterator[Finding]:  # noqa: ARG001 - as the others
    """APP1: a packet of XML. Nulls are left out: UTF-16 is not allowed, and read by some all the same."""
    text = segment.body[len(XMP) :].replace(b"\0", b"")
    yield from _judge_xmp(segment, text)


def check_extended_xmp(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """APP1: a piece of a packet that is too long for one segment. Pieces of one packet name its digest and total.

    They may stand in any order. Of each the ends are kept, which have to be read together with its neighbours'.
    """
    data = segment.body[len(EXTENDED_XMP) :]
    yield from _judge_xmp(segment, data.replace(b"\0", b""))
    if len(data) < _EXTENSION.size:
        yield segment.found(rules.XMP_EXTENSION, f"{len(data)} bytes", f"{_EXTENSION.size} and more")
        return
    picture.pieces += 1
    if picture.pieces > MAX_PIECES:
        if picture.pieces == MAX_PIECES + 1:
            picture.screening.not_covered(segment.where, f"more than {MAX_PIECES} pieces are not put together")
        return
    guid, total, offset = _EXTENSION.unpack_from(data)
    packet = picture.extended.setdefault(guid, Extended(segment, total))
    end = offset + len(data) - _EXTENSION.size
    if (total != packet.total or end > total) and picture.once(rules.XMP_EXTENSION):
        yield segment.found(rules.XMP_EXTENSION, f"{offset} to {end} of {total}", f"{packet.total} in all")
    text = data[_EXTENSION.size :].replace(b"\0", b"")
    packet.pieces.append(Piece(offset, end, text[:_OVERLAP], text[-_OVERLAP:]))


def _finish_extended(packet: Extended, picture: Picture) -> Iterator[Finding]:
    """All pieces have come: do they make up a whole, and what stands where they meet?"""
    carry, place, overlaps = b"", 0, False
    for piece in sorted(packet.pieces):
        if piece.begin != place:
            overlaps = overlaps or piece.begin < place
            carry = b""
            if picture.once(rules.XMP_EXTENSION):
                yield packet.first.found(rules.XMP_EXTENSION, f"a piece at {piece.begin}", f"one at {place}")
        if carry:
            yield from _judge_xmp(packet.first, carry + piece.head)
        carry, place = (carry + piece.tail)[-_OVERLAP:], piece.end
    if overlaps:
        picture.screening.not_covered(packet.first.where, "pieces of one packet lie over each other")
    if place != packet.total and picture.once(rules.XMP_EXTENSION):
        yield packet.first.found(rules.XMP_EXTENSION, f"{place} of {packet.total} bytes", "all")


def _judge_xmp(segment: Segment, text: bytes) -> Iterator[Finding]:
    if hit := doctype_in([text]):
        yield segment.found(rules.XMP_DTD, hit, "none")
    if hit := code_in([text]):
        yield segment.found(rules.CODE_IN_METADATA, hit)


# --- ICC.1:2022 B.4 ---


def check_profile(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """APP2: piece n of m of a colour profile."""
    profile = picture.profile
    numbers = segment.body[len(ICC) : len(ICC) + 2]
    piece = segment.body[len(ICC) + 2 :]
    if profile.pieces == profile.count == 1 and numbers == b"\1\1":
        if picture.once(rules.DUPLICATE_METADATA):
            yield segment.found(rules.DUPLICATE_METADATA, "a second colour profile", "one")
        return
    profile.first = profile.first or segment
    profile.pieces += 1
    if profile.pieces == 1 and len(numbers) == 2:
        profile.count = numbers[1]
    if len(numbers) < 2 or numbers[0] != profile.pieces or numbers[1] != profile.count:
        profile.spoilt = True
        if picture.once(rules.ICC_CHUNKS):
            seen = " of ".join(str(number) for number in numbers)
            yield segment.found(rules.ICC_CHUNKS, f"piece {seen}", f"{profile.pieces} of {profile.count}")
    profile.size += len(piece)
    profile.head += piece[: max(0, TABLE - len(profile.head))]


def _finish_profile(picture: Picture) -> Iterator[Finding]:
    profile = picture.profile
    if profile.first is None or profile.spoilt:
        return
    if profile.pieces != profile.count:
        yield profile.first.found(rules.ICC_CHUNKS, f"{profile.pieces} pieces", profile.count)
    elif profile.size < HEADER:
        yield profile.first.found(rules.ICC_SHORT, f"{profile.size} bytes", f"{HEADER} and more")
    else:
        for seen, allowed in contradictions(bytes(profile.head), profile.size):
            yield profile.first.found(rules.ICC_PROFILE, seen, allowed)


# --- CIPA DC-007 5.2 ---

_NUMBER_OF_PICTURES, _PICTURES = 0xB001, 0xB002
_PICTURE = 16  # bytes of an entry, DC-007 5.2.3.3


def check_index(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """APP2: where further pictures stand, counted from the index itself. Whether they do, is seen at the end."""
    base = len(MPF)
    read = read_directories(segment.body[base:])
    picture.screening.spend(read.entries)
    if read.faults and (fault := read.faults[0]).kind is not Kind.NEXT:
        rule = rules.EXIF_LOOP if fault.kind in (Kind.LOOP, Kind.FLOOD) else rules.MPF_INDEX
        yield segment.found(rule, fault.seen, fault.allowed)
        return
    index = read.named("IFD0")
    table = index.entries.get(_PICTURES) if index else None
    if table is None or picture.index:
        return
    rows = read.block[table.at : table.at + min(table.size, len(read.block))]
    origin = segment.begin + base
    places = []
    for at in range(0, len(rows) - _PICTURE + 1, _PICTURE):
        length, offset = struct.unpack_from(f"{read.order}4xII", rows, at)
        if offset:  # the first one is this picture itself
            places.append((origin + offset, length))
    picture.index = tuple(sorted(places))


# --- Adobe TN 5116 section 18 ---


def check_adobe(segment: Segment, picture: Picture) -> Iterator[Finding]:  # noqa: ARG001 - as the others
    """APP14: how colours are coded."""
    if len(segment.body) < 12:
        yield segment.found(rules.ADOBE_LENGTH, f"{len(segment.body)} bytes", "12 bytes")


EXIF = b"Exif\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
ICC = b"ICC_PROFILE\0"
MPF = b"MPF\0"

CHECKS: Mapping[tuple[int, bytes], Callable[[Segment, Picture], Iterator[Finding]]] = MappingProxyType({
    (0xE0, b"JFIF\0"): check_jfif,
    (0xE0, b"JFXX\0"): check_jfxx,
    (0xE1, EXIF): check_exif,
    (0xE1, XMP): check_xmp,
    (0xE1, EXTENDED_XMP): check_extended_xmp,
    (0xE2, ICC): check_profile,
    (0xE2, MPF): check_index,
    (0xED, PHOTOSHOP): check_photoshop,
    (0xEE, b"Adobe"): check_adobe,
})  # fmt: skip
"""By marker and identifier; all others are private."""


def finish_metadata(picture: Picture, end: int) -> Iterator[Finding]:
    """The picture has ended at `end`: is what ran over several segments complete, and is there not too much of it?"""
    for block in picture.exif:
        yield from _finish_exif(block, picture)
    yield from _finish_profile(picture)
    last = picture.resources.last
    if last is not None and (picture.resources.left or picture.resources.carry):
        lacking = picture.resources.left or "some"
        yield last.found(rules.PHOTOSHOP_RESOURCE, f"{lacking} bytes are lacking", "the whole block")
    for packet in picture.extended.values():
        yield from _finish_extended(packet, picture)
    if picture.private > MAX_PRIVATE and 2 * picture.private > end:
        yield rules.OVERSIZED.found(at=end, where="EOI", seen=f"{picture.private} of {end} bytes", allowed="half")
