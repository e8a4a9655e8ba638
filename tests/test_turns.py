"""Whose file is looked at next."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazaretto.tasks import spawn
from lazaretto.turns import NoRoom, Stay, Turns


class Line:
    """Who waits, and the order in which they were given a place."""

    def __init__(self, places: int, room: int = 100) -> None:
        self.turns = Turns(places, room)
        self.served: list[str] = []
        self.ends: dict[str, asyncio.Event] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        """Names such as `A.eve.1`: chat, member, number; `A.eve.1.60` needs room for 60 bytes."""
        for name in names:
            self.ends[name] = asyncio.Event()
            self.tasks[name] = spawn(self._wait(name), name)
            await asyncio.sleep(0)
        await self.calm()

    async def _wait(self, name: str) -> None:
        chat, member, _, *room = name.split(".")
        with self.turns.stay(chat, member, {0: int(room[0])} if room else {}) as stay:
            async with self.turns.turn(stay):
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
    turns = Turns(1, 10)
    with pytest.raises(ValueError, match="inside"), turns.stay("A", "eve", {0: 10}) as stay:
        async with turns.turn(stay):
            raise ValueError("inside")
    with turns.stay("A", "eve", {0: 10}) as stay:
        async with asyncio.timeout(1), turns.turn(stay):
            pass


# -- room ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lazaretto.turns.PATIENCE", 0.1)


async def test_what_has_begun_goes_on_before_anything_else_begins() -> None:
    """Albums that grew together were all unfinished when the spool was full."""
    turns, served = Turns(1, 100), list[str]()

    async def part(name: str, stay: Stay) -> None:
        async with turns.turn(stay):
            served.append(name)
            await asyncio.sleep(0)

    async def album(chat: str, member: str) -> None:
        with turns.stay(chat, member, {0: 1, 1: 1, 2: 1}) as stay:
            await asyncio.gather(*(part(chat + member, stay) for _ in range(3)))

    async with asyncio.timeout(5):
        await asyncio.gather(album("A", "eve"), album("A", "bob"), album("B", "cid"))
    assert served == ["Aeve"] * 3 + ["Abob"] * 3 + ["Bcid"] * 3


async def test_what_needs_more_room_than_is_left_waits_until_there_is_and_is_not_overtaken() -> None:
    line = Line(8)
    await line.come("A.eve.1.60", "B.bob.1.50", "C.cid.1.10")
    assert line.served == ["A.eve.1.60"]
    await line.end("A.eve.1.60")
    assert line.served[1:] == ["B.bob.1.50", "C.cid.1.10"]
    await line.rest()


async def test_a_chat_leaves_room_to_others_and_a_member_to_others_of_the_chat() -> None:
    line = Line(8)
    await line.come("A.eve.1.40", "A.eve.2.20", "A.bob.1.30", "A.bob.2.10", "B.cid.1.20")
    assert line.served == ["A.eve.1.40", "A.bob.1.30", "B.cid.1.20"]
    await line.rest()
    assert len(line.served) == 5


async def test_whoever_has_nothing_may_have_all_the_room_there_is() -> None:
    line = Line(8)
    await line.come("A.eve.1.100")
    assert line.served == ["A.eve.1.100"]
    await line.rest()


@pytest.mark.usefixtures("impatient")
async def test_who_waits_in_vain_for_room_is_given_up_and_the_next_are_looked_at() -> None:
    line = Line(8)
    await line.come("A.eve.1.90", "B.bob.1.20", "C.cid.1.20", "D.dan.1.10")
    async with asyncio.timeout(5):
        results = await asyncio.gather(line.tasks["B.bob.1.20"], line.tasks["C.cid.1.20"], return_exceptions=True)
    assert [type(result) for result in results] == [NoRoom, NoRoom]
    await line.calm()
    assert line.served == ["A.eve.1.90", "D.dan.1.10"]
    await line.rest()


@pytest.mark.usefixtures("impatient")
async def test_while_others_are_given_room_nobody_is_given_up() -> None:
    line = Line(8)
    names = [f"A{number}.eve.1.100" for number in range(6)]
    await line.come(*names)
    for name in names:
        await asyncio.sleep(0.06)
        await line.end(name)
    await line.rest()
    assert line.served == names


@pytest.mark.usefixtures("impatient")
async def test_a_newcomer_has_time_of_its_own() -> None:
    line = Line(8)
    await line.come("A.eve.1.100", "B.bob.1.20")
    with pytest.raises(NoRoom):
        await line.tasks["B.bob.1.20"]
    await line.come("C.cid.1.20")
    await asyncio.sleep(0.05)
    await line.end("A.eve.1.100")
    assert line.served == ["A.eve.1.100", "C.cid.1.20"]
    await line.rest()


async def test_more_bytes_than_were_claimed_have_what_room_is_left_and_do_not_wait() -> None:
    turns = Turns(1, 100)
    with turns.stay("A", "eve", {0: 60, 1: 20}) as stay:
        async with turns.turn(stay):
            turns.grow(stay, 0, 80)
            with pytest.raises(NoRoom):
                turns.grow(stay, 1, 21)
    with turns.stay("B", "bob", {0: 100}) as stay:  # all was given back
        async with asyncio.timeout(1), turns.turn(stay):
            pass


@given(
    st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("xyz"), st.integers(0, 100)), max_size=40),
    st.integers(1, 6),
)
async def test_everybody_is_served_and_never_more_is_held_than_there_are_places_and_room(
    comers: list[tuple[str, str, int]], places: int
) -> None:
    turns, inside, most, served, held, fullest = Turns(places, 100), 0, 0, 0, 0, 0

    async def part(stay: Stay) -> None:
        nonlocal inside, most, served
        async with turns.turn(stay):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            served += 1

    async def one(chat: str, member: str, room: int) -> None:
        nonlocal held, fullest
        with turns.stay(chat, member, {0: room, 1: 0}) as stay:
            await part(stay)
            held += room
            fullest = max(fullest, held)
            await part(stay)
            held -= room

    async with asyncio.timeout(5):
        await asyncio.gather(*(one(*comer) for comer in comers))
    assert (served, inside, held) == (2 * len(comers), 0, 0)
    assert most <= places
    assert fullest <= 100
