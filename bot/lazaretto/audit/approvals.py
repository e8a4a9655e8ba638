"""Releases that two people have to approve. Inside the caller's transaction."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row

from lazaretto import rules
from lazaretto.audit.about import about
from lazaretto.audit.chain import Ledger
from lazaretto.audit.deeds import tell_card
from lazaretto.audit.events import Event
from lazaretto.model import CaseState, Person
from lazaretto.ports import Approval
from lazaretto.state import attachments as journal
from lazaretto.state import cases, people

__all__ = ["OPERATORS", "first_of_two", "needs_two", "waits_for_second"]

OPERATORS = "local"
"""The platform of whoever commands at the terminal: an owner, by having the key of the house."""


def needs_two(attachment: Row[Any], approval: Approval) -> bool:
    """Is it held for something that one person's word does not release? A rule that is not known any more may have been
    of any category."""
    decision = journal.decision_of(attachment)
    if decision is None or not approval.two:
        return False
    known = rules.all_rules()
    found = (known.get(reason.rule) for reason in decision.reasons)
    return any(rule is None or rule.category in approval.two for rule in found)


def waits_for_second(case: Row[Any]) -> bool:
    """Did one approve, and does it wait for another?"""
    return bool(case.state == CaseState.RELEASE_PENDING and case.second)


def first_of_two(ledger: Ledger, case: Row[Any], attachment: Row[Any], by: Person, approval: Approval) -> str | None:
    """What a release came to that needs two people, of whom this is the first, or the first again. None where nobody
    else is needed: the second has spoken, or one is enough."""
    subject = people.subject_for(ledger.connection, by)
    first = people.person(ledger.connection, case.closed_by) if waits_for_second(case) else None
    if first is not None:
        if case.closed_by == subject or (_is_owner(first, approval) and _is_owner(by, approval)):
            return f"You approved case {case.id} already: another moderator has to, too. Nothing was changed."
        return None
    # Of a first approver who was forgotten meanwhile nobody can tell whether they are this one, come back under a new
    # subject: their word does not count any more, and this one is the first.
    if not needs_two(attachment, approval):
        return None
    cases.step(ledger.connection, case.id, CaseState.RELEASE_PENDING, closed_by=subject, second=1)
    ledger.append(Event.FIRST_APPROVAL, case=case.id, **(about(attachment) | {"subject": subject}))
    tell_card(ledger, case.id, "Approved by one: a second moderator has to approve the release, too.")
    return f"Your approval of case {case.id} is noted: it is released when a second moderator approves, too."


def _is_owner(someone: Person, approval: Approval) -> bool:
    return someone.platform == OPERATORS or someone.id in approval.owners
