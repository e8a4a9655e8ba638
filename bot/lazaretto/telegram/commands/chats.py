"""The chats that somebody may do something in."""

from __future__ import annotations

from telegram import Bot

from lazaretto.audit.chats import Chats
from lazaretto.model import Place
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Right
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.commands.directory import KnownChat

__all__ = ["MOST_CHATS", "KnownChat", "chats_of"]

MOST_CHATS = 100
"""Looked at for a list, the liveliest first: two requests each, once in some minutes. Whoever administers another one
comes from there, by its deep link."""


async def chats_of(desk: Desk, bot: Bot, user: int, right: Right) -> tuple[KnownChat, ...]:
    """The chats that this person has the right in, as far as the bot knows them: for a list to choose from. It may be
    some minutes old: what is chosen from it is authorised anew."""
    configuration = desk.policies.configuration
    store = (await desk.open()).store
    known = [*configuration.group_ids, *await Chats(store).known(PLATFORM, MOST_CHATS), *desk.directory.met]
    moved = await Chats(store).moved(PLATFORM)
    names = dict.fromkeys(moved.get(chat, chat) for chat in known)
    chats = [chat for chat in names if configuration.admits(Place(PLATFORM, chat))][:MOST_CHATS]
    if desk.authority.is_owner(user):
        return await desk.directory.all(bot, chats)
    return await desk.directory.administered(bot, chats, user, right)
