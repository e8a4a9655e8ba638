"""Deletes what has been kept for its time: files, personal fields, people, audit records; each group by its policy.

What is due goes by whole days, so a group's purges are a few records a day. Everything happens in small pieces, with
room for other writers between them. A piece that fails is tried again at the next look; nothing waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from time import monotonic

import structlog
from sqlalchemy import Connection

from lazaretto.audit import AuditedStore, Ledger, purge
from lazaretto.metrics import Metrics
from lazaretto.model import Place
from lazaretto.pipeline import Policies
from lazaretto.policy import Keep
from lazaretto.policy.values import FOREVER, earlier
from lazaretto.ports import Unavailable
from lazaretto.state import DATABASE, retention
from lazaretto.state.migrate import BACKUP
from lazaretto.state.retention import Room
from lazaretto.tasks import spawn

__all__ = ["EVERY", "Retention"]

EVERY = 600.0
"""Seconds between looks."""

_PAUSE = 0.1  # seconds between two pieces, in which others write
_LEAP = timedelta(days=1)  # worth a warning
_COPIES = timedelta(days=14)  # long enough to notice that an upgrade went wrong
_log = structlog.get_logger("lazaretto.retention")

_ELSEWHERE = Place("", "")
"""Where the defaults hold."""


@dataclass(frozen=True, slots=True)
class _Before:
    """What came before these times is due; None where it is kept for ever."""

    files: datetime | None
    personal: datetime | None
    events: datetime | None

    @classmethod
    def of(cls, keep: Keep, today: datetime) -> _Before:
        return cls(*(None if p == FOREVER else earlier(today, p) for p in (keep.files, keep.personal, keep.events)))


class Retention:
    """Looks at the start and then regularly, until stopped.

    wake: called when there is something for the outbox. passed: seconds by a clock that nobody sets.
    """

    def __init__(
        self,
        store: AuditedStore,
        wake: Callable[[], None],
        policies: Policies,
        metrics: Metrics,
        *,
        passed: Callable[[], float] = monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._wake = wake
        self._policies = policies
        self._metrics = metrics
        self._passed = passed
        self._sleep = sleep
        self._last = passed()
        self._through: Mapping[Room | None, _Before] = {}
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._loop = spawn(self._run(), "retention")

    async def stop(self) -> None:
        """Stop; what is due stays due."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                _log.exception("what is due cannot be deleted, trying again")
            await self._sleep(EVERY)

    async def look(self) -> None:
        """Delete all that is due now, if anything can have become due since the last look."""
        now = await self._time()
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        rooms: list[Room | None] = [None, *await self._store.state.read(retention.rooms)]
        plan = {room: _Before.of(self._policies.policy_of(_place(room)).keep, today) for room in rooms}
        if plan == self._through:
            return
        work: list[Callable[[], Awaitable[None]]] = []
        work += [partial(self._purge, room, before) for room, before in plan.items() if room is not None]
        work += [partial(self._purge_people, now, plan[None].personal)]
        work += [partial(self._purge_events, room, before) for room, before in plan.items()]
        work += [partial(asyncio.to_thread, self._remove_copies, now)]
        if await self._all_done(work):
            self._through = plan

    async def _all_done(self, work: Sequence[Callable[[], Awaitable[None]]]) -> bool:
        """Do it, each whether or not another fails: what goes wrong in one group must not keep the others' data."""
        failed = 0
        for each in work:
            try:
                await each()
            except Unavailable:
                raise  # it is not this group's fault, and the next would meet it, too
            except Exception:
                failed += 1
                _log.exception("what is due cannot be deleted, trying again")
        return not failed

    async def _time(self) -> datetime:
        """The time to go by: the system's clock, as far as it can be believed."""
        passed = self._passed()
        elapsed, self._last = timedelta(seconds=max(0.0, passed - self._last)), passed
        now, behind = await self._store.write(
            lambda ledger: retention.advance_clock(ledger.connection, ledger.now, elapsed)
        )
        self._metrics.retention_behind.set(behind.total_seconds())
        if behind > _LEAP:
            _log.warning(
                "the clock is far ahead of the last run: deleting catches up by a day an hour. If the clock is wrong, "
                "set it right now",
                goes_by=now.isoformat(timespec="seconds"),
                days=behind.days,
            )
        return now

    async def _purge(self, room: Room, before: _Before) -> None:
        if before.files is not None:
            find = partial(retention.files_due, room=room, before=before.files)
            await self._in_pieces(purge.Kind.FILES, find, partial(purge.files, room=room, before=before.files))
        if before.personal is not None:
            find = partial(retention.personal_due, room=room, before=before.personal)
            await self._in_pieces(purge.Kind.PERSONAL, find, partial(purge.personal, room=room, before=before.personal))

    async def _in_pieces(
        self, kind: purge.Kind, find: Callable[[Connection], list[str]], piece: Callable[..., int]
    ) -> None:
        """A reader finds, the writer takes a few at a time; until nothing is found, or nothing goes."""
        gone = 1
        while gone and (found := await self._store.state.read(find)):
            gone = 0
            for start in range(0, len(found), purge.BATCH):
                gone += await self._write(kind, partial(piece, among=found[start : start + purge.BATCH]))

    async def _write(self, kind: purge.Kind, piece: Callable[[Ledger], int]) -> int:
        gone = await self._store.write(piece)
        if gone:
            self._metrics.purged.labels(kind).inc(gone)
            self._wake()
            _log.info("deleted, its time was over", kind=kind, count=gone)
        await self._sleep(_PAUSE)
        return gone

    async def _purge_people(self, now: datetime, before: datetime | None) -> None:
        if before is None:
            return
        await self._write(purge.Kind.UPDATES, partial(purge.updates, before=before))
        gone = 1
        while gone:
            found = await self._store.state.read(partial(retention.unneeded, now=now, before=before))
            for subjects, since in ((found.idle, now), (found.again, None)):
                await self._store.write(partial(_note_idle, subjects=subjects, since=since))
            gone = 0
            for start in range(0, len(found.gone), purge.BATCH):
                piece = partial(purge.people, before=before, gone=found.gone[start : start + purge.BATCH])
                gone += await self._write(purge.Kind.PEOPLE, piece)

    async def _purge_events(self, room: Room | None, before: _Before) -> None:
        if before.events is None:
            return
        name, until = purge.label(room), before.events
        after = start = await self._store.state.read(lambda connection: retention.progress(connection, name))
        spared: int | None = None
        more = True
        while more:
            page = await self._store.state.read(partial(purge.look, room=room, before=until, after=after))
            spared = page.spared if spared is None else spared
            after, more = page.upto, page.more
            done = after if spared is None else spared - 1
            if page.due or (not more and done > start):
                piece = partial(purge.events, room=room, before=until, seqs=page.due, done=done)
                await self._write(purge.Kind.EVENTS, piece)

    def _remove_copies(self, now: datetime) -> None:
        """Copies from before an upgrade hold personal fields, too."""
        for copy in self._store.state.folder.glob(f"{DATABASE}{BACKUP}*"):
            if datetime.fromtimestamp(copy.stat().st_mtime, UTC) < now - _COPIES:
                copy.unlink(missing_ok=True)
                _log.info("the copy from before an upgrade was removed", file=copy.name)


def _place(room: Room | None) -> Place:
    if room is None:
        return _ELSEWHERE
    return Place(room.platform, room.chat or "", private=room.private, channel=room.channel)


def _note_idle(ledger: Ledger, subjects: Sequence[str], since: datetime | None) -> None:
    retention.note_idle(ledger.connection, subjects, since)
