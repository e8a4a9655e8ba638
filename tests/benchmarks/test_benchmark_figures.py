"""Figures: what is made of samples, how a target is read, what the tables and the JSON say."""

from __future__ import annotations

import io
import json

import pytest
from benchmarks.results import Figure, Section, as_json, figure, percentile, ratio, tables
from rich.console import Console

pytestmark = pytest.mark.checkout


def shown(section: Section) -> str:
    """The section's tables as text."""
    console = Console(width=200, file=io.StringIO())
    for table in tables(section):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # The second round was slowed down on both sides: the ratio of the medians would be 2 / 4.
    found = ratio("file", "a / b", [1.0, 30.0, 2.0], [4.0, 40.0, 2.5])
    assert found.value == 0.75
    assert found.samples == (0.25, 0.75, 0.8)


def test_rounds_that_were_not_measured_on_both_sides_have_no_ratio() -> None:
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        ratio("file", "a / b", [1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("value", "target", "better", "met"),
    [(0.6, 0.6, "higher", True), (0.59, 0.6, "higher", False), (5.0, 5.0, "lower", True), (5.1, 5.0, "lower", False)],
)
def test_a_target_is_met_on_its_better_side(value: float, target: float, better: str, met: bool) -> None:
    found = figure("file", "a", "x", [value], target=target, better="lower" if better == "lower" else "higher")
    assert found.met is met


def test_without_a_target_nothing_is_met_or_missed() -> None:
    assert figure("file", "a", "x", [1.0]).met is None


@pytest.mark.parametrize(("percent", "value"), [(0, 1.0), (50, 5.0), (99, 10.0), (100, 10.0)])
def test_a_percentile_is_a_sample(percent: float, value: float) -> None:
    assert percentile([float(n) for n in (3, 1, 2, 10, 9, 8, 7, 6, 5, 4)], percent) == value


def test_subjects_that_share_no_column_stand_in_tables_of_their_own() -> None:
    section = Section(
        "some",
        "Some",
        (figure("one", "a", "ms", [1.0]), figure("two", "b", "ms", [2.0]), figure("three", "a", "ms", [3.0])),
    )
    assert len(list(tables(section))) == 2
    assert len(list(tables(Section("some", "Some", section.figures[::2])))) == 1


def test_a_table_says_what_misses() -> None:
    section = Section(
        "some", "Some", (figure("one", "a", "x", [0.5], target=0.6), figure("two", "a", "x", [7.0], target=6))
    )
    assert "0.50 misses 0.6" in shown(section)
    assert "7.00 meets 6" in shown(section)


def test_the_json_has_bounds_instead_of_samples() -> None:
    late = Figure("loop", "p99", "ms", 3.0, (1.0, 2.0, 3.0), 5.0, "lower")
    whole = as_json([Section("lag", "Lag", (late,))], {"cores": 2}, short=True, rounds=1)
    assert json.loads(json.dumps(whole))["sections"]["lag"]["figures"] == [
        {
            "subject": "loop",
            "name": "p99",
            "unit": "ms",
            "value": 3.0,
            "samples": {"count": 3, "median": 2.0, "min": 1.0, "max": 3.0},
            "target": 5.0,
            "better": "lower",
            "met": True,
        }
    ]
