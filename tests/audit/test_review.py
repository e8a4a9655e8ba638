"""What moderators decide, and what a press that comes twice or too late does: nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import IntegrityError

from audit.samples import (
    DIGEST,
    GROUP,
    MOD,
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
from lazaretto.audit import AuditedStore
from lazaretto.model import Action, Case, CaseState, Place
from lazaretto.policy import claimed_risk
from lazaretto.ports import DeedKind
from lazaretto.state import cases as state_cases
from lazaretto.state.migrations.versions.v0001_first import STEPS
from lazaretto.state.migrations.versions.v0008_moderation import STEPS as LATER_STEPS


async def state_of(store: AuditedStore, case: Case) -> CaseState:
    after = await store.case(case.id)
    assert after is not None
    return after.state


async def uncertain(store: AuditedStore) -> Case:
    """A case whose publication may or may not have happened."""
    case = await open_case(store)
    await store.release(case.id, MOD, days=30)
    await store.unsure(await only(store, DeedKind.PUBLISH), "timed out")
    return case


async def test_releasing_a_quarantined_case_publishes_it_first(store: AuditedStore) -> None:
    case = await open_case(store)
    answer = await store.release(case.id, MOD, days=30)
    assert "will be posted again" in answer
    assert await state_of(store, case) is CaseState.RELEASE_PENDING
    assert await kinds(store) == [DeedKind.PUBLISH, DeedKind.UPDATE_CARD]


async def test_releasing_a_flagged_case_needs_no_publication(store: AuditedStore) -> None:
    case = await open_case(store, Action.FLAG)
    answer = await store.release(case.id, MOD, days=30)
    assert "its attachment stays" in answer
    assert await state_of(store, case) is CaseState.RELEASED
    assert await kinds(store) == [DeedKind.UPDATE_CARD]


async def test_releasing_what_could_not_be_removed_does_not_post_it_twice(store: AuditedStore) -> None:
    case = await decide(store)
    assert case is not None
    await store.failed(await only(store, DeedKind.REMOVE), "not enough rights")
    assert "its attachment stays" in await store.release(case.id, MOD, days=30)
    assert await state_of(store, case) is CaseState.RELEASED
    assert DeedKind.PUBLISH not in await kinds(store)


async def test_confirming_what_could_not_be_removed_tries_again(store: AuditedStore) -> None:
    case = await decide(store)
    assert case is not None
    await store.failed(await only(store, DeedKind.REMOVE), "not enough rights")
    assert "being removed" in await store.confirm(case.id, MOD)
    assert DeedKind.REMOVE in await kinds(store)


@pytest.mark.parametrize("action", [Action.FLAG, Action.QUARANTINE])
async def test_a_release_grants_digest_and_claimed_risk_in_its_chat_until_it_expires(
    store: AuditedStore, clock: Clock, action: Action
) -> None:
    case = await open_case(store, action)
    await store.release(case.id, MOD, days=30)
    risk = claimed_risk(case.attachment.parts[0].claim).value
    granted = (await store.precedents(GROUP, [DIGEST, "00" * 32])).granted
    assert granted == frozenset({(DIGEST, risk)})
    assert (await store.precedents(Place("telegram", "-1005"), [DIGEST])).granted == frozenset()
    assert (await store.precedents(Place("matrix", GROUP.chat), [DIGEST])).granted == frozenset()
    clock.forward(days=30)
    assert (await store.precedents(GROUP, [DIGEST])).granted == frozenset()


async def test_a_second_press_on_release_changes_nothing(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.release(case.id, MOD, days=30)
    before = await store.head()
    assert "already" in await store.release(case.id, MOD, days=30)
    assert "right now" in await store.confirm(case.id, MOD)
    assert await store.head() == before
    assert (await kinds(store)).count(DeedKind.PUBLISH) == 1


async def test_the_press_that_released_it_comes_twice_and_does_not_send_it_again(store: AuditedStore) -> None:
    """As after a crash between the press and its acknowledgement: the platform delivers it once more."""
    case = await uncertain(store)
    assert "nothing was changed" in await store.release(case.id, MOD, days=30)
    assert DeedKind.PUBLISH not in await kinds(store)


async def test_a_press_that_sends_it_again_does_so_once(store: AuditedStore) -> None:
    case = await uncertain(store)
    asked = await store.case(case.id)
    assert asked is not None
    assert asked.uncertain is not None
    await store.release(case.id, MOD, days=30, again=asked.uncertain)
    await store.unsure(await only(store, DeedKind.PUBLISH), "timed out")
    assert "nothing was changed" in await store.release(case.id, MOD, days=30, again=asked.uncertain)
    assert DeedKind.PUBLISH not in await kinds(store)


async def test_what_sends_a_publication_again_releases_no_open_case(store: AuditedStore) -> None:
    case = await open_case(store)
    assert "nothing was changed" in await store.release(case.id, MOD, days=30, again=1)
    assert await state_of(store, case) is CaseState.OPEN


async def test_an_uncertain_publication_is_sent_again_when_a_moderator_says_so(store: AuditedStore) -> None:
    case = await uncertain(store)
    asked = await store.case(case.id)
    assert asked is not None
    await store.release(case.id, MOD, days=30, again=asked.uncertain)
    assert await state_of(store, case) is CaseState.RELEASE_PENDING
    await store.done(await only(store, DeedKind.PUBLISH), "1000")
    assert await state_of(store, case) is CaseState.RELEASED


async def test_confirm_on_an_uncertain_publication_says_what_to_look_for(store: AuditedStore) -> None:
    case = await uncertain(store)
    assert "remove it by hand" in await store.confirm(case.id, MOD)
    assert await state_of(store, case) is CaseState.CONFIRMED
    assert (await store.precedents(GROUP, [DIGEST])).granted == frozenset()


async def test_confirming_blocks_the_digest_in_its_chat(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.confirm(case.id, MOD)
    assert (await store.precedents(GROUP, [DIGEST])).confirmed == frozenset({DIGEST})
    assert (await store.precedents(Place("telegram", "-1005"), [DIGEST])).confirmed == frozenset()
    assert await kinds(store) == [DeedKind.UPDATE_CARD]


async def test_confirming_a_flagged_case_removes_it(store: AuditedStore) -> None:
    case = await open_case(store, Action.FLAG)
    assert "being removed" in await store.confirm(case.id, MOD)
    assert await kinds(store) == [DeedKind.REMOVE, DeedKind.UPDATE_CARD]


async def test_the_newest_word_about_a_digest_counts(store: AuditedStore) -> None:
    first = await open_case(store, Action.FLAG, number=1)
    second = await open_case(store, Action.FLAG, number=2)
    third = await open_case(store, Action.FLAG, number=3)
    await store.release(first.id, MOD, days=30)
    await store.confirm(second.id, MOD)
    found = await store.precedents(GROUP, [DIGEST])
    assert (found.confirmed, found.granted) == (frozenset({DIGEST}), frozenset())
    await store.release(third.id, MOD, days=30)
    found = await store.precedents(GROUP, [DIGEST])
    assert found.confirmed == frozenset()
    assert {digest for digest, _ in found.granted} == {DIGEST}


async def test_a_private_chat_has_precedents_of_its_own(store: AuditedStore) -> None:
    private = Place("telegram", "424242", private=True)
    case = await open_case(store, place=private)
    await store.confirm(case.id, MOD)
    assert (await store.precedents(private, [DIGEST])).confirmed == frozenset({DIGEST})
    assert (await store.precedents(GROUP, [DIGEST])).confirmed == frozenset()
    stranger = Place("telegram", "31337", private=True)
    assert (await store.precedents(stranger, [DIGEST])).confirmed == frozenset()


@pytest.mark.parametrize("verb", ["release", "confirm"])
async def test_a_closed_case_is_not_decided_again(store: AuditedStore, verb: str) -> None:
    case = await open_case(store, Action.FLAG)
    await store.confirm(case.id, MOD)
    before = await store.head()
    answer = await (store.release(case.id, MOD, days=1) if verb == "release" else store.confirm(case.id, MOD))
    assert "confirmed already; nothing was changed" in answer
    assert await store.head() == before


async def test_a_case_that_is_not_there(store: AuditedStore) -> None:
    assert await store.release(5, MOD, days=1) == "There is no case 5."
    assert await store.confirm(5, MOD) == "There is no case 5."
    assert await store.case(5) is None


async def test_a_refused_press_is_recorded(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.refused_press(case.id, MOD, "release", "no administrator of the group")
    await store.refused_press(12345, MOD, "release" * 1000, "no such case")
    assert (await events(store)).count("refused-press") == 2
    assert await state_of(store, case) is CaseState.OPEN


LEGAL = {(CaseState(origin), CaseState(target)) for origin, target in (*STEPS, *LATER_STEPS)}


def paths() -> dict[CaseState, list[CaseState]]:
    """The shortest legal way from open to every state."""
    found: dict[CaseState, list[CaseState]] = {CaseState.OPEN: []}
    for _ in CaseState:
        for origin, target in sorted(LEGAL):
            if origin in found and target not in found:
                found[target] = [*found[origin], target]
    return found


def test_every_state_can_be_reached() -> None:
    assert set(paths()) == set(CaseState)


async def test_the_database_allows_exactly_the_legal_steps(store: AuditedStore) -> None:
    case = await open_case(store)
    allowed = set()
    for origin, way in paths().items():
        for target in CaseState:
            if origin != target and await _possible(store, case.id, way, target):
                allowed.add((origin, target))
    assert allowed == LEGAL


class _TakenBack(Exception):
    """Ends a trial, so that its changes are taken back."""


async def _possible(store: AuditedStore, number: int, way: list[CaseState], target: CaseState) -> bool:
    def walk(connection: Connection) -> None:
        for state in (*way, target):
            state_cases.step(connection, number, state)
        raise _TakenBack

    try:
        await store.state.writer.do(walk)
    except IntegrityError as error:
        if "no such step for a case" not in str(error):
            raise
        return False
    except _TakenBack:
        return True
    raise AssertionError("the trial was kept")


async def test_a_case_begins_open(store: AuditedStore) -> None:
    await open_case(store)
    copy = "INSERT INTO cases (attachment, state, opened_at) SELECT id, 'released', received_at FROM attachments"
    with pytest.raises(IntegrityError, match="a case begins open"):
        await store.state.writer.do(lambda connection: connection.execute(text(copy)))


async def test_confirming_an_album_blocks_only_the_file_that_it_is_about(store: AuditedStore) -> None:
    members = [attachment(number, album="7") for number in (1, 2)]
    for member in members:
        await store.take_in(member, "{}")
    album = joined(members)
    await store.join(album, album.members)
    innocent = report(sha256="00" * 32, findings=(), total=0)
    about = decision()
    held = replace(about, reasons=tuple(replace(reason, part=1) for reason in about.reasons))
    case = await store.decided(album, [innocent, report()], held, [], moderators=None, policy="p")
    assert case is not None
    await store.confirm(case.id, MOD)
    assert (await store.precedents(GROUP, [DIGEST, "00" * 32])).confirmed == {DIGEST}
