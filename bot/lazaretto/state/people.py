"""Who is who, and the erasable values that speak of them. All functions run inside the caller's transaction."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.dialects.sqlite import insert

from lazaretto.model import Person, Place
from lazaretto.state.codec import canonical
from lazaretto.state.schema import people, personal

__all__ = ["Kept", "keep", "kept", "person", "room", "subject_for", "subject_of"]

_SALT_BYTES = 16

# Built once: see `attachments`.
_NEW = insert(people)
_MEET = _NEW.on_conflict_do_update(
    index_elements=["platform", "user_id"], set_={"name": _NEW.excluded.name, "username": _NEW.excluded.username}
)
_SUBJECT = select(people.c.subject).where(
    people.c.platform == bindparam("of_platform"), people.c.user_id == bindparam("of_user")
)
_KEEP = personal.insert()
_KEPT = select(personal).where(personal.c.id == bindparam("of"))


@dataclass(frozen=True, slots=True)
class Kept:
    """An erasable value. digest: SHA-256(salt || json) in hex, which the audit log may hold."""

    id: int
    salt: bytes
    json: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.salt + self.json.encode("utf-8")).hexdigest()

    @property
    def value(self) -> Any:
        return json.loads(self.json)


def subject_for(connection: Connection, someone: Person) -> str:
    """The random id that stands for a person, new on first sight. Brings the name up to date."""
    row = {
        "subject": secrets.token_hex(16),
        "platform": someone.platform,
        "user_id": someone.id,
        "name": someone.name,
        "username": someone.username,
    }
    connection.execute(_MEET, row)
    subject = subject_of(connection, someone.platform, someone.id)
    if subject is None:
        raise LookupError("a person that was just written is not there")
    return subject


def subject_of(connection: Connection, platform: str, user_id: str) -> str | None:
    """The subject of somebody who is known."""
    return connection.scalar(_SUBJECT, {"of_platform": platform, "of_user": user_id})


def person(connection: Connection, subject: str) -> Person | None:
    """Who a subject is; None after erasure."""
    row = connection.execute(select(people).where(people.c.subject == subject)).one_or_none()
    return None if row is None else Person(row.platform, row.user_id, row.name, row.username)


def room(connection: Connection, place: Place) -> str | None:
    """How a chat is named where no personal id may be: its id, or a private chat's member as a subject.

    None for a private chat with somebody who is not known.
    """
    return subject_of(connection, place.platform, place.chat) if place.private else place.chat


def keep(connection: Connection, subject: str, value: object) -> Kept:
    """Write an erasable value of `subject` down."""
    salt = secrets.token_bytes(_SALT_BYTES)
    text = canonical(value).decode("utf-8")
    row = connection.execute(_KEEP, {"subject": subject, "salt": salt, "json": text})
    return Kept(int(row.lastrowid), salt, text)


def kept(connection: Connection, number: int | None) -> Kept | None:
    """An erasable value, None when it was erased."""
    if number is None:
        return None
    row = connection.execute(_KEPT, {"of": number}).one_or_none()
    return None if row is None else Kept(row.id, row.salt, row.json)
