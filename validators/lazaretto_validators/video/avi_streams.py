"""The headers of an AVI video: what is shown and heard. AVI RIFF File Reference (Microsoft), OpenDML 1.02.

hdrl = LIST "hdrl": avih, strl for each stream, [LIST "odml"], ...
strl = LIST "strl": strh strf [strd] [strn] [indx] [vprp]
avih = 56 bytes: ... streams:u32 at 24 ...
strh = 48 to 64 bytes: kind:4 (vids, auds, txts, mids, iavs) codec:4 ...
strf = BITMAPINFOHEADER and palette | WAVEFORMATEX | what the codec defines
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from lazaretto_validators.audio.wave_format import LONGEST, judge_format
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.riff import Chunk, Container
from lazaretto_validators.video import avi_rules as rules
from lazaretto_validators.video.avi_index import check_index

__all__ = ["Streams", "check_headers"]

MAX_SIDE = 32_768  # threats MP4-16
MAX_PIXELS = 100_000_000  # threats BMB-05

_MAIN = 40  # bytes of AVIMAINHEADER without the reserved ones at its end, which old programs leave out
_STREAM = 48  # bytes of AVISTREAMHEADER without its rectangle, which old programs leave out
_BITMAP = 40  # BITMAPINFOHEADER
_DEPTHS = frozenset({0, 1, 2, 4, 8, 9, 10, 12, 15, 16, 18, 20, 24, 30, 32, 33, 34, 36, 40, 48, 64})
_UNCOMPRESSED = frozenset({b"\0\0\0\0", b"\1\0\0\0", b"\2\0\0\0", b"\3\0\0\0", b"DIB ", b"RGB ", b"RAW "})


class _Frame(NamedTuple):
    """What the format says of a picture. bits: of a pixel."""

    width: int
    height: int
    bits: int
    codec: bytes


@dataclass(slots=True)
class Streams:
    """What the headers said. declared: streams according to avih, None before it came. count: strl lists met."""

    declared: int | None = None
    count: int = 0


def check_headers(chunk: Chunk, container: Container, streams: Streams) -> Iterator[Finding]:
    """LIST hdrl, its type already read: the main header first, then the streams."""
    first = True
    for part in _parts(chunk, container):
        if first and part.kind != b"avih":
            yield _found(rules.HEADER, part, part.kind, "avih")
        first = False
        if part.kind == b"avih":
            yield from _check_main(part, container, streams)
        elif part.kind == b"LIST":
            yield from _check_list(part, container, streams)
        elif part.kind != b"vprp":
            yield from container.scan(part, junk=part.kind in (b"JUNK", b"junk"))
        yield from _close(part, chunk, container)
    if streams.declared is None:
        yield _found(rules.HEADER, chunk, "no avih", "one")
    elif streams.declared != streams.count:
        yield _found(rules.STREAM_COUNT, chunk, streams.declared, streams.count)


def _parts(chunk: Chunk, container: Container) -> Iterator[Chunk]:
    """The chunks in a list, until one does not fit into it; who takes them closes them."""
    while (part := container.next(chunk.end, f"{chunk.where}/")) is not None:
        yield part
        if _is_outside(part, chunk):
            return


def _is_outside(part: Chunk, chunk: Chunk) -> bool:
    return not part.named or part.end > chunk.end + 1  # the pad byte is not always counted


def _close(part: Chunk, chunk: Chunk, container: Container) -> Iterator[Finding]:
    if _is_outside(part, chunk):
        seen = f"its end at {part.end}" if part.named else part.kind
        yield _found(rules.LIST_BOUNDS, part, seen, f"{chunk.end} at most")
        return
    yield from container.leave(part)


def _check_main(part: Chunk, container: Container, streams: Streams) -> Iterator[Finding]:
    """avih."""
    if part.length < _MAIN:
        yield _found(rules.HEADER, part, f"{part.length} bytes", f"{_MAIN} at least")
        streams.declared = 0
        return
    streams.declared = container.u32(part.take(container.source, _MAIN), 24)


def _check_list(part: Chunk, container: Container, streams: Streams) -> Iterator[Finding]:
    """LIST strl, one for each stream; other lists are free."""
    kind = container.source.peek(min(4, part.length))
    container.source.skip(len(kind))
    is_stream = kind == b"strl"
    streams.count += is_stream
    head = b""
    formats = 0
    for inner in _parts(part, container):
        if inner.kind == b"strh" and is_stream:
            head = inner.take(container.source, _STREAM)
            if len(head) < _STREAM:
                yield _found(rules.STREAM, inner, f"{inner.length} bytes", f"{_STREAM} at least")
        elif inner.kind == b"strf" and is_stream:
            formats += bool(head)
            yield from _check_format(inner, container, head[:4])
        elif inner.kind == b"indx":
            yield from check_index(inner, container)
        elif inner.kind not in (b"vprp", b"dmlh"):
            yield from container.scan(inner, text=inner.kind == b"strn", junk=inner.kind in (b"JUNK", b"junk"))
        yield from _close(inner, part, container)
    if is_stream and not (head and formats == 1):
        yield _found(rules.STREAM, part, f"{int(bool(head))} headers, {formats} formats", "one each, in this order")


def _check_format(part: Chunk, container: Container, kind: bytes) -> Iterator[Finding]:
    """strf, by the kind of stream that strh named."""
    if kind == b"auds":
        for fault in judge_format(part.take(container.source, LONGEST)):
            yield _found(rules.SOUND[fault.rule], part, fault.seen, fault.allowed)
    if kind != b"vids":
        return
    data = part.take(container.source, _BITMAP)
    size = container.u32(data)
    if part.length < _BITMAP or not _BITMAP <= size <= part.length:
        yield _found(rules.BITMAP, part, f"{size} in {part.length} bytes", f"{_BITMAP} to {part.length}")
    if len(data) < _BITMAP:
        return
    width, height = (int.from_bytes(data[at : at + 4], "little", signed=True) for at in (4, 8))
    frame = _Frame(width, abs(height), container.u16(data, 14), data[16:20])  # negative: rows from the top
    yield from _judge_frame(frame, part)
    colours = container.u32(data, 32)
    room = (part.length - _BITMAP) // 4
    # A codec with more than 8 bits has no palette, and some leave the number at random.
    if frame.bits <= 8 and frame.codec in _UNCOMPRESSED and (colours > 1 << frame.bits or colours > room):
        yield _found(rules.PALETTE, part, f"{colours} colours", f"{min(room, 1 << frame.bits)}")


def _judge_frame(frame: _Frame, part: Chunk) -> Iterator[Finding]:
    width, height, bits, codec = frame
    size = f"{width}x{height}, {bits} bits"
    if width <= 0 or height == 0 or (bits not in _DEPTHS and codec in _UNCOMPRESSED):
        yield _found(rules.DIMENSIONS, part, size, "more than 0 each")
    elif max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        yield _found(rules.PIXEL_BOMB, part, size, f"{MAX_SIDE} on a side, {MAX_PIXELS} pixels")


def _found(rule: Rule, chunk: Chunk, seen: object, allowed: object = "") -> Finding:
    return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
