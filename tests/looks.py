"""What the whole inspection says of a file: tests of validators ask no more than this."""

from __future__ import annotations

from lazaretto_validators import Limits, Severity, Source, inspect
from lazaretto_validators.inspect import Inspection
from lazaretto_validators.registry import default_registry

RULES = default_registry().rules


def look(data: bytes, limits: Limits | None = None) -> Inspection:
    return inspect(Source.of_bytes(data), limits)


def rules_of(data: bytes, limits: Limits | None = None, *, prefix: str = "", above: Severity | None = None) -> set[str]:
    """Ids of the rules broken, without `prefix`; only of those worse than `above`."""
    rules = {finding.rule for finding in look(data, limits).findings}
    return {rule.removeprefix(prefix) for rule in rules if above is None or RULES[rule].severity.rank < above.rank}


def above_info(data: bytes) -> set[str]:
    return rules_of(data, above=Severity.INFO)
