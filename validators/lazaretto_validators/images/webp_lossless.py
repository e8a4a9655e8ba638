"""WebP's lossless pictures, VP8L. RFC 9649 section 3; also inside ALPH, without the header.

    stream    = 2Fh width-1:14 height-1:14 alpha:1 version:3 picture
    picture   = (1 transform)* 0 cache [1 bits-2:3 entropy-image] codes pixels          | [0] codes pixels
    transform = 0 bits-2:3 image (predictor) | 1 bits-2:3 image (colour) | 2 (green) | 3 count-1:8 image (palette)
    cache     = 0 | 1 bits:4
    image     = cache codes pixels
    codes     = five prefix codes: green and lengths, red, blue, alpha, distances

All prefix codes of all images are read and must be complete: the small images that lead to the last of them are decoded
for that. The pixels of the picture are decoded as far as the allowance goes: whether back-references stay inside.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import webp_rules as rules
from lazaretto_validators.images.webp_bits import ROOT, Allowance, Bits, Broken, Code, Enough, read_code
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["HEADER", "Size", "check_lossless", "read_header"]

HEADER = 5  # bytes: RFC 9649 3.4

MAX_TRAILING = 16
"""Bytes behind the last pixel that nobody minds: decoders read ahead by eight, and some encoders pad."""

_LITERALS, _LENGTHS, _DISTANCES = 256, 24, 40  # RFC 9649 3.7.1
_MAX_CACHE = 11  # bits, RFC 9649 3.6.3
_PREDICTORS = 14  # RFC 9649 4.1
_BLOCK = 256  # symbols between two looks at the allowance
_WIDEST = 16  # bytes that hold the bits of one pixel or back-reference, 62 at most, and those before them
_CHARGED = 64  # symbols for one operation of the budget
_CHARGED_IMAGE = 8  # the same for the images before the codes, which nothing else bounds

# The first 120 distances stand for a place near by: rows up in the high half, 8 - columns in the low. RFC 9649 5.2.2.
_NEAR = bytes.fromhex(
    "1807171928062729161a262a38053739151b363a252b48044749141c353b464a242c58454b343c035759131d565a232d"
    "444c555b333d68026769121e666a222e545c434d656b323e78017779535d111f646c424e767a212f757b313f636d525e"
    "00747c414f1020626e30737d515f40727e616f50717f6070"
)


class Size(NamedTuple):
    """Of a picture, in pixels."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


class _Stream(NamedTuple):
    """What reading takes: bits, and what may still be spent."""

    bits: Bits
    allowance: Allowance
    screening: Screening


class _Group(NamedTuple):
    """Five codes that pixels are written with."""

    green: Code
    red: Code
    blue: Code
    alpha: Code
    distance: Code


def read_header(data: bytes) -> tuple[Size, int]:
    """Size and version, from the four bytes behind the signature. RFC 9649 3.4."""
    value = int.from_bytes(data, "little")
    return Size((value & 0x3FFF) + 1, (value >> 14 & 0x3FFF) + 1), value >> 29


def check_lossless(
    source: Source, size: Size, allowance: Allowance, screening: Screening, where: str
) -> Iterator[Finding]:
    """A picture of this size, from its transforms on, to the end of `source`."""
    stream = _Stream(Bits(source, allowance), allowance, screening)
    begin = source.offset
    try:
        left = _read_picture(stream, size)
    except Broken as broken:
        yield broken.rule.found(at=begin, where=where, seen=broken.seen, allowed=broken.allowed)
    except Enough as enough:
        screening.not_covered(where, str(enough))
    else:
        if left > MAX_TRAILING:
            yield rules.LOSSLESS_TRAILING.found(at=begin, where=where, seen=f"{left} bytes", allowed=MAX_TRAILING)


def _read_picture(stream: _Stream, size: Size) -> int:
    """Transforms, entropy image, codes, pixels. Answers how many bytes are left behind them."""
    bits = stream.bits
    bits.want(_WIDEST)
    width = size.width
    transforms: set[int] = set()
    while bits.read(1):
        kind = bits.read(2)
        if kind in transforms:
            raise Broken(rules.LOSSLESS_TRANSFORM, f"transform {kind} twice", "once each")
        transforms.add(kind)
        width = _read_transform(stream, kind, Size(width, size.height))
    cache = _read_cache(bits)
    tiles, tile_bits, count = None, 0, 1
    if bits.read(1):
        tile_bits = bits.read(3) + 2
        image = _read_image(stream, _tiled(Size(width, size.height), tile_bits))
        tiles = array("H", [pixel >> 8 & 0xFFFF for pixel in image])
        count = max(tiles) + 1
    stream.allowance.groups -= count
    if stream.allowance.groups < 0:
        raise Broken(rules.LOSSLESS_GROUPS, f"{count} groups", f"{stream.allowance.groups + count}")
    groups = [_read_group(stream, cache) for _ in range(count)]
    _skim(stream, Size(width, size.height), groups, tiles, tile_bits)
    return bits.left


def _tiled(size: Size, bits: int) -> Size:
    return Size(-(-size.width >> bits), -(-size.height >> bits))


def _read_transform(stream: _Stream, kind: int, size: Size) -> int:
    """One transform. Answers the width of the picture behind it. RFC 9649 section 4."""
    if kind == 2:
        return size.width
    if kind == 3:
        colours = stream.bits.read(8) + 1
        _read_image(stream, Size(colours, 1))
        shift = 3 if colours <= 2 else 2 if colours <= 4 else 1 if colours <= 16 else 0
        return -(-size.width >> shift)
    image = _read_image(stream, _tiled(size, stream.bits.read(3) + 2))
    if kind == 0 and (most := max(pixel >> 8 & 0xFF for pixel in image)) >= _PREDICTORS:
        raise Broken(rules.LOSSLESS_TRANSFORM, f"predictor {most}", f"0 to {_PREDICTORS - 1}")
    return size.width


def _read_cache(bits: Bits) -> int:
    """Bits of the colour cache, 0 where there is none. RFC 9649 3.6.3."""
    if not bits.read(1):
        return 0
    count = bits.read(4)
    if not 1 <= count <= _MAX_CACHE:
        raise Broken(rules.LOSSLESS_CACHE, f"{count} bits", f"1 to {_MAX_CACHE}")
    return count


def _read_group(stream: _Stream, cache: int) -> _Group:
    bits = stream.bits
    stream.screening.spend(2)
    green = read_code(bits, _LITERALS + _LENGTHS + (1 << cache if cache else 0))
    red, blue, alpha = (read_code(bits, _LITERALS) for _ in range(3))
    return _Group(green, red, blue, alpha, read_code(bits, _DISTANCES))


def _number(symbol: int, window: int) -> tuple[int, int]:
    """A length or distance by its prefix symbol: value, and additional bits taken of `window`. RFC 9649 5.2.2."""
    if symbol < 4:
        return symbol + 1, 0
    extra = (symbol - 2) >> 1
    return ((2 + (symbol & 1)) << extra) + (window & ((1 << extra) - 1)) + 1, extra


def _reference(symbol: int, window: int, used: int, distances: Code, width: int) -> tuple[int, int, int]:
    """Length, distance, and bits taken. window: the bits behind the length's symbol; used: those before them."""
    length, extra = _number(symbol - _LITERALS, window)
    window >>= extra
    used += extra
    tables = distances.tables
    entry = tables.short[window & ROOT]
    if entry < 0:
        entry = tables.find(window)
    window >>= entry & 15
    code, extra = _number(entry >> 4, window)
    used += (entry & 15) + extra
    if code > len(_NEAR):
        return length, code - len(_NEAR), used
    near = _NEAR[code - 1]
    return length, max(1, (near >> 4) * width + 8 - (near & 15)), used


def _judge_reference(bits: Bits, length: int, distance: int, done: int, total: int) -> None:
    if distance > done or length > total - done:
        bits.check()
        seen = f"{length} pixels from {distance} back, at {done} of {total}"
        raise Broken(rules.LOSSLESS_REFERENCE, seen, "inside the picture")


def _read_image(stream: _Stream, size: Size) -> Sequence[int]:
    """A small image that is needed to read on: its pixels, as ARGB."""
    bits, total = stream.bits, size.width * size.height
    # Codes that hide behind more than is granted must not go unseen: the budget ends such a file.
    stream.screening.spend(1 + max(0, total - stream.allowance.codes) // _CHARGED_IMAGE)
    stream.allowance.codes = max(0, stream.allowance.codes - total)
    cache = _read_cache(bits)
    group = _read_group(stream, cache)
    pixels = array("I")
    colours = [0] * (1 << cache)
    stored = 0
    while len(pixels) < total:
        bits.want(_WIDEST)
        begin = bits.at >> 3
        window = int.from_bytes(bits.data[begin : begin + _WIDEST], "little") >> (bits.at & 7)
        symbol, used = _take(group.green, window)
        if symbol < _LITERALS:
            values = [symbol]
            for code in (group.red, group.blue, group.alpha):
                value, taken = _take(code, window >> used)
                used += taken
                values.append(value)
            green, red, blue, alpha = values
            pixels.append(alpha << 24 | red << 16 | green << 8 | blue)
        elif symbol < _LITERALS + _LENGTHS:
            length, distance, used = _reference(symbol, window >> used, used, group.distance, size.width)
            _judge_reference(bits, length, distance, len(pixels), total)
            source = pixels[len(pixels) - distance : len(pixels) - distance + length]
            pixels.extend((source * (length // len(source) + 1))[:length])
        else:
            for pixel in pixels[stored:]:  # what was written since is put into the cache before it is used
                colours[(pixel * 0x1E35A7BD & 0xFFFFFFFF) >> (32 - cache)] = pixel
            stored = len(pixels)
            pixels.append(colours[symbol - _LITERALS - _LENGTHS])
        bits.at += used
        bits.check()
    return pixels


def _take(code: Code, window: int) -> tuple[int, int]:
    """The next symbol, and the bits that it takes."""
    tables = code.tables
    entry = tables.short[window & ROOT]
    if entry < 0:
        entry = tables.find(window)
    return entry >> 4, entry & 15


def _skim(stream: _Stream, size: Size, groups: Sequence[_Group], tiles: Sequence[int] | None, tile_bits: int) -> None:
    """The pixels of the picture, without keeping them: do the bits last, do references stay inside?"""
    bits, allowance = stream.bits, stream.allowance
    width, total = size.width, size.width * size.height
    columns, last = _tiled(size, tile_bits).width, (1 << tile_bits) - 1
    done, until, group = 0, total, groups[0]
    while done < total:
        if allowance.pixels <= 0:
            raise Enough(f"pixels: {total - done} of {total} are left, more than one file is granted")
        bits.want(_WIDEST * _BLOCK)
        stream.screening.spend(_BLOCK // _CHARGED)
        left = _BLOCK
        while left > 0 and done < total:
            if tiles is not None:
                row, column = divmod(done, width)
                until = done + min(width - column, last + 1 - (column & last))
                group = groups[tiles[(row >> tile_bits) * columns + (column >> tile_bits)]]
            done, taken = _skim_run(bits, group, width, (done, until, total), left)
            left -= taken
            allowance.pixels -= taken
        bits.check()


def _skim_run(bits: Bits, group: _Group, width: int, places: tuple[int, int, int], most: int) -> tuple[int, int]:
    """Pixels of one group, at most so many symbols. Answers where it came to, and the symbols taken."""
    done, until, total = places
    data, at = bits.data, bits.at
    green = group.green.tables
    others = [code.tables for code in group[1:4] if code.single is None]
    if group.green.single is not None and group.green.single < _LITERALS and not others:
        return until, 1  # one colour, which takes no bits
    count = 0
    while done < until and count < most:
        count += 1
        begin = at >> 3
        window = int.from_bytes(data[begin : begin + _WIDEST], "little") >> (at & 7)
        entry = green.short[window & ROOT]
        if entry < 0:
            entry = green.find(window)
        used, symbol, step = entry & 15, entry >> 4, 1
        if symbol < _LITERALS:
            for tables in others:
                rest = window >> used
                entry = tables.short[rest & ROOT]
                if entry < 0:
                    entry = tables.find(rest)
                used += entry & 15
        elif symbol < _LITERALS + _LENGTHS:
            step, distance, used = _reference(symbol, window >> used, used, group.distance, width)
            bits.at = at + used
            _judge_reference(bits, step, distance, done, total)
        at += used
        done += step
    bits.at = at
    return done, count
