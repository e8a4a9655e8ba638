"""AVI video. Microsoft, AVI RIFF File Reference; Matrox, OpenDML AVI File Format Extensions 1.02 (1996).

    file = form ("RIFF" size "AVIX" chunk*)*              `riff` has the container
    form = "RIFF" size "AVI ": LIST hdrl, [LIST INFO], [JUNK], LIST movi, [idx1]
    movi = (data | index | LIST "rec ": data* | JUNK)*
    data = two digits, the stream's number, and two letters: db dc wb tx pc ...
    index = "ix" and the stream's number

Checked: the chunk layout and its bounds, the main header and that of every stream (`avi_streams`), the sound's header,
the walk over all pictures and sounds by their chunks, the number and reach of index entries (`avi_index`), code and
files hidden in texts, fillers, unknown chunks, in the pictures and in the tail.
Not checked: what the codecs make of the pictures and sounds; whether an index entry points to the right chunk.

Deviations: sizes that a streaming writer left, a missing index, zeros between chunks (VLC), missing pad bytes and
offsets of either reading are everyday.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field

from lazaretto_validators.embedded import may_hold
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.riff import Chunk, Container
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, validator
from lazaretto_validators.video import avi_rules as rules
from lazaretto_validators.video.avi_index import check_index, check_old_index
from lazaretto_validators.video.avi_streams import Streams, check_headers

__all__ = ["validate_avi"]

SMALLEST = bytes.fromhex(
    "52494646 e0000000 41564920"  # RIFF, AVI
    "4c495354 c0000000 6864726c"  # LIST hdrl
    "61766968 38000000 40420f00 00000000 00000000 00000000 01000000 00000000 01000000 00000000 02000000 02000000"
    "00000000 00000000 00000000 00000000"  # avih: 1 frame, 1 stream, 2x2
    "4c495354 74000000 7374726c"  # LIST strl
    "73747268 38000000 76696473 44494220 00000000 00000000 00000000 01000000 01000000 00000000 01000000 00000000"
    "00000000 00000000 00000000 00000000"  # strh: vids, DIB
    "73747266 28000000 28000000 02000000 02000000 01001800 00000000 10000000 00000000 00000000 00000000 00000000"
    "4c495354 0c000000 6d6f7669"  # LIST movi
    "30306462 00000000"  # 00db, an empty picture: the one before is shown again
)

STREAMED = 0x7FFFF000
"""From here on, a declared length was written by a program that did not know it."""

KNOWN = frozenset({b"RIFF", b"LIST", b"JUNK", b"junk", b"idx1", b"avih", b"strh", b"strf", b"indx", b"DISP", b"IDIT"})
_DATA = re.compile(rb"(?:[0-9A-Fa-f]{2}[A-Za-z_]{2}|ix[0-9]{2})")
_ZEROS = re.compile(rb"\0+")
_OVERLAP = 16  # bytes that two pieces share: more than the header of a chunk, or what `may_hold` looks for
_OTHERS_IN_MOVI = frozenset({b"LIST", b"JUNK", b"junk", b"idx1"})


@dataclass(slots=True)
class _Video:
    """What is known so far. end: of the form, None where its header does not say.

    movi: where the list of data begins, None before one came. headers: hdrl has come.
    """

    container: Container
    streams: Streams = field(default_factory=Streams)
    end: int | None = None
    movi: int | None = None
    headers: bool = False

    @property
    def source(self) -> Source:
        """The file."""
        return self.container.source


@validator("video/x-msvideo", magic=b"RIFF", extensions=("avi", "divx"), rules=rules.RULES, example=SMALLEST, api=1)
def validate_avi(source: Source, screening: Screening) -> Iterator[Finding]:
    """AVI video, OpenDML included."""
    source.expect(b"RIFF")
    size = int.from_bytes(source.read(4), "little")
    source.expect(b"AVI ")
    video = _Video(Container(source, screening, rules.CONTAINER, "video/x-msvideo", KNOWN, skips_zeros=True))
    video.end = 8 + size if 0 < size < STREAMED else None
    last = yield from _walk(video)
    if last is None:
        return
    yield from video.container.finish()
    yield from _judge_end(video, last)
    if video.movi is None:
        yield rules.MOVI_MISSING.found(at=last, seen="no LIST movi", allowed="one")
    screening.not_covered("movi", "pictures and sounds are not decoded")
    screening.ends_at(last)


def _walk(video: _Video) -> Generator[Finding, None, int | None]:
    """All chunks of all forms. Answers where the last one ended, None where the walk lost its way."""
    container, source = video.container, video.source
    last = source.tell()
    while (chunk := container.next(None)) is not None:
        if chunk.kind == b"RIFF" and source.peek(4) == b"AVIX":
            yield from _judge_end(video, chunk.offset)
            video.end = chunk.end if chunk.length < STREAMED else None
            source.skip(4)
            last = source.tell()
            continue
        outside = video.end is not None and chunk.offset >= video.end and chunk.kind not in KNOWN
        if not chunk.named and video.movi is None:
            yield _found(rules.CHUNK_ID, chunk, chunk.kind, "four letters")
            container.screening.not_covered(f"after byte {chunk.offset}", "where the next chunk begins cannot be known")
            return None
        if outside or not chunk.named or chunk.kind == b"RIFF":
            return last
        yield from _check(chunk, video)
        last = source.tell()
    # Zeros that the form counts are its own.
    return last if video.end is None else max(last, min(source.tell(), video.end))


def _judge_end(video: _Video, last: int) -> Iterator[Finding]:
    end = video.end
    if end is not None and not end - 1 <= last <= end + 1:  # a pad byte may or may not be counted
        yield rules.RIFF_SIZE.found(at=0, where="RIFF", seen=f"the end at {end}", allowed=last)


def _check(chunk: Chunk, video: _Video) -> Iterator[Finding]:
    """One chunk of the outermost level, from its content to what follows it."""
    container = video.container
    if chunk.kind == b"LIST":
        yield from _check_list(chunk, video)
    elif chunk.kind == b"idx1":
        yield from check_old_index(chunk, container, video.movi or 0)
    else:
        yield from container.scan(chunk, junk=chunk.kind not in (b"IDIT", b"ISMP", b"DISP", b"_PMX", b"id3 "))
    yield from container.leave(chunk)
    if chunk.missing and video.movi is None:
        container.source.skip(chunk.missing)  # without pictures there is nothing that could be played
    if chunk.missing and chunk.length < STREAMED:
        rule = rules.MOVI_CUT if chunk.begin == video.movi else rules.CHUNK_BOUNDS
        yield _found(rule, chunk, f"{chunk.length - chunk.missing} bytes", f"{chunk.length} bytes")


def _check_list(chunk: Chunk, video: _Video) -> Iterator[Finding]:
    """LIST hdrl, movi, INFO, or another."""
    container, source = video.container, video.source
    kind = source.peek(min(4, chunk.length))
    source.skip(len(kind))
    if kind == b"movi":
        if not video.headers:
            yield _found(rules.HEADER, chunk, "LIST movi", "LIST hdrl before it")
        if chunk.length == 4 and not _is_followed(source):
            chunk.length = STREAMED
        video.movi = chunk.begin
        yield from _check_data(chunk, video)
    elif kind == b"hdrl" and not video.headers:
        video.headers = True
        yield from check_headers(chunk, container, video.streams)
    else:
        yield from _check_free_list(chunk, container, text=kind == b"INFO")


def _is_followed(source: Source) -> bool:
    """Does another chunk stand here? An empty list of data was either never filled in, or is empty."""
    return source.peek(4) in (*KNOWN, b"")


def _check_free_list(chunk: Chunk, container: Container, *, text: bool) -> Iterator[Finding]:
    """LIST INFO, or a list that only its own program knows: each of its parts."""
    while (part := container.next(chunk.end, f"{chunk.where}/")) is not None:
        if not part.named or part.end > chunk.end + 1:
            yield from container.scan(chunk)
            return
        yield from container.scan(part, text=text)
        yield from container.leave(part)


@dataclass(slots=True)
class _Data:
    """The walk over the chunks in movi. at: where the next one begins. odd: the one before may have a pad byte.

    numbers: of streams. strangers: chunks that are no data. lost: where the next one begins cannot be told.
    """

    at: int
    odd: bool = False
    numbers: set[bytes] = field(default_factory=set)
    strangers: int = 0
    lost: bool = False


def _check_data(chunk: Chunk, video: _Video) -> Iterator[Finding]:
    """movi: pictures and sounds, of streams that were announced, and another file among them; in one pass."""
    container = video.container
    data = _Data(container.source.tell())
    held = False
    for base, block in _blocks(chunk, container):
        held = held or may_hold(block)
        for part in _parts(block, base, chunk.end, data):
            yield from _check_part(part, chunk, container, data)
    if held:
        yield from container.search(chunk)
    chunk.searched = True
    for number in sorted(data.numbers):
        if number.isdigit() and int(number) >= video.streams.count:
            yield _found(rules.STREAM_NUMBER, chunk, number, f"{video.streams.count} streams")


def _blocks(chunk: Chunk, container: Container) -> Iterator[tuple[int, bytes]]:
    """The rest of the list in pieces, each behind the end of the one before, and where it begins."""
    base, rest = container.source.tell(), b""
    for piece in container.source.at(base, chunk.end - base).pieces():
        block = rest + piece
        yield base, block
        container.screening.spend()
        rest = block[-_OVERLAP:]
        base += len(block) - len(rest)


def _parts(block: bytes, base: int, end: int, data: _Data) -> Iterator[Chunk]:
    """The chunks whose headers stand in a block: a long recording has a million of them."""
    while not data.lost and (at := data.at - base) + 8 <= len(block) and data.at + 8 <= end:
        if data.odd and not _DATA.match(block, at):
            at += 1
        data.odd = False
        if zeros := _ZEROS.match(block, at):
            data.at = base + zeros.end()  # VLC puts four of them between two chunks
            continue
        if at + 8 > len(block):
            data.at = base + at
            return
        kind, length = block[at : at + 4], int.from_bytes(block[at + 4 : at + 8], "little")
        begin = base + at + 8
        # Of a list in movi, "rec ", the parts follow.
        data.at, data.odd = (begin + 4, False) if kind == b"LIST" else (begin + length, bool(length & 1))
        yield Chunk(kind, base + at, begin, length, 0, "movi/")


def _check_part(part: Chunk, chunk: Chunk, container: Container, data: _Data) -> Iterator[Finding]:
    """A picture, a sound, an index, or what is none of them."""
    if part.end > chunk.end and part.kind != b"LIST":
        yield _found(rules.DATA_BOUNDS, part, f"its end at {part.end}", chunk.end)
    if part.kind.startswith(b"ix"):
        yield from check_index(part, container)
    elif _DATA.match(part.kind):
        data.numbers.add(part.kind[:2])
    if _DATA.match(part.kind):
        return
    if part.kind not in _OTHERS_IN_MOVI:
        data.strangers += 1
        if data.strangers == 1:
            yield _found(rules.MOVI_ID, part, part.kind, "00db, 01wb, ...")
    if not part.named:
        container.screening.not_covered(f"movi after byte {part.offset}", "the next chunk cannot be told")
        data.lost = True
    elif part.kind != b"LIST":
        yield from container.scan(part, junk=True)


def _found(rule: Rule, chunk: Chunk, seen: object, allowed: object = "") -> Finding:
    return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
