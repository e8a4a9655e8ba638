"""Many sessions at once, most of them hostile, and processes killed meanwhile: `python -I chaos.py FOLDER COUNT SEED`.

Prints one line of JSON: what came of the honest files and of the hostile ones, and what was left behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

__all__ = ["main"]

HOSTILE = (
    "socket", "read-a-file", "fork", "execute", "kill-parent", "map-code", "one-allocation", "python-loop", "flood",
    "no-json", "unknown-rule", "two-answers", "silent-exit", "null-pointer", "abort", "recursion",
)  # fmt: skip
AT_ONCE = 8
KILLS = 12  # of a random worker or zygote


def _descendants() -> list[int]:
    """Process ids of our children and theirs."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    children = {pid for pid, parent in parents.items() if parent == os.getpid()}
    return sorted(children | {pid for pid, parent in parents.items() if parent in children})


async def run(folder: str, count: int, seed: int) -> dict[str, Any]:
    """The sessions, in random order and in random pieces."""
    from attackers.attacks import MAGIC
    from attackers.campaign import ZYGOTE
    from lazaretto.model import Claim, Report
    from lazaretto.screening import WorkerScreener
    from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend
    from lazaretto_validators import Limits

    chance = random.Random(seed)
    honest, hostile = Counter[str](), Counter[str]()
    kinds = ["honest"] * (2 * count // 5) + [chance.choice(HOSTILE) for _ in range(count - 2 * count // 5)]
    chance.shuffle(kinds)
    left = iter(kinds)

    async def one(screener: WorkerScreener, kind: str) -> None:
        name = "none" if kind == "honest" else kind
        data = MAGIC + name.encode() + b"\n" + chance.randbytes(chance.choice((0, 100, 20_000)))
        async with screener.open(Claim()) as job:
            while data:
                size = chance.choice((5, 1000, 70_000))
                await job.feed(data[:size])
                data = data[size:]
            count_in(kind, await job.finish())

    def count_in(kind: str, report: Report) -> None:
        rules = ",".join(sorted({finding.rule for finding in report.findings}))
        if kind == "honest":
            honest[rules if rules or report.media_type != "application/x-attack" else "clean"] += 1
        else:
            hostile[rules] += 1

    async def customer(screener: WorkerScreener) -> None:
        for kind in left:
            await one(screener, kind)

    async def killer() -> None:
        for _ in range(KILLS):
            await asyncio.sleep(chance.uniform(0.2, 0.6))
            if victims := _descendants():
                try:
                    os.kill(chance.choice(victims), signal.SIGKILL)
                except OSError:  # gone already, or of another user
                    continue

    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    command = (sys.executable, "-I", "-c", ZYGOTE.format(folder=folder))
    with tempfile.TemporaryDirectory() as work:
        screener = WorkerScreener(
            Path(work, "spool"),
            workers=AT_ONCE,
            spares=2,
            cpu_seconds=0.3,
            limits=Limits(memory=256 << 20),
            backend=ZygoteBackend(command=command),
        )
        async with screener:
            killing = asyncio.ensure_future(killer())
            await asyncio.gather(*(customer(screener) for _ in range(AT_ONCE)))
            killing.cancel()
    return {
        "honest": honest,
        "hostile": hostile,
        "descriptors": len(os.listdir("/proc/self/fd")) - descriptors,  # noqa: PTH208
        "processes": len(_descendants()),
    }


def main(arguments: list[str]) -> None:
    """See the module."""
    folder, count, seed = arguments
    sys.path.insert(0, folder)
    print(json.dumps(asyncio.run(run(folder, int(count), int(seed)))))


if __name__ == "__main__":
    main(sys.argv[1:])
