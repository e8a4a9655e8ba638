"""Folders and files that nobody but the bot's own account may read."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

__all__ = ["GUARDED", "READING", "new_private_file", "open_regular", "private_folder", "sync_folder"]


def _flags(*names: str) -> int:
    """Those of the flags for `os.open` that this system has: Windows lacks most, and what they guard against."""
    flags = 0
    for name in names:
        flags |= getattr(os, name, 0)
    return flags


GUARDED = _flags("O_CLOEXEC", "O_NOFOLLOW", "O_BINARY")
"""For every file of ours: inherited by no child, never behind a symbolic link."""

READING = os.O_RDONLY | _flags("O_CLOEXEC", "O_BINARY")
"""For files that may well be links, such as a secret that was mounted."""

_READ_ANYTHING = _flags("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")
_READ_FOLDER = _flags("O_DIRECTORY", "O_CLOEXEC")


def private_folder(folder: Path) -> None:
    """Make sure that `folder` is there and closed to other accounts.

    A folder that exists with wider permissions is refused rather than closed: it may be shared on purpose, and then
    it is the wrong folder. Raises OSError.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077 and sys.platform != "win32":  # which has other ways to say who may enter
        raise PermissionError(
            errno.EACCES,
            f"other accounts can enter this folder (mode {mode:o}), but strangers' files are kept in it: "
            "run chmod 700 on it, or configure another folder",
            str(folder),
        )


def new_private_file(path: Path, flags: int = os.O_WRONLY) -> int:
    """Descriptor of a file made just now with mode 0600. Raises FileExistsError rather than open a planted one."""
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | GUARDED, 0o600)


def open_regular(path: Path) -> tuple[int, os.stat_result]:
    """Read-only descriptor of a regular file, and its status. Raises OSError, for folders and devices as well."""
    # O_NONBLOCK: opening a named pipe would otherwise wait for somebody to write to it.
    descriptor = os.open(path, os.O_RDONLY | _READ_ANYTHING)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status
    os.close(descriptor)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "this is a folder: name the files in it", str(path))
    raise OSError(errno.EINVAL, "only regular files can be looked at, not pipes or devices", str(path))


def sync_folder(folder: Path) -> None:
    """Make renames and removals in `folder` durable. Raises OSError."""
    if sys.platform == "win32":
        return  # folders cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY | _READ_FOLDER)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
