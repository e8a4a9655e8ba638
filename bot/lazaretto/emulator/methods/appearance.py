"""What administrators change about a chat: title, description, photo, pinned messages."""

from collections.abc import Mapping

from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.compose import chat_of, message_of
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.rights import need, permissions
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.records import Upload
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_LONGEST_TITLE = 128
_LONGEST_DESCRIPTION = 255


async def set_chat_title(world: World, params: Params) -> bool:
    chat = _changeable(world, params, "title", "not enough rights to change chat title")
    title = (params.text("title") or "").strip()[:_LONGEST_TITLE]
    if not title:
        raise bad_request("CHAT_TITLE_EMPTY")
    if title == chat.title:
        raise bad_request("chat title is not modified")
    chat.about["title"] = title
    chat.tell_own(chat.append(world.bot, {"new_chat_title": title}))
    return True


async def set_chat_description(world: World, params: Params) -> bool:
    chat = _changeable(world, params, "description", "not enough rights to set chat description")
    description = (params.text("description") or "")[:_LONGEST_DESCRIPTION] or None
    if description == world.settings[chat].description:
        raise bad_request("chat description is not modified")
    world.settings[chat].description = description
    world.changes.announce()
    return True


async def set_chat_photo(world: World, params: Params) -> bool:
    """The photo is uploaded: no file_id is accepted."""
    chat = _changeable(world, params, "photo", "not enough rights to change chat photo")
    sent = params.upload("photo")
    if not isinstance(sent, Upload):
        raise bad_request("photo must be uploaded as an InputFile")
    if not sent.data:
        raise bad_request("file must be non-empty")
    photo = world.files.add("photo", sent.data)
    world.settings[chat].photo = photo
    chat.tell_own(chat.append(world.bot, {"new_chat_photo": world.files.issue(photo)["photo"]}))
    return True


async def delete_chat_photo(world: World, params: Params) -> bool:
    chat = _changeable(world, params, "photo", "not enough rights to change chat photo")
    if world.settings[chat].photo is None:
        raise bad_request("CHAT_NOT_MODIFIED")
    world.settings[chat].photo = None
    chat.tell_own(chat.append(world.bot, {"delete_chat_photo": True}))
    return True


def _changeable(world: World, params: Params, what: str, refusal: str) -> Chat:
    chat = world.chat(params.chat())
    if chat.type == "private":
        raise bad_request(f"can't change private chat {what}")
    need(world, chat, "can_change_info", refusal)
    return chat


# -- pinned messages ----------------------------------------------------------------------------------------------


async def pin_chat_message(world: World, params: Params) -> bool:
    chat = _pinnable(world, params)
    message = message_of(params, chat, "to pin")
    if message.is_service:
        raise bad_request("a service message can't be pinned")
    chat.tell_own(chat.pin(message))
    return True


async def unpin_chat_message(world: World, params: Params) -> bool:
    """Without a `message_id` the one that was pinned last."""
    chat = _pinnable(world, params)
    message = message_of(params, chat, "to unpin") if "message_id" in params else chat.pinned_message
    if message is None or message not in chat.pinned:
        raise bad_request("message to unpin not found")
    chat.unpin(message)
    return True


async def unpin_all_chat_messages(world: World, params: Params) -> bool:
    chat = _pinnable(world, params)
    for message in list(chat.pinned):
        chat.unpin(message)
    return True


def _pinnable(world: World, params: Params) -> Chat:
    """In a channel it takes the right to edit messages."""
    chat = chat_of(world, params)
    standing = chat.standing(world.bot)
    right = "can_edit_messages" if chat.type == "channel" else "can_pin_messages"
    as_member = not standing.is_admin and all(given.can_pin_messages for given in permissions(world, chat))
    if not (chat.type == "private" or as_member or standing.has(right)):
        raise bad_request("not enough rights to manage pinned messages in the chat")
    return chat


METHODS: Mapping[str, Method] = {
    "setChatTitle": Method(set_chat_title, ("chat_id", "title")),
    "setChatDescription": Method(set_chat_description, ("chat_id",)),
    "setChatPhoto": Method(set_chat_photo, ("chat_id", "photo")),
    "deleteChatPhoto": Method(delete_chat_photo, ("chat_id",)),
    "pinChatMessage": Method(pin_chat_message, ("chat_id", "message_id")),
    "unpinChatMessage": Method(unpin_chat_message, ("chat_id",)),
    "unpinAllChatMessages": Method(unpin_all_chat_messages, ("chat_id",)),
}
