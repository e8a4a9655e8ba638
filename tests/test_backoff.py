"""Whoever made the check crash waits, and longer each time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fakes import an_attachment
from lazaretto import backoff
from lazaretto.backoff import Backoff
from lazaretto.model import Attachment, Person, Place


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def by(person: str, chat: str = "tower-3") -> Attachment:
    return replace(an_attachment("a"), sender=Person("pigeon", person, "Eve"), place=Place("pigeon", chat))


def test_nobody_waits_before_a_crash(clock: Clock) -> None:
    assert Backoff(clock).left(by("eve")) == 0


def test_each_crash_doubles_the_pause_up_to_a_day(clock: Clock) -> None:
    waiting = Backoff(clock)
    assert [waiting.crashed(by("eve")) for _ in range(13)] == [*(60.0 * 2**n for n in range(11)), 86_400.0, 86_400.0]


def test_the_pause_runs_off(clock: Clock) -> None:
    waiting = Backoff(clock)
    waiting.crashed(by("eve"))
    assert waiting.left(by("eve")) == 60
    clock.now += 59
    assert waiting.left(by("eve")) == 1
    clock.now += 1
    assert waiting.left(by("eve")) == 0


def test_a_day_without_a_crash_behind_the_pause_clears_the_count(clock: Clock) -> None:
    waiting = Backoff(clock)
    waiting.crashed(by("eve"))
    clock.now += 60 + 86_399
    assert waiting.crashed(by("eve")) == 120
    clock.now += 120 + 86_400
    assert waiting.crashed(by("eve")) == 60


def test_others_do_not_wait_and_the_nameless_wait_with_their_chat(clock: Clock) -> None:
    waiting = Backoff(clock)
    waiting.crashed(by("eve"))
    waiting.crashed(by(""))
    assert waiting.left(by("eve", chat="tower-4")) == 60
    assert waiting.left(by("ann")) == 0
    assert waiting.left(by("")) == 60
    assert waiting.left(by("", chat="tower-4")) == 0


def test_strangers_cannot_fill_the_memory(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "_MOST_SENDERS", 3)
    waiting = Backoff(clock)
    for person in "abcd":
        waiting.crashed(by(person))
    assert [bool(waiting.left(by(person))) for person in "abcd"] == [False, True, True, True]
