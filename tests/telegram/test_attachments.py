"""The walker finds every file that can be had, in every field, known to the library or not."""

from datetime import UTC, datetime
from typing import Any

import pytest
from telegram import Update

from lazaretto.model import Attachment
from lazaretto.telegram.attachments import DIRECT, attachment_in, is_under_a_button, shown_again, without_shown_again
from lazaretto.telegram.walker import TOO_DEEP, files_in

Json = dict[str, Any]


def file(name: str = "a", **fields: Any) -> Json:
    return {"file_id": f"id-{name}", "file_unique_id": f"u-{name}", **fields}


def size(name: str, width: int, height: int) -> Json:
    return file(name, width=width, height=height)


def update(kind: str = "message", /, number: int = 7, **fields: Any) -> Json:
    message = {
        "message_id": 5,
        "date": 1_700_000_000,
        "chat": {"id": -1001, "type": "supergroup", "title": "Chess"},
        "from": {"id": 3, "is_bot": False, "first_name": "Ann", "last_name": "Lee", "username": "ann"},
        **fields,
    }
    return {"update_id": number, kind: message}


def paths(of: Json) -> list[str]:
    return [".".join(found.path) for found in files_in(of)]


def found(of: Json) -> Attachment:
    attachment = attachment_in(of)
    assert attachment is not None
    return attachment


SIZES = [size("s", 90, 60), size("l", 1280, 960), size("m", 320, 200)]
THUMB = size("t", 90, 90)

CARRIED: list[tuple[str, Json, list[str]]] = [
    ("document", {"document": file(thumbnail=THUMB, thumb=THUMB)}, ["document"]),
    ("photo", {"photo": SIZES}, ["photo.1"]),
    ("live photo", {"live_photo": file(photo=SIZES), "photo": SIZES}, ["live_photo", "live_photo.photo.1"]),
    ("video", {"video": file(qualities=[file("q")], thumbnail=THUMB)}, ["video"]),
    ("a video's cover, which its sender chose", {"video": file(cover=SIZES)}, ["video", "video.cover.1"]),
    ("animation", {"animation": file(), "document": file()}, ["animation"]),
    ("audio", {"audio": file()}, ["audio"]),
    ("voice", {"voice": file()}, ["voice"]),
    ("video note", {"video_note": file()}, ["video_note"]),
    ("sticker", {"sticker": file(premium_animation=file("p"))}, ["sticker", "sticker.premium_animation"]),
    (
        "paid media",
        {"paid_media": {"paid_media": [{"type": "photo", "photo": SIZES}, {"type": "video", "video": file()}]}},
        ["paid_media.paid_media.0.photo.1", "paid_media.paid_media.1.video"],
    ),
    (
        "poll",
        {"poll": {"media": {"photo": SIZES}, "options": [{"media": {"document": file()}}]}},
        ["poll.media.photo.1", "poll.options.0.media.document"],
    ),
    ("game", {"game": {"photo": SIZES, "animation": file()}}, ["game.photo.1", "game.animation"]),
    ("gift", {"gift": {"gift": {"sticker": file()}}}, ["gift.gift.sticker"]),
    ("passport", {"passport_data": {"data": [{"files": [file()]}]}}, ["passport_data.data.0.files.0"]),
    ("new chat photo", {"new_chat_photo": SIZES}, ["new_chat_photo.1"]),
    ("shared user", {"users_shared": {"users": [{"photo": SIZES}]}}, ["users_shared.users.0.photo.1"]),
    ("shared chat", {"chat_shared": {"photo": SIZES}}, ["chat_shared.photo.1"]),
    ("background", {"chat_background_set": {"type": {"document": file()}}}, ["chat_background_set.type.document"]),
    ("external reply", {"external_reply": {"document": file()}}, ["external_reply.document"]),
    (
        "rich message",
        {"rich_message": {"blocks": [{"collage": [{"photo": SIZES}, {"details": {"document": file()}}]}]}},
        ["rich_message.blocks.0.collage.0.photo.1", "rich_message.blocks.0.collage.1.details.document"],
    ),
    (
        "a message in a message that is not known to be shown again",
        {"hologram": {"reply_to_message": {"document": file()}}},
        ["hologram.reply_to_message.document"],
    ),
    (
        "what the message of a completed giveaway pinned",
        {"giveaway_completed": {"giveaway_message": {"pinned_message": {"document": file()}}}},
        ["giveaway_completed.giveaway_message.pinned_message.document"],
    ),
    ("a field of tomorrow", {"hologram": {"layers": [file(), file("b")]}}, ["hologram.layers.0", "hologram.layers.1"]),
]


@pytest.mark.parametrize(("carried", "expected"), [row[1:] for row in CARRIED], ids=[row[0] for row in CARRIED])
def test_every_kind_of_attachment_is_found(carried: Json, expected: list[str]) -> None:
    assert paths(update(**carried)) == [f"message.{path}" for path in expected]


NAMED: list[tuple[str, Json, str, str, str]] = [
    ("story", {"story": {"id": 4, "chat": {"id": -5}}}, "story", "", "story -5 4"),
    ("replied story", {"external_reply": {"story": {"id": 4, "chat": {"id": -5}}}}, "external_reply.story", "", ""),
    (
        "unpaid media",
        {"paid_media": {"star_count": 1, "paid_media": [{"type": "preview", "width": 5}]}},
        "paid_media.paid_media.0",
        "",
        "paid media 0",
    ),
    (
        "contact",
        {"contact": {"phone_number": "1", "first_name": "Bob", "vcard": "BEGIN:VCARD\n"}},
        "contact",
        "data:text/vcard,BEGIN%3AVCARD%0A",
        "",
    ),
    (
        "chat photo",
        {"hologram": {"photo": {"small_file_id": "s", "big_file_id": "b", "big_file_unique_id": "u-b"}}},
        "hologram.photo",
        "b",
        "u-b",
    ),
]


@pytest.mark.parametrize(("carried", "path", "file_id", "unique"), [r[1:] for r in NAMED], ids=[r[0] for r in NAMED])
def test_what_telegram_shows_without_a_file_for_it_is_found_by_name(
    carried: Json, path: str, file_id: str, unique: str
) -> None:
    (part,) = found(update(**carried)).parts
    assert (part.path, part.file_id) == (f"message.{path}", file_id)
    assert part.unique_id == unique or not unique


@pytest.mark.parametrize("hostile", [7, True, "text", [1], {"id": {}}, None, {"chat": 5}, {"vcard": 7}, {"type": []}])
@pytest.mark.parametrize("field", ["story", "contact", "paid_media"])
def test_a_name_alone_makes_no_file(field: str, hostile: Any) -> None:
    assert attachment_in(update(**{field: hostile})) is None


def test_the_server_s_previews_are_parts_where_they_are_wanted() -> None:
    covers = [THUMB, size("small", 9, 9)]
    carried = update(video=file(cover=covers, qualities=[file("q")], thumbnail=size("tt", 9, 9)), photo=SIZES)
    attachment = attachment_in(carried, previews=True)
    assert attachment is not None
    kinds = {part.unique_id: part.claim.kind for part in attachment.parts}
    assert kinds == {
        "u-a": "video",
        "u-t": "cover",
        "u-small": "smaller size",
        "u-q": "qualities",
        "u-tt": "thumbnail",
        "u-l": "photo",
        "u-m": "smaller size",
        "u-s": "smaller size",
    }
    assert attachment.id == found(carried).id


@pytest.mark.parametrize(
    ("kind", "album"),
    [("message", "7"), ("channel_post", "7"), ("edited_message", None), ("edited_channel_post", None)],
)
def test_an_edit_waits_for_no_album(kind: str, album: str | None) -> None:
    assert found(update(kind, document=file(), media_group_id="7")).album == album


def test_a_business_account_is_part_of_the_place() -> None:
    ours = found(update(document=file()))
    theirs = found(update("business_message", document=file(), business_connection_id="bc-1"))
    assert theirs.place.account == "bc-1"
    assert theirs.id != ours.id


@pytest.mark.parametrize("key", ["reply_to_message", "pinned_message"])
def test_what_is_shown_again_has_the_id_that_it_was_posted_with(key: str) -> None:
    posted = update(document=file(file_name="a.pdf"), media_group_id="7")
    (again,) = shown_again(update(number=8, message_id=6, text="look", **{key: posted["message"]}))
    assert (again.id, again.message, again.album) == (found(posted).id, "5", None)


PINNED = {"text": "pinned", "message_id": 4, "pinned_message": update(document=file())["message"]}
SHOWN_IN_TURN: list[Json] = [
    update(reply_to_message=PINNED),
    update(pinned_message={"reply_to_message": PINNED}),
    {"update_id": 1, "callback_query": {"id": "1", "message": {"text": "ours", "reply_to_message": PINNED}}},
]


@pytest.mark.parametrize("shows", SHOWN_IN_TURN, ids=["reply to a pin", "pin of a reply to a pin", "button"])
def test_what_a_shown_message_shows_is_shown_again(shows: Json) -> None:
    assert attachment_in(shows) is None
    (again,) = shown_again(shows)
    assert again.id == found(update(document=file())).id
    less = without_shown_again(shows)
    assert list(shown_again(less)) == []
    assert "file_id" not in str(less)


def test_a_message_below_an_unknown_field_of_a_shown_one_is_not_told() -> None:
    less = without_shown_again(update(reply_to_message={"text": "a", "hologram": {"reply_to_message": PINNED}}))
    assert less["message"]["reply_to_message"] == {"text": "a"}


def test_what_is_shown_again_can_be_told_without_its_file() -> None:
    told = update(text="look", reply_to_message=update(document=file(), caption="mine")["message"])
    less = without_shown_again(told)
    assert less["message"]["reply_to_message"]["caption"] == "mine"
    assert list(shown_again(less)) == []
    assert "document" in told["message"]["reply_to_message"]


@pytest.mark.parametrize(
    "kind",
    [
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "business_message",
        "guest_message",
        "message_of_tomorrow",
    ],
)
def test_every_type_of_update_is_looked_at(kind: str) -> None:
    attachment = found(update(kind, document=file()))
    assert (attachment.parts[0].path, attachment.place.chat, attachment.message) == (f"{kind}.document", "-1001", "5")


def test_media_of_a_poll_update_is_found_without_a_chat() -> None:
    attachment = found({"update_id": 9, "poll": {"id": "1", "media": {"document": file()}}})
    assert (attachment.place.chat, attachment.message, attachment.update) == ("", "", "9")


@pytest.mark.parametrize(
    "carried",
    [
        {"text": "hello"},
        {"contact": {"phone_number": "1", "first_name": "Bob"}},
        {"reply_to_story": {"id": 1, "chat": {"id": 2}}},
        {"reply_to_message": {"document": file()}},
        {"pinned_message": {"photo": SIZES}},
    ],
)
def test_what_carries_no_file_of_its_own_is_left_alone(carried: Json) -> None:
    assert attachment_in(update(**carried)) is None


def test_the_message_under_a_button_is_ours() -> None:
    pressed = {"update_id": 1, "callback_query": {"id": "1", "message": {"document": file()}}}
    assert attachment_in(pressed) is None
    assert is_under_a_button(pressed)
    assert not is_under_a_button({"update_id": 1, "callback_query": {"id": "1", "message": {"text": "hello"}}})


def test_a_callback_query_anywhere_else_is_no_excuse() -> None:
    assert paths(update(callback_query={"document": file()})) == ["message.callback_query.document"]


def test_a_thumbnail_without_a_file_is_a_file() -> None:
    assert paths(update(hologram={"thumbnail": THUMB})) == ["message.hologram.thumbnail"]


def test_the_largest_size_of_a_photo_is_judged() -> None:
    assert [part.unique_id for part in found(update(photo=SIZES)).parts] == ["u-l"]


@pytest.mark.parametrize(
    "items",
    [
        [size("a", 1, 1), size("b", 2, 2)],
        [file("a", width=1, height=1, is_animated=True), file("b", width=2, height=2)],
    ],
)
def test_several_pictures_are_not_one_in_several_sizes(items: list[Json]) -> None:
    assert len(paths(update(pictures=items))) == 2


@pytest.mark.parametrize("width", ["90", True, None, 1.5, -1, 10**30])
def test_sizes_that_cannot_be_compared_are_all_judged(width: Any) -> None:
    assert len(paths(update(photo=[size("a", width, 1), size("b", 2, 2)]))) == 2


# -- hostile JSON --------------------------------------------------------------------------------------------------


def nested(levels: int) -> Json:
    innermost: Json = {"document": file()}
    for _ in range(levels):
        innermost = {"block": innermost}
    return innermost


def test_what_nests_too_deep_is_one_part_that_cannot_be_fetched() -> None:
    attachment = found(update(hologram=[nested(10_000), nested(10_000)], document=file()))
    assert [(part.claim.kind, part.file_id) for part in attachment.parts] == [(TOO_DEEP, ""), ("document", "id-a")]
    assert attachment.parts[0].path == "message.hologram.0.block"


def test_a_deep_rich_message_is_still_found() -> None:
    assert [part.claim.kind for part in found(update(**nested(118))).parts] == ["document"]
    assert [part.claim.kind for part in found(update(**nested(119))).parts] == [TOO_DEEP]


def test_a_reply_may_nest_as_it_likes() -> None:
    assert paths(update(document=file(), reply_to_message=nested(10_000))) == ["message.document"]


def test_two_vcards_are_two_files_whatever_their_digests_begin_with() -> None:
    (part,) = found(update(contact={"vcard": "BEGIN:VCARD"})).parts
    assert len(part.unique_id.removeprefix("vcard ")) == 64  # a part of SHA-256 can be made to collide


@pytest.mark.parametrize("declared", [True, False, "12", -1, 10**30, 1.5, None, [], {}])
def test_a_size_that_is_none_is_not_claimed(declared: Any) -> None:
    assert found(update(document=file(file_size=declared))).parts[0].claim.size is None


@pytest.mark.parametrize("date", [10**18, 10**30, -1, "yesterday", True, None, {}, []])
def test_a_date_that_is_none_is_the_time_of_arrival(date: Any) -> None:
    before = datetime.now(UTC)
    assert before <= found(update(document=file(), date=date)).posted_at <= datetime.now(UTC)


@pytest.mark.parametrize("hostile", [7, True, "text", [1], {"a": 1}, None, 10**30])
@pytest.mark.parametrize("field", ["chat", "from", "sender_chat", "message_id", "caption", "message_thread_id"])
def test_a_field_of_the_wrong_type_hides_no_file(field: str, hostile: Any) -> None:
    fields: Json = {"document": file(file_name=hostile, mime_type=hostile), field: hostile}
    attachment = found(update(**fields))
    assert attachment.parts[0].unique_id == "u-a"


def test_half_a_surrogate_pair_can_be_stored() -> None:
    attachment = found(update(document=file(file_name="\ud83d.png"), caption="\udc00"))
    assert (attachment.parts[0].claim.name, attachment.caption) == ("\\ud83d.png", "\\udc00")


# -- who, where, when ------------------------------------------------------------------------------------------------


def test_claims_sender_and_place_are_taken_over() -> None:
    attachment = found(
        update(
            document=file(file_name="a.pdf", mime_type="application/pdf", file_size=12),
            caption="look",
            is_topic_message=True,
            message_thread_id=44,
        )
    )
    claim = attachment.parts[0].claim
    assert (claim.name, claim.media_type, claim.size, claim.kind) == ("a.pdf", "application/pdf", 12, "document")
    assert (attachment.sender.id, attachment.sender.name, attachment.sender.username) == ("3", "Ann Lee", "ann")
    assert (attachment.place.chat, attachment.place.thread, attachment.caption) == ("-1001", "44", "look")
    assert attachment.posted_at == datetime.fromtimestamp(1_700_000_000, UTC)


def test_a_thread_of_replies_is_no_topic() -> None:
    assert found(update(document=file(), message_thread_id=44)).place.thread is None


def test_a_topic_of_a_channel_s_direct_messages_is_a_thread_of_its_own_sort() -> None:
    topic = {"topic_id": 44, "user": {"id": 3, "is_bot": False, "first_name": "Ann"}}
    assert found(update(document=file(), direct_messages_topic=topic)).place.thread == f"{DIRECT}44"


@pytest.mark.parametrize(
    ("chat", "private", "channel"),
    [("private", True, False), ("channel", False, True), ("supergroup", False, False), ("group", False, False)],
)
def test_what_sort_of_chat_it_is(chat: str, private: bool, channel: bool) -> None:
    place = found(update(document=file(), chat={"id": 8, "type": chat})).place
    assert (place.private, place.channel) == (private, channel)


def test_an_anonymous_admin_is_shown_as_the_group() -> None:
    group = {"id": -1001, "type": "supergroup", "title": "Chess"}
    anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    fields: Json = {"document": file(), "sender_chat": group, "from": anonymous}
    sender = found(update(**fields)).sender
    assert (sender.id, sender.name, sender.username) == ("-1001", "Chess", None)


def test_a_channel_that_posts_under_its_name_is_the_sender() -> None:
    channel = {"id": -1009, "type": "channel", "title": "News", "username": "news"}
    sender = found(update("channel_post", document=file(), sender_chat=channel)).sender
    assert (sender.id, sender.name, sender.username) == ("-1009", "News", "news")


# -- ids -------------------------------------------------------------------------------------------------------------


def test_a_repeated_delivery_is_the_same_attachment() -> None:
    assert found(update(document=file())).id == found(update(document=file(), number=8)).id


def test_an_edit_of_the_caption_is_the_same_attachment() -> None:
    edited = update("edited_message", document=file(), caption="better", edit_date=1_700_000_100)
    assert found(edited).id == found(update(document=file())).id


@pytest.mark.parametrize(
    "other",
    [
        update("edited_message", document=file("b")),
        update(document=file(), message_id=6),
        update(document=file(), chat={"id": -1002, "type": "supergroup"}),
        update(document=file(), hologram=file("b")),
    ],
    ids=["other file", "other message", "other chat", "one file more"],
)
def test_anything_else_is_another_attachment(other: Json) -> None:
    assert found(other).id != found(update(document=file())).id


def test_a_poll_that_a_vote_brings_again_is_the_same_attachment() -> None:
    def after(votes: int, poll: str = "77", media: str = "a") -> str:
        return found({"update_id": votes, "poll": {"id": poll, "media": {"document": file(media)}}}).id

    assert after(1) == after(2)
    assert len({after(1), after(1, poll="78"), after(1, media="b")}) == 3


def test_without_a_message_each_delivery_is_an_attachment_of_its_own() -> None:
    first, second = ({"update_id": n, "poll": {"media": {"document": file()}}} for n in (1, 2))
    assert found(first).id != found(second).id
    assert found(first).id == found(dict(first)).id


# -- through the library ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "raw",
    [
        update(document=file(), hologram={"layers": [file("b")]}),
        update("message_of_tomorrow", document=file(), hologram={"layers": [file("b")]}),
    ],
    ids=["unknown field", "unknown type of update"],
)
def test_what_the_library_does_not_know_survives_it(raw: Json) -> None:
    parsed = Update.de_json(raw, None)
    again = Update.de_json(parsed.to_dict(), None)
    assert sorted(paths(parsed.to_dict())) == sorted(paths(raw))
    assert attachment_in(parsed.to_dict()) == attachment_in(again.to_dict())
    assert {part.unique_id for part in found(parsed.to_dict()).parts} == {"u-a", "u-b"}
    assert found(parsed.to_dict()).place.chat == "-1001"


def test_a_document_that_the_library_parsed_keeps_its_claims() -> None:
    raw = update(document=file(file_name="a.pdf", mime_type="application/pdf", file_size=12))
    assert attachment_in(Update.de_json(raw, None).to_dict()) == attachment_in(raw)
