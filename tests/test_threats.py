"""The table of threats: up to date, honest about gaps, and row by row a file that shows the threat and its twin."""

from __future__ import annotations

import runpy
from functools import cache
from pathlib import Path

import pytest

from carriers.threats import SENT, Sent
from lazaretto.cli.screeners import decided
from lazaretto.config import Configuration
from lazaretto.model import Action, Claim, Place, Report
from lazaretto.rules import all_rules
from lazaretto_validators import Finding, Source, screen
from lazaretto_validators.limits import Limits

pytestmark = pytest.mark.checkout

GENERATOR = runpy.run_path(str(Path(__file__).parents[1] / "docs" / "generate_coverage.py"))
VERDICTS = {row["id"]: row["verdict"] for row in GENERATOR["threats"]()}
IDS = set(VERDICTS)
RULES = GENERATOR["rules_by_threat"]()
PROOFS: dict[str, list[tuple[str, Sent]]] = GENERATOR["proofs"]()
BALANCED = Configuration.load({"defaults": {"preset": "balanced"}}).policy_of(Place("telegram", ""))
BLOCKED = {Action.QUARANTINE, Action.REJECT}
DESERVED = {"block": BLOCKED, "flag": BLOCKED | {Action.FLAG}, "inform": set(Action)}


@cache  # many rules meet several threats
def found(data: bytes, claim: Claim, limits: Limits | None) -> frozenset[str]:
    inspection = screen(Source.of_bytes(data), claim, limits)
    return frozenset(finding.rule for finding in inspection.findings)


@pytest.mark.parametrize("row", sorted(RULES))
def test_the_inert_file_of_a_threat_breaks_its_rule_and_the_repaired_one_breaks_none(row: str) -> None:
    assert PROOFS[row], "no file shows it"
    for place, sent in PROOFS[row]:
        case = sent.case
        assert case.rule in RULES[row], f"{place}: the rule does not name this threat"
        assert case.rule in found(case.broken, sent.claim, case.limits), f"{place}: not told"
        assert found(case.repaired, sent.repaired_claim, case.limits) <= case.allowed, f"{place}: {case.rule}"


@pytest.mark.parametrize("row", sorted(RULES))
def test_a_threat_has_a_file_of_its_own(row: str) -> None:
    """A rule that meets many threats is proved by a file of one of them, which shows nothing of the others."""
    assert row in SENT or any(
        set(GENERATOR["rows_of"](all_rules()[sent.case.rule].spec)) == {row} for _, sent in PROOFS[row]
    )


@pytest.mark.parametrize("row", sorted(RULES))
def test_a_new_group_does_with_a_threat_what_it_deserves(row: str) -> None:
    findings = tuple(Finding(sent.case.rule, None) for _, sent in PROOFS[row])
    decision = decided(Claim(), Report("", 1, None, findings), BALANCED)
    assert decision.action in DESERVED[VERDICTS[row]]


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
    assert set(GENERATOR["_IN_PART"]) <= met


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
