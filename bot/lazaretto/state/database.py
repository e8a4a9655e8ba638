"""Opens the state folder: one SQLite database, one writer, a few readers.

WAL so that readers never wait for the writer; `synchronous=FULL` so that what was answered survives a power cut;
`secure_delete` so that what was deleted is overwritten. https://www.sqlite.org/pragma.html
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event

from lazaretto.private_files import GUARDED
from lazaretto.state.errors import StateError, StateMissing
from lazaretto.state.lock import instance_lock
from lazaretto.state.migrate import BACKUP, migrate, require_current
from lazaretto.state.threads import Threads
from lazaretto.state.writer import Writer, unreadable

__all__ = ["DATABASE", "State", "open_state"]

T = TypeVar("T")

DATABASE = "lazaretto.db"
BUSY_SECONDS = 10.0
"""How long a command beside the running bot waits for the bot's commit, and the other way round."""

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON")


@dataclass(frozen=True, slots=True)
class State:
    """An open state folder."""

    folder: Path
    writer: Writer
    readers: Threads

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection that cannot write, seeing one consistent moment.

        Raises StateUnreadable where the file is at fault and not the work, and StateClosed.
        """
        try:
            return await self.readers.run(work)
        except Exception as error:
            if (problem := unreadable(error, self.readers.database)) is not None:
                raise problem from error
            raise

    async def scrub(self) -> None:
        """Rewrite the database without its deleted content, and forget its log and the copies made before migrations.

        `secure_delete` overwrites deleted rows, but pages that SQLite rebuilt in passing may still hold copies of
        them, and so does the log. The database is copied once; writers wait meanwhile. Raises StateError when a busy
        reader or a full disk prevented it.
        """
        await self.writer.apart(_vacuum)
        await asyncio.to_thread(_remove_backups, self.folder)


@asynccontextmanager
async def open_state(folder: Path, *, beside: bool = False) -> AsyncIterator[State]:
    """Open the state in `folder`, making or migrating its database, as its only instance.

    beside: for a command next to a running bot. It takes no lock, makes nothing and migrates nothing; it may read
    what it likes and write briefly (an intent).
    Raises StateError: in use, missing, too new.
    """
    folder = await asyncio.to_thread(folder.absolute)
    database = folder / DATABASE
    async with AsyncExitStack() as held:
        if beside:
            await asyncio.to_thread(_require, database)
        else:
            await asyncio.to_thread(_make_folder, folder)
            held.enter_context(instance_lock(folder))
            await asyncio.to_thread(_make_database, database)
        writing = _threads(database, "BEGIN IMMEDIATE", connections=1)
        held.push_async_callback(writing.close)
        readers = _threads(database, "BEGIN", "query_only=ON", connections=4)
        held.push_async_callback(readers.close)
        writer = Writer(writing)
        held.push_async_callback(writer.close)
        yield State(folder, writer, readers)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
    except OSError as error:
        raise StateError(
            f"the state folder {folder} cannot be made: {error.strerror}. Give the bot's user a folder of its own there"
        ) from error


def _make_database(database: Path) -> None:
    # Made by us first, because SQLite would make it with the umask's permissions; the log inherits these.
    try:
        os.close(os.open(database, os.O_RDWR | os.O_CREAT | GUARDED, 0o600))
        database.chmod(0o600)
    except OSError as error:
        raise StateError(
            f"the state database {database} cannot be opened: {error.strerror}. "
            "It must be a plain file that belongs to the bot's user"
        ) from error
    migrate(database)


def _require(database: Path) -> None:
    if not database.is_file():
        raise StateMissing(
            f"there is no state in {database.parent}: start the bot once, or name the folder that it uses"
        )
    require_current(database)


def _threads(database: Path, begin: str, *pragmas: str, connections: int) -> Threads:
    engine = create_engine(
        URL.create("sqlite", database=str(database)),
        pool_size=connections,
        max_overflow=0,
        # Errors repeat a statement's values otherwise, and so names and captions in whatever log they end up in.
        hide_parameters=True,
        # None: the driver begins nothing by itself, so that the `begin` below is the only one. The pool gives a
        # connection to one thread at a time.
        connect_args={"isolation_level": None, "timeout": BUSY_SECONDS, "check_same_thread": False},
    )
    begin_with(engine, begin, *pragmas)
    return Threads(engine, connections, f"lazaretto {begin.lower()}")


def begin_with(engine: Engine, begin: str, *pragmas: str) -> None:
    """Set every new connection up, and begin its transactions with `begin`."""

    def set_up(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in (f"busy_timeout={BUSY_SECONDS * 1000:.0f}", *_PRAGMAS, *pragmas):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    def on_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", on_begin)


def _vacuum(connection: Connection) -> None:
    cursor = connection.connection.cursor()  # the driver's own: SQLAlchemy would begin a transaction
    try:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        row = cursor.fetchone()
    except sqlite3.Error as error:
        raise StateError(
            f"the state database could not be rewritten ({error}), so deleted data may be left in its files: "
            "make room on its disk, end other programs that use it, and repeat the erasure"
        ) from error
    finally:
        cursor.close()
    if row is None or row[0]:
        raise StateError(
            "another process is reading the state database, so its log still holds deleted data: "
            "end that process and repeat the erasure"
        )


def _remove_backups(folder: Path) -> None:
    for copy in folder.glob(f"{DATABASE}{BACKUP}*"):
        copy.unlink()
