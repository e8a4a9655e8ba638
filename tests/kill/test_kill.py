"""kill -9 between any two steps of one attachment, each of them in turn: nothing is lost and nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from kill.aftermath import assert_judged_once, assert_released_or_asked, case_in, finish_release
from kill.stage import KILLED, SETTLED, Nursery, Scene, open_scene
from lazaretto.model import Action, CaseState
from lazaretto.quarantine import AgeVault

_AT_ONCE = 6  # scenes; more than there are cores, because each waits for the disk most of the time
_BEFORE, _AFTER = "before", "after"

_TAKEN_IN = {
    "journal.put#1",
    "journal.write_down#1",
    "store.take_in#1",
    "screener.open#1",
    "platform.fetch#1",
    "platform.fetch chunk#1",
    "platform.fetch chunk#3",
    "job.feed#1",
    "job.feed#3",
    "job.finish#1",
    "store.precedents#1",
    "store.decided#1",
    "store.finished#1",
}
_HANDED_ON = {"journal.put#2", "host.handle#1"}
_FETCHED = ("platform.fetch", "job.feed")  # which ends where the decision cannot change any more
_REMOVED = {"store.attempting remove#1", "platform.remove#1", "store.done remove#1"}
_CARD = {"store.attempting card#1", "platform.notify#1", "store.done card#1"}
_EXPECTED = {
    Action.FORWARD: _TAKEN_IN | _HANDED_ON,
    Action.FLAG: _TAKEN_IN | _CARD | _HANDED_ON,
    Action.QUARANTINE: _TAKEN_IN | {"vault.seal#1"} | _REMOVED | _CARD,
    Action.REJECT: {step for step in _TAKEN_IN if not step.startswith(_FETCHED)} | _REMOVED,
}
_EXPECTED_OF_A_RELEASE = {
    "journal.put#1",
    "store.release#1",
    "store.attempting publish#1",
    "vault.unsealed#1",
    "platform.publish#1",
    "vault.unsealed left#1",
    "store.done publish#1",
    "store.attempting update-card#1",
    "platform.update_card#1",
    "store.done update-card#1",
}
"""Steps that are always taken. Others depend on what runs beside what, such as whether a card is there to be edited."""


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    async with Nursery.open() as opened:
        yield opened


async def _all(work: Callable[[int, str, str], Awaitable[None]], kills: Sequence[tuple[str, str]]) -> None:
    """Run `work` for every kill, several at once. Fails with all that went wrong."""
    places = asyncio.Semaphore(_AT_ONCE)

    async def one(number: int, when: str, step: str) -> str | None:
        async with places:
            try:
                await work(number, when, step)
            except Exception as error:
                return f"killed {when} {step}: {type(error).__name__}: {error}"
        return None

    failures = await asyncio.gather(*(one(number, when, step) for number, (when, step) in enumerate(kills)))
    wrong = [failure for failure in failures if failure]
    assert not wrong, f"{len(wrong)} of {len(kills)} kills:\n" + "\n".join(wrong)


def _kills(steps: Sequence[str], *series: str) -> list[tuple[str, str]]:
    return [(when, step) for when in series for step in steps]


async def _steps_of(nursery: Nursery, folder: Path, action: Action) -> list[str]:
    """The steps of an attachment that nobody disturbs."""
    async with open_scene(nursery, folder, action) as scene:
        await scene.post()
        assert await scene.live() == SETTLED
        await assert_judged_once(scene, action)
        steps = scene.steps()
    assert _EXPECTED[action] <= set(steps), _EXPECTED[action] - set(steps)
    return steps


async def _kill_each(nursery: Nursery, folder: Path, action: Action, *series: str) -> None:
    steps = await _steps_of(nursery, folder / "undisturbed", action)

    async def work(number: int, when: str, step: str) -> None:
        async with open_scene(nursery, folder / str(number), action) as scene:
            await scene.post()
            status = await scene.live(when, step)
            assert status == KILLED or (status == SETTLED and step not in _EXPECTED[action]), f"it ended with {status}"
            if status == KILLED:
                assert await scene.live() == SETTLED
            await assert_judged_once(scene, action)

    await _all(work, _kills(steps, *series))


async def _pressed(scene: Scene) -> None:
    """A quarantined attachment whose case is open; then Mila presses Release while the bot is away."""
    await scene.post()
    assert await scene.live() == SETTLED
    _, card = await case_in(scene)
    await scene.press(card, "Release")


async def _steps_of_a_release(nursery: Nursery, folder: Path) -> list[str]:
    async with open_scene(nursery, folder, Action.QUARANTINE) as scene:
        await _pressed(scene)
        assert await scene.live() == SETTLED
        await assert_released_or_asked(scene)
        await finish_release(scene)
        steps = scene.steps()
    assert set(steps) >= _EXPECTED_OF_A_RELEASE, _EXPECTED_OF_A_RELEASE - set(steps)
    return steps


async def _kill_in_a_release(nursery: Nursery, folder: Path, kills: Sequence[tuple[str, str]]) -> None:
    async def work(number: int, when: str, step: str) -> None:
        async with open_scene(nursery, folder / str(number), Action.QUARANTINE) as scene:
            await _pressed(scene)
            status = await scene.live(when, step)
            assert status == KILLED or (status == SETTLED and step not in _EXPECTED_OF_A_RELEASE), f"status {status}"
            if status == KILLED:
                assert await scene.live() == SETTLED
            await assert_released_or_asked(scene)
            await finish_release(scene)

    await _all(work, kills)


async def test_quarantine_survives_a_kill_before_every_step(nursery: Nursery, tmp_path: Path) -> None:
    await _kill_each(nursery, tmp_path, Action.QUARANTINE, _BEFORE)


async def test_release_survives_a_kill_before_its_main_steps(nursery: Nursery, tmp_path: Path) -> None:
    await _steps_of_a_release(nursery, tmp_path / "undisturbed")
    await _kill_in_a_release(nursery, tmp_path, _kills(sorted(_EXPECTED_OF_A_RELEASE), _BEFORE))


_JOINING = ["store.take_in#1", "store.join#1", "screener.open#1", "store.decided#1"]


@pytest.mark.parametrize("when", [_BEFORE, _AFTER])
async def test_an_album_survives_a_kill_around_its_joining(nursery: Nursery, tmp_path: Path, when: str) -> None:
    async def work(number: int, when: str, step: str) -> None:
        async with open_scene(nursery, tmp_path / str(number), Action.QUARANTINE) as scene:
            posted = await scene.post_album()
            assert await scene.live(when, step) == KILLED
            assert await scene.live() == SETTLED
            case, card = await case_in(scene)
            assert len(case.attachment.members) == len(posted)
            assert scene.group.deleted == posted
            await scene.press(card, "Release")
            assert await scene.live() == SETTLED
            assert [message.data for message in scene.publications] == [message.data for message in posted]

    await _all(work, _kills(_JOINING, when))


@pytest.mark.parametrize(
    ("when", "step", "heard"),
    [
        (_AFTER, "store.decided#1", 1),
        (_BEFORE, "journal.put#2", 1),
        (_AFTER, "journal.put#2", 1),
        (_BEFORE, "host.handle#1", 1),
        (_AFTER, "host.handle#1", 2),
        (_BEFORE, "store.finished#1", 2),
        (_AFTER, "store.finished#1", 1),
    ],
)
async def test_the_host_gets_what_was_cleared_again_unless_its_handlers_had_ended(
    nursery: Nursery, tmp_path: Path, when: str, step: str, heard: int
) -> None:
    """Never not at all; twice where they had begun, and nobody had written down that they were through."""
    async with open_scene(nursery, tmp_path, Action.FORWARD) as scene:
        await scene.post()
        assert await scene.live(when, step) == KILLED
        assert await scene.live() == SETTLED
        assert scene.heard() == heard
        await assert_judged_once(scene, Action.FORWARD)


async def test_items_that_no_interrupted_judgement_explains_are_kept(nursery: Nursery, tmp_path: Path) -> None:
    vault = AgeVault(tmp_path / "state" / "vault", tmp_path / "state" / "vault.key")
    async with open_scene(nursery, tmp_path, Action.QUARANTINE) as scene:
        await scene.post()
        assert await scene.live() == SETTLED
        stray = await vault.seal(tmp_path / "log")
        assert await scene.live() == SETTLED
        case, _ = await case_in(scene)
    assert await vault.items() == {stray, *(part.item for part in case.sealed)}


async def test_a_card_that_may_have_been_shown_is_shown_again(nursery: Nursery, tmp_path: Path) -> None:
    async with open_scene(nursery, tmp_path, Action.FLAG) as scene:
        await scene.post()
        assert await scene.live(_BEFORE, "store.done card#1") == KILLED
        assert len(scene.cards) == 1
        assert await scene.live() == SETTLED
        assert len(scene.cards) == 2
        await assert_judged_once(scene, Action.FLAG)


@pytest.mark.parametrize(("step", "posts"), [("platform.publish#1", 0), ("store.done publish#1", 1)])
async def test_a_publication_of_unknown_outcome_is_asked_about(
    nursery: Nursery, tmp_path: Path, step: str, posts: int
) -> None:
    async with open_scene(nursery, tmp_path, Action.QUARANTINE) as scene:
        await _pressed(scene)
        assert await scene.live(_BEFORE, step) == KILLED
        assert await scene.live() == SETTLED
        case, _ = await case_in(scene)
        assert case.state is CaseState.RELEASE_PENDING
        assert len(scene.publications) == posts
        await assert_released_or_asked(scene)
        await finish_release(scene)


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("action", [action for action in Action if action is not Action.QUARANTINE])
async def test_every_path_survives_a_kill_before_and_after_every_step(
    nursery: Nursery, tmp_path: Path, action: Action
) -> None:
    await _kill_each(nursery, tmp_path, action, _BEFORE, _AFTER)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_quarantine_survives_a_kill_after_every_step(nursery: Nursery, tmp_path: Path) -> None:
    await _kill_each(nursery, tmp_path, Action.QUARANTINE, _AFTER)


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_release_survives_a_kill_before_and_after_every_step(nursery: Nursery, tmp_path: Path) -> None:
    steps = await _steps_of_a_release(nursery, tmp_path / "undisturbed")
    await _kill_in_a_release(nursery, tmp_path, _kills(steps, _BEFORE, _AFTER))
