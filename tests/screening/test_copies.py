"""Copies of one file are looked at once, and every post's claims are judged."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lazaretto.model import Claim, Report
from lazaretto.ports import Job
from lazaretto.screening import WorkerScreener
from lazaretto.screening.copies import Copies, Seen
from lazaretto.screening.job import CopyJob
from lazaretto.screening.sandbox.backend import Bounds
from lazaretto.screening.sandbox.handle import Fault, FaultKind
from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend
from lazaretto.tasks import spawn
from lazaretto_validators import Inspection, Limits, default_registry

TEXT = b"Meet at noon, bring the papers.\n" * 1000
OTHER = TEXT[:-1] + b"!"
RULES = default_registry().rule_set


class CountingBackend(ZygoteBackend):
    """Counts the workers that were given a file whose size is known: those that look afterwards."""

    def __init__(self) -> None:
        super().__init__()
        self.afterwards = 0
        self.slow: asyncio.Event | None = None

    async def start(self, file: int, bounds: Bounds) -> Any:
        if not bounds.spare:
            self.afterwards += 1
            if self.slow is not None:
                await self.slow.wait()
        return await super().start(file, bounds)


@pytest.fixture
async def counted(tmp_path: Path) -> AsyncIterator[tuple[WorkerScreener, CountingBackend]]:
    backend = CountingBackend()
    async with WorkerScreener(tmp_path / "spool", workers=8, backend=backend) as screener:
        yield screener, backend


def claim(name: str = "note.txt", data: bytes = TEXT) -> Claim:
    return Claim(name=name, size=len(data))


async def fed(job: Job, data: bytes = TEXT) -> Report:
    for start in range(0, len(data), 10_000):
        await job.feed(data[start : start + 10_000])
    return await job.finish()


async def posted(screener: WorkerScreener, name: str = "note.txt", data: bytes = TEXT) -> Report:
    async with screener.open(claim(name, data)) as job:
        return await fed(job, data)


Counted = tuple[WorkerScreener, CountingBackend]


async def test_a_copy_is_not_looked_at_again_and_gets_the_same_report(counted: Counted) -> None:
    screener, backend = counted
    first = await posted(screener)
    again = await posted(screener)
    assert again == first
    assert again.layers
    assert backend.afterwards == 0


async def test_the_claims_of_every_post_are_judged(counted: Counted) -> None:
    screener, backend = counted
    assert not (await posted(screener, "note.txt")).findings
    spoofed = await posted(screener, "note.txt\u202etxt.exe")
    assert any(finding.rule.startswith("name.") for finding in spoofed.findings)
    assert not (await posted(screener, "note.txt")).findings
    assert backend.afterwards == 0


async def test_other_bytes_of_the_same_size_are_looked_at(counted: Counted) -> None:
    screener, backend = counted
    script = (b"#!/bin/sh\n" + b"echo papers\n" * len(TEXT))[: len(TEXT)]
    assert not (await posted(screener)).findings
    report = await posted(screener, data=script)
    assert report.findings
    assert report.sha256 == hashlib.sha256(script).hexdigest()
    assert backend.afterwards == 1
    assert await posted(screener, data=script) == report
    assert backend.afterwards == 1


async def test_copies_that_arrive_together_are_looked_at_once(counted: Counted) -> None:
    screener, backend = counted
    reports = await asyncio.gather(*(posted(screener) for _ in range(6)))
    assert all(report == reports[0] for report in reports)
    assert backend.afterwards == 0


async def test_files_that_only_seem_to_be_copies_are_each_looked_at_once(counted: Counted) -> None:
    screener, backend = counted
    await posted(screener)
    reports = await asyncio.gather(*(posted(screener, data=OTHER) for _ in range(6)))
    assert {report.sha256 for report in reports} == {hashlib.sha256(OTHER).hexdigest()}
    assert backend.afterwards == 1


async def test_a_cancelled_first_look_leaves_nobody_waiting(counted: Counted) -> None:
    """The first of the copies streams; whoever posted it is gone before its end."""
    screener, backend = counted

    async def first() -> None:
        async with screener.open(claim()) as job:
            await job.feed(TEXT[:100])
            await asyncio.Event().wait()

    leading = spawn(first(), "test")
    await asyncio.sleep(0.2)
    following = spawn(posted(screener), "test")
    await asyncio.sleep(0.2)
    leading.cancel()
    async with asyncio.timeout(5):
        report = await following
    assert report.media_type == "text/plain"
    assert backend.afterwards == 1


async def test_a_look_goes_on_for_the_others_when_whoever_began_it_is_cancelled(counted: Counted) -> None:
    screener, backend = counted
    await posted(screener)
    backend.slow = asyncio.Event()
    began = spawn(posted(screener, data=OTHER), "test")
    async with asyncio.timeout(5):
        while not backend.afterwards:
            await asyncio.sleep(0.01)
    waits = spawn(posted(screener, data=OTHER), "test")
    await asyncio.sleep(0.1)
    began.cancel()
    await asyncio.sleep(0.1)
    backend.slow.set()
    async with asyncio.timeout(5):
        report = await waits
    assert report.media_type == "text/plain"
    assert backend.afterwards == 1


async def test_what_breaks_off_is_looked_at_as_far_as_it_came(counted: Counted) -> None:
    screener, _ = counted
    await posted(screener)
    async with screener.open(claim()) as job:
        await job.feed(TEXT[:5000])
        report = await job.abort()
    assert [finding.rule for finding in report.findings] == ["unscannable.incomplete"]
    assert report.sha256 is None
    assert (await posted(screener)).sha256 == hashlib.sha256(TEXT).hexdigest()


async def test_places_are_free_again_after_copies(counted: Counted) -> None:
    screener, _ = counted
    async with asyncio.timeout(20):
        for _ in range(20):
            await posted(screener)


async def test_a_job_that_has_ended_takes_no_more(counted: Counted) -> None:
    screener, _ = counted
    await posted(screener)
    async with screener.open(claim()) as job:
        await fed(job)
        with pytest.raises(RuntimeError, match="has ended"):
            await job.feed(b"more")


# -- what is kept --------------------------------------------------------------------------------------------------


def inspection(size: int | None = 3, rule_set: str = "rules") -> Inspection:
    return Inspection(media_type=None, size=size, findings=(), total=0, coverage=(), rule_set=rule_set)


def seen(size: int | None = 3, rule_set: str = "rules") -> Seen:
    return Seen(inspection(size, rule_set), ())


async def never() -> Seen | Fault:
    raise AssertionError("it was looked at again")


@pytest.fixture
def copies() -> Copies:
    return Copies(Limits(), "rules", most=3, patience=0.2)


@pytest.mark.parametrize("what", [seen(None), seen(2), seen(rule_set="others")], ids=["cut short", "size", "rules"])
async def test_what_does_not_say_all_about_these_bytes_is_not_kept(copies: Copies, what: Seen) -> None:
    copies.keep("ab", 3, what)
    assert not copies.probable(3)


async def test_the_oldest_is_forgotten(copies: Copies) -> None:
    for size in range(1, 5):
        copies.keep(str(size), size, seen(size))
    assert [copies.probable(size) for size in range(1, 5)] == [False, True, True, True]


async def test_a_fault_is_shared_by_those_who_wait_and_forgotten_then(copies: Copies) -> None:
    fault = Fault(FaultKind.CRASHED, "SIGSEGV")
    looks = 0

    async def crash() -> Seen | Fault:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0.05)
        return fault

    assert await asyncio.gather(*(copies.seen("ab", 3, crash) for _ in range(5))) == [fault] * 5
    assert looks == 1
    assert await copies.seen("ab", 3, crash) == fault
    assert looks == 2


async def test_a_download_that_is_drawn_out_does_not_hold_up_others_of_its_size(copies: Copies) -> None:
    async def look() -> Seen | Fault:
        return seen()

    with copies.arriving(3):
        async with asyncio.timeout(2):
            assert await copies.seen("ab", 3, look) == seen()


async def test_whoever_waits_for_a_file_of_the_same_size_takes_what_was_found_in_it(copies: Copies) -> None:
    with copies.arriving(3):
        waiting = spawn(copies.seen("ab", 3, never), "test")
        await asyncio.sleep(0.05)
        copies.keep("ab", 3, seen())
    assert await waiting == seen()


async def test_a_descriptor_that_does_not_close_well_changes_nothing_of_a_copy(
    counted: tuple[WorkerScreener, CountingBackend], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its error came after the decision, which was then made once more; and the file stayed in the spool."""
    screener, _ = counted
    spool, honest = tmp_path / "spool", os.close

    def close(descriptor: int) -> None:
        target = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        honest(descriptor)
        if target.startswith(str(spool)):
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

    async with screener.open(claim()) as job:
        await fed(job)
    async with screener.open(claim()) as copy:
        assert isinstance(copy, CopyJob)
        report = await fed(copy)
        monkeypatch.setattr(os, "close", close)
    monkeypatch.undo()
    assert report.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert not copy.spool.exists()
