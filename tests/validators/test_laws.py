"""Every registered validator keeps every law. A new format is under test on the day it is registered."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable

import pytest

import carriers
from lazaretto_validators import claims, polyglot, unscannable
from lazaretto_validators.finding import Rule
from lazaretto_validators.registry import default_registry
from lazaretto_validators.testing import LAWS, Case, Subject

REGISTRY = default_registry()

MODULES = tuple(importlib.import_module(f"carriers.{m.name}") for m in pkgutil.iter_modules(carriers.__path__))
CASES: tuple[Case, ...] = tuple(case for module in MODULES for case in getattr(module, "CASES", ()))

OPEN_ENDED = frozenset({"html", "plain", "script"})
"""A prefix of a text is a text, a prefix of a script runs."""

EXEMPT = {
    "plain.truncated": "text has an open end: nothing in it declares a length",
    "html.truncated": "a page has an open end: browsers show what there is",
    "script.truncated": "a script has an open end: nothing in it declares a length",
}

NO_FILE = {
    **{rule.id: "about a name, not about bytes: proved by ClaimCase in test_claims" for rule in claims.RULES},
    "unscannable.validator-failed": "about a fault of ours: proved in test_inspect",
    "unscannable.incomplete": "about a download: proved in test_inspect",
}

GENERAL = (*unscannable.RULES, *claims.RULES, *polyglot.RULES)


def cases_of(name: str) -> tuple[Case, ...]:
    return tuple(case for case in CASES if case.rule.partition(".")[0] == name)


SUBJECTS = tuple(
    Subject(
        validator,
        cases=cases_of(validator.name),
        foreign=tuple(other.example for other in REGISTRY.validators if other is not validator),
        open_ended=validator.name in OPEN_ENDED,
        exempt={rule: why for rule, why in EXEMPT.items() if rule.startswith(f"{validator.name}.")},
        registry=REGISTRY,
    )
    for validator in REGISTRY.validators
)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.validator.name)
def test_law(subject: Subject, law: Callable[[Subject], None]) -> None:
    law(subject)


def test_there_are_validators_and_carriers_to_try_the_laws_on() -> None:
    assert len(SUBJECTS) >= 9
    assert {m.__name__ for m in MODULES} >= {"carriers.png", "carriers.zip", "carriers.programs", "carriers.text"}
    assert len(CASES) >= len(SUBJECTS)


def test_every_case_proves_a_rule_that_exists() -> None:
    assert {case.rule for case in CASES} - set(REGISTRY.rules) == set()


@pytest.mark.parametrize("rule", [rule.id for rule in GENERAL])
def test_general_rule_is_proved_by_a_case_or_elsewhere(rule: str) -> None:
    assert (rule in {case.rule for case in CASES}) != (rule in NO_FILE), f"{rule}: one case, or one reason"


GENERAL_CASES = tuple(case for case in CASES if case.rule in {rule.id for rule in GENERAL})


@pytest.mark.parametrize("case", GENERAL_CASES, ids=lambda case: case.rule)
def test_general_case_is_broken_and_its_twin_is_not(case: Case) -> None:
    judge = SUBJECTS[0]
    assert case.rule in {f.rule for f in judge.inspect(case.broken, case.limits).findings}
    assert {f.rule for f in judge.inspect(case.repaired, case.limits).findings} <= case.allowed


@pytest.mark.parametrize("rule", GENERAL, ids=lambda rule: rule.id)
def test_general_rule_is_cited_and_worded(rule: Rule) -> None:
    assert rule.spec
    assert rule.false_positives
    assert rule.message.endswith(".")
    assert ". " not in rule.message


def test_rule_ids_are_unique_across_the_tables() -> None:
    ids = [rule.id for rule in GENERAL] + [rule.id for v in REGISTRY.validators for rule in v.rules]
    assert len(ids) == len(set(ids))
