"""Policy applied to reports. Pure: nothing is looked up but the rule table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache

from lazaretto.model import Action, Attachment, Decision, Mode, Part, Reason, Report
from lazaretto.policy.model import Policy
from lazaretto.policy.risks import claimed_risk
from lazaretto.ports import MEMBER, Precedents, Standing
from lazaretto.rules import CONFIRMED, CRASHED, GRANTED, MORE_FINDINGS, TOO_LARGE, TYPE_NOT_ALLOWED, all_rules
from lazaretto_validators import Category, Rule, Severity, default_registry, unscannable

__all__ = ["MAX_REASONS", "decide"]

MAX_REASONS = 64
"""As many as one report has findings. The decision is taken before the rest is left out."""

_NO_PRECEDENTS = Precedents()


def decide(
    attachment: Attachment,
    reports: Sequence[Report],
    policy: Policy,
    precedents: Precedents = _NO_PRECEDENTS,
    sender: Standing = MEMBER,
) -> Decision:
    """The decision about an attachment, the worst action of all its parts' findings.

    reports: one a part, in the parts' order; another number is a ValueError, and the attachment is held.
    sender: what the policy has for them in particular. Of the exempt everything is judged, and nothing enforced.
    """
    if sender.new:
        policy = policy.for_newcomers()
    reasons = [
        reason
        for part, report in zip(attachment.parts, reports, strict=True)
        for reason in _reasons(part, report, policy, precedents)
    ]
    reasons.sort(key=_worst_first)
    action = reasons[0].action if reasons else Action.FORWARD
    return Decision(action, policy.mode is Mode.GUARD and not sender.exempt, _kept(reasons))


def _kept(reasons: Sequence[Reason]) -> tuple[Reason, ...]:
    """As many as are kept, worst first. The worst of every category and of every part are among them as far as that
    goes: by these it is asked who may release it, and which files are blocked once it is confirmed."""
    if len(reasons) <= MAX_REASONS:
        return tuple(reasons)
    categories, of_parts, rest = dict[Category, int](), dict[int, int](), range(len(reasons))
    for place, reason in enumerate(reasons):
        categories.setdefault(all_rules()[reason.rule].category, place)
        of_parts.setdefault(reason.part, place)
    wanted = dict.fromkeys([*categories.values(), *of_parts.values(), *rest])
    return tuple(reasons[place] for place in sorted(list(wanted)[:MAX_REASONS]))


def _worst_first(reason: Reason) -> tuple[int, int, int, str]:
    return -reason.action.rank, all_rules()[reason.rule].severity.rank, reason.part, reason.rule


def _reasons(part: Part, report: Report, policy: Policy, precedents: Precedents) -> list[Reason]:
    confirmed = report.sha256 in precedents.confirmed
    if not confirmed and report.sha256 and (report.sha256, claimed_risk(part.claim)) in precedents.granted:
        return [Reason(GRANTED.id, Action.FORWARD, "grant", part.index)]
    broken = {rule.id: rule for rule in _broken(report, policy)}
    if confirmed:
        broken[CONFIRMED.id] = CONFIRMED
    judged = [(rule.id, *policy.action_for(rule)) for rule in broken.values()]
    judged += _left_out(report, policy)
    return [Reason(rule, action, key, part.index) for rule, action, key in judged if action is not Action.FORWARD]


def _broken(report: Report, policy: Policy) -> Iterator[Rule]:
    rules = all_rules()
    for finding in report.findings:
        # A rule that does not exist is a bad reply: whatever gave it has not judged the file.
        yield rules.get(finding.rule, CRASHED)
    if report.size is not None and report.size > policy.max_size:
        yield TOO_LARGE
    if not policy.types.permit(report.media_type):
        yield TYPE_NOT_ALLOWED


def _left_out(report: Report, policy: Policy) -> list[tuple[str, Action, str]]:
    """The findings that a report counts and does not hold, as the worst that they can be.

    A report holds the worst finding of every rule before a second one of any. So a rule can be missing from it only
    where all that it holds are of different rules; and then it could be the one that the group wants held.
    """
    distinct = {finding.rule for finding in report.findings}
    if report.total <= len(report.findings) or len(distinct) < len(report.findings):
        return []
    kept = [rule.severity for finding in report.findings if (rule := all_rules().get(finding.rule))]
    mildest = max(kept, key=lambda severity: severity.rank, default=Severity.HIGH)
    possible = [policy.action_for(rule) for rule in _can_be_left_out() if rule.severity.rank >= mildest.rank]
    if not possible:
        return []
    action, key = max(possible, key=lambda found: (found[0].rank, found[1]))
    return [(MORE_FINDINGS.id, action, key)]


@cache
def _can_be_left_out() -> tuple[Rule, ...]:
    """Rules found at an offset. Those of the screening itself stand at none, and so come first among equals."""
    rules = default_registry().rules.values()
    return tuple(r for r in rules if r.category is not Category.UNSCANNABLE or r.id == unscannable.ENCRYPTED.id)
