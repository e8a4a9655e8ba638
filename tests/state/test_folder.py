"""The state folder: whose it is, who may open it, and what its database is set to."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from lazaretto.state import DATABASE, State, StateError, StateInUse, StateMissing, open_state

HOLDER = """
import asyncio, sys
from pathlib import Path
from lazaretto.state import open_state

async def hold():
    async with open_state(Path(sys.argv[1])):
        print("held", flush=True)
        sys.stdin.read()

asyncio.run(hold())
"""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_only_its_owner_may_read(state: State) -> None:
    await state.writer.do(lambda connection: connection.execute(text("SELECT 1")).scalar())
    assert mode_of(state.folder) == 0o700
    assert {file.name: mode_of(file) for file in state.folder.iterdir()} == {
        "lock": 0o600,
        DATABASE: 0o600,
        f"{DATABASE}-wal": 0o600,
        f"{DATABASE}-shm": 0o600,
    }


async def test_a_folder_open_to_others_is_closed(folder: Path) -> None:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    async with open_state(folder):
        assert mode_of(folder) == 0o700


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("secure_delete", 1), ("busy_timeout", 10_000)],
)
async def test_pragma_holds_for_writer_and_readers(state: State, pragma: str, value: object) -> None:
    statement = text(f"PRAGMA {pragma}")
    assert await state.writer.do(lambda connection: connection.execute(statement).scalar()) == value
    assert await state.read(lambda connection: connection.execute(statement).scalar()) == value


async def test_readers_cannot_write(state: State) -> None:
    with pytest.raises(OperationalError, match="readonly"):
        await state.read(lambda connection: connection.execute(text("DELETE FROM people")))


async def test_second_instance_is_refused_with_folder_and_process(state: State) -> None:
    with pytest.raises(StateInUse) as refusal:
        async with open_state(state.folder):
            pass
    assert str(state.folder) in str(refusal.value)
    assert f"process {os.getpid()}" in str(refusal.value)


async def test_holder_in_another_process_is_named_and_its_death_frees_the_folder(folder: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StateInUse, match=f"process {holder.pid}"):
            async with open_state(folder):
                pass
        holder.kill()
        holder.wait()
    async with open_state(folder) as state:
        assert await state.read(lambda connection: connection.execute(text("SELECT count(*) FROM cases")).scalar()) == 0


async def test_a_command_may_look_in_beside_the_bot(state: State) -> None:
    async with open_state(state.folder, beside=True) as other:
        assert await other.read(lambda connection: connection.execute(text("SELECT 7")).scalar()) == 7


async def test_a_command_makes_no_folder(folder: Path) -> None:
    with pytest.raises(StateMissing, match="start the bot once"):
        async with open_state(folder, beside=True):
            pass
    assert not folder.exists()


async def test_a_file_that_is_no_database_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    (folder / DATABASE).write_bytes(b"holiday pictures " * 100)
    with pytest.raises(StateError, match="is not a database of Lazaretto"):
        async with open_state(folder):
            pass
    assert (folder / DATABASE).read_bytes() == b"holiday pictures " * 100


async def test_a_link_in_place_of_the_database_is_refused(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    elsewhere = tmp_path / "elsewhere"
    (folder / DATABASE).symlink_to(elsewhere)
    with pytest.raises(StateError, match="must be a plain file"):
        async with open_state(folder):
            pass
    assert not elsewhere.exists()


async def test_somebody_elses_database_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    with sqlite3.connect(folder / DATABASE) as other:
        other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    with pytest.raises(StateError, match="is not a database of Lazaretto"):
        async with open_state(folder):
            pass
