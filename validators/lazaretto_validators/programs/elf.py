"""ELF: programs, libraries and modules of Linux, BSD and their relatives.

System V gABI, chapters 4 and 5, https://www.sco.com/developers/gabi/latest/contents.html

    e_ident (16)  7F "ELF", class, data, version, ABI
    header        52 or 64 bytes in all: where the program and section header tables lie, size and number of entries
    tables        anywhere in the file

Checked: that it is a program, the identification, header and entry sizes, both tables and all loaded segments inside
the file, the index of the section names.
Not checked: what sections and dynamic entries say. What lies past the last table (AppImage, self-extractors) is normal
and therefore no tail: `ends_at` is not said.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["validate_elf"]

_MAGIC = b"\x7fELF"
_PT_LOAD = 1
_PN_XNUM = 0xFFFF  # the real number of segments stands in section 0
_SHN_XINDEX = 0xFFFF  # so does the index of the section names


def _malformed(name: str, severity: Severity, message: str, spec: str, false_positives: str = "none known") -> Rule:
    return Rule(f"elf.{name}", Category.MALFORMED, severity, message, spec, false_positives)


PROGRAM = Rule(
    "elf.program",
    Category.DANGEROUS,
    Severity.HIGH,
    "This is a program or library for Linux or a relative of it, whatever its name says.",
    spec="gABI 4: ELF header; threats EXE-02",
    false_positives="members who share software",
)
IDENT = _malformed(
    "ident",
    Severity.HIGH,
    "The program's identification names a class, byte order or version that does not exist.",
    spec="gABI 4: e_ident, EI_CLASS, EI_DATA, EI_VERSION",
    false_positives="hand-made tiny programs that keep code there",
)
ENTRY_SIZE = _malformed(
    "entry-size",
    Severity.HIGH,
    "The program's header or the entries of its tables have a size that does not fit their class.",
    spec="gABI 4 and 5: e_ehsize, e_phentsize, e_shentsize",
    false_positives="hand-made tiny programs",
)
TABLE_BOUNDS = _malformed(
    "table-bounds",
    Severity.HIGH,
    "A table of the program reaches past the end of the file.",
    spec="gABI 4: e_phoff and e_phnum, e_shoff and e_shnum",
    false_positives="programs whose download was interrupted",
)
SEGMENT_BOUNDS = _malformed(
    "segment-bounds",
    Severity.MEDIUM,
    "A segment of the program reaches past the end of the file.",
    spec="gABI 5: p_offset and p_filesz",
    false_positives="files of debugging symbols, core files of broken-off dumps",
)
NAMES_INDEX = _malformed(
    "names-index",
    Severity.MEDIUM,
    "The section that should hold the section names does not exist.",
    spec="gABI 4: e_shstrndx",
    false_positives="programs whose section table was stripped by hand",
)

RULES = (PROGRAM, IDENT, ENTRY_SIZE, TABLE_BOUNDS, SEGMENT_BOUNDS, NAMES_INDEX)


@dataclass(frozen=True, slots=True)
class _Class:
    """Layout of one class: struct formats, without byte order, of what is read; sizes of header and entries."""

    bits: int
    header: str  # e_type to e_shstrndx
    header_size: int
    segment_size: int
    section_size: int


_CLASSES = {1: _Class(32, "HHIIIIIHHHHHH", 52, 32, 40), 2: _Class(64, "HHIQQQIHHHHHH", 64, 56, 64)}
_ORDERS = {1: "<", 2: ">"}

# A 64-bit, little-endian file with one segment that is the whole file.
EXAMPLE = (
    _MAGIC
    + bytes((2, 1, 1)).ljust(12, b"\0")
    + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 1, 64, 0, 0)
    + struct.pack("<IIQQQQQQ", _PT_LOAD, 5, 0, 0, 0, 136, 136, 4096)
    + bytes(16)
)


@dataclass(frozen=True, slots=True)
class _Header:
    layout: _Class
    order: str
    segments_at: int
    segments: int
    sections_at: int
    sections: int
    names: int


@validator(
    "application/x-executable",
    magic=_MAGIC,
    extensions=("elf", "so", "o", "ko"),
    rules=RULES,
    example=EXAMPLE,
    api=1,
)
def validate_elf(source: Source, screening: Screening) -> Iterator[Finding]:
    """ELF files of both classes and byte orders."""
    source.expect(_MAGIC)
    yield PROGRAM.found(at=0, seen=_MAGIC)
    size_class, data, version = source.read(12)[:3]
    layout, order = _CLASSES.get(size_class), _ORDERS.get(data)
    if layout is None or order is None or version != 1:
        yield IDENT.found(at=4, seen=f"class {size_class}, data {data}, version {version}", allowed="1 or 2, 1 or 2, 1")
        return
    fields = struct.unpack(order + layout.header, source.read(layout.header_size - 16))
    sizes = _sizes(layout, fields)
    for at, (name, seen, allowed) in sizes.items():
        if seen != allowed:
            yield ENTRY_SIZE.found(at=at, where=name, seen=seen, allowed=allowed)
    if any(seen != allowed for _, seen, allowed in sizes.values()):
        return
    header = _with_extended_numbers(source, _Header(layout, order, *_tables(fields)))
    yield from _check_tables(source, header)
    yield from _check_segments(source, header, screening)


def _sizes(layout: _Class, fields: tuple[int, ...]) -> dict[int, tuple[str, int, int]]:
    """Declared and right sizes by offset: of the header, and of the entries of tables that are there."""
    end = layout.header_size
    sizes = {end - 12: ("e_ehsize", fields[7], layout.header_size)}
    if fields[9]:
        sizes[end - 10] = ("e_phentsize", fields[8], layout.segment_size)
    if fields[11]:
        sizes[end - 6] = ("e_shentsize", fields[10], layout.section_size)
    return sizes


def _tables(fields: tuple[int, ...]) -> tuple[int, int, int, int, int]:
    _, _, _, _, segments_at, sections_at, _, _, _, segments, _, sections, names = fields
    return segments_at, segments, sections_at, sections, names


def _with_extended_numbers(source: Source, header: _Header) -> _Header:
    """Numbers that do not fit 16 bits stand in section 0: sh_size, sh_info, sh_link (gABI 4)."""
    if not header.sections_at or (header.sections and _PN_XNUM not in (header.segments, header.names)):
        return header
    if header.sections_at + header.layout.section_size > source.at(0).size:
        return header  # _check_tables says so
    entry = source.at(header.sections_at).read(header.layout.section_size)
    wide = header.layout.bits == 64
    (size,) = struct.unpack_from(header.order + ("Q" if wide else "I"), entry, 32 if wide else 20)
    link, info = struct.unpack_from(header.order + "II", entry, 40 if wide else 24)
    return _Header(
        header.layout,
        header.order,
        header.segments_at,
        info if header.segments == _PN_XNUM else header.segments,
        header.sections_at,
        header.sections or size,
        link if header.names == _SHN_XINDEX else header.names,
    )


def _check_tables(source: Source, header: _Header) -> Iterator[Finding]:
    size = source.at(0).size
    tables = (
        ("program headers", header.segments_at, header.segments, header.layout.segment_size),
        ("section headers", header.sections_at, header.sections, header.layout.section_size),
    )
    for name, start, count, entry in tables:
        if count and start + count * entry > size:
            yield TABLE_BOUNDS.found(at=start, where=name, seen=f"{start} + {count} x {entry}", allowed=f"{size} bytes")
    if header.names and header.names >= header.sections:
        yield NAMES_INDEX.found(at=header.layout.header_size - 2, seen=header.names, allowed=f"below {header.sections}")


def _check_segments(source: Source, header: _Header, screening: Screening) -> Iterator[Finding]:
    size = source.at(0).size
    entry = header.layout.segment_size
    there = max(0, size - header.segments_at) // entry
    table = source.at(header.segments_at)
    pattern = header.order + ("IIQQQQ" if header.layout.bits == 64 else "IIIII")
    for index in range(min(header.segments, there)):
        screening.spend()
        at = table.offset
        fields = struct.unpack_from(pattern, table.read(entry))
        kind = fields[0]
        start, length = (fields[2], fields[5]) if header.layout.bits == 64 else (fields[1], fields[4])
        if kind == _PT_LOAD and length and start + length > size:
            yield SEGMENT_BOUNDS.found(
                at=at, where=f"segment[{index}]", seen=f"{start} + {length}", allowed=f"{size} bytes"
            )
