"""Releases that two people have to approve."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from audit import samples
from audit.samples import ANN, DIGEST, GROUP, MOD, Clock, events, kinds, only, open_case
from lazaretto.audit import AuditedStore, purge, records
from lazaretto.audit.moderation import Moderation
from lazaretto.model import Action, Case, CaseState, Decision, Person, Reason
from lazaretto.ports import Approval, DeedKind
from lazaretto.state.retention import Room

MAX = Person("telegram", "777002", "Moderator Max")
OLGA, OTTO = Person("telegram", "1", "Owner Olga"), Person("telegram", "2", "Owner Otto")
OPERATOR = Person("local", "1000", "root")
TWO = Approval(frozenset({"malformed"}), frozenset({"1", "2"}))
MALFORMED = Decision(Action.QUARANTINE, True, (Reason("png.chunk-crc", Action.QUARANTINE, "malformed"),))


@pytest.fixture(autouse=True)
def held_as_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the samples decide is about a rule that there is."""

    def decided(action: Action = Action.QUARANTINE, *, enforced: bool = True) -> Decision:
        return replace(MALFORMED, action=action, enforced=enforced)

    monkeypatch.setattr(samples, "decision", decided)


async def after(store: AuditedStore, case: Case) -> Case:
    found = await store.case(case.id)
    assert found is not None
    return found


async def test_the_first_approval_releases_nothing(store: AuditedStore) -> None:
    case = await open_case(store)
    assert "when a second moderator approves" in await store.release(case.id, MOD, days=30, approval=TWO)
    waiting = await after(store, case)
    assert (waiting.state, waiting.second, waiting.closed_by) == (CaseState.RELEASE_PENDING, True, MOD.name)
    assert DeedKind.PUBLISH not in await kinds(store)
    assert (await store.precedents(GROUP, [DIGEST])).granted == frozenset()


async def test_another_moderators_approval_releases_it_and_both_are_recorded(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=TWO)
    assert "will be posted again" in await store.release(case.id, MAX, days=30, approval=TWO)
    assert not (await after(store, case)).second
    await store.done(await only(store, DeedKind.PUBLISH), "1000")
    assert (await after(store, case)).state is CaseState.RELEASED
    (approved,) = [r for r in await store.state.read(records) if r["event"] == "approved"]
    assert approved["data"]["first"] == await store.subject_of("telegram", MOD.id)
    assert approved["subject"] == await store.subject_of("telegram", MAX.id)


async def test_the_same_person_twice_is_one(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=TWO)
    before = await store.head()
    assert "Nothing was changed" in await store.release(case.id, MOD, days=30, approval=TWO)
    assert await store.head() == before
    assert (await after(store, case)).second


@pytest.mark.parametrize(("first", "second"), [(OLGA, OTTO), (OLGA, OPERATOR), (OPERATOR, OTTO)])
async def test_owners_count_as_one_person(store: AuditedStore, first: Person, second: Person) -> None:
    case = await open_case(store)
    await store.release(case.id, first, days=30, approval=TWO)
    assert "Nothing was changed" in await store.release(case.id, second, days=30, approval=TWO)
    assert "will be posted again" in await store.release(case.id, MOD, days=30, approval=TWO)


async def test_a_moderator_and_an_owner_are_two(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=TWO)
    assert "will be posted again" in await store.release(case.id, OLGA, days=30, approval=TWO)


async def test_a_policy_that_has_changed_lets_nobody_approve_twice(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=TWO)
    assert "Nothing was changed" in await store.release(case.id, MOD, days=30)


async def test_confirming_cancels_the_first_approval(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=TWO)
    assert "is confirmed" in await store.confirm(case.id, MOD)
    confirmed = await after(store, case)
    assert (confirmed.state, confirmed.second) == (CaseState.CONFIRMED, False)
    assert "nothing was changed" in await store.release(case.id, MAX, days=30, approval=TWO)


async def test_other_categories_need_one(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=Approval(frozenset({"active"})))
    assert DeedKind.PUBLISH in await kinds(store)


async def test_a_rule_that_is_gone_may_have_been_of_any_category(
    store: AuditedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(MALFORMED, reasons=(Reason("gone.rule", Action.QUARANTINE, "malformed"),))
    monkeypatch.setattr(samples, "decision", lambda *_, **__: gone)
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=TWO)
    assert (await after(store, case)).second


async def test_a_flagged_case_needs_two_as_well(store: AuditedStore) -> None:
    case = await open_case(store, Action.FLAG)
    await store.release(case.id, MOD, days=30, approval=TWO)
    assert (await after(store, case)).state is CaseState.RELEASE_PENDING
    assert "its attachment stays" in await store.release(case.id, MAX, days=30, approval=TWO)
    assert (await after(store, case)).state is CaseState.RELEASED
    assert "first-approval" in await events(store)


async def test_a_release_that_fails_after_two_approvals_needs_two_again(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=TWO)
    await store.release(case.id, MAX, days=30, approval=TWO)
    await store.failed(await only(store, DeedKind.PUBLISH), "no rights")
    assert (await after(store, case)).state is CaseState.OPEN
    await store.release(case.id, MAX, days=30, approval=TWO)
    assert (await after(store, case)).second


async def test_a_raid_is_released_by_two_as_well(store: AuditedStore) -> None:
    lead = await open_case(store, number=1)
    follower = await open_case(store, number=2)
    newest = follower.id
    said = await store.release_all(lead.id, MOD, newest=newest, days=30, approval=TWO)
    assert "2 of them wait for a second moderator" in said
    assert DeedKind.PUBLISH not in await kinds(store)
    again = await store.release_all(lead.id, MOD, newest=newest, days=30, approval=TWO)
    assert "2 of them wait" in again
    await store.release_all(lead.id, MAX, newest=newest, days=30, approval=TWO)
    assert (await kinds(store)).count(DeedKind.PUBLISH) == 2


async def test_a_second_approval_that_never_comes_ends_as_a_decision_that_never_comes(
    store: AuditedStore, clock: Clock
) -> None:
    case = await open_case(store)
    await store.finished("att-1")
    await store.release(case.id, MOD, days=30, approval=TWO)
    clock.forward(days=31)
    room, before = Room(GROUP.platform, GROUP.chat), clock.now - timedelta(days=30)
    assert await store.write(lambda ledger: purge.files(ledger, room, before, ["att-1"])) == 1
    expired = await after(store, case)
    assert (expired.state, expired.second) == (CaseState.EXPIRED, False)


async def test_a_first_approver_who_was_forgotten_does_not_count(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=TWO)
    await store.erase(MOD.platform, MOD.id)
    assert "when a second moderator approves" in await store.release(case.id, MOD, days=30, approval=TWO)
    assert "Nothing was changed" in await store.release(case.id, MOD, days=30, approval=TWO)
    assert (await after(store, case)).second
    assert "will be posted again" in await store.release(case.id, MAX, days=30, approval=TWO)


async def test_nobody_releases_alone_by_an_earlier_publication_of_unknown_outcome(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30, approval=TWO)
    await store.release(case.id, MAX, days=30, approval=TWO)
    await store.unsure(await only(store, DeedKind.PUBLISH), "no answer")
    await store.confirm(case.id, MOD)
    await Moderation(store).tell(case.id, MOD, after=0)
    await store.done(await only(store, DeedKind.TELL), "7")
    await Moderation(store).appeal(case.id, ANN)
    await store.release(case.id, MOD, days=30, approval=TWO)
    assert (await after(store, case)).uncertain is None
    assert "nothing was changed" in await store.is_back(case.id, MOD)
    assert (await after(store, case)).state is CaseState.RELEASE_PENDING
    assert "will be posted again" in await store.release(case.id, MAX, days=30, approval=TWO)
