"""Fragments of movies: runs of samples, and where they lie. ISO/IEC 14496-12 8.8."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import Box, File
from lazaretto_validators.bmff.bmff_tables import Table, check_fields, read_table

__all__ = ["check_fragment"]

_BASE_IS_MOOF = 0x20000  # 8.8.7.1
_SIZED = 0x200  # 8.8.8.1: a run has a size for each sample


@dataclass(slots=True)
class _Fragment:
    """A track's part of a fragment. base: what its offsets count from, None where that is not known."""

    base: int | None
    default_size: int | None = None
    samples: int = 0


def check_fragment(box: Box, file: File) -> None:
    """`moof`: each `traf` in it. Offsets count from the `moof`, unless the header of the `traf` says otherwise."""
    first = True
    for child in file.children(box, box.body):
        if child.type == b"mfhd":
            check_fields(child, file)
        elif child.type == b"traf":
            _check_track(child, file, box.offset, first=first)
            first = False
        else:
            file.search_later(child)


def _check_track(box: Box, file: File, begin: int, *, first: bool) -> None:
    fragment = _Fragment(begin if first else None)
    has_header = False
    auxiliary: list[Table] = []
    for child in file.children(box, box.body):
        if child.type == b"tfhd":
            has_header = True
            if check_fields(child, file):
                _read_header(child, file, fragment, begin)
        elif child.type == b"trun":
            _check_run(child, file, fragment)
        elif child.type == b"tfdt":
            check_fields(child, file)
        elif child.type in (b"saiz", b"saio", b"sbgp", b"subs", b"senc"):
            table = read_table(child, file)
            if table and child.type == b"saiz":
                auxiliary.append(table)
        elif child.type == b"sgpd":
            check_fields(child, file)
        else:
            file.search_later(child)
    for table in auxiliary:
        if table.count > fragment.samples:
            file.note(rules.AUXILIARY_COUNT, table.box, table.count, f"at most {fragment.samples}")
    if not has_header:
        file.note(rules.MISSING_BOX, box, "none in traf", "tfhd")


def _read_header(box: Box, file: File, fragment: _Fragment, begin: int) -> None:
    flags = file.number(box.body, 4)
    at = box.body + 8
    if flags & 1:
        fragment.base = file.number(at, 8)
        at += 8
    elif flags & _BASE_IS_MOOF:
        fragment.base = begin
    at += 4 * (flags >> 1 & 1) + 4 * (flags >> 3 & 1)
    if flags & 0x10:
        fragment.default_size = file.number(at, 4)


def _check_run(box: Box, file: File, fragment: _Fragment) -> None:
    """Whether the file reaches to the end of the run is known at its end. 8.8.8."""
    table = read_table(box, file)
    if table is None:
        return
    fragment.samples += table.count
    flags = file.number(box.body, 4)
    if not flags & 1 or fragment.base is None:
        return
    (offset,) = struct.unpack(">i", file.read(box.body + 8, 4))
    if flags & _SIZED:
        total = _sizes(file, table.begin, table.count, int(table.width) // 4, flags >> 8 & 1)
    else:
        total = table.count * (fragment.default_size or 0)
    file.reach(fragment.base + offset + total, rules.RUN_OFFSET, box)
    if fragment.base + offset < 0:
        file.note(rules.RUN_OFFSET, box, fragment.base + offset, "0 or more")


def _sizes(file: File, begin: int, count: int, fields: int, at: int) -> int:
    """The sum of the sizes in a run whose samples have so many fields; the size is field number `at`."""
    total, rest = 0, b""
    for piece in file.pieces(begin, begin + 4 * fields * count):
        data = rest + piece
        whole = len(data) - len(data) % (4 * fields)
        rest = data[whole:]
        numbers = struct.unpack(f">{whole // 4}I", data[:whole])
        file.screening.spend(1 + whole // 1024)
        total += sum(numbers[at::fields])
    return total
