"""ClamAV's scanner as a peer, where its daemon is installed: a clamd of our own, with one signature and no cache.

One signature, because its database is not ours to fetch: what is measured is how it reads files and takes them apart.
With the real one (several million signatures) it is slower, and takes more than 1 GiB of memory.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.processor import seconds_of

__all__ = ["Clamd", "find_clamd", "running_clamd"]

_START_SECONDS = 30.0
_SIGNATURE = "00112233445566778899aabbccddeeff:1048576:Benchmark.Nothing\n"  # MD5, size, name: of no file that exists


def find_clamd() -> str | None:
    """Where the daemon is. Debian puts it where an ordinary user's PATH does not look."""
    return shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin")


class Clamd:
    """A running daemon."""

    def __init__(self, process: subprocess.Popen[bytes], socket_path: Path) -> None:
        self._process = process
        self._socket = str(socket_path)

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used."""
        return seconds_of(self._process.pid)

    def ask(self, command: str) -> str:
        """One command, and the answer to it. Blocks."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_START_SECONDS)
            connection.connect(self._socket)
            connection.sendall(b"z" + command.encode() + b"\0")
            answer = b""
            while not answer.endswith(b"\0") and (data := connection.recv(4096)):
                answer += data
        return answer.rstrip(b"\0").decode()

    def scan(self, path: Path) -> None:
        """Look at a file. Raises RuntimeError when it was not looked at, or not found clean."""
        answer = self.ask(f"SCAN {path}")
        if not answer.endswith(": OK"):
            raise RuntimeError(f"clamd says of {path.name}: {answer.rpartition(': ')[2]}")


@contextmanager
def running_clamd(program: str, folder: Path, threads: int) -> Iterator[Clamd]:
    """A daemon that listens in `folder`, as long as the context lasts. Raises OSError when it does not come up."""
    database = folder / "signatures"
    database.mkdir(parents=True)
    (database / "test.hdb").write_text(_SIGNATURE, encoding="ascii")
    settings = folder / "clamd.conf"
    settings.write_text(
        f"LocalSocket {folder}/socket\nDatabaseDirectory {database}\nTemporaryDirectory {folder}\n"
        f"Foreground yes\nDisableCache yes\nMaxThreads {threads}\nSelfCheck 0\nConcurrentDatabaseReload no\n",
        encoding="utf-8",
    )
    command = [program, f"--config-file={settings}"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        daemon = Clamd(process, folder / "socket")
        _wait_for(daemon, process)
        yield daemon
    finally:
        process.terminate()
        process.wait(_START_SECONDS)


def _wait_for(daemon: Clamd, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if daemon.ask("PING") == "PONG":
                return
        except OSError:
            time.sleep(0.05)
    raise OSError(f"clamd does not come up: exit status {process.poll()}")
