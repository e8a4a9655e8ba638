"""The hash chain: every change of what was recorded is found, and at the right record."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool

from audit.samples import Clock
from lazaretto.audit import (
    AuditedStore,
    Event,
    Fault,
    Head,
    Kind,
    Ledger,
    export,
    records,
    verify_database,
    verify_file,
)
from lazaretto.audit.chain import GENESIS, link
from lazaretto.state import DATABASE
from lazaretto.state.codec import canonical
from lazaretto.state.schema import metadata

LENGTH = 9
POSTED = "2026-03-01T11:59:00.000000Z"


def written(length: int) -> list[bytes]:
    """Records as the ledger writes them."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.begin() as connection:
        ledger = Ledger(connection, datetime(2026, 3, 1, tzinfo=UTC))
        for number in range(length):
            data = {"kind": "document", "message": str(number), "parts": 1, "posted_at": POSTED, "private": False}
            ledger.append(
                Event.RECEIVED,
                {**data, "personal": "0" * 64},
                chat="telegram:-100",
                attachment=f"att-{number}",
                subject="Üx",
                rules=["pdf.x"],
            )
        stored = [line.removesuffix(b"\n") for line in export(connection)]
    engine.dispose()
    return stored


RECORDS = written(LENGTH)
HEAD = Head(LENGTH, link(RECORDS[-1]))


def verified(exports: Path, lines: list[bytes], expect: Head | None = HEAD, end: bytes = b"\n") -> Fault | None:
    path = exports / "log.jsonl"
    path.write_bytes(b"\n".join(lines) + (end if lines else b""))
    return asyncio.run(verify_file(path, expect)).fault


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("chain")


positions = st.integers(0, LENGTH - 1)


def test_a_whole_chain_is_whole(exports: Path) -> None:
    assert verified(exports, RECORDS) is None
    assert verified(exports, RECORDS, expect=None) is None
    assert verified(exports, RECORDS, expect=Head(4, link(RECORDS[3]))) is None
    assert verified(exports, [], expect=None) is None


def test_the_first_record_follows_64_zeros_and_the_next_its_bytes() -> None:
    assert json.loads(RECORDS[0])["prev"] == "0" * 64 == GENESIS
    assert json.loads(RECORDS[1])["prev"] == link(RECORDS[0])


def test_a_record_is_canonical_json_with_exactly_the_published_fields() -> None:
    record = json.loads(RECORDS[4])
    fields = ["attachment", "case", "chat", "data", "event", "prev", "rules", "seq", "subject", "time", "v"]
    assert list(record) == fields
    assert canonical(record) == RECORDS[4]
    assert "Üx".encode() in RECORDS[4]


@settings(max_examples=300, deadline=None)
@given(position=positions, data=st.data())
def test_any_changed_byte_is_found_at_its_record(exports: Path, position: int, data: st.DataObject) -> None:
    raw = RECORDS[position]
    at = data.draw(st.integers(0, len(raw) - 1))
    # A line break would make two lines of one record; that is an insertion, tested below.
    byte = data.draw(st.integers(0, 255).filter(lambda b: b not in (raw[at], 0x0A)))
    changed = [*RECORDS[:position], raw[:at] + bytes([byte]) + raw[at + 1 :], *RECORDS[position + 1 :]]
    fault = verified(exports, changed)
    assert fault is not None
    assert fault.seq == position + 1


@settings(max_examples=50, deadline=None)
@given(position=positions, count=st.integers(1, 3))
def test_removed_records_are_found_at_the_first_of_them(exports: Path, position: int, count: int) -> None:
    fault = verified(exports, [*RECORDS[:position], *RECORDS[position + count :]])
    assert fault is not None
    assert fault.seq == position + 1
    assert fault.kind in (Kind.REMOVED, Kind.UNEXPECTED)


@settings(max_examples=50, deadline=None)
@given(position=st.integers(0, LENGTH), copy=positions)
def test_an_inserted_record_is_found_at_its_place(exports: Path, position: int, copy: int) -> None:
    fault = verified(exports, [*RECORDS[:position], RECORDS[copy], *RECORDS[position:]])
    assert fault is not None
    # Of two equal neighbours nobody can say which one was inserted; the number is the same.
    assert fault.seq == (copy + 1 if copy in (position, position - 1) else position + 1)


@given(position=st.integers(0, LENGTH - 1))
def test_a_forged_record_in_the_chain_is_found(exports: Path, position: int) -> None:
    """It follows the one before it perfectly; the one behind does not know it."""
    forged = canonical({**json.loads(RECORDS[position]), "event": "released"})
    fault = verified(exports, [*RECORDS[:position], forged, *RECORDS[position:]])
    assert fault is not None
    # In the last place it is what --expect does not know.
    kind = Kind.UNEXPECTED if position == LENGTH - 1 else Kind.INSERTED
    assert (fault.seq, fault.kind) == (position + 1, kind)


@settings(max_examples=50, deadline=None)
@given(st.lists(positions, min_size=2, max_size=2, unique=True).map(sorted))
def test_swapped_records_are_found_at_the_first_of_them(exports: Path, pair: list[int]) -> None:
    first, second = pair
    swapped = list(RECORDS)
    swapped[first], swapped[second] = swapped[second], swapped[first]
    fault = verified(exports, swapped)
    assert fault is not None
    assert (fault.seq, fault.kind) == (first + 1, Kind.SWAPPED)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, len(RECORDS[-1]) - 1))
def test_a_half_written_record_is_found(exports: Path, length: int) -> None:
    fault = verified(exports, [*RECORDS[:-1], RECORDS[-1][:length]], end=b"", expect=None)
    if length == 0:  # the break before it is whole, so the record is missing, not broken
        assert fault is None
    else:
        assert fault is not None
        assert (fault.seq, fault.kind) == (LENGTH, Kind.HALF_WRITTEN)


def rewritten(first: int) -> list[bytes]:
    """The chain with record `first` altered and all behind it linked anew, as somebody with the file could do."""
    lines = RECORDS[: first - 1]
    for raw in RECORDS[first - 1 :]:
        record = json.loads(raw)
        record["prev"] = link(lines[-1]) if lines else GENESIS
        record["subject"] = "somebody else"
        lines = [*lines, canonical(record)]
    return lines


@pytest.mark.parametrize("first", [1, 5, LENGTH])
def test_a_rewritten_chain_is_found_by_what_was_expected(exports: Path, first: int) -> None:
    assert verified(exports, rewritten(first), expect=None) is None
    fault = verified(exports, rewritten(first))
    assert fault is not None
    assert (fault.seq, fault.kind) == (LENGTH, Kind.UNEXPECTED)


def test_a_cut_tail_is_found_by_what_was_expected(exports: Path) -> None:
    assert verified(exports, RECORDS[:-2], expect=None) is None
    fault = verified(exports, RECORDS[:-2])
    assert fault is not None
    assert (fault.seq, fault.kind) == (LENGTH - 1, Kind.UNEXPECTED)


def test_an_older_head_is_found_in_a_longer_chain(exports: Path) -> None:
    fault = verified(exports, RECORDS, expect=Head(4, "0" * 64))
    assert fault is not None
    assert (fault.seq, fault.kind) == (4, Kind.UNEXPECTED)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=5))
def test_any_file_gets_a_verdict(exports: Path, lines: list[bytes]) -> None:
    fault = verified(exports, lines, expect=None)
    assert fault is None or fault.seq == 1


def test_deep_nesting_is_a_fault_and_no_crash(exports: Path) -> None:
    fault = verified(exports, [b"[" * 100_000], expect=None)
    assert fault is not None
    assert fault.kind is Kind.HALF_WRITTEN


@pytest.mark.parametrize("text", ["", "4", "4:", "x:" + "0" * 64, "4:" + "0" * 63, "4:" + "G" * 64, "-1:" + "0" * 64])
def test_what_is_expected_must_be_a_number_and_a_hash(text: str) -> None:
    with pytest.raises(ValueError, match=r"SEQ:HASH|64 lower-case"):
        Head.parse(text)


def test_what_is_expected_is_written_as_it_is_read() -> None:
    assert Head.parse(str(HEAD)) == HEAD


# ── In the database ───────────────────────────────────────────────────────────────────────────────────────────────


async def fill(store: AuditedStore, count: int = 6) -> None:
    for number in range(count):
        await store.record(Event.STARTED, {"version": str(number)})


def tamper(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        connection.execute("DROP TRIGGER audit_is_not_changed")
        connection.execute("DROP TRIGGER audit_is_not_deleted")
        connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize("statement", ["UPDATE audit SET record = x'00'", "DELETE FROM audit"])
async def test_the_database_itself_refuses_to_rewrite(store: AuditedStore, statement: str) -> None:
    await fill(store)
    with pytest.raises(IntegrityError, match="audit records are never"):
        await store.state.writer.do(lambda connection: connection.exec_driver_sql(statement))


@pytest.mark.parametrize(
    ("statement", "seq", "kind"),
    [
        ("DELETE FROM audit WHERE seq = 3", 3, Kind.REMOVED),
        ("DELETE FROM audit WHERE seq = 1", 1, Kind.REMOVED),
        (
            "UPDATE audit SET record = CAST(replace(record, 'started', 'stopped') AS BLOB) WHERE seq = 3",
            3,
            Kind.CHANGED,
        ),
        ("UPDATE audit SET record = CAST(record AS TEXT) WHERE seq = 2", 2, Kind.CHANGED),
        ("UPDATE audit SET record = substr(record, 1, 40) WHERE seq = 6", 6, Kind.HALF_WRITTEN),
        ("UPDATE audit SET record = (SELECT record FROM audit WHERE seq = 2) WHERE seq = 5", 5, Kind.INSERTED),
        ("INSERT INTO audit SELECT 0, record FROM audit WHERE seq = 1", 1, Kind.INSERTED),
        ("INSERT INTO audit SELECT 9, record FROM audit WHERE seq = 6", 7, Kind.REMOVED),
        ("UPDATE audit SET seq = seq + 10 WHERE seq > 4", 5, Kind.REMOVED),
    ],
)
async def test_tampering_with_the_table_is_found(
    store: AuditedStore, folder: Path, statement: str, seq: int, kind: Kind
) -> None:
    await fill(store)
    tamper(folder, statement)
    fault = (await verify_database(folder)).fault
    assert fault is not None
    assert (fault.seq, fault.kind) == (seq, kind)


async def test_a_log_longer_than_a_page_is_read_through(store: AuditedStore, folder: Path) -> None:
    await asyncio.gather(*(store.record(Event.STOPPED, {}) for _ in range(1203)))
    verdict = await verify_database(folder, Head.parse(await store.head()))
    assert (verdict.records, verdict.fault) == (1203, None)
    assert str(verdict.head) == await store.head()


async def test_what_was_not_committed_leaves_a_whole_chain(store: AuditedStore, folder: Path) -> None:
    await fill(store)
    before = await store.head()

    engine = _writing(folder)
    connection = engine.connect()
    connection.begin()
    Ledger(connection, datetime.now(UTC)).append(Event.STOPPED)
    connection.close()  # without a commit
    engine.dispose()
    assert await store.head() == before
    await store.record(Event.STARTED, {"version": "after"})
    assert (await verify_database(folder)).fault is None


async def test_a_failing_piece_of_work_takes_its_record_back(store: AuditedStore, folder: Path) -> None:
    with pytest.raises(ValueError, match="lacks version"):
        await store.record(Event.STARTED, {})
    with pytest.raises(ValueError, match="has no nonsense"):
        await store.record(Event.STOPPED, {"nonsense": 1})
    await asyncio.gather(
        *(store.record(Event.STARTED, {"version": "1"} if n % 3 else {}) for n in range(30)), return_exceptions=True
    )
    verdict = await verify_database(folder)
    assert (verdict.records, verdict.fault) == (20, None)


async def test_a_clock_that_is_set_back_does_not_turn_the_log_round(store: AuditedStore, clock: Clock) -> None:
    await fill(store, 1)
    clock.forward(hours=-2)
    await fill(store, 1)
    clock.forward(hours=3)
    await fill(store, 1)
    times = [record["time"] for record in await store.state.read(records)]
    assert times == ["2026-03-01T12:00:00.000000Z", "2026-03-01T12:00:00.000000Z", "2026-03-01T13:00:00.000000Z"]


def _writing(folder: Path) -> Engine:
    engine = create_engine(f"sqlite:///{folder / DATABASE}", connect_args={"isolation_level": None})

    def begin(connection: object) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # type: ignore[attr-defined]

    event.listen(engine, "begin", begin)
    return engine
