"""Where arriving bytes are written: a private folder with a bound, and the files in it."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import secrets
import threading
from pathlib import Path

import structlog

from lazaretto.private_files import GUARDED, new_private_file, private_folder
from lazaretto.screening.descriptors import let_go
from lazaretto.screening.waiting import settled

__all__ = ["Spool", "SpoolFile"]

_SUFFIX = ".part"
_log = structlog.get_logger("lazaretto.screening")


class Spool:
    """The folder. All its files together hold at most `most` bytes."""

    def __init__(self, folder: Path, most: int) -> None:
        """Takes the folder over: what an earlier run left in it goes. Blocks. Raises OSError."""
        private_folder(folder)
        for leftover in folder.glob(f"*{_SUFFIX}"):
            leftover.unlink()
        self._folder = folder
        self._most = most
        self._held = 0
        self._leftovers: dict[Path, int] = {}  # that could not be removed, and the bytes in them
        self._told: set[Path] = set()  # of which of them the log tells
        self._counting = threading.Lock()  # files are removed in threads

    def new_file(self) -> tuple[SpoolFile, int]:
        """An empty file, and a separately opened descriptor of it that cannot write. Blocks. Raises OSError."""
        for leftover, count in self._taken_leftovers().items():
            self.remove(leftover, count)
        path = self._folder / f"{secrets.token_hex(16)}{_SUFFIX}"
        writing = new_private_file(path, os.O_WRONLY | os.O_APPEND)
        try:
            reading = os.open(path, os.O_RDONLY | GUARDED)
        except OSError:
            let_go(writing)
            path.unlink(missing_ok=True)
            raise
        return SpoolFile(self, path, writing), reading

    def take(self, count: int) -> None:
        """Room for `count` more bytes. Raises OSError (ENOSPC) when the bound is met."""
        with self._counting:
            if self._held + count > self._most:
                raise OSError(
                    errno.ENOSPC,
                    f"the spool holds {self._held} of at most {self._most} bytes, {count} more do not fit: "
                    "raise the spool's size, or screen fewer files at once",
                    str(self._folder),
                )
            self._held += count

    def remove(self, path: Path, count: int) -> None:
        """Remove a file that is done with, whose `count` bytes are no longer held then. Blocks.

        One that cannot be removed is tried again with the next new file: whoever is done with it can do nothing about
        it, and its attachment is not to blame.
        """
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            with self._counting:
                self._leftovers[path] = count
                known = path in self._told
                self._told.add(path)
            if not known:
                _log.error("a spool file cannot be removed, trying again later", file=path.name, error=str(error))
        else:
            with self._counting:
                self._told.discard(path)
                self._held -= count

    def _taken_leftovers(self) -> dict[Path, int]:
        """Those that are to be tried again, for one thread alone: two that removed the same file would both give its
        room back."""
        with self._counting:
            taken, self._leftovers = self._leftovers, {}
            return taken


class SpoolFile:
    """One part's bytes as they arrive: written, counted and hashed in one go."""

    def __init__(self, spool: Spool, path: Path, descriptor: int) -> None:
        self.path = path
        self.size = 0
        self.broken = False
        self._spool = spool
        self._descriptor = descriptor
        self._taken = 0
        self._digest = hashlib.sha256()
        self._writing: asyncio.Future[None] | None = None

    @property
    def sha256(self) -> str:
        """Digest of the bytes written, as hexadecimal digits."""
        return self._digest.hexdigest()

    async def append(self, chunk: bytes) -> None:
        """Write `chunk`; returns when it is in the file. Cancelled, it is written all the same. Raises OSError."""
        await settled(self._writing)
        try:
            self._spool.take(len(chunk))
            self._taken += len(chunk)
            # One hop for both: hashing releases the interpreter's lock, and the bytes are still in the cache.
            self._writing = asyncio.get_running_loop().run_in_executor(None, self._write, chunk)
            await asyncio.shield(self._writing)
        except OSError:
            self.broken = True
            raise

    async def at_rest(self) -> None:
        """Wait until nothing is being written."""
        await settled(self._writing)

    async def discard(self) -> None:
        """Close and remove; what cannot be removed now is removed later."""
        await self.at_rest()
        taken, self._taken = self._taken, 0
        await asyncio.get_running_loop().run_in_executor(None, self._remove, taken)

    def _write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            self.broken = True  # here, because whoever fed it may not be waiting any more
            raise
        self._digest.update(chunk)
        self.size += len(chunk)

    def _remove(self, taken: int) -> None:
        let_go(self._descriptor)
        self._spool.remove(self.path, taken)
