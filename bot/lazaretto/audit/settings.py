"""What a chat's administrators set in the chat: written down with a record of every change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from lazaretto.audit.about import chat_of
from lazaretto.audit.chain import Ledger
from lazaretto.audit.events import Event
from lazaretto.audit.store import AuditedStore
from lazaretto.model import Person, Place
from lazaretto.state import chat_settings, people
from lazaretto.state.chat_settings import ChatSetting

__all__ = ["NAME_PEOPLE", "Settings"]

NAME_PEOPLE = frozenset({"exempt"})
"""Keys whose values are lists of members: the log knows these by their subjects."""


class Settings:
    """Chats' settings in a store."""

    def __init__(self, store: AuditedStore) -> None:
        self._store = store

    async def change(self, place: Place, key: str, value: object, by: Person) -> None:
        """Set a policy key for a chat; None unsets it. The record has the old and the new value."""

        def work(ledger: Ledger) -> None:
            connection = ledger.connection
            subject = people.subject_for(connection, by)
            room = people.room(connection, place) or subject
            before = chat_settings.read(connection, place.platform, room).get(key)
            old = None if before is None else before.value
            if value is None:
                chat_settings.remove(connection, place.platform, room, key)
            else:
                chat_settings.write(connection, place.platform, room, key, value, by=subject, now=ledger.now)
            data: dict[str, object] = {"key": key, "unset": value is None}
            for name, what in (("old", old), ("new", value)):
                if what is not None:
                    data[name] = _told(connection, place, key, what)
            ledger.append(Event.SETTING_CHANGED, data, chat=chat_of(place), subject=subject)

        await self._store.write(work)

    async def of(self, place: Place) -> Mapping[str, ChatSetting]:
        """What a chat's administrators have set, by policy key."""

        def read(connection: Connection) -> Mapping[str, ChatSetting]:
            room = people.room(connection, place)
            return {} if room is None else chat_settings.read(connection, place.platform, room)

        return await self._store.state.read(read)

    async def of_all(self) -> Mapping[tuple[str, str], Mapping[str, ChatSetting]]:
        """What every chat has set, by platform and room."""
        return await self._store.state.read(chat_settings.read_all)


def _told(connection: Connection, place: Place, key: str, value: object) -> object:
    """A value as the log may hold it for ever."""
    if key not in NAME_PEOPLE or not isinstance(value, Sequence):
        return value
    return [_subject(connection, place, str(member)) for member in value]


def _subject(connection: Connection, place: Place, member: str) -> str:
    """Whoever is not known has no subject yet: one is made, so that they can be erased, too."""
    if not member.isdecimal():
        return member
    known = people.subject_of(connection, place.platform, member)
    return known or people.subject_for(connection, Person(place.platform, member, ""))
