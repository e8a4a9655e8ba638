"""A log of a million records: how soon a search and a case are there, how fast it verifies, what an export holds.

The searches are those that the commands offer, each with many values drawn by chance: rare ones and ones that nearly
every record has.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import perf_counter

from sqlalchemy import Connection

from benchmarks.log_making import GROUPS, MEMBERS, START, WORDS, case_numbers, make_log
from benchmarks.memory_bot import peak_of
from benchmarks.options import MIB, Options, say
from benchmarks.results import Figure, Section, figure, percentile
from lazaretto.audit import AuditedStore, Event, verify_database
from lazaretto.audit.search import Query, search
from lazaretto.model import Action
from lazaretto.state import DATABASE, cases

__all__ = ["run"]

SEARCH_MS, VERIFIED, GROWTH_MIB = 200.0, 50_000.0, 8.0
"""Targets: p95 of a search and of a case, records verified a second, and how much more memory a longer log takes."""

_NOTES = (
    f"{GROUPS} groups, {MEMBERS} members; one attachment of twelve is held. Many searches find little.",
    "/case: the case with its reports, and all records of its attachment.",
    "export: the peak of a process of its own that writes a tenth of the log, and the whole of it.",
)


def run(options: Options) -> Section:
    """Make the log, and measure what is done with it."""
    return asyncio.run(_measured(options))


async def _measured(options: Options) -> Section:
    records = 1_500 if options.short else 1_000_000
    folder = options.folder / "state"
    say(f"log: making {records:,} records")
    async with AuditedStore.open(folder) as store:
        began = perf_counter()
        await make_log(store, records)
        took = perf_counter() - began
        count = 3 if options.short else 40
        figures = [figure("the log", "made in", "s", [took], better="lower")]
        say("log: searching")
        figures += await store.state.read(lambda connection: list(_searches(connection, count)))
        say("log: cases")
        figures.append(await store.state.read(lambda connection: _cases(connection, 10 * count)))
    size = (folder / DATABASE).stat().st_size / MIB
    figures.append(figure("the log", "database", "MiB", [size], better="lower"))
    say("log: verifying")
    figures.append(await _verified(folder, min(options.rounds, 3)))
    say("log: exporting")
    figures += _exported(folder, records)
    return Section("log", f"The audit log: {records:,} records", tuple(figures), _NOTES)


def _queries(rng: random.Random) -> Mapping[str, Callable[[], Query]]:
    def group() -> str:
        return f"telegram:-100{rng.randrange(GROUPS)}"

    def day() -> timedelta:
        return timedelta(seconds=40 * rng.randrange(200_000))

    return {
        "newest": Query,
        "group": lambda: Query(group=group()),
        "member": lambda: Query(member=str(10_000 + rng.randrange(MEMBERS))),
        "rule": lambda: Query(rules=(rng.choice(["claim.*", "pdf.javascript", "gif.*"]),)),
        "decision": lambda: Query(actions=(rng.choice([Action.QUARANTINE, Action.FORWARD, Action.REJECT]),)),
        "event": lambda: Query(events=(rng.choice(list(Event)),)),
        "a day": lambda: Query(since=START + (at := day()), until=START + at + timedelta(days=1)),
        "group, rule, a month": lambda: Query(
            group=group(), rules=("zip.*",), since=START + (at := day()), until=START + at + timedelta(days=30)
        ),
        "group, refused presses": lambda: Query(group=group(), events=(Event.REFUSED_PRESS,)),
        "three groups, quarantine": lambda: Query(chats={group(), group(), group()}, actions=(Action.QUARANTINE,)),
        "member, group, decision": lambda: Query(
            member=str(10_000 + rng.randrange(MEMBERS)), group=group(), actions=(Action.QUARANTINE,)
        ),
        "a file's name": lambda: Query(text=f"{rng.choice(WORDS)} {rng.randrange(200_000)}"),
        "a common word": lambda: Query(text=rng.choice([*WORDS, "pdf", "image"])),
        "three common words": lambda: Query(text=" ".join(rng.choices(WORDS, k=3))),
        "a word of the log, in a group": lambda: Query(text="right to delete", group=group()),
        "a common word, in a group": lambda: Query(text=rng.choice(WORDS), group=group()),
        "a word that nobody said": lambda: Query(text="quetzalcoatl"),
        "a digest": lambda: Query(text="00ff" + "".join(rng.choices("0123456789abcdef", k=6))),
    }


def _searches(connection: Connection, count: int) -> Iterator[Figure]:
    queries, every = _queries(random.Random(3)), []
    for name, made in queries.items():
        samples = [_ms(partial(search, connection, made())) for _ in range(count)]
        every += samples
        yield Figure(f"search: {name}", "p95", "ms", percentile(samples, 95), tuple(samples), None, "lower")
    yield Figure("all searches", "p95", "ms", percentile(every, 95), tuple(every), SEARCH_MS, "lower")


def _cases(connection: Connection, count: int) -> Figure:
    known = random.Random(4).choices(case_numbers(connection), k=count)

    def look(number: int) -> None:
        if cases.load(connection, number) is None or not search(connection, Query(case=number, limit=None)):
            raise RuntimeError(f"case {number} has no records")

    samples = [_ms(partial(look, number)) for number in known]
    return Figure("/case", "p95", "ms", percentile(samples, 95), tuple(samples), SEARCH_MS, "lower")


def _ms(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return 1000 * (perf_counter() - began)


async def _verified(folder: Path, rounds: int) -> Figure:
    speeds = []
    for _ in range(rounds):
        began = perf_counter()
        verdict = await verify_database(folder)
        speeds.append(verdict.records / (perf_counter() - began))
        if verdict.fault is not None:
            raise RuntimeError(verdict.fault.what)
    return figure("verification", "speed", "records/s", speeds, target=VERIFIED)


_EXPORT = """
import sys
from pathlib import Path
from lazaretto.cli import app
try:
    app()
finally:
    status = Path("/proc/self/status")
    sys.stderr.write("\\n" + (status.read_text() if status.exists() else ""))
"""
"""The command, and what the kernel says of its process. (What `getrusage` says is at least its parent's peak.)"""


def _exported(folder: Path, records: int) -> Iterator[Figure]:
    """Peaks of the whole command: a tenth of the log, and all of it. Linux tells them."""
    if sys.platform != "linux":
        return
    tenth = (START + timedelta(seconds=40 * records // 48)).isoformat()
    for form in ("jsonl", "csv", "ocsf"):
        asked = ["audit", "export", "--state", str(folder), "--format", form]
        less, more = _peak([*asked, "--until", tenth]), _peak(asked)
        name = f"export, {form}"
        yield figure(name, "peak for a tenth", "MiB", [less], better="lower")
        yield figure(name, "peak for all", "MiB", [more], better="lower")
        yield figure(name, "difference", "MiB", [more - less], target=GROWTH_MIB, better="lower")


def _peak(arguments: list[str]) -> float:
    with Path("/dev/null").open("wb") as nowhere:
        ended = subprocess.run(
            [sys.executable, "-c", _EXPORT, *arguments], stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False
        )
    if ended.returncode != 0:
        raise RuntimeError(json.dumps(ended.stderr[-500:]))
    return peak_of(ended.stderr) / MIB
