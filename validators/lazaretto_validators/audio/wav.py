"""WAV sound and its kin: RF64 and BW64 for large files, Sony Wave64, big-endian RIFX.

IBM and Microsoft, Multimedia Programming Interface and Data Specifications 1.0 (1991), chapter 3; RFC 2361;
EBU Tech 3285 (bext), EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64); Sony, Wave64 format. `riff` has the container.

    file = ("RIFF" | "RIFX") size "WAVE" chunk*        (size 0 or FFFFFFFF: written while nobody knew it)
         | ("RF64" | "BW64") FFFFFFFF "WAVE" ds64 chunk*
    chunk* has one `fmt ` before one `data`; fact, cue, plst, smpl, inst, bext, LIST, ... in any order

Checked: the chunk layout and its bounds, lists one level deep, the sound's header (`wave_format`), tables that count
their entries, the fixed lengths, ID3 tags (`id3`), code and files hidden in texts, fillers, unknown chunks, samples and
the tail.
Not checked: the samples; the meaning of XML, in which only code and document types are looked for.

Deviations: sizes that a streaming writer left, sound that stops early, chunks behind the declared end and missing pad
bytes are told at info: dictation and editing programs, ffmpeg and speech services write them every day.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lazaretto_validators.audio import wav_rules as rules
from lazaretto_validators.audio.id3 import HEADER, is_tag, judge_tag, syncsafe
from lazaretto_validators.audio.wave_format import LONGEST, judge_format
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.riff import BIG, LITTLE, WAVE64, Chunk, Container, Layout
from lazaretto_validators.slack import doctype_in
from lazaretto_validators.source import NotThisFormat, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST", "validate_wav"]

SMALLEST = (
    b"RIFF\x26\0\0\0WAVE"
    b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0"  # PCM, 1 channel, 8000 Hz, 8 bits
    b"data\x02\0\0\0\x80\x80"
)

WAVE64_RIFF = b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"
WAVE64_WAVE = b"wave\xf3\xac\xd3\x11\x8c\xd1\0\xc0\x4f\x8e\xdb\x8a"
UNKNOWN_SIZE = 0xFFFFFFFF
STREAMED = 0x7FFFF000
"""From here on, a declared length was written by a program that did not know it: SoX writes this one into pipes."""

FIXED: Mapping[bytes, int] = MappingProxyType(
    {b"fact": 4, b"cue ": 4, b"plst": 4, b"smpl": 36, b"inst": 7, b"acid": 24, b"bext": 602, b"cart": 2048, b"ds64": 28}
)
"""Bytes that the fields of a chunk take at least. EBU Tech 3285 section 2.3, AES46 (cart), RIFF 1991 chapter 3."""

TABLES: Mapping[bytes, tuple[int, int, int]] = MappingProxyType(
    {b"cue ": (0, 4, 24), b"plst": (0, 4, 12), b"smpl": (28, 36, 24), b"ds64": (24, 28, 12)}
)
"""Where a chunk has the number of its entries, where they begin, and the bytes of each."""

XML = frozenset({b"iXML", b"axml", b"aXML", b"_PMX"})
TEXTS = XML | {b"bext", b"cart", b"link", b"afsp"}
TAGS = frozenset({b"id3 ", b"ID3 ", b"DISP"})  # pictures may be in them, so that they are binary
KNOWN = (
    frozenset(FIXED) | TEXTS | TAGS | {b"fmt ", b"data", b"LIST", b"list", b"JUNK", b"junk", b"PEAK", b"levl", b"chna"}
)


@dataclass(slots=True)
class _Sound:
    """What is known so far. end: of the container, None where its header does not say.

    data_size: of the sound, from ds64.
    """

    container: Container
    end: int | None
    data_size: int | None = None

    @property
    def source(self) -> Source:
        """The file."""
        return self.container.source

    def has(self, kind: bytes) -> bool:
        """Was a chunk of this kind met?"""
        return bool(self.container.seen.get(kind))


Check = Callable[[Chunk, _Sound], Iterator[Finding]]


@validator(
    "audio/wav", "audio/x-w64",
    magic=(b"RIFF", b"RIFX", b"RF64", b"BW64", WAVE64_RIFF),
    extensions=("wav", "wave"), rules=rules.RULES, example=SMALLEST, api=1,
)  # fmt: skip
def validate_wav(source: Source, screening: Screening) -> Iterator[Finding]:
    """WAV, RF64, BW64 and Wave64 sound."""
    form, layout, end = _header(source)
    sound = _Sound(Container(source, screening, rules.CONTAINER, "audio/wav", KNOWN, layout, skips_zeros=True), end)
    last = yield from _walk(sound)
    if last is None:
        return
    yield from sound.container.finish()
    yield from _judge_end(form, sound, last)
    screening.ends_at(last)


def _walk(sound: _Sound) -> Generator[Finding, None, int | None]:
    """All chunks. Answers where the last one ended, None where the walk lost its way."""
    container = sound.container
    last = sound.source.tell()
    while (chunk := container.next(None)) is not None:
        if not chunk.named and not sound.has(b"data"):
            yield _found(rules.CHUNK_ID, chunk, chunk.kind, "four letters")
            container.screening.not_covered(f"after byte {chunk.offset}", "where the next chunk begins cannot be known")
            return None
        # Taggers append without counting what they append: what is no chunk of theirs is a tail.
        outside = sound.end is not None and chunk.offset >= sound.end and chunk.kind not in KNOWN
        if outside or not chunk.named:
            return last
        for check in CHECKS.get(chunk.kind, (_check_other,)):
            yield from check(chunk, sound)
        yield from container.leave(chunk)
        last = sound.source.tell()
        if chunk.missing:
            rule = rules.DATA_CUT if chunk.kind == b"data" else rules.OUTSIDE
            yield _found(rule, chunk, f"{chunk.length - chunk.missing} bytes", f"{chunk.length} bytes")
    # Zeros that the container counts are its own.
    return last if sound.end is None else max(last, min(sound.source.tell(), sound.end))


def _header(source: Source) -> tuple[bytes, Layout, int | None]:
    """Form, layout, and where the container ends if it says so."""
    form = source.peek(4)
    if form == b"riff":
        source.expect(WAVE64_RIFF)
        size = int.from_bytes(source.read(8), "little")
        source.expect(WAVE64_WAVE)
        return form, WAVE64, size if 0 < size < 1 << 62 else None
    layout = BIG if form == b"RIFX" else LITTLE
    if form not in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        raise NotThisFormat(f"{form!r} is no form")
    source.skip(4)
    size = int.from_bytes(source.read(4), layout.order)
    source.expect(b"WAVE")
    return form, layout, 8 + size if 0 < size < STREAMED else None


def _judge_end(form: bytes, sound: _Sound, end: int) -> Iterator[Finding]:
    """What is lacking, once the last chunk was left at `end`."""
    if not sound.has(b"data"):
        yield rules.DATA_MISSING.found(at=end, seen="no data chunk", allowed="one")
    if form in (b"RF64", b"BW64") and not sound.has(b"ds64"):
        yield rules.DS64.found(at=0, where="ds64", seen="no ds64 chunk", allowed="the first chunk")
    # A pad byte may or may not be counted.
    if sound.end is not None and not end - 1 <= sound.end <= end + 1:
        rule = rules.DS64 if form in (b"RF64", b"BW64") else rules.RIFF_SIZE
        yield rule.found(at=0, where="RIFF", seen=f"the end at {sound.end}", allowed=end)


def _check_format(chunk: Chunk, sound: _Sound) -> Iterator[Finding]:
    """`fmt `: one, before the sound."""
    if chunk.number:
        yield _found(rules.FORMAT_DUPLICATE, chunk, f"number {chunk.number + 1}", "one")
    data = chunk.take(sound.source, LONGEST)
    if len(data) < min(chunk.length, LONGEST):
        sound.source.skip(chunk.length)  # cut off in the middle of what nothing can be read without
    for fault in judge_format(data, sound.container.layout.order):
        yield _found(rules.SOUND[fault.rule], chunk, fault.seen, fault.allowed)
    if chunk.length > LONGEST:
        yield _found(rules.SOUND["format-extra"], chunk, f"{chunk.length} bytes", f"{LONGEST}")


def _check_data(chunk: Chunk, sound: _Sound) -> Iterator[Finding]:
    """`data`. A length that nobody knew when it was written reaches to the end of the file."""
    if not sound.has(b"fmt "):
        yield _found(rules.FORMAT_MISSING, chunk, "data", "fmt before it")
    if chunk.length == UNKNOWN_SIZE and sound.data_size is not None:
        chunk.length = sound.data_size
    # Of a streaming writer, zero means the same; but there is also sound of no length, and another chunk behind it.
    if chunk.length == 0 and sound.source.peek(4) not in (*KNOWN, b""):
        chunk.length = STREAMED
    yield from sound.container.search(chunk, head=True)


def _check_sizes(chunk: Chunk, sound: _Sound) -> Iterator[Finding]:
    """`ds64`: the sizes for which 32 bits are not enough. EBU Tech 3306 section 3."""
    if chunk.offset != 12 or chunk.length < 28:
        yield _found(rules.DS64, chunk, f"{chunk.length} bytes at {chunk.offset}", "28 at least, at 12")
        return
    data = chunk.take(sound.source, 16)
    size, sound.data_size = int.from_bytes(data[:8], "little"), int.from_bytes(data[8:16], "little")
    sound.end = 8 + size if size else None


def _check_fields(chunk: Chunk, sound: _Sound) -> Iterator[Finding]:
    """A chunk of fixed fields, and a table that may follow them."""
    if chunk.length < FIXED[chunk.kind]:
        yield _found(rules.CHUNK_SIZE, chunk, f"{chunk.length} bytes", f"{FIXED[chunk.kind]} at least")
        return
    if chunk.kind not in TABLES:
        return
    at, begin, size = TABLES[chunk.kind]
    count = sound.container.u32(chunk.take(sound.source, begin), at)
    if begin + count * size > chunk.length:
        yield _found(rules.CHUNK_COUNT, chunk, f"{count} entries", f"{(chunk.length - begin) // size}")


def _check_list(chunk: Chunk, sound: _Sound) -> Iterator[Finding]:
    """LIST: texts (INFO), labels of cue points (adtl), or what others keep in it."""
    container, source = sound.container, sound.source
    kind = source.peek(min(chunk.length, 4))
    source.skip(len(kind))
    prefix = f"{chunk.where}/"
    while (part := container.next(chunk.end, prefix)) is not None:
        if not part.named or part.end > chunk.end + 1:
            yield _found(rules.LIST_BOUNDS, part, f"its end at {part.end}", chunk.end)
            return
        yield from container.scan(part, text=kind in (b"INFO", b"adtl"))
        yield from container.leave(part)


def _check_text(chunk: Chunk, sound: _Sound) -> Iterator[Finding]:
    """What people or catalogues read."""
    yield from sound.container.scan(chunk, text=True)
    if chunk.kind in XML and (hit := doctype_in(chunk.content(sound.source).pieces())):
        yield _found(rules.METADATA_DTD, chunk, hit, "no document type")


def _check_tag(chunk: Chunk, sound: _Sound) -> Iterator[Finding]:
    """Tags of another format, which must lie in the chunk; pictures for the clipboard."""
    head = chunk.take(sound.source, HEADER)
    if is_tag(head) and HEADER + syncsafe(head[6:10]) <= chunk.length:
        yield from judge_tag(sound.source, chunk.begin, sound.container.screening, rules.ID3)
    yield from sound.container.scan(chunk)  # all of it: the tag may be shorter


def _check_other(chunk: Chunk, sound: _Sound) -> Iterator[Finding]:
    """Fillers, and chunks that nobody but their own program knows."""
    yield from sound.container.scan(chunk, junk=True)


CHECKS: Mapping[bytes, tuple[Check, ...]] = MappingProxyType(
    {
        b"fmt ": (_check_format,),
        b"data": (_check_data,),
        b"ds64": (_check_sizes, _check_fields),
        b"LIST": (_check_list,),
        b"list": (_check_list,),
        **dict.fromkeys((b"fact", b"cue ", b"plst", b"smpl", b"inst", b"acid"), (_check_fields,)),
        **dict.fromkeys((b"bext", b"cart"), (_check_fields, _check_text)),
        **dict.fromkeys(TEXTS - {b"bext", b"cart"}, (_check_text,)),
        **dict.fromkeys(TAGS, (_check_tag,)),
    }
)
"""What is checked of a chunk beside its place; `_check_other` for all that are not listed."""


def _found(rule: Rule, chunk: Chunk, seen: object, allowed: object = "") -> Finding:
    return rule.found(at=chunk.offset, where=chunk.where, seen=seen, allowed=allowed)
