"""Sending: texts, captions, files both ways, keyboards, replies, copies, and every refusal."""

from typing import Any

import httpx
import pytest
import telegram
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputFile

from lazaretto.emulator import Chat, Emulator, User
from lazaretto.emulator.files.local_folder import UPLOAD_LIMIT
from lazaretto.emulator.files.store import KINDS

NO_ENTITY = "can't parse MessageEntity: expected an Object with type, offset and length"
NO_KEYBOARD = "can't parse inline keyboard: expected an Array of Arrays of buttons"


async def refusal(api: httpx.AsyncClient, method: str, **params: Any) -> tuple[int, str]:
    answer = await api.post(method, json=params)
    body = answer.json()
    assert body["ok"] is False
    assert body["error_code"] == answer.status_code
    return answer.status_code, body["description"]


async def test_a_text_is_shown_to_the_group(tg: Emulator, group: Chat, bot: telegram.Bot) -> None:
    sent = await bot.send_message(group.id, "<b>Held</b>: a &lt; b", parse_mode="HTML", protect_content=True)
    shown = group.messages[-1]
    assert (shown.sender, shown.text, shown.message_id) == (tg.bot, "Held: a < b", sent.message_id)
    assert [(e.type, e.offset, e.length) for e in sent.entities] == [("bold", 0, 4)]
    assert sent.has_protected_content is True


async def test_sent_twice_is_posted_twice(group: Chat, bot: telegram.Bot) -> None:
    await bot.send_message(group.id, "again")
    await bot.send_message(group.id, "again")
    assert [message.text for message in group.messages] == ["again", "again"]


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({}, "message text is empty"),
        ({"text": "  \n"}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "</b>", "parse_mode": "HTML"}, "can't parse entities: Unexpected end tag at byte offset 0"),
        ({"text": "x", "parse_mode": "Markdown"}, "unsupported parse_mode (this emulator reads HTML only)"),
        ({"text": {"x": 1}}, 'field "text" must be of type String'),
        ({"text": "x", "entities": "bold"}, 'can\'t parse "entities" JSON array'),
        ({"text": "x", "entities": [{"type": "bold"}]}, NO_ENTITY),
        ({"text": "x", "reply_markup": {"inline_keyboard": [1]}}, NO_KEYBOARD),
        ({"text": "x", "reply_markup": "{"}, 'can\'t parse "reply_markup" JSON object'),
        ({"text": "x", "reply_parameters": {"message_id": 99}}, "message to be replied not found"),
        ({"text": "x", "reply_parameters": {"message_id": "a"}}, "message to be replied not found"),
    ],
)  # fmt: skip
async def test_texts_that_telegram_refuses(
    group: Chat, api: httpx.AsyncClient, params: dict[str, Any], description: str
) -> None:
    assert await refusal(api, "sendMessage", chat_id=group.id, **params) == (400, f"Bad Request: {description}")
    assert group.messages == []


async def test_the_longest_text_is_counted_after_parsing(group: Chat, bot: telegram.Bot) -> None:
    await bot.send_message(group.id, f"<b>{'x' * 4096}</b>", parse_mode="HTML")
    assert len(group.messages[-1].text or "") == 4096


@pytest.mark.parametrize(
    ("button", "description"),
    [
        ({"text": "x", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({"text": "", "callback_data": "a"}, "can't parse inline keyboard button: button text must be non-empty"),
        ({"text": "x"}, "Text buttons are unallowed in the inline keyboard"),
        ({"text": "x", "callback_data": "a", "url": "a.b"}, "Text buttons are unallowed in the inline keyboard"),
    ],
)  # fmt: skip
async def test_buttons_that_telegram_refuses(
    group: Chat, api: httpx.AsyncClient, button: dict[str, str], description: str
) -> None:
    keyboard = {"inline_keyboard": [[button]]}
    refused = await refusal(api, "sendMessage", chat_id=group.id, text="x", reply_markup=keyboard)
    assert refused == (400, f"Bad Request: {description}")


async def test_a_keyboard_is_stored_and_returned(group: Chat, bot: telegram.Bot) -> None:
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Release", callback_data="x" * 64)]])
    sent = await bot.send_message(group.id, "card", reply_markup=keyboard)
    assert sent.reply_markup == keyboard
    assert group.messages[-1].buttons == ["Release"]
    assert group.messages[-1].reply_markup == keyboard.to_dict()


async def test_a_reply_shows_what_it_answers(group: Chat, ann: User, bot: telegram.Bot) -> None:
    question = await group.post_text(ann, "why?")
    sent = await bot.send_message(group.id, "because", reply_to_message_id=question.message_id)
    assert sent.reply_to_message is not None
    assert sent.reply_to_message.text == "why?"
    assert group.messages[-1].reply_to is question


async def test_a_reply_to_nothing_may_be_allowed(group: Chat, bot: telegram.Bot) -> None:
    sent = await bot.send_message(group.id, "x", reply_to_message_id=99, allow_sending_without_reply=True)
    assert sent.reply_to_message is None


async def test_an_uploaded_document_arrives_byte_for_byte(group: Chat, bot: telegram.Bot) -> None:
    data = bytes(range(256)) * 5000
    sent = await bot.send_document(group.id, data, filename="a b.bin", caption="<i>new</i>", parse_mode="HTML")
    shown = group.messages[-1]
    assert shown.data == data
    assert shown.caption == "new"
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.file_size) == ("a b.bin", len(data))
    assert bytes(await (await sent.document.get_file()).download_as_bytearray()) == data


async def test_an_attachment_may_be_named_by_attach(group: Chat, api: httpx.AsyncClient) -> None:
    form = {"chat_id": str(group.id), "document": "attach://part"}
    answer = await api.post("sendDocument", data=form, files={"part": ("n.txt", b"text", "text/plain")})
    assert answer.json()["result"]["document"]["mime_type"] == "text/plain"
    assert group.messages[-1].data == b"text"


async def test_python_telegram_bot_attaches_by_reference(group: Chat, bot: telegram.Bot) -> None:
    await bot.send_document(group.id, InputFile(b"text", filename="n.txt", attach=True))
    assert group.messages[-1].data == b"text"


async def test_sent_again_by_file_id_it_is_the_same_file_under_a_new_id(
    group: Chat, ann: User, bot: telegram.Bot
) -> None:
    posted = await group.post_document(ann, b"%PDF-1.7", name="a.pdf", mime="application/pdf")
    assert posted.document is not None
    await group.remove(posted)
    sent = await bot.send_document(group.id, posted.document["file_id"])
    assert sent.document is not None
    assert sent.document.file_id != posted.document["file_id"]
    assert sent.document.file_unique_id == posted.document["file_unique_id"]
    assert (sent.document.file_name, sent.document.mime_type) == ("a.pdf", "application/pdf")
    assert group.messages[-1].data == b"%PDF-1.7"


async def test_the_same_bytes_uploaded_twice_are_two_files(group: Chat, bot: telegram.Bot) -> None:
    one, two = [(await bot.send_document(group.id, b"same")).document for _ in range(2)]
    assert one is not None
    assert two is not None
    assert one.file_unique_id != two.file_unique_id


async def test_a_photo_sent_by_any_of_its_sizes_is_the_whole_photo(group: Chat, ann: User, bot: telegram.Bot) -> None:
    posted = await group.post_photo(ann, b"\xff\xd8 picture", caption="me")
    assert posted.photo is not None
    sent = await bot.send_photo(group.id, posted.photo[0]["file_id"])
    assert len(sent.photo) == 3
    assert sent.photo[-1].file_unique_id == posted.photo[-1]["file_unique_id"]


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_every_kind_is_accepted_by_python_telegram_bot_both_ways(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot, kind: str
) -> None:
    posted = await group.post(ann, **tg.attach(kind, b"data", name="n.bin", mime="a/b"))
    update = (await bot.get_updates())[0]
    assert update.message is not None
    assert update.message.effective_attachment is not None
    beside = [b"still"] if KINDS[kind].beside else []
    sent = await getattr(bot, f"send_{kind}")(group.id, b"answer", *beside)
    assert getattr(sent, kind)
    assert (posted.data, group.messages[-1].data) == (b"data", b"answer")


async def test_an_animation_is_a_document_too(tg: Emulator, group: Chat, ann: User) -> None:
    posted = await group.post(ann, **tg.attach("animation", b"data"))
    assert posted.kind == "animation"
    assert posted.document is not None
    assert posted.document["file_id"] == posted.content["animation"]["file_id"]


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({}, "there is no document in the request"),
        ({"document": "nonsense"}, "wrong remote file identifier specified: can't unserialize it"),
        ({"document": "attach://absent"}, "can't parse InputFile: file \"absent\" isn't found in the request"),
        ({"document": "x", "caption": "x" * 1025}, "message caption is too long"),
    ],
)
async def test_documents_that_telegram_refuses(
    group: Chat, api: httpx.AsyncClient, params: dict[str, str], description: str
) -> None:
    assert await refusal(api, "sendDocument", chat_id=group.id, **params) == (400, f"Bad Request: {description}")


async def test_an_empty_file_is_refused(group: Chat, api: httpx.AsyncClient) -> None:
    answer = await api.post("sendDocument", data={"chat_id": str(group.id)}, files={"document": ("a", b"")})
    assert answer.json()["description"] == "Bad Request: file must be non-empty"


async def test_a_file_over_the_upload_limit_is_refused(group: Chat, api: httpx.AsyncClient) -> None:
    form = {"chat_id": str(group.id)}
    answer = await api.post("sendDocument", data=form, files={"document": ("a", bytes(UPLOAD_LIMIT + 1))})
    assert answer.status_code == 413
    assert group.messages == []


async def test_a_bot_declares_what_its_upload_is(group: Chat, bot: telegram.Bot) -> None:
    video = (await bot.send_video(group.id, b"x", width=16, height=9, duration=5, has_spoiler=True)).video
    audio = (await bot.send_audio(group.id, b"x", performer="Ann", title="Song")).audio
    assert video is not None
    assert audio is not None
    assert (video.width, video.height) == (16, 9)
    assert (audio.performer, audio.title) == ("Ann", "Song")
    assert group.messages[0].content["has_media_spoiler"] is True


async def test_a_message_goes_to_its_thread(group: Chat, ann: User, bot: telegram.Bot) -> None:
    root = await group.post_text(ann, "Who brings the clocks?")
    reply = await group.post_text(ann, "Nobody?", reply_to=root)
    for named in (root, reply):
        sent = await bot.send_message(group.id, "I do.", message_thread_id=named.message_id)
        assert (sent.message_thread_id, sent.is_topic_message) == (root.message_id, None)


async def test_a_thread_that_is_not_there_is_refused(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    private = tg.private(ann)
    await private.post_text(ann, "hello")
    for chat_id, thread in ((group.id, 7), (private.id, 1)):
        answer = await refusal(api, "sendMessage", chat_id=chat_id, text="x", message_thread_id=thread)
        assert answer == (400, "Bad Request: message thread not found")


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"reply_parameters": {"quote": "x"}}, 'can\'t find field "message_id"'),
        (
            {"entities": [{"type": "bold", "offset": 1, "length": 4}]},
            "entity beginning at UTF-16 offset 1 ends after the end of the text at byte offset 6",
        ),
        (
            {"entities": [{"type": "bold", "offset": -1, "length": 1}]},
            "entity beginning at UTF-16 offset -1 ends after the end of the text at byte offset 6",
        ),
    ],
)
async def test_replies_and_marks_that_telegram_refuses(
    group: Chat, api: httpx.AsyncClient, params: dict[str, Any], description: str
) -> None:
    said = {"chat_id": group.id, "text": "x \N{ROCKET}", **params}
    assert await refusal(api, "sendMessage", **said) == (400, f"Bad Request: {description}")


async def test_a_live_photo_is_sent_again_by_its_two_ids(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot, api: httpx.AsyncClient
) -> None:
    posted = await group.post(ann, **tg.attach("live_photo", b"wave", photo=b"still"))
    video, photo = posted.content["live_photo"], posted.content["photo"][-1]
    sent = await bot.send_live_photo(group.id, video["file_id"], photo["file_id"])
    assert sent.live_photo is not None
    assert (sent.live_photo.file_unique_id, sent.photo[-1].file_unique_id) == (
        video["file_unique_id"],
        photo["file_unique_id"],
    )
    assert sent.live_photo.photo == sent.photo
    answer = await refusal(api, "sendPhoto", chat_id=group.id, photo=video["file_id"])
    assert answer == (400, "Bad Request: can't use file of type LivePhoto as Photo")


async def test_entities_may_be_given_instead_of_a_parse_mode(group: Chat, bot: telegram.Bot) -> None:
    given = telegram.MessageEntity("bold", 0, 1)
    assert (await bot.send_message(group.id, "x y", entities=[given])).entities == (given,)


async def test_a_chat_action_is_accepted_and_shows_nothing(group: Chat, bot: telegram.Bot) -> None:
    assert await bot.send_chat_action(group.id, "typing")
    assert group.messages == []


async def test_a_photo_cannot_be_sent_as_a_document(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    photo = (await group.post_photo(ann, b"x")).photo or []
    refused = await refusal(api, "sendDocument", chat_id=group.id, document=photo[0]["file_id"])
    assert refused == (400, "Bad Request: can't use file of type Photo as Document")


async def test_a_copy_is_the_bots_own_message(tg: Emulator, group: Chat, ann: User, bot: telegram.Bot) -> None:
    posted = await group.post_document(ann, b"x", name="a.txt", caption="mine")
    await bot.copy_message(group.id, group.id, posted.message_id)
    await bot.copy_message(group.id, group.id, posted.message_id, caption="ours")
    first, second = group.messages[1:]
    assert (first.sender, first.caption, first.data) == (tg.bot, "mine", b"x")
    assert second.caption == "ours"
    assert first.document is not None
    assert posted.document is not None
    assert first.document["file_id"] != posted.document["file_id"]
    assert first.document["file_unique_id"] == posted.document["file_unique_id"]


async def test_what_cannot_be_copied(group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    protected = await group.post_text(ann, "x", has_protected_content=True)
    service = await group.post(ann, new_chat_title="Draughts")
    for number, description in (
        (protected.message_id, "message can't be copied"),
        (service.message_id, "message can't be copied"),
        (99, "message to copy not found"),
    ):
        refused = await refusal(api, "copyMessage", chat_id=group.id, from_chat_id=group.id, message_id=number)
        assert refused == (400, f"Bad Request: {description}")


async def test_chats_that_a_bot_cannot_write_to(tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient) -> None:
    stranger = tg.user("Stranger")
    private = tg.private(ann)
    private.remove_bot()
    group.remove_bot()
    left = tg.group("Left")
    await api.post("leaveChat", json={"chat_id": left.id})
    expected = {
        None: (400, "Bad Request: chat_id is empty"),
        12345: (400, "Bad Request: chat not found"),
        "@nobody": (400, "Bad Request: chat not found"),
        stranger.id: (403, "Forbidden: bot can't initiate conversation with a user"),
        ann.id: (403, "Forbidden: bot was blocked by the user"),
        group.id: (403, "Forbidden: bot was kicked from the supergroup chat"),
        left.id: (403, "Forbidden: bot is not a member of the supergroup chat"),
    }
    for chat_id, refused in expected.items():
        assert await refusal(api, "sendMessage", chat_id=chat_id, text="x") == refused


async def test_a_public_group_is_found_by_its_username(tg: Emulator, bot: telegram.Bot) -> None:
    club = tg.group("Open club", username="OpenClub")
    await bot.send_message("@openclub", "hello")
    assert club.messages[-1].text == "hello"
