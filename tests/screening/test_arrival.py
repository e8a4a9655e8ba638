"""Bytes that arrive: the report never depends on how, and nothing that arrived is lost."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from lazaretto.model import Claim, Report
from lazaretto.screening import WorkerScreener
from lazaretto.screening.in_process import screen_file, screen_in_process
from lazaretto_validators import default_registry

MakeScreener = Callable[..., WorkerScreener]

TEXT = b"Meet at noon, bring the papers.\n" * 40
CLAIM = Claim(name="note.txt", media_type="text/plain", size=len(TEXT), kind="document")


async def fed(screener: WorkerScreener, pieces: Iterable[bytes], claim: Claim = CLAIM) -> Report:
    async with screener.open(claim) as job:
        for piece in pieces:
            await job.feed(piece)
        return await job.finish()


async def test_arrival_byte_by_byte_gives_the_report_of_one_piece(make_screener: MakeScreener) -> None:
    async with make_screener() as screener:
        whole = await fed(screener, [TEXT])
        slow = await fed(screener, [TEXT[i : i + 1] for i in range(len(TEXT))])
    assert slow == whole
    assert whole.sha256 == hashlib.sha256(TEXT).hexdigest()
    assert whole.size == len(TEXT)
    assert {"process", "rlimits", "cpu-timer"} <= {*whole.layers}
    assert whole.rule_set == default_registry().rule_set


@pytest.mark.parametrize("example", default_registry().validators, ids=lambda judge: judge.name)
async def test_every_way_in_gives_the_same_report(make_screener: MakeScreener, tmp_path: Path, example: object) -> None:
    data: bytes = example.example  # type: ignore[attr-defined]
    file = tmp_path / "example.bin"
    file.write_bytes(data)
    claim = Claim(name="example.bin")
    async with make_screener() as screener:
        streamed, on_disk = await asyncio.gather(
            fed(screener, [data[:7], data[7:]], claim), screener.screen_file(file, claim)
        )
    here = screen_in_process(file, claim)
    assert streamed == on_disk
    assert here.layers == ()
    assert (here.media_type, here.size, here.sha256, here.findings, here.total, here.coverage, here.rule_set) == (
        on_disk.media_type,
        on_disk.size,
        on_disk.sha256,
        on_disk.findings,
        on_disk.total,
        on_disk.coverage,
        on_disk.rule_set,
    )


async def test_an_empty_file_is_a_whole_file(make_screener: MakeScreener) -> None:
    async with make_screener() as screener:
        report = await fed(screener, [])
    assert report.size == 0
    assert report.sha256 == hashlib.sha256(b"").hexdigest()
    assert "unscannable.worker-failed" not in {finding.rule for finding in report.findings}


async def test_a_download_that_broke_off_is_incomplete_and_has_no_digest(make_screener: MakeScreener) -> None:
    async with make_screener() as screener, screener.open(CLAIM) as job:
        await job.feed(TEXT)
        report = await job.abort()
    assert [finding.rule for finding in report.findings] == ["unscannable.incomplete"]
    assert report.size is None
    assert report.sha256 is None


async def test_an_ended_job_takes_nothing_more(make_screener: MakeScreener) -> None:
    async with make_screener() as screener, screener.open(CLAIM) as job:
        await job.finish()
        with pytest.raises(RuntimeError, match="has ended"):
            await job.feed(b"more")


async def test_the_spool_holds_the_bytes_until_the_job_is_left(make_screener: MakeScreener, tmp_path: Path) -> None:
    async with make_screener(spares=0) as screener:
        async with screener.open(CLAIM) as job:
            await job.feed(TEXT)
            await job.finish()
            assert job.spool.read_bytes() == TEXT
            assert stat.S_IMODE(job.spool.stat().st_mode) == 0o600
            assert stat.S_IMODE(job.spool.parent.stat().st_mode) == 0o700
        assert not job.spool.exists()
    assert list((tmp_path / "spool").iterdir()) == []


async def test_parts_whose_spools_are_still_held_do_not_block_the_next(make_screener: MakeScreener) -> None:
    async with make_screener(workers=1) as screener, screener.open(CLAIM) as first:
        await first.feed(TEXT)
        await first.finish()
        async with asyncio.timeout(20), screener.open(CLAIM) as second:
            await second.feed(TEXT)
            assert (await second.finish()).size == len(TEXT)


async def test_a_full_spool_is_a_clear_error_and_its_room_comes_back(make_screener: MakeScreener) -> None:
    async with make_screener(max_spool=2 * len(TEXT)) as screener:
        async with screener.open(CLAIM) as job:
            await job.feed(TEXT)
            await job.feed(TEXT)
            with pytest.raises(OSError, match="raise the spool's size") as full:
                await job.feed(b"x")
            assert full.value.errno == errno.ENOSPC
            report = await job.finish()
        assert "unscannable.incomplete" in {finding.rule for finding in report.findings}
        assert report.sha256 is None
        assert (await fed(screener, [TEXT, TEXT])).size == 2 * len(TEXT)


async def test_leftovers_of_an_earlier_run_are_swept(make_screener: MakeScreener, tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    folder.mkdir(mode=0o700)
    (folder / "0123.part").write_bytes(b"left behind")
    (folder / "operators-note.txt").write_text("keep")
    async with make_screener():
        assert not (folder / "0123.part").exists()
    assert [path.name for path in folder.iterdir()] == ["operators-note.txt"]


async def test_a_spool_folder_that_others_can_enter_is_refused(make_screener: MakeScreener, tmp_path: Path) -> None:
    (tmp_path / "spool").mkdir()
    (tmp_path / "spool").chmod(0o755)
    with pytest.raises(PermissionError, match="chmod 700"):
        await make_screener().__aenter__()


async def test_files_on_disk_that_cannot_be_read(make_screener: MakeScreener, tmp_path: Path) -> None:
    async with make_screener(spares=0) as screener:
        with pytest.raises(FileNotFoundError):
            await screener.screen_file(tmp_path / "absent", CLAIM)
        with pytest.raises(IsADirectoryError, match="name the files in it"):
            await screener.screen_file(tmp_path, CLAIM)
        with pytest.raises(OSError, match="not pipes or devices"):
            await screener.screen_file(Path("/dev/zero"), CLAIM)
    with pytest.raises(FileNotFoundError):
        await screen_file(tmp_path / "absent")


async def test_a_file_beyond_the_bound_is_answered_without_being_read(
    make_screener: MakeScreener, tmp_path: Path
) -> None:
    huge = tmp_path / "huge"
    with huge.open("wb") as file:
        file.truncate(5 << 30)
    async with make_screener() as screener:
        async with asyncio.timeout(2):  # reading it would take longer
            report = await screener.screen_file(huge, CLAIM)
    assert [finding.rule for finding in report.findings] == ["unscannable.too-large"]
    assert report.findings[0].seen == f"{5 << 30} bytes"
    assert report.sha256 is None


async def test_a_sparse_file_within_the_bound_is_hashed_in_full(make_screener: MakeScreener, tmp_path: Path) -> None:
    sparse = tmp_path / "sparse"
    with sparse.open("wb") as file:
        file.truncate(64 << 20)
    async with make_screener() as screener:
        report = await screener.screen_file(sparse, Claim(name="sparse"))
    assert report.sha256 == hashlib.sha256(bytes(64 << 20)).hexdigest()
    assert "unscannable.worker-failed" not in {finding.rule for finding in report.findings}


async def test_sixty_jobs_at_once_all_get_their_own_report(make_screener: MakeScreener, tmp_path: Path) -> None:
    async with make_screener(workers=4, spares=2) as screener:
        texts = [b"letter number %d\n" % number * (number + 1) for number in range(60)]
        files = [tmp_path / f"{number}.txt" for number in range(60)]
        for file, text in zip(files, texts, strict=True):
            file.write_bytes(text)

        async def one(number: int) -> Report:
            if number % 3 == 0:
                return await screener.screen_file(files[number], CLAIM)
            return await fed(screener, [texts[number][:20], texts[number][20:]])

        reports = await asyncio.gather(*(one(number) for number in range(60)))
    assert [report.sha256 for report in reports] == [hashlib.sha256(text).hexdigest() for text in texts]
    assert {finding.rule for report in reports for finding in report.findings} == set()
