"""A purged record leaves a tombstone: the log verifies, and a removal that no purge answers for is found."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from audit.samples import ANN, Clock, decide
from lazaretto.audit import AuditedStore, Event, Head, Kind, export, purge, records, verify_database, verify_file
from lazaretto.audit.chain import Graves, link, tombstone_of
from lazaretto.model import Action, Place
from lazaretto.state import DATABASE
from lazaretto.state.codec import canonical
from lazaretto.state.retention import Room

GROUP, OTHER = Place("telegram", "-1001234"), Place("telegram", "-1005")

Line = dict[str, object]


async def purged_log(store: AuditedStore, clock: Clock) -> None:
    """Records 1 to 4 of one group, 5 to 8 of another, again 9 to 12 and 13 to 16; 17 purges the first group's.

    Record 18 is behind all of it.
    """
    for number in range(1, 5):
        await decide(store, Action.FORWARD, number=number, place=GROUP if number % 2 else OTHER)
        await store.finished(f"att-{number}")
    clock.forward(days=3)
    room = Room("telegram", GROUP.chat)
    page = await store.state.read(lambda c: purge.look(c, room, clock.now, 0))
    assert page == purge.Page((1, 2, 3, 4, 9, 10, 11, 12), None, 16, False)
    await store.write(lambda ledger: purge.events(ledger, room, ledger.now, page.due, page.upto))
    await store.record(Event.STOPPED, {})


@pytest.fixture
async def log(store: AuditedStore, clock: Clock) -> list[bytes]:
    await purged_log(store, clock)
    return await store.state.read(lambda c: [line.removesuffix(b"\n") for line in export(c)])


async def fault_of(tmp_path: Path, lines: list[bytes]) -> tuple[int, Kind] | None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    fault = (await verify_file(path)).fault
    return None if fault is None else (fault.seq, fault.kind)


async def test_a_purged_log_verifies_and_says_how_much_is_purged(
    store: AuditedStore, log: list[bytes], folder: Path, tmp_path: Path
) -> None:
    verdict = await verify_database(folder, Head.parse(await store.head()))
    assert (verdict.fault, verdict.records, verdict.purged) == (None, 18, 8)
    assert await fault_of(tmp_path, log) is None


async def test_a_tombstone_holds_no_more_than_its_place_in_the_chain(log: list[bytes]) -> None:
    assert json.loads(log[0]).keys() == {"seq", "time", "prev", "hash", "purged"}
    assert json.loads(log[0])["hash"] == json.loads(log[1])["prev"]
    purged = json.loads(log[16])
    assert purged["chat"] == "telegram:-1001234"
    assert purged["data"]["ranges"] == [[1, 4], [9, 12]]
    assert purged["data"]["records"] == 8


async def test_a_head_noted_before_the_purge_still_proves_its_record(
    store: AuditedStore, clock: Clock, folder: Path
) -> None:
    await decide(store, Action.FORWARD, number=1, place=GROUP)
    await store.finished("att-1")
    noted = Head.parse(await store.head())
    clock.forward(days=3)
    room = Room("telegram", GROUP.chat)
    await store.write(lambda ledger: purge.events(ledger, room, ledger.now, (1, 2, 3, 4), 4))
    assert (await verify_database(folder, noted)).fault is None
    fault = (await verify_database(folder, Head(noted.seq, "0" * 64))).fault
    assert fault is not None
    assert fault.kind is Kind.UNEXPECTED


# ── What somebody with access to the file could do ────────────────────────────────────────────────────────────────────


def buried(lines: list[bytes], seq: int, by: int) -> list[bytes]:
    """Record `seq` with a tombstone in its place, for which `by` would have to answer."""
    left = canonical(tombstone_of(lines[seq - 1], by))
    return [*lines[: seq - 1], left, *lines[seq:]]


def altered(lines: list[bytes], seq: int, **fields: object) -> list[bytes]:
    return [*lines[: seq - 1], canonical({**json.loads(lines[seq - 1]), **fields}), *lines[seq:]]


def hidden_change(lines: list[bytes]) -> list[bytes]:
    """Record 8 changed, and the tombstone behind it made to attest that."""
    changed = altered(lines, 8, subject="somebody else")
    return altered(changed, 9, prev=link(changed[7]))


def rewritten(lines: list[bytes], first: int, **data: object) -> list[bytes]:
    """What record `first` says changed, and everything behind it linked anew."""
    made = list(lines)
    record = json.loads(made[first - 1])
    made[first - 1] = canonical({**record, "data": record["data"] | data})
    for index in range(first, len(made)):
        made[index] = canonical({**json.loads(made[index]), "prev": link(made[index - 1])})
    return made


@pytest.mark.parametrize(
    ("forge", "seq", "kind"),
    [
        (lambda log: buried(log, 6, 17), 6, Kind.REMOVED),  # of a purge that does not name it
        (lambda log: buried(log, 6, 18), 6, Kind.REMOVED),  # of a record that is no purge
        (lambda log: buried(log, 6, 400), 6, Kind.REMOVED),  # of none at all
        (lambda log: buried(log, 6, 2), 6, Kind.REMOVED),  # of one before it
        (lambda log: buried(log, 18, 19), 18, Kind.REMOVED),  # the newest
        (lambda log: buried(log, 17, 18), 17, Kind.REMOVED),  # the purge itself
        (lambda log: [*log[:1], *log[2:]], 2, Kind.REMOVED),  # the tombstone, too
        (lambda log: altered(log, 3, hash="0" * 64), 3, Kind.CHANGED),
        (lambda log: altered(log, 3, prev="0" * 64), 2, Kind.CHANGED),
        (lambda log: altered(log, 3, time="2026-03-01T11:00:00.000000Z"), 3, Kind.CHANGED),
        (lambda log: altered(log, 3, purged="17"), 3, Kind.CHANGED),
        (lambda log: altered(log, 3, hash=None), 3, Kind.CHANGED),
        (lambda log: altered(log, 3, secret="x"), 3, Kind.CHANGED),
        (hidden_change, 1, Kind.CHANGED),  # one of those that record 17 answers for is not as it says
        (lambda log: rewritten(log, 17, ranges=None), 1, Kind.REMOVED),
        (lambda log: rewritten(log, 17, digest="0" * 64), 1, Kind.CHANGED),
        (lambda log: rewritten(log, 17, until="2026-01-01T00:00:00.000000Z"), 17, Kind.CHANGED),
    ],
)
async def test_a_removal_that_no_purge_answers_for_is_found(
    log: list[bytes], tmp_path: Path, forge: Callable[[list[bytes]], list[bytes]], seq: int, kind: Kind
) -> None:
    assert await fault_of(tmp_path, forge(log)) == (seq, kind)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:
    async def write() -> list[bytes]:
        clock = Clock()
        async with AuditedStore.open(tmp_path_factory.mktemp("log"), clock=clock) as store:
            await purged_log(store, clock)
            return await store.state.read(lambda c: [line.removesuffix(b"\n") for line in export(c)])

    return asyncio.run(write())


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_a_purged_log_is_found(
    written: list[bytes], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(written) - 2))  # the newest is attested by nobody
    raw = written[position]
    at = data.draw(st.integers(0, len(raw) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b not in (raw[at], 0x0A)))
    changed = [*written[:position], raw[:at] + bytes([byte]) + raw[at + 1 :], *written[position + 1 :]]
    assert asyncio.run(fault_of(tmp_path_factory.getbasetemp(), changed)) is not None


# ── What the database refuses ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "change",
    [
        lambda left: {**left, "purged": 18},  # no purge
        lambda left: {**left, "purged": 400},
        lambda left: {**left, "purged": None},
        lambda left: {**left, "prev": "0" * 64},
        lambda left: {**left, "time": "2026-03-02T12:00:00.000000Z"},
        lambda left: {**left, "seq": 7},
        lambda left: {**left, "more": 1},
        lambda left: {"event": "started"},
    ],
)
async def test_the_database_takes_nothing_but_a_records_own_tombstone(
    store: AuditedStore, log: list[bytes], change: Callable[[Line], Line]
) -> None:
    left = canonical(change(tombstone_of(log[5], 17)))
    update = "UPDATE audit SET record = ? WHERE seq = 6"
    with pytest.raises(IntegrityError, match="never changed"):
        await store.state.writer.do(lambda connection: connection.exec_driver_sql(update, (left,)).rowcount)


@pytest.mark.parametrize("seq", [3, 17])
async def test_a_tombstone_and_a_purge_of_records_stay_as_they_are(
    store: AuditedStore, log: list[bytes], seq: int
) -> None:
    left = canonical({**tombstone_of(log[16], 17), "seq": seq, "prev": json.loads(log[seq - 1])["prev"]})
    with pytest.raises(IntegrityError, match="never changed"):
        await store.state.writer.do(
            lambda c: c.exec_driver_sql("UPDATE audit SET record = ? WHERE seq = ?", (left, seq)).rowcount
        )


async def test_a_record_that_is_no_json_is_never_changed(store: AuditedStore, log: list[bytes], folder: Path) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute("INSERT INTO audit VALUES (19, x'00')")
    with pytest.raises(IntegrityError, match="never changed"):
        await store.state.writer.do(
            lambda c: c.exec_driver_sql("UPDATE audit SET record = x'01' WHERE seq = 19").rowcount
        )


async def test_purged_records_are_not_among_the_records(store: AuditedStore, log: list[bytes]) -> None:
    left = await store.state.read(records)
    assert [record["seq"] for record in left] == [5, 6, 7, 8, 13, 14, 15, 16, 17, 18]
    assert await store.subject_of(ANN.platform, ANN.id) is not None


def test_graves_are_counted_and_ranged_in_order() -> None:
    graves = Graves()
    for seq in (3, 4, 5, 9):
        graves.add({"seq": seq, "time": f"t{seq}", "prev": "p", "hash": "h"})
    assert (graves.data["records"], graves.data["ranges"], graves.latest) == (4, [[3, 5], [9, 9]], "t9")
