"""What the disk, the system or the database lacks: which of it is waited for, how long, and under which alarm."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from lazaretto.alarms import Cause
from lazaretto.ports import Unavailable

__all__ = ["PATIENCE", "Lack", "NotSealed", "cause_of", "is_shortage"]

PATIENCE = 60.0
"""Seconds after the first lack for which an attachment is tried again: other files give their room back within seconds,
and what nobody has made room for by then can be seen in its group meanwhile."""

_log = structlog.get_logger("lazaretto.pipeline")


class NotSealed(OSError):
    """The vault's disk did not take a file: it need not be the one where files arrive."""

    @classmethod
    def because(cls, error: OSError) -> NotSealed:
        return cls(error.errno, error.strerror or type(error).__name__, error.filename)


class Lack:
    """What one attachment lacks, over all its tries. clock: seconds that only go forward.

    borne: what it was done without in the last try, and why.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.borne: dict[Cause, str] = {}
        self._clock = clock
        self._until: float | None = None

    def bear(self, error: OSError) -> str:
        """Do without. Answers why, without paths. Raises the error while it is waited for."""
        if self._until is None:
            self._until = self._clock() + PATIENCE
        if self._clock() < self._until or not is_shortage(error):
            raise error
        self.done_without(cause_of(error), str(error))
        return error.strerror or type(error).__name__

    def done_without(self, cause: Cause, why: str) -> None:
        """It is not waited for, or not any longer."""
        _log.error("no room for a file, it is judged without", error=why)
        self.borne[cause] = why


def is_shortage(error: Exception) -> bool:
    """Does the disk or the system lack something, so that waiting helps and the attachment is not to blame?"""
    if isinstance(error, TimeoutError | ConnectionError):
        return False  # system errors by name only: no file and no database gives these
    return isinstance(error, OSError | Unavailable)


def cause_of(shortage: Exception) -> Cause:
    """The alarm that is raised for it."""
    if isinstance(shortage, Unavailable):
        return Cause.DATABASE
    return Cause.SEALING if isinstance(shortage, NotSealed) else Cause.DISK
