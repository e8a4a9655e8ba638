"""The walker: every mapping with `file_id` and `file_unique_id` is a file, wherever in an update it stands.

It walks the update as JSON, unknown fields included, so a kind of attachment that the library has never heard of
cannot slip by. The path of a file tells how it is treated; the default is to judge it. What Telegram shows without
giving bots a file for it has no such mapping, and is known by name (`_BY_NAME`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeGuard

from lazaretto.telegram.inline import data_url

__all__ = [
    "LARGEST_NUMBER",
    "PREVIEWS",
    "SHOWN_AGAIN",
    "TOO_DEEP",
    "File",
    "Json",
    "carries_file",
    "files_in",
    "is_number",
]

# Steps of a path. Blocks nest 16 levels deep (Bot API, Rich message limits), and none takes more than five steps: the
# `cells` of a table, row, cell, its `blocks`, block. That makes 80, and leaves 40 for what the message stands in.
_MAX_DEPTH = 120
TOO_DEEP = "nested too deep"
"""Kind of what stands deeper than in any message that Telegram makes: nobody looks there for files."""

# Under these, a message shows another one again that is judged as itself; and the message under a button is ours.
SHOWN_AGAIN = frozenset({"reply_to_message", "pinned_message"})
_UNDER_A_BUTTON = ("callback_query",)
# Lists with one picture in several sizes, and what such a size is made of (Bot API, PhotoSize).
_SIZE_LISTS = frozenset({"photo", "new_chat_photo", "cover"})
_SIZE_FIELDS = frozenset({"file_id", "file_unique_id", "width", "height", "file_size"})
_SMALLER = "smaller size"
# In a file: what the server derived from it. A video's `cover` is not among it: its sender chooses it.
_DERIVED = frozenset({"thumbnail", "thumb", "qualities"})

PREVIEWS = _DERIVED | {_SMALLER}
"""Kinds of files that the server makes of a posted one: judged where the policy says so, and never posted again."""

LARGEST_NUMBER = 2**63 - 1
"""What the database holds."""

Json = Mapping[str, Any]
Path = tuple[str, ...]


class File(NamedTuple):
    """One file of an update. kind: the field that carries it. file: its mapping; an empty `file_id` cannot be had."""

    path: Path
    kind: str
    file: Json


def files_in(update: Json, *, previews: bool = False) -> Iterator[File]:
    """Every file of the update that is to be judged, each once.

    previews: also what the server derived from others.
    """
    seen: set[str] = set()
    for found in _walk(update, (), previews):
        unique = str(found.file["file_unique_id"])
        if unique not in seen:  # an animation also stands in `document`
            seen.add(unique)
            yield found


def carries_file(value: Json) -> bool:
    """Is there any file in it that could be judged?"""
    return next(_walk(value, (), False), None) is not None


def _walk(value: object, path: Path, previews: bool) -> Iterator[File]:
    if len(path) > _MAX_DEPTH and isinstance(value, Mapping | list | tuple):
        yield File(path[:4], TOO_DEEP, {"file_id": "", "file_unique_id": TOO_DEEP})
    elif isinstance(value, Mapping):
        own = _as_file(value, path)
        if own is not None:
            yield own
        for key, inner in value.items():
            if not _judged_elsewhere(str(key), path, own is not None and not previews):
                yield from _walk(inner, (*path, str(key)), previews)
    elif isinstance(value, list | tuple):
        if path and path[-1] in _SIZE_LISTS and _is_photo(value):
            yield from _sizes(value, path, previews)
            return
        for index, inner in enumerate(value):
            yield from _walk(inner, (*path, str(index)), previews)


def _as_file(value: Json, path: Path) -> File | None:
    """The file that this mapping is, if it is one."""
    kind = _field_of(path)
    if "file_id" in value and "file_unique_id" in value:
        return File(path, kind, value)
    named = _BY_NAME.get(kind)
    file = None if named is None else named(value, path)
    return _chat_photo(value, path) if file is None else File(path, kind, file)


def _field_of(path: Path) -> str:
    """The field that a path leads to, or into the list of."""
    return next((step for step in reversed(path) if not step.isdigit()), "")


def _judged_elsewhere(key: str, path: Path, in_file: bool) -> bool:
    """Deeper than in the update's own message nobody looks for messages that are shown again: they are part of it."""
    shown_again = len(path) == 1 and key in SHOWN_AGAIN
    return shown_again or (in_file and key in _DERIVED) or (*path, key) == _UNDER_A_BUTTON


# -- one picture in several sizes ------------------------------------------------------------------------------------


def _is_photo(value: list[Any] | tuple[Any, ...]) -> bool:
    """Is this one photo in several sizes? Anything that a size does not have makes each item a file of its own."""
    return bool(value) and all(
        isinstance(size, Mapping)
        and size.keys() <= _SIZE_FIELDS
        and {"file_id", "file_unique_id"} <= size.keys()
        and is_number(size.get("width"))
        and is_number(size.get("height"))
        for size in value
    )


def _sizes(value: list[Any] | tuple[Any, ...], path: Path, previews: bool) -> Iterator[File]:
    """The largest size, which is what was posted; the others are the server's."""
    largest, *smaller = sorted(enumerate(value), key=lambda item: -int(item[1]["width"] * item[1]["height"]))
    kind = _field_of(path)
    yield File((*path, str(largest[0])), kind, largest[1])
    for index, size in smaller if previews else ():
        yield File((*path, str(index)), _SMALLER, size)


# -- what is known by name -------------------------------------------------------------------------------------------


def _story(value: Json, _path: Path) -> Json | None:
    """A story is shown in the chat, and bots never get its file: Bot API, Story."""
    chat = value.get("chat")
    if not isinstance(chat, Mapping):
        return None
    return {"file_id": "", "file_unique_id": f"story {chat.get('id')} {value.get('id')}"}


def _contact(value: Json, _path: Path) -> Json | None:
    """A contact's vCard stands in the message itself: Bot API, Contact."""
    card = value.get("vcard")
    if not isinstance(card, str) or not card:
        return None
    text = card.encode("utf-8", "backslashreplace").decode()
    digest = hashlib.sha256(text.encode()).hexdigest()
    return {
        "file_id": data_url("text/vcard", text),
        "file_unique_id": f"vcard {digest}",
        "mime_type": "text/vcard",
        "file_size": len(text.encode()),
    }


def _paid_media(value: Json, path: Path) -> Json | None:
    """What nobody has paid for yet is shown as a preview, and the bot gets no file: Bot API, PaidMediaPreview."""
    if value.get("type") != "preview":
        return None
    return {"file_id": "", "file_unique_id": f"paid media {path[-1]}"}


_BY_NAME: Mapping[str, Callable[[Json, Path], Json | None]] = {
    "story": _story,
    "contact": _contact,
    "paid_media": _paid_media,
}


def _chat_photo(value: Json, path: Path) -> File | None:
    """A chat's photo names its two files otherwise: Bot API, ChatPhoto."""
    if not {"big_file_id", "big_file_unique_id"} <= value.keys():
        return None
    file = {"file_id": value["big_file_id"], "file_unique_id": value["big_file_unique_id"]}
    return File(path, "chat_photo", file)


def is_number(value: object) -> TypeGuard[int]:
    """Is it a whole number that the database holds, and no less than 0?"""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_NUMBER
