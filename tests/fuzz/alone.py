"""One validator, alone with some bytes: what the fuzzers call, and nothing else."""

from __future__ import annotations

from lazaretto_validators.limits import Budget, BudgetSpent, Limits
from lazaretto_validators.media_types import MediaType
from lazaretto_validators.recorder import Recorder
from lazaretto_validators.registry import default_registry
from lazaretto_validators.source import NotThisFormat, ShortRead, Source
from lazaretto_validators.validator import Validator

__all__ = ["LIMITS", "judge", "named"]

LIMITS = Limits(member_bytes=1 << 20, expanded_bytes=4 << 20, members=200)
"""Small bounds: a mutated bomb must not make the fuzzer itself slow."""


class _Reader(Recorder):
    """Reads each member to its end, without judging it."""

    def member(
        self,
        name: str,
        source: Source,
        *,
        media_type: str | None = None,
        nameless: bool = False,
        accompanied: bool = False,
    ) -> MediaType | None:
        super().member(name, source)
        for _ in source.pieces():
            self.spend()
        return None


def named(name: str) -> Validator:
    """The registered validator of this name."""
    [validator] = [found for found in default_registry().validators if found.name == name]
    return validator


def judge(validator: Validator, data: bytes) -> int:
    """Take all that the validator says of these bytes. Raises whatever is no part of its contract.

    Answers how many bytes there were to look at: these, and what came out of decompressors.
    """
    known, screening = default_registry().rules, _Reader(LIMITS)
    source = Source.of_bytes(data).charged_to(Budget(LIMITS))
    try:
        for finding in validator(source, screening):
            if finding.rule not in known:
                raise LookupError(f"{validator.name} tells {finding.rule}")
    except (ShortRead, NotThisFormat, BudgetSpent):
        pass
    return len(data) + screening.expanded
