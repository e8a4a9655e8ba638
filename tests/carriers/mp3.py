"""Inert MP3 files, built frame by frame: a valid default, and one deviation for each rule."""

from __future__ import annotations

import struct
import zlib

from carriers.png import png
from lazaretto_validators.audio.mp3 import SMALLEST_MP3
from lazaretto_validators.testing import Case

__all__ = ["CASES", "SOUND", "ape", "apic", "geob", "id3", "id3_frame", "id3v1", "syncsafe", "text"]

FRAME = SMALLEST_MP3[-104:]
SOUND = FRAME * 12


def syncsafe(value: int) -> bytes:
    """A number of seven bits a byte."""
    return bytes(value >> shift & 0x7F for shift in (21, 14, 7, 0))


def id3_frame(kind: bytes, content: bytes, *, version: int = 4, flags: int = 0, size: int | None = None) -> bytes:
    """One frame of a tag, with its own size unless another is given."""
    length = len(content) if size is None else size
    if version == 2:
        return kind + length.to_bytes(3, "big") + content
    return kind + (syncsafe(length) if version == 4 else struct.pack(">L", length)) + struct.pack(">H", flags) + content


def id3(
    *frames: bytes, version: int = 4, flags: int = 0, padding: bytes = bytes(16), size: bytes | None = None
) -> bytes:
    """A tag."""
    body = b"".join(frames) + padding
    return b"ID3" + bytes([version, 0, flags]) + (syncsafe(len(body)) if size is None else size) + body


def text(words: bytes = b"inert", kind: bytes = b"TIT2", encoding: int = 3) -> bytes:
    """A text frame."""
    return id3_frame(kind, bytes([encoding]) + words)


def apic(data: bytes, mime: bytes = b"image/png") -> bytes:
    """A cover picture."""
    return id3_frame(b"APIC", b"\0" + mime + b"\0\3\0" + data)


def geob(name: bytes, data: bytes) -> bytes:
    """A file in a frame."""
    return id3_frame(b"GEOB", b"\0application/octet-stream\0" + name + b"\0inert\0" + data)


def id3v1() -> bytes:
    """The tag of 128 bytes at the end."""
    return b"TAG" + b"inert".ljust(125, b"\0")


def ape(*items: tuple[bytes, bytes], count: int | None = None, flags: int = 0) -> bytes:
    """An APEv2 tag with header and footer. flags: of the items."""
    body = b"".join(struct.pack("<LL", len(value), flags) + key + b"\0" + value for key, value in items)
    fields = (2000, len(body) + 32, len(items) if count is None else count)
    head = b"APETAGEX" + struct.pack("<LLLL8x", *fields, 0xA0000000)
    return head + body + b"APETAGEX" + struct.pack("<LLLL8x", *fields, 0x80000000)


def xing(count: int) -> bytes:
    """A first frame that counts the others."""
    return (FRAME[:4] + bytes(17) + b"Info" + struct.pack(">LL", 1, count)).ljust(len(FRAME), b"\0")


PLAIN = id3(text()) + SOUND
_7Z = bytes.fromhex("377abcaf271c0004") + bytes.fromhex("8d9bd50f") + bytes(20)
_ZIP = b"PK\3\4\x14\0\0\0" + bytes(24)
_BOMB = id3_frame(b"PRIV", struct.pack(">L", 0) + zlib.compress(bytes(9 << 20), 9), flags=9)


def _case(rule: str, broken: bytes, repaired: bytes = PLAIN) -> Case:
    return Case(f"mp3.{rule}", broken, repaired)


_TAG = (
    _case("id3-size", id3(text(), size=bytes([0, 0, 0, 0x80 | 32])) + SOUND, id3(text()) + SOUND),
    _case("id3-version", id3(text(), flags=1) + SOUND),
    _case(
        "id3-extended",
        id3(b"\0\0\1\0\1\0", text(), flags=0x40) + SOUND,
        id3(b"\0\0\0\6\1\0", text(), flags=0x40) + SOUND,
    ),
    _case("id3-frame-size", id3(id3_frame(b"TIT2", b"\3inert", size=7), padding=b"") + SOUND),
    _case(
        "id3-plain-size",
        id3(id3_frame(b"PRIV", b"inert\0".ljust(200, b"\1"), version=3)) + SOUND,
        id3(id3_frame(b"PRIV", b"inert\0".ljust(200, b"\1"))) + SOUND,
    ),
    _case("id3-frame-id", id3(text(), padding=b"\1" * 16) + SOUND),
    _case("id3-encoding", id3(text(encoding=4)) + SOUND),
    _case("id3-picture", id3(apic(b"inert, no picture")) + SOUND, id3(apic(png())) + SOUND),
    _case("id3-picture-link", id3(apic(b"http://host.invalid/a.png", b"-->")) + SOUND, id3(apic(png())) + SOUND),
    _case("id3-frame-bomb", id3(_BOMB) + SOUND),
    _case("id3-hidden-file", id3(id3_frame(b"PRIV", b"inert\0" + _ZIP)) + SOUND),
    _case("id3-code", id3(text(b"<?php /* inert */ ?>")) + SOUND),
)
_SOUND = (
    _case("truncated", PLAIN[:20]),
    _case("no-frames", id3(text()) + b"inert" * 100),
    _case("lost-sync", (SOUND + b"\1" * 5000) * 2 + SOUND),
    _case("resync", SOUND + b"\1" * 50 + SOUND, SOUND),
    _case("last-frame", SOUND[:-1], SOUND),
    _case("frame-count", xing(99) + SOUND, xing(12) + SOUND),
    _case("ape-size", SOUND + ape((b"Title", b"inert"), count=2), SOUND + ape((b"Title", b"inert"))),
    _case("hidden-file", SOUND + b"\1" * 10 + _7Z + b"\1" * 10 + SOUND, SOUND),
    _case("code-in-tag", SOUND + ape((b"Title", b"<?php /* inert */ ?>")), SOUND + ape((b"Title", b"inert"))),
)

CASES: tuple[Case, ...] = _TAG + _SOUND
