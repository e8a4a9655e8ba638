"""What is shown of a message elsewhere: forwarded, or replied to from another chat."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lazaretto.emulator.chats.entities import utf16_length

if TYPE_CHECKING:
    from lazaretto.emulator.chats.messages import Message

__all__ = ["copied", "external_reply", "forwarded", "origin_of", "quote_of"]

# What belongs to the message and not to what it says.
_LEFT_BEHIND = frozenset(
    {"from", "sender_chat", "author_signature", "reply_markup", "quote", "external_reply", "reply_to_story"}
    | {"media_group_id", "message_thread_id", "is_topic_message", "is_automatic_forward", "has_protected_content"}
    | {"guest_query_id", "business_connection_id", "sender_business_bot", "direct_messages_topic", "effect_id"}
    | {"suggested_post_info", "sender_tag", "sender_boost_count"}
)

_NAMES_ITS_SOURCE = frozenset({"forward_origin", "via_bot"})

# https://core.telegram.org/bots/api#externalreplyinfo
_SHOWN_IN_REPLIES = frozenset(
    {"animation", "audio", "document", "photo", "live_photo", "paid_media", "sticker", "story", "video", "video_note"}
    | {"voice", "has_media_spoiler", "checklist", "contact", "dice", "game", "giveaway", "giveaway_winners", "invoice"}
    | {"location", "poll", "venue", "link_preview_options"}
)


def origin_of(message: "Message", *, hidden: bool = False) -> dict[str, Any]:
    """The Bot API's MessageOrigin; that of a forwarded message stays. `hidden`: its author does not let their account
    be linked."""
    content, date = message.content, {"date": message.date}
    signed = {name: content[name] for name in ("author_signature",) if name in content}
    if "forward_origin" in content:
        kept: dict[str, Any] = content["forward_origin"]
        return kept
    if message.chat.type == "channel":
        return {"type": "channel", "chat": message.chat.json(), "message_id": message.message_id, **date, **signed}
    if "sender_chat" in content:
        return {"type": "chat", "sender_chat": content["sender_chat"], **date, **signed}
    if message.sender is None:
        raise ValueError(f"message {message.message_id} has no author who could be named")
    if hidden:
        name = " ".join(part for part in (message.sender.first_name, message.sender.last_name) if part)
        return {"type": "hidden_user", "sender_user_name": name, **date}
    return {"type": "user", "sender_user": message.sender.json(), **date}


def forwarded(messages: "Sequence[Message]", *, hidden: bool = False) -> list[dict[str, Any]]:
    """The content of their forwards: new file_ids, the same file_unique_ids. Albums are for the caller to keep."""
    return [{**_said_by(message), "forward_origin": origin_of(message, hidden=hidden)} for message in messages]


def copied(message: "Message") -> dict[str, Any]:
    """The content of its copy: as of a forward, without a word of where it comes from."""
    return {name: value for name, value in _said_by(message).items() if name not in _NAMES_ITS_SOURCE}


def _said_by(message: "Message") -> dict[str, Any]:
    """What a message says, for another message to say: its files under new ids."""
    kept = {name: value for name, value in message.content.items() if name not in _LEFT_BEHIND}
    renewed: dict[str, Any] = message.chat.world.files.renewed(kept)
    return renewed


def external_reply(message: "Message") -> dict[str, Any]:
    """The Bot API's ExternalReplyInfo of a message in another chat: its files are whole objects."""
    told = {name: value for name, value in message.content.items() if name in _SHOWN_IN_REPLIES}
    where = {"chat": message.chat.json(), "message_id": message.message_id}
    renewed: dict[str, Any] = message.chat.world.files.renewed(told)
    return {
        "origin": origin_of(message),
        **(where if message.chat.type in ("supergroup", "channel") else {}),
        **renewed,
    }


def quote_of(message: "Message | None", quoted: str) -> dict[str, Any]:
    """The Bot API's TextQuote. ValueError when no message is replied to, or it does not say so."""
    said = "" if message is None else message.text or message.caption or ""
    if not quoted or quoted not in said:
        raise ValueError(f"the message replied to does not say {quoted!r}")
    return {"text": quoted, "position": utf16_length(said[: said.index(quoted)]), "is_manual": True}
