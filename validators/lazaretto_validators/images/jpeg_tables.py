"""The tables of a JPEG picture, to their last byte: DQT, DHT, DAC, DRI. T.81 B.2.4."""

from __future__ import annotations

from collections.abc import Iterator

from lazaretto_validators.finding import Finding
from lazaretto_validators.images import jpeg_rules as rules
from lazaretto_validators.images.jpeg_structure import BLOCK, Huffman, Picture, Segment

__all__ = ["check_conditioning", "check_huffman", "check_quantization", "check_restart"]

MAX_CODES = 256  # B.2.4.2: symbols are bytes
TABLE = 4  # operations charged for one: a picture has four, or ten
LONGEST = 16  # bits of a code, B.2.4.2
MOST_BITS = 16  # of a difference: H.1.2.2; F.1.2.1 has 11, or 15 where samples have twelve bits


def check_quantization(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """DQT: tables of 64 steps, of one or two bytes each. B.2.4.1."""
    body, at = segment.body, 0
    while at < len(body):
        precision, number = body[at] >> 4, body[at] & 15
        if precision > 1 or number > 3:
            yield segment.found(rules.QUANTIZATION_TABLE, f"table {number}, precision {precision}", "0 to 3, 0 or 1")
            return
        steps = body[at + 1 : at + 1 + BLOCK * (precision + 1)]
        if len(steps) < BLOCK * (precision + 1):
            break
        if _has_zero(steps, precision + 1) and picture.once(rules.QUANTIZATION_ZERO):
            yield segment.found(rules.QUANTIZATION_ZERO, f"table {number}", "1 or more")
        picture.quantization.add(number)
        at += 1 + len(steps)
    if at != len(body) or not body:
        yield segment.found(rules.QUANTIZATION_LENGTH, f"{len(body) - at} bytes left of {len(body)}", "none")


def _has_zero(steps: bytes, width: int) -> bool:
    return 0 in steps if width == 1 else (0, 0) in zip(steps[::2], steps[1::2], strict=True)


def check_huffman(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """DHT: for each table 16 counts of codes by length, and the symbols. B.2.4.2, annex C."""
    body, at = segment.body, 0
    while at < len(body):
        kind, number = body[at] >> 4, body[at] & 15
        if kind > 1 or number > 3:
            yield segment.found(rules.HUFFMAN_TABLE, f"class {kind}, table {number}", "class 0 or 1, table 0 to 3")
            return
        picture.screening.spend(TABLE)
        counts = body[at + 1 : at + 1 + LONGEST]
        total, room = sum(counts), len(body) - at - 1 - LONGEST
        if total > MAX_CODES or total > room:
            yield segment.found(rules.HUFFMAN_OVERFLOW, f"{total} codes", f"{MAX_CODES}, {max(0, room)} bytes left")
            return
        begin = at + 1 + LONGEST
        symbols = body[begin : begin + total]
        yield from _judge_codes(segment, picture, counts, f"class {kind}, table {number}")
        if kind == 0 and any(symbol > MOST_BITS for symbol in symbols):
            yield segment.found(rules.HUFFMAN_SYMBOL, f"{max(symbols)} bits", f"at most {MOST_BITS}")
        picture.huffman[kind, number] = _costs(kind, counts, symbols)
        at = begin + total
    if not body:
        yield segment.found(rules.HUFFMAN_OVERFLOW, "0 bytes", "17 and more")


def _judge_codes(segment: Segment, picture: Picture, counts: bytes, table: str) -> Iterator[Finding]:
    """Codes are counted up and doubled from length to length; none is all ones. Annex C.2, figure C.2."""
    code = 0
    for length, count in enumerate(counts, 1):
        code += count
        if code > 1 << length:
            yield segment.found(rules.HUFFMAN_CODE, f"{table}: {code} codes of {length} bits", 1 << length)
            return
        if count and code == 1 << length and picture.once(rules.HUFFMAN_ALL_ONES):
            yield segment.found(rules.HUFFMAN_ALL_ONES, f"{table}: {length} bits", "one code left free")
        code <<= 1


def _costs(kind: int, counts: bytes, symbols: bytes) -> Huffman:
    """Bits that a symbol takes with what follows it: its low four bits say how many (a DC symbol is small anyway)."""
    costs, shortest, at = [], LONGEST, 0
    for length, count in enumerate(counts, 1):
        if count:
            shortest = min(shortest, length)
        costs += [length + (symbol if kind == 0 else symbol & 15) for symbol in symbols[at : at + count]]
        at += count
    return Huffman(min(costs, default=0), max(costs, default=0), shortest if costs else 0)


def check_conditioning(segment: Segment, picture: Picture) -> Iterator[Finding]:  # noqa: ARG001 - as the others
    """DAC: pairs of a table and a value. B.2.4.3, table B.6."""
    body = segment.body
    if len(body) % 2 or not body:
        yield segment.found(rules.CONDITIONING, f"{len(body)} bytes", "pairs")
    for table, value in zip(body[::2], body[1::2], strict=False):
        kind, number = table >> 4, table & 15
        lawful = 1 <= value <= 63 if kind else value & 15 <= value >> 4
        if kind > 1 or number > 3 or not lawful:
            yield segment.found(rules.CONDITIONING, f"class {kind}, table {number}, value {value}", "table B.6")
            return


def check_restart(segment: Segment, picture: Picture) -> Iterator[Finding]:
    """DRI: MCUs between two restart marks. B.2.4.4."""
    if len(segment.body) != 2:
        yield segment.found(rules.RESTART_LENGTH, f"{len(segment.body)} bytes", "2 bytes")
        return
    picture.interval = int.from_bytes(segment.body, "big")
