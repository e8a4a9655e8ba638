"""What the bot may do where, and the words in which Telegram says no."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.people import Member, Permissions
from lazaretto.emulator.chats.permissions import missing_permission, plural_of
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.world import World

__all__ = ["in_supergroup", "in_supergroup_or_channel", "may_post", "member_named", "need", "permissions"]


def need(world: World, chat: Chat, right: str, refusal: str) -> None:
    """Go on only where the bot is an administrator with this right."""
    if not chat.standing(world.bot).has(right):
        raise bad_request(refusal)


def permissions(world: World, chat: Chat) -> tuple[Permissions, ...]:
    """What limits the bot here as a member: what everybody is permitted, and what was left to it. Nothing limits
    administrators."""
    standing = chat.standing(world.bot)
    if standing.is_admin or chat.type in ("private", "channel"):
        return ()
    everybody = world.settings[chat].permissions
    return (everybody,) if standing.permissions is None else (everybody, standing.permissions)


def may_post(world: World, chat: Chat, content: Mapping[str, Any]) -> None:
    """Go on only where the bot may send this content."""
    if chat.connection is not None:
        if not (chat.connection.is_enabled and chat.connection.rights.can_reply):
            raise bad_request("BUSINESS_CONNECTION_NOT_ALLOWED")
        return
    if chat.type == "channel":
        need(world, chat, "can_post_messages", "need administrator rights in the channel chat")
        return
    if missing_permission(content, *permissions(world, chat)) is not None:
        raise bad_request(f"not enough rights to send {plural_of(content)} to the chat")


def in_supergroup(chat: Chat) -> Chat:
    """The chat, if it is a supergroup."""
    if chat.type != "supergroup":
        raise bad_request("method is available only for supergroups")
    return chat


def in_supergroup_or_channel(chat: Chat) -> Chat:
    """The chat, if it is a supergroup or a channel."""
    if chat.type not in ("supergroup", "channel"):
        raise bad_request("method is available for supergroup and channel chats only")
    return chat


def member_named(world: World, chat: Chat, user_id: int) -> Member:
    """The standing of a user whom the bot names by id. 400 for one it cannot have met."""
    user = world.users.get(user_id)
    if user is None:
        raise bad_request("user not found" if user_id > 0 else "invalid user_id specified")
    return chat.standing(user)
