"""Ogg: Vorbis, Opus, Speex, FLAC and Theora in pages. RFC 3533, RFC 5334, RFC 7845; codecs: `ogg_codecs`.

    file = page*
    page = "OggS" version:1 flags:1 granule:8 serial:4 sequence:4 crc:4 count:1 lengths:count payload
    packets are laced over the lengths: 255 goes on, anything less ends one

Checked: every page's place, header and checksum, the numbering and time of each stream, how it begins and ends, the
header packets of the codecs named, comments and covers; other files among all of it, and the tail.
Not checked: the coded sound and pictures; streams of other codecs, which are named as a gap.

Deviations: pages without any checksum (small devices write voice notes so), streams that were cut out of others or
broken off, chained files, gaps in the numbering: told at info.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators import unscannable
from lazaretto_validators.audio import ogg_rules as rules
from lazaretto_validators.audio.ogg_codecs import Codec, codec_of
from lazaretto_validators.audio.ogg_comments import judge_comments
from lazaretto_validators.embedded import may_hold, search
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.slack import file_in
from lazaretto_validators.source import PIECE, NotThisFormat, ShortRead, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_OGG", "checksum", "validate_ogg"]

CAPTURE = b"OggS"
HEADER = 27  # bytes, RFC 3533 6
LONGEST = HEADER + 255 + 255 * 255  # bytes of a page

MAX_HEADER = 32 << 20  # bytes of header packets that are kept of one stream: comments with covers have a few MiB
MAX_LOST = 1 << 20  # bytes in which the next page is looked for
MAX_STREAMS = 1000  # in one file; broadcasts chain one for each piece of music

_FIELDS = struct.Struct("<4sBBqLLLB")
_CONTINUED, _FIRST, _LAST = 1, 2, 4  # header_type_flag
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def checksum(page: bytes) -> int:
    """The checksum that a page should have: CRC-32 without reflection, from zero, its own field being zero.

    zlib has the same polynomial, 04C11DB7, reflected: it feeds a byte's bits lowest first into a register that runs the
    other way. Bytes whose bits are reversed put the same bits in the same order, and leave the register reversed. It
    also inverts the register before and after, which starting from all ones and inverting once more undoes.
    """
    turned = page.translate(_REVERSED)
    head = zlib.crc32(turned[:22] + bytes(4), 0xFFFFFFFF)
    register = zlib.crc32(memoryview(turned)[26:], head) ^ 0xFFFFFFFF
    return int.from_bytes(register.to_bytes(4, "little").translate(_REVERSED), "big")


def _page(flags: int, number: int, *packets: bytes) -> bytes:
    """A page of whole packets of less than 255 bytes."""
    page = _FIELDS.pack(CAPTURE, 0, flags, 0, 1, number, 0, len(packets)) + bytes(map(len, packets)) + b"".join(packets)
    return page[:22] + checksum(page).to_bytes(4, "little") + page[26:]


SMALLEST_OGG = (
    _page(_FIRST, 0, b"OpusHead\1\1" + struct.pack("<HLhB", 312, 48000, 0, 0))
    + _page(0, 1, b"OpusTags" + struct.pack("<L5sL", 5, b"inert", 0))
    + _page(_LAST, 2, b"\xf8\xff\xfe")
)
"""Twenty milliseconds of silence in Opus."""


@dataclass(slots=True)
class _Stream:
    """One logical stream. packet: of the header packet that is being read. headers: how many are complete."""

    serial: int
    codec: Codec | None = None
    sequence: int = -1
    granule: int = -1
    open: bool = False
    ended: bool = False
    headers: int = 0
    held: int = 0
    packet: list[bytes] = field(default_factory=list)

    @property
    def wanted(self) -> int:
        """How many packets are headers. The first one is in any case."""
        return self.codec.headers if self.codec else 1

    @property
    def name(self) -> str:
        return f"{self.codec.name if self.codec else 'stream'} {self.serial:08x}"


@dataclass(slots=True)
class _File:
    """The walk over the pages. blank: pages without a checksum. told: rules that are said once.

    held: there may be another file in them.
    """

    source: Source
    screening: Screening
    streams: dict[int, _Stream] = field(default_factory=dict)
    pages: int = 0
    blank: int = 0
    bad: Finding | None = None
    told: set[str] = field(default_factory=set)
    held: bool = False


@validator("audio/ogg", "video/ogg", "application/ogg", magic=CAPTURE, rules=rules.RULES, example=SMALLEST_OGG, api=1)
def validate_ogg(source: Source, screening: Screening) -> Iterator[Finding]:
    """Ogg with Vorbis, Opus, Speex, FLAC or Theora. RFC 3533, RFC 7845."""
    head = source.peek(5)
    source.expect(CAPTURE)
    if head[4:5] != b"\0":
        raise NotThisFormat(f"version {head[4:5]!r}")
    whole, walker = source.at(0), source.at(0)
    ogg = _File(whole, screening)
    yield from _walk(walker, ogg)
    end = walker.tell()
    screening.ends_at(end)
    if ogg.blank == ogg.pages:
        yield rules.NO_CRC.found(at=22, seen=f"{ogg.blank} pages")
    elif ogg.bad:
        yield ogg.bad
    for stream in list(ogg.streams.values()):
        if not stream.ended:
            yield from _once(ogg, rules.STREAM_END, at=end, where=stream.name)
    if ogg.held and (hit := search(whole.at(0, end), 1)):
        yield rules.HIDDEN_FILE.found(at=hit[0], seen=MEDIA_TYPES[hit[1]].label)


def _walk(walker: Source, ogg: _File) -> Iterator[Finding]:
    """Page after page, in blocks that hold some of them. Leaves the walker behind the last one."""
    while block := walker.peek(PIECE):
        base, at = walker.tell(), 0
        # Nothing looked for lies across two blocks: the second one begins with a page, and so with an O.
        ogg.held = ogg.held or may_hold(block)
        while at + HEADER <= len(block):
            if not block.startswith(CAPTURE, at):
                following = _NEXT.search(block, at)
                if following is None:
                    break
                yield from _judge_gap(base + at, base + following.start(), ogg)
                at = following.start()
                continue
            begin, at = at, at + HEADER + block[at + 26]
            at += sum(block[begin + HEADER : at])
            if at > len(block):
                at = begin
                break
            yield from _judge_page(block[begin:at], base + begin, ogg)
        if at:
            walker.skip(at)
        elif block.startswith(CAPTURE) or CAPTURE.startswith(block):
            raise ShortRead(base, _page_length(block), len(block))
        elif (beyond := _next_page(walker)) >= 0:
            yield from _judge_gap(base, beyond, ogg)
            walker.skip(beyond - base)
        else:
            return


def _judge_gap(begin: int, end: int, ogg: _File) -> Iterator[Finding]:
    ogg.held = True  # it may be passed over
    yield from _once(ogg, rules.LOST_PAGE, at=begin, seen=f"{end - begin} bytes", allowed="a page")
    if hit := file_in(ogg.source, begin, end):
        yield rules.HIDDEN_FILE.found(at=hit[0], where="between pages", seen=hit[1].label)


def _page_length(block: bytes) -> int:
    if len(block) < HEADER:
        return HEADER
    table = block[HEADER : HEADER + block[26]]
    return HEADER + block[26] + sum(table)


# The tables of Vorbis: how many codebooks, the first of which begins with these letters. Vorbis I 4.2.4, 3.2.1.
_SETUP = re.compile(rb"\x05vorbis.BCV", re.DOTALL)
_NEXT = re.compile(rb"OggS\0[\0-\x07]")


def _next_page(walker: Source) -> int:
    """Where the next page begins; -1 if there is none near."""
    block = walker.peek(MAX_LOST)
    match = _NEXT.search(block)
    return walker.tell() + match.start() if match else -1


def _judge_page(page: bytes, at: int, ogg: _File) -> Iterator[Finding]:
    _, version, flags, granule, serial, sequence, crc, count = _FIELDS.unpack_from(page)
    ogg.pages += 1
    if ogg.pages % 4 == 0:
        ogg.screening.spend()
    if version or flags > 7:
        yield from _once(ogg, rules.PAGE_HEADER, at=at, seen=(version, flags), allowed="0, 0 to 7")
    right = checksum(page)
    if crc != right:
        ogg.blank += not crc
        if ogg.bad is None or (crc and not ogg.bad.seen.strip("0")):
            ogg.bad = rules.PAGE_CRC.found(at=at, seen=f"{crc:08x}", allowed=f"{right:08x}")
    stream = ogg.streams.get(serial)
    if stream is None or (flags & _FIRST and stream.ended):
        if len(ogg.streams) >= MAX_STREAMS:
            ogg.streams = {number: other for number, other in ogg.streams.items() if not other.ended}
        if len(ogg.streams) >= MAX_STREAMS:
            ogg.screening.spend(MAX_STREAMS)
            yield from _once(
                ogg, unscannable.BUDGET, at=at, seen=f"more than {MAX_STREAMS} streams at once", allowed=MAX_STREAMS
            )
            return
        stream = ogg.streams[serial] = _Stream(serial)
        if not flags & _FIRST:
            yield from _once(ogg, rules.STREAM_START, at=at, where=stream.name, seen=flags, allowed=_FIRST)
    elif flags & _FIRST:
        yield from _once(ogg, rules.STREAM_START, at=at, where=stream.name, seen="a second beginning")
    yield from _judge_order(stream, flags, granule, sequence, at, ogg)
    yield from _take_packets(stream, page, HEADER + count, at, ogg)
    stream.ended = bool(flags & _LAST)


def _judge_order(stream: _Stream, flags: int, granule: int, sequence: int, at: int, ogg: _File) -> Iterator[Finding]:
    if stream.sequence >= 0 and sequence != (stream.sequence + 1) & 0xFFFFFFFF:
        seen, allowed = sequence, stream.sequence + 1
        yield from _once(ogg, rules.SEQUENCE, at=at, where=stream.name, seen=seen, allowed=allowed)
    elif bool(flags & _CONTINUED) != stream.open and stream.sequence >= 0:
        yield from _once(ogg, rules.CONTINUED, at=at, where=stream.name, seen=flags)
    if granule != -1:
        if granule < stream.granule:
            yield from _once(ogg, rules.GRANULE, at=at, where=stream.name, seen=granule, allowed=stream.granule)
        stream.granule = granule
    stream.sequence = sequence


def _take_packets(stream: _Stream, page: bytes, place: int, at: int, ogg: _File) -> Iterator[Finding]:
    """Put header packets together; the others only say whether the page ends within one."""
    lengths = page[HEADER:place]
    stream.open = lengths[-1:] == b"\xff"
    for length in lengths:
        if stream.headers >= stream.wanted:
            return
        stream.packet.append(page[place : place + length])
        stream.held += length
        place += length
        if stream.held > MAX_HEADER:
            ogg.screening.not_covered(stream.name, f"header packets beyond {MAX_HEADER} bytes")
            stream.packet.clear()
            stream.headers = 255
            return
        if length < 255:
            packet = b"".join(stream.packet)
            stream.packet.clear()
            yield from _judge_header(stream, packet, at, ogg)
            stream.headers += 1


def _judge_header(stream: _Stream, packet: bytes, at: int, ogg: _File) -> Iterator[Finding]:
    """The first packet names the codec, the second one has the comments, a third one has Vorbis's tables."""
    if stream.headers == 0:
        codec = stream.codec = codec_of(packet)
        if codec is None:
            ogg.screening.not_covered(stream.name, f"an unknown codec: {packet[:8]!r}")
            if hit := file_in(Source.of_bytes(packet), 0, len(packet)):
                yield rules.HIDDEN_FILE.found(at=at, where=stream.name, seen=hit[1].label)
            return
        for name, seen, allowed in codec.faults(packet):
            yield codec.rule.found(at=at, where=f"{stream.name} {name}", seen=seen, allowed=allowed)
    elif stream.headers == 1 and stream.codec and stream.codec.comment is not None:
        yield from judge_comments(packet, stream.codec, at, stream.name, ogg.screening)
    elif stream.headers == 2 and stream.codec and stream.codec.name == "Vorbis" and not _SETUP.match(packet):
        yield rules.SETUP.found(at=at, where=stream.name, seen=packet[:11], allowed="\\x05vorbis, a number, BCV")


def _once(
    ogg: _File, rule: Rule, *, at: int, where: str = "", seen: object = "", allowed: object = ""
) -> Iterator[Finding]:
    """A finding of a rule that is not told yet."""
    if rule.id not in ogg.told:
        ogg.told.add(rule.id)
        yield rule.found(at=at, where=where, seen=seen, allowed=allowed)
