"""Fifty groups under load: the same for both hosts, and a host that gets it wrong is noticed."""

from __future__ import annotations

import pytest
from benchmarks.load_groups import FILES, GROUPS, MEMBERS, Due, Groups, schedule
from benchmarks.posts import Post, mixed
from benchmarks.reports import WrongReport

from lazaretto.emulator import Emulator, Rights, User

pytestmark = pytest.mark.checkout

GOOD, _, _, BAD = mixed(4)


@pytest.fixture
def ann(telegram_emulator: Emulator) -> User:
    return telegram_emulator.user("Ann")


@pytest.fixture
def groups(telegram_emulator: Emulator, ann: User) -> Groups:
    chat = telegram_emulator.group("Chess club", members=[ann], bot_rights=Rights.full())
    return Groups(telegram_emulator, [chat], [ann], guarded=True)


def test_what_comes_when_is_the_same_each_time() -> None:
    posts = tuple(mixed(round(4 * FILES)))
    due = schedule(2.0, posts, 1)
    assert due == schedule(2.0, posts, 1) == sorted(due, key=lambda each: each.at)
    assert due != schedule(2.0, posts, 2)
    assert {each.group for each in due} <= set(range(GROUPS))
    assert {each.member for each in due} <= set(range(MEMBERS))
    assert [each.post for each in due if each.post] == list(posts[: sum(each.post is not None for each in due)])


async def test_late_posts_are_told(groups: Groups) -> None:
    await groups.post([Due(-0.5, 0, 0, None)])
    assert groups.late >= 0.5


async def test_a_file_waits_until_it_is_answered_or_gone(groups: Groups) -> None:
    await groups.post([Due(0.0, 0, 0, GOOD), Due(0.0, 0, 0, BAD), Due(0.0, 0, 0, None)])
    assert (groups.open_files(), groups.waiting, groups.over()) == (2, 2, False)


@pytest.mark.parametrize(("post", "seen", "gone"), [(GOOD, True, False), (BAD, False, True)])
async def test_a_host_that_gets_it_right_is_not_blamed(groups: Groups, post: Post, seen: bool, gone: bool) -> None:
    await _judged(groups, post, seen=seen, gone=gone)
    groups.check()


@pytest.mark.parametrize(("post", "seen", "gone"), [(GOOD, False, True), (BAD, True, False), (BAD, True, True)])
async def test_a_host_that_gets_it_wrong_is_blamed(groups: Groups, post: Post, seen: bool, gone: bool) -> None:
    await _judged(groups, post, seen=seen, gone=gone)
    with pytest.raises(WrongReport, match=post.name):
        groups.check()


async def _judged(groups: Groups, post: Post, *, seen: bool, gone: bool) -> None:
    await groups.post([Due(0.0, 0, 0, post)])
    (chat,) = groups.chats
    key = chat.id, chat.messages[0].message_id
    if seen:
        groups.seen[key] = 1.0
    if gone:
        chat.strike(chat.messages[0])
