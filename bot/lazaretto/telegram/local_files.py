"""Files of a Bot API server of one's own, read from the folder that it shares with us.

With `--local` such a server answers getFile with a path on its own disk. Whoever answers in its place could name any
file of ours. So a path is followed below the one configured folder alone, name by name, each opened from a descriptor
of the one before and never through a symbolic link: whatever is swapped meanwhile, nothing leads out of the folder.
Nor does a hard link, by which a file of ours would have a second name in it. The server makes none: it renames a file
into its place once it is whole (TDLib, create_from_temp). Whoever copies the folder by hard links (`cp -l`) makes its
files unfit for us.

The server's paths contain the bot's token. No text of an error here repeats any part of them.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lazaretto.ports import FetchFailed, NotFetchable
from lazaretto.screening.waiting import kept

__all__ = ["LocalFiles"]

# Read at once. Large enough that a thread's round trip does not count, small beside what a screening holds anyway.
_CHUNK = 256 * 1024

_FROM_A_FOLDER = os.open in os.supports_dir_fd

_OUTSIDE = "the server names a path outside its own files"
_LINK = "the server's path leads through a symbolic link or something else that is no folder"
_NO_FILE = "the server names something that is no plain file"
_SEVERAL = "the server's file has a second name, a hard link, and so may be somebody else's"
_DENIED = "the bot's user may not read the server's file: give it the right to read everything below local_files"
_REFUSALS: Mapping[int, str] = {
    errno.ELOOP: _LINK,
    errno.ENOTDIR: _LINK,
    errno.ENXIO: _NO_FILE,  # a socket, or a device that nothing serves
    errno.ENODEV: _NO_FILE,
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.ENAMETOOLONG: _OUTSIDE,
}
"""What the system says of a path where trying again would not help, and what we say."""


class _State(NamedTuple):
    """What stays the same while nobody touches the file. links: 0 once it is removed. changed: nanoseconds."""

    links: int
    size: int
    changed: int


class LocalFiles:
    """The folder where the server keeps its files; both of us have it at the same path."""

    def __init__(self, folder: Path) -> None:
        """`folder` is absolute. It is opened anew for each file, since the server may make it later."""
        self._folder = folder

    async def read(self, path: str) -> AsyncGenerator[bytes]:
        """The bytes of the file that the server calls `path`, in pieces of at most 256 KiB, read in threads.

        Raises NotFetchable for anything but a plain file below the folder, and FetchFailed where it is gone or changes
        while it is read.
        """
        names = self._names(path)
        run, reading = asyncio.get_running_loop().run_in_executor, None
        try:
            descriptor, before = await kept(run(None, _open, self._folder, names), lambda late: os.close(late[0]))
        except OSError as error:
            raise _explained(error) from None
        try:
            received, now = 0, before
            while received <= before.size:
                reading = run(None, _read, descriptor)
                chunk, now = await asyncio.shield(reading)
                if not chunk:
                    break
                received += len(chunk)
                yield chunk
            if received != before.size or now != before:
                raise FetchFailed("the server's file changed while it was read")
        except OSError as error:
            raise _explained(error) from None
        finally:
            _close(descriptor, reading)

    def _names(self, path: str) -> Sequence[str]:
        """The names that lead from the folder to the file. Raises NotFetchable."""
        inside = path.removeprefix(f"{self._folder}/")
        names = inside.split("/")
        if inside == path or "\0" in inside or not {"", ".", ".."}.isdisjoint(names):
            raise NotFetchable(_OUTSIDE)
        return names


def _open(folder: Path, names: Sequence[str]) -> tuple[int, _State]:
    """A descriptor of the file that `names` lead to, and its state. Raises NotFetchable, OSError."""
    if sys.platform == "win32" or not _FROM_A_FOLDER:
        raise NotFetchable("local_files needs a system that opens files by their folder's descriptor, such as Linux")
    *steps, last = names
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # the operator's own path may be a link
    try:
        for step in steps:
            there = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = there
        # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever; plain files do not know it.
        # O_NOCTTY: a terminal among the files must not become ours.
        found = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=here)
    finally:
        os.close(here)
    try:
        return found, _state(found)
    except BaseException:
        os.close(found)
        raise


def _state(descriptor: int) -> _State:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise NotFetchable(_NO_FILE)
    if status.st_nlink > 1:
        raise NotFetchable(_SEVERAL)
    return _State(status.st_nlink, status.st_size, status.st_mtime_ns)


def _read(descriptor: int) -> tuple[bytes, _State]:
    """The next bytes, none at the end, and the file's state after them."""
    chunk = os.read(descriptor, _CHUNK)
    return chunk, _state(descriptor)


def _close(descriptor: int, reading: asyncio.Future[tuple[bytes, _State]] | None) -> None:
    """Only when no thread reads from it any more: a moment later its number may be another file's."""
    if reading is None or reading.done():
        os.close(descriptor)
    else:
        reading.add_done_callback(lambda late: _close(descriptor, late))


def _explained(error: OSError) -> FetchFailed | NotFetchable:
    """In our words: the system's name the path."""
    refusal = _REFUSALS.get(error.errno or 0)
    if refusal is not None:
        return NotFetchable(refusal)
    return FetchFailed(f"the server's file cannot be read: {os.strerror(error.errno) if error.errno else 'no reason'}")
