"""The process that workers come from: replaced when it dies or one of its workers crashes, and nobody notices."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import resource
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import structlog

from lazaretto.model import Claim, Report
from lazaretto.screening import WorkerScreener
from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend
from lazaretto_validators import Source, inspect

Processes = Callable[[], set[int]]

TEXT = b"Meet at noon, bring the papers.\n" * 1000
CLAIM = Claim(name="note.txt")


@pytest.fixture
def backend() -> str:
    return "zygote"


@pytest.fixture
async def screener(tmp_path: Path) -> AsyncIterator[WorkerScreener]:
    async with WorkerScreener(tmp_path / "spool", workers=2, spares=1, seconds=20.0) as screener:
        yield screener


def zygotes(children: Processes) -> set[int]:
    """Our own children; the workers are theirs."""
    return {pid for pid in children() if is_ours(pid)}


def is_ours(pid: int) -> bool:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) == os.getpid()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def judged(screener: WorkerScreener, data: bytes = TEXT) -> Report:
    async with screener.open(CLAIM) as job:
        await job.feed(data)
        return await job.finish()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0)


async def test_a_zygote_killed_in_the_middle_of_a_file_costs_nothing(
    screener: WorkerScreener, children: Processes, workers: Processes
) -> None:
    (zygote,) = zygotes(children)
    async with screener.open(CLAIM) as job:
        await job.feed(TEXT)
        os.kill(zygote, signal.SIGKILL)
        await until(lambda: zygote not in children())
        await job.feed(TEXT)
        report = await job.finish()
    assert (report.findings, report.size) == ((), 2 * len(TEXT))
    assert report.sha256 == hashlib.sha256(2 * TEXT).hexdigest()
    assert (await judged(screener)).findings == ()
    assert len(zygotes(children)) == 1


async def test_workers_die_with_their_zygote(screener: WorkerScreener, children: Processes, workers: Processes) -> None:
    async with screener.open(CLAIM) as job:
        await job.feed(TEXT)
        orphans = workers()
        assert orphans
        (zygote,) = zygotes(children)
        os.kill(zygote, signal.SIGKILL)
        await until(lambda: not any(runs(pid) for pid in orphans))
        await job.finish()


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_stopped_zygote_is_given_up(
    tmp_path: Path, children: Processes, workers: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.screening.sandbox.zygote_backend._START_SECONDS", 2.0)
    async with WorkerScreener(tmp_path / "spool", workers=1, spares=0) as screener:
        (zygote,) = zygotes(children)
        os.kill(zygote, signal.SIGSTOP)
        report = await judged(screener)
        assert report.findings == ()  # by the second worker, of another zygote
        assert zygote not in children()
        assert (await judged(screener)).findings == ()


async def test_who_dies_at_once_is_not_started_again_and_again_without_a_pause(
    tmp_path: Path, children: Processes, workers: Processes
) -> None:
    async with WorkerScreener(tmp_path / "spool", workers=1, spares=0) as screener:
        with structlog.testing.capture_logs() as logs:
            for _ in range(4):  # the first one has served, the others have not
                await until(lambda: len(zygotes(children)) == 1)
                (zygote,) = zygotes(children)
                os.kill(zygote, signal.SIGKILL)
                await until(lambda gone=zygote: gone not in children())  # type: ignore[misc]
            assert (await judged(screener)).findings == ()
            (zygote,) = zygotes(children)
            os.kill(zygote, signal.SIGKILL)  # that one had served
            assert (await judged(screener)).findings == ()
    assert [record["seconds"] for record in logs if record["event"] == "the next zygote waits"] == [0.1, 0.2, 0.4]


CRASHES = ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE", "SIGSYS", "SIGTRAP")


@pytest.mark.parametrize("name", CRASHES)
async def test_after_a_crash_no_worker_comes_from_the_same_zygote(
    screener: WorkerScreener, children: Processes, workers: Processes, name: str
) -> None:
    (zygote,) = zygotes(children)
    (worker,) = workers()  # the spare, which gets the file
    async with screener.open(CLAIM) as job:
        await job.feed(TEXT)
        await until(lambda: len(workers()) == 2)
        (spare,) = workers() - {worker}
        os.kill(worker, signal.Signals[name])
        report = await job.finish()
        assert [(finding.rule, finding.seen) for finding in report.findings] == [
            ("unscannable.crashed", f"killed by {name}")
        ]
        next_report = await judged(screener)
        assert next_report.findings == ()
    await until(lambda: zygote not in children() and spare not in children())
    assert (await judged(screener)).findings == ()


async def test_a_crash_does_not_disturb_who_is_at_work(screener: WorkerScreener, workers: Processes) -> None:
    (at_work,) = workers()  # the spare, which gets the first file
    async with screener.open(CLAIM) as first:
        await first.feed(TEXT)
        async with screener.open(CLAIM) as second:
            for other in workers() - {at_work}:  # the second file's, and perhaps a spare
                with contextlib.suppress(ProcessLookupError):
                    os.kill(other, signal.SIGSEGV)
            assert [finding.rule for finding in (await second.finish()).findings] == ["unscannable.crashed"]
        assert at_work in workers()
        await first.feed(TEXT)
        report = await first.finish()
    assert (report.findings, report.size) == ((), 2 * len(TEXT))


async def test_a_bot_that_ignores_the_death_of_children_keeps_its_zygote(
    tmp_path: Path, children: Processes, workers: Processes
) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        async with WorkerScreener(tmp_path / "spool", workers=1, spares=1) as screener:
            (zygote,) = zygotes(children)
            for _ in range(3):
                assert (await judged(screener)).findings == ()
            assert zygotes(children) == {zygote}
    finally:
        signal.signal(signal.SIGCHLD, before)


async def test_a_copy_of_the_socket_in_another_child_keeps_no_zygote_alive(
    screener: WorkerScreener, children: Processes, workers: Processes
) -> None:
    (zygote,) = zygotes(children)
    (worker,) = workers()
    holder = os.fork()  # as a host does that forks: with a copy of every descriptor
    if holder == 0:
        signal.pause()
        os._exit(0)
    try:
        async with screener.open(CLAIM) as job:
            os.kill(worker, signal.SIGSEGV)
            await job.finish()
        await until(lambda: zygote not in children())
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)


async def test_a_screener_that_ends_leaves_no_process_and_no_descriptor(
    tmp_path: Path, children: Processes, descriptors: Callable[[], set[str]]
) -> None:
    before = descriptors()
    for _ in range(3):
        async with WorkerScreener(tmp_path / "spool", workers=1, spares=2) as screener:
            assert (await judged(screener)).findings == ()
    assert children() == set()
    assert descriptors() == before


async def test_an_ended_backend_starts_nothing(tmp_path: Path) -> None:
    backend = ZygoteBackend()
    async with WorkerScreener(tmp_path / "spool", backend=backend):
        pass
    with pytest.raises(OSError, match="the sandbox is closed"):
        await backend.start(0, None)  # type: ignore[arg-type]


async def test_a_disk_that_is_full_under_the_spool_loses_nothing_of_the_next_part(screener: WorkerScreener) -> None:
    async with screener.open(CLAIM) as job:
        await job.feed(TEXT)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(TEXT) + 10, hard))  # a disk that is full, as far as we can tell
        try:
            with pytest.raises(OSError, match="too large"):
                await job.feed(TEXT)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        report = await job.finish()
    assert [finding.rule for finding in report.findings] == ["unscannable.incomplete"]
    assert report.sha256 is None
    assert (await judged(screener)).findings == ()


async def test_every_layer_of_the_kernel_holds_and_is_named(screener: WorkerScreener) -> None:
    report = await judged(screener)
    layers = [layer for layer in report.layers if not layer.startswith("landlock-")]
    assert layers == ["process", "unprivileged", "undumpable", "no-new-privs", "rlimits", "cpu-timer", "seccomp"]


BROKEN_EARLY = (
    b"\x89PNG\r\n\x1a\n" + bytes.fromhex("0000000d49484452000000010000000108000000003a7e9b56") + bytes(1 << 17)
)
"""The last byte of the first checksum is wrong, and more follows than is needed to know the type."""

DECISIVE = frozenset({"png.chunk-crc"})


async def test_a_validator_works_while_the_bytes_still_come_and_ends_it_early(screener: WorkerScreener) -> None:
    async with screener.open(CLAIM, DECISIVE) as job:
        await job.feed(BROKEN_EARLY)
        await until(lambda: job.decided)
        report = await job.finish()
    assert "png.chunk-crc" in {finding.rule for finding in report.findings}
    assert (report.partial, report.size, report.sha256) == (True, None, None)


@pytest.mark.parametrize("piece", [1 << 20, 10_000])
async def test_a_report_that_ended_early_does_not_depend_on_how_the_bytes_came(
    screener: WorkerScreener, piece: int
) -> None:
    async with screener.open(CLAIM, DECISIVE) as job:
        for at in range(0, len(BROKEN_EARLY), piece):
            await job.feed(BROKEN_EARLY[at : at + piece])
        report = await job.finish()
    whole = inspect(Source.of_bytes(BROKEN_EARLY), decisive=DECISIVE)
    assert [finding for finding in report.findings if finding.offset is not None] == [*whole.findings]
    assert (report.media_type, report.partial, report.sha256) == ("image/png", True, None)


async def test_what_is_not_decisive_ends_nothing_early(screener: WorkerScreener) -> None:
    async with screener.open(CLAIM, DECISIVE) as job:
        await job.feed(TEXT)
        assert not job.decided
        report = await job.finish()
    assert (report.partial, report.size) == (False, len(TEXT))


@pytest.mark.parametrize("ends", ["early", "broken off"])
async def test_an_ended_job_that_stays_open_holds_up_no_other_of_its_size(screener: WorkerScreener, ends: str) -> None:
    """The rest of its album may take long; others waited for it as if it were still arriving."""
    claim = Claim(name="a.png", size=len(BROKEN_EARLY))
    async with screener.open(claim, DECISIVE) as job:
        await job.feed(BROKEN_EARLY)
        await (job.finish() if ends == "early" else job.abort())
        async with asyncio.timeout(5), screener.open(claim) as other:
            await other.feed(BROKEN_EARLY[:-1] + b"x")
            report = await other.finish()
    assert report.size == len(BROKEN_EARLY)
