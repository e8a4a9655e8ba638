"""`docs/accuracy.md`, written from `reached.json` alone, so that a test can hold the one against the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["FILE", "page"]

FILE = Path(__file__).parents[2] / "docs" / "accuracy.md"

_TEMPLATE = Path(__file__).with_name("page.template.md")
_LABELS = ("benign", "hostile", "malformed")
_CLASSES: Mapping[str, str] = {
    "benign": "ordinary files",
    "hostile active": "scripts, macros, launch actions, remote parts in documents",
    "hostile active-content": "the same, found in a collection",
    "hostile append": "a second file behind the end of the first",
    "hostile bomb": "small files that unpack to very large ones",
    "hostile dangerous": "programs, installers and shortcuts under their own names",
    "hostile dangerous-type": "the same, found in collections",
    "hostile eicar": "the test file of virus scanners, plain and packed",
    "hostile polyglot": "two formats at once, valid in both",
    "hostile prepend": "a second file in front of the first",
    "hostile spoof": "one type under the name of another",
    "hostile struct": "structures as known exploits have them",
    "hostile zipstruct": "ZIP files that readers disagree about",
    "malformed (no class)": "damaged files of test collections",
    "malformed fuzz": "crashes and rejects that fuzzers found",
    "malformed mutation": "ordinary files with a few bytes changed",
    "malformed named-broken": "files that test collections keep as broken",
}
"""What the classes of the corpus are; others go without."""


def page(figures: Mapping[str, Any]) -> str:
    """The whole page."""
    judged = set(figures["judged"])
    by_format = figures["by_format"]
    return _TEMPLATE.read_text(encoding="utf-8").format(
        files=figures["files"],
        preset=figures["preset"],
        overall="".join(_overall(figures)),
        classes="".join(_classes(figures)),
        judged="".join(_formats(figures, [name for name in by_format if name in judged])),
        others="".join(_formats(figures, [name for name in by_format if name not in judged])),
        **{label: "".join(_mistakes(figures, label)) for label in _LABELS},
    )


def _overall(figures: Mapping[str, Any]) -> Iterator[str]:
    yield _row("what they are", "files", "blocked", "flagged", "neither", "not looked at in full")
    yield _line(6)
    for label in _LABELS:
        counts, total = figures[label], figures[label]["total"]
        neither = total - _caught(counts)
        numbers = (counts["blocked"], counts["flagged"], neither, counts["unscannable"])
        yield _row(label, total, *(f"{number} ({_share(number, total)})" for number in numbers))
    yield f"\nNo validator raised, and no worker died: {figures['crashes']} crashes.\n"


def _classes(figures: Mapping[str, Any]) -> Iterator[str]:
    peers = figures["peers"]
    yield _row("class", "what it is", "files", "blocked", "caught", *(f"{name} caught" for name in peers))
    yield _line(5 + len(peers))
    for name, counts in _counted(figures):
        total = counts["total"]
        ours = (_share(counts["blocked"], total), _share(_caught(counts), total))
        theirs = (_share(peer["caught"].get(name, 0), total) for peer in peers.values())
        yield _row(name, _CLASSES.get(name, ""), total, *ours, *theirs)
    yield f"\nPeers: {', '.join(peer['version'] for peer in peers.values())}.\n"


def _counted(figures: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, int]]]:
    yield "benign", figures["benign"]
    for label in ("hostile", "malformed"):
        for kind, counts in figures[label]["by_class"].items():
            yield f"{label} {kind or '(no class)'}", counts


def _formats(figures: Mapping[str, Any], names: Iterable[str]) -> Iterator[str]:
    """A row for each format and label."""
    peers = figures["peers"]
    yield _row("format", "label", "files", "blocked", "flagged", *(f"{name} caught" for name in peers))
    yield _line(5 + len(peers))
    for name in names:
        for label, counts in figures["by_format"][name].items():
            theirs = (peer["by_format"].get(name, {}).get(label, 0) for peer in peers.values())
            yield _row(name, label, counts["total"], counts["blocked"], counts["flagged"], *theirs)


def _mistakes(figures: Mapping[str, Any], label: str) -> Iterator[str]:
    judged = figures["judged"]
    rows: Sequence[Mapping[str, Any]] = [
        row
        for row in figures["mistakes"]
        if row["label"] == label and (label != "malformed" or row["extension"] in judged)
    ]
    if not rows:
        yield "None.\n"
        return
    last = {"benign": "decision and rules", "hostile": "what was found", "malformed": "what its decoder says"}[label]
    yield _row("file", "class", last)
    yield _line(3)
    for row in rows:
        rules = ", ".join(f"`{rule}`" for rule in row["rules"][:4]) or "nothing"
        said = {"benign": f"{row['decision']}: {rules}", "hostile": rules, "malformed": row.get("oracle", "")}[label]
        yield _row(f"`{row['path']}`", row["class"], said)


def _row(*cells: object) -> str:
    return f"| {' | '.join(_cell(str(cell)) for cell in cells)} |\n"


def _line(columns: int) -> str:
    return "|---" * columns + "|\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _caught(counts: Mapping[str, int]) -> int:
    return counts["blocked"] + counts["flagged"]


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
