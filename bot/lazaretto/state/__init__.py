"""The state folder: a database in which nothing is lost, and in which a person can be forgotten.

    async with open_state(Path("state")) as state:
        await state.writer.do(lambda connection: ...)
        await state.read(lambda connection: ...)

The modules hold functions over a connection, to be called inside a transaction; `lazaretto.audit` puts them together
with the audit records of what they do.
"""

from lazaretto.state.database import DATABASE, State, open_state
from lazaretto.state.errors import (
    StateClosed,
    StateError,
    StateInUse,
    StateMissing,
    StateTooNew,
    StateUnreadable,
    StateUnwritable,
)

__all__ = [
    "DATABASE",
    "State",
    "StateClosed",
    "StateError",
    "StateInUse",
    "StateMissing",
    "StateTooNew",
    "StateUnreadable",
    "StateUnwritable",
    "open_state",
]
