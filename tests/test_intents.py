"""Commands of other processes: one that cannot be finished stops no other, and is not carried out again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from audit.samples import open_case
from fakes import FakePlatform, FakeVault
from lazaretto.audit import AuditedStore
from lazaretto.deeds import Deeds
from lazaretto.intents import CONFIRM, RELEASE, Intents
from lazaretto.model import Action, Person, Place
from lazaretto.policy import Policy
from lazaretto.ports import Unavailable
from lazaretto.state.intents import IntentState
from lazaretto.terms import approval_of

ROOT = Person("local", "root", "root")


class OnePolicy:
    """The same for every chat."""

    two_person: tuple[str, ...] = ()

    def policy_of(self, _place: Place) -> Policy:
        return Policy(two_person=self.two_person)


class Desk:
    """Intents that are carried out on a real store. broken: by intent, how often finishing it still fails."""

    def __init__(self, store: AuditedStore, folder: Path) -> None:
        vault = FakeVault([], folder)
        self.store = store
        self.intents = Intents(store, vault, Deeds(store, FakePlatform([]), vault), OnePolicy(), None, lambda: ["1"])
        self.broken: dict[int, int] = {}
        self.tries: list[int] = []

    async def answer(self, number: int) -> str | None:
        async with asyncio.timeout(5):
            while (intent := await self.store.intent(number)) is None or intent.state is IntentState.WAITING:
                await asyncio.sleep(0.005)
        return intent.result


@pytest.fixture
async def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr("lazaretto.intents._POLL", 0.01)
    async with AuditedStore.open(tmp_path / "state") as store:
        made = Desk(store, tmp_path)
        finish = store.finish_intent

        async def finishing(number: int, ok: bool, result: str) -> None:
            made.tries.append(number)
            if made.broken.get(number, 0):
                made.broken[number] -= 1
                raise RuntimeError("a fault of ours")
            await finish(number, ok, result)

        monkeypatch.setattr(store, "finish_intent", finishing)
        for number in (1, 2):
            await open_case(store, Action.FLAG, number=number)
        yield made
        await made.intents.stop()


async def test_one_that_can_never_be_finished_does_not_block_those_behind_it(desk: Desk) -> None:
    poison = await desk.store.submit_intent(RELEASE, {"case": 1}, ROOT)
    desk.broken[poison] = 10**6
    behind = await desk.store.submit_intent(CONFIRM, {"case": 2}, ROOT)
    desk.intents.start()
    assert (await desk.answer(behind) or "").startswith("Case 2 is confirmed")


async def test_it_is_tried_less_and_less_often(desk: Desk) -> None:
    poison = await desk.store.submit_intent(RELEASE, {"case": 1}, ROOT)
    desk.broken[poison] = 10**6
    desk.intents.start()
    await asyncio.sleep(0.5)  # without a longer pause each time these would be about fifty looks
    assert 3 <= len(desk.tries) <= 7


async def test_what_was_carried_out_is_answered_once_it_can_be_and_not_carried_out_again(desk: Desk) -> None:
    number = await desk.store.submit_intent(RELEASE, {"case": 1}, ROOT)
    desk.broken[number] = 2
    desk.intents.start()
    assert (await desk.answer(number) or "").startswith("Case 1 is released: its attachment stays")


async def test_a_full_disk_is_waited_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    confirm, full = desk.store.confirm, [Unavailable("full")] * 2

    async def confirming(number: int, by: Person, **terms: Any) -> str:
        if full:
            raise full.pop()
        return await confirm(number, by, **terms)

    monkeypatch.setattr(desk.store, "confirm", confirming)
    number = await desk.store.submit_intent(CONFIRM, {"case": 1}, ROOT)
    desk.intents.start()
    assert (await desk.answer(number) or "").startswith("Case 1 is confirmed")


async def test_an_owner_in_the_chat_and_the_terminal_are_one_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OnePolicy, "two_person", ("active",))
    await desk.store.release(
        1, Person("telegram", "1", "Olga"), days=1, approval=approval_of(Policy(two_person=("active",)), "1")
    )
    number = await desk.store.submit_intent(RELEASE, {"case": 1}, ROOT)
    desk.intents.start()
    assert "Nothing was changed" in (await desk.answer(number) or "")
