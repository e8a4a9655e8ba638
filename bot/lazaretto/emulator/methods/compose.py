"""The parts that messages are made of, read from a request: text, caption, keyboard, reply, and where they go."""

from collections.abc import Mapping, Sequence
from typing import Any

from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.entities import Formatted, detect, parse_html, utf16_length
from lazaretto.emulator.chats.forwards import external_reply, quote_of
from lazaretto.emulator.chats.messages import Message
from lazaretto.emulator.chats.people import User
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.methods.params import Params
from lazaretto.emulator.methods.rights import may_post
from lazaretto.emulator.world import World

__all__ = [
    "caption_fields",
    "chat_of",
    "formatted",
    "ids_of_messages",
    "keyboard_fields",
    "message_of",
    "place",
    "place_album",
    "text_fields",
]

_LONGEST_TEXT = 4096
_LONGEST_CAPTION = 1024
_MOST_MESSAGES = 100
_LONGEST_DATA = 64  # bytes of callback_data
_BUTTON_ACTIONS = frozenset(
    {"callback_data", "url", "web_app", "login_url", "pay", "callback_game", "copy_text"}
    | {"switch_inline_query", "switch_inline_query_current_chat", "switch_inline_query_chosen_chat"}
)


def text_fields(params: Params) -> dict[str, Any]:
    """`text` and its entities; 400 when it is empty or too long."""
    said = formatted(params, "text")
    if not said.text:
        raise bad_request("message text is empty")
    if len(said.text) > _LONGEST_TEXT:
        raise bad_request("message is too long")
    return _fields("text", "entities", said)


def caption_fields(params: Params) -> dict[str, Any]:
    """`caption` and its entities; nothing without one; 400 when it is too long."""
    said = formatted(params, "caption", "caption_entities")
    if len(said.text) > _LONGEST_CAPTION:
        raise bad_request("message caption is too long")
    return _fields("caption", "caption_entities", said) if said.text else {}


def _fields(name: str, entities_name: str, said: Formatted) -> dict[str, Any]:
    marked = detect(said)
    return {name: marked.text} | ({entities_name: list(marked.entities)} if marked.entities else {})


def formatted(params: Params, name: str, entities_name: str = "entities", mode_name: str = "parse_mode") -> Formatted:
    """A text and its marks. The parse mode wins over entities, as on the server."""
    source = params.text(name) or ""
    mode = (params.text(mode_name) or "").lower()
    if mode == "html":
        return parse_html(source)
    if mode:
        raise bad_request("unsupported parse_mode (this emulator reads HTML only)")
    entities = params.items(entities_name) or []
    return Formatted(source if entities else source.strip(), tuple(_entity(entity, source) for entity in entities))


def _entity(sent: Any, text: str) -> dict[str, Any]:
    wanted = (("type", str), ("offset", int), ("length", int))
    if not isinstance(sent, dict) or not all(isinstance(sent.get(name), kind) for name, kind in wanted):
        raise bad_request("can't parse MessageEntity: expected an Object with type, offset and length")
    offset, length = sent["offset"], sent["length"]
    if offset < 0 or length < 0 or offset + length > utf16_length(text):
        where = f"UTF-16 offset {offset} ends after the end of the text at byte offset {len(text.encode())}"
        raise bad_request(f"entity beginning at {where}")
    return sent


def keyboard_fields(params: Params) -> dict[str, Any]:
    """`reply_markup` as a message shows it: inline keyboards only. 400 for buttons that Telegram refuses."""
    markup = params.record("reply_markup")
    if not markup or "inline_keyboard" not in markup:
        return {}
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise bad_request("can't parse inline keyboard: expected an Array of Arrays of buttons")
    kept = [[_button(button) for button in row] for row in rows if row]
    return {"reply_markup": {"inline_keyboard": kept}} if kept else {}


def _button(sent: Any) -> dict[str, Any]:
    if not isinstance(sent, dict) or not isinstance(sent.get("text"), str) or not sent["text"]:
        raise bad_request("can't parse inline keyboard button: button text must be non-empty")
    actions = _BUTTON_ACTIONS & sent.keys()
    if len(actions) != 1:
        raise bad_request("Text buttons are unallowed in the inline keyboard")
    data = sent.get("callback_data")
    if data is not None and not (isinstance(data, str) and 1 <= len(data.encode()) <= _LONGEST_DATA):
        raise bad_request("BUTTON_DATA_INVALID")
    return sent


# -- where messages go ------------------------------------------------------------------------------------------


def chat_of(world: World, params: Params) -> Chat:
    """The chat that a request is about: one of the bot's own, or with `business_connection_id` one of the owner's."""
    if "business_connection_id" not in params:
        return world.chat(params.chat())
    connection = world.connection(params.text("business_connection_id"))
    chat_id = params.chat()
    chat = connection.chats.get(chat_id) if isinstance(chat_id, int) else None
    if chat is None:
        raise bad_request("BUSINESS_PEER_INVALID")
    return chat


def place(world: World, params: Params, content: Mapping[str, Any]) -> dict[str, Any]:
    """Put the bot's message into the chat that the request names, and give it back. The bot gets no update for it."""
    chat = chat_of(world, params)
    sender, around, target = _around(world, chat, params, content)
    keyboard = keyboard_fields(params)
    return chat.append(sender, {**content, **around, **keyboard}, target).json()


def place_album(world: World, params: Params, contents: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As `place`, for messages that belong together."""
    chat = chat_of(world, params)
    arounds = [_around(world, chat, params, content) for content in contents]
    sender, around, target = arounds[0]
    return [
        message.json() for message in chat.append_album(sender, [{**content, **around} for content in contents], target)
    ]


def _around(
    world: World, chat: Chat, params: Params, content: Mapping[str, Any]
) -> tuple[User, dict[str, Any], Message | None]:
    """Who sends it, what it carries beside what it says, and which message of this chat it replies to."""
    may_post(world, chat, content)
    target, around = _reply(world, chat, params)
    around |= _topic(world, chat, params) | _direct_topic(chat, params, target)
    if params.flag("protect_content"):
        around["has_protected_content"] = True
    if effect := params.text("message_effect_id"):
        around["effect_id"] = effect
    if chat.connection is None:
        return world.bot, around, target
    return chat.connection.owner, {**around, "sender_business_bot": world.bot.json()}, target


def _reply(world: World, chat: Chat, params: Params) -> tuple[Message | None, dict[str, Any]]:
    """The message replied to in this chat; or, for one in another chat, what is shown of it."""
    sent = params.record("reply_parameters")
    reply = sent or {}
    if sent is not None and "message_id" not in sent:
        raise bad_request('can\'t find field "message_id"')
    wanted = reply.get("message_id") or params.integer("reply_to_message_id")
    if not wanted:
        return None, {}
    there = reply.get("chat_id")
    elsewhere = chat if there is None else world.chat(there if isinstance(there, int | str) else None)
    target = elsewhere.find(wanted) if isinstance(wanted, int) else None
    if target is None:
        if reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply"):
            return None, {}
        raise bad_request("message to be replied not found")
    quote = {"quote": _quote(target, str(reply["quote"]))} if reply.get("quote") else {}
    if elsewhere is chat:
        return target, quote
    if not target.may_leave:
        raise bad_request("message can't be replied in another chat")
    return None, {"external_reply": external_reply(target), **quote}


def _quote(target: Message, quoted: str) -> dict[str, Any]:
    try:
        return quote_of(target, quoted)
    except ValueError:
        raise bad_request("QUOTE_TEXT_INVALID") from None


def _topic(world: World, chat: Chat, params: Params) -> dict[str, Any]:
    """The thread that was named: a topic, open unless the bot manages topics; in other groups, that of a message."""
    thread = params.integer("message_thread_id")
    if not chat.is_forum:
        return _thread(chat, thread) if thread else {}
    topic = chat.topics.get(thread) if thread else chat.general
    if topic is None:
        raise bad_request("message thread not found")
    if topic.closed and not chat.standing(world.bot).has("can_manage_topics"):
        raise bad_request("TOPIC_CLOSED")
    return {"message_thread_id": thread} if thread else {}


def _thread(chat: Chat, message_id: int) -> dict[str, Any]:
    root = chat.find(message_id)
    thread = {} if root is None else chat.thread_of(root)
    if not thread:
        raise bad_request("message thread not found")
    return thread


def _direct_topic(chat: Chat, params: Params, target: Message | None) -> dict[str, Any]:
    """Whom a message in a channel's direct messages is for; who replies need not say."""
    if chat.parent is None or target is not None:
        return {}
    user = chat.world.users.get(params.integer("direct_messages_topic_id"))
    if user is None:
        raise bad_request("direct messages topic must be specified")
    return {"direct_messages_topic": {"topic_id": user.id, "user": user.json()}}


def ids_of_messages(params: Params) -> Sequence[Any]:
    """`message_ids`, whatever they are. 400 for more than a method takes."""
    wanted = params.items("message_ids") or []
    if len(wanted) > _MOST_MESSAGES:
        raise bad_request("too many message identifiers specified")
    return wanted


def message_of(params: Params, chat: Chat, to_what: str) -> Message:
    """The message that `message_id` names. 400 "message to ... not found"."""
    message = chat.find(params.integer("message_id"))
    if message is None:
        raise bad_request(f"message {to_what} not found")
    return message
