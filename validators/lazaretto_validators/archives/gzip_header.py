"""The header of a gzip member, and what it may hold beside what it is for. RFC 1952 2.3."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from lazaretto_validators.archives import gzip_rules as rules
from lazaretto_validators.finding import Finding
from lazaretto_validators.slack import code_in, file_in
from lazaretto_validators.source import Source

__all__ = ["MAGIC", "Header", "judge_header", "read_header"]

MAGIC = b"\x1f\x8b"

_HCRC, _EXTRA, _NAME, _COMMENT, _RESERVED = 2, 4, 8, 16, 0xE0
_LONGEST_TEXT = 64 * 1024  # bytes of a name or a comment; PATH_MAX of Linux is 4 KiB
_USUAL_TEXT = 256  # what is looked at first: a file may have as many names as members
_MAX_SUBFIELDS = 64  # that are looked into; real files have one or two

_UP = re.compile(r"(?:^|/) *\.\. *(?:/|$)")  # Windows drops blanks around a component: CVE-2025-8088
_ROOTED = re.compile(r"/|[A-Za-z]:")


@dataclass(frozen=True, slots=True)
class Header:
    """at, end: where it begins, and the compressed data behind it, in the file.

    fault: why it cannot be read any further. extra: where the extra field lies. room: where name and comment lie.
    """

    source: Source
    at: int
    end: int
    name: str | None = None
    fault: Finding | None = None
    extra: tuple[int, int] | None = None
    texts: tuple[tuple[int, int], ...] = ()
    crc_fault: Finding | None = None


def read_header(source: Source) -> Header:
    """The header at the cursor. Raises ShortRead where the file ends in it, NotThisFormat where it is none."""
    at, begin = source.offset, source.tell()
    source.expect(MAGIC)
    method, flags = struct.unpack("<BB6x", source.read(8))
    if method != 8:
        fault = rules.METHOD.found(at=at + 2, where="header", seen=method, allowed=8)
        return Header(source, at, at + 10, fault=fault)
    if flags & _RESERVED:
        fault = rules.FLAGS.found(at=at + 3, where="header", seen=f"{flags:08b}", allowed="000xxxxx")
        return Header(source, at, at + 10, fault=fault)
    extra = None
    if flags & _EXTRA:
        length = int.from_bytes(source.read(2), "little")
        extra = source.offset, source.offset + length
        source.skip(length)
    texts: list[tuple[int, int]] = []
    name = None
    for flag in (_NAME, _COMMENT):
        if not flags & flag:
            continue
        text = _text(source)
        if text is None:
            fault = rules.ENDLESS_TEXT.found(at=source.offset, where="header", seen=f"{_LONGEST_TEXT} bytes")
            return Header(source, at, source.offset, fault=fault, extra=extra)
        texts.append((source.offset - len(text) - 1, source.offset - 1))
        name = _decoded(text) if flag == _NAME else name
    crc_fault = _checksum(source, at, begin) if flags & _HCRC else None
    return Header(source, at, source.offset, name, None, extra, tuple(texts), crc_fault)


def _text(source: Source) -> bytes | None:
    """A text up to its null. None if it is none within reason."""
    for most in (_USUAL_TEXT, _LONGEST_TEXT):
        window = source.peek(most)
        if (length := window.find(b"\0")) >= 0:
            return source.read(length + 1)[:-1]
    return None if len(window) == _LONGEST_TEXT else source.read(len(window) + 1)


def _decoded(text: bytes) -> str:
    """Latin-1 by the RFC, UTF-8 in practice."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _checksum(source: Source, at: int, begin: int) -> Finding | None:
    length = source.tell() - begin
    crc = 0
    for piece in source.at(begin, length).pieces():
        crc = zlib.crc32(piece, crc)
    told = int.from_bytes(source.read(2), "little")
    if told == crc & 0xFFFF:
        return None
    return rules.HEADER_CRC.found(at=at + length, where="header", seen=f"{told:04x}", allowed=f"{crc & 0xFFFF:04x}")


def judge_header(file: Source, header: Header) -> Iterator[Finding]:
    """The name, the checksum, and what the free fields hold."""
    if header.fault is not None:
        yield header.fault
    if header.crc_fault is not None:
        yield header.crc_fault
    if header.name is not None:
        path = header.name.replace("\\", "/")
        if _UP.search(path):
            yield rules.TRAVERSAL.found(at=header.at + 10, where="header", seen=header.name)
        elif _ROOTED.match(path):
            yield rules.ABSOLUTE.found(at=header.at + 10, where="header", seen=header.name)
        elif "/" in path:
            yield rules.NAME_PATH.found(at=header.at + 10, where="header", seen=header.name)
    rooms = list(header.texts)
    if header.extra is not None:
        rooms += [*_subfields(file, *header.extra), header.extra]
        if not _fills(file, *header.extra):
            size = header.extra[1] - header.extra[0]
            yield rules.EXTRA_FIELD.found(at=header.extra[0], where="extra field", seen=f"{size} bytes")
    for begin, end in rooms:
        if hit := file_in(file, begin, end, host="application/gzip"):
            yield rules.PARASITE.found(at=hit[0], where="header", seen=f"{hit[1].label} ({hit[1].name})")
            return
        if code := code_in(file.at(begin, end - begin).pieces()):
            yield rules.CODE_IN_HEADER.found(at=begin, where="header", seen=code)
            return


def _subfields(file: Source, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """The data of each subfield: two letters, a length, data. RFC 1952 2.3.1.1."""
    for _ in range(_MAX_SUBFIELDS):
        if end - begin < 4:
            return
        length = int.from_bytes(file.at(begin + 2, 2).peek(2), "little")
        if begin + 4 + length > end:
            return
        yield begin + 4, begin + 4 + length
        begin += 4 + length


def _fills(file: Source, begin: int, end: int) -> bool:
    """Do the subfields take the extra field exactly?"""
    ends = [end for _, end in _subfields(file, begin, end)]
    return len(ends) == _MAX_SUBFIELDS or (ends[-1] if ends else begin) == end
