"""A raid of albums that the spool cannot take together: each is fetched once and judged, one after another.

Pipeline, turns and spool are real. Time runs a thousand times as fast, and a byte stands for a megabyte.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fakes import FakeJob, FakePlatform, FakeScreener, FakeStore, FakeVault, Story, an_attachment
from lazaretto.conditions import Conditions
from lazaretto.model import Action, Attachment, Claim, Decision, Mode, Part, Person, Place, Report
from lazaretto.pipeline import Pipeline
from lazaretto.policy import Policy
from lazaretto.quotas import Quotas
from lazaretto.rules import OVERLOADED
from lazaretto.screening.spool import Spool, SpoolFile

SPEED = 1000
ALBUMS, FILES, SIZE = 12, 10, 20
ROOM = 500  # two and a half of the albums
PACE = 12 / 8  # megabytes per second that each of eight downloads brings


class SpooledJob(FakeJob):
    """Its bytes are in the spool."""

    file: SpoolFile

    async def feed(self, chunk: bytes) -> None:
        await self.file.append(chunk)
        self._data += chunk


class SpoolingScreener(FakeScreener):
    def __init__(self, story: Story, folder: Path) -> None:
        super().__init__(story, folder)
        self.spool = Spool(folder / "spool", ROOM)

    @asynccontextmanager
    async def open(self, claim: Claim, decisive: frozenset[str] = frozenset()) -> AsyncIterator[FakeJob]:
        file, reading = self.spool.new_file()
        os.close(reading)
        job = SpooledJob(self.faults, file.path, self.marks, decisive)
        job.file = file
        try:
            yield job
        finally:
            await file.discard()


class SlowPlatform(FakePlatform):
    fetched = 0

    async def fetch(self, part: Part) -> AsyncIterator[bytes]:
        for _ in range(0, SIZE, 5):
            await asyncio.sleep(5 / PACE / SPEED)
            self.fetched += 5
            yield b"x" * 5


class OnePolicy:
    def policy_of(self, _place: Place) -> Policy:
        actions = {"unscannable": Action.QUARANTINE}
        return Policy(mode=Mode.GUARD, moderators="council", max_size=50, actions=(actions,))


def an_album(number: int, chat: str) -> Attachment:
    names = [f"{number}-{file}" for file in range(FILES)]
    album = an_attachment(*names, name=f"album-{number}", size=SIZE, place=Place("pigeon", chat))
    return replace(album, sender=Person("pigeon", f"member-{number}", "Eve"))


@pytest.mark.parametrize("chats", [1, ALBUMS])
async def test_albums_that_do_not_fit_together_are_each_fetched_once_and_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chats: int
) -> None:
    """They grew together until the spool was full, gave all back, and began again: for more than an hour, visible."""
    monkeypatch.setattr("lazaretto.turns.PATIENCE", 60 / SPEED * 5)  # five times the minute: machines stumble
    story, judged = Story(), asyncio.Queue[bool]()
    platform = SlowPlatform(story)

    async def settled(_attachment: Attachment, _decision: Decision | None, reports: Sequence[Report]) -> None:
        await judged.put(any(finding.rule == OVERLOADED.id for report in reports for finding in report.findings))

    async def pause(seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)

    conditions = Conditions(quotas=Quotas(spool=ROOM), sleep=pause)
    screener, store, vault = SpoolingScreener(story, tmp_path), FakeStore(story), FakeVault(story, tmp_path)
    pipeline = Pipeline(screener, platform, store, vault, OnePolicy(), settled, conditions)
    try:
        for number in range(ALBUMS):
            await pipeline.take(an_album(number, f"chat-{number % chats}"), "{}")
        async with asyncio.timeout(20):
            overloaded = Counter([await judged.get() for _ in range(ALBUMS)])
    finally:
        await pipeline.stop()
    assert overloaded == {False: ALBUMS}
    assert platform.fetched == ALBUMS * FILES * SIZE
