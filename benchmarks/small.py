"""Small files: how many a second, one worker a core, with a new locked-down process for each of them.

Target: at least 500 files for each second of processor time that the bot, its zygote and the workers spend together.
What it takes to open and close the screener, once in a bot's life, is measured in the same round and taken off.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from benchmarks import peers
from benchmarks.clamd import Clamd, find_clamd, running_clamd
from benchmarks.files import KINDS, Made
from benchmarks.machine import cores
from benchmarks.options import KIB, Options, say, sized
from benchmarks.processor import family_seconds
from benchmarks.results import Figure, Section, figure, ratio
from benchmarks.sessions import new_screener, on_disk
from lazaretto.screening import WorkerScreener

__all__ = ["run"]

TARGET = 500.0

_LEAST = 0.001
"""Seconds that a batch counts for at least."""

_KINDS = ("png, noise", "zip, many deflated", "docx", "text", "elf")

_CLAMD = "clamd has one signature and no cache; with its whole database it is slower."
_NO_CLAMD = "clamd is not installed (Debian: clamav-daemon), so that nothing is compared with it."
_NOTES = (
    "per core: files for each second of processor time, of all processes that take part; wall: files a second, "
    "with one worker a core.",
)


@dataclass(frozen=True, slots=True)
class _Spent:
    """What one batch took: processor time and time."""

    cpu: float
    wall: float


def run(options: Options) -> Section:
    """Every kind in every size, and all of them together."""
    sizes = (4 * KIB, 64 * KIB) if options.short else (4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB)
    count = 20 if options.short else 100
    made = dict(_files(options.folder, sizes))
    spent: dict[str, dict[str, list[_Spent]]] = {subject: defaultdict(list) for subject in made}
    with ExitStack() as stack:
        program = find_clamd()
        daemon = stack.enter_context(running_clamd(program, options.folder / "clamd", cores())) if program else None
        for number in range(options.rounds):
            say(f"small: round {number + 1} of {options.rounds}, {len(made)} kinds and sizes, {count} files of each")
            idle = asyncio.run(_sandboxed(options.folder, None, 0)).cpu
            for subject, file in made.items():
                for side, batch in _sides(options.folder, file, count, daemon, idle):
                    spent[subject][side].append(batch)
    figures = [f for subject in made for f in _figures(subject, count, spent[subject])]
    figures += _figures("all together", count * len(made), _together(spent))
    return Section("small", "Small files", tuple(figures), (*_NOTES, _CLAMD if program else _NO_CLAMD))


def _files(folder: Path, sizes: tuple[int, ...]) -> Iterator[tuple[str, Made]]:
    for kind in _KINDS:
        build, extension = KINDS[kind]
        for size in sizes:
            yield f"{kind}, {sized(size)}", build(folder / f"{kind.replace(', ', '-')}-{size}{extension}", size)


def _sides(folder: Path, made: Made, count: int, daemon: Clamd | None, idle: float) -> Iterator[tuple[str, _Spent]]:
    """The same files, once with each of those who look at them."""
    yield "hash", _in_this_thread(peers.hashed, made, count)
    yield "no sandbox", _in_this_thread(_screened_and_hashed, made, count)
    batch = asyncio.run(_sandboxed(folder, made, count))
    # A start takes more or less each time, and in a short run that may be more than its few files take.
    yield "sandboxed", _Spent(max(batch.cpu - idle, _LEAST), batch.wall)
    if daemon is not None:
        yield "clamd", _by_clamd(daemon, made, count)


def _screened_and_hashed(made: Made) -> float:
    return peers.screened(made) + peers.hashed(made)


def _in_this_thread(look: Callable[[Made], float], made: Made, count: int) -> _Spent:
    began, used = perf_counter(), time.thread_time()
    for _ in range(count):
        look(made)
    return _Spent(time.thread_time() - used, perf_counter() - began)


async def _sandboxed(folder: Path, made: Made | None, count: int) -> _Spent:
    """A whole screener's life; `wall` is of the files alone."""
    used = family_seconds()
    async with new_screener(folder, workers=cores()) as screener:
        began = perf_counter()
        if made is not None:
            waiting = iter(range(count))
            # One more than there are workers, so that none of them waits for us.
            await asyncio.gather(*(_some_of(screener, made, waiting) for _ in range(cores() + 1)))
        wall = perf_counter() - began
    return _Spent(family_seconds() - used, wall)


async def _some_of(screener: WorkerScreener, made: Made, waiting: Iterator[int]) -> None:
    for _ in waiting:
        await on_disk(screener, made)


def _by_clamd(daemon: Clamd, made: Made, count: int) -> _Spent:
    began, used = perf_counter(), daemon.cpu_seconds
    with ThreadPoolExecutor(cores()) as threads:
        list(threads.map(daemon.scan, [made.path] * count))
    return _Spent(daemon.cpu_seconds - used, perf_counter() - began)


def _together(spent: dict[str, dict[str, list[_Spent]]]) -> dict[str, list[_Spent]]:
    """Each round's batches as one."""
    sides: dict[str, list[_Spent]] = {}
    for side in next(iter(spent.values())):
        rounds = zip(*(batches[side] for batches in spent.values()), strict=True)
        sides[side] = [_Spent(sum(b.cpu for b in batches), sum(b.wall for b in batches)) for batches in rounds]
    return sides


def _figures(subject: str, count: int, sides: dict[str, list[_Spent]]) -> Iterator[Figure]:
    for side, batches in sides.items():
        target = TARGET if side == "sandboxed" else None
        yield figure(subject, f"{side}, per core", "files/s", [count / b.cpu for b in batches], target=target)
    walls = [count / b.wall for b in sides["sandboxed"]]
    yield figure(subject, "sandboxed, wall", "files/s", walls)
    yield figure(subject, "sandboxed, wall / cores", "files/s", [wall / cores() for wall in walls])
    if "clamd" in sides:
        yield figure(subject, "clamd, wall", "files/s", [count / b.wall for b in sides["clamd"]])
    for side in ("hash", "no sandbox", "clamd"):
        if side in sides:
            cpu, ours = [b.cpu for b in sides[side]], [b.cpu for b in sides["sandboxed"]]
            yield ratio(subject, f"{side} / sandboxed", cpu, ours)
