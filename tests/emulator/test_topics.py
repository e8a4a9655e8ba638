"""Topics of a forum, as people use them."""

from __future__ import annotations

import pytest
import telegram

from emulator.received import message_in, received
from lazaretto.emulator import Chat, Emulator, Rights, Topic, User


@pytest.fixture
def forum(tg: Emulator, ann: User, mod: User) -> Chat:
    return tg.group("Chess club", members=[ann], admins=[mod], bot_rights=Rights(), forum=True)


@pytest.fixture
async def openings(forum: Chat, mod: User, bot: telegram.Bot) -> Topic:
    """A topic whose opening the bot has heard of."""
    topic = forum.open_topic("Openings", mod)
    await received(bot)
    return topic


async def test_a_new_topic_is_named_after_the_message_that_opens_it(forum: Chat, mod: User, bot: telegram.Bot) -> None:
    topic = forum.open_topic("Openings", mod, icon_color=0xFFD67E)
    message = await message_in(bot)
    assert message.forum_topic_created == telegram.ForumTopicCreated("Openings", 0xFFD67E)
    assert (message.message_id, message.message_thread_id) == (topic.thread_id, topic.thread_id)
    assert (message.is_topic_message, message.chat.is_forum) == (True, True)
    assert forum.topics == {topic.thread_id: topic}


async def test_a_message_in_a_topic_replies_to_its_beginning(
    forum: Chat, openings: Topic, ann: User, bot: telegram.Bot
) -> None:
    await forum.post_text(ann, "e4", topic=openings)
    message = await message_in(bot)
    assert (message.message_thread_id, message.is_topic_message) == (openings.thread_id, True)
    assert message.reply_to_message is not None
    assert message.reply_to_message.forum_topic_created is not None


async def test_a_reply_stays_in_its_topic(forum: Chat, openings: Topic, ann: User, bot: telegram.Bot) -> None:
    first = await forum.post_text(ann, "e4", topic=openings)
    await received(bot)
    await forum.post_text(ann, "e5", reply_to=first)
    message = await message_in(bot)
    assert message.message_thread_id == openings.thread_id
    assert message.reply_to_message is not None
    assert message.reply_to_message.text == "e4"


async def test_general_carries_no_thread(forum: Chat, openings: Topic, ann: User, bot: telegram.Bot) -> None:
    await forum.post_text(ann, "hello")
    message = await message_in(bot)
    assert (message.message_thread_id, message.is_topic_message, message.reply_to_message) == (None, None, None)


async def test_what_happens_to_a_topic_is_told_in_it(
    forum: Chat, openings: Topic, mod: User, bot: telegram.Bot
) -> None:
    forum.close_topic(openings, mod)
    forum.reopen_topic(openings, mod)
    forum.edit_topic(openings, mod, name="Gambits", icon_custom_emoji_id="5")
    messages = [update.message for update in await received(bot)]
    events = [(m.forum_topic_closed, m.forum_topic_reopened, m.forum_topic_edited) for m in messages if m is not None]
    assert [[event is not None for event in told] for told in events] == [
        [True, False, False],
        [False, True, False],
        [False, False, True],
    ]
    assert events[2][2] == telegram.ForumTopicEdited("Gambits", "5")
    assert {message.message_thread_id for message in messages if message} == {openings.thread_id}
    assert openings.name == "Gambits"


async def test_only_administrators_post_in_a_closed_topic(forum: Chat, openings: Topic, ann: User, mod: User) -> None:
    forum.close_topic(openings, mod)
    last = await forum.post_text(mod, "the last word", topic=openings)
    with pytest.raises(ValueError, match=r"topic 'Openings' .* is closed"):
        await forum.post_text(ann, "but", topic=openings)
    with pytest.raises(ValueError, match=r"topic 'Openings' .* is closed"):
        await forum.post_text(ann, "but", reply_to=last)
    forum.reopen_topic(openings, mod)
    await forum.post_text(ann, "now", topic=openings)


async def test_a_deleted_topic_goes_with_its_messages(forum: Chat, openings: Topic, ann: User) -> None:
    inside = await forum.post_text(ann, "e4", topic=openings)
    outside = await forum.post_text(ann, "hello")
    forum.delete_topic(openings)
    assert (inside.deleted, forum.messages, forum.topics) == (True, [outside], {})


async def test_general_may_be_hidden_and_shown(forum: Chat, ann: User, mod: User, bot: telegram.Bot) -> None:
    forum.hide_general(mod)
    with pytest.raises(ValueError, match=r"topic 'General' .* is closed"):
        await forum.post_text(ann, "hello")
    forum.show_general(mod)
    forum.reopen_topic(forum.general, mod)
    await forum.post_text(ann, "hello")
    messages = [update.message for update in await received(bot)]
    assert [m.message_thread_id for m in messages if m is not None] == [None] * 4
    assert messages[0] is not None
    assert messages[0].general_forum_topic_hidden is not None
    assert messages[1] is not None
    assert messages[1].general_forum_topic_unhidden is not None


async def test_a_reply_in_an_ordinary_group_is_in_the_thread_of_what_began_it(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot
) -> None:
    root = await group.post_text(ann, "Who brings the clocks?")
    first = await group.post_text(ann, "I do.", reply_to=root)
    await group.post_text(ann, "Good.", reply_to=first)
    seen = [update.message for update in await received(bot)]
    assert [m and (m.message_thread_id, m.is_topic_message) for m in seen] == [
        (None, None),
        (root.message_id, None),
        (root.message_id, None),
    ]
    private = tg.private(ann)
    await private.post_text(ann, "And you?", reply_to=await private.post_text(ann, "Hello"))
    assert [update.message and update.message.message_thread_id for update in await received(bot)] == [None, None]


async def test_an_ordinary_group_has_no_topics(group: Chat, mod: User) -> None:
    with pytest.raises(ValueError, match="has no topics"):
        group.open_topic("Openings", mod)


async def test_privacy_mode_does_not_take_the_beginning_of_a_topic_for_a_reply(
    tg: Emulator, ann: User, bot: telegram.Bot
) -> None:
    forum = tg.group("Plain", members=[ann], forum=True)
    topic = forum.open_topic("By the bot")
    await received(bot)
    await forum.post_text(ann, "unheard", topic=topic)
    assert await received(bot) == []
