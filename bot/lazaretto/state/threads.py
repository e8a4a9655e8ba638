"""Threads that work on a database's connections, so that the event loop never waits for one.

A piece of work runs as a whole in one thread. To go there and back for each of its statements, as asynchronous drivers
do, costs several times what SQLite needs for the statement: decision 24.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine

from lazaretto.state.errors import StateClosed
from lazaretto.tasks import to_its_end

__all__ = ["Threads"]

T = TypeVar("T")


class Threads:
    """As many threads as the engine has connections."""

    def __init__(self, engine: Engine, connections: int, name: str) -> None:
        self._engine = engine
        self._executor = ThreadPoolExecutor(connections, name)
        self._closed = False

    @property
    def database(self) -> str:
        """The file's path."""
        return str(self._engine.url.database)

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection of its own, in a transaction unless it ends it. Work that has begun goes on to
        its end, also where its caller is cancelled. Raises StateClosed after `close`."""
        return await self.begin(work)

    def begin(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """As `run`, for whoever waits in a way of their own."""
        if self._closed:
            raise StateClosed("the state is closed: nothing can be read or written any more")
        return asyncio.get_running_loop().run_in_executor(self._executor, self._connected, work)

    def _connected(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)

    async def close(self) -> None:
        """Wait for what runs, and let go of the file: also where the waiting is cancelled."""
        self._closed = True
        try:
            await to_its_end(asyncio.get_running_loop().run_in_executor(None, self._executor.shutdown))
        finally:
            self._engine.dispose()
