"""How cases are told in chat: their state, how long ago, and what strangers wrote, made harmless."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from lazaretto.languages import N_, Html, Language
from lazaretto.model import Action, CaseState, Person
from lazaretto.telegram.card_words import told

__all__ = ["ACTIONS", "STATES", "ago", "code", "who"]

STATES: Mapping[CaseState, str] = MappingProxyType(
    {
        CaseState.OPEN: N_("waiting"),
        CaseState.RELEASE_PENDING: N_("release under way"),
        CaseState.RELEASED: N_("released"),
        CaseState.CONFIRMED: N_("confirmed as bad"),
        CaseState.EXPIRED: N_("expired"),
        CaseState.APPEALED: N_("appealed"),
        CaseState.ERASED: N_("erased"),
    }
)
ACTIONS: Mapping[Action, str] = MappingProxyType(
    {
        Action.FORWARD: N_("let through"),
        Action.FLAG: N_("flagged"),
        Action.QUARANTINE: N_("held"),
        Action.REJECT: N_("rejected"),
    }
)

_TIMES = ((86_400, N_("{n} d")), (3600, N_("{n} h")), (60, N_("{n} min")))


def code(say: Language, text: str | None, limit: int) -> Html:
    """A stranger's text on one line, as code, in which Telegram makes no links of addresses, names and commands."""
    return say.html("<code>{text}</code>", text=told(text, limit))


def who(say: Language, person: Person | None, limit: int = 40) -> Html:
    """Somebody's name, as they chose it."""
    if person is None:
        return say.html("<i>erased</i>")
    name = person.name or (f"@{person.username}" if person.username else "")
    return code(say, name, limit) if name.strip() else say.html("somebody")


def ago(say: Language, then: datetime, now: datetime) -> str:
    """How long it is from one moment to the other, in its largest unit."""
    seconds = max(0.0, (now - then).total_seconds())
    for size, text in _TIMES:
        if seconds >= size:
            return say(text, n=int(seconds // size))
    return say("{n:.1f} s", n=seconds) if seconds < 10 else say("{n} s", n=int(seconds))
