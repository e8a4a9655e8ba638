"""ELF programs of both classes and byte orders."""

from __future__ import annotations

import struct

import pytest

from carriers.programs import an_elf
from lazaretto_validators import Source, inspect
from lazaretto_validators.finding import MAX_OFFSET

IDENTS = [(1, 1, 1), (1, 2, 1), (2, 1, 1), (2, 2, 1)]


def findings(data: bytes) -> dict[str, int | None]:
    return {finding.rule: finding.offset for finding in inspect(Source.of_bytes(data)).findings}


@pytest.mark.parametrize("ident", IDENTS)
def test_a_sound_program_of_every_kind(ident: tuple[int, int, int]) -> None:
    assert findings(an_elf(ident=ident)) == {"elf.program": 0}


@pytest.mark.parametrize("ident", IDENTS)
def test_a_segment_past_the_end_of_every_kind(ident: tuple[int, int, int]) -> None:
    data = an_elf(ident=ident)
    table = 64 if ident[0] == 2 else 52
    assert findings(an_elf(ident=ident, segment=(0, len(data) + 1)))["elf.segment-bounds"] == table


@pytest.mark.parametrize("ident", [(0, 1, 1), (2, 0, 1), (2, 1, 0), (2, 1, 2)])
def test_an_identification_that_does_not_exist(ident: tuple[int, int, int]) -> None:
    assert set(findings(an_elf(ident=ident))) == {"elf.program", "elf.ident"}


def test_the_identification_alone_is_a_program_cut_short() -> None:
    assert set(findings(an_elf()[:16])) == {"elf.program", "elf.truncated"}


def test_a_file_without_tables_is_a_program() -> None:
    assert findings(an_elf(segments=0)) == {"elf.program": 0}


def test_a_table_past_the_end_is_found_once_and_not_walked() -> None:
    inspection = inspect(Source.of_bytes(an_elf(segments_at=1 << 60, segments=60_000)))
    assert [(f.rule, f.offset) for f in inspection.findings] == [("elf.program", 0), ("elf.table-bounds", MAX_OFFSET)]


def test_numbers_that_do_not_fit_stand_in_section_0() -> None:
    data = an_elf(segments=0xFFFF, segments_at=136)
    section = struct.pack("<IIQQQQIIQQ", 0, 0, 0, 0, 0, 0, 0, 1, 0, 0)  # sh_info: one segment
    head = bytearray(data[:64])
    struct.pack_into("<Q", head, 40, 64)  # e_shoff
    struct.pack_into("<HH", head, 58, 64, 1)  # e_shentsize, e_shnum
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, 100, 100, 4096)
    whole = bytes(head) + section + bytes(8) + segment
    assert findings(whole) == {"elf.program": 0}
    assert "elf.table-bounds" in findings(whole[:-1])


def test_what_is_appended_to_a_program_is_normal() -> None:
    assert findings(an_elf() + b"appended image " * 99) == {"elf.program": 0}
