"""What people do in a chat, and how a test waits for what comes of it."""

from datetime import timedelta
from typing import Any

import pytest
import telegram

from emulator.received import message_in, received
from lazaretto.emulator import Chat, Emulator, Rights, User


def last(tg: Emulator, kind: str) -> dict[str, object]:
    found: dict[str, object] = tg.pending_updates[-1][kind]
    return found


async def test_any_field_may_be_posted_and_wins(tg: Emulator, group: Chat, ann: User) -> None:
    await group.post(ann, rich_message={"blocks": [tg.attach("document", b"x")]}, message_thread_id=7)
    shown = last(tg, "message")
    assert shown["message_thread_id"] == 7
    assert isinstance(shown["rich_message"], dict)
    assert shown["rich_message"]["blocks"][0]["document"]["file_size"] == 1
    fields: dict[str, Any] = {"from": {"id": 136817688}}
    await group.post(ann, text="x", **fields)
    assert last(tg, "message")["from"] == {"id": 136817688}


async def test_a_post_of_a_channel_has_no_person(tg: Emulator, group: Chat) -> None:
    await group.post(None, text="x", sender_chat={"id": -1, "type": "channel", "title": "News"})
    assert "from" not in last(tg, "message")


async def test_only_members_post(tg: Emulator, group: Chat) -> None:
    with pytest.raises(ValueError, match="Eve is not a member of <supergroup 'Chess club'"):
        await group.post_text(tg.user("Eve"), "hi")


async def test_people_come_and_go(tg: Emulator, group: Chat) -> None:
    ben = tg.user("Ben")
    joined = await group.join(ben)
    assert (joined.is_service, group.has(ben)) == (True, True)
    await group.leave(ben)
    assert not group.has(ben)
    assert last(tg, "message")["left_chat_member"] == ben.json()


async def test_a_reply_shows_one_level_only(tg: Emulator, group: Chat, ann: User) -> None:
    first = await group.post_text(ann, "1")
    second = await group.post_text(ann, "2", reply_to=first)
    await group.post_text(ann, "3", reply_to=second)
    shown = last(tg, "message")["reply_to_message"]
    assert isinstance(shown, dict)
    assert shown["text"] == "2"
    assert "reply_to_message" not in shown


async def test_an_edit_may_swap_the_file(tg: Emulator, group: Chat, ann: User) -> None:
    message = await group.post_document(ann, b"clean", caption="look")
    before = dict(message.document or {})
    await group.edit(message, caption=None, **tg.attach("document", b"other"))
    shown = last(tg, "edited_message")
    assert message.data == b"other"
    assert "caption" not in shown
    assert isinstance(shown["document"], dict)
    assert shown["document"]["file_unique_id"] != before["file_unique_id"]
    assert "edit_date" in shown


async def test_nobody_edits_what_is_gone_or_two_days_old(tg: Emulator, group: Chat, ann: User) -> None:
    gone, old = await group.post_text(ann, "one"), await group.post_text(ann, "two")
    await group.remove(gone)
    tg.advance(timedelta(hours=49))
    for message in (gone, old):
        with pytest.raises(ValueError, match="nobody can edit it"):
            await group.edit(message, text="three")


async def test_another_attachment_takes_the_place_of_all_of_the_old_one(tg: Emulator, group: Chat, ann: User) -> None:
    message = await group.post(ann, caption="look", **tg.attach("animation", b"clean"))
    await group.edit(message, **tg.attach("photo", b"other"))
    shown = last(tg, "edited_message")
    assert {"animation", "document"}.isdisjoint(shown)
    assert (message.kind, message.data, shown["caption"]) == ("photo", b"other", "look")


async def test_a_new_text_or_caption_gets_marks_of_its_own(tg: Emulator, group: Chat, ann: User) -> None:
    text = await group.post_text(ann, "see https://example.org")
    await group.edit(text, text="see /help")
    assert last(tg, "edited_message")["entities"] == [{"type": "bot_command", "offset": 4, "length": 5}]
    await group.edit(text, text="see nothing")
    assert "entities" not in last(tg, "edited_message")
    picture = await group.post_photo(ann, b"x", caption="see https://example.org")
    await group.edit(picture, caption="@lazaretto_demo_bot")
    shown = last(tg, "edited_message")
    assert shown["caption_entities"] == [{"type": "mention", "offset": 0, "length": 19}]


async def test_every_text_and_caption_gets_its_entities_unless_it_brings_some(
    tg: Emulator, group: Chat, ann: User
) -> None:
    await group.post(ann, caption="see /help", **tg.attach("video", b"data"))
    assert last(tg, "message")["caption_entities"] == [{"type": "bot_command", "offset": 4, "length": 5}]
    bold = [{"type": "bold", "offset": 0, "length": 3}]
    await group.post_text(ann, "see /help", entities=bold)
    assert last(tg, "message")["entities"] == bold


async def test_a_keyboard_is_edited_alone(tg: Emulator, group: Chat, ann: User) -> None:
    message = await group.post_document(ann, b"data", caption="see /help")
    before = dict(message.content)
    await group.edit(message, reply_markup={"inline_keyboard": []})
    assert message.content == {**before, "reply_markup": {"inline_keyboard": []}}


async def test_an_edit_in_a_private_chat_is_heard(tg: Emulator, ann: User, bot: telegram.Bot) -> None:
    private = tg.private(ann)
    posted = await private.post_text(ann, "one")
    await received(bot)
    await private.edit(posted, **tg.attach("video", b"data"))
    assert (await message_in(bot, "edited_message")).video is not None


async def test_a_message_appended_while_the_bot_was_away_is_not_heard_of(group: Chat, ann: User) -> None:
    message = group.append(ann, {"text": "long ago"})
    assert group.messages == [message]
    assert group.world.updates.pending == []


async def test_an_unparsable_update_stalls_the_library(tg: Emulator, group: Chat, ann: User, bot: telegram.Bot) -> None:
    await tg.inject_unparsable()
    await group.post_text(ann, "behind it")
    for _ in range(2):
        with pytest.raises(KeyError, match="date"):
            await bot.get_updates()
    assert len(tg.pending_updates) == 2


async def test_waiting_for_nothing_says_what_is_there(group: Chat, ann: User) -> None:
    await group.post_text(ann, "hello")
    with pytest.raises(TimeoutError, match=r"no such message came; .*'Ann: hello'"):
        await group.wait_for(lambda m: m.text == "bye", timeout=0)


async def test_a_private_chat_is_the_same_each_time(tg: Emulator, ann: User) -> None:
    assert tg.private(ann) is tg.private(ann)


async def test_ids_look_like_telegrams(tg: Emulator, group: Chat, ann: User) -> None:
    assert str(group.id).startswith("-100")
    assert tg.private(ann).id == ann.id
    assert tg.group("Second").id != group.id


async def test_an_account_may_have_a_given_id(tg: Emulator) -> None:
    assert tg.user("Group", username="GroupAnonymousBot", is_bot=True, user_id=1087968824).id == 1087968824
    with pytest.raises(ValueError, match="taken by Group"):
        tg.user("Again", user_id=1087968824)


def test_full_rights_are_every_right_in_ones_own_name() -> None:
    full = Rights.full()
    assert full.can_delete_messages
    assert full.can_promote_members
    assert not full.is_anonymous
