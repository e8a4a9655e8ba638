"""Killed while it deletes: what was deleted is recorded, once, and the rest goes at the next start."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

from audit.samples import Clock, open_case
from lazaretto.audit import AuditedStore, Event, records, verify_database
from lazaretto.state import DATABASE
from lazaretto.state.codec import rfc3339

CASES = 24

RUNNER = """
import asyncio, logging, sys
from datetime import datetime
from pathlib import Path
import structlog
from lazaretto.audit import AuditedStore, purge
from lazaretto.config import Configuration
from lazaretto.metrics import Metrics
from lazaretto.retention import Retention

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
purge.BATCH, purge._PAGE = 2, 10
now = datetime.fromisoformat(sys.argv[2])
keep = {"keep": {"files": "1 day", "personal": "1 day", "events": "1 day"}}

async def told(_seconds):
    print("piece", flush=True)

async def main():
    async with AuditedStore.open(Path(sys.argv[1]), clock=lambda: now) as store:
        await Retention(store, lambda: None, Configuration.load({"defaults": keep}), Metrics(), sleep=told).look()
        print("through", flush=True)

asyncio.run(main())
"""


def look(folder: Path, now: str, pieces: int | None) -> bool:
    """Run retention until so many pieces are through, or to its end. Answers whether it came to its end."""
    with subprocess.Popen([sys.executable, "-c", RUNNER, str(folder), now], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for number, line in enumerate(process.stdout):
            if line == b"through\n":
                return True
            if number == pieces:
                process.kill()
    return False


async def test_a_kill_in_the_middle_deletes_nothing_unrecorded_and_nothing_twice(tmp_path: Path) -> None:
    folder, clock = tmp_path / "state", Clock()
    async with AuditedStore.open(folder, clock=clock) as store:
        for number in range(CASES):
            await open_case(store, number=number, moderators=None)
            await store.finished(f"att-{number}")
        later = clock.now + timedelta(days=3)
    with closing(sqlite3.connect(folder / DATABASE)) as connection, connection:
        connection.execute("INSERT INTO retention VALUES ('clock', ?)", (rfc3339(later),))
    for pieces in (1, 7, 3, 12):
        look(folder, later.isoformat(), pieces)
        assert (await verify_database(folder)).fault is None
    assert look(folder, later.isoformat(), None)

    verdict = await verify_database(folder)
    assert verdict.fault is None
    async with AuditedStore.open(folder, clock=clock) as store:
        log = await store.state.read(records)
        assert len(await store.to_shred()) == CASES
    purges = [record["data"] for record in log if record["event"] == Event.PURGED]
    files = [purge for purge in purges if purge["kind"] == "files"]
    assert sorted(number for purge in files for number in purge["cases"]) == list(range(1, CASES + 1))
    assert sum(purge["items"] for purge in files) == CASES
    assert sum(purge["attachments"] for purge in purges if purge["kind"] == "personal") == CASES
    assert sum(purge["records"] for purge in purges if purge["kind"] == "events") == verdict.purged
    assert verdict.purged >= CASES * 4
