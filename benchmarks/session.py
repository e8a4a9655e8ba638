"""What a sandboxed session costs beyond looking at the file, and how soon the report follows the last byte.

Targets: a session on 64 KiB with a spare takes at most 1 ms longer than the same look in this process (the median);
the report is there at most 10 ms after the last byte of a streamed file, whatever its size.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from time import perf_counter

from benchmarks import peers
from benchmarks.files import KINDS, Made
from benchmarks.options import GIB, KIB, MIB, Options, say, sized
from benchmarks.results import Figure, Section, figure
from benchmarks.sessions import new_screener, on_disk, streamed
from lazaretto.screening import WorkerScreener

__all__ = ["run"]

OVERHEAD_MS = 1.0
TAIL_MS = 10.0

PACE = 200 * MIB
"""Bytes per second of a fast download: many times what Telegram's servers send."""

_REST = 0.05
"""Seconds between sessions: the spare that was used has long been replaced by then."""

_TAIL_KINDS = ("png, stored blocks", "wave", "text")

_NOTES = (
    "overhead: the whole session, from asking for it to the report, less the same look at the same file without one.",
    "last byte to report: at full speed the file is fed faster than anybody sends, so that it includes what a slower "
    f"worker still has before it; at {PACE // MIB} MiB/s it does not.",
)


def run(options: Options) -> Section:
    """Start of a screener, start and whole of a session, and the time after the last byte."""
    build, extension = KINDS["png, stored blocks"]
    made = build(options.folder / f"small{extension}", 64 * KIB)
    figures = [
        *asyncio.run(_starts(options, made)),
        *asyncio.run(_small_sessions(options, made)),
        *asyncio.run(_tails(options)),
    ]
    return Section("session", "Sessions", tuple(figures), _NOTES)


async def _starts(options: Options, made: Made) -> list[Figure]:
    """From nothing to a screener with a ready worker, and to its end."""
    say("session: start of a screener")
    opened, closed = [], []
    for _ in range(options.rounds):
        began = perf_counter()
        async with new_screener(options.folder) as screener:
            opened.append(_ms(perf_counter() - began))
            await on_disk(screener, made)
            leaving = perf_counter()
        closed.append(_ms(perf_counter() - leaving))
    return [
        figure("screener", "until ready", "ms", opened, better="lower"),
        figure("screener", "until closed", "ms", closed, better="lower"),
    ]


async def _small_sessions(options: Options, made: Made) -> list[Figure]:
    """Sessions on 64 KiB, with a spare and without, in turn with the same look in this process."""
    count = options.rounds * (5 if options.short else 20)
    say(f"session: {count} of 64 KiB, with a spare, without one, and on disk")
    times: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    async with (
        new_screener(options.folder / "one", spares=1) as ready,
        new_screener(options.folder / "none", spares=0) as bare,
    ):
        for _ in range(count):
            for subject, screener in (("64 KiB, with a spare", ready), ("64 KiB, without one", bare)):
                await asyncio.sleep(_REST)
                look = peers.screened(made)
                session = await streamed(screener, made)
                for name, took in (
                    ("until its first byte is taken", session.accepted),
                    ("until the report", session.reported),
                    ("until all is gone", session.closed),
                    ("without a session", look),
                    ("overhead", session.reported - look),
                ):
                    times[subject][name].append(_ms(took))
            await asyncio.sleep(_REST)
            look, took = peers.screened(made), await on_disk(ready, made)
            for name, seconds in (("until the report", took), ("without a session", look), ("overhead", took - look)):
                times["64 KiB, on disk"][name].append(_ms(seconds))
    return list(_session_figures(times))


def _session_figures(times: dict[str, dict[str, list[float]]]) -> Iterator[Figure]:
    for subject, sides in times.items():
        for name, samples in sides.items():
            asked = name == "overhead" and subject == "64 KiB, with a spare"
            yield figure(subject, name, "ms", samples, target=OVERHEAD_MS if asked else None, better="lower")


async def _tails(options: Options) -> list[Figure]:
    """How long the last byte waits for its report."""
    figures: list[Figure] = []
    sizes = (MIB, 4 * MIB) if options.short else (MIB, 64 * MIB, GIB)
    async with new_screener(options.folder / "tails") as screener:
        for kind in _TAIL_KINDS:
            for size in sizes:
                say(f"session: last byte of {kind}, {sized(size)}")
                build, extension = KINDS[kind]
                made = await asyncio.to_thread(build, options.folder / f"tail{extension}", size)
                figures += await _tail(screener, made, f"{kind}, {sized(size)}", options.rounds)
                await asyncio.to_thread(made.path.unlink)
    return figures


async def _tail(screener: WorkerScreener, made: Made, subject: str, rounds: int) -> list[Figure]:
    full: list[float] = []
    paced: list[float] = []
    for _ in range(min(rounds, 3) if made.size >= GIB else rounds):
        for samples, pace in ((full, None), (paced, PACE)):
            await asyncio.sleep(_REST)
            session = await streamed(screener, made, pace=pace)
            samples.append(_ms(session.reported - session.fed))
    return [
        figure(subject, "last byte to report, full speed", "ms", full, target=TAIL_MS, better="lower"),
        figure(subject, f"last byte to report, {PACE // MIB} MiB/s", "ms", paced, target=TAIL_MS, better="lower"),
    ]


def _ms(seconds: float) -> float:
    return 1000 * seconds
