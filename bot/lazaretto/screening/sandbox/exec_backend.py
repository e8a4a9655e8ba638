"""Workers that are interpreters of their own, over pipes: `Backend` for systems without zygotes.

Every worker costs an interpreter's start, about 0.15 s, and only what POSIX offers holds around it. Its three standard
streams are all it has, because they are what every system hands down: marks come in by the first, the answer goes out
by the second, and the third *is the file*, read-only.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import IO

from lazaretto.screening.sandbox.backend import Bounds, Ending
from lazaretto.screening.sandbox.child import Child, start_child
from lazaretto.screening.sandbox.link import Link
from lazaretto.tasks import spawn

__all__ = ["WORKER_COMMAND", "ExecBackend"]

WORKER_COMMAND = (sys.executable, "-I", "-m", "lazaretto.screening.sandbox.exec_worker")

_PIECE = 64 * 1024


class _PipeLink(Link):
    """Over two pipes, a thread for each: not every system's event loop can wait for pipes."""

    def __init__(self, listening: IO[bytes], speaking: IO[bytes]) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Condition()
        self._unsent = b""
        self._ended = False
        jobs = ((self._listen, listening), (self._speak, speaking))
        self._threads = [threading.Thread(target=job, args=(pipe,), name="pipe", daemon=True) for job, pipe in jobs]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for the threads, which end soon after the worker does. Blocks."""
        for thread in self._threads:
            thread.join()

    def _wake(self) -> None:
        with self._lock:
            # At most one request, one mark and an end can wait here: `_outgoing` replaces older counts, and what the
            # thread has not taken yet is kept as it is.
            if not self._unsent:
                self._unsent = self._outgoing()
            self._lock.notify()

    def _close(self) -> None:
        with self._lock:
            self._ended = True
            self._lock.notify()

    def _listen(self, pipe: IO[bytes]) -> None:
        with pipe:
            while data := os.read(pipe.fileno(), _PIECE):
                if self._ended or not self._in_loop(self._take_in, data):
                    return  # the pipe is closed, which ends a worker that goes on writing
        self._in_loop(self._take_in, b"")

    def _speak(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError), pipe:
            while data := self._next():
                while data:
                    data = data[os.write(pipe.fileno(), data) :]
                self._in_loop(self._wake)

    def _next(self) -> bytes:
        with self._lock:
            while not self._unsent and not self._ended:
                self._lock.wait()
            data, self._unsent = self._unsent, b""
            return b"" if self._ended else data

    def _in_loop(self, call: object, *arguments: bytes) -> bool:
        try:
            self._loop.call_soon_threadsafe(call, *arguments)  # type: ignore[arg-type]
        except RuntimeError:  # the loop is closed: nobody waits for this worker
            return False
        return True


class _Worker:
    """`Process` of an interpreter."""

    layers = ("process",)
    fresh = True

    def __init__(self, child: Child, link: _PipeLink) -> None:
        self.link = link
        self.gone: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._child = child
        spawn(self._end(link), "end of a worker")

    def cpu_seconds(self) -> float | None:
        return None

    def kill(self) -> None:
        self._child.kill()

    async def _end(self, link: _PipeLink) -> None:
        status = await self._child.gone
        await asyncio.to_thread(link.join)
        self.gone.set_result(Ending(status))


class ExecBackend:
    """`Backend`. command: how a worker is started; memory and processor time are added to it."""

    restarts = 0  # nothing starts them that could die

    def __init__(self, *, command: Sequence[str] = WORKER_COMMAND) -> None:
        self._command = command

    async def start(self, file: int, bounds: Bounds) -> _Worker:
        """See `Backend`."""
        command = (*self._command, str(bounds.memory), str(bounds.cpu))
        child = await start_child(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=file)
        speaking, listening = child.popen.stdin, child.popen.stdout
        if speaking is None or listening is None:  # as Popen promises; said for the type checker
            raise OSError("no pipes")
        return _Worker(child, _PipeLink(listening, speaking))

    async def close(self) -> None:
        """Nothing is kept beside the workers."""
