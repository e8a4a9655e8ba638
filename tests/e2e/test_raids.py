"""A raid does not bury the moderators: one card, and one press that decides about all of it."""

from __future__ import annotations

from card_buttons import deciding
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
    assert deciding(card.buttons) == ["✅ Release", "⛔ Confirm", "✅ Release all 6", "⛔ Confirm all 6"]
    assert len(town.tg.calls_of("sendMessage")) == 1
    await town.tg.wait_until(lambda: len(town.tg.calls_of("deleteMessage")) == 6)


async def test_one_press_confirms_all(town: Town, host: Host) -> None:
    card = await _raid(town, host)
    said = await (await town.tg.press(town.mila, card, "Confirm all")).answered()
    assert said.text == "6 cases are confirmed as bad."
    await town.tg.wait_until(lambda: deciding(card.buttons) == [])
    assert [r["event"] for r in await events((await host.guard.start()).store)].count("confirmed") == 6


async def test_one_press_brings_all_back_once(town: Town, host: Host) -> None:
    card = await _raid(town, host, 3)
    await (await town.tg.press(town.mila, card, "Release all")).answered()
    await town.tg.wait_until(lambda: len(town.tg.calls_of("sendDocument")) == 3)
    await town.tg.wait_until(lambda: deciding(card.buttons) == [])
    assert len(town.tg.calls_of("sendDocument")) == 3


async def test_an_outsider_cannot_decide_about_all(town: Town, host: Host) -> None:
    card = await _raid(town, host, 3)
    said = await (await town.tg.press(town.eve, card, "Release all")).answered()
    assert "Only administrators" in said.text
    record = await host.done(event="refused-press")
    assert record["data"]["verb"] == "release-all"
    assert not town.tg.calls_of("sendDocument")


async def test_a_card_that_a_moderator_deleted_comes_again_when_the_raid_goes_on(town: Town, host: Host) -> None:
    card = await _raid(town, host, 2)
    await town.moderators.remove(card)
    await post_program(town.group, town.eve)
    again = await town.moderators.wait_for(lambda m: "And 2 more like it" in (m.text or ""))
    assert again is not card
    said = await (await town.tg.press(town.mila, again, "Confirm all")).answered()
    assert said.text == "3 cases are confirmed as bad."


async def test_copies_of_one_file_that_pretend_different_things_are_told_apart(town: Town, host: Host) -> None:
    """The bytes are the same; what their names say is judged for each post."""
    for name in ("holiday.jpg", "holiday.jpg", "invoice\u202efdp.exe"):
        await post_program(town.group, town.eve, name)
    card = await town.moderators.wait_for(lambda m: "And 2 more like it" in (m.text or ""))
    told = [line for line in (card.text or "").splitlines() if "of them: " in line]
    assert told
    assert all(line.startswith("• 1 of them: ") for line in told)
    assert any("name." in line for line in told)


async def test_an_older_copy_of_a_card_decides_nothing_that_is_decided(town: Town, host: Host) -> None:
    """A crash may show a card twice, and only the newer one is brought up to date."""
    await post_program(town.group, town.eve)
    card = await town.moderators.wait_for(lambda m: "waiting for you" in (m.text or ""))
    copy = await town.moderators.post(town.tg.bot, text=card.text, reply_markup=card.json()["reply_markup"])
    await (await town.tg.press(town.mila, card, "Confirm")).answered()
    for label in ("Release", "Confirm"):
        said = await (await town.tg.press(town.mila, copy, label)).answered()
        assert said.text == "Case 1 is confirmed as bad already; nothing was changed."
