"""The table of threats: up to date, honest about gaps, and every proof is a case that the laws run."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from lazaretto.rules import all_rules

pytestmark = pytest.mark.checkout

GENERATOR = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "generate_coverage.py"))
IDS = {row["id"] for row in GENERATOR["threats"]()}


def test_the_table_is_generated_from_rules_and_cases() -> None:
    page = GENERATOR["PAGE"].read_text(encoding="utf-8")
    assert page == GENERATOR["page"](), "out of date: run `python docs/generate_coverage.py`"


def test_every_threat_that_a_rule_names_is_in_the_table() -> None:
    assert len(IDS) == 202
    strangers = {rule.id: set(GENERATOR["rows_of"](rule.spec)) - IDS for rule in all_rules().values()}
    assert {rule: rows for rule, rows in strangers.items() if rows} == {}


def test_no_reason_is_given_for_a_threat_that_is_met() -> None:
    met = {row for rule in all_rules().values() for row in GENERATOR["rows_of"](rule.spec)}
    assert set(GENERATOR["_OPEN"]) & met == set()


@pytest.mark.parametrize(
    ("spec", "rows"),
    [
        ("T.81 B.2.2; C-JPEG-02; threats IMG-07, IMG-08", ["IMG-07", "IMG-08"]),
        ("CVE-2023-4863; threats MP4-01", ["MP4-01"]),
        ("ISO 32000-2 7.5; C-MP4-01; UTF-16", []),
        ("PNG 5.3", []),
    ],
)
def test_threats_are_read_out_of_a_rules_grounds(spec: str, rows: list[str]) -> None:
    assert GENERATOR["rows_of"](spec) == rows
