"""Comments of an Ogg stream, and the covers in them. Vorbis I section 5; RFC 7845 5.2; RFC 9639 8.

comments = vendor, count:u32, {comment}      each text being length:u32 and that many bytes of UTF-8
comment  = NAME "=" value                    METADATA_BLOCK_PICTURE: base64 of a FLAC picture block
block    = last:1 type:7 size:24 content     FLAC has one in each of its header packets
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from lazaretto_validators.audio import ogg_rules as rules
from lazaretto_validators.audio.id3 import LOOK
from lazaretto_validators.audio.ogg_codecs import Codec
from lazaretto_validators.finding import Finding
from lazaretto_validators.identify import identify
from lazaretto_validators.media_types import Risk
from lazaretto_validators.names import is_textual
from lazaretto_validators.slack import code_in, file_in
from lazaretto_validators.source import PIECE, Source
from lazaretto_validators.validator import Screening

__all__ = ["judge_block", "judge_comments"]


_PICTURE, _COVER = b"metadata_block_picture", b"coverart"
_LEAST = 16  # bytes: a shorter value is no file


def judge_comments(packet: bytes, codec: Codec, at: int, where: str, screening: Screening) -> Iterator[Finding]:
    """The second packet of a stream, which stands at `at`."""
    mark = codec.comment or b""
    if not packet.startswith(mark):
        yield rules.COMMENT_HEADER.found(at=at, where=where, seen=packet[:8], allowed=mark)
        return
    begin = len(mark) if codec.name != "FLAC" else 4  # behind the header of a metadata block
    place = begin
    values: list[bytes] = []
    texts = 1  # the vendor, before the others are counted
    while texts:
        length = int.from_bytes(packet[place : place + 4], "little")
        if place + 4 > len(packet) or place + 4 + length > len(packet):
            seen, left = f"{length} bytes", max(0, len(packet) - place - 4)
            yield rules.COMMENT_LENGTH.found(at=at, where=f"{where} comment[{len(values)}]", seen=seen, allowed=left)
            return
        values.append(packet[place + 4 : place + 4 + length])
        place += 4 + length
        texts -= 1
        if len(values) == 1:
            texts = int.from_bytes(packet[place : place + 4].ljust(4, b"\xff"), "little")
            place += 4
        screening.spend()
    if codec.name == "Vorbis" and packet[place : place + 1] not in (b"\1", b"\3", b"\xff"):
        yield rules.FRAMING.found(at=at, where=where, seen=packet[place : place + 1].hex(), allowed="01")
    for number, value in enumerate(values):
        yield from _judge_value(value, at, f"{where} comment[{number}]", screening)
    yield from _judge_padding(packet[place:], at, where)


def _judge_padding(rest: bytes, at: int, where: str) -> Iterator[Finding]:
    """Behind the comments may stand padding, and in Opus what is to be kept."""
    if len(rest) >= _LEAST and (hit := file_in(Source.of_bytes(rest), 0, len(rest))):
        yield rules.HIDDEN_FILE.found(at=at, where=f"{where} padding", seen=hit[1].label)


_PICTURE_BLOCK = 6  # RFC 9639 8.1


def judge_block(packet: bytes, at: int, where: str, screening: Screening) -> Iterator[Finding]:
    """A metadata block of FLAC that is not its comments. RFC 9639 8."""
    screening.spend(LOOK)
    if packet[:1] and packet[0] & 0x7F == _PICTURE_BLOCK:
        yield from _judge_picture(packet[4:], at, where, screening)
    else:
        yield from _judge_padding(packet[4:], at, where)


def _judge_value(comment: bytes, at: int, where: str, screening: Screening) -> Iterator[Finding]:
    name, _, value = comment.partition(b"=")
    if name.lower() == _PICTURE:
        yield from _judge_picture(_decoded(value, screening), at, where, screening)
        return
    if name.lower() == _COVER:
        yield from _judge_image(_decoded(value, screening), at, where, screening)
        return
    if len(comment) < _LEAST:
        return
    screening.spend(LOOK)
    # A page or script that a text quotes is no file: the code in it is told all the same.
    hit = file_in(Source.of_bytes(value or comment), 0, len(value or comment))
    if hit and not is_textual(hit[1]):
        yield rules.HIDDEN_FILE.found(at=at, where=where, seen=hit[1].label)
    elif code := code_in(comment[place : place + PIECE] for place in range(0, len(comment), PIECE)):
        yield rules.CODE.found(at=at, where=where, seen=code)


def _decoded(value: bytes, screening: Screening) -> bytes:
    """Out of base64; nothing where it is none. Players do without the signs that fill it up."""
    screening.spend(LOOK)
    try:
        data = base64.b64decode(value + b"==")
    except (binascii.Error, ValueError):
        return b""
    screening.expand(len(data))
    return data


def _judge_picture(block: bytes, at: int, where: str, screening: Screening) -> Iterator[Finding]:
    """Type, media type, description, four numbers, data. RFC 9639 8.8."""
    place, mime = 4, b""
    for number in range(2):
        length = int.from_bytes(block[place : place + 4], "big")
        if number == 0:
            mime = block[place + 4 : place + 4 + length]
        place += 4 + length
    length = int.from_bytes(block[place + 16 : place + 20], "big")
    data = block[place + 20 : place + 20 + length]
    if place + 20 + length > len(block) or not block:
        seen = f"{length} bytes at {place + 20}" if block else "no base64"
        yield rules.PICTURE.found(at=at, where=where, seen=seen, allowed=f"{len(block)} bytes")
    elif mime == b"-->":
        yield rules.PICTURE_LINK.found(at=at, where=where, seen=data[:200])
    else:
        yield from _judge_image(data, at, where, screening)


def _judge_image(data: bytes, at: int, where: str, screening: Screening) -> Iterator[Finding]:
    source = Source.of_bytes(data)
    kind = identify(source.at(0)) if data else None
    if kind is None or kind.name == "text/plain":
        yield rules.PICTURE.found(at=at, where=where, seen=data[:8].hex(), allowed="a picture")
    elif kind.risk not in (Risk.VIEWED, Risk.UNKNOWN):
        yield rules.HIDDEN_FILE.found(at=at, where=where, seen=kind.label)
    if data:
        screening.member(f"{where} picture", source, nameless=True)
