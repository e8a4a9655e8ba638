"""The frame header, the scan headers, and whether they go together. T.81 B.2.2, B.2.3, B.2.5, annex G."""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterator
from dataclasses import dataclass

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import jpeg_rules as rules
from lazaretto_validators.images.jpeg_structure import BLOCK, Component, Frame, Picture, Segment, name_of

__all__ = ["Scan", "check_frame", "check_lines", "check_scan", "finish_frame"]

MAX_PIXELS = 256_000_000
"""Phones take 200 megapixels (2022); threats BMB-05 asks for 100, which their owners would pass every day."""

MANY_PIXELS, MAX_SIDE = 100_000_000, 32_768  # threats BMB-05: beyond either, there must be data for the pixels
SPARSE = 32  # pixels to a byte: the emptiest page that a scanner delivers has some 30

MAX_SCANS = 100  # C-JPEG-04; encoders in use write eleven, those that search for the best some twenty
MAX_BLOCKS = 10  # in an MCU, B.2.3
MAX_COMPONENTS = 4  # in a scan, B.2.3; more in a frame no decoder takes

_DEPTHS = {0: range(8, 9), 1: range(8, 13, 4), 2: range(8, 13, 4), 3: range(2, 17)}
"""Bits in a sample, by the low bits of the marker. Table B.2."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan header that holds together.

    chosen: its components, each with its DC and AC table. first, last: the band of coefficients (Ss, Se); high, low:
    the bits of them that were known and that it adds (Ah, Al).
    """

    segment: Segment
    chosen: tuple[tuple[Component, int, int], ...]
    first: int
    last: int
    high: int
    low: int

    @property
    def components(self) -> tuple[Component, ...]:
        """The components alone."""
        return tuple(component for component, _, _ in self.chosen)


def check_frame(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """SOFn: depth, size, components. B.2.2."""
    if picture.framed:
        yield segment.found(rules.SECOND_FRAME, name_of(segment.marker), "one frame")
        return
    picture.framed = True
    body = segment.body
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        wanted = 6 + 3 * body[5] if len(body) > 5 else "6 and more"
        yield segment.found(rules.FRAME_LENGTH, f"{len(body)} bytes", wanted)
        return
    precision, height, width, _ = struct.unpack_from(">BHHB", body)
    rows = struct.iter_unpack("BBB", body[6:])
    components = tuple(Component(number, hv >> 4, hv & 15, table) for number, hv, table in rows)
    frame = Frame(segment.marker, precision, height, width, components)
    yield from _judge_kind(segment, frame)
    fault = _judge_components(segment, frame)
    if fault:
        yield fault
        return
    if len(components) == 2 or len({c.id for c in components}) < len(components):
        yield segment.found(rules.FRAME_UNUSUAL, f"components {[c.id for c in components]}", "1, 3 or 4 different ones")
    if width == 0:
        yield segment.found(rules.FRAME_SIZE, f"{width}x{height}", "1 to 65535")
    elif width * height > MAX_PIXELS:
        yield segment.found(rules.PIXEL_BOMB, f"{width}x{height}", f"{MAX_PIXELS} pixels")
    picture.frame = frame
    picture.bits = {c.id: [-1] * BLOCK for c in components}


def _judge_kind(segment: Segment, frame: Frame) -> Iterator[Finding]:
    kind = segment.marker & 15
    if kind in (5, 6, 7, 11, 13, 14, 15):
        yield segment.found(rules.HIERARCHICAL, name_of(segment.marker), "SOF0 to SOF3")
    elif kind in (9, 10):
        yield segment.found(rules.ARITHMETIC, name_of(segment.marker), "SOF0 to SOF3")
    depths = _DEPTHS[kind & 3]
    if frame.precision not in depths:
        yield segment.found(rules.FRAME_PRECISION, f"{frame.precision} bits", list(depths))


def _judge_components(segment: Segment, frame: Frame) -> Finding | None:
    count = len(frame.components)
    if not 1 <= count <= MAX_COMPONENTS:
        return segment.found(rules.FRAME_COMPONENTS, f"{count} components", "1, 3 or 4")
    for component in frame.components:
        if not (1 <= component.h <= 4 and 1 <= component.v <= 4 and component.table <= 3):
            return segment.found(rules.FRAME_COMPONENTS, tuple(component), "sampling 1 to 4, table 0 to 3")
    return None


def check_lines(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """DNL: the number of lines, behind the first scan of a frame that left it open. B.2.5."""
    frame = picture.frame
    if len(segment.body) != 2 or frame is None or frame.height or picture.scans != 1:
        yield segment.found(rules.STRAY_MARKER, "DNL", "behind the first scan of a frame of no height")
        return
    height = int.from_bytes(segment.body, "big")
    yield segment.found(rules.LATE_HEIGHT if height else rules.FRAME_SIZE, f"{height} lines", "in the frame header")
    picture.frame = Frame(frame.marker, frame.precision, height, frame.width, frame.components)
    if frame.width * height > MAX_PIXELS:
        yield segment.found(rules.PIXEL_BOMB, f"{frame.width}x{height}", f"{MAX_PIXELS} pixels")


def check_scan(segment: Segment, picture: Picture) -> Generator[Finding, None, Scan | None]:
    """SOS: components, tables, the part of the coefficients. B.2.3. Answers the scan, if it holds together."""
    picture.scans += 1
    picture.refused += 1
    if picture.scans == MAX_SCANS + 1:
        yield segment.found(rules.SCAN_BOMB, f"more than {MAX_SCANS} scans", MAX_SCANS)
    body = segment.body
    count = body[0] if body else 0
    if not 1 <= count <= MAX_COMPONENTS or len(body) != 4 + 2 * count:
        yield segment.found(rules.SCAN_LENGTH, f"{len(body)} bytes, {count} components", "4 and 2 for each of 1 to 4")
        return None
    frame = picture.frame
    if frame is None:
        if not picture.framed and picture.once(rules.NO_FRAME):  # a frame header that was refused has been told
            yield segment.found(rules.NO_FRAME, "SOS", "SOF before it")
        return None
    known = {component.id: component for component in frame.components}
    pairs = list(zip(body[1 : 1 + 2 * count : 2], body[2 : 2 + 2 * count : 2], strict=True))
    numbers = {number for number, _ in pairs}
    ambiguous = len(known) < len(frame.components)  # told as such: decoders then go by position
    tables = [value for pair in pairs for value in (pair[1] >> 4, pair[1] & 15)]
    if max(tables) > 3 or (not ambiguous and (len(numbers) < count or not known.keys() >= numbers)):
        yield segment.found(rules.SCAN_COMPONENTS, f"components {sorted(numbers)}, tables {tables}", sorted(known))
        return None
    if ambiguous:
        return None
    chosen = tuple((known[number], value >> 4, value & 15) for number, value in pairs)
    scan = Scan(segment, chosen, body[-3], body[-2], body[-1] >> 4, body[-1] & 15)
    if count > 1 and (units := sum(c.h * c.v for c in scan.components)) > MAX_BLOCKS:
        yield segment.found(rules.SCAN_UNITS, f"{units} blocks", f"{MAX_BLOCKS} blocks")
    yield from _judge_band(scan, frame)
    yield from _judge_tables(scan, frame, picture)
    yield from _judge_order(scan, frame, picture)
    picture.refused -= 1
    return scan


def _judge_band(scan: Scan, frame: Frame) -> Iterator[Finding]:
    """Ss, Se, Ah, Al. Table B.3, G.1.1.1.1; lossless: predictor and point transform."""
    band = (scan.first, scan.last, scan.high, scan.low)
    if frame.lossless:
        lawful, allowed = 1 <= scan.first <= 7 and scan.last == scan.high == 0, "predictor 1 to 7, 0, 0"
    elif frame.progressive:
        lawful = (scan.last == 0) if scan.first == 0 else (scan.first <= scan.last < BLOCK and len(scan.chosen) == 1)
        lawful = lawful and scan.low <= 13 and scan.high in (0, scan.low + 1)
        allowed = "DC or AC alone, one bit more"
    else:
        lawful, allowed = band == (0, BLOCK - 1, 0, 0), "0, 63, 0, 0"
    if not lawful:
        yield scan.segment.found(rules.SCAN_FIELDS, band, allowed)


def _judge_tables(scan: Scan, frame: Frame, picture: Picture) -> Iterator[Finding]:
    """Is every table there that the scan needs? B.2.2, B.2.3."""
    if not frame.lossless:
        missing = sorted({c.table for c in scan.components} - picture.quantization)
        if missing:
            yield scan.segment.found(rules.TABLE_MISSING, f"quantization {missing}", sorted(picture.quantization))
    if frame.arithmetic:
        return
    needed: set[tuple[int, int]] = set()
    for _, dc, ac in scan.chosen:
        if frame.lossless or (scan.first == 0 and scan.high == 0):
            needed.add((0, dc))
        if not frame.lossless and (scan.last > 0 or not frame.progressive):
            needed.add((1, ac))
    lacking = sorted(needed - picture.huffman.keys())
    # Frames of Motion JPEG bring none: their decoder has those of annex K.3, two of each class.
    if lacking and not picture.huffman and not frame.progressive and all(number < 2 for _, number in lacking):
        if picture.once(rules.DEFAULT_TABLES):
            yield scan.segment.found(rules.DEFAULT_TABLES, "no DHT", "tables before the scan")
    elif lacking:
        yield scan.segment.found(rules.TABLE_MISSING, f"Huffman {lacking}", sorted(picture.huffman))


def _judge_order(scan: Scan, frame: Frame, picture: Picture) -> Iterator[Finding]:
    """Each coefficient comes once, in progressive pictures bit by bit; DC comes before AC. G.1.1.1."""
    begin, end = (scan.first, min(scan.last, BLOCK - 1) + 1) if frame.progressive else (0, BLOCK)
    for component in scan.components:
        bits = picture.bits[component.id]
        before = set(bits[begin:end])
        expected = {scan.high} if frame.progressive and scan.high else {-1}
        early = begin > 0 and bits[0] < 0
        if (before - expected or early) and picture.once(rules.SCAN_ORDER):
            yield scan.segment.found(rules.SCAN_ORDER, f"component {component.id} after {sorted(before)}", expected)
        bits[begin:end] = [scan.low] * max(0, end - begin)


def finish_frame(picture: Picture, at: int) -> Iterator[Finding]:
    """The picture has ended: was everything there, and does it go together?"""
    frame = picture.frame
    if not picture.framed and picture.once(rules.NO_FRAME):
        yield rules.NO_FRAME.found(at=at, where="EOI", seen="the end", allowed="a frame before it")
    if frame is None:
        return
    if not picture.scans:
        yield rules.NO_SCAN.found(at=at, where="EOI", seen="no scan", allowed="a scan")
        return
    if frame.height == 0:
        yield rules.FRAME_SIZE.found(at=at, where="EOI", seen="no height, no DNL", allowed="1 to 65535 lines")
    lacking = sorted(number for number, bits in picture.bits.items() if bits[0] < 0)
    if lacking and not picture.refused and picture.once(rules.SCAN_ORDER):
        yield rules.SCAN_ORDER.found(at=at, where="EOI", seen=f"component {lacking} without a scan", allowed="one each")
    yield from _judge_size(picture, at)


def _judge_size(picture: Picture, at: int) -> Iterator[Finding]:
    """Many pixels need some data."""
    frame = picture.frame
    if frame is None or frame.width * frame.height > MAX_PIXELS:
        return
    pixels = frame.width * frame.height
    large = pixels > MANY_PIXELS or max(frame.width, frame.height) > MAX_SIDE
    if large and picture.entropy * SPARSE < pixels:
        seen = f"{frame.width}x{frame.height} in {picture.entropy} bytes"
        yield rules.PIXEL_BOMB.found(at=at, where="EOI", seen=seen, allowed=f"a byte for {SPARSE} pixels")
