"""Writes docs/rules/ from the rule table: `python docs/generate_rules.py`. A test holds the pages against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path

from lazaretto.config import Configuration
from lazaretto.model import Place
from lazaretto.policy import PRESETS, Policy
from lazaretto.policy.selectors import settable
from lazaretto.rules import all_rules
from lazaretto_validators import Rule, default_registry

__all__ = ["FOLDER", "pages"]

FOLDER = Path(__file__).parent / "rules"

OTHERS = "coverage.md"
"""The page that `generate_coverage.py` writes."""

_MOST_LABELS = 5

_OTHERS: Mapping[str, str] = {
    "claim": "what a file claims to be, held against what it is",
    "concealed": "a second format inside or behind the first",
    "name": "file names",
    "policy": "what a policy says of circumstances",
    "precedent": "what moderators of the group decided before",
    "unscannable": "what could not be looked at",
}
"""Families of rules that are no validator's."""

_INTRODUCTION = """# Rules

Everything that a report or a decision can say: {count} rules.
This folder is generated from the rule table by `docs/generate_rules.py`; `lazaretto rules` prints the same table.

An id never changes its meaning.
A policy names rules by id, by glob (`png.*`), by category (`active`) or by category and severity (`active.medium`).
**Rests on** names the clause, the CVE or the convention.
`threats` with a code, and a code that begins with `C-`, are our own numbers for an attack and for a requirement.

| rules of | count | what they are about |
|---|---|---|
"""


def pages() -> dict[str, str]:
    """File name -> text of every page."""
    rules = sorted(all_rules().values(), key=lambda rule: rule.id)
    families = {name: list(members) for name, members in groupby(rules, key=lambda rule: rule.id.partition(".")[0])}
    policies = {preset: _policy_of(preset) for preset in PRESETS}
    overview = _INTRODUCTION.format(count=len(rules)) + "".join(
        f"| [{name}]({name}.md) | {len(members)} | {_about(name)} |\n" for name, members in families.items()
    )
    return {
        "README.md": overview,
        **{f"{name}.md": _page(name, members, policies) for name, members in families.items()},
    }


def _policy_of(preset: str) -> Policy:
    return Configuration.load({"defaults": {"preset": preset}}).policy_of(Place("", ""))


def _about(family: str) -> str:
    """What a family of rules is about: the types that its validator judges, or a line of ours."""
    found = [validator for validator in default_registry().validators if validator.name == family]
    if found:
        labels = list(dict.fromkeys(media_type.label for media_type in found[0].media_types))
        more = f" and {len(labels) - _MOST_LABELS} more" if len(labels) > _MOST_LABELS else ""
        return _cell(", ".join(labels[:_MOST_LABELS]) + more)
    if family not in _OTHERS:
        raise LookupError(f"no validator is named {family!r}: say in _OTHERS what its rules are about")
    return _OTHERS[family]


def _page(family: str, rules: Iterable[Rule], policies: Mapping[str, Policy]) -> str:
    head = f"# {family}\n\nRules about: {_about(family)}. [All rules](README.md)\n"
    return head + "".join(_section(rule, policies) for rule in rules)


def _section(rule: Rule, policies: Mapping[str, Policy]) -> str:
    actions = ", ".join(f"{preset} {policy.action_for(rule)[0]}" for preset, policy in policies.items())
    by_preset = f"- **Presets:** {actions}\n" if rule.id in settable() else ""
    return (
        f"\n## {rule.id}\n\n{rule.message}\n\n"
        f"- **Category and severity:** {rule.category}.{rule.severity}\n"
        f"{by_preset}"
        f"- **Rests on:** {rule.spec}\n"
        f"- **Broken innocently by:** {rule.false_positives}\n"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def main() -> None:
    """Bring the folder up to date; pages of families that are gone are removed."""
    FOLDER.mkdir(exist_ok=True)
    wanted = pages()
    for page in FOLDER.glob("*.md"):
        if page.name not in {*wanted, OTHERS}:
            page.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
