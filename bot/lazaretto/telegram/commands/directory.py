"""Titles and administrators of chats, remembered for some minutes: for lists, and never to tell who may do what."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

import structlog
from telegram import Bot, ChatMember
from telegram.error import TelegramError

from lazaretto.telegram.answers import chat_id
from lazaretto.telegram.authority import Right, holds

__all__ = ["Directory", "KnownChat"]

_FRESH = 300.0  # seconds
_MOST = 500  # chats remembered
_AT_ONCE = 6  # requests: Telegram takes some thirty a second, and the moderators' cards want some of them
_log = structlog.get_logger("lazaretto.directory")


@dataclass(frozen=True, slots=True)
class KnownChat:
    """title: as its administrators wrote it, so a stranger's text."""

    id: str
    title: str
    channel: bool = False


@dataclass(frozen=True, slots=True)
class _Entry:
    chat: KnownChat
    administrators: dict[int, ChatMember]
    at: float


class Directory:
    """Asks Telegram of each chat once in a while, whoever wants to know: strangers cannot make it ask more often."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, _Entry | float] = OrderedDict()
        self._turn = asyncio.Lock()
        self._met: OrderedDict[str, None] = OrderedDict()

    @property
    def met(self) -> tuple[str, ...]:
        """Chats in which somebody was found to have a right: the bot is in them, though nothing may be kept of them."""
        return tuple(self._met)

    def meet(self, chat: str) -> None:
        """Remember such a chat."""
        self._met[chat] = None
        while len(self._met) > _MOST:
            self._met.popitem(last=False)

    async def administered(self, bot: Bot, chats: Iterable[str], user: int, right: Right) -> tuple[KnownChat, ...]:
        """Those of these chats in which somebody has a right, in the same order."""
        found = await self._look(bot, tuple(chats))
        return tuple(e.chat for e in found if user in e.administrators and holds(e.administrators[user], right))

    async def all(self, bot: Bot, chats: Iterable[str]) -> tuple[KnownChat, ...]:
        """Those of these chats that the bot is in."""
        return tuple(entry.chat for entry in await self._look(bot, tuple(chats)))

    async def _look(self, bot: Bot, chats: tuple[str, ...]) -> list[_Entry]:
        async with self._turn:  # who comes meanwhile waits, and then finds it here
            slots = asyncio.Semaphore(_AT_ONCE)

            async def ask(chat: str) -> None:
                async with slots:
                    self._entries[chat] = await _asked(bot, chat)

            await asyncio.gather(*(ask(chat) for chat in chats if not self._is_fresh(chat)))
            while len(self._entries) > _MOST:
                self._entries.popitem(last=False)
            found = [self._entries.get(chat) for chat in chats]
        return [entry for entry in found if isinstance(entry, _Entry)]

    def _is_fresh(self, chat: str) -> bool:
        entry = self._entries.get(chat)
        if entry is None:
            return False
        return monotonic() - (entry.at if isinstance(entry, _Entry) else entry) < _FRESH


async def _asked(bot: Bot, chat: str) -> _Entry | float:
    """What Telegram says of a chat; the time alone where it says nothing, which is as good for as long."""
    try:
        about = await bot.get_chat(chat_id(chat))
        members = await bot.get_chat_administrators(chat_id(chat))
    except TelegramError as error:
        _log.info("a chat cannot be listed", chat=chat, why=type(error).__name__)
        return monotonic()
    known = KnownChat(chat, about.title or "", about.type == "channel")
    return _Entry(known, {member.user.id: member for member in members}, monotonic())
