"""Topics of a forum, the General one among them: https://core.telegram.org/bots/api#createforumtopic"""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.topics import BLUE, Topic
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.rights import in_supergroup, need
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

_LONGEST_NAME = 128
_COLOURS = frozenset({BLUE, 0xFFD67E, 0xCB86DB, 0x8EEE98, 0xFF93B2, 0xFB6F5F})
_NOT_MODIFIED = "TOPIC_NOT_MODIFIED"


async def create_forum_topic(world: World, params: Params) -> dict[str, Any]:
    chat = _forum(world, params, "not enough rights to create a topic")
    colour = params.integer("icon_color") or BLUE
    if colour not in _COLOURS:
        raise bad_request("wrong topic icon color specified")
    topic = chat.open_topic(
        _name(params), icon_color=colour, icon_custom_emoji_id=params.text("icon_custom_emoji_id") or None
    )
    opened = chat.beginning_of_topic(topic.thread_id)
    if opened is not None:
        chat.tell_own(opened)
    return topic.json()


async def edit_forum_topic(world: World, params: Params) -> bool:
    chat, topic = _topic(world, params)
    name = _name(params) if params.text("name") else None
    chat.tell_own(chat.edit_topic(topic, name=name, icon_custom_emoji_id=params.text("icon_custom_emoji_id")))
    return True


async def close_forum_topic(world: World, params: Params) -> bool:
    chat, topic = _topic(world, params)
    return _close(chat, topic)


async def reopen_forum_topic(world: World, params: Params) -> bool:
    chat, topic = _topic(world, params)
    return _reopen(chat, topic)


async def delete_forum_topic(world: World, params: Params) -> bool:
    """With everything in it, which takes the right to delete messages."""
    chat, topic = _topic(world, params, "can_delete_messages", "not enough rights to delete a topic")
    chat.delete_topic(topic)
    return True


async def unpin_all_forum_topic_messages(world: World, params: Params) -> bool:
    chat, topic = _topic(world, params, "can_pin_messages", "not enough rights to unpin a message")
    return _unpin(chat, topic.thread_id)


async def edit_general_forum_topic(world: World, params: Params) -> bool:
    chat = _forum(world, params)
    name = _name(params)
    if name == chat.general.name:
        raise bad_request(_NOT_MODIFIED)
    chat.general.name = name
    chat.tell_own(chat.append(world.bot, {"forum_topic_edited": {"name": name}}))
    return True


async def close_general_forum_topic(world: World, params: Params) -> bool:
    chat = _forum(world, params)
    return _close(chat, chat.general)


async def reopen_general_forum_topic(world: World, params: Params) -> bool:
    """A hidden topic is shown with it."""
    chat = _forum(world, params)
    chat.general.hidden = False
    return _reopen(chat, chat.general)


async def hide_general_forum_topic(world: World, params: Params) -> bool:
    chat = _forum(world, params)
    if chat.general.hidden:
        raise bad_request(_NOT_MODIFIED)
    chat.tell_own(chat.hide_general())
    return True


async def unhide_general_forum_topic(world: World, params: Params) -> bool:
    chat = _forum(world, params)
    if not chat.general.hidden:
        raise bad_request(_NOT_MODIFIED)
    chat.tell_own(chat.show_general())
    return True


async def unpin_all_general_forum_topic_messages(world: World, params: Params) -> bool:
    chat = _forum(world, params, "not enough rights to unpin a message", "can_pin_messages")
    return _unpin(chat, None)


# -- shared -----------------------------------------------------------------------------------------------------


def _forum(
    world: World, params: Params, refusal: str = "not enough rights to edit a topic", right: str = "can_manage_topics"
) -> Chat:
    chat = in_supergroup(world.chat(params.chat()))
    if not chat.is_forum:
        raise bad_request("the chat is not a forum")
    need(world, chat, right, refusal)
    return chat


def _topic(
    world: World,
    params: Params,
    right: str = "can_manage_topics",
    refusal: str = "not enough rights to edit a topic",
) -> tuple[Chat, Topic]:
    chat = _forum(world, params, refusal, right)
    topic = chat.topics.get(params.integer("message_thread_id"))
    if topic is None:
        raise bad_request("TOPIC_ID_INVALID")
    return chat, topic


def _name(params: Params) -> str:
    name = (params.text("name") or "").strip()
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise bad_request("TOPIC_TITLE_EMPTY" if not name else "TOPIC_TITLE_TOO_LONG")
    return name


def _close(chat: Chat, topic: Topic) -> bool:
    if topic.closed:
        raise bad_request(_NOT_MODIFIED)
    chat.tell_own(chat.close_topic(topic))
    return True


def _reopen(chat: Chat, topic: Topic) -> bool:
    if not topic.closed:
        raise bad_request(_NOT_MODIFIED)
    chat.tell_own(chat.reopen_topic(topic))
    return True


def _unpin(chat: Chat, thread_id: int | None) -> bool:
    for message in list(chat.pinned):
        if message.content.get("message_thread_id") == thread_id:
            chat.unpin(message)
    return True


_TOPIC = ("chat_id", "message_thread_id")

METHODS: Mapping[str, Method] = {
    "createForumTopic": Method(create_forum_topic, ("chat_id", "name")),
    "editForumTopic": Method(edit_forum_topic, _TOPIC),
    "closeForumTopic": Method(close_forum_topic, _TOPIC),
    "reopenForumTopic": Method(reopen_forum_topic, _TOPIC),
    "deleteForumTopic": Method(delete_forum_topic, _TOPIC),
    "unpinAllForumTopicMessages": Method(unpin_all_forum_topic_messages, _TOPIC),
    "editGeneralForumTopic": Method(edit_general_forum_topic, ("chat_id", "name")),
    "closeGeneralForumTopic": Method(close_general_forum_topic, ("chat_id",)),
    "reopenGeneralForumTopic": Method(reopen_general_forum_topic, ("chat_id",)),
    "hideGeneralForumTopic": Method(hide_general_forum_topic, ("chat_id",)),
    "unhideGeneralForumTopic": Method(unhide_general_forum_topic, ("chat_id",)),
    "unpinAllGeneralForumTopicMessages": Method(unpin_all_general_forum_topic_messages, ("chat_id",)),
}
