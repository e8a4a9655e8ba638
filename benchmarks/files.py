"""Files to measure with, made on the spot and written piece by piece: a file of 2 GiB takes the memory of one piece.

All of them are sound, none can do anything, and every run makes the same bytes. Large ones repeat one MiB, which
neither hashing nor inflating can tell: a deflate stream is made of pieces that begin with a fresh window.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain
from pathlib import Path

from benchmarks import files_media, files_pictures
from benchmarks.making import (
    LAST_BLOCK,
    Builder,
    Made,
    Stream,
    behind,
    deflated,
    made,
    noise,
    repeated,
    text,
    zlib_stream,
)
from benchmarks.options import KIB, MIB
from carriers import ooxml
from carriers.programs import a_pe, an_elf

__all__ = ["KINDS", "Builder", "Made", "Stream", "noise", "text"]

IDAT = 64 * KIB
"""Bytes of pixel data in a chunk, as widespread encoders write them."""

ROW = 4096
"""Bytes in a row of pixels of three samples, its filter byte included, so that a MiB is a whole number of rows."""

_WIDE_ROW = 16 * ROW  # of large pictures: no side of one may be too long
_LARGE = 16 * MIB

_MOST_PIXELS = 256 * MIB
"""Bytes of pixels in one picture: what declares more than 100 million pixels counts as a bomb."""

_PRIVATE = 256 * MIB
"""Bytes in a private chunk at most."""

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


# --- content ---


@lru_cache(maxsize=8)
def _noisy_rows(size: int, row: int) -> bytes:
    """Rows of noise of six bits a sample, none of them filtered: eight bits would be stored, not compressed."""
    rows = bytearray(noise(size).translate(bytes(value & 63 for value in range(256))))
    rows[::row] = bytes(size // row)
    return bytes(rows)


@lru_cache(maxsize=8)
def _gradient_rows(size: int, row: int) -> bytes:
    """Rows of a colour that changes slowly across and down, which deflate packs well."""
    # As steep in wide rows as in others, or there would be nothing but runs in them.
    ramp = [x % (ROW // 3) * 255 // (ROW // 3) for x in range(row // 3)]
    across = bytes(value for level in ramp for value in (level, 255 - level, 128))
    shifted = [bytes((byte + shade) & 255 for byte in range(256)) for shade in range(256)]
    return b"".join(b"\0" + across.translate(shifted[number % 256]) for number in range(size // row))


def _in_parts(pieces: Iterable[bytes], length: int) -> Iterator[bytes]:
    """The same bytes in parts of `length`."""
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        whole = len(waiting) - len(waiting) % length
        for at in range(0, whole, length):
            yield bytes(waiting[at : at + length])
        del waiting[:whole]
    yield bytes(waiting)


# --- pictures ---


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def _png_head(row: int, rows: int) -> bytes:
    header = struct.pack(">IIBBBBB", row // 3, rows, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header)


def _private_chunks(size: int) -> Iterator[bytes]:
    """Chunks of noise that no specification knows, of `size` bytes together."""
    for length in (min(_PRIVATE, size - at) for at in range(0, size, _PRIVATE)):
        kind = b"juNK"
        crc = zlib.crc32(kind)
        yield struct.pack(">I", length) + kind
        for piece in repeated(noise(min(length, MIB)), length):
            crc = zlib.crc32(piece, crc)
            yield piece
        yield struct.pack(">I", crc)


def _png(path: Path, size: int, rows_of: Callable[[int, int], bytes], level: int) -> Made:
    """A picture of `size` bytes of pixels, in whole rows. What is more than one may have stands in private chunks."""
    row = ROW if size < _LARGE else _WIDE_ROW
    pixels = min(size, _MOST_PIXELS)
    piece = rows_of(min(pixels, MIB), row)
    extents: list[tuple[int, int]] = []

    def layout() -> Iterator[bytes]:
        at = 0
        for part in chain([_png_head(row, pixels // row)], _private_chunks(size - pixels)):
            at += len(part)
            yield part
        for data in _in_parts(zlib_stream(repeated(piece, pixels), level), IDAT):
            extents.append((at + 8, len(data)))
            at += len(data) + 12
            yield _chunk(b"IDAT", data)
        yield _chunk(b"IEND", b"")

    file = made(path, layout(), "image/png")
    return replace(file, streams=(Stream(tuple(extents), zlib.MAX_WBITS),))


def png_stored(path: Path, size: int) -> Made:
    """A picture whose deflate stream is stored blocks: two checksums, and inflating is copying."""
    return _png(path, size, _noisy_rows, 0)


def png_noise(path: Path, size: int) -> Made:
    """A picture of noise: every byte has a code of its own, and little is saved."""
    return _png(path, size, _noisy_rows, 6)


def png_gradient(path: Path, size: int) -> Made:
    """A picture that compresses well: much more comes out than is in the file."""
    return _png(path, size, _gradient_rows, 6)


def png_ancillary(path: Path, size: int) -> Made:
    """A small picture with large private chunks, one up to 256 MiB: reading and one checksum."""
    pixels = _chunk(b"IDAT", zlib.compress(bytes(ROW))) + _chunk(b"IEND", b"")
    return made(path, chain([_png_head(ROW, 1)], _private_chunks(size), [pixels]), "image/png")


# --- archives ---


@dataclass(frozen=True, slots=True)
class _Member:
    """`count` times the piece. level: of deflate; None stores it."""

    name: str
    piece: bytes
    count: int = 1
    level: int | None = None

    def packed(self) -> Iterator[bytes]:
        if self.level is None:
            yield from (self.piece for _ in range(self.count))
            return
        yield from (deflated(self.piece, self.level) for _ in range(self.count))
        yield LAST_BLOCK

    @property
    def sizes(self) -> tuple[int, int, int]:
        """CRC, packed size, size."""
        crc = 0
        for _ in range(self.count):
            crc = zlib.crc32(self.piece, crc)
        return crc, sum(map(len, self.packed())), len(self.piece) * self.count


def _zip(path: Path, members: Iterable[_Member], media_type: str = "application/zip") -> Made:
    """An archive of these members. PKWARE APPNOTE 4.3."""
    directory: list[bytes] = []
    streams: list[Stream] = []

    def layout() -> Iterator[bytes]:
        at = 0
        for member in members:
            name, deflated = member.name.encode(), member.level is not None
            sizes = member.sizes
            fields = struct.pack("<5H3L2H", 20, 0, 8 * deflated, 0, 0x21, *sizes, len(name), 0)
            yield b"PK\x03\x04" + fields + name
            yield from member.packed()
            directory.append(
                b"PK\x01\x02" + struct.pack("<H", 20) + fields + struct.pack("<3H2L", 0, 0, 0, 0, at) + name
            )
            begin = at + 30 + len(name)
            if deflated:
                streams.append(Stream(((begin, sizes[1]),), -zlib.MAX_WBITS))
            at = begin + sizes[1]
        listed = b"".join(directory)
        yield listed
        yield b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, len(directory), len(directory), len(listed), at, 0)

    file = made(path, layout(), media_type)
    return replace(file, streams=tuple(streams))


def zip_stored(path: Path, size: int) -> Made:
    """Members of 1 MiB of noise, stored."""
    piece = noise(min(size, MIB))
    return _zip(path, (_Member(f"part-{n:05}.dat", piece) for n in range(size // len(piece))))


def zip_one_deflated(path: Path, size: int) -> Made:
    """One large deflated text."""
    piece = text(min(size, MIB))
    return _zip(path, [_Member("words.txt", piece, size // len(piece), 6)])


def zip_many_deflated(path: Path, size: int) -> Made:
    """Many deflated texts of up to 64 KiB."""
    piece = text(min(size // 4, 64 * KIB))
    return _zip(path, (_Member(f"words-{n:05}.txt", piece, 1, 6) for n in range(size // len(piece))))


def docx(path: Path, size: int) -> Made:
    """A Word document: half of it words, half of it a picture, packed as word processors do."""
    picture = path.with_suffix(".picture")
    png_noise(picture, max(ROW, size // 2 // ROW * ROW))
    pictured = picture.read_bytes()
    picture.unlink()
    # Words shrink to about a third, and the tags around them to nothing.
    body = f"<w:p><w:r><w:t>{text(max(KIB, size * 3 // 2)).decode()}</w:t></w:r></w:p>"
    types = ooxml.content_types(ooxml.DOCX, "word/document.xml", {"word/media/image1.png": "image/png"})
    parts = {
        "[Content_Types].xml": types,
        "_rels/.rels": ooxml.relationships(("officeDocument", "word/document.xml", False)),
        "word/document.xml": ooxml.word(body),
        "word/_rels/document.xml.rels": ooxml.relationships(("image", "media/image1.png", False)),
    }
    members = [_Member(name, data, 1, 6) for name, data in parts.items()]
    return _zip(path, [*members, _Member("word/media/image1.png", pictured)], _DOCX)


# --- the rest ---


def wave(path: Path, size: int) -> Made:
    """Sound: a header, and samples, in all of which second files are searched for."""
    head = (
        b"RIFF" + struct.pack("<L", 36 + size) + b"WAVEfmt " + struct.pack("<LHHLLHH", 16, 1, 2, 44100, 176400, 4, 16)
    )
    head += b"data" + struct.pack("<L", size)
    return made(path, behind(head, noise(min(size, MIB)), size), "audio/wav")


def elf(path: Path, size: int) -> Made:
    """A program for Linux whose one segment is noise."""
    length = len(an_elf()) + size
    head = an_elf(segment=(0, length))
    return made(path, behind(head, noise(min(size, MIB)), size), "application/x-executable", expected=("elf.program",))


def pe(path: Path, size: int) -> Made:
    """A program for Windows whose one section is noise."""
    head = a_pe(raw=(512, size), size=512)
    name = "application/vnd.microsoft.portable-executable"
    return made(path, behind(head, noise(min(size, MIB)), size), name, expected=("pe.program",))


def unknown(path: Path, size: int) -> Made:
    """Bytes of no known type."""
    return made(path, behind(b"\x01\x02", noise(min(size, MIB)), size - 2), None, claimed="application/octet-stream")


def plain(path: Path, size: int) -> Made:
    """Lines of words."""
    return made(path, repeated(text(min(size, MIB)), size), "text/plain")


KINDS: Mapping[str, tuple[Builder, str]] = {
    "png, stored blocks": (png_stored, ".png"),
    "png, noise": (png_noise, ".png"),
    "png, gradient": (png_gradient, ".png"),
    "png, one chunk": (png_ancillary, ".png"),
    "zip, stored": (zip_stored, ".zip"),
    "zip, one deflated": (zip_one_deflated, ".zip"),
    "zip, many deflated": (zip_many_deflated, ".zip"),
    "docx": (docx, ".docx"),
    "wave": (wave, ".wav"),
    "elf": (elf, ".elf"),
    "pe": (pe, ".exe"),
    "unknown": (unknown, ".dat"),
    "text": (plain, ".txt"),
    **files_pictures.KINDS,
    **files_media.KINDS,
}
"""How each kind of file is made, and the extension that says what it is."""
