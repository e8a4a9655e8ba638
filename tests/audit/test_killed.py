"""A real kill in the middle of writing: what was answered is there, and the chain is whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lazaretto.audit import AuditedStore, Event, records, verify_database

WRITER = """
import asyncio, logging, sys
from pathlib import Path
import structlog
from lazaretto.audit import AuditedStore, Event

structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))

async def write(store, number):
    await store.record(Event.STARTED, {"version": str(number)})
    print(number, flush=True)

async def main():
    async with AuditedStore.open(Path(sys.argv[1])) as store:
        for base in range(0, 1_000_000, 20):
            await asyncio.gather(*(write(store, base + n) for n in range(20)))

asyncio.run(main())
"""


async def test_what_was_answered_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        answered = [int(process.stdout.readline()) for _ in range(150)]
        process.kill()
        answered += [int(line) for line in process.stdout if line.endswith(b"\n")]
    verdict = await verify_database(folder)
    assert verdict.fault is None
    async with AuditedStore.open(folder) as store:
        kept = {int(record["data"]["version"]) for record in await store.state.read(records)}
        assert set(answered) <= kept
        await store.record(Event.STOPPED, {})
    assert (await verify_database(folder)).fault is None
