"""The parts that messages are made of, read from a request: text, caption, keyboard, reply."""

from typing import Any, Literal

from lazaretto.emulator.chats import Chat
from lazaretto.emulator.entities import Formatted, detect, parse_html
from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.messages import Message
from lazaretto.emulator.params import Params

__all__ = ["caption_fields", "keyboard_fields", "message_of", "reply_target", "text_fields"]

_LONGEST_TEXT = 4096
_LONGEST_CAPTION = 1024
_LONGEST_DATA = 64  # bytes of callback_data
_BUTTON_ACTIONS = frozenset(
    {"callback_data", "url", "web_app", "login_url", "pay", "callback_game", "copy_text"}
    | {"switch_inline_query", "switch_inline_query_current_chat", "switch_inline_query_chosen_chat"}
)


def text_fields(params: Params) -> dict[str, Any]:
    """`text` and its entities; 400 when it is empty or too long."""
    formatted = _formatted(params, "text")
    if not formatted.text:
        raise bad_request("message text is empty")
    if len(formatted.text) > _LONGEST_TEXT:
        raise bad_request("message is too long")
    return _fields("text", "entities", formatted)


def caption_fields(params: Params) -> dict[str, Any]:
    """`caption` and its entities; nothing without one; 400 when it is too long."""
    formatted = _formatted(params, "caption")
    if len(formatted.text) > _LONGEST_CAPTION:
        raise bad_request("message caption is too long")
    return _fields("caption", "caption_entities", formatted) if formatted.text else {}


def _fields(name: str, entities_name: str, formatted: Formatted) -> dict[str, Any]:
    marked = detect(formatted)
    return {name: marked.text} | ({entities_name: list(marked.entities)} if marked.entities else {})


def _formatted(params: Params, name: Literal["text", "caption"]) -> Formatted:
    """parse_mode wins over entities, as on the server."""
    source = params.text(name) or ""
    mode = (params.text("parse_mode") or "").lower()
    if mode == "html":
        return parse_html(source)
    if mode:
        raise bad_request("unsupported parse_mode (this emulator reads HTML only)")
    entities = params.items("entities" if name == "text" else "caption_entities") or []
    return Formatted(source if entities else source.strip(), tuple(_entity(entity) for entity in entities))


def _entity(sent: Any) -> dict[str, Any]:
    wanted = (("type", str), ("offset", int), ("length", int))
    if isinstance(sent, dict) and all(isinstance(sent.get(name), kind) for name, kind in wanted):
        return sent
    raise bad_request("can't parse MessageEntity: expected an Object with type, offset and length")


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


def reply_target(params: Params, chat: Chat) -> Message | None:
    """The message replied to. 400 when it is not there, unless the bot allowed that."""
    reply = params.record("reply_parameters") or {}
    wanted = reply.get("message_id") or params.integer("reply_to_message_id")
    if not wanted:
        return None
    target = chat.find(wanted) if isinstance(wanted, int) else None
    lenient = reply.get("allow_sending_without_reply") or params.flag("allow_sending_without_reply")
    if target is None and not lenient:
        raise bad_request("message to be replied not found")
    return target


def message_of(params: Params, chat: Chat, to_what: str) -> Message:
    """The message that `message_id` names. 400 "message to ... not found"."""
    message = chat.find(params.integer("message_id"))
    if message is None:
        raise bad_request(f"message {to_what} not found")
    return message
