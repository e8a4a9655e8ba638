"""Counted tables, and boxes of fixed fields: does what they declare fit into them? ISO/IEC 14496-12 8.6 to 8.16.

A count is compared with the bytes that are there, in integers without a width; nothing is read by it before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import Box, File

__all__ = ["COUNTED", "FIELDS", "Table", "check_fields", "read_table"]


@dataclass(frozen=True, slots=True)
class Table:
    """Where the entries of a counted table stand. constant: what all of them are, where they are not written out."""

    box: Box
    begin: int
    count: int
    width: float
    constant: int = 0


Layout = Callable[[bytes], tuple[int, int, float, int]]
"""From the first 40 bytes of the content: where the entries begin, how many, bytes of each, their constant value."""


def _u32(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "big")


def _plain(width: float) -> Layout:
    """version, flags, count, entries: the layout of most. 8.6.1.2 and others."""
    return lambda head: (8, _u32(head, 4), width, 0)


def _stsz(head: bytes) -> tuple[int, int, float, int]:
    size = _u32(head, 4)
    return 12, _u32(head, 8), 0 if size else 4, size


def _elst(head: bytes) -> tuple[int, int, float, int]:
    return 8, _u32(head, 4), 20 if head[0] == 1 else 12, 0


def _sbgp(head: bytes) -> tuple[int, int, float, int]:
    at = 12 if head[0] == 1 else 8
    return at + 4, _u32(head, at), 8, 0


def _saiz(head: bytes) -> tuple[int, int, float, int]:
    at = 12 if head[3] & 1 else 4
    size = head[at] if len(head) > at else 0
    return at + 5, _u32(head, at + 1), 0 if size else 1, size


def _saio(head: bytes) -> tuple[int, int, float, int]:
    at = 12 if head[3] & 1 else 4
    return at + 4, _u32(head, at), 8 if head[0] == 1 else 4, 0


def _sidx(head: bytes) -> tuple[int, int, float, int]:
    at = 30 if head[0] else 22
    return at + 2, int.from_bytes(head[at : at + 2], "big"), 12, 0


def _tfra(head: bytes) -> tuple[int, int, float, int]:
    sizes = _u32(head, 8)
    numbers = sum(((sizes >> shift) & 3) + 1 for shift in (0, 2, 4))
    return 16, _u32(head, 12), (16 if head[0] == 1 else 8) + numbers, 0


def _trun(head: bytes) -> tuple[int, int, float, int]:
    flags = int.from_bytes(head[1:4], "big")
    begin = 8 + 4 * bool(flags & 1) + 4 * bool(flags & 4)
    return begin, _u32(head, 4), 4 * (flags >> 8 & 0xF).bit_count(), 0


def _pssh(head: bytes) -> tuple[int, int, float, int]:
    """ISO/IEC 23001-7 8.1: key ids in version 1, then data."""
    return (24, _u32(head, 20), 16, 0) if head[0] else (24, _u32(head, 20), 1, 0)


def _group(head: bytes) -> tuple[int, int, float, int]:
    return 12, _u32(head, 8), 4, 0


COUNTED: dict[bytes, tuple[int, Layout]] = {
    b"stts": (8, _plain(8)),
    b"ctts": (8, _plain(8)),
    b"stsc": (8, _plain(12)),
    b"stss": (8, _plain(4)),
    b"stps": (8, _plain(4)),
    b"stsh": (8, _plain(8)),
    b"stco": (8, _plain(4)),
    b"co64": (8, _plain(8)),
    b"padb": (8, _plain(0.5)),
    b"stsz": (12, _stsz),
    b"stz2": (12, lambda head: (12, _u32(head, 8), head[7] / 8, 0)),
    b"elst": (8, _elst),
    b"sbgp": (12, _sbgp),
    b"saiz": (9, _saiz),
    b"saio": (8, _saio),
    b"sidx": (24, _sidx),
    b"tfra": (16, _tfra),
    b"trun": (8, _trun),
    b"pssh": (24, _pssh),
    b"subs": (8, _plain(6)),
    b"senc": (8, _plain(0)),
    b"altr": (12, _group),
    b"ster": (12, _group),
}
"""The least length of each counted table, and its layout. Entries of `subs` are six bytes or longer: 8.7.7."""

FIELDS: dict[bytes, tuple[int, int]] = {
    b"mvhd": (100, 112),
    b"tkhd": (84, 96),
    b"mdhd": (24, 36),
    b"hdlr": (20, 20),
    b"vmhd": (12, 12),
    b"smhd": (8, 8),
    b"hmhd": (20, 20),
    b"nmhd": (4, 4),
    b"cslg": (24, 44),
    b"mehd": (8, 12),
    b"trex": (24, 24),
    b"mfhd": (8, 8),
    b"tfhd": (8, 8),
    b"tfdt": (8, 12),
    b"mfro": (8, 8),
    b"sdtp": (4, 4),
    b"sgpd": (12, 12),
    b"pdin": (4, 4),
    b"elng": (5, 5),
    b"prft": (20, 24),
}
"""Bytes of content that a box has at least, in version 0 and in later ones. ISO/IEC 14496-12, the syntax of each."""


def check_fields(box: Box, file: File) -> bool:
    """Is the box long enough for its fields?"""
    least = FIELDS[box.type][bool(box.length and file.read(box.body, 1)[0])]
    if box.length < least:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", f"{least} bytes or more")
        return False
    if box.type in (b"mvhd", b"mdhd"):
        at = box.body + (12 if least in (100, 24) else 20)
        if file.number(at, 4) == 0:
            file.note(rules.TIME_SCALE, box, 0, "1 or more")
    elif box.type == b"tfhd":
        flags = file.number(box.body, 4)
        needed = 8 + 8 * (flags & 1) + 4 * (flags >> 1 & 1) + 4 * (flags >> 3 & 7).bit_count()
        if box.length < needed:
            file.note(rules.BOX_SHORT, box, f"{box.length} bytes", f"{needed} bytes")
            return False
    elif box.type == b"sgpd":
        _check_group_description(box, file)
    return True


def read_table(box: Box, file: File) -> Table | None:
    """The entries of a counted table; None, and noted, where they do not fit."""
    least, layout = COUNTED[box.type]
    if box.length < least:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", f"{least} bytes or more")
        return None
    begin, count, width, constant = layout(file.head(box, 40))
    room = box.length - begin
    if room < 0 or count * width > room:
        file.note(rules.TABLE_OVERRUN, box, f"{count} entries", f"{max(0, int(room / (width or 1)))} entries")
        return None
    if box.type == b"pssh" and not _holds_data(box, file, begin, count):
        return None
    return Table(box, box.body + begin, count, width, constant)


def _holds_data(box: Box, file: File, begin: int, count: int) -> bool:
    """The data behind the key ids of a `pssh` have a length of their own. ISO/IEC 23001-7 8.1.2."""
    if not file.read(box.body, 1)[0]:
        return True
    at = box.body + begin + 16 * count
    room = box.end - at - 4
    if room < 0 or (length := file.number(at, 4)) > room:
        file.note(rules.TABLE_OVERRUN, box, f"data of {length if room >= 0 else 'no length'}", f"{max(0, room)} bytes")
        return False
    return True


def _check_group_description(box: Box, file: File) -> None:
    """Entries of one length, or each with its own. 8.9.3; only version 1 has the same layout in every edition."""
    head = file.head(box, 16)
    if head[0] != 1:
        return
    if len(head) < 16:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "16 bytes or more")
        return
    at, length, count = box.body + 16, _u32(head, 8), _u32(head, 12)
    if length:
        if count * length > box.end - at:
            file.note(rules.TABLE_OVERRUN, box, f"{count} entries", f"{(box.end - at) // length} entries")
        return
    for number in range(count):
        file.screening.spend()
        if at + 4 > box.end or (at := at + 4 + file.number(at, 4)) > box.end:
            file.note(rules.TABLE_OVERRUN, box, f"{count} entries", f"{number} entries")
            return
