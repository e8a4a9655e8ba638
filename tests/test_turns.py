"""Whose file is looked at next."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazaretto.tasks import spawn
from lazaretto.turns import Turns


class Line:
    """Who waits, and the order in which they were given a place."""

    def __init__(self, places: int) -> None:
        self.turns = Turns(places)
        self.served: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        """Names such as `A.eve.1`: chat, member, number."""
        for name in names:
            self.ends[name] = asyncio.Event()
            self.tasks[name] = spawn(self._wait(name), name)
            await asyncio.sleep(0)
        await self.calm()

    async def _wait(self, name: str) -> None:
        chat, member, _ = name.split(".")
        async with self.turns.turn(chat, member):
            self.served.append(name)
            await self.ends[name].wait()

    async def end(self, *names: str) -> None:
        for name in names:
            self.ends[name].set()
        await self.calm()

    async def calm(self) -> None:
        for _ in range(5):
            await asyncio.sleep(0)

    async def rest(self) -> None:
        """Everybody is served, and gives the place back at once."""
        for end in self.ends.values():
            end.set()
        async with asyncio.timeout(5):
            await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def test_chats_take_turns_whatever_their_lines_are() -> None:
    line = Line(1)
    await line.come("A.eve.1", "A.eve.2", "A.eve.3", "A.eve.4", "B.bob.1", "C.cid.1")
    await line.rest()
    assert line.served == ["A.eve.1", "A.eve.2", "B.bob.1", "C.cid.1", "A.eve.3", "A.eve.4"]


async def test_members_of_a_chat_take_turns() -> None:
    line = Line(1)
    await line.come("A.eve.1", "A.eve.2", "A.eve.3", "A.eve.4", "A.bob.1")
    await line.rest()
    assert line.served.index("A.bob.1") <= 2
    assert [name for name in line.served if "eve" in name] == [f"A.eve.{number}" for number in range(1, 5)]


async def test_a_chat_whose_downloads_never_end_leaves_places_to_others() -> None:
    line = Line(8)
    await line.come(*(f"A.m{number}.1" for number in range(20)))
    assert len(line.served) == 6
    await line.come("B.bob.1", "C.cid.1")
    assert line.served[6:] == ["B.bob.1", "C.cid.1"]
    await line.rest()
    assert len(line.served) == 22


async def test_a_member_whose_downloads_never_end_leaves_places_to_others_of_the_chat() -> None:
    line = Line(8)
    await line.come(*(f"A.eve.{number}" for number in range(20)))
    assert len(line.served) == 4
    await line.come("A.bob.1")
    assert line.served[4:] == ["A.bob.1"]
    await line.rest()


@pytest.mark.parametrize("places", [1, 2, 3])
async def test_everybody_has_at_least_one_place(places: int) -> None:
    line = Line(places)
    await line.come("A.eve.1", "A.eve.2", "A.bob.1")
    assert line.served
    await line.rest()
    assert len(line.served) == 3


async def test_who_leaves_the_line_takes_no_place() -> None:
    line = Line(1)
    await line.come("A.eve.1", "A.eve.2", "B.bob.1")
    line.tasks["A.eve.2"].cancel()
    line.tasks["B.bob.1"].cancel()
    await line.come("C.cid.1")
    await line.end("A.eve.1")
    assert line.served == ["A.eve.1", "C.cid.1"]
    await line.rest()


async def test_who_leaves_in_the_moment_of_being_served_gives_the_place_back() -> None:
    line = Line(1)
    await line.come("A.eve.1", "B.bob.1")
    line.ends["A.eve.1"].set()
    await asyncio.sleep(0)  # eve is leaving: the place is bob's, who does not know it yet
    line.tasks["B.bob.1"].cancel()
    await line.come("C.cid.1")
    assert line.served == ["A.eve.1", "C.cid.1"]
    await line.rest()


async def test_a_failure_inside_gives_the_place_back() -> None:
    turns = Turns(1)
    with pytest.raises(ValueError, match="inside"):
        async with turns.turn("A", "eve"):
            raise ValueError("inside")
    async with asyncio.timeout(1), turns.turn("A", "eve"):
        pass


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz")), max_size=40), st.integers(1, 6))
async def test_everybody_is_served_once_and_never_more_than_there_are_places(
    comers: list[tuple[str, str]], places: int
) -> None:
    turns, inside, most, served = Turns(places), 0, 0, 0

    async def one(chat: str, member: str) -> None:
        nonlocal inside, most, served
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(turns.turn(chat, member))
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            served += 1

    async with asyncio.timeout(5):
        await asyncio.gather(*(one(*comer) for comer in comers))
    assert (served, inside) == (len(comers), 0)
    assert most <= places
