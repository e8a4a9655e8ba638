"""Forwarding and copying: the same files under new ids; forwarded with the author named, copied without."""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby, pairwise
from typing import Any

from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.forwards import copied, forwarded
from lazaretto.emulator.chats.messages import Message
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.compose import caption_fields, ids_of_messages, message_of, place, place_album
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

# "can't be copied": Bot API, copyMessage
_UNCOPIED = frozenset({"paid_media", "giveaway", "giveaway_winners", "invoice"})

Contents = Callable[[Sequence[Message]], list[dict[str, Any]]]


async def forward_message(world: World, params: Params) -> dict[str, Any]:
    message = message_of(params, world.chat(params.chat("from_chat_id")), "to forward")
    if not _forwardable(message):
        raise bad_request("message can't be forwarded")
    return place(world, params, forwarded([message])[0])


async def forward_messages(world: World, params: Params) -> list[dict[str, Any]]:
    return _many(world, params, _forwardable, forwarded, "there are no messages to forward")


async def copy_message(world: World, params: Params) -> dict[str, Any]:
    """A copy is a new message of the bot: same attachment, new file_id, no word of the author."""
    original = message_of(params, world.chat(params.chat("from_chat_id")), "to copy")
    if not _copyable(original):
        raise bad_request("message can't be copied")
    content = copied(original)
    if "caption" in params and original.kind is not None:
        content = _without_caption(content) | caption_fields(params)
    return {"message_id": place(world, params, content)["message_id"]}


async def copy_messages(world: World, params: Params) -> list[dict[str, Any]]:
    def contents(messages: Sequence[Message]) -> list[dict[str, Any]]:
        copies = [copied(message) for message in messages]
        return [_without_caption(copy) for copy in copies] if params.flag("remove_caption") else copies

    return _many(world, params, _copyable, contents, "there are no messages to copy")


def _many(
    world: World, params: Params, allowed: Callable[[Message], bool], contents: Contents, none: str
) -> list[dict[str, Any]]:
    """Skips what cannot be had and keeps albums together. The answers are MessageIds."""
    found = _found(params, world.chat(params.chat("from_chat_id")))
    messages = [message for message in found if allowed(message)]
    if not messages:
        raise bad_request(none)
    placed: list[dict[str, Any]] = []
    for album, group in groupby(messages, lambda message: message.content.get("media_group_id")):
        made = contents(list(group))
        if album is not None and len(made) > 1:
            placed += place_album(world, params, made)
        else:
            placed += [place(world, params, content) for content in made]
    return [{"message_id": message["message_id"]} for message in placed]


def _found(params: Params, chat: Chat) -> list[Message]:
    wanted = ids_of_messages(params)
    if not all(isinstance(message_id, int) and message_id > 0 for message_id in wanted):
        raise bad_request("invalid message identifier specified")
    if any(one >= next_one for one, next_one in pairwise(wanted)):
        raise bad_request("message identifiers must be in a strictly increasing order")
    return [message for message in map(chat.find, wanted) if message is not None]


def _forwardable(message: Message) -> bool:
    """What tells of an event, is protected or has no author stays where it is."""
    authors = (message.sender, message.content.get("sender_chat"), message.content.get("forward_origin"))
    if message.chat.type != "channel" and not any(authors):
        return False
    return message.may_leave


def _copyable(message: Message) -> bool:
    """A quiz is copied only by who knows its answer."""
    poll = message.content.get("poll") or {}
    secret = poll.get("type") == "quiz" and not poll.get("correct_option_ids")
    return _forwardable(message) and _UNCOPIED.isdisjoint(message.content) and not secret


def _without_caption(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in content.items() if name not in ("caption", "caption_entities")}


METHODS: Mapping[str, Method] = {
    "forwardMessage": Method(forward_message, ("chat_id", "from_chat_id", "message_id")),
    "forwardMessages": Method(forward_messages, ("chat_id", "from_chat_id", "message_ids")),
    "copyMessage": Method(copy_message, ("chat_id", "from_chat_id", "message_id")),
    "copyMessages": Method(copy_messages, ("chat_id", "from_chat_id", "message_ids")),
}
