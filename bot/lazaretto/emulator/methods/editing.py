"""Editing the bot's own messages: text, caption, attachment, keyboard, and the end of a poll."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.messages import Message
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.files.kinds import CONTENT_FIELDS
from lazaretto.emulator.methods.compose import caption_fields, chat_of, keyboard_fields, message_of, text_fields
from lazaretto.emulator.methods.media import media_item
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)
_EDITABLE_MEDIA = ("animation", "audio", "document", "live_photo", "photo", "video")
_CAPTION = ("caption", "caption_entities", "has_media_spoiler", "show_caption_above_media")


async def edit_message_text(world: World, params: Params) -> dict[str, Any]:
    message = _own(world, params)
    if message.text is None:
        raise bad_request("there is no text in the message to edit")
    return _edited(message, {"text": None, "entities": None, **text_fields(params)}, params)


async def edit_message_caption(world: World, params: Params) -> dict[str, Any]:
    message = _own(world, params)
    if message.kind is None and "paid_media" not in message.content:
        raise bad_request("there is no caption in the message to edit")
    return _edited(message, {"caption": None, "caption_entities": None, **caption_fields(params)}, params)


async def edit_message_media(world: World, params: Params) -> dict[str, Any]:
    """The new attachment takes the place of all that the message said; its caption is the InputMedia's."""
    message = _own(world, params)
    if message.text is None and message.kind is None:
        raise bad_request("there is no media in the message to edit")
    fields = await media_item(world, params, params.record("media"), _EDITABLE_MEDIA, "is unsupported")
    old = {name: None for name in message.content if name in CONTENT_FIELDS or name in _CAPTION}
    return _edited(message, {**old, **fields}, params)


async def edit_message_reply_markup(world: World, params: Params) -> dict[str, Any]:
    return _edited(_own(world, params), {}, params)


async def stop_poll(world: World, params: Params) -> dict[str, Any]:
    message = _own(world, params, "with poll to stop")
    if "poll" not in message.content:
        raise bad_request("message is not a poll")
    if message.content["poll"]["is_closed"]:
        raise bad_request("poll has already been closed")
    closed: dict[str, Any] = {**message.content["poll"], "is_closed": True}
    message.chat.change(message, {"poll": closed, "reply_markup": None, **keyboard_fields(params)})
    return closed


def _own(world: World, params: Params, to_what: str = "to edit") -> Message:
    """The message, if the bot may edit it: its own, no forward; in a channel anybody's, with the right."""
    message = message_of(params, chat_of(world, params), to_what)
    own = message.sender == world.bot or "sender_business_bot" in message.content
    others = message.chat.type == "channel" and message.chat.standing(world.bot).has("can_edit_messages")
    if message.is_service or "forward_origin" in message.content or not (own or others):
        raise bad_request("message can't be edited")
    return message


def _edited(message: Message, fields: dict[str, Any], params: Params) -> dict[str, Any]:
    """An edit that does not send a keyboard takes the old one away."""
    new = {"reply_markup": None, **fields, **keyboard_fields(params)}
    if all(message.content.get(name) == value for name, value in new.items()):
        raise bad_request(_NOT_MODIFIED)
    message.chat.change(message, new)
    return message.json()


METHODS: Mapping[str, Method] = {
    "editMessageText": Method(edit_message_text, ("chat_id", "message_id", "text")),
    "editMessageCaption": Method(edit_message_caption, ("chat_id", "message_id")),
    "editMessageMedia": Method(edit_message_media, ("chat_id", "message_id", "media")),
    "editMessageReplyMarkup": Method(edit_message_reply_markup, ("chat_id", "message_id")),
    "stopPoll": Method(stop_poll, ("chat_id", "message_id")),
}
