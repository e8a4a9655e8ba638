"""The fault matrix: whatever goes wrong on the way, the same right end, and records that say which fault it was.

A program and a clean note are posted while something is broken. At the end the program is gone and has one case and
one card, the note has gone on once, nothing waits, and the log tells what was broken to somebody who has nothing else.
"""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from telegram import Update
from telegram.ext import Application

from e2e.conftest import Town
from e2e.files import NOTE, PROGRAM, post_note, post_program
from e2e.host import Host, build, emptied, events, polling, until
from lazaretto.audit import AuditedStore, verify_database
from lazaretto.emulator import Message, Rights
from lazaretto.model import CaseState
from lazaretto.rules import OVERLOADED
from lazaretto.screening.spool import Spool
from lazaretto.state.errors import StateUnwritable
from lazaretto.telegram.polling import JournalBot


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
    scene.faults.slow_download(50, times=2)
    await scene.post()


async def lengths_that_are_wrong(scene: Scene) -> None:
    scene.faults.misstate_length(len(NOTE) + 9, times=2)
    await scene.post()


async def updates_that_come_twice(scene: Scene) -> None:
    scene.faults.lose_confirmation(times=3)
    await scene.post()
    metrics = scene.host.guard.metrics.registry
    await until(lambda: bool(metrics.get_sample_value("lazaretto_updates_total", {"outcome": "repeated"})))


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


async def another_file_during_the_screening(scene: Scene) -> None:
    hold = scene.faults.hold("getFile")
    note = await post_note(scene.town.group, scene.town.eve)
    await hold.reached()
    program = scene.town.tg.attach("document", PROGRAM, name="holiday.jpg", mime_type="image/jpeg")
    await scene.town.group.edit(note, **program)
    scene.bad.append(note)
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
    store, database = await scene.store(), scene.town.state / "lazaretto.db"
    other = sqlite3.connect(database, isolation_level=None, timeout=20, check_same_thread=False)
    await asyncio.to_thread(other.execute, "BEGIN IMMEDIATE")
    try:
        await scene.post()
        await until(lambda: _alarms(scene, "database") == 1, 20.0)
        assert not [record for record in await events(store) if record["event"] == "alarm"]
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


def _alarms(scene: Scene, cause: str) -> float | None:
    return scene.host.guard.metrics.registry.get_sample_value("lazaretto_alarms", {"cause": cause})


Record = dict[str, Any]
Says = Callable[[Any], bool]


def broke_off(why: str) -> Record:
    """A file was looked at, of which a download broke off for this reason."""
    return {"event": "screened", "parts": lambda parts: why in " ".join(parts[0].get("broke_off", ()))}


def saying(*words: str) -> Says:
    return lambda text: all(word in text for word in words)


TOLD: Record = {"event": "alarm", "cause": "database", "on": True}
OVER: Record = {"event": "alarm", "cause": "database", "on": False}
CAME_AGAIN: Record = {"event": "coverage", "updates": lambda counts: counts.get("repeated", 0) >= 1}

MATRIX: dict[str, tuple[Trouble, list[Record]]] = {
    "bursts of 429": (
        bursts_of_429,
        [
            {"event": "postponed", "kind": "remove", "seconds": 1},
            {"event": "postponed", "kind": "card", "seconds": 1},
            broke_off("RetryAfter"),
        ],
    ),
    "5xx": (
        server_errors,
        [
            {"event": "unknown", "kind": "remove", "why": saying("Bad Gateway")},
            {"event": "unknown", "kind": "card", "why": saying("Bad Gateway")},
            broke_off("getFile: NetworkError"),
        ],
    ),
    "answers that are lost": (
        answers_that_are_lost,
        [
            {"event": "unknown", "kind": "remove", "why": saying("connection failed")},
            {"event": "done", "kind": "remove", "result": "already gone"},
        ],
    ),
    "cut downloads": (downloads_that_are_cut, [broke_off(f"before {len(PROGRAM)} bytes had come")]),
    "slow downloads": (downloads_that_are_slow, [broke_off("too slow")]),
    "wrong lengths": (lengths_that_are_wrong, [broke_off(f"before {len(NOTE) + 9} bytes had come")]),
    "updates that come twice": (updates_that_come_twice, [CAME_AGAIN]),
    "unparsable updates": (
        an_update_that_cannot_be_parsed,
        [{"event": "update-unreadable", "why": "KeyError", "judged": False}],
    ),
    "edited during screening": (an_edit_during_the_screening, [CAME_AGAIN]),
    "another file during screening": (another_file_during_the_screening, [{"event": "received", "edited": True}]),
    "deleted by somebody else": (
        a_message_that_somebody_else_deletes,
        [{"event": "done", "kind": "remove", "result": "already gone"}],
    ),
    "database locked": (a_database_that_is_locked, [TOLD | {"why": saying("locked")}, OVER]),
    "disk full": (a_disk_that_is_full, [TOLD | {"why": saying("disk I/O error"), "since": bool}, OVER]),
    "clock jump": (a_clock_that_jumps, [{"event": "clock-set", "by": -3 * 24 * 3600}]),
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes half a minute, or ten seconds, is over in half of one."""
    monkeypatch.setattr("lazaretto.telegram.download.PACE_WINDOW", 0.4)
    monkeypatch.setattr("lazaretto.state.database.BUSY_SECONDS", 0.5)
    monkeypatch.setattr("lazaretto.telegram.runtime.SIGN_SECONDS", 0.3)


@asynccontextmanager
async def played(town: Town, trouble: Trouble, config: dict[str, Any] | None = None) -> AsyncIterator[Scene]:
    """The trouble, in a host that keeps a journal as `lazaretto run` does."""
    bot = JournalBot(town.tg.token, base_url=town.tg.base_url, base_file_url=town.tg.base_file_url)
    host = build(town.tg, config or town.config(), lambda _: Application.builder().bot(bot), journal=True)
    async with polling(host):
        scene = Scene(town, host)
        await trouble(scene)
        yield scene


@pytest.mark.parametrize(("trouble", "said"), MATRIX.values(), ids=MATRIX)
async def test_the_end_is_right_and_the_log_says_which_fault_it_was(
    town: Town, trouble: Trouble, said: list[Record]
) -> None:
    async with played(town, trouble) as scene:
        await until(lambda: all(bad.deleted for bad in scene.bad), 20.0)
        for good in scene.good:
            await scene.host.saw(good)
        card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""), 20.0)
        store = await scene.store()
        await emptied(store.pending, 20.0)
        await until(lambda: _nothing_due(store), 20.0)
        for record in said:
            if record["event"] != "coverage":  # which is written at the stop
                await until(partial(_is_said, store, record))

        assert [(case.id, case.state) for case in await store.cases()] == [(1, CaseState.OPEN)]
        assert all(scene.host.times_seen(good) == 1 for good in scene.good)
        assert "holiday.jpg" not in [_name_in(update) for update in scene.host.updates.all]
        assert not any(good.deleted for good in scene.good)
        shown = [m for m in town.moderators.messages if "holiday.jpg" in (m.text or "")]
        assert shown[0] is card
        assert all("may have seen this card" in (m.text or "") for m in shown[1:])
    async with AuditedStore.open(town.state) as store:
        log = await events(store)
    for record in said:
        assert any(_fits(one, record) for one in log), record
    received, decided = ([r for r in log if r["event"] == event] for event in ("received", "decided"))
    assert len(decided) == len(received) >= len(scene.bad) + len(scene.good)
    assert [r["event"] for r in log].count("opened") == 1
    assert (await verify_database(town.state)).fault is None


async def test_without_a_fault_no_record_speaks_of_one(town: Town) -> None:
    async with played(town, Scene.post) as scene:
        await until(lambda: all(bad.deleted for bad in scene.bad), 20.0)
        await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""), 20.0)
        await scene.host.saw(scene.good[0])
        await emptied((await scene.store()).pending, 20.0)
    async with AuditedStore.open(town.state) as store:
        log = await events(store)
    assert not [(record, name) for name, (_, said) in MATRIX.items() for record in log if _fits(record, said[0])]


def _fits(record: Record, wanted: Record) -> bool:
    told = record | record["data"]
    return all(
        name in told and (value(told[name]) if callable(value) else told[name] == value)
        for name, value in wanted.items()
    )


def _name_in(update: Update) -> str | None:
    message = update.effective_message
    return None if message is None or message.document is None else message.document.file_name


async def _is_said(store: AuditedStore, wanted: Record) -> bool:
    return any(_fits(record, wanted) for record in await events(store))


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


async def test_files_that_no_room_is_made_for_are_decided_by_the_fail_policy_and_the_alarm_lasts_until_there_is(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Spool.take

    def full(_spool: Spool, _count: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(town.state / "spool"))

    async def no_room(scene: Scene) -> None:
        monkeypatch.setattr("lazaretto.shortage.PATIENCE", 1.0)
        monkeypatch.setattr(Spool, "take", full)
        await scene.post()

    config = town.config(actions={OVERLOADED.id: "quarantine"})
    async with played(town, no_room, config) as scene:
        await until(lambda: scene.bad[0].deleted and scene.good[0].deleted, 20.0)
        card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""), 20.0)
        assert "no room for this one" in (card.text or "")
        assert str(town.folder) not in (card.text or "")
        for posted in (*scene.bad, *scene.good):
            verdict = await scene.host.verdict(posted)
            (found,) = [f for f in verdict.reports[0].findings if f.rule == OVERLOADED.id]
            assert found.seen == "No space left on device"
        await scene.host.done(event="alarm", cause="disk", on=True)
        assert _alarms(scene, "disk") == 1
        monkeypatch.setattr(Spool, "take", honest)
        await scene.host.saw(await post_note(town.group, town.ann))
        await scene.host.done(event="alarm", cause="disk", on=False)
        log = await events(await scene.store())
    assert [record["rules"].count(OVERLOADED.id) for record in log if record["event"] == "screened"] == [1, 1, 0]
