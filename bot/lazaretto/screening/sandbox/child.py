"""A child process of the bot: a clean interpreter that inherits no secret, and whose end is noticed on any loop.

It depends on neither the event loop's child watcher nor its signal handling: the end is seen on a pidfd, or by a
thread where there are none.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

__all__ = ["Child", "start_child"]

_ENVIRONMENT = {"LANG": "C.UTF-8"}
"""All that a child inherits: in ours are the bot's token and whatever else the operator keeps there. What Windows
needs to start any process at all comes to it."""


class Child:
    """A running child. Made by `start_child`."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self.pid = popen.pid
        self.popen = popen
        self._loop = asyncio.get_running_loop()
        self.gone: asyncio.Future[int] = self._loop.create_future()
        self._pidfd = _pidfd_of(popen.pid)
        if self._pidfd is None:
            threading.Thread(target=self._wait, name=f"reaper of {popen.pid}", daemon=True).start()
        else:
            self._loop.add_reader(self._pidfd, self._reap)

    def kill(self) -> None:
        """End it now. One that is gone already is no error."""
        if not self.gone.done():
            self.popen.kill()  # never by a number alone: it knows whether the process is still ours

    def _reap(self) -> None:
        status = self.popen.poll()
        if status is None or self._pidfd is None:
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._pidfd = None
        self._over(status)

    def _wait(self) -> None:
        status = self.popen.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits for it
            self._loop.call_soon_threadsafe(self._over, status)

    def _over(self, status: int) -> None:
        if not self.gone.done():
            self.gone.set_result(status)


async def start_child(command: Sequence[str], **streams: Any) -> Child:
    """Start `command` without blocking the loop; `streams` are Popen's. Raises OSError. Not to be cancelled."""
    popen = await asyncio.get_running_loop().run_in_executor(None, lambda: _popen(command, streams))
    return Child(popen)


def _popen(command: Sequence[str], streams: dict[str, Any]) -> subprocess.Popen[bytes]:
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    environment = _ENVIRONMENT
    if sys.platform == "win32":
        environment = {"SYSTEMROOT": os.environ.get("SYSTEMROOT", ""), **environment}
    # A session of its own: Ctrl-C at a terminal is for the bot, which then ends its workers in good order.
    return subprocess.Popen(command, env=environment, cwd="/", start_new_session=True, **{**quiet, **streams})


def _pidfd_of(pid: int) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):  # before Linux 5.3, or out of descriptors
        return None
