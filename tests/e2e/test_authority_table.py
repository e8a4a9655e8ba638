"""The page that says who may do what says what happens; and whoever may not is told nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from e2e.authority_table import BUTTONS, COMMANDS, DECIDING, ROLES, SECRET, column, recorded, replayed, staged
from lazaretto.emulator import Emulator, User
from lazaretto.telegram import review

MAY_NOT = ("member", "admin without rights", "admin elsewhere", "outsider")
MAY = ("admin", "creator", "owner")


@pytest.mark.parametrize("role", ROLES)
async def test_the_page_says_what_happens(telegram_emulator: Emulator, tmp_path: Path, role: str) -> None:
    happened = await column(telegram_emulator, tmp_path / "state", role)
    assert happened == recorded(role), "out of date: run `PYTHONPATH=tests python tests/e2e/authority_table.py`"
    if role in MAY_NOT:
        told = [str(call.params) for call in telegram_emulator.calls_of("answerCallbackQuery")]
        private = telegram_emulator.private(_actor(telegram_emulator))
        told += [str(message.json()) for message in private.messages]
        assert not [text for text in told if SECRET in text]


def _actor(tg: Emulator) -> User:
    return next(user for user in tg._world.users.values() if user.username == "actor")


@pytest.mark.parametrize("role", MAY_NOT)
def test_whoever_has_no_right_in_the_group_decides_nothing(role: str) -> None:
    cells = recorded(role)
    assert {cells[row] for row in (*DECIDING, "settings, a change", "forget somebody", "details")} == {"no"}


@pytest.mark.parametrize("role", MAY)
def test_whoever_has_every_right_may_decide_everything_but_for_others(role: str) -> None:
    cells = recorded(role)
    assert {cells[row] for row in DECIDING if row != "appeal"} == {"yes"}
    assert cells["appeal"] == "no"


def test_only_the_sender_appeals_and_only_owners_forget_somebody() -> None:
    assert [role for role in ROLES if recorded(role)["appeal"] == "yes"] == ["sender"]
    assert [role for role in ROLES if recorded(role)["forget somebody"] == "yes"] == ["owner"]


async def test_a_press_that_comes_again_decides_nothing_again(telegram_emulator: Emulator, tmp_path: Path) -> None:
    again = await replayed(telegram_emulator, tmp_path / "state")
    assert again == dict.fromkeys(again, "no")
    assert len(again) == len(DECIDING) - 1  # the appeal is the sender's


async def test_no_command_and_no_button_is_without_a_row(telegram_emulator: Emulator, tmp_path: Path) -> None:
    stage = await staged(telegram_emulator, tmp_path / "state", "admin")
    commands = set(stage.host.guard._commands.commands)
    typed = " ".join(text for _, text in COMMANDS.values())
    assert {name for name in commands if not re.search(rf"/{name}\b|lz_{name}_", typed)} <= {"help"}
    assert "`/help` in the group" in COMMANDS
    words = {data.split(":")[1] for data in BUTTONS.values()}
    assert set(stage.host.guard._presses._pages) <= words
    verbs = set(re.findall(r"[a-z]+(?:-all)?(?=[|)-])", review._DATA.pattern.partition("P<number>")[0])) - {"all"}
    assert {"release", "confirm", "there", "again", "release-all", "confirm-all"} <= verbs
    pressed = {re.sub(r"-(?:[0-9]+|\{case\})$", "", word) for word in words}
    assert verbs - {"deed", "newest", "verb", "number"} <= pressed | {"lz"}
