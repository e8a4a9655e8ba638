"""We could not look: the rules that say so. Never "clean", and never the file's own fault (`<format>.truncated`)."""

from __future__ import annotations

from lazaretto_validators.finding import Category, Rule, Severity

__all__ = ["BUDGET", "DECLINED", "ENCRYPTED", "INCOMPLETE", "RULES", "VALIDATOR_FAILED"]


def _rule(name: str, message: str, spec: str, false_positives: str) -> Rule:
    return Rule(f"unscannable.{name}", Category.UNSCANNABLE, Severity.MEDIUM, message, spec, false_positives)


ENCRYPTED = _rule(
    "encrypted",
    "A part of the file is encrypted, so nobody but its sender knows what is in it.",
    spec="threats ARC-14, PDF-15, OFF-17",
    false_positives="everyday in finance and personnel groups",
)
BUDGET = _rule(
    "budget",
    "Looking at the whole file would cost more than is granted to one file.",
    spec="limits on bytes, nesting, members, operations, memory, time and the length of an answer; threats BMB-03",
    false_positives="very large or very finely structured honest files",
)
VALIDATOR_FAILED = _rule(
    "validator-failed",
    "The check of this format failed by a fault of its own, so the file was not judged.",
    spec="a validator raised: the fault is ours, the file is held all the same",
    false_positives="any file that meets a fault in a validator",
)
DECLINED = _rule(
    "declined",
    "The file begins like one format, and the check of that format does not know it as such, so it was not judged.",
    spec="what was identified must be validated: a reader may be more tolerant than the check",
    false_positives="files of other formats that happen to begin alike",
)
INCOMPLETE = _rule(
    "incomplete",
    "The file could not be fetched to its end.",
    spec="the download broke off",
    false_positives="every interrupted download",
)

RULES = (ENCRYPTED, BUDGET, VALIDATOR_FAILED, DECLINED, INCOMPLETE)
