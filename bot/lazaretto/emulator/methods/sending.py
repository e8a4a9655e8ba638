"""Sending. Nothing is ever deduplicated: sent twice is posted twice, as on the real server."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats import Chat
from lazaretto.emulator.errors import ApiError, bad_request
from lazaretto.emulator.files import KINDS, Attachment, Kind
from lazaretto.emulator.methods.compose import (
    caption_fields,
    keyboard_fields,
    message_of,
    reply_target,
    text_fields,
)
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.params import Params
from lazaretto.emulator.records import Upload
from lazaretto.emulator.world import World

__all__ = ["METHODS", "UPLOAD_LIMIT"]

UPLOAD_LIMIT = 50 << 20  # bytes of one request: Bot API, "Sending files"

_NUMBERS = ("width", "height", "duration", "length")

# What belongs to the original message and not to what it says.
_NOT_COPIED = frozenset(
    {"reply_markup", "forward_origin", "media_group_id", "sender_chat", "via_bot", "from", "quote", "external_reply"}
    | {"message_thread_id", "is_topic_message", "is_automatic_forward", "author_signature"}
)


async def send_message(world: World, params: Params) -> dict[str, Any]:
    chat = world.chat(params.chat())
    return _posted(world, chat, params, text_fields(params))


def _sender_of(kind: Kind) -> Method:
    async def send(world: World, params: Params) -> dict[str, Any]:
        chat = world.chat(params.chat())
        caption = caption_fields(params) if kind.captioned else {}
        attachment = _attachment(world, kind, params)
        spoiler = {"has_media_spoiler": True} if params.flag("has_spoiler") else {}
        return _posted(world, chat, params, {**world.files.issue(attachment), **caption, **spoiler})

    return send


def _attachment(world: World, kind: Kind, params: Params) -> Attachment:
    sent = params.upload(kind.name)
    if not sent:
        raise bad_request(f"there is no {kind.name.replace('_', ' ')} in the request")
    if not isinstance(sent, Upload):
        return world.files.for_sending(sent, kind.name)
    if not sent.data:
        raise bad_request("file must be non-empty")
    if len(sent.data) > UPLOAD_LIMIT:
        raise ApiError(413, "Request Entity Too Large")
    return world.files.add(kind.name, sent.data, name=sent.name, mime=sent.mime, extra=_declared(kind, params))


def _declared(kind: Kind, params: Params) -> dict[str, Any]:
    """What the bot says of a file that it uploads, and the message then shows; other kinds ignore it."""
    numbers = [name for name in _NUMBERS if name in kind.required and name in params]
    texts = [name for name in kind.declared if name in params]
    return {name: params.integer(name) for name in numbers} | {name: params.text(name) for name in texts}


def _posted(world: World, chat: Chat, params: Params, content: dict[str, Any]) -> dict[str, Any]:
    """Put the bot's message into the chat. The bot gets no update for it."""
    keyboard = keyboard_fields(params)
    target = reply_target(params, chat)
    around: dict[str, Any] = {}
    if "message_thread_id" in params:
        around["message_thread_id"] = params.integer("message_thread_id")
    if params.flag("protect_content"):
        around["has_protected_content"] = True
    return chat.append(world.bot, {**content, **around, **keyboard}, target).json()


async def copy_message(world: World, params: Params) -> dict[str, Any]:
    """A copy is a new message of the bot: same attachment, new file_id, no word of the author."""
    chat = world.chat(params.chat())
    original = message_of(params, world.chat(params.chat("from_chat_id")), "to copy")
    if original.is_service or original.content.get("has_protected_content"):
        raise bad_request("message can't be copied")
    content = {name: value for name, value in original.content.items() if name not in _NOT_COPIED}
    if original.kind is not None and original.file is not None:
        content |= _fresh(world, original.content[original.kind], original.kind)
    if "caption" in params and original.kind is not None:
        content = {k: v for k, v in content.items() if k not in ("caption", "caption_entities")}
        content |= caption_fields(params)
    return {"message_id": _posted(world, chat, params, content)["message_id"]}


def _fresh(world: World, carried: Any, kind: str) -> dict[str, Any]:
    first = carried[0] if isinstance(carried, list) else carried
    return world.files.issue(world.files.for_sending(first["file_id"], kind))


async def send_chat_action(world: World, params: Params) -> bool:
    world.chat(params.chat())
    if not params.text("action"):
        raise bad_request("wrong parameter action in request")
    return True


METHODS: Mapping[str, Method] = {
    "sendMessage": send_message,
    "copyMessage": copy_message,
    "sendChatAction": send_chat_action,
    **{f"send{''.join(part.capitalize() for part in name.split('_'))}": _sender_of(k) for name, k in KINDS.items()},
}
