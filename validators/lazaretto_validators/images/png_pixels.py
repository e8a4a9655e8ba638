"""The pixel data of a PNG picture or APNG frame: inflated in bounded pieces, measured, and forgotten.

A zlib stream whose output is, for each pass, `rows` times (filter byte, packed pixels). Checked: the zlib header, that
the deflate stream is sound, its exact size, the filter byte of every row, the Adler-32, and that nothing follows.

The stream is inflated raw, with the largest window, and header and checksum are read here: encoders that declare a
smaller window than they use are common and harmless, and zlib itself would refuse them.
Never more than the expected size and one piece comes out of it, whatever it holds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import png_rules as rules
from lazaretto_validators.images.png_structure import Chunk, Picture
from lazaretto_validators.source import PIECE

__all__ = ["PixelData"]

_FILTERS = bytes(range(5))  # None, Sub, Up, Average, Paeth: PNG 9.2
_PRESET_DICTIONARY = 0x20
_AT_ONCE = 4 * PIECE  # what comes out of several small chunks together: usually two or three times their size


class PixelData:
    """The stream of one picture or frame, fed with its chunks' data in order.

    most: bytes that come out of it at most.
    """

    def __init__(self, picture: Picture, width: int, height: int) -> None:
        """Width and height in pixels. Raises ValueError where the picture's header is not known yet."""
        if picture.header is None:
            raise ValueError("pixel data cannot be measured without an image header")
        self._picture = picture
        self._passes = picture.header.passes(width, height)
        self._expected = sum(stride * rows for stride, rows in self._passes)
        self.most = self._expected + PIECE
        self._pass = 0
        self._in_pass = 0
        self._total = 0
        self._fed = 0
        self._surplus = b""
        self._filter_reported = False
        self._inflate = zlib.decompressobj(-15)
        self._adler = 1
        self._head = b"\x78\x9c" if picture.apple else b""  # CgBI has neither zlib header nor checksum
        self._checksum = b""
        self._checksum_size = 0 if picture.apple else 4
        self._trailing = 0
        self._trailing_zeros = True
        self._stopped = False

    def feed(self, data: bytes | memoryview, chunk: Chunk) -> Iterator[Finding]:
        """The next of its bytes, found in `chunk`."""
        if len(self._head) < 2 and not self._stopped:
            missing = 2 - len(self._head)
            self._head += data[:missing]
            data = data[missing:]
            if len(self._head) == 2:
                yield from self._judge_head(chunk)
        self._fed += len(data)
        while not self._stopped:
            if self._inflate.eof:
                self._keep_after(data)
                return
            room = min(PIECE, self.most - self._total)
            try:
                out = self._inflate.decompress(data, room)
            except zlib.error as error:
                self._stopped = True
                yield self._found(rules.IDAT_DEFLATE, chunk, seen=error)
                return
            wrong = "" if self._filter_reported else self._wrong_filter(out)
            self._count(out)
            if wrong:
                self._filter_reported = True
                yield self._found(rules.FILTER_BYTE, chunk, seen=wrong, allowed="0 to 4")
            data = self._inflate.unused_data or self._inflate.unconsumed_tail
            self._stopped = self._total >= self.most
            # All input taken, but output that did not fit may still be held back: ask again until there is room left.
            if not data and len(out) < room:
                return

    def feed_sound(self, parts: Sequence[memoryview]) -> bool:
        """The data of several chunks in one go, if nothing is wrong with it. False: it is as if it had not been fed.

        Which of the chunks is at fault then shows when they are fed one by one. Keeping the state to go back to
        (40 KiB, copied) costs less than two small chunks do.
        """
        size = sum(map(len, parts))
        dense = self._total * size > _AT_ONCE * self._fed  # going by what came before, it would not fit
        if self._stopped or self._inflate.eof or len(self._head) < 2 or dense:
            return False
        inflate, room = self._inflate.copy(), min(_AT_ONCE, self.most - self._total)
        try:
            out = inflate.decompress(b"".join(parts), room)
        except zlib.error:
            return False
        if inflate.eof or len(out) == room or (not self._filter_reported and self._wrong_filter(out)):
            return False
        self._inflate = inflate
        self._fed += size
        self._count(out)
        return True

    def finish(self, at: Chunk) -> Iterator[Finding]:
        """No more data comes; `at` is the last chunk that had some."""
        if self._total < self._expected:
            if not self._stopped:
                yield self._found(rules.IDAT_SHORTAGE, at, seen=self._total, allowed=self._expected)
            return
        if self._total > self._expected:
            # One row of zeros too many is a habit of encoders; anything else was put there.
            padding = len(self._surplus) <= self._passes[-1][0] and not self._surplus.strip(b"\0")
            rule = rules.IDAT_PADDING if padding else rules.IDAT_SURPLUS
            more = "at least " if self._stopped else ""
            yield self._found(rule, at, seen=f"{more}{self._total}", allowed=self._expected)
        if not self._stopped:
            yield from self._judge_end(at)

    def _judge_head(self, chunk: Chunk) -> Iterator[Finding]:
        """CM must be 8, CINFO at most 7, FDICT clear, FCHECK right. RFC 1950 2.2, PNG 10.1."""
        method, flags = self._head
        right = method & 15 == 8 and method >> 4 <= 7 and not flags & _PRESET_DICTIONARY
        if not right or (method << 8 | flags) % 31:
            self._stopped = True
            yield self._found(rules.ZLIB_HEADER, chunk, seen=self._head.hex(), allowed="78 and a valid check")

    def _judge_end(self, at: Chunk) -> Iterator[Finding]:
        """The Adler-32 behind the deflate stream, and nothing behind that."""
        if not self._inflate.eof or len(self._checksum) < self._checksum_size:
            yield self._found(
                rules.IDAT_OPEN_END, at, seen=f"{len(self._checksum)} bytes", allowed=f"{self._checksum_size} bytes"
            )
            return
        if self._checksum_size and self._checksum != self._adler.to_bytes(4, "big"):
            yield self._found(rules.IDAT_ADLER, at, seen=self._checksum.hex(), allowed=f"{self._adler:08x}")
        if self._trailing:
            rule = rules.IDAT_PADDING if self._trailing_zeros else rules.IDAT_TRAILING
            yield self._found(rule, at, seen=f"{self._trailing} bytes", allowed="none")

    def _count(self, out: bytes) -> None:
        """Charge and measure what came out."""
        self._picture.expand(len(out))
        self._total += len(out)
        if not self._picture.apple:
            self._adler = zlib.adler32(out, self._adler)
        rest = len(out)
        while rest and self._pass < len(self._passes):
            stride, rows = self._passes[self._pass]
            taken = min(rest, stride * rows - self._in_pass)
            self._in_pass += taken
            rest -= taken
            if self._in_pass == stride * rows:
                self._pass += 1
                self._in_pass = 0
        if rest:
            self._surplus += out[-rest:]

    def _wrong_filter(self, out: bytes) -> str:
        """The first row in the bytes that come next whose filter is none that exists; empty if there is none."""
        start, done = 0, self._in_pass
        for stride, rows in self._passes[self._pass :]:
            end = min(len(out), start + stride * rows - done)
            filters = out[start + -done % stride : end : stride]
            if wrong := filters.translate(None, _FILTERS):
                return f"{wrong[0]} in row {-(-done // stride) + filters.index(wrong[:1])}"
            start, done = end, 0
            if start == len(out):
                break
        return ""

    def _keep_after(self, data: bytes | memoryview) -> None:
        """What stands behind the deflate stream: four bytes of checksum, then nothing."""
        missing = self._checksum_size - len(self._checksum)
        self._checksum += data[:missing]
        rest = bytes(data[missing:])
        self._trailing += len(rest)
        self._trailing_zeros = self._trailing_zeros and not rest.strip(b"\0")

    def _found(self, rule: Rule, chunk: Chunk, seen: object, allowed: object = "") -> Finding:
        return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
