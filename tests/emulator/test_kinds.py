"""Every kind of thing that a message can carry: shaped as the library reads it, with the bytes that were given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import telegram

from emulator.received import message_in, received, unknown_fields
from lazaretto.emulator import KINDS, KINDS_WITH_FILES, Chat, Emulator, User
from lazaretto.emulator.files.store import files_in

# The library learns of these only in a later version than the oldest that is supported, or never.
NOT_KNOWN = ("rich_message", "hologram")

STICKERS = ("animated_sticker", "video_sticker", "premium_sticker")


def unknown_to_the_library(kind: str) -> tuple[str, ...]:
    return (kind,) if kind in NOT_KNOWN else ()


async def bytes_of(bot: telegram.Bot, file_id: str) -> bytes:
    return bytes(await (await bot.get_file(file_id)).download_as_bytearray())


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_read_by_the_library_without_a_field_left_over(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot, kind: str
) -> None:
    await group.post(ann, **tg.attach(kind, b"data"))
    message = await message_in(bot, unknown=unknown_to_the_library(kind))
    field = "sticker" if kind in STICKERS else kind
    assert getattr(message, field, None) or message.api_kwargs[field]


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_may_be_an_edit(tg: Emulator, group: Chat, ann: User, bot: telegram.Bot, kind: str) -> None:
    posted = await group.post_text(ann, "first a text")
    await received(bot)
    await group.edit(posted, **tg.attach(kind, b"data"))
    message = await message_in(bot, "edited_message", unknown=unknown_to_the_library(kind))
    assert message.edit_date is not None


PLACES: Mapping[str, Callable[[Emulator, User], Chat]] = {
    "message": lambda tg, ann: tg.private(ann),
    "channel_post": lambda tg, ann: tg.channel("News", admins=[ann]),
    "business_message": lambda tg, ann: tg.business(tg.user("Olga")).chat_with(ann),
}


@pytest.mark.parametrize("update_type", PLACES)
async def test_every_kind_may_be_posted_in_every_type_of_chat(
    tg: Emulator, ann: User, bot: telegram.Bot, update_type: str
) -> None:
    chat = PLACES[update_type](tg, ann)
    await received(bot)
    for kind in KINDS:
        await chat.post(ann, **tg.attach(kind, b"data"))
    updates = await received(bot, unknown=NOT_KNOWN)
    assert [getattr(update, update_type) is not None for update in updates] == [True] * len(KINDS)


@pytest.mark.parametrize("kind", KINDS_WITH_FILES)
async def test_every_file_of_every_kind_can_be_fetched(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot, kind: str
) -> None:
    fields = tg.attach(kind, b"the bytes")
    posted = await group.post(ann, **fields)
    ids = files_in(tg.pending_updates[0]["message"])
    assert ids
    assert {await bytes_of(bot, file_id) for file_id in ids} == {b"the bytes"}
    assert posted.data == b"the bytes"


def test_kinds_without_files_are_listed_as_such(tg: Emulator) -> None:
    without = [kind for kind in KINDS if not files_in(tg.attach(kind, b"data"))]
    assert tuple(without) == tuple(kind for kind in KINDS if kind not in KINDS_WITH_FILES)
    assert {"contact", "dice", "story", "giveaway"} <= set(without)


@pytest.mark.parametrize(
    ("kind", "derived"),
    [
        ("video", ("thumbnail", "cover", "qualities")),
        ("animation", ("thumbnail",)),
        ("video_note", ("thumbnail",)),
        ("sticker", ("thumbnail",)),
        ("live_photo", ("photo",)),
    ],
)
def test_what_is_derived_from_a_file_comes_unasked(tg: Emulator, kind: str, derived: tuple[str, ...]) -> None:
    described = tg.attach(kind, b"data")[kind]
    assert all(files_in(described[field]) for field in derived)


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("video", "thumbnail"),
        ("video", "cover"),
        ("video", "qualities"),
        ("live_photo", "photo"),
        ("document", "thumbnail"),
        ("audio", "thumbnail"),
        ("sticker", "premium_animation"),
    ],
)
async def test_what_is_derived_may_have_other_bytes(tg: Emulator, bot: telegram.Bot, kind: str, field: str) -> None:
    other: dict[str, Any] = {field: b"derived"}
    described = tg.attach(kind, b"the file", **other)[kind]
    assert await bytes_of(bot, files_in(described[field])[-1]) == b"derived"
    assert await bytes_of(bot, described["file_id"]) == b"the file"


def test_what_is_derived_may_be_left_out(tg: Emulator) -> None:
    assert "thumbnail" not in tg.attach("video", b"data", thumbnail=None)["video"]


def test_a_live_photo_is_shown_as_a_photo_too(tg: Emulator, bot: telegram.Bot) -> None:
    fields = tg.attach("live_photo", b"film", photo=b"still")
    assert fields.keys() == {"live_photo", "photo"}
    assert fields["photo"] == fields["live_photo"]["photo"]


async def test_the_main_file_of_a_live_photo_is_the_film(tg: Emulator, group: Chat, ann: User) -> None:
    posted = await group.post(ann, **tg.attach("live_photo", b"film", photo=b"still"))
    assert (posted.kind, posted.data) == ("live_photo", b"film")


@pytest.mark.parametrize(
    ("kind", "suffix"), [("sticker", "webp"), ("animated_sticker", "tgs"), ("video_sticker", "webm")]
)
async def test_stickers_differ_in_their_flags_and_paths(
    tg: Emulator, bot: telegram.Bot, kind: str, suffix: str
) -> None:
    sticker = telegram.Sticker.de_json(tg.attach(kind, b"data")["sticker"], bot)
    assert ((sticker.is_animated, sticker.is_video)) == (suffix == "tgs", suffix == "webm")
    path = (await sticker.get_file()).file_path
    assert path is not None
    assert path.endswith(f".{suffix}")


@pytest.mark.parametrize(
    ("kind", "name", "path"),
    [
        ("poll", "media", ("poll", "media", "document")),
        ("poll", "option", ("poll", "options", 0, "media", "photo", -1)),
        ("poll", "explanation", ("poll", "explanation_media", "video")),
        ("paid_media", "live_photo", ("paid_media", "paid_media", 2, "live_photo")),
        ("passport_data", "selfie", ("passport_data", "data", 0, "selfie")),
        ("rich_message", "animation", ("rich_message", "blocks", 2, "blocks", 1, "blocks", 0, "animation")),
    ],
)
async def test_each_file_of_several_may_have_bytes_of_its_own(
    tg: Emulator, bot: telegram.Bot, kind: str, name: str, path: tuple[str | int, ...]
) -> None:
    other: dict[str, Any] = {name: b"its own"}
    found: Any = tg.attach(kind, b"the rest", **other)
    for step in path:
        found = found[step]
    assert await bytes_of(bot, found["file_id"]) == b"its own"


def test_bytes_for_a_file_that_is_not_there_are_refused(tg: Emulator) -> None:
    with pytest.raises(TypeError, match="game holds no file called cover"):
        tg.attach("game", b"data", cover=b"x")


async def test_a_poll_may_come_as_an_update_of_its_own(tg: Emulator, bot: telegram.Bot) -> None:
    await tg.inject(tg.attach("poll", b"data"))
    (update,) = await received(bot)
    assert update.poll is not None
    assert files_in(update.poll.to_dict())


def test_a_kind_that_does_not_exist_is_refused(tg: Emulator) -> None:
    with pytest.raises(ValueError, match="no kind 'telegraph', only live_photo, photo, animation"):
        tg.attach("telegraph", b"data")


def test_further_fields_go_into_the_object(tg: Emulator) -> None:
    assert tg.attach("poll", b"data", question="Who?")["poll"]["question"] == "Who?"
    assert tg.attach("document", b"data", caption_to_be=1)["document"]["caption_to_be"] == 1


def test_a_contact_carries_its_vcard_as_text(tg: Emulator) -> None:
    assert tg.attach("contact", b"BEGIN:VCARD")["contact"]["vcard"] == "BEGIN:VCARD"
    assert "vcard" not in tg.attach("contact")["contact"]


def test_polls_have_ids_of_their_own(tg: Emulator) -> None:
    assert len({tg.attach("poll", b"data")["poll"]["id"] for _ in range(3)}) == 3


def test_claims_go_to_every_file_that_can_carry_them(tg: Emulator) -> None:
    fields = tg.attach("rich_message", b"data", name="a.pdf", mime="application/pdf", size=7)
    assert dict(claims_in(fields)) == {
        "video": ("a.pdf", "application/pdf", 7),
        "animation": ("a.pdf", "application/pdf", 7),
        "audio": ("a.pdf", "application/pdf", 7),
        "voice_note": (None, "application/pdf", 7),
        "document": ("a.pdf", "application/pdf", 7),
    }


def claims_in(value: Any, name: str = "") -> Any:
    """Of every file with a MIME type: the field it stands in, and what is said of it."""
    if isinstance(value, Mapping):
        if "mime_type" in value:
            yield name, (value.get("file_name"), value["mime_type"], value["file_size"])
        for key, inner in value.items():
            yield from claims_in(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from claims_in(inner, name)


def test_a_misspelt_field_would_be_found(bot: telegram.Bot) -> None:
    chat = {"id": 1, "type": "private", "titel": "x"}
    message = {"message_id": 1, "date": 1, "chat": chat, "photo": [], "poll": None}
    assert list(unknown_fields(telegram.Update.de_json({"update_id": 1, "message": message}, bot))) == ["titel"]
