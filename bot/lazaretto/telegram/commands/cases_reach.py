"""Where somebody may look: the chats that they may review in, and that may be spoken of where they ask.

The list of somebody's chats may be some minutes old (`chats_of`), so it only says where to look: whatever is shown of a
chat is authorised anew.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from telegram import Bot

from lazaretto.languages import N_
from lazaretto.model import Place
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Right
from lazaretto.telegram.commands.cases_words import EVERYWHERE
from lazaretto.telegram.commands.chats import chats_of
from lazaretto.telegram.commands.desk import Desk

__all__ = ["Reach", "Reaches"]

_NOWHERE = N_("You may not review in any group that I know of. I ask Telegram about that every few minutes.")
_NOT_HERE = N_("Only the cases of groups whose cards come here are shown here.")
_NOT_THERE = N_("You may not review in this group, or I am not in it.")
_MOST = 30
"""Chats that one answer is about: each takes a question to Telegram."""


@dataclass(frozen=True, slots=True)
class Reach:
    """chats: None for everywhere, what belongs to no chat included. titles: as far as they are known, by strangers.
    undecided: there are several, and nobody has said which. owner: of the installation."""

    chats: frozenset[str] | None
    titles: Mapping[str, str] = field(default_factory=dict)
    undecided: bool = False
    owner: bool = False


class Reaches:
    """Asks Telegram, by way of the desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def shows(self, where: Place, chat: Place) -> bool:
        """May be spoken of a chat in this place? Others read along where it is a moderators' chat."""
        return where.private or self._desk.policies.policy_of(chat).moderators == where.chat

    async def of(self, bot: Bot, where: Place, user: int, chat: str | None) -> Reach | str:
        """Where this person may look, or why nowhere. chat: the one that they name, EVERYWHERE, or None."""
        if chat is not None and chat != EVERYWHERE:
            return await self._one(bot, where, user, self._desk.policies.now(chat))
        owner = self._desk.authority.is_owner(user)
        if owner and where.private and chat == EVERYWHERE:
            return Reach(None, owner=True)
        known = await chats_of(self._desk, bot, user, Right.REVIEW)
        titles = {one.id: one.title for one in known if self.shows(where, Place(PLATFORM, one.id, channel=one.channel))}
        if not titles and not (owner and where.private):
            return _NOWHERE
        undecided = where.private and chat is None and (owner or len(titles) > 1)
        return Reach(frozenset(titles), titles, undecided, owner)

    async def _one(self, bot: Bot, where: Place, user: int, chat: str) -> Reach | str:
        if await self._desk.authority.refusal(bot, chat, user, Right.REVIEW) is not None:
            return _NOT_THERE  # in the same words where the bot has never been
        known = await self._desk.directory.all(bot, (chat,))
        channel = any(one.channel for one in known)
        if not self.shows(where, Place(PLATFORM, chat, channel=channel)):
            return _NOT_HERE
        return Reach(frozenset({chat}), {one.id: one.title for one in known})

    async def allowed(self, bot: Bot, user: int, chats: Iterable[str]) -> frozenset[str]:
        """Those of these chats that this person may review in, asked anew; of very many not all."""
        some = sorted(set(chats))[:_MOST]
        refusals = await asyncio.gather(*(self._desk.authority.refusal(bot, chat, user, Right.REVIEW) for chat in some))
        return frozenset(chat for chat, refusal in zip(some, refusals, strict=True) if refusal is None)

    async def among(self, bot: Bot, where: Place, user: int, chats: Collection[str]) -> Mapping[str, str]:
        """Those of these chats that this person may see here, each with its title."""
        if not chats:
            return {}
        known = {one.id: one for one in await chats_of(self._desk, bot, user, Right.REVIEW) if one.id in chats}
        here = [one.id for one in known.values() if self.shows(where, Place(PLATFORM, one.id, channel=one.channel))]
        return {chat: known[chat].title for chat in await self.allowed(bot, user, here)}
