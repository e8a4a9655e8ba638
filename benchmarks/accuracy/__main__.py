"""`python -m benchmarks.accuracy`: hold a run against what was reached; `--write` to renew page and figures."""

from __future__ import annotations

import argparse
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.accuracy import page, reached
from benchmarks.accuracy.corpus import VARIABLE, find_corpus
from benchmarks.accuracy.measure import PRESET, Unusable, evaluated
from benchmarks.accuracy.oracles import complaint
from benchmarks.accuracy.peers import PEERS, Missing, caught_by
from lazaretto.evaluation.manifest import Entry, read_manifest
from lazaretto_validators import default_registry
from lazaretto_validators.media_types import BY_EXTENSION

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
    try:
        return _run(write=options.write, even_if_worse=options.even_if_worse)
    except (FileNotFoundError, Unusable, Missing) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def _run(*, write: bool, even_if_worse: bool) -> int:
    manifest = find_corpus()
    if manifest is None:
        print(_ABSENT, file=sys.stderr)
        return 2 if write else 0
    figures = evaluated(manifest)
    kept = reached.load() if reached.FILE.exists() else None
    worse = list(reached.fallen_behind(figures, kept)) if kept else []
    for sentence in worse:
        print(f"worse: {sentence}", file=sys.stderr)
    if worse and not even_if_worse:
        print("mend the rules, or say in the commit why this is right and renew with --write --even-if-worse")
        return 1
    _say(figures, worse)
    if write:
        reached.store(_complete(figures, manifest))
        page.FILE.write_text(page.page(reached.load()), encoding="utf-8")
    elif kept and (better := len(list(reached.fallen_behind(kept, figures)))):
        print(f"{better} shares are better or new: keep them with --write")
    return 0


def _say(figures: Mapping[str, Any], worse: Sequence[str]) -> None:
    for label in ("benign", "hostile", "malformed"):
        counts = figures[label]
        print(f"{label}: {counts['blocked']} blocked and {counts['flagged']} flagged of {counts['total']}")
    print(f"accuracy: {len(worse) or 'no'} shares worse than what was reached before")


def _complete(figures: Mapping[str, Any], manifest: Path) -> dict[str, Any]:
    """The figures with the peers', and with what the reference decoders say of each malformed file that was missed."""
    entries = {entry.path: entry for entry in read_manifest(manifest)}
    judged = sorted(name for name in figures["by_format"] if _is_judged(name))
    mistakes = [_explained(mistake, entries[mistake["path"]], judged) for mistake in figures["mistakes"]]
    kept = {key: value for key, value in figures.items() if key not in ("seconds", "bytes", "unreadable")}
    peers = {name: _peer(name, list(entries.values())) for name in PEERS}
    return {**kept, "preset": PRESET, "judged": judged, "mistakes": mistakes, "peers": peers}


_SAME: Mapping[str, str] = {"cfb": "doc", "com": "exe", "f4v": "mp4"}  # extensions that stand for no type of their own


def _is_judged(extension: str) -> bool:
    """Has the format that the extension stands for a validator?"""
    media_type = BY_EXTENSION.get(_SAME.get(extension, extension))
    return media_type is not None and default_registry().judge_of(media_type) is not None


def _explained(mistake: Mapping[str, Any], entry: Entry, judged: Sequence[str]) -> dict[str, Any]:
    explained = {**mistake, "extension": entry.extension}
    if mistake["label"] == "malformed" and entry.extension in judged:
        explained["oracle"] = complaint(entry.file, entry.extension)
    return explained


def _peer(name: str, entries: Sequence[Entry]) -> dict[str, Any]:
    """What a peer catches: its version, numbers by class, and numbers by format and label."""
    version, caught = caught_by(name, entries)
    found = [entry for entry in entries if entry.path in caught]
    by_format: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in found:
        by_format[entry.extension][entry.label.value] += 1
    return {"version": version, "caught": Counter(map(_row, found)), "by_format": by_format}


def _row(entry: Entry) -> str:
    return entry.label.value if entry.label == "benign" else f"{entry.label} {entry.kind or '(no class)'}"


if __name__ == "__main__":
    sys.exit(main())
