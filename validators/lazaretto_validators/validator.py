"""The contract between a format's validator and the screener.

A validator is a generator function over (source, screening) that yields findings and decides nothing:

    @validator("image/x-tiny", magic=b"TINY", extensions=("tiny",), rules=RULES, example=SMALLEST, api=1)
    def validate_tiny(source: Source, screening: Screening) -> Iterator[Finding]:
        '''TINY pictures. The TINY specification, 2nd edition.'''
        source.expect(b"TINY")
        ...

Its module opens with the grammar, then its rules, then one small function per element of the grammar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.limits import Limits
from lazaretto_validators.media_types import MediaType, Risk
from lazaretto_validators.source import Source

__all__ = ["API", "Screening", "Validate", "Validator", "validator"]

API = 1
"""Version of this contract. A validator built for another one stops the start."""


class Screening(Protocol):
    """The only other thing a validator gets: where it hands over what is not its own to judge."""

    @property
    def limits(self) -> Limits:
        """The bounds of this inspection."""

    @property
    def accompanied(self) -> bool:
        """Is this file one of several in an archive? A script among sources is not what a script alone is."""

    def member(
        self,
        name: str,
        source: Source,
        *,
        media_type: str | None = None,
        nameless: bool = False,
        accompanied: bool = False,
    ) -> MediaType | None:
        """Screen a file found inside this one, by its own format's validator. Answers its detected type.

        name: as the container has it, path included; it is judged as a name, too.
        media_type: what the container declares the member to be, if it does.
        nameless: the name only labels a part of a package (`word/document.xml`) and is not judged.
        accompanied: it is one of several files that somebody put into an archive.
        Findings of the member are recorded under `name!/`. Too deep, it becomes a gap in the coverage.
        """

    def ends_at(self, offset: int) -> None:
        """The format's own structure ends here; what follows is a tail, classified by `polyglot`."""

    def not_covered(self, where: str, why: str) -> None:
        """This stretch was not looked at, and why. Silence would say that it was."""

    def spend(self, operations: int = 1) -> None:
        """Charge the turns of a loop that does not read. Raises BudgetSpent."""

    def expand(self, count: int) -> None:
        """Charge bytes that came out of a decompressor. Raises BudgetSpent."""


Validate = Callable[[Source, Screening], Iterator[Finding]]


@dataclass(frozen=True, slots=True)
class Validator:
    """One format's validator with all that the registry needs to know of it. Made by the `validator` decorator.

    name: the format, and the prefix of its rules.
    media_types: the types that it judges.
    magic: literals of which one stands at offset 0; empty where the format is recognised by structure alone.
    rules: everything that it can say; `<name>.truncated` is added to them.
    example: a small valid file: warms the validator up, and feeds the laws.
    """

    name: str
    media_types: tuple[MediaType, ...]
    magic: tuple[bytes, ...]
    rules: tuple[Rule, ...]
    example: bytes
    api: int
    run: Validate

    def __call__(self, source: Source, screening: Screening) -> Iterator[Finding]:
        """Findings of one file, in file order."""
        return self.run(source, screening)

    @property
    def truncated(self) -> Rule:
        """What the screener reports when the file ends inside this format's structure."""
        return self.rules[-1]


def validator(
    *media_types: str,
    magic: bytes | tuple[bytes, ...] = (),
    extensions: tuple[str, ...] = (),
    rules: tuple[Rule, ...] = (),
    example: bytes,
    api: int,
    label: str = "",
    risk: Risk = Risk.UNKNOWN,
) -> Callable[[Validate], Validator]:
    """Make a function `validate_<format>` the validator of `media_types`.

    extensions, label, risk: only for a type that `media_types.MEDIA_TYPES` does not have; a known one keeps its own.
    Raises ValueError for a rule whose id does not begin with the format's name.
    """

    def decorate(function: Validate) -> Validator:
        name = function.__name__.removeprefix("validate_").replace("_", "-")
        if strangers := [rule.id for rule in rules if not rule.id.startswith(f"{name}.")]:
            raise ValueError(f"validator {name}: rules {strangers} do not begin with {name!r}")
        truncated = Rule(
            f"{name}.truncated",
            Category.MALFORMED,
            Severity.HIGH,
            "The file ends before its own structure does.",
            spec="a declared length reaches past the end of the file",
            false_positives="files whose upload or earlier download was interrupted",
        )
        types = tuple(MediaType.known_or(m, label or m, risk, extensions) for m in media_types)
        literals = (magic,) if isinstance(magic, bytes) else magic
        return Validator(name, types, literals, (*rules, truncated), example, api, function)

    return decorate
