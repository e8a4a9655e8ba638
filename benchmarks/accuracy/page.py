"""`docs/accuracy.md`, written from `reached.json` alone, so that a test can hold the one against the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["FILE", "page"]

FILE = Path(__file__).parents[2] / "docs" / "accuracy.md"

SCOPE = frozenset(
    [
        "jpg",
        "jpeg",
        "mpo",
        "gif",
        "bmp",
        "dib",
        "webp",
        "png",
        "apng",
        "wav",
        "avi",
        "mp4",
        "m4v",
        "m4a",
        "m4b",
        "mov",
        "3gp",
        "3g2",
        "f4v",
        "heic",
        "heif",
        "avif",
        "mp3",
        "ogg",
        "oga",
        "ogv",
        "opus",
        "spx",
        "pdf",
        "gz",
        "tgz",
        "tar",
        "rtf",
        "doc",
        "xls",
        "ppt",
        "msg",
        "cfb",
        "svg",
        "svgz",
        "htm",
        "html",
        "zip",
        "zipx",
        "jar",
        "docx",
        "docm",
        "dotx",
        "dotm",
        "xlsx",
        "xlsm",
        "xlsb",
        "xltx",
        "xltm",
        "pptx",
        "pptm",
        "potx",
        "ppsx",
        "ppsm",
        "vsdx",
        "exe",
        "dll",
        "scr",
        "com",
        "elf",
        "macho",
        "js",
        "py",
        "hta",
        "txt",
        "json",
    ]
)
"""Extensions whose formats have a validator of their own. Others are identified, and searched for second files."""

_TEMPLATE = Path(__file__).with_name("page.template.md")


def page(figures: Mapping[str, Any]) -> str:
    """The whole page."""
    return _TEMPLATE.read_text(encoding="utf-8").format(
        files=figures["files"],
        preset=figures["preset"],
        overall="".join(_overall(figures)),
        classes="".join(_classes(figures)),
        formats="".join(_formats(figures)),
        **{label: "".join(_mistakes(figures, label)) for label in ("benign", "hostile", "malformed")},
    )


def _overall(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| label | files | blocked | flagged | could not be looked at in full |\n|---|---|---|---|---|\n"
    for label in ("benign", "hostile", "malformed"):
        counts = figures[label]
        total = counts["total"]
        yield (
            f"| {label} | {total} | {_share(counts['blocked'], total)} | {_share(counts['flagged'], total)} "
            f"| {_share(counts['unscannable'], total)} |\n"
        )
    yield f"\nNo validator raised, and no worker died: {figures['crashes']} crashes.\n"


def _classes(figures: Mapping[str, Any]) -> Iterator[str]:
    peers = figures["peers"]
    names = [f"{name} ({peer['version']})" for name, peer in peers.items()]
    yield f"| class | files | Lazaretto: blocked | Lazaretto: caught | {' | '.join(names)} |\n"
    yield "|---" * (4 + len(names)) + "|\n"
    for (label, kind), counts in _rows(figures):
        total = counts["total"]
        theirs = [_share(peer["caught"].get(f"{label} {kind}".strip(), 0), total) for peer in peers.values()]
        caught = counts["blocked"] + counts["flagged"]
        cells = (
            f"{label} {kind}".strip(),
            str(total),
            _share(counts["blocked"], total),
            _share(caught, total),
            *theirs,
        )
        yield f"| {' | '.join(cells)} |\n"


def _rows(figures: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Mapping[str, int]]]:
    yield ("benign", ""), figures["benign"]
    for label in ("hostile", "malformed"):
        for kind, counts in figures[label]["by_class"].items():
            yield (label, kind or "(no class)"), counts


def _formats(figures: Mapping[str, Any]) -> Iterator[str]:
    yield "| format | benign | hostile | malformed |\n|---|---|---|---|\n"
    for extension, labels in figures["by_format"].items():
        star = " *" if extension in SCOPE else ""
        cells = (_of(labels.get(label)) for label in ("benign", "hostile", "malformed"))
        yield f"| {extension}{star} | {' | '.join(cells)} |\n"


def _of(counts: Mapping[str, int] | None) -> str:
    return f"{counts['blocked']}, {counts['flagged']} of {counts['total']}" if counts else ""


def _mistakes(figures: Mapping[str, Any], label: str) -> Iterator[str]:
    rows: Sequence[Mapping[str, Any]] = [
        row
        for row in figures["mistakes"]
        if row["label"] == label and (label != "malformed" or row["extension"] in SCOPE)
    ]
    if not rows:
        yield "None.\n"
        return
    last = {"benign": "decision and rules", "hostile": "what was found", "malformed": "what its decoder says"}[label]
    yield f"| file | class | {last} |\n|---|---|---|\n"
    for row in rows:
        rules = ", ".join(f"`{rule}`" for rule in row["rules"][:4])
        said = {"benign": f"{row['decision']}: {rules}", "hostile": rules, "malformed": row.get("oracle", "")}[label]
        yield f"| `{row['path']}` | {row['class']} | {_cell(said)} |\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
