"""Mach-O: programs and libraries of macOS and iOS, thin and fat.

mach-o/loader.h and mach-o/fat.h of Apple's XNU, https://github.com/apple-oss-distributions/xnu

    thin  magic, cputype, cpusubtype, filetype, ncmds, sizeofcmds, flags (, reserved); load commands (cmd, cmdsize, ...)
    fat   CAFEBABE or CAFEBABF, nfat_arch: big-endian; per architecture cputype, cpusubtype, offset, size, align

CAFEBABE also opens Java classes, whose next number (versions) is 45 or more: a fat file has never had as many parts.

Checked: that it is a program, number and sizes of load commands, segments and their sections, parts of fat files.
Not checked: what other load commands say; code signatures. Data past the last segment is where signatures and
self-extractors lie: `ends_at` is not said.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.source import NotThisFormat, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["validate_macho"]

_MAX_PARTS = 44  # a Java class has its major version there, 45 at least
_MAX_ALIGN = 15  # MAXSECTALIGN, as the power of two
_ARCHIVE = b"!<arch>\n"  # a fat static library has archives as parts


@dataclass(frozen=True, slots=True)
class _Kind:
    """One of the four thin kinds, as its magic tells."""

    order: str
    wide: bool

    @property
    def header_size(self) -> int:
        return 32 if self.wide else 28

    @property
    def segment_command(self) -> int:  # LC_SEGMENT, LC_SEGMENT_64
        return 0x19 if self.wide else 0x1

    @property
    def segment_sizes(self) -> tuple[int, int]:  # of the command, of each section in it
        return (72, 80) if self.wide else (56, 68)


_KINDS = {
    b"\xfe\xed\xfa\xce": _Kind(">", wide=False),
    b"\xfe\xed\xfa\xcf": _Kind(">", wide=True),
    b"\xce\xfa\xed\xfe": _Kind("<", wide=False),
    b"\xcf\xfa\xed\xfe": _Kind("<", wide=True),
}
_FAT = {b"\xca\xfe\xba\xbe": ">IIIII", b"\xca\xfe\xba\xbf": ">IIQQI4x"}  # fat_arch, fat_arch_64


def _malformed(name: str, message: str, spec: str, false_positives: str = "none known") -> Rule:
    return Rule(f"macho.{name}", Category.MALFORMED, Severity.HIGH, message, spec, false_positives)


PROGRAM = Rule(
    "macho.program",
    Category.DANGEROUS,
    Severity.HIGH,
    "This is a program or library for macOS or iOS, whatever its name says.",
    spec="loader.h: MH_MAGIC, fat.h: FAT_MAGIC; threats EXE-02",
    false_positives="members who share software",
)
COMMAND_SIZE = _malformed(
    "command-size",
    "A load command of the program is smaller than a command can be, or is not aligned.",
    spec="loader.h: struct load_command, cmdsize",
)
COMMANDS_SIZE = _malformed(
    "commands-size",
    "The program's load commands do not fill the room that its header gives them.",
    spec="loader.h: struct mach_header, ncmds and sizeofcmds",
)
SECTION_COUNT = _malformed(
    "section-count",
    "A segment of the program declares another number of sections than it has room for.",
    spec="loader.h: struct segment_command, nsects",
)
SEGMENT_BOUNDS = _malformed(
    "segment-bounds",
    "A segment of the program reaches past the end of the file.",
    spec="loader.h: struct segment_command, fileoff and filesize",
    false_positives="files of debugging symbols (dSYM)",
)
PART_BOUNDS = _malformed(
    "part-bounds",
    "A part of the program for several processors lies outside the file or over its header.",
    spec="fat.h: struct fat_arch, offset and size",
)
PART_ALIGNMENT = _malformed(
    "part-alignment",
    "A part of the program for several processors is not aligned as it declares.",
    spec="fat.h: struct fat_arch, align",
)
PART_KIND = _malformed(
    "part-kind",
    "A part of the program for several processors is no program.",
    spec="fat.h: struct fat_arch",
    false_positives="libraries with parts for processors still to come",
)

RULES = (
    PROGRAM,
    COMMAND_SIZE,
    COMMANDS_SIZE,
    SECTION_COUNT,
    SEGMENT_BOUNDS,
    PART_BOUNDS,
    PART_ALIGNMENT,
    PART_KIND,
)

# A 64-bit, little-endian executable with one segment that is the whole file.
EXAMPLE = (
    struct.pack("<IiiIIIII", 0xFEEDFACF, 0x01000007, 3, 2, 1, 72, 0, 0)
    + struct.pack("<II16sQQQQiiII", 0x19, 72, b"__TEXT", 0, 4096, 0, 120, 5, 5, 0, 0)
    + bytes(16)
)


@validator(
    "application/x-mach-binary",
    magic=(*_KINDS, *_FAT),
    extensions=("macho", "dylib", "bundle"),
    rules=RULES,
    example=EXAMPLE,
    api=1,
)
def validate_macho(source: Source, screening: Screening) -> Iterator[Finding]:
    """Thin and fat Mach-O files of all word sizes and byte orders."""
    magic = source.peek(4)
    if magic in _FAT:
        yield from _check_fat(source, _FAT[magic], screening)
    elif kind := _KINDS.get(magic):
        yield PROGRAM.found(at=0, seen=magic)
        yield from _check_thin(source, kind, "")
    else:
        raise NotThisFormat("no Mach-O magic")


def _check_fat(source: Source, pattern: str, screening: Screening) -> Iterator[Finding]:
    magic, count = struct.unpack(">4sI", source.peek(8).ljust(8, b"\0"))
    if count > _MAX_PARTS:
        raise NotThisFormat("a Java class")
    yield PROGRAM.found(at=0, seen=magic)
    source.skip(8)
    size, entry = source.at(0).size, struct.calcsize(pattern)
    first = 8 + count * entry
    for index in range(count):
        at, where = source.offset, f"part[{index}]"
        _cpu, _subtype, start, length, align = struct.unpack(pattern, source.read(entry))
        if start < first or start + length > size:
            yield PART_BOUNDS.found(
                at=at + 8, where=where, seen=f"{start} + {length}", allowed=f"between {first} and {size}"
            )
            continue
        if align > _MAX_ALIGN or start % (1 << align):
            yield PART_ALIGNMENT.found(
                at=at + 8, where=where, seen=f"{start} to 2^{align}", allowed=f"2^0 to 2^{_MAX_ALIGN}"
            )
        yield from _check_part(source.at(start, length), where, screening)


def _check_part(part: Source, where: str, screening: Screening) -> Iterator[Finding]:
    if kind := _KINDS.get(part.peek(4)):
        yield from _check_thin(part, kind, where)
    elif part.peek(len(_ARCHIVE)) == _ARCHIVE:
        screening.not_covered(where, "a static library: its members are not checked")
    else:
        yield PART_KIND.found(at=part.offset, where=where, seen=part.peek(4), allowed="a thin Mach-O or an archive")


def _check_thin(source: Source, kind: _Kind, where: str) -> Iterator[Finding]:
    header = source.read(kind.header_size)
    _cpu, _subtype, _type, count, room = struct.unpack_from(kind.order + "5I", header, 4)
    end = source.tell() + room
    for index in range(count):
        at, place = source.offset, f"{where}!/command[{index}]" if where else f"command[{index}]"
        if source.tell() + 8 > end:
            yield COMMANDS_SIZE.found(at=at, where=place, seen=f"{count} commands", allowed=f"{room} bytes")
            return
        command, size = struct.unpack(kind.order + "II", source.at(source.tell()).read(8))
        if size < 8 or size % 4:
            yield COMMAND_SIZE.found(at=at + 4, where=place, seen=size, allowed="8 or more, a multiple of 4")
            return
        if command == kind.segment_command:
            yield from _check_segment(source.at(source.tell(), size), source.at(0).size, kind, place)
        source.skip(size)
    if source.tell() != end:
        yield COMMANDS_SIZE.found(at=source.offset, where=where, seen=f"ends at {source.tell()}", allowed=end)


def _check_segment(command: Source, size: int, kind: _Kind, where: str) -> Iterator[Finding]:
    at = command.offset
    fixed, section = kind.segment_sizes
    if command.size < fixed:
        yield COMMAND_SIZE.found(at=at + 4, where=where, seen=command.size, allowed=f"at least {fixed}")
        return
    data = command.read(fixed)
    words = "QQ" if kind.wide else "II"
    start, length = struct.unpack_from(kind.order + words, data, 40 if kind.wide else 32)
    (count,) = struct.unpack_from(kind.order + "I", data, fixed - 8)
    if fixed + count * section != int.from_bytes(data[4:8], "little" if kind.order == "<" else "big"):
        yield SECTION_COUNT.found(at=at + fixed - 8, where=where, seen=count, allowed=(command.size - fixed) // section)
    if length and start + length > size:
        yield SEGMENT_BOUNDS.found(
            at=at + (40 if kind.wide else 32), where=where, seen=f"{start} + {length}", allowed=f"{size} bytes"
        )
