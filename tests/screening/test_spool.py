"""The spool: what it holds is bounded, and what is done with goes, now or later."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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


def closing_badly(honest: Callable[[int], None]) -> Callable[[int], None]:
    def close(descriptor: int) -> None:
        honest(descriptor)
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    return close


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


async def test_room_of_what_could_not_be_removed_is_given_back_once(
    spool: Spool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two new files at the same time both removed it, and from then on more than the bound was let in."""
    file = new(spool)
    await file.append(b"ten bytes.")
    with stuck(monkeypatch):
        await file.discard()
    both, honest = threading.Barrier(2), Path.unlink

    def at_the_same_time(path: Path, missing_ok: bool = False) -> None:
        with suppress(threading.BrokenBarrierError):
            both.wait(0.5)
        honest(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", at_the_same_time)
    made = await asyncio.gather(*(asyncio.to_thread(spool.new_file) for _ in range(2)))
    monkeypatch.setattr(Path, "unlink", honest)
    assert not file.path.exists()
    (one, _), (other, _) = made
    await one.append(b"ten bytes.")
    with pytest.raises(OSError, match="holds 10 of at most 10 bytes"):
        await other.append(b"x")
    for left, reading in made:
        os.close(reading)
        await left.discard()
    assert list(folder.iterdir()) == []


async def test_a_close_that_tells_of_a_lost_write_keeps_neither_the_file_nor_its_room(
    spool: Spool, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Network file systems and quotas do: the file stayed, and its room was never given back."""
    file = new(spool)
    await file.append(b"ten bytes.")
    with monkeypatch.context() as broken:
        broken.setattr(os, "close", closing_badly(os.close))
        await file.discard()
    assert list(folder.iterdir()) == []
    other = new(spool)
    await other.append(b"ten bytes.")
    await other.discard()
