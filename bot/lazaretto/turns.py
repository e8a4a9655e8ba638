"""Whose file is looked at next, and where its bytes go: chats take turns, and within a chat its members do.

A raid in one group, or one member with a thousand files, then costs the others one place in line and no more. Nor can
slow downloads of one chat occupy every place: some stay free for others.

Room for all of an attachment's bytes is set aside with its first place, so that what has begun can end; and it goes on
before anything else begins. Albums that grew together would fill the spool before one of them was whole.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

__all__ = ["PATIENCE", "NoRoom", "Stay", "Turns"]

PATIENCE = 60.0
"""Seconds without anybody being given room after which an attachment that waited as long is judged without its bytes.
Others give theirs back within seconds, and what waits can be seen in its group meanwhile."""


class NoRoom(Exception):
    """The spool has no room for these bytes, and it is not waited for any longer."""

    def __init__(self, count: int) -> None:
        super().__init__(f"the spool has no room for {count} bytes: raise spool.max_bytes, or lower screening.workers")


class Stay:
    """An attachment, from its first wish for a place until it needs no room any more. rooms: bytes by its part."""

    def __init__(self, chat: str, member: str, rooms: Mapping[int, int]) -> None:
        self.chat = chat
        self.member = member
        self.rooms = dict(rooms)
        self.begun = False  # it has room
        self.given_up = False  # it will have none
        self.in_line = False
        self.since = 0.0  # when it came into the line
        self.waiting: deque[asyncio.Future[None]] = deque()  # its parts

    @property
    def room(self) -> int:
        """Bytes of all its parts."""
        return sum(self.rooms.values())

    def wants(self) -> bool:
        """Does a part wait for a place? Those that left the line do not."""
        while self.waiting and self.waiting[0].done():
            self.waiting.popleft()
        return bool(self.waiting)


class _Shares:
    """A chat has three quarters of it at most, and a member half; everybody who has nothing may have what there is."""

    def __init__(self, amount: int) -> None:
        self.free = amount
        self._most_of_a_chat = amount * 3 // 4
        self._most_of_a_member = amount // 2
        self._held: Counter[tuple[str, ...]] = Counter()  # by (chat,) and by (chat, member)

    def within_chat(self, chat: str, count: int) -> bool:
        held = self._held[chat,]
        return not held or held + count <= self._most_of_a_chat

    def within_member(self, chat: str, member: str, count: int) -> bool:
        held = self._held[chat, member]
        return not held or held + count <= self._most_of_a_member

    def take(self, stay: Stay, count: int) -> None:
        """So much more is held; less, where it is negative."""
        self.free -= count
        for holder in ((stay.chat,), (stay.chat, stay.member)):
            self._held[holder] += count
            if not self._held[holder]:
                del self._held[holder]


class Turns:
    """Hands out `places` among parts, and `room`, in bytes, among their attachments."""

    def __init__(self, places: int, room: int) -> None:
        self._places = _Shares(places)
        self._room = _Shares(room)
        self._going_on: dict[Stay, None] = {}  # have begun and want one more place, in the order in which they began
        self._line: OrderedDict[str, OrderedDict[str, deque[Stay]]] = OrderedDict()  # have not begun, by chat, member
        self._lacking: float | None = None  # since when nobody was given room though somebody wanted some
        self._look_again: asyncio.TimerHandle | None = None

    @contextmanager
    def stay(self, chat: str, member: str, rooms: Mapping[int, int]) -> Iterator[Stay]:
        """For one attachment. rooms: bytes that each part needs; together no more than there is room in all. They are
        held from its first place on, until this context is left."""
        stay = Stay(chat, member, rooms)
        try:
            yield stay
        finally:
            self._out_of_line(stay)
            if stay.begun:
                self._room.take(stay, -stay.room)
            self._hand_out()

    @asynccontextmanager
    async def turn(self, stay: Stay) -> AsyncIterator[None]:
        """A place, once it is this one's turn. Whoever is cancelled while waiting takes none. Raises NoRoom."""
        if stay.given_up:
            raise NoRoom(stay.room)
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        stay.waiting.append(mine)
        self._line_up(stay)
        self._hand_out()
        try:
            await mine
        except asyncio.CancelledError:
            if not mine.cancelled() and mine.exception() is None:  # it was given a place in the same moment
                self._give_back(stay)
            raise
        try:
            yield
        finally:
            self._give_back(stay)

    def grow(self, stay: Stay, part: int, count: int) -> None:
        """A part has `count` bytes, more than was set aside for it. Nobody waits for this: whoever began must be able
        to end. Raises NoRoom."""
        more = count - stay.rooms[part]
        if more > self._room.free:
            raise NoRoom(more)
        self._room.take(stay, more)
        stay.rooms[part] = count

    def _give_back(self, stay: Stay) -> None:
        self._places.take(stay, -1)
        self._hand_out()

    def _line_up(self, stay: Stay) -> None:
        if stay.begun:
            self._going_on[stay] = None
        elif not stay.in_line:
            stay.in_line, stay.since = True, asyncio.get_running_loop().time()
            self._line.setdefault(stay.chat, OrderedDict()).setdefault(stay.member, deque()).append(stay)

    def _out_of_line(self, stay: Stay) -> None:
        self._going_on.pop(stay, None)
        if not stay.in_line:
            return
        stay.in_line = False
        members = self._line[stay.chat]
        members[stay.member].remove(stay)
        if not members[stay.member]:
            del members[stay.member]
        if not members:
            del self._line[stay.chat]

    def _hand_out(self) -> None:
        while self._places.free and (stay := self._next()) is not None:
            if not stay.wants():
                self._out_of_line(stay)
            elif stay.begun or self._begins(stay):
                self._places.take(stay, 1)
                stay.waiting.popleft().set_result(None)
                if not stay.wants():
                    self._out_of_line(stay)
            elif not stay.given_up:
                return  # it is waiting for room, and nobody overtakes it

    def _next(self) -> Stay | None:
        """What has begun; then the first chat in line that may have a place and room, and the first member of it."""
        for stay in self._going_on:
            if self._places.within_chat(stay.chat, 1) and self._places.within_member(stay.chat, stay.member, 1):
                return stay
        for chat, members in self._line.items():
            if not self._places.within_chat(chat, 1):
                continue
            for member, stays in members.items():
                stay = stays[0]
                if not self._places.within_member(chat, member, 1):
                    continue
                if not self._room.within_member(chat, member, stay.room):
                    continue
                if not self._room.within_chat(chat, stay.room):
                    break  # nobody of the same chat overtakes it either
                return stay
        return None

    def _begins(self, stay: Stay) -> bool:
        """Set room aside for it, where there is some. Where there was none for too long, it is given up."""
        if stay.room > self._room.free:
            self._wait_or_give_up(stay)
            return False
        self._lacking = None
        self._room.take(stay, stay.room)
        stay.begun = True
        self._out_of_line(stay)
        if stay.member in self._line.get(stay.chat, ()):
            self._line[stay.chat].move_to_end(stay.member)
        if stay.chat in self._line:
            self._line.move_to_end(stay.chat)
        self._going_on[stay] = None
        return True

    def _wait_or_give_up(self, stay: Stay) -> None:
        loop = asyncio.get_running_loop()
        if self._lacking is None:
            self._lacking = loop.time()
        until = max(self._lacking, stay.since) + PATIENCE
        if self._look_again is not None:
            self._look_again.cancel()
        if loop.time() < until:
            self._look_again = loop.call_at(until, self._hand_out)
            return
        stay.given_up = True
        self._out_of_line(stay)
        for part in stay.waiting:
            if not part.done():
                part.set_exception(NoRoom(stay.room))
