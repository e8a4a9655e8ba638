"""Every kind of thing that a message can carry, as a table of Bot API objects with places for stored files.

Shapes: https://core.telegram.org/bots/api#message and the objects that it names; a rich message is Bot API 10.1 and
its document block 10.3. `hologram` stands for whatever the Bot API will have that no library knows yet.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from lazaretto.emulator.files.store import KINDS as ONE_FILE
from lazaretto.emulator.files.store import DeclaredSize, FileStore

__all__ = ["CONTENT_FIELDS", "KINDS", "KINDS_WITH_FILES", "attach"]


@dataclass(frozen=True, slots=True)
class _File:
    """A place for a stored file of this kind. Bytes of its own may be given for it under `name`, else its kind.

    `with_` are the files derived from it that it would not have unasked.
    """

    kind: str
    name: str | None = None
    with_: tuple[str, ...] = ()


class _Place(Enum):
    TEXT = "the data itself, as text"
    NUMBER = "an id that nothing else has"


_NEWS = {"id": -1_009_000_000_001, "type": "channel", "title": "Evening news", "username": "evening_news"}
_SOMEBODY = {"id": 900_000_001, "is_bot": False, "first_name": "Sam"}
_LATER = 1_900_000_000  # Unix time, years from now
_PLACE = {"latitude": 41.89, "longitude": 12.49}
_CREDENTIALS = {"data": "ZGF0YQ==", "hash": "aGFzaA==", "secret": "c2VjcmV0"}
_POLL = {"total_voter_count": 0, "is_closed": False, "is_anonymous": True, "members_only": False} | {
    "allows_multiple_answers": False,
    "allows_revoting": False,
}
_UNIQUE = {"gift_id": "7", "base_name": "Anchor", "name": "Anchor-1", "number": 1}
_COLOURS = {"center_color": 1, "edge_color": 2, "symbol_color": 3, "text_color": 4}

_SHAPES: Mapping[str, Mapping[str, Any]] = {
    "premium_sticker": {"sticker": _File("sticker", with_=("premium_animation",))},
    "paid_media": {
        "paid_media": {
            "star_count": 5,
            "paid_media": [
                {"type": "photo", "photo": _File("photo")},
                {"type": "video", "video": _File("video")},
                {"type": "live_photo", "live_photo": _File("live_photo")},
                {"type": "preview", "width": 640, "height": 480, "duration": 1},
            ],
        }
    },
    "poll": {
        "poll": {
            "id": _Place.NUMBER,
            "question": "Which one?",
            "description": "Have a look at the document.",
            "media": {"document": _File("document", "media")},
            "type": "quiz",
            "options": [
                {"persistent_id": "0", "text": "This", "voter_count": 0, "media": {"photo": _File("photo", "option")}},
                {"persistent_id": "1", "text": "That", "voter_count": 0, "media": {"sticker": _File("sticker")}},
                {"persistent_id": "2", "text": "There", "voter_count": 0, "media": {"location": _PLACE}},
            ],
            "correct_option_ids": [0],
            "explanation": "Watch it.",
            "explanation_media": {"video": _File("video", "explanation")},
            **_POLL,
        }
    },
    "game": {
        "game": {
            "title": "Lighthouse",
            "description": "Light it.",
            "photo": _File("photo"),
            "animation": _File("animation"),
        }
    },
    "contact": {"contact": {"phone_number": "+390000000001", "first_name": "Sam", "vcard": _Place.TEXT}},
    "location": {"location": _PLACE},
    "venue": {"venue": {"location": _PLACE, "title": "Colosseum", "address": "Piazza del Colosseo 1"}},
    "dice": {"dice": {"emoji": "\N{GAME DIE}", "value": 4}},
    "story": {"story": {"chat": _NEWS, "id": 11}},
    "invoice": {
        "invoice": {
            "title": "Membership",
            "description": "One year",
            "start_parameter": "member",
            "currency": "EUR",
            "total_amount": 1200,
        }
    },
    "checklist": {"checklist": {"title": "Regatta", "tasks": [{"id": 1, "text": "Rope"}, {"id": 2, "text": "Sail"}]}},
    "gift": {"gift": {"gift": {"id": "6", "sticker": _File("sticker"), "star_count": 15}}},
    "unique_gift": {
        "unique_gift": {
            "origin": "transfer",
            "gift": {
                **_UNIQUE,
                "model": {"name": "Brass", "sticker": _File("animated_sticker", "model"), "rarity_per_mille": 10},
                "symbol": {"name": "Wave", "sticker": _File("sticker", "symbol"), "rarity_per_mille": 10},
                "backdrop": {"name": "Sea", "colors": _COLOURS, "rarity_per_mille": 10},
            },
        }
    },
    "giveaway": {"giveaway": {"chats": [_NEWS], "winners_selection_date": _LATER, "winner_count": 3}},
    "giveaway_winners": {
        "giveaway_winners": {
            "chat": _NEWS,
            "giveaway_message_id": 12,
            "winners_selection_date": _LATER,
            "winner_count": 1,
            "winners": [_SOMEBODY],
        }
    },
    "passport_data": {
        "passport_data": {
            "data": [
                {
                    "type": "passport",
                    "hash": "aGFzaA==",
                    "front_side": _File("passport_file", "front_side"),
                    "selfie": _File("passport_file", "selfie"),
                    "translation": [_File("passport_file", "translation")],
                },
                {"type": "utility_bill", "hash": "aGFzaA==", "files": [_File("passport_file", "files")]},
            ],
            "credentials": _CREDENTIALS,
        }
    },
    "new_chat_photo": {"new_chat_photo": _File("photo")},
    "users_shared": {
        "users_shared": {
            "request_id": 1,
            "users": [{"user_id": _SOMEBODY["id"], "first_name": "Sam", "photo": _File("photo")}],
        }
    },
    "chat_shared": {"chat_shared": {"request_id": 2, "chat_id": _NEWS["id"], "title": "News", "photo": _File("photo")}},
    "chat_background_set": {
        "chat_background_set": {"type": {"type": "wallpaper", "document": _File("document"), "dark_theme_dimming": 10}}
    },
    "reply_to_story": {"reply_to_story": {"chat": _NEWS, "id": 13}},
    "external_reply": {
        "external_reply": {
            "origin": {"type": "channel", "chat": _NEWS, "message_id": 14, "date": 1_700_000_000},
            "chat": _NEWS,
            "message_id": 14,
            "document": _File("document"),
        }
    },
    "suggested_post_info": {
        "suggested_post_info": {"state": "pending", "price": {"currency": "XTR", "amount": 50}},
        "photo": _File("photo"),
    },
    "rich_message": {
        "rich_message": {
            "blocks": [
                {"type": "heading", "text": "Regatta", "size": 1},
                {"type": "photo", "photo": _File("photo")},
                {
                    "type": "collage",
                    "blocks": [
                        {"type": "video", "video": _File("video")},
                        {"type": "slideshow", "blocks": [{"type": "animation", "animation": _File("animation")}]},
                    ],
                },
                {
                    "type": "details",
                    "summary": "Papers",
                    "blocks": [
                        {"type": "audio", "audio": _File("audio")},
                        {"type": "voice_note", "voice_note": _File("voice")},
                        {"type": "document", "document": _File("document")},
                    ],
                },
            ]
        }
    },
    "hologram": {"hologram": {"layers": [{"image": _File("document")}]}},
}


def _files_of(shape: Any) -> Iterator[_File]:
    if isinstance(shape, _File):
        yield shape
    for inner in _inside(shape):
        yield from _files_of(inner)


def _inside(shape: Any) -> list[Any]:
    if isinstance(shape, Mapping):
        return list(shape.values())
    return shape if isinstance(shape, list) else []


KINDS: tuple[str, ...] = (*ONE_FILE, "animated_sticker", "video_sticker", *_SHAPES)
"""What `attach` knows. Each is the name of the message's field, but for the variants of a sticker."""

KINDS_WITH_FILES: tuple[str, ...] = tuple(k for k in KINDS if k not in _SHAPES or any(_files_of(_SHAPES[k])))
"""Those of KINDS that carry at least one file that a bot can fetch."""

_AROUND = frozenset({"reply_to_story", "external_reply", "suggested_post_info"})  # beside what a message says

CONTENT_FIELDS: frozenset[str] = frozenset(
    {*ONE_FILE, "text", "entities", *(field for shape in _SHAPES.values() for field in shape)} - _AROUND
)
"""The message fields of which one kind of content, or none, is there at a time."""


def attach(
    files: FileStore,
    kind: str,
    data: bytes,
    *,
    name: str | None = None,
    mime: str | None = None,
    size: DeclaredSize = None,
    extra: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The message fields of this kind, with `data` in every file of it. Name, MIME type and size are claims.

    `extra`: bytes are for the file of that name, anything else is a field of the object. ValueError for a kind that
    is not in KINDS, TypeError for bytes that have no place.
    """
    extra = extra or {}
    if kind not in KINDS:
        raise ValueError(f"there is no kind {kind!r}, only {', '.join(KINDS)}")
    if kind not in _SHAPES:
        return files.issue(files.add(kind, data, name=name, mime=mime, size=size, extra=extra))
    shape = _SHAPES[kind]
    given = {field: value for field, value in extra.items() if isinstance(value, bytes)}
    if homeless := given.keys() - {place.name or place.kind for place in _files_of(shape)}:
        raise TypeError(f"{kind} holds no file called {', '.join(sorted(homeless))}")

    def stored(place: _File) -> Any:
        own = given.get(place.name or place.kind, data)
        added = files.add(place.kind, own, name=name, mime=mime, size=size, extra=dict.fromkeys(place.with_, own))
        return files.issue(added)[added.kind.name]

    fields: dict[str, Any] = _filled(shape, stored, data)
    said = {field: value for field, value in extra.items() if field not in given}
    first = next(iter(fields))
    return {**fields, first: {**fields[first], **said}} if said else fields


def _filled(shape: Any, stored: Callable[[_File], Any], data: bytes) -> Any:
    """The shape with something in each of its places; the place for a text that is not there goes away."""
    if isinstance(shape, _File):
        return stored(shape)
    if shape is _Place.NUMBER:
        return str(secrets.randbits(62))
    if shape is _Place.TEXT:
        return data.decode()
    if isinstance(shape, Mapping):
        left = {key: inner for key, inner in shape.items() if data or inner is not _Place.TEXT}
        return {key: _filled(inner, stored, data) for key, inner in left.items()}
    return [_filled(inner, stored, data) for inner in shape] if isinstance(shape, list) else shape
