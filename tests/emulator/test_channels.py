"""Channels: their posts, the copies in a discussion group, and what people write to them directly."""

from __future__ import annotations

import pytest
import telegram

from emulator.received import message_in, received
from lazaretto.emulator import Chat, Emulator, Rights, User


@pytest.fixture
def eve(tg: Emulator) -> User:
    return tg.user("Eve")


@pytest.fixture
def channel(tg: Emulator, mod: User, eve: User) -> Chat:
    """With no discussion group."""
    return tg.channel("Chess news", admins=[mod], subscribers=[eve])


@pytest.fixture
def linked(tg: Emulator, group: Chat, mod: User) -> Chat:
    """A channel whose posts are discussed in `group`."""
    return tg.channel("Chess news", admins=[mod], discussion=group)


async def test_a_post_is_the_channels_own(channel: Chat, mod: User, bot: telegram.Bot) -> None:
    await channel.post_text(mod, "checkmate", author_signature="Mod")
    post = await message_in(bot, "channel_post")
    assert (post.from_user, post.sender_chat) == (None, telegram.Chat(channel.id, "channel", "Chess news"))
    assert (post.chat.type, post.author_signature, post.text) == ("channel", "Mod", "checkmate")


async def test_an_edited_post_is_an_update_of_its_own_type(channel: Chat, mod: User, bot: telegram.Bot) -> None:
    posted = await channel.post_text(mod, "chekmate")
    await received(bot)
    await channel.edit(posted, text="checkmate")
    assert (await message_in(bot, "edited_channel_post")).text == "checkmate"


async def test_a_subscriber_cannot_post(channel: Chat, eve: User) -> None:
    with pytest.raises(ValueError, match="only administrators post in a channel"):
        await channel.post_text(eve, "me too")


async def test_an_administrator_without_the_right_cannot_post(tg: Emulator, mod: User) -> None:
    channel = tg.channel("News", admins={mod: Rights(can_edit_messages=True)})
    with pytest.raises(ValueError, match="only administrators post in a channel"):
        await channel.post_text(mod, "hello")


async def test_a_bot_in_a_channel_is_an_administrator(tg: Emulator, channel: Chat, bot: telegram.Bot) -> None:
    member = await bot.get_chat_member(channel.id, tg.bot.id)
    assert isinstance(member, telegram.ChatMemberAdministrator)


async def test_a_channel_without_the_bot_is_silent(tg: Emulator, mod: User, bot: telegram.Bot) -> None:
    channel = tg.channel("Elsewhere", admins=[mod], with_bot=False)
    await channel.post_text(mod, "unheard")
    assert await received(bot) == []


async def test_what_the_bot_posts_is_the_channels_too(channel: Chat, bot: telegram.Bot) -> None:
    channel.set_bot_rights(Rights(can_post_messages=True))
    sent = await bot.send_message(channel.id, "hello")
    assert (sent.from_user, sent.sender_chat and sent.sender_chat.id) == (None, channel.id)


async def test_a_post_appears_in_the_discussion_group_as_well(
    tg: Emulator, group: Chat, linked: Chat, mod: User, bot: telegram.Bot
) -> None:
    posted = await linked.post(mod, **tg.attach("document", b"data", name="a.pdf"), caption="read")
    first, second = await received(bot)
    post, copy = first.channel_post, second.message
    assert post is not None
    assert copy is not None
    assert copy.from_user is not None
    assert (copy.from_user.id, copy.from_user.first_name, copy.from_user.is_bot) == (777000, "Telegram", False)
    assert (copy.chat.id, copy.sender_chat, copy.is_automatic_forward) == (group.id, post.chat, True)
    origin = copy.forward_origin
    assert isinstance(origin, telegram.MessageOriginChannel)
    assert (origin.chat.id, origin.message_id) == (linked.id, posted.message_id)
    assert post.document is not None
    assert copy.document is not None
    assert (copy.caption, copy.document.file_unique_id) == ("read", post.document.file_unique_id)
    assert copy.document.file_id != post.document.file_id


async def test_what_the_bot_posts_appears_in_the_discussion_group(group: Chat, linked: Chat, bot: telegram.Bot) -> None:
    linked.set_bot_rights(Rights(can_post_messages=True))
    await received(bot)
    await bot.send_message(linked.id, "hello")
    assert (await message_in(bot)).is_automatic_forward
    assert [message.text for message in group.messages] == ["hello"]


@pytest.mark.parametrize("follow", [False, True], ids=["stays", "follows"])
async def test_the_copy_of_a_post_that_is_edited_does_what_the_test_chose(
    tg: Emulator, group: Chat, mod: User, bot: telegram.Bot, follow: bool
) -> None:
    """What Telegram does is not proved."""
    linked = tg.channel("Chess news", admins=[mod], discussion=group, copies_follow=follow)
    await linked.post_text(mod, "another one")
    album = await linked.post_album(mod, [tg.attach("photo", b"1"), tg.attach("photo", b"2")], caption="chekmate")
    before = group.messages[1].content
    await received(bot)
    await linked.edit(album[0], caption="checkmate", **tg.attach("photo", b"3"))
    updates = await received(bot)
    edited = [update.edited_message for update in updates if update.edited_message]
    assert sum(update.edited_channel_post is not None for update in updates) == 1
    assert [message.caption for message in edited] == ["checkmate"] * follow
    copy = group.messages[1]
    assert (copy.caption, copy.data) == (("checkmate", b"3") if follow else ("chekmate", b"1"))
    assert copy.content["media_group_id"] == before["media_group_id"]
    assert copy.content["is_automatic_forward"]


async def test_an_album_is_copied_as_an_album_of_its_own(
    tg: Emulator, linked: Chat, mod: User, bot: telegram.Bot
) -> None:
    await linked.post_album(mod, [tg.attach("photo", b"1"), tg.attach("photo", b"2")])
    updates = await received(bot)
    posts = {update.channel_post.media_group_id for update in updates if update.channel_post}
    copies = {update.message.media_group_id for update in updates if update.message}
    assert (len(updates), len(posts), len(copies)) == (4, 1, 1)
    assert posts.isdisjoint(copies)


async def test_a_bot_that_is_in_the_group_only_sees_the_copy(
    tg: Emulator, group: Chat, mod: User, bot: telegram.Bot
) -> None:
    channel = tg.channel("Elsewhere", admins=[mod], discussion=group, with_bot=False)
    await channel.post_text(mod, "hello")
    assert (await message_in(bot)).text == "hello"


async def test_privacy_mode_hides_the_copy_from_a_plain_member(tg: Emulator, mod: User, bot: telegram.Bot) -> None:
    channel = tg.channel("Elsewhere", admins=[mod], discussion=tg.group("Plain"), with_bot=False)
    await channel.post_text(mod, "hello")
    assert await received(bot) == []


async def test_each_names_the_other(group: Chat, linked: Chat, bot: telegram.Bot) -> None:
    assert (await bot.get_chat(linked.id)).linked_chat_id == group.id
    assert (await bot.get_chat(group.id)).linked_chat_id == linked.id


def test_a_group_has_one_channel(tg: Emulator, group: Chat, linked: Chat) -> None:
    with pytest.raises(ValueError, match="no supergroup that has no channel yet"):
        tg.channel("Second", discussion=group)


# -- direct messages -------------------------------------------------------------------------------------------------


@pytest.fixture
def direct(tg: Emulator, channel: Chat) -> Chat:
    return tg.direct_messages(channel)


async def test_anybody_writes_to_a_channel_in_a_topic_of_their_own(direct: Chat, ann: User, bot: telegram.Bot) -> None:
    await direct.post_text(ann, "hello")
    message = await message_in(bot)
    assert message.chat.is_direct_messages
    assert message.direct_messages_topic is not None
    assert message.direct_messages_topic.user == message.from_user


async def test_an_answer_goes_into_the_topic_of_the_question(
    direct: Chat, ann: User, mod: User, bot: telegram.Bot
) -> None:
    asked = await direct.post_text(ann, "hello?")
    await received(bot)
    await direct.post_text(mod, "hello!", reply_to=asked)
    answer = await message_in(bot)
    assert answer.direct_messages_topic is not None
    assert answer.direct_messages_topic.topic_id == ann.id


async def test_a_post_is_suggested_with_a_price(tg: Emulator, direct: Chat, ann: User, bot: telegram.Bot) -> None:
    await direct.suggest_post(ann, stars=50, send_date=1_900_000_000, **tg.attach("photo", b"x"))
    message = await message_in(bot)
    assert message.photo
    info = message.suggested_post_info
    assert info is not None
    assert info.price == telegram.SuggestedPostPrice("XTR", 50)
    assert (info.state, info.send_date is not None) == ("pending", True)


async def test_posts_are_suggested_to_channels_only(group: Chat, ann: User) -> None:
    with pytest.raises(ValueError, match="not the direct messages of a channel"):
        await group.suggest_post(ann, text="x")


def test_only_channels_have_direct_messages(tg: Emulator, group: Chat) -> None:
    with pytest.raises(ValueError, match="no channel and has no direct messages"):
        tg.direct_messages(group)
