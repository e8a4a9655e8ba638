"""Who comes, goes, rises and falls, and what the bot is told of it."""

from __future__ import annotations

from typing import Any

import pytest
import telegram

from emulator.received import message_in, received
from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.emulator.chats.people import Permissions


@pytest.fixture
async def club(tg: Emulator, ann: User, mod: User, bot: telegram.Bot) -> Chat:
    """A group with a bot that may do everything and asked for every type of update."""
    await received(bot)
    return tg.group("Club", members=[ann], admins=[mod], bot_rights=Rights.full())


async def changes(bot: telegram.Bot) -> list[tuple[str, str]]:
    """The standings before and after, of every `chat_member` that waits."""
    told = [update.chat_member for update in await received(bot)]
    return [(t.old_chat_member.status, t.new_chat_member.status) for t in told if t is not None]


async def test_a_member_is_restricted_in_what_and_for_how_long(
    club: Chat, ann: User, mod: User, bot: telegram.Bot
) -> None:
    await club.restrict(ann, Permissions(can_send_photos=False), by=mod, until_date=1_900_000_000)
    (update,) = await received(bot)
    assert update.chat_member is not None
    new = update.chat_member.new_chat_member
    assert isinstance(new, telegram.ChatMemberRestricted)
    assert (new.can_send_photos, new.can_send_messages, new.is_member) == (False, True, True)
    assert (int(new.until_date.timestamp()), update.chat_member.from_user.id) == (1_900_000_000, mod.id)


async def test_a_ban_is_a_change_and_an_event(club: Chat, ann: User, mod: User, bot: telegram.Bot) -> None:
    await club.ban(ann, by=mod)
    change, event = await received(bot)
    assert change.chat_member is not None
    assert isinstance(change.chat_member.new_chat_member, telegram.ChatMemberBanned)
    assert event.message is not None
    assert event.message.left_chat_member is not None
    assert (event.message.left_chat_member.id, club.has(ann)) == (ann.id, False)


async def test_a_ban_of_somebody_who_is_not_here_is_no_event(tg: Emulator, club: Chat, mod: User) -> None:
    assert await club.ban(tg.user("Eve"), by=mod) is None
    reader = tg.user("Fay")
    assert await tg.channel("News", subscribers=[reader]).ban(reader, by=mod) is None


async def test_coming_and_going_are_changes(tg: Emulator, club: Chat, mod: User, bot: telegram.Bot) -> None:
    ben = tg.user("Ben")
    await club.join(ben)
    club.set_standing(ben, "administrator", Rights(), by=mod)
    club.set_standing(ben, "member", by=mod)
    await club.leave(ben)
    assert await changes(bot) == [
        ("left", "member"),
        ("member", "administrator"),
        ("administrator", "member"),
        ("member", "left"),
    ]


async def test_a_plain_member_is_not_told_of_others(tg: Emulator, ann: User, mod: User, bot: telegram.Bot) -> None:
    await received(bot)
    plain = tg.group("Plain", members=[ann], admins=[mod])
    await plain.restrict(ann, by=mod)
    assert await received(bot) == []


async def test_a_stranger_cannot_leave(tg: Emulator, club: Chat) -> None:
    with pytest.raises(ValueError, match="Eve is not a member"):
        await club.leave(tg.user("Eve"))


@pytest.mark.parametrize(
    ("kind", "permission"),
    [
        ("photo", "can_send_photos"),
        ("live_photo", "can_send_photos"),
        ("video", "can_send_videos"),
        ("audio", "can_send_audios"),
        ("voice", "can_send_voice_notes"),
        ("video_note", "can_send_video_notes"),
        ("document", "can_send_documents"),
        ("poll", "can_send_polls"),
        ("sticker", "can_send_other_messages"),
        ("animation", "can_send_other_messages"),
        ("contact", "can_send_messages"),
    ],
)
async def test_who_is_restricted_cannot_post_that_kind(
    tg: Emulator, club: Chat, ann: User, mod: User, kind: str, permission: str
) -> None:
    denied: dict[str, Any] = {permission: False}
    await club.restrict(ann, Permissions(**denied), by=mod)
    with pytest.raises(ValueError, match=f"Ann may not post this in .*: {permission} is not given"):
        await club.post(ann, **tg.attach(kind, b"data"))
    await club.post(mod, **tg.attach(kind, b"data"))


async def test_what_a_bot_takes_away_is_gone(club: Chat, ann: User, bot: telegram.Bot) -> None:
    await bot.restrict_chat_member(club.id, ann.id, telegram.ChatPermissions.no_permissions())
    with pytest.raises(ValueError, match="can_send_messages is not given"):
        await club.post_text(ann, "hello")


async def test_what_the_group_does_not_permit_nobody_posts_but_administrators(
    club: Chat, ann: User, mod: User, bot: telegram.Bot
) -> None:
    await bot.set_chat_permissions(club.id, telegram.ChatPermissions(can_send_messages=True))
    await club.post_text(ann, "hello")
    await club.post_document(mod, b"data")
    with pytest.raises(ValueError, match="can_send_documents is not given"):
        await club.post_document(ann, b"data")


# -- asking to be let in ---------------------------------------------------------------------------------------------


async def test_somebody_asks_to_join(tg: Emulator, club: Chat, bot: telegram.Bot) -> None:
    ben = tg.user("Ben")
    await club.request_to_join(ben, bio="I play")
    (update,) = await received(bot)
    told = update.chat_join_request
    assert told is not None
    assert (told.chat.id, told.from_user.id, told.user_chat_id, told.bio) == (club.id, ben.id, ben.id, "I play")
    assert not club.has(ben)


async def test_who_is_in_does_not_ask(club: Chat, ann: User) -> None:
    with pytest.raises(ValueError, match=r"is a member of .* already"):
        await club.request_to_join(ann)


async def test_a_bot_that_may_not_invite_is_not_asked(tg: Emulator, bot: telegram.Bot) -> None:
    group = tg.group("Club", bot_rights=Rights(can_delete_messages=True))
    await group.request_to_join(tg.user("Ben"))
    assert await received(bot) == []


@pytest.mark.parametrize("let_in", [True, False])
async def test_an_administrator_settles_a_request(
    tg: Emulator, club: Chat, mod: User, bot: telegram.Bot, let_in: bool
) -> None:
    ben = tg.user("Ben")
    await club.request_to_join(ben)
    await received(bot)
    club.settle_request(ben, let_in=let_in, by=mod)
    assert club.has(ben) is let_in
    assert [message.is_service for message in club.messages] == [True] * let_in
    with pytest.raises(ValueError, match="has not asked"):
        club.settle_request(ben, let_in=True, by=mod)


async def test_the_bot_lets_somebody_in(tg: Emulator, club: Chat, bot: telegram.Bot) -> None:
    ben = tg.user("Ben")
    await club.request_to_join(ben)
    await bot.approve_chat_join_request(club.id, ben.id)
    assert club.has(ben)


# -- moving house ----------------------------------------------------------------------------------------------------


@pytest.fixture
def basic(tg: Emulator, ann: User, mod: User) -> Chat:
    return tg.group("Old club", members=[ann], admins=[mod], bot_rights=Rights(), basic=True)


async def test_a_basic_group_looks_like_one(basic: Chat, ann: User, bot: telegram.Bot) -> None:
    await basic.post_text(ann, "hello")
    message = await message_in(bot)
    assert (message.chat.type, str(message.chat.id).startswith("-100")) == ("group", False)


async def test_both_chats_tell_of_the_move(basic: Chat, mod: User, bot: telegram.Bot) -> None:
    new = basic.migrate(mod)
    first, second = [update.message for update in await received(bot)]
    assert first is not None
    assert second is not None
    assert (first.chat.id, first.migrate_to_chat_id) == (basic.id, new.id)
    assert (second.chat.id, second.migrate_from_chat_id) == (new.id, basic.id)
    assert (second.chat.type, second.chat.title) == ("supergroup", "Old club")


async def test_everybody_moves_along(basic: Chat, ann: User, mod: User, bot: telegram.Bot) -> None:
    new = basic.migrate()
    await new.post_text(ann, "here we are")
    assert new.is_ranked(mod)
    with pytest.raises(ValueError, match="not a member"):
        await basic.post_text(ann, "anybody left?")


async def test_a_call_to_the_old_id_names_the_new_one(basic: Chat, bot: telegram.Bot) -> None:
    new = basic.migrate()
    with pytest.raises(telegram.error.ChatMigrated) as refused:
        await bot.send_message(basic.id, "hello")
    assert refused.value.new_chat_id == new.id
    await bot.send_message(new.id, "hello")


def test_only_a_basic_group_moves_and_only_once(group: Chat, basic: Chat) -> None:
    basic.migrate()
    for chat in (group, basic):
        with pytest.raises(ValueError, match="cannot become a supergroup"):
            chat.migrate()


@pytest.mark.parametrize("about", [{"username": "club"}, {"forum": True}])
def test_a_basic_group_has_neither_username_nor_topics(tg: Emulator, about: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="neither a username nor topics"):
        tg.group("Club", basic=True, **about)
