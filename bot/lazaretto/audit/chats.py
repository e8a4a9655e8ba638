"""Which chats are known, and what happens when one gets another id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lazaretto.audit.chain import Ledger
from lazaretto.audit.events import Event
from lazaretto.audit.store import AuditedStore
from lazaretto.model import Place
from lazaretto.state import chats

__all__ = ["Chats"]


class Chats:
    """The chats in a store."""

    def __init__(self, store: AuditedStore) -> None:
        self._store = store

    async def known(self, platform: str, limit: int) -> Sequence[str]:
        """Groups and channels that the bot has to do with: at most so many, the liveliest first."""
        return await self._store.state.read(lambda connection: chats.known(connection, platform, limit))

    async def greet(self, place: Place) -> bool:
        """Is the bot to say who it is in a chat that it was added to? Answers yes once."""
        return await self._store.write(
            lambda ledger: chats.greet(ledger.connection, place.platform, place.chat, ledger.now)
        )

    async def moved(self, platform: str) -> Mapping[str, str]:
        """Ids of chats that have become others, each with the new one."""
        return await self._store.state.read(lambda connection: chats.moved(connection, platform))

    async def move(self, platform: str, old: str, new: str) -> bool:
        """A chat has another id now: everything that is kept of it goes there, in one transaction and with one record.
        May be repeated. Answers whether there was anything to do."""

        def work(ledger: Ledger) -> bool:
            news = chats.mark_moved(ledger.connection, platform, old, new, ledger.now)
            gone = chats.move(ledger.connection, platform, old, new)
            if not news and not gone:
                return False
            data = {"old": old, "new": new, "attachments": gone.attachments, "cards": gone.cases}
            ledger.append(Event.CHAT_MOVED, data, chat=f"{platform}:{new}")
            return True

        return old != new and await self._store.write(work)
