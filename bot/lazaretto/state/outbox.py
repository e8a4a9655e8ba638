"""Deeds: what is to be done to the platform. All functions run inside the caller's transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, case, func, select

from lazaretto.model import Measure
from lazaretto.ports import Deed, DeedKind
from lazaretto.state.schema import attachments, cases, outbox

__all__ = ["LONGEST_WAIT", "DeedState", "deed_of", "due", "find", "intend", "latest", "measures", "settle", "withdraw"]


class DeedState(StrEnum):
    """How far a deed has come."""

    INTENDED = "intended"
    ATTEMPTED = "attempted"
    DONE = "done"
    FAILED = "failed"
    UNKNOWN = "unknown"


WAITING = (DeedState.INTENDED, DeedState.ATTEMPTED)
_IN_THE_MODERATORS_CHAT = (DeedKind.CARD, DeedKind.UPDATE_CARD)
LONGEST_WAIT = timedelta(hours=1)
"""Nothing is put off for longer. What seems to be was, before the clock was set back, and is due."""

_TOLD = (DeedKind.REMOVE, DeedKind.MUTE, DeedKind.BAN, DeedKind.TELL)
"""Kinds of which a card tells how far they have come."""

_MOST_OF_FOLLOWERS = 3
_MOST_DUE = 500  # looked at again every second; far more than are asked for in one


def intend(
    connection: Connection, kind: DeedKind, attachment: str, number: int | None, *, note: str = "", again: bool = False
) -> None:
    """Write down what is to be done.

    again: a further deed of this kind for the same attachment; without it a second one is an IntegrityError.
    A card that waits to be brought up to date is so once, with the newest note that says something.
    """
    if kind is DeedKind.UPDATE_CARD and _renew(connection, attachment, note):
        return
    count = 0
    if again:
        same = (outbox.c.kind == kind) & (outbox.c.attachment == attachment)
        count = connection.scalar(select(func.count()).select_from(outbox).where(same)) or 0
    connection.execute(
        outbox.insert().values(
            kind=kind,
            attachment=attachment,
            case=number,
            key=f"{kind}:{attachment}:{count + 1}",
            state=DeedState.INTENDED,
            attempts=0,
            note=note,
        )
    )


def _renew(connection: Connection, attachment: str, note: str) -> bool:
    waiting = (
        (outbox.c.kind == DeedKind.UPDATE_CARD)
        & (outbox.c.attachment == attachment)
        & (outbox.c.state == DeedState.INTENDED)
    )
    newest = note or outbox.c.note
    return connection.execute(outbox.update().where(waiting).values(note=newest)).rowcount > 0


def due(connection: Connection, now: datetime) -> list[Deed]:
    """Deeds to be done now: removals first, then chat by chat in turn, so that one chat's hundreds do not stand before
    another's one, nor one group's in the moderators' chat that it shares with another. Nor do the hundreds of removals
    of a chat that is refused keep every card from being seen at all.
    A card is not brought up to date before it is there."""
    latest_wait = now + LONGEST_WAIT
    removal = outbox.c.kind == DeedKind.REMOVE
    origin = func.coalesce(attachments.c.chat, attachments.c.subject)
    room = case(
        (outbox.c.kind.in_(_IN_THE_MODERATORS_CHAT), cases.c.moderators),
        (outbox.c.kind == DeedKind.TELL, attachments.c.subject),
        else_=origin,
    )
    turn = func.row_number().over(partition_by=(room, origin, removal), order_by=outbox.c.id)
    members = attachments.alias()
    messages = select(func.count()).where(removal, members.c.joined == outbox.c.attachment).scalar_subquery()
    query = (
        select(outbox, room.label("room"), origin.label("origin"), func.max(1, messages).label("requests"))
        .join(attachments, attachments.c.id == outbox.c.attachment)
        .outerjoin(cases, cases.c.id == outbox.c.case)
        .where(outbox.c.state.in_(WAITING))
        .where(outbox.c.not_before.is_(None) | (outbox.c.not_before <= now) | (outbox.c.not_before > latest_wait))
        .where((outbox.c.kind != DeedKind.UPDATE_CARD) | cases.c.card.is_not(None))
        .order_by(turn, case((removal, 0), else_=1), outbox.c.id)
        .limit(_MOST_DUE)
    )
    found = [deed_of(row, row.room or "", row.requests, row.origin) for row in connection.execute(query)]
    return sorted(found, key=lambda deed: deed.kind is not DeedKind.REMOVE)


def deed_of(row: Row[Any], room: str = "", requests: int = 1, origin: str = "") -> Deed:
    """A row as the pipeline knows it."""
    attempted = row.state == DeedState.ATTEMPTED
    return Deed(row.id, DeedKind(row.kind), row.attachment, row.case, attempted, row.note, room, requests, origin)


def find(connection: Connection, deed: int) -> Row[Any] | None:
    """The deed's row."""
    return connection.execute(select(outbox).where(outbox.c.id == deed)).one_or_none()


def latest(connection: Connection, attachment: str, kind: DeedKind) -> Row[Any] | None:
    """The newest deed of a kind for an attachment."""
    mine = (outbox.c.attachment == attachment) & (outbox.c.kind == kind)
    return connection.execute(select(outbox).where(mine).order_by(outbox.c.id.desc()).limit(1)).one_or_none()


def measures(connection: Connection, attachment: str, number: int) -> tuple[Measure, ...]:
    """The newest deed of each kind that a case's card tells of, in order; then what was done to the senders of the
    cases that follow it, the newest few."""
    mine = (outbox.c.attachment == attachment) & outbox.c.kind.in_(_TOLD)
    newest = select(func.max(outbox.c.id)).where(mine).group_by(outbox.c.kind)
    own = connection.execute(select(outbox).where(outbox.c.id.in_(newest)).order_by(outbox.c.id)).all()
    followers = select(cases.c.id).where(cases.c.lead == number)
    penalties = outbox.c.case.in_(followers) & outbox.c.kind.in_((DeedKind.MUTE, DeedKind.BAN))
    others = select(outbox).where(penalties).order_by(outbox.c.id.desc()).limit(_MOST_OF_FOLLOWERS)
    return tuple(_measure(row) for row in own) + tuple(_measure(row, row.case) for row in connection.execute(others))


def _measure(row: Row[Any], follower: int | None = None) -> Measure:
    return Measure(row.id, row.kind, row.state, row.note, row.result or "", follower)


def settle(connection: Connection, deed: int, **columns: object) -> None:
    """Write a deed's new state, result or time down."""
    connection.execute(outbox.update().where(outbox.c.id == deed).values(**columns))


def withdraw(connection: Connection, attachment: str, *kinds: DeedKind) -> int:
    """Give waiting deeds of these kinds up. Answers how many."""
    where = (outbox.c.attachment == attachment) & outbox.c.kind.in_(kinds) & outbox.c.state.in_(WAITING)
    return connection.execute(outbox.update().where(where).values(state=DeedState.FAILED, result="withdrawn")).rowcount
