"""Telegram does not always answer: what is repeated, what is asked about, and what the card says."""

from __future__ import annotations

from card_buttons import deciding
from e2e.conftest import Town
from e2e.files import PROGRAM, post_program
from e2e.host import Host
from lazaretto.emulator import Message
from lazaretto.model import CaseState


async def _card(town: Town) -> Message:
    await post_program(town.group, town.eve, caption="Look!")
    return await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))


async def _state(host: Host) -> CaseState:
    case = await (await host.guard.start()).store.case(1)
    assert case is not None
    return case.state


async def _uncertain(town: Town, host: Host) -> Message:
    """A release whose answer was lost: it was carried out, and nobody told us."""
    card = await _card(town)
    town.tg.faults.reset_connection("sendDocument", late=True)
    await (await town.tg.press(town.mila, card, "Release")).answered()
    await town.tg.wait_until(lambda: "It is back" in card.buttons)
    return card


async def test_a_release_whose_answer_is_lost_is_not_sent_again_by_itself(town: Town, host: Host) -> None:
    card = await _uncertain(town, host)
    record = await host.done(event="unknown", kind="publish")
    assert record["case"] == 1
    assert "Nobody knows whether it was posted again" in (card.text or "")
    assert deciding(card.buttons) == ["It is back", "Send it again", "⛔ Confirm"]
    assert await _state(host) is CaseState.RELEASE_PENDING
    assert len(town.tg.calls_of("sendDocument")) == 1


async def test_it_is_back_closes_a_release_of_unknown_outcome(town: Town, host: Host) -> None:
    card = await _uncertain(town, host)
    said = await (await town.tg.press(town.mila, card, "It is back")).answered()
    await town.tg.wait_until(lambda: deciding(card.buttons) == [])
    assert said.text == "Case 1 is released."
    assert await _state(host) is CaseState.RELEASED
    assert len(town.tg.calls_of("sendDocument")) == 1


async def test_send_it_again_sends_a_release_of_unknown_outcome(town: Town, host: Host) -> None:
    card = await _uncertain(town, host)
    await (await town.tg.press(town.mila, card, "Send it again")).answered()
    await host.done(event="released")
    assert len(town.tg.calls_of("sendDocument")) == 2


async def test_it_is_back_is_for_moderators_only(town: Town, host: Host) -> None:
    card = await _uncertain(town, host)
    said = await (await town.tg.press(town.eve, card, "It is back")).answered()
    assert "Only administrators" in said.text
    assert await _state(host) is CaseState.RELEASE_PENDING


async def test_a_server_error_after_the_release_was_carried_out_is_not_taken_for_a_no(town: Town, host: Host) -> None:
    card = await _card(town)
    town.tg.faults.fail("sendDocument", late=True)
    await (await town.tg.press(town.mila, card, "Release")).answered()
    await town.tg.wait_until(lambda: "It is back" in card.buttons)
    assert len(town.tg.calls_of("sendDocument")) == 1


async def test_a_release_that_telegram_refuses_opens_the_case_again(town: Town, host: Host) -> None:
    card = await _card(town)
    town.tg.faults.fail("sendDocument", error_code=403, description="Forbidden: not enough rights", times=2)
    await (await town.tg.press(town.mila, card, "Release")).answered()
    await host.done(event="reopened")
    await town.tg.wait_until(lambda: "could not be posted again" in (card.text or ""))
    assert await _state(host) is CaseState.OPEN
    assert deciding(card.buttons) == ["✅ Release", "⛔ Confirm"]


async def test_a_file_that_telegram_lost_is_released_from_the_vault(town: Town, host: Host) -> None:
    card = await _card(town)
    town.tg.faults.fail("sendDocument", error_code=400, description="Bad Request: wrong file identifier")
    await (await town.tg.press(town.mila, card, "Release")).answered()
    back = await town.group.wait_for(lambda m: m.sender == town.tg.bot and m.document is not None)
    assert back.data == PROGRAM
    assert (back.document or {})["file_name"] == "holiday.jpg"
    assert (back.caption or "").startswith("From Eve")


async def test_a_deletion_that_must_wait_is_repeated_when_telegram_says(town: Town, host: Host) -> None:
    town.tg.faults.fail("deleteMessage", retry_after=1)
    posted = await post_program(town.group, town.eve)
    await town.tg.wait_until(lambda: posted.deleted, timeout=10)
    assert len(town.tg.calls_of("deleteMessage")) == 2
    await host.done(event="done", kind="remove")


async def test_a_deletion_that_broke_the_server_is_repeated(town: Town, host: Host) -> None:
    town.tg.faults.fail("deleteMessage", error_code=500)
    posted = await post_program(town.group, town.eve)
    await town.tg.wait_until(lambda: posted.deleted, timeout=15)
    assert len(town.tg.calls_of("deleteMessage")) == 2
    await host.done(event="unknown", kind="remove")


async def test_a_message_that_cannot_be_deleted_is_said_on_the_card(town: Town, host: Host) -> None:
    town.tg.faults.fail("deleteMessage", error_code=400, description="Bad Request: message can't be deleted")
    posted = await post_program(town.group, town.eve)
    card = await town.moderators.wait_for(lambda m: "could not be removed" in (m.text or ""))
    await host.done(event="failed", kind="remove")
    assert "Message can't be deleted" in (card.text or "")
    assert "Visible for" not in (card.text or "")
    assert not posted.deleted


async def test_a_message_that_is_gone_already_counts_as_removed(town: Town, host: Host) -> None:
    hold = town.tg.faults.hold("deleteMessage")
    posted = await post_program(town.group, town.eve)
    await hold.reached()
    await town.group.remove(posted)
    hold.release()
    await host.done(event="done", kind="remove")


async def test_a_card_that_may_have_come_twice_says_so(town: Town) -> None:
    async with town.host():
        hold = town.tg.faults.hold("sendMessage", late=True)
        await post_program(town.group, town.eve)
        await hold.reached()
        await town.tg.restart()  # the card is there, and its answer is lost
        await town.moderators.wait_for(lambda m: "you may have seen this card" in (m.text or ""), timeout=20)
    assert len(town.moderators.messages) == 2
