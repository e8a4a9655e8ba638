"""The animation chunks of PNG (APNG): acTL announces frames, fcTL begins one, fdAT carries its pixels. PNG 11.3.6."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import png_rules as rules
from lazaretto_validators.images.png_chunks import SIZES, open_pixels
from lazaretto_validators.images.png_structure import Chunk, Picture

__all__ = ["check_animation", "check_frame", "check_frame_data", "finish_animation"]

MAX_FRAMES = 2_000  # threats BMB-05

DISPOSE_OPS = 3
BLEND_OPS = 2


def check_animation(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """acTL, before the pixel data. PNG 11.3.6.1."""
    if picture.has(b"IDAT"):
        yield _found(rules.APNG_ORDER, chunk, "after IDAT", "before IDAT")
    if chunk.length != SIZES[b"acTL"] or picture.animation.declared is not None:
        return
    frames, _ = struct.unpack(">II", chunk.take(8))
    picture.animation.declared = frames
    if frames > MAX_FRAMES:
        yield _found(rules.FRAME_BOMB, chunk, f"{frames} frames", MAX_FRAMES)
        _do_not_measure(picture)


def check_frame(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """fcTL, and the beginning of a frame. PNG 11.3.6.2."""
    animation = picture.animation
    yield from _judge_turn(chunk, picture)
    animation.frames += 1
    if animation.frames == MAX_FRAMES + 1 and (animation.declared or 0) <= MAX_FRAMES:
        yield _found(rules.FRAME_BOMB, chunk, f"more than {MAX_FRAMES} frames", MAX_FRAMES)
        _do_not_measure(picture)
    animation.begun = animation.lacking = picture.has(b"IDAT")
    if chunk.length != SIZES[b"fcTL"]:
        return
    number, width, height, x, y, _, _, dispose, blend = struct.unpack(">IIIIIHHBB", chunk.take(26))
    yield from _judge_number(number, chunk, picture)
    if dispose >= DISPOSE_OPS or blend >= BLEND_OPS:
        yield _found(rules.APNG_OPERATION, chunk, f"dispose {dispose}, blend {blend}", "dispose 0 to 2, blend 0 or 1")
    header = picture.header
    if header is None:
        return
    whole = (width, height, x, y) == (header.width, header.height, 0, 0)
    inside = width > 0 and height > 0 and x + width <= header.width and y + height <= header.height
    # The frame that the default image is part of covers the canvas: PNG 11.3.6.2.
    if not inside or not (whole or animation.lacking):
        allowed = f"inside {header.width}x{header.height}" if animation.lacking else "the whole picture"
        yield _found(rules.APNG_FRAME, chunk, f"{width}x{height} at {x},{y}", allowed)
    elif animation.lacking and picture.measurable:
        open_pixels(chunk, picture, width, height)


def check_frame_data(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """fdAT: a number, then pixel data as in IDAT. PNG 11.3.6.3."""
    if chunk.length < 4:
        yield _found(rules.CHUNK_SIZE, chunk, f"{chunk.length} bytes", "at least 4 bytes")
        return
    yield from _judge_number(int.from_bytes(chunk.take(4), "big"), chunk, picture)
    if not picture.animation.begun:
        yield _found(rules.APNG_ORDER, chunk, "no fcTL before it", "fcTL after IDAT")
    picture.animation.lacking = False
    picture.fed = chunk
    if picture.pixels:
        for piece in chunk.pieces():
            yield from picture.pixels.feed(piece, chunk)


def finish_animation(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """At the end, `chunk`: has every frame come that was announced?"""
    animation = picture.animation
    if animation.lacking:
        yield _found(rules.APNG_ORDER, chunk, "a frame without fdAT", "fdAT after fcTL")
    if animation.declared is not None and animation.declared != animation.frames:
        yield _found(rules.APNG_FRAME_COUNT, chunk, f"{animation.frames} frames", animation.declared)


def _judge_turn(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    animation = picture.animation
    if animation.declared is None and animation.frames == 0:
        yield _found(rules.APNG_ORDER, chunk, "no acTL before it", "acTL before IDAT")
    if animation.lacking:
        yield _found(rules.APNG_ORDER, chunk, "a frame without fdAT", "fdAT after fcTL")
    if animation.frames and not picture.has(b"IDAT"):
        yield _found(rules.APNG_ORDER, chunk, "two fcTL before IDAT", "one")


def _judge_number(number: int, chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """fcTL and fdAT share one sequence. After a fault it goes on from what was found, so one fault is one finding."""
    expected = picture.animation.sequence
    picture.animation.sequence = number + 1
    if number != expected:
        yield _found(rules.APNG_SEQUENCE, chunk, number, expected)


def _do_not_measure(picture: Picture) -> None:
    picture.measurable = False
    picture.pixels = None
    picture.screening.not_covered("IDAT, fdAT", f"the animation has more than {MAX_FRAMES} frames")


def _found(rule: Rule, chunk: Chunk, seen: object, allowed: object) -> Finding:
    return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
