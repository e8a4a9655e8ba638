"""Macros in a compound file: [MS-OVBA]. The project is found, its source is decompressed and looked through.

project = storage with the streams `_VBA_PROJECT`, `dir` and one for each module
module  = compiled code, then from MODULEOFFSET on the compressed source
source  = 01 {chunk}, a chunk being at most 4096 bytes of tokens: literals, and copies of what came before
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from lazaretto_validators.documents import ole2_rules as rules
from lazaretto_validators.documents.ole2_directory import STORAGE, Directory, Entry
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["MAX_SOURCE", "decompress", "judge_macros"]

MAX_SOURCE = 1 << 20
"""Bytes of macro source that are looked through in all. Whole frameworks have less; what is beyond is told."""

_CHUNK = 4096  # bytes that a chunk expands to at most, 2.4.1.1.4
_MODULE_STREAM, _MODULE_OFFSET, _PROJECT_VERSION, _TERMINATOR = 0x1A, 0x31, 0x09, 0x2B  # 2.3.4.2

# What runs by itself, and what then harms: threats OFF-03.
_AUTO = re.compile(
    rb"(?i)\b(?:auto_?(?:exec|open|close|exit|new)|(?:document|workbook)_?(?:open|beforeclose|close|new|activate)|"
    rb"\w+_(?:painted|painting|layout|gotfocus|lostfocus|mousehover|resize|click|change|connecting))\b"
)
_HARM = re.compile(
    rb"(?i)\b(?:filecopy|createtextfile|savetofile|urldownloadtofile[aw]?|writetext|for\s+(?:output|binary|append)|"
    rb"shell(?:execute[aw]?)?|createobject|getobject|declare\s+(?:ptrsafe\s+)?(?:sub|function)|createprocess[aw]?|"
    rb"createthread|virtualalloc(?:ex)?|winexec|callbyname|macscript|exec|run|followhyperlink)\b"
)


def decompress(data: bytes, most: int, screening: Screening) -> bytes | None:
    """The bytes of a compressed container, as many as there are; None where it is none. 2.4.1."""
    if data[:1] != b"\x01":
        return None
    out, at = bytearray(), 1
    while at + 2 <= len(data) and len(out) < most:
        header = struct.unpack_from("<H", data, at)[0]
        if header >> 12 & 7 != 3:  # signature, 2.4.1.1.5
            return bytes(out) if out else None
        end = min(at + (header & 0xFFF) + 3, len(data))
        if header & 0x8000:
            _expand(data[at + 2 : end], out)
        else:
            out += data[at + 2 : min(end, at + 2 + _CHUNK)]
        screening.spend((end - at) // 8 + 1)
        at = end
    screening.expand(len(out))
    return bytes(out)


def _expand(tokens: bytes, out: bytearray) -> None:
    """One chunk. 2.4.1.3.2: each flag bit says whether a literal or a copy follows."""
    start, at = len(out), 0
    while at < len(tokens):
        flags = tokens[at]
        at += 1
        if not flags:
            out += tokens[at : at + 8]
            at += 8
            continue
        for bit in range(8):
            if at >= len(tokens) or len(out) - start >= _CHUNK:
                break
            if not flags >> bit & 1:
                out.append(tokens[at])
                at += 1
                continue
            if at + 2 > len(tokens):
                return
            token = tokens[at] | tokens[at + 1] << 8
            at += 2
            bits = max(4, (len(out) - start - 1).bit_length())  # 2.4.1.3.19.1
            offset, length = (token >> (16 - bits)) + 1, (token & (0xFFFF >> bits)) + 3
            if offset > len(out) - start:
                return
            copied = out[-offset:] if offset > length else (out[-offset:] * (length // offset + 1))
            out += copied[:length]


def judge_macros(directory: Directory, screening: Screening) -> Iterator[Finding]:
    """Every macro project of the file. 2.2.1."""
    left = MAX_SOURCE
    for entry in directory.entries:
        if entry.kind != STORAGE or entry.key != "VBA":
            continue
        root = directory.by_path.get(f"{entry.path}/dir".upper())
        if root is None and f"{entry.path}/_VBA_PROJECT".upper() not in directory.by_path:
            continue
        rule = rules.MACRO if entry.folder else rules.VBA_PROJECT
        yield rule.found(at=entry.at, where=entry.path, seen="a macro project")
        if root is None or root.data is None:
            continue
        for module, offset in _modules(root.data, screening):
            stream = directory.by_path.get(f"{entry.path}/{module}".upper())
            if stream is None or stream.data is None:
                continue
            packed = stream.data.at(offset).peek(left) if offset < stream.data.size else b""
            source = decompress(packed, left, screening)
            left -= max(len(packed), len(source or b""))
            if left <= 0:
                screening.not_covered(stream.path, f"macro source beyond {MAX_SOURCE} bytes")
                return
            yield from _judge_source(stream, offset, source)


def _judge_source(stream: Entry, offset: int, source: bytes | None) -> Iterator[Finding]:
    if not source:
        yield rules.MACRO_STOMPED.found(at=stream.at, where=stream.path, seen=f"no source at {offset}")
        return
    # Lines that an editor continued with an underscore are one.
    text = re.sub(rb" _\r?\n", b" ", source)
    if (auto := _AUTO.search(text)) and (harm := _HARM.search(text)):
        yield rules.MACRO_AUTOEXEC.found(at=stream.at, where=stream.path, seen=f"{auto[0]!r}, {harm[0]!r}")


def _modules(listed: Source, screening: Screening) -> Iterator[tuple[str, int]]:
    """Stream and offset of the source of each module. 2.3.4.2."""
    data = decompress(listed.at(0).peek(MAX_SOURCE), MAX_SOURCE, screening) or b""
    at, name, encoding = 0, "", "cp1252"
    while at + 6 <= len(data):
        screening.spend()
        kind, size = struct.unpack_from("<HL", data, at)
        body = data[at + 6 : at + 6 + min(size, 4096)]
        if kind == _PROJECT_VERSION:
            size = 6  # its length field is a lie of the format: 2.3.4.2.1.11
        elif kind == 0x32:
            name = body.decode("utf-16-le", "replace") or name
        elif kind == _MODULE_STREAM:
            name = body.decode(encoding, "replace")
        elif kind == _MODULE_OFFSET and len(body) == 4:
            yield name, int.from_bytes(body, "little")
        at += 6 + size
