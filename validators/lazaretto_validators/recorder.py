"""A `Screening` for tests: it charges like the real one, keeps what it is told, and looks at no member."""

from __future__ import annotations

from dataclasses import dataclass, field

from lazaretto_validators.limits import Budget, Limits
from lazaretto_validators.media_types import MediaType
from lazaretto_validators.source import Source

__all__ = ["Recorder"]


@dataclass
class Recorder:
    """Give one to a validator to see what it hands over.

    accompanied: what the validator is told of its file.
    end: the last end that was told. gaps: where something was not looked at. members: names and sources, in order.
    expanded: bytes that came out of decompressors.
    """

    limits: Limits = field(default_factory=Limits)
    accompanied: bool = False
    end: int | None = None
    gaps: list[str] = field(default_factory=list)
    members: list[tuple[str, Source]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._budget = Budget(self.limits)

    @property
    def expanded(self) -> int:
        return self._budget.expanded

    def member(
        self,
        name: str,
        source: Source,
        *,
        media_type: str | None = None,  # noqa: ARG002 - the contract's
        nameless: bool = False,  # noqa: ARG002
        accompanied: bool = False,  # noqa: ARG002
    ) -> MediaType | None:
        """Keep name and source."""
        self._budget.enter()
        self.members.append((name, source))
        return None

    def ends_at(self, offset: int) -> None:
        """Keep it."""
        self.end = offset

    def not_covered(self, where: str, why: str) -> None:  # noqa: ARG002
        """Keep the place."""
        self.gaps.append(where)

    def spend(self, operations: int = 1) -> None:
        """Charge."""
        self._budget.spend(operations)

    def expand(self, count: int) -> None:
        """Charge."""
        self._budget.expand(count)
