"""An attachment on its way in: taken in, decided, finished or set aside. Inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row

from lazaretto.audit import appeals
from lazaretto.audit.about import about, without_names
from lazaretto.audit.chain import Ledger
from lazaretto.audit.deeds import tell_card
from lazaretto.audit.events import Event
from lazaretto.model import Action, Attachment, Decision, Report, SealedPart
from lazaretto.ports import DeedKind, Pending
from lazaretto.state import attachments as journal
from lazaretto.state import cases, outbox, raids
from lazaretto.state.attachments import Progress
from lazaretto.state.codec import json_of_reasons, rfc3339
from lazaretto.state.people import Kept

__all__ = ["decided", "finished", "join", "set_aside", "take_in"]

# What an enforced decision does to the platform. Removals come first, here as in `due`.
_DEEDS = {
    Action.FLAG: (DeedKind.CARD,),
    Action.QUARANTINE: (DeedKind.REMOVE, DeedKind.CARD),
    Action.REJECT: (DeedKind.REMOVE,),
}
_OPENS_A_CASE = (Action.FLAG, Action.QUARANTINE)


def take_in(ledger: Ledger, attachment: Attachment, update: str) -> Pending | None:
    """Write an attachment down, once. What is known of it if it came before."""
    connection = ledger.connection
    row = journal.find(connection, attachment.id)
    if row is not None:
        return journal.pending_of(connection, row)
    private = journal.add(connection, attachment, update, ledger.now)
    row = _row(ledger, attachment.id)
    data = {
        "kind": attachment.kind,
        "message": attachment.message,
        "parts": len(attachment.parts),
        "posted_at": rfc3339(attachment.posted_at),
        "private": attachment.place.private,
        "personal": private.digest,
    }
    if attachment.edited:
        data["edited"] = True
    ledger.append(Event.RECEIVED, data, **about(row))
    return None


def join(ledger: Ledger, album: Attachment, members: Sequence[str]) -> Pending:
    """Let an album stand for its members, once."""
    connection = ledger.connection
    row = journal.find(connection, album.id)
    if row is None:
        private = journal.add(connection, album, None, ledger.now)
        journal.join(connection, album.id, members)
        row = _row(ledger, album.id)
        data = {"members": list(members), "parts": len(album.parts), "personal": private.digest}
        ledger.append(Event.JOINED, data, **about(row))
    return journal.pending_of(connection, row)


def decided(
    ledger: Ledger,
    attachment: str,
    reports: Sequence[Report],
    decision: Decision,
    sealed: Sequence[SealedPart],
    *,
    moderators: str | None,
    policy: str,
    not_kept: str = "",
    inform: bool = False,
) -> int | None:
    """Record the judgement and intend what follows from it, once. Answers the number of the case, if there is one."""
    connection = ledger.connection
    row = _row(ledger, attachment)
    if row.action is not None:
        return cases.number_of(connection, attachment)
    # Its sender may have been erased while it was judged. What was removed from the group still is; no case is
    # opened, no evidence kept, and the vault's items are in `to_shred`.
    erased = row.personal is None
    kept = journal.add_judgement(connection, row, () if erased else reports, decision, sealed, policy)
    _append_judgement(ledger, row, reports, kept, decision, policy, not_kept)
    if not decision.enforced or decision.action is Action.FORWARD:
        return None
    number = None
    if decision.action in _OPENS_A_CASE and not erased:
        number = _open(ledger, attachment, decision.action, moderators)
    for kind in _DEEDS[decision.action]:
        if kind is DeedKind.CARD and not _has_a_card_of_its_own(connection, number):
            continue
        if kind is DeedKind.REMOVE and erased and row.private:  # its chat's id is gone
            continue
        outbox.intend(connection, kind, attachment, number)
    if inform and decision.holds:
        appeals.inform(ledger, number)
    return number


def _open(ledger: Ledger, attachment: str, action: Action, moderators: str | None) -> int:
    """Open a case. In a raid it follows one that has a card, which is brought up to date."""
    connection, row = ledger.connection, _row(ledger, attachment)  # as it is now that it was judged
    lead = None if moderators is None else raids.lead_for(connection, row, moderators, ledger.now)
    number = cases.open_case(connection, attachment, moderators, ledger.now, lead)
    data: dict[str, object] = {"action": action.value}
    if lead is not None:
        data["lead"] = lead
    ledger.append(Event.OPENED, data, case=number, **about(row))
    if lead is not None:
        tell_card(ledger, lead, f"Case {number} is like it.")
    return number


def _has_a_card_of_its_own(connection: Connection, number: int | None) -> bool:
    case = None if number is None else cases.find(connection, number)
    return case is not None and case.moderators is not None and case.lead is None


def _append_judgement(
    ledger: Ledger,
    row: Row[Any],
    reports: Sequence[Report],
    kept: Sequence[Kept],
    decision: Decision,
    policy: str,
    not_kept: str,
) -> None:
    evidence: list[str | None] = [report.digest for report in kept] if kept else [None for _ in reports]
    looked_at = [
        {
            "media_type": report.media_type,
            "size": report.size,
            "sha256": report.sha256,
            "findings": report.total,
            "not_covered": len(report.coverage),
            "rule_set": report.rule_set,
            "layers": list(report.layers),
            "partial": report.partial,
            "evidence": digest,
            **({"broke_off": list(report.broke_off)} if report.broke_off else {}),
        }
        for report, digest in zip(reports, evidence, strict=True)
    ]
    found = [finding.rule for report in reports for finding in report.findings]
    ledger.append(Event.SCREENED, {"parts": looked_at}, rules=found, **about(row))
    data: dict[str, object] = {
        "action": decision.action.value,
        "enforced": decision.enforced,
        "policy": policy,
        "reasons": json_of_reasons(decision.reasons),
    }
    if not_kept:
        data["not_kept"] = not_kept
    ledger.append(Event.DECIDED, data, rules=[reason.rule for reason in decision.reasons], **about(row))


def finished(ledger: Ledger, attachment: str) -> None:
    """Nothing is left to do: forget the update."""
    if journal.move(ledger.connection, attachment, Progress.FINISHED):
        ledger.append(Event.FINISHED, case=_case(ledger, attachment), **about(_row(ledger, attachment)))


def set_aside(ledger: Ledger, attachment: str, why: str) -> None:
    """Not tried again by itself. Its update is kept."""
    row = _row(ledger, attachment)
    if row.state == Progress.FINISHED:
        return
    if journal.move(ledger.connection, attachment, Progress.SET_ASIDE):
        data = {"why": without_names(ledger.connection, attachment, why)}
        ledger.append(Event.SET_ASIDE, data, case=_case(ledger, attachment), **about(row))


def _row(ledger: Ledger, attachment: str) -> Row[Any]:
    row = journal.find(ledger.connection, attachment)
    if row is None:
        raise LookupError(f"attachment {attachment} was never taken in")
    return row


def _case(ledger: Ledger, attachment: str) -> int | None:
    return cases.number_of(ledger.connection, attachment)
