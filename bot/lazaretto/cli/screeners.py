"""What every command that looks at files on disk needs: a screener, files in order, and a decision on each."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.markup import escape

from lazaretto.cli.inputs import Unreadable
from lazaretto.cli.output import errors, fail
from lazaretto.config import Settings
from lazaretto.model import Attachment, Claim, Decision, Part, Person, Place, Report
from lazaretto.policy import Policy, decide
from lazaretto.ports import Screener
from lazaretto.screening import WorkerScreener
from lazaretto.screening.in_process import InProcessScreener
from lazaretto.screening.screener import ScreenerUnavailable
from lazaretto.tasks import spawn
from lazaretto.text import shown
from lazaretto_validators import Limits

__all__ = ["DEFAULT_JOBS", "LARGEST", "Jobs", "complain_of", "decided", "in_order", "sandboxed", "unprotected"]

LARGEST = 4 << 30  # bytes: beyond, a file is judged by its size alone, as no chat platform's file is that large
_MOST_JOBS = 64  # at once: the queue of the process that forks the workers holds not many more
DEFAULT_JOBS = min(os.cpu_count() or 1, _MOST_JOBS)
Jobs = Annotated[int, typer.Option(min=1, max=_MOST_JOBS, help="Files screened at once.")]
_AHEAD = 4  # files under way for each job, so that a slow one does not stop the others while order is kept

Item = TypeVar("Item")
Result = TypeVar("Result")


@asynccontextmanager
async def sandboxed(jobs: int, largest: int, settings: Settings) -> AsyncIterator[Screener]:
    """A screener with a spool of its own. Ends the program where there can be none."""
    async with AsyncExitStack() as opened:
        try:
            folder = opened.enter_context(tempfile.TemporaryDirectory(prefix="lazaretto-", ignore_cleanup_errors=True))
            opening = WorkerScreener(
                Path(folder, "spool"),
                workers=jobs,
                seconds=settings.screening.seconds,
                cpu_seconds=settings.sandbox.cpu_seconds,
                max_file=largest,
                max_spool=LARGEST,
                limits=Limits(memory=settings.sandbox.memory),
                require=settings.sandbox.require,
            )
            screener = await opened.enter_async_context(opening)
        except ScreenerUnavailable as error:
            fail(
                f"no file can be screened: {error}",
                "put that right; files of your own can be looked at with lazaretto scan --no-sandbox",
            )
        except OSError as error:
            remedy = "make room in the folder for temporary files, or name another in TMPDIR"
            fail(f"no file can be screened: {error.strerror or error}", remedy)
        yield screener


@asynccontextmanager
async def unprotected(largest: int) -> AsyncIterator[Screener]:
    """No sandbox at all, and nobody is to overlook it."""
    errors.print(
        "[bold red]NO SANDBOX:[/] files are parsed in this very process, with all your rights and without limits.\n"
        "            This is for debugging validators. Never do it with files that a stranger chose.",
        soft_wrap=True,
    )
    with tempfile.TemporaryDirectory(prefix="lazaretto-") as folder:
        yield InProcessScreener(Path(folder), largest)


async def in_order(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], show: Callable[[Result], None], jobs: int
) -> None:
    """`work` on every item, `jobs` at once, and have every result shown in the order of the items."""
    places = asyncio.Semaphore(jobs)
    under_way: deque[asyncio.Task[Result]] = deque()

    async def placed(item: Item) -> Result:
        async with places:
            return await work(item)

    try:
        for item in items:
            under_way.append(spawn(placed(item), "screening of a file"))
            if len(under_way) >= _AHEAD * jobs:
                show(await under_way.popleft())
        while under_way:
            show(await under_way.popleft())
    finally:
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)


def complain_of(file: Unreadable) -> None:
    """Say on standard error that a file could not be read, and why."""
    path, why = escape(shown(file.path, 300)), escape(shown(file.why, 300))
    errors.print(f"[bold red]unreadable:[/] {path}: {why}", soft_wrap=True)


def decided(claim: Claim, report: Report, policy: Policy) -> Decision:
    """The decision on a file as if a member had posted it, by the very same `decide`."""
    part = Part(0, "", "", "", claim)
    place, sender = Place("disk", ""), Person("disk", "", "")
    posted = Attachment("", place, "", "", sender, "document", (part,), datetime.now(UTC))
    return decide(posted, [report], policy)
