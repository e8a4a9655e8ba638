"""Finding a second file by its structure: the searches of `polyglot`.

A signature only says where to look. Each is believed if a checksum or several fields of the format agree, so that
compressed data, in which every short signature turns up by chance, is never a hit.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator

from lazaretto_validators.archive_extent import vint
from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.limits import BudgetSpent
from lazaretto_validators.source import PIECE, Source

__all__ = [
    "WINDOWS", "Hit", "has_iso", "has_trailer", "may_hold", "search", "text_tail",
    "trailer_behind",
]  # fmt: skip

Hit = tuple[int, str]
"""Where a second file begins, and its media type's name."""

_BINARY = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_OVERLAP = 64  # bytes that two pieces share: longer than any literal searched for
_MAX_TRIES = 256  # of one literal: more chance hits than that and the file is built to waste our time
_MACHINES = (0x14C, 0x8664, 0x1C0, 0x1C4, 0xAA64, 0x200, 0xEBC, 0x5032, 0x5064)  # PE format, machine types
_MAX_STUB = 4096  # between MZ and PE


def _is_7z(source: Source, at: int) -> bool:
    """7zFormat.txt: the start header of 20 bytes has its CRC in front."""
    header = bytes_at(source, at, 32)
    return len(header) == 32 and zlib.crc32(header[12:]) == int.from_bytes(header[8:12], "little")


def _is_rar(source: Source, at: int) -> bool:
    """RAR 4 technote, RAR 5 format: the first block after the marker has a checksum of itself."""
    if bytes_at(source, at + 6, 2) == b"\x01\x00":
        data = bytes_at(source, at + 8, 4 + 3 + 256)
        size, width = vint(data[4:7])
        body = data[4 : 4 + width + size]
        return 2 <= size <= 256 and len(body) == width + size and zlib.crc32(body) == int.from_bytes(data[:4], "little")
    data = bytes_at(source, at + 7, 13)
    if len(data) < 13 or data[2] != 0x73:  # archive header
        return False
    return zlib.crc32(data[2:13]) & 0xFFFF == int.from_bytes(data[:2], "little")


def _is_pe(source: Source, at: int) -> bool:
    """An optional header that begins with its magic, and a DOS stub that points here."""
    if bytes_at(source, at + 24, 2) not in (b"\x0b\1", b"\x0b\2", b"\7\1"):
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
    if wide and len(header) < 64:
        return False
    kind, version = struct.unpack_from(f"{order}H2xL", header, 16)
    size = struct.unpack_from(f"{order}H", header, 52 if wide else 40)[0]
    return bool(1 <= kind <= 4 and version == 1 and size == (64 if wide else 52))


def _is_pdf_head(source: Source, at: int) -> bool:
    """A version, and an object soon after the header. `_is_closed` says the rest, once the file has ended."""
    return bool(_PDF_HEAD.match(bytes_at(source, at, 1024)))


def _is_closed(source: Source, host: str) -> bool:
    """Does the file end as a PDF that begins inside it would?"""
    return has_trailer(source) and not (host == _PDF and _is_update(source))


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


_PDF = "application/pdf"
_Search = tuple[bytes, str, Callable[[Source, int], bool]]

_SEARCHES: tuple[_Search, ...] = (
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", _is_7z),
    (b"Rar!\x1a\x07", "application/vnd.rar", _is_rar),
    # With the machine: without, a plain area of one colour in an uncompressed picture is full of them.
    *(
        (b"PE\0\0" + machine.to_bytes(2, "little"), "application/vnd.microsoft.portable-executable", _is_pe)
        for machine in _MACHINES
    ),
    (b"\x7fELF", "application/x-executable", _is_elf),
    (b"%PDF-", _PDF, _is_pdf_head),
)


_PHP: tuple[_Search, ...] = ((b"<?php", "application/x-php", _is_php),)


def search(source: Source, begin: int, *, scripts: bool = True, pages: bool = False, host: str = "") -> Hit | None:
    """A second file that begins behind `begin`, in one pass over the file.

    scripts: PHP too, which a document about programming may well contain as text.
    pages: whole elements of a web page, too, which only a picture, a sound or a video has no reason to contain.
    host: the type of the file itself.
    Keeps up with a file that is still arriving: only where it met the head of a PDF, the file's end is asked for.
    Raises BudgetSpent where more signatures lead nowhere than any honest file has.
    """
    searches = _SEARCHES + _PHP if scripts else _SEARCHES
    tries = dict.fromkeys((_PAGE, *(literal for literal, _, _ in searches)), _MAX_TRIES)
    pdf: Hit | None = None
    for offset, piece in _pieces(source, begin):
        if pages and (page := _page_at(source, offset, piece, tries)) is not None:
            return pdf if pdf and _is_closed(source, host) else (page, "text/html")
        if not may_hold(piece):
            continue
        for literal, name, confirmed in searches:
            if name == _PDF and pdf:
                continue
            for at in _places(piece, literal, tries):
                if not confirmed(source, offset + at):
                    continue
                if name != _PDF:
                    return pdf if pdf and _is_closed(source, host) else (offset + at, name)
                pdf = offset + at, name
                break
    return pdf if pdf and _is_closed(source, host) else None


# One search for each literal reads every byte six times. Instead, every second byte of a piece is looked at, reduced to
# the three classes of bytes that the literals have at their first, middle and last two places: whichever byte of a
# literal comes first, one of each class must follow. In compressed data that happens a few times in a piece by chance.
_MACHINE_LOW = bytes(machine & 0xFF for machine in _MACHINES)
_MACHINE_HIGH = bytes(machine >> 8 for machine in _MACHINES)
_BLANKS = b" \t\n\r\x0b\x0c"
WINDOWS: tuple[tuple[bytes, bytes, bytes], ...] = (
    (b"7z", b"\xbc\xaf", b"\x27\x1c"),
    (b"Ra", b"r!", b"\x1a\x07"),
    (b"PE", b"\0\0", _MACHINE_LOW + _MACHINE_HIGH),
    (b"\x7fE", b"LF", b"\x01\x02"),
    (b"%P", b"DF", b"-12"),
    (b"<?", b"ph", b"p" + _BLANKS),
)
"""What stands at the first six places of anything that could be confirmed, two by two."""

_WIDTH = 6  # bytes of a window


def _classes() -> bytes:
    """The class of every byte, 1 to 3; 0 for those that stand in no window."""
    table = bytearray(256)
    for place in (2, 1, 0):  # the first last: those two classes share no byte, and for the third any class will do
        for window in WINDOWS:
            for byte in window[place]:
                table[byte] = place + 1
    return bytes(table)


_CLASS_OF = _classes()
_TRACE = re.compile(rb"\x01\x02(?=[\x01-\x03])")
_LITERAL = re.compile(b"|".join(re.escape(literal) for literal, _, _ in _SEARCHES + _PHP))
_MAX_TRACES = 2048  # following them up costs what the six searches cost: more, and the piece is built to waste our time


def may_hold(piece: bytes) -> bool:
    """Can one of the literals searched for be in these bytes with what must follow it? True is no promise."""
    traces = bytearray(piece)[::2].translate(_CLASS_OF)
    for count, trace in enumerate(_TRACE.finditer(traces)):
        at = max(0, 2 * trace.start() - 1)
        if count == _MAX_TRACES or _LITERAL.search(piece, at, at + 1 + _WIDTH):
            return True
    return _LITERAL.search(piece, max(0, len(piece) - _WIDTH)) is not None


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
    while at >= 0:
        _charge(literal, tries)
        yield at
        at = piece.find(literal, at + 1)


def _charge(literal: bytes, tries: dict[bytes, int]) -> None:
    tries[literal] -= 1
    if tries[literal] < 0:
        raise BudgetSpent("signatures that lead nowhere", _MAX_TRIES + 1, _MAX_TRIES)


def has_trailer(source: Source) -> bool:
    """Does the file end like a PDF? `startxref` and `%%EOF` in the last 2 KiB, where readers look for them."""
    size = source.size
    tail = bytes_at(source, max(0, size - 2048), 2048)
    return b"startxref" in tail and b"%%EOF" in tail


_SECTOR = 2048
_DESCRIPTORS = 16  # sectors from the sixteenth on: systems read on where one is none


def has_iso(source: Source) -> bool:
    """Volume descriptors of ISO 9660 or UDF, from the sector on where they begin. ECMA-119 6.2.1, ECMA-167 2/8.3.1."""
    area = bytes_at(source, 16 * _SECTOR, _DESCRIPTORS * _SECTOR)
    sectors = [area[at : at + 136] for at in range(0, len(area), _SECTOR)]
    marks = [sector[1:6] for sector in sectors]
    is_udf = b"BEA01" in marks and not {b"NSR02", b"NSR03"}.isdisjoint(marks)
    return is_udf or any(map(_is_descriptor, sectors))


def _is_descriptor(sector: bytes) -> bool:
    """A volume descriptor, numbers in both byte orders alike. ECMA-119 sections 8.1 and 8.4."""
    if len(sector) < 136 or sector[1:7] != b"CD001\1":
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


_MAX_ELEMENT = 64 * 1024  # bytes from an opening to its end
_PAGE = b"<"
_ELEMENT = re.compile(rb"<(?i:(html|script)(?:\s[^<>]{0,500})?>)")
_TRAILER = re.compile(rb"startxref\s{1,4}\d{1,15}\s{1,4}%%EOF|trailer\s{0,4}<<")


def _page_at(source: Source, offset: int, piece: bytes, tries: dict[bytes, int]) -> int | None:
    """Where a `html` or `script` element stands that is closed again, with nothing but text between.

    A browser runs it wherever it is, once the file is taken for a page. Compressed data hold no such thing by chance.
    """
    for opening in _ELEMENT.finditer(piece):
        _charge(_PAGE, tries)
        content = bytes_at(source, offset + opening.end(), _MAX_ELEMENT)
        end = content.lower().find(b"</" + opening.group(1).lower())
        if end >= 0 and not _BINARY.search(content, 0, end):
            return offset + opening.start()
    return None


def trailer_behind(source: Source, at: int) -> bool:
    """Does the trailer of a PDF stand anywhere behind `at`? Reads to the end of the file."""
    return any(_TRAILER.search(piece) for _, piece in _pieces(source, at))
