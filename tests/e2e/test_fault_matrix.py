"""The fault matrix: whatever goes wrong on the way, the same right end, each with its record in the audit log.

A program and a clean note are posted while something is broken. At the end the program is gone and has one case and
one card, the note has gone on once, nothing waits, and the log says what happened.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telegram.ext import Application

from e2e.conftest import Town
from e2e.files import NOTE, post_note, post_program
from e2e.host import Host, build, emptied, events, polling, until
from lazaretto.audit import AuditedStore, verify_database
from lazaretto.emulator import Message, Rights
from lazaretto.model import CaseState
from lazaretto.state.errors import StateUnwritable
from lazaretto.telegram.polling import JournalBot

_NO_RIGHT = {"error_code": 400, "description": "Bad Request: not enough rights to delete a message"}


@dataclass
class Scene:
    """A town with a host in it, what is broken, and what was posted."""

    town: Town
    host: Host
    bad: list[Message] = field(default_factory=list)
    good: list[Message] = field(default_factory=list)

    @property
    def faults(self) -> Any:
        return self.town.tg.faults

    async def post(self) -> None:
        self.bad.append(await post_program(self.town.group, self.town.eve))
        self.good.append(await post_note(self.town.group, self.town.ann))

    async def log(self) -> list[dict[str, Any]]:
        return await events((await self.host.guard.start()).store)

    async def store(self) -> AuditedStore:
        return (await self.host.guard.start()).store


Trouble = Callable[[Scene], Awaitable[None]]


async def bursts_of_429(scene: Scene) -> None:
    for method in ("deleteMessage", "sendMessage", "getFile"):
        scene.faults.fail(method, retry_after=1, times=2)
    await scene.post()


async def server_errors(scene: Scene) -> None:
    for method in ("deleteMessage", "sendMessage", "getFile"):
        scene.faults.fail(method, error_code=502, description="Bad Gateway", times=2)
    await scene.post()


async def answers_that_are_lost(scene: Scene) -> None:
    scene.faults.reset_connection("deleteMessage", late=True)
    await scene.post()


async def downloads_that_are_cut(scene: Scene) -> None:
    scene.faults.cut_download(5, times=2)
    await scene.post()


async def downloads_that_are_slow(scene: Scene) -> None:
    scene.faults.slow_download(100_000)
    await scene.post()


async def lengths_that_are_wrong(scene: Scene) -> None:
    scene.faults.misstate_length(len(NOTE) + 9, times=2)
    await scene.post()


async def updates_that_come_twice(scene: Scene) -> None:
    scene.faults.lose_confirmation(times=3)
    await scene.post()


async def an_update_that_cannot_be_parsed(scene: Scene) -> None:
    await scene.town.tg.inject_unparsable()
    await scene.post()


async def an_edit_during_the_screening(scene: Scene) -> None:
    hold = scene.faults.hold("getFile")
    scene.bad.append(await post_program(scene.town.group, scene.town.eve))
    await hold.reached()
    await scene.town.group.edit(scene.bad[0], caption="nothing to see here")
    scene.good.append(await post_note(scene.town.group, scene.town.ann))
    hold.release()


async def a_message_that_somebody_else_deletes(scene: Scene) -> None:
    hold = scene.faults.hold("getFile")
    scene.bad.append(await post_program(scene.town.group, scene.town.eve))
    await hold.reached()
    await scene.town.group.remove(scene.bad[0])
    scene.good.append(await post_note(scene.town.group, scene.town.ann))
    hold.release()


async def a_database_that_is_locked(scene: Scene) -> None:
    database = scene.town.state / "lazaretto.db"
    other = sqlite3.connect(database, isolation_level=None, timeout=20, check_same_thread=False)
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
    try:
        await scene.post()
        await asyncio.sleep(1)
    finally:
        other.execute("ROLLBACK")
        other.close()


async def a_disk_that_is_full(scene: Scene) -> None:
    """Every write to the database fails for a while, as it does on a full disk."""
    writer = (await scene.store()).state.writer
    honest, failures = writer.do, 0

    async def full(*arguments: Any, **named: Any) -> Any:
        nonlocal failures
        failures += 1
        if failures <= 4:
            raise StateUnwritable("the state database cannot be written: disk I/O error")
        return await honest(*arguments, **named)

    writer.do = full  # type: ignore[method-assign]
    await scene.post()


async def a_clock_that_jumps(scene: Scene) -> None:
    store, clock = await scene.store(), _Clock()
    store._clock = clock
    scene.faults.fail("deleteMessage", retry_after=1, times=1)
    scene.bad.append(await post_program(scene.town.group, scene.town.eve))
    await scene.host.done(event="attempted", kind="remove")
    clock.offset = timedelta(days=-3)
    scene.good.append(await post_note(scene.town.group, scene.town.ann))


class _Clock:
    offset = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.offset


MATRIX: dict[str, tuple[Trouble, dict[str, Any]]] = {
    "bursts of 429": (bursts_of_429, {"event": "attempted", "kind": "remove"}),
    "5xx": (server_errors, {"event": "unknown", "kind": "remove"}),
    "answers that are lost": (answers_that_are_lost, {"event": "unknown", "kind": "remove"}),
    "cut downloads": (downloads_that_are_cut, {"event": "screened"}),
    "slow downloads": (downloads_that_are_slow, {"event": "screened"}),
    "wrong lengths": (lengths_that_are_wrong, {"event": "screened"}),
    "updates that come twice": (updates_that_come_twice, {"event": "received"}),
    "unparsable updates": (an_update_that_cannot_be_parsed, {"event": "received"}),
    "edited during screening": (an_edit_during_the_screening, {"event": "done", "kind": "remove"}),
    "deleted by somebody else": (a_message_that_somebody_else_deletes, {"event": "done", "kind": "remove"}),
    "database locked": (a_database_that_is_locked, {"event": "received"}),
    "disk full": (a_disk_that_is_full, {"event": "received"}),
    "clock jump": (a_clock_that_jumps, {"event": "done", "kind": "remove"}),
}


@asynccontextmanager
async def played(town: Town, trouble: Trouble) -> AsyncIterator[Scene]:
    """The trouble, in a host that keeps a journal as `lazaretto run` does."""
    bot = JournalBot(town.tg.token, base_url=town.tg.base_url, base_file_url=town.tg.base_file_url)
    host = build(town.tg, town.config(), lambda _: Application.builder().bot(bot), journal=True)
    async with polling(host):
        scene = Scene(town, host)
        await trouble(scene)
        yield scene


@pytest.mark.parametrize(("trouble", "record"), MATRIX.values(), ids=MATRIX)
async def test_the_end_is_right_and_the_log_says_what_happened(
    town: Town, trouble: Trouble, record: dict[str, Any]
) -> None:
    async with played(town, trouble) as scene:
        await until(lambda: all(bad.deleted for bad in scene.bad), 20.0)
        for good in scene.good:
            await scene.host.saw(good)
        card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""), 20.0)
        await scene.host.done(**record)
        store = await scene.store()
        await emptied(store.pending, 20.0)
        await until(lambda: _nothing_due(store), 20.0)
        log = await scene.log()

        assert [(case.id, case.state) for case in await store.cases()] == [(1, CaseState.OPEN)]
        assert all(scene.host.times_seen(good) == 1 for good in scene.good)
        assert not any(scene.host.times_seen(bad) for bad in scene.bad)
        assert not any(good.deleted for good in scene.good)
        shown = [m for m in town.moderators.messages if "holiday.jpg" in (m.text or "")]
        assert shown[0] is card
        assert all("may have seen this card" in (m.text or "") for m in shown[1:])
        assert [r["event"] for r in log].count("decided") == len(scene.bad) + len(scene.good)
        assert [r["event"] for r in log].count("opened") == 1
    assert (await verify_database(town.state)).fault is None


async def _nothing_due(store: AuditedStore) -> bool:
    return not await store.due()


async def test_rights_that_are_revoked_midway_leave_a_record_an_alarm_and_a_case(town: Town) -> None:
    async def revoked(scene: Scene) -> None:
        hold = scene.faults.hold("getFile")
        scene.bad.append(await post_program(town.group, town.eve))
        await hold.reached()
        town.group.set_standing(town.tg.bot, "administrator", Rights(can_pin_messages=True))
        hold.release()

    async with played(town, revoked) as scene:
        record = await scene.host.done(event="failed", kind="remove")
        assert record["case"] == 1
        await scene.host.done(event="alarm", cause="rights")
        card = await town.moderators.wait_for(lambda m: "could not be removed" in (m.text or ""))
        assert not scene.bad[0].deleted
        town.group.set_standing(town.tg.bot, "administrator", Rights.full())
        # A moderator confirms, and it is removed after all.
        await (await town.tg.press(town.mila, card, "Confirm")).answered()
        await town.tg.wait_until(lambda: scene.bad[0].deleted)
