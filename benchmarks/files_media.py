"""Sound, video, documents and archives to measure with. As everything in `files`: sound, inert, always the same."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

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
from carriers import avi as avis
from carriers import bmff, ogg, pdf, tar
from carriers import mp3 as mp3s
from lazaretto_validators.audio.ogg import checksum
from lazaretto_validators.documents.ole2_structure import END, FAT_SECTOR, FREE, SIGNATURE

__all__ = ["KINDS"]

# --- video ---


def avi(path: Path, size: int) -> Made:
    """Frames of up to 64 KiB, and an index of them."""
    frame = avis.frame(0, noise(min(size // 2, 64 * KIB)))
    count = size // len(frame)
    lists = avis.hdrl()
    index = b"".join(struct.pack("<4sLLL", b"00db", 16, 4 + n * len(frame), len(frame) - 8) for n in range(count))
    movie = b"LIST" + struct.pack("<L", 4 + count * len(frame)) + b"movi"
    whole = 4 + len(lists) + len(movie) + count * len(frame) + 8 + len(index)
    head = b"RIFF" + struct.pack("<L", whole) + b"AVI " + lists + movie
    tail = b"idx1" + struct.pack("<L", len(index)) + index
    return made(path, chain([head], repeat(frame, count), [tail]), "video/x-msvideo")


_SAMPLE = 4 * KIB  # bytes of a picture of a video in fair quality
_SAMPLES = 16  # in a chunk of them


def mp4(path: Path, size: int) -> Made:
    """A movie whose tables stand in front of its pictures."""
    sample = min(_SAMPLE, size // _SAMPLES)
    chunks = size // (sample * _SAMPLES)
    count = chunks * _SAMPLES

    def movie(begin: int) -> bytes:
        places = (begin + n * sample * _SAMPLES for n in range(chunks))
        tables = {
            b"stts": bmff.full(b"stts", bmff.numbers(1, count, 1)),
            b"stsc": bmff.full(b"stsc", bmff.numbers(1, 1, _SAMPLES, 1)),
            b"stsz": bmff.full(b"stsz", bmff.numbers(0, count, *repeat(sample, count))),
            b"stco": bmff.full(b"stco", bmff.numbers(chunks, *places)),
        }
        return (
            bmff.movie(handler=b"vide", tables=tables, data=b"")[:-8] + struct.pack(">L", 8 + count * sample) + b"mdat"
        )

    head = movie(len(movie(0)))
    return made(path, behind(head, noise(min(size, MIB)), count * sample), "video/mp4")


# --- sound ---

_TAG = mp3s.id3(mp3s.text())
_SIDE = 32  # bytes of side information, ISO/IEC 11172-3 2.4.1.7: zeros, which is silence and lets anything follow


def mp3(path: Path, size: int) -> Made:
    """Frames of 320 kbit/s, behind a tag."""
    body = noise(32 * 1044)
    bodies = (body[at : at + 1044 - 4 - _SIDE] for at in range(0, len(body), 1044))
    frames = b"".join(b"\xff\xfb\xe0\xc4" + bytes(_SIDE) + content for content in bodies)
    count = max(1, size // len(frames))
    return made(path, chain([_TAG], repeat(frames, count)), "audio/mpeg")


_PACKETS, _PACKET = 50, 240  # in a page: one second of sound; bytes of each, some 96 kbit/s


def ogg_opus(path: Path, size: int) -> Made:
    """Sound in Opus, a page for every second."""
    body = noise(_PACKETS * (_PACKET - 1))
    packets = (b"\xf8" + body[at : at + _PACKET - 1] for at in range(0, len(body), _PACKET - 1))  # 20 ms, one frame
    payload = bytes(repeat(_PACKET, _PACKETS)) + b"".join(packets)
    count = max(1, size // (27 + len(payload)))

    def layout() -> Iterator[bytes]:
        yield ogg.page(ogg.opus_head(), ogg.FIRST, 0) + ogg.page(ogg.comments(), 0, 1)
        for number in range(1, count + 1):
            flags = ogg.LAST if number == count else 0
            fields = struct.pack("<BqLL", flags, 48000 * number, 1, number + 1)
            page = b"OggS\0" + fields + bytes(4) + bytes([_PACKETS]) + payload
            yield page[:22] + checksum(page).to_bytes(4, "little") + page[26:]

    return made(path, layout(), "audio/ogg")


# --- documents ---


def _pdf(path: Path, contents: Sequence[tuple[bytes, Iterable[bytes], int]], wbits: int | None) -> Made:
    """One page, and streams behind it. contents: the dictionary, the bytes and their number. wbits: of the streams."""
    begins: dict[int, int] = {}
    streams: list[Stream] = []

    def layout() -> Iterator[bytes]:
        at = len(pdf.HEADER)
        yield pdf.HEADER
        for number, body in pdf.BASE.items():
            whole = b"%d 0 obj\n%s\nendobj\n" % (number, body)
            begins[number] = at
            at += len(whole)
            yield whole
        for number, (fields, pieces, length) in enumerate(contents, 4):
            head = b"%d 0 obj\n<<%s/Length %d>>stream\n" % (number, fields, length)
            begins[number] = at
            streams.append(Stream(((at + len(head), length),), zlib.MAX_WBITS))
            yield head
            yield from pieces
            yield b"\nendstream\nendobj\n"
            at += len(head) + length + len(b"\nendstream\nendobj\n")
        yield pdf.table(begins)
        yield b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(begins) + 1, at)

    file = made(path, layout(), "application/pdf")
    return file if wbits is None else replace(file, streams=tuple(streams))


def pdf_pictures(path: Path, size: int) -> Made:
    """Pictures of up to 1 MiB that are not packed."""
    piece = noise(min(size, MIB))
    fields = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8/Width %d/Height %d" % (
        KIB,
        len(piece) // KIB,
    )
    return _pdf(path, [(fields, [piece], len(piece))] * (size // len(piece)), None)


def pdf_deflated(path: Path, size: int) -> Made:
    """Deflated streams of up to 1 MiB of words."""
    piece = text(min(size, MIB))
    packed = b"".join(zlib_stream([piece], 6))
    return _pdf(path, [(b"/Filter/FlateDecode", [packed], len(packed))] * (size // len(piece)), zlib.MAX_WBITS)


def rtf(path: Path, size: int) -> Made:
    """A page of words to every picture: a metafile of up to 128 KiB, written in hexadecimal digits."""
    words = text(KIB).replace(b"\n", b"\\par\r\n")
    digits = noise(min(size // 4, 128 * KIB)).hex().encode()
    lines = b"\r\n".join(digits[at : at + 128] for at in range(0, len(digits), 128))
    piece = words + b"{\\pict\\wmetafile8\\picw100\\pich100 " + lines + b"}\r\n"
    count = max(1, size // len(piece))
    return made(path, chain([b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\\f0 "], repeat(piece, count), [b"}"]), "text/rtf")


_SECTOR = 512
_DIFAT_SECTOR = 0xFFFFFFFC  # [MS-CFB] 2.1
_LINKS = _SECTOR // 4  # in a sector
_IN_HEADER = 109  # sectors of the table that the header names; [MS-CFB] 2.2


def ole2(path: Path, size: int) -> Made:
    """A compound file with one large stream. Sectors: the table, the lists of its sectors, the directory, the data."""
    data = size // _SECTOR
    tables, lists = 0, 0
    while tables * _LINKS < tables + lists + 1 + data:
        tables += 1
        lists = -(-max(0, tables - _IN_HEADER) // (_LINKS - 1))
    directory = tables + lists
    named = [*range(tables), *repeat(FREE, -(tables - _IN_HEADER) % (_LINKS - 1))]
    named += repeat(FREE, _IN_HEADER - tables)
    links = [*repeat(FAT_SECTOR, tables), *repeat(_DIFAT_SECTOR, lists), END]
    links += [*range(directory + 2, directory + 1 + data), END]
    links += repeat(FREE, tables * _LINKS - len(links))
    first = tables if lists else END

    def layout() -> Iterator[bytes]:
        yield SIGNATURE + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
        yield struct.pack("<9L", 0, tables, directory, 0, 4096, END, 0, first, lists)
        yield struct.pack(f"<{_IN_HEADER}L", *named[:_IN_HEADER])
        yield struct.pack(f"<{len(links)}L", *links)
        for number in range(lists):
            begin = _IN_HEADER + number * (_LINKS - 1)
            following = tables + number + 1 if number + 1 < lists else END
            yield struct.pack(f"<{_LINKS}L", *named[begin : begin + _LINKS - 1], following)
        yield _entry("Root Entry", 5, 1, END, 0) + _entry("Inert", 2, FREE, directory + 1, data * _SECTOR)
        yield _entry("", 0, FREE, 0, 0) * 2
        yield from repeated(noise(min(size, MIB)), data * _SECTOR)

    return made(path, layout(), "application/x-ole-storage")


def _entry(name: str, kind: int, child: int, start: int, size: int) -> bytes:
    """An entry of the directory. [MS-CFB] 2.6.1."""
    raw = name.encode("utf-16-le")
    told = struct.pack("<HBB3L", len(raw) + 2 if name else 0, kind, 1 if name else 0, FREE, FREE, child)
    return raw.ljust(64, b"\0") + told + bytes(36) + struct.pack("<LQ", start, size)


# --- archives ---


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
    "avi": (avi, ".avi"),
    "mp4": (mp4, ".mp4"),
    "mp3": (mp3, ".mp3"),
    "ogg": (ogg_opus, ".ogg"),
    "pdf, pictures": (pdf_pictures, ".pdf"),
    "pdf, deflated": (pdf_deflated, ".pdf"),
    "rtf": (rtf, ".rtf"),
    "ole2": (ole2, ".ole"),
    "gzip, stored": (gzip_stored, ".gz"),
    "gzip, deflated": (gzip_deflated, ".gz"),
    "tar": (tar_members, ".tar"),
}
