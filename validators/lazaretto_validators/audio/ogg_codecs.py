"""The first packet of each stream in an Ogg file says what it is: Vorbis, Opus, Theora, FLAC, Speex, Skeleton.

Vorbis I 4.2.2; RFC 7845 section 5.1; Theora specification 6.2; https://xiph.org/flac/ogg_mapping.html; the Speex
manual; https://wiki.xiph.org/Ogg_Skeleton_4.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lazaretto_validators.audio import ogg_rules as rules
from lazaretto_validators.finding import Rule

__all__ = ["CODECS", "Codec", "codec_of"]

Fault = tuple[str, object, object]
"""Which field, what stands there, what might."""


@dataclass(frozen=True, slots=True)
class Codec:
    """What is known of a codec's headers.

    rule: of its first packet. faults: what is wrong with that. comment: how the second packet begins, before the
    comments; None if there is none. headers: how many packets are headers.
    """

    name: str
    rule: Rule
    faults: Callable[[bytes], Iterator[Fault]]
    comment: bytes | None
    headers: int


def _vorbis(packet: bytes) -> Iterator[Fault]:
    if len(packet) < 30:
        yield "length", len(packet), 30
        return
    version, channels, rate = struct.unpack_from("<LBL", packet, 7)
    sizes = packet[28]
    short, long = sizes & 15, sizes >> 4
    if version or not channels or not rate:
        yield "version, channels, rate", (version, channels, rate), "0, more, more"
    if not 6 <= short <= long <= 13:
        yield "block sizes", (short, long), "6 to 13, in order"
    if not packet[29] & 1:
        yield "framing bit", 0, 1


def _opus(packet: bytes) -> Iterator[Fault]:
    """Incompatible versions have an upper half that is not zero. Families above 0 have a table of channels."""
    if len(packet) < 19:
        yield "length", len(packet), 19
        return
    version, channels, family = packet[8], packet[9], packet[18]
    if version > 15 or not channels:
        yield "version, channels", (version, channels), "below 16, above 0"
    if family == 0:
        if channels > 2:
            yield "channels", channels, "1 or 2"
        return
    if len(packet) < 21 + channels:
        yield "length", len(packet), 21 + channels
        return
    streams, coupled = packet[19], packet[20]
    if not streams or coupled > streams or streams + coupled > 255:
        yield "streams, coupled", (streams, coupled), "coupled ones among at least one"
    if family == 1 and channels > 8:
        yield "channels", channels, "1 to 8"
    if family != 3:  # which has a matrix instead: RFC 8486
        over = [index for index in packet[21 : 21 + channels] if index != 255 and index >= streams + coupled]
        if over:
            yield "channel mapping", over[0], f"below {streams + coupled}"


def _theora(packet: bytes) -> Iterator[Fault]:
    if len(packet) < 42:
        yield "length", len(packet), 42
        return
    blocks_wide, blocks_high = struct.unpack_from(">HH", packet, 10)
    width, height = int.from_bytes(packet[14:17], "big"), int.from_bytes(packet[17:20], "big")
    rate, scale = struct.unpack_from(">LL", packet, 22)
    if packet[7] != 3 or not blocks_wide or not blocks_high:
        yield "version, blocks", (packet[7], blocks_wide, blocks_high), "3, more, more"
    if width > 16 * blocks_wide or height > 16 * blocks_high:
        yield "picture", (width, height), (16 * blocks_wide, 16 * blocks_high)
    elif packet[20] > 16 * blocks_wide - width or packet[21] > 16 * blocks_high - height:
        yield "offset", (packet[20], packet[21]), "inside the frame"
    if not rate or not scale:
        yield "frame rate", (rate, scale), "above 0"


def _flac(packet: bytes) -> Iterator[Fault]:
    if len(packet) < 51 or packet[9:13] != b"fLaC":
        yield "length, mark", (len(packet), packet[9:13]), "51, fLaC"
        return
    if packet[5] != 1 or packet[13] & 0x7F or packet[14:17] != b"\0\0\x22":
        yield "version, block", packet[5:17].hex(), "1, stream information"
    least, most = struct.unpack_from(">HH", packet, 17)
    if least < 16 or most < least or not int.from_bytes(packet[27:30], "big") >> 4:
        yield "block sizes, rate", (least, most), "16 or more, in order"


def _speex(packet: bytes) -> Iterator[Fault]:
    if len(packet) < 80:
        yield "length", len(packet), 80
        return
    size, rate, mode, _, channels = struct.unpack_from("<LLLLL", packet, 32)
    if size != 80 or not rate or mode > 2 or channels not in (1, 2):
        yield "size, rate, mode, channels", (size, rate, mode, channels), "80, more, 0 to 2, 1 or 2"


def _nothing(packet: bytes) -> Iterator[Fault]:  # noqa: ARG001 - a codec whose header is not judged
    return iter(())


CODECS: Mapping[bytes, Codec] = MappingProxyType(
    {
        b"\x01vorbis": Codec("Vorbis", rules.VORBIS_HEADER, _vorbis, b"\x03vorbis", 3),
        b"OpusHead": Codec("Opus", rules.OPUS_HEADER, _opus, b"OpusTags", 2),
        b"\x80theora": Codec("Theora", rules.CODEC_HEADER, _theora, b"\x81theora", 3),
        b"\x7fFLAC": Codec("FLAC", rules.CODEC_HEADER, _flac, b"", 2),
        b"Speex   ": Codec("Speex", rules.CODEC_HEADER, _speex, b"", 2),
        b"fishead\0": Codec("Skeleton", rules.CODEC_HEADER, _nothing, None, 1),
    }
)


def codec_of(packet: bytes) -> Codec | None:
    """The codec that a stream with this first packet has."""
    return next((codec for mark, codec in CODECS.items() if packet.startswith(mark)), None)
