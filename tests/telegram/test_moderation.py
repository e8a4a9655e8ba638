"""What is asked of Telegram, and what each of its answers means for the outbox."""

import json
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import telegram
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.warnings import PTBDeprecationWarning

from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.model import Attachment, Case, Claim, Part, Person, Place, SealedPart
from lazaretto.ports import Later, NotAllowed, NotThere, Refused, Unreachable, Unsure
from lazaretto.telegram.answers import asked
from lazaretto.telegram.moderation import TelegramPlatform

ANN = Person("telegram", "3", "<Ann> & Co", "ann")
HEAD = f"12:{'ab' * 32}"


def caused(error: NetworkError, cause: Exception) -> NetworkError:
    error.__cause__ = cause
    return error


async def failing(error: Exception) -> None:
    raise error


# -- what an answer means --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (BadRequest("Message can't be deleted"), Refused("Message can't be deleted")),
        (Forbidden("user is deactivated"), NotAllowed("user is deactivated")),
        (Forbidden("bot was kicked"), NotThere("bot was kicked")),
        (BadRequest("Chat not found"), NotThere("Chat not found")),
        (InvalidToken("Unauthorized"), Refused("Unauthorized")),
        (ChatMigrated(-100), Later(1.0)),
        (Conflict("other poller"), Refused("Conflict")),
        (TelegramError("bot1:secret"), Refused("TelegramError")),
        (TimedOut(), Unsure("Telegram did not answer in time")),
        (caused(TimedOut(), httpx.ReadTimeout("")), Unsure("Telegram did not answer in time")),
        (caused(NetworkError("bot1:secret"), httpx.ReadError("")), Unsure("the connection failed: ReadError")),
        (NetworkError("Bad Gateway"), Unsure("Telegram failed: Bad Gateway")),
        (NetworkError("no route for /bot1:secret"), Unsure("Telegram failed: no plain reason")),
        (caused(NetworkError("bot1:secret"), TypeError("x")), Refused("the request could not be made: TypeError")),
        (caused(NetworkError("x"), UnicodeError("x")), Refused("the request could not be made: UnicodeError")),
    ],
)
async def test_each_error_of_the_library_has_one_meaning(error: Exception, meaning: Exception) -> None:
    with pytest.raises(type(meaning)) as answer:
        await asked(failing(error))
    assert str(answer.value) == str(meaning)


@pytest.mark.parametrize(
    ("error", "means"),
    [
        (caused(NetworkError("x"), httpx.ConnectError("")), Unreachable),
        (caused(TimedOut(), httpx.ConnectTimeout("")), Unreachable),
        (caused(TimedOut(), httpx.PoolTimeout("")), Later),  # of our own, and nothing about the way to the server
    ],
)
async def test_a_request_that_never_left_is_sent_later(error: Exception, means: type[Later]) -> None:
    with pytest.raises(Later) as later:
        await asked(failing(error))
    assert type(later.value) is means
    assert later.value.seconds == 5


@pytest.mark.parametrize("opted_in", [True, False])
async def test_a_waiting_time_is_read_in_either_type_and_without_a_warning(
    monkeypatch: pytest.MonkeyPatch, opted_in: bool
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1" if opted_in else "0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PTBDeprecationWarning)  # the library warns of itself as it raises
        error = RetryAfter(7)
    with pytest.raises(Later) as later:
        await asked(failing(error))
    assert later.value.seconds == 7.0


async def test_a_server_that_is_gone_means_later(tg: Emulator, platform: TelegramPlatform, group: Chat) -> None:
    await tg.stop()
    with pytest.raises(Unreachable):
        await platform.remove(Place("telegram", str(group.id)), ["1"])


async def test_an_answer_that_is_lost_means_unsure(tg: Emulator, platform: TelegramPlatform, case: Case) -> None:
    tg.faults.reset_connection("sendMessage", late=True)
    with pytest.raises(Unsure) as unsure:
        await platform.notify(case, ANN, HEAD, repeated=False)
    assert tg.token not in str(unsure.value)


# -- remove ----------------------------------------------------------------------------------------------------------


async def test_a_message_is_removed_and_one_that_is_gone_counts_as_removed(
    platform: TelegramPlatform, group: Chat, ann: User
) -> None:
    message = await group.post_document(ann, b"x")
    place = Place("telegram", str(group.id))
    assert await platform.remove(place, [str(message.message_id)])
    assert not await platform.remove(place, [str(message.message_id)])
    assert group.messages == []


async def test_without_the_right_removal_is_refused(platform: TelegramPlatform, group: Chat, ann: User) -> None:
    message = await group.post_document(ann, b"x")
    group.set_bot_rights(Rights())
    with pytest.raises(Refused, match="can't be deleted"):
        await platform.remove(Place("telegram", str(group.id)), [str(message.message_id)])


async def test_removing_is_put_off_as_long_as_the_server_asks(
    tg: Emulator, platform: TelegramPlatform, group: Chat
) -> None:
    tg.faults.fail("deleteMessage", retry_after=9)
    with pytest.raises(Later) as later:
        await platform.remove(Place("telegram", str(group.id)), ["1"])
    assert later.value.seconds == 9


async def test_what_came_in_no_message_is_not_asked_for(tg: Emulator, platform: TelegramPlatform) -> None:
    with pytest.raises(Refused, match="no message"):
        await platform.remove(Place("telegram", ""), [""])
    assert tg.calls_of("deleteMessage") == ()


async def test_all_messages_of_an_album_are_removed(platform: TelegramPlatform, group: Chat, ann: User) -> None:
    messages = [await group.post_document(ann, b"x") for _ in range(3)]
    await group.remove(messages[1])  # by somebody else
    assert await platform.remove(Place("telegram", str(group.id)), [str(message.message_id) for message in messages])
    assert group.messages == []


@pytest.mark.parametrize(
    ("faults", "outcome"),
    [
        ([{"error_code": 400, "description": "Bad Request: message can't be deleted"}], Refused),
        ([{"error_code": 400, "description": "Bad Request: message can't be deleted"}, {"retry_after": 9}], Later),
    ],
)
async def test_of_several_removals_what_can_be_tried_again_is(
    tg: Emulator,
    platform: TelegramPlatform,
    group: Chat,
    ann: User,
    faults: list[dict[str, Any]],
    outcome: type[Exception],
) -> None:
    messages = [await group.post_document(ann, b"x") for _ in range(3)]
    for fault in faults:
        tg.faults.fail("deleteMessage", **fault)
    with pytest.raises(outcome):
        await platform.remove(Place("telegram", str(group.id)), [str(message.message_id) for message in messages])
    assert len(group.messages) == len(faults)


# -- publish ---------------------------------------------------------------------------------------------------------


def with_parts(case: Case, *parts: Part, caption: str | None = None, thread: str | None = None) -> Case:
    old = case.attachment
    place = replace(old.place, thread=thread)
    attachment = Attachment(old.id, place, old.message, old.update, old.sender, old.kind, parts, old.posted_at, caption)
    return replace(case, attachment=attachment, sealed=tuple(SealedPart(p.index, "i", "d", 4) for p in parts))


def part_of(tg: Emulator, kind: str, data: bytes, index: int = 0, message: str = "") -> Part:
    return parts_of(tg, kind, data, index=index, message=message)[0]


def parts_of(
    tg: Emulator, kind: str, data: bytes, *, index: int = 0, message: str = "", gone: bool = False
) -> list[Part]:
    """The files of one message, a live photo's two among them. gone: Telegram has them no longer."""
    carried = tg.attach(kind, data, name="a.bin")
    found = []
    for number, field in enumerate([kind, "photo"] if kind == "live_photo" else [kind], index):
        one = carried[field][-1] if isinstance(carried[field], list) else carried[field]
        file_id = "gone" if gone else one["file_id"]
        claim = Claim("a.bin", None, 4, field)
        found.append(Part(number, file_id, one["file_unique_id"], f"message.{field}", claim, message))
    return found


def kept_in(folder: Path, *contents: bytes) -> list[Path]:
    """Files of the vault."""
    paths = [folder / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    return paths


@pytest.mark.parametrize("gone", [False, True], ids=["Telegram's copy", "our bytes"])
@pytest.mark.parametrize("kind", ["document", "photo", "video", "animation", "audio", "voice", "live_photo"])
async def test_a_release_is_sent_in_its_kind(
    tg: Emulator, platform: TelegramPlatform, group: Chat, case: Case, kind: str, gone: bool, tmp_path: Path
) -> None:
    parts = parts_of(tg, kind, b"data", gone=gone)
    released = with_parts(case, *parts, caption="look")
    number = await platform.publish(released, ANN, kept_in(tmp_path, *[b"data"] * len(parts)) if gone else [])
    (message,) = group.messages
    assert (str(message.message_id), message.kind, message.data) == (number, kind, b"data")
    assert message.caption == "From <Ann> & Co, released by a moderator\nlook"


@pytest.mark.parametrize("gone", [False, True], ids=["Telegram's copy", "our bytes"])
async def test_an_album_with_live_photos_goes_back_as_one(
    tg: Emulator,
    bot: telegram.Bot,
    platform: TelegramPlatform,
    group: Chat,
    case: Case,
    gone: bool,
    tmp_path: Path,
) -> None:
    parts = [
        *parts_of(tg, "live_photo", b"wave", message="5", gone=gone),
        *parts_of(tg, "photo", b"pier", index=2, message="6", gone=gone),
        *parts_of(tg, "live_photo", b"gull", index=3, message="7", gone=gone),
    ]
    kept = kept_in(tmp_path, b"wave", b"wave still", b"pier", b"gull", b"gull still") if gone else []
    first = await platform.publish(with_parts(case, *parts, caption="look"), ANN, kept)
    assert [(m.kind, m.data) for m in group.messages] == [
        ("live_photo", b"wave"),
        ("photo", b"pier"),
        ("live_photo", b"gull"),
    ]
    assert len({m.content["media_group_id"] for m in group.messages}) == 1
    assert [m.caption is None for m in group.messages] == [False, True, True]
    assert first == str(group.messages[0].message_id)
    stills = [await bot.get_file(m.content["photo"][-1]["file_id"]) for m in group.messages]
    said = [bytes(await still.download_as_bytearray()) for still in stills]
    assert said == ([b"wave still", b"pier", b"gull still"] if gone else [b"wave", b"pier", b"gull"])


@pytest.mark.parametrize("kind", ["sticker", "video_note"])
async def test_a_kind_that_takes_no_caption_is_sent_as_a_document(
    tg: Emulator, platform: TelegramPlatform, group: Chat, case: Case, kind: str, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(b"data")
    await platform.publish(with_parts(case, part_of(tg, kind, b"data")), ANN, [kept])
    assert (group.messages[-1].kind, group.messages[-1].data) == ("document", b"data")


async def test_the_vaults_bytes_are_sent_where_telegrams_copy_is_gone(
    platform: TelegramPlatform, group: Chat, case: Case, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.write_bytes(b"evidence")
    part = Part(0, "gone", "u", "message.document", Claim('a"\r\n<b>.pdf', None, 4, "document"))
    await platform.publish(with_parts(case, part), ANN, [kept])
    assert group.messages[-1].data == b"evidence"


@pytest.mark.parametrize("kinds", [["document"], ["live_photo", "photo"], ["video", "cover"]])
@pytest.mark.parametrize("how", ["{path}", "file://{path}", "{name}", "https://example.org/{name}", "data:,x", ""])
@pytest.mark.parametrize("sealed", [True, False], ids=["our bytes", "no bytes"])
async def test_a_file_id_that_names_a_file_of_ours_is_never_uploaded(
    tg: Emulator,
    platform: TelegramPlatform,
    group: Chat,
    case: Case,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kinds: list[str],
    how: str,
    sealed: bool,
) -> None:
    """The library opens what it is told by name, and a hostile Bot API server says what the name is."""
    monkeypatch.chdir(tmp_path)
    key = tmp_path / "vault-key"
    key.write_bytes(b"secret")
    file_id = how.format(path=key, name=key.name)
    parts = [Part(i, file_id, f"u{i}", "message.x", Claim("a.bin", None, 4, kind)) for i, kind in enumerate(kinds)]
    released = with_parts(case, *parts)
    if sealed:
        await platform.publish(released, ANN, kept_in(tmp_path, *[b"evidence"] * len(kinds)))
        assert group.messages[-1].data == b"evidence"
    else:
        with pytest.raises(Refused, match="no copy"):
            await platform.publish(replace(released, sealed=()), ANN, [])
        assert group.messages == []
    assert "secret" not in str(tg.calls)


@pytest.mark.parametrize("gone", [False, True], ids=["Telegram's copy", "our bytes"])
@pytest.mark.parametrize("album", [False, True], ids=["alone", "in an album"])
async def test_a_video_keeps_the_cover_that_its_sender_chose(
    tg: Emulator, platform: TelegramPlatform, case: Case, tmp_path: Path, gone: bool, album: bool
) -> None:
    parts = []
    for number in range(2 if album else 1):
        film, cover = part_of(tg, "video", b"film", 2 * number, f"{5 + number}"), part_of(tg, "photo", b"face")
        cover = replace(cover, index=2 * number + 1, message=film.message, claim=replace(cover.claim, kind="cover"))
        parts += [replace(part, file_id="gone") if gone else part for part in (film, cover)]
    await platform.publish(
        with_parts(case, *parts), ANN, kept_in(tmp_path, *[b"film", b"face"] * len(parts)) if gone else []
    )
    sent = tg.calls_of("sendMediaGroup" if album else "sendVideo")[-1].params
    items = json.loads(sent["media"]) if album and isinstance(sent["media"], str) else sent.get("media", [sent])
    assert len(items) == len(parts) // 2
    assert all(item["cover"].startswith("attach://") == gone for item in items)


async def test_without_telegrams_copy_and_without_bytes_a_release_is_refused(
    platform: TelegramPlatform, case: Case
) -> None:
    with pytest.raises(Refused):
        await platform.publish(replace(case, sealed=()), ANN, [])


async def test_a_release_stays_in_its_topic(tg: Emulator, platform: TelegramPlatform, case: Case) -> None:
    tg.faults.fail("sendDocument", error_code=403)
    released = replace(with_parts(case, part_of(tg, "document", b"data"), thread="44"), sealed=())
    with pytest.raises(Refused):
        await platform.publish(released, ANN, [])
    assert str(tg.calls_of("sendDocument")[0].params["message_thread_id"]) == "44"


async def test_of_several_files_the_first_carries_the_caption(
    tg: Emulator, platform: TelegramPlatform, group: Chat, case: Case
) -> None:
    parts = [part_of(tg, "video", b"film"), part_of(tg, "photo", b"still", 1)]
    first = await platform.publish(with_parts(case, *parts, caption="look"), ANN, [])
    assert [message.data for message in group.messages] == [b"film", b"still"]
    assert first == str(group.messages[0].message_id)
    assert group.messages[1].caption is None


@pytest.mark.parametrize("late", [{"retry_after": 9}, {"error_code": 403}])
async def test_a_release_that_stops_half_way_is_asked_about_and_not_repeated(
    tg: Emulator, platform: TelegramPlatform, case: Case, late: dict[str, int]
) -> None:
    parts = [part_of(tg, "video", b"film"), part_of(tg, "photo", b"still", 1)]
    half = replace(with_parts(case, *parts), sealed=())
    tg.faults.fail("sendPhoto", times=1, **late)  # type: ignore[arg-type]
    with pytest.raises(Unsure, match="1 of 2 files are back"):
        await platform.publish(half, ANN, [])


# -- cards -----------------------------------------------------------------------------------------------------------


async def test_a_card_is_shown_and_brought_up_to_date(platform: TelegramPlatform, group: Chat, case: Case) -> None:
    card = await platform.notify(case, ANN, HEAD, repeated=False)
    shown = ["✅ Release", "⛔ Confirm", "Mute ▸", "Ban ▸", "Details", "Tell sender"]
    assert group.messages[-1].buttons == shown
    await platform.update_card(case, ANN, card, HEAD, "Release approved.")
    assert "Release approved." in (group.messages[-1].text or "")


async def test_a_card_that_says_so_already_is_up_to_date(platform: TelegramPlatform, case: Case) -> None:
    card = await platform.notify(case, ANN, HEAD, repeated=False)
    await platform.update_card(case, ANN, card, HEAD, "")


async def test_a_card_that_is_gone_is_refused(platform: TelegramPlatform, case: Case) -> None:
    with pytest.raises(Refused, match="not found"):
        await platform.update_card(case, ANN, "99", HEAD, "note")


async def test_without_a_moderators_chat_there_is_no_card(platform: TelegramPlatform, case: Case) -> None:
    nowhere = replace(case, moderators=None)
    with pytest.raises(Refused, match="no moderators' chat"):
        await platform.notify(nowhere, ANN, HEAD, repeated=False)
    with pytest.raises(Refused, match="no moderators' chat"):
        await platform.update_card(nowhere, ANN, "1", HEAD, "note")


async def test_a_bot_that_was_thrown_out_of_the_moderators_chat_is_refused(
    platform: TelegramPlatform, group: Chat, case: Case
) -> None:
    group.remove_bot()
    with pytest.raises(Refused):
        await platform.notify(case, ANN, HEAD, repeated=False)


async def test_the_bytes_come_through_the_downloads(
    tg: Emulator, bot: telegram.Bot, platform: TelegramPlatform
) -> None:
    part = part_of(tg, "document", b"data")
    assert [chunk async for chunk in platform.fetch(part)] == [b"data"]
