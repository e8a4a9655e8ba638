"""Inert AVI video, built chunk by chunk: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct

from carriers.riff import chunk, container_cases, form, listed
from carriers.wav import SAMPLES, fmt, sound_cases
from lazaretto_validators.testing import Case

__all__ = [
    "CASES", "avi", "avih", "bitmap", "frame", "hdrl", "idx1", "indx", "movi", "strh", "strl", "with_sound",
]  # fmt: skip

PIXELS = bytes(range(16))  # two rows of two pixels, each row padded to four bytes


def avih(streams: int = 1, *, count: int = 56) -> bytes:
    """The main header, `count` bytes of it."""
    numbers = (1_000_000, 0, 0, 0, 1, 0, streams, 0, 2, 2, 0, 0, 0, 0)
    return chunk(b"avih", struct.pack("<14I", *numbers)[:count])


def strh(kind: bytes = b"vids", codec: bytes = b"DIB ", *, count: int = 56) -> bytes:
    """The header of a stream, `count` bytes of it."""
    numbers = (0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0)
    return chunk(b"strh", (kind + codec + struct.pack("<12I", *numbers))[:count])


def bitmap(
    width: int = 2, height: int = 2, bits: int = 24, *, size: int = 40, colours: int = 0, palette: bytes = b""
) -> bytes:
    """The format of uncompressed pictures."""
    return struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, 0, 16, 0, 0, colours, 0) + palette


def strl(header: bytes | None = None, content: bytes | None = None, *more: bytes) -> bytes:
    """A stream; by default one of uncompressed pictures."""
    return listed(
        b"strl", strh() if header is None else header, chunk(b"strf", bitmap() if content is None else content), *more
    )


def hdrl(*parts: bytes) -> bytes:
    """The headers; by default of one stream."""
    return listed(b"hdrl", *(parts or (avih(), strl())))


def frame(number: int = 0, data: bytes = PIXELS) -> bytes:
    """One picture."""
    return chunk(b"%02ddb" % number, data)


def movi(*parts: bytes, length: int | None = None) -> bytes:
    """Pictures and sounds; by default one picture."""
    return listed(b"movi", *(parts or (frame(),)), length=length)


def idx1(offset: int = 4) -> bytes:
    """An index of one picture."""
    return chunk(b"idx1", struct.pack("<4sIII", b"00db", 16, offset, len(PIXELS)))


def indx(entries: int = 1, *, longs: int = 4) -> bytes:
    """An index of OpenDML with room for one entry."""
    return chunk(b"indx", struct.pack("<HBBI4s12x", longs, 0, 0, entries, b"00db") + bytes(16))


def avi(*chunks: bytes, size: int | None = None) -> bytes:
    """A whole file; by default headers and one picture."""
    return form(b"AVI ", *(chunks or (hdrl(), movi())), size=size)


def stream(*parts: bytes) -> bytes:
    """A file with this one stream."""
    return avi(hdrl(avih(), listed(b"strl", *parts)), movi())


def with_sound(header: bytes | None = None) -> bytes:
    """A file with pictures, and a sound of this header."""
    heard = strl(strh(b"auds", b"\1\0\0\0"), fmt() if header is None else header)
    return avi(hdrl(avih(2), strl(), heard), movi(frame(), chunk(b"01wb", SAMPLES)))


def _case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"avi.{rule}", broken, avi() if repaired is None else repaired)


_EIGHT = bitmap(bits=8, colours=2, palette=bytes(8))

CASES: tuple[Case, ...] = (
    _case("chunk-id", avi(hdrl(), chunk(b"\1\2\3\4"), movi())),
    _case(
        "chunk-bounds", avi(hdrl(), movi(), chunk(b"note", b"four"))[:-2], avi(hdrl(), movi(), chunk(b"note", b"four"))
    ),
    _case("list-bounds", avi(hdrl(avih(), strl(strh(), bitmap(), chunk(b"strn", b"name", length=6))), movi())),
    _case("riff-size", avi(size=64)),
    _case("header", avi(hdrl(avih(count=36), strl()), movi())),
    _case("stream", stream(strh(count=40), chunk(b"strf", bitmap()))),
    _case("stream-count", avi(hdrl(avih(2), strl()), movi())),
    _case("stream-number", avi(hdrl(), movi(frame(1)))),
    _case("bitmap", stream(strh(), chunk(b"strf", bitmap(size=44)))),
    _case(
        "dimensions",
        stream(strh(), chunk(b"strf", bitmap(height=0))),
        stream(strh(), chunk(b"strf", bitmap(height=-2))),
    ),
    _case("pixel-bomb", stream(strh(), chunk(b"strf", bitmap(32_769)))),
    _case("palette", stream(strh(), chunk(b"strf", _EIGHT[:-4])), stream(strh(), chunk(b"strf", _EIGHT))),
    _case("movi-missing", avi(hdrl())),
    _case("movi-cut", avi()[:-4]),
    _case("data-bounds", avi(hdrl(), movi(frame(), length=24))),
    _case("movi-id", avi(hdrl(), movi(frame(), chunk(b"note")))),
    _case(
        "index-count",
        avi(hdrl(avih(), strl(None, None, indx(2))), movi()),
        avi(hdrl(avih(), strl(None, None, indx())), movi()),
    ),
    _case("index", avi(hdrl(), movi(), idx1(1 << 20)), avi(hdrl(), movi(), idx1())),
    _case("truncated", avi()[:100]),
    *container_cases(
        "avi", lambda chunks: avi(chunks, hdrl(), movi()), lambda text: listed(b"INFO", chunk(b"ISFT", text))
    ),
    *sound_cases("avi", with_sound),
)
