"""Rules (what can be wrong) and findings (where it was wrong).

A finding carries a rule's id and its own evidence, nothing else. Category, severity and wording are looked up
in the rule table by whoever reads the finding, so a validator that was taken over cannot play its find down.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

__all__ = ["MAX_OFFSET", "MAX_TEXT", "Category", "Finding", "Rule", "Severity", "evidence"]

MAX_TEXT = 200
"""The longest string, in characters, that a finding carries: enough to recognise a name, too short to flood a card."""

MAX_OFFSET = 1 << 53
"""The farthest place that a finding names: beyond, JSON readers round. What a file points at may lie much farther."""


class Category(StrEnum):
    """What kind of wrong."""

    MALFORMED = "malformed"  # breaks the specification of its own format
    SPOOFED = "spoofed"  # one type passing as another
    CONCEALED = "concealed"  # polyglots, hidden tails
    ACTIVE = "active"  # scripts, macros, embedded files
    DANGEROUS = "dangerous"  # programs, installers, shortcuts
    EXPLOIT = "exploit"  # the shape of a known attack
    RESOURCE = "resource"  # bombs
    UNSCANNABLE = "unscannable"  # we could not look


class Severity(StrEnum):
    """How bad, worst first."""

    HIGH = "high"
    MEDIUM = "medium"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the worst: sorts findings worst first."""
        return _RANKS[self]


_RANKS = {Severity.HIGH: 0, Severity.MEDIUM: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong. The id never changes its meaning.

    id: `<format>.<kebab-case>`.
    message: one plain sentence for a moderator, without the evidence.
    spec: the clause, CVE or convention that the rule rests on.
    false_positives: who breaks it innocently; "none known" is an answer.
    """

    id: str
    category: Category
    severity: Severity
    message: str
    spec: str
    false_positives: str = "none known"

    def found(self, *, at: int | None, where: str = "", seen: object = "", allowed: object = "") -> Finding:
        """A finding of this rule at byte `at` (None for claims), in the part `where` of the file."""
        place = None if at is None else min(at, MAX_OFFSET)
        return Finding(self.id, place, evidence(where), evidence(seen), evidence(allowed))


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken at one place.

    offset: byte offset in the innermost member, None for claims.
    where: path of the place, members joined by `!/` (`a.zip!/b.png!/IDAT[2]`).
    seen, allowed: the value found and the values that would have been right, as text.
    """

    rule: str
    offset: int | None
    where: str = ""
    seen: str = ""
    allowed: str = ""

    def inside(self, member: str) -> Self:
        """The same finding, seen from the container that holds `member`."""
        where = f"{member}!/{self.where}" if self.where else member
        return type(self)(self.rule, self.offset, evidence(where), self.seen, self.allowed)


def evidence(value: object) -> str:
    """What an attacker wrote, as a short string that is safe in a log line: bytes and controls are escaped."""
    text = value[:MAX_TEXT].decode("latin-1") if isinstance(value, bytes) else str(value)
    if len(text) > MAX_TEXT:
        # Both ends tell more than the beginning alone: the end of a path is the name that matters.
        half = (MAX_TEXT - 1) // 2
        text = f"{text[:half]}…{text[-half:]}"
    if text.isprintable():
        return text
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return escaped[:MAX_TEXT]
