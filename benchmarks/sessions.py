"""Sessions in the sandbox, as the bot has them: on a file that is there, and on bytes that arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks.files import Made
from benchmarks.options import GIB
from benchmarks.peers import PIECE
from benchmarks.reports import LIMITS, check
from lazaretto.screening import WorkerScreener

__all__ = ["Streamed", "new_screener", "on_disk", "pieces_of", "streamed"]


@dataclass(frozen=True, slots=True)
class Streamed:
    """Seconds of one streamed session, from asking for it.

    accepted: until its first bytes were taken. fed: until the last ones were. reported: until the report was there.
    closed: until worker and spool file were gone.
    """

    accepted: float
    fed: float
    reported: float
    closed: float


def new_screener(folder: Path, *, workers: int = 2, spares: int = 1) -> WorkerScreener:
    """A screener as the bot has it, with room for the largest files. Its spool is in `folder`."""
    folder.mkdir(exist_ok=True)
    return WorkerScreener(
        folder / "spool", workers=workers, spares=spares, limits=LIMITS, max_spool=8 * GIB, max_file=8 * GIB
    )


async def on_disk(screener: WorkerScreener, made: Made) -> float:
    """Seconds until the report of a file on disk is there."""
    began = perf_counter()
    report = await screener.screen_file(made.path, made.claim)
    took = perf_counter() - began
    check(report, made)
    return took


async def streamed(screener: WorkerScreener, made: Made, *, pace: float | None = None) -> Streamed:
    """Feed the file in pieces. pace: bytes per second at most; as fast as it goes where None."""
    began = perf_counter()
    accepted = sent = 0.0
    async with screener.open(made.claim) as job:
        for piece in pieces_of(made.path):
            if pace and (ahead := began + sent / pace - perf_counter()) > 0:
                await asyncio.sleep(ahead)
            await job.feed(piece)
            accepted = accepted or perf_counter()
            sent += len(piece)
        fed = perf_counter()
        report = await job.finish()
        reported = perf_counter()
    closed = perf_counter()
    check(report, made)
    return Streamed(accepted - began, fed - began, reported - began, closed - began)


def pieces_of(path: Path) -> Iterator[bytes]:
    """The file's bytes, as a download hands them over."""
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            yield piece
