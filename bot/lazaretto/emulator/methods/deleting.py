"""Deleting messages: https://core.telegram.org/bots/api#deletemessage"""

from collections.abc import Mapping

from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.messages import VISIBLE_SECONDS, Message
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.compose import ids_of_messages, message_of
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.table import Method
from lazaretto.emulator.world import World

__all__ = ["METHODS"]

# "Service messages about a supergroup, channel, or forum topic creation can't be deleted."
_FOREVER = frozenset({"supergroup_chat_created", "channel_chat_created", "forum_topic_created"})


async def delete_message(world: World, params: Params) -> bool:
    chat = world.chat(params.chat())
    message = message_of(params, chat, "to delete")
    if not _may_delete(world, chat, message):
        raise bad_request("message can't be deleted")
    chat.strike(message)
    return True


async def delete_messages(world: World, params: Params) -> bool:
    """Skips what it cannot delete and says yes all the same: that is the real method's contract."""
    chat = world.chat(params.chat())
    found = [chat.find(message_id) for message_id in ids_of_messages(params) if isinstance(message_id, int)]
    for message in found:
        if message is not None and _may_delete(world, chat, message):
            chat.strike(message)
    return True


def _may_delete(world: World, chat: Chat, message: Message) -> bool:
    if world.clock.now() - message.date > VISIBLE_SECONDS or not _FOREVER.isdisjoint(message.content):
        return False
    standing = chat.standing(world.bot)
    if chat.type == "channel":
        return standing.has("can_delete_messages") or (
            message.sender == world.bot and standing.has("can_post_messages")
        )
    if message.sender == world.bot or chat.type == "private":
        return True
    if chat.parent is not None:
        return standing.has("can_manage_direct_messages")
    return standing.has("can_delete_messages") or (chat.type == "group" and standing.is_admin)


async def delete_business_messages(world: World, params: Params) -> bool:
    """All in one chat of the connection's, which the ids alone tell. What the bot sent needs the lesser right."""
    connection = world.connection(params.text("business_connection_id"))
    wanted = ids_of_messages(params)
    chats = connection.chats.values()
    found = [[chat.find(number) if isinstance(number, int) else None for number in wanted] for chat in chats]
    messages = next((these for these in found if None not in these), None)
    if messages is None:
        raise bad_request("message to delete not found")
    for message in messages:
        own = message is not None and "sender_business_bot" in message.content
        allowed = connection.rights.can_delete_all_messages or (own and connection.rights.can_delete_sent_messages)
        if not connection.is_enabled or not allowed:
            raise bad_request("BUSINESS_CONNECTION_NOT_ALLOWED")
    for message in messages:
        if message is not None:
            message.chat.strike(message)
    return True


METHODS: Mapping[str, Method] = {
    "deleteMessage": Method(delete_message, ("chat_id", "message_id")),
    "deleteMessages": Method(delete_messages, ("chat_id", "message_ids")),
    "deleteBusinessMessages": Method(delete_business_messages, ("business_connection_id", "message_ids")),
}
