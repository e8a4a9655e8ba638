"""The schema: migrations and metadata agree, and no database is ever half migrated."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import NullPool

from lazaretto.audit import AuditedStore, Event, Ledger, head, purge, verify_database
from lazaretto.audit.search import Query, search
from lazaretto.model import CaseState
from lazaretto.state import DATABASE, StateError, StateTooNew, cases, log_index
from lazaretto.state.attachments import pending
from lazaretto.state.migrate import SCRIPTS, migrate, require_current
from lazaretto.state.retention import Room
from lazaretto.state.schema import metadata
from state.older import program_of

NEXT = """
from alembic import op
revision = "9999"
down_revision = "{newest}"
def upgrade() -> None:
    op.execute("CREATE TABLE novelties (id INTEGER)")
    op.execute("{last}")
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    (tmp_path / DATABASE).touch()
    return tmp_path / DATABASE


def engine_for(path: Path) -> Engine:
    return create_engine(f"sqlite:///{path}", poolclass=NullPool)


def newest_of(scripts: Path) -> str:
    return max(script.name[1:5] for script in (scripts / "versions").glob("v*.py"))


def newer_program(folder: Path, last: str = "SELECT 1") -> Path:
    """The migrations of a program that has one more."""
    scripts = folder / "scripts"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "v9999_next.py").write_text(NEXT.format(last=last, newest=newest_of(SCRIPTS)))
    return scripts


def tables(database: Path) -> set[str]:
    with closing(sqlite3.connect(database)) as connection:
        return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_migrations_make_what_the_metadata_says(database: Path) -> None:
    migrate(database)
    with engine_for(database).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_keys_and_references_are_those_of_the_metadata(database: Path, tmp_path: Path, table: str) -> None:
    migrate(database)
    declared = engine_for(tmp_path / "declared.db")
    metadata.create_all(declared)
    made, meant = inspect(engine_for(database)), inspect(declared)
    assert made.get_pk_constraint(table)["constrained_columns"] == meant.get_pk_constraint(table)["constrained_columns"]
    assert sorted(map(str, made.get_foreign_keys(table))) == sorted(map(str, meant.get_foreign_keys(table)))
    assert made.get_unique_constraints(table) == meant.get_unique_constraints(table)
    assert made.get_indexes(table) == meant.get_indexes(table)


def test_a_current_database_is_not_touched(database: Path) -> None:
    migrate(database)
    before = database.read_bytes()
    migrate(database)
    assert database.read_bytes() == before
    assert [file.name for file in database.parent.iterdir()] == [DATABASE]


def test_an_older_database_is_copied_before_it_is_migrated(database: Path, tmp_path: Path) -> None:
    migrate(database)
    migrate(database, newer_program(tmp_path))
    copy = database.with_name(f"{DATABASE}.before-9999")
    assert "novelties" in tables(database)
    assert "novelties" not in tables(copy)
    assert "cases" in tables(copy)
    assert copy.stat().st_mode & 0o077 == 0


def test_a_migration_that_fails_halfway_leaves_the_old_schema(database: Path, tmp_path: Path) -> None:
    migrate(database)
    with pytest.raises(StateError, match=r"no such table: nonsense.*has room.*as it was"):
        migrate(database, newer_program(tmp_path, last="INSERT INTO nonsense VALUES (1)"))
    assert "novelties" not in tables(database)
    require_current(database)


def test_a_newer_database_is_refused_with_the_remedy_and_not_touched(database: Path, tmp_path: Path) -> None:
    migrate(database, newer_program(tmp_path))
    before = database.read_bytes()
    with pytest.raises(StateTooNew, match=r"9999.*install the newer Lazaretto"):
        migrate(database)
    assert database.read_bytes() == before


def test_a_database_that_cannot_be_opened_is_not_called_a_bad_one(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StateError, match=r"cannot be opened \(.*\): see that the bot's user may read"):
        migrate(tmp_path / "folder.db")


def test_a_command_does_not_migrate(database: Path, tmp_path: Path) -> None:
    migrate(database)
    with pytest.raises(StateError, match="start the bot, which upgrades it"):
        require_current(database, newer_program(tmp_path))
    assert "novelties" not in tables(database)


def test_a_path_with_a_percent_sign_works(tmp_path: Path) -> None:
    odd = tmp_path / "100%s of #it?"
    odd.mkdir()
    (odd / DATABASE).touch()
    migrate(odd / DATABASE, newer_program(odd))
    require_current(odd / DATABASE, odd / "scripts")


def test_a_database_of_the_first_schema_keeps_what_it_holds(database: Path, tmp_path: Path) -> None:
    migrate(database, program_of(1, tmp_path))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO attachments (id, platform, chat, message, private, channel, update_id, kind, subject,"
            " posted_at, received_at, state) VALUES ('a', 'telegram', '-1', '5', 0, 0, '9', 'document', 's',"
            " '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z', 'received')"
        )
        connection.execute(
            "INSERT INTO parts (attachment, part, file_id, unique_id, path) VALUES ('a', 0, 'f', 'u', 'p')"
        )
        connection.execute("INSERT INTO updates (attachment, json) VALUES ('a', '{}')")
    migrate(database)
    with engine_for(database).connect() as reading:
        (kept,) = pending(reading)
    assert (kept.attachment.id, kept.attachment.messages, kept.updates) == ("a", ("5",), ("{}",))
    assert (kept.attachment.album, kept.attachment.members, kept.attachment.place.account) == (None, (), None)


async def test_the_log_of_an_older_database_verifies_and_can_be_purged(database: Path, tmp_path: Path) -> None:
    migrate(database, program_of(2, tmp_path))
    with engine_for(database).begin() as connection:
        ledger = Ledger(connection, datetime(2026, 1, 1, tzinfo=UTC))
        for number in range(4):
            ledger.append(Event.POLICY_CHANGED, {"policy": str(number)}, chat="telegram:-1")
        ledger.append(Event.STOPPED)
        noted = head(connection)
    room, now = Room("telegram", "-1"), datetime(2026, 2, 1, tzinfo=UTC)
    async with AuditedStore.open(database.parent) as store:
        assert (await verify_database(database.parent, noted)).fault is None
        page = await store.state.read(lambda connection: purge.look(connection, room, now, 0))
        await store.write(lambda ledger: purge.events(ledger, room, now, page.due, page.upto))
        with pytest.raises(IntegrityError, match="never changed"):
            await store.state.writer.do(lambda c: c.exec_driver_sql("UPDATE audit SET record = x'00'").rowcount)
        with pytest.raises(IntegrityError, match="never deleted"):
            await store.state.writer.do(lambda c: c.exec_driver_sql("DELETE FROM audit").rowcount)
    verdict = await verify_database(database.parent, noted)
    assert (verdict.fault, verdict.purged) == (None, 4)


def test_cases_of_before_two_persons_and_appeals_go_on(database: Path, tmp_path: Path) -> None:
    migrate(database, program_of(8, tmp_path))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO attachments (id, platform, chat, message, private, channel, update_id, kind, subject,"
            " posted_at, received_at, action, enforced, reasons, state) VALUES ('a', 'telegram', '-1', '5', 0, 0, '9',"
            " 'document', 's', '2026-01-01T00:00:00.000000Z', '2026-01-01T00:00:00.000000Z', 'quarantine', 1, '[]',"
            " 'finished')"
        )
        connection.execute(
            "INSERT INTO cases (attachment, state, opened_at) VALUES ('a', 'open', '2026-01-01T00:00:00.000000Z')"
        )
        for state in ("released", "appealed"):
            connection.execute("UPDATE cases SET state = ?", (state,))
    migrate(database)
    with engine_for(database).begin() as now:
        (number,) = now.exec_driver_sql("SELECT id FROM cases").one()
        case = cases.load(now, number)
        assert case is not None
        assert (case.state, case.second, case.appealed_at, case.measures) == (CaseState.APPEALED, False, None, ())
        cases.step(now, number, CaseState.RELEASE_PENDING)  # what is released after an appeal goes back first


async def test_the_log_of_an_older_database_is_indexed_and_found(database: Path, tmp_path: Path) -> None:
    migrate(database, program_of(5, tmp_path))
    with engine_for(database).begin() as connection:
        ledger = Ledger(connection, datetime(2026, 1, 1, tzinfo=UTC))
        for number in range(log_index.BATCH + 100):
            ledger.append(Event.POLICY_CHANGED, {"policy": str(number), "keys": ["mode"]}, chat=f"telegram:-{number}")
        noted = head(connection)
    async with AuditedStore.open(database.parent) as store:
        assert await store.state.read(log_index.indexed) == log_index.BATCH + 100
        found = await store.state.read(lambda c: search(c, Query(group="-7", text="mode")))
        assert [record["data"]["policy"] for record in found] == ["7"]
    assert (await verify_database(database.parent, noted)).fault is None
