"""Albums, forwards and copies: what belongs together stays together, and files keep what they are."""

import json
from typing import Any

import httpx
import pytest
import telegram
from telegram import InputMediaAudio, InputMediaDocument, InputMediaPhoto, InputMediaVideo, ReplyParameters

from lazaretto.emulator import Chat, Emulator, Message, Rights, User

PICTURE = b"\xff\xd8 picture"


@pytest.fixture
def archive(tg: Emulator) -> Chat:
    return tg.group("Archive")


@pytest.fixture
async def album(tg: Emulator, group: Chat, ann: User) -> list[Message]:
    items = [tg.attach("photo", b"one"), tg.attach("video", b"two"), tg.attach("photo", b"three")]
    return await group.post_album(ann, items, caption="regatta")


async def refusal(api: httpx.AsyncClient, method: str, **params: Any) -> str:
    answer = await api.post(method, json=params)
    assert answer.status_code == 400
    return str(answer.json()["description"]).removeprefix("Bad Request: ")


def ids(messages: list[Message]) -> list[int]:
    return [message.message_id for message in messages]


# -- sendMediaGroup ----------------------------------------------------------------------------------------------


async def test_an_album_is_uploaded_as_one(group: Chat, bot: telegram.Bot) -> None:
    photo, video = InputMediaPhoto(PICTURE, has_spoiler=True), InputMediaVideo(b"video", width=16, height=9)
    sent = await bot.send_media_group(group.id, [photo, video], caption="<b>both</b>", parse_mode="HTML")
    assert len({message.media_group_id for message in sent}) == 1
    assert [message.data for message in group.messages] == [PICTURE, b"video"]
    assert [message.caption for message in group.messages] == ["both", None]
    assert sent[0].has_media_spoiler is True
    assert sent[1].video is not None
    assert (sent[1].video.width, sent[1].video.height) == (16, 9)


async def test_an_album_is_made_of_known_files(group: Chat, bot: telegram.Bot) -> None:
    first = (await bot.send_document(group.id, b"one", filename="a.txt")).document
    assert first is not None
    sent = await bot.send_media_group(group.id, [InputMediaDocument(first.file_id), InputMediaDocument(b"two")])
    assert [message.data for message in group.messages[1:]] == [b"one", b"two"]
    assert sent[0].document is not None
    assert (sent[0].document.file_unique_id, sent[0].document.file_name) == (first.file_unique_id, "a.txt")


async def test_an_album_of_live_photos_names_both_files(group: Chat, api: httpx.AsyncClient) -> None:
    item = {"type": "live_photo", "media": "attach://wave", "photo": "attach://still"}
    media = json.dumps([item, {"type": "photo", "media": "attach://pier"}])
    files = {name: (name, name.encode()) for name in ("wave", "still", "pier")}
    await api.post("sendMediaGroup", data={"chat_id": str(group.id), "media": media}, files=files)
    assert [(message.kind, message.data) for message in group.messages] == [("live_photo", b"wave"), ("photo", b"pier")]
    half = [{"type": "live_photo", "media": "x"}] * 2
    refused = await refusal(api, "sendMediaGroup", chat_id=group.id, media=half)
    assert refused == "there is no photo in the request"


async def test_an_album_of_music(group: Chat, bot: telegram.Bot) -> None:
    sent = await bot.send_media_group(group.id, [InputMediaAudio(b"1", title="Song"), InputMediaAudio(b"2")])
    assert [message.audio and message.audio.title for message in sent] == ["Song", None]


DOCUMENT = {"type": "document", "media": "attach://part"}
PHOTO = {"type": "photo", "media": "attach://part"}


@pytest.mark.parametrize(
    ("media", "description"),
    [
        ([PHOTO], "there are too few messages to send as an album"),
        ([PHOTO] * 11, "too many messages to send as an album"),
        ([PHOTO, DOCUMENT], "document can't be mixed with other media types"),
        ([PHOTO, {**PHOTO, "type": "audio"}], "audio can't be mixed with other media types"),
        ([PHOTO, {**PHOTO, "type": "animation"}],
         'can\'t parse InputMedia: type "animation" can\'t be used in sendMediaGroup'),
        ([PHOTO, {"type": "photo"}], "can't parse InputMedia: media not found"),
        ([PHOTO, "photo"], "can't parse InputMedia: expected an Object"),
        ([PHOTO, {**PHOTO, "media": "attach://other"}],
         "can't parse InputFile: file \"other\" isn't found in the request"),
        ([PHOTO, {**PHOTO, "media": "nonsense"}], "wrong remote file identifier specified: can't unserialize it"),
        ([PHOTO, {**PHOTO, "caption": "x" * 1025}], "message caption is too long"),
        ({"type": "photo"}, 'can\'t parse "media" JSON array'),
    ],
)  # fmt: skip
async def test_albums_that_telegram_refuses(group: Chat, api: httpx.AsyncClient, media: Any, description: str) -> None:
    form = {"chat_id": str(group.id), "media": json.dumps(media)}
    answer = await api.post("sendMediaGroup", data=form, files={"part": ("a", b"data")})
    assert (answer.status_code, answer.json()["description"]) == (400, f"Bad Request: {description}")
    assert group.messages == []


async def test_paid_media_are_priced(group: Chat, bot: telegram.Bot, api: httpx.AsyncClient) -> None:
    sent = await bot.send_paid_media(group.id, 5, [telegram.InputPaidMediaPhoto(PICTURE)], caption="look")
    assert sent.paid_media is not None
    assert (sent.paid_media.star_count, sent.caption) == (5, "look")
    photo = {"type": "photo", "media": "x"}
    assert "price" in await refusal(api, "sendPaidMedia", chat_id=group.id, star_count=0, media=[photo])
    moved = await refusal(api, "copyMessage", chat_id=group.id, from_chat_id=group.id, message_id=sent.message_id)
    assert moved == "message can't be copied"


# -- copies ------------------------------------------------------------------------------------------------------


async def test_a_copied_album_stays_an_album(
    group: Chat, archive: Chat, album: list[Message], bot: telegram.Bot
) -> None:
    copies = await bot.copy_messages(archive.id, group.id, ids(album))
    assert [copy.message_id for copy in copies] == ids(archive.messages)
    assert [message.data for message in archive.messages] == [b"one", b"two", b"three"]
    groups = {message.content["media_group_id"] for message in archive.messages}
    assert len(groups) == 1
    assert groups != {album[0].content["media_group_id"]}
    assert archive.messages[0].caption == "regatta"
    assert "forward_origin" not in archive.messages[0].content


async def test_captions_may_be_left_behind(group: Chat, archive: Chat, album: list[Message], bot: telegram.Bot) -> None:
    await bot.copy_messages(archive.id, group.id, ids(album), remove_caption=True)
    assert [message.caption for message in archive.messages] == [None] * 3


async def test_one_of_an_album_is_no_album(group: Chat, archive: Chat, album: list[Message], bot: telegram.Bot) -> None:
    await bot.copy_messages(archive.id, group.id, ids(album[:1]))
    assert "media_group_id" not in archive.messages[0].content


async def test_what_cannot_be_copied_is_skipped(
    group: Chat, archive: Chat, ann: User, album: list[Message], bot: telegram.Bot, api: httpx.AsyncClient
) -> None:
    await group.post_text(ann, "secret", has_protected_content=True)
    text = await group.post_text(ann, "plain")
    await group.remove(album[1])
    await bot.copy_messages(archive.id, group.id, [1, 2, 3, 4, text.message_id, 99])
    assert [message.data or message.text for message in archive.messages] == [b"one", b"three", "plain"]
    none = await refusal(api, "copyMessages", chat_id=archive.id, from_chat_id=group.id, message_ids=[4, 99])
    assert none == "there are no messages to copy"


@pytest.mark.parametrize("method", ["copyMessages", "forwardMessages"])
@pytest.mark.parametrize(
    ("wanted", "description"),
    [
        ([2, 1], "message identifiers must be in a strictly increasing order"),
        ([1, 1], "message identifiers must be in a strictly increasing order"),
        (list(range(1, 102)), "too many message identifiers specified"),
        (["one"], "invalid message identifier specified"),
    ],
)
async def test_lists_that_telegram_refuses(
    group: Chat, album: list[Message], api: httpx.AsyncClient, method: str, wanted: list[Any], description: str
) -> None:
    assert await refusal(api, method, chat_id=group.id, from_chat_id=group.id, message_ids=wanted) == description


async def test_a_quiz_is_copied_by_who_knows_the_answer(group: Chat, ann: User, bot: telegram.Bot) -> None:
    own = await bot.send_poll(group.id, "Tea?", ["Yes", "No"], type="quiz", correct_option_ids=[0])
    await bot.copy_message(group.id, group.id, own.message_id)
    theirs = {**group.messages[-1].content["poll"], "correct_option_ids": []}
    other = await group.post(ann, poll=theirs)
    with pytest.raises(telegram.error.BadRequest, match="can't be copied"):
        await bot.copy_message(group.id, group.id, other.message_id)


# -- forwards ----------------------------------------------------------------------------------------------------


async def test_a_forward_names_its_author_and_keeps_the_file(
    group: Chat, archive: Chat, ann: User, bot: telegram.Bot
) -> None:
    posted = await group.post_document(ann, b"data", name="a.txt", caption="mine")
    sent = await bot.forward_message(archive.id, group.id, posted.message_id)
    assert isinstance(sent.forward_origin, telegram.MessageOriginUser)
    assert (sent.forward_origin.sender_user.id, sent.caption) == (ann.id, "mine")
    assert sent.document is not None
    assert posted.document is not None
    assert sent.document.file_unique_id == posted.document["file_unique_id"]
    assert sent.document.file_id != posted.document["file_id"]


async def test_a_forwarded_album_stays_an_album(
    group: Chat, archive: Chat, album: list[Message], bot: telegram.Bot
) -> None:
    await bot.forward_messages(archive.id, group.id, ids(album))
    assert len({message.content["media_group_id"] for message in archive.messages}) == 1
    assert all("forward_origin" in message.content for message in archive.messages)


async def test_what_cannot_be_forwarded(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    protected = await group.post_text(ann, "x", has_protected_content=True)
    service = await group.post(ann, new_chat_title="Draughts")
    for number, description in (
        (protected.message_id, "message can't be forwarded"),
        (service.message_id, "message can't be forwarded"),
        (99, "message to forward not found"),
    ):
        said = await refusal(api, "forwardMessage", chat_id=group.id, from_chat_id=group.id, message_id=number)
        assert said == description


async def test_a_channels_post_is_forwarded_in_its_name(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot
) -> None:
    channel = tg.channel("News", creator=ann)
    post = await channel.post_text(ann, "today")
    sent = await bot.forward_message(group.id, channel.id, post.message_id)
    assert isinstance(sent.forward_origin, telegram.MessageOriginChannel)
    assert sent.forward_origin.message_id == post.message_id


# -- replies to elsewhere, and where messages go -----------------------------------------------------------------


async def test_a_reply_to_another_chat_shows_what_it_answers(
    group: Chat, archive: Chat, ann: User, bot: telegram.Bot
) -> None:
    posted = await group.post_document(ann, b"data", name="a.txt", caption="one two")
    sent = await bot.send_message(
        archive.id, "see", reply_parameters=ReplyParameters(posted.message_id, group.id, quote="two")
    )
    assert sent.reply_to_message is None
    assert sent.external_reply is not None
    assert sent.external_reply.document is not None
    assert sent.external_reply.document.file_name == "a.txt"
    assert sent.quote is not None
    assert (sent.quote.text, sent.quote.position) == ("two", 4)


async def test_a_quote_has_to_be_there(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    posted = await group.post_text(ann, "one")
    reply = {"message_id": posted.message_id, "quote": "two"}
    assert await refusal(api, "sendMessage", chat_id=group.id, text="x", reply_parameters=reply) == "QUOTE_TEXT_INVALID"


async def test_a_channel_takes_the_right_to_post(tg: Emulator, api: httpx.AsyncClient) -> None:
    quiet, loud = tg.channel("Quiet"), tg.channel("Loud", bot_rights=Rights(can_post_messages=True))
    said = await refusal(api, "sendMessage", chat_id=quiet.id, text="x")
    assert said == "need administrator rights in the channel chat"
    answer = (await api.post("sendMessage", json={"chat_id": loud.id, "text": "x"})).json()["result"]
    assert answer["sender_chat"]["id"] == loud.id


async def test_a_business_message_is_in_the_owners_name(tg: Emulator, ann: User, bot: telegram.Bot) -> None:
    customer, connection = tg.user("Cem"), tg.business(ann)
    chat = connection.chat_with(customer)
    sent = await bot.send_message(customer.id, "We open at nine", business_connection_id=connection.id)
    assert (sent.from_user and sent.from_user.id, sent.sender_business_bot and sent.sender_business_bot.id) == (
        ann.id,
        tg.bot.id,
    )
    await bot.edit_message_text("At ten", customer.id, sent.message_id, business_connection_id=connection.id)
    assert [message.text for message in chat.messages] == ["At ten"]


async def test_a_business_account_lets_the_bot_do_what_it_says(tg: Emulator, ann: User, api: httpx.AsyncClient) -> None:
    customer, connection = tg.user("Cem"), tg.business(ann)
    message = await connection.chat_with(customer).post_text(customer, "open?")
    there = {"business_connection_id": connection.id}
    delete = {**there, "message_ids": [message.message_id]}
    assert await refusal(api, "deleteBusinessMessages", **delete) == "BUSINESS_CONNECTION_NOT_ALLOWED"
    connection.change(is_enabled=False)
    say = {**there, "chat_id": customer.id, "text": "x"}
    assert await refusal(api, "sendMessage", **say) == "BUSINESS_CONNECTION_NOT_ALLOWED"
    assert await refusal(api, "sendMessage", **{**say, "chat_id": 1}) == "BUSINESS_PEER_INVALID"
    assert (
        await refusal(api, "sendMessage", **{**say, "business_connection_id": "x"}) == "business connection not found"
    )


async def test_a_channels_direct_messages_are_answered_in_their_topic(
    tg: Emulator, ann: User, bot: telegram.Bot, api: httpx.AsyncClient
) -> None:
    chat = tg.direct_messages(tg.channel("News", bot_rights=Rights.full()))
    asked = await chat.post_text(ann, "hello")
    sent = await bot.send_message(chat.id, "hi", direct_messages_topic_id=ann.id)
    assert sent.direct_messages_topic is not None
    assert sent.direct_messages_topic.topic_id == ann.id
    reply = await bot.send_message(chat.id, "hi", reply_to_message_id=asked.message_id)
    assert reply.direct_messages_topic is not None
    assert "topic" in await refusal(api, "sendMessage", chat_id=chat.id, text="to whom?")


async def test_an_edit_puts_another_attachment_in_place(group: Chat, bot: telegram.Bot) -> None:
    sent = await bot.send_photo(group.id, PICTURE, caption="old", has_spoiler=True)
    edited = await bot.edit_message_media(InputMediaDocument(b"new", filename="b.txt"), group.id, sent.message_id)
    assert isinstance(edited, telegram.Message)
    shown = group.messages[0]
    assert (shown.kind, shown.data, shown.caption) == ("document", b"new", None)
    assert "has_media_spoiler" not in shown.content


async def test_a_forward_cannot_be_edited(group: Chat, ann: User, bot: telegram.Bot, api: httpx.AsyncClient) -> None:
    posted = await group.post_text(ann, "x")
    sent = await bot.forward_message(group.id, group.id, posted.message_id)
    said = await refusal(api, "editMessageText", chat_id=group.id, message_id=sent.message_id, text="y")
    assert said == "message can't be edited"


@pytest.mark.parametrize(
    ("method", "params", "description"),
    [
        ("sendLocation", {"latitude": 91, "longitude": 0}, "wrong location specified"),
        ("sendPoll", {"question": "x" * 301, "options": ["a", "b"]}, "poll question length must not exceed 300"),
        ("sendPoll", {"question": "x", "options": ["a"] * 13}, "poll must have at most 12 options"),
        ("sendPoll", {"question": "x", "options": ["a", 1]},
         "poll options must be non-empty and at most 100 characters long"),
        ("sendPoll", {"question": "x", "options": ["a", "b"], "type": "quiz"}, "wrong correct option ID specified"),
        ("sendPoll", {"question": "x", "options": ["a", "b"], "type": "exam"}, "unsupported poll type specified"),
        ("sendDice", {"emoji": "x"}, "wrong dice emoji specified"),
        ("sendChatAction", {"action": "sleep"}, "wrong parameter action in request"),
        ("setMessageReaction", {"message_id": 99}, "message to react not found"),
        ("sendPhoto", {"photo": "https://example.org/a.jpg"}, "failed to get HTTP URL content"),
    ],
)  # fmt: skip
async def test_other_things_that_telegram_refuses(
    group: Chat, api: httpx.AsyncClient, method: str, params: dict[str, Any], description: str
) -> None:
    assert await refusal(api, method, chat_id=group.id, **params) == description
    assert group.messages == []


async def test_a_poll_is_stopped_once(group: Chat, bot: telegram.Bot, api: httpx.AsyncClient) -> None:
    sent = await bot.send_poll(group.id, "Tea?", ["Yes", "No"], allows_multiple_answers=True)
    assert (await bot.stop_poll(group.id, sent.message_id)).is_closed is True
    again = await refusal(api, "stopPoll", chat_id=group.id, message_id=sent.message_id)
    assert again == "poll has already been closed"
