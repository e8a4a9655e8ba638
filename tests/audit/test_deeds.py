"""The outbox, through restarts: what was intended is carried out, what is uncertain is told to a person."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from audit.samples import (
    MOD,
    MODERATORS,
    UPDATE,
    Clock,
    attachment,
    decide,
    decision,
    events,
    kinds,
    only,
    open_case,
    report,
)
from lazaretto.albums import joined
from lazaretto.audit import AuditedStore, records, verify_database
from lazaretto.model import Action, CaseState, Person, Place, SealedPart
from lazaretto.ports import Deed, DeedKind

STEPS = (
    "take in",
    "decide",
    "attempt removal",
    "removed",
    "attempt card",
    "shown",
    "release",
    "attempt publication",
    "published",
    "finish",
)


def a_person(number: int) -> Person:
    return Person("telegram", f"51{number}", f"Person {number}")


async def take_step(store: AuditedStore, step: str) -> None:
    """One call of the pipeline."""
    posted = attachment()
    if step == "take in":
        await store.take_in(posted, "{}")
    elif step == "decide":
        sealed = [SealedPart(0, "item", "ab" * 32, 1)]
        await store.decided(posted, [report()], decision(), sealed, moderators="-1", policy="p")
    elif step == "release":
        await store.release(1, MOD, days=30)
    elif step == "finish":
        await store.finished(posted.id)
    elif step.startswith("attempt"):
        kind = {"removal": DeedKind.REMOVE, "card": DeedKind.CARD, "publication": DeedKind.PUBLISH}[step.split()[1]]
        await store.attempting(await only(store, kind))
    else:
        kind = {"removed": DeedKind.REMOVE, "shown": DeedKind.CARD, "published": DeedKind.PUBLISH}[step]
        await store.done(await only(store, kind), "900")


@pytest.mark.parametrize("crash_after", range(len(STEPS)))
async def test_a_crash_after_any_step_loses_nothing_and_repeats_no_case(folder: Path, crash_after: int) -> None:
    """The database is reopened after the step, and the pipeline begins with that step again."""
    async with AuditedStore.open(folder) as store:
        for step in STEPS[: crash_after + 1]:
            await take_step(store, step)
    async with AsyncExitStack() as reopened:
        store = await reopened.enter_async_context(AuditedStore.open(folder))
        last = STEPS[crash_after]
        if last not in ("removed", "shown", "published"):  # a deed that is done is not due again
            await take_step(store, last)
        for step in STEPS[crash_after + 1 :]:
            await take_step(store, step)
        cases = await store.cases()
        assert [(case.id, case.state) for case in cases] == [(1, CaseState.RELEASED)]
        assert await store.pending() == []
        assert set(await kinds(store)) <= {DeedKind.UPDATE_CARD}
        told = await events(store)
        for once in ("received", "decided", "opened", "approved", "released", "finished"):
            assert told.count(once) == 1, once
    assert (await verify_database(folder)).fault is None


@pytest.mark.parametrize("kind", [DeedKind.REMOVE, DeedKind.CARD])
async def test_a_deed_without_result_is_marked_attempted_after_a_restart(folder: Path, kind: DeedKind) -> None:
    async with AuditedStore.open(folder) as store:
        await decide(store)
        assert not (await only(store, kind)).attempted
        await store.attempting(await only(store, kind))
    async with AuditedStore.open(folder) as store:
        assert (await only(store, kind)).attempted


async def test_a_removal_is_recorded_with_its_time(store: AuditedStore, clock: Clock) -> None:
    case = await decide(store)
    clock.forward(seconds=4)
    await store.done(await only(store, DeedKind.REMOVE))
    assert case is not None
    after = await store.case(case.id)
    assert after is not None
    assert after.removed_at == clock.now


async def test_a_shown_card_is_known_by_its_message(store: AuditedStore) -> None:
    assert await store.card_of(await open_case(store)) == "900"


async def test_a_postponed_deed_is_due_later_and_as_if_never_tried(store: AuditedStore, clock: Clock) -> None:
    await decide(store, Action.REJECT)
    (deed,) = await store.due()
    await store.attempting(deed)
    await store.postpone(deed, 29.5)
    assert await store.due() == []
    clock.forward(seconds=31)
    assert await store.due() == [deed]
    newest = (await store.state.read(records))[-1]
    assert (newest["event"], newest["data"]) == ("postponed", {"deed": deed.id, "kind": "remove", "seconds": 30})


async def tried(store: AuditedStore, deed: Deed) -> list[tuple[str, dict[str, object]]]:
    """The records of a deed, as event and what it says beyond the deed."""
    said = [(r["event"], r["data"]) for r in await store.state.read(records) if r["data"].get("deed") == deed.id]
    return [
        (event, {name: value for name, value in data.items() if name not in ("deed", "kind")}) for event, data in said
    ]


async def test_a_deed_that_is_put_off_for_a_night_is_a_few_records_and_the_last_says_how_often_it_was_tried(
    store: AuditedStore, clock: Clock
) -> None:
    await decide(store, Action.REJECT)
    for _ in range(100):
        (deed,) = await store.due()
        assert not deed.attempted
        await store.attempting(deed)
        await store.postpone(deed, 5)
        clock.forward(seconds=6)
    (deed,) = await store.due()
    await store.attempting(deed)
    assert (await only(store, DeedKind.REMOVE)).attempted  # what a crash leaves now is known all the same
    await store.done(deed)
    assert await tried(store, deed) == [
        ("attempted", {"attempt": 1}),
        ("postponed", {"seconds": 5}),
        ("done", {"tries": 101}),
    ]


async def test_what_is_put_off_between_two_tries_of_unknown_outcome_is_recorded_between_them(
    store: AuditedStore, clock: Clock
) -> None:
    await decide(store, Action.REJECT)
    for outcome in ("unsure", "later", "later", "unsure", "later", "failed"):
        (deed,) = await store.due()
        await store.attempting(deed)
        if outcome == "unsure":
            await store.unsure(deed, "timed out")
        elif outcome == "later":
            await store.postpone(deed, 5)
        else:
            await store.failed(deed, "no right")
        clock.forward(minutes=6)
    assert await tried(store, deed) == [
        ("attempted", {"attempt": 1}),
        ("unknown", {"why": "timed out"}),
        ("attempted", {"attempt": 2}),
        ("postponed", {"seconds": 5}),
        ("unknown", {"why": "timed out", "tries": 4}),
        ("attempted", {"attempt": 5}),
        ("postponed", {"seconds": 5}),
        ("failed", {"why": "no right", "tries": 6}),
    ]


async def test_a_clock_that_was_set_back_does_not_put_a_deed_off_for_days(store: AuditedStore, clock: Clock) -> None:
    await decide(store, Action.REJECT)
    (deed,) = await store.due()
    await store.postpone(deed, 30)
    clock.forward(days=-2)
    assert await store.due() == [deed]


async def test_nothing_is_put_off_for_longer_than_an_hour(store: AuditedStore, clock: Clock) -> None:
    await decide(store, Action.REJECT)
    (deed,) = await store.due()
    await store.postpone(deed, 1e6)
    clock.forward(minutes=59)
    assert await store.due() == []
    clock.forward(minutes=1)
    assert await store.due() == [deed]


async def test_hundreds_of_removals_in_a_chat_that_is_refused_do_not_hide_every_card(
    store: AuditedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.state.outbox._MOST_DUE", 4)
    for number in range(1, 7):
        await decide(store, number=number, sender=a_person(number), sha256=f"{number:064x}")
    assert [deed.kind for deed in await store.due()] == [*[DeedKind.REMOVE] * 2, *[DeedKind.CARD] * 2]


async def test_chats_take_turns_and_removals_come_before_all(store: AuditedStore) -> None:
    """One group's hundred cards do not stand before another group's one."""
    other = Place("telegram", "-1005555")
    for number in range(1, 6):
        await decide(store, Action.QUARANTINE, number=number, sender=a_person(number), sha256=f"{number:064x}")
    await decide(store, number=6, sender=a_person(6), place=other, moderators="-1008888")
    due = [(deed.kind, deed.room) for deed in await store.due()]
    assert due[:6] == [(DeedKind.REMOVE, room) for room in ("-1001234", "-1005555", *["-1001234"] * 4)]
    assert due[6:] == [(DeedKind.CARD, room) for room in (MODERATORS, "-1008888", *[MODERATORS] * 4)]


async def test_the_removal_of_an_album_counts_as_many_requests_as_it_has_messages(store: AuditedStore) -> None:
    members = [attachment(number, album="al") for number in (1, 2, 3)]
    for member in members:
        await store.take_in(member, UPDATE)
    await store.join(whole := joined(members), whole.members)
    await store.decided(whole, [report()] * 3, decision(Action.REJECT), (), moderators=None, policy="p")
    assert (await only(store, DeedKind.REMOVE)).requests == 3


async def test_an_uncertain_removal_is_repeated_later_and_later(store: AuditedStore, clock: Clock) -> None:
    await decide(store, Action.REJECT)
    waits = []
    for _ in range(12):
        (deed,) = await store.due()
        await store.attempting(deed)
        await store.unsure(deed, "timed out")
        seconds = 0
        while not await store.due():
            clock.forward(seconds=5)
            seconds += 5
        waits.append(seconds)
    assert waits == sorted(waits)
    assert waits[0] <= 10
    assert waits[-1] == 300


async def test_a_removal_that_was_refused_is_not_tried_again_and_the_card_says_so(store: AuditedStore) -> None:
    await decide(store)
    removal = await only(store, DeedKind.REMOVE)
    await store.failed(removal, "not enough rights")
    assert await kinds(store) == [DeedKind.CARD]
    await store.done(await only(store, DeedKind.CARD), "900")
    assert "not enough rights" in (await only(store, DeedKind.UPDATE_CARD)).note


async def test_a_card_is_not_brought_up_to_date_before_it_is_shown(store: AuditedStore) -> None:
    case = await decide(store, Action.FLAG)
    assert case is not None
    await store.confirm(case.id, MOD)
    assert await kinds(store) == [DeedKind.REMOVE, DeedKind.CARD]


async def test_a_card_that_waits_to_be_updated_is_updated_once_with_the_newest_note(store: AuditedStore) -> None:
    case = await open_case(store, Action.FLAG)
    await store.confirm(case.id, MOD)
    await store.done(await only(store, DeedKind.REMOVE))
    assert (await only(store, DeedKind.UPDATE_CARD)).note == "It was removed."


async def test_a_publication_releases_its_case(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30)
    await store.done(await only(store, DeedKind.PUBLISH), "1000")
    after = await store.case(case.id)
    assert after is not None
    assert (after.state, after.closed_by) == (CaseState.RELEASED, MOD.name)


async def test_a_refused_publication_reopens_its_case_and_withdraws_the_grant(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30)
    await store.failed(await only(store, DeedKind.PUBLISH), "chat is gone")
    after = await store.case(case.id)
    assert after is not None
    assert (after.state, after.closed_by) == (CaseState.OPEN, None)
    assert (await store.precedents(case.attachment.place, ["ab" * 32])).granted == frozenset()
    assert "chat is gone" in (await only(store, DeedKind.UPDATE_CARD)).note


async def test_an_uncertain_publication_asks_and_is_not_repeated(store: AuditedStore, clock: Clock) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30)
    await store.unsure(await only(store, DeedKind.PUBLISH), "timed out")
    clock.forward(days=2)
    assert await kinds(store) == [DeedKind.UPDATE_CARD]
    assert "press Send it again" in (await only(store, DeedKind.UPDATE_CARD)).note
    after = await store.case(case.id)
    assert after is not None
    assert after.state is CaseState.RELEASE_PENDING


async def test_a_result_told_twice_changes_nothing(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30)
    publication = await only(store, DeedKind.PUBLISH)
    await store.done(publication, "1000")
    before = await store.head()
    await store.done(publication, "1001")
    await store.failed(publication, "late")
    await store.unsure(publication, "later")
    await store.postpone(publication, 1)
    await store.attempting(publication)
    assert await store.head() == before


async def test_a_deed_that_nobody_intended_changes_nothing(store: AuditedStore) -> None:
    unknown = Deed(99, DeedKind.PUBLISH, "att-1", 1, attempted=False)
    before = await store.head()
    await store.done(unknown, "1")
    await store.failed(unknown, "why")
    assert await store.head() == before
