"""What is wrong with a configuration, said so that whoever edits it can put it right: file, key, problem, remedy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

__all__ = ["ConfigError", "Problem", "did_you_mean"]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to put right.

    file: the file, or what stands in its place (`settings`, `chat settings`).
    key: dotted, as in the file (`actions.active`), or the line of a syntax error; empty for the file as a whole.
    problem, remedy: what is wrong, and what to do; without a full stop.
    """

    file: str
    key: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.key}" if self.key else self.file
        return f"{place}: {self.problem}; {self.remedy}"


class ConfigError(Exception):
    """A configuration that cannot be used. Its text has one line per problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """The known word nearest to a mistyped one, or None."""
    return next(iter(get_close_matches(word.lower(), [str(one) for one in known], n=1, cutoff=0.6)), None)
