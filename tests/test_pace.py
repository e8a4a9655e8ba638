"""How fast the platform is asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lazaretto.pace import Pace, Pacer
from lazaretto.ports import Deed, DeedKind


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def card(room: str = "moderators") -> Deed:
    return Deed(1, DeedKind.CARD, "a", 1, attempted=False, room=room)


def removal(room: str = "group", requests: int = 1) -> Deed:
    return Deed(2, DeedKind.REMOVE, "a", 1, attempted=False, room=room, requests=requests)


def admitted(pacer: Pacer, clock: Clock, deed: Deed, seconds: float) -> int:
    """How many come through in so many seconds, when each asks again as soon as it may."""
    count, end = 0, clock.now + seconds
    while clock.now <= end:
        wait = pacer.admit(deed)
        count += wait == 0
        clock.now += wait
    return count


def test_a_few_posts_in_a_chat_may_come_at_once_and_then_no_more_than_its_minute() -> None:
    clock = Clock()
    pacer = Pacer(Pace(), clock)
    assert [pacer.admit(card()) for _ in range(5)] == [0] * 5
    assert 0 < pacer.admit(card()) <= 1
    assert 20 <= 5 + admitted(pacer, clock, card(), 60) <= 41
    assert 19 <= admitted(pacer, clock, card(), 60) <= 21


def test_a_chat_that_had_its_share_keeps_no_other_waiting() -> None:
    pacer = Pacer(Pace(), Clock())
    while pacer.admit(card("busy")) == 0:
        pass
    assert pacer.admit(card("calm")) == 0


def test_posts_leave_room_for_a_removal() -> None:
    pacer = Pacer(Pace(per_second=30), Clock())
    chats = 0
    while pacer.admit(card(f"chat {chats}")) == 0:
        chats += 1
    assert chats == 20
    assert [pacer.admit(removal()) for _ in range(10)] == [0] * 10
    assert pacer.admit(removal()) > 0


def test_removals_in_one_chat_do_not_wait_for_its_minute() -> None:
    clock = Clock()
    pacer = Pacer(Pace(), clock)
    assert admitted(pacer, clock, removal(), 10) >= 300


def test_an_album_counts_message_by_message() -> None:
    pacer = Pacer(Pace(per_second=30), Clock())
    assert [pacer.admit(removal(requests=10)) for _ in range(3)] == [0, 0, 0]
    assert pacer.admit(removal()) > 0


def test_what_is_larger_than_a_second_allows_still_comes_through() -> None:
    clock = Clock()
    pacer = Pacer(Pace(per_second=2), clock)
    assert pacer.admit(removal(requests=10)) == 0
    clock.now += pacer.admit(removal())
    assert clock.now - 1000 >= 4
    assert pacer.admit(removal()) == 0


def test_a_refused_chat_waits_alone_and_its_removals_apart_from_its_posts() -> None:
    clock = Clock()
    pacer = Pacer(Pace(), clock)
    pacer.refused(card("group"), 40)
    assert pacer.admit(card("group")) == 40
    assert pacer.admit(removal("group")) == 0
    assert pacer.admit(card("other")) == 0
    clock.now += 40
    assert pacer.admit(card("group")) == 0


def test_a_platform_that_cannot_be_reached_is_tried_by_one_request_later_and_later() -> None:
    clock = Clock()
    pacer = Pacer(Pace(), clock)
    deeds = [Deed(n, DeedKind.REMOVE, "a", 1, attempted=False, room=f"group {n}") for n in range(10)]
    assert [pacer.admit(deed) for deed in deeds] == [0] * 10
    for deed in deeds:
        pacer.unreachable(deed)  # all that were under way fail alike, and it is one failure
    pauses = []
    for _ in range(9):
        pauses.append(pacer.admit(deeds[0]))
        assert pacer.admit(card("elsewhere")) == pauses[-1]  # whatever it is, and wherever
        clock.now += pauses[-1]
        assert pacer.admit(deeds[1]) == 0
        assert pacer.admit(deeds[2]) > 0  # one probe
        pacer.unreachable(deeds[1])
    assert pauses == [5, 10, 20, 40, 60, 60, 60, 60, 60]
    clock.now += 60
    assert pacer.admit(deeds[3]) == 0
    pacer.reached()
    assert [pacer.admit(deed) for deed in deeds] == [0] * 10
    pacer.unreachable(deeds[0])
    assert pacer.admit(deeds[1]) == 5  # it begins anew


def test_a_probe_of_which_nothing_is_heard_keeps_the_platform_closed_no_longer_than_a_pause() -> None:
    clock = Clock()
    pacer = Pacer(Pace(), clock)
    pacer.unreachable(card("a"))
    clock.now += 5
    assert pacer.admit(removal("a")) == 0
    assert pacer.admit(removal("b")) == 5
    clock.now += 5
    assert pacer.admit(removal("b")) == 0


def test_a_platform_that_refuses_is_reached() -> None:
    clock = Clock()
    pacer = Pacer(Pace(), clock)
    pacer.unreachable(card("a"))
    clock.now += 5
    assert pacer.admit(card("a")) == 0
    pacer.refused(card("a"), 40)
    assert pacer.admit(card("a")) == 40
    assert pacer.admit(card("b")) == 0


def test_chats_that_were_asked_long_ago_are_forgotten() -> None:
    pacer = Pacer(Pace(per_second=1e9), Clock())
    for number in range(10_100):
        pacer.admit(card(str(number)))
    assert len(pacer._chats) == 10_000


@given(st.lists(st.tuples(st.floats(0, 5), st.sampled_from("abc"), st.booleans(), st.integers(1, 10)), max_size=60))
def test_whatever_comes_no_second_is_asked_for_more_than_twice_what_the_platform_bears(
    events: list[tuple[float, str, bool, int]],
) -> None:
    """A full bucket and what flows in meanwhile; and one album may be as much again as is left."""
    clock = Clock()
    pacer = Pacer(Pace(per_second=5), clock)
    asked: list[tuple[float, int]] = []
    for pause, room, removes, requests in events:
        clock.now += pause
        deed = removal(room, requests) if removes else card(room)
        if pacer.admit(deed) == 0:
            asked.append((clock.now, deed.requests))
    for start, _ in asked:
        within = [requests for at, requests in asked if start <= at <= start + 1]
        assert sum(within) <= 10 + max(within)
