"""The bytes of one ZIP member, or of one zlib stream, unpacked lazily and counted: deflate, bzip2 and LZMA from the
standard library.

Nothing is unpacked that nobody pulls, and what is unpacked is charged before it is handed on. Broken data ends the
stream and leaves a note; it never raises into the validator that happens to be reading.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator

from lazaretto_validators.source import PIECE, Source

__all__ = ["STORED", "UNPACKED", "Expansion", "Inflated", "unpack_head"]

STORED = 0
DEFLATED = 8
BZIP2 = 12
LZMA = 14

UNPACKED = frozenset({STORED, DEFLATED, BZIP2, LZMA})
"""Methods that we can read."""

_MAX_DICTIONARY = 64 << 20  # LZMA decoders allocate the declared dictionary at once
_BROKEN = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


class _Inflater:
    """zlib's interface as bz2 and lzma have it: input is kept inside, output comes in bounded pieces."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(-zlib.MAX_WBITS)
        self._full = False

    def decompress(self, data: bytes, max_length: int) -> bytes:
        piece = self._stream.decompress(self._stream.unconsumed_tail + data, max_length)
        self._full = len(piece) == max_length
        return piece

    @property
    def eof(self) -> bool:
        return self._stream.eof

    @property
    def needs_input(self) -> bool:
        # All input may be taken in while output still waits inside zlib: a full piece says so.
        return not self._full and not self._stream.unconsumed_tail


_Decoder = _Inflater | bz2.BZ2Decompressor | lzma.LZMADecompressor


def _lzma_decoder(packed: Source) -> lzma.LZMADecompressor:
    """A decoder for what follows the properties: APPNOTE 5.8.8. Raises ValueError."""
    head = packed.peek(9)
    if len(head) < 9 or head[2:4] != b"\x05\x00":
        raise ValueError("LZMA properties are not 5 bytes long")
    packed.skip(9)
    position_bits, rest = divmod(head[4], 45)
    literal_position_bits, literal_context_bits = divmod(rest, 9)
    dictionary = int.from_bytes(head[5:9], "little")
    if dictionary > _MAX_DICTIONARY:
        raise ValueError(f"LZMA dictionary of {dictionary} bytes, at most {_MAX_DICTIONARY} are granted")
    return lzma.LZMADecompressor(
        lzma.FORMAT_RAW,
        filters=[
            {
                "id": lzma.FILTER_LZMA1,
                "dict_size": max(4096, dictionary),
                "lc": literal_context_bits,
                "lp": literal_position_bits,
                "pb": position_bits,
            }
        ],
    )


def _decoder(method: int, packed: Source) -> _Decoder:
    if method == BZIP2:
        return bz2.BZ2Decompressor()
    if method == LZMA:
        return _lzma_decoder(packed)
    return _Inflater()


class Expansion:
    """One member on its way out.

    size, crc: of what came out so far. fault: why the data is broken, if it is. bomb: it grew beyond the ratio.
    over: it grew beyond what one member is granted. drain() brings it to its end.
    """

    def __init__(
        self,
        packed: Source,
        method: int,
        *,
        charge: Callable[[int], None],
        ratio: int,
        floor: int,
        most: int,
        piece: int = PIECE,
    ) -> None:
        self._packed = packed
        self._method = method
        self._charge = charge
        self._ratio = ratio
        self._floor = floor
        self._most = most
        self._piece = piece
        self._consumed = 0
        self._pieces = self._unpack()
        self.size = 0
        self.crc = 0
        self.fault = ""
        self.bomb = False
        self.over = False

    def pieces(self) -> Iterator[bytes]:
        """What has not been pulled yet, in pieces of at most `piece` bytes."""
        return self._pieces

    def drain(self) -> None:
        """Unpack the rest, to know its size and CRC."""
        for _ in self._pieces:
            pass

    def _unpack(self) -> Iterator[bytes]:
        if self._method == STORED:
            for piece in self._packed.pieces():
                self._count(piece)
                yield piece
            return
        try:
            decoder = _decoder(self._method, self._packed)
        except _BROKEN as error:
            self.fault = str(error)
            return
        while not decoder.eof and (unpacked := self._step(decoder)) is not None:
            if not unpacked:
                continue
            self._charge(len(unpacked))
            self._count(unpacked)
            if self._too_much():
                return
            yield unpacked

    def _step(self, decoder: _Decoder) -> bytes | None:
        """The next piece, perhaps empty; None where the data ends or breaks."""
        data = b""
        if decoder.needs_input:
            data = self._packed.peek(self._piece)
            self._packed.skip(len(data))
            self._consumed += len(data)
            if not data:
                # Raw LZMA may end without a mark (5.8.9): then only the size tells, which the caller compares.
                self.fault = "" if self._method == LZMA and self.size else "the compressed data ends too early"
                return None
        try:
            return decoder.decompress(data, self._piece)
        except _BROKEN as error:
            self.fault = str(error)
            return None

    def _count(self, piece: bytes) -> None:
        self.size += len(piece)
        self.crc = zlib.crc32(piece, self.crc)

    def _too_much(self) -> bool:
        self.bomb = self.size > self._floor and self.size > self._ratio * max(1, self._consumed)
        self.over = self.size > self._most
        return self.bomb or self.over


class Inflated:
    """What a zlib stream gives, in bounded pieces, until it is too much. Broken data ends it.

    size: of what came out so far. over: it grew beyond `most` bytes.
    """

    def __init__(self, packed: Source, *, charge: Callable[[int], None], most: int) -> None:
        self._packed, self._charge, self._most = packed, charge, most
        self.size = 0
        self.over = False

    def pieces(self) -> Iterator[bytes]:
        """From the beginning, in pieces of at most PIECE bytes."""
        inflate = zlib.decompressobj()
        for stored in self._packed.at(0).pieces():
            data = stored
            while data and not inflate.eof:
                try:
                    out = inflate.decompress(data, PIECE)
                except zlib.error:
                    return
                self._charge(len(out))
                self.size += len(out)
                if self.size > self._most:
                    self.over = True
                    return
                if out:
                    yield out
                data = inflate.unconsumed_tail


def unpack_head(packed: Source, method: int, most: int) -> bytes:
    """Up to `most` bytes from the beginning of a member, for parts whose text decides. Broken data ends it."""
    if method not in UNPACKED:
        return b""
    if method == STORED:
        return b"".join(packed.at(0, most).pieces())
    # Small steps: an archive may have thousands of members of which only a few bytes are wanted.
    step = min(PIECE, max(4096, most))
    expansion = Expansion(packed, method, charge=lambda _: None, ratio=1 << 62, floor=0, most=most + step, piece=step)
    pieces: list[bytes] = []
    got = 0
    for piece in expansion.pieces():
        pieces.append(piece)
        got += len(piece)
        if got >= most:
            break
    return b"".join(pieces)[:most]
