"""The page that says what is covered says what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.coverage_table import FLAGGED, HELD, NEVER, NOTHING, PLACES, REPLACED, column, recorded
from lazaretto.emulator import KINDS, KINDS_WITH_FILES, Emulator


@pytest.mark.parametrize("place", PLACES)
async def test_the_page_says_what_happens(telegram_emulator: Emulator, tmp_path: Path, place: str) -> None:
    happened = await column(telegram_emulator, tmp_path / "state", place)
    assert happened == recorded(place), "out of date: run `PYTHONPATH=tests python tests/e2e/coverage_table.py`"


@pytest.mark.parametrize("place", PLACES)
def test_no_kind_with_a_file_slips_by_anywhere(place: str) -> None:
    cells = recorded(place)
    assert cells.keys() == set(KINDS)
    assert {cells[kind] for kind in KINDS_WITH_FILES} <= {HELD, REPLACED, FLAGGED, NEVER}
    assert {cells[kind] for kind in KINDS} <= {HELD, REPLACED, FLAGGED, NEVER, NOTHING}


def test_only_what_has_no_copy_has_none() -> None:
    assert [place for place in PLACES if NEVER in recorded(place).values()] == ["channel copy"]
    assert sum(cell == HELD for cell in recorded("channel copy").values()) > 15
