"""Group commit: together when it goes well, alone when it goes wrong."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from lazaretto.model import Person
from lazaretto.state import DATABASE, State, StateClosed, StateUnreadable, StateUnwritable, open_state
from lazaretto.state.people import subject_for
from lazaretto.state.schema import people, personal


def add(connection: Connection, subject: str, size: int = 1) -> int:
    row = connection.execute(personal.insert().values(subject=subject, salt=b"", json="x" * size))
    return int(row.lastrowid)


async def subjects(state: State) -> list[str]:
    query = text("SELECT subject FROM personal ORDER BY id")
    return await state.read(lambda connection: list(connection.scalars(query)))


async def test_many_writers_all_get_their_own_results(state: State) -> None:
    numbers = await asyncio.gather(*(state.writer.do(partial(add, subject=str(n))) for n in range(300)))
    assert numbers == list(range(1, 301))
    assert await subjects(state) == [str(n) for n in range(300)]


async def test_what_waits_is_committed_together(state: State) -> None:
    commits: list[Connection] = []
    listening = asyncio.Event()

    def listen(connection: Connection) -> None:
        event.listen(connection.engine, "commit", commits.append)
        listening.set()

    await state.writer.do(listen)
    await asyncio.gather(*(state.writer.do(partial(add, subject=str(n))) for n in range(100)))
    assert len(await subjects(state)) == 100
    # The commit of `listen` itself may be the first; the hundred share at most two more.
    assert len(commits) <= 3


async def test_a_failing_writer_harms_no_other(state: State) -> None:
    def fail(connection: Connection) -> None:
        add(connection, "of the failing one")
        raise KeyError("my own fault")

    results = await asyncio.gather(
        state.writer.do(lambda c: add(c, "before")),
        state.writer.do(fail),
        state.writer.do(lambda c: add(c, "after")),
        return_exceptions=True,
    )
    assert isinstance(results[1], KeyError)
    assert await subjects(state) == ["before", "after"]


async def test_a_broken_constraint_harms_no_other(state: State) -> None:
    def twice(connection: Connection) -> None:
        row = {"subject": "s", "platform": "p", "user_id": "1", "name": "n"}
        for _ in range(2):
            connection.execute(people.insert().values(row))

    results = await asyncio.gather(
        state.writer.do(twice), state.writer.do(lambda c: add(c, "other")), return_exceptions=True
    )
    assert isinstance(results[0], IntegrityError)
    assert await subjects(state) == ["other"]


async def test_a_full_disk_fails_all_that_waited_and_the_writer_goes_on(state: State) -> None:
    def limit(connection: Connection) -> None:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages + 2}"))

    await state.writer.do(limit)
    results = await asyncio.gather(
        state.writer.do(lambda c: add(c, "small")),
        state.writer.do(lambda c: add(c, "large", 1 << 20)),
        state.writer.do(lambda c: add(c, "small, too")),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [StateUnwritable] * 3
    assert "database or disk is full" in str(results[0])
    assert str(state.folder) in str(results[0])
    await state.writer.do(lambda c: add(c, "afterwards"))
    assert await subjects(state) == ["afterwards"]


async def test_cancelling_a_caller_loses_nobody_elses_work(state: State) -> None:
    callers = [asyncio.ensure_future(state.writer.do(partial(add, subject=str(n)))) for n in range(20)]
    await asyncio.sleep(0)
    callers[3].cancel()
    results = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(results[3], asyncio.CancelledError)
    assert {str(n) for n in range(20) if n != 3} <= set(await subjects(state))
    assert sum(isinstance(result, BaseException) for result in results) == 1


async def test_after_is_called_once_the_work_is_durable_and_only_then(state: State) -> None:
    told: list[str] = []

    def fail(connection: Connection) -> None:
        raise ValueError

    await state.writer.do(lambda c: add(c, "kept"), after=lambda: told.append("kept"))
    with pytest.raises(ValueError):  # noqa: PT011 - it is the one raised above
        await state.writer.do(fail, after=lambda: told.append("failed"))
    assert told == ["kept"]


async def test_a_failure_after_the_commit_is_logged_and_nobody_is_told_otherwise(state: State) -> None:
    def fail() -> None:
        raise RuntimeError("the log is broken")

    with capture_logs() as logs:
        assert await state.writer.do(partial(add, subject="kept"), after=fail) == 1
    assert await subjects(state) == ["kept"]
    assert [log["log_level"] for log in logs] == ["error"]


async def test_closing_finishes_what_waits(folder: Path) -> None:
    async with open_state(folder) as state:
        waiting = [asyncio.ensure_future(state.writer.do(partial(add, subject=str(n)))) for n in range(600)]
        await asyncio.sleep(0)
    assert len(await asyncio.gather(*waiting)) == 600
    async with open_state(folder) as state:
        assert len(await subjects(state)) == 600


async def test_a_closed_writer_says_so(folder: Path) -> None:
    async with open_state(folder) as state:
        pass
    with pytest.raises(StateClosed):
        await state.writer.do(lambda c: add(c, "late"))


class Held:
    """A change whose thread waits, in its transaction, until it is let go."""

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def __call__(self, connection: Connection) -> int:
        number = add(connection, self.subject)
        self.begun.set()
        assert self.go_on.wait(5)
        return number

    async def under_way(self) -> None:
        await asyncio.to_thread(self.begun.wait, 5)
        assert self.begun.is_set()


async def test_who_is_cancelled_while_it_closes_the_writer_has_it_finished_all_the_same(folder: Path) -> None:
    held = Held("slow")
    async with open_state(folder) as state:
        slow = asyncio.ensure_future(state.writer.do(held))
        await held.under_way()
        behind = asyncio.ensure_future(state.writer.do(partial(add, subject="behind")))
        closing = asyncio.ensure_future(state.writer.close())
        await asyncio.sleep(0.01)
        for _ in range(2):
            closing.cancel()
            await asyncio.sleep(0.01)
        assert not closing.done()  # nobody else may have the folder before
        held.go_on.set()
        assert [await slow, await behind] == [1, 2]
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert await subjects(state) == ["slow", "behind"]


async def test_a_writer_that_is_cancelled_itself_tells_what_became_of_what_had_begun(folder: Path) -> None:
    """As a loop does to everything that is left when it ends."""
    held = Held("slow")
    async with open_state(folder) as state:
        slow = asyncio.ensure_future(state.writer.do(held))
        await held.under_way()
        behind = asyncio.ensure_future(state.writer.do(partial(add, subject="behind")))
        await asyncio.sleep(0)
        state.writer._task.cancel()
        await asyncio.sleep(0.01)
        assert not slow.done()
        held.go_on.set()
        assert await slow == 1
        with pytest.raises(StateClosed):
            await behind
        with pytest.raises(StateClosed):
            await state.writer.do(partial(add, subject="late"))
        assert await subjects(state) == ["slow"]


async def test_closing_that_is_cancelled_lets_go_of_everything(folder: Path) -> None:
    go_on, reading = threading.Event(), threading.Event()

    def slow(connection: Connection) -> None:
        reading.set()
        assert go_on.wait(5)

    states: list[State] = []

    async def run() -> None:
        async with open_state(folder) as state:
            states.append(state)
            await state.writer.do(partial(add, subject="kept"))
            asyncio.ensure_future(state.read(slow)).add_done_callback(lambda done: done.exception())
            await asyncio.to_thread(reading.wait, 5)

    running = asyncio.ensure_future(run())
    await asyncio.to_thread(reading.wait, 5)
    await asyncio.sleep(0.05)  # it is closing, and waits for the reader
    running.cancel()
    await asyncio.sleep(0.05)
    assert not running.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert states[0].writer._thread._executor._shutdown
    async with open_state(folder) as state:  # and the folder is free
        assert await subjects(state) == ["kept"]


async def test_a_database_that_cannot_be_read_for_a_while_is_no_fault_of_who_reads(state: State) -> None:
    database, away = state.folder / DATABASE, state.folder / "away"
    database.rename(away)
    database.mkdir()  # as with no descriptor left: it cannot be opened
    with pytest.raises(StateUnreadable, match=r"unable to open database file.*how many files") as told:
        await subjects(state)
    assert str(database) in str(told.value)
    database.rmdir()
    away.rename(database)
    assert await subjects(state) == []


async def test_what_a_readers_own_work_raises_stays_as_it_is(state: State) -> None:
    def fail(_: Connection) -> None:
        raise KeyError("nothing")

    with pytest.raises(KeyError):
        await state.read(fail)


async def test_a_closed_state_says_so_to_who_reads(folder: Path) -> None:
    async with open_state(folder) as state:
        await subjects(state)
    with pytest.raises(StateClosed):
        await subjects(state)


async def test_two_processes_may_write(state: State) -> None:
    """A command beside the bot: each waits for the other's commit."""
    async with open_state(state.folder, beside=True) as other:
        await asyncio.gather(
            *(where.writer.do(partial(add, subject=str(n))) for n in range(50) for where in (state, other))
        )
    assert len(await subjects(state)) == 100


async def test_text_without_utf8_is_stored(state: State) -> None:
    someone = Person("telegram", "7", "half a \ud83d pair", "\udc00")
    subject = await state.writer.do(lambda c: subject_for(c, someone))
    query = text("SELECT name FROM people WHERE subject = :subject")
    name = await state.read(lambda c: c.execute(query, {"subject": subject}).scalar())
    assert name == "half a \\ud83d pair"
