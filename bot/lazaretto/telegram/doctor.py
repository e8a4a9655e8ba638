"""Is the bot able to do its work? What Telegram says of its token, its updates, its rights and its groups."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from telegram import Bot, ChatMember, ChatMemberAdministrator, ChatMemberRestricted, Update, User, WebhookInfo
from telegram.constants import UpdateType
from telegram.error import InvalidToken, TelegramError

from lazaretto.health import Check
from lazaretto.languages import N_
from lazaretto.model import Mode
from lazaretto.policy import Policy
from lazaretto.telegram.answers import chat_id
from lazaretto.telegram.attachments import CARRY_FILES

__all__ = ["Check", "examine", "examine_chat", "examine_conflict", "examine_privacy", "examine_server"]

_OVER = timedelta(minutes=10)
"""Two programs that poll meet again within half a minute, the longest that the library waits between tries."""

_GONE = (ChatMember.LEFT, ChatMember.BANNED)
_NEEDED = frozenset({*CARRY_FILES, UpdateType.CALLBACK_QUERY})
"""Update types with files, and with the moderators' presses."""


def examine_server(base_url: str | None, local_files: Path | None) -> Check:
    """Whose Bot API server is used, and can the files be had that it keeps on disk?"""
    if base_url is None:
        return Check(True, N_("the Bot API server is Telegram's own: it hands out files of up to 20 MiB"))
    values = {"host": _host(base_url), "folder": local_files}
    if local_files is None:
        found = N_(
            "the Bot API server is your own, {host}; its files come over HTTP, so it must not run with --local unless "
            "local_files is set"
        )
        return Check(True, found, "", values)
    remedy = N_("share that folder with the server, at the same path, and let the bot's user read everything in it")
    if not local_files.is_dir():
        return Check(False, N_("the Bot API server is your own, {host}; there is no folder {folder}"), remedy, values)
    # Below it stands one folder for each bot, named after its token: never to be shown.
    if not _may_read(local_files) or not all(_may_read(folder) for folder in local_files.iterdir() if folder.is_dir()):
        found = N_("the Bot API server is your own, {host}; the folder {folder}, or a folder in it, may not be read")
        return Check(False, found, remedy, values)
    found = N_("the Bot API server is your own, {host}; files of up to 2 GB are read from {folder}")
    return Check(True, found, "", values)


def _may_read(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def _host(url: str) -> str:
    """Host and port: a path may hold a secret, and so may what stands before the host."""
    return urlsplit(url).netloc.rpartition("@")[2]


def examine_conflict(last: datetime | None, now: datetime) -> Check:
    """last: when Telegram last said that somebody else asks for the same bot's updates."""
    if last is None or now - last > _OVER:
        return Check(True, N_("nobody else was seen asking for this bot's updates"))
    remedy = N_(
        "end the other program that runs with this token; if you know of none, have @BotFather make a new token"
    )
    values = {"when": f"{last:%Y-%m-%d %H:%M} UTC"}
    return Check(
        False, N_("somebody else asked for this bot's updates, last at {when}: each gets some"), remedy, values
    )


async def examine(bot: Bot, groups: Iterable[tuple[str, Policy]], webhook: str | None = None) -> AsyncIterator[Check]:
    """Check the token, privacy mode, how updates come, and each configured group's rights and moderators' chat.

    webhook: the URL that the configuration names; None where it says that updates are asked for.
    Initializes the bot; the caller shuts it down.
    """
    try:
        await bot.initialize()
    except InvalidToken:
        yield Check(False, N_("Telegram does not know this token"), N_("copy it again from @BotFather"))
        return
    except TelegramError as error:
        remedy = N_("check the network and base_url")
        yield Check(False, N_("Telegram cannot be reached: {error}"), remedy, {"error": error.message})
        return
    yield Check(True, N_("the token is that of @{name}"), "", {"name": bot.bot.username})
    yield examine_privacy(bot.bot)
    try:
        info = await bot.get_webhook_info()
    except TelegramError as error:
        found, remedy = N_("Telegram does not tell how updates come: {error}"), N_("run lazaretto doctor again")
        yield Check(False, found, remedy, {"error": error.message})
    else:
        for check in _examine_updates(info, webhook):
            yield check
    for chat, policy in groups:
        async for check in examine_chat(bot, chat, policy):
            yield check


async def examine_chat(bot: Bot, chat: str, policy: Policy) -> AsyncIterator[Check]:
    """A group's mode and the bot's rights in it, and its moderators' chat. The bot is initialized."""
    yield await _examine_group(bot, bot.bot, chat, policy)
    if policy.moderators is not None:
        yield await _examine_moderators(bot, bot.bot, chat, policy.moderators)


def examine_privacy(me: User) -> Check:
    """Which messages Telegram shows to the bot."""
    if me.can_read_all_group_messages:
        return Check(True, N_("privacy mode is off: it sees all messages of its groups"))
    return Check(True, N_("privacy mode is on: it sees files only in groups where it is an administrator"))


def _examine_updates(info: WebhookInfo, webhook: str | None) -> Iterator[Check]:
    yield _examine_polling(info) if webhook is None else _examine_webhook(info, webhook)
    if not info.allowed_updates:
        yield Check(True, N_("Telegram sends its usual types of updates, among them all that carry files"))
        return
    missing = [str(kind) for kind in Update.ALL_TYPES if kind not in info.allowed_updates]
    well = _NEEDED.isdisjoint(missing)
    remedy = N_("lazaretto run asks for all when it starts; a bot of your own passes allowed_updates=Update.ALL_TYPES")
    if not missing:
        yield Check(True, N_("updates that Telegram is told not to send: none"))
        return
    found = N_("updates that Telegram is told not to send: {kinds}")
    yield Check(well, found, "" if well else remedy, {"kinds": ", ".join(missing)})


def _examine_polling(info: WebhookInfo) -> Check:
    values = {"host": _host(info.url), "count": info.pending_update_count}
    if not info.url:
        return Check(True, N_("updates are asked for, no webhook is set; {count} wait"), "", values)
    remedy = N_("lazaretto run takes it away when it starts, unless web.webhook is set; a bot of your own may want it")
    return Check(True, N_("a webhook is set, at {host}: until it is taken away updates go there"), remedy, values)


def _examine_webhook(info: WebhookInfo, webhook: str) -> Check:
    if not info.url:
        return Check(True, N_("no webhook is set yet"), N_("start lazaretto run, which sets it"))
    values: dict[str, object] = {"host": _host(info.url), "count": info.pending_update_count}
    if info.url != webhook:
        remedy = N_("start lazaretto run, which sets its own, and end whoever else uses the token")
        found = N_("another webhook is set than web.webhook, at {host}; {count} updates wait")
        return Check(False, found, remedy, values)
    if info.last_error_message and info.pending_update_count:
        remedy = N_(
            "see that lazaretto run is up, that the address can be reached with a valid certificate, "
            "and that the proxy forwards its path to web.port"
        )
        when = f"{info.last_error_date:%Y-%m-%d %H:%M} UTC" if info.last_error_date else "?"
        values |= {"when": when, "error": info.last_error_message}
        return Check(False, N_("the webhook failed {when}: {error}; {count} updates wait"), remedy, values)
    return Check(True, N_("the webhook is set, at {host}; {count} updates wait"), "", values)


async def _examine_group(bot: Bot, me: User, chat: str, policy: Policy) -> Check:
    values: dict[str, object] = {"chat": chat}
    try:
        member = await bot.get_chat_member(chat_id(chat), me.id)
    except TelegramError as error:
        remedy = N_("add the bot to the group, and check the id in the file's name")
        return Check(False, N_("group {chat}: {error}"), remedy, {**values, "error": error.message})
    if member.status in _GONE:
        return Check(False, N_("group {chat}: the bot is not in it"), N_("add it to the group again"), values)
    if policy.mode is Mode.OBSERVE:
        if isinstance(member, ChatMemberAdministrator) or me.can_read_all_group_messages:
            return Check(True, N_("group {chat}: observed, nothing is removed"), "", values)
        remedy = N_(
            "make the bot an administrator, or turn privacy mode off in @BotFather and add it to the group again"
        )
        return Check(False, N_("group {chat}: observed, but the bot sees no files there"), remedy, values)
    if not isinstance(member, ChatMemberAdministrator):
        remedy = N_("make it one, with the right to delete messages")
        return Check(False, N_("group {chat}: the bot is no administrator"), remedy, values)
    if not member.can_delete_messages:
        remedy = N_("give it that right in the group's administrators")
        return Check(False, N_("group {chat}: the bot may not delete messages"), remedy, values)
    if not member.can_restrict_members:
        remedy = N_("give it the right to ban users if moderators are to mute and ban from their cards")
        found = N_("group {chat}: guarded, and the bot may delete messages, but mute and ban nobody")
        return Check(True, found, remedy, values)
    return Check(True, N_("group {chat}: guarded, and the bot may delete messages"), "", values)


async def _examine_moderators(bot: Bot, me: User, chat: str, moderators: str) -> Check:
    values: dict[str, object] = {"chat": chat, "moderators": moderators}
    try:
        member = await bot.get_chat_member(chat_id(moderators), me.id)
    except TelegramError as error:
        found = N_("group {chat}: its moderators' chat {moderators}: {error}")
        remedy = N_("add the bot to that chat, and check the id")
        return Check(False, found, remedy, {**values, "error": error.message})
    if member.status in _GONE:
        found = N_("group {chat}: its moderators' chat {moderators}: the bot is not in it")
        return Check(False, found, N_("add it to that chat"), values)
    if isinstance(member, ChatMemberRestricted) and not member.can_send_messages:
        found = N_("group {chat}: its moderators' chat {moderators}: the bot may not write there")
        return Check(False, found, N_("let it send messages"), values)
    return Check(True, N_("group {chat}: cards go to {moderators}"), "", values)
