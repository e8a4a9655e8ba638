"""Mach-O programs, thin and fat, and what only looks like them."""

from __future__ import annotations

import itertools
import struct

import pytest

from carriers.programs import a_fat_macho, a_macho
from lazaretto_validators import Source, inspect
from lazaretto_validators.programs.macho import validate_macho
from lazaretto_validators.testing import Subject

KINDS = tuple(itertools.product([True, False], "<>"))


def findings(data: bytes) -> dict[str, str]:
    return {finding.rule: finding.where for finding in inspect(Source.of_bytes(data)).findings}


@pytest.mark.parametrize(("wide", "order"), KINDS)
def test_a_sound_program_of_every_kind(wide: bool, order: str) -> None:
    assert findings(a_macho(wide=wide, order=order)) == {"macho.program": ""}


@pytest.mark.parametrize(("wide", "order"), KINDS)
def test_a_wrong_section_count_of_every_kind(wide: bool, order: str) -> None:
    data = a_macho(wide=wide, order=order, sections=0x7FFFFFFF)
    assert findings(data) == {"macho.program": "", "macho.section-count": "command[0]"}


def test_a_fault_in_a_part_carries_the_path() -> None:
    part = a_macho(segment=(0, 1 << 40))
    assert findings(a_fat_macho(part=part))["macho.segment-bounds"] == "part[0]!/command[0]"


def test_a_part_may_be_a_static_library() -> None:
    inspection = inspect(Source.of_bytes(a_fat_macho(part=b"!<arch>\n")))
    assert [f.rule for f in inspection.findings] == ["macho.program"]
    assert "library" in inspection.coverage[0].why


def test_a_fat_file_inside_a_fat_file_is_not_followed() -> None:
    assert "macho.part-kind" in findings(a_fat_macho(part=a_fat_macho()))


def test_a_java_class_is_no_program_of_this_kind() -> None:
    java = struct.pack(">IHHH", 0xCAFEBABE, 0, 52, 1).ljust(300, b"\0")
    assert Subject(validate_macho).judge(java) is None
    assert "macho.program" not in findings(java)


def test_commands_without_end_are_bounded_by_their_room() -> None:
    assert findings(a_macho(commands=0xFFFFFFFF))["macho.commands-size"] == "command[1]"


def test_what_is_appended_to_a_program_is_normal() -> None:
    assert findings(a_macho() + b"signature " * 99) == {"macho.program": ""}
