"""Looking back: pages of cases, one case's surroundings, and copies of its file."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit.samples import ANN, GROUP, MOD, Clock, attachment, decide, open_case
from lazaretto.audit import AuditedStore
from lazaretto.audit.history import MOST_RECORDS, History, Wanted, named, user_named
from lazaretto.model import Action, CaseState, Person, Place

OTHER = Place("telegram", "-1005")
BEN = Person("telegram", "31", "Ben", "BEN")
HERE: dict[str, Any] = {"platform": "telegram", "chats": ["-1001234"]}


async def _pages(store: AuditedStore, wanted: Wanted, limit: int = 2, **span: int) -> tuple[list[int], bool, bool]:
    found = await History(store).listing(wanted, limit=limit, **span)
    return [case.id for case in found.cases], found.newer, found.older


async def test_pages_lead_to_the_newest_and_the_oldest_and_back(store: AuditedStore) -> None:
    for number in range(1, 6):
        await open_case(store, number=number, sha256=f"{number:064x}")
    wanted = Wanted(**HERE)
    assert await _pages(store, wanted) == ([5, 4], False, True)
    assert await _pages(store, wanted, before=4) == ([3, 2], True, True)
    assert await _pages(store, wanted, before=2) == ([1], True, False)
    assert await _pages(store, wanted, after=1) == ([3, 2], True, True)
    assert await _pages(store, wanted, after=5) == ([], False, True)
    assert await _pages(store, wanted, before=1) == ([], True, False)


async def test_cases_are_found_by_chat_state_member_and_rule(store: AuditedStore) -> None:
    mine = await open_case(store, number=1)
    theirs = await open_case(store, number=2, place=OTHER, sender=BEN)
    private = await open_case(store, number=3, place=Place("telegram", ANN.id, private=True))
    await store.confirm(theirs.id, MOD)
    everywhere: dict[str, Any] = {"platform": "telegram", "chats": None}

    async def ids(**wanted: Any) -> list[int]:
        return (await _pages(store, Wanted(**wanted), limit=9))[0]

    assert await ids(**HERE) == [mine.id]
    assert await ids(**everywhere) == [private.id, theirs.id, mine.id]
    assert await ids(platform="telegram", chats=[]) == []
    assert await ids(platform="pigeon", chats=["-1001234"]) == []
    assert await ids(**everywhere, states=(CaseState.CONFIRMED,)) == [theirs.id]
    assert await ids(**everywhere, member="@ben") == await ids(**everywhere, member="31") == [theirs.id]
    assert await ids(**everywhere, member="@nobody") == []
    assert await ids(**everywhere, rule="pdf.*") == [private.id, theirs.id, mine.id]
    assert await ids(**everywhere, rule="*.java*") == [private.id, theirs.id, mine.id]
    assert await ids(**everywhere, rule="pdf.java") == await ids(**everywhere, rule="zip.*") == []


@pytest.mark.parametrize("rule", ["pdf.javascript", "pdf.*", "*.javascript"])
async def test_a_rule_is_one_rule_and_not_the_end_of_one_and_the_beginning_of_the_next(
    store: AuditedStore, rule: str
) -> None:
    await open_case(store)
    assert (await _pages(store, Wanted(**HERE, rule=rule)))[0] == [1]
    assert (await _pages(store, Wanted(**HERE, rule=rule.replace("javascript", "j?").replace("*", "zip*"))))[0] == []


async def test_everything_about_a_case_and_about_its_sender_in_its_chat_alone(
    store: AuditedStore, clock: Clock
) -> None:
    old = await open_case(store, number=1)
    await store.confirm(old.id, MOD)
    clock.forward(days=3)
    confirmed = await open_case(store, number=2)
    await store.confirm(confirmed.id, MOD)
    flagged = await open_case(store, Action.FLAG, number=3)
    await store.release(flagged.id, MOD, days=1)
    await decide(store, Action.FORWARD, number=4)
    await decide(store, number=5, enforced=False)
    await open_case(store, number=6, place=OTHER)
    await open_case(store, number=7, sender=BEN)
    case = await open_case(store, number=8)
    facts = await History(store).facts(case.id, clock.now - timedelta(days=1))
    assert facts is not None
    assert facts.seen is not None
    seen = facts.seen
    assert (seen.posted, seen.held, seen.flagged, seen.strikes) == (6, 3, 1, 1)
    assert seen.states == {CaseState.OPEN: 1, CaseState.RELEASED: 1, CaseState.CONFIRMED: 2}
    assert [(brief.id, brief.state) for brief in seen.last] == [
        (flagged.id, CaseState.RELEASED),
        (confirmed.id, CaseState.CONFIRMED),
        (old.id, CaseState.CONFIRMED),
    ]
    assert [record["event"] for record in facts.records][:4] == ["received", "screened", "decided", "opened"]
    assert {person.name for person in facts.people.values()} == {ANN.name}
    assert await History(store).facts(99, clock.now) is None


async def test_of_an_erased_sender_nothing_is_told(store: AuditedStore, clock: Clock) -> None:
    case = await open_case(store)
    await store.erase(ANN.platform, ANN.id)
    facts = await History(store).facts(case.id, clock.now)
    assert facts is not None
    assert (facts.sender, facts.seen, dict(facts.people)) == (None, None, {})


async def test_copies_are_found_in_the_chats_that_are_named_and_in_no_private_one(store: AuditedStore) -> None:
    history = History(store)
    case = await open_case(store, number=1)
    await decide(store, Action.FORWARD, number=2, place=OTHER)
    copy = await open_case(store, number=3, place=OTHER)
    await decide(store, number=4, place=Place("telegram", ANN.id, private=True))
    await open_case(store, number=5, place=OTHER, sha256="cd" * 32)
    name = case.attachment.id
    assert await history.chats_of_copies(name) == {OTHER.chat}
    found, count = await history.copies(name, [OTHER.chat], limit=1)
    assert [(one.chat, one.case, one.state, one.enforced) for one in found] == [
        (OTHER.chat, copy.id, CaseState.OPEN, True)
    ]
    assert count == 2
    assert await history.copies(name, [GROUP.chat], limit=9) == ([], 0)
    await store.take_in(attachment(9), "{}")
    assert await history.chats_of_copies("att-9") == frozenset()


async def test_people_are_known_by_subject_and_by_name_until_they_are_erased(store: AuditedStore) -> None:
    await open_case(store, sender=BEN)
    subject = await store.subject_of(BEN.platform, BEN.id) or ""
    assert await store.state.read(lambda c: named(c, {subject, "nobody"})) == {subject: BEN}
    assert await store.state.read(lambda c: user_named(c, "@ben")) == BEN.id
    assert await store.state.read(lambda c: user_named(c, "@nobody")) is None


async def test_presses_that_were_refused_push_nothing_out_of_a_cases_history(store: AuditedStore, clock: Clock) -> None:
    case = await open_case(store)
    await store.confirm(case.id, MOD)
    for _ in range(MOST_RECORDS + 1):
        await store.refused_press(case.id, BEN, "release", "no right")
    facts = await History(store).facts(case.id, clock.now)
    assert facts is not None
    said = [record["event"] for record in facts.records]
    assert {"received", "decided", "opened", "confirmed"} <= set(said)
    assert said[-1] == "refused-press"
    assert said.count("refused-press") < 50
    assert [record["seq"] for record in facts.records] == sorted(record["seq"] for record in facts.records)
