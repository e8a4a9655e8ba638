"""What a chat's admins set in the chat. All functions run inside the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from lazaretto.state.schema import chat_settings

__all__ = ["ChatSetting", "read", "read_all", "remove", "write"]


@dataclass(frozen=True, slots=True)
class ChatSetting:
    """One policy key as a chat has set it. by: a subject."""

    value: Any
    by: str
    at: datetime


def write(connection: Connection, platform: str, room: str, key: str, value: object, *, by: str, now: datetime) -> None:
    """Set a key for a chat."""
    row = {"value": value, "by": by, "at": now}
    statement = insert(chat_settings).values(platform=platform, room=room, key=key, **row)
    keys = ["platform", "room", "key"]
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=keys,
            set_={name: getattr(statement.excluded, name) for name in row},
        )
    )


def remove(connection: Connection, platform: str, room: str, key: str) -> bool:
    """Unset a key. Answers whether it was set."""
    where = (chat_settings.c.platform == platform) & (chat_settings.c.room == room) & (chat_settings.c.key == key)
    return connection.execute(chat_settings.delete().where(where)).rowcount > 0


def read(connection: Connection, platform: str, room: str) -> dict[str, ChatSetting]:
    """All that a chat has set, by key."""
    rows = connection.execute(
        select(chat_settings).where(chat_settings.c.platform == platform, chat_settings.c.room == room)
    )
    return {row.key: ChatSetting(row.value, row.by, row.at) for row in rows}


def read_all(connection: Connection) -> dict[tuple[str, str], dict[str, ChatSetting]]:
    """All that any chat has set: by platform and room, then by key."""
    found: dict[tuple[str, str], dict[str, ChatSetting]] = {}
    for row in connection.execute(select(chat_settings)):
        found.setdefault((row.platform, row.room), {})[row.key] = ChatSetting(row.value, row.by, row.at)
    return found
