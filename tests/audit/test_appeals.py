"""What senders are told, and their appeals: theirs alone, once, and not too many."""

from __future__ import annotations

import pytest

from audit.samples import ANN, MOD, Clock, decide, events, kinds, only, open_case
from lazaretto.audit import AuditedStore
from lazaretto.audit.appeals import Appeal
from lazaretto.audit.moderation import Moderation
from lazaretto.model import Action, Case, CaseState, Person, Place
from lazaretto.ports import DeedKind

BOB = Person("telegram", "515151", "Bob")


async def told(store: AuditedStore, number: int = 1) -> Case:
    """A case whose sender was told."""
    case = await open_case(store, number=number)
    known = await store.case(case.id)
    assert known is not None
    await Moderation(store).tell(case.id, MOD, after=0)
    await store.done(await only(store, DeedKind.TELL), "7")
    return case


async def state_of(store: AuditedStore, case: Case) -> CaseState:
    known = await store.case(case.id)
    assert known is not None
    return known.state


async def test_a_sender_is_told_where_the_policy_says_so(store: AuditedStore) -> None:
    await decide(store, number=1)
    assert DeedKind.TELL not in await kinds(store)
    await decide(store, number=2, inform=True)
    assert (await only(store, DeedKind.TELL)).attachment == "att-2"


async def test_a_flagged_file_went_on_and_nobody_is_told(store: AuditedStore) -> None:
    await decide(store, Action.FLAG, inform=True)
    assert DeedKind.TELL not in await kinds(store)


@pytest.mark.parametrize("place", [Place("telegram", ANN.id, private=True), Place("telegram", "-1005", channel=True)])
async def test_only_members_of_groups_are_told(store: AuditedStore, place: Place) -> None:
    await decide(store, place=place, inform=True)
    assert DeedKind.TELL not in await kinds(store)


async def test_of_a_burst_a_sender_is_told_three_times(store: AuditedStore) -> None:
    for number in range(1, 7):
        await decide(store, number=number, inform=True)
    assert (await kinds(store)).count(DeedKind.TELL) == 3


async def test_an_appeal_against_an_open_case_goes_onto_its_card(store: AuditedStore) -> None:
    case = await told(store)
    assert await Moderation(store).appeal(case.id, ANN) is Appeal.TAKEN
    known = await store.case(case.id)
    assert known is not None
    assert (known.state, known.appealed_at is not None) == (CaseState.OPEN, True)
    assert (await only(store, DeedKind.UPDATE_CARD)).note == "The sender asks for another look."
    assert "appealed" in await events(store)


async def test_an_appeal_against_a_confirmed_case_opens_it_again(store: AuditedStore) -> None:
    case = await told(store)
    await store.confirm(case.id, MOD)
    assert await Moderation(store).appeal(case.id, ANN) is Appeal.TAKEN
    assert await state_of(store, case) is CaseState.APPEALED


async def test_what_was_appealed_can_be_released(store: AuditedStore) -> None:
    case = await told(store)
    await store.confirm(case.id, MOD)
    await Moderation(store).appeal(case.id, ANN)
    assert "will be posted again" in await store.release(case.id, MOD, days=30)
    await store.done(await only(store, DeedKind.PUBLISH), "1000")
    assert await state_of(store, case) is CaseState.RELEASED


@pytest.mark.parametrize("removed", [True, False])
async def test_what_was_flagged_and_then_removed_is_posted_again(store: AuditedStore, removed: bool) -> None:
    case = await open_case(store, Action.FLAG)
    await store.confirm(case.id, MOD)
    if removed:
        await store.done(await only(store, DeedKind.REMOVE), None)
    await Moderation(store).tell(case.id, MOD, after=0)
    await store.done(await only(store, DeedKind.TELL), "7")
    await Moderation(store).appeal(case.id, ANN)
    assert "will be posted again" in await store.release(case.id, MOD, days=30)
    assert DeedKind.PUBLISH in await kinds(store)


async def test_what_was_flagged_and_could_not_be_removed_stays(store: AuditedStore) -> None:
    case = await open_case(store, Action.FLAG)
    await store.confirm(case.id, MOD)
    await store.failed(await only(store, DeedKind.REMOVE), "no rights")
    await Moderation(store).tell(case.id, MOD, after=0)
    await store.done(await only(store, DeedKind.TELL), "7")
    await Moderation(store).appeal(case.id, ANN)
    assert "its attachment stays" in await store.release(case.id, MOD, days=30)


async def test_what_was_appealed_can_be_confirmed_again_and_then_stays_so(store: AuditedStore) -> None:
    case = await told(store)
    await store.confirm(case.id, MOD)
    await Moderation(store).appeal(case.id, ANN)
    assert "is confirmed" in await store.confirm(case.id, MOD)
    assert await Moderation(store).appeal(case.id, ANN) is Appeal.ONCE
    assert await state_of(store, case) is CaseState.CONFIRMED


async def test_nobody_else_appeals(store: AuditedStore) -> None:
    case = await told(store)
    assert await Moderation(store).appeal(case.id, BOB) is Appeal.NOT_THEIRS
    assert await Moderation(store).appeal(case.id, MOD) is Appeal.NOT_THEIRS
    assert await Moderation(store).appeal(99, ANN) is Appeal.NOT_THEIRS
    assert "appealed" not in await events(store)


async def test_whoever_was_told_nothing_has_no_button_to_press(store: AuditedStore) -> None:
    case = await open_case(store)
    assert await Moderation(store).appeal(case.id, ANN) is Appeal.NOT_THEIRS


async def test_a_second_appeal_changes_nothing(store: AuditedStore) -> None:
    case = await told(store)
    await Moderation(store).appeal(case.id, ANN)
    before = await store.head()
    assert await Moderation(store).appeal(case.id, ANN) is Appeal.ONCE
    assert await store.head() == before


async def test_what_is_released_is_not_appealed(store: AuditedStore) -> None:
    case = await told(store)
    await store.release(case.id, MOD, days=30)
    assert await Moderation(store).appeal(case.id, ANN) is Appeal.DECIDED


async def test_a_person_appeals_three_times_a_day(store: AuditedStore, clock: Clock) -> None:
    cases = [await told(store, number) for number in range(1, 5)]
    moderation = Moderation(store)
    for case in cases[:3]:
        assert await moderation.appeal(case.id, ANN) is Appeal.TAKEN
    assert await moderation.appeal(cases[3].id, ANN) is Appeal.TOO_MANY
    clock.forward(days=1, seconds=1)
    assert await moderation.appeal(cases[3].id, ANN) is Appeal.TAKEN


async def test_a_moderator_has_the_sender_told_once_a_press(store: AuditedStore) -> None:
    case = await open_case(store)
    moderation = Moderation(store)
    assert await moderation.tell(case.id, MOD, after=0)
    assert not await moderation.tell(case.id, MOD, after=0)
    first = await only(store, DeedKind.TELL)
    await store.failed(first, "bot was blocked by the user")
    assert not await moderation.tell(case.id, MOD, after=0)
    assert await moderation.tell(case.id, MOD, after=first.id)
    assert (await events(store)).count("reported-back") == 2


async def test_an_erased_sender_cannot_be_told(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.erase(ANN.platform, ANN.id)
    assert not await Moderation(store).tell(case.id, MOD, after=0)
