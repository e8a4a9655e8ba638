"""Archives to measure with, and a Word document, which is one. As all of `files`: sound, inert, always the same."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, repeat
from pathlib import Path

from benchmarks.files_png import ROW, png_noise
from benchmarks.making import LAST_BLOCK, Builder, Made, Stream, deflated, made, noise, text
from benchmarks.options import KIB, MIB
from carriers import ooxml, tar

__all__ = ["KINDS"]

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


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


def _gzip(path: Path, piece: bytes, count: int, level: int) -> Made:
    head = b"\x1f\x8b\x08\0" + bytes(5) + b"\xff"
    packed = deflated(piece, level)
    crc = 0
    for _ in range(count):
        crc = zlib.crc32(piece, crc)
    end = LAST_BLOCK + struct.pack("<LL", crc, count * len(piece) & 0xFFFFFFFF)
    file = made(path, chain([head], repeat(packed, count), [end]), "application/gzip")
    extent = len(head), count * len(packed) + len(LAST_BLOCK)
    return replace(file, streams=(Stream((extent,), -zlib.MAX_WBITS),))


def gzip_stored(path: Path, size: int) -> Made:
    """Noise in stored blocks: reading it and one checksum."""
    piece = noise(min(size, MIB))
    return _gzip(path, piece, size // len(piece), 0)


def gzip_deflated(path: Path, size: int) -> Made:
    """Words, packed."""
    piece = text(min(size, MIB))
    return _gzip(path, piece, size // len(piece), 6)


def tar_members(path: Path, size: int) -> Made:
    """Members of 1 MiB of noise."""
    piece = noise(min(size, MIB))

    def layout() -> Iterator[bytes]:
        for number in range(size // len(piece)):
            member = tar.Member(name=b"part-%05d.dat" % number, data=b"", size=b"%011o\0" % len(piece))
            yield member.build()
            yield piece
        yield tar.END

    return made(path, layout(), "application/x-tar")


KINDS: Mapping[str, tuple[Builder, str]] = {
    "zip, stored": (zip_stored, ".zip"),
    "zip, one deflated": (zip_one_deflated, ".zip"),
    "zip, many deflated": (zip_many_deflated, ".zip"),
    "docx": (docx, ".docx"),
    "gzip, stored": (gzip_stored, ".gz"),
    "gzip, deflated": (gzip_deflated, ".gz"),
    "tar": (tar_members, ".tar"),
}
