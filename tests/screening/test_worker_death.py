"""Workers that die, hang or are abandoned: always a finding, never a leak."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from lazaretto.model import Claim, Report
from lazaretto.ports import Job
from lazaretto.screening import WorkerScreener
from lazaretto.screening.process import Bounds, Process, start_interpreter
from lazaretto.screening.screener import ScreenerUnavailable

MakeScreener = Callable[..., WorkerScreener]
Children = Callable[[], set[int]]

TEXT = b"Meet at noon, bring the papers.\n" * 1000
CLAIM = Claim(name="note.txt")


def only_fault(report: Report) -> str:
    (finding,) = report.findings
    assert finding.rule == "unscannable.worker-failed"
    return finding.seen


async def died(pid: int) -> None:
    """Wait until a killed child of ours is reaped."""
    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0)


async def end(children: Children, number: signal.Signals = signal.SIGKILL) -> None:
    for pid in children():
        os.kill(pid, number)
        if number == signal.SIGKILL:
            await died(pid)


@pytest.mark.parametrize("fed_before", [0, 1, 3])
async def test_a_worker_killed_while_bytes_arrive_loses_no_byte(
    make_screener: MakeScreener, children: Children, fed_before: int
) -> None:
    async with make_screener(spares=0) as screener, screener.open(CLAIM) as job:
        for _ in range(fed_before):
            await job.feed(TEXT)
        await end(children)
        for _ in range(3 - fed_before):
            await job.feed(TEXT)
        report = await job.finish()
        assert job.spool.read_bytes() == 3 * TEXT
    assert only_fault(report) == "killed by SIGKILL"
    assert report.sha256 == hashlib.sha256(3 * TEXT).hexdigest()
    assert report.size == 3 * len(TEXT)


async def test_a_worker_killed_before_the_download_broke_off(make_screener: MakeScreener, children: Children) -> None:
    async with make_screener(spares=0) as screener, screener.open(CLAIM) as job:
        await job.feed(TEXT)
        await end(children)
        report = await job.abort()
    assert {finding.rule for finding in report.findings} == {"unscannable.worker-failed", "unscannable.incomplete"}
    assert report.total == 2


async def test_a_worker_killed_while_its_answer_is_awaited(make_screener: MakeScreener, children: Children) -> None:
    async with make_screener(spares=0) as screener, screener.open(CLAIM) as job:
        await end(children, signal.SIGSTOP)  # so that it cannot have answered before it is killed
        await job.feed(TEXT)
        finishing = asyncio.ensure_future(job.finish())
        await asyncio.sleep(0)
        await end(children)
        assert only_fault(await finishing) == "killed by SIGKILL"


async def test_a_start_that_is_cancelled_leaves_no_worker(make_screener: MakeScreener, children: Children) -> None:
    before = children()
    starting = asyncio.ensure_future(make_screener().__aenter__())
    async with asyncio.timeout(10):
        while children() == before:
            await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert children() == before


async def test_a_spare_that_died_waiting_is_replaced(make_screener: MakeScreener, children: Children) -> None:
    async with make_screener(spares=1) as screener:
        await end(children)
        async with screener.open(CLAIM) as job:
            await job.feed(TEXT)
            report = await job.finish()
    assert report.layers == ("process", "rlimits")
    assert "unscannable.worker-failed" not in {finding.rule for finding in report.findings}


async def test_a_stopped_worker_is_killed_at_the_bound(make_screener: MakeScreener, children: Children) -> None:
    async with make_screener(spares=0, seconds=0.2) as screener, screener.open(CLAIM) as job:
        await end(children, signal.SIGSTOP)
        await job.feed(TEXT)
        began = monotonic()
        report = await job.finish()
        assert 0.2 <= monotonic() - began < 5
    assert only_fault(report) == "no answer for 0.2 s"
    assert report.findings[0].allowed == "0.2 s"
    assert children() == set()


async def test_a_stopped_worker_does_not_hold_the_download_up(make_screener: MakeScreener, children: Children) -> None:
    async with make_screener(spares=0, seconds=0.1) as screener, screener.open(CLAIM) as job:
        await end(children, signal.SIGSTOP)
        async with asyncio.timeout(30):
            for _ in range(2000):  # far more marks than a socket's buffer takes
                await job.feed(b"0123456789")
        report = await job.finish()
    assert report.size == 20_000
    assert only_fault(report).startswith("no answer")


async def test_a_stopped_worker_that_goes_on_hears_all_that_it_missed(
    make_screener: MakeScreener, children: Children
) -> None:
    async with make_screener(spares=0) as screener, screener.open(CLAIM) as job:
        await end(children, signal.SIGSTOP)
        for _ in range(2000):
            await job.feed(b"0123456789\n")
        await end(children, signal.SIGCONT)
        report = await job.finish()
    assert report.size == 22_000
    assert "unscannable.worker-failed" not in {finding.rule for finding in report.findings}


async def no_process(control: int, file: int, bounds: Bounds) -> Process:
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))


async def test_a_machine_that_starts_no_process_is_told_at_the_start(make_screener: MakeScreener) -> None:
    with pytest.raises(ScreenerUnavailable, match="no worker could be started"):
        await make_screener(start=no_process).__aenter__()


async def test_workers_that_cannot_import_are_told_at_the_start(make_screener: MakeScreener) -> None:
    async def broken(control: int, file: int, bounds: Bounds) -> Process:
        return await start_interpreter(control, file, bounds, command=("/bin/sh", "-c", "exit 3"))

    with pytest.raises(ScreenerUnavailable, match="exit status 3"):
        await make_screener(start=broken).__aenter__()


async def test_a_machine_that_runs_out_of_processes_later_still_keeps_the_bytes(make_screener: MakeScreener) -> None:
    started = 0

    async def scarce(control: int, file: int, bounds: Bounds) -> Process:
        nonlocal started
        started += 1
        if started > 1:
            return await no_process(control, file, bounds)
        return await start_interpreter(control, file, bounds)

    async with make_screener(spares=0, start=scarce) as screener, screener.open(CLAIM) as job:
        await job.feed(TEXT)
        report = await job.finish()
        assert job.spool.read_bytes() == TEXT
    assert only_fault(report).startswith("no worker could be started")
    assert report.layers == ()


async def cancelled_at(screener: WorkerScreener, steps: int, path: Path) -> None:
    """Run one streamed and one file job, and cancel both after so many turns of the loop."""

    async def stream() -> None:
        async with screener.open(CLAIM) as job:
            for _ in range(5):
                await job.feed(TEXT)
            await job.finish()

    tasks = [asyncio.ensure_future(stream()), asyncio.ensure_future(screener.screen_file(path, CLAIM))]
    for _ in range(steps):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_cancelled_jobs_leak_nothing_and_free_their_places(
    make_screener: MakeScreener, children: Children, descriptors: Callable[[], set[str]], tmp_path: Path
) -> None:
    file = tmp_path / "file.txt"
    file.write_bytes(TEXT)
    before = descriptors()
    async with make_screener(workers=1) as screener:
        for steps in (0, 1, 2, 3, 5, 8, 13, 21, 55, 144, 377, 2584):
            await cancelled_at(screener, steps, file)
        async with asyncio.timeout(20), screener.open(CLAIM) as job:
            await job.feed(TEXT)
            assert (await job.finish()).size == len(TEXT)
    assert children() == set()
    assert descriptors() == before
    assert list((tmp_path / "spool").iterdir()) == []


async def test_never_more_workers_than_places_and_spares(make_screener: MakeScreener, children: Children) -> None:
    most = 0

    async def one(screener: WorkerScreener) -> None:
        nonlocal most
        async with screener.open(CLAIM) as job:
            await feed_watched(job)
            await job.finish()

    async def feed_watched(job: Job) -> None:
        nonlocal most
        for _ in range(3):
            await job.feed(TEXT)
            most = max(most, len(children()))

    async with make_screener(workers=2, spares=1) as screener:
        await asyncio.gather(*(one(screener) for _ in range(8)))
    assert 2 <= most <= 3
    assert children() == set()


async def test_a_worker_inherits_neither_secrets_nor_descriptors(
    make_screener: MakeScreener, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAZARETTO_TOKEN", "12345:secret")
    async with make_screener(spares=1):
        (worker,) = children()
        assert Path(f"/proc/{worker}/environ").read_bytes() == b"LANG=C.UTF-8\0"
        open_files = [entry.readlink() for entry in Path(f"/proc/{worker}/fd").iterdir()]
        assert sorted(str(link).split(":")[0] for link in open_files if "part" not in link.name) == [
            "/dev/null",
            "/dev/null",
            "/dev/null",
            "socket",
        ]
        (spool,) = (entry for entry in Path(f"/proc/{worker}/fd").iterdir() if "part" in entry.readlink().name)
        flags = Path(f"/proc/{worker}/fdinfo/{spool.name}").read_text()
        assert int(flags.split("flags:")[1].split()[0], 8) & os.O_ACCMODE == os.O_RDONLY
        limits = Path(f"/proc/{worker}/limits").read_text()
    for name in ("Max core file size", "Max file size"):
        line = next(line for line in limits.splitlines() if line.startswith(name))
        assert line.removeprefix(name).split()[:2] == ["0", "0"]


async def test_without_pidfds_workers_are_ended_and_reaped_all_the_same(
    make_screener: MakeScreener, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    async with make_screener(spares=0) as screener:
        async with screener.open(CLAIM) as job:
            await job.feed(TEXT)
            assert (await job.finish()).findings == ()
        async with screener.open(CLAIM) as job:
            await end(children)
            assert only_fault(await job.finish()) == "killed by SIGKILL"
        async with screener.open(CLAIM) as job:
            await job.feed(TEXT)
    assert children() == set()


BOT = """
import asyncio, sys
from pathlib import Path
from lazaretto.model import Claim
from lazaretto.screening import WorkerScreener

async def main():
    async with WorkerScreener(Path(sys.argv[1]), spares=1) as screener, screener.open(Claim()) as job:
        await job.feed(b"half a let")
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_bot_leaves_no_worker_behind(tmp_path: Path) -> None:
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BOT, str(tmp_path / "spool"), stdout=asyncio.subprocess.PIPE
    )
    assert bot.stdout is not None
    assert await bot.stdout.readline() == b"ready\n"
    workers = [pid for pid in Path("/proc").iterdir() if pid.name.isdecimal() and holds_spool(pid, tmp_path)]
    assert len(workers) >= 2  # the bot itself, and the worker of its job
    bot.kill()
    await bot.wait()
    async with asyncio.timeout(10):
        while any(holds_spool(pid, tmp_path) for pid in workers):
            await asyncio.sleep(0)


def holds_spool(process: Path, folder: Path) -> bool:
    try:
        return any(entry.readlink().is_relative_to(folder) for entry in (process / "fd").iterdir())
    except OSError:  # it ended while we looked
        return False
