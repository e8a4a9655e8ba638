"""Which messages are commands of ours, who may give them, and that the host never has them."""

from __future__ import annotations

from typing import Any

import pytest
import telegram
from telegram import Update
from telegram.ext import ApplicationHandlerStop

from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.languages import language_of
from lazaretto.telegram.authority import Authority, Right
from lazaretto.telegram.commands.asked import Asked, Command, Scope
from lazaretto.telegram.commands.dispatch import Commands, deep_link

Json = dict[str, Any]


class Desk:
    """Three commands, and what was carried out."""

    def __init__(self, bot: telegram.Bot) -> None:
        self.bot, self.done, self.admitted = bot, list[Asked](), True
        self.commands = Commands(
            [
                Command("lazaretto", "Settings", self.run, Right.SETTINGS),
                Command("cases", "Cases", self.run, Right.REVIEW, Scope.GROUP),
                Command("privacy", "Privacy", self.run, None),
                Command("broken", "Breaks", self.fail, None),
            ],
            self.ready,
            Authority(),
            lambda _place, _code: language_of("en"),
            lambda _place: self.admitted,
        )

    async def ready(self) -> telegram.Bot:
        return self.bot

    async def run(self, asked: Asked) -> None:
        self.done.append(asked)

    async def fail(self, asked: Asked) -> None:
        raise ValueError(asked)

    def update(self, chat: Chat, sender: User, text: str, **fields: Any) -> Update:
        command = text.split()[0] if text.startswith("/") else ""
        entities = [{"type": "bot_command", "offset": 0, "length": len(command)}] if command else []
        about = {"id": chat.id, "type": "private" if chat.id > 0 else "supergroup", "title": "Chess"}
        message = {"message_id": 5, "date": 1, "chat": about, "from": sender.json(), "text": text, **fields}
        return Update.de_json({"update_id": 1, "message": {"entities": entities, **message}}, self.bot)

    def called(self, update: Update) -> tuple[str, tuple[str, ...]] | None:
        found = self.commands.check_update(update)
        return None if found is None else (found[0].name, found[1])

    async def carry_out(self, update: Update) -> None:
        found = self.commands.check_update(update)
        assert found is not None
        with pytest.raises(ApplicationHandlerStop):
            await self.commands.handle_update(update, None, found, None)  # type: ignore[arg-type] # not looked at


@pytest.fixture
async def desk(bot: telegram.Bot) -> Desk:
    return Desk(bot)


@pytest.fixture
def admin(tg: Emulator, group: Chat) -> User:
    user = tg.user("Mod")
    group.set_standing(user, "administrator", Rights(can_change_info=True, can_delete_messages=True))
    return user


@pytest.mark.parametrize(
    ("text", "called", "called_alone"),
    [
        ("/lazaretto", ("lazaretto", ()), ("lazaretto", ())),
        ("/lazaretto set mode", ("lazaretto", ("set", "mode")), ("lazaretto", ("set", "mode"))),
        ("/lazaretto cases open", ("cases", ("open",)), ("cases", ("open",))),
        ("/LAZARETTO Cases", ("cases", ()), ("cases", ())),
        ("/cases open", None, ("cases", ("open",))),
        ("/start lz_cases_-100 all", ("cases", ("-100", "all")), ("cases", ("-100", "all"))),
        ("/start", None, None),
        ("/start lz_nothing", None, None),
        ("/cases@somebody_else", None, None),
        ("look: /cases", None, None),
        ("cases", None, None),
    ],
)
def test_commands_are_found_by_their_names_and_under_ours(
    desk: Desk, group: Chat, ann: User, text: str, called: object, called_alone: object
) -> None:
    assert desk.called(desk.update(group, ann, text)) == called
    desk.commands.alone = True
    assert desk.called(desk.update(group, ann, text)) == called_alone


def test_an_edit_gives_no_command_twice(desk: Desk, group: Chat, ann: User) -> None:
    update = desk.update(group, ann, "/lazaretto").to_dict()
    update["edited_message"] = update.pop("message")
    assert desk.called(Update.de_json(update, desk.bot)) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"via_bot": {"id": 9, "is_bot": True, "first_name": "gif", "username": "gif"}},
        {"forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "Eve"}},
    ],
)
def test_what_somebody_else_wrote_is_no_command_of_whoever_sends_it(
    desk: Desk, group: Chat, admin: User, fields: Json
) -> None:
    assert desk.called(desk.update(group, admin, "/lazaretto set exempt 5", **fields)) is None


async def test_a_command_knows_whether_it_came_by_a_link(desk: Desk, group: Chat, admin: User) -> None:
    await desk.carry_out(desk.update(group, admin, "/start lz_lazaretto_set_mode"))
    await desk.carry_out(desk.update(group, admin, "/lazaretto set mode"))
    assert [(asked.words, asked.by_link) for asked in desk.done] == [(("set", "mode"), True), (("set", "mode"), False)]


def test_a_command_with_our_own_name_is_ours(desk: Desk, group: Chat, ann: User) -> None:
    assert desk.called(desk.update(group, ann, f"/lazaretto@{desk.bot.username}")) == ("lazaretto", ())


async def test_only_who_has_the_right_is_obeyed(desk: Desk, group: Chat, ann: User, admin: User) -> None:
    await desk.carry_out(desk.update(group, ann, "/lazaretto"))
    assert not desk.done
    assert "who may change its info" in (group.messages[-1].text or "")
    await desk.carry_out(desk.update(group, admin, "/lazaretto"))
    (asked,) = desk.done
    assert (asked.by.id, asked.user, asked.place.chat) == (str(admin.id), admin.id, str(group.id))


async def test_who_writes_as_the_group_is_led_into_the_private_chat(desk: Desk, group: Chat, admin: User) -> None:
    as_group = {"id": group.id, "type": "supergroup", "title": "Chess"}
    await desk.carry_out(desk.update(group, admin, "/lazaretto cases open", sender_chat=as_group))
    assert not desk.done
    answer = group.messages[-1]
    assert "cannot be told" in (answer.text or "")
    link = deep_link(desk.bot, "cases", str(group.id), "open")
    assert link.endswith(f"?start=lz_cases_{group.id}_open")
    assert link in str(answer.json())


async def test_where_a_command_works_is_said(desk: Desk, tg: Emulator, ann: User) -> None:
    private = tg.private(ann)
    await private.post_text(ann, "/start")  # a bot may write to nobody who never wrote to it
    await desk.carry_out(desk.update(private, ann, "/lazaretto cases"))
    assert not desk.done
    assert private.messages[-1].text == "This works in a group only."


async def test_nothing_is_answered_where_the_operator_does_not_let_the_bot_work(
    desk: Desk, group: Chat, admin: User
) -> None:
    desk.admitted, before = False, len(group.messages)
    await desk.carry_out(desk.update(group, admin, "/lazaretto"))
    assert (len(group.messages), desk.done) == (before, [])


async def test_a_command_that_fails_says_so_and_the_host_does_not_have_it(desk: Desk, group: Chat, ann: User) -> None:
    await desk.carry_out(desk.update(group, ann, "/lazaretto broken"))
    assert "did not work" in (group.messages[-1].text or "")


async def test_even_where_nothing_can_be_answered_the_host_does_not_have_it(
    desk: Desk, tg: Emulator, group: Chat, ann: User
) -> None:
    tg.faults.fail("sendMessage", error_code=500)
    await desk.carry_out(desk.update(group, ann, "/lazaretto broken"))
