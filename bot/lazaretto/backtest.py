"""What another policy would have done: recorded reports decided anew.

    comparison = await backtest(store, place, policy, since, against=in_force)

Both policies are asked as if guard mode held and nobody were exempt. What moderators had decided about the same file
before, a release or a confirmation, counts on neither side: what of it held on the day is not known any more. Reports
are taken as they are: rules that came later were not asked, nor were files that were not looked at then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection

from lazaretto.audit import AuditedStore
from lazaretto.model import Action, Attachment, CaseState, Decision, Place, Reason, Report
from lazaretto.policy import Policy, decide
from lazaretto.ports import MEMBER, Standing
from lazaretto.rules import PRECEDENT_RULES, TOO_LARGE
from lazaretto.state.recorded import Recorded, first_posts, judged

__all__ = ["MOST", "Change", "Comparison", "Unjudged", "backtest", "compare"]

MOST = 100_000
"""Attachments that are looked at, the newest; on one core some 15 seconds."""

_PAGE = 200
"""Read and judged at a time, in a thread, between which others have their turn."""
_EXAMPLES = 10
_RULES = 5
_HOLD = (Action.QUARANTINE, Action.REJECT)
_PRECEDENTS = frozenset(rule.id for rule in PRECEDENT_RULES)


class Unjudged(StrEnum):
    """Why an attachment could not be decided anew."""

    ERASED = "erased"  # its claims or reports were purged, or its sender was erased
    UNDECIDED = "undecided"  # it never was decided: set aside, or still being judged
    PRECEDENT = "precedent"  # what was decided rests on what a moderator had decided before
    UNSEEN = "unseen"  # the file was not looked at, or not to its end, because of the policy of the day


@dataclass(frozen=True, slots=True)
class Change:
    """Attachments that one policy holds and the other does not.

    released, confirmed: what moderators decided about those that had a case. cases: numbers of those, the newest.
    rules: for which they are held, the commonest first, each with how many.
    """

    count: int = 0
    released: int = 0
    confirmed: int = 0
    cases: tuple[int, ...] = ()
    rules: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a policy would have done with what came, beside what another would have, or what was decided.

    actions: how many by old and new action. held: newly held. let_go: held no more. holds: all that the policy holds,
    whatever the other did. unjudged: how many were left out, by reason. first, last: when the oldest and the newest
    came of what was looked at; None if nothing was. more: there is more in the period than was looked at.
    """

    actions: Mapping[tuple[Action, Action], int] = field(default_factory=dict)
    held: Change = Change()
    let_go: Change = Change()
    holds: Change = Change()
    unjudged: Mapping[Unjudged, int] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None
    more: bool = False

    @property
    def judged(self) -> int:
        """How many were decided anew."""
        return sum(self.actions.values())

    @property
    def changed(self) -> int:
        """How many get another action."""
        return sum(count for (old, new), count in self.actions.items() if old is not new)


def compare(
    recorded: Iterable[Recorded],
    policy: Policy,
    against: Policy | None = None,
    first_posts: Mapping[str, datetime] = MappingProxyType({}),
) -> Comparison:
    """Decide anew. against: what to compare with; None for what was decided on the day.

    first_posts: since when a subject is no stranger; without it, nobody is a new member.
    """
    tally = _Tally(policy, against)
    for one in recorded:
        tally.add(one, first_posts.get(one.subject))
    return tally.result(more=False)


async def backtest(
    store: AuditedStore,
    place: Place,
    policy: Policy,
    since: datetime,
    *,
    against: Policy | None = None,
    most: int = MOST,
    progress: Callable[[int], None] = lambda _looked: None,
) -> Comparison:
    """What `policy` would have done with what came into a group or channel since then.

    against: as for `compare`. progress: told, again and again, at how many it has looked. Memory does not grow with the
    records, except by the members who posted, and by those only where a policy has stricter rules for new ones.
    """
    tally = _Tally(policy, against)
    knows_newcomers = any(asked.newcomers.period for asked in (policy, against) if asked is not None)
    first: dict[str, datetime] = {}
    last: Recorded | None = None
    looked = 0

    def look(connection: Connection) -> tuple[Recorded | None, int]:
        page = judged(connection, place, since, last, limit=min(_PAGE, most - looked))
        if knows_newcomers:
            first.update(first_posts(connection, place, {one.subject for one in page} - first.keys()))
        for one in page:
            tally.add(one, first.get(one.subject))
        return (page[-1] if page else None), len(page)

    while looked < most:
        read, count = await store.state.read(look)
        if read is None:
            return tally.result(more=False)
        last, looked = read, looked + count
        progress(looked)
    beyond = last
    left = await store.state.read(lambda connection: judged(connection, place, since, beyond, limit=1))
    return tally.result(more=bool(left))


class _Tally:
    """Counts what is decided anew."""

    def __init__(self, policy: Policy, against: Policy | None) -> None:
        self._policy = policy
        self._against = against
        self._actions: Counter[tuple[Action, Action]] = Counter()
        self._held, self._let_go, self._holds = _Changes(), _Changes(), _Changes()
        self._unjudged: Counter[Unjudged] = Counter()
        self._first: datetime | None = None
        self._last: datetime | None = None

    def add(self, one: Recorded, first_post: datetime | None) -> None:
        """One more, older than all before."""
        self._first, self._last = one.received_at, self._last or one.received_at
        decided = self._decided(one, first_post)
        if isinstance(decided, Unjudged):
            self._unjudged[decided] += 1
            return
        old, new = decided
        self._actions[old.action, new.action] += 1
        if new.action in _HOLD:
            self._holds.add(one, new.reasons)
        if new.action in _HOLD and old.action not in _HOLD:
            self._held.add(one, new.reasons)
        elif old.action in _HOLD and new.action not in _HOLD:
            self._let_go.add(one, old.reasons)

    def _decided(self, one: Recorded, first_post: datetime | None) -> tuple[Decision, Decision] | Unjudged:
        if one.decision is None:
            return Unjudged.UNDECIDED
        if one.attachment is None or one.reports is None or len(one.reports) != len(one.attachment.parts):
            return Unjudged.ERASED
        if self._against is None and any(reason.rule in _PRECEDENTS for reason in one.decision.reasons):
            return Unjudged.PRECEDENT
        new = self._anew(self._policy, one, one.attachment, one.reports, first_post)
        old = one.decision
        if self._against is not None:
            old = self._anew(self._against, one, one.attachment, one.reports, first_post)
        mildest = min(old.action.rank, new.action.rank)
        for asked in (self._policy, self._against):
            if asked is not None and _is_unseen(one.attachment, one.reports, asked, one.decision, mildest):
                return Unjudged.UNSEEN
        return old, new

    @staticmethod
    def _anew(
        policy: Policy, one: Recorded, attachment: Attachment, reports: tuple[Report, ...], first_post: datetime | None
    ) -> Decision:
        is_new = first_post is not None and one.received_at - first_post < policy.newcomers.period
        return decide(attachment, reports, policy, sender=Standing(new=True) if is_new else MEMBER)

    def result(self, *, more: bool) -> Comparison:
        """What it came to."""
        return Comparison(
            actions=MappingProxyType(dict(self._actions)),
            held=self._held.result(),
            let_go=self._let_go.result(),
            holds=self._holds.result(),
            unjudged=MappingProxyType(dict(self._unjudged)),
            first=self._first,
            last=self._last,
            more=more,
        )


def _is_unseen(
    attachment: Attachment, reports: tuple[Report, ...], policy: Policy, decision: Decision, mildest: int
) -> bool:
    """Could more have been found? Where a file was too large to be fetched, and is not any more; and where fetching it
    ended with what it was rejected for, and it is not any more."""
    for part, report in zip(attachment.parts, reports, strict=True):
        if any(finding.rule == TOO_LARGE.id for finding in report.findings):
            size = part.claim.size if report.size is None else report.size
            if size is None or size <= policy.max_size:
                return True
        if report.partial and mildest < decision.action.rank:
            return True
    return False


class _Changes:
    """Collects one direction."""

    def __init__(self) -> None:
        self._count = 0
        self._states: Counter[CaseState] = Counter()
        self._cases: list[int] = []
        self._rules: Counter[str] = Counter()

    def add(self, one: Recorded, reasons: tuple[Reason, ...]) -> None:
        self._count += 1
        self._rules.update({reason.rule for reason in reasons[:1]})
        if one.state is not None:
            self._states[one.state] += 1
        if one.case is not None and len(self._cases) < _EXAMPLES:
            self._cases.append(one.case)

    def result(self) -> Change:
        return Change(
            self._count,
            self._states[CaseState.RELEASED],
            self._states[CaseState.CONFIRMED],
            tuple(self._cases),
            tuple(self._rules.most_common(_RULES)),
        )
