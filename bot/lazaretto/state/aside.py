"""Updates that were set aside, as they came. All functions run inside the caller's transaction."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import Connection, select

from lazaretto.model import Person
from lazaretto.state.people import Kept, keep, person, subject_for
from lazaretto.state.schema import aside, personal

__all__ = ["forget", "is_known", "keep_aside"]


def is_known(connection: Connection, update: str) -> bool:
    """Was this update set aside before?"""
    return connection.scalar(select(aside.c.number).where(aside.c.update_id == update).limit(1)) is not None


def keep_aside(
    connection: Connection, update: str | None, why: str, raw: str, sender: Person | None, now: datetime
) -> Kept:
    """Keep an update as it came. Answers what of it is personal: all of it.

    raw: JSON. sender: whose it seems to be; where nobody can tell, it is a nameless person's.
    """
    subject = secrets.token_hex(16) if sender is None else subject_for(connection, sender)
    private = keep(connection, subject, raw)
    connection.execute(aside.insert().values(update_id=update, why=why, at=now, personal=private.id))
    return private


def forget(connection: Connection, subject: str) -> int:
    """Delete the set-aside updates that name a person anywhere: who sent them, nobody could tell for sure. Answers how
    many there were."""
    someone = person(connection, subject)
    if someone is None or not someone.id:
        return 0
    kept = select(aside.c.personal).where(aside.c.personal.is_not(None))
    # JSON within JSON, so its quotes are escaped; what follows the number ends it.
    count = 0
    for end in ",}":
        named = personal.c.json.contains(f'\\"id\\": {someone.id}{end}', autoescape=True)
        count += connection.execute(personal.delete().where(personal.c.id.in_(kept) & named)).rowcount
    return count
