"""The spool: what it holds is bounded, and what is done with goes, now or later."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lazaretto.screening.spool import Spool, SpoolFile


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def spool(folder: Path) -> Spool:
    return Spool(folder, 10)


def new(spool: Spool) -> SpoolFile:
    file, reading = spool.new_file()
    os.close(reading)
    return file


@contextmanager
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing can be removed."""

    def fails(_path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(1, "Operation not permitted")

    with monkeypatch.context() as broken:
        broken.setattr(Path, "unlink", fails)
        yield


async def test_what_is_done_with_gives_its_room_back(spool: Spool, folder: Path) -> None:
    for _ in range(3):
        file = new(spool)
        await file.append(b"ten bytes.")
        await file.discard()
    assert list(folder.iterdir()) == []


async def test_more_than_the_bound_is_refused(spool: Spool) -> None:
    first, second = new(spool), new(spool)
    await first.append(b"ten bytes.")
    with pytest.raises(OSError, match="holds 10 of at most 10 bytes"):
        await second.append(b"x")
    await first.discard()
    await second.discard()


async def test_a_file_that_cannot_be_removed_is_removed_later_and_nobody_s_fault(
    spool: Spool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was raised to whoever was done with it: the attachment was judged again and again, and the file stayed."""
    file = new(spool)
    await file.append(b"ten bytes.")
    with stuck(monkeypatch):
        await file.discard()
        other = new(spool)
        with pytest.raises(OSError, match="at most 10 bytes"):
            await other.append(b"x")  # it is still there, and counts
        await other.discard()
    assert len(list(folder.iterdir())) == 2
    last = new(spool)
    assert list(folder.iterdir()) == [last.path]
    await last.append(b"ten bytes.")
    await last.discard()
