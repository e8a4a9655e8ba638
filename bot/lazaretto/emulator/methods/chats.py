"""What a bot may ask about a chat and its members."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.params import Params
from lazaretto.emulator.people import PRESENT
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_NO_GIFTS = {
    "unlimited_gifts": False,
    "limited_gifts": False,
    "unique_gifts": False,
    "premium_subscription": False,
    "gifts_from_channels": False,
}
_MAY_SEND = ("messages", "audios", "documents", "photos", "videos", "video_notes", "voice_notes", "polls")
_PERMISSIONS = {f"can_send_{what}": True for what in (*_MAY_SEND, "other_messages")} | {
    "can_add_web_page_previews": True,
    "can_change_info": False,
    "can_invite_users": True,
    "can_pin_messages": False,
    "can_manage_topics": False,
}


async def get_chat(world: World, params: Params) -> dict[str, Any]:
    chat = world.chat(params.chat())
    shown = {**chat.json(), "accent_color_id": 0, "max_reaction_count": 11, "accepted_gift_types": _NO_GIFTS}
    return shown if chat.type == "private" else shown | {"permissions": _PERMISSIONS}


async def get_chat_administrators(world: World, params: Params) -> list[dict[str, Any]]:
    """People only, unless `return_bots`."""
    chat = world.chat(params.chat())
    if chat.type == "private":
        raise bad_request("there are no administrators in the private chat")
    ranked = [member for member in chat.members.values() if member.status in ("creator", "administrator")]
    bots_too = params.flag("return_bots")
    return [member.json() for member in ranked if bots_too or not member.user.is_bot]


async def get_chat_member(world: World, params: Params) -> dict[str, Any]:
    chat = world.chat(params.chat())
    user_id = params.integer("user_id")
    user = world.users.get(user_id)
    if user is None:
        raise bad_request("user not found" if user_id > 0 else "invalid user_id specified")
    return chat.standing(user).json()


async def get_chat_member_count(world: World, params: Params) -> int:
    chat = world.chat(params.chat())
    return sum(member.status in PRESENT for member in chat.members.values())


async def leave_chat(world: World, params: Params) -> bool:
    chat = world.chat(params.chat())
    if chat.type == "private":
        raise bad_request("chat member status can't be changed in private chats")
    chat.set_standing(world.bot, "left", by=world.bot)
    return True


METHODS: Mapping[str, Method] = {
    "getChat": get_chat,
    "getChatAdministrators": get_chat_administrators,
    "getChatMember": get_chat_member,
    "getChatMemberCount": get_chat_member_count,
    "leaveChat": leave_chat,
}
