"""How late the event loop is while two workers run at full speed. A bot whose loop is late answers nobody.

A ticker asks to be woken every 5 ms and writes down how much later it is. Target: at most 5 ms for 99 of 100 ticks.
Beside it, the same ticker in a loop that has nothing else to do (what timers and the machine cost), and in one beside
which two threads hash without a pause (what sharing an interpreter with threads costs).
"""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable
from time import perf_counter

from benchmarks.files import KINDS, Made, noise
from benchmarks.options import MIB, Options, say
from benchmarks.peers import PIECE
from benchmarks.reports import check
from benchmarks.results import Figure, Section, percentile
from benchmarks.sessions import new_screener, pieces_of
from lazaretto.screening import WorkerScreener
from lazaretto.tasks import spawn

__all__ = ["run"]

TARGET_MS = 5.0

_EVERY = 0.005
_KINDS = ("png, stored blocks", "wave")
_STREAMS = 2

Work = Callable[[float], Awaitable[float]]
"""Keeps busy for so many seconds; answers the bytes that it got through."""

_NOTES = ("MiB/s: what was screened or hashed meanwhile, by both streams or threads together.",)


def run(options: Options) -> Section:
    """The three loops, in turn."""
    return Section("lag", "Lag of the event loop", tuple(asyncio.run(_measured(options))), _NOTES)


async def _measured(options: Options) -> list[Figure]:
    seconds = 0.5 if options.short else 4.0
    size = 4 * MIB if options.short else 64 * MIB
    made = [
        build(options.folder / f"{number}{extension}", size)
        for number, (build, extension) in enumerate(KINDS[kind] for kind in _KINDS)
    ]
    lags: dict[str, list[float]] = defaultdict(list)
    speeds: dict[str, list[float]] = defaultdict(list)
    async with new_screener(options.folder, workers=_STREAMS, spares=_STREAMS) as screener:

        async def screening(seconds: float) -> float:
            return await _screening(screener, made, seconds)

        sides: dict[str, Work] = {"idle": _idle, "two threads hash": _hashing, "two workers screen": screening}
        for number in range(options.rounds):
            say(f"lag: round {number + 1} of {options.rounds}, {seconds:g} s for each of {len(sides)}")
            for side, work in sides.items():
                late, speed = await _ticked(work, seconds)
                lags[side] += late
                speeds[side].append(speed)
    return [f for side in sides for f in _figures(side, lags[side], speeds[side])]


def _figures(side: str, lags: list[float], speeds: list[float]) -> list[Figure]:
    """Of the ticks of all rounds."""
    target = TARGET_MS if side == "two workers screen" else None
    every = tuple(lags)
    return [
        Figure(side, "p50", "ms", percentile(lags, 50), every, better="lower"),
        Figure(side, "p99", "ms", percentile(lags, 99), every, target, "lower"),
        Figure(side, "latest", "ms", max(lags), every, better="lower"),
        *([Figure(side, "meanwhile", "MiB/s", percentile(speeds, 50), tuple(speeds))] if any(speeds) else []),
    ]


async def _ticked(work: Work, seconds: float) -> tuple[list[float], float]:
    """Milliseconds that each tick was late during the work, and the work's MiB/s."""
    late: list[float] = []
    ticking = spawn(_tick(late), "ticker of a benchmark")
    began = perf_counter()
    done = await work(seconds)
    took = perf_counter() - began
    ticking.cancel()
    return late, done / MIB / took


async def _tick(late: list[float]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _EVERY
        await asyncio.sleep(_EVERY)
        late.append(1000 * (loop.time() - due))


async def _idle(seconds: float) -> float:
    await asyncio.sleep(seconds)
    return 0.0


async def _screening(screener: WorkerScreener, made: list[Made], seconds: float) -> float:
    """Each file streamed again and again. What is being streamed when the time is over is finished, and counts."""
    end = perf_counter() + seconds
    return sum(await asyncio.gather(*(_screened_until(screener, file, end) for file in made)))


async def _screened_until(screener: WorkerScreener, made: Made, end: float) -> float:
    pieces, done = list(pieces_of(made.path)), 0
    while perf_counter() < end:
        async with screener.open(made.claim) as job:
            for piece in pieces:
                await job.feed(piece)
            check(await job.finish(), made)
        done += made.size
    return float(done)


async def _hashing(seconds: float) -> float:
    stop = threading.Event()
    hashing = [asyncio.to_thread(_hash_until, stop) for _ in range(_STREAMS)]
    asyncio.get_running_loop().call_later(seconds, stop.set)
    return float(sum(await asyncio.gather(*hashing)))


def _hash_until(stop: threading.Event) -> int:
    digest, piece, done = hashlib.sha256(), noise()[:PIECE], 0
    while not stop.is_set():
        digest.update(piece)
        done += len(piece)
    return done
