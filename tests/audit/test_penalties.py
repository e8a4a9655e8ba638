"""Mutes and bans: ordered once however often a press comes, and what too many confirmed cases come to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit.samples import ANN, GROUP, MOD, Clock, kinds, only, open_case
from lazaretto.audit import AuditedStore, records
from lazaretto.audit.moderation import Moderation
from lazaretto.model import Case, Person, Place
from lazaretto.policy.values import FOREVER
from lazaretto.ports import DeedKind, Strikes

TWO_IN_A_WEEK = Strikes(2, timedelta(days=7), DeedKind.MUTE, 86_400)
BOB = Person("telegram", "515151", "Bob")


async def penalties(store: AuditedStore) -> list[dict[str, object]]:
    return [record["data"] for record in await store.state.read(records) if record["event"] == "penalty"]


async def confirmed(store: AuditedStore, number: int, strikes: Strikes = TWO_IN_A_WEEK, **changes: Any) -> Case:
    case = await open_case(store, number=number, **changes)
    await store.confirm(case.id, MOD, strikes=strikes)
    return case


async def test_a_mute_is_ordered_with_its_length_and_who_ordered_it(store: AuditedStore) -> None:
    case = await open_case(store)
    assert await Moderation(store).punish(case.id, DeedKind.MUTE, 3600, MOD, after=0)
    deed = await only(store, DeedKind.MUTE)
    assert (deed.case, deed.note, deed.room) == (case.id, "3600", GROUP.chat)
    assert await penalties(store) == [{"penalty": "mute", "seconds": 3600, "cause": "moderator"}]


async def test_a_press_that_comes_twice_orders_once(store: AuditedStore) -> None:
    case = await open_case(store)
    moderation = Moderation(store)
    await moderation.punish(case.id, DeedKind.BAN, 0, MOD, after=0)
    before = await store.head()
    assert not await moderation.punish(case.id, DeedKind.BAN, 0, MOD, after=0)
    await store.done(await only(store, DeedKind.BAN), "")
    assert not await moderation.punish(case.id, DeedKind.BAN, 0, MOD, after=0)
    assert [record["event"] for record in await store.state.read(records)].count("penalty") == 1
    assert await store.head() != before  # the deed's own record


async def test_whoever_was_shown_the_mute_may_ban(store: AuditedStore) -> None:
    case = await open_case(store)
    moderation = Moderation(store)
    await moderation.punish(case.id, DeedKind.MUTE, 3600, MOD, after=0)
    mute = await only(store, DeedKind.MUTE)
    await store.done(mute, "2026-03-01T13:00:00.000000Z")
    assert await moderation.punish(case.id, DeedKind.BAN, 0, MOD, after=mute.id)


async def test_the_card_knows_what_came_of_it(store: AuditedStore) -> None:
    case = await open_case(store)
    await Moderation(store).punish(case.id, DeedKind.BAN, 0, MOD, after=0)
    await store.failed(await only(store, DeedKind.BAN), "user is an administrator of the chat")
    known = await store.case(case.id)
    assert known is not None
    told = [(m.kind, m.state, m.asked, m.result) for m in known.measures if m.kind == "ban"]
    assert told == [("ban", "failed", "0", "user is an administrator of the chat")]
    assert DeedKind.UPDATE_CARD in await kinds(store)


@pytest.mark.parametrize("place", [Place("telegram", ANN.id, private=True), Place("telegram", "-1005", channel=True)])
async def test_nobody_is_banned_from_where_they_are_no_member(store: AuditedStore, place: Place) -> None:
    case = await open_case(store, place=place)
    assert not await Moderation(store).punish(case.id, DeedKind.BAN, 0, MOD, after=0)
    await store.confirm(case.id, MOD, strikes=Strikes(1))
    assert not {DeedKind.BAN, DeedKind.MUTE} & set(await kinds(store))


async def test_erasing_the_sender_gives_the_penalty_up(store: AuditedStore) -> None:
    case = await open_case(store)
    await Moderation(store).punish(case.id, DeedKind.BAN, 0, MOD, after=0)
    await store.erase(ANN.platform, ANN.id)
    assert DeedKind.BAN not in await kinds(store)
    assert not await Moderation(store).punish(case.id, DeedKind.BAN, 0, MOD, after=0)


async def test_as_many_strikes_as_there_may_be_have_the_consequence_once(store: AuditedStore) -> None:
    first = await confirmed(store, 1)
    assert DeedKind.MUTE not in await kinds(store)
    case = await open_case(store, number=2)
    assert "as many strikes as there may be here, and is muted" in await store.confirm(
        case.id, MOD, strikes=TWO_IN_A_WEEK
    )
    assert (await only(store, DeedKind.MUTE)).note == "86400"
    told = {"penalty": "mute", "seconds": 86_400, "cause": "strikes", "strikes": [first.id, case.id]}
    assert await penalties(store) == [told]
    await confirmed(store, 3)
    assert len(await penalties(store)) == 1
    await confirmed(store, 4)
    assert len(await penalties(store)) == 2


async def test_strikes_of_long_ago_do_not_count(store: AuditedStore, clock: Clock) -> None:
    await confirmed(store, 1)
    clock.forward(days=8)
    await confirmed(store, 2)
    assert await penalties(store) == []


async def test_strikes_may_count_for_ever(store: AuditedStore, clock: Clock) -> None:
    for_ever = Strikes(2, FOREVER, DeedKind.BAN)
    await confirmed(store, 1, for_ever)
    clock.forward(days=3000)
    await confirmed(store, 2, for_ever)
    assert [told["strikes"] for told in await penalties(store)] == [[1, 2]]


async def test_strikes_of_somebody_else_or_in_another_group_do_not_count(store: AuditedStore) -> None:
    await confirmed(store, 1)
    await confirmed(store, 2, sender=BOB)
    await confirmed(store, 3, place=Place("telegram", "-1005"))
    assert await penalties(store) == []


async def test_a_case_that_was_released_after_an_appeal_does_not_count(store: AuditedStore) -> None:
    case = await open_case(store, number=1)
    moderation = Moderation(store)
    await moderation.tell(case.id, MOD, after=0)
    await store.done(await only(store, DeedKind.TELL), "7")
    await store.confirm(case.id, MOD, strikes=TWO_IN_A_WEEK)
    await moderation.appeal(case.id, ANN)
    await store.release(case.id, MOD, days=30)
    await confirmed(store, 2)
    assert await penalties(store) == []


async def test_confirming_twice_is_one_strike(store: AuditedStore) -> None:
    case = await confirmed(store, 1)
    await store.confirm(case.id, MOD, strikes=TWO_IN_A_WEEK)
    await store.confirm(case.id, MOD, strikes=Strikes(1))
    assert await penalties(store) == []


async def test_a_limit_of_none_has_no_consequence(store: AuditedStore) -> None:
    for number in range(1, 5):
        await confirmed(store, number, Strikes())
    assert await penalties(store) == []


async def test_the_card_of_a_raid_tells_what_became_of_those_that_follow(store: AuditedStore) -> None:
    lead = await open_case(store, number=1)
    follower = await open_case(store, number=2)
    await store.confirm_all(lead.id, MOD, newest=follower.id, strikes=TWO_IN_A_WEEK)
    await store.done(await only(store, DeedKind.MUTE), "")
    known = await store.case(lead.id)
    assert known is not None
    assert [(m.kind, m.follower) for m in known.measures] == [("remove", None), ("mute", follower.id)]
