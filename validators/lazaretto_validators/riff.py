"""RIFF: the container of WebP, WAV and AVI. Multimedia Programming Interface and Data Specifications 1.0 (IBM and
Microsoft, August 1991), chapter 2; RFC 9649 section 2.3; Sony Wave64; EBU Tech 3306 (RF64).

    form   = "RIFF" size:u32 form-type:4 chunk*          RIFX: numbers big-endian; RF64, BW64: sizes in `ds64`
    chunk  = id:4 size:u32 content:size [0 if size is odd]
    list   = "LIST" size:u32 list-type:4 chunk*
    wave64 = GUID size:u64, header included, content, zeros up to a multiple of 8

Shared by the validators: the walk over the chunks, and the search for what does not belong into them. What a chunk
may hold, and where, is each format's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from lazaretto_validators.embedded import search, text_tail
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable
from lazaretto_validators.slack import code_in, file_in
from lazaretto_validators.source import ShortRead, Source
from lazaretto_validators.validator import Screening

__all__ = ["BIG", "LITTLE", "WAVE64", "Chunk", "Container", "ContainerRules", "Layout", "container_rules"]

MAX_FREE = 1000
"""Chunks of free content that are looked into one by one. Editors write a few dozen; as for the texts of a PNG."""

TURN = 16  # operations for a chunk: what is asked of it takes as long as so many reads
_HEAD = 64 * 1024  # bytes of a chunk in which the head of another file is looked for; further on, by structure alone
_NAME = re.compile(rb"[ -~]{4}")  # RFC 9649 2.3: four ASCII characters
_MADE_OF_CHUNKS = frozenset({b"LIST", b"list", b"ANMF"})
_LEAST = 16  # bytes: no file worth hiding is shorter
_NUL = b"\0\0\0\0"
# Three characters in a row, as in `code_in`, occur by chance in binary data: only the long ones are looked for there.
_CODE_IN_BINARY = re.compile(rb"<(?i:\?php\s|script[\s>/])")
_OVERLAP = 16  # bytes, more than any match takes: one that lies across two pieces is still seen
_WAVE64_FORM = b"\xf3\xac\xd3\x11\x8c\xd1\x00\xc0\x4f\x8e\xdb\x8a"  # what follows the four letters in a Wave64 GUID
_WAVE64_LIST = b"\x2f\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00"  # the same for the container and its lists


@dataclass(frozen=True, slots=True)
class Layout:
    """How a variant of the container writes the header of a chunk. Bytes."""

    header: int
    order: Literal["little", "big"]
    align: int


LITTLE = Layout(8, "little", 2)
BIG = Layout(8, "big", 2)
WAVE64 = Layout(24, "little", 8)


@dataclass(slots=True)
class Chunk:
    """One chunk. offset: of its header. begin: of its content. length: of its content, as declared.

    number: how many of its kind came before. missing: bytes of it that the file does not have, once it was left.
    searched: it was looked through for another file.
    """

    kind: bytes
    offset: int
    begin: int
    length: int
    number: int
    prefix: str = ""
    missing: int = 0
    searched: bool = False

    @property
    def end(self) -> int:
        """Where its content ends, padding not counted."""
        return self.begin + self.length

    @property
    def where(self) -> str:
        """Its place in the file, in words."""
        return f"{self.prefix}{self.kind.decode('latin-1').strip()}[{self.number}]"

    @property
    def named(self) -> bool:
        """Is its id of the kind that ids are? Otherwise the walk has lost its way."""
        return _NAME.fullmatch(self.kind) is not None and self.length >= 0

    def content(self, source: Source) -> Source:
        """Its content alone."""
        return source.at(self.begin, self.length)

    def take(self, source: Source, count: int) -> bytes:
        """The first `count` bytes of its content, fewer where it ends."""
        return source.at(self.begin, min(self.length, count)).peek(min(self.length, count))


class ContainerRules(NamedTuple):
    """What is wrong with any RIFF file in the same way."""

    padding: Rule
    hidden_file: Rule
    code_in_junk: Rule
    code_in_metadata: Rule
    flood: Rule


def container_rules(name: str) -> ContainerRules:
    """The same rules under the name of one format."""
    table = RuleTable(name)
    return ContainerRules(
        padding=table.malformed(
            INFO,
            "chunk-padding",
            "A chunk of odd length has no pad byte behind it.",
            "RIFF 1991 chapter 2, RFC 9649 2.3; C-AVI-01, C-WEBP-01",
            "old ffmpeg and GIMP, taggers",
        ),
        hidden_file=table.concealed(
            HIGH,
            "hidden-file",
            "A chunk holds another file.",
            "threats IMG-37, STG-02",
            "editors that store their project in a chunk of their own",
        ),
        code_in_junk=table.concealed(
            HIGH,
            "code-in-junk",
            "A filler or a chunk that no player knows holds program code for a web server or page.",
            "RIFF 1991 chapter 2 (JUNK: no relevant data); threats IMG-36, STG-02",
        ),
        code_in_metadata=table.active(
            MEDIUM,
            "code-in-metadata",
            "Additional information holds program code for a web server or page.",
            "threats IMG-36",
            "recordings and pictures about programming whose description quotes code",
        ),
        flood=table.resource(
            MEDIUM,
            "chunk-flood",
            "The file has more than a thousand chunks of additional information.",
            "as threats IMG-41",
            "projects of sound editors with thousands of markers",
        ),
    )


@dataclass(slots=True)
class Container:
    """The walk over the chunks of one file, and what was learnt on the way.

    host: the file's own media type. known: kinds that are counted each for itself; all others together, there could
    be millions. skips_zeros: zeros between two chunks are passed over.
    """

    source: Source
    screening: Screening
    rules: ContainerRules
    host: str
    known: frozenset[bytes]
    layout: Layout = LITTLE
    skips_zeros: bool = False
    seen: dict[bytes, int] = field(default_factory=dict)
    free: int = 0
    _rooms: list[tuple[int, int, str, bool]] = field(default_factory=list)

    def u16(self, data: bytes, at: int = 0) -> int:
        """A number of two bytes."""
        return int.from_bytes(data[at : at + 2], self.layout.order)

    def u32(self, data: bytes, at: int = 0) -> int:
        """A number of four bytes."""
        return int.from_bytes(data[at : at + 4], self.layout.order)

    def next(self, end: int | None, prefix: str = "") -> Chunk | None:
        """The chunk that begins here; None where fewer bytes are left than a header takes, until `end` or the end.

        prefix: the list that it stands in.
        """
        source, size = self.source, self.layout.header
        if self.skips_zeros and source.peek(4) == _NUL:
            self._pass_zeros(end)
        self.screening.spend(TURN)
        offset = source.tell()
        if end is not None and end - offset < size:
            return None
        head = source.peek(size)
        if len(head) < size:
            return None
        source.skip(size)
        kind, length = head[:4], int.from_bytes(head[4:8], self.layout.order)
        if self.layout is WAVE64:
            length = int.from_bytes(head[16:24], "little") - size if head[4:16] in (_WAVE64_FORM, _WAVE64_LIST) else -1
        counted = kind if kind in self.known else b"others"
        number = self.seen.get(counted, 0)
        self.seen[counted] = number + 1
        return Chunk(kind, offset, offset + size, length, number, prefix)

    def _pass_zeros(self, end: int | None) -> None:
        while piece := self.source.peek(_HEAD if end is None else max(0, min(_HEAD, end - self.source.tell()))):
            content = piece.lstrip(b"\0")
            self.source.skip(len(piece) - len(content))
            if content:
                return

    def leave(self, chunk: Chunk) -> Iterator[Finding]:
        """Pass over the content and the padding behind it. What of it does not exist is kept in `chunk.missing`.

        Fields and tables may have more behind them than their format says, which nobody has looked at.
        """
        if not chunk.searched and chunk.kind not in _MADE_OF_CHUNKS and chunk.length >= _LEAST:
            yield from self.search(chunk)
        behind = chunk.end - self.source.tell()
        if behind < 0:  # the last part of a list was padded although the list did not count it
            return
        try:
            self.source.skip(behind)
        except ShortRead as short:
            chunk.missing = short.wanted - short.available
            self.source.skip(short.available)
            return
        pad = -(chunk.end - chunk.offset) % self.layout.align
        after = self.source.peek(pad + 4) if pad else b""
        if not after:
            return
        # No pad byte stands where the next id already begins.
        if self.layout.align == 2 and _NAME.match(after):
            yield self.rules.padding.found(at=chunk.end, where=chunk.where, seen="none", allowed="a zero byte")
        else:
            self.source.skip(min(pad, len(after)))

    def search(self, chunk: Chunk, *, head: bool = False) -> Iterator[Finding]:
        """Look for a second file in content that is sound or pictures, while it arrives.

        head: its first bytes are free, too, as samples are.
        """
        chunk.searched = True
        if hit := search(chunk.content(self.source), 0, host=self.host):
            shown = MEDIA_TYPES[hit[1]].label
            yield self.rules.hidden_file.found(at=chunk.begin + hit[0], where=chunk.where, seen=shown)
        elif head:
            self._rooms.append((chunk.begin, chunk.length, chunk.where, True))

    def scan(self, chunk: Chunk, *, text: bool = False, junk: bool = False) -> Iterator[Finding]:
        """Look for code and for a second file in content that is free.

        text: it is meant to be read by people. junk: no player uses it.
        """
        self.free += 1
        chunk.searched = True
        if self.free == MAX_FREE + 1:
            yield self.rules.flood.found(at=chunk.offset, where=chunk.where, allowed=MAX_FREE)
        if self.free > MAX_FREE or not chunk.length:
            return
        pieces = chunk.content(self.source).pieces()
        if code := code_in(pieces) if text else _long_code_in(pieces):
            rule = self.rules.code_in_junk if junk else self.rules.code_in_metadata
            yield rule.found(at=chunk.begin, where=chunk.where, seen=code)
        # What begins there is identified when all has arrived: some types are told by their end.
        self._rooms.append((chunk.begin, chunk.length, chunk.where, False))

    def finish(self) -> Iterator[Finding]:
        """What can be said once the whole file was walked over."""
        for begin, length, where, searched in self._rooms:
            if hit := file_in(self.source, begin, begin + min(length, _HEAD), host=self.host):
                yield self.rules.hidden_file.found(at=hit[0], where=where, seen=hit[1].label)
                continue
            if length <= _HEAD:
                continue
            room = self.source.at(begin, length)
            if tail := (None if searched else search(room, _HEAD, host=self.host)) or text_tail(room):
                shown = MEDIA_TYPES[tail[1]].label
                yield self.rules.hidden_file.found(at=begin + tail[0], where=where, seen=shown)


def _long_code_in(pieces: Iterable[bytes]) -> bytes:
    carry = b""
    for piece in pieces:
        if match := _CODE_IN_BINARY.search(carry + piece):
            return match[0]
        carry = piece[-_OVERLAP:]
    return b""
