"""Deleting, editing, and answering presses."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats import Chat
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.messages import Message
from lazaretto.emulator.methods.compose import caption_fields, keyboard_fields, message_of, text_fields
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.params import Params
from lazaretto.emulator.queries import Answer
from lazaretto.emulator.world import VISIBLE_SECONDS, World

__all__ = ["METHODS"]

_MOST_DELETED = 100
_LONGEST_ANSWER = 200
# The documentation gives no number; clients stop waiting for an answer well before this.
_QUERY_SECONDS = 60

_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


async def delete_message(world: World, params: Params) -> bool:
    chat = world.chat(params.chat())
    if params.integer("message_id") <= 0:
        raise bad_request("message identifier is not specified")
    message = message_of(params, chat, "to delete")
    if not _may_delete(world, chat, message):
        raise bad_request("message can't be deleted")
    chat.strike(message)
    return True


async def delete_messages(world: World, params: Params) -> bool:
    """Skips what it cannot delete and says yes all the same: that is the real method's contract."""
    chat = world.chat(params.chat())
    wanted = params.items("message_ids") or []
    if not wanted:
        raise bad_request("message identifiers are not specified")
    if len(wanted) > _MOST_DELETED:
        raise bad_request("too many message identifiers specified")
    found = [chat.find(message_id) for message_id in wanted if isinstance(message_id, int)]
    for message in found:
        if message is not None and _may_delete(world, chat, message):
            chat.strike(message)
    return True


def _may_delete(world: World, chat: Chat, message: Message) -> bool:
    """https://core.telegram.org/bots/api#deletemessage"""
    if world.clock.now() - message.date > VISIBLE_SECONDS:
        return False
    if message.sender == world.bot or chat.type == "private":
        return True
    standing = chat.standing(world.bot)
    if standing.status != "administrator" or standing.rights is None:
        return False
    return chat.type == "group" or standing.rights.can_delete_messages


async def edit_message_text(world: World, params: Params) -> dict[str, Any]:
    message = _own(world, params)
    if message.text is None:
        raise bad_request("there is no text in the message to edit")
    return _edited(message, {"text": None, "entities": None, **text_fields(params)}, params)


async def edit_message_caption(world: World, params: Params) -> dict[str, Any]:
    message = _own(world, params)
    if message.kind is None:
        raise bad_request("there is no caption in the message to edit")
    return _edited(message, {"caption": None, "caption_entities": None, **caption_fields(params)}, params)


async def edit_message_reply_markup(world: World, params: Params) -> dict[str, Any]:
    return _edited(_own(world, params), {}, params)


def _own(world: World, params: Params) -> Message:
    message = message_of(params, world.chat(params.chat()), "to edit")
    if message.sender != world.bot:
        raise bad_request("message can't be edited")
    return message


def _edited(message: Message, fields: dict[str, Any], params: Params) -> dict[str, Any]:
    """An edit that does not send a keyboard takes the old one away."""
    new = {"reply_markup": None, **fields, **keyboard_fields(params)}
    if all(message.content.get(name) == value for name, value in new.items()):
        raise bad_request(_NOT_MODIFIED)
    message.chat.change(message, new)
    return message.json()


async def answer_callback_query(world: World, params: Params) -> bool:
    text = params.text("text") or ""
    query = world.queries.get(params.text("callback_query_id") or "")
    if query is None or world.clock.now() - query.at > _QUERY_SECONDS:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if len(text) > _LONGEST_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    if query.answer is None:
        query.answer = Answer(text, params.flag("show_alert"), params.text("url"))
        world.changes.announce()
    return True


METHODS: Mapping[str, Method] = {
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "answerCallbackQuery": answer_callback_query,
}
