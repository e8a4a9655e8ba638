"""Android code."""

from __future__ import annotations

import pytest

from carriers.programs import a_dex, with_byte
from lazaretto_validators import Source, inspect
from lazaretto_validators.programs.dex import validate_dex
from lazaretto_validators.testing import Subject


def rules(data: bytes) -> set[str]:
    return {finding.rule for finding in inspect(Source.of_bytes(data)).findings}


@pytest.mark.parametrize("version", [b"035", b"037", b"038", b"039", b"040"])
def test_a_sound_file_of_every_version(version: bytes) -> None:
    assert rules(a_dex(version=version)) == {"dex.program"}


def test_a_changed_byte_breaks_both_digests() -> None:
    assert rules(with_byte(a_dex(), 0x88)) == {"dex.program", "dex.checksum", "dex.signature"}


def test_a_file_shorter_than_it_declares_is_truncated() -> None:
    assert "dex.truncated" in rules(a_dex(size=0xFFFFFFFF))


@pytest.mark.parametrize("magic", [b"dey\n036\0", b"cdex001\0", b"vdex021\0", b"dex\n041\0"])
def test_relatives_are_programs_whose_structure_is_not_covered(magic: bytes) -> None:
    found = Subject(validate_dex).judge(magic + bytes(0x90))
    assert found is not None
    assert [finding.rule for finding in found] == ["dex.program"]


def test_tables_are_measured_in_their_own_entries() -> None:
    assert rules(a_dex(strings=8)) == {"dex.program"}
    assert rules(a_dex(strings=0xFFFFFFFF)) >= {"dex.table-bounds"}
