"""PNG and APNG pictures. W3C PNG, 3rd edition: https://www.w3.org/TR/png-3/ (clauses are cited in `png_rules`).

    file  = signature IHDR chunk* [PLTE] chunk* IDAT+ chunk* IEND
    chunk = length:u32 type:4 letters data:length bytes crc:u32 over type and data
    apng  = signature IHDR acTL [fcTL] IDAT+ (fcTL fdAT+)* IEND, other chunks between

Checked: the chunk layout and every checksum, order and number, the fixed fields, sizes before anything is inflated,
the pixel data to its last byte (all passes, all frames), texts, profile, Exif header, animation.
Not checked: the values of pixels; what an unknown ancillary chunk means (only code in it); the directories inside
Exif; what follows IEND, which `polyglot` classifies.

Deviations: CgBI in front of IHDR is taken for what it is, Apple's variant, and read on. A wrong CRC of an ancillary
chunk, a short-of-window zlib header, and zeros behind the pixels are written by honest programs: they are told, at
info, or not at all.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import png_rules as rules
from lazaretto_validators.images.png_animation import (
    check_animation,
    check_frame,
    check_frame_data,
    finish_animation,
)
from lazaretto_validators.images.png_chunks import (
    KNOWN,
    check_colour_space,
    check_end,
    check_header,
    check_palette,
    check_pixels,
    check_place,
    check_size,
    check_transparency,
)
from lazaretto_validators.images.png_metadata import check_exif, check_icc_profile, check_other, check_text
from lazaretto_validators.images.png_structure import Chunk, Picture
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SIGNATURE", "SMALLEST", "validate_png"]

SIGNATURE = b"\x89PNG\r\n\x1a\n"  # PNG 5.2

SMALLEST = SIGNATURE + bytes.fromhex(
    "0000000d49484452000000010000000108000000003a7e9b55"  # IHDR: 1x1, 8 bits of grey
    "0000000a4944415478da6360000000020001e527defc"  # IDAT: one black pixel
    "0000000049454e44ae426082"  # IEND
)

MANY = 128 * 1024  # bytes in which small chunks are walked together: some 15 of the usual 8 KiB
_LAYOUT = struct.Struct(">I4s")  # length and type of a chunk, PNG 5.3

LONGEST = (1 << 31) - 1  # bytes of data in a chunk, PNG 5.3

Check = Callable[[Chunk, Picture], Iterator[Finding]]

CHECKS: Mapping[bytes, tuple[Check, ...]] = MappingProxyType(
    {
        b"IHDR": (check_header,),
        b"PLTE": (check_palette,),
        b"IDAT": (check_pixels,),
        b"IEND": (check_end, finish_animation),
        b"tRNS": (check_transparency,),
        b"gAMA": (check_size,),
        b"cHRM": (check_size,),
        b"sRGB": (check_size, check_colour_space),
        b"iCCP": (check_icc_profile, check_colour_space),
        b"cICP": (check_size,),
        b"mDCV": (check_size,),
        b"cLLI": (check_size,),
        b"sBIT": (check_size,),
        b"bKGD": (check_size,),
        b"hIST": (check_size,),
        b"pHYs": (check_size,),
        b"tIME": (check_size,),
        b"tEXt": (check_text,),
        b"zTXt": (check_text,),
        b"iTXt": (check_text,),
        b"eXIf": (check_exif,),
        b"acTL": (check_size, check_animation),
        b"fcTL": (check_size, check_frame),
        b"fdAT": (check_frame_data,),
    }
)
"""What is checked of a chunk beside its place and its checksum; `check_other` for all that are not listed."""


@validator("image/png", magic=SIGNATURE, extensions=("png", "apng"), rules=rules.RULES, example=SMALLEST, api=1)
def validate_png(source: Source, screening: Screening) -> Iterator[Finding]:
    """PNG and APNG pictures. W3C PNG, 3rd edition."""
    source.expect(SIGNATURE)
    picture = Picture(screening)
    while True:
        if picture.fed is not None and picture.fed.type == b"IDAT":
            yield from _more_pixels(source, picture)
        chunk = _next_chunk(source, picture)
        if fault := _unreadable(chunk):
            yield fault
            screening.not_covered(f"after byte {chunk.offset}", "where the next chunk begins cannot be known")
            return
        yield from _begin(chunk, picture)
        yield from check_place(chunk, picture)
        picture.seen[_counted(chunk.type)] = chunk.number + 1
        for check in CHECKS.get(chunk.type, (check_other,)):
            yield from check(chunk, picture)
        yield from _close(chunk)
        if chunk.type == b"IEND":
            screening.ends_at(source.tell())
            return


def _next_chunk(source: Source, picture: Picture) -> Chunk:
    """The chunk that begins here, its data still unread. PNG 5.3."""
    offset = source.offset
    layout = source.read(8)
    kind = layout[4:]
    return Chunk(source, kind, int.from_bytes(layout[:4], "big"), offset, picture.seen.get(_counted(kind), 0))


def _more_pixels(source: Source, picture: Picture) -> Iterator[Finding]:
    """The IDAT chunks that follow another one, as long as each is there as a whole within MANY bytes.

    Encoders write thousands of 8 KiB each. They cannot be in the wrong place, so that nothing is checked of them but
    their pixels and their checksum: the rest of the walk would cost more than that.
    """
    while len(block := source.peek(MANY)) >= 12 and block[4:8] == b"IDAT":
        places = list(_small_chunks(block))
        if not places:
            return
        view, begin, first = memoryview(block), source.offset, picture.seen[b"IDAT"]
        in_one = picture.pixels is None or picture.pixels.feed_sound([view[at + 8 : end - 4] for at, end in places])
        for number, (at, end) in enumerate(places, first):
            crc = zlib.crc32(view[at + 4 : end - 4])
            if in_one and view[end - 4 : end] == crc.to_bytes(4, "big") and end != places[-1][1]:
                continue
            chunk = picture.fed = Chunk(source, b"IDAT", end - at - 12, begin + at, number)
            chunk.crc = crc
            if picture.pixels and not in_one:
                yield from picture.pixels.feed(view[at + 8 : end - 4], chunk)
            yield from _judge_checksum(chunk, block[end - 4 : end])
        picture.seen[b"IDAT"] += len(places)
        picture.screening.spend()
        source.skip(places[-1][1])


def _small_chunks(block: bytes) -> Iterator[tuple[int, int]]:
    """Begin and end of each IDAT chunk that lies in `block` as a whole, from its beginning on."""
    at = 0
    while at + 12 <= len(block):
        length, kind = _LAYOUT.unpack_from(block, at)
        end = at + 12 + length
        if kind != b"IDAT" or end > len(block):
            return
        yield at, end
        at = end


def _counted(kind: bytes) -> bytes:
    """Under which name a chunk is counted: unknown ones together, so that the count stays small."""
    return kind if kind in KNOWN else b"others"


def _unreadable(chunk: Chunk) -> Finding | None:
    """A fault after which the walk over the chunks would be guessing. PNG 5.3, 11.2.1."""
    if not chunk.type.isalpha():
        return rules.CHUNK_TYPE.found(at=chunk.offset, where=f"byte {chunk.offset}", seen=chunk.type, allowed="letters")
    if chunk.length > LONGEST:
        return rules.CHUNK_LENGTH.found(at=chunk.offset, where=chunk.where, seen=chunk.length, allowed=LONGEST)
    if chunk.type == b"IHDR" and chunk.length != 13:
        return rules.IHDR_LENGTH.found(at=chunk.offset, where=chunk.where, seen=chunk.length, allowed=13)
    return None


def _begin(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """What a chunk says by coming now: pixel data ends before it, or what should have come first has not."""
    after_default = picture.fed is not None and picture.fed.type == b"IDAT" and chunk.type != b"IDAT"
    if after_default or chunk.type in (b"fcTL", b"IEND"):
        yield from picture.finish_pixels()
    first = not picture.seen or (picture.apple and len(picture.seen) == 1)
    if chunk.type == b"CgBI" and not picture.seen:
        picture.apple = True
        yield rules.CGBI.found(at=chunk.offset, where=chunk.where, seen="CgBI", allowed="IHDR")
    elif chunk.type != b"IHDR" and first:
        yield rules.IHDR_FIRST.found(at=chunk.offset, where=chunk.where, seen=chunk.type, allowed="IHDR")


def _close(chunk: Chunk) -> Iterator[Finding]:
    """The rest of the data, and the checksum behind it. PNG 5.5."""
    for _ in chunk.pieces():
        continue
    yield from _judge_checksum(chunk, chunk.source.read(4))


def _judge_checksum(chunk: Chunk, stored: bytes) -> Iterator[Finding]:
    if (seen := int.from_bytes(stored, "big")) != chunk.crc:
        rule = rules.CHUNK_CRC if chunk.critical else rules.ANCILLARY_CRC
        yield rule.found(at=chunk.offset, where=chunk.where, seen=f"{seen:08x}", allowed=f"{chunk.crc:08x}")
