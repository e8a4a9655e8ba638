"""Giving descriptors back without a fault: what was read or hashed from one by then is not changed by it."""

from __future__ import annotations

import os

import structlog

__all__ = ["let_go"]

_log = structlog.get_logger("lazaretto.screening")


def let_go(descriptor: int) -> None:
    """Close it. An error is logged: the descriptor is gone all the same (close(2), "Dealing with error returns"), and
    it may tell of an earlier write only (NFS and quotas do), to somebody who needs the file no longer."""
    try:
        os.close(descriptor)
    except OSError as error:
        _log.warning("a descriptor did not close well", error=str(error))
