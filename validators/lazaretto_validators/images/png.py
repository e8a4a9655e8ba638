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
    stored = int.from_bytes(chunk.source.read(4), "big")
    if stored != chunk.crc:
        rule = rules.CHUNK_CRC if chunk.critical else rules.ANCILLARY_CRC
        yield rule.found(at=chunk.offset, where=chunk.where, seen=f"{stored:08x}", allowed=f"{chunk.crc:08x}")
