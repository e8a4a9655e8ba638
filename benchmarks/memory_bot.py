"""A bot's process with one screener: screens one file, on disk and streamed, and tells its own peak of memory.

    python -m benchmarks.memory_bot FOLDER FILE NAME MEDIA_TYPE

A process of its own, because a peak never goes down again. Prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.sessions import new_screener, pieces_of
from lazaretto.model import Report
from lazaretto_validators import Claim

__all__ = ["Told", "peak_of"]


@dataclass(frozen=True, slots=True)
class Told:
    """What the process tells: its peak in bytes, and of every report what has to be checked."""

    peak: int
    reports: list[tuple[str | None, int | None, str | None, list[str]]]


def peak_of(status: str, name: str = "VmHWM") -> int:
    """Bytes that /proc/PID/status names; 0 where it does not, as of a process that is being reaped."""
    lines = (line.split() for line in status.splitlines() if line.startswith(f"{name}:"))
    return next((int(words[1]) << 10 for words in lines), 0)


async def _screened(folder: Path, file: Path, claim: Claim) -> list[Report]:
    async with new_screener(folder) as screener:
        on_disk = await screener.screen_file(file, claim)
        async with screener.open(claim) as job:
            for piece in pieces_of(file):
                await job.feed(piece)
            return [on_disk, await job.finish()]


def main(folder: str, file: str, name: str, media_type: str) -> None:
    """Screen, and tell."""
    reports = asyncio.run(_screened(Path(folder), Path(file), Claim(name=name, media_type=media_type or None)))
    peak = peak_of(Path("/proc/self/status").read_text(encoding="utf-8"))
    said = [(r.media_type, r.size, r.sha256, sorted({f.rule for f in r.findings})) for r in reports]
    print(json.dumps(asdict(Told(peak, said))))


if __name__ == "__main__":
    main(*sys.argv[1:])
