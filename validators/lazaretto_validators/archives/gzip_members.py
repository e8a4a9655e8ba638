"""The members of a gzip file on their way out: one content, unpacked as far as somebody pulls. RFC 1952 2.2.

Broken data ends the content and leaves a note; nothing is raised into the validator that happens to be reading.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lazaretto_validators import unscannable
from lazaretto_validators.archives import gzip_rules as rules
from lazaretto_validators.archives.gzip_header import MAGIC, Header, read_header
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import PIECE, ShortRead, Source
from lazaretto_validators.validator import Screening

__all__ = ["Members"]

_FIRST_LOOK = 16 * 1024  # bytes; files of many members have small ones


@dataclass(slots=True)
class Members:
    """All members from the first on, whose header is read already.

    findings: what was met on the way. starts: where in the content each member's own begins. end: behind the last
    trailer. short: the file ended inside a member. size: bytes of content so far.
    """

    source: Source
    screening: Screening
    judge: Callable[[Header], Iterator[Finding]]
    findings: list[Finding] = field(default_factory=list)
    headers: list[Header] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    end: int | None = None
    short: ShortRead | None = None
    size: int = 0
    _stopped: bool = False

    def pieces(self, first: Header) -> Iterator[bytes]:
        """The content of all members, one behind the other."""
        header: Header | None = first
        while header is not None:
            self.findings += self.judge(header)
            self.headers.append(header)
            self.starts.append(self.size)
            if header.fault is None:
                yield from self._inflate(header)
            else:
                self._stopped = True
            header = None if self._stopped else self._next()
        if self.end is not None and (fault := self._too_much(self.end)):
            self.findings.append(fault)

    def _next(self) -> Header | None:
        """The header that follows a trailer, if one does. RFC 1952 2.2."""
        if self.end is None or self.source.at(self.end, 2).peek(2) != MAGIC:
            return None
        try:
            return read_header(self.source.at(self.end))
        except ShortRead as short:
            self.short = short
            return None

    def _inflate(self, header: Header) -> Iterator[bytes]:
        reader = self.source.at(header.end)
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        size, crc, look, full = 0, 0, _FIRST_LOOK, False
        while not stream.eof:
            data = stream.unconsumed_tail
            if not data and not full:
                data = reader.peek(look)
                reader.skip(len(data))
                look = PIECE
                if not data:
                    self._stop(ShortRead(reader.offset, 1, 0))
                    return
            try:
                piece = stream.decompress(data, PIECE)
            except zlib.error as error:
                self._stop(rules.CORRUPT_DATA.found(at=header.end, seen=str(error)))
                return
            full = len(piece) == PIECE
            if not piece:
                continue
            self.screening.expand(len(piece))
            size, crc = size + len(piece), zlib.crc32(piece, crc)
            self.size += len(piece)
            if fault := self._too_much(max(PIECE, header.end + reader.tell())):
                self._stop(fault)
                return
            yield piece
        self._close(header.end + reader.tell() - len(stream.unused_data), size, crc)

    def _too_much(self, consumed: int) -> Finding | None:
        """Is the content beyond all measure by now? consumed: bytes of the file that it came from.

        Disk images begin with some MiB of zeros, so that on the way no less than a piece counts.
        """
        limits = self.screening.limits
        if self.size > limits.ratio_floor and self.size > limits.ratio * consumed:
            return rules.BOMB.found(at=0, seen=f"{consumed} bytes to {self.size}", allowed=limits.ratio)
        if self.size > limits.member_bytes:
            return unscannable.BUDGET.found(at=0, seen=f"{self.size} bytes", allowed=limits.member_bytes)
        return None

    def _close(self, at: int, size: int, crc: int) -> None:
        """The trailer: checksum and size. RFC 1952 2.3.1."""
        try:
            trailer = self.source.at(at).read(8)
        except ShortRead as short:
            self._stop(short)
            return
        told_crc, told_size = int.from_bytes(trailer[:4], "little"), int.from_bytes(trailer[4:], "little")
        if told_crc != crc:
            self.findings.append(rules.CRC.found(at=at, seen=f"{told_crc:08x}", allowed=f"{crc:08x}"))
        if told_size != size & 0xFFFFFFFF:
            self.findings.append(rules.SIZE.found(at=at + 4, seen=told_size, allowed=size & 0xFFFFFFFF))
        self.end = at + 8

    def _stop(self, why: Finding | ShortRead) -> None:
        """Nothing can be read any further."""
        self._stopped, self.end = True, None
        if isinstance(why, ShortRead):
            self.short = why
        else:
            self.findings.append(why)
