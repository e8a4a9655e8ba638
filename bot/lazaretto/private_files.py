"""Folders and files that nobody but the bot's own account may read."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

__all__ = ["new_private_file", "open_regular", "private_folder", "sync_folder"]


def private_folder(folder: Path) -> None:
    """Make sure that `folder` is there and closed to other accounts.

    A folder that exists with wider permissions is refused rather than closed: it may be shared on purpose, and then
    it is the wrong folder. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        raise PermissionError(
            errno.EACCES,
            f"other accounts can enter this folder (mode {mode:o}), but strangers' files are kept in it: "
            "run chmod 700 on it, or configure another folder",
            str(folder),
        )


def new_private_file(path: Path, flags: int = os.O_WRONLY) -> int:
    """Descriptor of a file made just now with mode 0600. Raises FileExistsError rather than open a planted one."""
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def open_regular(path: Path) -> tuple[int, os.stat_result]:
    """Read-only descriptor of a regular file, and its status. Raises OSError, for folders and devices as well."""
    # O_NONBLOCK: opening a named pipe would otherwise wait for somebody to write to it.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "this is a folder: name the files in it", str(path))
    raise OSError(errno.EINVAL, "only regular files can be looked at, not pipes or devices", str(path))


def sync_folder(folder: Path) -> None:
    """Make renames and removals in `folder` durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
