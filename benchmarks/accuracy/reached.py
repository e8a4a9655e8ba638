"""What was reached, kept beside the code (`reached.json`), and whether a new run falls behind it.

Shares are compared, not counts, so that a corpus may grow; each by itself, so that one format's gain hides no other's
loss. Of benign files fewer is better, of the others more. Blocked and caught (blocked or flagged) are held separately.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

__all__ = ["FILE", "fallen_behind", "load", "store"]

FILE = Path(__file__).with_name("reached.json")


def load() -> dict[str, Any]:
    """The kept figures."""
    kept: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return kept


def store(figures: Mapping[str, Any]) -> None:
    """Keep these figures from now on."""
    FILE.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def fallen_behind(now: Mapping[str, Any], kept: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each share that got worse, for each crash, and for each kind of file that is gone."""
    if now["crashes"]:
        yield f"{now['crashes']} files ended their worker or raised an exception"
    theirs, ours = dict(_cells(kept)), dict(_cells(now))
    for name, before in theirs.items():
        if (after := ours.get(name)) is None:
            yield f"{' '.join(name)}: there were {before['total']} files of this kind, and now there is none"
            continue
        yield from _compared(" ".join(name), before, after, more_is_better=name[1] != "benign")


def _compared(name: str, before: Mapping[str, int], after: Mapping[str, int], *, more_is_better: bool) -> Iterator[str]:
    for what, was, now in (
        ("blocked", before["blocked"], after["blocked"]),
        ("blocked or flagged", before["blocked"] + before["flagged"], after["blocked"] + after["flagged"]),
    ):
        gained = now * before["total"] - was * after["total"]  # the difference of the shares, times both totals
        if (gained < 0) if more_is_better else (gained > 0):
            yield f"{name}: {now} of {after['total']} {what}, before {was} of {before['total']}"


def _cells(figures: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str, str], Mapping[str, int]]]:
    """Every count by (what kind of row, label, name)."""
    yield ("all", "benign", ""), figures["benign"]
    for label in ("hostile", "malformed"):
        for kind, counts in figures[label]["by_class"].items():
            yield ("class", label, kind), counts
    for extension, labels in figures["by_format"].items():
        for label, counts in labels.items():
            yield ("format", label, extension), counts
