"""Inert PNG and APNG pictures, built byte by byte: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct
import zlib
from dataclasses import replace

from lazaretto_validators.images.png import SIGNATURE
from lazaretto_validators.limits import Limits
from lazaretto_validators.testing import Case

__all__ = ["CASES", "actl", "animation", "chunk", "fctl", "fdat", "icc_profile", "idat", "ihdr", "itxt", "png", "ztxt"]


def chunk(kind: bytes, data: bytes = b"", *, crc: int | None = None, length: int | None = None) -> bytes:
    """One chunk, with its own checksum and length unless others are given."""
    right = zlib.crc32(kind + data)
    return struct.pack(">I", len(data) if length is None else length) + kind + data + struct.pack(">I", crc or right)


def ihdr(
    width: int = 2, height: int = 2, depth: int = 8, colour: int = 0, methods: bytes = b"\0\0", interlace: int = 0
) -> bytes:
    """An image header; by default two by two pixels of grey."""
    return chunk(b"IHDR", struct.pack(">IIBB2sB", width, height, depth, colour, methods, interlace))


ROWS = b"\0\x10\x20\0\x30\x40"  # the default picture: two rows, each a filter byte and two pixels
END = chunk(b"IEND")


def idat(rows: bytes = ROWS) -> bytes:
    """Pixel data in one chunk."""
    return chunk(b"IDAT", zlib.compress(rows, 9))


def png(before: bytes = b"", after: bytes = b"", *, head: bytes | None = None, pixels: bytes | None = None) -> bytes:
    """A picture; `before` and `after` are chunks in front of and behind its pixel data."""
    return b"".join(
        (SIGNATURE, ihdr() if head is None else head, before, idat() if pixels is None else pixels, after, END)
    )


def ztxt(text: bytes, keyword: bytes = b"Comment") -> bytes:
    """A compressed text."""
    return chunk(b"zTXt", keyword + b"\0\0" + zlib.compress(text, 9))


def itxt(text: bytes, keyword: bytes = b"XML:com.adobe.xmp", *, compressed: bool = False) -> bytes:
    """An international text, by default one of XMP."""
    stored = zlib.compress(text, 9) if compressed else text
    return chunk(b"iTXt", keyword + b"\0" + bytes([compressed]) + b"\0\0\0" + stored)


def icc_profile(*, size: int | None = None, tags: int = 1, tag_size: int = 4) -> bytes:
    """An iCCP chunk whose profile has `tags` tags declared and room for one, of four bytes."""
    profile = bytearray(148)
    profile[36:40] = b"acsp"
    struct.pack_into(">I", profile, 0, len(profile) if size is None else size)
    struct.pack_into(">I4sII", profile, 128, tags, b"desc", 144, tag_size)
    return chunk(b"iCCP", b"Inert\0\0" + zlib.compress(bytes(profile), 9))


def palette(colours: int) -> bytes:
    """A palette of so many colours."""
    return chunk(b"PLTE", bytes(3 * colours))


def indexed(before: bytes, *, depth: int = 8) -> bytes:
    """A picture of two by two pixels with a palette, which `before` has to bring."""
    rows = bytes(6) if depth == 8 else bytes(4)
    return png(before, head=ihdr(colour=3, depth=depth), pixels=idat(rows))


def actl(frames: int = 2) -> bytes:
    """The announcement of an animation."""
    return chunk(b"acTL", struct.pack(">II", frames, 0))


def fctl(
    number: int,
    size: tuple[int, int] = (2, 2),
    at: tuple[int, int] = (0, 0),
    *,
    dispose: int = 0,
    blend: int = 0,
) -> bytes:
    """The beginning of a frame."""
    return chunk(b"fcTL", struct.pack(">IIIIIHHBB", number, *size, *at, 1, 10, dispose, blend))


def fdat(number: int, rows: bytes = ROWS) -> bytes:
    """A frame's pixel data."""
    return chunk(b"fdAT", struct.pack(">I", number) + zlib.compress(rows, 9))


def animation(
    announced: bytes | None = None, first: bytes | None = None, second: bytes | None = None, data: bytes | None = None
) -> bytes:
    """Two frames: the default image, and one of its own."""
    before = (actl() if announced is None else announced) + (fctl(0) if first is None else first)
    return png(before, (fctl(1) if second is None else second) + (fdat(2) if data is None else data))


def _stream(rows: bytes, *, head: bytes = b"\x78\xda", adler: bytes | None = None, behind: bytes = b"") -> bytes:
    """An IDAT chunk whose zlib stream is put together by hand."""
    whole = zlib.compress(rows, 9)
    return chunk(b"IDAT", head + whole[2:-4] + (whole[-4:] if adler is None else adler) + behind)


def _case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"png.{rule}", broken, png() if repaired is None else repaired)


def _swapped(whole: bytes, at: int, new: bytes) -> bytes:
    return whole[:at] + new + whole[at + len(new) :]


_TEXT = chunk(b"tEXt", b"Comment\0inert")
_DTD = b'<?xpacket begin=""?><!DOCTYPE x []><x:xmpmeta/>'
_EXIF = b"II*\0\x08\0\0\0" + bytes(6)
_PALETTE_BEFORE_TRANSPARENCY = palette(2) + chunk(b"tRNS", b"\0\0")
_TINY_LIMITS = Limits(ratio_floor=1000)

_LAYOUT = (
    _case("chunk-length", png(chunk(b"prIv", length=1 << 31)), png(chunk(b"prIv"))),
    _case("chunk-type", png(chunk(b"pr1v")), png(chunk(b"prIv"))),
    _case("reserved-bit", png(chunk(b"priv")), png(chunk(b"prIv"))),
    _case("chunk-crc", png(pixels=chunk(b"IDAT", zlib.compress(ROWS), crc=1))),
    _case("ancillary-crc", png(chunk(b"tEXt", b"Comment\0inert", crc=1)), png(_TEXT)),
    _case(
        "chunk-order",
        indexed(chunk(b"tRNS", b"\0\0") + palette(2)),
        indexed(_PALETTE_BEFORE_TRANSPARENCY),
    ),
    _case("ancillary-order", png(after=chunk(b"pHYs", bytes(9))), png(chunk(b"pHYs", bytes(9)))),
    _case("chunk-duplicate", png(chunk(b"gAMA", bytes(4)) * 2), png(chunk(b"gAMA", bytes(4)))),
    _case("ancillary-duplicate", png(chunk(b"tIME", bytes(7)) * 2), png(chunk(b"tIME", bytes(7)))),
    _case("chunk-size", png(chunk(b"pHYs", bytes(8))), png(chunk(b"pHYs", bytes(9)))),
    _case("unknown-critical", png(chunk(b"ABCD")), png(chunk(b"aBCD"))),
    _case("cgbi", SIGNATURE + chunk(b"CgBI", bytes(4)) + png()[8:]),
    _case("ihdr-first", SIGNATURE + _TEXT + png()[8:], png(_TEXT)),
    _case("ihdr-length", png(head=chunk(b"IHDR", bytes(14)))),
    _case("dimensions", png(head=ihdr(width=0))),
    _case("colour-depth", png(head=ihdr(depth=3))),
    _case("ihdr-method", png(head=ihdr(methods=b"\1\0"))),
    _case("pixel-bomb", png(head=ihdr(40_000, 40_000, depth=1))),
    _case("plte-length", indexed(palette(5), depth=2), indexed(palette(4), depth=2)),
    _case("plte-missing", indexed(b""), indexed(palette(2))),
    _case("plte-forbidden", png(palette(2))),
    _case("trns-length", png(chunk(b"tRNS", bytes(6))), png(chunk(b"tRNS", bytes(2)))),
    _case("trns-surplus", indexed(palette(2) + chunk(b"tRNS", bytes(3))), indexed(_PALETTE_BEFORE_TRANSPARENCY)),
    _case("trns-overflow", indexed(palette(2) + chunk(b"tRNS", bytes(257))), indexed(_PALETTE_BEFORE_TRANSPARENCY)),
    _case("iend-length", png()[:-12] + chunk(b"IEND", b"inert")),
    _case("colour-space", png(icc_profile() + chunk(b"sRGB", b"\0")), png(icc_profile())),
    _case("truncated", png()[:-1]),
)

_PIXELS = (
    _case("no-idat", png(pixels=b"")),
    _case("idat-contiguous", png(after=_TEXT + chunk(b"IDAT")), png(after=_TEXT)),
    _case("zlib-header", png(pixels=_stream(ROWS, head=b"\x79\xda"))),
    _case("idat-deflate", png(pixels=chunk(b"IDAT", b"\x78\xda\xff\xff\xff\xff"))),
    _case("idat-shortage", png(pixels=idat(ROWS[:-1]))),
    _case("idat-surplus", png(pixels=idat(ROWS + b"\0\x50\x60"))),
    _case("idat-padding", png(pixels=idat(ROWS + bytes(3)))),
    _case("idat-trailing", png(pixels=_stream(ROWS, behind=b"inert"))),
    _case("idat-adler", png(pixels=_stream(ROWS, adler=b"\0\0\0\1"))),
    _case("idat-open-end", png(pixels=_stream(ROWS, adler=b""))),
    _case("filter-byte", png(pixels=idat(b"\5" + ROWS[1:]))),
)

_METADATA = (
    _case("text-structure", png(chunk(b"tEXt", b"no keyword here, only a text")), png(_TEXT)),
    _case("metadata-deflate", png(chunk(b"zTXt", b"Comment\0\0inert")), png(ztxt(b"inert"))),
    replace(_case("text-bomb", png(ztxt(bytes(300_000))), png(ztxt(bytes(900)))), limits=_TINY_LIMITS),
    _case("text-flood", png(_TEXT * 1001), png(_TEXT * 1000)),
    _case("profile-path", png(chunk(b"tEXt", b"Profile\0/nonexistent/inert")), png(chunk(b"tEXt", b"Profile\0inert"))),
    _case("code-in-metadata", png(chunk(b"tEXt", b"Comment\0<?php /* inert */ ?>")), png(_TEXT)),
    _case("xmp-dtd", png(itxt(_DTD)), png(itxt(_DTD.replace(b"<!DOCTYPE x []>", b"")))),
    _case("icc-profile", png(icc_profile(tag_size=5)), png(icc_profile())),
    _case("exif-header", png(chunk(b"eXIf", b"Exif\0\0" + _EXIF)), png(chunk(b"eXIf", _EXIF))),
)

_ANIMATION = (
    _case("frame-bomb", animation(actl(2001)), animation()),
    _case("apng-order", animation(data=b""), animation()),
    _case("apng-sequence", animation(second=fctl(7), data=fdat(8)), animation()),
    _case("apng-frame", animation(second=fctl(1, at=(1, 0))), animation()),
    _case("apng-operation", animation(second=fctl(1, dispose=3)), animation()),
    _case("apng-frame-count", animation(actl(3)), animation()),
)

CASES: tuple[Case, ...] = _LAYOUT + _PIXELS + _METADATA + _ANIMATION
