"""The list of labelled files: a CSV with the columns `path,label,class,ext` and, if wanted, `claimed_name`.

Paths are relative to the list, or to another root; since the list is its owner's, absolute ones and those that lead out
are taken as well. Every other column is the collector's own and is passed over. A file may be listed again, under
another name or as often as it counts, but not with two labels under one name.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

__all__ = ["COLUMNS", "Entry", "Label", "ManifestError", "read_manifest"]

COLUMNS = ("path", "label", "class", "ext")
_NAME = "claimed_name"
_EXAMPLE = "path,label,class,ext\nbenign/holiday.jpg,benign,,jpg\nhostile/two.pdf,hostile,polyglot,pdf"


class Label(StrEnum):
    """What a file is known to be."""

    BENIGN = "benign"
    HOSTILE = "hostile"
    MALFORMED = "malformed"


class ManifestError(Exception):
    """The list cannot be used. The message says where and why, `remedy` what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Entry:
    """One labelled file.

    path: as the list has it; `file`: where it lies.
    kind: the class of a hostile or malformed file, such as `polyglot`; may be empty.
    extension: the format that it is counted under, in lower case, without a dot.
    name: what the file is claimed to be called.
    """

    path: str
    file: Path
    label: Label
    kind: str
    extension: str
    name: str


def read_manifest(manifest: Path, root: Path | None = None) -> list[Entry]:
    """Every entry, in the order of the list. Raises ManifestError; OSError where it cannot be read."""
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as lines:
            entries = list(_entries(csv.DictReader(lines), manifest, root or manifest.parent))
    except UnicodeDecodeError as error:
        raise ManifestError(f"{manifest} is no UTF-8 text: byte {error.start}", "save it as CSV in UTF-8") from error
    except csv.Error as error:
        raise ManifestError(f"{manifest} is no CSV: {error}", f"a list looks like this:\n{_EXAMPLE}") from error
    if not entries:
        raise ManifestError(f"{manifest} names no file", f"a list looks like this:\n{_EXAMPLE}")
    return entries


def _entries(rows: csv.DictReader[str], manifest: Path, root: Path) -> Iterator[Entry]:
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise ManifestError(
            f"{manifest} has no column {', '.join(missing)}", f"its first line names the columns:\n{_EXAMPLE}"
        )
    labels: dict[tuple[str, str], Label] = {}
    for row in rows:
        place = f"{manifest}, line {rows.line_num}"
        entry = _entry({key: value or "" for key, value in row.items()}, place, root)
        if labels.setdefault((entry.path, entry.name), entry.label) is not entry.label:
            raise ManifestError(f"{place}: {entry.path} has another label further up", "say once what it is")
        yield entry


def _entry(row: Mapping[str, str], place: str, root: Path) -> Entry:
    path = row["path"].strip()
    if not path or "\0" in path:
        raise ManifestError(f"{place}: no path", "name the file, relative to the list or to --root")
    try:
        label = Label(row["label"].strip())
    except ValueError:
        allowed = ", ".join(Label)
        raise ManifestError(f"{place}: the label {row['label']!r} is unknown", f"use one of: {allowed}") from None
    file = root / path
    extension = (row["ext"].strip() or file.suffix).lower().lstrip(".")
    return Entry(path, file, label, row["class"].strip(), extension or "none", row.get(_NAME) or file.name)
