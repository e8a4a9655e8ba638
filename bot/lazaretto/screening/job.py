"""Screening jobs: one part that arrives in pieces, and one file that is there already."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from lazaretto.model import Report
from lazaretto.private_files import open_regular
from lazaretto.screening.digest import OpenFile, digest_of, unchanged
from lazaretto.screening.report import decided, incomplete, judged, with_claims
from lazaretto.screening.sandbox.handle import Fault, FaultKind, Worker
from lazaretto.screening.sandbox.protocol import ABORT, END
from lazaretto.screening.spool import SpoolFile
from lazaretto.screening.waiting import kept, settled
from lazaretto.tasks import spawn
from lazaretto_validators import Claim, Inspection

__all__ = ["Errand", "FileJob", "SpooledJob"]

StartAgain = Callable[[int, int], Coroutine[Any, Any, Worker | Fault]]
"""A new worker for a descriptor and the size of what it stands for."""

_log = structlog.get_logger("lazaretto.screening")


@dataclass(frozen=True, slots=True)
class Errand:
    """What is asked about a file. decisive: rules after one of which nobody needs the rest.

    start_again: for the one more try where the machinery failed. free_place: gives the place among the workers back.
    """

    claim: Claim
    decisive: frozenset[str]
    start_again: StartAgain
    free_place: Callable[[], None]


class _Asked:
    """A worker on its errand, or the fault in its stead, and the place that it takes up until its answer is there."""

    def __init__(self, worker: Worker | Fault, errand: Errand) -> None:
        self._worker = worker
        self._errand = errand
        self._leaving: asyncio.Task[None] | None = None
        self._ask()

    @property
    def layers(self) -> tuple[str, ...]:
        return self._worker.layers if isinstance(self._worker, Worker) else ()

    @property
    def decided(self) -> bool:
        """Has it answered before the file's end because the rest changes nothing?"""
        early = self._worker.early_answer if self._errand.decisive and isinstance(self._worker, Worker) else None
        return early is not None and self.decides(early)

    def decides(self, answer: Inspection | Fault) -> bool:
        """Is it an answer that a decisive rule has cut short?"""
        if isinstance(answer, Fault) or answer.size is not None:
            return False
        return any(finding.rule in self._errand.decisive for finding in answer.findings)

    def announce(self, total: int) -> None:
        if isinstance(self._worker, Worker):
            self._worker.announce(total)

    async def answer(self, mark: int, size: int, reopen: Callable[[], int] | None = None) -> Inspection | Fault:
        """What the worker makes of the file. reopen: gives a descriptor of the whole file for one more try."""
        answer = await self._answer(mark, size)
        if reopen is not None and isinstance(answer, Fault) and answer.kind is FaultKind.FAILED:
            answer = await self._once_more(answer, size, reopen)
        # The bytes may be wanted for long: worker and place must not wait for that, nor the report for them.
        self.leave()
        return with_claims(answer, self._errand.claim) if isinstance(answer, Inspection) else answer

    def leave(self) -> asyncio.Task[None]:
        """Let worker and place go, once."""
        if self._leaving is None:
            self._leaving = spawn(self._leave(), "end of a worker")
        return self._leaving

    def _ask(self) -> None:
        if isinstance(self._worker, Worker):
            self._worker.ask(self._errand.decisive)

    async def _answer(self, mark: int, size: int) -> Inspection | Fault:
        if isinstance(self._worker, Fault):
            return self._worker
        answer = await self._worker.answer(mark, size)
        if isinstance(answer, Fault):
            _log.warning("a worker gave no answer", kind=answer.kind.value, why=answer.seen, expected=answer.allowed)
        return answer

    async def _once_more(self, fault: Fault, size: int, reopen: Callable[[], int]) -> Inspection | Fault:
        """The machinery failed, not the file: another worker looks at the bytes that are on disk by now."""
        if isinstance(self._worker, Worker):
            await self._worker.close()
        try:
            opening = asyncio.get_running_loop().run_in_executor(None, reopen)
            descriptor = await kept(opening, os.close)
        except OSError as error:
            _log.warning("no second look", why=str(error))
            return fault
        starting = spawn(self._errand.start_again(descriptor, size), "second start of a worker")
        try:
            self._worker = await asyncio.shield(starting)
        finally:
            starting.add_done_callback(lambda _: os.close(descriptor))
            if not starting.done():
                starting.add_done_callback(_closed_unseen)
        self._ask()
        return await self._answer(END, size)

    async def _leave(self) -> None:
        try:
            if isinstance(self._worker, Worker):
                await self._worker.close()
        finally:
            self._errand.free_place()


def _closed_unseen(starting: asyncio.Task[Worker | Fault]) -> None:
    """Whoever waited for this worker was cancelled."""
    if not starting.cancelled() and isinstance(worker := starting.result(), Worker):
        spawn(worker.close(), "end of a worker that nobody waited for")


class SpooledJob:
    """`ports.Job`: the bytes go to the spool, their count to the worker. One caller at a time."""

    def __init__(self, file: SpoolFile, worker: Worker | Fault, errand: Errand) -> None:
        self._file = file
        self._asked = _Asked(worker, errand)
        self._ended = False

    @property
    def spool(self) -> Path:
        """The file that the bytes are written to."""
        return self._file.path

    @property
    def decided(self) -> bool:
        """Was a decisive rule broken? Then no more needs to be fed, and `finish` answers a partial report."""
        return self._asked.decided

    async def feed(self, chunk: bytes) -> None:
        """Write and hash the next bytes, then tell the worker, dead or alive: they are evidence. Raises OSError."""
        self._must_be_open()
        await self._file.append(chunk)
        self._asked.announce(self._file.size)

    async def finish(self) -> Report:
        """The report of the bytes that were fed. If one of them could not be written, the file counts as broken off."""
        self._must_be_open()
        self._ended = True
        await self._file.at_rest()
        if self._file.broken:
            return await self._broken_off()
        size = self._file.size
        answer = await self._asked.answer(END, size, reopen=lambda: open_regular(self._file.path)[0])
        if isinstance(answer, Inspection) and self._asked.decides(answer):
            return decided(answer, layers=self._asked.layers)
        return judged(answer, size=size, sha256=self._file.sha256, layers=self._asked.layers)

    async def abort(self) -> Report:
        """The bytes broke off. What was found in those that came is in the report."""
        self._must_be_open()
        self._ended = True
        await self._file.at_rest()
        return await self._broken_off()

    async def close(self) -> None:
        """Worker, place and spool file go."""
        self._ended = True
        try:
            await settled(self._asked.leave())
        finally:
            await self._file.discard()

    async def _broken_off(self) -> Report:
        answer = await self._asked.answer(ABORT, self._file.size)
        return incomplete(answer, received=self._file.size, layers=self._asked.layers)

    def _must_be_open(self) -> None:
        if self._ended:
            raise RuntimeError("this job has ended: open a new one")


class FileJob:
    """A file that is there already: the worker looks while a thread of ours hashes. Owns the descriptor."""

    def __init__(self, file: OpenFile, starting: Coroutine[Any, Any, Worker | Fault], errand: Errand) -> None:
        self._file = file
        self._stop = threading.Event()
        self._hashing = self._begin_to_hash()
        self._sending = spawn(_sent_off(starting, errand), "start of a worker")

    async def report(self) -> Report:
        """Raises OSError when the file cannot be read, or changes."""
        descriptor, status, _ = self._file
        asked = await asyncio.shield(self._sending)
        answer = await asked.answer(END, status.st_size, reopen=lambda: os.dup(descriptor))
        sha256 = await asyncio.shield(self._hashing)
        unchanged(descriptor, status)
        return judged(answer, size=status.st_size, sha256=sha256, layers=asked.layers)

    async def close(self) -> None:
        """Worker, place and descriptor go."""
        self._stop.set()
        try:
            await settled(self._hashing)
            await settled(self._sending)
            if self._sending.exception() is None:
                await self._sending.result().leave()
        finally:
            os.close(self._file.descriptor)

    def _begin_to_hash(self) -> asyncio.Future[str]:
        descriptor, status, sha256 = self._file
        loop = asyncio.get_running_loop()
        if sha256 is None:
            return loop.run_in_executor(None, digest_of, descriptor, status, self._stop)
        known: asyncio.Future[str] = loop.create_future()
        known.set_result(sha256)
        return known


async def _sent_off(starting: Coroutine[Any, Any, Worker | Fault], errand: Errand) -> _Asked:
    try:
        return _Asked(await starting, errand)
    except BaseException:
        errand.free_place()
        raise
