"""Bits and prefix codes of WebP's lossless format. RFC 9649 section 3.7.2.

    code    = 1 two:1 is-wide:1 symbol:(1|8) [symbol:8]                      simple: one or two symbols
            | 0 count-4:4 length:3{count} (0 | 1 n:3 limit-2:(2+2n)) length* normal: canonical, by code lengths
    length  = 0..15 | 16 repeat-3:2 | 17 zeros-3:3 | 18 zeros-11:7           each by the code of code lengths

Bits are taken from the lowest of each byte. A canonical code must be complete: the shares of the code space that its
lengths take, 2^-length each, sum up to 1, or it has one symbol only. Decoders size their tables for complete codes:
an incomplete one made libwebp write past the end of its own (CVE-2023-4863).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lazaretto_validators.finding import Rule
from lazaretto_validators.images import webp_rules as rules
from lazaretto_validators.source import Source

__all__ = ["ROOT", "Allowance", "Bits", "Broken", "Code", "Enough", "Tables", "read_code"]

ROOT = 255
"""The lowest eight bits: most codes are no longer, and are looked up at once."""

_LONGEST_CODE = 8192  # bytes that a code takes at most: 2328 symbols, seven bits and seven more each, is half of that
_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)  # of code length codes, RFC 9649 3.7.2.1.2
_MAX_LENGTH = 15  # bits
_FIRST_BEFORE = 8  # the length that a repetition at the very beginning repeats
_PER_BYTE = 1  # bytes that have arrived for one symbol more of allowance
_PER_GROUP = 64  # and for one group of codes more; libwebp writes 2600 into one picture at most
_PER_BLOCK = 32  # and for one macroblock more, which takes some twenty times as long


class Broken(Exception):
    """The bit stream breaks a rule; what follows cannot be read."""

    def __init__(self, rule: Rule, seen: object, allowed: object) -> None:
        super().__init__(rule.id)
        self.rule = rule
        self.seen = seen
        self.allowed = allowed


class Enough(Exception):
    """The allowance is used up: nothing is wrong, but the rest is not looked at."""


@dataclass(slots=True)
class Allowance:
    """What one file may still have decoded. Grows with what has arrived, never by a declared size.

    codes: symbols in the small images that lead to prefix codes. groups: of five prefix codes. pixels: symbols in the
    picture itself, which do not grow: following them takes half a second for each MiB. blocks: macroblocks of lossy
    pictures.
    """

    codes: int = 1 << 16
    groups: int = 1 << 13
    pixels: int = 1 << 17
    blocks: int = 1 << 12

    def grow(self, count: int) -> None:
        """`count` bytes of a bit stream have arrived."""
        self.codes += count // _PER_BYTE
        self.groups += count // _PER_GROUP
        self.blocks += count // _PER_BLOCK


class Bits:
    """A bit stream over a source, from its cursor to its end. at: the next bit of `data`; limit: bits in `data`."""

    __slots__ = ("_allowance", "_dropped", "_ended", "_pieces", "at", "data", "limit")

    def __init__(self, source: Source, allowance: Allowance) -> None:
        self._pieces = source.pieces()
        self._allowance = allowance
        self._ended = False
        self._dropped = 0
        self.data = b""
        self.at = self.limit = 0

    def want(self, count: int) -> None:
        """Make sure that `count` more bytes are in `data`, or all that are left."""
        while not self._ended and len(self.data) - (self.at >> 3) < count:
            piece = next(self._pieces, b"")
            self._ended = not piece
            self._allowance.grow(len(piece))
            used = self.at >> 3
            self._dropped += used
            self.at &= 7
            self.data = self.data[used:] + piece
            self.limit = 8 * len(self.data)

    def read(self, count: int) -> int:
        """The next `count` bits, at most 24, as a number."""
        at, self.at = self.at, self.at + count
        if self.at > self.limit:
            self.at = at
            self.want(8)
            at, self.at = self.at, self.at + count
            self.check()
        begin = at >> 3
        return (int.from_bytes(self.data[begin : begin + 4], "little") >> (at & 7)) & ((1 << count) - 1)

    def check(self) -> None:
        """Raise Broken if bits were taken that are not there."""
        if self._ended and self.at > self.limit:
            raise Broken(rules.LOSSLESS_SHORT, f"{self._dropped + len(self.data)} bytes", "more of them")

    @property
    def left(self) -> int:
        """Whole bytes behind the cursor, all of them walked over."""
        count = len(self.data) - ((self.at + 7) >> 3)
        return count + sum(len(piece) for piece in self._pieces)


@dataclass(slots=True)
class Tables:
    """A code made ready for decoding. An entry is a symbol, shifted by four, and the bits that it takes.

    short: by the next eight bits; -1 where the code is longer. long: by the code's bits with a one in front.
    """

    short: list[int]
    long: dict[int, int]

    def find(self, window: int) -> int:
        """The entry of a code longer than eight bits. `window`: the next bits, 15 at least."""
        for length in range(9, _MAX_LENGTH + 1):
            entry = self.long.get(window & ((1 << length) - 1) | 1 << length)
            if entry is not None:
                return entry
        raise AssertionError("a complete code has every word")  # pragma: no cover - read_code lets no other pass


@dataclass(slots=True)
class Code:
    """A prefix code by the lengths of its symbols. single: its only symbol, which takes no bits."""

    lengths: bytes
    single: int | None
    _tables: Tables | None = None

    @property
    def tables(self) -> Tables:
        """Made when they are needed: most codes of a large picture never are."""
        if self._tables is None:
            if self.single is not None:
                self._tables = Tables([self.single << 4] * (ROOT + 1), {})
            else:
                self._tables = _tables(self.lengths)
        return self._tables


def _symbols(lengths: bytes) -> Iterator[tuple[int, int]]:
    """Length and symbol in canonical order: RFC 1951 3.2.2."""
    for length in range(1, _MAX_LENGTH + 1):
        symbol = lengths.find(length)
        while symbol >= 0:
            yield length, symbol
            symbol = lengths.find(length, symbol + 1)


def _tables(lengths: bytes) -> Tables:
    tables = Tables([-1] * (ROOT + 1), {})
    word = before = 0
    for length, symbol in _symbols(lengths):
        word <<= length - before
        before = length
        reversed_word = int(f"{word:0{length}b}"[::-1], 2)
        entry = symbol << 4 | length
        if length <= 8:
            tables.short[reversed_word :: 1 << length] = [entry] * ((ROOT + 1) >> length)
        else:
            tables.long[reversed_word | 1 << length] = entry
        word += 1
    return tables


def _complete(lengths: bytes, where: str) -> Code:
    """The code of these lengths. Raises Broken where it is none: RFC 9649 3.7.2.1, CVE-2023-4863."""
    counts = [lengths.count(length) for length in range(1, _MAX_LENGTH + 1)]
    used = sum(counts)
    if used == 1:
        return Code(lengths, next(_symbols(lengths))[1])
    share = sum(count << (_MAX_LENGTH - length) for length, count in enumerate(counts, 1))
    if share != 1 << _MAX_LENGTH:
        raise Broken(rules.PREFIX_CODE, f"{where}: {used} symbols take {share} of 32768", "32768, or one symbol")
    return Code(lengths, None)


def read_code(bits: Bits, alphabet: int) -> Code:
    """One prefix code over so many symbols. RFC 9649 3.7.2.1. Raises Broken."""
    bits.want(_LONGEST_CODE)
    lengths = bytearray(alphabet)
    if bits.read(1):
        two = bits.read(1)
        symbols = [bits.read(8 if bits.read(1) else 1)]
        if two:
            symbols.append(bits.read(8))
        if max(symbols) >= alphabet:
            raise Broken(rules.PREFIX_SYMBOL, f"symbol {max(symbols)}", f"below {alphabet}")
        for symbol in symbols:
            lengths[symbol] = 1
        return _complete(bytes(lengths), "simple code")
    of_lengths = bytearray(19)
    for place in _ORDER[: bits.read(4) + 4]:
        of_lengths[place] = bits.read(3)
    code = _complete(bytes(of_lengths), "code lengths")
    limit = alphabet
    if bits.read(1):
        limit = 2 + bits.read(2 + 2 * bits.read(3))
        if limit > alphabet:
            raise Broken(rules.PREFIX_SYMBOL, f"{limit} code lengths", f"{alphabet}")
    _read_lengths(bits, code.tables.short, lengths, limit)
    return _complete(bytes(lengths), f"code of {alphabet}")


def _read_lengths(bits: Bits, table: list[int], lengths: bytearray, limit: int) -> None:
    """Code lengths by their own code, at most `limit` of its words. Raises Broken."""
    place, before, alphabet = 0, _FIRST_BEFORE, len(lengths)
    for _ in range(limit):
        if place >= alphabet:
            break
        begin = bits.at >> 3
        window = int.from_bytes(bits.data[begin : begin + 4], "little") >> (bits.at & 7)
        entry = table[window & ROOT]
        symbol, used = entry >> 4, entry & 15
        bits.at += used
        if symbol < 16:
            lengths[place] = symbol
            before = symbol or before
            place += 1
            continue
        extra, least = ((2, 3), (3, 3), (7, 11))[symbol - 16]
        count = least + bits.read(extra)
        if place + count > alphabet:
            bits.check()
            raise Broken(rules.PREFIX_SYMBOL, f"{place + count} code lengths", f"{alphabet}")
        if symbol == 16:
            lengths[place : place + count] = bytes([before]) * count
        place += count
    bits.check()
