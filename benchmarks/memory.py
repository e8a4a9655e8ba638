"""How much memory the bot and a worker take at their peak, from small files to very large ones.

Target: flat. The peak at the largest size is at most 16 MiB above the one at the smallest.

The bot is a process of its own for every file and tells its own peak; a worker's is read from outside about every
millisecond while it lives, so that its very last growth may be missed. Needs Linux.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from benchmarks.files import KINDS, Made
from benchmarks.memory_bot import Told, peak_of
from benchmarks.options import GIB, MIB, Options, say, sized
from benchmarks.reports import compare
from benchmarks.results import Figure, Section, figure

__all__ = ["run"]

FLAT_MIB = 16.0

_KINDS = ("png, stored blocks", "wave", "zip, stored")
_EVERY = 0.001
_SECONDS = 300.0

_NOTES = ("Each file is screened on disk and streamed. worker, own: what it does not share with a file (RssAnon).",)
_UNREADABLE = "The workers' peaks cannot be read: they are another user's, and /proc hides those here. Run it as root."
_NOT_LINUX = "Peaks of processes are read from /proc, which only Linux has."


def run(options: Options) -> Section:
    """Every kind in every size."""
    if sys.platform != "linux":
        return Section("memory", "Memory", (), (_NOT_LINUX,))
    sizes = (MIB, 4 * MIB) if options.short else (MIB, 64 * MIB, 512 * MIB, 2 * GIB)
    figures: list[Figure] = []
    for kind in _KINDS:
        peaks: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
        for size in sizes:
            say(f"memory: {kind}, {sized(size)}")
            for name, peak in _peaks(options, kind, size):
                peaks[name][size].append(peak / MIB)
        figures += _figures(kind, peaks)
    readable = any(f.name.startswith("worker") for f in figures)
    return Section("memory", "Memory", tuple(figures), _NOTES if readable else (*_NOTES, _UNREADABLE))


def _figures(kind: str, peaks: dict[str, dict[int, list[float]]]) -> Iterator[Figure]:
    """The highest peak of all rounds counts, and how much it grows from the smallest file to the largest."""
    for name, by_size in peaks.items():
        for size, samples in by_size.items():
            yield Figure(f"{kind}, {sized(size)}", name, "MiB", max(samples), tuple(samples), better="lower")
        growth = max(by_size[max(by_size)]) - max(by_size[min(by_size)])
        yield figure(f"{kind}, growth", name, "MiB", [growth], target=FLAT_MIB, better="lower")


def _peaks(options: Options, kind: str, size: int) -> Iterator[tuple[str, int]]:
    """Bytes, of each process, for every round."""
    build, extension = KINDS[kind]
    made = build(options.folder / f"file{extension}", size)
    # A worker that lives for some milliseconds only is looked at more often; one that lives for seconds is seen well.
    for _ in range(options.rounds if size <= MIB else 1):
        told, workers = _watched(options.folder, made)
        for media_type, length, sha256, rules in told.reports:
            compare(made, (media_type, length, sha256, frozenset(rules)))
        yield "bot", told.peak
        if workers:
            yield "worker", max(peak for peak, _ in workers.values())
            yield "worker, own", max(own for _, own in workers.values())
    made.path.unlink()


def _watched(folder: Path, made: Made) -> tuple[Told, dict[int, tuple[int, int]]]:
    """What the bot tells, and its workers' peaks: of all memory, and of what is theirs alone."""
    command = [sys.executable, "-m", "benchmarks.memory_bot", str(folder), str(made.path)]
    command += [str(made.claim.name), made.claim.media_type or ""]
    workers: dict[int, tuple[int, int]] = {}
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root, text=True) as bot:
        deadline = time.monotonic() + _SECONDS
        while bot.poll() is None:
            if time.monotonic() > deadline:
                bot.kill()
            for worker in (w for zygote in _children(bot.pid) for w in _children(zygote)):
                workers[worker] = _higher(workers.get(worker, (0, 0)), worker)
            time.sleep(_EVERY)
        said = bot.stdout.read() if bot.stdout else ""
    if bot.returncode:
        raise RuntimeError(f"the bot whose memory is measured ended with status {bot.returncode}")
    return Told(**json.loads(said)), {pid: peaks for pid, peaks in workers.items() if any(peaks)}


def _children(pid: int) -> list[int]:
    """Process ids of a process's children, whichever of its threads started them."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (thread / "children").read_text(encoding="ascii").split())
    except OSError:
        pass  # it has ended meanwhile
    return found


def _higher(before: tuple[int, int], pid: int) -> tuple[int, int]:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8", errors="replace")
    except OSError:  # it has ended, or is none of our business
        return before
    return max(before[0], peak_of(status)), max(before[1], peak_of(status, "RssAnon"))
