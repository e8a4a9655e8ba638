"""What each chunk of a PNG picture must look like and where it may stand: IHDR, PLTE, IDAT, IEND, tRNS, the rest.

The tables come first; `check_place` and the checks read them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import png_rules as rules
from lazaretto_validators.images.png_pixels import PixelData
from lazaretto_validators.images.png_structure import DEPTHS, Chunk, Header, Picture

__all__ = [
    "KNOWN",
    "check_colour_space",
    "check_end",
    "check_header",
    "check_palette",
    "check_pixels",
    "check_place",
    "check_size",
    "check_transparency",
    "open_pixels",
]

MAX_PIXELS = 100_000_000  # threats BMB-05: viewers need four to eight bytes for each
MAX_SIDE = 32_768  # pixels; conformance C-PNG-01

SIZES: Mapping[bytes, int] = MappingProxyType({
    b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"cICP": 4, b"mDCV": 24, b"cLLI": 8, b"pHYs": 9, b"tIME": 7,
    b"acTL": 8, b"fcTL": 26,
})  # fmt: skip
"""Bytes of data of the chunks that have one length only. PNG 11.3."""

SIZES_BY_COLOUR: Mapping[bytes, Mapping[int, int]] = MappingProxyType({
    b"bKGD": {0: 2, 2: 6, 3: 1, 4: 2, 6: 6},
    b"sBIT": {0: 1, 2: 3, 3: 3, 4: 2, 6: 4},
})  # fmt: skip
"""The same where it depends on the colour type. PNG 11.3.2.4, 11.3.4.1."""

AFTER_PALETTE = frozenset({b"tRNS", b"bKGD", b"hIST"})
BEFORE_PALETTE = frozenset({b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP", b"mDCV", b"cLLI"})
BEFORE_PIXELS = BEFORE_PALETTE | {b"pHYs", b"sPLT"}
"""Chunk ordering rules of PNG 5.6, without those that APNG adds."""

SINGLE_STRICTLY = frozenset({b"IHDR", b"PLTE", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"tRNS", b"acTL"})
SINGLE = frozenset({b"bKGD", b"hIST", b"sBIT", b"pHYs", b"tIME", b"eXIf", b"cICP", b"mDCV", b"cLLI"})
"""Chunks of which there is one at most. PNG 5.6; decoders that allocate for the strict ones have leaked or overrun."""

KNOWN = AFTER_PALETTE | BEFORE_PIXELS | SINGLE_STRICTLY | SINGLE | {
    b"IDAT", b"IEND", b"CgBI", b"tEXt", b"zTXt", b"iTXt", b"fcTL", b"fdAT",
}  # fmt: skip
"""Types that are counted, each for itself. All others share one count: there could be millions of types."""

CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})


def check_place(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """Order and number. PNG 5.6. Also what the type itself says: PNG 5.4."""
    kind = chunk.type
    if kind[2] & 0x20:
        yield _found(rules.RESERVED_BIT, chunk, kind, "upper case")
    if chunk.critical and kind not in CRITICAL and not (kind == b"CgBI" and picture.apple):
        yield _found(rules.UNKNOWN_CRITICAL, chunk, kind, "IHDR, PLTE, IDAT, IEND")
    if chunk.number and kind in SINGLE_STRICTLY:
        yield _found(rules.CHUNK_DUPLICATE, chunk, f"number {chunk.number + 1}", "one")
    if chunk.number and kind in SINGLE:
        yield _found(rules.ANCILLARY_DUPLICATE, chunk, f"number {chunk.number + 1}", "one")
    if (rule := _misplaced(kind, picture)) is not None:
        yield _found(rule, chunk, "after " + (b" ".join(picture.seen)).decode("latin-1"), "the order of PNG 5.6")


def _misplaced(kind: bytes, picture: Picture) -> Rule | None:
    """The rule that a chunk breaks by coming now."""
    if kind == b"PLTE" and picture.has(b"IDAT", *AFTER_PALETTE):
        return rules.CHUNK_ORDER
    if kind in AFTER_PALETTE and picture.has(b"IDAT"):
        return rules.CHUNK_ORDER
    late = (kind in BEFORE_PIXELS and picture.has(b"IDAT")) or (kind in BEFORE_PALETTE and picture.has(b"PLTE"))
    return rules.ANCILLARY_ORDER if late else None


def check_header(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """IHDR, 13 bytes long. PNG 11.2.1. Decides whether the pixel data can and may be measured."""
    if picture.header is not None:
        return  # a second one is a finding already, and changes nothing
    header = picture.header = Header.parse(chunk.take(13))
    size = f"{header.width}x{header.height}"
    if not header.sized:
        yield _found(rules.DIMENSIONS, chunk, size, "1 to 2147483647 each")
    if not header.paired:
        pairs = ", ".join(str(d) for d in DEPTHS.get(header.colour, ()))
        allowed = f"depth {pairs}" if pairs else "colour type 0, 2, 3, 4, 6"
        yield _found(rules.COLOUR_DEPTH, chunk, f"colour type {header.colour}, depth {header.depth}", allowed)
    if not header.known_methods:
        methods = f"{header.compression}, {header.filtering}, {header.interlace}"
        yield _found(rules.IHDR_METHOD, chunk, methods, "0, 0, 0 or 1")
    big = header.width * header.height > MAX_PIXELS or max(header.width, header.height) > MAX_SIDE
    if big:
        allowed = f"{MAX_PIXELS} pixels, {MAX_SIDE} on a side"
        yield _found(rules.PIXEL_BOMB, chunk, size, allowed)
        picture.screening.not_covered("IDAT", f"{size} pixels are declared, more than {allowed}")
    picture.measurable = header.sized and header.paired and header.known_methods and not big


def check_palette(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """PLTE. PNG 11.2.2."""
    if picture.header is None:
        return
    if picture.header.colour in (0, 4):
        yield _found(rules.PLTE_FORBIDDEN, chunk, f"colour type {picture.header.colour}", "2, 3, 6")
    most = 1 << picture.header.depth if picture.header.colour == 3 and picture.header.depth < 8 else 256
    picture.colours, over = divmod(chunk.length, 3)
    if over or not 1 <= picture.colours <= most:
        yield _found(rules.PLTE_LENGTH, chunk, f"{chunk.length} bytes", f"3 bytes for each of 1 to {most} colours")


def check_transparency(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """tRNS. PNG 11.3.1.1."""
    if picture.header is None:
        return
    colour, length = picture.header.colour, chunk.length
    if colour == 3 and length > 256:
        yield _found(rules.TRNS_OVERFLOW, chunk, f"{length} entries", "256")
    elif colour == 3 and length > picture.colours:
        yield _found(rules.TRNS_SURPLUS, chunk, f"{length} entries", f"{picture.colours} colours")
    elif colour != 3 and length != {0: 2, 2: 6}.get(colour):
        allowed = {0: "2 bytes", 2: "6 bytes"}.get(colour, f"none with colour type {colour}")
        yield _found(rules.TRNS_LENGTH, chunk, f"{length} bytes", allowed)


def check_size(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """A chunk of fixed fields: its length. PNG 11.3."""
    colour = picture.header.colour if picture.header else -1
    right = SIZES.get(chunk.type, SIZES_BY_COLOUR.get(chunk.type, {}).get(colour))
    if chunk.type == b"hIST":
        right = 2 * picture.colours
    if right is not None and chunk.length != right:
        yield _found(rules.CHUNK_SIZE, chunk, f"{chunk.length} bytes", f"{right} bytes")


def check_colour_space(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """sRGB and iCCP should not stand together. PNG 11.3.2.3, 11.3.2.5."""
    other = b"iCCP" if chunk.type == b"sRGB" else b"sRGB"
    if picture.has(other):
        yield _found(rules.COLOUR_SPACE, chunk, "sRGB and iCCP", "one of them")


def check_pixels(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """IDAT. PNG 11.2.3."""
    if chunk.number == 0:
        if picture.header and picture.header.colour == 3 and not picture.has(b"PLTE"):
            yield _found(rules.PLTE_MISSING, chunk, "no PLTE before it", "PLTE")
        if picture.header and picture.measurable:
            open_pixels(chunk, picture, picture.header.width, picture.header.height)
    elif picture.fed is None or picture.fed.type != b"IDAT":
        yield _found(rules.IDAT_CONTIGUOUS, chunk, "chunks between", "none")
        yield from picture.finish_pixels()
    picture.fed = chunk
    if picture.pixels:
        for piece in chunk.pieces():
            yield from picture.pixels.feed(piece, chunk)


def open_pixels(chunk: Chunk, picture: Picture, width: int, height: int) -> None:
    """Begin to measure a stream, unless it would inflate to more than one file is granted: then say so."""
    pixels = PixelData(picture, width, height)
    granted = picture.screening.limits.expanded_bytes
    if picture.expanded + pixels.most > granted:
        why = f"{pixels.most} bytes of pixels would be inflated, {granted - picture.expanded} are left of {granted}"
        picture.screening.not_covered(chunk.where, why)
        return
    picture.pixels = pixels


def check_end(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """IEND. PNG 11.2.4. The picture must be complete now."""
    if chunk.length:
        yield _found(rules.IEND_LENGTH, chunk, f"{chunk.length} bytes", "0 bytes")
    if not picture.has(b"IDAT"):
        yield _found(rules.NO_IDAT, chunk, "IEND", "IDAT")


def _found(rule: Rule, chunk: Chunk, seen: object, allowed: object) -> Finding:
    return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
