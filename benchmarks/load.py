"""Two minutes of fifty groups: what a host with the plugin does under it, and the same host without.

Twenty files a second, a quarter of which has to go, and thirty texts a second beside them. The host alone gets one half
of the load before and the other half after, so that a machine that grows slower or faster does so for both.

Each host is a process of its own; the emulator and the people share the one that measures.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression
from time import perf_counter

from sqlalchemy import Connection, func, select

from benchmarks.hosts_bot import Order
from benchmarks.hosts_process import host_process
from benchmarks.load_groups import FILES, GROUPS, MEMBERS, TEXTS, Due, Groups, schedule
from benchmarks.memory_bot import peak_of
from benchmarks.options import MIB, Options, say
from benchmarks.posts import mixed
from benchmarks.processor import seconds_of
from benchmarks.results import Figure, Section, figure, percentile
from lazaretto.audit import AuditedStore
from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.state.attachments import Progress
from lazaretto.state.outbox import WAITING
from lazaretto.state.schema import attachments, outbox
from lazaretto.tasks import spawn

__all__ = ["run"]

EXPOSURE_MS, DRAINED, GROWTH = 1000.0, 10.0, 1.0
"""Targets: p95 of the time for which a bad file stands, seconds until nothing waits, MiB a minute."""

_PATIENCE = 600.0  # seconds in which what has piled up may be worked off
_LOOK = 0.25
_GUARDED, _ALONE = "with lazaretto", "host alone"

_NOTES = (
    f"{GROUPS} groups, {FILES:g} files of 4 to 64 KiB and {TEXTS:g} texts a second at random times, one round.",
    "To the host's handler. The host handles updates concurrently, and the journal is on.",
)


@dataclass(frozen=True, slots=True)
class _Taken:
    """What was measured of one host under one piece of the load.

    texts: milliseconds to its handler. exposure: milliseconds from a bad file's post to the request to remove it.
    memory: MiB of the host's process, by seconds from the beginning, while it is posted. waiting, left: files that
    waited at most, and at the last post. drained: seconds from then until nothing waits. cpu: seconds of the host's
    process.
    """

    texts: list[float]
    exposure: list[float]
    memory: list[tuple[float, float]]
    waiting: int
    left: int
    drained: float
    late: float
    files: int
    cpu: float


@dataclass(frozen=True, slots=True)
class _Side:
    """A host in its process, and its Telegram. state: the plugin's folder, None without it."""

    tg: Emulator
    chats: Sequence[Chat]
    members: Sequence[User]
    pid: int
    state: Path | None

    async def loaded(self, to_post: Sequence[Due]) -> _Taken:
        """Put it under a load, and wait until nothing waits. Raises WrongReport for what should not have happened."""
        groups = Groups(self.tg, self.chats, self.members, guarded=self.state is not None)
        memory: list[tuple[float, float]] = []
        used = self._used()
        watching = spawn(self._watch(memory), "memory of a host")
        try:
            await groups.post(to_post)
        finally:
            watching.cancel()
        posted, left = perf_counter(), groups.open_files()
        await self.tg.wait_until(groups.over, _PATIENCE)
        if self.state is not None:
            await _emptied(self.state)
        drained = perf_counter() - posted
        groups.check()
        texts = [1000 * (groups.seen[key] - at) for key, at in groups.posted.items() if key not in groups.files]
        exposure = [1000 * (at - groups.posted[key]) for key, at in groups.gone.items()]
        cpu = self._used() - used
        return _Taken(texts, exposure, memory, groups.waiting, left, drained, groups.late, len(groups.files), cpu)

    def _used(self) -> float:
        """Seconds of processor time; only Linux tells them of another process."""
        return seconds_of(self.pid) if sys.platform == "linux" else 0.0

    async def _watch(self, memory: list[tuple[float, float]]) -> None:
        began = perf_counter()
        while sys.platform == "linux":
            status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")  # noqa: ASYNC240 - not of a disk
            memory.append((perf_counter() - began, peak_of(status, "VmRSS") / MIB))
            await asyncio.sleep(_LOOK)


async def _emptied(state: Path) -> None:
    """Nothing waits in the database."""
    async with asyncio.timeout(_PATIENCE), AuditedStore.open(state, beside=True) as store:
        while await store.state.read(_anything_left):  # noqa: ASYNC110 - of another process
            await asyncio.sleep(_LOOK)


def _anything_left(connection: Connection) -> bool:
    judged = attachments.c.state.in_((Progress.RECEIVED, Progress.DECIDED))
    counts = (
        select(func.count()).select_from(attachments).where(judged),
        select(func.count()).select_from(outbox).where(outbox.c.state.in_(WAITING)),
    )
    return any(connection.scalar(count) for count in counts)


def run(options: Options) -> Section:
    """One round, however many are asked for: it takes its time."""
    taken, late = asyncio.run(_measured(options.folder / "state", 2.0 if options.short else 120.0))
    notes = (*_NOTES, f"Posts came up to {1000 * late:.0f} ms late, by the process that measures.")
    return Section("load", "Two minutes of fifty groups", tuple(_figures(taken)), notes)


async def _measured(state: Path, seconds: float) -> tuple[dict[str, list[_Taken]], float]:
    posts = tuple(mixed(round(1.2 * FILES * seconds) + GROUPS))[GROUPS:]
    half = len(posts) // 2
    halves = [schedule(seconds / 2, part, number) for number, part in enumerate((posts[:half], posts[half:]))]
    whole = [*halves[0], *(Due(due.at + seconds / 2, due.group, due.member, due.post) for due in halves[1])]
    async with AsyncExitStack() as running:
        sides = {
            name: await running.enter_async_context(_host(state, guarded))
            for name, guarded in ((_GUARDED, True), (_ALONE, False))
        }
        # Everything is loaded, opened and connected once, and every group's policy is worked out.
        first = [Due(number / FILES, number, 0, post) for number, post in enumerate(mixed(GROUPS))]
        for side in sides.values():
            await side.loaded(first)
        taken: dict[str, list[_Taken]] = {_ALONE: [], _GUARDED: []}
        for name, load in ((_ALONE, halves[0]), (_GUARDED, whole), (_ALONE, halves[1])):
            say(f"load: {name}, {load[-1].at:.0f} s")
            taken[name].append(await sides[name].loaded(load))
    return taken, max(piece.late for pieces in taken.values() for piece in pieces)


@asynccontextmanager
async def _host(state: Path, guarded: bool) -> AsyncIterator[_Side]:
    """A host, with a moderators' chat for each group where it is guarded."""
    async with Emulator() as tg:
        mila = tg.user("Mila")
        members = [tg.user(f"Member {number}") for number in range(MEMBERS)]
        chats = [
            tg.group(f"Group {number}", members=members, admins=[mila], bot_rights=Rights.full())
            for number in range(GROUPS)
        ]
        cards = [tg.group("Moderators", admins=[mila], bot_rights=Rights.full()) for _ in chats] if guarded else []
        policies = {
            str(chat.id): {"mode": "guard", "moderators": str(room.id)}
            for chat, room in zip(chats, cards, strict=False)
        }
        config = {"state": str(state), "groups": {"policies": policies}} if guarded else None
        order = Order(tg.token, tg.base_url, tg.base_file_url, True, config, journal=guarded)
        async with host_process(order) as pid:
            yield _Side(tg, chats, members, pid, state if guarded else None)


def _figures(taken: dict[str, list[_Taken]]) -> Iterator[Figure]:
    texts = {side: [ms for piece in pieces for ms in piece.texts] for side, pieces in taken.items()}
    for percent in (50, 99):
        values = {side: percentile(samples, percent) for side, samples in texts.items()}
        for side, value in values.items():
            yield Figure("texts", f"{side}, p{percent}", "ms", value, tuple(texts[side]), better="lower")
        yield figure("texts", f"difference, p{percent}", "ms", [values[_GUARDED] - values[_ALONE]], better="lower")
        yield figure("texts", f"{_GUARDED} / {_ALONE}, p{percent}", "x", [values[_GUARDED] / values[_ALONE]])
    (guarded,) = taken[_GUARDED]
    for percent, target in ((50, None), (95, EXPOSURE_MS)):
        value = percentile(guarded.exposure, percent)
        yield Figure("post to removal", f"p{percent}", "ms", value, tuple(guarded.exposure), target, "lower")
    yield figure("nothing waits after", "seconds", "s", [guarded.drained], target=DRAINED, better="lower")
    yield figure("files that wait", "most", "files", [float(guarded.waiting)], better="lower")
    yield figure("files that wait", "at the end", "files", [float(guarded.left)], better="lower")
    if guarded.cpu:
        more = guarded.cpu - sum(piece.cpu for piece in taken[_ALONE])
        yield figure("processor time of a file", "in the host's process", "ms", [1000 * more / guarded.files])
    yield from _growth(_GUARDED, guarded.memory, GROWTH)
    yield from _growth(_ALONE, taken[_ALONE][-1].memory, None)


def _growth(side: str, memory: Sequence[tuple[float, float]], target: float | None) -> Iterator[Figure]:
    """Of the second half: in the first one things are made that stay."""
    later = memory[len(memory) // 2 :]
    if len(later) < 2:
        return
    slope = 60 * linear_regression([at for at, _ in later], [mib for _, mib in later]).slope
    yield figure("memory grows", side, "MiB/min", [slope], target=target, better="lower")
    yield figure("memory at the end", side, "MiB", [later[-1][1]], better="lower")
