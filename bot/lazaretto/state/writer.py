"""The one writer: many callers' changes in one durable transaction (group commit).

A commit with `synchronous=FULL` waits for the disk, about as long for one change as for a hundred. So whatever waits
while a commit runs goes into the next one together, each piece of work in a savepoint of its own: one that fails
takes back its own changes and nobody else's. A caller is answered after the commit, never before.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from lazaretto.state.errors import StateClosed, StateUnreadable, StateUnwritable
from lazaretto.state.threads import Threads
from lazaretto.tasks import spawn, to_its_end

__all__ = ["MAX_BATCH", "Writer", "unreadable"]

T = TypeVar("T")

_log = structlog.get_logger("lazaretto.state")

MAX_BATCH = 256
"""Pieces of work in one transaction: bounds how long the first of them waits for the last."""

# The file, not the statement, is at fault: https://www.sqlite.org/rescode.html. SQLite may have taken the whole
# transaction back already, so nobody in it may be told that it was kept.
_FATAL = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
    }
)


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """One caller's work. `apart`: not in a transaction (VACUUM, checkpoints)."""

    work: Callable[[Connection], Any]
    answer: asyncio.Future[Any]
    after: Callable[[], None] | None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class _Outcome:
    job: _Job
    value: Any = None
    error: Exception | None = None


class Writer:
    """Runs work on the database's only writing connection. Made and closed by `open_state`."""

    def __init__(self, thread: Threads) -> None:
        """thread: one, whose connection begins every transaction with BEGIN IMMEDIATE."""
        self._thread = thread
        self._queue: asyncio.Queue[_Job | None] = asyncio.Queue()
        self._closed = False
        self._cancelled = False
        self._task = spawn(self._run(), "lazaretto state writer")

    async def do(self, work: Callable[[Connection], T], *, after: Callable[[], None] | None = None) -> T:
        """Run `work` in a transaction and answer its result once that is durable.

        An exception of `work` takes back its own changes and is raised here. StateUnwritable: the disk is full or
        failed, nothing was kept. A caller that is cancelled before its work was begun has done nothing; later, its
        work is kept. `after` is called after the commit, whether or not the caller still waits; its failure is logged.
        """
        return await self._ask(work, after, apart=False)

    async def apart(self, work: Callable[[Connection], T]) -> T:
        """Run `work` between two transactions and in none: for VACUUM and checkpoints."""
        return await self._ask(work, None, apart=True)

    async def close(self) -> None:
        """Finish what waits, then stop. A cancellation is raised after that: whoever lets go of the folder must know
        that nothing is written there any more."""
        if not self._closed:
            self._closed = True
            self._queue.put_nowait(None)
        await to_its_end(self._task)

    async def _ask(self, work: Callable[[Connection], T], after: Callable[[], None] | None, *, apart: bool) -> T:
        if self._closed or self._task.done():
            raise StateClosed("the state is closed: nothing can be written any more")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Job(work, answer, after, apart))
        return await answer

    async def _run(self) -> None:
        waiting: list[_Job] = []
        try:
            while (first := await self._queue.get()) is not None:
                waiting, last = self._gather(first)
                await self._carry_out([job for job in waiting if not job.answer.cancelled()])
                if last or self._cancelled:
                    return
        finally:
            self._closed = True
            while not self._queue.empty():
                if (left := self._queue.get_nowait()) is not None:
                    waiting.append(left)
            _fail(waiting, StateClosed("the state was closed before this was written"))

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        """Everything that waits by now, and whether the end is among it."""
        jobs = [first]
        while len(jobs) < MAX_BATCH and not self._queue.empty():
            job = self._queue.get_nowait()
            if job is None:
                return jobs, True
            jobs.append(job)
        return jobs, False

    async def _carry_out(self, jobs: Sequence[_Job]) -> None:
        together = [job for job in jobs if not job.apart]
        try:
            if together:
                await self._commit(together)
        except Exception as error:  # whatever went wrong with the file, the next batch gets its own chance
            _fail(together, _unwritable(error, self._thread.database))
        for job in jobs:
            if job.apart and not self._cancelled:
                await self._alone(job)

    async def _commit(self, jobs: Sequence[_Job]) -> None:
        for outcome in await self._whole(partial(_transact, jobs)):
            _settle(outcome)

    async def _alone(self, job: _Job) -> None:
        try:
            value = await self._whole(job.work)
        except Exception as error:  # the caller's to judge
            _settle(_Outcome(job, error=error))
        else:
            _settle(_Outcome(job, value))

    async def _whole(self, work: Callable[[Connection], T]) -> T:
        """What has begun goes on in its thread, also where this task is cancelled (as a loop does to all that is left
        when it ends): who waits for it is told what came of it, and nothing further is begun."""
        running = self._thread.begin(work)
        try:
            await to_its_end(running)
        except asyncio.CancelledError:
            self._closed = self._cancelled = True
        return running.result()


def _transact(jobs: Sequence[_Job], connection: Connection) -> list[_Outcome]:
    with connection.begin():
        return [_attempt(connection, job) for job in jobs]


def _attempt(connection: Connection, job: _Job) -> _Outcome:
    savepoint = connection.begin_nested()
    try:
        value = job.work(connection)
    except Exception as error:
        if _is_fatal(error):
            raise
        savepoint.rollback()
        return _Outcome(job, error=error)
    savepoint.commit()
    return _Outcome(job, value)


def _settle(outcome: _Outcome) -> None:
    job = outcome.job
    if outcome.error is None and job.after is not None:
        _call(job.after)
    if job.answer.done():  # its caller was cancelled meanwhile
        return
    if outcome.error is None:
        job.answer.set_result(outcome.value)
    else:
        job.answer.set_exception(outcome.error)


def _call(after: Callable[[], None]) -> None:
    try:
        after()
    except Exception as error:  # the work is durable by now: nobody may be told that it failed
        _log.error("what follows a commit failed", error=repr(error), exc_info=error)


def _fail(jobs: Sequence[_Job], error: Exception) -> None:
    for job in jobs:
        if not job.answer.done():
            job.answer.set_exception(error)


def _is_fatal(error: Exception) -> bool:
    code = getattr(_cause_of(error), "sqlite_errorcode", None)
    # The low byte is the primary result code; the rest says more about it.
    return code is not None and code & 0xFF in _FATAL


def _unwritable(error: Exception, database: str) -> StateUnwritable:
    problem = StateUnwritable(
        f"the state database {database} could not be written: {_cause_of(error)}. Nothing of this was kept. "
        "Make room on its disk, or check the disk and the file's permissions; the bot goes on by itself"
    )
    problem.__cause__ = error
    return problem


def unreadable(error: Exception, database: str) -> StateUnreadable | None:
    """The error of a reader as what it says of the file, where the file and not the statement is at fault."""
    forbidden = getattr(_cause_of(error), "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY  # work that would write
    if forbidden or not _is_fatal(error):
        return None
    return StateUnreadable(
        f"the state database {database} could not be read: {_cause_of(error)}. "
        "Check its disk, the file's permissions and how many files the bot may open; the bot goes on by itself"
    )


def _cause_of(error: Exception) -> BaseException:
    return error.orig or error if isinstance(error, DBAPIError) else error
