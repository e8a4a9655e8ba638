"""Inert WebP pictures, built chunk by chunk and bit by bit: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct

from carriers.riff import chunk, container_cases, form
from lazaretto_validators.images.webp import SMALLEST
from lazaretto_validators.testing import Case

__all__ = [
    "CASES", "alph", "anim", "animation", "anmf", "code_of", "extended", "lossless", "lossy", "packed", "single",
    "stream", "two", "vp8l", "vp8x", "webp",
]  # fmt: skip

Fields = tuple[tuple[int, int], ...]
"""Numbers and the bits that each takes."""


def packed(*fields: Fields) -> bytes:
    """A bit stream, the lowest bits first."""
    value = at = 0
    for part in fields:
        for number, bits in part:
            value |= number << at
            at += bits
    return value.to_bytes((at + 7) // 8, "little")


def single(symbol: int = 0) -> Fields:
    """A code of one symbol, which takes no bits."""
    return ((1, 1), (0, 1), (1, 1), (symbol, 8))


def two(first: int, second: int) -> Fields:
    """A code of two symbols, which take one bit each."""
    return ((1, 1), (1, 1), (1, 1), (first, 8), (second, 8))


def code_of(count: int) -> Fields:
    """A normal code whose first `count` symbols, 2 to 5, have two bits each: complete if there are four."""
    of_lengths = ((1, 4), (0, 3), (0, 3), (0, 3), (0, 3), (1, 3))  # of 17, 18, 0, 1 and 2: the last one alone
    return ((0, 1), *of_lengths, (1, 1), (0, 3), (count - 2, 2))


REFERENCE: Fields = (
    (0, 1), (0, 4), (0, 3), (1, 3), (0, 3), (1, 3),  # lengths of the codes of 17, 18, 0 and 1: two of one bit
    (1, 1), (0, 3), (1, 2),  # three words follow
    (1, 1), (127, 7), (1, 1), (107, 7),  # 138 and 118 zeros
    (0, 1),  # and a symbol, 256: repeat one pixel
)  # fmt: skip
"""A code for green whose only symbol is a back-reference."""

START: Fields = ((0, 1), (0, 1), (0, 1))
"""No transform, no colour cache, one group of codes."""

MANY: Fields = ((0, 1), (0, 1), (1, 1), (0, 3), (0, 1), *single(0), *single(255), *single() * 3)
"""No transform, no colour cache, and one tile of the group 65280, all before which must be there."""

CODES: Fields = single() * 3 + single(255) + single()


def stream(*fields: Fields) -> bytes:
    """What follows the header of a lossless picture; by default one of one colour."""
    return packed(*(fields or (START, CODES)))


def lossless(width: int = 1, height: int = 1, content: bytes | None = None, *, head: int = 0x2F) -> bytes:
    """A lossless picture."""
    size = (width - 1) | (height - 1) << 14
    return bytes([head]) + size.to_bytes(4, "little") + (stream() if content is None else content)


def vp8l(width: int = 1, height: int = 1, content: bytes | None = None) -> bytes:
    """Its chunk."""
    return chunk(b"VP8L", lossless(width, height, content))


PARTITIONS = bytes.fromhex("0ec0fe25a400037000000000")


def lossy(
    *,
    start: bytes = b"\x9d\x01\x2a",
    first: int = 9,
    tag: int = 0x10,
    wide: int = 1,
    high: int = 1,
    partitions: bytes = PARTITIONS,
) -> bytes:
    """A lossy picture of one pixel; nine bytes of its first partition, and three of the second."""
    head = (tag | first << 5).to_bytes(3, "little") + start + struct.pack("<HH", wide, high)
    return head + partitions


def opening(*bits: int) -> bytes:
    """A lossy picture whose header begins with such decisions, as nearly as bytes that are not encoded say them.

    Whatever follows them is a header, too, as long as it is long enough.
    """
    begin = int("".join(map(str, bits)).ljust(32, "0"), 2).to_bytes(4, "big")
    return webp(chunk(b"VP8 ", lossy(first=400, partitions=begin + bytes(range(1, 256)) + bytes(341))))


VP8 = chunk(b"VP8 ", lossy())


def vp8x(flags: int = 0, width: int = 1, height: int = 1, *, reserved: bytes = bytes(3), more: bytes = b"") -> bytes:
    """The extended header."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return chunk(b"VP8X", bytes([flags]) + reserved + size + more)


def webp(*chunks: bytes, size: int | None = None) -> bytes:
    """A whole file."""
    return form(b"WEBP", *chunks, size=size)


def extended(*after: bytes, flags: int = 0, before: bytes = b"", image: bytes | None = None) -> bytes:
    """A still picture of one pixel; `before` and `after` are chunks in front of and behind it."""
    return webp(vp8x(flags), before, vp8l() if image is None else image, *after)


def anim(more: bytes = b"") -> bytes:
    """The header of an animation."""
    return chunk(b"ANIM", bytes(6) + more)


def anmf(*parts: bytes, at: tuple[int, int] = (0, 0), size: tuple[int, int] = (1, 1), flags: int = 0) -> bytes:
    """A frame of one pixel, or with these parts. at: halved, as it is stored."""
    numbers = (*at, size[0] - 1, size[1] - 1, 100)
    rectangle = b"".join(number.to_bytes(3, "little") for number in numbers)
    return chunk(b"ANMF", rectangle + bytes([flags]) + b"".join(parts or (vp8l(),)))


def animation(*frames: bytes, flags: int = 2, head: bytes | None = None) -> bytes:
    """An animation on a canvas of two by two pixels; by default of two frames."""
    return webp(vp8x(flags, 2, 2), anim() if head is None else head, *(frames or (anmf(), anmf())))


def alph(head: int = 0, content: bytes = b"\xff") -> bytes:
    """A transparency, by default of one byte for one pixel."""
    return chunk(b"ALPH", bytes([head]) + content)


def transparent(*alphas: bytes, image: bytes = VP8) -> bytes:
    """A lossy picture with a transparency."""
    return extended(flags=0x10, before=b"".join(alphas or (alph(),)), image=image)


def profile(tags: int = 1) -> bytes:
    """A colour profile with room for one tag."""
    whole = bytearray(148)
    whole[36:40] = b"acsp"
    struct.pack_into(">I", whole, 0, len(whole))
    struct.pack_into(">I4sII", whole, 128, tags, b"desc", 144, 4)
    return chunk(b"ICCP", bytes(whole))


def exif(first: int = 8, *entries: tuple[int, int, int, int], more: bytes = b"") -> bytes:
    """An Exif block with one directory: tag, type, count, value."""
    rows = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return chunk(b"EXIF", b"II*\0" + struct.pack("<IH", first, len(entries)) + rows + bytes(4) + more)


def xmp(text: bytes = b"<x:xmpmeta/>") -> bytes:
    """An XMP packet."""
    return chunk(b"XMP ", text)


def picture(*fields: Fields, size: tuple[int, int] = (1, 1)) -> bytes:
    """A lossless picture alone in its file."""
    return webp(vp8l(*size, stream(*fields)))


def as_script(*, odd: bool) -> bytes:
    """A picture with the end of a script in a chunk that no reader knows; its size, if it is odd, reads as `/*`."""
    head = len(extended(chunk(b"note")))
    whole = extended(chunk(b"note", b"*/=1;//inert".ljust(8 + int.from_bytes(b".*", "little") - head)))
    return whole[:4] + b"/" + whole[5:] + b"\0" if odd else whole


def _case(rule: str, broken: bytes, repaired: bytes = SMALLEST) -> Case:
    return Case(f"webp.{rule}", broken, repaired)


_DTD = b'<?xpacket begin=""?><!DOCTYPE x []><x:xmpmeta/>'
_TWO_COLOURS = two(0, 1) + single() * 2 + single(255) + single()

_CONTAINER = (
    _case("riff-size", webp(vp8l(), b"\0")),
    _case("chunk-id", extended(chunk(b"\1\2\3\4")), extended(chunk(b"note"))),
    _case("chunk-bounds", webp(chunk(b"VP8L", lossless(), length=40))),
    _case("first-chunk", webp(xmp(), vp8l()), extended(xmp(), flags=4)),
    _case("chunk-order", extended(flags=4, before=xmp()), extended(xmp(), flags=4)),
    _case("chunk-duplicate", extended(before=vp8x()), extended()),
    _case("metadata-duplicate", extended(xmp(), xmp(), flags=4), extended(xmp(), flags=4)),
    _case("chunk-size", animation(head=anim(b"\0\0")), animation()),
    _case("vp8x-size", webp(vp8x(more=b"\0\0"), vp8l()), extended()),
    _case("reserved", extended(flags=1), extended()),
    _case("flags", extended(xmp()), extended(xmp(), flags=4)),
    _case("canvas", webp(vp8x(0, 1 << 24, 1 << 24), vp8l()), extended()),
    _case("canvas-size", webp(vp8x(0, 2, 2), vp8l()), extended()),
    _case("pixel-bomb", webp(vp8x(0, 10_001, 10_000), vp8l()), extended()),
    _case("image-missing", webp(vp8x()), extended()),
    _case("image-duplicate", extended(vp8l()), extended()),
    _case("truncated", SMALLEST[:-1]),
)

_ANIMATION = (
    _case("animation", extended(flags=2), animation()),
    _case("frame-rectangle", animation(anmf(at=(1, 0))), animation()),
    _case("frame-size", animation(anmf(size=(2, 2))), animation()),
    _case("frame-content", animation(anmf(vp8l(), vp8l())), animation()),
    _case("frame-bomb", animation(anmf() * 2001), animation()),
)

_LOSSY = (
    _case("lossy-header", webp(chunk(b"VP8 ", lossy()[:8])), opening(0, 0, 1, 0, 0)),
    _case("lossy-header", webp(chunk(b"VP8 ", lossy(tag=0x11))), opening(0, 0, 1, 1, 0, 1, 1)),
    _case("lossy-header", webp(chunk(b"VP8 ", lossy(tag=0x18))), opening(0, 0, 1, 1, 1, 1)),
    _case("lossy-header", webp(chunk(b"VP8 ", lossy(tag=0))), opening(0, 0, 1, 0, 1, 0)),
    _case("lossy-partition", webp(chunk(b"VP8 ", lossy(first=400))), opening(0, 0, 0, *[0] * 10, 1, 1)),
    _case(
        "lossy-partition",
        webp(chunk(b"VP8 ", lossy(first=12, partitions=b"\0\3" + bytes(10)))),
        webp(VP8),
    ),
    _case("lossy-header", webp(chunk(b"VP8 ", lossy(start=b"\x9d\x01\x2b"))), webp(VP8)),
    _case("lossy-partition", webp(chunk(b"VP8 ", lossy(first=13))), webp(VP8)),
    _case("lossy-short", webp(chunk(b"VP8 ", lossy(high=17, wide=400))), webp(VP8)),
    _case("alpha-header", transparent(alph(0x40)), transparent()),
    _case("alpha-length", transparent(alph(0, b"")), transparent()),
    _case("alpha-place", transparent(image=vp8l()), transparent()),
)

_LOSSLESS = (
    _case("lossless-header", webp(chunk(b"VP8L", lossless(head=0x2E)))),
    _case("lossless-transform", picture(((1, 1), (2, 2)) * 2, START, CODES), picture(((1, 1), (2, 2)), START, CODES)),
    _case("lossless-cache", picture(((0, 1), (1, 1), (12, 4), (0, 1)), CODES), picture(START, CODES)),
    _case("prefix-code", picture(START, CODES[:-4], code_of(2)), picture(START, CODES[:-4], code_of(4))),
    _case("prefix-symbol", picture(START, CODES[:-4], single(40)), picture(START, CODES[:-4], single(39))),
    _case("lossless-groups", picture(MANY, CODES, CODES), picture(START, CODES)),
    _case("lossless-reference", picture(START, REFERENCE, CODES[4:]), picture(START, CODES)),
    _case(
        "lossless-short",
        picture(START, _TWO_COLOURS, size=(9, 9)),
        picture(START, _TWO_COLOURS, ((0, 1),) * 81, size=(9, 9)),
    ),
    _case("lossless-trailing", picture(START, CODES, ((0, 8),) * 17), picture(START, CODES, ((0, 8),) * 16)),
)

_METADATA = (
    _case("icc-profile", extended(flags=0x20, before=profile(2)), extended(flags=0x20, before=profile())),
    _case("exif", extended(exif(99), flags=8), extended(exif(), flags=8)),
    _case("exif-loop", extended(exif(8, (0x8769, 4, 1, 8)), flags=8), extended(exif(), flags=8)),
    _case("metadata-size", extended(exif(more=bytes(1 << 20)), flags=8), extended(exif(), flags=8)),
    _case("xmp-dtd", extended(xmp(_DTD), flags=4), extended(xmp(_DTD.replace(b"<!DOCTYPE x []>", b"")), flags=4)),
    _case("script", as_script(odd=True), as_script(odd=False)),
    *container_cases("webp", lambda chunks: extended(chunks), lambda text: chunk(b"C2PA", text)),
)

CASES: tuple[Case, ...] = _CONTAINER + _ANIMATION + _LOSSY + _LOSSLESS + _METADATA
