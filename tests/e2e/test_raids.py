"""A raid does not bury the moderators: one card, and one press that decides about all of it."""

from __future__ import annotations

from e2e.conftest import Town
from e2e.files import post_program
from e2e.host import Host, events
from lazaretto.emulator import Message


async def _raid(town: Town, host: Host, count: int = 6) -> Message:
    """The same program from several members. Answers the one card, once it names them all."""
    for number in range(count):
        raider = town.tg.user(f"Raider {number}")
        town.group.set_standing(raider, "member")
        await post_program(town.group, raider)
    return await town.moderators.wait_for(lambda m: f"And {count - 1} more like it" in (m.text or ""))


async def test_a_raid_is_one_card_that_names_every_case(town: Town, host: Host) -> None:
    card = await _raid(town, host)
    assert "cases 2-6; 5 of them wait" in (card.text or "")
    assert card.buttons == ["✅ Release", "⛔ Confirm", "✅ Release all 6", "⛔ Confirm all 6"]
    assert len(town.tg.calls_of("sendMessage")) == 1
    await town.tg.wait_until(lambda: len(town.tg.calls_of("deleteMessage")) == 6)


async def test_one_press_confirms_all(town: Town, host: Host) -> None:
    card = await _raid(town, host)
    said = await (await town.tg.press(town.mila, card, "Confirm all")).answered()
    assert said.text == "6 cases are confirmed as bad."
    await town.tg.wait_until(lambda: card.buttons == [])
    assert [r["event"] for r in await events((await host.guard.start()).store)].count("confirmed") == 6


async def test_one_press_brings_all_back_once(town: Town, host: Host) -> None:
    card = await _raid(town, host, 3)
    await (await town.tg.press(town.mila, card, "Release all")).answered()
    await town.tg.wait_until(lambda: len(town.tg.calls_of("sendDocument")) == 3)
    await town.tg.wait_until(lambda: card.buttons == [])
    assert len(town.tg.calls_of("sendDocument")) == 3


async def test_an_outsider_cannot_decide_about_all(town: Town, host: Host) -> None:
    card = await _raid(town, host, 3)
    said = await (await town.tg.press(town.eve, card, "Release all")).answered()
    assert "Only administrators" in said.text
    record = await host.done(event="refused-press")
    assert record["data"]["verb"] == "release-all"
    assert not town.tg.calls_of("sendDocument")
