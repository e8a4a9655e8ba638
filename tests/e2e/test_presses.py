"""Buttons: who may press them, what a press does, and who else gets to see it."""

from __future__ import annotations

import pytest

from e2e.conftest import Town
from e2e.files import post_program
from e2e.host import Host, events
from lazaretto.emulator import Message, Rights, User


async def _card(town: Town) -> Message:
    await post_program(town.group, town.eve)
    return await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))


async def _press(town: Town, user: User, card: Message, label: str = "Release") -> str:
    return (await (await town.tg.press(user, card, label)).answered()).text


async def _raw_press(town: Town, user: User, card: Message, data: str) -> None:
    """A press whose data no button of ours has, as a hostile client sends it."""
    await town.tg.inject(
        {
            "callback_query": {
                "id": f"forged-{data}",
                "from": user.json(),
                "message": card.json(),
                "chat_instance": "1",
                "data": data,
            }
        }
    )


async def test_a_member_who_is_no_admin_is_refused_and_the_audit_log_says_so(town: Town, host: Host) -> None:
    card = await _card(town)
    assert "Only administrators" in await _press(town, town.eve, card)
    record = await host.done(event="refused-press")
    assert (record["case"], record["data"]["verb"]) == (1, "release")
    assert not town.tg.calls_of("sendDocument")


async def test_an_admin_of_the_moderators_chat_alone_is_refused(town: Town, host: Host) -> None:
    card = await _card(town)
    outsider = town.tg.user("Oscar")
    town.moderators.set_standing(outsider, "administrator", Rights.full())
    assert "Only administrators" in await _press(town, outsider, card)


async def test_an_admin_without_the_right_to_delete_is_refused(town: Town, host: Host) -> None:
    card = await _card(town)
    town.group.set_standing(town.ann, "administrator", Rights(can_pin_messages=True))
    assert "who may delete" in await _press(town, town.ann, card, "Confirm")
    await host.done(event="refused-press")


async def test_an_admin_who_was_demoted_since_the_card_came_is_refused(town: Town, host: Host) -> None:
    card = await _card(town)
    town.group.set_standing(town.mila, "member")
    assert "Only administrators" in await _press(town, town.mila, card)


async def test_the_groups_owner_may_decide(town: Town, host: Host) -> None:
    card = await _card(town)
    town.group.set_standing(town.ann, "creator")
    assert "blocked here" in await _press(town, town.ann, card, "Confirm")


async def test_a_press_whose_rights_cannot_be_checked_changes_nothing(town: Town, host: Host) -> None:
    card = await _card(town)
    town.tg.faults.fail("getChatMember", error_code=500)
    assert "could not be checked" in await _press(town, town.mila, card)
    assert "posted again" in await _press(town, town.mila, card)


async def test_a_double_press_releases_once(town: Town, host: Host) -> None:
    card = await _card(town)
    hold = town.tg.faults.hold("sendDocument")
    first = await _press(town, town.mila, card)
    await hold.reached()
    data = "lz:release:1"
    await _raw_press(town, town.mila, card, data)
    await town.tg.wait_until(lambda: len(town.tg.calls_of("answerCallbackQuery")) == 2)
    hold.release()
    await host.done(event="released")
    await _raw_press(town, town.mila, card, "lz:confirm:1")
    await town.tg.wait_until(lambda: len(town.tg.calls_of("answerCallbackQuery")) == 3)

    assert "posted again" in first
    assert "already" in town.tg.calls_of("answerCallbackQuery")[1].params["text"]
    assert "released already" in town.tg.calls_of("answerCallbackQuery")[2].params["text"]
    assert len(town.tg.calls_of("sendDocument")) == 1


@pytest.mark.parametrize(
    "data",
    ["lz:release:99", "lz:", "lz:release:", "lz:release:-1", "lz:erase:1", "lz:release:1'--", "lz:confirm:" + "9" * 40],
)
async def test_forged_callback_data_changes_nothing(town: Town, host: Host, data: str) -> None:
    card = await _card(town)
    before = card.buttons
    await _raw_press(town, town.mila, card, data)
    await town.tg.wait_until(lambda: town.tg.calls_of("answerCallbackQuery"))
    said = [record["event"] for record in await events((await host.guard.start()).store)]
    assert not {"approved", "released", "confirmed"} & set(said)
    assert card.buttons == before
    assert host.presses.all == []


async def test_the_hosts_catch_all_sees_its_own_buttons_and_never_ours(town: Town, host: Host) -> None:
    card = await _card(town)
    await _press(town, town.eve, card)
    await _press(town, town.mila, card)
    await _raw_press(town, town.ann, card, "host:menu")
    assert await host.presses.first(lambda data: data.startswith("host:")) == "host:menu"
    assert host.presses.all == ["host:menu"]
