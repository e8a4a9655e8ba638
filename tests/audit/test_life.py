"""The bot's own life in the log: when it was away, and what it had to set aside."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.samples import ANN, MOD, Clock, attachment
from audit.test_erasure import found_in
from lazaretto.audit import AuditedStore, Event, export, records, verify_database
from lazaretto.audit.life import SIGN_SECONDS
from lazaretto.model import Person
from lazaretto.state import DATABASE
from lazaretto.state.codec import rfc3339
from lazaretto.state.errors import StateUnwritable

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAW = json.dumps(
    {"update_id": 9, "message": {"from": {"id": int(ANN.id), "first_name": ANN.name}, "text": "hush-hush"}}
)


async def log(store: AuditedStore) -> list[dict[str, Any]]:
    return await store.state.read(records)


async def gaps(store: AuditedStore) -> list[tuple[str, str]]:
    found = [record["data"] for record in await log(store) if record["event"] == Event.GAP]
    return [(data["since"], data["until"]) for data in found]


# ── gaps ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_first_start_is_no_gap(store: AuditedStore) -> None:
    await store.began("1")
    assert await gaps(store) == []


async def test_a_quick_restart_is_no_gap(store: AuditedStore, clock: Clock) -> None:
    await store.began("1")
    await store.ended()
    clock.forward(seconds=2 * SIGN_SECONDS)
    await store.began("1")
    assert await gaps(store) == []


async def test_the_time_from_a_stop_to_the_next_start_is_a_gap(store: AuditedStore, clock: Clock) -> None:
    await store.began("1")
    clock.forward(hours=1)
    await store.ended()
    clock.forward(minutes=5)
    await store.began("1")
    assert await gaps(store) == [(rfc3339(NOON + timedelta(hours=1)), rfc3339(clock.now))]
    kinds = [one["event"] for one in await log(store)]
    assert kinds == ["started", "stopped", "gap", "started"]


async def test_after_a_crash_the_gap_begins_with_the_last_sign_of_life(store: AuditedStore, clock: Clock) -> None:
    await store.began("1")
    clock.forward(hours=1)
    await store.alive()
    clock.forward(seconds=SIGN_SECONDS - 1)  # and here it dies
    clock.forward(minutes=5)
    await store.began("1")
    assert await gaps(store) == [(rfc3339(NOON + timedelta(hours=1)), rfc3339(clock.now))]


async def test_a_sign_of_life_is_no_record(store: AuditedStore) -> None:
    await store.began("1")
    for _ in range(3):
        await store.alive()
    assert len(await log(store)) == 1


@pytest.mark.parametrize("step", [-3 * 86400, -3, 3, 86400])
async def test_a_clock_that_is_set_while_it_runs_is_one_record(store: AuditedStore, clock: Clock, step: int) -> None:
    await store.began("1")
    clock.forward(seconds=step)
    for _ in range(3):
        await store.alive()
    told = [record["data"] for record in await log(store) if record["event"] == Event.CLOCK_SET]
    assert told == [{"by": step}]


async def test_a_clock_that_is_set_right_by_a_little_is_no_record(store: AuditedStore, clock: Clock) -> None:
    await store.began("1")
    for step in (-1.5, 1.5):
        clock.forward(seconds=step)
        await store.alive()
    assert [record["event"] for record in await log(store)] == ["started"]


async def test_a_step_of_the_clock_that_cannot_be_recorded_is_recorded_with_the_next_sign(
    store: AuditedStore, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.began("1")
    clock.forward(hours=1)

    async def full(*_: Any, **__: Any) -> None:
        raise StateUnwritable("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(store.state.writer, "do", full)
        with pytest.raises(StateUnwritable):
            await store.alive()
    await store.alive()
    assert [record["data"] for record in await log(store)][1:] == [{"by": 3600}]


async def test_a_sign_of_life_is_durable(store: AuditedStore, folder: Path, clock: Clock) -> None:
    await store.began("1")
    clock.forward(hours=1)
    await store.alive()
    copy = folder.with_name("copy")
    copy.mkdir(mode=0o700)
    for file in folder.glob(f"{DATABASE}*"):  # as a crash would leave it, log included
        (copy / file.name).write_bytes(file.read_bytes())
    clock.forward(hours=1)
    async with AuditedStore.open(copy, clock=clock) as after:
        await after.began("1")
        assert await gaps(after) == [(rfc3339(NOON + timedelta(hours=1)), rfc3339(clock.now))]


async def test_a_database_without_a_sign_of_life_has_the_newest_record_for_one(
    store: AuditedStore, clock: Clock
) -> None:
    await store.record(Event.STARTED, {"version": "before there were signs"})
    await store.take_in(attachment(), "{}")
    clock.forward(hours=2)
    await store.began("1")
    assert await gaps(store) == [(rfc3339(NOON), rfc3339(clock.now))]


@pytest.mark.parametrize("ahead", [timedelta(minutes=1), timedelta(days=400)])
async def test_a_clock_that_was_ahead_hides_no_gap_and_makes_no_negative_one(
    store: AuditedStore, clock: Clock, ahead: timedelta
) -> None:
    await store.began("1")
    clock.forward(minutes=10)
    await store.take_in(attachment(), "{}")
    clock.now += ahead
    for number in range(2, 6):
        await store.take_in(attachment(number), "{}")
    await store.alive()
    clock.now = NOON + timedelta(minutes=10, seconds=30)  # set right while it was away
    await store.began("1")
    # Within that time it lived for a while. How long, no clock tells.
    assert await gaps(store) == [(rfc3339(NOON + timedelta(minutes=10)), rfc3339(clock.now))]


async def test_a_clock_that_is_before_all_records_makes_a_gap_of_unknown_length(
    store: AuditedStore, clock: Clock
) -> None:
    await store.began("1")
    clock.now = NOON - timedelta(days=1)
    await store.began("1")
    assert await gaps(store) == [(rfc3339(clock.now), rfc3339(clock.now))]


async def test_a_clock_that_is_set_back_a_little_is_no_gap(store: AuditedStore, clock: Clock) -> None:
    await store.began("1")
    clock.forward(seconds=-2)
    await store.began("1")
    assert await gaps(store) == []


async def test_a_clock_that_jumps_ahead_is_a_gap_and_the_log_is_whole(
    store: AuditedStore, clock: Clock, folder: Path
) -> None:
    await store.began("1")
    await store.ended()
    clock.forward(days=400)
    await store.began("1")
    clock.forward(days=-400)
    await store.ended()
    assert len(await gaps(store)) == 1
    assert (await verify_database(folder)).fault is None


# ── updates that were set aside ───────────────────────────────────────────────────────────────────────────────────


async def annexes(store: AuditedStore) -> list[str]:
    lines = await store.state.read(lambda connection: list(export(connection, personal=True)))
    return [json.loads(line)["json"] for line in lines if "salt" in json.loads(line)]


async def test_an_update_is_set_aside_once_as_it_came_and_provably_so(store: AuditedStore) -> None:
    assert await store.set_update_aside("9", "unreadable", RAW, None) is True
    assert await store.set_update_aside("9", "unreadable", RAW, None) is False
    (record,) = await log(store)
    assert record["event"] == "update-set-aside"
    assert (record["data"]["update"], record["data"]["why"], record["subject"]) == ("9", "unreadable", None)
    assert ANN.name not in json.dumps(record, ensure_ascii=False)
    (annex,) = await annexes(store)
    assert json.loads(json.loads(annex)) == json.loads(RAW)


async def test_updates_without_a_number_are_set_aside_each(store: AuditedStore) -> None:
    assert await store.set_update_aside(None, "no number", "7", None) is True
    assert await store.set_update_aside(None, "no number", "8", None) is True
    assert [record["data"]["update"] for record in await log(store)] == [None, None]


@pytest.mark.parametrize("sender", [ANN, MOD, None], ids=["of hers", "of somebody's who quotes her", "nobody's"])
async def test_erasing_a_person_erases_what_was_set_aside_of_them(
    store: AuditedStore, folder: Path, sender: Person | None
) -> None:
    await store.take_in(attachment(), "{}")
    await store.set_update_aside("9", "unreadable", RAW, sender)
    await store.set_update_aside(
        "10", "unreadable", RAW.replace(ANN.id, f"{ANN.id}7").replace("hush-hush", "mine"), None
    )
    await store.erase(ANN.platform, ANN.id)
    kept = await annexes(store)
    assert [json.loads(json.loads(one))["message"]["text"] for one in kept] == ["mine"]
    assert not found_in(folder, ("hush-hush",))
    assert (await verify_database(folder)).fault is None


async def test_an_update_of_any_text_can_be_set_aside(store: AuditedStore) -> None:
    odd = Person("telegram", "\ud800", "\udfff\x00", None)
    assert await store.set_update_aside("9", "\ud800", "\ud800\x00'%_\\", odd) is True
    assert await store.erase(odd.platform, odd.id) is not None
