"""Albums: complete when they are full or quiet, and one attachment from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from fakes import an_attachment
from lazaretto.albums import Albums, joined
from lazaretto.model import ALBUM, Attachment, Person

PATIENCE = 10.0  # seconds; nothing takes that long
LONG = 60.0  # a quiet time that never passes here


def member(number: int, *, album: str = "7", caption: str | None = None, sender: str = "p-1") -> Attachment:
    posted = an_attachment(f"file-{number}", name=f"a{number}")
    person = Person("pigeon", sender, "Ann")
    return replace(posted, message=str(number), album=album, caption=caption, sender=person)


class Collected:
    """The albums that were complete, in order."""

    def __init__(self, quiet: float) -> None:
        self.complete: asyncio.Queue[list[str]] = asyncio.Queue()
        self.albums = Albums(self._complete, quiet)

    async def _complete(self, members: Sequence[Attachment]) -> None:
        await self.complete.put([one.id for one in members])

    async def next(self) -> list[str]:
        async with asyncio.timeout(PATIENCE):
            return await self.complete.get()


async def test_an_album_is_complete_when_nothing_more_comes() -> None:
    collected = Collected(quiet=0.05)
    for number in (1, 2, 3):
        collected.albums.add(member(number))
    assert await collected.next() == ["a1", "a2", "a3"]


async def test_a_full_album_is_complete_at_once() -> None:
    collected = Collected(quiet=LONG)
    for number in range(10):
        collected.albums.add(member(number))
    assert len(await collected.next()) == 10


async def test_each_further_message_begins_the_wait_anew() -> None:
    collected = Collected(quiet=0.5)
    for number in range(5):
        collected.albums.add(member(number))
        await asyncio.sleep(0.2)  # less than the wait, which has passed by now if it was not begun anew
    assert len(await collected.next()) == 5


async def test_what_an_earlier_run_left_waits_longer_for_the_rest() -> None:
    collected = Collected(quiet=0.1)
    collected.albums.add(member(1), restarted=True)
    await asyncio.sleep(0.2)  # longer than the usual wait, and shorter than that after a restart
    collected.albums.add(member(2))
    assert await collected.next() == ["a1", "a2"]


async def test_the_same_message_twice_counts_once() -> None:
    collected = Collected(quiet=0.05)
    collected.albums.add(member(1))
    collected.albums.add(member(1))
    assert await collected.next() == ["a1"]


async def test_the_same_message_again_puts_nothing_off() -> None:
    """Each edit of a caption brings its message again."""
    collected = Collected(quiet=0.2)

    async def edit() -> None:
        while True:
            collected.albums.add(member(1))
            await asyncio.sleep(0.05)

    editing = asyncio.ensure_future(edit())
    assert await collected.next() == ["a1"]
    editing.cancel()


@pytest.mark.parametrize("other", [{"album": "8"}, {"sender": "p-2"}], ids=["another album", "another sender"])
async def test_what_does_not_belong_together_is_kept_apart(other: dict[str, str]) -> None:
    collected = Collected(quiet=0.05)
    collected.albums.add(member(1))
    collected.albums.add(member(2, **other))
    assert sorted([await collected.next(), await collected.next()]) == [["a1"], ["a2"]]


async def test_what_comes_after_the_end_is_an_album_of_its_own() -> None:
    collected = Collected(quiet=0.05)
    collected.albums.add(member(1))
    assert await collected.next() == ["a1"]
    collected.albums.add(member(2))
    assert await collected.next() == ["a2"]


async def test_an_incomplete_album_is_forgotten_at_the_stop() -> None:
    collected = Collected(quiet=LONG)
    collected.albums.add(member(1))
    await collected.albums.stop()
    assert collected.complete.empty()


def test_an_album_has_the_parts_of_its_messages_in_their_order() -> None:
    album = joined([member(10, caption="second"), member(9), member(100)])
    assert (album.kind, album.album, album.members) == (ALBUM, None, ("a9", "a10", "a100"))
    assert [(part.index, part.file_id, part.message) for part in album.parts] == [
        (0, "file-9", "9"),
        (1, "file-10", "10"),
        (2, "file-100", "100"),
    ]
    assert (album.message, album.messages, album.caption) == ("9", ("9", "10", "100"), "second")


def test_an_album_is_as_old_as_its_first_message() -> None:
    early = replace(member(2), posted_at=member(1).posted_at - timedelta(seconds=3))
    assert joined([member(1), early]).posted_at == early.posted_at


def test_an_album_has_the_same_id_in_whatever_order_its_messages_come() -> None:
    assert joined([member(1), member(2)]).id == joined([member(2), member(1)]).id
    assert joined([member(1), member(2)]).id != joined([member(1), member(3)]).id
