"""Counting what became of labelled files, and holding the counts against what was asked for.

*blocked* is quarantine or reject, *flagged* is flag, whatever the reason. *unscannable* counts the files with a finding
of that category and overlaps with both. *caught* is blocked or flagged. A *crash* is a dead worker or an exception.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from lazaretto.evaluation.manifest import Entry, Label
from lazaretto.model import Action, Decision, Report
from lazaretto.rules import all_rules
from lazaretto_validators import Category

__all__ = ["Counts", "Evaluated", "Gates", "Tally", "percent"]

_CRASHES = frozenset({"unscannable.crashed", "unscannable.worker-failed", "unscannable.validator-failed"})


@dataclass(frozen=True, slots=True)
class Evaluated:
    """What became of one file."""

    entry: Entry
    report: Report
    decision: Decision

    @property
    def blocked(self) -> bool:
        return self.decision.action in (Action.QUARANTINE, Action.REJECT)

    @property
    def flagged(self) -> bool:
        return self.decision.action is Action.FLAG

    @property
    def unscannable(self) -> bool:
        rules = all_rules()
        return any(rules[finding.rule].category is Category.UNSCANNABLE for finding in self.report.findings)

    @property
    def crashed(self) -> bool:
        return any(finding.rule in _CRASHES for finding in self.report.findings)

    @property
    def mistaken(self) -> bool:
        """Was an honest file not simply let through, or another one let through, or did it end the worker?"""
        return self.crashed or (self.blocked or self.flagged) == (self.entry.label is Label.BENIGN)

    @property
    def rules(self) -> list[str]:
        """What decided first, then whatever else was found."""
        decisive = [reason.rule for reason in self.decision.reasons]
        return list(dict.fromkeys([*decisive, *(finding.rule for finding in self.report.findings)]))


@dataclass(slots=True)
class Counts:
    """Of how many files how many met which end."""

    total: int = 0
    blocked: int = 0
    flagged: int = 0
    unscannable: int = 0

    def count(self, evaluated: Evaluated) -> None:
        self.total += 1
        self.blocked += evaluated.blocked
        self.flagged += evaluated.flagged
        self.unscannable += evaluated.unscannable

    @property
    def caught(self) -> int:
        return self.blocked + self.flagged

    def as_json(self) -> dict[str, int]:
        return asdict(self)


def percent(part: int, whole: int) -> float:
    """`part` of `whole` in percent; of nothing, none."""
    return 100 * part / whole if whole else 0.0


@dataclass(slots=True)
class Tally:
    """All counts of one run.

    by_class: by label and class; by_format: by extension and label.
    """

    files: int = 0
    bytes: int = 0
    crashes: int = 0
    by_label: dict[Label, Counts] = field(default_factory=lambda: {label: Counts() for label in Label})
    by_class: dict[tuple[Label, str], Counts] = field(default_factory=lambda: defaultdict(Counts))
    by_format: dict[tuple[str, Label], Counts] = field(default_factory=lambda: defaultdict(Counts))
    mistakes: list[Evaluated] = field(default_factory=list)

    def count(self, evaluated: Evaluated) -> None:
        entry = evaluated.entry
        self.files += 1
        self.bytes += evaluated.report.size or 0
        self.crashes += evaluated.crashed
        for counts in (
            self.by_label[entry.label],
            self.by_class[entry.label, entry.kind],
            self.by_format[entry.extension, entry.label],
        ):
            counts.count(evaluated)
        if evaluated.mistaken:
            self.mistakes.append(evaluated)

    def as_json(self, seconds: float) -> dict[str, Any]:
        """Everything, as `lazaretto evaluate --json` prints it."""
        return {
            "files": self.files,
            "bytes": self.bytes,
            "seconds": round(seconds, 3),
            "crashes": self.crashes,
            Label.BENIGN.value: self.by_label[Label.BENIGN].as_json(),
            Label.HOSTILE.value: self._with_classes(Label.HOSTILE),
            Label.MALFORMED.value: self._with_classes(Label.MALFORMED),
            "by_format": self._formats(),
            "mistakes": [_mistake(evaluated) for evaluated in self.mistakes],
        }

    def _with_classes(self, label: Label) -> dict[str, Any]:
        classes = {kind: counts.as_json() for (of, kind), counts in sorted(self.by_class.items()) if of is label}
        return {**self.by_label[label].as_json(), "by_class": classes}

    def _formats(self) -> dict[str, dict[str, dict[str, int]]]:
        formats: dict[str, dict[str, dict[str, int]]] = {}
        for (extension, label), counts in sorted(self.by_format.items()):
            formats.setdefault(extension, {})[label.value] = counts.as_json()
        return formats


def _mistake(evaluated: Evaluated) -> dict[str, Any]:
    entry = evaluated.entry
    return {
        "path": entry.path,
        "label": entry.label.value,
        "class": entry.kind,
        "decision": evaluated.decision.action.value,
        "rules": evaluated.rules,
    }


@dataclass(frozen=True, slots=True)
class Gates:
    """What a run must reach, beside that no file crashes.

    blocked_benign: percent of the benign files that may be blocked.
    caught: percent of the hostile and malformed files, taken together, that must be blocked or flagged.
    classes: classes of which there must be a file.
    """

    blocked_benign: float | None = None
    caught: float | None = None
    classes: Sequence[str] = ()

    def missed(self, tally: Tally) -> Iterator[str]:
        """One sentence for each demand that was not met."""
        if tally.crashes:
            yield f"{tally.crashes} files ended their worker or raised an exception: they are among the mistakes"
        benign, bad = tally.by_label[Label.BENIGN], [tally.by_label[Label.HOSTILE], tally.by_label[Label.MALFORMED]]
        if self.blocked_benign is not None:
            if not benign.total:
                yield "there is no benign file to hold --max-blocked-benign against"
            elif (share := percent(benign.blocked, benign.total)) > self.blocked_benign:
                yield f"{share:.2f} % of the benign files are blocked, {self.blocked_benign:g} % at most were asked for"
        if self.caught is not None:
            total = sum(counts.total for counts in bad)
            if not total:
                yield "there is no hostile or malformed file to hold --min-caught against"
            elif (share := percent(sum(counts.caught for counts in bad), total)) < self.caught:
                yield f"{share:.2f} % of the hostile and malformed files are caught, {self.caught:g} % were asked for"
        present = {kind for _, kind in tally.by_class}
        yield from (f"no file is of the class {name!r}" for name in self.classes if name not in present)
