"""Banning, restricting, promoting: who may do it to whom, for how long, who is told, and what it changes."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import telegram
from telegram import ChatPermissions, Update
from telegram.error import BadRequest, Forbidden

from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.emulator.chats.people import Permissions

MUTE = ChatPermissions.no_permissions()


@pytest.fixture
def owner(tg: Emulator) -> User:
    return tg.user("Olga")


@pytest.fixture
def group(tg: Emulator, ann: User, mod: User, owner: User) -> Chat:
    """A group in which the bot has every right."""
    return tg.group("Chess club", members=[ann], admins=[mod], creator=owner, bot_rights=Rights.full())


async def refusal(api: httpx.AsyncClient, method: str, **params: Any) -> str:
    answer = await api.post(method, json=params)
    assert answer.status_code == 400
    return str(answer.json()["description"]).removeprefix("Bad Request: ")


def in_(**when: int) -> datetime:
    return datetime.now(UTC) + timedelta(**when)


# -- banning -----------------------------------------------------------------------------------------------------


async def test_a_ban_removes_and_is_told(group: Chat, ann: User, tg: Emulator, bot: telegram.Bot) -> None:
    await bot.get_updates(allowed_updates=Update.ALL_TYPES)
    assert await bot.ban_chat_member(group.id, ann.id, until_date=in_(days=3))
    member = await bot.get_chat_member(group.id, ann.id)
    assert isinstance(member, telegram.ChatMemberBanned)
    assert abs(member.until_date - in_(days=3)) < timedelta(seconds=5)
    with pytest.raises(ValueError, match="not a member"):
        await group.post_text(ann, "back?")
    change, event = await bot.get_updates()
    assert change.chat_member is not None
    assert change.chat_member.from_user.id == tg.bot.id
    assert (change.chat_member.old_chat_member.status, change.chat_member.new_chat_member.status) == (
        "member",
        "kicked",
    )
    assert event.message is not None
    assert event.message.left_chat_member is not None
    assert event.message.left_chat_member.id == ann.id
    assert await bot.get_chat_member_count(group.id) == 3


@pytest.mark.parametrize("revoke", [False, True])
async def test_a_ban_may_take_the_messages_along(
    group: Chat, ann: User, mod: User, bot: telegram.Bot, revoke: bool
) -> None:
    await group.post_text(ann, "spam")
    await group.post_text(mod, "stop")
    await bot.ban_chat_member(group.id, ann.id, revoke_messages=revoke)
    left = [message.text for message in group.messages if message.text]
    assert left == (["stop"] if revoke else ["spam", "stop"])


@pytest.mark.parametrize(
    ("when", "for_ever"),
    [
        ({"seconds": 10}, True),
        ({"minutes": 1}, False),
        ({"days": 366}, False),
        ({"days": 367}, True),
        ({"days": -1}, True),
    ],
)
async def test_very_short_and_very_long_is_for_ever(
    group: Chat, ann: User, bot: telegram.Bot, when: dict[str, int], for_ever: bool
) -> None:
    await bot.ban_chat_member(group.id, ann.id, until_date=in_(**when) - timedelta(seconds=2))
    assert (group.standing(ann).until_date == 0) == for_ever


async def test_a_ban_ends_by_itself(tg: Emulator, group: Chat, ann: User, bot: telegram.Bot) -> None:
    await bot.ban_chat_member(group.id, ann.id, until_date=in_(hours=1))
    tg.advance(timedelta(minutes=59))
    assert group.standing(ann).status == "kicked"
    tg.advance(timedelta(minutes=2))
    assert (await bot.get_chat_member(group.id, ann.id)).status == "left"


async def test_a_ban_of_who_is_not_there_says_nothing_in_the_group(
    tg: Emulator, group: Chat, bot: telegram.Bot
) -> None:
    stranger = tg.user("Stranger")
    await bot.ban_chat_member(group.id, stranger.id)
    assert group.standing(stranger).status == "kicked"
    assert group.messages == []


async def test_a_ban_is_lifted(group: Chat, ann: User, bot: telegram.Bot) -> None:
    await bot.ban_chat_member(group.id, ann.id)
    await bot.unban_chat_member(group.id, ann.id)
    assert group.standing(ann).status == "left"


@pytest.mark.parametrize("only_if_banned", [False, True])
async def test_lifting_no_ban_throws_out_unless_told_otherwise(
    group: Chat, ann: User, bot: telegram.Bot, only_if_banned: bool
) -> None:
    await bot.unban_chat_member(group.id, ann.id, only_if_banned=only_if_banned)
    assert group.has(ann) == only_if_banned


# -- restricting -------------------------------------------------------------------------------------------------


async def test_a_restricted_member_is_shown_with_what_is_left(group: Chat, ann: User, bot: telegram.Bot) -> None:
    allowed = ChatPermissions(can_send_messages=True, can_pin_messages=True)
    await bot.restrict_chat_member(group.id, ann.id, allowed, until_date=in_(hours=1))
    member = await bot.get_chat_member(group.id, ann.id)
    assert isinstance(member, telegram.ChatMemberRestricted)
    assert (member.is_member, member.can_send_messages, member.can_send_photos) == (True, True, False)
    assert member.can_manage_topics is True  # what is not named follows can_pin_messages
    assert member.until_date > datetime.now(UTC)


async def test_a_restriction_ends_by_itself(tg: Emulator, group: Chat, ann: User, bot: telegram.Bot) -> None:
    await bot.restrict_chat_member(group.id, ann.id, MUTE, until_date=in_(hours=1))
    tg.advance(timedelta(hours=2))
    assert (await bot.get_chat_member(group.id, ann.id)).status == "member"


async def test_everything_permitted_is_no_restriction(group: Chat, ann: User, bot: telegram.Bot) -> None:
    await bot.restrict_chat_member(group.id, ann.id, MUTE)
    await bot.restrict_chat_member(group.id, ann.id, ChatPermissions.all_permissions())
    assert (await bot.get_chat_member(group.id, ann.id)).status == "member"


@pytest.mark.parametrize("independent", [False, True])
async def test_some_permissions_imply_others_unless_they_are_independent(
    group: Chat, ann: User, bot: telegram.Bot, independent: bool
) -> None:
    allowed = ChatPermissions(can_send_other_messages=True)
    await bot.restrict_chat_member(group.id, ann.id, allowed, use_independent_chat_permissions=independent)
    given = group.standing(ann).permissions
    assert given is not None
    assert (given.can_send_messages, given.can_send_voice_notes, given.can_send_polls) == (
        not independent,
        not independent,
        False,
    )


async def test_a_muted_member_cannot_post(group: Chat, ann: User, bot: telegram.Bot) -> None:
    await bot.restrict_chat_member(group.id, ann.id, ChatPermissions(can_send_messages=True))
    await group.post_text(ann, "words only")
    with pytest.raises(ValueError, match="can_send_documents"):
        await group.post_document(ann, b"x")


# -- what is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["banChatMember", "restrictChatMember", "unbanChatMember"])
async def test_who_cannot_be_touched(
    tg: Emulator, group: Chat, owner: User, mod: User, api: httpx.AsyncClient, method: str
) -> None:
    expected = {
        owner.id: "can't remove chat owner",
        mod.id: "user is an administrator of the chat",
        tg.bot.id: "can't restrict self",
        12345: "user not found",
        0: "invalid user_id specified",
    }
    for user_id, description in expected.items():
        assert await refusal(api, method, chat_id=group.id, user_id=user_id, permissions={}) == description


@pytest.mark.parametrize("rights", [None, Rights(can_delete_messages=True)], ids=["member", "administrator"])
@pytest.mark.parametrize(
    ("method", "params", "description"),
    [
        ("banChatMember", {}, "not enough rights to restrict/unrestrict chat member"),
        ("unbanChatMember", {}, "not enough rights to restrict/unrestrict chat member"),
        ("restrictChatMember", {"permissions": {}}, "not enough rights to restrict/unrestrict chat member"),
        ("banChatSenderChat", {"sender_chat_id": -1}, "not enough rights to restrict/unrestrict chat member"),
        ("promoteChatMember", {"can_pin_messages": True}, "not enough rights"),
        ("setChatPermissions", {"permissions": {}}, "not enough rights to change chat permissions"),
        ("setChatTitle", {"title": "x"}, "not enough rights to change chat title"),
        ("setChatDescription", {"description": "x"}, "not enough rights to set chat description"),
        ("deleteChatPhoto", {}, "not enough rights to change chat photo"),
        ("pinChatMessage", {"message_id": 1}, "not enough rights to manage pinned messages in the chat"),
        ("unpinAllChatMessages", {}, "not enough rights to manage pinned messages in the chat"),
        ("createChatInviteLink", {}, "not enough rights to manage chat invite link"),
        ("approveChatJoinRequest", {}, "not enough rights to manage chat invite link"),
        ("createForumTopic", {"name": "x"}, "not enough rights to create a topic"),
        ("closeGeneralForumTopic", {}, "not enough rights to edit a topic"),
    ],
)
async def test_what_takes_a_right(
    tg: Emulator,
    ann: User,
    api: httpx.AsyncClient,
    rights: Rights | None,
    method: str,
    params: dict[str, Any],
    description: str,
) -> None:
    club = tg.group("Tea club", members=[ann], bot_rights=rights, forum=True)
    await club.post_text(ann, "hi")
    before = club.json()
    assert await refusal(api, method, chat_id=club.id, user_id=ann.id, **params) == description
    assert (club.json(), len(club.messages), club.standing(ann).status) == (before, 1, "member")


@pytest.mark.parametrize(
    ("method", "params", "description"),
    [
        ("banChatMember", {}, "chat member status can't be changed in private chats"),
        ("unbanChatMember", {}, "method is available for supergroup and channel chats only"),
        ("restrictChatMember", {"permissions": {}}, "method is available only for supergroups"),
        ("promoteChatMember", {}, "method is available for supergroup and channel chats only"),
        ("setChatAdministratorCustomTitle", {"custom_title": "x"}, "method is available only for supergroups"),
        ("setChatPermissions", {"permissions": {}}, "can't change private chat permissions"),
        ("setChatTitle", {"title": "x"}, "can't change private chat title"),
        ("createForumTopic", {"name": "x"}, "method is available only for supergroups"),
        ("exportChatInviteLink", {}, "can't invite members to a private chat"),
        ("leaveChat", {}, "chat member status can't be changed in private chats"),
    ],
)
async def test_what_is_for_groups_only(
    tg: Emulator, ann: User, api: httpx.AsyncClient, method: str, params: dict[str, Any], description: str
) -> None:
    tg.private(ann)
    assert await refusal(api, method, chat_id=ann.id, user_id=ann.id, **params) == description


async def test_a_basic_group_bans_and_does_not_restrict(tg: Emulator, ann: User, api: httpx.AsyncClient) -> None:
    club = tg.group("Old club", members=[ann], bot_rights=Rights.full(), basic=True)
    said = await refusal(api, "restrictChatMember", chat_id=club.id, user_id=ann.id, permissions={})
    assert said == "method is available only for supergroups"
    assert (await api.post("banChatMember", json={"chat_id": club.id, "user_id": ann.id})).json()["result"] is True
    assert not club.has(ann)


# -- promoting ---------------------------------------------------------------------------------------------------


async def test_a_promotion_gives_what_it_names_and_a_title(group: Chat, ann: User, bot: telegram.Bot) -> None:
    await bot.promote_chat_member(group.id, ann.id, can_pin_messages=True)
    await bot.set_chat_administrator_custom_title(group.id, ann.id, "Referee")
    member = await bot.get_chat_member(group.id, ann.id)
    assert isinstance(member, telegram.ChatMemberAdministrator)
    assert (member.can_pin_messages, member.can_delete_messages, member.can_be_edited) == (True, False, True)
    assert member.custom_title == "Referee"
    await bot.promote_chat_member(group.id, ann.id)
    assert (await bot.get_chat_member(group.id, ann.id)).status == "member"


async def test_promotions_that_telegram_refuses(
    tg: Emulator, ann: User, mod: User, owner: User, api: httpx.AsyncClient
) -> None:
    rights = Rights(can_promote_members=True)
    club = tg.group("Tea club", members=[ann], admins=[mod], creator=owner, bot_rights=rights)
    expected = {
        ann.id: "RIGHT_FORBIDDEN",
        mod.id: "CHAT_ADMIN_REQUIRED",
        owner.id: "can't remove chat owner",
        tg.user("Stranger").id: "USER_NOT_PARTICIPANT",
    }
    for user_id, description in expected.items():
        said = await refusal(api, "promoteChatMember", chat_id=club.id, user_id=user_id, can_pin_messages=True)
        assert said == description


async def test_titles_that_telegram_refuses(
    group: Chat, ann: User, mod: User, owner: User, bot: telegram.Bot, api: httpx.AsyncClient
) -> None:
    await bot.promote_chat_member(group.id, ann.id, can_pin_messages=True)
    for user, title, description in (
        (owner, "x", "only creator can edit their custom title"),
        (mod, "x", "not enough rights to change custom title of the user"),
        (ann, "x" * 17, "ADMIN_RANK_INVALID"),
    ):
        params = {"chat_id": group.id, "user_id": user.id, "custom_title": title}
        assert await refusal(api, "setChatAdministratorCustomTitle", **params) == description


# -- what members, and the bot among them, may do -----------------------------------------------------------------


async def test_permissions_are_everybodys_but_the_administrators(
    tg: Emulator, group: Chat, ann: User, mod: User, bot: telegram.Bot
) -> None:
    await bot.set_chat_permissions(group.id, ChatPermissions(can_send_messages=True))
    shown = (await bot.get_chat(group.id)).permissions
    assert shown is not None
    assert (shown.can_send_messages, shown.can_send_documents) == (True, False)
    with pytest.raises(ValueError, match="can_send_documents"):
        await group.post_document(ann, b"x")
    await group.post_document(mod, b"x")
    with pytest.raises(BadRequest, match=r"^Chat_not_modified$"):
        await bot.set_chat_permissions(group.id, ChatPermissions(can_send_messages=True))


@pytest.mark.parametrize(
    ("method", "what", "plural"),
    [
        ("sendMessage", {"text": "x"}, "text messages"),
        ("sendDocument", {}, "documents"),
        ("sendPhoto", {}, "photos"),
        ("sendVideo", {}, "videos"),
        ("sendAnimation", {}, "animations"),
        ("sendSticker", {}, "stickers"),
        ("sendVoice", {}, "voice notes"),
        ("sendLivePhoto", {"live_photo": "attach://livephoto", "photo": "attach://livephoto"}, "live photos"),
        ("sendPoll", {"question": "x", "options": '["a", "b"]'}, "polls"),
        ("sendLocation", {"latitude": "1", "longitude": "1"}, "locations"),
        ("sendDice", {}, "dice"),
    ],
)
async def test_a_restricted_bot_may_not_send(
    tg: Emulator, mod: User, api: httpx.AsyncClient, method: str, what: dict[str, str], plural: str
) -> None:
    club = tg.group("Tea club", admins=[mod])
    await club.restrict(tg.bot, Permissions.none(), by=mod)
    part = {method.removeprefix("send").lower(): ("a", b"data")}
    answer = await api.post(method, data={"chat_id": str(club.id), **what}, files=part)
    assert answer.json()["description"] == f"Bad Request: not enough rights to send {plural} to the chat"
    assert club.messages == []


async def test_a_sender_chat_is_banned_and_let_in_again(group: Chat, bot: telegram.Bot) -> None:
    settings = group.world.settings[group]
    await bot.ban_chat_sender_chat(group.id, -1005)
    assert settings.banned_chats == {-1005}
    await bot.unban_chat_sender_chat(group.id, -1005)
    assert settings.banned_chats == set()


async def test_a_bot_that_is_no_member_moderates_nothing(group: Chat, ann: User, bot: telegram.Bot) -> None:
    group.remove_bot()
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.ban_chat_member(group.id, ann.id)


async def test_who_left_may_be_restricted_beforehand(group: Chat, ann: User, bot: telegram.Bot) -> None:
    await group.leave(ann)
    await bot.restrict_chat_member(group.id, ann.id, MUTE)
    member = await bot.get_chat_member(group.id, ann.id)
    assert isinstance(member, telegram.ChatMemberRestricted)
    assert member.is_member is False
    assert await bot.get_chat_member_count(group.id) == 3
