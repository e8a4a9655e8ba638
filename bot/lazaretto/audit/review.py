"""What moderators decide about cases. Inside the caller's transaction.

Every answer is one sentence for the one who pressed. A press that comes twice, or too late, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, select

from lazaretto.audit import approvals, penalties
from lazaretto.audit.about import About, about
from lazaretto.audit.chain import Ledger
from lazaretto.audit.deeds import done, tell_card
from lazaretto.audit.events import Event
from lazaretto.model import DRILL, Action, CaseState, Person
from lazaretto.policy import claimed_risk
from lazaretto.ports import NO_STRIKES, ONE, Approval, DeedKind, Strikes
from lazaretto.state import attachments as journal
from lazaretto.state import cases, outbox, people, precedents, raids
from lazaretto.state.codec import rfc3339
from lazaretto.state.outbox import DeedState
from lazaretto.state.schema import parts
from lazaretto.text import shown

__all__ = ["confirm", "confirm_all", "is_back", "purged", "refused_press", "release", "release_all"]

_STRUCK = {
    DeedKind.MUTE: "Its sender has as many strikes as there may be here, and is muted.",
    DeedKind.BAN: "Its sender has as many strikes as there may be here, and is banned.",
}
_MOST_AT_ONCE = 200
"""Cases that one press decides about: it is one transaction, and everybody else waits for it."""


@dataclass(frozen=True, slots=True)
class _Review:
    """A case under somebody's hand. room: how its chat is named in grants. subject: who decides."""

    case: Row[Any]
    attachment: Row[Any]
    room: str
    subject: str

    @property
    def state(self) -> CaseState:
        return CaseState(self.case.state)

    @property
    def about(self) -> About:
        return About(chat=about(self.attachment)["chat"], attachment=self.attachment.id, subject=self.subject)


def _review(ledger: Ledger, number: int, by: Person) -> _Review | None:
    connection = ledger.connection
    case = cases.find(connection, number)
    row = None if case is None else journal.find(connection, case.attachment)
    if case is None or row is None:
        return None
    room = row.subject if row.private else row.chat
    return _Review(case, row, room, people.subject_for(connection, by))


def release(
    ledger: Ledger, number: int, by: Person, days: int, again: int | None = None, approval: Approval = ONE
) -> str:
    """Approve a release. days: how long the same bytes, under a name of the same risk class, may be posted again.

    again: the publication of unknown outcome after which it is to be sent once more. Without it nothing is: the press
    that released the case first comes a second time, too, where a crash kept the platform from learning that it came.
    """
    review = _review(ledger, number, by)
    if review is None:
        return f"There is no case {number}."
    if review.attachment.kind == DRILL:
        return _close_drill(ledger, review, CaseState.RELEASED)
    publication = outbox.latest(ledger.connection, review.attachment.id, DeedKind.PUBLISH)
    if review.state is CaseState.RELEASE_PENDING and not review.case.second:
        if publication is None or publication.state != DeedState.UNKNOWN:
            return f"Case {number} is being released already; nothing was changed."
        if again != publication.id:
            return f"Nobody knows yet whether case {number} was posted again, and its card asks; nothing was changed."
    elif again is not None or not _is_undecided(review):
        return f"Case {number} is {review.state} already; nothing was changed."
    elif (waiting := approvals.first_of_two(ledger, review.case, review.attachment, by, approval)) is not None:
        return waiting
    granted = _grant(ledger, review, days)
    if _never_left(ledger, review):
        return _release_at_once(ledger, review, granted, days)
    if _is_undecided(review):
        cases.step(ledger.connection, number, CaseState.RELEASE_PENDING, closed_by=review.subject, second=None)
    outbox.intend(ledger.connection, DeedKind.PUBLISH, review.attachment.id, number, again=True)
    ledger.append(Event.APPROVED, granted | _first(review), case=number, **review.about)
    tell_card(ledger, number, "Release approved.")
    return f"Case {number} is approved: its attachment will be posted again."


def _is_undecided(review: _Review) -> bool:
    """Does it wait for a moderator's word: the first, the second, or another one after an appeal?"""
    return review.state in (CaseState.OPEN, CaseState.APPEALED) or approvals.waits_for_second(review.case)


def _first(review: _Review) -> dict[str, object]:
    return {"first": review.case.closed_by} if approvals.waits_for_second(review.case) else {}


def _never_left(ledger: Ledger, review: _Review) -> bool:
    """Does it stand in its chat still, and will it? What is being removed may be gone by now, and is posted again."""
    if review.attachment.removed_at is not None:
        return False
    removal = outbox.latest(ledger.connection, review.attachment.id, DeedKind.REMOVE)
    if removal is None:
        return bool(review.attachment.action == Action.FLAG)
    return bool(removal.state == DeedState.FAILED)


def _release_at_once(ledger: Ledger, review: _Review, granted: dict[str, object], days: int) -> str:
    number = review.case.id
    closed = {"closed_by": review.subject, "closed_at": ledger.now, "second": None}
    cases.step(ledger.connection, number, CaseState.RELEASED, **closed)
    ledger.append(Event.RELEASED, granted | _first(review), case=number, **review.about)
    tell_card(ledger, number, "Released: it stays where it is.")
    return f"Case {number} is released: its attachment stays, and may be posted again for {days} days."


def _grant(ledger: Ledger, review: _Review, days: int) -> dict[str, object]:
    connection = ledger.connection
    attachment = journal.load(connection, review.attachment.id)
    claims = {} if attachment is None else {part.index: part.claim for part in attachment.parts}
    allowed = [
        (digest, claimed_risk(claims[index]).value)
        for index, digest in _digests(ledger, review).items()
        if index in claims
    ]
    until = ledger.now + timedelta(days=days)
    precedents.grant(
        connection,
        review.attachment.platform,
        review.room,
        allowed,
        expires_at=until,
        case=review.case.id,
        by=review.subject,
    )
    return {"grants": [list(pair) for pair in allowed], "until": rfc3339(until)}


def _digests(ledger: Ledger, review: _Review) -> dict[int, str]:
    rows = ledger.connection.execute(
        select(parts.c.part, parts.c.sha256).where(
            parts.c.attachment == review.attachment.id, parts.c.sha256.is_not(None)
        )
    )
    return {row.part: row.sha256 for row in rows}


def _to_block(ledger: Ledger, review: _Review) -> list[str]:
    """The digests of the files that the case is about: of an album the others came only with them."""
    decision = journal.decision_of(review.attachment)
    concerned = {reason.part for reason in decision.reasons} if decision else set()
    return [digest for part, digest in _digests(ledger, review).items() if part in concerned or not concerned]


def confirm(ledger: Ledger, number: int, by: Person, strikes: Strikes = NO_STRIKES) -> str:
    """Confirm a case as bad: block the digests that it is about in its chat, and remove what is still posted there."""
    review = _review(ledger, number, by)
    if review is None:
        return f"There is no case {number}."
    if review.attachment.kind == DRILL:
        return _close_drill(ledger, review, CaseState.CONFIRMED)
    connection = ledger.connection
    publication = outbox.latest(connection, review.attachment.id, DeedKind.PUBLISH)
    unknown = publication is not None and publication.state == DeedState.UNKNOWN
    if review.state is CaseState.RELEASE_PENDING:
        if not unknown and not review.case.second:
            return f"Case {number} is being released right now; nothing was changed."
        cases.step(connection, number, CaseState.OPEN, second=None)
    elif not _is_undecided(review):
        return f"Case {number} is {review.state} already; nothing was changed."
    cases.step(connection, number, CaseState.CONFIRMED, closed_by=review.subject, closed_at=ledger.now)
    precedents.revoke(connection, number)
    digests = _to_block(ledger, review)
    platform = review.attachment.platform
    precedents.confirm(connection, platform, review.room, digests, case=number, by=review.subject)
    ledger.append(Event.CONFIRMED, {"digests": digests}, case=number, **review.about)
    removing = _remove(ledger, review)
    penalty = penalties.strike(ledger, review.attachment.id, strikes)
    tell_card(ledger, number, _STRUCK[penalty] if penalty else "Confirmed as bad.")
    also = "it is being removed, and " if removing else ""
    also += "the same file is blocked here from now on." if digests else "its file was never read to its end."
    if unknown:
        also += " If it was posted again, remove it by hand: nobody knows its message."
    if penalty:
        also += f" {_STRUCK[penalty]}"
    return f"Case {number} is confirmed: {also}"


def _close_drill(ledger: Ledger, review: _Review, state: CaseState) -> str:
    """Somebody decides about the bot's own test file: nothing is blocked, granted, posted again or held against it."""
    number = review.case.id
    if not _is_undecided(review):
        return f"Case {number} is {review.state} already; nothing was changed."
    cases.step(ledger.connection, number, state, closed_by=review.subject, closed_at=ledger.now)
    if state is CaseState.CONFIRMED:
        ledger.append(Event.CONFIRMED, {"digests": []}, case=number, **review.about)
    else:
        ledger.append(Event.RELEASED, case=number, **review.about)
    tell_card(ledger, number, "It was a drill, and is closed.")
    return f"Case {number} was a drill: it is closed, and nothing follows from it."


def release_all(ledger: Ledger, number: int, by: Person, newest: int, days: int, approval: Approval = ONE) -> str:
    """Approve the release of a case and of those that follow it, up to the newest that its card told of."""
    return _to_all(ledger, number, newest, "approved", lambda each: release(ledger, each, by, days, None, approval))


def confirm_all(ledger: Ledger, number: int, by: Person, newest: int, strikes: Strikes = NO_STRIKES) -> str:
    """Confirm a case and those that follow it as bad, up to the newest that its card told of."""
    return _to_all(ledger, number, newest, "confirmed as bad", lambda each: confirm(ledger, each, by, strikes))


def _to_all(ledger: Ledger, number: int, newest: int, what: str, decide: Callable[[int], str]) -> str:
    # Whoever goes on posting while a moderator makes up their mind must not have that decided along with the rest.
    some, count = raids.open_members(ledger.connection, number, newest, _MOST_AT_ONCE)
    if not some:
        return "None of these cases waits for a decision; nothing was changed."
    for each in some:
        decide(each)
    if second := raids.waiting_for_second(ledger.connection, some):
        what = f"approved; {second} of them wait for a second moderator"
    decided = f"{len(some)} case{'s are' if len(some) > 1 else ' is'} {what}."
    tell_card(ledger, number, decided)
    return f"{decided} {count - len(some)} are left: press again." if count > len(some) else decided


def _remove(ledger: Ledger, review: _Review) -> bool:
    """Intend the removal of what is still posted, unless that is under way."""
    removal = outbox.latest(ledger.connection, review.attachment.id, DeedKind.REMOVE)
    under_way = removal is not None and removal.state in outbox.WAITING
    if review.attachment.removed_at is not None or under_way:
        return False
    outbox.intend(ledger.connection, DeedKind.REMOVE, review.attachment.id, review.case.id, again=True)
    return True


def is_back(ledger: Ledger, number: int, by: Person) -> str:
    """A moderator saw that a publication of unknown outcome did arrive."""
    review = _review(ledger, number, by)
    if review is None:
        return f"There is no case {number}."
    publication = outbox.latest(ledger.connection, review.attachment.id, DeedKind.PUBLISH)
    # One that waits for a second approval is not being posted: its publication is that of an earlier release.
    pending = review.state is CaseState.RELEASE_PENDING and not review.case.second
    if not pending or publication is None or publication.state != DeedState.UNKNOWN:
        return f"Case {number} does not wait for this answer; nothing was changed."
    done(ledger, outbox.deed_of(publication), None)
    return f"Case {number} is released."


def purged(ledger: Ledger, number: int, by: Person) -> str:
    """A case's files were deleted for good: nothing is left to decide."""
    review = _review(ledger, number, by)
    if review is None:
        return f"There is no case {number}."
    if review.state is CaseState.ERASED:
        return f"Case {number} is erased already; nothing was changed."
    connection = ledger.connection
    mine = (parts.c.attachment == review.attachment.id) & parts.c.item.is_not(None)
    items = connection.execute(parts.update().where(mine).values(item=None, item_size=None)).rowcount
    outbox.withdraw(connection, review.attachment.id, DeedKind.PUBLISH)
    cases.step(connection, number, CaseState.ERASED, closed_by=review.subject, closed_at=ledger.now)
    data = {"attachments": 0, "cases": [number], "items": items}
    ledger.append(Event.ERASED, data, case=number, **review.about)
    drill = review.attachment.kind == DRILL
    tell_card(ledger, number, "It was a drill, and is closed." if drill else "Its files were deleted for good.")
    return f"Case {number} is erased: {items} files were deleted for good."


def refused_press(ledger: Ledger, number: int, by: Person, verb: str, why: str) -> None:
    """Record a press of somebody without the right to."""
    review = _review(ledger, number, by)
    data = {"verb": shown(verb, 40), "why": shown(why)}
    if review is None:
        subject = people.subject_for(ledger.connection, by)
        ledger.append(Event.REFUSED_PRESS, data, subject=subject)
    else:
        ledger.append(Event.REFUSED_PRESS, data, case=number, **review.about)
