"""A group's rules: what to do about which findings."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from lazaretto.model import Action, Mode
from lazaretto.policy.selectors import CELLS, best, cell_of, settable
from lazaretto.policy.values import FOREVER, wildcard
from lazaretto_validators import Category, Rule, Severity, default_registry

__all__ = ["UNKNOWN_TYPE", "Consequence", "Keep", "Newcomers", "Policy", "Strikes", "Types"]

UNKNOWN_TYPE = "unknown"
"""Stands in `types.allow` and `types.deny` for a file of no known type."""


@dataclass(frozen=True, slots=True)
class Types:
    """Which detected media types may be posted: globs. `deny` beats `allow`."""

    allow: tuple[str, ...] = ("*",)
    deny: tuple[str, ...] = ()

    def permit(self, media_type: str | None) -> bool:
        """Is the type allowed? None is a file whose type is not known, or could not be looked at."""
        # As globs are: Office's macro documents have capitals in their types.
        name = (media_type or UNKNOWN_TYPE).lower()
        if any(wildcard(glob).fullmatch(name) for glob in self.deny):
            return False
        return any(wildcard(glob).fullmatch(name) for glob in self.allow)


@dataclass(frozen=True)
class Keep:
    """How long what is kept, from when an attachment came; FOREVER for ever. None is shorter than the one before it.

    files: in the vault, and how long a case waits for a decision. personal: names, captions, ids of people, names of
    files, evidence. events: records of the audit log.
    """

    files: timedelta = timedelta(days=30)
    personal: timedelta = timedelta(days=90)
    events: timedelta = FOREVER


class Consequence(StrEnum):
    """What becomes of a member who has as many strikes as there may be."""

    MUTE = "mute"
    BAN = "ban"


@dataclass(frozen=True)
class Newcomers:
    """Stricter rules for new members. period: how long somebody is new; none, and nobody is. actions: of the preset
    that is asked besides the policy, and of which the worse answer counts."""

    period: timedelta = timedelta(0)
    actions: Mapping[str, Action] = field(default_factory=dict)


@dataclass(frozen=True)
class Strikes:
    """A confirmed case is a strike. limit: so many of them within a time have a consequence; 0, and none have one.
    mute: for how long somebody is muted."""

    limit: int = 0
    within: timedelta = timedelta(days=30)
    consequence: Consequence = Consequence.MUTE
    mute: timedelta = timedelta(days=1)


@dataclass(frozen=True)
class Policy:
    """The effective values of one place.

    moderators: the chat that cards go to; guard mode has one.
    max_size: bytes. release_days: how long a release's grant is valid.
    previews: judge the pictures, too, that the platform derives from posted files.
    keep: how long what is kept.
    language: of what the bot writes there, a code of `lazaretto.languages`.
    exempt: ids of members whose files are judged and recorded and never removed; `values.ADMINS` for all who
    administer it.
    inform_sender: whoever's file is held is told so in private, with a button to appeal.
    two_person: categories of which a release needs two moderators.
    weekly_report: the moderators get one a week.
    actions: selector -> action, one mapping a layer, the layer that has the last word first; the last is the preset.
    """

    mode: Mode = Mode.OBSERVE
    moderators: str | None = None
    max_size: int = 50_000_000
    types: Types = field(default_factory=Types)
    release_days: int = 30
    previews: bool = False
    keep: Keep = field(default_factory=Keep)
    language: str = "en"
    exempt: tuple[str, ...] = ()
    newcomers: Newcomers = field(default_factory=Newcomers)
    strikes: Strikes = field(default_factory=Strikes)
    inform_sender: bool = False
    two_person: tuple[str, ...] = ()
    weekly_report: bool = False
    actions: tuple[Mapping[str, Action], ...] = ()
    stricter: Mapping[str, Action] | None = None  # asked as well, and the worse of both answers counts

    def for_newcomers(self) -> Policy:
        """What holds for a new member: for every rule the worse of both actions."""
        return replace(self, stricter=self.newcomers.actions)

    def action_for(self, rule: Rule) -> tuple[Action, str]:
        """The action for a finding of the rule, and the selector that says so.

        A rule that nothing speaks for is quarantined, under an empty selector: presets leave none, hand-made
        policies may.
        """
        said = self._said(rule)
        selector = None if self.stricter is None else best(rule, self.stricter)
        if self.stricter is None or selector is None or self.stricter[selector].rank <= said[0].rank:
            return said
        return self.stricter[selector], f"newcomers.preset: {selector}"

    def _said(self, rule: Rule) -> tuple[Action, str]:
        for layer in self.actions:
            if (selector := best(rule, layer)) is not None:
                return layer[selector], selector
        return Action.QUARANTINE, ""

    @cached_property
    def cells(self) -> Mapping[str, tuple[Action, str]]:
        """Action and selector for a rule of each category and severity that is not named itself."""
        # The name matches no glob but those that match every rule, which do speak for it.
        rules = {cell: Rule("", Category(cell.split(".")[0]), Severity(cell.split(".")[1]), "", "") for cell in CELLS}
        return {cell: self.action_for(rule) for cell, rule in rules.items()}

    @cached_property
    def rejected_rules(self) -> frozenset[str]:
        """Ids of the rules that a validator can find and that this policy rejects a file for."""
        rules = default_registry().rules.values()
        return frozenset(rule.id for rule in rules if self.action_for(rule)[0] is Action.REJECT)

    @cached_property
    def id(self) -> str:
        """A fingerprint of what the policy does, for the audit log: equal for equal behaviour, however it is written.

        Rules that are treated as their category and severity say are left out: a new rule of that kind is no change.
        """
        cells = {cell: action for cell, (action, _) in self.cells.items()}
        named = {name: self.action_for(rule)[0] for name, rule in settable().items()}
        named = {name: action for name, action in named.items() if cells.get(cell_of(settable()[name]) or "") != action}
        values: list[object] = [self.mode, self.moderators, self.max_size]
        values += [self.types.allow, self.types.deny, self.release_days]
        # Without one of these, ids are what they were before there was the key.
        values += ["previews"] if self.previews else []
        kept = [period.days for period in (self.keep.files, self.keep.personal, self.keep.events)]
        values += [kept] if self.keep != Keep() else []
        values += [f"{name}={value}" for name, value in self._since_keep() if value != getattr(Policy(), name)]
        text = json.dumps([values, cells, named], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def _since_keep(self) -> Iterator[tuple[str, object]]:
        """Keys that came later, and count only where they are set. In which language the bot speaks decides nothing."""
        for name in ("exempt", "newcomers", "strikes", "inform_sender", "two_person"):
            yield name, getattr(self, name)
