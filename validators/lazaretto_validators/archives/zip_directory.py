"""Reading a ZIP from its end: end records, central directory, local headers. PKWARE APPNOTE 6.3.10, section 4.3.

Whoever opens a ZIP believes its *last* directory. This module finds all ends that resolve, never trusts a count or an
offset, and answers with what stands there; what is wrong with it is judged in `zip_layout` and `zip_names`.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.source import ShortRead, Source

__all__ = ["Archive", "End", "Entry", "Local", "find_ends", "open_archive", "read_local", "struct_at"]

END = b"PK\x05\x06"
CENTRAL = b"PK\x01\x02"
LOCAL = b"PK\x03\x04"
DESCRIPTOR = b"PK\x07\x08"
_END64 = b"PK\x06\x06"
_LOCATOR64 = b"PK\x06\x07"

_END_FIELDS = struct.Struct("<4s4H2LH")  # 4.3.16
_LOCATOR_FIELDS = struct.Struct("<4sLQL")  # 4.3.15
_END64_FIELDS = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_CENTRAL_FIELDS = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_LOCAL_FIELDS = struct.Struct("<4s5H3L2H")  # 4.3.7

_TAIL = 22 + 0xFFFF  # an end record and the longest comment: no reader looks further back
_MAX_ENDS = 8  # candidates that are followed up; an honest file has one, or some inside stored members
MAX_DIRECTORY = 32 << 20
"""Bytes of a central directory that are read: 10 000 members with 3 KiB each for name and fields."""

ENCRYPTED = 1 << 0
STREAMED = 1 << 3  # sizes and CRC follow the data: 4.3.9
UTF8 = 1 << 11
_JAVA = 0xCAFE  # extra field with which Java's tools mark the first member of a JAR
MASKED = 1 << 13  # local header values are hidden by central directory encryption: 4.4.4


@dataclass(frozen=True, slots=True)
class End:
    """One end record with the directory that it leads to. Offsets count from the source's beginning.

    at: the end record. comment: length of its comment, as declared.
    directory_at, directory_size: where the directory stands; base: what must be added to the file's
    offsets. offset: the directory's, as declared.
    entries: as declared. closes_at: where the directory should end (the ZIP64 record, or the end record).
    disks: disk numbers that are not 0. conflict: what the ZIP64 record contradicts. rival_at: a second directory.
    """

    at: int
    comment: int
    directory_at: int
    directory_size: int
    base: int
    offset: int
    entries: int
    closes_at: int
    disks: bool = False
    conflict: str = ""
    rival_at: int | None = None

    @property
    def after(self) -> int:
        """First byte past the end record and its comment, as declared."""
        return self.at + _END_FIELDS.size + self.comment


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the central directory. `local_at` is adjusted by the base; the other fields are as written."""

    at: int
    raw_name: bytes
    name: str
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    local_at: int
    system: int
    mode: int
    unicode_name: str | None
    well_formed_name: bool
    well_formed_extra: bool
    java_mark: bool
    wide_sizes: tuple[int, int] | None = None

    @property
    def is_folder(self) -> bool:
        """Does the name end with a separator, or does the DOS attribute say so?"""
        return self.name.endswith(("/", "\\")) and not self.size

    @property
    def encrypted(self) -> bool:
        """Bit 0, or the AES method 99."""
        return bool(self.flags & (ENCRYPTED | MASKED)) or self.method == 99

    @classmethod
    def of_local(cls, local: Local) -> Entry:
        """What a reader that goes from the front takes for the entry."""
        name, well_formed = decode_name(local.raw_name, local.flags)
        return cls(
            local.at, local.raw_name, name, local.flags, local.method, local.crc, local.packed, local.size, local.at,
            0, 0, None, well_formed, True, False,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Local:
    """A local header. data_at: where the member's bytes begin. wide_sizes: (size, packed) of a ZIP64 field that no
    other field asks for, and that some programs believe all the same."""

    at: int
    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    data_at: int
    unicode_name: str | None = None
    wide_sizes: tuple[int, int] | None = None


@dataclass(slots=True)
class Archive:
    """A ZIP's directory. fault: what ended the reading early, at byte fault_at. over: more entries than allowed."""

    end: End
    entries: list[Entry] = field(default_factory=list)
    directory_end: int = 0
    fault: str = ""
    fault_at: int = 0
    over: bool = False


def struct_at(source: Source, fields: struct.Struct, offset: int) -> tuple[int, ...] | None:
    """The fields at `offset` without their signature; None where the file (or the window) ends before."""
    if offset < 0:
        return None
    data = source.at(offset, fields.size).peek(fields.size)
    return fields.unpack(data)[1:] if len(data) == fields.size else None


def _has(source: Source, offset: int, literal: bytes) -> bool:
    return offset >= 0 and source.at(offset, len(literal)).peek(len(literal)) == literal


def find_ends(source: Source) -> Iterator[End]:
    """Every end record in the last 64 KiB that leads to a directory, the last first. Waits for the end of the file."""
    begin = max(0, source.size - _TAIL)
    tail = source.at(begin).peek(_TAIL)
    position = tail.rfind(END)
    for _ in range(_MAX_ENDS):
        if position < 0:
            return
        if end := _resolve(source, begin + position):
            yield end
        position = tail.rfind(END, 0, position)


def _resolve(source: Source, at: int) -> End | None:
    values = struct_at(source, _END_FIELDS, at)
    if values is None:
        return None
    disk, start_disk, _, entries, size, offset, comment = values
    closes_at, located_at, conflict = at, at, ""
    if wide := _read_end64(source, at):
        closes_at, located_at, disk, start_disk, wide_entries, wide_size, wide_offset = wide
        pairs = ((entries, 0xFFFF, wide_entries), (size, 0xFFFFFFFF, wide_size), (offset, 0xFFFFFFFF, wide_offset))
        if any(narrow not in (most, wider) for narrow, most, wider in pairs):
            conflict = f"entries {entries}/{wide_entries}, size {size}/{wide_size}, offset {offset}/{wide_offset}"
        entries, size, offset = wide_entries, wide_size, wide_offset
    places = _directories(source, closes_at, size, offset, entries)
    if not places:
        return None
    # An offset beyond the directory is a lie that shifts nothing; one before it tells how much stands in front.
    base = max(0, places[0] - offset)
    if located_at not in (closes_at, closes_at - base):
        conflict = conflict or f"its end record said to be at {located_at}, found at {closes_at}"
    return End(
        at=at,
        comment=comment,
        directory_at=places[0],
        directory_size=size,
        base=base,
        offset=offset,
        entries=entries,
        closes_at=closes_at,
        disks=bool(disk or start_disk),
        conflict=conflict,
        rival_at=places[1] if len(places) > 1 else None,
    )


def _directories(source: Source, closes_at: int, size: int, offset: int, entries: int) -> list[int]:
    """Where the directory may stand: right before its end (readers that add a base), and where the offset says."""
    if not entries and not size:
        return [closes_at]
    places = dict.fromkeys((closes_at - size, offset))
    return [place for place in places if place < closes_at and _has(source, place, CENTRAL)]


def _read_end64(source: Source, end_at: int) -> tuple[int, int, int, int, int, int, int] | None:
    """Where the ZIP64 end record stands and is said to stand, its disks, entries, size, offset; None without one."""
    locator_at = end_at - _LOCATOR_FIELDS.size
    if not _has(source, locator_at, _LOCATOR64):
        return None
    locator = struct_at(source, _LOCATOR_FIELDS, locator_at)
    if locator is None:
        return None
    # A prefix shifts the locator's offset, too: then the record stands right before the locator.
    for at in (locator[1], locator_at - _END64_FIELDS.size):
        if at < locator_at and _has(source, at, _END64) and (values := struct_at(source, _END64_FIELDS, at)):
            return at, locator[1], values[3], values[4], values[6], values[7], values[8]
    return None


def open_archive(source: Source, most: int) -> Archive | None:
    """The directory that readers believe, with at most `most` entries; None if no end record resolves."""
    return source.once(_open, most)


def _open(source: Source, most: int) -> Archive | None:
    end = next(find_ends(source), None)
    return None if end is None else read_directory(source, end, most)


def read_directory(source: Source, end: End, most: int) -> Archive:
    """The entries from the directory's beginning to where it closes. Stops at the first record that is none."""
    archive = Archive(end)
    records = source.at(end.directory_at, min(MAX_DIRECTORY, max(0, end.closes_at - end.directory_at)))
    while (fields := records.peek(_CENTRAL_FIELDS.size)).startswith(CENTRAL):
        if len(archive.entries) >= most:
            archive.over = True
            break
        at = end.directory_at + records.tell()
        try:
            archive.entries.append(_read_entry(records, fields, at, end.base))
        except ShortRead:
            archive.over = records.size == MAX_DIRECTORY
            archive.fault, archive.fault_at = "a record that reaches past the directory", at
            break
    archive.directory_end = end.directory_at + records.tell()
    # 4.3.13: a digital signature may follow the last record; anything else is not part of a directory.
    closed = archive.directory_end == end.closes_at or records.peek(4) == b"PK\x05\x05"
    if not closed and not archive.fault and not archive.over:
        archive.fault, archive.fault_at = f"{records.peek(4).hex(' ')} after the last record", archive.directory_end
    return archive


def _read_entry(records: Source, fields: bytes, at: int, base: int) -> Entry:
    """The record whose fixed fields were peeked at. Raises ShortRead where the directory ends inside it."""
    records.skip(_CENTRAL_FIELDS.size)
    values = _CENTRAL_FIELDS.unpack(fields)
    _, made_by, _, flags, method, _, _, crc, packed, size, name_len, extra_len, comment_len, _, _, external, local = (
        values
    )
    names = records.read(name_len + extra_len)
    raw_name = names[:name_len]
    blocks, well_formed = read_extra(names[name_len:])
    if comment_len:
        records.skip(comment_len)
    unasked = _unasked(blocks.get(1, b""), size, packed, local)
    size, packed, local = _widen(blocks.get(1, b""), size, packed, local)
    name, name_ok = decode_name(raw_name, flags)
    return Entry(
        at, raw_name, name, flags, method, crc, packed, size, local + base,
        made_by >> 8, external >> 16, _unicode_name(blocks.get(0x7075, b""), raw_name), name_ok, well_formed,
        _JAVA in blocks, unasked,
    )  # fmt: skip


def read_extra(data: bytes) -> tuple[dict[int, bytes], bool]:
    """The blocks of an extra field by id, the first of each; whether they fill it and agree. Zeros are alignment."""
    blocks: dict[int, bytes] = {}
    position, contradicted = 0, False
    while position + 4 <= len(data):
        kind, length = struct.unpack_from("<2H", data, position)
        if position + 4 + length > len(data):
            break
        block = data[position + 4 : position + 4 + length]
        # Of two names or two pairs of sizes, one program takes the first and another one the last.
        contradicted |= kind in (1, 0x7075) and blocks.setdefault(kind, block) != block
        blocks.setdefault(kind, block)
        position += 4 + length
    return blocks, not contradicted and not any(data[position:])


def _widen(block: bytes, *values: int) -> tuple[int, int, int]:
    """The ZIP64 values for those of (size, packed, offset) that are all ones: 4.5.3."""
    wide = []
    for value in values:
        if value == 0xFFFFFFFF and len(block) >= 8:
            value, block = int.from_bytes(block[:8], "little"), block[8:]
        wide.append(value)
    size, packed, offset = wide
    return size, packed, offset


def _unasked(block: bytes, *values: int) -> tuple[int, int] | None:
    """The sizes of a ZIP64 field where no value is all ones, so that it should not be there."""
    if 0xFFFFFFFF in values or len(block) < 16:
        return None
    size, packed = struct.unpack_from("<2Q", block)
    return size, packed


def decode_name(raw: bytes, flags: int) -> tuple[str, bool]:
    """The name as text, and whether it keeps the promise of bit 11. Unmarked UTF-8 is what many writers really use."""
    try:
        return raw.decode("utf-8"), True
    except UnicodeDecodeError:
        return raw.decode("cp437"), not flags & UTF8


def _unicode_name(block: bytes, raw_name: bytes) -> str | None:
    """The name of a Unicode path field (4.6.9), which counts only while its CRC is the header name's."""
    if len(block) < 5 or block[0] != 1 or int.from_bytes(block[1:5], "little") != zlib.crc32(raw_name):
        return None
    return block[5:].decode("utf-8", errors="replace")


def read_local(source: Source, at: int) -> Local | None:
    """The local header at byte `at`; None if there is none."""
    return source.once(_read_local, at)


def _read_local(source: Source, at: int) -> Local | None:
    if at < 0:
        return None
    header = source.at(at)
    fields = header.peek(_LOCAL_FIELDS.size)
    if not fields.startswith(LOCAL) or len(fields) < _LOCAL_FIELDS.size:
        return None
    _, _, flags, method, _, _, crc, packed, size, name_len, extra_len = _LOCAL_FIELDS.unpack(fields)
    header.skip(_LOCAL_FIELDS.size)
    names = header.peek(name_len + extra_len)
    if len(names) < name_len + extra_len:
        return None
    header.skip(len(names))
    raw_name = names[:name_len]
    blocks, _ = read_extra(names[name_len:])
    unasked = _unasked(blocks.get(1, b""), size, packed, 0)
    size, packed, _ = _widen(blocks.get(1, b""), size, packed, 0)
    other = _unicode_name(blocks.get(0x7075, b""), raw_name)
    return Local(at, raw_name, flags, method, crc, packed, size, at + header.tell(), other, unasked)
