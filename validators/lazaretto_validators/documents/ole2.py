"""Compound files: Word, Excel and PowerPoint until 2003, Outlook messages, Windows installers, encrypted packages.

[MS-CFB] 9.0, and for what the streams hold [MS-OVBA], [MS-OLEDS], [MS-DOC], [MS-XLS], [MS-PPT], [MS-OXMSG]:

    file      = header sector*                    sectors of 512 bytes, 4096 in version 4
    table     = {next sector}                     the FAT; its own sectors are named by the header and the DIFAT
    directory = {entry of 128 bytes}              name, type, left, right, child, class, first sector, size
    stream    = chain of sectors | chain of 64-byte mini sectors in the root's own stream, if under 4096 bytes

Checked: the header, every chain for loops, shared sectors and sectors outside the file, the directory's tree, sizes
against chains; streams for other files, and so unused sectors and what chains and tables have too many; macros (their
source decompressed, within bounds), Excel 4.0 macro sheets, DDE, remote templates, encryption, classes and links that
attack, packaged files, commands and attachments as members.
Not checked: the order and colours of the directory's tree, which third-party writers do not keep; the unused rest of a
stream's last sector, where old Office left whatever stood in memory; text, formulas and layout of a document;
passwords, but for one of Excel's own.

Deviations: a last sector that is cut short, wrong counts in the header, the high half of a size in version 3, entries
that no folder has: Office reads them all, and several writers make them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import chain

from lazaretto_validators.documents import ole2_rules as rules
from lazaretto_validators.documents.ole2_directory import read_directory
from lazaretto_validators.documents.ole2_objects import judge_objects
from lazaretto_validators.documents.ole2_office import judge_office
from lazaretto_validators.documents.ole2_structure import (
    END,
    FAT_SECTOR,
    FREE,
    MINI,
    SIGNATURE,
    Compound,
    Table,
    open_compound,
)
from lazaretto_validators.documents.ole2_vba import judge_macros
from lazaretto_validators.finding import Finding
from lazaretto_validators.names import is_textual
from lazaretto_validators.slack import file_in
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_OLE2", "validate_ole2"]

MAX_GAPS = 256
"""Stretches of unused sectors that are looked into. Office leaves a few; what is beyond is told."""

SMALLEST_OLE2 = (
    SIGNATURE
    + bytes(16)
    + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    + struct.pack("<9L", 0, 1, 1, 0, 4096, END, 0, END, 0)
    + struct.pack("<109L", 0, *[FREE] * 108)
    + struct.pack("<128L", FAT_SECTOR, END, *[FREE] * 126)
    + struct.pack("<64sHBB3L", "Root Entry".encode("utf-16-le"), 22, 5, 1, FREE, FREE, FREE)
    + bytes(36)
    + struct.pack("<LQ", END, 0)
    + (bytes(68) + struct.pack("<3L", FREE, FREE, FREE) + bytes(48)) * 3
)
"""A header, a sector of the table, a sector of the directory with the root alone."""


@validator("application/x-ole-storage", magic=SIGNATURE, rules=rules.RULES, example=SMALLEST_OLE2, api=1)
def validate_ole2(source: Source, screening: Screening) -> Iterator[Finding]:
    """Compound files of every program. [MS-CFB] 9.0."""
    source.expect(SIGNATURE)
    findings: list[Finding] = []
    compound = open_compound(source.at(0), screening, findings)
    directory = read_directory(compound, findings) if compound else None
    yield from findings
    if compound is None:
        return
    end = min(compound.size, compound.place(len(compound.fat.owners)))
    screening.ends_at(end)
    if directory is None:
        screening.not_covered("", "the directory cannot be read")
        return
    yield from judge_macros(directory, screening)
    yield from judge_office(directory, screening)
    yield from judge_objects(directory, screening)
    yield from _judge_unused(compound)


def _judge_unused(compound: Compound) -> Iterator[Finding]:
    """What belongs to nothing, or is not read of what does: is there a file in it?"""
    if compound.shift > 9 and (hit := file_in(compound.source, 512, compound.sector)):
        yield rules.HIDDEN_FILE.found(at=hit[0], where="header", seen=hit[1].label)
    for number, (where, data) in enumerate(chain(compound.spare, _unused_minis(compound), _unused(compound))):
        compound.screening.spend()
        if number >= MAX_GAPS:
            compound.screening.not_covered(where, "unused space in very many places")
            return
        hit = file_in(data, 0, data.size)
        # Old text is what Office leaves in sectors that it has freed; behind the last one, it does not.
        if hit and (data.offset + data.size == compound.size or not is_textual(hit[1])):
            yield rules.HIDDEN_FILE.found(at=data.offset + hit[0], where=where, seen=hit[1].label)


def _unused(compound: Compound) -> Iterator[tuple[str, Source]]:
    """Runs of sectors without an owner."""
    for first, count in _free_runs(compound.fat):
        begin = compound.place(first)
        yield f"unused sector {first}", compound.source.at(begin, min(count << compound.shift, compound.size - begin))


def _unused_minis(compound: Compound) -> Iterator[tuple[str, Source]]:
    """The same of mini sectors, and what lies behind the last one that their table knows."""
    for first, count in _free_runs(compound.minifat):
        yield f"unused mini sector {first}", compound.mini.at(first * MINI, count * MINI)
    if compound.mini.size > (known := len(compound.minifat.owners) * MINI):
        yield "mini sectors without a table", compound.mini.at(known)


def _free_runs(table: Table) -> Iterator[tuple[int, int]]:
    """Runs of sectors without an owner: the first and how many."""
    used = bytes(map(bool, table.owners))
    at = used.find(0)
    while at >= 0:
        end = used.find(1, at)
        end = len(used) if end < 0 else end
        yield at, end - at
        at = used.find(0, end)
