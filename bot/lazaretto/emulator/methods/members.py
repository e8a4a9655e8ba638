"""Moderation: banning, restricting, promoting, and what members are permitted.

https://core.telegram.org/bots/api#banchatmember and what follows it. The refusals are those of tdlib and of
Telegram's servers, as tdlib/telegram-bot-api passes them on.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.people import Member, Permissions, Rights, Status
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.rights import in_supergroup, in_supergroup_or_channel, member_named, need
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_SHORTEST_TERM = 30  # seconds; "banned for more than 366 days or less than 30 seconds ... considered banned forever"
_LONGEST_TERM = 366 * 86_400
_LONGEST_TITLE = 16
_NO_RESTRICTING = "not enough rights to restrict/unrestrict chat member"


async def ban_chat_member(world: World, params: Params) -> bool:
    chat = _group_or_channel(world, params)
    member, until = _subject(world, chat, params), _until(world, params)
    left = None
    if Member(member.user, "kicked", until_date=until) != member:
        left = await chat.ban(member.user, by=world.bot, until_date=until)
    if chat.type == "supergroup" and params.flag("revoke_messages"):
        for message in chat.messages:
            if message.sender == member.user and not message.is_service:
                chat.strike(message)
    if left is not None:
        chat.tell_own(left)
    return True


async def unban_chat_member(world: World, params: Params) -> bool:
    """Whoever is still in the chat is removed from it, unless `only_if_banned`; a ban is lifted."""
    chat = in_supergroup_or_channel(world.chat(params.chat()))
    member = _subject(world, chat, params)
    if member.status == "kicked" or (member.present and not params.flag("only_if_banned")):
        _change(world, chat, member, "left")
    return True


async def restrict_chat_member(world: World, params: Params) -> bool:
    """Everything permitted is no restriction: the user is a plain member again."""
    chat = in_supergroup(world.chat(params.chat()))
    member = _subject(world, chat, params)
    given = _permissions(params)
    wider = asdict(given) | {"can_edit_tag": True, "can_react_to_messages": True}
    if all(wider.values()):
        _change(world, chat, member, "member" if member.present else "left")
    else:
        until, here = _until(world, params), member.present
        _change(world, chat, member, "restricted", permissions=given, until_date=until, is_member=here)
    return True


async def promote_chat_member(world: World, params: Params) -> bool:
    """With no right at all an administrator becomes a member. The bot gives no right that it has not itself."""
    chat = in_supergroup_or_channel(world.chat(params.chat()))
    member = member_named(world, chat, params.integer("user_id"))
    need(world, chat, "can_promote_members", "not enough rights")
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    if member.status == "administrator" and not member.can_be_edited:
        raise bad_request("CHAT_ADMIN_REQUIRED")
    if not member.present:
        raise bad_request("USER_NOT_PARTICIPANT")
    rights = Rights.of(params.values)
    asked = {name for name, given in asdict(rights).items() if given and name in params}
    own = chat.standing(world.bot)
    if any(not own.has(name) for name in asked - {"is_anonymous"}):
        raise bad_request("RIGHT_FORBIDDEN")
    if asked:
        chat.set_standing(
            member.user, "administrator", rights, by=world.bot, can_be_edited=True, custom_title=member.custom_title
        )
    else:
        chat.set_standing(member.user, "member", by=world.bot)
    return True


async def set_chat_administrator_custom_title(world: World, params: Params) -> bool:
    chat = in_supergroup(world.chat(params.chat()))
    member = member_named(world, chat, params.integer("user_id"))
    title = params.text("custom_title") or ""
    if member.status == "creator":
        raise bad_request("only creator can edit their custom title")
    if member.status != "administrator":
        raise bad_request("user is not an administrator")
    if not member.can_be_edited:
        raise bad_request("not enough rights to change custom title of the user")
    if len(title) > _LONGEST_TITLE:
        raise bad_request("ADMIN_RANK_INVALID")
    standing = {"can_be_edited": True, "custom_title": title or None}
    chat.set_standing(member.user, "administrator", member.rights, by=world.bot, **standing)
    return True


async def ban_chat_sender_chat(world: World, params: Params) -> bool:
    """A channel may not write in the group, nor its owner through any other of theirs."""
    chat, sender_id = _sender_chat(world, params)
    if chat.linked is not None and chat.linked.id == sender_id:
        raise bad_request("can't restrict the linked channel")
    world.settings[chat].banned_chats.add(sender_id)
    return True


async def unban_chat_sender_chat(world: World, params: Params) -> bool:
    chat, sender_id = _sender_chat(world, params)
    world.settings[chat].banned_chats.discard(sender_id)
    return True


def _sender_chat(world: World, params: Params) -> tuple[Chat, int]:
    chat = in_supergroup_or_channel(world.chat(params.chat()))
    need(world, chat, "can_restrict_members", _NO_RESTRICTING)
    sender_id = params.integer("sender_chat_id")
    if sender_id >= 0:
        raise bad_request("invalid sender_chat_id specified")
    return chat, sender_id


async def set_chat_permissions(world: World, params: Params) -> bool:
    chat = world.chat(params.chat())
    if chat.type not in ("group", "supergroup"):
        raise bad_request("can't change private chat permissions" if chat.type == "private" else "CHAT_INVALID")
    need(world, chat, "can_restrict_members", "not enough rights to change chat permissions")
    settings = world.settings[chat]
    given = _permissions(params)
    if given == settings.permissions:
        raise bad_request("CHAT_NOT_MODIFIED")
    settings.permissions = given
    world.changes.announce()
    return True


# -- shared -----------------------------------------------------------------------------------------------------


def _group_or_channel(world: World, params: Params) -> Chat:
    chat = world.chat(params.chat())
    if chat.type == "private":
        raise bad_request("chat member status can't be changed in private chats")
    return chat


def _subject(world: World, chat: Chat, params: Params) -> Member:
    """Whom the bot may ban or restrict: nobody who is an administrator, the bot itself included."""
    member = member_named(world, chat, params.integer("user_id"))
    if member.user == world.bot:
        raise bad_request("can't restrict self")
    need(world, chat, "can_restrict_members", _NO_RESTRICTING)
    if member.status == "creator":
        raise bad_request("can't remove chat owner")
    if member.status == "administrator":
        raise bad_request("user is an administrator of the chat")
    return member


def _permissions(params: Params) -> Permissions:
    return Permissions.of(
        params.record("permissions") or {}, independent=params.flag("use_independent_chat_permissions")
    )


def _change(world: World, chat: Chat, member: Member, status: Status, **particulars: Any) -> None:
    """Give the standing, unless it is the user's already: then nothing happens, and nobody is told."""
    if Member(member.user, status, **particulars) != member:
        chat.set_standing(member.user, status, by=world.bot, **particulars)


def _until(world: World, params: Params) -> int:
    """When it ends, in Unix time; 0 is never."""
    until = params.integer("until_date")
    lasts = until - world.clock.now()
    return until if _SHORTEST_TERM <= lasts <= _LONGEST_TERM else 0


METHODS: Mapping[str, Method] = {
    "banChatMember": Method(ban_chat_member, ("chat_id", "user_id")),
    "unbanChatMember": Method(unban_chat_member, ("chat_id", "user_id")),
    "restrictChatMember": Method(restrict_chat_member, ("chat_id", "user_id", "permissions")),
    "promoteChatMember": Method(promote_chat_member, ("chat_id", "user_id")),
    "setChatAdministratorCustomTitle": Method(
        set_chat_administrator_custom_title, ("chat_id", "user_id", "custom_title")
    ),
    "banChatSenderChat": Method(ban_chat_sender_chat, ("chat_id", "sender_chat_id")),
    "unbanChatSenderChat": Method(unban_chat_sender_chat, ("chat_id", "sender_chat_id")),
    "setChatPermissions": Method(set_chat_permissions, ("chat_id", "permissions")),
}
