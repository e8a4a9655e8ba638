"""Opening and hashing a file that is already on disk."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from lazaretto.private_files import open_regular
from lazaretto_validators.source import read_at

__all__ = ["OpenFile", "digest_of", "open_file", "unchanged"]

_PIECE = 1 << 20

_SMALL = 256 * 1024
"""Bytes that are hashed in less time than it takes to hand them to another thread."""


class OpenFile(NamedTuple):
    """A file to be looked at: its descriptor, its status when it was opened, and its digest if it is known."""

    descriptor: int
    status: os.stat_result
    sha256: str | None


def open_file(path: Path, largest: int) -> OpenFile:
    """Open a regular file, and hash it at once if it is small. Blocks. Raises OSError.

    largest: bytes; a file beyond is not read, so it is not hashed either.
    """
    descriptor, status = open_regular(path)
    try:
        # On Windows a worker shares this descriptor's offset, so that nobody may hash while it looks.
        at_once = status.st_size <= (largest if sys.platform == "win32" else min(_SMALL, largest))
        return OpenFile(descriptor, status, digest_of(descriptor, status, threading.Event()) if at_once else None)
    except OSError:
        os.close(descriptor)
        raise


def digest_of(descriptor: int, before: os.stat_result, stop: threading.Event) -> str:
    """SHA-256 of the file that had the status `before` when it was opened, as hexadecimal digits.

    Raises OSError when the file has changed since: what was judged is then not what is there. `stop` ends it early,
    for a caller who no longer wants to know.
    """
    digest = hashlib.sha256()
    offset = 0
    while offset < before.st_size and not stop.is_set():
        piece = read_at(descriptor, min(_PIECE, before.st_size - offset), offset)
        if not piece:
            break
        digest.update(piece)
        offset += len(piece)
    unchanged(descriptor, before)
    if read_at(descriptor, 1, before.st_size):
        why = "it holds more than its size says, as files of the kernel do: copy it, and look at the copy"
        raise OSError(errno.EINVAL, why)
    return digest.hexdigest()


def unchanged(descriptor: int, before: os.stat_result) -> None:
    """Raises OSError where the file is not what it was when it had the status `before`."""
    after = os.fstat(descriptor)
    if (after.st_size, after.st_mtime_ns, after.st_ctime_ns) != (
        before.st_size,
        before.st_mtime_ns,
        before.st_ctime_ns,
    ):
        raise OSError(errno.EBUSY, "the file was changed while it was looked at: try again when it is at rest")
