"""The bot's own life: started, stopped, gaps, and updates that it had to set aside. Inside the caller's transaction."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import select

from lazaretto.audit.chain import Ledger, head
from lazaretto.audit.events import Event
from lazaretto.model import Person
from lazaretto.state import aside, signs
from lazaretto.state.codec import rfc3339
from lazaretto.state.people import subject_of
from lazaretto.state.schema import audit

__all__ = ["SIGN_SECONDS", "began", "clock_set", "ended", "set_update_aside", "step_of"]

SIGN_SECONDS = 30.0
"""Between two signs of life: how much too early a crash may seem to have come."""

# Two signs. A restart takes seconds, and what is posted meanwhile Telegram holds back.
_SMALL = timedelta(seconds=2 * SIGN_SECONDS)
_STEP = timedelta(seconds=2)  # by which a clock is set right while nobody notices


def began(ledger: Ledger, version: str) -> None:
    """The bot runs. Where it did not for longer than a minute, that was a gap."""
    now = ledger.now
    last = signs.last_sign(ledger.connection) or _newest(ledger)
    since = None if last is None or -_STEP <= now - last <= _SMALL else last
    if since is not None and since > now:
        # The clock was ahead then, or is behind now: how long ago it really was nobody can tell. The log names a
        # moment at which the bot certainly lived; a gap that seems too long hides nothing.
        since = _newest(ledger, rfc3339(now)) or now
    if since is not None:
        ledger.append(Event.GAP, {"since": rfc3339(since), "until": rfc3339(now)})
    ledger.append(Event.STARTED, {"version": version})
    signs.sign(ledger.connection, now)


def ended(ledger: Ledger) -> None:
    """The bot was stopped in good order."""
    ledger.append(Event.STOPPED, {})
    signs.sign(ledger.connection, ledger.now)


def step_of(wall: timedelta, steady: float) -> int:
    """By how many seconds a clock was set while it went on by `wall` and `steady` seconds passed; 0 for hardly.

    Ahead also where the machine slept: the steady clock stands still then.
    """
    step = wall - timedelta(seconds=steady)
    return round(step.total_seconds()) if abs(step) > _STEP else 0


def clock_set(ledger: Ledger, by: int) -> None:
    """The clock was set. Records after one that was set back bear the time of the record before."""
    ledger.append(Event.CLOCK_SET, {"by": by})
    signs.sign(ledger.connection, ledger.now)


def _newest(ledger: Ledger, until: str | None = None) -> datetime | None:
    """When the newest record was written, or the newest that is not later than `until`."""

    def time_of(seq: int) -> str:
        raw = ledger.connection.scalar(select(audit.c.record).where(audit.c.seq == seq))
        return str(json.loads(raw or b"{}").get("time", ""))

    high = head(ledger.connection).seq
    low = high if until is None else 0
    while until is not None and low < high:  # records are numbered without gaps, and their times never fall
        middle = (low + high + 1) // 2
        if time_of(middle) <= until:
            low = middle
        else:
            high = middle - 1
    found = time_of(high)
    return datetime.fromisoformat(found) if found else None


def set_update_aside(ledger: Ledger, update: str | None, why: str, raw: str, sender: Person | None) -> bool:
    """Keep an update that nobody could handle as it came, once. Answers whether it is new."""
    connection = ledger.connection
    if update is not None and aside.is_known(connection, update):
        return False
    private = aside.keep_aside(connection, update, why, raw, sender, ledger.now)
    subject = None if sender is None else subject_of(connection, sender.platform, sender.id)
    ledger.append(Event.UPDATE_SET_ASIDE, {"update": update, "why": why, "personal": private.digest}, subject=subject)
    return True
