"""Is the bot able to do its work? What Telegram says of its token, its updates, its rights and its groups."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from telegram import Bot, ChatMember, ChatMemberAdministrator, ChatMemberRestricted, Update, User, WebhookInfo
from telegram.constants import UpdateType
from telegram.error import InvalidToken, TelegramError

from lazaretto.model import Mode
from lazaretto.policy import Policy
from lazaretto.telegram.attachments import CARRY_FILES

__all__ = ["Check", "examine", "examine_server"]

_GONE = (ChatMember.LEFT, ChatMember.BANNED)
_NEEDED = frozenset({*CARRY_FILES, UpdateType.CALLBACK_QUERY})
"""Update types with files, and with the moderators' presses."""


class Check(NamedTuple):
    """Is it well, what was looked at and found, and what to do where something is to be done."""

    well: bool
    found: str
    remedy: str = ""


def examine_server(base_url: str | None, local_files: Path | None) -> Check:
    """Whose Bot API server is used, and can the files be had that it keeps on disk?"""
    if base_url is None:
        return Check(True, "the Bot API server is Telegram's own: it hands out files of up to 20 MiB")
    server = f"the Bot API server is your own, {_host(base_url)}"
    if local_files is None:
        return Check(
            True, f"{server}; its files come over HTTP, so it must not run with --local unless local_files is set"
        )
    remedy = "share that folder with the server, at the same path, and let the bot's user read everything in it"
    if not local_files.is_dir():
        return Check(False, f"{server}; there is no folder {local_files}", remedy)
    # Below it stands one folder for each bot, named after its token: never to be shown.
    if not _may_read(local_files) or not all(_may_read(folder) for folder in local_files.iterdir() if folder.is_dir()):
        return Check(False, f"{server}; the folder {local_files}, or a folder in it, may not be read", remedy)
    return Check(True, f"{server}; files of up to 2 GB are read from {local_files}")


def _may_read(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def _host(url: str) -> str:
    """Host and port: a path may hold a secret, and so may what stands before the host."""
    return urlsplit(url).netloc.rpartition("@")[2]


async def examine(bot: Bot, groups: Iterable[tuple[str, Policy]], webhook: str | None = None) -> AsyncIterator[Check]:
    """Check the token, privacy mode, how updates come, and each configured group's rights and moderators' chat.

    webhook: the URL that the configuration names; None where it says that updates are asked for.
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
    try:
        info = await bot.get_webhook_info()
    except TelegramError as error:
        yield Check(False, f"Telegram does not tell how updates come: {error.message}", "run lazaretto doctor again")
    else:
        for check in _examine_updates(info, webhook):
            yield check
    for chat, policy in groups:
        yield await _examine_group(bot, me, chat, policy)
        if policy.moderators is not None:
            yield await _examine_moderators(bot, me, chat, policy.moderators)


def _examine_updates(info: WebhookInfo, webhook: str | None) -> Iterator[Check]:
    yield _examine_polling(info) if webhook is None else _examine_webhook(info, webhook)
    if not info.allowed_updates:
        yield Check(True, "Telegram sends its usual types of updates, among them all that carry files")
        return
    missing = [kind for kind in Update.ALL_TYPES if kind not in info.allowed_updates]
    well = _NEEDED.isdisjoint(missing)
    remedy = "lazaretto run asks for all when it starts; a bot of your own passes allowed_updates=Update.ALL_TYPES"
    found = f"updates that Telegram is told not to send: {', '.join(missing) or 'none'}"
    yield Check(well, found, "" if well else remedy)


def _examine_polling(info: WebhookInfo) -> Check:
    if not info.url:
        return Check(True, f"updates are asked for, no webhook is set; {info.pending_update_count} wait")
    remedy = "lazaretto run takes it away when it starts, unless web.webhook is set; a bot of your own may want it"
    return Check(True, f"a webhook is set, at {_host(info.url)}: until it is taken away updates go there", remedy)


def _examine_webhook(info: WebhookInfo, webhook: str) -> Check:
    if not info.url:
        return Check(True, "no webhook is set yet", "start lazaretto run, which sets it")
    waiting = f"{info.pending_update_count} updates wait"
    if info.url != webhook:
        remedy = "start lazaretto run, which sets its own, and end whoever else uses the token"
        return Check(False, f"another webhook is set than web.webhook, at {_host(info.url)}; {waiting}", remedy)
    if info.last_error_message and info.pending_update_count:
        remedy = (
            "see that lazaretto run is up, that the address can be reached with a valid certificate, "
            "and that the proxy forwards its path to web.port"
        )
        when = f"{info.last_error_date:%Y-%m-%d %H:%M} UTC" if info.last_error_date else "lately"
        return Check(False, f"the webhook failed {when}: {info.last_error_message}; {waiting}", remedy)
    return Check(True, f"the webhook is set, at {_host(info.url)}; {waiting}")


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
