"""The ways in which a message arrives other than written by its sender: forwarded, quoted, pinned, in another name."""

from __future__ import annotations

import pytest
import telegram

from emulator.received import message_in, received
from lazaretto.emulator import KINDS, Chat, Emulator, Rights, User
from lazaretto.emulator.chats.messages import SERVICE_FIELDS

# What ExternalReplyInfo shows, of what the library knows.
SHOWN_IN_REPLIES = sorted(
    {"animation", "audio", "document", "photo", "live_photo", "paid_media", "sticker", "story", "video", "video_note"}
    | {"voice", "checklist", "contact", "dice", "game", "giveaway", "giveaway_winners", "invoice", "location", "poll"}
    | {"venue"}
)
# A reply to another chat stays where it was made, and events are not forwarded.
FORWARDED = sorted(set(KINDS) - SERVICE_FIELDS - {"external_reply", "reply_to_story"})


@pytest.fixture
def elsewhere(tg: Emulator, ann: User, mod: User) -> Chat:
    """A group that the bot is not in."""
    return tg.group("Elsewhere", members=[ann], admins=[mod], with_bot=False)


@pytest.fixture
def channel(tg: Emulator, mod: User) -> Chat:
    """A channel that the bot is not in."""
    return tg.channel("News", admins=[mod], with_bot=False)


# -- forwards --------------------------------------------------------------------------------------------------------


async def test_a_forward_names_the_person_who_wrote_it(
    group: Chat, elsewhere: Chat, ann: User, mod: User, bot: telegram.Bot
) -> None:
    original = await elsewhere.post_text(ann, "hello")
    await group.forward(mod, original)
    message = await message_in(bot)
    assert isinstance(message.forward_origin, telegram.MessageOriginUser)
    assert message.forward_origin.sender_user.id == ann.id
    assert message.from_user is not None
    assert (message.from_user.id, message.text) == (mod.id, "hello")


async def test_a_forward_may_hide_the_account_of_its_author(
    tg: Emulator, group: Chat, elsewhere: Chat, mod: User, bot: telegram.Bot
) -> None:
    eve = tg.user("Eve", last_name="Adams")
    await elsewhere.join(eve)
    await group.forward(mod, await elsewhere.post_text(eve, "hello"), hidden=True)
    origin = (await message_in(bot)).forward_origin
    assert isinstance(origin, telegram.MessageOriginHiddenUser)
    assert origin.sender_user_name == "Eve Adams"


async def test_a_forward_from_a_channel_names_channel_and_post(
    group: Chat, channel: Chat, mod: User, bot: telegram.Bot
) -> None:
    post = await channel.post_text(mod, "hello", author_signature="Mod")
    await group.forward(mod, post)
    origin = (await message_in(bot)).forward_origin
    assert isinstance(origin, telegram.MessageOriginChannel)
    assert (origin.chat.id, origin.message_id, origin.author_signature) == (channel.id, post.message_id, "Mod")


async def test_a_forward_of_an_anonymous_administrator_names_the_group(
    group: Chat, elsewhere: Chat, mod: User, bot: telegram.Bot
) -> None:
    await group.forward(mod, await elsewhere.post_text(mod, "hello", as_chat=elsewhere))
    origin = (await message_in(bot)).forward_origin
    assert isinstance(origin, telegram.MessageOriginChat)
    assert origin.sender_chat.id == elsewhere.id


async def test_a_forward_of_a_forward_names_the_first_author(
    group: Chat, elsewhere: Chat, ann: User, mod: User, bot: telegram.Bot
) -> None:
    second = await elsewhere.forward(mod, await elsewhere.post_text(ann, "hello"))
    await group.forward(mod, second)
    origin = (await message_in(bot)).forward_origin
    assert isinstance(origin, telegram.MessageOriginUser)
    assert origin.sender_user.id == ann.id


@pytest.mark.parametrize("kind", FORWARDED)
async def test_every_kind_is_forwarded_with_new_ids_of_the_same_files(
    tg: Emulator, group: Chat, elsewhere: Chat, ann: User, bot: telegram.Bot, kind: str
) -> None:
    original = await elsewhere.post(ann, **tg.attach(kind, b"data"))
    forwarded = await group.forward(ann, original)
    await received(bot, unknown=(kind,) if kind in ("rich_message", "hologram") else ())
    assert forwarded.data == original.data
    if original.file is not None:
        assert forwarded.file == original.file
        assert ids_in(forwarded.content).isdisjoint(ids_in(original.content))


def ids_in(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["file_id"]} if "file_id" in value else set()
        return own.union(*(ids_in(inner) for inner in value.values()))
    return set().union(*(ids_in(inner) for inner in value)) if isinstance(value, list) else set()


async def test_what_belongs_to_the_message_is_not_forwarded(
    tg: Emulator, group: Chat, elsewhere: Chat, ann: User, bot: telegram.Bot
) -> None:
    first = await elsewhere.post_text(ann, "first")
    keyboard = {"inline_keyboard": [[{"text": "x", "callback_data": "x"}]]}
    original = await elsewhere.post_text(ann, "hello", reply_to=first, reply_markup=keyboard, media_group_id="7")
    await group.forward(ann, original)
    message = await message_in(bot)
    assert (message.reply_to_message, message.reply_markup, message.media_group_id) == (None, None, None)


async def test_protected_content_and_events_are_not_forwarded(tg: Emulator, group: Chat, ann: User) -> None:
    protected = await group.post_text(ann, "secret", has_protected_content=True)
    joined = await group.join(tg.user("Ben"))
    for message in (protected, joined):
        with pytest.raises(ValueError, match="cannot be forwarded"):
            await group.forward(ann, message)


async def test_what_has_no_author_is_not_forwarded(tg: Emulator, group: Chat, ann: User) -> None:
    with pytest.raises(ValueError, match="no author who could be named"):
        await group.forward(ann, await group.post(None, text="x"))


# -- replies into other chats ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SHOWN_IN_REPLIES)
async def test_a_reply_shows_what_lies_in_another_chat(
    tg: Emulator, group: Chat, channel: Chat, ann: User, mod: User, bot: telegram.Bot, kind: str
) -> None:
    original = await channel.post(mod, **tg.attach(kind, b"data"))
    await group.post_text(ann, "look at this", reply_to=original)
    message = await message_in(bot)
    shown = message.external_reply
    assert shown is not None
    assert getattr(shown, kind)
    assert message.reply_to_message is None
    assert (shown.chat and shown.chat.id, shown.message_id) == (channel.id, original.message_id)
    assert (message.text, isinstance(shown.origin, telegram.MessageOriginChannel)) == ("look at this", True)


async def test_the_file_of_another_chat_can_be_fetched(
    group: Chat, elsewhere: Chat, ann: User, bot: telegram.Bot
) -> None:
    original = await elsewhere.post_document(ann, b"data", name="a.pdf")
    await group.post_text(ann, "look", reply_to=original)
    shown = (await message_in(bot)).external_reply
    assert shown is not None
    assert shown.document is not None
    assert original.document is not None
    assert shown.document.file_unique_id == original.document["file_unique_id"]
    assert bytes(await (await shown.document.get_file()).download_as_bytearray()) == b"data"


async def test_a_private_chat_that_is_replied_to_is_not_named(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot
) -> None:
    original = await tg.private(ann).post_text(ann, "secret")
    await received(bot)
    await group.post_text(ann, "look", reply_to=original)
    shown = (await message_in(bot)).external_reply
    assert shown is not None
    assert (shown.chat, shown.message_id) == (None, None)


async def test_a_reply_may_quote(group: Chat, ann: User, bot: telegram.Bot) -> None:
    original = await group.post_text(ann, "\N{GRINNING FACE} knights and bishops")
    await received(bot)
    await group.post_text(ann, "which?", reply_to=original, quote="bishops")
    quote = (await message_in(bot)).quote
    assert quote is not None
    assert (quote.text, quote.position, quote.is_manual) == ("bishops", 15, True)


async def test_what_was_not_said_is_not_quoted(group: Chat, ann: User) -> None:
    original = await group.post_text(ann, "knights")
    with pytest.raises(ValueError, match="does not say 'bishops'"):
        await group.post_text(ann, "which?", reply_to=original, quote="bishops")
    with pytest.raises(ValueError, match="does not say 'knights'"):
        await group.post_text(ann, "which?", quote="knights")


# -- in another name -------------------------------------------------------------------------------------------------


async def test_an_inline_bot_is_named(tg: Emulator, group: Chat, ann: User, bot: telegram.Bot) -> None:
    gif = tg.user("gif", username="gif", is_bot=True)
    await group.post(ann, via=gif, **tg.attach("animation", b"data"))
    message = await message_in(bot)
    assert message.via_bot is not None
    assert message.from_user is not None
    assert (message.via_bot.username, message.from_user.id) == ("gif", ann.id)


async def test_privacy_mode_lets_through_what_came_by_the_bot_itself(
    tg: Emulator, ann: User, bot: telegram.Bot
) -> None:
    plain = tg.group("Plain", members=[ann])
    await plain.post_text(ann, "by another", via=tg.user("gif", is_bot=True))
    await plain.post_text(ann, "by ours", via=tg.bot)
    assert (await message_in(bot)).text == "by ours"


async def test_an_anonymous_administrator_writes_as_the_group(group: Chat, mod: User, bot: telegram.Bot) -> None:
    posted = await group.post_text(mod, "order!", as_chat=group, author_signature="Chief")
    message = await message_in(bot)
    assert message.from_user is not None
    assert (message.from_user.id, message.from_user.username) == (1087968824, "GroupAnonymousBot")
    assert message.sender_chat == message.chat
    assert (message.author_signature, posted.sender) == ("Chief", mod)


async def test_an_administrator_with_that_right_is_always_anonymous(tg: Emulator, mod: User, bot: telegram.Bot) -> None:
    group = tg.group("Club", admins={mod: Rights(is_anonymous=True)}, bot_rights=Rights())
    await group.post_text(mod, "order!")
    message = await message_in(bot)
    assert message.sender_chat == message.chat


async def test_a_channel_may_write_in_a_group(group: Chat, channel: Chat, mod: User, bot: telegram.Bot) -> None:
    await group.post_text(mod, "hello", as_chat=channel)
    message = await message_in(bot)
    assert message.from_user is not None
    assert message.sender_chat is not None
    assert (message.from_user.id, message.from_user.username) == (136817688, "Channel_Bot")
    assert (message.sender_chat.id, message.sender_chat.type) == (channel.id, "channel")


async def test_nobody_writes_in_a_name_that_is_not_theirs(group: Chat, channel: Chat, ann: User) -> None:
    for disguise in (group, channel):
        with pytest.raises(ValueError, match="no administrator of"):
            await group.post_text(ann, "hello", as_chat=disguise)


async def test_a_banned_channel_does_not_write(tg: Emulator, channel: Chat, mod: User, bot: telegram.Bot) -> None:
    group = tg.group("Club", admins=[mod], bot_rights=Rights(can_restrict_members=True))
    await bot.ban_chat_sender_chat(group.id, channel.id)
    with pytest.raises(ValueError, match="is banned from"):
        await group.post_text(mod, "hello", as_chat=channel)


async def test_another_bot_is_unheard_in_whatever_way_it_posts(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot
) -> None:
    other = tg.user("Other", is_bot=True)
    await group.join(other)
    original = await group.post_text(ann, "hello")
    await received(bot)
    pair = [tg.attach("photo", b"1"), tg.attach("photo", b"2")]
    album = await group.post_album(other, pair)
    await group.forward(other, original)
    await group.post_text(other, "look", reply_to=original, quote="hello")
    await group.edit(album[0], caption="look")
    assert await received(bot) == []


# -- pins ------------------------------------------------------------------------------------------------------------


async def test_a_pin_is_an_event_that_shows_the_message(group: Chat, ann: User, mod: User, bot: telegram.Bot) -> None:
    posted = await group.post_document(ann, b"data", name="rules.pdf")
    await received(bot)
    group.pin(posted, mod)
    message = await message_in(bot)
    assert message.from_user is not None
    assert message.from_user.id == mod.id
    assert isinstance(message.pinned_message, telegram.Message)
    assert message.pinned_message.document is not None
    assert (await bot.get_chat(group.id)).pinned_message == message.pinned_message


async def test_the_last_pin_that_is_still_there_is_shown(group: Chat, ann: User, mod: User) -> None:
    first, second = [await group.post_text(ann, text) for text in ("1", "2")]
    group.pin(first, mod)
    group.pin(second, mod)
    assert group.pinned_message is second
    await group.remove(second)
    assert group.pinned_message is first
    group.unpin(first)
    assert group.pinned_message is None
