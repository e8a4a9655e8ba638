"""Finding a second file by its structure: the searches of `polyglot`.

A signature only says where to look. Each is believed if a checksum or several fields of the format agree, so that
compressed data, in which every short signature turns up by chance, is never a hit.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator

from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.source import PIECE, Source

__all__ = ["Hit", "has_iso", "has_trailer", "search", "text_tail"]

Hit = tuple[int, str]
"""Where a second file begins, and its media type's name."""

_BINARY = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_OVERLAP = 64  # bytes that two pieces share: longer than any literal searched for
_MAX_TRIES = 256  # of one literal: more chance hits than that and the file is built to waste our time
_MACHINES = frozenset({0x14C, 0x8664, 0x1C0, 0x1C4, 0xAA64, 0x200, 0xEBC, 0x5032, 0x5064})  # PE format, machine types
_MAX_STUB = 4096  # between MZ and PE


def _is_7z(source: Source, at: int) -> bool:
    """7zFormat.txt: the start header of 20 bytes has its CRC in front."""
    header = bytes_at(source, at, 32)
    return len(header) == 32 and zlib.crc32(header[12:]) == int.from_bytes(header[8:12], "little")


def _is_rar(source: Source, at: int) -> bool:
    """RAR 4 technote, RAR 5 format: the first block after the marker has a checksum of itself."""
    if bytes_at(source, at + 6, 2) == b"\x01\x00":
        data = bytes_at(source, at + 8, 4 + 3 + 256)
        size, width = _vint(data[4:7])
        body = data[4 : 4 + width + size]
        return 2 <= size <= 256 and len(body) == width + size and zlib.crc32(body) == int.from_bytes(data[:4], "little")
    data = bytes_at(source, at + 7, 13)
    if len(data) < 13 or data[2] != 0x73:  # archive header
        return False
    return zlib.crc32(data[2:13]) & 0xFFFF == int.from_bytes(data[:2], "little")


def _vint(data: bytes) -> tuple[int, int]:
    """RAR 5 number of seven bits a byte: value, bytes."""
    value = 0
    for index, byte in enumerate(data):
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, index + 1
    return 0, 0


def _is_pe(source: Source, at: int) -> bool:
    """A known machine, an optional header that begins with its magic, and a DOS stub that points here."""
    header = bytes_at(source, at, 26)
    if len(header) < 26 or struct.unpack_from("<H", header, 4)[0] not in _MACHINES:
        return False
    if struct.unpack_from("<H", header, 24)[0] not in (0x10B, 0x20B, 0x107):
        return False
    begin = max(0, at - _MAX_STUB)
    stub = bytes_at(source, begin, at - begin)
    place = stub.rfind(b"MZ")
    while place >= 0:
        if int.from_bytes(stub[place + 60 : place + 64], "little") == at - begin - place:
            return True
        place = stub.rfind(b"MZ", 0, place)
    return False


def _is_elf(source: Source, at: int) -> bool:
    """gABI: class, byte order, version, and a header size that fits the class."""
    header = bytes_at(source, at, 64)
    if len(header) < 52 or header[4] not in (1, 2) or header[5] not in (1, 2) or header[6] != 1:
        return False
    order = "<" if header[5] == 1 else ">"
    wide = header[4] == 2
    kind, version = struct.unpack_from(f"{order}H2xL", header, 16)
    size = struct.unpack_from(f"{order}H", header, 52 if wide else 40)[0]
    return bool(1 <= kind <= 4 and version == 1 and size == (64 if wide else 52))


def _is_pdf(source: Source, at: int) -> bool:
    """A version, an object soon after the header, and a trailer that closes the file."""
    head = bytes_at(source, at, 1024)
    return bool(_PDF_HEAD.match(head)) and has_trailer(source)


_PDF_HEAD = re.compile(rb"%PDF-[12]\.\d\s.{0,1000}?\d{1,9}\s+\d{1,5}\s+obj\b", re.DOTALL)


def _is_update(source: Source) -> bool:
    """Does the last cross-reference table of a PDF stand where the file's own beginning counts it from?

    Then a second header was written by a program that added to the file; behind another PDF it would count from there.
    """
    size = source.size
    tail = bytes_at(source, max(0, size - 2048), 2048)
    told = _START.findall(tail)
    table = bytes_at(source, int(told[-1]), 20).lstrip() if told else b""
    return table.startswith(b"xref") or _OBJECT.match(table) is not None


_START = re.compile(rb"startxref\s+(\d{1,15})\s")
_OBJECT = re.compile(rb"\d{1,9}\s+\d{1,5}\s+obj\b")


def _is_php(source: Source, at: int) -> bool:
    """The long opening tag, a blank, and text for a while: the interpreter ignores whatever stands before it."""
    code = bytes_at(source, at + 5, 8)
    return code[:1].isspace() and not _BINARY.search(code)


_Search = tuple[bytes, str, Callable[[Source, int], bool]]

_SEARCHES: tuple[_Search, ...] = (
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", _is_7z),
    (b"Rar!\x1a\x07", "application/vnd.rar", _is_rar),
    (b"PE\0\0", "application/vnd.microsoft.portable-executable", _is_pe),
    (b"\x7fELF", "application/x-executable", _is_elf),
    (b"%PDF-", "application/pdf", _is_pdf),
)


_PHP: tuple[_Search, ...] = ((b"<?php", "application/x-php", _is_php),)


def search(source: Source, begin: int, *, scripts: bool = True, host: str = "") -> Hit | None:
    """A second file that begins behind `begin`, in one pass over the file.

    scripts: PHP too, which a document about programming may well contain as text.
    host: the type of the file itself.
    """
    searches = _SEARCHES + _PHP if scripts else _SEARCHES
    if host == "application/pdf" and _is_update(source):
        searches = tuple(entry for entry in searches if entry[1] != host)
    tries = dict.fromkeys((literal for literal, _, _ in searches), _MAX_TRIES)
    for offset, piece in _pieces(source, begin):
        for literal, name, confirmed in searches:
            for at in _places(piece, literal, tries):
                if confirmed(source, offset + at):
                    return offset + at, name
    return None


def _pieces(source: Source, begin: int) -> Iterator[tuple[int, bytes]]:
    walker = source.at(begin)
    offset, rest = begin, b""
    for piece in walker.pieces():
        data = rest + piece
        yield offset - len(rest), data
        offset += len(piece)
        rest = data[-_OVERLAP:] if len(piece) == PIECE else b""


def _places(piece: bytes, literal: bytes, tries: dict[bytes, int]) -> Iterator[int]:
    at = piece.find(literal)
    while at >= 0 and tries[literal] > 0:
        tries[literal] -= 1
        yield at
        at = piece.find(literal, at + 1)


def has_trailer(source: Source) -> bool:
    """Does the file end like a PDF? `startxref` and `%%EOF` in the last 2 KiB, where readers look for them."""
    size = source.size
    tail = bytes_at(source, max(0, size - 2048), 2048)
    return b"startxref" in tail and b"%%EOF" in tail


def has_iso(source: Source) -> bool:
    """A volume descriptor whose numbers agree in both byte orders. ECMA-119 sections 8.1 and 8.4."""
    sector = bytes_at(source, 32768, 136)
    if len(sector) < 136 or sector[1:6] != b"CD001" or sector[6] != 1:
        return False
    if sector[0] != 1:
        return sector[0] in (0, 2, 3, 255)
    blocks: bool = sector[80:84] == sector[84:88][::-1]
    return (
        blocks
        and sector[128:130] == sector[130:132][::-1]
        and int.from_bytes(sector[128:130], "little") in (512, 1024, 2048, 4096)
    )


_OPENING = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|script|iframe)[\s>]|<\?php\s|<\?=\s*(?:[$`]|\w+\s*\()", re.IGNORECASE
)
_TAIL = 64 * 1024


def text_tail(source: Source, begin: int = 0) -> Hit | None:
    """A web page or PHP script that is the last thing behind `begin`: from its opening on, there is only text."""
    first = max(begin, source.size - _TAIL)
    tail = bytes_at(source, first, _TAIL)
    last_control = max((found.end() for found in _BINARY.finditer(tail)), default=0)
    if not (opening := _OPENING.search(tail, last_control)):
        return None
    name = "application/x-php" if opening.group().startswith(b"<?") else "text/html"
    return first + opening.start(), name
