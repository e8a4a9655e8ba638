"""PE, and the DOS programs that it grew out of.

Microsoft PE/COFF specification, https://learn.microsoft.com/windows/win32/debug/pe-format

    DOS header   "MZ", 58 bytes, e_lfanew: u32 at 60
    at e_lfanew  "PE\\0\\0", COFF header (20), optional header (SizeOfOptionalHeader), section table (40 each)
    sections     PointerToRawData, SizeOfRawData

Checked: that it is a program at all (which is the finding that counts), the headers' places and sizes, alignments,
sections inside the file.
Not checked: what the code does; import, resource and signature directories. Data past the last section (an overlay) is
what installers are made of: it is no finding, and `ends_at` is not said, so the tail is not taken for a hidden one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.source import NotThisFormat, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["validate_pe"]

_DOS_LEAST = 28  # bytes, without the relocation table
_DOS_PAGE = 512
_DOS_HEADER = 64  # bytes, e_lfanew being its last field
_OPTIONAL_SIZES = {0x10B: 96, 0x20B: 112}  # PE32, PE32+: bytes before the data directories
_DIRECTORY = 8  # bytes
_SECTION = 40  # bytes
_MAX_SECTIONS = 96  # "the Windows loader limits the number of sections to 96", COFF header
_PAGE = 4096
_ALIGNMENTS = (512, 65536)  # FileAlignment, optional header


def _malformed(name: str, severity: Severity, message: str, spec: str, false_positives: str) -> Rule:
    return Rule(f"pe.{name}", Category.MALFORMED, severity, message, spec, false_positives)


PROGRAM = Rule(
    "pe.program",
    Category.DANGEROUS,
    Severity.HIGH,
    "This is a Windows or DOS program, whatever its name says.",
    spec="PE/COFF: MS-DOS stub and signature; threats EXE-01",
    false_positives="members who share software",
)
HEADER_OFFSET = _malformed(
    "header-offset",
    Severity.MEDIUM,
    "The program's header overlaps the DOS header or is not aligned, as linkers never make it.",
    spec="PE/COFF: signature at the offset in 0x3c; the loader wants it aligned to 4",
    false_positives="hand-made tiny programs",
)
OPTIONAL_HEADER = _malformed(
    "optional-header",
    Severity.HIGH,
    "The program's optional header has an unknown kind or is too small for its own directories.",
    spec="PE/COFF: optional header magic, SizeOfOptionalHeader, NumberOfRvaAndSizes",
    false_positives="ROM images and hand-made tiny programs",
)
ALIGNMENT = _malformed(
    "alignment",
    Severity.MEDIUM,
    "The program's sections are aligned in a way that the format does not allow.",
    spec="PE/COFF: FileAlignment, SectionAlignment",
    false_positives="packed programs",
)
SECTION_COUNT = _malformed(
    "section-count",
    Severity.MEDIUM,
    "The program declares more sections than Windows would load.",
    spec="PE/COFF: COFF file header, NumberOfSections",
    false_positives="object files renamed",
)
SECTION_BOUNDS = _malformed(
    "section-bounds",
    Severity.HIGH,
    "A section of the program reaches past the end of the file.",
    spec="PE/COFF: section table, PointerToRawData and SizeOfRawData",
    false_positives="programs whose download was interrupted",
)

RULES = (PROGRAM, HEADER_OFFSET, OPTIONAL_HEADER, ALIGNMENT, SECTION_COUNT, SECTION_BOUNDS)

# A PE32 file for i386 with one section of one aligned block: DOS header, headers, padding, section.
EXAMPLE = (
    struct.pack("<2s58xI", b"MZ", _DOS_HEADER)
    + struct.pack("<4sHHIIIHH", b"PE\0\0", 0x14C, 1, 0, 0, 0, 224, 0x102)
    + struct.pack("<H30xII52xI128x", 0x10B, 0x1000, 512, 16)
    + struct.pack("<8sIIIIIIHHI", b".text", 1, 0x1000, 512, 512, 0, 0, 0, 0, 0x60000020)
).ljust(512, b"\0") + b"\xc3".ljust(512, b"\0")


@validator(
    "application/vnd.microsoft.portable-executable",
    "application/x-dosexec",
    magic=b"MZ",
    extensions=("exe", "dll", "scr", "sys", "com"),
    rules=RULES,
    example=EXAMPLE,
    api=1,
)
def validate_pe(source: Source, screening: Screening) -> Iterator[Finding]:
    """PE, NE, LE and plain DOS programs."""
    mark = source.peek(2)
    if mark not in (b"MZ", b"ZM"):  # DOS takes both
        raise NotThisFormat("no MZ")
    source.skip(2)
    yield PROGRAM.found(at=0, seen=mark)
    dos = source.at(0).read(_DOS_LEAST)
    start = source.at(0).peek(_DOS_HEADER)
    offset = int.from_bytes(start[60:64], "little")
    if len(start) < _DOS_HEADER or source.at(offset).peek(4) != b"PE\0\0":
        _pass_dos_image(source, dos, offset)
        screening.not_covered("", "a DOS program, or one of the kinds before PE: its structure is not checked")
        return
    if offset < _DOS_HEADER or offset % 4:
        yield HEADER_OFFSET.found(at=60, seen=offset, allowed=f"{_DOS_HEADER} or more, a multiple of 4")
    headers = source.at(offset)
    headers.skip(4)
    _machine, sections, _time, _symbols, _count, size, _flags = struct.unpack("<HHIIIHH", headers.read(20))
    yield from _check_optional_header(headers.at(headers.tell()), size)
    headers.skip(size)
    yield from _check_sections(headers, source.at(0).size, sections)


def _pass_dos_image(source: Source, dos: bytes, offset: int) -> None:
    """What the DOS header promises must be there. Raises ShortRead."""
    last, pages = struct.unpack_from("<HH", dos, 2)  # bytes in the last page, pages
    if pages:
        source.at(0).skip(pages * _DOS_PAGE - (_DOS_PAGE - last if 0 < last < _DOS_PAGE else 0))
        return
    source.at(0).read(_DOS_HEADER)  # DOS would load nothing, so that this must be of a newer kind
    source.at(offset).read(4)


def _check_optional_header(header: Source, size: int) -> Iterator[Finding]:
    at = header.offset
    magic = int.from_bytes(header.read(2), "little")
    fixed = _OPTIONAL_SIZES.get(magic)
    if fixed is None:
        yield OPTIONAL_HEADER.found(at=at, seen=f"magic {magic:#x}", allowed="0x10b (PE32) or 0x20b (PE32+)")
        return
    if size < fixed:
        yield OPTIONAL_HEADER.found(at=at, seen=f"{size} bytes", allowed=f"at least {fixed}")
        return
    fields = header.at(0).read(fixed)
    section_alignment, file_alignment = struct.unpack_from("<II", fields, 32)
    if not _alignment_is_legal(section_alignment, file_alignment):
        yield ALIGNMENT.found(
            at=at + 32,
            seen=f"sections {section_alignment}, file {file_alignment}",
            allowed="powers of two; file 512 to 65536 and at most sections; equal below a page",
        )
    directories = int.from_bytes(fields[fixed - 4 :], "little")
    if fixed + directories * _DIRECTORY > size:
        yield OPTIONAL_HEADER.found(
            at=at + fixed - 4, seen=f"{directories} directories", allowed=f"at most {(size - fixed) // _DIRECTORY}"
        )


def _alignment_is_legal(section: int, file: int) -> bool:
    if section == 0 or file == 0 or section & (section - 1) or file & (file - 1):
        return False
    if section < _PAGE:
        return section == file
    low, high = _ALIGNMENTS
    return low <= file <= min(high, section)


def _check_sections(table: Source, size: int, count: int) -> Iterator[Finding]:
    if count > _MAX_SECTIONS:
        yield SECTION_COUNT.found(at=table.offset, seen=count, allowed=f"at most {_MAX_SECTIONS}")
    for index in range(count):
        at = table.offset
        name, _virtual, _address, length, start = struct.unpack_from("<8sIIII", table.read(_SECTION))
        if length and start + length > size:
            yield SECTION_BOUNDS.found(
                at=at + 16,
                where=f"section[{index}] {name.rstrip(bytes(1)).decode('latin-1')}",
                seen=f"{start} + {length}",
                allowed=f"{size} bytes",
            )
