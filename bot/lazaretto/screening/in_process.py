"""Screening without a process around it: for library users who trust their files, and for debugging a validator.

The report is put together, and shortened, exactly as a worker's; its `layers` are empty, because none hold.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lazaretto.model import Claim, Report
from lazaretto.private_files import new_private_file, open_regular
from lazaretto.screening.digest import digest_of
from lazaretto.screening.report import incomplete, report_from, too_large
from lazaretto.screening.sandbox.handle import Fault, FaultKind
from lazaretto.screening.sandbox.reply import decode_reply, encode_reply
from lazaretto_validators import Limits, Source, screen

__all__ = ["InProcessScreener", "screen_file", "screen_in_process"]


async def screen_file(path: str | os.PathLike[str], claim: Claim | None = None) -> Report:
    """Screen a file on disk in a thread of this process. Its own name is its claim unless another is given.

    Raises OSError for what cannot be read. Nothing is locked down around the validators here, and a thread cannot be
    stopped: where strangers choose the files, use `WorkerScreener.screen_file`.
    """
    where = Path(path)
    return await asyncio.to_thread(screen_in_process, where, claim or Claim(name=where.name))


def screen_in_process(path: Path, claim: Claim, limits: Limits | None = None) -> Report:
    """Screen a file on disk here and now. Raises OSError for what cannot be read."""
    descriptor, status = open_regular(path)
    try:
        inspection = screen(Source.of_file(descriptor), claim, limits)
        sha256 = digest_of(descriptor, status, threading.Event())
    finally:
        os.close(descriptor)
    line = encode_reply(inspection)
    return report_from(decode_reply(line.removesuffix(b"\n")), size=status.st_size, sha256=sha256)


class InProcessScreener:
    """`ports.Screener` with no sandbox: it blocks its thread, so that a debugger in a validator has the terminal.

    folder: for what arrives in pieces. largest: bytes of the largest file that is looked at.
    """

    def __init__(self, folder: Path, largest: int) -> None:
        self._folder = folder
        self._largest = largest

    async def screen_file(self, path: Path, claim: Claim) -> Report:
        """See `ports.Screener`."""
        size = path.stat().st_size  # noqa: ASYNC240 - nothing else runs here
        return too_large(size, self._largest) if size > self._largest else screen_in_process(path, claim)

    @asynccontextmanager
    async def open(self, claim: Claim, decisive: frozenset[str] = frozenset()) -> AsyncIterator[_Job]:  # noqa: ARG002
        """See `ports.Screener`. Nothing is decided early: the file is looked at once it is there."""
        job = _Job(self._folder / "arriving", claim)
        try:
            yield job
        finally:
            job.close()


class _Job:
    decided = False

    def __init__(self, spool: Path, claim: Claim) -> None:
        self.spool = spool
        self._claim = claim
        self._size = 0
        self._descriptor = new_private_file(spool)

    async def feed(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._size += len(chunk)

    async def finish(self) -> Report:
        return screen_in_process(self.spool, self._claim)

    async def abort(self) -> Report:
        return incomplete(Fault(FaultKind.FAILED, "it broke off"), received=self._size, layers=())

    def close(self) -> None:
        os.close(self._descriptor)
        self.spool.unlink()
