"""The emulator and a bot in one process: attachments a second, and how soon bad ones are gone.

In a burst, all are posted at once, and the last one waits for all others: that is throughput. One at a time, nobody
waits: that is what members see. Beside it, the same host without the plugin, whose handler gets the same posts.

The emulator shares the bot's processor and event loop here, so that a bot alone is faster than these figures; no
network is between them, so that a deletion over the Internet is later by a round trip or two.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.options import Options, say
from benchmarks.posts import mixed
from benchmarks.results import Figure, Section, figure, percentile, ratio
from benchmarks.town import Town, open_town

__all__ = ["run"]

_MOST_ROUNDS = 3
_NOTES = ("A quarter of the posts are programs named .jpg, the others sound pictures. Emulator and bot share a loop.",)

_GUARDED, _ALONE = "with lazaretto", "host alone"


class _Taken:
    """Times of one side: samples by name, and posts a second for each round."""

    def __init__(self) -> None:
        self.ms: dict[str, list[float]] = defaultdict(list)
        self.rates: list[float] = []


def run(options: Options) -> Section:
    """Both hosts, in turn."""
    burst, single = (24, 8) if options.short else (240, 40)
    sides = {_GUARDED: _Taken(), _ALONE: _Taken()}
    rounds = min(options.rounds, _MOST_ROUNDS)
    for number in range(rounds):
        say(f"end_to_end: round {number + 1} of {rounds}, {burst} posts at once and {single} one at a time")
        for name, taken in sides.items():
            with TemporaryDirectory(dir=options.folder) as folder:
                asyncio.run(_one(Path(folder), taken, burst, single, guarded=name == _GUARDED))
    return Section("end_to_end", "End to end", tuple(_figures(sides)), _NOTES)


async def _one(folder: Path, taken: _Taken, burst: int, single: int, *, guarded: bool) -> None:
    """One life of a host: a few posts to warm up, the burst, then one at a time."""
    posts = iter(list(mixed(4 + burst + single)))
    async with open_town(folder, guarded=guarded) as town:
        ids = await town.post([next(posts) for _ in range(4)])
        await town.settled(ids, guarded=guarded)
        ids = await town.post([next(posts) for _ in range(burst)])
        await town.settled(ids, guarded=guarded)
        ended = max((town.judged if guarded else town.seen)[number] for number in ids)
        taken.rates.append(burst / (ended - town.posted[ids[0]]))
        _note(taken, town, ids, "burst")
        for post in posts:
            ids = await town.post([post])
            await town.settled(ids, guarded=guarded)
            _note(taken, town, ids, "one at a time")


def _note(taken: _Taken, town: Town, ids: Sequence[int], phase: str) -> None:
    for name, times in (("judged", town.judged), ("handler", town.seen), ("deleted", town.gone)):
        waits = [1000 * (times[number] - town.posted[number]) for number in ids if number in times]
        if waits:
            taken.ms[f"{phase}|{name}"] += waits


def _figures(sides: dict[str, _Taken]) -> Iterator[Figure]:
    for side, taken in sides.items():
        yield figure(side, "burst", "attachments/s", taken.rates)
    yield ratio("burst", f"{_GUARDED} / {_ALONE}", sides[_GUARDED].rates, sides[_ALONE].rates)
    for side, taken in sides.items():
        for key, samples in taken.ms.items():
            phase, _, name = key.partition("|")
            for percent in (50, 95):
                value = percentile(samples, percent)
                yield Figure(
                    f"{side}, {phase}", f"post to {name}, p{percent}", "ms", value, tuple(samples), better="lower"
                )
