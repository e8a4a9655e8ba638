"""Documents to measure with: PDF, RTF, OLE2. As everything in `files`: sound, inert, always the same."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path

from benchmarks.making import Builder, Made, Stream, made, noise, repeated, text, zlib_stream
from benchmarks.options import KIB, MIB
from carriers import pdf
from lazaretto_validators.documents.ole2_structure import END, FAT_SECTOR, FREE, SIGNATURE

__all__ = ["KINDS"]


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


KINDS: Mapping[str, tuple[Builder, str]] = {
    "pdf, pictures": (pdf_pictures, ".pdf"),
    "pdf, deflated": (pdf_deflated, ".pdf"),
    "rtf": (rtf, ".rtf"),
    "ole2": (ole2, ".ole"),
}
