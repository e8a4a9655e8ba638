"""What was measured: figures, the sections that they stand in, and both as a table and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Literal

from rich.table import Table

__all__ = ["Better", "Figure", "Section", "as_json", "figure", "percentile", "ratio", "tables"]

Better = Literal["higher", "lower"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    subject: what was measured, a row of the table. name: which of its sides, a column. unit: `x` for ratios.
    samples: what `value` was made of, one for each round or each event.
    target: what `value` should reach, None where nothing is asked of it. better: on which side of the target.
    """

    subject: str
    name: str
    unit: str
    value: float
    samples: tuple[float, ...]
    target: float | None = None
    better: Better = "higher"

    @property
    def met(self) -> bool | None:
        """Is the target reached? None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.better == "higher" else self.value <= self.target

    @property
    def asked(self) -> str:
        """The target in words, empty where there is none."""
        if self.target is None:
            return ""
        return f"{'at least' if self.better == 'higher' else 'at most'} {self.target:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Section:
    """The figures of one benchmark. notes: what whoever reads them has to know."""

    name: str
    title: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()


def figure(
    subject: str,
    name: str,
    unit: str,
    samples: Sequence[float],
    *,
    target: float | None = None,
    better: Better = "higher",
) -> Figure:
    """The median of the samples."""
    return Figure(subject, name, unit, median(samples), tuple(samples), target, better)


def ratio(
    subject: str, name: str, above: Sequence[float], below: Sequence[float], *, target: float | None = None
) -> Figure:
    """The median of the ratios of two series that were measured in turn, round by round.

    Not the ratio of the medians: what slows the machine down for a while slows both sides of one round.
    """
    ratios = [a / b for a, b in zip(above, below, strict=True)]
    return figure(subject, name, "x", ratios, target=target)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The smallest sample that so many per cent do not exceed."""
    ordered = sorted(samples)
    rank = -(-len(ordered) * percent // 100)
    return ordered[max(0, int(rank) - 1)]


def tables(section: Section) -> Iterator[Table]:
    """A row for each subject, its figures side by side. A table for each unit, and for what shares no column."""
    for unit in dict.fromkeys(f.unit for f in section.figures):
        for rows in _related([f for f in section.figures if f.unit == unit]):
            table = Table(title=f"{section.title} [{unit}]".replace("[", r"\["), title_justify="left")
            table.add_column("", no_wrap=True)
            names = list(dict.fromkeys(name for cells in rows.values() for name in cells))
            for name in names:
                table.add_column(name, justify="right")
            for subject, cells in rows.items():
                table.add_row(subject, *(cells.get(name, "") for name in names))
            yield table


def _related(figures: Sequence[Figure]) -> list[dict[str, dict[str, str]]]:
    """Cells by subject and name; subjects that share a name stand together."""
    groups: list[dict[str, dict[str, str]]] = []
    for subject in dict.fromkeys(f.subject for f in figures):
        cells = {f.name: _cell(f) for f in figures if f.subject == subject}
        related = (group for group in groups if any(cells.keys() & others.keys() for others in group.values()))
        group = next(related, None)
        if group is None:
            group = {}
            groups.append(group)
        group[subject] = cells
    return groups


def _cell(figure: Figure) -> str:
    text = _number(figure.value)
    if figure.target is None:
        return text
    return f"{text} {'meets' if figure.met else 'misses'} {figure.target:g}"


def _number(value: float) -> str:
    """Three digits that count, and none behind the point that do not."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 or not value else f"{value:.2g}"


def as_json(sections: Sequence[Section], machine: Mapping[str, Any], *, short: bool, rounds: int) -> dict[str, Any]:
    """Everything, for a file. The samples themselves are left out: their median and their bounds tell enough."""
    return {
        "machine": dict(machine),
        "short": short,
        "rounds": rounds,
        "sections": {
            section.name: {
                "title": section.title,
                "notes": list(section.notes),
                "figures": [_figure_as_json(f) for f in section.figures],
            }
            for section in sections
        },
    }


def _figure_as_json(figure: Figure) -> dict[str, Any]:
    samples = figure.samples
    return {
        "subject": figure.subject,
        "name": figure.name,
        "unit": figure.unit,
        "value": figure.value,
        "samples": {"count": len(samples), "median": median(samples), "min": min(samples), "max": max(samples)},
        "target": figure.target,
        "better": figure.better,
        "met": figure.met,
    }
