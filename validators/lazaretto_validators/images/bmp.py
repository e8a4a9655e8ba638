"""BMP and DIB pictures. Windows GDI documentation, "Bitmap Storage" and "Bitmap Header Types"; [MS-WMF] 2.2.2; OS/2.

    file    = "BM" size:u32 reserved:u32 pixel-offset:u32 dib          (all little-endian)
    dib     = header [masks] [palette] [gap] pixels [profile]
    header  = size:u32 and fields: 12 (OS/2 1), 16 to 64 (OS/2 2), 40 (Windows 3), 52, 56, 108 (V4), 124 (V5)
    pixels  = rows of (width * depth + 31) / 32 * 4 bytes | runs (RLE4, RLE8, RLE24) | a JPEG or PNG picture

Checked: every field that a decoder computes with, in unbounded integers; palette, masks and offset against each other
and the file; the pixels' size; runs, for their first MAX_FOLLOWED bytes, against the picture's edges; the profile;
what stands in gaps, and a second file anywhere before the end. Not checked: the values of pixels and colours; what
Huffman coded pixels (OS/2) hold; what follows the end, which `polyglot` classifies.

Deviations: the size in the file header is wrong in many files and read by nobody. No plane at all, a last row without
its padding, runs without an end mark and two bytes behind the pixels (Photoshop) are written by honest programs.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from lazaretto_validators.embedded import search
from lazaretto_validators.finding import Finding
from lazaretto_validators.images import bmp_rules as rules
from lazaretto_validators.images.bmp_rle import Runs, fed
from lazaretto_validators.images.icc import TABLE, contradictions
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.slack import code_in, file_in, script_at
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST", "validate_bmp"]

SMALLEST = bytes.fromhex(
    "424d 3a000000 00000000 36000000"  # BM, 58 bytes, pixels at 54
    "28000000 01000000 01000000 0100 1800 00000000 04000000 00000000 00000000 00000000 00000000"  # 1x1, 24 bits
    "00000000"  # one black pixel, and padding
)

MAX_PIXELS = 100_000_000  # threats BMB-05: viewers need four bytes for each
MAX_SIDE = 32_768  # pixels; threats BMB-05
MAX_GAP = 64 * 1024  # bytes between two parts that a writer may have left, as threats IMG-37 has it behind the end
MAX_FOLLOWED = 4 << 20  # bytes of runs that are followed one by one: a fifth of a second for each MiB

_FILE_HEADER = 14
_CORE, _INFO, _OS2, _V5 = 12, 40, 64, 124
_SIZES = frozenset({_CORE, 16, _INFO, 52, 56, _OS2, 108, _V5})
_DEPTHS = {  # by compression: BI_RGB, RLE8, RLE4, BITFIELDS, JPEG, PNG, ALPHABITFIELDS, CMYK, CMYKRLE8, CMYKRLE4
    0: (1, 2, 4, 8, 16, 24, 32, 64),
    1: (8,),
    2: (4,),
    3: (16, 32),
    4: (0, 24),
    5: (0, 24, 32),
    6: (16, 32),
    11: (32,),
    12: (8, 32),
    13: (4, 32),
}
_OS2_DEPTHS = {0: (1, 4, 8, 24), 1: (8,), 2: (4,), 3: (1,), 4: (24,)}  # 3 is Huffman, 4 RLE24 there
_RLE = frozenset({1, 2, 12, 13})
_MASKED = {3: 12, 6: 16}  # compression: bytes of masks behind a header of 40
_EMBEDDED, _LINKED = 0x4D424544, 0x4C494E4B  # bV5CSType: MBED, LINK
_MOST_PADDING = 3  # bytes of a row that are no pixels, and may be missing behind the last
_OVERLAP = 4096  # bytes that are searched again behind the pixels: what begins a file may lie across their end


@dataclass(frozen=True, slots=True)
class Header:
    """The information header. at: where it begins, 14 or in a bare DIB 0."""

    at: int
    size: int
    width: int
    height: int
    planes: int
    depth: int
    compression: int = 0
    image_size: int = 0
    colours_used: int = 0

    @property
    def is_os2(self) -> bool:
        return self.size in (_CORE, 16, _OS2)

    @property
    def is_plain(self) -> bool:
        """Are the pixels rows that are not packed?"""
        return self.compression in (0, 11, *_MASKED) and not (self.is_os2 and self.compression)

    @property
    def masks_size(self) -> int:
        """Bytes of masks that follow a header of 40, which has no room for them."""
        return _MASKED.get(self.compression, 0) if self.size == _INFO else 0

    @property
    def colours(self) -> int:
        """Entries of the palette."""
        most = 1 << self.depth if self.depth <= 8 else 0
        return self.colours_used or (most if self.depth else 0)

    @property
    def pixels_from(self) -> int:
        """Where the pixels can begin at the earliest."""
        return self.at + self.size + self.masks_size + self.colours * (3 if self.size == _CORE else 4)

    @property
    def stride(self) -> int:
        """Bytes of a row."""
        return (self.width * self.depth + 31) // 32 * 4


@validator("image/bmp", "image/x-dib", magic=(b"BM", b"(\0\0\0"), rules=rules.RULES, example=SMALLEST, api=1)
def validate_bmp(source: Source, screening: Screening) -> Iterator[Finding]:
    """BMP and DIB pictures, Windows and OS/2."""
    at, offset = 0, None
    if source.peek(4) != b"(\0\0\0":
        source.expect(b"BM")
        offset = struct.unpack("<8xL", source.read(12))[0]
        at = _FILE_HEADER
        if (opening := script_at(source.at(0), 2)) is not None:
            yield rules.SCRIPT.found(at=2, seen=opening)
    size = int.from_bytes(source.read(4), "little")
    if size not in _SIZES:
        yield rules.HEADER_SIZE.found(at=at, where="header", seen=size, allowed=", ".join(map(str, sorted(_SIZES))))
        screening.not_covered("header", "which fields it has cannot be known")
        yield from _judge_stowaway(source, source.size)
        return
    header = _read_header(at, size, source.read(size - 4))
    yield from _judge_header(header)
    yield from _judge_masks(source, header)
    begin = header.pixels_from if offset is None else offset
    if begin < at + size or not source.at(begin).peek(1):
        allowed = f"{header.pixels_from} to {source.size - 1}"
        yield rules.PIXEL_OFFSET.found(at=10, where="header", seen=begin, allowed=allowed)
        yield from _judge_stowaway(source, source.size)
        return
    yield from _judge_palette(source, header, begin)
    # First what keeps up with a file that is still arriving: the rest asks for its end.
    searched = begin + header.stride * abs(header.height) if header.is_plain and header.width > 0 else 0
    if searched:
        yield from _judge_stowaway(source, searched)
    end = source.size
    if header.width > 0 and header.height:
        end = yield from _judge_pixels(source, screening, header, begin)
    end = yield from _judge_profile(source, header, end)
    screening.ends_at(end)
    if end > searched:
        yield from _judge_stowaway(source, end, searched)


def _read_header(at: int, size: int, fields: bytes) -> Header:
    if size == _CORE:
        return Header(at, size, *struct.unpack("<4H", fields))
    short = fields[: _INFO - 4].ljust(_INFO - 4, b"\0")
    width, height, planes, depth, compression, image_size, used = struct.unpack("<iiHHLL8xL4x", short)
    return Header(at, size, width, height, planes, depth, compression, image_size, used)


def _judge_header(header: Header) -> Iterator[Finding]:
    at, where = header.at, "header"
    width, height = header.width, abs(header.height)
    if width <= 0 or not height:
        yield rules.DIMENSIONS.found(at=at + 4, where=where, seen=f"{width} x {header.height}", allowed="1 x 1 or more")
    elif width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        yield rules.PIXEL_BOMB.found(
            at=at + 4, where=where, seen=f"{width} x {height}", allowed=f"{MAX_PIXELS} pixels, {MAX_SIDE} a side"
        )
    if header.planes != 1:
        rule = rules.PLANES if header.planes else rules.PLANES_ZERO
        yield rule.found(at=at + 12, where=where, seen=header.planes, allowed=1)
    depths = (_OS2_DEPTHS if header.is_os2 else _DEPTHS).get(header.compression)
    if depths is None:
        yield rules.COMPRESSION.found(at=at + 16, where=where, seen=header.compression)
    elif header.depth not in depths:
        seen = f"{header.depth} bits, compression {header.compression}"
        yield rules.DEPTH.found(at=at + 14, where=where, seen=seen, allowed=" or ".join(map(str, depths)))
    if header.height < 0 and header.compression not in (0, *_MASKED):
        yield rules.TOP_DOWN.found(at=at + 8, where=where, seen=f"height {header.height}")
    most = 1 << header.depth if 0 < header.depth <= 8 else 256
    if header.colours_used > most:
        yield rules.COLOURS.found(at=at + 32, where=where, seen=header.colours_used, allowed=most)


def _judge_masks(source: Source, header: Header) -> Iterator[Finding]:
    """Each mask one run of bits, none in two of them, all within the pixel."""
    if header.compression not in _MASKED or header.size in (_CORE, 16, _OS2) or header.depth not in (16, 32):
        return
    count = 4 if header.size >= 56 or header.compression == 6 else 3
    at = header.at + _INFO
    raw = source.at(at, 4 * count).read(4 * count)
    masks = struct.unpack(f"<{count}L", raw)
    taken = 0
    for mask in masks:
        low = mask & -mask
        holes = bool(mask & (mask + low)) if mask else False
        if holes or mask & taken or mask >> header.depth:
            yield rules.MASKS.found(at=at, where="masks", seen=" ".join(f"{m:08x}" for m in masks))
            return
        taken |= mask


def _judge_palette(source: Source, header: Header, begin: int) -> Iterator[Finding]:
    """Do the pixels begin behind the palette, and what stands between?"""
    if begin < header.pixels_from:
        yield rules.PALETTE_CUT.found(at=10, where="header", seen=begin, allowed=header.pixels_from)
    else:
        yield from _judge_gap(source, header.pixels_from, begin)


def _judge_gap(source: Source, begin: int, end: int) -> Iterator[Finding]:
    """What stands between two parts, where no reader looks."""
    free = source.at(begin, end - begin)
    if hit := file_in(source, begin, end, host="image/bmp"):
        yield rules.PARASITE.found(at=hit[0], where="gap", seen=f"{hit[1].label} ({hit[1].name})")
    elif code := code_in(free.at(0).pieces()):
        yield rules.CODE_IN_GAP.found(at=begin, where="gap", seen=code)
    elif any(piece.strip(b"\0") for piece in free.pieces()):
        rule = rules.GAP if end - begin <= MAX_GAP else rules.LARGE_GAP
        yield rule.found(at=begin, where="gap", seen=f"{end - begin} bytes", allowed="zeros")


def _judge_pixels(source: Source, screening: Screening, header: Header, begin: int) -> Generator[Finding, None, int]:
    """The pixels. Answers where they end. Raises ShortRead where the file ends before them."""
    if header.compression in (4, 5) and not header.is_os2:
        size = header.image_size or source.size - begin
        yield rules.EMBEDDED_PICTURE.found(at=begin, where="pixels", seen=f"compression {header.compression}")
        source.at(begin).skip(size)
        screening.member("pixels", source.at(begin, size), nameless=True)
        return begin + size
    if header.compression in _RLE or (header.compression == 4 and header.is_os2):
        return (yield from _judge_runs(source, screening, header, begin))
    if not header.is_plain:
        screening.not_covered("pixels", f"compression {header.compression} is not read")
        return min(source.size, begin + header.image_size) if header.image_size else source.size
    size = header.stride * abs(header.height)
    room = source.at(begin)
    room.skip(max(0, size - _MOST_PADDING))
    missing = size - _MOST_PADDING + len(room.peek(_MOST_PADDING))
    if missing < size:
        yield rules.LAST_ROW.found(at=begin, where="pixels", seen=f"{missing} bytes", allowed=size)
    return min(source.size, begin + size)


def _judge_runs(source: Source, screening: Screening, header: Header, begin: int) -> Generator[Finding, None, int]:
    declared = header.image_size or source.size - begin
    depth = 24 if header.is_os2 and header.compression == 4 else 8 if header.compression in (1, 12) else 4
    runs = Runs(header.width, abs(header.height), depth)
    room = source.at(begin, min(declared, MAX_FOLLOWED))
    for elements in fed(runs, room.pieces()):
        screening.spend(elements // 16)
    if runs.overrun:
        allowed = f"{header.width} columns, {abs(header.height)} rows"
        yield rules.RLE_OVERRUN.found(at=begin, where="pixels", seen=runs.overrun, allowed=allowed)
    if runs.ended:
        return begin + runs.used
    if declared > MAX_FOLLOWED:
        screening.not_covered("pixels", f"runs beyond {MAX_FOLLOWED >> 20} MiB are not followed")
        source.at(begin).skip(declared)
    else:
        source.at(begin).skip(max(0, declared - 1))
        yield rules.RLE_OPEN_END.found(at=begin, where="pixels", seen=f"{room.tell()} bytes", allowed="an end mark")
    return min(source.size, begin + declared)


def _judge_profile(source: Source, header: Header, end: int) -> Generator[Finding, None, int]:
    """A V5 header's colour profile. Answers where the file ends, which may be behind it."""
    if header.size != _V5:
        return end
    fields: tuple[int, int, int] = struct.unpack("<L48xLL", source.at(header.at + 56, 60).read(60))
    kind, offset, size = fields
    if kind == _LINKED:
        name = source.at(header.at + offset, min(size, 200)).peek(min(size, 200))
        yield rules.PROFILE_LINK.found(at=header.at + 56, where="profile", seen=name)
    if kind not in (_EMBEDDED, _LINKED):
        return end
    at = header.at + offset
    fits = offset >= header.size and at + size <= source.size
    if not fits:
        seen = f"{size} bytes at {offset}"
        yield rules.PROFILE.found(at=header.at + 112, where="profile", seen=seen, allowed=f"within {source.size} bytes")
        return end
    if kind == _EMBEDDED:
        for seen, allowed in contradictions(source.at(at, size).peek(TABLE), size):
            yield rules.PROFILE.found(at=at, where="profile", seen=seen, allowed=allowed)
    if at > end:
        yield from _judge_gap(source, end, at)
    return max(end, at + size)


def _judge_stowaway(source: Source, end: int, searched: int = 0) -> Iterator[Finding]:
    """A second file, in whichever part: wherever the picture lets it stand, others find it.

    searched: up to there none was found.
    """
    if hit := search(source.at(0, end), max(2, searched - _OVERLAP), scripts=False, host="image/bmp"):
        yield rules.PARASITE.found(at=hit[0], seen=MEDIA_TYPES[hit[1]].label)
