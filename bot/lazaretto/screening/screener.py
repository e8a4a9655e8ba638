"""`ports.Screener`: one part, one worker process, at most so many at once, and spares that are warm already."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import structlog

from lazaretto.model import Claim, Report
from lazaretto.ports import Job
from lazaretto.rules import all_rules
from lazaretto.screening.copies import Copies
from lazaretto.screening.descriptors import let_go
from lazaretto.screening.digest import open_file
from lazaretto.screening.errand import Errand
from lazaretto.screening.job import CopyJob, FileJob, SpooledJob
from lazaretto.screening.report import too_large
from lazaretto.screening.sandbox.backend import Backend, default_backend
from lazaretto.screening.sandbox.handle import Allowance, Fault, Worker, start_worker
from lazaretto.screening.spool import Spool, SpoolFile
from lazaretto.screening.waiting import kept, settled
from lazaretto.tasks import spawn
from lazaretto_validators import Limits, default_registry

__all__ = ["ScreenerUnavailable", "WorkerScreener"]

T = TypeVar("T")

_GIB = 1 << 30

_TOP_UP_AFTER = 0.01
"""Seconds between the use of a spare and the start of the next: starting one costs CPU that the job can use first."""

_log = structlog.get_logger("lazaretto.screening")


class ScreenerUnavailable(RuntimeError):
    """No worker comes up at all. The text says why and what to do."""


@dataclass(slots=True)
class _Spare:
    """A worker that waits, and the empty file that it holds."""

    file: SpoolFile
    worker: Worker | Fault

    @property
    def usable(self) -> bool:
        return isinstance(self.worker, Worker) and self.worker.usable

    async def dispose(self) -> None:
        if isinstance(self.worker, Worker):
            await self.worker.close()
        await self.file.discard()


class WorkerScreener:
    """Judges bytes and claims in processes of their own. An async context manager; its jobs end before it does.

    spool_folder: private, of this instance alone; what an earlier run left there is removed.
    workers: files looked at at the same time. spares: processes kept ready beyond those.
    seconds: longest wait for an answer once all bytes are there. cpu_seconds: processor time. Large files get more.
    max_spool: bytes in the spool folder. max_file: largest file on disk that is looked at.
    require: look at nothing where not every mandatory layer of the lock holds.
    backend: how workers are started; the strongest that the system has, unless another is given. It is closed here.
    """

    def __init__(
        self,
        spool_folder: Path,
        *,
        workers: int = 2,
        spares: int = 1,
        seconds: float = 30.0,
        cpu_seconds: float = 10.0,
        max_spool: int = 4 * _GIB,
        limits: Limits | None = None,
        max_file: int = 4 * _GIB,
        require: bool = True,
        backend: Backend | None = None,
    ) -> None:
        if workers < 1 or spares < 0:
            raise ValueError(f"workers={workers}, spares={spares}: at least one worker, and no negative spares")
        self._folder = spool_folder
        self._max_spool = max_spool
        self._max_file = max_file
        self._backend = backend or default_backend(require=require)
        self._allowance = Allowance(seconds, cpu_seconds, max_file, limits or Limits(), require)
        self._copies = Copies(self._allowance.limits, default_registry().rule_set)
        self._places = asyncio.Semaphore(workers)
        self._wanted = spares
        self._spares: list[_Spare] = []
        self._spool: Spool | None = None
        self._closing = False
        self._background: set[asyncio.Task[Any]] = set()
        self._topping_up: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Raises OSError for the folder, RegistryError for the validators, ScreenerUnavailable for the workers."""
        try:
            await self._bring_up()
        except BaseException:  # cancelled, too: nobody calls __aexit__ after a failed __aenter__
            await self.__aexit__()
            raise
        return self

    async def _bring_up(self) -> None:
        await asyncio.to_thread(all_rules)
        self._spool = await asyncio.to_thread(Spool, self._folder, self._max_spool)
        first = await self._new_spare()
        self._put_back(first)
        if isinstance(first.worker, Fault):
            raise ScreenerUnavailable(_remedied(first.worker.seen))

    async def __aexit__(self, *_: object) -> None:
        # Whoever is cancelled here is in a hurry; processes that nobody ends would outlive the hurry.
        await asyncio.shield(spawn(self._close(), "end of the screener"))

    async def _close(self) -> None:
        self._closing = True
        await settled(self._topping_up)
        spares, self._spares = self._spares, []
        for spare in spares:
            self._in_background(spare.dispose(), "end of a spare")
        while self._background:
            await asyncio.wait(list(self._background))
        await self._backend.close()

    @property
    def restarts(self) -> int:
        """How often the sandbox's zygote had to be replaced."""
        return self._backend.restarts

    @property
    def reused(self) -> int:
        """Files that were copies of one that was looked at before."""
        return self._copies.reused

    def open(self, claim: Claim, decisive: frozenset[str] = frozenset()) -> AbstractAsyncContextManager[Job]:
        """A job for one part. Waits for a free place. Raises OSError when the spool takes no more files.

        decisive: rules after one of which the rest of the file is not wanted.
        The place is free again when the job has answered; the spool file stays until the context is left.
        """
        return self._open(claim, decisive)

    async def screen_file(self, path: Path, claim: Claim) -> Report:
        """Screen a file that is already on disk. Raises OSError when it cannot be read or changes meanwhile."""
        opening = asyncio.get_running_loop().run_in_executor(None, open_file, path, self._max_file)
        file = await kept(opening, lambda opened: os.close(opened.descriptor))
        size = file.status.st_size
        try:
            if size > self._max_file:
                os.close(file.descriptor)
                return too_large(size, self._max_file)
            await self._places.acquire()
        except asyncio.CancelledError:
            os.close(file.descriptor)
            raise
        job = FileJob(file, self._start(file.descriptor, size), self._errand(claim))
        try:
            return await job.report()
        finally:
            await asyncio.shield(self._in_background(job.close(), "end of a file"))

    @asynccontextmanager
    async def _open(self, claim: Claim, decisive: frozenset[str]) -> AsyncIterator[Job]:
        await self._places.acquire()
        try:
            job = await self._new_job(self._errand(claim, decisive))
        except BaseException:
            self._places.release()
            raise
        try:
            yield job
        finally:
            await asyncio.shield(self._in_background(job.close(), "end of a job"))

    async def _new_job(self, errand: Errand) -> SpooledJob | CopyJob:
        if self._copies.probable(errand.claim.size):
            making = asyncio.get_running_loop().run_in_executor(None, self._opened_spool().new_file)
            file, reading = await kept(making, self._discard_unused)
            return CopyJob(file, reading, errand, self._copies)
        spare = await self._ready_spare()
        self._top_up_soon()
        return SpooledJob(spare.file, spare.worker, errand, self._copies)

    def _discard_unused(self, made: tuple[SpoolFile, int]) -> None:
        file, reading = made
        let_go(reading)
        self._in_background(file.discard(), "end of a spool file that nobody waited for")

    def _errand(self, claim: Claim, decisive: frozenset[str] = frozenset()) -> Errand:
        return Errand(claim, decisive, self._start, self._places.release)

    async def _start(self, descriptor: int, size: int | None = None) -> Worker | Fault:
        return await start_worker(self._backend, descriptor, self._allowance, size)

    async def _ready_spare(self) -> _Spare:
        while self._spares:
            spare = self._spares.pop(0)
            if spare.usable:
                return spare
            self._in_background(spare.dispose(), "end of a dead spare")
        return await self._new_spare()

    async def _new_spare(self) -> _Spare:
        """One made now. Whoever is cancelled while waiting leaves it to the others."""
        return await kept(self._in_background(self._birth(), "birth of a worker"), self._put_back)

    async def _birth(self) -> _Spare:
        """Raises OSError when there can be no spool file. Not to be cancelled."""
        file, reading = await asyncio.to_thread(self._opened_spool().new_file)
        try:
            worker = await self._start(reading)
        finally:
            let_go(reading)
        return _Spare(file, worker)

    def _opened_spool(self) -> Spool:
        if self._spool is None:
            raise RuntimeError("the screener is not open: use it as `async with WorkerScreener(...) as screener`")
        return self._spool

    def _put_back(self, spare: _Spare) -> None:
        if spare.usable and len(self._spares) < self._wanted and not self._closing:
            self._spares.append(spare)
        else:
            self._in_background(spare.dispose(), "end of a spare")

    def _top_up_soon(self) -> None:
        if not self._closing and (self._topping_up is None or self._topping_up.done()):
            self._topping_up = self._in_background(self._top_up(), "topping up of spares")

    async def _top_up(self) -> None:
        await asyncio.sleep(_TOP_UP_AFTER)
        while len(self._spares) < self._wanted and not self._closing:
            try:
                spare = await self._birth()
            except OSError as error:  # the next job that needs a file will meet it, and report it
                _log.warning("no spare worker", why=str(error))
                return
            self._put_back(spare)
            if isinstance(spare.worker, Fault):
                return  # logged where it happened; trying again at once would only spin

    def _in_background(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = spawn(work, name)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


def _remedied(why: str) -> str:
    if why.startswith("the lock does not hold"):
        return (
            f"{why}. It needs Linux on x86_64 or aarch64, and a container that does not forbid it; "
            "whoever accepts that files are parsed behind less sets sandbox.require = false"
        )
    if "it died" in why or "exit status" in why:
        return (
            f"{why}. Workers run `{sys.executable} -I` and must be able to import lazaretto without PYTHONPATH; to see "
            f"what fails: {sys.executable} -I -c 'import lazaretto.screening.sandbox.worker'"
        )
    return why
