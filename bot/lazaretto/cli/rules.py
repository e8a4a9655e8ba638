"""`lazaretto rules`: everything that a report can say."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Annotated

import typer
from rich.markup import escape

from lazaretto.cli.output import JSON, fail, out, print_json, table
from lazaretto.policy.problems import did_you_mean
from lazaretto.rules import all_rules
from lazaretto_validators import Rule

__all__ = ["rules"]

_STYLES = {"high": "red", "medium": "yellow", "info": "dim"}


def rules(
    pattern: Annotated[str, typer.Argument(help="Only rules whose id fits, such as 'png.*'.")] = "*",
    json: Annotated[bool, JSON] = False,
) -> None:
    """List the rules: id, category, severity, meaning, and what each rests on.

    Policies name them by id or glob.
    """
    chosen = sorted((r for r in all_rules().values() if fnmatchcase(r.id, pattern)), key=lambda r: r.id)
    if not chosen:
        near = did_you_mean(pattern, all_rules())
        fail(f"no rule fits {pattern!r}", f"did you mean {near}?" if near else "see all of them with: lazaretto rules")
    if json:
        for rule in chosen:
            print_json(_row(rule))
        return
    shown = table("rule", "category", "severity", "meaning, and what it rests on")
    for rule in chosen:
        severity = f"[{_STYLES[rule.severity]}]{rule.severity}[/]"
        meaning = f"{escape(rule.message)}\n[dim]{escape(rule.spec)}[/]"
        shown.add_row(f"[bold]{rule.id}[/]", rule.category, severity, meaning)
    out.print(shown)
    out.print(f"[dim]{len(chosen)} rules[/]")


def _row(rule: Rule) -> dict[str, str]:
    return {
        "rule": rule.id,
        "category": rule.category.value,
        "severity": rule.severity.value,
        "message": rule.message,
        "spec": rule.spec,
        "false_positives": rule.false_positives,
    }
