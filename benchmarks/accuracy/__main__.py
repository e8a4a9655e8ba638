"""`python -m benchmarks.accuracy`: hold a run against what was reached; `--write` to renew page and figures."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy import page, reached
from benchmarks.accuracy.corpus import VARIABLE, find_corpus
from benchmarks.accuracy.measure import PRESET, evaluated
from benchmarks.accuracy.oracles import complaint
from benchmarks.accuracy.peers import PEERS, Missing, caught_by
from lazaretto.evaluation.manifest import Entry, read_manifest

__all__ = ["main"]

_ABSENT = f"""\
************************************************************************
NO CORPUS: accuracy was NOT measured, and nothing is known about it.
Name the folder with manifest.csv in {VARIABLE}, or put it at
../shared/corpus beside this checkout.
************************************************************************"""

_HELP = """\
Judges the labelled corpus with the preset that new groups start with, and fails where any share is worse than what
benchmarks/accuracy/reached.json keeps: of any format, of any class, of blocked files and of caught ones.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status: 0 as good as before or better, 1 worse, 2 not to be done."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=_HELP)
    parser.add_argument("--write", action="store_true", help="renew docs/accuracy.md and the figures; needs the peers")
    parser.add_argument("--even-if-worse", action="store_true", help="with --write: although a share got worse")
    options = parser.parse_args(arguments)
    manifest = find_corpus()
    if manifest is None:
        print(_ABSENT, file=sys.stderr)
        return 2 if options.write else 0
    figures = evaluated(manifest)
    worse = list(reached.fallen_behind(figures, reached.load())) if reached.FILE.exists() else []
    for sentence in worse:
        print(f"worse: {sentence}", file=sys.stderr)
    if worse and not options.even_if_worse:
        print("mend the rules, or say in the commit why this is right and renew with --write --even-if-worse")
        return 1
    _say(figures)
    if not options.write:
        return 0
    try:
        reached.store(_complete(figures, manifest))
    except Missing as missing:
        print(f"error: {missing}", file=sys.stderr)
        return 2
    page.FILE.write_text(page.page(reached.load()), encoding="utf-8")
    return 0


def _say(figures: Mapping[str, Any]) -> None:
    for label in ("benign", "hostile", "malformed"):
        counts = figures[label]
        print(f"{label}: {counts['blocked']} blocked and {counts['flagged']} flagged of {counts['total']}")
    print("accuracy: nowhere worse than what was reached before")


def _complete(figures: Mapping[str, Any], manifest: Path) -> dict[str, Any]:
    """The figures with the peers', and with what the reference decoders say of each malformed file that was missed."""
    entries = {entry.path: entry for entry in read_manifest(manifest)}
    mistakes = [_explained(mistake, entries[mistake["path"]]) for mistake in figures["mistakes"]]
    kept = {key: value for key, value in figures.items() if key not in ("seconds", "bytes", "unreadable")}
    return {**kept, "preset": PRESET, "mistakes": mistakes, "peers": _peers(list(entries.values()))}


def _explained(mistake: Mapping[str, Any], entry: Entry) -> dict[str, Any]:
    explained = {**mistake, "extension": entry.extension}
    if mistake["label"] == "malformed" and entry.extension in page.SCOPE:
        explained["oracle"] = complaint(entry.file, entry.extension)
    return explained


def _peers(entries: Sequence[Entry]) -> dict[str, Any]:
    peers: dict[str, Any] = {}
    for name in PEERS:
        version, caught = caught_by(name, entries)
        counts = Counter(_row(entry) for entry in entries if entry.path in caught)
        peers[name] = {"version": version, "caught": dict(counts)}
    return peers


def _row(entry: Entry) -> str:
    return entry.label.value if entry.label == "benign" else f"{entry.label} {entry.kind or '(no class)'}"


if __name__ == "__main__":
    sys.exit(main())
