"""What an action is set for: a rule, a glob of rules, a category with a severity, or a category.

Rules about circumstances instead of contents (`precedent.*`, `policy.*`) belong to no category here: a group that
relaxes `dangerous` must not, without knowing it, let confirmed files back in. A rule's id or a glob reaches them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from lazaretto.model import Action
from lazaretto.policy.problems import did_you_mean
from lazaretto.policy.values import wildcard
from lazaretto.rules import GRANTED, MORE_FINDINGS, POLICY_RULES, PRECEDENT_RULES, all_rules
from lazaretto_validators import Category, Rule, Severity

__all__ = ["CELLS", "DERIVED", "best", "cell_of", "check", "is_glob", "settable"]

DERIVED = frozenset({MORE_FINDINGS.id, GRANTED.id})
"""Their action follows from something else, so that setting it would have no effect."""

CELLS: tuple[str, ...] = tuple(f"{category}.{severity}" for category in Category for severity in Severity)
"""Every `category.severity`. A preset says something about each."""

_CIRCUMSTANCES = frozenset(rule.id.partition(".")[0] for rule in (*PRECEDENT_RULES, *POLICY_RULES))


def is_glob(selector: str) -> bool:
    """Does the selector stand for several rules by their names?"""
    return any(sign in selector for sign in "*?[")


def cell_of(rule: Rule) -> str | None:
    """The rule's `category.severity`; None for rules about circumstances."""
    return None if rule.id.partition(".")[0] in _CIRCUMSTANCES else f"{rule.category}.{rule.severity}"


@cache
def settable() -> Mapping[str, Rule]:
    """Every rule whose action a policy can set, by id."""
    return {name: rule for name, rule in all_rules().items() if name not in DERIVED}


def best(rule: Rule, actions: Mapping[str, Action]) -> str | None:
    """The selector that speaks for the rule within one layer: rule > glob > category.severity > category.

    Of several globs the one with most letters is meant most specifically; among equals the worst action wins.
    """
    if rule.id in actions:
        return rule.id
    matching = [s for s in actions if is_glob(s) and wildcard(s).fullmatch(rule.id)]
    if matching:
        return max(matching, key=lambda s: (sum(c not in "*?[]" for c in s), actions[s].rank, s))
    cell = cell_of(rule)
    if cell is None:
        return None
    return next((s for s in (cell, str(rule.category)) if s in actions), None)


def check(selector: str) -> tuple[str, str] | None:
    """What is wrong with a selector: problem and remedy. None for one that selects something."""
    rules = settable()
    if selector in DERIVED:
        return f"the action of {selector!r} follows from other keys", "take the line out"
    if is_glob(selector):
        if any(wildcard(selector).fullmatch(name) for name in rules):
            return None
        return f"no rule matches {selector!r}", "`lazaretto rules` lists all rules"
    if selector in rules or selector in CELLS or selector in set(Category):
        return None
    if any(name.startswith(f"{selector}.") for name in rules):
        return f"{selector!r} is no rule", f'for all rules of {selector} write "{selector}.*"'
    near = did_you_mean(selector, [*rules, *CELLS, *Category])
    remedy = f"did you mean {near!r}?" if near else "`lazaretto rules` lists all rules"
    return f"{selector!r} is no rule, glob, category or category.severity", remedy
