"""The emulator against python-telegram-bot: every method is called by it, and every answer is what it expects.

An object "parses whole" when nothing of its JSON is left over (`api_kwargs`) and when every field that the library
requires was in that JSON, so that the library had nothing to make up.
"""

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import telegram
from telegram import (
    BotCommandScopeChat,
    ChatAdministratorRights,
    ChatPermissions,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputMediaDocument,
    InputMediaPhoto,
    InputMediaVideo,
    InputPaidMediaPhoto,
    InputPaidMediaVideo,
    InputTextMessageContent,
    TelegramObject,
)
from telegram.error import BadRequest
from telegram.request import HTTPXRequest

from lazaretto.emulator import Chat, Emulator, Message, Rights, User
from lazaretto.emulator.chats.business import BusinessRights
from lazaretto.emulator.chats.people import Member, Permissions
from lazaretto.emulator.methods import METHODS

KEYBOARD = InlineKeyboardMarkup([[InlineKeyboardButton("Release", callback_data="r:1")]])
IN_A_DAY = datetime.now(UTC) + timedelta(days=1)
PICTURE = b"\xff\xd8 picture"


class Recording(HTTPXRequest):
    """The library's own HTTP client, which keeps the last answer."""

    answer: Any = None

    async def do_request(self, *args: Any, **kwargs: Any) -> tuple[int, bytes]:
        status, body = await super().do_request(*args, **kwargs)
        type(self).answer = json.loads(body).get("result")
        return status, body


@dataclass
class Scene:
    """A group whose owner let the bot do everything, and what a call may need."""

    tg: Emulator
    bot: telegram.Bot
    group: Chat
    ann: User
    admin: User

    async def text(self, said: str = "hello") -> Message:
        return await self.group.post_text(self.ann, said)

    async def own(self) -> int:
        return (await self.bot.send_message(self.group.id, "mine", reply_markup=KEYBOARD)).message_id

    async def topic(self) -> int:
        return self.group.open_topic("Regatta").thread_id

    async def outsider(self) -> User:
        ben = self.tg.user("Ben")
        await self.group.request_to_join(ben)
        return ben


@pytest.fixture
async def scene(tg: Emulator, ann: User) -> AsyncIterator[Scene]:
    admin = tg.user("Olga", last_name="Ivanova", username="olga", language_code="en")
    group = tg.group("Chess club", members=[ann], creator=admin, bot_rights=Rights.full(), forum=True, username="chess")
    client = telegram.Bot(tg.token, tg.base_url, tg.base_file_url, Recording(), Recording())
    async with client as bot:
        yield Scene(tg, bot, group, ann, admin)


# -- the check ---------------------------------------------------------------------------------------------------


def required(kind: type[TelegramObject]) -> frozenset[str]:
    parameters = inspect.signature(kind).parameters.values()
    return frozenset(p.name for p in parameters if p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD)


def flaws(value: object, source: Any, path: str) -> list[str]:
    """Where the parsed value and the JSON that it came from do not agree."""
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        if not isinstance(source, list) or len(source) != len(value):
            return [f"{path}: {len(value)} items from {source!r}"]
        pairs = enumerate(zip(value, source, strict=True))
        return [flaw for n, (item, sent) in pairs for flaw in flaws(item, sent, f"{path}[{n}]")]
    if not isinstance(value, TelegramObject):
        return []
    if not isinstance(source, Mapping):
        return [f"{path}: an object from {source!r}"]
    found = [f"{path}.{name}: unknown to the library" for name in value.api_kwargs]
    names = {name: "from" if name == "from_user" else name for name in _attributes(value)}
    missing = [name for name in required(type(value)) if names.get(name, name) not in source]
    found += [f"{path}.{name}: required, and not sent" for name in sorted(missing)]
    for name, sent_as in names.items():
        if sent_as in source:
            found += flaws(getattr(value, name), source[sent_as], f"{path}.{sent_as}")
    return found


def _attributes(value: TelegramObject) -> list[str]:
    slots = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    return [name for name in slots if not name.startswith("_") and name != "api_kwargs"]


def test_the_check_finds_what_is_left_over_and_what_is_missing() -> None:
    sent = {"id": 1, "type": "private", "colour": "red"}
    chat = telegram.Chat.de_json(sent, None)
    message = telegram.Message(message_id=1, date=datetime(2026, 5, 1, tzinfo=UTC), chat=chat)
    assert flaws(message, {"message_id": 1, "chat": sent}, "m") == [
        "m.date: required, and not sent",
        "m.chat.colour: unknown to the library",
    ]


# -- every method ------------------------------------------------------------------------------------------------


async def get_updates(s: Scene) -> Any:
    await s.text()
    await s.tg.press(s.ann, s.group.find(await s.own()) or await s.text(), "Release")
    return await s.bot.get_updates(timeout=1)


async def get_webhook_info(s: Scene) -> Any:
    await s.bot.set_webhook("https://example.org/hook", max_connections=7, allowed_updates=["message"])
    return await s.bot.get_webhook_info()


async def get_file(s: Scene) -> Any:
    posted = await s.group.post_document(s.ann, b"data", name="a.txt")
    return await s.bot.get_file((posted.document or {})["file_id"])


async def get_chat(s: Scene) -> Any:
    s.tg.channel("News", discussion=s.group)
    await s.bot.set_chat_description(s.group.id, "We play.")
    await s.bot.set_chat_photo(s.group.id, PICTURE)
    await s.bot.export_chat_invite_link(s.group.id)
    await s.bot.pin_chat_message(s.group.id, (await s.text()).message_id)
    chat = await s.bot.get_chat(s.group.id)
    assert (chat.description, chat.is_forum, chat.active_usernames) == ("We play.", True, ("chess",))
    for known in (chat.photo, chat.permissions, chat.linked_chat_id, chat.pinned_message, chat.invite_link):
        assert known
    return chat


async def get_chat_administrators(s: Scene) -> Any:
    await s.bot.promote_chat_member(s.group.id, s.ann.id, can_pin_messages=True)
    await s.bot.set_chat_administrator_custom_title(s.group.id, s.ann.id, "Referee")
    return await s.bot.get_chat_administrators(s.group.id, return_bots=True)


async def set_chat_administrator_custom_title(s: Scene) -> Any:
    await s.bot.promote_chat_member(s.group.id, s.ann.id, can_pin_messages=True)
    return await s.bot.set_chat_administrator_custom_title(s.group.id, s.ann.id, "Referee")


async def forward_message(s: Scene) -> Any:
    posted = await s.group.post_photo(s.ann, PICTURE, caption="me")
    return await s.bot.forward_message(s.group.id, s.group.id, posted.message_id)


async def edit_message_caption(s: Scene) -> Any:
    sent = await s.bot.send_document(s.group.id, b"x", caption="one")
    return await s.bot.edit_message_caption(s.group.id, sent.message_id, caption="two")


async def stop_poll(s: Scene) -> Any:
    sent = await s.bot.send_poll(s.group.id, "Tea?", ["Yes", "No"])
    return await s.bot.stop_poll(s.group.id, sent.message_id)


async def unpin(s: Scene) -> Any:
    await s.bot.pin_chat_message(s.group.id, (await s.text()).message_id)
    return await s.bot.unpin_chat_message(s.group.id)


async def unban(s: Scene) -> Any:
    await s.bot.ban_chat_member(s.group.id, s.ann.id)
    return await s.bot.unban_chat_member(s.group.id, s.ann.id, only_if_banned=True)


async def delete_chat_photo(s: Scene) -> Any:
    await s.bot.set_chat_photo(s.group.id, PICTURE)
    return await s.bot.delete_chat_photo(s.group.id)


async def edit_link(s: Scene) -> Any:
    made = await s.bot.create_chat_invite_link(s.group.id, name="one")
    return await s.bot.edit_chat_invite_link(s.group.id, made, name="two", member_limit=5)


async def revoke_link(s: Scene) -> Any:
    made = await s.bot.create_chat_invite_link(s.group.id)
    return await s.bot.revoke_chat_invite_link(s.group.id, made)


async def reopen_topic(s: Scene) -> Any:
    thread = await s.topic()
    await s.bot.close_forum_topic(s.group.id, thread)
    return await s.bot.reopen_forum_topic(s.group.id, thread)


async def reopen_general(s: Scene) -> Any:
    await s.bot.close_general_forum_topic(s.group.id)
    return await s.bot.reopen_general_forum_topic(s.group.id)


async def unhide_general(s: Scene) -> Any:
    await s.bot.hide_general_forum_topic(s.group.id)
    return await s.bot.unhide_general_forum_topic(s.group.id)


async def get_my_commands(s: Scene) -> Any:
    scope = BotCommandScopeChat(s.group.id)
    await s.bot.set_my_commands([("help", "Help")], scope=scope)
    return await s.bot.get_my_commands(scope=scope)


async def get_user_profile_photos(s: Scene) -> Any:
    s.tg.add_profile_photo(s.ann, PICTURE)
    return await s.bot.get_user_profile_photos(s.ann.id)


async def answer_callback_query(s: Scene) -> Any:
    press = await s.tg.press(s.ann, s.group.find(await s.own()) or await s.text(), "Release")
    return await s.bot.answer_callback_query(press.id, "done")


async def answer_inline_query(s: Scene) -> Any:
    """The only one that is always refused: nobody asks inline."""
    article = InlineQueryResultArticle("1", "Chess", InputTextMessageContent("Chess"))
    with pytest.raises(BadRequest, match=r"^Query is too old"):
        await s.bot.answer_inline_query("1", [article])
    Recording.answer = True
    return True


async def answer_guest_query(s: Scene) -> Any:
    await s.tg.group("Elsewhere", members=[s.ann], with_bot=False).summon(s.ann, "Are you there?")
    (update,) = await s.bot.get_updates()
    assert update.guest_message is not None
    answer = InlineQueryResultArticle("1", "Chess", InputTextMessageContent("Here."))
    return await s.bot.answer_guest_query(str(update.guest_message.guest_query_id), answer)


async def business(s: Scene) -> tuple[str, int, int]:
    """A connection, and a message of a customer's in it."""
    rights = BusinessRights(can_reply=True, can_read_messages=True, can_delete_all_messages=True)
    connection = s.tg.business(s.ann, rights)
    customer = s.tg.user("Cem")
    message = await connection.chat_with(customer).post_text(customer, "open?")
    return connection.id, customer.id, message.message_id


async def get_business_connection(s: Scene) -> Any:
    return await s.bot.get_business_connection((await business(s))[0])


async def read_business_message(s: Scene) -> Any:
    return await s.bot.read_business_message(*await business(s))


async def delete_business_messages(s: Scene) -> Any:
    connection, _, message = await business(s)
    return await s.bot.delete_business_messages(connection, [message])


async def get_default_rights(s: Scene) -> Any:
    await s.bot.set_my_default_administrator_rights(RIGHTS)
    return await s.bot.get_my_default_administrator_rights()


async def edit_message_media(s: Scene) -> Any:
    sent = await s.bot.send_photo(s.group.id, PICTURE)
    return await s.bot.edit_message_media(InputMediaDocument(b"x", caption="new"), s.group.id, sent.message_id)


RIGHTS = ChatAdministratorRights.all_rights()
ALBUM: list[InputMediaPhoto | InputMediaVideo] = [
    InputMediaPhoto(PICTURE, caption="two"),
    InputMediaVideo(b"video", width=16, height=9),
]
PAID: list[InputPaidMediaPhoto | InputPaidMediaVideo] = [InputPaidMediaPhoto(PICTURE), InputPaidMediaVideo(b"video")]

CALLS: Mapping[str, Callable[[Scene], Awaitable[Any]]] = {
    "getMe": lambda s: s.bot.get_me(),
    "logOut": lambda s: s.bot.log_out(),
    "close": lambda s: s.bot.close(),
    "getUpdates": get_updates,
    "setWebhook": lambda s: s.bot.set_webhook("https://example.org/hook", secret_token="s"),
    "deleteWebhook": lambda s: s.bot.delete_webhook(drop_pending_updates=True),
    "getWebhookInfo": get_webhook_info,
    "getFile": get_file,
    "sendMessage": lambda s: s.bot.send_message(s.group.id, "<b>hi</b> @ann", parse_mode="HTML", reply_markup=KEYBOARD),
    "sendLivePhoto": lambda s: s.bot.send_live_photo(s.group.id, b"x", PICTURE, caption="x"),
    "sendPhoto": lambda s: s.bot.send_photo(s.group.id, PICTURE, has_spoiler=True),
    "sendAudio": lambda s: s.bot.send_audio(s.group.id, b"x", performer="Ann", title="Song", thumbnail=PICTURE),
    "sendDocument": lambda s: s.bot.send_document(s.group.id, b"x", caption="x", filename="a.txt", thumbnail=PICTURE),
    "sendVideo": lambda s: s.bot.send_video(s.group.id, b"x", width=1, height=2, duration=3),
    "sendAnimation": lambda s: s.bot.send_animation(s.group.id, b"x"),
    "sendVoice": lambda s: s.bot.send_voice(s.group.id, b"x"),
    "sendVideoNote": lambda s: s.bot.send_video_note(s.group.id, b"x", length=200),
    "sendSticker": lambda s: s.bot.send_sticker(s.group.id, b"x"),
    "sendMediaGroup": lambda s: s.bot.send_media_group(s.group.id, ALBUM),
    "sendPaidMedia": lambda s: s.bot.send_paid_media(s.group.id, 5, PAID, caption="x"),
    "sendLocation": lambda s: s.bot.send_location(s.group.id, 1.5, 2.5, horizontal_accuracy=3.5, live_period=60),
    "sendVenue": lambda s: s.bot.send_venue(s.group.id, 1.5, 2.5, "Club", "Lane 1", foursquare_id="4"),
    "sendContact": lambda s: s.bot.send_contact(s.group.id, "+1", "Ann", vcard="BEGIN:VCARD"),
    "sendPoll": lambda s: s.bot.send_poll(
        s.group.id, "Tea?", ["Yes", "No"], type="quiz", correct_option_ids=[0], explanation="Tea."
    ),
    "sendDice": lambda s: s.bot.send_dice(s.group.id, emoji="🎯"),
    "sendChatAction": lambda s: s.bot.send_chat_action(s.group.id, "typing"),
    "forwardMessage": forward_message,
    "forwardMessages": lambda s: _with(s, lambda m: s.bot.forward_messages(s.group.id, s.group.id, [m])),
    "copyMessage": lambda s: _with(s, lambda m: s.bot.copy_message(s.group.id, s.group.id, m)),
    "copyMessages": lambda s: _with(s, lambda m: s.bot.copy_messages(s.group.id, s.group.id, [m])),
    "editMessageText": lambda s: _own(s, lambda m: s.bot.edit_message_text("new", s.group.id, m)),
    "editMessageCaption": edit_message_caption,
    "editMessageMedia": edit_message_media,
    "editMessageReplyMarkup": lambda s: _own(s, lambda m: s.bot.edit_message_reply_markup(s.group.id, m)),
    "stopPoll": stop_poll,
    "deleteMessage": lambda s: _with(s, lambda m: s.bot.delete_message(s.group.id, m)),
    "deleteMessages": lambda s: _with(s, lambda m: s.bot.delete_messages(s.group.id, [m])),
    "deleteBusinessMessages": delete_business_messages,
    "pinChatMessage": lambda s: _with(s, lambda m: s.bot.pin_chat_message(s.group.id, m)),
    "unpinChatMessage": unpin,
    "unpinAllChatMessages": lambda s: s.bot.unpin_all_chat_messages(s.group.id),
    "banChatMember": lambda s: s.bot.ban_chat_member(s.group.id, s.ann.id, until_date=IN_A_DAY, revoke_messages=True),
    "unbanChatMember": unban,
    "restrictChatMember": lambda s: s.bot.restrict_chat_member(s.group.id, s.ann.id, ChatPermissions.no_permissions()),
    "promoteChatMember": lambda s: s.bot.promote_chat_member(s.group.id, s.ann.id, can_delete_messages=True),
    "setChatAdministratorCustomTitle": set_chat_administrator_custom_title,
    "banChatSenderChat": lambda s: s.bot.ban_chat_sender_chat(s.group.id, -1001),
    "unbanChatSenderChat": lambda s: s.bot.unban_chat_sender_chat(s.group.id, -1001),
    "setChatPermissions": lambda s: s.bot.set_chat_permissions(s.group.id, ChatPermissions.no_permissions()),
    "getChat": get_chat,
    "getChatAdministrators": get_chat_administrators,
    "getChatMember": lambda s: s.bot.get_chat_member(s.group.id, s.ann.id),
    "getChatMemberCount": lambda s: s.bot.get_chat_member_count(s.group.id),
    "leaveChat": lambda s: s.bot.leave_chat(s.group.id),
    "setChatTitle": lambda s: s.bot.set_chat_title(s.group.id, "Draughts"),
    "setChatDescription": lambda s: s.bot.set_chat_description(s.group.id, "We play."),
    "setChatPhoto": lambda s: s.bot.set_chat_photo(s.group.id, PICTURE),
    "deleteChatPhoto": delete_chat_photo,
    "createChatInviteLink": lambda s: s.bot.create_chat_invite_link(
        s.group.id, name="door", expire_date=IN_A_DAY, creates_join_request=True
    ),
    "editChatInviteLink": edit_link,
    "revokeChatInviteLink": revoke_link,
    "exportChatInviteLink": lambda s: s.bot.export_chat_invite_link(s.group.id),
    "approveChatJoinRequest": lambda s: _asked(s, lambda u: s.bot.approve_chat_join_request(s.group.id, u)),
    "declineChatJoinRequest": lambda s: _asked(s, lambda u: s.bot.decline_chat_join_request(s.group.id, u)),
    "createForumTopic": lambda s: s.bot.create_forum_topic(s.group.id, "Regatta", icon_custom_emoji_id="5"),
    "editForumTopic": lambda s: _topic(s, lambda t: s.bot.edit_forum_topic(s.group.id, t, name="Sail")),
    "closeForumTopic": lambda s: _topic(s, lambda t: s.bot.close_forum_topic(s.group.id, t)),
    "reopenForumTopic": reopen_topic,
    "deleteForumTopic": lambda s: _topic(s, lambda t: s.bot.delete_forum_topic(s.group.id, t)),
    "unpinAllForumTopicMessages": lambda s: _topic(s, lambda t: s.bot.unpin_all_forum_topic_messages(s.group.id, t)),
    "editGeneralForumTopic": lambda s: s.bot.edit_general_forum_topic(s.group.id, "Everything"),
    "closeGeneralForumTopic": lambda s: s.bot.close_general_forum_topic(s.group.id),
    "reopenGeneralForumTopic": reopen_general,
    "hideGeneralForumTopic": lambda s: s.bot.hide_general_forum_topic(s.group.id),
    "unhideGeneralForumTopic": unhide_general,
    "unpinAllGeneralForumTopicMessages": lambda s: s.bot.unpin_all_general_forum_topic_messages(s.group.id),
    "setMyCommands": lambda s: s.bot.set_my_commands([("help", "Help")], language_code="de"),
    "getMyCommands": get_my_commands,
    "deleteMyCommands": lambda s: s.bot.delete_my_commands(),
    "setMyName": lambda s: s.bot.set_my_name("Lazaretto"),
    "getMyName": lambda s: s.bot.get_my_name(),
    "setMyDescription": lambda s: s.bot.set_my_description("Looks into files."),
    "getMyDescription": lambda s: s.bot.get_my_description("de"),
    "setMyShortDescription": lambda s: s.bot.set_my_short_description("Looks."),
    "getMyShortDescription": lambda s: s.bot.get_my_short_description(),
    "setMyDefaultAdministratorRights": lambda s: s.bot.set_my_default_administrator_rights(RIGHTS, for_channels=True),
    "getMyDefaultAdministratorRights": get_default_rights,
    "getUserProfilePhotos": get_user_profile_photos,
    "answerGuestQuery": answer_guest_query,
    "setMessageReaction": lambda s: _with(s, lambda m: s.bot.set_message_reaction(s.group.id, m, "👍")),
    "answerCallbackQuery": answer_callback_query,
    "answerInlineQuery": answer_inline_query,
    "getBusinessConnection": get_business_connection,
    "readBusinessMessage": read_business_message,
}


async def _with(s: Scene, call: Callable[[int], Awaitable[Any]]) -> Any:
    return await call((await s.text()).message_id)


async def _own(s: Scene, call: Callable[[int], Awaitable[Any]]) -> Any:
    return await call(await s.own())


async def _topic(s: Scene, call: Callable[[int], Awaitable[Any]]) -> Any:
    return await call(await s.topic())


async def _asked(s: Scene, call: Callable[[int], Awaitable[Any]]) -> Any:
    return await call((await s.outsider()).id)


def test_every_method_is_called() -> None:
    assert CALLS.keys() == METHODS.keys()


@pytest.mark.parametrize("method", sorted(CALLS))
async def test_a_method_answers_what_the_library_expects(scene: Scene, method: str) -> None:
    answer = await CALLS[method](scene)
    assert scene.tg.calls[-1].method == method
    assert answer is not None
    assert flaws(answer, Recording.answer, method) == []


# -- every standing and every update -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "member",
    [
        ("creator", {}),
        ("administrator", {"rights": Rights.full(), "custom_title": "Referee", "can_be_edited": True}),
        ("member", {}),
        ("restricted", {"permissions": Permissions.none(), "until_date": 2_000_000_000}),
        ("left", {}),
        ("kicked", {"until_date": 2_000_000_000}),
    ],
    ids=lambda member: member[0],
)
async def test_every_standing_parses_whole(scene: Scene, member: tuple[Any, dict[str, Any]]) -> None:
    scene.group.members[scene.ann.id] = Member(scene.ann, member[0], **member[1])
    found = await scene.bot.get_chat_member(scene.group.id, scene.ann.id)
    assert (found.status, found.user.id) == (member[0], scene.ann.id)
    assert flaws(found, Recording.answer, "member") == []


async def test_the_updates_that_methods_bring_about_parse_whole(scene: Scene) -> None:
    bot, group, ann = scene.bot, scene.group, scene.ann
    await bot.get_updates(allowed_updates=telegram.Update.ALL_TYPES)
    await bot.restrict_chat_member(group.id, ann.id, ChatPermissions.no_permissions(), until_date=IN_A_DAY)
    await bot.promote_chat_member(group.id, ann.id, can_pin_messages=True)
    await bot.promote_chat_member(group.id, ann.id)
    await bot.pin_chat_message(group.id, await scene.own())
    await bot.set_chat_title(group.id, "Draughts")
    await bot.set_chat_photo(group.id, PICTURE)
    await bot.create_forum_topic(group.id, "Regatta")
    await bot.hide_general_forum_topic(group.id)
    await bot.approve_chat_join_request(group.id, (await scene.outsider()).id)
    await bot.ban_chat_member(group.id, ann.id)
    await bot.leave_chat(group.id)
    updates = await bot.get_updates()
    assert flaws(updates, Recording.answer, "updates") == []
    messages = [update.message for update in updates if update.message is not None]
    assert [name for message in messages for name in SERVICE if getattr(message, name)] == list(SERVICE)
    assert sum(update.chat_member is not None for update in updates) == 5
    assert sum(update.my_chat_member is not None for update in updates) == 1


SERVICE = (
    "pinned_message",
    "new_chat_title",
    "new_chat_photo",
    "forum_topic_created",
    "general_forum_topic_hidden",
    "new_chat_members",
    "left_chat_member",
)
