"""Whose file is looked at next: chats take turns, and within a chat its members do.

A raid in one group, or one member with a thousand files, then costs the others one place in line and no more. Nor can
slow downloads of one chat occupy every place: some stay free for others.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Turns"]

_Waiting = deque[asyncio.Future[None]]


class Turns:
    """Hands out `places`. A chat holds three quarters of them at most, and a member half; everybody at least one."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._most_of_a_chat = max(1, places * 3 // 4)
        self._most_of_a_member = max(1, places // 2)
        self._held: Counter[tuple[str, ...]] = Counter()  # by (chat,) and by (chat, member)
        self._chats: OrderedDict[str, OrderedDict[str, _Waiting]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, chat: str, member: str) -> AsyncIterator[None]:
        """A place, once it is this member's turn. Whoever is cancelled while waiting takes none."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._chats.setdefault(chat, OrderedDict()).setdefault(member, deque()).append(mine)
        self._hand_out()
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled():  # it was given a place in the same moment
                self._give_back(chat, member)
            raise
        try:
            yield
        finally:
            self._give_back(chat, member)

    def _give_back(self, chat: str, member: str) -> None:
        self._free += 1
        for held in ((chat,), (chat, member)):
            self._held[held] -= 1
            if not self._held[held]:
                del self._held[held]
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free and (found := self._next()) is not None:
            chat, member = found
            members = self._chats[chat]
            first = members[member].popleft()
            if not members[member]:
                del members[member]
            if not members:
                del self._chats[chat]
            if first.cancelled():  # they left the line
                continue
            if member in members:
                members.move_to_end(member)
            if chat in self._chats:
                self._chats.move_to_end(chat)
            self._free -= 1
            self._held[chat,] += 1
            self._held[chat, member] += 1
            first.set_result(None)

    def _next(self) -> tuple[str, str] | None:
        """The first chat in line that may have a place, and the first member of it."""
        for chat, members in self._chats.items():
            if self._held[chat,] >= self._most_of_a_chat:
                continue
            for member in members:
                if self._held[chat, member] < self._most_of_a_member:
                    return chat, member
        return None
