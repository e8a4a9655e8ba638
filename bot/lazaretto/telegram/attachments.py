"""What an update carries, as the product's own words: an attachment with its parts, claims, place and sender."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from telegram.constants import UpdateType

from lazaretto.model import Attachment, Claim, Part, Person, Place
from lazaretto.telegram.walker import (
    LARGEST_NUMBER,
    PREVIEWS,
    SHOWN_AGAIN,
    File,
    Json,
    carries_file,
    files_in,
    is_number,
)

__all__ = [
    "CARRY_FILES",
    "DIRECT",
    "PLATFORM",
    "attachment_in",
    "is_under_a_button",
    "sender_of",
    "shown_again",
    "without_shown_again",
]

PLATFORM = "telegram"
DIRECT = "direct:"
"""Begins the thread of a channel's direct messages: their topics are numbered apart from those of forums."""

CARRY_FILES = (
    *(UpdateType.MESSAGE, UpdateType.EDITED_MESSAGE, UpdateType.CHANNEL_POST, UpdateType.EDITED_CHANNEL_POST),
    *(UpdateType.BUSINESS_MESSAGE, UpdateType.EDITED_BUSINESS_MESSAGE, UpdateType.GUEST_MESSAGE),
)
"""The types of updates that bring a message with a file, as far as the library knows them."""

_QUERY = UpdateType.CALLBACK_QUERY.value
_EDITED = "edited_"  # begins the types of updates that bring a message anew


def attachment_in(update: Json, *, previews: bool = False) -> Attachment | None:
    """The update's attachment with all its parts, or None where it carries no file.

    An update whose type we do not know may have no message that we could act on; its attachment is judged all the
    same, with an empty chat. What is not of the type that it should be counts as not said.
    previews: also what the server derived from the posted files. The attachment has the same id without them.
    """
    parts = tuple(_part(index, found) for index, found in enumerate(files_in(update, previews=previews)))
    if not parts:
        return None
    kind = parts[0].path.split(".")[0]
    message = _mapping(update.get(kind))
    place = _place(message)
    number = _id(message.get("message_id"))
    delivery = _id(update.get("update_id"))
    replied = _mapping(message.get("reply_to_message"))
    # Each vote brings a poll again, without its message: it is known by its own id, and judged once.
    poll = _id(message.get("id")) if kind == UpdateType.POLL else ""
    unnumbered = f"poll {poll}" if poll else f"update {delivery}"
    return Attachment(
        id=_name(place, number or unnumbered, parts),
        place=place,
        message=number,
        update=delivery,
        sender=_sender(message),
        kind=parts[0].claim.kind or "unknown",
        parts=parts,
        posted_at=_moment(message.get("edit_date") or message.get("date")),
        caption=_text(message.get("caption")),
        # An edited message of an album is a delivery of its own: nothing more comes with it.
        album=None if kind.startswith(_EDITED) else _id(message.get("media_group_id")) or None,
        room=None if place.private else _text(_mapping(message.get("chat")).get("title")),
        topic=_text(_topic_begun(replied).get("name")),
        reply_to=None if _topic_begun(replied) else _id(replied.get("message_id")) or None,
        edited=kind.startswith(_EDITED),
    )


def _name(place: Place, message: str, parts: Sequence[Part]) -> str:
    """A repeated delivery has the same ids and claims; an edit that brings another file, or calls the same one
    otherwise, is another attachment: the same bytes may be a picture under one name and run under another."""
    told = [
        [part.unique_id, part.claim.name, part.claim.media_type] for part in parts if part.claim.kind not in PREVIEWS
    ]
    name = [PLATFORM, place.chat, message, told]
    if place.account is not None:  # its chat has its member's id, as the bot's own chat with them, and other numbers
        name.append(place.account)
    return hashlib.sha256(json.dumps(name).encode()).hexdigest()[:32]


def shown_again(update: Json) -> Iterator[Attachment]:
    """The attachments in messages that the update shows again: what is replied to, what was pinned, and what these
    show in turn.

    With the same ids as when those messages were posted.
    """
    for message in (*update.values(), _under_a_button(update)):
        for key in SHOWN_AGAIN & _mapping(message).keys():
            shown = {"message": message[key]}
            if (again := attachment_in(shown)) is not None:
                yield replace(again, album=None)
            yield from shown_again(shown)


def without_shown_again(update: Json) -> dict[str, Any]:
    """The update with the messages that it shows again, but not the files in them, nor what they show in turn."""
    less = {kind: _showing_no_file(message) for kind, message in update.items()}
    if (under := _under_a_button(update)) is not None:
        less[_QUERY] = {**update[_QUERY], "message": _showing_no_file(under)}
    return less


def _showing_no_file(message: Any) -> Any:
    shows = SHOWN_AGAIN & _mapping(message).keys()
    return {**message, **{key: _told_of(message[key]) for key in shows}} if shows else message


def _told_of(shown: object) -> Json:
    return {
        name: value
        for name, value in _mapping(shown).items()
        if name not in SHOWN_AGAIN and not carries_file({"message": {name: value}})
    }


def is_under_a_button(update: Json) -> bool:
    """Was a button pressed under a message with a file? Only our own bot's messages have such."""
    return carries_file({"message": _under_a_button(update)})


def _under_a_button(update: Json) -> Any:
    """Ours, but what it replies to is somebody else's, and may have been edited since."""
    return _mapping(update.get(_QUERY)).get("message")


def _part(index: int, found: File) -> Part:
    path, kind, file = found
    size = file.get("file_size")
    claim = Claim(
        name=_text(file.get("file_name")),
        media_type=_text(file.get("mime_type")),
        size=size if is_number(size) else None,
        kind=kind or None,
    )
    return Part(index, _id(file["file_id"]), _id(file["file_unique_id"]), ".".join(path), claim)


def _place(message: Json) -> Place:
    chat = _mapping(message.get("chat"))
    return Place(
        platform=PLATFORM,
        chat=_id(chat.get("id")),
        thread=_thread(message),
        private=chat.get("type") == "private",
        channel=chat.get("type") == "channel",
        account=_text(message.get("business_connection_id")),
    )


def _thread(message: Json) -> str | None:
    if topic := _id(_mapping(message.get("direct_messages_topic")).get("topic_id")):
        return f"{DIRECT}{topic}"
    return (_id(message.get("message_thread_id")) or None) if message.get("is_topic_message") else None


def _topic_begun(replied: Json) -> Json:
    """The topic that a message began. In a topic, what replies to nothing is shown as a reply to that one."""
    return _mapping(replied.get("forum_topic_created"))


def _sender(message: Json) -> Person:
    """Who is shown as the sender: a channel that posts under its own name goes before the account behind it."""
    shown = _mapping(message.get("sender_chat") or message.get("from"))
    names = (_text(shown.get("first_name")), _text(shown.get("last_name")))
    name = _text(shown.get("title")) or " ".join(name for name in names if name)
    language = _text(shown.get("language_code"))
    return Person(PLATFORM, _id(shown.get("id")), name, _text(shown.get("username")), language)


def sender_of(update: object) -> Person | None:
    """Whose an update seems to be, whatever else is wrong with it."""
    for value in _mapping(update).values():
        if (someone := _sender(_mapping(value))).id:
            return someone
    return None


def _moment(value: object) -> datetime:
    """A date of the Bot API (seconds since 1970); the time of arrival where there is none that can be read."""
    if is_number(value):
        with suppress(OverflowError, ValueError, OSError):  # a day that no calendar has
            return datetime.fromtimestamp(value, UTC)
    return datetime.now(UTC)


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _id(value: object) -> str:
    """An id as text; empty where there is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= LARGEST_NUMBER else ""
    return _text(value) or ""


def _text(value: object) -> str | None:
    """A string that can be stored as UTF-8: half surrogate pairs, which JSON may hold, become escapes."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else None
