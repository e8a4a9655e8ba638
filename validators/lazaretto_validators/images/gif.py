"""GIF pictures and animations. GIF89a, CompuServe 1990: https://www.w3.org/Graphics/GIF/spec-gif89a.txt.

    file      = ("GIF87a" | "GIF89a") screen [palette] {block} trailer
    block     = extension | image
    extension = 21 label chain
    image     = 2C rectangle flags [palette] code-size chain
    chain     = {length:1..255 data} 00
    trailer   = 3B

Checked: every block to its end, the screen and every frame's rectangle before anything is decoded, the pixel data code
by code (in `gif_lzw`) for the first MAX_CODES codes of it, control blocks, comments and application extensions, a
second file anywhere before the end. Not checked: the values of pixels and colours; pixel data beyond MAX_CODES,
which is walked only; what follows the trailer, which `polyglot` classifies.

Deviations: a missing trailer, zeros between blocks, frames that stick out, colours beyond the palette, pixels too many
and a missing end code are written by honest programs and shown by every viewer: they are told at info. XMP is stored
as it is, without lengths, and ends in a ramp of bytes that leads every walk over lengths to its end (XMP part 3).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import gif_rules as rules
from lazaretto_validators.images.gif_extensions import EXTENSION, check_extension
from lazaretto_validators.images.gif_lzw import Pixels
from lazaretto_validators.images.gif_structure import Screen, Walk, chain, colours_of, data_of
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.slack import script_at
from lazaretto_validators.source import ShortRead, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST", "validate_gif"]

SMALLEST = bytes.fromhex(
    "474946383961 01000100 80 00 00"  # GIF89a, 1x1, two colours
    "000000ffffff"  # black and white
    "2c 00000000 01000100 00"  # one frame over it all
    "02 02 4401 00"  # clear code, one black pixel, end code
    "3b"
)

MAX_PIXELS = 100_000_000  # threats BMB-05: viewers need four bytes for each
MAX_SIDE = 32_768  # pixels; threats BMB-05
MAX_FRAMES = 2_000  # C-GIF-08
MAX_FRAME_PIXELS = 1_000_000_000  # of all frames, each as large as the picture; C-GIF-08
MAX_CODES = 250_000  # of the pixel data that are followed one by one: some 300 KiB, a fiftieth of a second
MAX_OVERSHOOT = 16  # pixels by which honest frames stick out; threats IMG-02

_SIGNATURES = (b"GIF87a", b"GIF89a")
_BYTES_A_CODE = 2  # at most; twelve bits
_OVERRUNS = 12  # bits: with one more for the first codes, the table of 4096 strings is overrun from the beginning
_IMAGE, _TRAILER = 0x2C, 0x3B
_STRAY = re.compile(rb"\0+")
_STRAY_WINDOW = 4096
_LEAST_TRAILING = 16  # bytes behind the end code: some encoders flush a byte or two more than they should


@validator("image/gif", magic=_SIGNATURES, extensions=("gif",), rules=rules.RULES, example=SMALLEST, api=1)
def validate_gif(source: Source, screening: Screening) -> Iterator[Finding]:
    """GIF pictures and animations. GIF87a, GIF89a."""
    if source.peek(6) not in _SIGNATURES:
        source.expect(_SIGNATURES[1])
    source.skip(6)
    screen = Screen.read(source)
    walk = Walk(screen, screening)
    yield from _judge_screen(source, walk)
    if screen.colours:
        source.skip(3 * screen.colours)
    try:
        yield from _blocks(source, walk)
    except ShortRead:
        # The faults met so far are told, and the second file that may be the reason for this one's end.
        yield from _judge_stowaway(source, walk, source.size)
        raise
    yield from _judge_stowaway(source, walk, source.tell())


def _judge_screen(source: Source, walk: Walk) -> Iterator[Finding]:
    screen = walk.screen
    width, height = screen.width, screen.height
    shown = f"{width} x {height}"
    yield from _judge_area(walk, 6, "screen", width, height)
    if (opening := script_at(source, len(_SIGNATURES[0]))) is not None:
        yield rules.SCRIPT.found(at=6, seen=opening)
    if not width or not height:
        yield rules.SCREEN_SIZE.found(at=6, where="screen", seen=shown)
    if screen.colours and screen.background >= screen.colours:
        yield rules.BACKGROUND_INDEX.found(at=11, where="screen", seen=screen.background, allowed=screen.colours - 1)


def _blocks(source: Source, walk: Walk) -> Iterator[Finding]:
    """Everything up to the trailer, or to where the blocks end without one."""
    while True:
        introducer = source.peek(1)
        if not introducer:
            yield rules.NO_TRAILER.found(at=source.offset, seen="the end of the file", allowed="3b")
            break
        if introducer[0] == 0:
            yield from walk.once(rules.STRAY_ZEROS.found(at=source.offset))
            _skip_zeros(source)
            continue
        at = source.offset
        if introducer[0] not in (EXTENSION, _IMAGE, _TRAILER):
            yield rules.UNKNOWN_BLOCK.found(at=at, seen=introducer.hex(), allowed="21, 2c or 3b")
            break
        source.skip(1)
        if introducer[0] == _TRAILER:
            break
        yield from _image(source, walk) if introducer[0] == _IMAGE else check_extension(source, walk)
    walk.screening.ends_at(source.tell())
    if not walk.frames:
        yield rules.NO_IMAGE.found(at=source.offset, seen="no frame", allowed="one or more")


def _skip_zeros(source: Source) -> None:
    while zeros := _STRAY.match(source.peek(_STRAY_WINDOW)):
        source.skip(zeros.end())
        if zeros.end() < _STRAY_WINDOW:
            return


def _image(source: Source, walk: Walk) -> Iterator[Finding]:
    """An image, its introducer already read. GIF89a 20 to 22."""
    at = source.offset - 1
    left, top, width, height, flags = struct.unpack("<4HB", source.read(9))
    where = f"frame {walk.frames}"
    yield from _judge_rectangle(walk, at, where, (left, top, width, height))
    colours = colours_of(flags) or walk.screen.colours
    if not colours:
        yield from walk.once(rules.NO_PALETTE.found(at=at, where=where))
    elif walk.transparent is not None and walk.transparent >= colours:
        seen = walk.transparent
        yield from walk.once(rules.TRANSPARENT_INDEX.found(at=at, where=where, seen=seen, allowed=colours - 1))
    walk.frames += 1
    walk.controls, walk.transparent = 0, None
    yield from _judge_count(walk, at)
    if own := colours_of(flags):
        source.skip(3 * own)
    yield from _pixels(source, walk, where, width * height)


def _judge_rectangle(walk: Walk, at: int, where: str, box: tuple[int, int, int, int]) -> Iterator[Finding]:
    left, top, width, height = box
    screen = walk.screen
    over = max(left + width - screen.width, top + height - screen.height)
    shown, allowed = f"{width} x {height} at {left}, {top}", f"within {screen.width} x {screen.height}"
    if not width or not height:
        yield from walk.once(rules.FRAME_EMPTY.found(at=at, where=where, seen=shown, allowed="1 x 1 or more"))
    if not walk.frames:  # for the first frame, viewers enlarge the screen
        walk.canvas = max(screen.width, left + width), max(screen.height, top + height)
        width, height = walk.canvas
    yield from _judge_area(walk, at, where, width, height)
    if not screen.width or not screen.height:
        return  # viewers take the first frame's size then
    if left >= screen.width or top >= screen.height:
        yield from walk.once(rules.FRAME_OUTSIDE.found(at=at, where=where, seen=shown, allowed=allowed))
    elif over > MAX_OVERSHOOT and walk.frames:
        yield from walk.once(rules.FRAME_FAR_OUT.found(at=at, where=where, seen=shown, allowed=allowed))
    elif over > 0:
        yield from walk.once(rules.FRAME_STICKS_OUT.found(at=at, where=where, seen=shown, allowed=allowed))


def _judge_area(walk: Walk, at: int, where: str, width: int, height: int) -> Iterator[Finding]:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        seen, allowed = f"{width} x {height}", f"{MAX_PIXELS} pixels, {MAX_SIDE} a side"
        yield from walk.once(rules.PIXEL_BOMB.found(at=at, where=where, seen=seen, allowed=allowed))


def _judge_count(walk: Walk, at: int) -> Iterator[Finding]:
    pixels = walk.canvas[0] * walk.canvas[1] * walk.frames
    if walk.frames > MAX_FRAMES:
        yield from walk.once(rules.FRAME_BOMB.found(at=at, seen=f"more than {MAX_FRAMES} frames", allowed=MAX_FRAMES))
    elif walk.frames > 1 and pixels > MAX_FRAME_PIXELS:
        seen = f"{walk.frames} frames, {pixels} pixels in all"
        yield from walk.once(rules.FRAME_BOMB.found(at=at, seen=seen, allowed=MAX_FRAME_PIXELS))


def _pixels(source: Source, walk: Walk, where: str, expected: int) -> Iterator[Finding]:
    """Code size and codes. GIF89a 22, appendix F."""
    at = source.offset
    code_size = source.read(1)[0]
    if code_size == 1:
        yield from walk.once(rules.CODE_SIZE_ONE.found(at=at, where=where, seen=1, allowed="2 to 8"))
    elif 8 < code_size < _OVERRUNS:
        yield from walk.once(rules.CODE_SIZE_LARGE.found(at=at, where=where, seen=code_size, allowed="2 to 8"))
    elif not 2 <= code_size <= 8:
        yield from walk.once(rules.CODE_SIZE.found(at=at, where=where, seen=code_size, allowed="2 to 8"))
    pixels = Pixels(code_size) if 1 <= code_size < _OVERRUNS and walk.decoded < MAX_CODES else None
    for runs in chain(source, walk):
        if not pixels:
            continue
        data, before = data_of(runs), pixels.codes
        most = _BYTES_A_CODE * (MAX_CODES - walk.decoded)
        walk.screening.spend(pixels.feed(data[:most]) // 4)
        walk.decoded += pixels.codes - before
        if walk.decoded >= MAX_CODES or (len(data) > most and not pixels.ended and pixels.fault < 0):
            pixels = None
    if pixels:
        for finding in _judge_pixels(pixels, at, where, expected):
            yield from walk.once(finding)
    elif walk.decoded >= MAX_CODES and "walked" not in walk.said:
        walk.said.add("walked")
        walk.screening.not_covered(where, f"pixel data beyond {MAX_CODES} codes are walked, not decoded")


def _judge_pixels(pixels: Pixels, at: int, where: str, expected: int) -> Iterator[Finding]:
    if pixels.fault >= 0:
        yield rules.LZW_CODE.found(at=at, where=where, seen=f"code {pixels.fault} after {pixels.count} pixels")
    elif pixels.count < expected:
        yield rules.LZW_SHORTAGE.found(at=at, where=where, seen=pixels.count, allowed=expected)
    elif pixels.count > expected:
        yield rules.LZW_SURPLUS.found(at=at, where=where, seen=pixels.count, allowed=expected)
    if pixels.surplus >= _LEAST_TRAILING and pixels.trailing.strip(pixels.trailing[:1]):
        seen = f"{pixels.surplus} bytes: {pixels.trailing[:16].hex(' ')}"
        yield rules.LZW_TRAILING.found(at=at, where=where, seen=seen, allowed="the end of the data")
    elif not pixels.ended and pixels.fault < 0 and pixels.count >= expected:
        yield rules.LZW_OPEN_END.found(at=at, where=where)


def _judge_stowaway(source: Source, walk: Walk, end: int) -> Iterator[Finding]:
    """A second file, in whichever part: wherever the picture lets it stand, others find it."""
    if hit := walk.second_file(source, end):
        yield rules.PARASITE.found(at=hit[0], seen=MEDIA_TYPES[hit[1]].label)
