"""Brings a database up to this program's schema (alembic), or refuses without touching it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from lazaretto.private_files import sync_folder
from lazaretto.state.errors import StateError, StateTooNew

__all__ = ["BACKUP", "SCRIPTS", "migrate", "require_current"]

SCRIPTS = Path(__file__).parent / "migrations"
BACKUP = ".before-"
"""`lazaretto.db.before-0002` is the database as it was before migration 0002."""


def migrate(database: Path, scripts: Path = SCRIPTS) -> None:
    """Make or upgrade the schema in one transaction; an older database is copied first.

    Raises StateTooNew for a database of a newer program, StateError for a file that is no database of ours or that
    cannot be read or written.
    """
    config = _config(scripts)
    directory = ScriptDirectory.from_config(config)
    newest = directory.get_current_head()
    found = _version(database, directory)
    if found == newest:
        return
    if found is not None:
        _back_up(database, database.with_name(f"{database.name}{BACKUP}{newest}"))
    engine = _engine(database)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except OperationalError as error:
        raise StateError(
            f"the state database {database} cannot be brought up to date ({error.orig}): see that the disk has room "
            "and that the bot's user may write there. It is as it was"
        ) from error
    finally:
        engine.dispose()


def require_current(database: Path, scripts: Path = SCRIPTS) -> None:
    """Raises StateError unless the database has exactly this program's schema. Changes nothing."""
    directory = ScriptDirectory.from_config(_config(scripts))
    if _version(database, directory) != directory.get_current_head():
        raise StateError(f"the state database {database} is older than this program: start the bot, which upgrades it")


def _config(scripts: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _version(database: Path, directory: ScriptDirectory) -> str | None:
    """The schema's version, None for an empty database. Opened read-only: a refused database stays as it was."""
    try:
        with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection:
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            if not tables:
                return None
            if "alembic_version" not in tables:
                raise _not_ours(database, "it has tables of somebody else's")
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.OperationalError as error:  # the file may be a good one: nobody should throw it away
        raise StateError(
            f"the state database {database} cannot be opened ({error}): see that the bot's user may read and write "
            "it and its folder, and that the disk is neither full nor failing"
        ) from error
    except sqlite3.DatabaseError as error:
        raise _not_ours(database, str(error)) from error
    versions = [version for (version,) in rows]
    known = {script.revision for script in directory.walk_revisions()}
    if len(versions) != 1 or versions[0] not in known:
        raise StateTooNew(
            f"the state database {database} has schema {', '.join(map(str, versions)) or 'none'}, and this program "
            f"knows schemas up to {directory.get_current_head()}: install the newer Lazaretto that wrote it, or put "
            f"back a copy ({database.name}{BACKUP}...) from before the upgrade. Nothing was changed"
        )
    return str(versions[0])


def _not_ours(database: Path, why: str) -> StateError:
    return StateError(
        f"{database} is not a database of Lazaretto ({why}): restore it from a copy, "
        "or move it away to start with an empty one"
    )


def _back_up(database: Path, copy: Path) -> None:
    """A consistent copy, the log included, by SQLite's own backup. On the disk before anything is changed."""
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    with closing(sqlite3.connect(database)) as origin, closing(sqlite3.connect(copy)) as target:
        origin.backup(target)
    with copy.open("rb+") as file:
        os.fsync(file.fileno())
    sync_folder(copy.parent)


def _engine(database: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(database)), poolclass=NullPool, connect_args={"isolation_level": None}
    )

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "begin", on_begin)
    return engine
