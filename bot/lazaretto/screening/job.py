"""Screening jobs: one part that arrives in pieces, one that may be a copy, and one file that is there already."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from lazaretto.model import Report
from lazaretto.private_files import open_regular
from lazaretto.screening.copies import Copies, Seen
from lazaretto.screening.descriptors import let_go
from lazaretto.screening.digest import OpenFile, digest_of, unchanged
from lazaretto.screening.errand import Asked, Errand
from lazaretto.screening.report import decided, incomplete, judged, with_claims
from lazaretto.screening.sandbox.handle import Fault, FaultKind, Worker
from lazaretto.screening.sandbox.protocol import ABORT, END
from lazaretto.screening.spool import SpoolFile
from lazaretto.screening.waiting import settled
from lazaretto.tasks import spawn
from lazaretto_validators import Inspection

__all__ = ["CopyJob", "FileJob", "SpooledJob"]

_LOOKS = 3  # at a copy, each with a second worker where the first one failed


class _Arriving:
    """A part whose bytes go to the spool as they come. One caller at a time."""

    def __init__(self, file: SpoolFile, errand: Errand, copies: Copies) -> None:
        self._file = file
        self._errand = errand
        self._copies = copies
        self._ended = False

    @property
    def spool(self) -> Path:
        """The file that the bytes are written to."""
        return self._file.path

    async def feed(self, chunk: bytes) -> None:
        """Write and hash the next bytes. Raises OSError."""
        self._must_be_open()
        await self._file.append(chunk)

    async def _end(self) -> None:
        self._must_be_open()
        self._ended = True
        await self._file.at_rest()

    def _must_be_open(self) -> None:
        if self._ended:
            raise RuntimeError("this job has ended: open a new one")


class SpooledJob(_Arriving):
    """`ports.Job`: a worker looks while the bytes come; it is told how many there are."""

    def __init__(self, file: SpoolFile, worker: Worker | Fault, errand: Errand, copies: Copies) -> None:
        super().__init__(file, errand, copies)
        self._asked = Asked(worker, errand)
        self._alone = ExitStack()  # until it is known what is in it
        self._alone.enter_context(copies.arriving(errand.claim.size))

    @property
    def decided(self) -> bool:
        """Was a decisive rule broken? Then no more needs to be fed, and `finish` answers a partial report."""
        return self._asked.decided

    async def feed(self, chunk: bytes) -> None:
        """Write and hash the next bytes, then tell the worker, dead or alive: they are evidence. Raises OSError."""
        await super().feed(chunk)
        self._asked.announce(self._file.size)

    async def finish(self) -> Report:
        """The report of the bytes that were fed. If one of them could not be written, the file counts as broken off."""
        await self._end()
        if self._file.broken:
            return await self._broken_off()
        try:
            return await self._whole()
        finally:  # the bytes may be wanted for long: of the same album, say
            self._alone.close()

    async def _whole(self) -> Report:
        size, sha256 = self._file.size, self._file.sha256
        answer = await self._asked.answer(END, size, reopen=lambda: open_regular(self._file.path)[0])
        layers = self._asked.layers
        if isinstance(answer, Inspection):
            if self._asked.decides(answer):
                return decided(with_claims(answer, self._errand.claim), layers=layers)
            self._copies.keep(sha256, size, Seen(answer, layers))
        return judged(self._errand.claimed(answer), size=size, sha256=sha256, layers=layers)

    async def abort(self) -> Report:
        """The bytes broke off. What was found in those that came is in the report."""
        await self._end()
        return await self._broken_off()

    async def close(self) -> None:
        """Worker, place and spool file go."""
        self._ended = True
        self._alone.close()
        try:
            await settled(self._asked.leave())
        finally:
            await self._file.discard()

    async def _broken_off(self) -> Report:
        self._alone.close()  # nothing will be known of the whole file
        answer = self._errand.claimed(await self._asked.answer(ABORT, self._file.size))
        return incomplete(answer, received=self._file.size, layers=self._asked.layers)


class CopyJob(_Arriving):
    """`ports.Job` for what may be a copy: a worker looks when all bytes are there, and only if they are new.

    reading: a descriptor of the spool file, which is owned here.
    """

    decided = False  # nobody looks at the beginning before the end is there

    def __init__(self, file: SpoolFile, reading: int, errand: Errand, copies: Copies) -> None:
        super().__init__(file, errand, copies)
        self._reading = reading
        self._place = ExitStack()
        self._place.callback(errand.free_place)

    async def finish(self) -> Report:
        """The report of the bytes that were fed. If one of them could not be written, the file counts as broken off."""
        await self._end()
        if self._file.broken:
            return await self._broken_off()
        size, sha256 = self._file.size, self._file.sha256
        found = await self._copies.seen(sha256, size, lambda: self._look(os.dup(self._reading), END, size))
        self._place.close()
        return judged(self._claimed(found), size=size, sha256=sha256, layers=_layers(found))

    async def abort(self) -> Report:
        """The bytes broke off. What was found in those that came is in the report."""
        await self._end()
        return await self._broken_off()

    async def close(self) -> None:
        """Place, descriptor and spool file go. A look that others wait for goes on, with a descriptor of its own."""
        self._ended = True
        self._place.close()
        let_go(self._reading)
        await self._file.discard()

    async def _broken_off(self) -> Report:
        received = self._file.size
        looking = spawn(self._look(os.dup(self._reading), ABORT, received), "a look at what broke off")
        found = await asyncio.shield(looking)
        self._place.close()
        return incomplete(self._claimed(found), received=received, layers=_layers(found))

    def _claimed(self, found: Seen | Fault) -> Inspection | Fault:
        return self._errand.claimed(found.inspection if isinstance(found, Seen) else found)

    async def _look(self, descriptor: int, mark: int, size: int) -> Seen | Fault:
        """Have a worker look at what is in the spool; again where the machinery fails, which under attack it may do
        several times in a row. Owns the descriptor."""
        try:
            for _ in range(_LOOKS - 1):
                found = await self._look_once(descriptor, mark, size)
                if isinstance(found, Seen) or found.kind is not FaultKind.FAILED:
                    return found
            return await self._look_once(descriptor, mark, size)
        finally:
            let_go(descriptor)

    async def _look_once(self, descriptor: int, mark: int, size: int) -> Seen | Fault:
        # The place stays the job's, which may be closed before others have what they wait for.
        errand = replace(self._errand, decisive=frozenset(), free_place=lambda: None)
        asked = Asked(await errand.start_again(descriptor, size), errand)
        try:
            answer = await asked.answer(mark, size, reopen=None if mark == ABORT else lambda: os.dup(descriptor))
        finally:
            await settled(asked.leave())
        return answer if isinstance(answer, Fault) else Seen(answer, asked.layers)


def _layers(found: Seen | Fault) -> tuple[str, ...]:
    return found.layers if isinstance(found, Seen) else ()


class FileJob:
    """A file that is there already: the worker looks while a thread of ours hashes. Owns the descriptor."""

    def __init__(self, file: OpenFile, starting: Coroutine[Any, Any, Worker | Fault], errand: Errand) -> None:
        self._file = file
        self._errand = errand
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
        return judged(self._errand.claimed(answer), size=status.st_size, sha256=sha256, layers=asked.layers)

    async def close(self) -> None:
        """Worker, place and descriptor go."""
        self._stop.set()
        try:
            await settled(self._hashing)
            await settled(self._sending)
            if self._sending.exception() is None:
                await self._sending.result().leave()
        finally:
            let_go(self._file.descriptor)

    def _begin_to_hash(self) -> asyncio.Future[str]:
        descriptor, status, sha256 = self._file
        loop = asyncio.get_running_loop()
        if sha256 is None:
            return loop.run_in_executor(None, digest_of, descriptor, status, self._stop)
        known: asyncio.Future[str] = loop.create_future()
        known.set_result(sha256)
        return known


async def _sent_off(starting: Coroutine[Any, Any, Worker | Fault], errand: Errand) -> Asked:
    try:
        return Asked(await starting, errand)
    except BaseException:
        errand.free_place()
        raise
