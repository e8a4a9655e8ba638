"""Screening jobs: one part that arrives in pieces, and one file that is there already."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import structlog

from lazaretto.model import Report
from lazaretto.screening.digest import digest_of
from lazaretto.screening.handle import Fault, Worker
from lazaretto.screening.protocol import ABORT, END
from lazaretto.screening.report import incomplete, judged
from lazaretto.screening.spool import SpoolFile
from lazaretto.screening.waiting import settled
from lazaretto.tasks import spawn
from lazaretto_validators import Claim, Inspection

__all__ = ["FileJob", "SpooledJob"]

_log = structlog.get_logger("lazaretto.screening")


class _Errand:
    """A worker, or the fault in its stead, and the place that it takes up until its answer is there."""

    def __init__(self, worker: Worker | Fault, claim: Claim, free_place: Callable[[], None]) -> None:
        self._worker = worker
        self._free_place = free_place
        self._leaving: asyncio.Task[None] | None = None
        if isinstance(worker, Worker):
            worker.ask(claim)

    @property
    def layers(self) -> tuple[str, ...]:
        return self._worker.layers if isinstance(self._worker, Worker) else ()

    def announce(self, total: int) -> None:
        if isinstance(self._worker, Worker):
            self._worker.announce(total)

    async def answer(self, mark: int, size: int) -> Inspection | Fault:
        if isinstance(self._worker, Fault):
            return self._worker
        answer = await self._worker.answer(mark, size)
        if isinstance(answer, Fault):
            _log.warning("a worker gave no answer", why=answer.seen, expected=answer.allowed)
        # The bytes may be wanted for long: worker and place must not wait for that, nor the report for them.
        self.leave()
        return answer

    def leave(self) -> asyncio.Task[None]:
        """Let worker and place go, once."""
        if self._leaving is None:
            self._leaving = spawn(self._leave(), "end of a worker")
        return self._leaving

    async def _leave(self) -> None:
        try:
            if isinstance(self._worker, Worker):
                await self._worker.close()
        finally:
            self._free_place()


class SpooledJob:
    """`ports.Job`: the bytes go to the spool, their count to the worker. One caller at a time."""

    def __init__(self, file: SpoolFile, worker: Worker | Fault, claim: Claim, free_place: Callable[[], None]) -> None:
        self._file = file
        self._errand = _Errand(worker, claim, free_place)
        self._ended = False

    @property
    def spool(self) -> Path:
        """The file that the bytes are written to."""
        return self._file.path

    async def feed(self, chunk: bytes) -> None:
        """Write and hash the next bytes, then tell the worker, dead or alive: they are evidence. Raises OSError."""
        self._must_be_open()
        await self._file.append(chunk)
        self._errand.announce(self._file.size)

    async def finish(self) -> Report:
        """The report of the bytes that were fed. If one of them could not be written, the file counts as broken off."""
        self._must_be_open()
        self._ended = True
        await self._file.at_rest()
        if self._file.broken:
            return await self._broken_off()
        size = self._file.size
        answer = await self._errand.answer(END, size)
        return judged(answer, size=size, sha256=self._file.sha256, layers=self._errand.layers)

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
            await settled(self._errand.leave())
        finally:
            await self._file.discard()

    async def _broken_off(self) -> Report:
        answer = await self._errand.answer(ABORT, self._file.size)
        return incomplete(answer, received=self._file.size, layers=self._errand.layers)

    def _must_be_open(self) -> None:
        if self._ended:
            raise RuntimeError("this job has ended: open a new one")


class FileJob:
    """A file that is there already: the worker looks while a thread of ours hashes. Owns the descriptor."""

    def __init__(
        self,
        descriptor: int,
        status: os.stat_result,
        starting: Coroutine[Any, Any, Worker | Fault],
        claim: Claim,
        free_place: Callable[[], None],
    ) -> None:
        self._descriptor = descriptor
        self._size = status.st_size
        self._stop = threading.Event()
        self._hashing = asyncio.get_running_loop().run_in_executor(None, digest_of, descriptor, status, self._stop)
        self._errand = spawn(_errand(starting, claim, free_place), "start of a worker")

    async def report(self) -> Report:
        """Raises OSError when the file cannot be read, or changes."""
        errand = await asyncio.shield(self._errand)
        answer = await errand.answer(END, self._size)
        sha256 = await asyncio.shield(self._hashing)
        return judged(answer, size=self._size, sha256=sha256, layers=errand.layers)

    async def close(self) -> None:
        """Worker, place and descriptor go."""
        self._stop.set()
        try:
            await settled(self._hashing)
            await (await self._errand).leave()
        finally:
            os.close(self._descriptor)


async def _errand(
    starting: Coroutine[Any, Any, Worker | Fault], claim: Claim, free_place: Callable[[], None]
) -> _Errand:
    try:
        return _Errand(await starting, claim, free_place)
    except BaseException:
        free_place()
        raise
