"""What `lazaretto scan` reads: files, folders with all that is in them, and standard input."""

from __future__ import annotations

import asyncio
import errno
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["STDIN", "Unreadable", "files_in", "standard_input"]

STDIN = "-"
_CHUNK = 256 * 1024
_REMEDIES: Mapping[int, str] = {
    errno.ENOENT: "check the name, and where it leads if it is a link",
    errno.ELOOP: "the links lead to each other",
    errno.EACCES: "run this as a user who may read it",
    errno.EPERM: "run this as a user who may read it",
}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What could not be read, and why."""

    path: str
    why: str

    @classmethod
    def because(cls, path: str, error: OSError) -> Unreadable:
        """With what to do about it, where that is not plain."""
        why, remedy = error.strerror or str(error), _REMEDIES.get(error.errno or 0)
        return cls(path, f"{why}; {remedy}" if remedy else why)


def files_in(paths: Sequence[str]) -> Iterator[str | Unreadable]:
    """Every path that is no folder as it is, and whatever is below a folder, in the order of names.

    Folders are read as the iteration comes to them, and symbolic links to folders are not followed.
    """
    for path in paths:
        if path != STDIN and os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where it may not look
            yield from _files_below(path)
        else:
            yield path


def _files_below(top: str) -> Iterator[str | Unreadable]:
    problems: list[Unreadable] = []

    def note(error: OSError) -> None:
        problems.append(Unreadable.because(str(error.filename), error))

    for folder, folders, files in os.walk(top, onerror=note):
        folders.sort()
        yield from (str(Path(folder, file)) for file in sorted(files))
        yield from problems
        problems.clear()
    yield from problems


async def standard_input() -> AsyncIterator[bytes]:
    """The bytes of standard input, in pieces. Raises OSError."""
    if sys.stdin is None:
        raise OSError("standard input is closed")
    descriptor = sys.stdin.fileno()
    while True:
        await _until_readable(descriptor)
        chunk = await asyncio.to_thread(os.read, descriptor, _CHUNK)
        if not chunk:
            return
        yield chunk


async def _until_readable(descriptor: int) -> None:
    """A thread that waits for a pipe cannot be cancelled, and Ctrl-C would wait for it: so the event loop waits."""
    loop, readable = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, readable.set)
    except PermissionError:
        return  # a regular file: always readable, and epoll takes none
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
