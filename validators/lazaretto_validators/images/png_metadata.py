"""Texts, colour profile and Exif of a PNG picture: their structure, and what an attacker keeps in them.

Compressed ones are inflated in bounded pieces and scanned on the way; nothing is kept but a head of 64 KiB.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import png_rules as rules
from lazaretto_validators.images.icc import contradictions
from lazaretto_validators.images.png_structure import Chunk, Picture
from lazaretto_validators.source import PIECE

__all__ = ["check_exif", "check_icc_profile", "check_other", "check_text"]

MAX_TEXTS = 1000
MAX_INFLATED = 8 << 20  # bytes out of one chunk: libpng's own advice against decompression bombs, threats IMG-41
MAX_KEYWORD = 79  # bytes, PNG 11.3.3.1
HEAD = 64 * 1024  # bytes kept of a text or profile: an ICC header and its whole table of tags fit many times
FIELDS = 4096  # bytes in which the fields before a text must end; language tags and keywords take a few dozen

MAX_PATH = 4096  # bytes, Linux PATH_MAX: what is longer names no file

XMP_KEYWORD = b"xml:com.adobe.xmp"
PATH_KEYWORD = b"profile"

_OVERLAP = 16  # bytes, more than any match takes: one that lies across two pieces is still seen
# Every pattern begins with a literal, which the regular expression engine finds at the speed of memory.
_EVAL = re.compile(rb"eval\((?<![\w.]eval\()")
_CODE_IN_TEXT = (re.compile(rb"(?i)<(?:\?php|script[\s>/]|%[=@!\s-])"), _EVAL, re.compile(rb"/\.\*/e"))
# Three characters in a row occur by chance in binary data: only the long ones are looked for there.
_CODE_IN_BINARY = (re.compile(rb"(?i)<(?:\?php|script[\s>/])"), _EVAL)
# Both of them in one pass, for a start: once every `<` is an `e`, all that is sought begins with the same literal.
_MAYBE_IN_BINARY = re.compile(rb"e(?:\?[pP]|[sS][cC][rR]|val\()")
_DTD = (re.compile(rb"(?i)<!(?:doctype|entity)\b"),)
_SCHEME = re.compile(rb"[a-zA-Z]{1,12}:\S")


@dataclass(slots=True)
class _Search:
    """Looks for patterns in bytes that pass by. `hit`: the first match."""

    rule: Rule
    patterns: tuple[re.Pattern[bytes], ...]
    hit: bytes = b""
    _carry: bytes = b""

    def see(self, piece: bytes) -> None:
        """The next piece."""
        if self.hit:
            return
        # A match that begins with a full carry was judged with the character before it, which is gone now.
        begin = int(len(self._carry) == _OVERLAP)
        text = self._carry + piece
        self._carry = text[-_OVERLAP:]
        if self.patterns is _CODE_IN_BINARY and not _MAYBE_IN_BINARY.search(text.replace(b"<", b"e")):
            return
        for pattern in self.patterns:
            if match := pattern.search(text, begin):
                self.hit = match[0]
                return


@dataclass(slots=True)
class _Inflation:
    """Bytes out of a chunk's zlib stream, until they are too many."""

    picture: Picture
    chunk: Chunk
    given: int = 0
    ended: bool = False
    bomb: bool = False

    def pieces(self, stored: Iterable[bytes]) -> Iterator[bytes]:
        """What `stored` inflates to. Stops at a fault, which leaves `ended` false, and at a bomb."""
        inflate = zlib.decompressobj()
        for data in stored:
            while not inflate.eof:
                try:
                    out = inflate.decompress(data, PIECE)
                except zlib.error:
                    return
                self._take(len(out))
                if self.bomb:
                    return
                yield out
                data = inflate.unconsumed_tail
                if not data and len(out) < PIECE:
                    break
        self.ended = inflate.eof

    def _take(self, count: int) -> None:
        self.picture.expand(count)
        self.given += count
        limits = self.picture.screening.limits
        dense = self.given > limits.ratio_floor and self.given > limits.ratio * self.chunk.length
        self.bomb = dense or self.given > MAX_INFLATED

    def findings(self) -> Iterator[Finding]:
        """What was wrong with the stream, once `pieces` is used up."""
        if self.bomb:
            yield _found(
                rules.TEXT_BOMB, self.chunk, f"{self.given} bytes of {self.chunk.length}", f"{MAX_INFLATED} bytes"
            )
        elif not self.ended:
            yield _found(rules.METADATA_DEFLATE, self.chunk, f"{self.given} bytes, then no more")


@dataclass(slots=True)
class _Text:
    """The fields of a text chunk. `start`: its text, or the beginning of it. PNG 11.3.3."""

    keyword: bytes
    compressed: bool
    start: bytes
    head: bytearray = field(default_factory=bytearray)


def check_text(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """tEXt, zTXt, iTXt. PNG 11.3.3."""
    picture.texts += 1
    if picture.texts == MAX_TEXTS + 1:
        yield _found(rules.TEXT_FLOOD, chunk, f"more than {MAX_TEXTS}", f"at most {MAX_TEXTS}")
    data = chunk.take(FIELDS)
    text = _fields(chunk.type, data)
    if text is None or not _is_keyword(text.keyword):
        yield _found(rules.TEXT_STRUCTURE, chunk, data[: MAX_KEYWORD + 1], "keyword, null, text")
    if text is None:
        yield from _scan(chunk, chain([data], chunk.pieces()), _Search(rules.CODE_IN_METADATA, _CODE_IN_TEXT))
        return
    stored = chain([text.start], chunk.pieces())
    inflation = _Inflation(picture, chunk)
    shown = inflation.pieces(stored) if text.compressed else stored
    searches = [_Search(rules.CODE_IN_METADATA, _CODE_IN_TEXT)]
    if text.keyword.lower() == XMP_KEYWORD:
        searches.append(_Search(rules.XMP_DTD, _DTD))
    yield from _scan(chunk, _keeping_head(shown, text.head), *searches)
    if text.compressed:
        yield from inflation.findings()
    if text.keyword.lower() == PATH_KEYWORD and _is_path(bytes(text.head)):
        yield _found(rules.PROFILE_PATH, chunk, bytes(text.head[:100]), "no file name")


def check_icc_profile(chunk: Chunk, picture: Picture) -> Iterator[Finding]:
    """iCCP: a name, a method and a compressed profile. PNG 11.3.2.3."""
    data = chunk.take(MAX_KEYWORD + 2)
    name, null, rest = data.partition(b"\0")
    if not null or not _is_keyword(name) or rest[:1] != b"\0":
        yield _found(rules.TEXT_STRUCTURE, chunk, data, "name, null, compression method 0, profile")
        return
    inflation = _Inflation(picture, chunk)
    head = bytearray()
    for _ in _keeping_head(inflation.pieces(chain([rest[1:]], chunk.pieces())), head):
        continue
    yield from inflation.findings()
    if inflation.ended:
        for seen, allowed in contradictions(bytes(head), inflation.given):
            yield _found(rules.ICC_PROFILE, chunk, seen, allowed)


def check_exif(chunk: Chunk, picture: Picture) -> Iterator[Finding]:  # noqa: ARG001 - one signature for all checks
    """eXIf: a TIFF header whose first directory lies inside. PNG 11.3.4.5, TIFF 6.0 section 2."""
    head = chunk.take(8)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(head[:4])
    if order is None or len(head) < 8:
        yield _found(rules.EXIF_HEADER, chunk, head, "II*\\0 or MM\\0* and an offset")
    elif not 8 <= (directory := struct.unpack(f"{order}4xI", head)[0]) <= chunk.length - 2:
        yield _found(rules.EXIF_HEADER, chunk, f"first directory at {directory}", f"8 to {chunk.length - 2}")
    yield from _scan(chunk, chain([head], chunk.pieces()), _Search(rules.CODE_IN_METADATA, _CODE_IN_BINARY))


def check_other(chunk: Chunk, picture: Picture) -> Iterator[Finding]:  # noqa: ARG001 - one signature for all checks
    """Any chunk that has no check of its own: code may still be kept in it."""
    yield from _scan(chunk, chunk.pieces(), _Search(rules.CODE_IN_METADATA, _CODE_IN_BINARY))


def _fields(chunk_type: bytes, data: bytes) -> _Text | None:
    """The fields before the text, from the first FIELDS bytes of the chunk; None if they are not there."""
    keyword, null, rest = data.partition(b"\0")
    if not null:
        return None
    if chunk_type == b"tEXt":
        return _Text(keyword, False, rest)
    if chunk_type == b"zTXt":
        return _Text(keyword, True, rest[1:]) if rest[:1] == b"\0" else None
    parts = rest[2:].split(b"\0", 2)
    if len(parts) != 3 or rest[0] > 1 or (rest[0] == 1 and rest[1] != 0):
        return None
    return _Text(keyword, rest[0] == 1, parts[2])


def _is_keyword(keyword: bytes) -> bool:
    """1 to 79 printable Latin-1 characters. PNG 11.3.3.1."""
    return 0 < len(keyword) <= MAX_KEYWORD and all(32 <= c <= 126 or c >= 161 for c in keyword)


def _is_path(value: bytes) -> bool:
    """Does it look like something that a converter would open: a path, standard input, `scheme:`? One line of it."""
    value = value.strip(b" \t\r\n\0")
    if len(value) > MAX_PATH or b"\n" in value:
        return False
    return value == b"-" or value[:1] == b"~" or b"/" in value or b"\\" in value or bool(_SCHEME.match(value))


def _scan(chunk: Chunk, pieces: Iterable[bytes], *searches: _Search) -> Iterator[Finding]:
    for piece in pieces:
        for search in searches:
            search.see(piece)
    for search in searches:
        if search.hit:
            yield _found(search.rule, chunk, search.hit)


def _keeping_head(pieces: Iterable[bytes], head: bytearray) -> Iterator[bytes]:
    """The same pieces; the first HEAD bytes of them are put into `head`."""
    for piece in pieces:
        if len(head) < HEAD:
            head += piece[: HEAD - len(head)]
        yield piece


def _found(rule: Rule, chunk: Chunk, seen: object, allowed: object = "") -> Finding:
    return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
