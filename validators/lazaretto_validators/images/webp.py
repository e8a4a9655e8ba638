"""WebP pictures and animations. RFC 9649: https://www.rfc-editor.org/rfc/rfc9649. `riff` has the container.

    file     = "RIFF" size "WEBP" (bitmap | extended)
    extended = VP8X [ICCP] (still | ANIM frame*) [EXIF] ["XMP "] unknown*
    still    = [ALPH] "VP8 " | VP8L
    frame    = ANMF rectangle duration flags: still unknown*
    bitmap   = "VP8 " (`webp_lossy`) | VP8L (`webp_lossless`)

Checked: the chunk layout and its bounds, order and number, the extended header against what follows, frames inside the
canvas and as large as their pictures, lossy pictures to the last block of their first partition, lossless ones to the
last prefix code and, as far as the allowance goes, to the last pixel, transparency, the directories of Exif, the colour
profile's table, code and files hidden in metadata, unknown chunks, pictures and the tail.
Not checked: the coefficients of lossy pictures; what is beyond the allowance, which the report then says.

Deviations: chunks out of order, flags that do not match, unknown chunks, odd sizes and a missing pad byte at the end
are told at info: taggers and old encoders leave them. Frames may be smaller than the canvas. A second picture may stand
behind an animation.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from types import MappingProxyType

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import webp_rules as rules
from lazaretto_validators.images.webp_bitstreams import check_alpha, check_bitmap
from lazaretto_validators.images.webp_lossless import Size
from lazaretto_validators.images.webp_metadata import check_exif, check_icc_profile, check_other, check_xmp
from lazaretto_validators.images.webp_structure import ANIMATED, EXIF, ICC, KNOWN, XMP, Picture
from lazaretto_validators.riff import Chunk, Container
from lazaretto_validators.slack import script_at
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST", "validate_webp"]

SMALLEST = bytes.fromhex(
    "52494646 14000000 57454250"  # RIFF, WEBP
    "5650384c 08000000 2f00000000 888808"  # VP8L: 1x1, no transform, no cache, five codes of one symbol each
)

MAX_PIXELS = 100_000_000  # threats BMB-05: viewers need four bytes for each
MAX_FRAMES = 2_000  # threats BMB-05
MAX_FRAME_PIXELS = 1_000_000_000  # of all frames together, threats BMB-05

RANKS: Mapping[bytes, int] = MappingProxyType(
    {b"VP8X": 0, b"ICCP": 1, b"ANIM": 2, b"ALPH": 3, b"VP8 ": 3, b"VP8L": 3, b"ANMF": 3}
)
"""Their order, RFC 9649 2.7. All others come last, in any order: ExifTool and others disagree about theirs."""

_LAST = 4

Check = Callable[[Chunk, Picture], Iterator[Finding]]


@validator("image/webp", magic=b"RIFF", extensions=("webp",), rules=rules.RULES, example=SMALLEST, api=1)
def validate_webp(source: Source, screening: Screening) -> Iterator[Finding]:
    """WebP pictures and animations. RFC 9649."""
    source.expect(b"RIFF")
    size = int.from_bytes(source.read(4), "little")
    source.expect(b"WEBP")
    if (opening := script_at(source.at(0), 4)) is not None:
        yield rules.SCRIPT.found(at=4, seen=opening)
    picture = Picture(Container(source, screening, rules.CONTAINER, "image/webp", KNOWN), 8 + size)
    whole = yield from _walk(picture)
    if not whole:
        return
    left = picture.end - source.tell()
    if left > 0:
        source.skip(left)
    if left > 0 or size & 1:
        yield rules.RIFF_SIZE.found(at=4, seen=f"{size}, of which {max(0, left)} are no chunk", allowed="even")
    yield from _judge_end(picture)
    screening.ends_at(_pass_second(picture))


def _pass_second(picture: Picture) -> int:
    """Where the file ends: ImageMagick 6 has a frame once more, as a file of its own, behind an animation."""
    source = picture.source
    end = source.tell()
    head = source.peek(12)
    if not picture.frames or head[:4] != b"RIFF" or head[8:] != b"WEBP":
        return end
    length = 8 + int.from_bytes(head[4:8], "little")
    picture.container.screening.member("second", source.at(end, length), media_type="image/webp", nameless=True)
    return end + length


def _walk(picture: Picture) -> Generator[Finding, None, bool]:
    """All chunks. Answers whether the walk came to its end."""
    container, rank = picture.container, -1
    while (chunk := container.next(picture.end)) is not None:
        if not chunk.named:
            yield _found(rules.CHUNK_ID, chunk, chunk.kind, "four ASCII characters")
        elif chunk.end > picture.end + 1:  # a last pad byte that nobody counted, or an odd size
            yield _found(rules.CHUNK_BOUNDS, chunk, f"its end at {chunk.end}", picture.end)
        if not chunk.named or chunk.end > picture.end + 1:
            container.screening.not_covered(f"after byte {chunk.offset}", "where the next chunk begins cannot be known")
            return False
        if rank < 0 and chunk.kind not in (b"VP8X", b"VP8 ", b"VP8L"):
            yield _found(rules.FIRST_CHUNK, chunk, chunk.kind, "VP8X, VP8, VP8L")
        # A file without extended header has one chunk only: RFC 9649 2.5, 2.6.
        placed = RANKS.get(chunk.kind, _LAST)
        if placed < rank or (rank >= 0 and picture.canvas is None):
            yield _found(rules.CHUNK_ORDER, chunk, chunk.kind, "the order of RFC 9649 2.7")
        rank = max(rank, placed)
        yield from CHECKS.get(chunk.kind, check_other)(chunk, picture)
        yield from container.leave(chunk)
        if chunk.missing:
            container.source.skip(chunk.missing)
    return True


def _judge_end(picture: Picture) -> Iterator[Finding]:
    """What is lacking or contradicts the header, once everything has come."""
    container = picture.container
    yield from container.finish()
    end = container.source.tell()
    if not picture.stills and not picture.frames:
        yield rules.IMAGE_MISSING.found(at=end, seen="no picture", allowed="VP8, VP8L or ANMF")
    if picture.alpha:
        yield rules.ALPHA_PLACE.found(at=end, where="ALPH", seen="no VP8 behind it", allowed="VP8")
    if picture.canvas is None:
        return
    for flag, kind in ((ICC, b"ICCP"), (EXIF, b"EXIF"), (XMP, b"XMP ")):
        there = bool(container.seen.get(kind))
        if there != bool(picture.flags & flag):
            seen = f"{kind.decode()} is {'not ' * (not there)}there"
            yield rules.FLAGS.found(at=20, where="VP8X[0]", seen=seen, allowed=f"flags {picture.flags:#04x}")
    if bool(picture.flags & ANIMATED) != bool(picture.frames):
        seen = f"{picture.frames} frames"
        yield rules.ANIMATION.found(at=20, where="VP8X[0]", seen=seen, allowed=f"flags {picture.flags:#04x}")
    if picture.extra > picture.container.source.tell() // 2 and picture.extra > 1 << 20:
        yield rules.METADATA_SIZE.found(at=0, seen=f"{picture.extra} bytes", allowed="half of the file")


def _check_extended(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """VP8X: flags, and the canvas. RFC 9649 2.7."""
    if chunk.number:
        yield _found(rules.CHUNK_DUPLICATE, chunk, f"number {chunk.number + 1}", "one")
        return
    if chunk.length != 10:
        yield _found(rules.VP8X_SIZE, chunk, f"{chunk.length} bytes", 10)
    data = chunk.take(picture.source, 10)
    if len(data) < 10:
        picture.canvas = Size(0, 0)
        return
    picture.flags = data[0]
    canvas = Size(int.from_bytes(data[4:7], "little") + 1, int.from_bytes(data[7:10], "little") + 1)
    picture.canvas = canvas
    if data[0] & 0xC1 or any(data[1:4]):
        yield _found(rules.RESERVED, chunk, data[:4].hex(" "), "zero")
    pixels = canvas.width * canvas.height
    if pixels >= 1 << 32:
        yield _found(rules.CANVAS, chunk, canvas, "4294967295 pixels")
    elif pixels > MAX_PIXELS:
        yield _found(rules.PIXEL_BOMB, chunk, canvas, f"{MAX_PIXELS} pixels")


def _check_animation(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """ANIM: background and loops. RFC 9649 2.7.1.1."""
    if chunk.number:
        yield _found(rules.CHUNK_DUPLICATE, chunk, f"number {chunk.number + 1}", "one")
    if chunk.length != 6:
        yield _found(rules.CHUNK_SIZE, chunk, f"{chunk.length} bytes", 6)
    if not picture.flags & ANIMATED:
        yield _found(rules.FLAGS, chunk, "ANIM", "the animation flag")


def _check_frame(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """ANMF: a rectangle, and the picture for it. RFC 9649 2.7.1.1."""
    source = picture.source
    if not picture.frames and not picture.container.seen.get(b"ANIM"):
        yield _found(rules.ANIMATION, chunk, "ANMF", "ANIM before it")
    picture.frames += 1
    data = chunk.take(source, 16)
    if len(data) < min(16, chunk.length):
        return
    if chunk.length < 16:
        yield _found(rules.FRAME_CONTENT, chunk, f"{chunk.length} bytes", "16 at least")
        return
    x, y, width, height = (int.from_bytes(data[at : at + 3], "little") for at in (0, 3, 6, 9))
    size = Size(width + 1, height + 1)
    if data[15] & 0xFC:
        yield _found(rules.RESERVED, chunk, f"{data[15]:#04x}", "bits 0 and 1")
    canvas = picture.canvas or Size(0, 0)
    if 2 * x + size.width > canvas.width or 2 * y + size.height > canvas.height:
        yield _found(rules.FRAME_RECTANGLE, chunk, f"{size} at {2 * x},{2 * y}", f"inside {canvas}")
    yield from _judge_number(chunk, picture, size)
    source.skip(16)
    yield from _check_parts(chunk, picture, size)


def _judge_number(chunk: Chunk, picture: Picture, size: Size) -> Iterator[Finding]:
    """Frames and their pixels so far: told once."""
    before, picture.pixels = picture.pixels, picture.pixels + size.width * size.height
    if picture.frames == MAX_FRAMES + 1:
        yield _found(rules.FRAME_BOMB, chunk, f"more than {MAX_FRAMES} frames", MAX_FRAMES)
    elif before <= MAX_FRAME_PIXELS < picture.pixels:
        yield _found(rules.FRAME_BOMB, chunk, f"{picture.pixels} pixels in {picture.frames} frames", MAX_FRAME_PIXELS)


def _check_parts(chunk: Chunk, picture: Picture, size: Size) -> Iterator[Finding]:
    """The chunks inside a frame: one picture, transparency before it if it is lossy, unknown ones."""
    container, bitmaps, alpha = picture.container, 0, False
    while (part := container.next(chunk.end, f"{chunk.where}/")) is not None:
        if not part.named or part.end > chunk.end + 1:
            yield _found(rules.CHUNK_BOUNDS, part, f"its end at {part.end}", chunk.end)
            return
        if part.kind == b"ALPH":
            alpha = True
            yield from check_alpha(part, picture, size)
        elif part.kind in (b"VP8 ", b"VP8L"):
            bitmaps += 1
            if alpha and part.kind == b"VP8L":
                yield _found(rules.ALPHA_PLACE, part, "ALPH before VP8L", "VP8")
            yield from check_bitmap(part, picture, size, rules.FRAME_SIZE)
        else:
            yield from check_other(part, picture)
        yield from container.leave(part)
        if part.missing:
            return
    if bitmaps != 1:
        yield _found(rules.FRAME_CONTENT, chunk, f"{bitmaps} pictures", "one")


def _check_still_alpha(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """ALPH of a still picture; it belongs in front of a lossy one. RFC 9649 2.7.1.2."""
    if picture.canvas is None or picture.stills or picture.alpha:
        yield _found(rules.ALPHA_PLACE, chunk, chunk.kind, "behind VP8X, before VP8")
        return
    picture.alpha = True
    yield from check_alpha(chunk, picture, picture.canvas)


def _check_still(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """VP8 or VP8L outside of a frame. RFC 9649 2.5, 2.6."""
    picture.stills += 1
    if picture.stills > 1:
        yield _found(rules.IMAGE_DUPLICATE, chunk, f"number {picture.stills}", "one")
    if picture.frames:
        yield _found(rules.ANIMATION, chunk, "a still picture behind frames", "frames alone")
    if picture.alpha and chunk.kind == b"VP8L":
        yield _found(rules.ALPHA_PLACE, chunk, "ALPH before VP8L", "VP8")
    picture.alpha = False
    size = yield from check_bitmap(chunk, picture, picture.canvas, rules.CANVAS_SIZE)
    if picture.canvas is None and size and size.width * size.height > MAX_PIXELS:
        yield _found(rules.PIXEL_BOMB, chunk, size, f"{MAX_PIXELS} pixels")


CHECKS: Mapping[bytes, Check] = MappingProxyType(
    {
        b"VP8X": _check_extended,
        b"ICCP": check_icc_profile,
        b"ANIM": _check_animation,
        b"ANMF": _check_frame,
        b"ALPH": _check_still_alpha,
        b"VP8 ": _check_still,
        b"VP8L": _check_still,
        b"EXIF": check_exif,
        b"XMP ": check_xmp,
    }
)
"""What is checked of a chunk beside its place; `check_other` for all that are not listed."""


def _found(rule: Rule, chunk: Chunk, seen: object, allowed: object = "") -> Finding:
    return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
