"""Look at any file: what is it, is it well formed, what else is in it.

`inspect` depends on the bytes, the rules and the limits alone, so its answer may be cached under the three.
`judge_claims` (in `claims`) compares what the sender said; `screen` is both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from lazaretto_validators import polyglot, unscannable
from lazaretto_validators.claims import Claim, judge_claims
from lazaretto_validators.finding import Finding, evidence
from lazaretto_validators.identify import identify
from lazaretto_validators.limits import MIB, Budget, BudgetSpent, Limits
from lazaretto_validators.media_types import MediaType
from lazaretto_validators.name_rules import NOISY
from lazaretto_validators.registry import Registry, default_registry
from lazaretto_validators.source import Aborted, NotThisFormat, ShortRead, Source
from lazaretto_validators.validator import Validator

__all__ = ["MAX_FINDINGS", "MAX_GAPS", "Gap", "Inspection", "inspect", "screen", "with_claim"]

MAX_FINDINGS = 64
"""Findings that are kept, worst first; their total is counted beyond."""

MAX_GAPS = 64


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch that was not looked at, and why."""

    where: str
    why: str


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the bytes told.

    media_type: None where no known type fits, which is a legitimate answer.
    size: bytes; None when the end never came.
    findings: at most MAX_FINDINGS, worst first, then lowest offset; `total` counts all.
    coverage: what was not looked at.
    rule_set: id of the rules that were applied.
    """

    media_type: MediaType | None
    size: int | None
    findings: tuple[Finding, ...]
    total: int
    coverage: tuple[Gap, ...]
    rule_set: str


class _Decided(Exception):
    """A decisive rule is broken: the rest of the file changes nothing."""


@dataclass(slots=True)
class _Notes:
    """What one inspection gathers, from all members."""

    registry: Registry
    decisive: frozenset[str] = frozenset()
    findings: list[Finding] = field(default_factory=list)
    total: int = 0
    coverage: list[Gap] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.total += 1
        self.findings.append(finding)
        if len(self.findings) > 16 * MAX_FINDINGS:
            # A file can break one rule a million times; which findings stay must not depend on when we prune.
            self.findings = self.worst()

    def worst(self) -> list[Finding]:
        """At most MAX_FINDINGS, worst first. The worst of every rule goes before a second one of any: a rule broken a
        thousand times must not crowd out the one that a policy asks for."""
        ordered = sorted(self.findings, key=self._order)
        first = list({finding.rule: finding for finding in reversed(ordered)}.values())
        kept = {id(finding) for finding in sorted(first, key=self._order)[:MAX_FINDINGS]}
        room = MAX_FINDINGS - len(kept)
        rest = [finding for finding in ordered if id(finding) not in kept]
        kept.update(id(finding) for finding in rest[:room])
        return [finding for finding in ordered if id(finding) in kept][:MAX_FINDINGS]

    def _order(self, finding: Finding) -> tuple[int, int, str, str, str, str]:
        rule = self.registry.rules[finding.rule]
        offset = -1 if finding.offset is None else finding.offset
        return (rule.severity.rank, offset, finding.where, finding.rule, finding.seen, finding.allowed)

    def gap(self, where: str, why: str) -> None:
        if len(self.coverage) < MAX_GAPS:
            self.coverage.append(Gap(evidence(where), evidence(why)))


class _Screening:
    """`Screening` for one file at one depth. Members get their own, one deeper."""

    def __init__(self, notes: _Notes, budget: Budget, path: tuple[str, ...], *, accompanied: bool = False) -> None:
        self.limits = budget.limits
        self.accompanied = accompanied
        self.detected: MediaType | None = None
        self.end: int | None = None
        self._notes = notes
        self._budget = budget
        self._path = path

    def spend(self, operations: int = 1) -> None:
        self._budget.spend(operations)

    def expand(self, count: int) -> None:
        self._budget.expand(count)

    def ends_at(self, offset: int) -> None:
        self.end = offset

    def not_covered(self, where: str, why: str) -> None:
        self._notes.gap("!/".join((*self._path, where)) if where else "!/".join(self._path), why)

    def found(self, finding: Finding) -> None:
        for member in reversed(self._path):
            finding = finding.inside(member)
        self._notes.add(finding)
        if finding.rule in self._notes.decisive:
            raise _Decided

    def member(
        self,
        name: str,
        source: Source,
        *,
        media_type: str | None = None,
        nameless: bool = False,
        accompanied: bool = False,
    ) -> MediaType | None:
        self._budget.enter()
        shown = evidence(name)
        inner = _Screening(self._notes, self._budget, (*self._path, shown), accompanied=accompanied)
        if len(self._path) >= self.limits.nesting:
            inner.found(
                unscannable.BUDGET.found(
                    at=0, seen=f"{len(self._path) + 1} containers deep", allowed=self.limits.nesting
                )
            )
            return None
        detected = _look(source.charged_to(self._budget), inner, self._notes.registry)
        claim = Claim(name=None if nameless else name.replace("\\", "/").rsplit("/", 1)[-1], media_type=media_type)
        for finding in judge_claims(claim, detected):
            # Among sources and data, `build.pl` and `image.bin` are what they say, and a click runs none of them.
            if not (accompanied and finding.rule == NOISY.id):
                inner.found(finding)
        return detected

    def run(self, source: Source, validator: Validator) -> None:
        """The validator over the file. What ends it early is a finding; an exception of its own is, too."""
        try:
            for finding in validator(source, self):
                self.found(finding)
        except ShortRead as end:
            at = min(end.offset, source.size)  # a jump may lead far beyond, to where no file has a byte
            self.found(validator.truncated.found(at=at, seen=f"{end.available} bytes", allowed=f"{end.wanted} bytes"))
        except NotThisFormat:
            self.not_covered("", f"declined by the validator {validator.name}")
            self.found(unscannable.DECLINED.found(at=None, seen=f"declined by the validator {validator.name}"))
        except (Aborted, BudgetSpent, MemoryError, _Decided):
            raise
        except Exception as error:  # a validator's fault holds the file instead of passing it
            self.found(unscannable.VALIDATOR_FAILED.found(at=None, seen=f"{validator.name}: {type(error).__name__}"))


def _look(source: Source, screening: _Screening, registry: Registry) -> MediaType | None:
    """Identify one file, validate it, classify its tail. Findings go to `screening`."""
    screening.detected = detected = identify(source.at(0), registry.foreign_types)
    if detected is None:
        screening.not_covered("", "no known type")
        return None
    if validator := registry.judge_of(detected):
        screening.run(source.at(0), validator)
    else:
        screening.not_covered("", f"no validator for {detected.name}")
    for finding in polyglot.hidden_in(source, detected, screening.end):
        screening.found(finding)
    return detected


def inspect(
    source: Source,
    limits: Limits | None = None,
    registry: Registry | None = None,
    *,
    decisive: frozenset[str] = frozenset(),
) -> Inspection:
    """Everything that the bytes tell. Never raises for any bytes; blocks while the source waits for them.

    decisive: ids of rules after one of which nobody needs the rest. The inspection then ends there, without a size.
    """
    registry = registry or default_registry()
    notes = _Notes(registry, decisive)
    budget = Budget(limits or Limits())
    screening = _Screening(notes, budget, ())
    source = source.charged_to(budget)
    size: int | None = None
    try:
        _look(source, screening, registry)
        size = source.size
    except _Decided:
        notes.gap("", "what follows could not have changed the decision")
    except Aborted:
        notes.add(unscannable.INCOMPLETE.found(at=None))
    except BudgetSpent as spent:
        notes.add(unscannable.BUDGET.found(at=None, seen=f"{spent.used} {spent.bound}", allowed=spent.allowed))
    except MemoryError:
        memory = f"{budget.limits.memory // MIB} MiB"
        notes.add(unscannable.BUDGET.found(at=None, seen="all its memory", allowed=memory))
    except Exception as error:  # of identification or the search for second files: a fault of ours holds the file, too
        notes.add(unscannable.VALIDATOR_FAILED.found(at=None, seen=f"inspection: {type(error).__name__}"))
    return Inspection(
        screening.detected, size, tuple(notes.worst()), notes.total, tuple(notes.coverage), registry.rule_set
    )


def screen(
    source: Source,
    claim: Claim | None = None,
    limits: Limits | None = None,
    registry: Registry | None = None,
    *,
    decisive: frozenset[str] = frozenset(),
) -> Inspection:
    """`inspect`, and what the sender claimed held against it."""
    registry = registry or default_registry()
    inspection = inspect(source, limits, registry, decisive=decisive)
    if claim is None:
        return inspection
    return with_claim(inspection, claim, registry)


def with_claim(inspection: Inspection, claim: Claim, registry: Registry) -> Inspection:
    """The inspection with the claim's findings merged in, again worst first."""
    notes = _Notes(registry, findings=list(inspection.findings), total=inspection.total)
    for finding in judge_claims(claim, inspection.media_type):
        notes.add(finding)
    return replace(inspection, findings=tuple(notes.worst()), total=notes.total)
