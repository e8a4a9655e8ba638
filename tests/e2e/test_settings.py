"""The settings of a group, by menu and by text: what changes them, who may, and what is left when somebody may not."""

from __future__ import annotations

import asyncio
import json
import tomllib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import Host, build, events, policies, polling, until
from lazaretto.backtest import Comparison, Unjudged, backtest
from lazaretto.config import Configuration
from lazaretto.emulator import Chat, Message, Rights, User
from lazaretto.languages import language_of
from lazaretto.model import Action, Mode, Person, Place
from lazaretto.telegram.commands import menu_try
from lazaretto.telegram.commands.menu_try import told

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
HOSTILE = "<b>Chess</b> & \u202eclub\n</a>\x1b[31m" + "x" * 300


def command(text: str) -> dict[str, Any]:
    """A message's fields that make its first word a command, as Telegram's clients do."""
    return {"entities": [{"type": "bot_command", "offset": 0, "length": len(text.split()[0])}]}


@dataclass
class Desk:
    """The bot in a group that nothing is configured for, and people who write to it."""

    town: Town
    host: Host
    group: Chat
    asked: int = field(default=0)

    @property
    def place(self) -> Place:
        return Place("telegram", str(self.group.id))

    def mode(self) -> Mode:
        return self.host.guard.policies.policy_of(self.place).mode

    async def type(self, chat: Chat, user: User, text: str, **fields: Any) -> Message:
        """Write a command and wait for the answer, the newest message of the bot's."""
        before = len(self._own(chat))
        await chat.post(user, text=text, **command(text), **fields)
        await until(lambda: len(self._own(chat)) > before)
        return self._own(chat)[-1]

    def _own(self, chat: Chat) -> list[Message]:
        return [m for m in chat.messages if m.sender is not None and m.sender.id == self.town.tg.bot.id]

    async def menu(self, user: User) -> Message:
        """The menu, opened by the deep link."""
        return await self.type(self.town.tg.private(user), user, f"/start lz_lazaretto_{self.group.id}")

    async def press(self, user: User, menu: Message, label: str) -> str:
        """Press a button; what was answered."""
        return (await (await self.town.tg.press(user, menu, label)).answered()).text or ""

    async def forge(self, user: User, menu: Message, data: str) -> str:
        """A press whose data no button has, or that of a button that is gone; what was answered."""
        self.asked += 1
        query = f"forged-{self.asked}"
        await self.town.tg.inject(
            {
                "callback_query": {
                    "id": query,
                    "from": user.json(),
                    "message": menu.json(),
                    "chat_instance": "1",
                    "data": data,
                }
            }
        )
        answers = self.town.tg.calls_of

        def answer() -> list[Any]:
            return [call for call in answers("answerCallbackQuery") if call.params["callback_query_id"] == query]

        await until(lambda: bool(answer()))
        return str(answer()[0].params.get("text", ""))

    async def judged(self, count: int) -> None:
        """Wait until so many attachments have been decided about."""
        store = (await self.host.guard.start()).store

        async def decided() -> bool:
            return [record["event"] for record in await events(store)].count("decided") == count

        await until(decided)

    async def settings(self) -> list[dict[str, Any]]:
        """What the audit log says was set."""
        store = (await self.host.guard.start()).store
        return [record["data"] for record in await events(store) if record["event"] == "setting-changed"]


@pytest.fixture
async def desk(town: Town) -> AsyncIterator[Desk]:
    group = town.tg.group("Bridge club", members=[town.ann, town.eve], admins=[town.mila], bot_rights=Rights.full())
    config = policies(town.state, {town.group: town.guarded}, screening={"workers": 4})
    async with polling(build(town.tg, config)) as host:
        yield Desk(town, host, group)


async def test_in_the_group_there_is_a_short_line_and_a_link(desk: Desk) -> None:
    answer = await desk.type(desk.group, desk.town.mila, "/lazaretto")
    assert answer.text == "The settings of this group open in the private chat with me."
    assert answer.keyboard[0][0]["url"].endswith(f"?start=lz_lazaretto_{desk.group.id}")


async def test_a_deep_link_opens_the_menu_of_its_group(desk: Desk) -> None:
    menu = await desk.menu(desk.town.mila)
    assert "Settings of Bridge club" in (menu.text or "")
    assert "Mode" in menu.buttons
    assert all(len(row) <= 3 for row in menu.keyboard)


@pytest.mark.parametrize("words", ["set_exempt_5", "set_dangerous_forward", "set_language_de", "unset_language"])
async def test_a_deep_link_shows_and_changes_nothing(desk: Desk, words: str) -> None:
    """Anybody can write one, and whoever taps it never sees what it says."""
    mila, private = desk.town.mila, desk.town.tg.private(desk.town.mila)
    await desk.type(desk.group, mila, "/lazaretto set language nl")
    before = desk.host.guard.policies.policy_of(desk.place)
    link = f"/start lz_lazaretto_{desk.group.id}_{words}"
    menu = await desk.type(private, mila, link)
    assert "Bridge club" in (menu.text or "")
    assert len(menu.keyboard) > 3
    in_group = await desk.type(desk.group, mila, f"/start lz_lazaretto_{words}")
    assert "url" in in_group.keyboard[0][0]
    assert desk.host.guard.policies.policy_of(desk.place) == before


async def test_a_deep_link_begins_no_drill(desk: Desk) -> None:
    mila, private = desk.town.mila, desk.town.tg.private(desk.town.mila)
    answer = await desk.type(private, mila, f"/start lz_drill_{desk.group.id}")
    assert (answer.text or "").startswith("Write /drill in the group")


async def test_without_a_group_whoever_administers_one_gets_that_one(desk: Desk) -> None:
    await desk.type(desk.group, desk.town.mila, "/lazaretto set language de")
    desk.town.group.set_standing(desk.town.mila, "member")
    menu = await desk.type(desk.town.tg.private(desk.town.mila), desk.town.mila, "/lazaretto")
    assert "Settings of Bridge club" in (menu.text or "")


async def test_without_a_group_whoever_administers_several_chooses(desk: Desk) -> None:
    await desk.type(desk.group, desk.town.mila, "/lazaretto set max_size 5mb")
    menu = await desk.type(desk.town.tg.private(desk.town.mila), desk.town.mila, "/lazaretto")
    assert sorted(menu.buttons) == ["Bridge club", "Chess club"]
    await desk.press(desk.town.mila, menu, "Bridge club")
    assert "Settings of Bridge club" in (menu.text or "")


async def test_who_administers_nothing_learns_of_no_group(desk: Desk) -> None:
    answer = await desk.type(desk.town.tg.private(desk.town.eve), desk.town.eve, "/lazaretto")
    assert answer.buttons == []
    assert "I know no group" in (answer.text or "")


async def test_the_menu_is_one_message_and_every_page_has_a_way_back(desk: Desk) -> None:
    menu = await desk.menu(desk.town.mila)
    sent = len(desk.town.tg.calls_of("sendMessage"))
    for label in [b for b in menu.buttons if b not in ("Export",)]:
        await desk.press(desk.town.mila, menu, label)
        assert "« Back" in menu.buttons, label
        assert all(len(row) <= 3 for row in menu.keyboard), label
        await desk.press(desk.town.mila, menu, "« Back")
        assert "Export" in menu.buttons
    assert len(desk.town.tg.calls_of("sendMessage")) == sent


async def _every_button(desk: Desk, menu: Message, admin: User) -> set[str]:
    """The data of every button that can be reached."""
    found: set[str] = set()
    unseen = [b["callback_data"] for row in menu.keyboard for b in row]
    while unseen:
        data = unseen.pop()
        if data in found:
            continue
        found.add(data)
        if ":=" in data or ":try." in data or data.endswith((":export", ":choose")):
            continue
        await desk.forge(admin, menu, data)
        unseen += [b["callback_data"] for row in menu.keyboard for b in row]
    return found


async def test_no_button_of_the_menu_works_for_whoever_may_not(desk: Desk) -> None:
    town = desk.town
    menu = await desk.menu(town.mila)
    every = await _every_button(desk, menu, town.mila)
    assert len(every) > 80
    assert all(len(data.encode()) <= 64 for data in every)
    stranger, weak = town.tg.user("Oscar"), town.tg.user("Wanda")
    elsewhere = town.tg.user("Otto")
    desk.group.set_standing(weak, "administrator", Rights(can_delete_messages=True, can_restrict_members=True))
    town.tg.group("Another club", creator=elsewhere, bot_rights=Rights.full())
    for user in (town.eve, weak, elsewhere, stranger):
        own = await desk.type(town.tg.private(user), user, "/lazaretto")
        for data in sorted(every):
            answer = await desk.forge(user, own, data)
            assert answer.startswith(("Only administrators", "Your rights")), (user.first_name, data, answer)
        assert own.buttons == []
        # Nor by a press under somebody else's menu.
        assert await desk.forge(user, menu, next(iter(every))) == "This button is not one of ours."
    assert await desk.settings() == []
    assert not town.tg.calls_of("sendDocument")


async def test_the_groups_owner_and_the_installations_may(town: Town) -> None:
    olga = town.tg.user("Olga")
    group = town.tg.group("Bridge club", creator=town.ann, bot_rights=Rights.full())
    config = policies(town.state, {}, owners=[str(olga.id)])
    async with polling(build(town.tg, config)) as host:
        desk = Desk(town, host, group)
        for user, size in ((town.ann, "5 MB"), (olga, "20 MB")):
            menu = await desk.menu(user)
            await desk.press(user, menu, "Size")
            assert await desk.press(user, menu, size) == ""
        assert [(one["key"], one.get("old"), one["new"]) for one in await desk.settings()] == [
            ("max_size", None, "5 MB"),
            ("max_size", "5 MB", "20 MB"),
        ]


async def test_a_replayed_press_changes_nothing_once_the_right_is_gone(desk: Desk) -> None:
    mila = desk.town.mila
    menu = await desk.menu(mila)
    await desk.press(mila, menu, "Size")
    [data] = [b["callback_data"] for row in menu.keyboard for b in row if b["text"] == "5 MB"]
    assert await desk.forge(mila, menu, data) == ""
    assert await desk.forge(mila, menu, data) == ""  # twice is once
    desk.group.set_standing(mila, "administrator", Rights(can_delete_messages=True))
    await desk.host.guard.policies.change(desk.place, "max_size", None, _somebody(mila))
    assert (await desk.forge(mila, menu, data)).startswith("Only administrators")
    assert [one.get("new") for one in await desk.settings()] == ["5 MB", None]


def _somebody(user: User) -> Person:
    return Person("telegram", str(user.id), user.first_name)


@pytest.mark.parametrize(
    "data",
    [
        "lz:m:{0}:=max_size:999 TB",
        "lz:m:{0}:=locked:~",
        "lz:m:{0}:=keep.events:1 day",
        "lz:m:{0}:=actions.nonsense:flag",
        "lz:m:{0}:=actions.active:burn",
        "lz:m:{0}:nowhere",
        "lz:m:{0}:try.nowhere",
        "lz:m:{0}:try.balanced",
        "lz:m:{0}:",
        "lz:m:5:main",
        "lz:m:-99999999999999999999999:main",
        "lz:m:{0}:=mode:guard\n",
        "lz:m",
    ],
)
async def test_forged_data_of_an_administrator_changes_nothing(desk: Desk, data: str) -> None:
    menu = await desk.menu(desk.town.mila)
    before = menu.text
    assert await desk.forge(desk.town.mila, menu, data.format(desk.group.id)) == "This button is not one of ours."
    assert (await desk.settings(), menu.text) == ([], before)


async def test_an_anonymous_administrator_gets_the_link(desk: Desk) -> None:
    desk.group.set_standing(desk.town.ann, "administrator", Rights(can_change_info=True, is_anonymous=True))
    answer = await desk.type(desk.group, desk.town.ann, "/lazaretto set mode guard")
    assert "cannot be told" in (answer.text or "")
    assert "lz_lazaretto_" in answer.keyboard[0][0]["url"]
    assert await desk.settings() == []
    menu = await desk.menu(desk.town.ann)
    assert "Settings of Bridge club" in (menu.text or "")


@pytest.mark.parametrize("standing", ["member", "administrator"])
async def test_text_commands_are_refused_without_the_right(desk: Desk, standing: Any) -> None:
    eve = desk.town.eve
    desk.group.set_standing(eve, standing, Rights(can_delete_messages=True) if standing != "member" else None)
    for text in ("/lazaretto set max_size 5mb", "/lazaretto unset mode", "/lazaretto exempt", "/lazaretto"):
        assert "who may change its info" in ((await desk.type(desk.group, eve, text)).text or "")
    private = desk.town.tg.private(eve)
    for text in (f"/lazaretto {desk.group.id} set max_size 5mb", f"/lazaretto {desk.group.id} export"):
        assert "who may change its info" in ((await desk.type(private, eve, text)).text or "")
    assert await desk.settings() == []


# ── guard mode, and the moderators' chat ──────────────────────────────────────────────────────────────────────────


async def test_guard_mode_is_refused_without_a_moderators_chat(desk: Desk) -> None:
    menu = await desk.menu(desk.town.mila)
    await desk.press(desk.town.mila, menu, "Mode")
    assert "guard mode needs a moderators' chat" in await desk.press(desk.town.mila, menu, "Guard")
    assert desk.mode() is Mode.OBSERVE


async def test_from_a_chosen_chat_to_guard_mode(desk: Desk) -> None:
    town, mila = desk.town, desk.town.mila
    cards = town.tg.group("Bridge, moderators", admins=[mila])
    menu = await desk.menu(mila)
    await desk.press(mila, menu, "Moderators' chat")
    await desk.press(mila, menu, "Choose a chat")
    private = town.tg.private(mila)
    keyboard = town.tg.calls_of("sendMessage")[-1].params["reply_markup"]
    request = (json.loads(keyboard) if isinstance(keyboard, str) else keyboard)["keyboard"][0][0]["request_chat"]
    assert request["bot_is_member"]
    await private.post(mila, chat_shared={"request_id": request["request_id"], "chat_id": cards.id})
    assert "Bridge club" in ((await cards.wait_for(lambda m: "Cards of" in (m.text or ""))).text or "")
    await private.wait_for(lambda m: (m.text or "") == "Cards go there from now on.")
    await until(lambda: desk.host.guard.policies.policy_of(desk.place).moderators == str(cards.id))
    await desk.press(mila, menu, "« Back")
    await desk.press(mila, menu, "Mode")
    assert await desk.press(mila, menu, "Guard") == ""
    assert desk.mode() is Mode.GUARD
    assert [one["key"] for one in await desk.settings()] == ["moderators", "mode"]
    assert not desk.host.updates.all or all(
        u.message is None or u.message.chat_shared is None for u in desk.host.updates.all
    )


async def test_guard_mode_is_refused_where_the_moderators_chat_cannot_be_reached(desk: Desk) -> None:
    cards = desk.town.tg.group("Bridge, moderators", admins=[desk.town.mila])
    notice = await desk.type(cards, desk.town.mila, f"/lazaretto here {desk.group.id}")
    assert "Cards of Bridge club come here" in (notice.text or "")
    await until(lambda: desk.host.guard.policies.policy_of(desk.place).moderators == str(cards.id))
    cards.remove_bot()
    answer = await desk.type(desk.group, desk.town.mila, "/lazaretto set mode guard")
    assert "I cannot write there" in (answer.text or "")
    assert desk.mode() is Mode.OBSERVE


async def test_guard_mode_is_refused_while_the_bot_may_not_delete(desk: Desk) -> None:
    cards = desk.town.tg.group("Bridge, moderators", admins=[desk.town.mila])
    await desk.type(cards, desk.town.mila, f"/lazaretto here {desk.group.id}")
    await until(lambda: str(cards.id) in desk.host.guard.policies.moderator_chats)
    desk.group.set_bot_rights(Rights(can_restrict_members=True))
    answer = await desk.type(desk.group, desk.town.mila, "/lazaretto set mode guard")
    assert "I may not delete messages" in (answer.text or "")
    assert desk.mode() is Mode.OBSERVE
    desk.group.set_bot_rights(Rights.full())
    await desk.type(desk.group, desk.town.mila, "/lazaretto set mode guard")
    assert desk.mode() is Mode.GUARD


async def test_cards_do_not_go_where_the_presser_may_change_nothing(desk: Desk) -> None:
    foreign = desk.town.tg.group("Chess club, members", admins=[desk.town.ann], members=[desk.town.mila])
    answer = await desk.type(desk.group, desk.town.mila, f"/lazaretto set moderators {foreign.id}")
    assert "of that chat, too" in (answer.text or "")
    assert foreign.messages == [m for m in foreign.messages if m.is_service]


async def test_a_group_that_is_screened_becomes_no_moderators_chat(desk: Desk) -> None:
    """It would not be screened any more."""
    answer = await desk.type(desk.group, desk.town.mila, f"/lazaretto set moderators {desk.town.group.id}")
    assert "is screened itself" in (answer.text or "")
    itself = await desk.type(desk.group, desk.town.mila, f"/lazaretto set moderators {desk.group.id}")
    assert "is the group itself" in (itself.text or "")
    own = await desk.type(desk.group, desk.town.mila, f"/lazaretto set moderators {desk.town.mila.id}")
    assert "not a group" in (own.text or "")
    assert await desk.settings() == []


async def test_a_moderators_chat_cannot_be_guarded(desk: Desk) -> None:
    cards = desk.town.tg.group("Bridge, moderators", admins=[desk.town.mila])
    other = desk.town.tg.group("More moderators", admins=[desk.town.mila])
    await desk.type(cards, desk.town.mila, f"/lazaretto here {desk.group.id}")
    await until(lambda: str(cards.id) in desk.host.guard.policies.moderator_chats)
    await desk.type(other, desk.town.mila, f"/lazaretto here {cards.id}")
    await until(lambda: str(other.id) in desk.host.guard.policies.moderator_chats)
    answer = await desk.type(cards, desk.town.mila, "/lazaretto set mode guard")
    assert "Cards of other groups come here" in (answer.text or "")


async def test_a_chat_that_nobody_asked_for_is_the_hosts(desk: Desk) -> None:
    private = desk.town.tg.private(desk.town.mila)
    message = await private.post(desk.town.mila, chat_shared={"request_id": 7, "chat_id": desk.town.group.id})
    await desk.host.saw(message)
    assert await desk.settings() == []


# ── trying ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def shows(menu: Message, part: str) -> str:
    """The menu's text, once it has this in it."""
    await until(lambda: part in (menu.text or ""))
    return menu.text or ""


async def test_what_guard_mode_would_have_done_is_told_before_it_is_switched_on(desk: Desk) -> None:
    await post_program(desk.group, desk.town.eve)
    await post_note(desk.group, desk.town.eve)
    await desk.judged(2)
    menu = await desk.menu(desk.town.mila)
    await desk.press(desk.town.mila, menu, "Try it")
    assert menu.buttons == ["Guard mode", "Lenient", "Strict", "« Back"]
    assert await desk.press(desk.town.mila, menu, "Guard mode") == ""
    said = "Guard mode would have held 1 of 2 files in the last 30 days, 0 of which moderators released by hand."
    await shows(menu, said)
    assert menu.buttons == ["Guard mode", "Lenient", "Strict", "« Back"]
    assert await desk.settings() == []
    assert desk.mode() is Mode.OBSERVE


async def test_a_stricter_rule_is_compared_with_what_moderators_released(town: Town) -> None:
    """What was held under the rules of the group, released, and what a milder preset would have let through."""
    config = policies(town.state, {town.group: town.guarded | {"preset": "balanced"}})
    async with polling(build(town.tg, config)) as host:
        desk = Desk(town, host, town.group)
        await post_program(town.group, town.eve)
        card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        await host.done(event="done", kind="remove")
        await (await town.tg.press(town.mila, card, "Release")).answered()
        await host.done(event="done", kind="publish")
        await desk.type(town.group, town.mila, "/lazaretto set spoofed flag")
        await desk.type(town.group, town.mila, "/lazaretto set dangerous flag")
        menu = await desk.menu(town.mila)
        await desk.press(town.mila, menu, "Try it")
        assert "Guard mode" not in menu.buttons
        assert "Strict" in menu.buttons
        assert await desk.press(town.mila, menu, "Strict") == ""
        await shows(menu, "Would have held nothing more.")  # what the chat has set stands above the preset
        # By hand, as a file of the operator's would have it.
        policy = host.guard.policies.trying(desk.place, "actions.dangerous", "quarantine")
        store = (await host.guard.start()).store
        found = await backtest(store, desk.place, policy, LONG_AGO, against=host.guard.policies.policy_of(desk.place))
        lines = "\n".join(told(language_of("en"), "strict", found))
        assert "Would have held 1 more, 1 of which moderators released by hand." in lines
        assert "Cases 1: /case shows one." in lines


async def test_one_trial_at_a_time_and_an_answer_only_where_it_is_waited_for(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, begun = asyncio.Event(), asyncio.Event()

    async def slow(*_args: object, **_kwargs: object) -> Comparison:
        begun.set()
        await go.wait()
        return Comparison()

    monkeypatch.setattr(menu_try, "backtest", slow)
    menu, mila = await desk.menu(desk.town.mila), desk.town.mila
    await desk.press(mila, menu, "Try it")
    assert await desk.press(mila, menu, "Strict") == ""
    await asyncio.wait_for(begun.wait(), 5)
    await shows(menu, "I am looking at the records")
    assert await desk.press(mila, menu, "Lenient") == "I am still looking at the records of this group."
    await desk.press(mila, menu, "« Back")  # meanwhile everything else goes on
    main = await shows(menu, "Mode:")
    go.set()
    await until(lambda: not desk.host.guard._desk.tasks)
    assert menu.text == main
    begun.clear()
    go.clear()
    await desk.press(mila, menu, "Try it")
    await desk.press(mila, menu, "Strict")
    await asyncio.wait_for(begun.wait(), 5)
    await desk.press(mila, menu, "Lenient")
    go.set()  # of the one that was under way
    await shows(menu, "nothing was recorded that could be judged")


async def test_a_trial_that_fails_says_so_and_the_next_one_may_begin(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_args: object, **_kwargs: object) -> Comparison:
        raise RuntimeError("no such table")

    monkeypatch.setattr(menu_try, "backtest", broken)
    menu, mila = await desk.menu(desk.town.mila), desk.town.mila
    await desk.press(mila, menu, "Try it")
    assert await desk.press(mila, menu, "Strict") == ""
    await shows(menu, "That did not work. Please try again.")
    assert await desk.press(mila, menu, "Strict") == ""


async def test_a_trial_looks_at_the_newest_ten_thousand_of_thirty_days(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[datetime, Any]] = []

    async def bounded(*args: Any, **kwargs: Any) -> Comparison:
        asked.append((args[3], kwargs["most"]))
        return Comparison(actions={(Action.FORWARD, Action.FORWARD): 10_000}, more=True, unjudged={Unjudged.ERASED: 2})

    monkeypatch.setattr(menu_try, "backtest", bounded)
    menu, mila = await desk.menu(desk.town.mila), desk.town.mila
    await desk.press(mila, menu, "Try it")
    await desk.press(mila, menu, "Strict")
    said = await shows(menu, "There were more: only the newest 10,000 were looked at.")
    assert "2 files are left out: too little is known of them." in said
    [(since, most)] = asked
    assert most == 10_000
    assert abs(datetime.now(UTC) - timedelta(days=30) - since) < timedelta(minutes=5)


async def test_where_the_preset_is_locked_only_guard_mode_is_tried(town: Town) -> None:
    group = town.tg.group("Bridge club", admins=[town.mila], bot_rights=Rights.full())
    config = policies(town.state, {}, defaults={"locked": ["preset"]})
    async with polling(build(town.tg, config)) as host:
        desk = Desk(town, host, group)
        menu = await desk.menu(town.mila)
        await desk.press(town.mila, menu, "Try it")
        assert menu.buttons == ["Guard mode", "« Back"]
        said = await desk.forge(town.mila, menu, f"lz:m:{group.id}:try.strict")
        assert said == "This button is not one of ours."


async def test_a_trial_is_ended_with_the_bot(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(*_args: object, **_kwargs: object) -> Comparison:
        await asyncio.Event().wait()
        return Comparison()

    monkeypatch.setattr(menu_try, "backtest", endless)
    menu = await desk.menu(desk.town.mila)
    await desk.press(desk.town.mila, menu, "Try it")
    await desk.press(desk.town.mila, menu, "Strict")
    await until(lambda: bool(desk.host.guard._desk.tasks))
    await desk.host.guard.stop()
    assert not desk.host.guard._desk.tasks


# ── by text ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("typed", "key", "kept"),
    [
        ("max_size 20mb", "max_size", "20 MB"),
        ("weekly_report on", "weekly_report", True),
        ("inform_sender No", "inform_sender", False),
        ("newcomers.period 3d", "newcomers.period", "3 days"),
        ("types.deny application/zip, video/*", "types.deny", ["application/zip", "video/*"]),
        ("actions.active.high reject", "actions.active.high", "reject"),
        ("pdf.* flag", "actions.pdf.*", "flag"),
        ("strikes.limit 3", "strikes.limit", 3),
        ("preset Strict", "preset", "strict"),
        ("two_person exploit dangerous", "two_person", ["exploit", "dangerous"]),
    ],
)
async def test_a_key_is_set_and_unset_by_text(desk: Desk, typed: str, key: str, kept: object) -> None:
    await desk.type(desk.group, desk.town.mila, f"/lazaretto set {typed}")
    assert desk.host.guard.policies.set_in(desk.place) == {key: kept}
    await desk.type(desk.group, desk.town.mila, f"/lazaretto unset {key}")
    assert desk.host.guard.policies.set_in(desk.place) == {}
    changes = await desk.settings()
    assert [(one["unset"], one.get("old"), one.get("new")) for one in changes] == [
        (False, None, kept),
        (True, kept, None),
    ]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("max_sise 5mb", "did you mean 'max_size'?"),
        ("max_size huge", "is not a size; write a size such as"),
        ("max_size 900 TB", "is more than the bot has room for"),
        ("language tlh", "write one of en, de, es, fr, pt, ru"),
        ("keep.events 1d", "cannot be set in the chat"),
        ("locked mode", "cannot be set in the chat"),
        ("types.deny <script>", "is no value of a list"),
        ("actions.active burn", "write one of"),
        ("weekly_report maybe", "neither true nor false"),
    ],
)
async def test_what_is_wrong_is_said_in_the_words_of_the_configuration(desk: Desk, typed: str, said: str) -> None:
    answer = await desk.type(desk.group, desk.town.mila, f"/lazaretto set {typed}")
    assert said in (answer.text or "")
    assert await desk.settings() == []


async def test_a_member_is_exempt_by_a_reply_and_the_log_has_no_id(desk: Desk) -> None:
    post = await desk.group.post_text(desk.town.eve, "Hello")
    answer = await desk.type(desk.group, desk.town.mila, "/lazaretto exempt", reply_to=post)
    assert "never removed" in (answer.text or "")
    assert desk.host.guard.policies.policy_of(desk.place).exempt == (str(desk.town.eve.id),)
    await desk.type(desk.group, desk.town.mila, "/lazaretto unexempt", reply_to=post)
    assert desk.host.guard.policies.policy_of(desk.place).exempt == ()
    assert str(desk.town.eve.id) not in str(await desk.settings())


async def test_nobody_is_exempt_by_a_reply_to_the_group_itself(desk: Desk) -> None:
    desk.group.set_standing(desk.town.ann, "administrator", Rights(is_anonymous=True))
    post = await desk.group.post_text(desk.town.ann, "The board has decided")
    answer = await desk.type(desk.group, desk.town.mila, "/lazaretto exempt", reply_to=post)
    assert "Answer a message of the member" in (answer.text or "")


async def test_whoever_began_a_topic_is_not_exempt_by_a_command_in_it(town: Town) -> None:
    """Telegram makes everything in a topic an answer to its beginning."""
    group = town.tg.group("Bridge club", members=[town.eve], admins=[town.mila], bot_rights=Rights.full(), forum=True)
    topic = group.open_topic("Openings", by=town.mila)
    async with polling(build(town.tg, policies(town.state, {}))) as host:
        desk = Desk(town, host, group)
        beginning = next(m for m in group.messages if "forum_topic_created" in m.content)
        answer = await desk.type(group, town.mila, "/lazaretto exempt", topic=topic, reply_to=beginning)
        assert "Answer a message of the member" in (answer.text or "")
        assert await desk.settings() == []


async def test_strangers_do_not_learn_where_the_bot_works(town: Town) -> None:
    config = policies(town.state, {})
    config["groups"]["allowed"] = [str(town.group.id)]
    async with polling(build(town.tg, config)) as host:
        desk, private = Desk(town, host, town.group), town.tg.private(town.eve)
        other = town.tg.group("Bridge club", members=[town.eve], bot_rights=Rights.full())
        said = [(await desk.type(private, town.eve, f"/lazaretto {chat.id}")).text for chat in (town.group, other)]
        assert said[0] == said[1]


async def test_a_locked_key_is_shown_so_without_a_button_and_cannot_be_set(town: Town) -> None:
    group = town.tg.group("Bridge club", admins=[town.mila], bot_rights=Rights.full())
    config = policies(town.state, {}, defaults={"locked": ["max_size", "actions"]})
    async with polling(build(town.tg, config)) as host:
        desk = Desk(town, host, group)
        menu = await desk.menu(town.mila)
        for label in ("Size", "Preset"):
            await desk.press(town.mila, menu, label)
            assert "🔒 Locked by the operator." in (menu.text or "")
            assert menu.buttons == ["« Back"]
            await desk.press(town.mila, menu, "« Back")
        assert "is locked by the operator" in await desk.forge(town.mila, menu, f"lz:m:{group.id}:=max_size:5 MB")
        typed = await desk.type(group, town.mila, "/lazaretto set active forward")
        assert "is locked by the operator" in (typed.text or "")
        assert await desk.settings() == []


async def test_what_is_exported_is_the_groups_file(desk: Desk) -> None:
    mila, private = desk.town.mila, desk.town.tg.private(desk.town.mila)
    for typed in ("max_size 20mb", "actions.active reject", "active.info forward", "types.deny video/*", "language de"):
        await desk.type(desk.group, mila, f"/lazaretto set {typed}")
    menu = await desk.menu(mila)
    await desk.press(mila, menu, "Export" if "Export" in menu.buttons else menu.buttons[-1])
    message = await private.wait_for(lambda m: m.document is not None)
    assert message.document is not None
    assert message.document["file_name"] == f"{desk.group.id}.toml"
    read = tomllib.loads((message.data or b"").decode())
    again = Configuration.load({"groups": {"policies": {desk.place.chat: read}}})
    assert again.policy_of(desk.place).id == desk.host.guard.policies.policy_of(desk.place).id
    assert again.policy_of(desk.place).language == "de"


async def test_settings_hold_after_a_restart(town: Town) -> None:
    group = town.tg.group("Bridge club", admins=[town.mila], bot_rights=Rights.full())
    config = policies(town.state, {})
    async with polling(build(town.tg, config)) as host:
        await Desk(town, host, group).type(group, town.mila, "/lazaretto set max_size 5mb")
    async with polling(build(town.tg, config)) as host:
        assert host.guard.policies.policy_of(Place("telegram", str(group.id))).max_size == 5_000_000


async def test_a_hostile_title_is_text(town: Town) -> None:
    group = town.tg.group(HOSTILE, admins=[town.mila], bot_rights=Rights.full())
    async with polling(build(town.tg, policies(town.state, {}))) as host:
        desk = Desk(town, host, group)
        menu = await desk.menu(town.mila)
        text = menu.text or ""
        assert "<b>Chess</b> & \\u202eclub" in text
        assert "\u202e" not in text
        assert "\x1b" not in text
        chosen = await desk.type(town.tg.private(town.mila), town.mila, "/lazaretto show")
        assert "max_size" in (chosen.text or "")
        cards = town.tg.group("Moderators", admins=[town.mila])
        notice = await desk.type(cards, town.mila, f"/lazaretto here {group.id}")
        assert "<b>Chess</b> & \\u202eclub" in (notice.text or "")
        assert "\u202e" not in (notice.text or "")
