"""The digest of a file that is already on disk."""

from __future__ import annotations

import errno
import hashlib
import os
import threading

__all__ = ["digest_of"]

_PIECE = 1 << 20


def digest_of(descriptor: int, before: os.stat_result, stop: threading.Event) -> str:
    """SHA-256 of the file that had the status `before` when it was opened, as hexadecimal digits.

    Raises OSError when the file has changed since: what was judged is then not what is there. `stop` ends it early,
    for a caller who no longer wants to know.
    """
    digest = hashlib.sha256()
    offset = 0
    while offset < before.st_size and not stop.is_set():
        piece = os.pread(descriptor, min(_PIECE, before.st_size - offset), offset)
        if not piece:
            break
        digest.update(piece)
        offset += len(piece)
    after = os.fstat(descriptor)
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise OSError(errno.EBUSY, "the file was changed while it was looked at: try again when it is at rest")
    return digest.hexdigest()
