"""What moderators decided about bytes: grants and confirmed digests. All inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.sqlite import insert

from lazaretto.ports import Precedents
from lazaretto.state.schema import confirmed, grants

__all__ = ["any_grant", "confirm", "find", "grant", "revoke"]


def find(connection: Connection, platform: str, room: str, digests: Sequence[str], now: datetime) -> Precedents:
    """What holds in a room now about these digests."""
    bad = select(confirmed.c.sha256).where(
        confirmed.c.platform == platform, confirmed.c.room == room, confirmed.c.sha256.in_(digests)
    )
    good = select(grants.c.sha256, grants.c.risk).where(
        grants.c.platform == platform,
        grants.c.room == room,
        grants.c.sha256.in_(digests),
        grants.c.expires_at > now,
    )
    return Precedents(
        frozenset(connection.scalars(bad)), frozenset((row.sha256, row.risk) for row in connection.execute(good))
    )


def any_grant(connection: Connection, platform: str, room: str, now: datetime) -> bool:
    """Does any grant hold in a room now?"""
    valid = grants.c.platform == platform, grants.c.room == room, grants.c.expires_at > now
    return connection.scalar(select(grants.c.sha256).where(*valid).limit(1)) is not None


def grant(
    connection: Connection,
    platform: str,
    room: str,
    allowed: Iterable[tuple[str, str]],
    *,
    expires_at: datetime,
    case: int,
    by: str,
) -> None:
    """Let (digest, claimed risk class) pairs pass in a room. The newest word counts: it lifts a block of the digest."""
    for digest, risk in allowed:
        row = {"expires_at": expires_at, "case": case, "by": by}
        statement = insert(grants).values(platform=platform, room=room, sha256=digest, risk=risk, **row)
        keys = ["platform", "room", "sha256", "risk"]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=row))
        connection.execute(
            confirmed.delete().where(
                confirmed.c.platform == platform, confirmed.c.room == room, confirmed.c.sha256 == digest
            )
        )


def confirm(connection: Connection, platform: str, room: str, digests: Iterable[str], *, case: int, by: str) -> None:
    """Block digests in a room. The newest word counts: it ends every grant of them there."""
    for digest in digests:
        row = {"case": case, "by": by}
        statement = insert(confirmed).values(platform=platform, room=room, sha256=digest, **row)
        keys = ["platform", "room", "sha256"]
        connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=row))
        connection.execute(
            grants.delete().where(grants.c.platform == platform, grants.c.room == room, grants.c.sha256 == digest)
        )


def revoke(connection: Connection, case: int) -> None:
    """End what a case's release granted, because the release did not come about."""
    connection.execute(grants.delete().where(grants.c.case == case))
