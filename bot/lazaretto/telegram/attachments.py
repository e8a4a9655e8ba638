"""Which files does an update carry? The walker: every mapping with `file_id` and `file_unique_id` is a file.

It walks the update as JSON, unknown fields included, so a kind of attachment that the library has never heard of
cannot slip by. The JSON path of a file tells how it is treated; the default is the strict treatment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeGuard

from lazaretto.model import Attachment, Claim, Part, Person, Place

__all__ = ["PLATFORM", "TooDeep", "attachment_in", "files_in", "shown_again", "without_shown_again"]

PLATFORM = "telegram"

_MAX_DEPTH = 40  # rich messages nest blocks in blocks; a deeper update is nobody's message and is cut off as too deep

# Under these, a message is shown again that is judged as itself (see `shown_again`); and the message under a button is
# ours.
_SHOWN_AGAIN = frozenset({"reply_to_message", "pinned_message"})
_UNDER_A_BUTTON = ("callback_query",)
# In a file: pictures that the server derived from it, and smaller copies.
_DERIVED = frozenset({"thumbnail", "thumb", "cover", "qualities"})
# Lists with one picture in several sizes, and what such a size is made of (Bot API, PhotoSize).
_SIZE_LISTS = frozenset({"photo", "new_chat_photo"})
_SIZE_FIELDS = frozenset({"file_id", "file_unique_id", "width", "height", "file_size"})

_LARGEST_NUMBER = 2**63 - 1  # what the database holds

Json = Mapping[str, Any]
Path = tuple[str, ...]


class TooDeep(Exception):
    """The update nests deeper than any message does."""


def files_in(update: Json) -> Iterator[tuple[Path, Json]]:
    """Every file of the update that is to be judged: (path, the file's mapping). Raises TooDeep."""
    seen: set[str] = set()
    for path, file in _walk(update, ()):
        unique = str(file["file_unique_id"])
        if unique not in seen:  # an animation also stands in `document`
            seen.add(unique)
            yield path, file


def _walk(value: object, path: Path) -> Iterator[tuple[Path, Json]]:
    if len(path) > _MAX_DEPTH:
        raise TooDeep("/".join(path[:4]))
    if isinstance(value, Mapping):
        is_file = "file_id" in value and "file_unique_id" in value
        if is_file:
            yield path, value
        for key, inner in value.items():
            if not _judged_elsewhere(str(key), path, is_file):
                yield from _walk(inner, (*path, str(key)))
    elif isinstance(value, list | tuple):
        items = [_largest(value)] if path and path[-1] in _SIZE_LISTS and _is_photo(value) else value
        for index, inner in enumerate(items):
            yield from _walk(inner, (*path, str(index)))


def _judged_elsewhere(key: str, path: Path, in_file: bool) -> bool:
    return key in _SHOWN_AGAIN or (in_file and key in _DERIVED) or (*path, key) == _UNDER_A_BUTTON


def _is_photo(value: list[Any] | tuple[Any, ...]) -> bool:
    """Is this one photo in several sizes? Anything that a size does not have makes each item a file of its own."""
    return bool(value) and all(
        isinstance(size, Mapping)
        and size.keys() <= _SIZE_FIELDS
        and _is_number(size.get("width"))
        and _is_number(size.get("height"))
        for size in value
    )


def _largest(sizes: list[Any] | tuple[Any, ...]) -> Json:
    largest: Json = max(sizes, key=lambda size: int(size["width"] * size["height"]))
    return largest


def attachment_in(update: Json) -> Attachment | None:
    """The update's attachment with all its parts, or None where it carries no file. Raises TooDeep.

    An update whose type we do not know may have no message that we could act on; its attachment is judged all the
    same, with an empty chat. What is not of the type that it should be counts as not said.
    """
    parts = tuple(_part(index, path, file) for index, (path, file) in enumerate(files_in(update)))
    if not parts:
        return None
    message = _mapping(update.get(parts[0].path.split(".")[0]))
    place = _place(message)
    number = _id(message.get("message_id"))
    delivery = _id(update.get("update_id"))
    # A repeated delivery has the same ids and claims; an edit that brings another file, or calls the same one
    # otherwise, is another attachment: the same bytes may be a picture under one name and run under another.
    told = [[part.unique_id, part.claim.name, part.claim.media_type] for part in parts]
    name = json.dumps([PLATFORM, place.chat, number or f"update {delivery}", told])
    return Attachment(
        id=hashlib.sha256(name.encode()).hexdigest()[:32],
        place=place,
        message=number,
        update=delivery,
        sender=_sender(message),
        kind=parts[0].claim.kind or "unknown",
        parts=parts,
        posted_at=_moment(message.get("edit_date") or message.get("date")),
        caption=_text(message.get("caption")),
    )


def shown_again(update: Json) -> Iterator[str]:
    """Ids of the attachments in messages that the update shows again: what is replied to, what was pinned.

    The same ids as when those messages were posted. Raises TooDeep.
    """
    for kind, message in update.items():
        for key in _SHOWN_AGAIN & _mapping(message).keys():
            if (again := attachment_in({kind: message[key]})) is not None:
                yield again.id


def without_shown_again(update: Json) -> dict[str, Any]:
    """The update with the messages that it shows again, but not the files in them. Raises TooDeep."""
    less = dict(update)
    for kind, message in update.items():
        for key in _SHOWN_AGAIN & _mapping(message).keys():
            told = {name: value for name, value in _mapping(message[key]).items() if not _has_file(value)}
            less[kind] = {**less[kind], key: told}
    return less


def _has_file(value: object) -> bool:
    return next(_walk(value, ()), None) is not None


def _part(index: int, path: Path, file: Json) -> Part:
    size = file.get("file_size")
    claim = Claim(
        name=_text(file.get("file_name")),
        media_type=_text(file.get("mime_type")),
        size=size if _is_number(size) else None,
        kind=next((step for step in reversed(path) if not step.isdigit()), None),
    )
    return Part(index, _id(file["file_id"]), _id(file["file_unique_id"]), ".".join(path), claim)


def _place(message: Json) -> Place:
    chat = _mapping(message.get("chat"))
    return Place(
        platform=PLATFORM,
        chat=_id(chat.get("id")),
        thread=(_id(message.get("message_thread_id")) or None) if message.get("is_topic_message") else None,
        private=chat.get("type") == "private",
        channel=chat.get("type") == "channel",
    )


def _sender(message: Json) -> Person:
    """Who is shown as the sender: a channel that posts under its own name goes before the account behind it."""
    shown = _mapping(message.get("sender_chat") or message.get("from"))
    names = (_text(shown.get("first_name")), _text(shown.get("last_name")))
    name = _text(shown.get("title")) or " ".join(name for name in names if name)
    return Person(PLATFORM, _id(shown.get("id")), name, _text(shown.get("username")))


def _moment(value: object) -> datetime:
    """A date of the Bot API (seconds since 1970); the time of arrival where there is none that can be read."""
    if _is_number(value):
        with suppress(OverflowError, ValueError, OSError):  # a day that no calendar has
            return datetime.fromtimestamp(value, UTC)
    return datetime.now(UTC)


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _is_number(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_NUMBER


def _id(value: object) -> str:
    """An id as text; empty where there is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= _LARGEST_NUMBER else ""
    return _text(value) or ""


def _text(value: object) -> str | None:
    """A string that can be stored as UTF-8: half surrogate pairs, which JSON may hold, become escapes."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else None
