"""Workers that die, hang or are abandoned: always a finding, never a leak."""

from __future__ import annotations

import asyncio
import contextlib
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
from lazaretto.screening.sandbox.backend import Backend, Bounds, Process
from lazaretto.screening.sandbox.exec_backend import ExecBackend
from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend
from lazaretto.screening.screener import ScreenerUnavailable
from lazaretto_validators import default_registry
from lazaretto_validators.registry import Installed

MakeScreener = Callable[..., WorkerScreener]
Processes = Callable[[], set[int]]

TEXT = b"Meet at noon, bring the papers.\n" * 1000
CLAIM = Claim(name="note.txt")


def only_finding(report: Report) -> tuple[str, str]:
    (finding,) = report.findings
    return finding.rule, finding.seen


async def died(pid: int) -> None:
    """Wait until a killed process is reaped."""
    async with asyncio.timeout(10):
        while Path(f"/proc/{pid}").exists():
            await asyncio.sleep(0)


async def end(processes: Processes, number: signal.Signals = signal.SIGKILL) -> None:
    for pid in processes():
        with contextlib.suppress(ProcessLookupError):  # one that was on its way out already
            os.kill(pid, number)
        if number == signal.SIGKILL:
            await died(pid)


@pytest.mark.parametrize("fed_before", [0, 1, 3])
async def test_a_worker_killed_while_bytes_arrive_is_replaced_and_the_file_judged_from_the_spool(
    make_screener: MakeScreener, workers: Processes, fed_before: int
) -> None:
    async with make_screener(spares=0) as screener, screener.open(CLAIM) as job:
        for _ in range(fed_before):
            await job.feed(TEXT)
        await end(workers)
        for _ in range(3 - fed_before):
            await job.feed(TEXT)
        report = await job.finish()
        assert job.spool.read_bytes() == 3 * TEXT
    assert report.findings == ()
    assert report.media_type == "text/plain"
    assert report.sha256 == hashlib.sha256(3 * TEXT).hexdigest()
    assert report.size == 3 * len(TEXT)


async def test_a_worker_killed_before_the_download_broke_off(make_screener: MakeScreener, workers: Processes) -> None:
    async with make_screener(spares=0) as screener, screener.open(CLAIM) as job:
        await job.feed(TEXT)
        await end(workers)
        report = await job.abort()
    assert {finding.rule for finding in report.findings} == {"unscannable.worker-failed", "unscannable.incomplete"}
    assert report.total == 2


async def test_a_worker_killed_while_its_answer_is_awaited(make_screener: MakeScreener, workers: Processes) -> None:
    async with make_screener(spares=0) as screener, screener.open(CLAIM) as job:
        await end(workers, signal.SIGSTOP)  # so that it cannot have answered before it is killed
        await job.feed(TEXT)
        finishing = asyncio.ensure_future(job.finish())
        await asyncio.sleep(0)
        await end(workers)
        assert (await finishing).findings == ()


async def test_two_workers_killed_over_one_file_are_enough(make_screener: MakeScreener, workers: Processes) -> None:
    async def kill_whoever_comes() -> None:
        while True:
            for pid in workers():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            await asyncio.sleep(0)

    async with make_screener(spares=0) as screener, screener.open(CLAIM) as job:
        await job.feed(TEXT)
        killing = asyncio.ensure_future(kill_whoever_comes())
        report = await job.finish()
        killing.cancel()
        assert job.spool.read_bytes() == TEXT
    rule, seen = only_finding(report)
    assert rule == "unscannable.worker-failed"
    assert "SIGKILL" in seen
    assert report.sha256 == hashlib.sha256(TEXT).hexdigest()


async def test_a_file_on_disk_gets_a_second_worker_too(
    make_screener: MakeScreener, workers: Processes, tmp_path: Path
) -> None:
    file = tmp_path / "large.bin"
    with file.open("wb") as writing:
        writing.truncate(512 << 20)  # long enough to be caught at
    async with make_screener(spares=0) as screener:
        await end(workers)
        looking = asyncio.ensure_future(screener.screen_file(file, CLAIM))
        async with asyncio.timeout(10):
            while not workers():
                await asyncio.sleep(0)
        await end(workers)
        report = await looking
    assert "unscannable.worker-failed" not in {finding.rule for finding in report.findings}
    assert report.size == 512 << 20


async def test_a_start_that_is_cancelled_leaves_no_worker(make_screener: MakeScreener, children: Processes) -> None:
    before = children()
    starting = asyncio.ensure_future(make_screener().__aenter__())
    async with asyncio.timeout(10):
        while children() == before:
            await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert children() == before


async def test_a_spare_that_died_waiting_is_replaced(make_screener: MakeScreener, workers: Processes) -> None:
    async with make_screener(spares=1) as screener:
        await end(workers)
        async with screener.open(CLAIM) as job:
            await job.feed(TEXT)
            report = await job.finish()
    assert report.findings == ()
    assert {"process", "rlimits", "cpu-timer"} <= {*report.layers}


async def test_a_stopped_worker_is_killed_at_the_bound(
    make_screener: MakeScreener, workers: Processes, children: Processes
) -> None:
    async with make_screener(spares=0, seconds=0.2) as screener:
        async with screener.open(CLAIM) as job:
            await end(workers, signal.SIGSTOP)
            await job.feed(TEXT)
            began = monotonic()
            report = await job.finish()
            assert 0.2 <= monotonic() - began < 5
        assert workers() == set()
    rule, seen = only_finding(report)
    assert (rule, seen.startswith("no answer for ")) == ("unscannable.budget", True)
    assert report.findings[0].allowed == "0.2 s"
    assert children() == set()


async def test_a_stopped_worker_does_not_hold_the_download_up(make_screener: MakeScreener, workers: Processes) -> None:
    async with make_screener(spares=0, seconds=0.1) as screener, screener.open(CLAIM) as job:
        await end(workers, signal.SIGSTOP)
        async with asyncio.timeout(30):
            for _ in range(2000):  # far more marks than a socket's buffer takes
                await job.feed(b"0123456789")
        report = await job.finish()
    assert report.size == 20_000
    assert only_finding(report)[1].startswith("no answer")


async def test_a_stopped_worker_that_goes_on_hears_all_that_it_missed(
    make_screener: MakeScreener, workers: Processes
) -> None:
    async with make_screener(spares=0) as screener, screener.open(CLAIM) as job:
        await end(workers, signal.SIGSTOP)
        for _ in range(2000):
            await job.feed(b"0123456789\n")
        await end(workers, signal.SIGCONT)
        report = await job.finish()
    assert report.size == 22_000
    assert report.findings == ()


class Scarce:
    """A backend on a machine that has processes for so many workers, and then none."""

    def __init__(self, backend: Backend, workers: int) -> None:
        self._backend = backend
        self._left = workers

    async def start(self, file: int, bounds: Bounds) -> Process:
        self._left -= 1
        if self._left < 0:
            raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return await self._backend.start(file, bounds)

    async def close(self) -> None:
        await self._backend.close()


async def test_a_machine_that_starts_no_process_is_told_at_the_start(
    make_screener: MakeScreener, new_backend: Callable[[], Backend]
) -> None:
    with pytest.raises(ScreenerUnavailable, match="no worker could be started"):
        await make_screener(backend=Scarce(new_backend(), 0)).__aenter__()


@pytest.mark.parametrize("broken", [ZygoteBackend, ExecBackend])
async def test_workers_that_cannot_import_are_told_at_the_start(
    make_screener: MakeScreener, broken: Callable[..., Backend], children: Processes
) -> None:
    with pytest.raises(ScreenerUnavailable, match=r"exit status 3|it died"):
        await make_screener(backend=broken(command=("/bin/sh", "-c", "exit 3"))).__aenter__()
    assert children() == set()


async def test_a_zygote_that_cannot_load_a_validator_says_which(
    make_screener: MakeScreener, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Installed("broken", "lazaretto_absent:validate", "lazaretto-broken")
    monkeypatch.setattr(default_registry(), "third_parties", (broken,))
    with pytest.raises(ScreenerUnavailable, match=r"'broken' of lazaretto-broken cannot be imported"):
        await make_screener(backend=ZygoteBackend(), require=True).__aenter__()


async def test_a_machine_that_runs_out_of_processes_later_still_keeps_the_bytes(
    make_screener: MakeScreener, new_backend: Callable[[], Backend]
) -> None:
    backend = Scarce(new_backend(), 1)
    async with make_screener(spares=0, backend=backend) as screener, screener.open(CLAIM) as job:
        await job.feed(TEXT)
        report = await job.finish()
        assert job.spool.read_bytes() == TEXT
    rule, seen = only_finding(report)
    assert rule == "unscannable.worker-failed"
    assert seen.startswith("no worker could be started")
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
    make_screener: MakeScreener, children: Processes, descriptors: Callable[[], set[str]], tmp_path: Path
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


async def test_never_more_workers_than_places_and_spares(make_screener: MakeScreener, workers: Processes) -> None:
    most = 0

    async def one(screener: WorkerScreener) -> None:
        async with screener.open(CLAIM) as job:
            await feed_watched(job)
            await job.finish()

    async def feed_watched(job: Job) -> None:
        nonlocal most
        for _ in range(3):
            await job.feed(TEXT)
            most = max(most, len(workers()))

    async with make_screener(workers=2, spares=1) as screener:
        await asyncio.gather(*(one(screener) for _ in range(8)))
        async with asyncio.timeout(10):
            while len(workers()) > 1:  # the spare
                await asyncio.sleep(0)
    assert 2 <= most <= 3
    assert workers() == set()


async def test_a_worker_inherits_neither_secrets_nor_descriptors(
    make_screener: MakeScreener, workers: Processes, monkeypatch: pytest.MonkeyPatch, backend: str
) -> None:
    monkeypatch.setenv("LAZARETTO_TOKEN", "12345:secret")
    async with make_screener(spares=1):
        (worker,) = workers()
        limits = Path(f"/proc/{worker}/limits").read_text()
        if backend == "zygote" and os.geteuid() != 0:
            with pytest.raises(PermissionError):  # not even its own user may look into it
                Path(f"/proc/{worker}/environ").read_bytes()
        else:
            assert Path(f"/proc/{worker}/environ").read_bytes() == b"LANG=C.UTF-8\0"
            assert_only_file_and_stream(worker, backend)
    for name in ("Max core file size", "Max file size", "Max open files"):
        line = next(line for line in limits.splitlines() if line.startswith(name))
        assert line.removeprefix(name).split()[:2] == ["0", "0"]


def assert_only_file_and_stream(worker: int, backend: str) -> None:
    """Nothing else is open, and the file only for reading."""
    links = {entry.name: str(entry.readlink()) for entry in Path(f"/proc/{worker}/fd").iterdir()}
    kinds = [links[str(number)].split(":")[0] for number in range(len(links))]
    file = kinds.index(next(kind for kind in kinds if kind.endswith(".part")))
    others = kinds[:file] + kinds[file + 1 :]
    assert others == (["/dev/null"] * 3 + ["socket"] if backend == "zygote" else ["pipe"] * 2)
    flags = Path(f"/proc/{worker}/fdinfo/{file}").read_text()
    assert int(flags.split("flags:")[1].split()[0], 8) & os.O_ACCMODE == os.O_RDONLY


async def test_without_pidfds_children_are_ended_and_reaped_all_the_same(
    make_screener: MakeScreener, workers: Processes, children: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    async with make_screener(spares=0) as screener:
        async with screener.open(CLAIM) as job:
            await job.feed(TEXT)
            assert (await job.finish()).findings == ()
        async with screener.open(CLAIM) as job:
            await end(workers)
            assert (await job.finish()).sha256 == hashlib.sha256(b"").hexdigest()
        async with screener.open(CLAIM) as job:
            await job.feed(TEXT)
    assert children() == set()


BOT = """
import asyncio, sys
from pathlib import Path
from lazaretto.model import Claim
from lazaretto.screening import WorkerScreener
from lazaretto.screening.sandbox.exec_backend import ExecBackend
from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend

async def main():
    backend = {"zygote": ZygoteBackend, "exec": ExecBackend}[sys.argv[2]]()
    screener = WorkerScreener(Path(sys.argv[1]), spares=1, backend=backend, require=sys.argv[2] == "zygote")
    async with screener, screener.open(Claim()) as job:
        await job.feed(b"half a let")
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_killed_bot_leaves_no_process_behind(tmp_path: Path, backend: str, children: Processes) -> None:
    bot = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BOT, str(tmp_path / "spool"), backend, stdout=asyncio.subprocess.PIPE
    )
    assert bot.stdout is not None
    assert await bot.stdout.readline() == b"ready\n"
    orphans = children() - {bot.pid}
    assert len(orphans) >= (2 if backend == "zygote" else 1)  # the zygote, and the worker of the job
    bot.kill()
    await bot.wait()
    async with asyncio.timeout(10):
        while any(runs(pid) for pid in orphans):
            await asyncio.sleep(0)


def runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
