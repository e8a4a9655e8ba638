"""Inert Ogg files, built page by page: a valid default, and one deviation for each rule."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable

from carriers.png import png
from lazaretto_validators.audio.ogg import SMALLEST_OGG, checksum
from lazaretto_validators.testing import Case

__all__ = ["CASES", "comments", "head", "ogg", "opus_head", "page", "picture", "vorbis"]

CONTINUED, FIRST, LAST = 1, 2, 4


def page(
    packet: bytes,
    flags: int = 0,
    number: int = 0,
    *,
    granule: int = 0,
    serial: int = 1,
    version: int = 0,
    crc: int | None = None,
) -> bytes:
    """A page with one packet that ends in it, with its own checksum unless another is given."""
    lacing = b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255])
    whole = (
        struct.pack("<4sBBqLLLB", b"OggS", version, flags, granule, serial, number, 0, len(lacing)) + lacing + packet
    )
    return whole[:22] + (checksum(whole) if crc is None else crc).to_bytes(4, "little") + whole[26:]


def opus_head(version: int = 1, channels: int = 1, family: int = 0, mapping: bytes = b"") -> bytes:
    """The first packet of an Opus stream. RFC 7845 5.1."""
    return b"OpusHead" + struct.pack("<BBHLhB", version, channels, 312, 48000, 0, family) + mapping


def comments(*texts: bytes, mark: bytes = b"OpusTags", count: int | None = None, tail: bytes = b"") -> bytes:
    """A second packet."""
    body = b"".join(struct.pack("<L", len(text)) + text for text in texts)
    return mark + struct.pack("<L5sL", 5, b"inert", len(texts) if count is None else count) + body + tail


def picture(data: bytes, mime: bytes = b"image/png", *, length: int | None = None) -> bytes:
    """A cover in a comment."""
    block = struct.pack(">LL", 3, len(mime)) + mime + struct.pack(">L4LL", 0, 2, 2, 8, 0, length or len(data)) + data
    return b"METADATA_BLOCK_PICTURE=" + base64.b64encode(block)


def ogg(first: bytes | None = None, second: bytes | None = None, *rest: bytes) -> bytes:
    """A file of one stream: header packets, one packet of sound."""
    packets = (
        opus_head() if first is None else first,
        comments() if second is None else second,
        *rest,
        b"\xf8\xff\xfe",
    )
    last = len(packets) - 1
    return b"".join(
        page(packet, FIRST if number == 0 else LAST if number == last else 0, number)
        for number, packet in enumerate(packets)
    )


def vorbis(sizes: int = 0xB8, framing: int = 1, setup: bytes = b"\x05vorbis\0BCV", end: bytes = b"\1") -> bytes:
    """A file of Vorbis."""
    first = b"\x01vorbis" + struct.pack("<LBLLLLBB", 0, 1, 8000, 0, 0, 0, sizes, framing)
    return ogg(first, comments(mark=b"\x03vorbis", tail=end), setup)


def speex(size: int = 80) -> bytes:
    """A file of Speex."""
    first = b"Speex   " + b"1.2".ljust(20, b"\0") + struct.pack("<LLLLLLLLL", 1, size, 8000, 0, 4, 1, 0, 160, 0)
    return ogg(first.ljust(80, b"\0"), comments(mark=b""))


def theora(*, version: int = 3, wide: int = 1, size: int = 16, offset: int = 0, rate: int = 25) -> bytes:
    """The first packet of a Theora stream: a frame of `wide` blocks by one. Theora specification 6.2."""
    picture_size = size.to_bytes(3, "big") + (16).to_bytes(3, "big")
    numbers = struct.pack(">HH6sBBLL", wide, 1, picture_size, offset, 0, rate, 1)
    return b"\x80theora" + bytes([version, 2, 1]) + numbers + bytes(12)


def flac(*, version: int = 1, kind: bytes = b"\0\0\0\x22", least: int = 4096, rate: int = 44100) -> bytes:
    """The first packet of a FLAC stream. https://xiph.org/flac/ogg_mapping.html"""
    info = struct.pack(">HH", least, 4096) + bytes(6) + (rate << 4).to_bytes(3, "big") + bytes(21)
    return b"\x7fFLAC" + bytes([version, 0, 0, 1]) + b"fLaC" + kind + info


def video(first: bytes) -> bytes:
    """A file of Theora."""
    return ogg(first, comments(mark=b"\x81theora"), b"\x82theora")


def lossless(first: bytes) -> bytes:
    """A file of FLAC, whose comments are the last block of metadata."""
    return ogg(first, b"\x84" + bytes(3) + comments(mark=b""))


def speech(first: bytes) -> bytes:
    """A file of Speex, whose comments have no mark."""
    return ogg(first, comments(mark=b""))


def _first_of_speex(rate: int = 8000, mode: int = 0, channels: int = 1) -> bytes:
    fields = struct.pack("<LLLLLLLLL", 1, 80, rate, mode, 4, channels, 0, 160, 0)
    return (b"Speex   " + b"1.2".ljust(20, b"\0") + fields).ljust(80, b"\0")


def _first_of_vorbis(version: int = 0, channels: int = 1, rate: int = 8000) -> bytes:
    return b"\x01vorbis" + struct.pack("<LBLLLLBB", version, channels, rate, 0, 0, 0, 0xB8, 1)


def _first_vorbis(first: bytes) -> bytes:
    return ogg(first, comments(mark=b"\x03vorbis", tail=b"\1"), b"\x05vorbis\0BCV")


_HEAD, _TAGS, _SOUND = page(opus_head(), FIRST, 0), page(comments(), 0, 1), page(b"\xf8\xff\xfe", LAST, 2)
_7Z = bytes.fromhex("377abcaf271c0004") + bytes.fromhex("8d9bd50f") + bytes(20)


def head(first: bytes = _HEAD, second: bytes = _TAGS, third: bytes = _SOUND) -> bytes:
    """Three pages, one of which may be another."""
    return first + second + third


def _case(rule: str, broken: bytes, repaired: bytes = SMALLEST_OGG) -> Case:
    return Case(f"ogg.{rule}", broken, repaired)


def _cases(rule: str, put: Callable[[bytes], bytes], valid: bytes, *broken: bytes) -> tuple[Case, ...]:
    """First packets of a codec, each with one field wrong."""
    return tuple(_case(rule, put(packet), put(valid)) for packet in broken)


_FIRST_PACKETS = (
    *_cases(
        "opus-header",
        ogg,
        opus_head(2, 3, 1, b"\2\1\0\1\xff"),
        opus_head()[:-1],
        opus_head(version=16),
        opus_head(3, 3, 1, b"\2\1\0\1"[:3]),
        opus_head(1, 3, 1, b"\0\0\xff\xff\xff"),
        opus_head(1, 3, 1, b"\2\1\0\1\3"),
        opus_head(1, 9, 1, b"\x09\0" + bytes(range(9))),
    ),
    *_cases("opus-header", ogg, opus_head(1, 3, 3, b"\2\1" + bytes(20)), opus_head(1, 3, 3, b"\2\1")),
    *_cases(
        "vorbis-header",
        _first_vorbis,
        _first_of_vorbis(),
        _first_of_vorbis()[:-1],
        _first_of_vorbis(1),
        _first_of_vorbis(channels=0),
        _first_of_vorbis()[:-1] + b"\0",
    ),
    *_cases(
        "codec-header",
        video,
        theora(),
        theora()[:-1],
        theora(version=2),
        theora(size=17),
        theora(offset=1),
        theora(rate=0),
    ),
    *_cases(
        "codec-header",
        lossless,
        flac(),
        flac()[:-1],
        flac(version=2),
        flac(kind=b"\1\0\0\x22"),
        flac(least=15),
        flac(rate=0),
    ),
    *_cases(
        "codec-header",
        speech,
        _first_of_speex(channels=2),
        _first_of_speex()[:-1],
        _first_of_speex(rate=0),
        _first_of_speex(mode=3),
        _first_of_speex(channels=3),
    ),
)

CASES: tuple[Case, ...] = (
    *_FIRST_PACKETS,
    _case("truncated", SMALLEST_OGG[:-1]),
    _case("lost-page", head(second=_TAGS + b"inert")),
    _case("page-header", head(second=page(comments(), 8, 1))),
    _case("page-crc", head(second=page(comments(), 0, 1, crc=1))),
    _case(
        "no-crc", b"".join((_HEAD[:22] + bytes(4) + _HEAD[26:], page(comments(), 0, 1, crc=0), page(b"", 4, 2, crc=0)))
    ),
    _case("stream-start", head(first=page(opus_head(), 0, 0))),
    _case("sequence", head(third=page(b"\xf8", LAST, 3))),
    _case("continued", head(third=page(b"\xf8", LAST | CONTINUED, 2))),
    _case("stream-end", head(third=page(b"\xf8", 0, 2))),
    _case("granule", head(second=page(comments(), 0, 1, granule=960))),
    _case("opus-header", ogg(opus_head(channels=3))),
    _case("vorbis-header", vorbis(sizes=0x8B), vorbis()),
    _case("codec-header", speex(81), speex()),
    _case("setup", vorbis(setup=b"\x05vorbis\0BCX"), vorbis()),
    _case("comment-length", ogg(None, comments(b"TITLE=inert", count=2)), ogg(None, comments(b"TITLE=inert"))),
    _case("comment-header", ogg(None, b"inert, no comments")),
    _case("framing", vorbis(end=b"\0"), vorbis()),
    _case("picture", ogg(None, comments(picture(png(), length=9999))), ogg(None, comments(picture(png())))),
    _case("picture-link", ogg(None, comments(picture(b"http://host.invalid/a", b"-->"))), ogg(None, comments())),
    _case("hidden-file", ogg(None, comments(b"A=" + _7Z)), ogg(None, comments(b"A=" + bytes(32)))),
    _case("code", ogg(None, comments(b"TITLE=<?php /* inert */ ?>")), ogg(None, comments(b"TITLE=inert"))),
)
