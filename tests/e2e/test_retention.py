"""In the running bot: a file whose time is over leaves the vault, and its card says so."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

from e2e.conftest import Town
from e2e.files import post_program
from e2e.host import emptied, until
from lazaretto.audit import verify_database
from lazaretto.model import CaseState
from lazaretto.state import DATABASE
from lazaretto.state.codec import rfc3339


def age(town: Town, days: int) -> None:
    """Everything is as old as if the bot had run for so long since."""
    now = datetime.now(UTC)
    then = rfc3339(now - timedelta(days=days))
    with closing(sqlite3.connect(town.state / DATABASE)) as connection, connection:
        connection.execute("UPDATE attachments SET received_at = ?, posted_at = ?", (then, then))
        connection.execute("REPLACE INTO retention VALUES ('clock', ?)", (rfc3339(now),))


def items(town: Town) -> list[str]:
    return [path.name for path in (town.state / "vault").glob("*.age")]


async def test_a_file_is_shredded_at_the_start_and_its_card_says_expired(town: Town) -> None:
    async with town.host() as host:
        posted = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: posted.deleted)
        await host.done(event="done", kind="card")
    assert len(items(town)) == 1
    age(town, 29)
    async with town.host() as host:
        await host.settled(town.group, town.ann)
    assert len(items(town)) == 1
    age(town, 32)
    async with town.host() as host:
        await until(lambda: not items(town))
        (purge,) = [await host.done(event="purged", kind="files")]
        await host.done(event="done", kind="update-card")
        store = (await host.guard.start()).store
        await emptied(store.to_shred)  # the file goes first, and is written down as gone after that
        (case,) = await store.cases()
    assert case.state is CaseState.EXPIRED
    assert case.sealed == ()
    assert purge["data"]["items"] == 1
    shown = town.moderators.messages[-1].text or ""
    assert "expired" in shown
    assert (await verify_database(town.state)).fault is None


async def test_a_group_may_keep_its_files_for_longer(town: Town) -> None:
    keep = {"keep.files": "1 year", "keep.personal": "1 year"}
    async with town.host(**keep) as host:
        posted = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: posted.deleted)
        await host.done(event="done", kind="card")
    age(town, 200)
    async with town.host(**keep) as host:
        await host.settled(town.group, town.ann)
        await host.done(event="started")
    assert len(items(town)) == 1
