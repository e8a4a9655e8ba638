"""Who may press, what a press does, and what a forged one does not."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import telegram
from telegram import Update
from telegram.ext import ApplicationHandlerStop

from fakes import FakeStore, Story
from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.model import Case
from lazaretto.policy import Policy
from lazaretto.ports import Store
from lazaretto.telegram.authority import Authority
from lazaretto.telegram.review import Presses


class Desk:
    """The buttons' handler with everything around it."""

    def __init__(self, tg: Emulator, bot: telegram.Bot) -> None:
        self.tg, self.bot = tg, bot
        self.story: Story = []
        self.store = FakeStore(self.story)
        self.woken = 0
        self.broken = False
        self.presses = Presses(self.ready, self.wake, lambda _place: Policy(), Authority())

    async def ready(self) -> tuple[telegram.Bot, Store]:
        if self.broken:
            raise OSError("the database is gone")
        return self.bot, self.store

    def wake(self) -> None:
        self.woken += 1

    def press_by(self, user: User, data: str | None) -> Update:
        query: dict[str, Any] = {"id": "1", "from": user.json(), "chat_instance": "1"}
        if data is not None:
            query["data"] = data
        return Update.de_json({"update_id": 1, "callback_query": query}, self.bot)

    async def press(self, user: User, data: str) -> str:
        """Press, and what was answered."""
        update = self.press_by(user, data)
        found = self.presses.check_update(update)
        assert found is not None
        with pytest.raises(ApplicationHandlerStop):
            await self.presses.handle_update(update, None, found, None)  # type: ignore[arg-type]
        return str(self.tg.calls_of("answerCallbackQuery")[-1].params["text"])


@pytest.fixture
async def desk(tg: Emulator, bot: telegram.Bot, case: Case) -> AsyncIterator[Desk]:
    made = Desk(tg, bot)
    made.store.cases[case.id] = case
    yield made
    tg.faults.clear()


@pytest.fixture
def admin(tg: Emulator, group: Chat) -> User:
    user = tg.user("Mod")
    group.set_standing(user, "administrator", Rights(can_delete_messages=True))
    return user


async def test_a_press_stays_ours_where_neither_the_store_nor_the_log_works(
    desk: Desk, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        def __getattr__(self, name: str) -> object:
            raise OSError(28, "no space left on device")

    monkeypatch.setattr("lazaretto.telegram.review._log", Full())
    desk.broken = True
    update = desk.press_by(admin, "lz:release:12")
    with pytest.raises(ApplicationHandlerStop):
        await desk.presses.handle_update(update, None, update.callback_query, None)  # type: ignore[arg-type]
    assert desk.story == []


@pytest.mark.parametrize(
    ("verb", "done"),
    [
        ("release", "release 12 by {} for 30 days"),
        ("again-7", "release 12 by {} for 30 days after 7"),
        ("confirm", "confirm 12 by {}"),
        ("there", "is-back 12 by {}"),
    ],
)
async def test_an_administrator_who_may_delete_decides(desk: Desk, admin: User, verb: str, done: str) -> None:
    answer = await desk.press(admin, f"lz:{verb}:12")
    assert desk.story == [done.format(admin.id)]
    assert answer.startswith("Case 12 is ")
    assert desk.woken == 1


async def test_the_owner_decides(tg: Emulator, desk: Desk, group: Chat) -> None:
    owner = tg.user("Owner")
    group.set_standing(owner, "creator")
    await desk.press(owner, "lz:release:12")
    assert desk.story == [f"release 12 by {owner.id} for 30 days"]


@pytest.mark.parametrize("standing", ["member", "left", "kicked", "administrator"])
async def test_everybody_else_is_refused_and_written_down(tg: Emulator, desk: Desk, group: Chat, standing: Any) -> None:
    user = tg.user("Eve")
    group.set_standing(user, standing, Rights(can_restrict_members=True) if standing == "administrator" else None)
    answer = await desk.press(user, "lz:release:12")
    assert desk.story == [f"refused-press release 12 by {user.id}"]
    assert answer.startswith("Only administrators of the group of origin")


async def test_rights_in_another_group_count_for_nothing(tg: Emulator, desk: Desk) -> None:
    user = tg.user("Eve")
    tg.group("Her own club", creator=user)
    await desk.press(user, "lz:confirm:12")
    assert desk.story == [f"refused-press confirm 12 by {user.id}"]


async def test_an_owner_of_the_installation_may_decide_everywhere(tg: Emulator, desk: Desk) -> None:
    owner = tg.user("Olga")
    desk.presses = Presses(desk.ready, desk.wake, lambda _place: Policy(), Authority(lambda: [str(owner.id)]))
    await desk.press(owner, "lz:confirm:12")
    assert desk.story == [f"confirm 12 by {owner.id}"]


async def test_rights_are_asked_for_on_every_press(desk: Desk, group: Chat, admin: User) -> None:
    await desk.press(admin, "lz:release:12")
    group.set_standing(admin, "member")
    await desk.press(admin, "lz:release:12")
    assert desk.story == [f"release 12 by {admin.id} for 30 days", f"refused-press release 12 by {admin.id}"]
    assert len(desk.tg.calls_of("getChatMember")) == 2


@pytest.mark.parametrize("fault", ["error", "broken connection"])
async def test_rights_that_cannot_be_checked_are_no_rights(desk: Desk, admin: User, fault: str) -> None:
    if fault == "error":
        desk.tg.faults.fail("getChatMember", error_code=500)
    else:
        desk.tg.faults.reset_connection("getChatMember")
    answer = await desk.press(admin, "lz:release:12")
    assert desk.story == [f"refused-press release 12 by {admin.id}"]
    assert answer.endswith("Please try again later.")


@pytest.mark.parametrize(
    "data",
    [
        "lz:release:999999999999999999999",
        "lz:",
        "lz::",
        "lz:::",
        "lz:drop:1",
        "lz:release:",
        "lz:release:-1",
        "lz:release:1.0",
        "lz:release:12:1",
        "lz:release:\u0661\u0662",
        "lz:release:12\n",
        "lz:RELEASE:12",
        "lz:release:12'; DROP TABLE cases; --",
    ],
)
async def test_a_forged_button_does_nothing(desk: Desk, admin: User, data: str) -> None:
    assert await desk.press(admin, data) == "This button is not one of ours."
    assert desk.story == []


async def test_a_case_that_does_not_exist_is_said_so(desk: Desk, admin: User) -> None:
    assert await desk.press(admin, "lz:release:999999999999999999") == "There is no case 999999999999999999."
    assert desk.story == []


@pytest.mark.parametrize("data", ["host:1", "", None, "l", "LZ:release:1", " lz:release:1"])
async def test_buttons_of_the_host_are_not_ours(desk: Desk, admin: User, data: str | None) -> None:
    assert desk.presses.check_update(desk.press_by(admin, data)) is None


async def test_other_updates_are_not_ours(desk: Desk) -> None:
    assert desk.presses.check_update(Update.de_json({"update_id": 1}, None)) is None
    assert desk.presses.check_update("anything") is None


async def test_a_press_that_fails_is_answered_and_goes_to_no_other_handler(desk: Desk, admin: User) -> None:
    desk.broken = True
    assert await desk.press(admin, "lz:release:12") == "That did not work, nothing was changed. Please press again."


async def test_a_press_that_cannot_be_answered_goes_to_no_other_handler(desk: Desk, admin: User) -> None:
    desk.tg.faults.fail("answerCallbackQuery", error_code=400, description="Bad Request: query is too old", times=None)
    await desk.press(admin, "lz:confirm:12")
    assert desk.story == [f"confirm 12 by {admin.id}"]


async def test_a_client_that_is_closed_does_not_hand_the_press_on(desk: Desk, admin: User) -> None:
    update = desk.press_by(admin, "lz:release:12")
    await desk.bot.shutdown()
    with pytest.raises(ApplicationHandlerStop):
        await desk.presses.handle_update(update, None, update.callback_query, None)  # type: ignore[arg-type]
    assert "release 12" not in "".join(line for line in desk.story if not line.startswith("refused"))
