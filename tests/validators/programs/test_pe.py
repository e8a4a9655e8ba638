"""PE and DOS programs."""

from __future__ import annotations

import pytest

from carriers.programs import a_dos_program, a_pe
from lazaretto_validators import Source, inspect


def findings(data: bytes) -> dict[str, int | None]:
    return {finding.rule: finding.offset for finding in inspect(Source.of_bytes(data)).findings}


def test_a_sound_program_is_named_as_one_and_nothing_else() -> None:
    assert findings(a_pe()) == {"pe.program": 0}


def test_a_dos_program_is_a_program_whose_structure_is_not_covered() -> None:
    inspection = inspect(Source.of_bytes(a_dos_program()))
    assert [f.rule for f in inspection.findings] == ["pe.program"]
    assert "DOS" in inspection.coverage[0].why


def test_an_overlay_is_what_installers_carry() -> None:
    assert findings(a_pe() + b"Setup data. " * 400) == {"pe.program": 0}


def test_a_structural_fault_never_hides_the_program() -> None:
    assert next(iter(findings(a_pe(magic=0, section_count=200)))) == "pe.program"


def test_a_section_past_the_end_is_found_at_its_size() -> None:
    assert findings(a_pe(raw=(1000, 512)))["pe.section-bounds"] == 64 + 24 + 224 + 16


def test_a_section_that_takes_no_room_in_the_file_may_point_anywhere() -> None:
    assert findings(a_pe(raw=(1 << 30, 0))) == {"pe.program": 0}


def test_the_optional_header_of_the_other_kind_is_measured_by_its_own_size() -> None:
    assert "pe.optional-header" in findings(a_pe(magic=0x20B, optional_size=111))


@pytest.mark.parametrize("alignment", [(0, 512), (0x1000, 0), (0x1000, 256), (0x1000, 0x2000), (0x3000, 512)])
def test_alignment_that_no_loader_takes(alignment: tuple[int, int]) -> None:
    assert "pe.alignment" in findings(a_pe(alignment=alignment))


@pytest.mark.parametrize("alignment", [(0x1000, 0x1000), (32, 32), (0x200000, 0x10000)])
def test_alignment_of_drivers_and_large_pages_is_legal(alignment: tuple[int, int]) -> None:
    assert findings(a_pe(alignment=alignment)) == {"pe.program": 0}


@pytest.mark.parametrize("count", [1, 2, 27, 63, 64, 80, 120, 300])
def test_a_program_cut_short_is_not_sound(count: int) -> None:
    inspection = inspect(Source.of_bytes(a_pe()[:count]))
    assert inspection.media_type is None or {f.rule for f in inspection.findings} != {"pe.program"}


def test_the_other_mark_that_dos_takes_is_a_program_too() -> None:
    found = inspect(Source.of_bytes(b"ZM" + a_dos_program()[2:])).findings
    assert "pe.program" in {finding.rule for finding in found}
