"""How much later a host answers texts because of the plugin: the same host with and without it, under the same load.

What is measured is the texts alone, from the post to the host's handler and to the host's reply, while nothing else is
posted, while files are posted that are cleared, and while some of them are held.

Each host is a process of its own. The emulator and the people share the one that measures, so that no event loop is
shared with a host. Both hosts of a kind run at the same time and get their load in turn.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from time import perf_counter

from benchmarks.crowd import FILES, LOADS, MOST_FILES, SOME_HELD, TEXTS, TEXTS_ALONE, Crowd, Due, Sample, schedule
from benchmarks.hosts_bot import Order
from benchmarks.hosts_process import host_process
from benchmarks.options import Options, say
from benchmarks.posts import mixed
from benchmarks.processor import seconds_of
from benchmarks.results import Figure, Section, figure, percentile, ratio
from lazaretto.emulator import Emulator, Rights, User

__all__ = ["run"]

_MOST_ROUNDS = 3
_PATIENCE = 120.0

_GUARDED, _ALONE = "with lazaretto", "host alone"
_KINDS = {"sequential": False, "concurrent": True}
_MOMENTS = ("to handler", "to reply")

_NOTES = (
    f"{TEXTS:g} texts a second and {FILES:g} files of 4 to 64 KiB, at random times.",
    "Medians of slices of some seconds; ratios and differences are of slices that were measured in turn.",
)


@dataclass(frozen=True, slots=True)
class _Slice:
    """What was measured of one host for some seconds. cpu: milliseconds of the host's own process for each message."""

    texts: list[Sample]
    cpu: float


@dataclass(frozen=True, slots=True)
class _Side:
    """A host in its process, and the Telegram that it talks to."""

    tg: Emulator
    ann: User
    mila: User
    guarded: bool
    pid: int


def run(options: Options) -> Section:
    """Every kind of host under every load."""
    return Section("hosts", "Latency of a host's texts", tuple(asyncio.run(_measured(options))), _NOTES)


async def _measured(options: Options) -> list[Figure]:
    slices, seconds = (1, 0.5) if options.short else (3, 2.0)
    rounds = min(options.rounds, _MOST_ROUNDS)
    posts = tuple(mixed(MOST_FILES * slices * rounds))
    taken: dict[tuple[str, str], dict[str, list[_Slice]]] = defaultdict(lambda: defaultdict(list))
    for kind, concurrent in _KINDS.items():
        async with AsyncExitStack() as running:
            sides = {
                name: await running.enter_async_context(_host(options.folder / f"{kind}-{name}", concurrent, guarded))
                for name, guarded in ((_GUARDED, True), (_ALONE, False))
            }
            for number in range(rounds):
                say(f"hosts: {kind}, round {number + 1} of {rounds}, {slices * seconds:g} s of each load, both hosts")
                for load, part in product(LOADS, range(slices)):
                    # The sides take turns often, and in going first, so that a busy machine is as busy for both.
                    to_post = schedule(load, seconds, number * slices + part, posts)
                    for name in sorted(sides, reverse=bool(part % 2)):
                        taken[kind, load][name].append(await _loaded(sides[name], to_post))
    return [f for (kind, load), by_side in taken.items() for f in _figures(kind, load, by_side)]


@asynccontextmanager
async def _host(folder: Path, concurrent: bool, guarded: bool) -> AsyncIterator[_Side]:
    """A host in a process of its own, that has answered its first texts."""
    async with Emulator() as tg:
        ann, mila = tg.user("Ann", username="ann"), tg.user("Mila", username="mila")
        moderators = tg.group("Moderators", admins=[mila], bot_rights=Rights.full())
        config = {"state": str(folder), "defaults": {"mode": "guard", "moderators": str(moderators.id)}}
        order = Order(tg.token, tg.base_url, tg.base_file_url, concurrent, config if guarded else None)
        async with host_process(order) as pid:
            side = _Side(tg, ann, mila, guarded, pid)
            # Everything is loaded, opened and connected once.
            await _loaded(side, schedule(SOME_HELD, 0.5, 0, tuple(mixed(MOST_FILES))))
            yield side


async def _loaded(side: _Side, to_post: Sequence[Due]) -> _Slice:
    """Put a load on a host, in a group of its own, and wait until everything is answered or gone."""
    group = side.tg.group("Chess club", members=[side.ann], admins=[side.mila], bot_rights=Rights.full())
    crowd = Crowd(group, side.tg.bot)
    used, began = _used(side.pid), perf_counter()

    async def people() -> None:
        for due, post in to_post:
            await asyncio.sleep(began + due - perf_counter())
            await crowd.post(side.ann, post)

    def over() -> bool:
        crowd.look()
        all_posted = len(crowd.texts) + len(crowd.files) == len(to_post)
        return all_posted and crowd.over(guarded=side.guarded)

    await asyncio.gather(people(), side.tg.wait_until(over, _PATIENCE))
    return _Slice(crowd.samples(), 1000 * (_used(side.pid) - used) / max(len(to_post), 1))


def _used(pid: int) -> float:
    """Seconds of processor time; only Linux tells them of another process."""
    return seconds_of(pid) if sys.platform == "linux" else 0.0


def _figures(kind: str, load: str, taken: Mapping[str, Sequence[_Slice]]) -> Iterator[Figure]:
    """Medians of what each slice comes to, as everywhere: what disturbs a slice then disturbs no figure."""
    subject = f"{kind}, {load}"
    for index, moment in enumerate(_MOMENTS):
        for percent in (50, 99):
            values = {
                side: [percentile([text[index] for text in part.texts], percent) for part in parts]
                for side, parts in taken.items()
            }
            yield from _compared(f"{subject}, {moment}", f", p{percent}", values)
    cpu = {side: [part.cpu for part in parts] for side, parts in taken.items()}
    if load == TEXTS_ALONE and all(map(all, cpu.values())):
        yield from _compared(f"{subject}, processor time of each", "", cpu)


def _compared(subject: str, name: str, values: Mapping[str, Sequence[float]]) -> Iterator[Figure]:
    for side, samples in values.items():
        yield figure(subject, f"{side}{name}", "ms", samples, better="lower")
    more = [guarded - alone for guarded, alone in zip(values[_GUARDED], values[_ALONE], strict=True)]
    yield figure(subject, f"difference{name}", "ms", more, better="lower")
    yield ratio(subject, f"{_GUARDED} / {_ALONE}{name}", values[_GUARDED], values[_ALONE])
