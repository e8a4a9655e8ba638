"""The bot's sign of life. All functions run inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from lazaretto.state.schema import life

__all__ = ["last_sign", "sign"]

_ONLY = 1  # the table has one row


def sign(connection: Connection, now: datetime) -> None:
    """Note that the bot lives."""
    statement = insert(life).values(id=_ONLY, at=now)
    connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_={"at": now}))


def last_sign(connection: Connection) -> datetime | None:
    """When the bot last lived, by its clock of that time."""
    return connection.scalar(select(life.c.at))
