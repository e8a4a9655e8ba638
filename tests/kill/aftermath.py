"""What must hold once everything has settled, wherever the kill came."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from card_buttons import deciding
from kill.stage import PROGRAM, SETTLED, Scene
from lazaretto.audit import AuditedStore, Event, records, verify_database
from lazaretto.model import Action, Case, CaseState
from lazaretto.quarantine import AgeVault

__all__ = ["assert_judged_once", "assert_released_or_asked", "case_in", "finish_release"]

_REPEATED = "Sent again after an interruption"
_HAS_CASE = frozenset({Action.FLAG, Action.QUARANTINE})
_IS_REMOVED = frozenset({Action.QUARANTINE, Action.REJECT})


@dataclass(frozen=True, slots=True)
class _Memory:
    """What the state folder says. events: how often each was recorded."""

    events: Counter[str]
    log: list[dict[str, Any]]
    cases: list[Case]
    unfinished: int


async def _memory_of(scene: Scene) -> _Memory:
    state = scene.folder / "state"
    verdict = await verify_database(state)
    assert verdict.fault is None, f"the audit chain is broken: {verdict.fault}"
    async with AuditedStore.open(state, beside=True) as store:
        log = list(await store.state.read(lambda connection: list(records(connection))))
        cases, unfinished = list(await store.cases()), len(await store.pending())
    return _Memory(Counter(record["event"] for record in log), log, cases, unfinished)


async def case_in(scene: Scene) -> tuple[Case, str]:
    """The scene's only case, and its card."""
    async with AuditedStore.open(scene.folder / "state", beside=True) as store:
        (case,) = await store.cases()
        card = await store.card_of(case)
    assert card is not None, "the case has no card"
    return case, card


async def assert_judged_once(scene: Scene, action: Action) -> None:
    """The attachment was judged once, the decision carried out, and there is one case where there should be."""
    memory = await _memory_of(scene)
    once = (Event.RECEIVED, Event.SCREENED, Event.DECIDED, Event.FINISHED)
    assert [memory.events[event] for event in once] == [1, 1, 1, 1], memory.events
    assert memory.unfinished == 0
    decided = next(record for record in memory.log if record["event"] == Event.DECIDED)
    assert (decided["data"]["action"], decided["data"]["enforced"]) == (action, True)

    assert len(memory.cases) == memory.events[Event.OPENED] == (action in _HAS_CASE)
    assert len(scene.group.deleted) == (action in _IS_REMOVED)
    assert not scene.publications
    # Through the host's handlers at least once; a kill between that and its record makes it twice.
    assert scene.heard() in ((0,) if action in _IS_REMOVED else (1, 2)), f"the host heard it {scene.heard()} times"
    assert scene.heard() <= 1 or memory.events[Event.STARTED] > 1
    _assert_cards(scene, wanted=action in _HAS_CASE)
    await _assert_vault(scene, memory.cases if action is Action.QUARANTINE else [])
    _assert_nothing_left_behind(scene)


def _assert_cards(scene: Scene, *, wanted: bool) -> None:
    cards = scene.cards
    if not wanted:
        assert not cards
        return
    assert 1 <= len(cards) <= 2, f"{len(cards)} cards"
    assert _REPEATED not in cards[0] or len(cards) == 1
    assert all(_REPEATED in card for card in cards[1:]), "the second card does not say that it is one"


async def _assert_vault(scene: Scene, cases: list[Case]) -> None:
    vault = AgeVault(scene.folder / "state" / "vault", scene.folder / "state" / "vault.key")
    sealed = {part.item for case in cases for part in case.sealed}
    assert len(sealed) == len(cases)
    assert await vault.items() == sealed, "the vault holds something else than the cases' files"
    for item in sealed:
        async with vault.unsealed(item) as plain:
            assert plain.read_bytes() == PROGRAM


def _assert_nothing_left_behind(scene: Scene) -> None:
    state = scene.folder / "state"
    assert not list((state / "spool").iterdir())
    assert not list((state / "vault").glob(".*.sealing"))
    assert not list((state / "vault" / "unsealed").iterdir())


async def assert_released_or_asked(scene: Scene) -> None:
    """After a press and a kill: the press was lost, or the file is back once, or its moderators are asked."""
    memory = await _memory_of(scene)
    case, card = await case_in(scene)
    assert memory.events[Event.DECIDED] == memory.events[Event.OPENED] == 1
    assert len(scene.publications) <= 1, "published twice"
    assert len(scene.cards) == 1, "the card was sent again"
    unknown = [r for r in memory.log if r["event"] == Event.UNKNOWN and r["data"]["kind"] == "publish"]
    match case.state:
        case CaseState.OPEN:
            assert not memory.events[Event.APPROVED]
            assert not scene.publications
        case CaseState.RELEASED:
            assert len(scene.publications) == memory.events[Event.RELEASED] == memory.events[Event.APPROVED] == 1
            assert not unknown
            assert not deciding(scene.buttons(card))
        case CaseState.RELEASE_PENDING:
            assert len(unknown) == memory.events[Event.APPROVED] == 1
            assert any("It is back" in label for label in scene.buttons(card)), scene.buttons(card)
            assert any("Send it again" in label for label in scene.buttons(card)), scene.buttons(card)
        case other:
            raise AssertionError(f"the case is {other}")
    await _assert_vault(scene, memory.cases)
    _assert_nothing_left_behind(scene)


async def finish_release(scene: Scene) -> None:
    """Whatever the kill left, one more press of a moderator who looked into the chat brings it to its end."""
    case, card = await case_in(scene)
    if case.state is not CaseState.RELEASED:
        pending = case.state is CaseState.RELEASE_PENDING
        await scene.press(card, ("It is back" if scene.publications else "Send it again") if pending else "Release")
        assert await scene.live() == SETTLED
    case, card = await case_in(scene)
    assert case.state is CaseState.RELEASED
    assert [message.data for message in scene.publications] == [PROGRAM]
    assert not deciding(scene.buttons(card))
    assert (await _memory_of(scene)).events[Event.RELEASED] == 1
