"""Owners are told when the bot has gone blind, and when it sees again; neither too often nor never."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

import pytest

from lazaretto.alarms import Alarms, Cause
from lazaretto.metrics import Metrics
from lazaretto.telegram.redaction import without_token


class Owners:
    """Whom the alarms tell, and the time that passes meanwhile."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.told: list[str] = []
        self.recorded: list[Mapping[str, object]] = []
        self.deaf = False
        self.locked = False
        self.metrics = Metrics()
        self.alarms = Alarms(self.metrics, self.tell, self.record, lambda: self.now)

    async def tell(self, text: str) -> None:
        if self.deaf:
            raise ConnectionError("no network")
        self.told.append(text)

    async def record(self, data: Mapping[str, object]) -> None:
        if self.locked:
            raise OSError("the database is locked")
        self.recorded.append(data)

    def value(self, cause: Cause) -> float | None:
        return self.metrics.registry.get_sample_value("lazaretto_alarms", {"cause": cause})


@pytest.fixture
def owners() -> Owners:
    return Owners()


async def calm() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("cause", list(Cause))
async def test_every_cause_is_told_with_what_to_do_and_told_when_it_is_over(owners: Owners, cause: Cause) -> None:
    owners.alarms.on(cause, "no space left on device", "-1001")
    await calm()
    assert owners.value(cause) == 1
    owners.alarms.off(cause, "-1001")
    await calm()
    first, second = owners.told
    assert first.startswith("⚠️")
    assert "(chat -1001): no space left on device. " in first
    assert second.startswith("✅ Over: ")
    assert owners.value(cause) == 0
    assert [(record["cause"], record["on"]) for record in owners.recorded] == [(cause, True), (cause, False)]


async def test_what_lasts_is_told_again_after_hours_and_not_before(owners: Owners) -> None:
    for _ in range(100):
        owners.alarms.on(Cause.DISK, "full")
        owners.now += 215  # just below six hours in all
    await calm()
    assert len(owners.told) == 1
    owners.now += 200
    owners.alarms.on(Cause.DISK, "full")
    await calm()
    assert len(owners.told) == 2


async def test_what_comes_and_goes_is_told_once_in_ten_minutes(owners: Owners) -> None:
    for _ in range(50):
        owners.alarms.on(Cause.DATABASE, "locked")
        owners.alarms.off(Cause.DATABASE)
        owners.now += 10
    await calm()
    assert len(owners.told) == 2
    owners.now += 600
    owners.alarms.on(Cause.DATABASE, "locked")
    await calm()
    assert len(owners.told) == 3


async def test_what_came_back_silently_and_lasts_is_told_after_all(owners: Owners) -> None:
    owners.alarms.on(Cause.DISK, "full")
    owners.alarms.off(Cause.DISK)
    owners.now += 60
    owners.alarms.on(Cause.DISK, "full")
    owners.now += 541
    owners.alarms.on(Cause.DISK, "full")
    await calm()
    assert len(owners.told) == 3


async def test_what_was_never_wrong_is_not_told_to_be_over(owners: Owners) -> None:
    owners.alarms.off(Cause.SANDBOX)
    await calm()
    assert owners.told == []


async def test_each_chat_has_its_own_alarm(owners: Owners) -> None:
    owners.alarms.on(Cause.RIGHTS, "not enough rights", "-1001")
    owners.alarms.on(Cause.RIGHTS, "not enough rights", "-1002")
    owners.alarms.off(Cause.RIGHTS, "-1001")
    await calm()
    assert len(owners.told) == 3
    assert owners.value(Cause.RIGHTS) == 1


async def test_an_alarm_that_reaches_nobody_is_logged_and_breaks_nothing(
    owners: Owners, capsys: pytest.CaptureFixture[str]
) -> None:
    owners.deaf = True
    owners.alarms.on(Cause.DISK, "full")
    await calm()
    assert "an alarm reached no owner" in capsys.readouterr().out
    assert owners.recorded


async def test_an_alarm_about_the_database_is_told_though_it_cannot_be_recorded(owners: Owners) -> None:
    async def broken(_: Mapping[str, object]) -> None:
        raise OSError("read-only")

    alarms = Alarms(owners.metrics, owners.tell, broken, lambda: owners.now)
    alarms.on(Cause.DATABASE, "read-only")
    await calm()
    assert len(owners.told) == 1


async def test_a_strangers_text_in_a_reason_is_cut_and_has_nothing_hidden(owners: Owners) -> None:
    owners.alarms.on(Cause.RIGHTS, "\u202e" + "x" * 5000, "-1001")
    await calm()
    assert len(owners.told[0]) < 600
    assert "\u202e" not in owners.told[0]


async def test_places_without_end_are_forgotten(owners: Owners) -> None:
    for number in range(3000):
        owners.alarms.on(Cause.RIGHTS, "no", str(number))
        owners.alarms.off(Cause.RIGHTS, str(number))
    assert len(owners.alarms._states) <= 1001


async def test_what_the_database_could_not_take_is_audited_when_it_can_with_the_time_at_which_it_was(
    owners: Owners,
) -> None:
    owners.locked = True
    owners.alarms.on(Cause.DATABASE, "locked")
    owners.alarms.on(Cause.RIGHTS, "not enough rights", "-1001")
    await calm()
    assert owners.recorded == []
    assert len(owners.told) == 2
    owners.locked = False
    owners.alarms.off(Cause.DATABASE)
    await calm()
    told = [(record["cause"], record["on"], "since" in record) for record in owners.recorded]
    assert told == [("database", True, True), ("rights", True, True), ("database", False, False)]


async def test_the_same_trouble_in_a_thousand_chats_is_a_few_messages(
    owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.alarms._GATHERED", 0.05)
    for number in range(1000):
        owners.alarms.on(Cause.RIGHTS, "the bot is no administrator", str(number))
    async with asyncio.timeout(5):
        while len(owners.told) < 4:
            await asyncio.sleep(0.01)
    assert "in 997 chats (3, 4, 5, 6, 7, …): the bot is no administrator. " in owners.told[3]
    for number in range(1000):
        owners.alarms.off(Cause.RIGHTS, str(number))
    async with asyncio.timeout(5):
        while not any("✅" in told and "in 1000 chats (0, 1, 2, 3, 4, …)" in told for told in owners.told[4:]):
            await asyncio.sleep(0.01)
    assert len(owners.told) <= 8
    await asyncio.sleep(0.15)  # quiet again: the next is told at once
    owners.now += 1000
    owners.alarms.on(Cause.RIGHTS, "the bot is no administrator", "77")
    await calm()
    assert "(chat 77)" in owners.told[-1]
    assert owners.value(Cause.RIGHTS) == 1


async def test_one_trouble_in_many_chats_keeps_no_other_from_being_told(owners: Owners) -> None:
    for number in range(10):
        owners.alarms.on(Cause.RIGHTS, "no", str(number))
    owners.alarms.on(Cause.DISK, "full")
    await calm()
    assert "There is no room" in owners.told[-1]
    assert len(owners.recorded) == 11  # gathering is for messages, and not for the audit log


async def test_of_what_began_and_ended_unsaid_nothing_is_said(owners: Owners, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lazaretto.alarms._GATHERED", 0.05)
    for number in range(5):
        owners.alarms.on(Cause.RIGHTS, "no", str(number))
    owners.alarms.off(Cause.RIGHTS, "3")
    async with asyncio.timeout(5):
        while len(owners.told) < 4:
            await asyncio.sleep(0.01)
    assert "(chat 4)" in owners.told[3]
    assert "✅" not in owners.told[3]


async def test_what_is_cleaned_out_of_a_reason_is_neither_told_nor_recorded_nor_logged(
    owners: Owners, capsys: pytest.CaptureFixture[str]
) -> None:
    clean = partial(without_token, token="12:se/cret")
    alarms = Alarms(owners.metrics, owners.tell, owners.record, lambda: owners.now, clean)
    alarms.on(Cause.SANDBOX, "no answer from https://host/bot12:se/cret/getMe or bot12%3Ase/cret")
    await calm()
    assert owners.told
    assert owners.recorded
    assert "cret" not in f"{owners.told}{owners.recorded}{capsys.readouterr().out}"


async def test_what_was_given_up_is_over_a_day_after_the_last_and_nobody_is_told(owners: Owners) -> None:
    owners.alarms.on(Cause.FAULT, "remove failed", "-1001")
    owners.now += 601
    owners.alarms.on(Cause.FAULT, "remove failed", "-1001")
    await calm()
    assert len(owners.told) == 2  # another file that stays visible
    owners.now += 80_000
    await owners.alarms.beat()
    assert owners.value(Cause.FAULT) == 1
    owners.now += 6400
    await owners.alarms.beat()
    await calm()
    assert owners.value(Cause.FAULT) == 0
    assert not any("✅" in told for told in owners.told)  # what was given up can still be seen
    assert owners.recorded[-1] == {"cause": "fault", "on": False, "why": "not again for a day"}


async def test_the_rights_in_a_chat_that_the_bot_left_are_no_alarm_for_ever(owners: Owners) -> None:
    owners.alarms.on(Cause.RIGHTS, "the bot is not in the group any more", "-1001", passing=True)
    owners.alarms.on(Cause.RIGHTS, "the bot is no administrator", "-1002")
    owners.now += 86_400
    await owners.alarms.beat()
    await calm()
    assert owners.value(Cause.RIGHTS) == 1
    assert len(owners.told) == 2
    assert [record["on"] for record in owners.recorded] == [True, True, False]


async def test_what_can_pass_and_then_is_known_to_last_does_not_pass(owners: Owners) -> None:
    owners.alarms.on(Cause.RIGHTS, "the bot is not in the group any more", "-1001", passing=True)
    owners.alarms.on(Cause.RIGHTS, "the bot is no administrator", "-1001")
    owners.now += 86_400
    await owners.alarms.beat()
    assert owners.value(Cause.RIGHTS) == 1


async def test_what_could_not_be_audited_is_with_the_next_beat_and_waits_for_no_other_alarm(owners: Owners) -> None:
    owners.locked = True
    owners.alarms.on(Cause.RIGHTS, "not enough rights", "-1001")
    await calm()
    await owners.alarms.beat()
    assert owners.recorded == []
    owners.locked = False
    await owners.alarms.beat()
    assert [(record["cause"], "since" in record) for record in owners.recorded] == [("rights", True)]


async def test_a_stop_tells_and_audits_what_still_waited_for_that(owners: Owners) -> None:
    owners.locked = True
    for number in range(6):
        owners.alarms.on(Cause.RIGHTS, "no", str(number))
    owners.locked = False
    await owners.alarms.aclose()
    assert "in 3 chats (3, 4, 5): no" in owners.told[3]
    assert len(owners.recorded) == 6
    owners.alarms.on(Cause.DISK, "full")  # too late for both
    await calm()
    assert (len(owners.told), len(owners.recorded)) == (4, 6)


async def test_a_stop_waits_for_no_platform_that_does_not_answer(
    owners: Owners, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.alarms._LAST_WORDS", 0.05)

    async def never(_: str) -> None:
        await asyncio.Event().wait()

    alarms = Alarms(owners.metrics, never, owners.record, lambda: owners.now)
    alarms.on(Cause.DISK, "full")
    async with asyncio.timeout(5):
        await alarms.aclose()
    assert len(owners.recorded) == 1


async def test_what_passed_before_it_was_told_is_not_told(owners: Owners) -> None:
    for number in range(4):
        owners.alarms.on(Cause.RIGHTS, "no", str(number))
    owners.alarms.pass_over(Cause.RIGHTS, "the chat is -100 now", "3")
    await owners.alarms.aclose()
    assert len(owners.told) == 3
    assert len(owners.recorded) == 5
