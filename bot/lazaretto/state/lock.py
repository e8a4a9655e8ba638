"""One instance per state folder: an advisory lock that the kernel releases when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lazaretto.state.errors import StateInUse

__all__ = ["instance_lock"]


@contextmanager
def instance_lock(folder: Path) -> Iterator[None]:
    """Hold `folder/lock`. Raises StateInUse, naming the folder and the process that has it."""
    # Never unlinked: a lock on a file that another process has replaced would protect nothing.
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise StateInUse(
                f"the state folder {folder} is in use by process {holder}: stop that process, "
                "or give this instance a state folder of its own"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
