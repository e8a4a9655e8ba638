"""Chats: which are known, which the bot has greeted, and which have another id now. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, literal, select, text, update
from sqlalchemy.dialects.sqlite import insert

from lazaretto.model import CaseState
from lazaretto.ports import DeedKind
from lazaretto.state import outbox
from lazaretto.state.schema import attachments, cases, chat_settings, chats, confirmed, grants, parts, weekly

__all__ = ["GREET_AGAIN", "Moved", "greet", "known", "mark_moved", "move", "moved"]

GREET_AGAIN = timedelta(days=1)
"""Whoever throws the bot out and adds it again, over and over, is told what it does once a day."""

_UNDECIDED = (CaseState.OPEN, CaseState.RELEASE_PENDING, CaseState.APPEALED)

# From chat to chat along the index of rooms: as many looks as there are chats, however much was posted in them.
_POSTED_IN = text("""
    WITH RECURSIVE rooms(chat) AS (
        SELECT min(chat) FROM attachments WHERE platform = :platform
        UNION ALL
        SELECT (SELECT min(chat) FROM attachments WHERE platform = :platform AND chat > rooms.chat)
        FROM rooms WHERE rooms.chat IS NOT NULL
    )
    SELECT chat, max(
        coalesce((SELECT max(received_at) FROM attachments
            WHERE platform = :platform AND chat = rooms.chat AND channel = 0), ''),
        coalesce((SELECT max(received_at) FROM attachments
            WHERE platform = :platform AND chat = rooms.chat AND channel = 1), '')
    ) AS newest
    FROM rooms WHERE chat IS NOT NULL ORDER BY newest DESC
""")


@dataclass(frozen=True, slots=True)
class Moved:
    """What went to a chat's new id."""

    attachments: int
    cases: int
    settings: int

    def __bool__(self) -> bool:
        return bool(self.attachments or self.cases or self.settings)


def known(connection: Connection, platform: str, limit: int) -> list[str]:
    """Groups and channels that something was posted in, that have set something, or that the bot was added to: at most
    so many, the liveliest first."""
    found = [row.chat for row in connection.execute(_POSTED_IN, {"platform": platform})]
    in_settings = select(chat_settings.c.room).where(chat_settings.c.platform == platform).distinct()
    found += [room for room in connection.scalars(in_settings) if room.startswith("-")]  # no private chat's subject
    greeted = select(chats.c.chat).where(chats.c.platform == platform).order_by(chats.c.greeted_at.desc())
    found += connection.scalars(greeted)
    gone = moved(connection, platform)
    return [chat for chat in dict.fromkeys(found) if chat not in gone][:limit]


def greet(connection: Connection, platform: str, chat: str, now: datetime) -> bool:
    """Is the bot to say who it is? Written down, so that it does so once."""
    mine = (chats.c.platform == platform) & (chats.c.chat == chat)
    row = connection.execute(select(chats).where(mine)).one_or_none()
    # One in the future is by a clock that was ahead: it must not silence us for as long.
    if row is not None and row.greeted_at is not None and now - GREET_AGAIN < row.greeted_at <= now:
        return False
    statement = insert(chats).values(platform=platform, chat=chat, greeted_at=now)
    changed = {"greeted_at": now}
    connection.execute(statement.on_conflict_do_update(index_elements=["platform", "chat"], set_=changed))
    return True


def moved(connection: Connection, platform: str) -> Mapping[str, str]:
    """Old ids, each with the new one."""
    rows = connection.execute(select(chats).where(chats.c.platform == platform, chats.c.moved_to.is_not(None)))
    return {row.chat: row.moved_to for row in rows}


def mark_moved(connection: Connection, platform: str, old: str, new: str, now: datetime) -> bool:
    """Write down that a chat has another id now. Answers whether that is news."""
    if moved(connection, platform).get(old) == new:
        return False
    statement = insert(chats).values(platform=platform, chat=old, moved_to=new)
    changed = {"moved_to": new}
    connection.execute(statement.on_conflict_do_update(index_elements=["platform", "chat"], set_=changed))
    # It is the same group, which knows the bot already.
    greeted = {"greeted_at": now}
    other = insert(chats).values(platform=platform, chat=new, **greeted)
    connection.execute(other.on_conflict_do_update(index_elements=["platform", "chat"], set_=greeted))
    return True


def move(connection: Connection, platform: str, old: str, new: str) -> Moved:
    """Everything that is kept of a chat is its new id's from here on, and what was sent to it goes there."""
    for table in (grants, confirmed, chat_settings, weekly):
        mine = (table.c.platform == platform) & (table.c.room == old)
        connection.execute(update(table).where(mine).values(room=new).prefix_with("OR IGNORE"))
        connection.execute(table.delete().where(mine))  # where both ids have a word, the new one's is the newer
    settings = _moderators_in_settings(connection, platform, old, new)
    return Moved(_attachments(connection, platform, old, new), _cards(connection, platform, old, new), settings)


def _attachments(connection: Connection, platform: str, old: str, new: str) -> int:
    """Messages have other numbers in the new chat, where theirs may be somebody else's: these get one that nobody can
    delete anything by, and that still tells them apart."""
    there = (attachments.c.platform == platform) & (attachments.c.chat == old)
    mine = select(attachments.c.id).where(there)
    connection.execute(
        parts.update()
        .where(parts.c.message.is_not(None), parts.c.attachment.in_(mine))
        .values(message=_before(old, parts.c.message))
    )
    changed = attachments.update().where(there).values(chat=new, message=_before(old, attachments.c.message))
    return int(connection.execute(changed).rowcount)


def _before(old: str, message: ColumnElement[Any]) -> ColumnElement[Any]:
    return literal(f"{old}/").concat(message)


def _moderators_in_settings(connection: Connection, platform: str, old: str, new: str) -> int:
    mine = (chat_settings.c.platform == platform) & (chat_settings.c.key == "moderators")
    rows = connection.execute(select(chat_settings).where(mine)).all()
    sent_there = [row.room for row in rows if row.value == old]
    connection.execute(chat_settings.update().where(mine, chat_settings.c.room.in_(sent_there)).values(value=new))
    return len(sent_there)


def _cards(connection: Connection, platform: str, old: str, new: str) -> int:
    """A card's number is another message's in the new chat: what is undecided is shown there anew."""
    there = (cases.c.moderators == old) & cases.c.attachment.in_(
        select(attachments.c.id).where(attachments.c.platform == platform)
    )
    rows = connection.execute(select(cases).where(there).order_by(cases.c.id)).all()
    connection.execute(cases.update().where(there).values(moderators=new, card=None))
    for row in rows:
        outbox.withdraw(connection, row.attachment, DeedKind.UPDATE_CARD)
        shown = outbox.latest(connection, row.attachment, DeedKind.CARD)
        waits = shown is not None and shown.state in outbox.WAITING
        if row.state in _UNDECIDED and row.lead is None and not waits:
            outbox.intend(connection, DeedKind.CARD, row.attachment, row.id, again=True)
    return len(rows)
