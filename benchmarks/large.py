"""Large files of every kind: what the validators and the sandbox add to hashing, copying and inflating them.

Targets: a structural look is at least 0.6 times as fast as SHA-256 over the same bytes, and half as fast where every
part of a file is searched for another one; a look that has to inflate is at least 0.8 times as fast as zlib alone on
the same streams. Stored deflate blocks count as structure: nothing is
packed in them, and zlib copies them faster than memory is read twice.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks import peers
from benchmarks.files import KINDS, Made
from benchmarks.options import GIB, MIB, Options, say, sized
from benchmarks.results import Figure, Section, figure, ratio
from benchmarks.sessions import new_screener, on_disk, streamed
from lazaretto.screening import WorkerScreener

__all__ = ["run"]

STRUCTURAL = 0.6
WALKED = 0.5
INFLATING = 0.8

_STRUCTURE = (
    "png, stored blocks", "png, one chunk", "zip, stored", "elf", "pe", "unknown", "text",
)  # fmt: skip
_WALKED = (
    "jpeg", "gif", "bmp", "webp", "wave", "mp3", "ogg", "avi", "mp4",
    "pdf, pictures", "rtf", "ole2", "gzip, stored", "tar",
)  # fmt: skip
_INFLATED = (
    "png, noise", "png, gradient", "zip, one deflated", "zip, many deflated", "pdf, deflated", "gzip, deflated",
)  # fmt: skip
_LARGEST = ("png, stored blocks", "zip, stored", "wave", "text")

_MOST = {
    "zip, one deflated": 64 * MIB,
    "gzip, stored": 64 * MIB,
    "gzip, deflated": 64 * MIB,
    "pdf, deflated": 64 * MIB,
    "jpeg": 64 * MIB,
}
"""A packed member is kept while its validator looks, and `Limits.member_bytes` allows 100 MiB. A photograph may have
100 million pixels, and of a larger PDF not all streams are inflated."""

_SIDES = ("sha256", "read", "copy", "zlib", "inspect", "session", "streamed")


def run(options: Options) -> Section:
    """Every kind in every size."""
    return Section("large", "Large files", tuple(asyncio.run(_measured(options))), _NOTES)


_NOTES = (
    "Speeds are of the file's own bytes; a packed file is named by the size of what comes out of it.",
    "session: a whole sandboxed session on a file on disk; streamed: the same with the bytes fed in 256 KiB pieces.",
)


async def _measured(options: Options) -> list[Figure]:
    figures: list[Figure] = []
    async with new_screener(options.folder) as screener:
        for kind, size in _cases(options):
            say(f"large: {kind}, {sized(size)}")
            build, extension = KINDS[kind]
            made = await asyncio.to_thread(build, options.folder / f"file{extension}", size)
            rounds = min(options.rounds, 3) if size >= GIB else options.rounds
            seconds: dict[str, list[float]] = defaultdict(list)
            for _ in range(rounds):
                for side, took in (await _round(screener, made, options.folder)).items():
                    seconds[side].append(took)
            figures += _figures(f"{kind}, {sized(size)}", kind, made, seconds)
            made.path.unlink()
    return figures


def _cases(options: Options) -> Iterator[tuple[str, int]]:
    sizes = (MIB, 4 * MIB) if options.short else (8 * MIB, 64 * MIB, 256 * MIB, GIB)
    for kind in (*_STRUCTURE, *_WALKED, *_INFLATED):
        for size in sizes:
            if size <= _MOST.get(kind, size) and (size < GIB or kind in _LARGEST):
                yield kind, size


async def _round(screener: WorkerScreener, made: Made, folder: Path) -> dict[str, float]:
    """Seconds of every side, one after the other: what slows the machine down slows them all."""
    seconds = {
        "sha256": peers.hashed(made),
        "read": peers.read(made),
        "copy": peers.copied(made, folder / "copy"),
        "inspect": peers.inspected(made),
        "session": await on_disk(screener, made),
        "streamed": (await streamed(screener, made)).reported,
    }
    if made.packed:
        seconds["zlib"] = peers.inflated(made)
    return seconds


def _figures(subject: str, kind: str, made: Made, seconds: dict[str, list[float]]) -> Iterator[Figure]:
    def speed(samples: Sequence[float]) -> list[float]:
        return [made.size / MIB / sample for sample in samples]

    for side in _SIDES:
        if side in seconds:
            yield figure(subject, side, "MiB/s", speed(seconds[side]))
    packed = kind in _INFLATED
    structural = None if packed else WALKED if kind in _WALKED else STRUCTURAL
    yield ratio(subject, "sha256 / inspect", seconds["sha256"], seconds["inspect"], target=structural)
    if made.packed:
        target = INFLATING if packed else None
        yield ratio(subject, "zlib / inspect", seconds["zlib"], seconds["inspect"], target=target)
    for side in ("session", "streamed"):
        yield ratio(subject, f"sha256 / {side}", seconds["sha256"], seconds[side])
        yield ratio(subject, f"copy / {side}", seconds["copy"], seconds[side])
