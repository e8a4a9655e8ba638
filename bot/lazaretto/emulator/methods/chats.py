"""What a bot may ask about a chat and its members, and the way out."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.rights import member_named
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_NO_GIFTS = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}


async def get_chat(world: World, params: Params) -> dict[str, Any]:
    """A ChatFullInfo with everything that the emulator knows of."""
    chat = world.chat(params.chat())
    about = {**chat.json(), "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
    return about | {name: value for name, value in _full(world, chat).items() if value is not None}


def _full(world: World, chat: Chat) -> dict[str, Any]:
    settings = world.settings[chat]
    pinned = chat.pinned_message
    username = chat.about.get("username")
    link = settings.primary_link if chat.standing(world.bot).has("can_invite_users") else None
    return {
        "permissions": settings.permissions.json() if chat.type in ("group", "supergroup") else None,
        "description": settings.description,
        "invite_link": link and link.address,
        "active_usernames": [username] if username else None,
        "pinned_message": pinned and pinned.json(nested=True),
        "linked_chat_id": chat.linked and chat.linked.id,
        "parent_chat": chat.parent and chat.parent.json(),
        "photo": settings.photo_json(),
    }


async def get_chat_administrators(world: World, params: Params) -> list[dict[str, Any]]:
    """Of bots only the one that asks, unless `return_bots`."""
    chat = world.chat(params.chat())
    if chat.type == "private":
        raise bad_request("there are no administrators in the private chat")
    ranked = [member for member in chat.members.values() if member.is_admin]
    bots_too = params.flag("return_bots")
    return [member.json() for member in ranked if bots_too or not member.user.is_bot or member.user == world.bot]


async def get_chat_member(world: World, params: Params) -> dict[str, Any]:
    chat = world.chat(params.chat())
    return member_named(world, chat, params.integer("user_id")).json()


async def get_chat_member_count(world: World, params: Params) -> int:
    chat = world.chat(params.chat())
    return sum(member.present for member in chat.members.values())


async def leave_chat(world: World, params: Params) -> bool:
    chat = world.chat(params.chat())
    if chat.type == "private":
        raise bad_request("chat member status can't be changed in private chats")
    chat.set_standing(world.bot, "left", by=world.bot)
    return True


METHODS: Mapping[str, Method] = {
    "getChat": Method(get_chat, ("chat_id",)),
    "getChatAdministrators": Method(get_chat_administrators, ("chat_id",)),
    "getChatMember": Method(get_chat_member, ("chat_id", "user_id")),
    "getChatMemberCount": Method(get_chat_member_count, ("chat_id",)),
    "leaveChat": Method(leave_chat, ("chat_id",)),
}
