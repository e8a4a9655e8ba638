"""A fresh state folder, open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lazaretto.state import State, open_state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
async def state(folder: Path) -> AsyncIterator[State]:
    async with open_state(folder) as opened:
        yield opened
