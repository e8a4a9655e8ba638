"""`/drill` over HTTP: the whole way of the test file, what it leaves, and who may ask for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from e2e.conftest import Town
from e2e.host import events, until
from e2e.test_review_in_chat import Review, reviewing
from lazaretto import drill
from lazaretto.emulator import Message, Rights, User
from lazaretto.model import CaseState

FULL = Rights(can_change_info=True, can_delete_messages=True)


@pytest.fixture
async def review(town: Town) -> AsyncIterator[Review]:
    town.group.set_standing(town.mila, "administrator", FULL)
    async with reviewing(town) as made:
        yield made


async def drilled(review: Review, user: User | None = None) -> str:
    """The report of a drill, once it is over."""
    before = len(review.town.group.messages)
    await review.town.group.post_text(user or review.town.mila, "/drill")
    report = await _report(review, before)
    await until(lambda: "Drill passed" in (report.text or "") or "Drill failed" in (report.text or ""))
    return report.text or ""


async def _report(review: Review, after: int) -> Message:
    return await review.town.group.wait_for(
        lambda m: "Drill" in (m.text or "") and m in review.town.group.messages[after:]
    )


def _left(town: Town) -> list[Message]:
    """The test files that still stand in the group."""
    return [message for message in town.group.messages if "harmless test file" in (message.caption or "")]


def _posted(town: Town) -> int:
    return len(town.tg.calls_of("sendDocument"))


async def test_in_guard_mode_the_file_goes_all_the_way_and_nothing_of_it_is_left(review: Review) -> None:
    report = await drilled(review)
    assert "Drill passed" in report, report
    for step in (
        "posted",
        "fetched",
        drill.RULE,
        "quarantine",
        "vault",
        "removed",
        "card shown",
        "case closed",
        "Log:",
    ):
        assert step in report, report
    assert (_posted(review.town), _left(review.town)) == (1, [])
    card = await review.town.moderators.wait_for(lambda m: drill.FILE_NAME in (m.text or ""))
    await until(lambda: "It was a drill" in (card.text or ""))
    assert not list((review.town.state / "vault").glob("*.age"))
    store = (await review.host.guard.start()).store
    (case,) = await store.cases()
    assert case.state is CaseState.ERASED
    log = await events(store)
    (ended,) = [record for record in log if record["event"] == "drill"]
    assert ended["data"]["passed"]
    assert ended["subject"] == await store.subject_of("telegram", str(review.town.mila.id))
    received = next(record for record in log if record["event"] == "received")
    assert received["data"]["kind"] == "drill"
    assert not review.host.verdicts.all  # the host's listeners hear of members' files


async def test_in_observe_mode_it_says_what_would_have_happened_and_takes_its_file_away(town: Town) -> None:
    async with reviewing(town, mode="observe") as review:
        town.group.set_standing(town.mila, "administrator", FULL)
        report = await drilled(review)
        assert "Drill passed" in report, report
        assert "would have been removed and kept" in report
        assert (_posted(town), _left(town)) == (1, [])
        assert not [m for m in town.moderators.messages if drill.FILE_NAME in (m.text or "")]


async def test_where_administrators_are_exempt_and_strikes_count_a_drill_is_still_carried_out(town: Town) -> None:
    keys: dict[str, Any] = {
        "exempt": ["admins"],
        "newcomers": {"period": "7 days"},
        "strikes": {"limit": 1},
        "inform_sender": True,
    }
    async with reviewing(town, **keys) as review:
        town.group.set_standing(town.mila, "administrator", FULL)
        assert "Drill passed" in await drilled(review)
        assert not town.tg.calls_of("restrictChatMember")


async def test_what_fails_is_named_with_its_remedy(review: Review) -> None:
    review.town.tg.faults.fail("deleteMessage", error_code=400, description="Bad Request: not enough rights", times=9)
    report = await drilled(review)
    assert "Drill failed" in report
    assert "not removed from the group" in report
    assert "right to delete messages" in report


async def test_a_file_that_cannot_be_fetched_fails_the_drill(review: Review) -> None:
    review.town.tg.faults.fail("getFile", error_code=400, description="Bad Request: wrong file_id", times=9)
    report = await drilled(review)
    assert "not fetched" in report
    assert "network" in report


@pytest.mark.parametrize("label", ["Confirm", "Release"])
async def test_a_press_on_its_card_closes_it_and_nothing_follows(review: Review, label: str) -> None:
    review.town.tg.faults.slow("deleteMessage", 2.0)  # the drill waits for it, and its card is there
    before = len(review.town.group.messages)
    await review.town.group.post_text(review.town.mila, "/drill")
    report = await _report(review, before)
    card = await review.town.moderators.wait_for(lambda m: drill.FILE_NAME in (m.text or ""))
    answer = await review.press(review.town.mila, card, label)
    assert "was a drill: it is closed, and nothing follows from it" in answer
    await until(lambda: "Drill passed" in (report.text or ""))
    assert _posted(review.town) == 1  # nothing was published again
    log = await events((await review.host.guard.start()).store)
    assert all(record["data"].get("digests", []) == [] for record in log if record["event"] == "confirmed")
    assert not {"approved", "penalty"} & {record["event"] for record in log}


async def test_one_a_minute_in_a_group(review: Review) -> None:
    assert "Drill passed" in await drilled(review)
    answer = await review.ask(review.town.mila, "/drill", review.town.group)
    assert "within the last minute" in (answer.text or "")
    assert _posted(review.town) == 1


@pytest.mark.parametrize("where", ["group", "private"])
async def test_only_who_may_change_the_groups_info_may_ask_for_one(review: Review, where: str) -> None:
    town = review.town
    right_less = town.tg.user("Dora")
    town.group.set_standing(right_less, "administrator", Rights(can_delete_messages=True))
    await town.group.join(review.oscar)
    for user in (town.ann, right_less, review.oscar):
        if where == "group":
            answer = await review.ask(user, "/drill", town.group)
        else:
            answer = await review.ask(user, f"/drill {town.group.id}")
        assert "who may change its info" in (answer.text or ""), user
    assert not _posted(town)


async def test_an_anonymous_administrator_is_sent_to_the_private_chat(review: Review) -> None:
    town = review.town
    town.group.set_standing(town.mila, "administrator", Rights(is_anonymous=True, can_change_info=True))
    answer = await review.ask(town.mila, "/drill", town.group)
    assert "your rights cannot be told" in (answer.text or "")
    assert not _posted(town)


async def test_an_owner_asks_for_one_in_private_and_reads_the_report_there(town: Town) -> None:
    async with reviewing(town, owners=(town.ann,)):
        private = town.tg.private(town.ann)
        await private.post_text(town.ann, f"/drill {town.group.id}")
        report = await private.wait_for(lambda m: "Drill" in (m.text or ""))
        await until(lambda: "Drill passed" in (report.text or ""))


@pytest.mark.parametrize("words", ["", "chess", "123", "-1 OR 1=1", "<b>-100</b>", "-" * 300])
async def test_in_private_it_wants_the_id_of_a_group(review: Review, words: str) -> None:
    answer = await review.ask(review.town.mila, f"/drill {words}")
    assert "/drill in the group" in (answer.text or "") or "could not be checked" in (answer.text or "")
