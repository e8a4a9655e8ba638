"""Titles, pins, invite links, topics, commands: what a bot sets, and what it may not."""

from typing import Any

import httpx
import pytest
import telegram
from telegram import BotCommandScopeAllPrivateChats, BotCommandScopeChat, BotCommandScopeChatMember
from telegram.error import BadRequest

from lazaretto.emulator import Chat, Emulator, Rights, User


@pytest.fixture
def group(tg: Emulator, ann: User, mod: User) -> Chat:
    """A forum in which the bot has every right."""
    return tg.group("Chess club", members=[ann], admins=[mod], bot_rights=Rights.full(), forum=True)


async def refusal(api: httpx.AsyncClient, method: str, **params: Any) -> str:
    answer = await api.post(method, json=params)
    assert answer.status_code == 400
    return str(answer.json()["description"]).removeprefix("Bad Request: ")


async def test_a_title_is_changed_and_told(tg: Emulator, group: Chat, bot: telegram.Bot) -> None:
    await bot.set_chat_title(group.id, "Draughts")
    assert (await bot.get_chat(group.id)).title == "Draughts"
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert (update.message.new_chat_title, update.message.from_user and update.message.from_user.id) == (
        "Draughts",
        tg.bot.id,
    )


async def test_a_description_and_a_photo_are_shown_until_they_are_taken_away(group: Chat, bot: telegram.Bot) -> None:
    await bot.set_chat_description(group.id, "We play.")
    await bot.set_chat_photo(group.id, b"\xff\xd8 picture")
    chat = await bot.get_chat(group.id)
    assert chat.description == "We play."
    assert chat.photo is not None
    assert bytes(await (await chat.photo.get_big_file()).download_as_bytearray()) == b"\xff\xd8 picture"
    await bot.set_chat_description(group.id)
    await bot.delete_chat_photo(group.id)
    chat = await bot.get_chat(group.id)
    assert (chat.description, chat.photo) == (None, None)


async def test_what_was_pinned_last_is_shown(group: Chat, ann: User, bot: telegram.Bot) -> None:
    one, two = await group.post_text(ann, "one"), await group.post_text(ann, "two")
    await bot.pin_chat_message(group.id, one.message_id)
    await bot.pin_chat_message(group.id, two.message_id)

    async def pinned() -> str | None:
        message = (await bot.get_chat(group.id)).pinned_message
        return None if message is None else message.text

    assert await pinned() == "two"
    await bot.unpin_chat_message(group.id)
    assert await pinned() == "one"
    await bot.unpin_all_chat_messages(group.id)
    assert await pinned() is None
    events = [update.message.pinned_message for update in await bot.get_updates() if update.message]
    assert [isinstance(event, telegram.Message) and event.text for event in events if event] == ["one", "two"]


async def test_a_member_bot_pins_where_members_may(tg: Emulator, ann: User, mod: User, bot: telegram.Bot) -> None:
    club = tg.group("Tea club", members=[ann], admins=[mod])
    message = await club.post_text(ann, "/tea")
    with pytest.raises(BadRequest, match="Not enough rights to manage pinned messages"):
        await bot.pin_chat_message(club.id, message.message_id)
    club.world.settings[club].permissions = club.world.settings[club].permissions.all()
    assert await bot.pin_chat_message(club.id, message.message_id)


async def test_an_exported_link_takes_the_place_of_the_one_before(group: Chat, bot: telegram.Bot) -> None:
    first = await bot.export_chat_invite_link(group.id)
    second = await bot.export_chat_invite_link(group.id)
    assert first != second
    assert (await bot.get_chat(group.id)).invite_link == second
    revoked = await bot.revoke_chat_invite_link(group.id, second)
    assert (revoked.is_revoked, revoked.is_primary) == (True, True)
    assert (await bot.get_chat(group.id)).invite_link not in (None, first, second)


@pytest.mark.parametrize("approve", [True, False])
async def test_who_asked_is_let_in_or_turned_away(tg: Emulator, group: Chat, bot: telegram.Bot, approve: bool) -> None:
    ben = tg.user("Ben")
    await group.request_to_join(ben, bio="hi")
    (asked,) = await bot.get_updates()
    assert asked.chat_join_request is not None
    assert (asked.chat_join_request.from_user.id, asked.chat_join_request.bio) == (ben.id, "hi")
    await (bot.approve_chat_join_request if approve else bot.decline_chat_join_request)(group.id, ben.id)
    assert group.has(ben) == approve
    with pytest.raises(BadRequest, match="User_already_participant" if approve else "Hide_requester_missing"):
        await bot.approve_chat_join_request(group.id, ben.id)


@pytest.mark.parametrize(
    ("method", "params", "description"),
    [
        ("setChatTitle", {"title": " "}, "CHAT_TITLE_EMPTY"),
        ("setChatTitle", {"title": "Chess club"}, "chat title is not modified"),
        ("setChatDescription", {"description": ""}, "chat description is not modified"),
        ("setChatPhoto", {"photo": "x"}, "photo must be uploaded as an InputFile"),
        ("deleteChatPhoto", {}, "CHAT_NOT_MODIFIED"),
        ("pinChatMessage", {"message_id": 99}, "message to pin not found"),
        ("unpinChatMessage", {}, "message to unpin not found"),
        ("createChatInviteLink", {"name": "x" * 33}, "INVITE_LINK_NAME_TOO_LONG"),
        ("createChatInviteLink", {"member_limit": 100_000}, "USAGE_LIMIT_INVALID"),
        ("createChatInviteLink", {"member_limit": 1, "creates_join_request": True},
         "member limit can't be specified for links requiring administrator approval"),
        ("revokeChatInviteLink", {"invite_link": "https://t.me/+x"}, "INVITE_HASH_EXPIRED"),
        ("createForumTopic", {"name": "x" * 129}, "TOPIC_TITLE_TOO_LONG"),
        ("createForumTopic", {"name": "x", "icon_color": 1}, "wrong topic icon color specified"),
        ("closeForumTopic", {"message_thread_id": 99}, "TOPIC_ID_INVALID"),
        ("unhideGeneralForumTopic", {}, "TOPIC_NOT_MODIFIED"),
        ("editGeneralForumTopic", {"name": "General"}, "TOPIC_NOT_MODIFIED"),
    ],
)  # fmt: skip
async def test_settings_that_telegram_refuses(
    group: Chat, api: httpx.AsyncClient, method: str, params: dict[str, Any], description: str
) -> None:
    assert await refusal(api, method, chat_id=group.id, **params) == description
    assert group.messages == []


# -- topics ------------------------------------------------------------------------------------------------------


async def test_a_bots_topic_is_there_and_told(group: Chat, bot: telegram.Bot) -> None:
    topic = await bot.create_forum_topic(group.id, "Regatta", icon_color=0xFFD67E)
    sent = await bot.send_message(group.id, "ahoy", message_thread_id=topic.message_thread_id)
    assert (sent.message_thread_id, sent.is_topic_message) == (topic.message_thread_id, True)
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.forum_topic_created is not None
    assert update.message.forum_topic_created.name == "Regatta"


async def test_a_closed_topic_takes_the_right_to_manage_topics(
    tg: Emulator, mod: User, bot: telegram.Bot, group: Chat
) -> None:
    topic = group.open_topic("Regatta", mod)
    group.close_topic(topic, mod)
    await bot.send_message(group.id, "mine", message_thread_id=topic.thread_id)
    group.set_bot_rights(Rights())
    with pytest.raises(BadRequest, match="Topic_closed"):
        await bot.send_message(group.id, "yours", message_thread_id=topic.thread_id)
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(group.id, "whose", message_thread_id=99)


async def test_a_deleted_topic_takes_its_messages_along(group: Chat, bot: telegram.Bot) -> None:
    topic = await bot.create_forum_topic(group.id, "Regatta")
    await bot.send_message(group.id, "ahoy", message_thread_id=topic.message_thread_id)
    await bot.send_message(group.id, "general")
    await bot.delete_forum_topic(group.id, topic.message_thread_id)
    assert [message.text for message in group.messages] == ["general"]


async def test_a_group_without_topics_has_none(tg: Emulator, api: httpx.AsyncClient) -> None:
    club = tg.group("Tea club", bot_rights=Rights.full())
    assert await refusal(api, "createForumTopic", chat_id=club.id, name="x") == "the chat is not a forum"


# -- the bot itself ----------------------------------------------------------------------------------------------


async def test_names_are_by_language_with_one_for_all(bot: telegram.Bot) -> None:
    assert (await bot.get_my_name()).name == "Lazaretto demo"
    await bot.set_my_name("Quarantäne", language_code="de")
    await bot.set_my_description("Looks into files.")
    assert [(await bot.get_my_name(code)).name for code in ("de", "fr")] == ["Quarantäne", "Lazaretto demo"]
    assert (await bot.get_my_description("de")).description == "Looks into files."


async def test_commands_of_one_chat_are_its_own(tg: Emulator, group: Chat, ann: User, bot: telegram.Bot) -> None:
    member = BotCommandScopeChatMember(group.id, ann.id)
    await bot.set_my_commands([("one", "One")], scope=BotCommandScopeChat(group.id))
    await bot.set_my_commands([("two", "Two")], scope=member)
    assert [command.command for command in await bot.get_my_commands(member)] == ["two"]
    assert await bot.get_my_commands(BotCommandScopeAllPrivateChats()) == ()


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"scope": {"type": "world"}}, "can't parse BotCommandScope: unsupported type specified"),
        ({"scope": {}}, "can't parse BotCommandScope: unsupported type specified"),
        ({"scope": {"type": "chat"}}, "chat_id is empty"),
        ({"scope": {"type": "chat", "chat_id": 5}}, "chat not found"),
        ({"scope": {"type": "chat_member", "chat_id": "GROUP"}}, "invalid user_id specified"),
        ({"scope": {"type": "chat_administrators", "chat_id": "PRIVATE"}},
         "can't change commands of scope chat_administrators in private chats"),
        ({"language_code": "english"}, "invalid language code specified"),
    ],
)  # fmt: skip
async def test_scopes_that_telegram_refuses(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, params: dict[str, Any], description: str
) -> None:
    known = {"GROUP": group.id, "PRIVATE": tg.private(ann).id}
    if "scope" in params:
        params = {"scope": {name: known.get(value, value) for name, value in params["scope"].items()}}
    for method in ("setMyCommands", "getMyCommands", "deleteMyCommands"):
        assert await refusal(api, method, commands=[], **params) == description
