"""The pixels of a GIF frame as LZW codes: is every code defined when it comes, and how many pixels do they make?

    code stream = {codes of the current width, packed from the lowest bit up} ... end code
    width       = code size + 1 after every clear code, one more each time the table outgrows it, 12 at most

Only the lengths of the strings are followed, not the pixels in them. The table's growth tells the width of every code
in advance; so codes of one width, nearly all of a large picture, are cut out of one big number many at a time.
GIF89a appendix F.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache

__all__ = ["Pixels"]

_MOST_CODES = 4096  # of the table: twelve bits
_WIDE = 9  # bits from which on codes are cut out together: before, a clear code may come too soon to be worth it
_BATCHES = (512, 64)  # codes cut out together
_NO_STRING = -1 << 40  # so short that whatever it is added to is below zero
_SHORT = 32  # bytes that narrow codes are cut out of at a time


@cache
def _spreading(width: int, batch: int) -> tuple[tuple[int, int, int], ...]:
    """How to widen `batch` fields of `width` bits to 16: halve the groups again and again, move the upper half up."""
    steps = []
    group = batch
    while group > 1:
        half = group // 2
        low = (1 << half * width) - 1
        mask = sum(low << number * group * 16 for number in range(batch // group))
        steps.append((mask, mask << half * width, half * (16 - width)))
        group = half
    return tuple(steps)


def _cut(data: bytes, at: int, width: int, batch: int) -> tuple[int, ...]:
    """`batch` codes of `width` bits, from bit `at` on. All their bytes are there."""
    first, skipped = divmod(at, 8)
    number = int.from_bytes(data[first : first + (batch * width + 7) // 8 + 1], "little") >> skipped
    number &= (1 << batch * width) - 1
    for low, high, distance in _spreading(width, batch):
        number = (number & low) | (number & high) << distance
    return struct.unpack(f"<{batch}H", number.to_bytes(2 * batch, "little"))


class Pixels:
    """One frame's codes, fed piece by piece.

    count, codes: pixels and codes so far. fault: the code that is not defined, -1 if there was none.
    ended: the end code was met. trailing: what follows the end code, at most a few KiB of it; surplus counts all of it.
    """

    def __init__(self, code_size: int) -> None:
        self.count = self.codes = 0
        self.fault = -1
        self.ended = False
        self.trailing = b""
        self.surplus = 0
        self._clear = 1 << code_size
        self._first_width = code_size + 1
        self._lengths = [1] * self._clear + [_NO_STRING] * 2  # then the clear and the end code
        self._previous = 0  # length of the string before; 0 after a clear code
        self._data = b""
        self._at = 0  # bits of _data that were used

    def feed(self, piece: bytes) -> int:
        """The next bytes. Answers how many turns of a loop they took, a batch counted as one."""
        if self.ended:
            self._keep(piece)
        if self.ended or self.fault >= 0:
            return 0
        begin = self._at // 8
        self._data = self._data[begin:] + piece
        self._at -= 8 * begin
        turns = 0
        while self._step():
            turns += 1
        return turns

    def _keep(self, rest: bytes) -> None:
        self.surplus += len(rest)
        if len(self.trailing) < _MOST_CODES:
            self.trailing += rest[:_MOST_CODES]

    @property
    def _width(self) -> int:
        """Of the next code. The table grows by one with every code but the first after a clear code."""
        return min(12, max(self._first_width, len(self._lengths).bit_length() if self._previous else 0))

    def _step(self) -> bool:
        """The next batch of codes. False where the data, or the picture, ends."""
        width = self._width
        left = 8 * len(self._data) - self._at
        room = (1 << width) - len(self._lengths) or _MOST_CODES  # for so many codes, the width stays
        batch = next((batch for batch in _BATCHES if batch <= room and batch * width + 8 <= left), 0)
        if batch and width >= _WIDE:
            codes = _cut(self._data, self._at, width, batch)
            if not self._follow(codes, width):
                self._take(iter(codes), width)
        elif left >= width:
            self._take(self._narrow(width), width)
        else:
            return False
        return not self.ended and self.fault < 0

    def _follow(self, codes: tuple[int, ...], width: int) -> bool:
        """Follow codes all of which stand for strings. Does nothing, and answers False, where one of them does not."""
        lengths, previous, size = self._lengths, self._previous, len(self._lengths)
        if not previous:
            return False
        if size == _MOST_CODES:
            found = [lengths[code] for code in codes]
            previous, count = found[-1], sum(found)
        else:
            try:
                for code in codes:
                    lengths.append(previous + 1)
                    previous = lengths[code]
            except IndexError:
                previous = _NO_STRING
            # Each string but the last is the beginning of the one that the next code added.
            count = sum(lengths[size + 1 :]) - (len(codes) - 1) + previous
        if count < 0:
            del lengths[size:]
            return False
        self._previous = previous
        self.count += count
        self.codes += len(codes)
        self._at += len(codes) * width
        return True

    def _narrow(self, width: int) -> Iterator[int]:
        """Codes one by one, as long as the width stays."""
        first, skipped = divmod(self._at, 8)
        short = self._data[first : first + _SHORT]
        number = int.from_bytes(short, "little") >> skipped
        mask = (1 << width) - 1
        for _ in range((8 * len(short) - skipped) // width):
            yield number & mask
            number >>= width

    def _take(self, codes: Iterator[int], width: int) -> None:
        """Follow codes of one width until it changes, the picture ends, or a code is not defined."""
        lengths, clear, previous = self._lengths, self._clear, self._previous
        count = used = 0
        size, most = len(lengths), 1 << width
        for code in codes:
            used += 1
            if previous and size < _MOST_CODES:
                lengths.append(previous + 1)
                size += 1
            if code < size and (length := lengths[code]) > 0:
                count += length
                previous = length
                if size == most and width < 12:
                    break
            elif code == clear:
                del lengths[clear + 2 :]
                previous, size = 0, clear + 2
                if width != self._first_width:
                    break
            else:
                self._stop(code, used * width)
                break
        self._previous = previous
        self.count += count
        self.codes += used
        self._at += used * width

    def _stop(self, code: int, used: int) -> None:
        """The end code, or one that is not defined."""
        if code != self._clear + 1:
            self.fault = code
            return
        self.ended = True
        self._keep(self._data[(self._at + used + 7) // 8 :])
