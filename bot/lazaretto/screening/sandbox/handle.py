"""One worker, seen from the bot: its birth, its one question and its one answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import Enum
from time import monotonic

import structlog

from lazaretto.screening.sandbox.backend import Backend, Bounds, Ending, Process
from lazaretto.screening.sandbox.link import LinkLost, TooLong
from lazaretto.screening.sandbox.lockdown import MANDATORY
from lazaretto.screening.sandbox.protocol import MAX_HELLO, MAX_REPLY, Request, decode_hello, encode_request
from lazaretto.screening.sandbox.reply import BadReply, decode_reply
from lazaretto_validators import Inspection, Limits, default_registry

__all__ = ["Allowance", "Fault", "FaultKind", "Worker", "start_worker"]

_MIB = 1 << 20

_START_SECONDS = 30.0
"""For an interpreter's start, which takes 0.1 s on an idle machine."""

_DEATH_SECONDS = 2.0
"""For the end of a process that was killed. Only one that hangs in the kernel takes longer; its reaper stays on."""

_PACE = 8 * _MIB
"""Bytes per second that even the slowest validator manages on a busy machine: what a large file's budgets grow by."""

_log = structlog.get_logger("lazaretto.screening")


class FaultKind(Enum):
    """What a missing answer means."""

    BUDGET = "budget"  # it spent what it was granted: the file may be honest and large, or built to be slow
    CRASHED = "crashed"  # it did what an exploited worker does: crashed, broke the lock, answered nonsense
    FAILED = "failed"  # nothing that the file did: no process, killed from outside, gone with its zygote


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no answer. The two texts go into the finding."""

    kind: FaultKind
    seen: str
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one worker may use. seconds: of waiting for its answer. cpu_seconds: of processor time. Both grow with the
    file. largest: bytes of the largest file that is looked at. require: only behind every mandatory layer."""

    seconds: float
    cpu_seconds: float
    largest: int
    limits: Limits
    require: bool

    def patience(self, size: int) -> float:
        """Seconds to wait for the answer about `size` bytes, counted from their end."""
        return self.seconds + size / _PACE

    def cpu(self, size: int) -> float:
        """Seconds of processor time for `size` bytes."""
        return self.cpu_seconds + size / _PACE

    def bounds(self, size: int | None) -> Bounds:
        """For the kernel, which cannot be told of a file's growth. Its timer comes after ours, whose word is exact.

        size: None for a spare, whose file is still to come.
        """
        return Bounds(self.limits.memory, self.cpu(self.largest if size is None else size) + 1, spare=size is None)


class Worker:
    """A worker that has said hello. Made by `start_worker`."""

    def __init__(self, process: Process, layers: tuple[str, ...], allowance: Allowance, bounds: Bounds) -> None:
        self.layers = layers
        self._process = process
        self._allowance = allowance
        self._bounds = bounds
        self._announced = 0
        self._spent: Fault | None = None
        self._early: Inspection | Fault | None = None
        self._watch: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """May it be given a file? As far as we know: it may have died a moment ago."""
        process = self._process
        return process.fresh and not process.link.closed.done() and not process.gone.done()

    @property
    def early_answer(self) -> Inspection | Fault | None:
        """Its answer, if it has spoken before the file's end."""
        if self._early is None and (line := self._process.link.whole_line(MAX_REPLY)) is not None:
            self._early = self._read(line)
        return self._early

    def ask(self, decisive: frozenset[str] = frozenset()) -> None:
        """Begin; `decisive`: the rules that end it early. Bytes may be announced from now on."""
        self._process.link.say(encode_request(Request(self._allowance.limits, decisive)))
        self._watch_cpu()

    def announce(self, total: int) -> None:
        """So many bytes are in its file. Costs nothing when it is dead or does not listen."""
        self._announced = total
        self._process.link.announce(total)

    async def answer(self, mark: int, size: int) -> Inspection | Fault:
        """End the file with `mark` (END, ABORT) after `size` bytes and wait for what the worker makes of it."""
        if early := self.early_answer:
            return early
        patience = self._allowance.patience(size)
        link = self._process.link
        began = monotonic()
        self.announce(size)
        link.end(mark)
        try:
            async with asyncio.timeout(patience):
                return self._read(await link.line(MAX_REPLY))
        except TimeoutError:
            return Fault(FaultKind.BUDGET, f"no answer for {monotonic() - began:.1f} s", f"{patience:.1f} s")
        except TooLong:
            return Fault(FaultKind.BUDGET, f"an answer of more than {MAX_REPLY} bytes", f"{MAX_REPLY} bytes")
        except LinkLost:
            return self._spent or await self._last_words()

    async def close(self) -> None:
        """End the process and the connection; returns when both are gone."""
        if self._watch is not None:
            self._watch.cancel()
        await _discard(self._process)

    def _read(self, line: bytes) -> Inspection | Fault:
        try:
            if self._process.link.rest:
                raise BadReply("one line and nothing after it")
            return decode_reply(line)
        except BadReply as error:
            return _bad_reply(error.expected)

    def _watch_cpu(self) -> None:
        """End it when its processor time is spent. One thread cannot use more than the clock does, so that looking
        again when the rest could be used up is soon enough."""
        used = self._process.cpu_seconds()
        if used is None or self._process.gone.done():
            return
        granted = self._allowance.cpu(self._announced)
        if used < granted:
            self._watch = asyncio.get_running_loop().call_later(granted - used, self._watch_cpu)
            return
        self._spent = _out_of_time(f"{used:.1f} s", granted)
        self._process.kill()

    async def _last_words(self) -> Fault:
        """How a worker that closed its connection ended; one that lives on without a connection will be killed."""
        ending = await _ending(self._process)
        if ending is None:
            return _bad_reply("an answer, not a closed connection")
        if ending.out_of_memory:
            return Fault(FaultKind.BUDGET, "all its memory", f"{self._bounds.memory // _MIB} MiB")
        if ending.out_of_time:
            return _out_of_time("all", self._bounds.cpu)
        # An honest worker answers before it leaves. Behind the filter none can end itself by a signal of its choice.
        crashed = ending.crashed or (ending.status is not None and ending.status >= 0)
        return Fault(FaultKind.CRASHED if crashed else FaultKind.FAILED, str(ending), "an answer")


def _bad_reply(expected: str) -> Fault:
    return Fault(FaultKind.CRASHED, "bad reply", expected)


def _out_of_time(used: str, granted: float) -> Fault:
    return Fault(FaultKind.BUDGET, f"{used} of processor time", f"{granted:.1f} s")


async def start_worker(backend: Backend, file: int, allowance: Allowance, size: int | None = None) -> Worker | Fault:
    """A worker holding the descriptor `file`, loaded and locked down. The caller keeps its own `file`.

    size: of the file, where it is known by now. Never raises: a machine without processes or descriptors to spare is a
    fault like others. Not to be cancelled.
    """
    bounds = allowance.bounds(size)
    try:
        process = await backend.start(file, bounds)
    except OSError as error:
        return Fault(FaultKind.FAILED, f"no worker could be started: {error.strerror or error}")
    said = await _hello(process, require=allowance.require)
    if isinstance(said, Fault):
        await _discard(process)
        _log.error("a worker did not come up", why=said.seen, expected=said.allowed)
        return said
    return Worker(process, (*process.layers, *said), allowance, bounds)


async def _hello(process: Process, *, require: bool) -> tuple[str, ...] | Fault:
    """The layers that the worker says hold around it."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            hello = decode_hello(await process.link.line(MAX_HELLO))
    except TimeoutError:
        return Fault(FaultKind.FAILED, "the worker did not start", f"{_START_SECONDS:.0f} s")
    except LinkLost:
        return Fault(FaultKind.FAILED, f"the worker did not start: {await _ending(process) or 'it hangs'}")
    except (TooLong, ValueError):
        return Fault(FaultKind.FAILED, "the worker did not start: it said no proper hello")
    if hello.rule_set != default_registry().rule_set:
        return Fault(FaultKind.FAILED, "the worker loaded other rules than the bot", "restart the bot after an upgrade")
    tried = {failure.partition(":")[0] for failure in hello.failed}
    missing = [f"no {layer} on this system" for layer in sorted(MANDATORY - {*hello.layers} - tried)]
    if require and (hello.failed or missing):
        why = "; ".join((*hello.failed, *missing))
        return Fault(FaultKind.FAILED, f"the lock does not hold: {why}", "every mandatory layer")
    return hello.layers


async def _ending(process: Process) -> Ending | None:
    """How a process ended that is believed to be dead; None if it is not."""
    done, _ = await asyncio.wait([process.gone], timeout=_DEATH_SECONDS)
    return process.gone.result() if done else None


async def _discard(process: Process) -> None:
    process.kill()
    process.link.abort()
    if await _ending(process) is None:
        _log.error("a killed worker does not end: it hangs in the kernel, look at the disk and the memory")
