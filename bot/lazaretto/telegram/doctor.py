"""Is the bot able to do its work? What Telegram says of its token, its rights and its groups."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from telegram import Bot, ChatMember, ChatMemberAdministrator, ChatMemberRestricted, User
from telegram.error import InvalidToken, TelegramError

from lazaretto.model import Mode
from lazaretto.policy import Policy

__all__ = ["Check", "examine"]

_GONE = (ChatMember.LEFT, ChatMember.BANNED)


class Check(NamedTuple):
    """Is it well, what was looked at and found, and what to do where something is to be done."""

    well: bool
    found: str
    remedy: str = ""


async def examine(bot: Bot, groups: Iterable[tuple[str, Policy]]) -> AsyncIterator[Check]:
    """Check the token, privacy mode, and each configured group's rights and moderators' chat.

    Initializes the bot; the caller shuts it down.
    """
    try:
        await bot.initialize()
    except InvalidToken:
        yield Check(False, "Telegram does not know this token", "copy it again from @BotFather")
        return
    except TelegramError as error:
        yield Check(False, f"Telegram cannot be reached: {error.message}", "check the network and base_url")
        return
    me = bot.bot
    yield Check(True, f"the token is that of @{me.username}")
    privacy = "off: it sees all messages" if me.can_read_all_group_messages else "on: it sees files"
    where = "of its groups" if me.can_read_all_group_messages else "only in groups where it is an administrator"
    yield Check(True, f"privacy mode is {privacy} {where}")
    for chat, policy in groups:
        yield await _examine_group(bot, me, chat, policy)
        if policy.moderators is not None:
            yield await _examine_moderators(bot, me, chat, policy.moderators)


async def _examine_group(bot: Bot, me: User, chat: str, policy: Policy) -> Check:
    try:
        member = await bot.get_chat_member(chat, me.id)
    except TelegramError as error:
        remedy = "add the bot to the group, and check the id in the file's name"
        return Check(False, f"group {chat}: {error.message}", remedy)
    if member.status in _GONE:
        return Check(False, f"group {chat}: the bot is not in it", "add it to the group again")
    if policy.mode is Mode.OBSERVE:
        if isinstance(member, ChatMemberAdministrator) or me.can_read_all_group_messages:
            return Check(True, f"group {chat}: observed, nothing is removed")
        remedy = "make the bot an administrator, or turn privacy mode off in @BotFather and add it to the group again"
        return Check(False, f"group {chat}: observed, but the bot sees no files there", remedy)
    if not isinstance(member, ChatMemberAdministrator):
        remedy = "make it one, with the right to delete messages"
        return Check(False, f"group {chat}: the bot is no administrator", remedy)
    if not member.can_delete_messages:
        remedy = "give it that right in the group's administrators"
        return Check(False, f"group {chat}: the bot may not delete messages", remedy)
    return Check(True, f"group {chat}: guarded, and the bot may delete messages")


async def _examine_moderators(bot: Bot, me: User, chat: str, moderators: str) -> Check:
    what = f"group {chat}: its moderators' chat {moderators}"
    try:
        member = await bot.get_chat_member(moderators, me.id)
    except TelegramError as error:
        return Check(False, f"{what}: {error.message}", "add the bot to that chat, and check the id")
    if member.status in _GONE:
        return Check(False, f"{what}: the bot is not in it", "add it to that chat")
    if isinstance(member, ChatMemberRestricted) and not member.can_send_messages:
        return Check(False, f"{what}: the bot may not write there", "let it send messages")
    return Check(True, f"group {chat}: cards go to {moderators}")
