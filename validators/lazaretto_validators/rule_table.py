"""How the rules of a format are written down: one table, one call for each rule, in the order of the documentation.

_TABLE = RuleTable("gzip")
CRC = _TABLE.malformed(MEDIUM, "crc", "A checksum is wrong.", "RFC 1952 2.3.1, CRC32", "damaged downloads")
RULES = _TABLE.rules
"""

from __future__ import annotations

from functools import partial
from typing import Protocol

from lazaretto_validators.finding import Category, Rule, Severity

__all__ = ["HIGH", "INFO", "MEDIUM", "RuleTable"]

HIGH, MEDIUM, INFO = Severity.HIGH, Severity.MEDIUM, Severity.INFO


class _Define(Protocol):
    """Adds a rule of one category. name: what follows the prefix; innocent: who breaks the rule innocently."""

    def __call__(
        self, severity: Severity, name: str, message: str, spec: str, innocent: str = "none known"
    ) -> Rule: ...


class RuleTable:
    """The rules under one prefix, as they are defined. Several files may have a table each for the same prefix."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._rules: list[Rule] = []
        self.malformed: _Define = partial(self._add, Category.MALFORMED)
        self.spoofed: _Define = partial(self._add, Category.SPOOFED)
        self.concealed: _Define = partial(self._add, Category.CONCEALED)
        self.active: _Define = partial(self._add, Category.ACTIVE)
        self.dangerous: _Define = partial(self._add, Category.DANGEROUS)
        self.exploit: _Define = partial(self._add, Category.EXPLOIT)
        self.resource: _Define = partial(self._add, Category.RESOURCE)
        self.unscannable: _Define = partial(self._add, Category.UNSCANNABLE)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules so far, in the order of their definition."""
        return tuple(self._rules)

    def _add(
        self,
        category: Category,
        severity: Severity,
        name: str,
        message: str,
        spec: str,
        innocent: str = "none known",
    ) -> Rule:
        rule = Rule(f"{self._prefix}.{name}", category, severity, message, spec, innocent)
        self._rules.append(rule)
        return rule
