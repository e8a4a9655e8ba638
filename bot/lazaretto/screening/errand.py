"""What is asked about a file, and the worker that is asked: once more where the machinery failed, and not the file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import structlog

from lazaretto.screening.descriptors import let_go
from lazaretto.screening.report import with_claims
from lazaretto.screening.sandbox.handle import Fault, FaultKind, Worker
from lazaretto.screening.sandbox.protocol import END
from lazaretto.screening.waiting import kept
from lazaretto.tasks import spawn
from lazaretto_validators import Claim, Inspection

__all__ = ["Asked", "Errand"]

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

    def claimed(self, answer: Inspection | Fault) -> Inspection | Fault:
        """With what the claims of this post add to what was found in the bytes."""
        return with_claims(answer, self.claim) if isinstance(answer, Inspection) else answer


class Asked:
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
        """What the worker finds in the bytes. reopen: gives a descriptor of the whole file for one more try."""
        answer = await self._answer(mark, size)
        if reopen is not None and isinstance(answer, Fault) and answer.kind is FaultKind.FAILED:
            answer = await self._once_more(answer, size, reopen)
        # The bytes may be wanted for long: worker and place must not wait for that, nor the report for them.
        self.leave()
        return answer

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
            descriptor = await kept(opening, let_go)
        except OSError as error:
            _log.warning("no second look", why=str(error))
            return fault
        starting = spawn(self._errand.start_again(descriptor, size), "second start of a worker")
        try:
            self._worker = await asyncio.shield(starting)
        finally:
            starting.add_done_callback(lambda _: let_go(descriptor))
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
