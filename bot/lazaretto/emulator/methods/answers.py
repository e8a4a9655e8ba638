"""Answers to presses, guests and inline queries (there are none), reactions, and what a business account reads."""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.queries import Answer
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.compose import chat_of, message_of, text_fields
from lazaretto.emulator.methods.params import Params, read_values
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_LONGEST_ANSWER = 200
# The documentation gives no number; clients stop waiting for an answer well before this.
_QUERY_SECONDS = 60
_TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
_REACTIONS = {"emoji": "emoji", "custom_emoji": "custom_emoji_id"}


async def answer_callback_query(world: World, params: Params) -> bool:
    text = params.text("text") or ""
    query = world.queries.get(params.text("callback_query_id") or "")
    if query is None or world.clock.now() - query.at > _QUERY_SECONDS:
        raise bad_request(_TOO_OLD)
    if len(text) > _LONGEST_ANSWER:
        raise bad_request("MESSAGE_TOO_LONG")
    if query.answer is None:
        query.answer = Answer(text, params.flag("show_alert"), params.text("url"))
        world.changes.announce()
    return True


async def answer_inline_query(_: World, __: Params) -> bool:
    """Nobody in this emulator asks inline, so every id is unknown."""
    raise bad_request(_TOO_OLD)


async def answer_guest_query(world: World, params: Params) -> dict[str, str]:
    """Once for each query, with an article: its text is posted as the bot's answer. Other results are not read."""
    called = world.guest_queries.pop(params.text("guest_query_id") or "", None)
    if called is None:
        raise bad_request(_TOO_OLD)
    content = (params.record("result") or {}).get("input_message_content")
    if not isinstance(content, dict) or "message_text" not in content:
        raise bad_request("unsupported result (this emulator reads texts only)")
    said = text_fields(Params(read_values({**content, "text": content["message_text"]})))
    posted = called.chat.append(world.bot, said, called)
    return {"inline_message_id": f"{posted.chat.id}_{posted.message_id}"}


async def set_message_reaction(world: World, params: Params) -> bool:
    """A bot has one reaction to a message at most; none takes it away. It is seen in the record of calls."""
    chat = chat_of(world, params)
    message = message_of(params, chat, "to react")
    reactions = params.items("reaction") or []
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if message.is_service or not all(_is_reaction(reaction) for reaction in reactions):
        raise bad_request("REACTION_INVALID")
    world.settings[chat].reactions[message.message_id] = list(reactions)
    world.changes.announce()
    return True


def _is_reaction(sent: Any) -> bool:
    name = _REACTIONS.get(sent.get("type", "")) if isinstance(sent, dict) else None
    return name is not None and isinstance(sent.get(name), str) and bool(sent[name])


async def get_business_connection(world: World, params: Params) -> dict[str, Any]:
    return world.connection(params.text("business_connection_id")).json()


async def read_business_message(world: World, params: Params) -> bool:
    chat = chat_of(world, params)
    if chat.connection is None or not (chat.connection.is_enabled and chat.connection.rights.can_read_messages):
        raise bad_request("BUSINESS_CONNECTION_NOT_ALLOWED")
    message_of(params, chat, "to read")
    return True


METHODS: Mapping[str, Method] = {
    "answerCallbackQuery": Method(answer_callback_query, ("callback_query_id",)),
    "answerInlineQuery": Method(answer_inline_query, ("inline_query_id", "results")),
    "answerGuestQuery": Method(answer_guest_query, ("guest_query_id", "result")),
    "setMessageReaction": Method(set_message_reaction, ("chat_id", "message_id")),
    "getBusinessConnection": Method(get_business_connection, ("business_connection_id",)),
    "readBusinessMessage": Method(read_business_message, ("business_connection_id", "chat_id", "message_id")),
}
