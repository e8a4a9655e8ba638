"""Workers forked from a clean zygote: `Backend` on Linux. This is the bot's side, `zygote` is the other one.

A zygote is replaced when one of its workers crashes, because all forks share one memory layout: those that are at work
go on, no new one comes from it, and a successor starts at once. One that dies is replaced too.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import structlog

from lazaretto.screening.sandbox.backend import Bounds, Ending
from lazaretto.screening.sandbox.child import Child, start_child
from lazaretto.screening.sandbox.link import SocketLink
from lazaretto.screening.sandbox.zygote_words import FORK, FORKED, MAX_PACKET, NOT_FORKED, READY, REAPED, UNABLE
from lazaretto.tasks import spawn
from lazaretto_validators import default_registry

if sys.platform != "linux":
    raise ImportError("zygotes need Linux: use ExecBackend")

__all__ = ["ZYGOTE_COMMAND", "ZygoteBackend"]

ZYGOTE_COMMAND = (sys.executable, "-I", "-m", "lazaretto.screening.sandbox.zygote")

_START_SECONDS = 30.0
"""For an interpreter's start and for a fork, which take 0.2 s and 1 ms on an idle machine."""

_DEATH_SECONDS = 2.0
_TRIES = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0

_log = structlog.get_logger("lazaretto.screening")


class _Worker:
    """`Process` of a forked worker."""

    layers = ("process",)

    def __init__(self, zygote: _Zygote, link: SocketLink, pid: int, pidfd: int) -> None:
        self.link = link
        self.pid = pid
        self.gone: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._zygote = zygote
        self._pidfd = pidfd

    @property
    def fresh(self) -> bool:
        return not self._zygote.retired

    def cpu_seconds(self) -> float | None:
        # The kernel's number of a process's CPU clock, as clock_getcpuclockid(3) makes it.
        try:
            return time.clock_gettime((~self.pid << 3) | 2)
        except OSError:
            return None

    def kill(self) -> None:
        if not self.gone.done():
            with contextlib.suppress(ProcessLookupError):  # dead, and about to be reaped
                signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)

    def over(self, ending: Ending) -> None:
        """It is reaped, or its zygote is and nobody can tell how it ended."""
        self.kill()
        os.close(self._pidfd)
        self.gone.set_result(ending)


class _Order(NamedTuple):
    """A worker that was asked for: our end of its socket, and where it is waited for."""

    socket: socket.socket
    worker: asyncio.Future[_Worker]


class _Zygote:
    """One zygote and its workers. `retired`: it gets no more orders, and ends with its last worker."""

    def __init__(self, child: Child, control: socket.socket) -> None:
        self.retired = False
        self.on_retired: Callable[[], None] | None = None
        self.child = child
        self._control = control
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._orders: dict[int, _Order] = {}
        self._workers: dict[int, _Worker] = {}
        self._next = 0
        control.setblocking(False)
        self._loop.add_reader(control, self._hear)

    async def ready(self) -> None:
        """Wait until it can fork. Raises OSError with the reason."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                await self._ready
        except TimeoutError:
            raise OSError(errno.ETIMEDOUT, f"the zygote was not ready after {_START_SECONDS:.0f} s") from None

    async def fork(self, file: int, bounds: Bounds) -> _Worker:
        """Raises OSError."""
        ours, theirs = socket.socketpair()
        number, self._next = self._next, (self._next + 1) % (1 << 32)
        order = self._orders[number] = _Order(ours, self._loop.create_future())
        try:
            with theirs:
                packet = FORK.pack(b"F", number, bounds.memory, bounds.cpu, bounds.spare)
                socket.send_fds(self._control, [packet], [theirs.fileno(), file])
            async with asyncio.timeout(_START_SECONDS):
                return await order.worker
        except (BrokenPipeError, ConnectionResetError):
            self._lost("it died")
            raise
        except TimeoutError:
            self.child.kill()  # it hangs or was stopped: the kernel ends its workers with it
            self._lost("it does not answer")
            raise OSError(errno.ETIMEDOUT, f"the zygote did not fork within {_START_SECONDS:.0f} s") from None
        finally:
            if self._orders.pop(number, None) is not None:
                ours.close()
            if self.retired:
                self.retire()

    def retire(self) -> None:
        """Take no more orders, and end with the last worker."""
        self._give_up()
        if not self._workers and not self._orders:
            self._hang_up()

    async def end(self) -> None:
        """Hang up, and see to it that the process ends."""
        self._lost("it was ended")
        done, _ = await asyncio.wait([self.child.gone], timeout=_DEATH_SECONDS)
        if not done:
            self.child.kill()
            await asyncio.wait([self.child.gone], timeout=_DEATH_SECONDS)

    def _hear(self) -> None:
        """One packet. The zygote never read a stranger's byte, so that its words are believed."""
        try:
            packet, descriptors, _, _ = socket.recv_fds(self._control, MAX_PACKET, 1)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            packet, descriptors = b"", []
        if not packet:
            self._lost("it died")
        elif packet == READY:
            self._ready.set_result(None)
        elif packet.startswith(UNABLE):
            self._lost(packet[1:].decode("utf-8", "replace"))
        elif packet.startswith(b"S"):
            _, number, pid = FORKED.unpack(packet)
            if descriptors:
                self._forked(number, pid, descriptors[0])
            else:  # the kernel dropped it; the worker leaves when its socket is closed
                self._refused(number, OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
        elif packet.startswith(b"N"):
            _, number, error = NOT_FORKED.unpack(packet)
            self._refused(number, OSError(error, os.strerror(error)))
        else:
            _, number, status = REAPED.unpack(packet)
            self._reaped(number, Ending(status))

    def _forked(self, number: int, pid: int, pidfd: int) -> None:
        order = self._orders.pop(number, None)
        if order is None or order.worker.done():  # nobody waits for it any more
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
            os.close(pidfd)
            if order is not None:
                order.socket.close()
            return
        worker = self._workers[number] = _Worker(self, SocketLink(order.socket), pid, pidfd)
        order.worker.set_result(worker)

    def _refused(self, number: int, error: OSError) -> None:
        order = self._orders.get(number)
        if order is not None and not order.worker.done():
            order.worker.set_exception(error)

    def _reaped(self, number: int, ending: Ending) -> None:
        worker = self._workers.pop(number, None)
        if worker is not None:
            worker.over(ending)
        if ending.crashed:
            _log.warning("a worker crashed: the zygote is replaced", how=str(ending))
        if self.retired or ending.crashed:
            self.retire()

    def _lost(self, why: str) -> None:
        self._hang_up()
        error = OSError(errno.ECHILD, f"no zygote: {why}")
        waiting: list[asyncio.Future[Any]] = [self._ready, *(order.worker for order in self._orders.values())]
        for future in waiting:
            if not future.done():
                future.set_exception(error)
                future.exception()  # seen: whoever waits for it gets it all the same
        workers, self._workers = self._workers, {}
        for worker in workers.values():
            worker.over(Ending(None))
        self._give_up()

    def _give_up(self) -> None:
        if not self.retired:
            self.retired = True
            if self.on_retired is not None:
                self.on_retired()

    def _hang_up(self) -> None:
        if self._control.fileno() >= 0:
            self._loop.remove_reader(self._control)
            # A child that the host has forked may hold a copy: closing ours alone would tell the zygote nothing.
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)
            self._control.close()


async def _discard(worker: _Worker) -> None:
    worker.kill()
    worker.link.abort()
    await worker.gone


class ZygoteBackend:
    """`Backend`. require: workers around which not every mandatory layer holds leave before the first byte.

    command: how the zygote is started. flags: for tests; `zygote` has their names.
    """

    def __init__(
        self, *, require: bool = True, command: Sequence[str] = ZYGOTE_COMMAND, flags: Sequence[str] = ()
    ) -> None:
        self._command = command
        self._flags = (*flags, "require") if require else tuple(flags)
        self._zygotes: list[_Zygote] = []  # the last one is in use
        self._replacing: asyncio.Task[OSError | None] | None = None
        self._failures = 0  # deaths and starts in vain since the last fork
        self._started = 0

    @property
    def restarts(self) -> int:
        """Zygotes that had to replace another one."""
        return max(0, self._started - 1)

    async def start(self, file: int, bounds: Bounds) -> _Worker:
        """See `Backend`. A zygote that dies of the order, or just before it, is no reason to give up yet."""
        zygote = await self._serving()
        try:
            worker = await zygote.fork(file, bounds)
        except OSError:
            if not zygote.retired:
                raise
            worker = await (await self._serving()).fork(file, bounds)
        if not worker.fresh:  # a sibling has crashed meanwhile
            await _discard(worker)
            worker = await (await self._serving()).fork(file, bounds)
        self._failures = 0
        return worker

    async def close(self) -> None:
        """End all zygotes."""
        if not self._closing.done():
            self._closing.set_result(None)
        if self._replacing is not None:
            await asyncio.wait([self._replacing])
        await asyncio.gather(*(zygote.end() for zygote in self._zygotes))

    async def _serving(self) -> _Zygote:
        """The zygote in use, or its successor. Raises OSError."""
        while not self._zygotes or self._zygotes[-1].retired:
            if error := await asyncio.shield(self._replace_soon()):
                raise error
        return self._zygotes[-1]

    def _replace_soon(self) -> asyncio.Task[OSError | None]:
        if self._replacing is None or self._replacing.done():
            self._replacing = spawn(self._replace(), "start of a zygote")
        return self._replacing

    def _retired(self) -> None:
        self._failures += 1
        if not self._closing.done():
            self._replace_soon()

    @cached_property
    def _closing(self) -> asyncio.Future[None]:
        """Done when no more are to be started. Made when a loop runs."""
        return asyncio.get_running_loop().create_future()

    async def _replace(self) -> OSError | None:
        """Start one. From the second that came to nothing on, each further one waits, twice as long each time."""
        why = OSError(errno.ESHUTDOWN, "the sandbox is closed")
        for _ in range(_TRIES):
            if self._failures > 1:
                pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (self._failures - 2))
                _log.warning("the next zygote waits", seconds=pause)
                await asyncio.wait([self._closing], timeout=pause)
            if self._closing.done():
                return why
            try:
                await self._start()
            except OSError as error:
                self._failures += 1
                why = error
                _log.error("a zygote does not come up", why=error.strerror or str(error), failures=self._failures)
            else:
                return None
        return why

    async def _start(self) -> None:
        """Raises OSError."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs:
                validators = json.dumps(default_registry().third_parties)
                command = (*self._command, str(theirs.fileno()), str(os.getpid()), validators, *self._flags)
                child = await start_child(command, pass_fds=(theirs.fileno(),))
        except BaseException:
            ours.close()
            raise
        zygote = _Zygote(child, ours)
        try:
            await zygote.ready()
        except BaseException:
            await zygote.end()
            raise
        zygote.on_retired = self._retired
        self._started += 1
        self._zygotes = [*(z for z in self._zygotes if not z.child.gone.done()), zygote]
