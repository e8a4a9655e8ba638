"""Deleting, editing, buttons, and what a bot may ask about a chat."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
import telegram
from telegram import InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest, Forbidden

from lazaretto.emulator import Chat, Emulator, Message, Rights, User

KEYBOARD = InlineKeyboardMarkup(
    [[InlineKeyboardButton("Release", callback_data="lz:r:1"), InlineKeyboardButton("Confirm", callback_data="lz:c:1")]]
)


async def card(group: Chat, bot: telegram.Bot) -> Message:
    await bot.send_message(group.id, "card", reply_markup=KEYBOARD)
    return group.messages[-1]


# -- deleting ----------------------------------------------------------------------------------------------------


async def test_a_deleted_message_is_gone_from_the_group_and_kept_for_the_test(
    group: Chat, ann: User, bot: telegram.Bot
) -> None:
    message = await group.post_text(ann, "spam")
    assert await bot.delete_message(group.id, message.message_id)
    assert (group.messages, group.deleted, message.deleted) == ([], [message], True)


async def test_a_message_is_deleted_only_once(group: Chat, ann: User, bot: telegram.Bot) -> None:
    message = await group.post_text(ann, "spam")
    await bot.delete_message(group.id, message.message_id)
    with pytest.raises(BadRequest, match=r"^Message to delete not found$"):
        await bot.delete_message(group.id, message.message_id)


@pytest.mark.parametrize("rights", [None, Rights(), Rights(can_restrict_members=True)], ids=["member", "none", "other"])
async def test_deletion_needs_the_right_but_ones_own_messages_do_not(
    tg: Emulator, ann: User, bot: telegram.Bot, rights: Rights | None
) -> None:
    club = tg.group("Tea club", members=[ann], bot_rights=rights)
    theirs = await club.post_text(ann, "spam")
    own = await bot.send_message(club.id, "notice")
    with pytest.raises(BadRequest, match=r"^Message can't be deleted$"):
        await bot.delete_message(club.id, theirs.message_id)
    await bot.delete_message(club.id, own.message_id)
    assert club.messages == [theirs]


async def test_nothing_is_deleted_after_two_days(tg: Emulator, group: Chat, ann: User, bot: telegram.Bot) -> None:
    old, older = await group.post_text(ann, "spam"), await bot.send_message(group.id, "notice")
    tg.advance(timedelta(hours=48, minutes=1))
    for message_id in (old.message_id, older.message_id):
        with pytest.raises(BadRequest, match=r"^Message can't be deleted$"):
            await bot.delete_message(group.id, message_id)


async def test_in_private_a_bot_may_delete_what_it_was_sent(tg: Emulator, ann: User, bot: telegram.Bot) -> None:
    chat = tg.private(ann)
    message = await chat.post_text(ann, "file for review")
    await bot.delete_message(chat.id, message.message_id)
    assert chat.messages == []


async def test_deleting_many_skips_what_cannot_be_deleted_and_says_yes(
    tg: Emulator, group: Chat, ann: User, bot: telegram.Bot
) -> None:
    old = await group.post_text(ann, "old")
    tg.advance(timedelta(hours=49))
    new = await group.post_text(ann, "new")
    assert await bot.delete_messages(group.id, [old.message_id, new.message_id, 99])
    assert group.messages == [old]


@pytest.mark.parametrize(
    ("ids", "description"),
    [([], "message identifiers are not specified"), (list(range(101)), "too many message identifiers specified")],
)
async def test_between_one_and_a_hundred_are_deleted_at_once(
    group: Chat, api: httpx.AsyncClient, ids: list[int], description: str
) -> None:
    answer = await api.post("deleteMessages", json={"chat_id": group.id, "message_ids": ids})
    assert (answer.status_code, answer.json()["description"]) == (400, f"Bad Request: {description}")


# -- editing -----------------------------------------------------------------------------------------------------


async def test_an_edited_text_loses_a_keyboard_that_is_not_sent_again(group: Chat, bot: telegram.Bot) -> None:
    message = await card(group, bot)
    edited = await bot.edit_message_text("<b>released</b>", group.id, message.message_id, parse_mode="HTML")
    assert isinstance(edited, telegram.Message)
    assert edited.edit_date is not None
    assert (message.text, message.buttons) == ("released", [])


async def test_an_edit_that_changes_nothing_is_refused(group: Chat, bot: telegram.Bot) -> None:
    message = await card(group, bot)
    for edit in (
        bot.edit_message_text("card", group.id, message.message_id, reply_markup=KEYBOARD),
        bot.edit_message_reply_markup(group.id, message.message_id, reply_markup=KEYBOARD),
    ):
        with pytest.raises(BadRequest, match=r"^Message is not modified: "):
            await edit
    assert message.edit_date is None


async def test_a_keyboard_alone_is_edited(group: Chat, bot: telegram.Bot) -> None:
    message = await card(group, bot)
    await bot.edit_message_reply_markup(group.id, message.message_id)
    assert (message.text, message.reply_markup) == ("card", None)


async def test_a_caption_is_edited_and_taken_away(group: Chat, bot: telegram.Bot) -> None:
    sent = await bot.send_document(group.id, b"x", caption="one")
    await bot.edit_message_caption(group.id, sent.message_id, caption="two")
    assert group.messages[-1].caption == "two"
    await bot.edit_message_caption(group.id, sent.message_id)
    assert group.messages[-1].caption is None


async def test_edits_that_telegram_refuses(group: Chat, ann: User, api: httpx.AsyncClient, bot: telegram.Bot) -> None:
    theirs = (await group.post_text(ann, "x")).message_id
    text = (await bot.send_message(group.id, "x")).message_id
    document = (await bot.send_document(group.id, b"x")).message_id
    for method, message_id, description in (
        ("editMessageText", 99, "message to edit not found"),
        ("editMessageText", theirs, "message can't be edited"),
        ("editMessageText", document, "there is no text in the message to edit"),
        ("editMessageCaption", text, "there is no caption in the message to edit"),
    ):
        params = {"chat_id": group.id, "message_id": message_id, "text": "y", "caption": "y"}
        assert (await api.post(method, json=params)).json()["description"] == f"Bad Request: {description}"


# -- buttons -----------------------------------------------------------------------------------------------------


async def test_a_press_reaches_the_bot_and_the_answer_the_presser(
    tg: Emulator, group: Chat, mod: User, bot: telegram.Bot
) -> None:
    message = await card(group, bot)
    press = await tg.press(mod, message, "Rel")
    query = (await bot.get_updates())[0].callback_query
    assert query is not None
    assert (query.data, query.from_user.id) == ("lz:r:1", mod.id)
    assert query.message is not None
    assert query.message.message_id == message.message_id
    assert press.answer is None
    await query.answer("Only moderators", show_alert=True)
    answer = await press.answered()
    assert (answer.text, answer.show_alert) == ("Only moderators", True)


async def test_a_button_may_be_named_by_its_data(tg: Emulator, group: Chat, mod: User, bot: telegram.Bot) -> None:
    assert (await tg.press(mod, await card(group, bot), data="lz:c:1")).data == "lz:c:1"


async def test_of_two_answers_the_first_is_shown(tg: Emulator, group: Chat, mod: User, bot: telegram.Bot) -> None:
    press = await tg.press(mod, await card(group, bot), "Release")
    await bot.answer_callback_query(press.id, "one")
    await bot.answer_callback_query(press.id, "two")
    assert (await press.answered()).text == "one"


async def test_answers_that_telegram_refuses(tg: Emulator, group: Chat, mod: User, bot: telegram.Bot) -> None:
    press = await tg.press(mod, await card(group, bot), "Release")
    with pytest.raises(BadRequest, match=r"^Message_too_long$"):
        await bot.answer_callback_query(press.id, "x" * 201)
    with pytest.raises(BadRequest, match=r"^Query is too old"):
        await bot.answer_callback_query("12345")
    tg.advance(timedelta(hours=1))
    with pytest.raises(BadRequest, match=r"^Query is too old"):
        await bot.answer_callback_query(press.id)


async def test_an_unanswered_press_says_which(tg: Emulator, group: Chat, mod: User, bot: telegram.Bot) -> None:
    press = await tg.press(mod, await card(group, bot), "Release")
    with pytest.raises(TimeoutError, match="'lz:r:1'"):
        await press.answered(timeout=0)


async def test_after_two_days_the_pressed_message_is_inaccessible(
    tg: Emulator, group: Chat, mod: User, bot: telegram.Bot
) -> None:
    message = await card(group, bot)
    tg.advance(timedelta(hours=49))
    await tg.press(mod, message, "Release")
    query = (await bot.get_updates())[0].callback_query
    assert query is not None
    assert query.message is not None
    assert (query.message.message_id, query.message.is_accessible) == (message.message_id, False)


async def test_only_buttons_that_are_there_are_pressed(tg: Emulator, group: Chat, mod: User, bot: telegram.Bot) -> None:
    message = await card(group, bot)
    with pytest.raises(ValueError, match="has no button 'Burn'; its callback buttons: 'Release', 'Confirm'"):
        await tg.press(mod, message, "Burn")
    await bot.delete_message(group.id, message.message_id)
    with pytest.raises(ValueError, match="is deleted"):
        await tg.press(mod, message, "Release")


async def test_of_several_buttons_the_one_that_says_exactly_so_is_pressed(
    tg: Emulator, group: Chat, mod: User, bot: telegram.Bot
) -> None:
    rows = [[telegram.InlineKeyboardButton(text, callback_data=text)] for text in ("Yes, all", "Yes", "Yes, now")]
    await bot.send_message(group.id, "Sure?", reply_markup=telegram.InlineKeyboardMarkup(rows))
    assert (await tg.press(mod, group.messages[-1], "Yes")).data == "Yes"
    with pytest.raises(ValueError, match="several buttons match 'Yes, '; its callback buttons: 'Yes, all', 'Yes', 'Y"):
        await tg.press(mod, group.messages[-1], "Yes, ")


# -- chats and the bot itself -------------------------------------------------------------------------------------


async def test_a_chat_and_its_people(tg: Emulator, ann: User, bot: telegram.Bot) -> None:
    owner, mod, helper = tg.user("Olga"), tg.user("Mod"), tg.user("Helper", is_bot=True)
    ranks = {mod: Rights(can_delete_messages=True), helper: Rights()}
    club = tg.group("Tea club", members=[ann], admins=ranks, creator=owner, bot_rights=Rights())
    chat = await bot.get_chat(club.id)
    assert (chat.title, chat.type) == ("Tea club", "supergroup")
    admins = await bot.get_chat_administrators(club.id)
    by_rank = [(mod.id, "administrator"), (owner.id, "creator"), (tg.bot.id, "administrator")]
    assert [(admin.user.id, admin.status) for admin in admins] == by_rank
    assert isinstance(admins[0], telegram.ChatMemberAdministrator)
    assert (admins[0].can_delete_messages, admins[0].can_restrict_members) == (True, False)
    assert len(await bot.get_chat_administrators(club.id, return_bots=True)) == 4
    assert (await bot.get_chat_member(club.id, ann.id)).status == "member"
    assert (await bot.get_chat_member(club.id, tg.user("Stranger").id)).status == "left"
    assert await bot.get_chat_member_count(club.id) == 5


async def test_a_banned_user_is_shown_as_such(group: Chat, ann: User, mod: User, bot: telegram.Bot) -> None:
    group.set_standing(ann, "kicked", by=mod)
    assert isinstance(await bot.get_chat_member(group.id, ann.id), telegram.ChatMemberBanned)


async def test_a_private_chat_has_no_administrators(tg: Emulator, ann: User, bot: telegram.Bot) -> None:
    assert (await bot.get_chat(tg.private(ann).id)).first_name == "Ann"
    with pytest.raises(BadRequest, match=r"^There are no administrators in the private chat$"):
        await bot.get_chat_administrators(ann.id)


async def test_an_unknown_user_is_not_found(group: Chat, bot: telegram.Bot) -> None:
    with pytest.raises(BadRequest, match=r"^User not found$"):
        await bot.get_chat_member(group.id, 1)
    with pytest.raises(BadRequest, match=r"^Invalid user_id specified$"):
        await bot.get_chat_member(group.id, 0)


async def test_a_bot_that_left_is_outside(group: Chat, bot: telegram.Bot) -> None:
    assert await bot.leave_chat(group.id)
    with pytest.raises(Forbidden, match="bot is not a member of the supergroup chat"):
        await bot.get_chat(group.id)


async def test_the_bot_knows_itself(tg: Emulator, bot: telegram.Bot) -> None:
    me = await bot.get_me()
    assert (me.id, me.username, me.is_bot) == (tg.bot.id, "lazaretto_demo_bot", True)
    assert (me.can_join_groups, me.can_read_all_group_messages) == (True, False)


async def test_commands_are_kept_by_scope_and_language(bot: telegram.Bot) -> None:
    everywhere, private = [("help", "Help")], [("start", "Begin")]
    scope = telegram.BotCommandScopeAllPrivateChats()
    await bot.set_my_commands(everywhere)
    await bot.set_my_commands(private, scope=scope, language_code="en")
    assert [c.command for c in await bot.get_my_commands()] == ["help"]
    assert [c.command for c in await bot.get_my_commands(scope=scope, language_code="en")] == ["start"]
    await bot.delete_my_commands()
    assert await bot.get_my_commands() == ()


@pytest.mark.parametrize(
    ("commands", "description"),
    [
        (None, 'parameter "commands" is required'),
        ([{"command": "Help!", "description": "x"}], "BOT_COMMAND_INVALID"),
        ([{"command": "help", "description": ""}], "BOT_COMMAND_DESCRIPTION_INVALID"),
        (["help"], "can't parse BotCommand: expected an Object with command and description"),
        ([{"command": "a", "description": "x"}] * 101, "BOT_COMMANDS_TOO_MUCH"),
    ],
)
async def test_commands_that_telegram_refuses(api: httpx.AsyncClient, commands: Any, description: str) -> None:
    answer = await api.post("setMyCommands", json={"commands": commands})
    assert answer.json()["description"] == f"Bad Request: {description}"
