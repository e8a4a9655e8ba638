"""Intents: what a command wants the running bot to do. All functions run inside the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from lazaretto.model import Person
from lazaretto.state.people import person, subject_for
from lazaretto.state.schema import intents

__all__ = ["Intent", "IntentState", "find", "finish", "pending", "submit"]


class IntentState(StrEnum):
    """How far an intent has come."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Intent:
    """One command. arguments: empty once it is finished. result: one sentence, once it is finished."""

    id: int
    verb: str
    arguments: Mapping[str, Any]
    by: Person
    created_at: datetime
    state: IntentState
    result: str | None


def submit(connection: Connection, verb: str, arguments: Mapping[str, Any], by: Person, now: datetime) -> int:
    """Write an intent down. Answers its number."""
    row = connection.execute(
        intents.insert().values(
            verb=verb,
            arguments=dict(arguments),
            by=subject_for(connection, by),
            created_at=now,
            state=IntentState.WAITING,
        )
    )
    return int(row.lastrowid)


def pending(connection: Connection) -> list[Intent]:
    """Intents that nobody has carried out, oldest first."""
    rows = connection.execute(select(intents).where(intents.c.state == IntentState.WAITING).order_by(intents.c.id))
    return [_intent_of(connection, row) for row in rows.all()]


def find(connection: Connection, number: int) -> Intent | None:
    """An intent and what became of it."""
    row = connection.execute(select(intents).where(intents.c.id == number)).one_or_none()
    return None if row is None else _intent_of(connection, row)


def finish(connection: Connection, number: int, ok: bool, result: str) -> bool:
    """Write down what became of an intent, and forget its arguments. Answers whether it was waiting."""
    where = (intents.c.id == number) & (intents.c.state == IntentState.WAITING)
    state = IntentState.DONE if ok else IntentState.FAILED
    changes = connection.execute(intents.update().where(where).values(state=state, result=result, arguments=None))
    return changes.rowcount > 0


def _intent_of(connection: Connection, row: Row[Any]) -> Intent:
    by = person(connection, row.by) or Person("local", row.by, "")
    return Intent(row.id, row.verb, row.arguments or {}, by, row.created_at, IntentState(row.state), row.result)
