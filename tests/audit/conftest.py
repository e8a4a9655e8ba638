"""A store in a fresh folder, with a clock that the test holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audit.samples import Clock
from lazaretto.audit import AuditedStore


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(folder: Path, clock: Clock) -> AsyncIterator[AuditedStore]:
    async with AuditedStore.open(folder, clock=clock) as opened:
        yield opened
