"""Recorded reports decided anew: what another policy would have held, and what moderators thought of it."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from audit.samples import ANN, GROUP, MOD, MODERATORS, Clock, attachment
from audit.samples import report as any_report
from lazaretto.audit import AuditedStore
from lazaretto.backtest import Change, Comparison, Unjudged, backtest, compare
from lazaretto.config import Configuration
from lazaretto.model import Action, Case, CaseState, Claim, Decision, Part, Place, Reason, Report
from lazaretto.policy import Policy
from lazaretto.rules import CONFIRMED, GRANTED, TOO_LARGE
from lazaretto.state.recorded import Recorded, judged
from lazaretto_validators import Finding

HOLD, FLAG, LET_GO, REJECT = Action.QUARANTINE, Action.FLAG, Action.FORWARD, Action.REJECT
SINCE = datetime.fromisoformat("2026-02-01T00:00Z")


def a_policy(javascript: str, **keys: Any) -> Policy:
    keys = {"preset": "balanced", "actions": {"pdf.script": javascript}, **keys}
    return Configuration.load({"defaults": keys}).policy_of(Place("telegram", ""))


STRICT, LENIENT, FLAGGING = (a_policy(action) for action in (HOLD, LET_GO, FLAG))


def report(**changes: Any) -> Report:
    """Of a PDF with a script in it."""
    return any_report(**({"findings": (Finding("pdf.script", 77, "obj[4]", "app.alert('Ann')", ""),)} | changes))


def one(number: int = 1, action: Action = LET_GO, state: CaseState | None = None, **changes: Any) -> Recorded:
    """One that was decided and reviewed."""
    fields: dict[str, Any] = {
        "number": number,
        "received_at": SINCE + timedelta(hours=number),
        "subject": "s",
        "attachment": attachment(number),
        "reports": (report(),),
        "decision": Decision(action, True, (Reason("pdf.script", action, "active"),)),
        "case": None if state is None else number,
        "state": state,
    }
    return Recorded(**(fields | changes))


# ── comparing ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_would_be_held_is_counted_with_what_moderators_did_about_it() -> None:
    states = [CaseState.RELEASED, CaseState.RELEASED, CaseState.CONFIRMED, CaseState.EXPIRED, None]
    recorded = [one(number, FLAG, state) for number, state in enumerate(states, 1)]
    found = compare(recorded, STRICT)
    assert found.held == Change(5, 2, 1, (1, 2, 3, 4), (("pdf.script", 5),))
    assert found.let_go == Change()
    assert (found.judged, found.changed, found.actions) == (5, 5, {(FLAG, HOLD): 5})


def test_what_would_be_let_through_is_counted_too() -> None:
    found = compare([one(1, HOLD, CaseState.CONFIRMED), one(2, HOLD, CaseState.RELEASED)], FLAGGING)
    assert found.let_go == Change(2, 1, 1, (1, 2), (("pdf.script", 2),))
    assert found.held == Change()


def test_all_that_a_policy_holds_is_told_beside_what_changes() -> None:
    recorded = [one(1, HOLD, CaseState.RELEASED), one(2, LET_GO), one(3, HOLD, reports=(report(findings=(), total=0),))]
    found = compare(recorded, STRICT, STRICT)
    assert found.holds == Change(2, 1, 0, (1,), (("pdf.script", 2),))
    assert (found.held, found.let_go) == (Change(), Change())
    assert compare(recorded, LENIENT, STRICT).holds == Change()


def test_two_policies_are_compared_whatever_was_decided_on_the_day() -> None:
    recorded = [one(1, REJECT), one(2, LET_GO), one(3, HOLD)]
    assert compare(recorded, STRICT, LENIENT).held.count == 3
    assert compare(recorded, STRICT, STRICT).changed == 0
    assert compare(recorded, LENIENT, STRICT).let_go.count == 3


def test_a_harder_way_of_holding_is_no_more_held() -> None:
    found = compare([one(1, HOLD)], a_policy(REJECT))
    assert (found.held.count, found.let_go.count, found.actions) == (0, 0, {(HOLD, REJECT): 1})


def test_what_was_only_observed_counts_as_if_it_had_been_held() -> None:
    observed = Decision(HOLD, False, (Reason("pdf.script", HOLD, "active"),))
    assert compare([one(decision=observed)], STRICT).changed == 0


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"attachment": None}, Unjudged.ERASED),
        ({"reports": None}, Unjudged.ERASED),
        ({"reports": ()}, Unjudged.ERASED),
        ({"decision": None}, Unjudged.UNDECIDED),
        ({"decision": Decision(LET_GO, True, (Reason(GRANTED.id, LET_GO, "grant"),))}, Unjudged.PRECEDENT),
        ({"decision": Decision(HOLD, True, (Reason(CONFIRMED.id, HOLD, ""),))}, Unjudged.PRECEDENT),
    ],
    ids=["claims purged", "reports purged", "parts purged", "never decided", "granted", "confirmed"],
)
def test_what_cannot_be_judged_is_counted_by_its_reason(changes: dict[str, Any], why: Unjudged) -> None:
    found = compare([one(**changes)], STRICT)
    assert (found.judged, found.unjudged) == (0, {why: 1})


def test_earlier_decisions_of_moderators_count_on_neither_side_of_two_policies() -> None:
    granted = Decision(LET_GO, True, (Reason(GRANTED.id, LET_GO, "grant"),))
    assert compare([one(decision=granted)], STRICT, STRICT).actions == {(HOLD, HOLD): 1}


def not_fetched(size: int | None) -> dict[str, Any]:
    finding = TOO_LARGE.found(at=None, seen="", allowed="")
    posted = attachment(parts=(Part(0, "f", "u", "message.document", Claim("big.pdf", size=size)),))
    return {"attachment": posted, "reports": (Report(None, None, None, (finding,), 1),)}


def test_a_file_that_was_too_large_is_not_judged_by_a_policy_that_would_have_fetched_it() -> None:
    small, large = a_policy(HOLD, max_size=10), a_policy(HOLD, max_size=1000)
    assert compare([one(**not_fetched(100))], small).judged == 1
    assert compare([one(**not_fetched(100))], large).unjudged == {Unjudged.UNSEEN: 1}
    assert compare([one(**not_fetched(100))], small, large).unjudged == {Unjudged.UNSEEN: 1}
    assert compare([one(**not_fetched(None))], small).unjudged == {Unjudged.UNSEEN: 1}


def test_a_file_that_was_rejected_halfway_is_not_called_harmless() -> None:
    cut = one(1, REJECT, reports=(report(partial=True),))
    assert compare([cut], a_policy(REJECT)).judged == 1
    assert compare([cut], LENIENT).unjudged == {Unjudged.UNSEEN: 1}


def test_stricter_rules_for_new_members_hold_for_who_was_new_then() -> None:
    policy = a_policy(LET_GO, newcomers={"period": "7 days", "preset": "strict"})
    day = timedelta(days=1)
    posts = [one(number, LET_GO, received_at=SINCE + number * day) for number in (1, 6, 8, 30)]
    assert compare(posts, policy, first_posts={"s": SINCE}).held.count == 2
    assert compare(posts, policy).held.count == 0


def test_nothing_recorded_is_an_answer() -> None:
    assert compare([], STRICT) == Comparison()


def test_the_examples_and_rules_are_few() -> None:
    found = compare([one(number, FLAG, CaseState.OPEN) for number in range(1, 50)], STRICT)
    assert found.held.cases == tuple(range(1, 11))


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[AuditedStore]:
    async with AuditedStore.open(tmp_path / "state", clock=clock) as opened:
        yield opened


async def decide(store: AuditedStore, action: Action, number: int = 1, **changes: Any) -> Case | None:
    """Take one in, and decide about it."""
    posted = attachment(number, **changes)
    await store.take_in(posted, "{}")
    decision = Decision(action, True, (Reason("pdf.script", action, "active"),))
    return await store.decided(posted, [report()], decision, [], moderators=MODERATORS, policy="p")


async def test_the_records_of_a_group_are_decided_anew(store: AuditedStore) -> None:
    released = await decide(store, HOLD, 1)
    assert released is not None
    await store.release(released.id, MOD, days=30)
    for deed in await store.due():
        await store.attempting(deed)
        await store.done(deed, "901")
    await decide(store, LET_GO, 2)
    await decide(store, LET_GO, 3, place=Place("telegram", "-1009"))

    found = await backtest(store, GROUP, LENIENT, SINCE)
    assert found.let_go == Change(1, 1, 0, (released.id,), (("pdf.script", 1),))
    assert found.actions == {(HOLD, LET_GO): 1, (LET_GO, LET_GO): 1}
    assert (await backtest(store, GROUP, STRICT, SINCE)).held.count == 1
    assert (await backtest(store, GROUP, STRICT, SINCE, against=LENIENT)).held == replace(
        found.let_go, count=2, rules=(("pdf.script", 2),)
    )


async def test_only_what_came_since_then_is_looked_at(store: AuditedStore, clock: Clock) -> None:
    await decide(store, LET_GO, 1)
    clock.forward(days=2)
    await decide(store, LET_GO, 2)
    found = await backtest(store, GROUP, STRICT, clock.now - timedelta(days=1))
    assert (found.judged, found.first, found.last, found.more) == (1, clock.now, clock.now, False)
    assert (await backtest(store, GROUP, STRICT, SINCE)).judged == 2


async def test_what_was_erased_is_left_out_and_said(store: AuditedStore) -> None:
    await decide(store, LET_GO, 1)
    await store.erase(ANN.platform, ANN.id)
    assert (await backtest(store, GROUP, STRICT, SINCE)).unjudged == {Unjudged.ERASED: 1}


async def test_what_still_waits_is_left_out_and_said(store: AuditedStore) -> None:
    await store.take_in(attachment(1), "{}")
    assert (await backtest(store, GROUP, STRICT, SINCE)).unjudged == {Unjudged.UNDECIDED: 1}


async def test_an_album_counts_once(store: AuditedStore) -> None:
    members = [attachment(number, album="a") for number in (1, 2)]
    for member in members:
        await store.take_in(member, "{}")
    parts = tuple(replace(m.parts[0], index=i, message=m.message) for i, m in enumerate(members))
    album = replace(members[0], id="album-1", kind="album", parts=parts, members=("att-1", "att-2"))
    await store.join(album, album.members)
    reports = [report(), report(findings=(), total=0)]
    await store.decided(album, reports, Decision(LET_GO, True), [], moderators=None, policy="p")
    assert (await backtest(store, GROUP, STRICT, SINCE)).actions == {(LET_GO, HOLD): 1}


async def test_who_is_new_is_told_by_the_records(store: AuditedStore, clock: Clock) -> None:
    policy = a_policy(LET_GO, newcomers={"period": "7 days", "preset": "strict"})
    for number in (1, 2):
        await decide(store, LET_GO, number)
        clock.forward(days=8)
    assert (await backtest(store, GROUP, policy, SINCE)).held.count == 1
    # Whoever was there before the period that is looked at is not new in it.
    assert (await backtest(store, GROUP, policy, SINCE + timedelta(days=32))).held.count == 0


async def test_pages_meet_without_a_gap_or_an_overlap(store: AuditedStore, clock: Clock) -> None:
    for number in range(7):
        await decide(store, LET_GO, number)
        clock.forward(seconds=number % 2)  # some came in the same moment
    pages: list[list[Recorded]] = []
    last: Recorded | None = None
    while not pages or pages[-1]:
        pages.append(await store.state.read(partial(judged, place=GROUP, since=SINCE, before=last, limit=2)))
        last = pages[-1][-1] if pages[-1] else last
    numbers = [record.number for page in pages for record in page]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == 7


async def test_no_more_than_the_bound_is_looked_at_and_that_is_said(store: AuditedStore) -> None:
    for number in range(5):
        await decide(store, LET_GO, number)
    seen: list[int] = []
    some = await backtest(store, GROUP, STRICT, SINCE, most=3, progress=seen.append)
    assert (some.judged, some.more, seen) == (3, True, [3])
    every = await backtest(store, GROUP, STRICT, SINCE, most=5)
    assert (every.judged, every.more) == (5, False)


async def test_memory_does_not_grow_with_the_records(store: AuditedStore) -> None:
    big = report(sha256="02" * 32, coverage=report().coverage * 200)
    for number in range(450):
        posted = attachment(number)
        await store.take_in(posted, "{}")
        await store.decided(posted, [big], Decision(LET_GO, True), [], moderators=None, policy="p")
    await backtest(store, GROUP, STRICT, SINCE, most=200)  # what is made once
    peaks = []
    for most in (200, 450):
        tracemalloc.start()
        assert (await backtest(store, GROUP, STRICT, SINCE, most=most)).judged == most
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.3 * peaks[0]


async def test_a_private_chat_has_no_records_of_its_own(store: AuditedStore) -> None:
    with pytest.raises(ValueError, match="private"):
        await backtest(store, Place("telegram", ANN.id, private=True), STRICT, SINCE)
