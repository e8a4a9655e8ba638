"""The rule table of the whole product: every validator's rules, and the few that only the bot can break."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from lazaretto_validators import Category, Rule, Severity, default_registry

__all__ = [
    "BACKED_OFF",
    "CONFIRMED",
    "CRASHED",
    "GRANTED",
    "MORE_FINDINGS",
    "NOT_FETCHABLE",
    "OVERLOADED",
    "POLICY_RULES",
    "PRECEDENT_RULES",
    "TOO_LARGE",
    "TYPE_NOT_ALLOWED",
    "WORKER",
    "all_rules",
]


def _unscannable(
    name: str, message: str, spec: str, false_positives: str, severity: Severity = Severity.MEDIUM
) -> Rule:
    return Rule(f"unscannable.{name}", Category.UNSCANNABLE, severity, message, spec, false_positives)


NOT_FETCHABLE = _unscannable(
    "not-fetchable",
    "The platform does not hand this file out to bots, so it could not be looked at.",
    spec="Telegram Bot API: getFile serves files up to 20 MiB, and no stories",
    false_positives="every large or expired file",
)
TOO_LARGE = _unscannable(
    "too-large",
    "The file is larger than is allowed here, so it was not looked at in full.",
    spec="policy key max_size, counted in bytes received",
    false_positives="honest large files; raise max_size",
)
WORKER = _unscannable(
    "worker-failed",
    "No process could look at this file to its end, so the file was not judged.",
    spec="no worker could be started, or it was killed from outside, and so was a second one",
    false_positives="a fault or a shortage of this machine",
)
CRASHED = _unscannable(
    "crashed",
    "The process that looked at this file crashed or misbehaved, as it would if the file had taken it over.",
    spec="a fatal signal, a forbidden system call, or an answer that honest code does not give",
    false_positives="a fault in a validator or in the interpreter",
    severity=Severity.HIGH,
)
BACKED_OFF = _unscannable(
    "backed-off",
    "A file of the same sender made the check crash, so for a while none of theirs is opened.",
    spec="after a crash nothing of its sender is opened for a minute, twice as long after each further one",
    false_positives="honest files that the same sender posts after one that met a fault of ours",
    severity=Severity.HIGH,
)

OVERLOADED = _unscannable(
    "overloaded",
    "So many files were waiting, or there was no room for this one for so long, that it was not looked at.",
    spec="screening.waiting and screening.per_member: attachments that may wait, in all and of one member of a chat; "
    "spool.max_bytes and the disk below it, after a minute of waiting",
    false_positives="honest files posted during a flood or while the disk is full, or hundreds by one member at once",
    severity=Severity.HIGH,
)

CONFIRMED = Rule(
    "precedent.confirmed",
    Category.DANGEROUS,
    Severity.HIGH,
    "A moderator of this group has confirmed exactly this file as bad before.",
    spec="SHA-256 equal to that of a confirmed case of the same group",
    false_positives="a case that was confirmed by mistake",
)
GRANTED = Rule(
    "precedent.granted",
    Category.DANGEROUS,
    Severity.INFO,
    "A moderator of this group has released exactly this file before, so it goes on.",
    spec="SHA-256 and claimed risk class equal to those of a released case of the same group",
)
PRECEDENT_RULES = (CONFIRMED, GRANTED)

TYPE_NOT_ALLOWED = Rule(
    "policy.type-not-allowed",
    Category.DANGEROUS,
    Severity.MEDIUM,
    "This group does not allow files of this type.",
    spec="policy keys types.allow and types.deny, held against the detected type",
    false_positives="honest files of other types; widen types.allow",
)
MORE_FINDINGS = Rule(
    "policy.more-findings",
    Category.UNSCANNABLE,
    Severity.MEDIUM,
    "More rules are broken than a report can name, and those left out could be worse.",
    spec="a report names up to 64 broken rules; the rest count as the worst that they can be",
)
POLICY_RULES = (TYPE_NOT_ALLOWED, MORE_FINDINGS)


@cache
def all_rules() -> Mapping[str, Rule]:
    """Every rule that a report or a decision can name, by id."""
    ours = (NOT_FETCHABLE, TOO_LARGE, WORKER, CRASHED, BACKED_OFF, OVERLOADED, *PRECEDENT_RULES, *POLICY_RULES)
    return MappingProxyType({**default_registry().rules, **{rule.id: rule for rule in ours}})
