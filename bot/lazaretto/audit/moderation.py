"""What is done about the senders of cases, beside releasing and confirming: see `penalties` and `appeals`."""

from __future__ import annotations

from lazaretto.audit import appeals, penalties
from lazaretto.audit.appeals import Appeal
from lazaretto.audit.store import AuditedStore
from lazaretto.model import Person
from lazaretto.ports import DeedKind

__all__ = ["Moderation"]


class Moderation:
    """Over a store. What answers whether something was changed was else asked for twice, or too late."""

    def __init__(self, store: AuditedStore) -> None:
        self._store = store

    async def punish(self, number: int, kind: DeedKind, seconds: int, by: Person, *, after: int) -> bool:
        """Order a mute or ban of a case's sender, for so many seconds or (0) for ever. after: the newest mute or ban
        that the presser was told of, 0 for none."""
        return await self._store.write(lambda ledger: penalties.punish(ledger, number, kind, seconds, by, after=after))

    async def tell(self, number: int, by: Person, *, after: int) -> bool:
        """Have a case's sender told how it stands. after: the newest message to them that the presser was told of."""
        return await self._store.write(lambda ledger: appeals.tell(ledger, number, by, after=after))

    async def appeal(self, number: int, by: Person) -> Appeal:
        """A case's sender asks for another look."""
        return await self._store.write(lambda ledger: appeals.appeal(ledger, number, by))
