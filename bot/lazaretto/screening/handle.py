"""One worker, seen from the bot: its birth, its one question and its one answer."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from time import monotonic

import structlog

from lazaretto.screening.link import Link, LinkLost, TooLong, connect
from lazaretto.screening.process import Process, Start
from lazaretto.screening.protocol import MAX_HELLO, MAX_REPLY, decode_hello, encode_request
from lazaretto.screening.reply import BadReply, decode_reply
from lazaretto_validators import Claim, Inspection, Limits, default_registry

__all__ = ["Allowance", "Fault", "Worker", "start_worker"]

_MIB = 1 << 20

_WORKING_ROOM = 112 * _MIB
"""Address space of a worker beyond the bytes that it may expand: the interpreter's own tables and copies."""

_START_SECONDS = 30.0
"""For an interpreter's start, which takes 0.1 s on an idle machine."""

_DEATH_SECONDS = 2.0
"""For the end of a process that was killed. Only one that hangs in the kernel takes longer; its reaper stays on."""

_PACE = 8 * _MIB
"""Bytes per second that even the slowest validator manages on a busy machine: what a large file's wait grows by."""

_log = structlog.get_logger("lazaretto.screening")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no answer. The two texts go into the finding."""

    seen: str
    allowed: str = ""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one worker may use: `seconds` of waiting for its answer, and more for a large file; memory; CPU time."""

    seconds: float
    largest: int
    limits: Limits

    def patience(self, size: int) -> float:
        """Seconds to wait for the answer about `size` bytes, counted from their end."""
        return self.seconds + size / _PACE

    @property
    def memory(self) -> int:
        """Bytes of address space."""
        return self.limits.expanded_bytes + _WORKING_ROOM

    @property
    def cpu_seconds(self) -> int:
        """More than the bot would ever wait, so that it never decides while the bot lives."""
        return int(self.patience(self.largest)) + 10


class Worker:
    """A worker that has said hello. Made by `start_worker`."""

    def __init__(self, process: Process, link: Link, layers: tuple[str, ...], allowance: Allowance) -> None:
        self.layers = layers
        self._process = process
        self._link = link
        self._allowance = allowance

    @property
    def alive(self) -> bool:
        """As far as we know: it may have died a moment ago."""
        return not self._link.closed.done() and not self._process.gone.done()

    def ask(self, claim: Claim) -> None:
        """Name the claim. Bytes may be announced from now on."""
        self._link.say(encode_request(claim, self._allowance.limits))

    def announce(self, total: int) -> None:
        """So many bytes are in its file. Costs nothing when it is dead or does not listen."""
        self._link.announce(total)

    async def answer(self, mark: int, size: int) -> Inspection | Fault:
        """End the file with `mark` (END, ABORT) after `size` bytes and wait for what the worker makes of it."""
        patience = self._allowance.patience(size)
        began = monotonic()
        self._link.announce(size)
        self._link.end(mark)
        try:
            async with asyncio.timeout(patience):
                line = await self._link.line(MAX_REPLY)
            if self._link.rest:
                raise BadReply("one line and nothing after it")
            return decode_reply(line)
        except TimeoutError:
            return Fault(f"no answer for {monotonic() - began:.1f} s", f"{patience:.1f} s")
        except LinkLost:
            return await _last_words(self._process)
        except TooLong:
            return _bad_reply(f"one line of at most {MAX_REPLY} bytes")
        except BadReply as error:
            return _bad_reply(error.expected)

    async def close(self) -> None:
        """End the process and the connection; returns when both are gone."""
        await _discard(self._process, self._link)


def _bad_reply(expected: str) -> Fault:
    return Fault("bad reply", expected)


async def start_worker(start: Start, file: int, allowance: Allowance) -> Worker | Fault:
    """A worker holding the descriptor `file`, loaded and limited. The caller keeps its own `file`.

    Never raises: a machine without processes or descriptors to spare is a fault like others. Not to be cancelled.
    """
    try:
        ours, theirs = socket.socketpair()
    except OSError as error:
        return Fault(f"no worker could be started: {error.strerror}")
    try:
        with theirs:
            process = await start(theirs.fileno(), file, allowance)
    except OSError as error:
        ours.close()
        return Fault(f"no worker could be started: {error.strerror}")
    link = await connect(ours)
    said = await _hello(process, link)
    if isinstance(said, Fault):
        await _discard(process, link)
        _log.error("a worker did not come up", why=said.seen, expected=said.allowed)
        return said
    return Worker(process, link, (*process.layers, *said), allowance)


async def _hello(process: Process, link: Link) -> tuple[str, ...] | Fault:
    """The layers that the worker says hold around it."""
    try:
        async with asyncio.timeout(_START_SECONDS):
            hello = decode_hello(await link.line(MAX_HELLO))
    except TimeoutError:
        return Fault("the worker did not start", f"{_START_SECONDS:.0f} s")
    except LinkLost:
        fault = await _last_words(process)
        return Fault(f"the worker did not start: {fault.seen}")
    except (TooLong, ValueError):
        return Fault("the worker did not start: it said no proper hello")
    if hello.rule_set != default_registry().rule_set:
        return Fault("the worker loaded other rules than the bot", "restart the bot after an upgrade")
    return hello.layers


async def _last_words(process: Process) -> Fault:
    """How a worker that closed its connection ended; one that lives on without a connection will be killed."""
    done, _ = await asyncio.wait([process.gone], timeout=_DEATH_SECONDS)
    if not done:
        return _bad_reply("an answer, not a closed connection")
    return Fault(process.gone.result(), "an answer")


async def _discard(process: Process, link: Link) -> None:
    process.kill()
    link.abort()
    done, _ = await asyncio.wait([process.gone], timeout=_DEATH_SECONDS)
    if not done:
        _log.error("a killed worker does not end: it hangs in the kernel, look at the disk and the memory")
    await link.closed
