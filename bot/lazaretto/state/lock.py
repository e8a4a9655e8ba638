"""One instance per state folder: an advisory lock that the kernel releases when its holder dies."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lazaretto.private_files import GUARDED
from lazaretto.state.errors import StateInUse

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["instance_lock"]

_FAR = 1 << 20
"""The byte that is locked on Windows, where a locked byte cannot be read: not where the holder's name stands."""


@contextmanager
def instance_lock(folder: Path) -> Iterator[None]:
    """Hold `folder/lock`. Raises StateInUse, naming the folder and the process that has it."""
    # Never unlinked: a lock on a file that another process has replaced would protect nothing.
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | GUARDED, 0o600)
    try:
        try:
            _take(descriptor)
        except (BlockingIOError, PermissionError):
            os.lseek(descriptor, 0, os.SEEK_SET)
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
            raise StateInUse(
                f"the state folder {folder} is in use by process {holder}: stop that process, "
                "or give this instance a state folder of its own"
            ) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode("ascii"))
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    """Raises BlockingIOError, on Windows PermissionError, where another process has it."""
    if sys.platform == "win32":
        os.lseek(descriptor, _FAR, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
