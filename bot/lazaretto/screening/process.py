"""Starting and ending the plain worker process: a clean interpreter, no secrets, two descriptors.

`start_interpreter` is one way to get a worker; whatever else is a `Start` may replace it. It depends on neither the
event loop's child watcher nor its signal handling: the end of a process is seen on its pidfd.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Sequence
from typing import Protocol

from lazaretto.screening.protocol import EXIT_MEMORY

__all__ = ["WORKER_COMMAND", "Bounds", "Process", "Start", "start_interpreter"]

WORKER_COMMAND = (sys.executable, "-I", "-m", "lazaretto.screening.worker")

_ENVIRONMENT = {"LANG": "C.UTF-8"}
"""All that a worker inherits: in ours are the bot's token and whatever else the operator keeps there."""


class Bounds(Protocol):
    """What a worker may use."""

    @property
    def memory(self) -> int:
        """Bytes of address space."""

    @property
    def cpu_seconds(self) -> int:
        """The backstop for a worker that nobody is left to kill."""


class Process(Protocol):
    """A running worker, whoever started it."""

    @property
    def layers(self) -> tuple[str, ...]:
        """What the way of starting it puts between the worker and us; the worker itself may add to it."""

    @property
    def gone(self) -> asyncio.Future[str]:
        """Done when the process is dead and reaped: how it ended, in words."""

    def kill(self) -> None:
        """End it now. One that is gone already is no error."""


class Start(Protocol):
    """A way to start a worker that holds `control` (its end of the socket) and `file`. Raises OSError."""

    def __call__(self, control: int, file: int, bounds: Bounds) -> Awaitable[Process]: ...


class _Interpreter:
    """`Process` over subprocess and pidfd."""

    layers = ("process",)

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[str] = self._loop.create_future()
        self._pidfd = _pidfd_of(popen.pid)
        if self._pidfd is None:
            threading.Thread(target=self._wait, name=f"reaper of {popen.pid}", daemon=True).start()
        else:
            self._loop.add_reader(self._pidfd, self._reap)

    def kill(self) -> None:
        if self.gone.done():
            return
        if self._pidfd is None:
            self._popen.kill()  # asks the system first whether the process is still ours
            return
        try:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except ProcessLookupError:
            return  # dead and about to be reaped

    def _reap(self) -> None:
        status = self._popen.poll()
        if status is None or self._pidfd is None:
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = None
        self._over(status)

    def _wait(self) -> None:
        status = self._popen.wait()
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._over, status)

    def _over(self, status: int) -> None:
        if not self.gone.done():
            self.gone.set_result(_in_words(status))


async def start_interpreter(
    control: int, file: int, bounds: Bounds, *, command: Sequence[str] = WORKER_COMMAND
) -> Process:
    """Start `command CONTROL FILE MEMORY CPU` without blocking the loop. Raises OSError. Not to be cancelled."""
    arguments = [*command, str(control), str(file), str(bounds.memory), str(bounds.cpu_seconds)]
    popen = await asyncio.get_running_loop().run_in_executor(None, _popen, arguments, (control, file))
    return _Interpreter(popen)


def _popen(arguments: list[str], descriptors: tuple[int, int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=descriptors,
        env=_ENVIRONMENT,
        cwd="/",
        start_new_session=True,  # Ctrl-C at a terminal is for the bot, which then ends its workers in good order
    )


def _pidfd_of(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # macOS, Linux before 5.3, or out of descriptors
        return None


def _in_words(status: int) -> str:
    if status == EXIT_MEMORY:
        return "ran out of memory"
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:  # a real-time signal has no name
        return f"killed by signal {-status}"
