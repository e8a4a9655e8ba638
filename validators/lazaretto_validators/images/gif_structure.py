"""What the parts of the GIF validator share: the screen, the chain of sub-blocks, what is known so far."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Self

from lazaretto_validators.embedded import Hit, may_hold, search
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import PIECE, Source
from lazaretto_validators.validator import Screening

__all__ = ["Screen", "Walk", "chain", "colours_of", "data_of"]

_FIRST_LOOK = 4096  # bytes of a chain; most are far shorter
_RUNS_AN_OPERATION = 4  # encoders write runs of thousands; blocks of many sizes take a microsecond each
_OVERLAP = 64  # bytes, more than may_hold needs at once


def colours_of(flags: int) -> int:
    """How many colours the palette has that these flags announce; 0 if there is none. GIF89a 18, 20."""
    return 2 << (flags & 7) if flags & 0x80 else 0


@dataclass(frozen=True, slots=True)
class Screen:
    """The logical screen descriptor. GIF89a 18."""

    width: int
    height: int
    colours: int
    background: int

    @classmethod
    def read(cls, source: Source) -> Self:
        """The seven bytes behind the signature."""
        width, height, flags, background = struct.unpack("<HHBBx", source.read(7))
        return cls(width, height, colours_of(flags), background)


@dataclass(slots=True)
class Walk:
    """What is known so far. transparent: the colour that the control block of the next frame named, None without one.

    decoded: codes of pixel data that were followed. said: rules that are told once only.
    canvas: width and height of what viewers draw on, known from the first frame on.
    searched: up to where a second file was looked for; held: there may be one.
    """

    screen: Screen
    screening: Screening
    frames: int = 0
    decoded: int = 0
    controls: int = 0
    transparent: int | None = None
    said: set[str] = field(default_factory=set)
    canvas: tuple[int, int] = (0, 0)
    searched: int = 0
    held: bool = False

    def once(self, finding: Finding) -> Iterator[Finding]:
        """A finding that each of a thousand frames may repeat: only the first is told."""
        if finding.rule not in self.said:
            self.said.add(finding.rule)
            yield finding

    def keep_up(self, source: Source) -> None:
        """Look for a second file in what was passed, as long as it is fresh: the file may still be arriving."""
        while not self.held and source.tell() - self.searched >= PIECE:
            begin = max(0, self.searched - _OVERLAP)
            self.searched += PIECE
            self.held = may_hold(source.at(begin).peek(self.searched - begin))

    def second_file(self, source: Source, end: int) -> Hit | None:
        """A second file before `end`, behind the signature."""
        begin = 6 if self.held else max(6, self.searched - _OVERLAP)
        return search(source.at(0, end), begin, scripts=False, host="image/gif")


@cache
def _run_of(length: int) -> re.Pattern[bytes]:
    """Sub-blocks of the same length in a row, as encoders write them: all but the last of a chain."""
    return re.compile(b"(?:%s.{%d})++" % (re.escape(bytes([length])), length), re.DOTALL)


def chain(source: Source, walk: Walk) -> Iterator[list[bytes]]:
    """A chain of sub-blocks up to behind the empty one: runs of equally long ones, many at a time. GIF89a 15, 16."""
    look = _FIRST_LOOK
    while True:
        block = source.peek(look)
        at, runs = 0, []
        while at < len(block) and block[at] and (run := _run_of(block[at]).match(block, at)):
            runs.append(run[0])
            at = run.end()
        ended = at < len(block) and not block[at]
        if not at and not ended:
            # Not one sub-block is here as a whole: the file has ended.
            source.read(1 + block[0] if block else 1)
        walk.screening.spend(len(runs) // _RUNS_AN_OPERATION)
        source.skip(at + ended)
        walk.keep_up(source)
        yield runs
        if ended:
            return
        look = min(PIECE, 4 * look)


def data_of(runs: list[bytes]) -> bytes:
    """What such sub-blocks hold, without their lengths."""
    parts = [bytearray(run) for run in runs]
    for part in parts:
        del part[:: 1 + part[0]]
    return b"".join(parts)
