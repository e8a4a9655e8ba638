"""Business accounts that the bot is connected to, and chats that it is called into as a guest."""

from __future__ import annotations

import pytest
import telegram

from emulator.received import message_in, received
from lazaretto.emulator import BusinessConnection, BusinessRights, Chat, Emulator, User


@pytest.fixture
def owner(tg: Emulator) -> User:
    return tg.user("Olga")


@pytest.fixture
async def connection(tg: Emulator, owner: User, bot: telegram.Bot) -> BusinessConnection:
    """One of which the bot has heard."""
    connected = tg.business(owner)
    await received(bot)
    return connected


@pytest.fixture
def chat(connection: BusinessConnection, ann: User) -> Chat:
    return connection.chat_with(ann)


async def test_the_bot_is_told_of_a_connection_and_its_rights(tg: Emulator, owner: User, bot: telegram.Bot) -> None:
    connected = tg.business(owner, BusinessRights(can_reply=True, can_delete_all_messages=True))
    (update,) = await received(bot)
    told = update.business_connection
    assert told is not None
    assert (told.id, told.user.id, told.user_chat_id, told.is_enabled) == (connected.id, owner.id, owner.id, True)
    assert told.rights == telegram.BusinessBotRights(can_reply=True, can_delete_all_messages=True)


async def test_the_bot_is_told_when_it_changes(connection: BusinessConnection, bot: telegram.Bot) -> None:
    connection.change(rights=BusinessRights())
    connection.change(is_enabled=False)
    first, second = [update.business_connection for update in await received(bot)]
    assert first is not None
    assert second is not None
    assert first.rights == telegram.BusinessBotRights()
    assert (first.is_enabled, second.is_enabled) == (True, False)


async def test_both_sides_of_a_chat_are_heard(
    connection: BusinessConnection, chat: Chat, owner: User, ann: User, bot: telegram.Bot
) -> None:
    await chat.post_document(ann, b"data", name="order.pdf")
    await chat.post_text(owner, "thank you")
    first, second = [update.business_message for update in await received(bot)]
    assert first is not None
    assert second is not None
    assert first.document is not None
    assert {first.business_connection_id, second.business_connection_id} == {connection.id}
    assert first.chat == second.chat == telegram.Chat(ann.id, "private")


async def test_an_edit_is_an_update_of_its_own_type(tg: Emulator, chat: Chat, ann: User, bot: telegram.Bot) -> None:
    posted = await chat.post_text(ann, "two")
    await received(bot)
    await chat.edit(posted, **tg.attach("photo", b"data"))
    message = await message_in(bot, "edited_business_message")
    assert (bool(message.photo), message.text) == (True, None)


async def test_deletions_are_told(connection: BusinessConnection, chat: Chat, ann: User, bot: telegram.Bot) -> None:
    posted = [await chat.post_text(ann, text) for text in ("one", "two")]
    await received(bot)
    await chat.remove(*posted)
    (update,) = await received(bot)
    told = update.deleted_business_messages
    assert told is not None
    assert told.business_connection_id == connection.id
    assert told.message_ids == tuple(message.message_id for message in posted)


async def test_a_business_chat_is_not_the_chat_with_the_bot(tg: Emulator, chat: Chat, ann: User) -> None:
    private = tg.private(ann)
    await chat.post_text(ann, "to Olga")
    assert (private.id, private.messages) == (chat.id, [])


async def test_a_chat_with_a_customer_is_the_same_each_time(
    connection: BusinessConnection, chat: Chat, ann: User
) -> None:
    assert connection.chat_with(ann) is chat


async def test_a_disconnected_bot_hears_nothing(
    connection: BusinessConnection, chat: Chat, ann: User, bot: telegram.Bot
) -> None:
    connection.change(is_enabled=False)
    await received(bot)
    await chat.remove(await chat.post_text(ann, "private"))
    assert await received(bot) == []


async def test_the_bot_does_not_hear_what_it_says_for_the_owner(
    connection: BusinessConnection, chat: Chat, owner: User, bot: telegram.Bot
) -> None:
    await bot.send_message(chat.id, "we are closed", business_connection_id=connection.id)
    assert await received(bot) == []
    assert [(message.sender, message.text) for message in chat.messages] == [(owner, "we are closed")]


# -- guests ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def strange(tg: Emulator, ann: User) -> Chat:
    """A group that the bot is not in."""
    return tg.group("Elsewhere", members=[ann], with_bot=False)


async def test_a_guest_is_called_into_a_chat_that_it_is_not_in(
    tg: Emulator, strange: Chat, ann: User, bot: telegram.Bot
) -> None:
    await strange.summon(ann, "@lazaretto_demo_bot is this safe?", **tg.attach("document", b"data"))
    message = await message_in(bot, "guest_message")
    assert message.guest_query_id
    assert (message.chat.id, message.document is not None) == (strange.id, True)


async def test_a_guest_answers_once(tg: Emulator, strange: Chat, ann: User, bot: telegram.Bot) -> None:
    asked = await strange.summon(ann, "@lazaretto_demo_bot is this safe?")
    query = str((await message_in(bot, "guest_message")).guest_query_id)
    said = telegram.InputTextMessageContent("<b>No</b>", parse_mode="HTML")
    answer = telegram.InlineQueryResultArticle("1", "Answer", said)
    assert (await bot.answer_guest_query(query, answer)).inline_message_id
    posted = strange.messages[-1]
    assert (posted.sender, posted.text, posted.reply_to) == (tg.bot, "No", asked)
    with pytest.raises(telegram.error.BadRequest, match="Query is too old"):
        await bot.answer_guest_query(query, answer)


async def test_a_guests_answer_is_a_text(strange: Chat, ann: User, bot: telegram.Bot) -> None:
    await strange.summon(ann, "@lazaretto_demo_bot show me")
    query = str((await message_in(bot, "guest_message")).guest_query_id)
    with pytest.raises(telegram.error.BadRequest, match="this emulator reads texts only"):
        await bot.answer_guest_query(query, telegram.InlineQueryResultCachedPhoto("1", "x"))


async def test_the_account_says_whether_it_is_connected(tg: Emulator, ann: User, bot: telegram.Bot) -> None:
    assert not (await bot.get_me()).can_connect_to_business
    tg.business(ann)
    assert (await bot.get_me()).can_connect_to_business


async def test_a_guest_hears_nothing_else(strange: Chat, ann: User, bot: telegram.Bot) -> None:
    await strange.post_text(ann, "hello")
    assert await received(bot) == []
    with pytest.raises(telegram.error.Forbidden, match="not a member"):
        await bot.send_message(strange.id, "hello")


async def test_a_member_is_no_guest(group: Chat, ann: User) -> None:
    with pytest.raises(ValueError, match="and no guest"):
        await group.summon(ann, "hello")
