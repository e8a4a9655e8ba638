"""Raids: the same file again and again, or one member's burst, is one card and not hundreds.

A case that is like an open one of the last minutes gets no card of its own: it follows that one, whose card names it
and decides about all of them. All functions run inside the caller's transaction.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from lazaretto.model import CaseState, Raid
from lazaretto.ports import DeedKind
from lazaretto.state import outbox
from lazaretto.state.schema import attachments, cases, parts

__all__ = ["BURST", "WINDOW", "lead_for", "open_members", "raid_of"]

WINDOW = timedelta(minutes=10)
"""After it a new card is sent: whoever looks into the chat then should see that it goes on."""

BURST = 3
"""Open cases of one member that have cards of their own; what the same member posts beyond follows the newest."""


def lead_for(connection: Connection, row: Row[Any], moderators: str, now: datetime) -> int | None:
    """The case that this attachment's case is to follow, if there is one. row: of `attachments`."""
    leads = (
        select(cases.c.id, cases.c.attachment, attachments.c.subject)
        .join(attachments, attachments.c.id == cases.c.attachment)
        .where(cases.c.lead.is_(None), cases.c.state == CaseState.OPEN, cases.c.opened_at >= now - WINDOW)
        .where(cases.c.moderators == moderators, attachments.c.action == row.action)
        .where(attachments.c.platform == row.platform, attachments.c.chat.is_not_distinct_from(row.chat))
    )
    mine = select(parts.c.sha256).where(parts.c.attachment == row.id, parts.c.sha256.is_not(None))
    same_file = select(parts.c.attachment).where(parts.c.sha256.in_(mine))
    alike = leads.where(or_(attachments.c.subject == row.subject, cases.c.attachment.in_(same_file)))
    found = [lead for lead in connection.execute(alike.order_by(cases.c.id.desc())) if _has_card(connection, lead)]
    of_the_member = [lead for lead in found if lead.subject == row.subject]
    if len(of_the_member) >= BURST:
        return int(of_the_member[0].id)
    files = set(connection.scalars(same_file))
    copies = [lead.id for lead in found if lead.attachment in files and (not row.private or lead in of_the_member)]
    return int(copies[0]) if copies else None


def _has_card(connection: Connection, lead: Any) -> bool:
    """Is its card shown, or on its way?"""
    card = outbox.latest(connection, lead.attachment, DeedKind.CARD)
    return card is not None and card.state != outbox.DeedState.FAILED


def raid_of(connection: Connection, number: int) -> Raid | None:
    """The cases that follow this one."""
    rows = connection.execute(select(cases.c.id, cases.c.state).where(cases.c.lead == number).order_by(cases.c.id))
    followers = rows.all()
    if not followers:
        return None
    return Raid(tuple(row.id for row in followers), sum(row.state == CaseState.OPEN for row in followers))


def open_members(connection: Connection, number: int, most: int) -> tuple[list[int], int]:
    """The open ones of a case and those that follow it, oldest first and at most so many, and how many there are."""
    mine = ((cases.c.id == number) | (cases.c.lead == number)) & (cases.c.state == CaseState.OPEN)
    some = connection.scalars(select(cases.c.id).where(mine).order_by(cases.c.id).limit(most)).all()
    return list(some), connection.scalar(select(func.count()).select_from(cases).where(mine)) or 0
