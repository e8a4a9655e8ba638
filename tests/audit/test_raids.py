"""Raids: the same file again and again, or a burst of one member's, is one card that decides about all of it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Connection, event

from audit.samples import (
    ANN,
    GROUP,
    MOD,
    MODERATORS,
    UPDATE,
    Clock,
    attachment,
    decide,
    events,
    kinds,
    only,
    report,
)
from lazaretto.audit import AuditedStore, records
from lazaretto.model import Action, Case, CaseState, Decision, Person, Place, Raid, Reason
from lazaretto.ports import DeedKind
from lazaretto.state import attachments, outbox, raids

SCRIPT = frozenset({"pdf.javascript"})  # what samples are decided for


def somebody(number: int) -> Person:
    return Person("telegram", f"60{number}", f"Somebody {number}")


async def post(store: AuditedStore, number: int, action: Action = Action.QUARANTINE, **changes: Any) -> Case:
    """A case of its own sender and its own file, unless `changes` say otherwise."""
    fields: dict[str, Any] = {"sender": somebody(number), "sha256": f"{number:064x}"} | changes
    case = await decide(store, action, number=number, **fields)
    assert case is not None
    return case


async def cards(store: AuditedStore) -> list[int | None]:
    return [deed.case for deed in await store.due() if deed.kind is DeedKind.CARD]


async def shown(store: AuditedStore, number: int = 1) -> None:
    """The card of a case is there."""
    card = await only(store, DeedKind.CARD)
    assert card.case == number
    await store.attempting(card)
    await store.done(card, "900")


async def test_copies_of_one_file_are_one_card_whoever_posts_them(store: AuditedStore) -> None:
    for number in range(1, 6):
        await post(store, number, sha256="ab" * 32)
    assert await cards(store) == [1]
    lead = await store.case(1)
    assert lead is not None
    assert lead.raid == Raid((2, 3, 4, 5), waiting=4, reasons={SCRIPT: 4})
    assert (await kinds(store)).count(DeedKind.REMOVE) == 5  # each is removed all the same


async def test_a_burst_of_one_member_folds_after_three_cards(store: AuditedStore) -> None:
    for number in range(1, 7):
        await post(store, number, sender=ANN)
    assert await cards(store) == [1, 2, 3]
    lead = await store.case(3)
    assert lead is not None
    assert lead.raid == Raid((4, 5, 6), waiting=3, reasons={SCRIPT: 3})


@pytest.mark.parametrize(
    "changes",
    [
        {"place": Place("telegram", "-1007777")},
        {"moderators": "-1006666"},
        {"action": Action.FLAG},
        {"place": Place("telegram", "60", private=True)},
    ],
    ids=["another group", "another moderators' chat", "another action", "a private chat"],
)
async def test_what_is_decided_elsewhere_or_otherwise_has_a_card_of_its_own(
    store: AuditedStore, changes: dict[str, Any]
) -> None:
    await post(store, 1, sha256="ab" * 32)
    await post(store, 2, sha256="ab" * 32, **changes)
    assert await cards(store) == [1, 2]


async def test_private_chats_of_different_people_are_never_folded(store: AuditedStore) -> None:
    for number in (1, 2):
        place = Place("telegram", f"60{number}", private=True)
        await post(store, number, sha256="ab" * 32, place=place)
    assert await cards(store) == [1, 2]


async def test_after_ten_minutes_a_new_card_says_that_it_goes_on(store: AuditedStore, clock: Clock) -> None:
    await post(store, 1, sha256="ab" * 32)
    clock.forward(minutes=11)
    await post(store, 2, sha256="ab" * 32)
    assert await cards(store) == [1, 2]


async def test_nothing_follows_a_case_that_was_decided(store: AuditedStore) -> None:
    await post(store, 1, sha256="ab" * 32)
    await store.release(1, MOD, days=30)
    await post(store, 2, sha256="ab" * 32)
    assert await cards(store) == [1, 2]


async def test_nothing_follows_a_case_whose_card_never_came(store: AuditedStore) -> None:
    await post(store, 1, sha256="ab" * 32)
    await store.failed(await only(store, DeedKind.CARD), "kicked from the chat")
    await post(store, 2, sha256="ab" * 32)
    assert await cards(store) == [2]


async def test_those_that_follow_a_case_whose_card_cannot_be_shown_are_not_hidden(store: AuditedStore) -> None:
    for number in range(1, 4):
        await post(store, number, sha256="ab" * 32)
    await store.failed(await only(store, DeedKind.CARD), "Bad Request: can't parse entities")
    assert await cards(store) == [2]
    lead = await store.case(2)
    assert lead is not None
    assert lead.raid == Raid((1, 3), waiting=2, reasons={SCRIPT: 2})  # nobody else's card would speak of the first
    await store.failed(await only(store, DeedKind.CARD), "Forbidden: bot was kicked")
    assert await cards(store) == [3]  # and not the first again
    await store.failed(await only(store, DeedKind.CARD), "Forbidden: bot was kicked")
    assert await cards(store) == []  # nobody is left to be shown


async def test_without_a_moderators_chat_nothing_is_folded(store: AuditedStore) -> None:
    for number in (1, 2):
        await post(store, number, sha256="ab" * 32, moderators=None)
    lead = await store.case(1)
    assert lead is not None
    assert lead.raid is None


async def test_a_card_knows_for_what_those_that_follow_were_decided(store: AuditedStore) -> None:
    """One member's burst may hold anything, and so may copies of one file under different names."""
    for number in range(1, 4):
        await post(store, number, sender=ANN)
    for number, rules in enumerate(
        (["pdf.launch"], ["pdf.launch", "name.bidi"], ["pdf.javascript"], ["pdf.launch"]), 4
    ):
        why = tuple(Reason(rule, Action.QUARANTINE, "active") for rule in rules)
        posted = attachment(number, sender=ANN)
        await store.take_in(posted, UPDATE)
        how = Decision(Action.QUARANTINE, True, why)
        await store.decided(posted, [report(sha256=None)], how, [], moderators=MODERATORS, policy="p")
    await store.confirm(7, MOD)
    lead = await store.case(3)
    assert lead is not None
    launch = frozenset({"pdf.launch"})
    reasons = {launch: 1, launch | {"name.bidi"}: 1, SCRIPT: 1}
    assert lead.raid == Raid((4, 5, 6, 7), waiting=3, reasons=reasons)


async def _its_card_is_deleted(store: AuditedStore) -> None:
    update = await only(store, DeedKind.UPDATE_CARD)
    await store.attempting(update)
    await store.failed(update, "Bad Request: message to edit not found", gone=True)


async def test_a_card_that_was_deleted_is_shown_again_when_there_is_something_to_tell(store: AuditedStore) -> None:
    await post(store, 1, sha256="ab" * 32)
    await shown(store)
    await post(store, 2, sha256="ab" * 32)
    await _its_card_is_deleted(store)
    assert await cards(store) == [1]
    for number in (3, 4):
        await post(store, number, sha256="ab" * 32)
    await shown(store)
    lead = await store.case(1)
    assert lead is not None
    assert await store.card_of(lead) == "900"
    assert lead.raid == Raid((2, 3, 4), waiting=3, reasons={SCRIPT: 3})


async def test_a_deleted_card_is_shown_again_for_those_that_follow_when_its_own_case_is_decided(
    store: AuditedStore,
) -> None:
    await post(store, 1, sha256="ab" * 32)
    await shown(store)
    await post(store, 2, sha256="ab" * 32)
    await store.confirm(1, MOD)
    await _its_card_is_deleted(store)
    assert await cards(store) == [1]


async def test_a_case_whose_deleted_card_cannot_be_sent_again_stays_in_its_raid(store: AuditedStore) -> None:
    for number in (1, 2):
        await post(store, number, sha256="ab" * 32)
        if number == 1:
            await shown(store)
    await _its_card_is_deleted(store)
    again = await only(store, DeedKind.CARD)
    assert again.case == 1
    await store.attempting(again)
    await store.failed(again, "Bad Request: can't parse entities")
    await shown(store, 2)
    lead = await store.case(2)
    assert lead is not None
    assert lead.raid == Raid((1,), waiting=1, reasons={SCRIPT: 1})
    assert (await only(store, DeedKind.UPDATE_CARD)).note == "Case 1: Case 2 is like it."
    assert await store.confirm_all(2, MOD, newest=1) == "2 cases are confirmed as bad."  # as its buttons say it


async def test_a_decided_case_whose_card_cannot_be_shown_is_not_decided_about_again(store: AuditedStore) -> None:
    for number in (1, 2):
        await post(store, number, sha256="ab" * 32)
    await store.confirm(1, MOD)
    await store.failed(await only(store, DeedKind.CARD), "Bad Request: can't parse entities")
    lead = await store.case(2)
    assert lead is not None
    assert lead.raid is None


async def test_what_the_deleted_card_was_to_tell_is_told_on_the_new_one(store: AuditedStore) -> None:
    await post(store, 1, sha256="ab" * 32)
    await shown(store)
    removal = await only(store, DeedKind.REMOVE)
    await store.attempting(removal)
    await store.failed(removal, "not enough rights")
    await _its_card_is_deleted(store)
    assert [deed.kind for deed in await store.due()] == [DeedKind.CARD]  # first it has to be there
    await shown(store)
    assert (await only(store, DeedKind.UPDATE_CARD)).note == "It could not be removed: not enough rights"


async def test_what_is_newer_than_what_the_deleted_card_was_to_tell_is_not_written_over(store: AuditedStore) -> None:
    await post(store, 1, sha256="ab" * 32)
    await shown(store)
    await post(store, 2, sha256="ab" * 32)
    update = await only(store, DeedKind.UPDATE_CARD)
    await store.attempting(update)
    await post(store, 3, sha256="ab" * 32)
    await store.failed(update, "Bad Request: message to edit not found", gone=True)
    await shown(store)
    assert (await only(store, DeedKind.UPDATE_CARD)).note == "Case 3 is like it."


async def test_a_deleted_card_of_what_is_decided_stays_deleted(store: AuditedStore) -> None:
    await post(store, 1, sha256="ab" * 32)
    await shown(store)
    await store.confirm(1, MOD)
    await _its_card_is_deleted(store)
    assert await cards(store) == []


async def test_a_card_that_cannot_be_changed_for_another_reason_is_not_shown_twice(store: AuditedStore) -> None:
    await post(store, 1, sha256="ab" * 32)
    await shown(store)
    await post(store, 2, sha256="ab" * 32)
    await store.failed(await only(store, DeedKind.UPDATE_CARD), "Forbidden: bot was kicked")
    assert await cards(store) == []


async def test_one_groups_hundreds_in_a_shared_moderators_chat_do_not_hide_anothers_card(
    store: AuditedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.state.outbox._MOST_DUE", 4)
    for number in range(1, 6):
        await post(store, number, Action.FLAG)
    await post(store, 6, Action.FLAG, place=Place("telegram", "-1007777"))
    due = [deed for deed in await store.due() if deed.kind is DeedKind.CARD]
    assert [(deed.case, deed.room, deed.origin) for deed in due[:2]] == [
        (1, MODERATORS, "-1001234"),
        (6, MODERATORS, "-1007777"),
    ]


async def test_the_card_is_brought_up_to_date_once_for_many_that_follow(store: AuditedStore) -> None:
    await post(store, 1, sha256="ab" * 32)
    await shown(store)
    for number in range(2, 9):
        await post(store, number, sha256="ab" * 32)
    update = await only(store, DeedKind.UPDATE_CARD)
    assert (update.case, update.note) == (1, "Case 8 is like it.")


async def test_what_happens_to_one_that_follows_is_said_on_the_card(store: AuditedStore) -> None:
    await post(store, 1, sha256="ab" * 32)
    await shown(store)
    await post(store, 2, sha256="ab" * 32)
    removals = [deed for deed in await store.due() if deed.kind is DeedKind.REMOVE]
    await store.attempting(removals[1])
    await store.failed(removals[1], "not enough rights")
    update = await only(store, DeedKind.UPDATE_CARD)
    assert (update.case, update.note) == (1, "Case 2: It could not be removed: not enough rights")


async def test_confirming_all_confirms_each_and_blocks_its_file(store: AuditedStore) -> None:
    for number in range(1, 7):
        await post(store, number, sender=ANN)
    assert await store.confirm_all(3, MOD, newest=6) == "4 cases are confirmed as bad."
    states = {case.id: case.state for case in await store.cases()}
    assert states == {1: CaseState.OPEN, 2: CaseState.OPEN, **dict.fromkeys(range(3, 7), CaseState.CONFIRMED)}
    precedents = await store.precedents(GROUP, [f"{number:064x}" for number in range(1, 7)])
    assert precedents.confirmed == {f"{number:064x}" for number in range(3, 7)}
    assert (await events(store)).count("confirmed") == 4


async def test_releasing_all_publishes_each_once_however_often_it_is_pressed(store: AuditedStore) -> None:
    for number in range(1, 4):
        await post(store, number, sha256="ab" * 32)
    assert await store.release_all(1, MOD, newest=3, days=30) == "3 cases are approved."
    assert (
        await store.release_all(1, MOD, newest=3, days=30)
        == "None of these cases waits for a decision; nothing was changed."
    )
    assert (await kinds(store)).count(DeedKind.PUBLISH) == 3


async def test_what_came_after_the_card_was_shown_is_not_decided_along_with_the_rest(store: AuditedStore) -> None:
    """Somebody who goes on posting, each time another file, until the press comes."""
    for number in range(1, 6):
        await post(store, number, sender=ANN)
    told = await store.case(3)
    assert told is not None
    assert told.raid == Raid((4, 5), waiting=2, reasons={SCRIPT: 2})
    await post(store, 6, sender=ANN)
    assert await store.release_all(3, MOD, newest=5, days=30) == "3 cases are approved."
    left = await store.case(6)
    assert left is not None
    assert left.state is CaseState.OPEN
    assert (await kinds(store)).count(DeedKind.PUBLISH) == 3


async def test_a_clock_that_was_ahead_for_a_moment_does_not_fold_all_that_comes_afterwards(
    store: AuditedStore, clock: Clock
) -> None:
    clock.forward(days=1)
    await post(store, 1, sha256="ab" * 32)
    clock.forward(days=-1)
    await post(store, 2, sha256="ab" * 32)
    assert await cards(store) == [1, 2]


async def test_a_decision_looks_at_the_cases_of_some_minutes_and_never_at_all_that_were_opened(
    store: AuditedStore,
) -> None:
    """Rows of cases are kept for ever, and cases that nobody decides stay open for weeks."""
    await post(store, 1)

    def plans(connection: Connection) -> str:
        asked: list[tuple[str, Any]] = []

        def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
            asked.append((statement, parameters))

        event.listen(connection, "before_cursor_execute", note)
        row = attachments.find(connection, "att-1")
        assert row is not None
        raids.lead_for(connection, row, MODERATORS, row.received_at)
        outbox.due(connection, row.received_at)
        event.remove(connection, "before_cursor_execute", note)
        explained = [connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {query}", values) for query, values in asked]
        return "\n".join(step[3] for plan in explained for step in plan)

    plan = await store.state.read(plans)
    assert "cases_by_opening" in plan
    for everything in (
        "cases_by_state",
        "cases_by_lead",
        "attachments_by_room",
        "parts_by_digest",
        "SCAN cases",
        "SCAN att",
    ):
        assert everything not in plan


async def test_those_that_follow_can_be_decided_after_the_first_was(store: AuditedStore) -> None:
    for number in range(1, 4):
        await post(store, number, sha256="ab" * 32)
    await store.release(1, MOD, days=30)
    assert await store.confirm_all(1, MOD, newest=9) == "2 cases are confirmed as bad."


async def test_one_press_decides_about_so_many_and_says_what_is_left(
    store: AuditedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.audit.review._MOST_AT_ONCE", 3)
    for number in range(1, 6):
        await post(store, number, sha256="ab" * 32)
    assert await store.confirm_all(1, MOD, newest=9) == "3 cases are confirmed as bad. 2 are left: press again."
    assert await store.confirm_all(1, MOD, newest=9) == "2 cases are confirmed as bad."


async def test_the_record_says_which_case_it_follows(store: AuditedStore) -> None:
    for number in (1, 2):
        await post(store, number, sha256="ab" * 32)
    opened = [r["data"] for r in await store.state.read(records) if r["event"] == "opened"]
    assert opened == [{"action": "quarantine"}, {"action": "quarantine", "lead": 1}]


async def test_all_of_a_case_without_followers_is_that_case(store: AuditedStore) -> None:
    await post(store, 1, moderators=MODERATORS)
    assert await store.confirm_all(1, MOD, newest=9) == "1 case is confirmed as bad."
