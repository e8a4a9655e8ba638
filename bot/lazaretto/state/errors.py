"""What can be wrong with the state folder, in words for the person who runs the bot."""

from __future__ import annotations

from lazaretto.ports import Unavailable

__all__ = [
    "StateClosed",
    "StateError",
    "StateInUse",
    "StateMissing",
    "StateTooNew",
    "StateUnreadable",
    "StateUnwritable",
]


class StateError(Exception):
    """The state cannot be used. The text says what is wrong, where, and what to do."""


class StateInUse(StateError):
    """Another process holds the folder."""


class StateMissing(StateError):
    """There is no database in the folder."""


class StateTooNew(StateError):
    """The database was written by a newer program."""


class StateUnwritable(StateError, Unavailable):
    """The disk is full, or failed: the transaction was not kept."""


class StateUnreadable(StateError, Unavailable):
    """The disk failed, or the system ran out of what it takes to open a file: nothing could be read."""


class StateClosed(StateError):
    """The state was closed before the work's turn came."""
