"""Invite links, and the people who ask to be let in."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.settings import InviteLink
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.rights import member_named, need
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_LONGEST_NAME = 32
_MOST_MEMBERS = 99_999


async def create_chat_invite_link(world: World, params: Params) -> dict[str, Any]:
    chat = _inviting(world, params)
    link = InviteLink(world.bot)
    _set(link, params)
    world.settings[chat].links.append(link)
    return link.json()


async def edit_chat_invite_link(world: World, params: Params) -> dict[str, Any]:
    link = _link(world, params)
    if link.is_primary:
        raise bad_request("primary invite link can't be edited")
    _set(link, params)
    return link.json()


async def revoke_chat_invite_link(world: World, params: Params) -> dict[str, Any]:
    """Another one takes a revoked primary link's place."""
    link = _link(world, params)
    link.is_revoked = True
    if link.is_primary:
        world.settings[world.chat(params.chat())].links.append(InviteLink(world.bot, is_primary=True))
    return link.json()


async def export_chat_invite_link(world: World, params: Params) -> str:
    """A new primary link; the one before it is revoked."""
    settings = world.settings[_inviting(world, params)]
    if settings.primary_link is not None:
        settings.primary_link.is_revoked = True
    link = InviteLink(world.bot, is_primary=True)
    settings.links.append(link)
    return link.address


async def approve_chat_join_request(world: World, params: Params) -> bool:
    return _settle(world, params, let_in=True)


async def decline_chat_join_request(world: World, params: Params) -> bool:
    return _settle(world, params, let_in=False)


def _settle(world: World, params: Params, *, let_in: bool) -> bool:
    chat = _inviting(world, params)
    member = member_named(world, chat, params.integer("user_id"))
    if member.present:
        raise bad_request("USER_ALREADY_PARTICIPANT")
    if member.user.id not in chat.join_requests:
        raise bad_request("HIDE_REQUESTER_MISSING")
    chat.settle_request(member.user, let_in=let_in, by=world.bot)
    return True


def _inviting(world: World, params: Params) -> Chat:
    chat = world.chat(params.chat())
    if chat.type == "private":
        raise bad_request("can't invite members to a private chat")
    need(world, chat, "can_invite_users", "not enough rights to manage chat invite link")
    return chat


def _link(world: World, params: Params) -> InviteLink:
    chat = _inviting(world, params)
    address = params.text("invite_link")
    link = next((link for link in world.settings[chat].links if link.address == address), None)
    if link is None:
        raise bad_request("INVITE_HASH_EXPIRED")
    return link


def _set(link: InviteLink, params: Params) -> None:
    name, limit = params.text("name"), params.integer("member_limit")
    if len(name or "") > _LONGEST_NAME:
        raise bad_request("INVITE_LINK_NAME_TOO_LONG")
    if not 0 <= limit <= _MOST_MEMBERS:
        raise bad_request("USAGE_LIMIT_INVALID")
    if limit and params.flag("creates_join_request"):
        raise bad_request("member limit can't be specified for links requiring administrator approval")
    link.name = name or None
    link.expire_date = params.integer("expire_date") or None
    link.member_limit = limit or None
    link.creates_join_request = params.flag("creates_join_request")


METHODS: Mapping[str, Method] = {
    "createChatInviteLink": Method(create_chat_invite_link, ("chat_id",)),
    "editChatInviteLink": Method(edit_chat_invite_link, ("chat_id", "invite_link")),
    "revokeChatInviteLink": Method(revoke_chat_invite_link, ("chat_id", "invite_link")),
    "exportChatInviteLink": Method(export_chat_invite_link, ("chat_id",)),
    "approveChatJoinRequest": Method(approve_chat_join_request, ("chat_id", "user_id")),
    "declineChatJoinRequest": Method(decline_chat_join_request, ("chat_id", "user_id")),
}
