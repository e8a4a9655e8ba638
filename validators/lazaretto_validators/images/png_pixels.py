"""The pixel data of a PNG picture or APNG frame: inflated in bounded pieces, measured, and forgotten.

A zlib stream whose output is, for each pass, `rows` times (filter byte, packed pixels). Checked: the zlib header, that
the deflate stream is sound, its exact size, the filter byte of every row, the Adler-32, and that nothing follows.

The stream is inflated raw, with the largest window, and header and checksum are read here: encoders that declare a
smaller window than they use are common and harmless, and zlib itself would refuse them.
Never more than the expected size and one piece comes out of it, whatever it holds.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import png_rules as rules
from lazaretto_validators.images.png_structure import Chunk, Picture
from lazaretto_validators.source import PIECE

__all__ = ["PixelData"]

_FILTERS = bytes(range(5))  # None, Sub, Up, Average, Paeth: PNG 9.2
_PRESET_DICTIONARY = 0x20


class PixelData:
    """The stream of one picture or frame, fed with its chunks' data in order."""

    def __init__(self, picture: Picture, width: int, height: int) -> None:
        """Width and height in pixels. Raises ValueError where the picture's header is not known yet."""
        if picture.header is None:
            raise ValueError("pixel data cannot be measured without an image header")
        self._picture = picture
        self._passes = picture.header.passes(width, height)
        self._expected = sum(stride * rows for stride, rows in self._passes)
        self._pass = 0
        self._in_pass = 0
        self._total = 0
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

    @property
    def most(self) -> int:
        """Bytes that come out of the stream at most."""
        return self._expected + PIECE

    def feed(self, data: bytes, chunk: Chunk) -> Iterator[Finding]:
        """The next of its bytes, found in `chunk`."""
        if len(self._head) < 2 and not self._stopped:
            missing = 2 - len(self._head)
            self._head += data[:missing]
            data = data[missing:]
            if len(self._head) == 2:
                yield from self._judge_head(chunk)
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
            yield from self._count(out, chunk)
            data = self._inflate.unused_data or self._inflate.unconsumed_tail
            self._stopped = self._total >= self.most
            # All input taken, but output that did not fit may still be held back: ask again until there is room left.
            if not data and len(out) < room:
                return

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

    def _count(self, out: bytes, chunk: Chunk) -> Iterator[Finding]:
        self._picture.expand(len(out))
        self._total += len(out)
        if not self._picture.apple:
            self._adler = zlib.adler32(out, self._adler)
        start = 0
        while start < len(out) and self._pass < len(self._passes):
            stride, rows = self._passes[self._pass]
            end = min(len(out), start + stride * rows - self._in_pass)
            filters = out[start + -self._in_pass % stride : end : stride]
            if not self._filter_reported and (wrong := filters.translate(None, _FILTERS)):
                self._filter_reported = True
                row = -(-self._in_pass // stride) + filters.index(wrong[:1])
                yield self._found(rules.FILTER_BYTE, chunk, seen=f"{wrong[0]} in row {row}", allowed="0 to 4")
            self._in_pass += end - start
            start = end
            if self._in_pass == stride * rows:
                self._pass += 1
                self._in_pass = 0
        self._surplus += out[start:]

    def _keep_after(self, data: bytes) -> None:
        """What stands behind the deflate stream: four bytes of checksum, then nothing."""
        missing = self._checksum_size - len(self._checksum)
        self._checksum += data[:missing]
        rest = data[missing:]
        self._trailing += len(rest)
        self._trailing_zeros = self._trailing_zeros and not rest.strip(b"\0")

    def _found(self, rule: Rule, chunk: Chunk, seen: object, allowed: object = "") -> Finding:
        return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
