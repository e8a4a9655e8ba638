"""The people around a host under load: both hosts get the same, and a host that gets it wrong is noticed."""

from __future__ import annotations

import pytest
from benchmarks.crowd import LOADS, MOST_FILES, SOME_HELD, TEXTS_ALONE, Crowd, schedule
from benchmarks.posts import Post, mixed
from benchmarks.reports import WrongReport

from lazaretto.emulator import Emulator, User

pytestmark = pytest.mark.checkout

SECONDS = 2.0


@pytest.fixture(scope="module")
def posts() -> tuple[Post, ...]:
    return tuple(mixed(2 * MOST_FILES))


@pytest.fixture
def ann(telegram_emulator: Emulator) -> User:
    return telegram_emulator.user("Ann")


@pytest.fixture
def crowd(telegram_emulator: Emulator, ann: User) -> Crowd:
    return Crowd(telegram_emulator.group("Chess club", members=[ann]), telegram_emulator.bot)


async def answers(crowd: Crowd, number: int, saw_at: float = 1.0) -> None:
    """As the host does."""
    crowd.group.append(crowd.bot, {"text": f"{number} {saw_at!r}"})
    crowd.look()


@pytest.mark.parametrize("load", LOADS)
def test_what_is_posted_when_is_the_same_each_time(load: str, posts: tuple[Post, ...]) -> None:
    due = schedule(load, SECONDS, 1, posts)
    assert due == schedule(load, SECONDS, 1, posts)
    assert due != schedule(load, SECONDS, 0, posts)
    assert due == sorted(due, key=lambda each: each[0])
    assert due[-1][0] < SECONDS


def test_a_load_has_the_files_that_its_name_says(posts: tuple[Post, ...]) -> None:
    files = {load: [post for _, post in schedule(load, 4 * SECONDS, 0, posts) if post is not None] for load in LOADS}
    assert files.pop(TEXTS_ALONE) == []
    assert any(post.bad for post in files.pop(SOME_HELD))
    assert [[post for post in clean if post.bad] for clean in files.values()] == [[]]


def test_parts_share_no_file(posts: tuple[Post, ...]) -> None:
    first, second = (
        {post.sha256 for _, post in schedule(SOME_HELD, SECONDS, part, posts) if post is not None} for part in (0, 1)
    )
    assert first
    assert second
    assert first.isdisjoint(second)


async def test_it_is_over_when_texts_are_answered_and_bad_files_are_gone(
    crowd: Crowd, ann: User, posts: tuple[Post, ...]
) -> None:
    bad = next(post for post in posts if post.bad)
    await crowd.post(ann, None)
    await crowd.post(ann, bad)
    await answers(crowd, 1)
    assert not crowd.over(guarded=True)
    crowd.group.strike(crowd.group.messages[1])
    assert crowd.over(guarded=True)
    assert not crowd.over(guarded=False)


async def test_a_sample_is_what_passed_since_the_post(crowd: Crowd, ann: User) -> None:
    await crowd.post(ann, None)
    await answers(crowd, 1, saw_at=crowd.texts[1] + 0.5)
    ((to_handler, to_reply),) = crowd.samples()
    assert to_handler == pytest.approx(500)
    assert to_reply > 0


async def test_an_answer_that_comes_twice_is_noticed(crowd: Crowd, ann: User) -> None:
    await crowd.post(ann, None)
    await answers(crowd, 1)
    with pytest.raises(WrongReport, match="message 1 came to the host's handler twice"):
        await answers(crowd, 1)


async def test_a_held_file_that_a_host_saw_is_noticed(crowd: Crowd, ann: User, posts: tuple[Post, ...]) -> None:
    bad = next(post for post in posts if post.bad)
    await crowd.post(ann, bad)
    held = crowd.group.messages[0]
    await answers(crowd, 1)
    crowd.group.strike(held)
    with pytest.raises(WrongReport, match=f"{bad.name} is held and came to the host's handler"):
        crowd.samples()
