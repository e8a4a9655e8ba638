"""Raids: the same file again and again, or one member's burst, is one card and not hundreds.

A case that is like an open one of the last minutes gets no card of its own: it follows that one, whose card names it
and decides about all of them. All functions run inside the caller's transaction.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, exists, func, or_, select

from lazaretto.model import DRILL, CaseState, Raid
from lazaretto.ports import DeedKind
from lazaretto.state import outbox
from lazaretto.state.codec import reasons_of
from lazaretto.state.schema import attachments, cases, parts
from lazaretto.state.schema import outbox as outbox_table

__all__ = ["BURST", "WAITS", "WINDOW", "hand_on", "lead_for", "open_members", "raid_of", "waiting_for_second"]

WINDOW = timedelta(minutes=10)
"""After it a new card is sent: whoever looks into the chat then should see that it goes on."""

BURST = 3
"""Open cases of one member that have cards of their own; what the same member posts beyond follows the newest."""

_UNDECIDED = cases.c.state.in_((CaseState.OPEN, CaseState.APPEALED)) | (
    (cases.c.state == CaseState.RELEASE_PENDING) & (cases.c.second == 1)
)
"""A moderator's word is waited for."""

WAITS = (CaseState.OPEN, CaseState.RELEASE_PENDING, CaseState.APPEALED)
"""For a person, or for what comes of a deed."""

_MOST_RECENT = 1000
"""Cases with cards of their own, of the last minutes, among which one to follow is looked for."""

_MOST_DIFFERENT = 100
"""Different reasons that are looked at for one card, which names a few."""


def lead_for(connection: Connection, row: Row[Any], moderators: str, now: datetime) -> int | None:
    """The case that this attachment's case is to follow, if there is one. row: of `attachments`."""
    if row.kind == DRILL:  # it has to show that a card comes
        return None
    # Within, on both sides: one opened by a clock that was ahead must not be followed for as long as it was.
    window = cases.c.opened_at.between(now - WINDOW, now + WINDOW)
    # By itself, with a limit, and without conditions that other indexes know, so that the index of times is taken:
    # cases that nobody decides add up for weeks, those of some minutes do not.
    leading = func.coalesce(cases.c.lead, 0) == 0
    recent = select(cases).where(window, leading).order_by(cases.c.opened_at.desc()).limit(_MOST_RECENT).subquery()
    mine = select(parts.c.sha256).where(parts.c.attachment == row.id, parts.c.sha256.is_not(None))
    copy = exists().where(parts.c.attachment == recent.c.attachment, parts.c.sha256.in_(mine))
    leads = (
        select(recent.c.id, recent.c.attachment, attachments.c.subject, copy.label("copy"))
        .join(attachments, attachments.c.id == recent.c.attachment)
        .where(recent.c.state == CaseState.OPEN, recent.c.moderators == moderators, attachments.c.action == row.action)
        # Nor the index of rooms, which leads to everything that was ever posted in this one.
        .where(attachments.c.platform.concat("") == row.platform, attachments.c.chat.is_not_distinct_from(row.chat))
    )
    alike = leads.where(or_(attachments.c.subject == row.subject, copy)).order_by(recent.c.id.desc())
    found = [lead for lead in connection.execute(alike) if _has_card(connection, lead)]
    of_the_member = [lead for lead in found if lead.subject == row.subject]
    if len(of_the_member) >= BURST:
        return int(of_the_member[0].id)
    copies = [lead.id for lead in (of_the_member if row.private else found) if lead.copy]
    return int(copies[0]) if copies else None


def _has_card(connection: Connection, lead: Any) -> bool:
    """Is its card shown, or on its way?"""
    card = outbox.latest(connection, lead.attachment, DeedKind.CARD)
    return card is not None and card.state != outbox.DeedState.FAILED


def hand_on(connection: Connection, number: int) -> None:
    """The card of this case cannot be shown: the first open one of those that follow it has one instead, and leads. It
    leads this case, too, while that waits for anything: no other card would speak of it.

    One that led before, and whose own card could not be shown either, is not tried again.
    """
    followers = select(cases.c.id, cases.c.attachment).where(cases.c.lead == number, cases.c.state == CaseState.OPEN)
    had = exists().where(outbox_table.c.attachment == cases.c.attachment, outbox_table.c.kind == DeedKind.CARD)
    first = connection.execute(followers.where(~had).order_by(cases.c.id).limit(1)).one_or_none()
    if first is None:
        return
    this_one = (cases.c.id == number) & cases.c.state.in_(WAITS)
    connection.execute(cases.update().where((cases.c.lead == number) | this_one).values(lead=first.id))
    connection.execute(cases.update().where(cases.c.id == first.id).values(lead=None))
    outbox.intend(connection, DeedKind.CARD, first.attachment, first.id)


def raid_of(connection: Connection, number: int) -> Raid | None:
    """The cases that follow this one."""
    columns = cases.c.id, _UNDECIDED.label("waits")
    followers = connection.execute(select(*columns).where(cases.c.lead == number).order_by(cases.c.id)).all()
    if not followers:
        return None
    waiting = sum(bool(row.waits) for row in followers)
    return Raid(tuple(row.id for row in followers), waiting, _reasons(connection, number) if waiting else {})


def _reasons(connection: Connection, number: int) -> Counter[frozenset[str]]:
    """How many of those that follow and wait were decided for exactly these rules."""
    query = (
        select(attachments.c.reasons, func.count().label("many"))
        .join(cases, cases.c.attachment == attachments.c.id)
        .where(cases.c.lead == number, _UNDECIDED)
        .group_by(attachments.c.reasons)
        .order_by(func.count().desc())
        .limit(_MOST_DIFFERENT)
    )
    found: Counter[frozenset[str]] = Counter()
    for row in connection.execute(query):
        found[frozenset(reason.rule for reason in reasons_of(row.reasons))] += row.many
    return found


def open_members(connection: Connection, number: int, newest: int, most: int) -> tuple[list[int], int]:
    """The open ones of a case and those that follow it, up to case `newest`: oldest first and at most so many, and how
    many there are. The case itself is among them whatever its number: its card speaks of it."""
    mine = (cases.c.id == number) | ((cases.c.lead == number) & (cases.c.id <= newest))
    mine &= _UNDECIDED
    some = connection.scalars(select(cases.c.id).where(mine).order_by(cases.c.id).limit(most)).all()
    return list(some), connection.scalar(select(func.count()).select_from(cases).where(mine)) or 0


def waiting_for_second(connection: Connection, numbers: Sequence[int]) -> int:
    """How many of these cases one moderator approved, and wait for another."""
    waiting = cases.c.id.in_(numbers) & (cases.c.state == CaseState.RELEASE_PENDING) & (cases.c.second == 1)
    return connection.scalar(select(func.count()).select_from(cases).where(waiting)) or 0
