"""A page of the docs with one table in it, which a test writes and holds against what happens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

__all__ = ["column_of", "with_table"]


def with_table(page: Path, heading: str, columns: Mapping[str, Mapping[str, str]], rows: Iterable[str]) -> str:
    """The page with this table in it: a column by its name has a cell for each row. heading: how the table begins."""
    before, _, rest = page.read_text(encoding="utf-8").partition(heading)
    after = rest[rest.index("\n\n") :]
    head = [f"{heading} {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    lines = [f"| {row} | {' | '.join(cells[row] for cells in columns.values())} |" for row in rows]
    return before + "\n".join(head + lines) + after


def column_of(page: Path, heading: str, name: str) -> dict[str, str]:
    """What the page says in one column, by row."""
    table = heading + page.read_text(encoding="utf-8").partition(heading)[2].partition("\n\n")[0]
    names, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines())
    return {row[0]: row[names.index(name)] for row in rows}
