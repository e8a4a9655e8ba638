"""Runs attacks behind the lock and prints what came of each: `python -I campaign.py FOLDER FLAG... -- ATTACK...`

FOLDER holds the packages and the distribution of the attacking validator. Without ATTACK, all are run. FLAG: those of
the zygote, or `exec` for interpreters behind what POSIX offers. One line of JSON an attack: [name, rule, seen, layers],
then one with what is left: ["", descriptors opened and not closed, processes, []].
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from pathlib import Path

__all__ = ["main"]

ZYGOTE = (
    "import sys; sys.path.insert(0, {folder!r}); "
    "from lazaretto.screening.sandbox import zygote; zygote.main(sys.argv[1:])"
)


EXEC = (
    "import sys; sys.path.insert(0, {folder!r}); import os; "
    "from lazaretto.screening.sandbox import exec_worker; os._exit(exec_worker.main(sys.argv[1:]))"
)


async def run(folder: str, flags: list[str], names: list[str]) -> None:
    """Print what came of each attack."""
    from attackers.attacks import ATTACKS, MAGIC
    from lazaretto.model import Claim
    from lazaretto.screening import WorkerScreener
    from lazaretto.screening.sandbox.backend import Backend
    from lazaretto.screening.sandbox.exec_backend import ExecBackend
    from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend
    from lazaretto_validators import Limits

    require = not flags
    command = (sys.executable, "-I", "-c", ZYGOTE.format(folder=folder))
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    with tempfile.TemporaryDirectory() as work:
        backend: Backend = ZygoteBackend(command=command, flags=flags, require=require)
        if "exec" in flags:
            backend = ExecBackend(command=(sys.executable, "-I", "-c", EXEC.format(folder=folder)))
        screener = WorkerScreener(
            Path(work, "spool"),
            workers=1,
            cpu_seconds=0.5,
            seconds=2.0 if "exec" in flags else 20.0,
            limits=Limits(memory=256 << 20),
            require=require,
            backend=backend,
        )
        async with screener:
            for name in names or ATTACKS:
                async with screener.open(Claim()) as job:
                    await job.feed(MAGIC + name.encode() + b"\n")
                    report = await job.finish()
                worst = report.findings[0] if report.findings else None
                print(json.dumps([name, worst and worst.rule, worst and worst.seen, report.layers]), flush=True)
    left = len(os.listdir("/proc/self/fd")) - before  # noqa: PTH208
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    print(json.dumps(["", left, len(children), []]))


def main(arguments: list[str]) -> None:
    """See the module."""
    folder, (flags, names) = arguments[0], _split(arguments[1:])
    sys.path.insert(0, folder)
    asyncio.run(run(folder, flags, names))


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


if __name__ == "__main__":
    main(sys.argv[1:])
