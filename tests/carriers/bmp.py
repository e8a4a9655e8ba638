"""Inert BMP pictures, built field by field: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct

from lazaretto_validators.testing import Case

__all__ = ["CASES", "bmp", "core", "dib", "info", "profile", "v5", "with_gap"]

PIXELS = bytes(range(16))  # two by two of 24 bits: rows of eight bytes


def info(
    width: int = 2,
    height: int = 2,
    *,
    planes: int = 1,
    depth: int = 24,
    compression: int = 0,
    image_size: int = 0,
    used: int = 0,
    size: int = 40,
) -> bytes:
    """A Windows 3 header, or the same fields under another size."""
    fields = struct.pack("<LiiHHLLLLLL", size, width, height, planes, depth, compression, image_size, 0, 0, used, 0)
    return fields.ljust(size, b"\0")[: max(size, 40)]


def core(width: int = 2, height: int = 2, depth: int = 24) -> bytes:
    """A header of OS/2 1."""
    return struct.pack("<LHHHH", 12, width, height, 1, depth)


def v5(kind: int = 0x73524742, offset: int = 0, size: int = 0, *, masks: tuple[int, ...] = (), **fields: int) -> bytes:
    """A V5 header: colour space (by default sRGB), and where its profile lies."""
    whole = bytearray(info(**fields).ljust(124, b"\0"))
    whole[0] = 124
    struct.pack_into(f"<{len(masks)}L", whole, 40, *masks)
    struct.pack_into("<L48xLL", whole, 56, kind, offset, size)
    return bytes(whole)


def bmp(
    header: bytes | None = None, behind: bytes = b"", pixels: bytes = PIXELS, *, offset: int | None = None
) -> bytes:
    """A picture: `behind` is what stands between the header and the pixels."""
    header = info() if header is None else header
    begin = 14 + len(header) + len(behind) if offset is None else offset
    size = 14 + len(header) + len(behind) + len(pixels)
    return b"BM" + struct.pack("<LLL", size, 0, begin) + header + behind + pixels


def dib(header: bytes | None = None, behind: bytes = b"", pixels: bytes = PIXELS) -> bytes:
    """A picture as the clipboard has it, without the file's header."""
    return (info() if header is None else header) + behind + pixels


def profile(size_off_by: int = 0) -> bytes:
    """A colour profile that has its header only."""
    return struct.pack(">L", 132 + size_off_by) + bytes(32) + b"acsp" + bytes(92)


def with_gap(gap: bytes) -> bytes:
    """A picture with something between its pixels and its colour profile."""
    return bmp(v5(0x4D424544, 124 + len(PIXELS) + len(gap), 132), pixels=PIXELS + gap + profile())


def runs(*stream: int, depth: int = 8, height: int = 2, image_size: int | None = None) -> bytes:
    """A run-length coded picture, two pixels wide."""
    data = bytes(stream)
    size = len(data) if image_size is None else image_size
    header = info(height=height, depth=depth, compression=1 if depth == 8 else 2, image_size=size, used=2)
    return bmp(header, bytes(8), data)


def _case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"bmp.{rule}", broken, bmp() if repaired is None else repaired)


_MBED, _LINK = 0x4D424544, 0x4C494E4B
_MASKS = struct.pack("<3L", 0xFF0000, 0xFF00, 0xFF)
_OVERLAPPING = struct.pack("<3L", 0xFF0000, 0xFF00, 0x1FF)
_RAR = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"
_RUNS = runs(2, 1, 0, 0, 2, 1, 0, 1)
_MASKED = info(depth=32, compression=3)

_HEADERS = (
    _case("header-size", bmp(info(size=41))),
    _case("dimensions", bmp(info(-2, 2))),
    _case(
        "pixel-bomb", bmp(info(40_000, 1, depth=1), bytes(8), bytes(5000)), bmp(info(2, 1, depth=1), bytes(8), bytes(4))
    ),
    _case("planes", bmp(info(planes=2))),
    _case("planes-zero", bmp(info(planes=0))),
    _case("depth", bmp(info(depth=5), bytes(128), bytes(8))),
    _case("compression", bmp(info(compression=9))),
    _case("top-down", runs(2, 1, 0, 0, 2, 1, 0, 1, height=-2), _RUNS),
    _case("colours", bmp(info(depth=1, used=3), bytes(12), bytes(8)), bmp(info(depth=1), bytes(8), bytes(8))),
    _case("masks", bmp(_MASKED, _OVERLAPPING), bmp(_MASKED, _MASKS)),
    _case("pixel-offset", bmp(offset=7000)),
    _case("palette-cut", bmp(info(depth=1), bytes(4), bytes(8)), bmp(info(depth=1), bytes(8), bytes(8))),
    _case("truncated", bmp()[:-9]),
)

_PIXELS = (
    _case("last-row", bmp(pixels=PIXELS[:-2])),
    _case("rle-overrun", runs(3, 1, 0, 0, 2, 1, 0, 1), _RUNS),
    _case("rle-open-end", runs(2, 1, 0, 0, 2, 1), _RUNS),
    _case("embedded-picture", bmp(info(depth=0, compression=5)), bmp()),
)

_HIDDEN = (
    _case("profile", bmp(v5(_MBED, 140, 999)), bmp(v5(_MBED, 140, 132), pixels=PIXELS + profile())),
    _case("profile-link", bmp(v5(_LINK, 124, 7), b"x.inert")),
    _case("gap", bmp(behind=b"inert"), bmp(behind=bytes(5))),
    _case("large-gap", bmp(behind=b"inert " + bytes(65_536)), bmp(behind=bytes(65_542))),
    _case("code-in-gap", bmp(behind=b"inert; eval(1)"), bmp(behind=bytes(14))),
    _case("parasite", bmp(behind=_RAR), bmp(behind=bytes(len(_RAR)))),
    _case("script", b"BM/*" + bmp(pixels=b"*/=1;//inert----")[4:], bmp(pixels=b"*/=1;//inert----")),
)

CASES: tuple[Case, ...] = _HEADERS + _PIXELS + _HIDDEN
