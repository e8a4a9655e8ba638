"""Ogg: Vorbis, Opus, Speex, FLAC and Theora in pages. RFC 3533, RFC 5334, RFC 7845; codecs: `ogg_codecs`.

    file = page*
    page = "OggS" version:1 flags:1 granule:8 serial:4 sequence:4 crc:4 count:1 lengths:count payload
    packets are laced over the lengths: 255 goes on, anything less ends one

Checked: every page's place, header and checksum, the numbering and time of each stream, how it begins and ends, the
header packets of the codecs named, comments, covers, FLAC's blocks of metadata; other files among all of it, and the
tail.
Not checked: the coded sound and pictures; streams of other codecs, which are named as a gap.

Deviations: pages without any checksum (small devices write voice notes so), streams that were cut out of others or
broken off, chained files, gaps in the numbering: told at info.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from lazaretto_validators import unscannable
from lazaretto_validators.audio import ogg_rules as rules
from lazaretto_validators.audio.id3 import LOOK
from lazaretto_validators.audio.ogg_codecs import Codec, codec_of
from lazaretto_validators.audio.ogg_comments import judge_block, judge_comments
from lazaretto_validators.embedded import may_hold, search
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.slack import file_in
from lazaretto_validators.source import NotThisFormat, ShortRead, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_OGG", "checksum", "validate_ogg"]

CAPTURE = b"OggS"
HEADER = 27  # bytes, RFC 3533 6
BLOCK = 1 << 20  # bytes in which pages are walked: the last page of a block is read again with the next one

MAX_HEADER = 32 << 20  # bytes of header packets that are kept of one stream: comments with covers have a few MiB
MAX_LOST = 1 << 20  # bytes in which the next page is looked for
MAX_STREAMS = 1000  # in one file; broadcasts chain one for each piece of music

_FIELDS = struct.Struct("<4sBBqLLLB")
_CRC = slice(22, 26)
_CONTINUED, _FIRST, _LAST = 1, 2, 4  # header_type_flag
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ONES = 0xFFFFFFFF


def _turned(pages: bytes) -> memoryview:
    """The bytes with their bits reversed, for `_is_right`. Of a bytearray, because bytes take twice as long."""
    return memoryview(bytearray(pages).translate(_REVERSED))


def _is_right(turned: memoryview) -> bool:
    """Has a page the checksum that it should have? That is CRC-32 without reflection, from zero, its own field being 0.

    zlib has the same polynomial, 04C11DB7, reflected: it feeds a byte's bits lowest first into a register that runs the
    other way. Bytes whose bits are reversed put the same bits in the same order, and leave the register reversed, as
    the field itself is then, from its other end. zlib also inverts the register before and after.
    """
    return _register(turned) == int.from_bytes(turned[_CRC], "big")


def _register(turned: memoryview) -> int:
    head = zlib.crc32(bytes(4), zlib.crc32(turned[: _CRC.start], _ONES))
    return zlib.crc32(turned[_CRC.stop :], head) ^ _ONES


def checksum(page: bytes) -> int:
    """The checksum that a page should have."""
    return int.from_bytes(_register(_turned(page)).to_bytes(4, "little").translate(_REVERSED), "big")


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


class _Page(NamedTuple):
    """The header of a page. RFC 3533 6. laces: how many lengths follow it."""

    mark: bytes
    version: int
    flags: int
    granule: int
    serial: int
    sequence: int
    crc: int
    laces: int


@dataclass(slots=True)
class _Stream:
    """One logical stream. packet: of the header packet that is being read.

    headers: how many are complete. wanted: how many there are; the first packet is one in any case.
    """

    serial: int
    codec: Codec | None = None
    sequence: int = -1
    granule: int = -1
    open: bool = False
    ended: bool = False
    headers: int = 0
    wanted: int = 1
    held: int = 0
    packet: list[bytes] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"{self.codec.name if self.codec else 'stream'} {self.serial:08x}"

    def goes_on(self, page: _Page, lengths: bytes) -> bool:
        """Is this its next page of sound or pictures, of which nothing is to be said? Then it is taken. Most are."""
        if (
            page.version
            or page.flags > _CONTINUED
            or page.flags != self.open
            or page.sequence != self.sequence + 1
            or page.granule < self.granule
            or self.headers < self.wanted
        ):
            return False
        self.sequence, self.granule, self.ended = page.sequence, page.granule, False
        self.open = lengths[-1:] == b"\xff"
        return True


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
    # A file may begin in the last page and go on behind it.
    if (ogg.held or walker.peek(1)) and (hit := search(whole, 1)) and hit[0] < end:
        yield rules.HIDDEN_FILE.found(at=hit[0], seen=MEDIA_TYPES[hit[1]].label)


def _walk(walker: Source, ogg: _File) -> Iterator[Finding]:
    """Page after page, in blocks that hold many of them. Leaves the walker behind the last one."""
    while block := walker.peek(BLOCK):
        # Nothing looked for lies across two blocks: the second one begins with a page, and so with an O.
        ogg.held = ogg.held or may_hold(block)
        at = yield from _judge_block(block, walker.tell(), ogg)
        if at:
            walker.skip(at)
        elif block.startswith(CAPTURE) or CAPTURE.startswith(block):
            raise ShortRead(walker.tell(), _page_length(block), len(block))
        else:
            return


_NEXT = re.compile(rb"OggS\0[\0-\x07]")


def _judge_block(block: bytes, base: int, ogg: _File) -> Generator[Finding, None, int]:
    """The pages from the beginning of a block on. Answers where the last one that is whole ends."""
    turned, at, pages = _turned(block), 0, ogg.pages
    while at + HEADER <= len(block):
        if not block.startswith(CAPTURE, at):
            following = _NEXT.search(block, at)
            if following is None:
                break
            yield from _judge_gap(base + at, base + following.start(), ogg)
            at = following.start()
            continue
        page = _Page._make(_FIELDS.unpack_from(block, at))
        begin = at + HEADER + page.laces
        lengths = block[at + HEADER : begin]
        end = begin + sum(lengths)
        if end > len(block):
            break
        ogg.pages += 1
        if not _is_right(turned[at:end]):
            _note_checksum(page.crc, checksum(block[at:end]), base + at, ogg)
        stream = ogg.streams.get(page.serial)
        if stream is None or not stream.goes_on(page, lengths):
            yield from _judge_page(page, lengths, block[begin:end], base + at, ogg)
        at = end
    ogg.screening.spend((ogg.pages - pages) // 4)
    return at


def _note_checksum(seen: int, right: int, at: int, ogg: _File) -> None:
    """It is wrong. Told of the first page that has one, if any has."""
    ogg.blank += not seen
    if ogg.bad is None or (seen and not ogg.bad.seen.strip("0")):
        ogg.bad = rules.PAGE_CRC.found(at=at, seen=f"{seen:08x}", allowed=f"{right:08x}")


def _judge_gap(begin: int, end: int, ogg: _File) -> Iterator[Finding]:
    ogg.held = True  # it may be passed over
    ogg.screening.spend(LOOK)
    yield from _once(ogg, rules.LOST_PAGE, at=begin, seen=f"{end - begin} bytes", allowed="a page")
    if hit := file_in(ogg.source, begin, end):
        yield rules.HIDDEN_FILE.found(at=hit[0], where="between pages", seen=hit[1].label)


def _page_length(block: bytes) -> int:
    if len(block) < HEADER:
        return HEADER
    table = block[HEADER : HEADER + block[26]]
    return HEADER + block[26] + sum(table)


def _judge_page(page: _Page, lengths: bytes, payload: bytes, at: int, ogg: _File) -> Iterator[Finding]:
    """A page that begins or ends a stream, has headers, or is not the one that was to follow."""
    flags = page.flags
    if page.version or flags > _CONTINUED | _FIRST | _LAST:
        yield from _once(ogg, rules.PAGE_HEADER, at=at, seen=(page.version, flags), allowed="0, 0 to 7")
    stream = ogg.streams.get(page.serial)
    if stream is None or (flags & _FIRST and stream.ended):
        if len(ogg.streams) >= MAX_STREAMS:
            ogg.streams = {number: other for number, other in ogg.streams.items() if not other.ended}
        if len(ogg.streams) >= MAX_STREAMS:
            ogg.screening.spend(MAX_STREAMS)
            seen = f"more than {MAX_STREAMS} streams at once"
            yield from _once(ogg, unscannable.BUDGET, at=at, seen=seen, allowed=MAX_STREAMS)
            return
        stream = ogg.streams[page.serial] = _Stream(page.serial)
        if not flags & _FIRST:
            yield from _once(ogg, rules.STREAM_START, at=at, where=stream.name, seen=flags, allowed=_FIRST)
    elif flags & _FIRST:
        yield from _once(ogg, rules.STREAM_START, at=at, where=stream.name, seen="a second beginning")
    yield from _judge_order(stream, page, at, ogg)
    yield from _take_packets(stream, lengths, payload, at, ogg)
    stream.ended = bool(flags & _LAST)


def _judge_order(stream: _Stream, page: _Page, at: int, ogg: _File) -> Iterator[Finding]:
    if stream.sequence >= 0 and page.sequence != (stream.sequence + 1) & 0xFFFFFFFF:
        allowed = stream.sequence + 1
        yield from _once(ogg, rules.SEQUENCE, at=at, where=stream.name, seen=page.sequence, allowed=allowed)
    elif bool(page.flags & _CONTINUED) != stream.open and stream.sequence >= 0:
        yield from _once(ogg, rules.CONTINUED, at=at, where=stream.name, seen=page.flags)
    if page.granule != -1:
        if page.granule < stream.granule:
            seen, allowed = page.granule, stream.granule
            yield from _once(ogg, rules.GRANULE, at=at, where=stream.name, seen=seen, allowed=allowed)
        stream.granule = page.granule
    stream.sequence = page.sequence


def _take_packets(stream: _Stream, lengths: bytes, payload: bytes, at: int, ogg: _File) -> Iterator[Finding]:
    """Put header packets together; the others only say whether the page ends within one."""
    stream.open = lengths[-1:] == b"\xff"
    place = 0
    for length in lengths:
        if stream.headers >= stream.wanted:
            return
        stream.packet.append(payload[place : place + length])
        stream.held += length
        place += length
        if stream.held > MAX_HEADER:
            ogg.screening.not_covered(stream.name, f"header packets beyond {MAX_HEADER} bytes")
            stream.packet.clear()
            stream.wanted = 0
            return
        if length < 255:
            packet = b"".join(stream.packet)
            stream.packet.clear()
            yield from _judge_header(stream, packet, at, ogg)
            stream.headers += 1


# The tables of Vorbis: how many codebooks, the first of which begins with these letters. Vorbis I 4.2.4, 3.2.1.
_SETUP = re.compile(rb"\x05vorbis.BCV", re.DOTALL)


def _judge_header(stream: _Stream, packet: bytes, at: int, ogg: _File) -> Iterator[Finding]:
    """The first packet names the codec, the second one has the comments, a third one has Vorbis's tables."""
    codec = stream.codec
    if stream.headers == 0:
        yield from _judge_first(stream, packet, at, ogg)
    elif codec is None or codec.comment is None:
        return
    elif codec.name == "FLAC" and packet[:1] == b"\xff":
        stream.wanted = 0  # sound begins so, and no block of metadata
    elif stream.headers == 1:
        stream.wanted += _goes_on(codec, packet)
        yield from judge_comments(packet, codec, at, stream.name, ogg.screening)
    elif codec.name == "FLAC":
        stream.wanted += _goes_on(codec, packet)
        yield from judge_block(packet, at, f"{stream.name} block[{stream.headers}]", ogg.screening)
    elif stream.headers == 2 and codec.name == "Vorbis" and not _SETUP.match(packet):
        yield rules.SETUP.found(at=at, where=stream.name, seen=packet[:11], allowed="\\x05vorbis, a number, BCV")


def _goes_on(codec: Codec, packet: bytes) -> bool:
    """FLAC has a packet for each block of metadata, and the first bit of the last one is set. RFC 9639 8.1."""
    return codec.name == "FLAC" and packet[:1] < b"\x80"


def _judge_first(stream: _Stream, packet: bytes, at: int, ogg: _File) -> Iterator[Finding]:
    codec = stream.codec = codec_of(packet)
    if codec is None:
        ogg.screening.not_covered(stream.name, f"an unknown codec: {packet[:8]!r}")
        ogg.screening.spend(LOOK)
        if hit := file_in(Source.of_bytes(packet), 0, len(packet)):
            yield rules.HIDDEN_FILE.found(at=at, where=stream.name, seen=hit[1].label)
        return
    stream.wanted = codec.headers
    for name, seen, allowed in codec.faults(packet):
        yield codec.rule.found(at=at, where=f"{stream.name} {name}", seen=seen, allowed=allowed)


def _once(
    ogg: _File, rule: Rule, *, at: int, where: str = "", seen: object = "", allowed: object = ""
) -> Iterator[Finding]:
    """A finding of a rule that is not told yet."""
    if rule.id not in ogg.told:
        ogg.told.add(rule.id)
        yield rule.found(at=at, where=where, seen=seen, allowed=allowed)
