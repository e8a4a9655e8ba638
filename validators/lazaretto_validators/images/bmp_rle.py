"""Run-length coded pixels of a BMP: do the runs stay inside the picture? [MS-WMF] 3.1.6.

    stream = {count:1..255 value | 00 escape}
    escape = 00 end of line | 01 end of picture | 02 right:u8 up:u8 | count:3..255 pixels, padded to two bytes

Only positions are followed. RLE8 has a byte for each pixel of a literal run, RLE4 half a one, RLE24 (OS/2) three.
"""

from __future__ import annotations

from collections.abc import Iterator

__all__ = ["Runs", "fed"]

_END_OF_LINE, _END, _MOVE = 0, 1, 2
_LONGEST = 2 + 255 * 3 + 1  # bytes of one element: a literal run of RLE24


class Runs:
    """The runs of one picture, fed piece by piece.

    used: bytes up to behind the end mark. ended: it was met. overrun: where the first run left the picture, as text.
    """

    def __init__(self, width: int, height: int, depth: int) -> None:
        self.used = 0
        self.ended = False
        self.overrun = ""
        # Half a byte is left over where RLE4 ends a row of odd width: writers fill it up.
        self._width = width + (width & 1) if depth == 4 else width
        self._height = height
        self._depth = depth
        self._x = self._y = 0
        self._rest = b""

    def feed(self, piece: bytes, *, last: bool = False) -> int:
        """The next bytes; `last` if none follow. Answers how many elements they held."""
        data = self._rest + piece
        margin = 0 if last else _LONGEST
        at, elements = 0, 0
        while not self.ended and at + 2 <= len(data) - margin:
            step = self._element(data, at)
            elements += 1
            if at + step > len(data):
                break
            at += step
        self.used += at
        self._rest = b"" if self.ended else data[at:]
        return elements

    def _element(self, data: bytes, at: int) -> int:
        """Follow the element at `at`. Answers its length."""
        count, value = data[at], data[at + 1]
        size = 2
        if count:
            self._x += count
            size = 4 if self._depth == 24 else 2
        elif value == _END_OF_LINE:
            self._x, self._y = 0, self._y + 1
            return 2
        elif value == _END:
            self.ended = True
            return 2
        elif value == _MOVE:
            right, up = data[at + 2 : at + 3], data[at + 3 : at + 4]
            self._x += right[0] if right else 0
            self._y += up[0] if up else 0
            size = 4
        else:
            self._x += value
            size += (value * self._depth // 8 + (value * self._depth % 8 > 0) + 1) & ~1
        if not self.overrun and (self._x > self._width or (self._y >= self._height and value != _MOVE)):
            self.overrun = f"column {self._x}, row {self._y}"
        return size


def fed(runs: Runs, pieces: Iterator[bytes]) -> Iterator[int]:
    """Feed all pieces, until the picture ends. Yields the elements of each."""
    previous = b""
    for piece in pieces:
        yield runs.feed(previous)
        if runs.ended:
            return
        previous = piece
    yield runs.feed(previous, last=True)
