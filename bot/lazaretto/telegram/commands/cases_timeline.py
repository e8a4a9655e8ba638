"""What happened to a case, told from its records: one line each, by how long after the post it was."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from lazaretto.audit import Event
from lazaretto.languages import N_, Html, Language
from lazaretto.model import Action, Person
from lazaretto.ports import DeedKind
from lazaretto.telegram.commands.cases_text import ACTIONS, ago, who
from lazaretto.text import shown

__all__ = ["event_told", "timeline"]

_EVENTS: Mapping[str, str] = MappingProxyType(
    {
        Event.RECEIVED: N_("came in"),
        Event.JOINED: N_("joined as an album"),
        Event.SCREENED: N_("was looked at"),
        Event.FINISHED: N_("nothing is left to do"),
        Event.SET_ASIDE: N_("set aside by a fault of ours"),
        Event.OPENED: N_("the case was opened"),
        Event.REOPENED: N_("open again"),
        Event.EXPIRED: N_("expired: nobody decided in its time"),
        Event.PURGED: N_("deleted, because its time was over"),
        Event.ERASED: N_("erased"),
        Event.FIRST_APPROVAL: N_("release approved by {who}, a second moderator has to, too"),
        Event.APPROVED: N_("release approved by {who}"),
        Event.RELEASED: N_("released by {who}"),
        Event.CONFIRMED: N_("confirmed as bad by {who}"),
        Event.APPEALED: N_("the sender asks for another look"),
        Event.PENALTY: N_("mute or ban ordered by {who}"),
        Event.REPORTED_BACK: N_("{who} has the sender told"),
        Event.REFUSED_PRESS: N_("{who} pressed a button without the right to"),
    }
)
_TRIES: Mapping[str, str] = MappingProxyType(
    {
        Event.ATTEMPTED: N_("asked Telegram: {what}"),
        Event.DONE: N_("done: {what}"),
        Event.FAILED: N_("Telegram refused: {what}"),
        Event.UNKNOWN: N_("nobody knows whether it was done: {what}"),
    }
)
_DEEDS: Mapping[str, str] = MappingProxyType(
    {
        DeedKind.REMOVE: N_("delete the message"),
        DeedKind.CARD: N_("show the card"),
        DeedKind.UPDATE_CARD: N_("bring the card up to date"),
        DeedKind.PUBLISH: N_("post it again"),
        DeedKind.MUTE: N_("mute the sender"),
        DeedKind.BAN: N_("ban the sender"),
        DeedKind.TELL: N_("write to the sender"),
    }
)
_ACTIONS: Mapping[str, str] = MappingProxyType({action.value: text for action, text in ACTIONS.items()})


def timeline(
    say: Language, records: Sequence[Mapping[str, Any]], people: Mapping[str, Person], posted_at: datetime
) -> Iterator[Html]:
    """One line a record. What Telegram answered stands for having asked; keeping the card up to date is left out."""
    answered = {record["data"].get("deed") for record in records if record["event"] in (Event.DONE, Event.FAILED)}
    for record in records:
        data = record["data"]
        if record["event"] == Event.ATTEMPTED and data.get("deed") in answered:
            continue
        if data.get("kind") == DeedKind.UPDATE_CARD and record["event"] in _TRIES:
            continue
        when = ago(say, posted_at, datetime.fromisoformat(record["time"]))
        yield say.html("<code>+{time}</code> {what}", time=when, what=event_told(say, record, people))


def event_told(say: Language, record: Mapping[str, Any], people: Mapping[str, Person]) -> Html:
    """A record in a few words. An event that has none here is told by its name."""
    event, data = str(record["event"]), record["data"]
    person = people.get(record["subject"] or "")
    text = _what(say, event, data, who(say, person) if person else say.html("somebody"))
    if data.get("why"):
        text = say.html("{what}: <code>{why}</code>", what=text, why=shown(str(data["why"]), 120))
    return text


def _what(say: Language, event: str, data: Mapping[str, Any], person: Html) -> Html:
    if event == Event.DECIDED:
        action = say(_ACTIONS.get(str(data.get("action")), ACTIONS[Action.QUARANTINE]))
        if data.get("enforced"):
            return say.html("decided: {action}", action=action)
        return say.html("decided: {action}, only to observe", action=action)
    if event in _TRIES:
        kind = str(data.get("kind"))
        return say.html(_TRIES[event], what=say(_DEEDS[kind]) if kind in _DEEDS else shown(kind, 30))
    if event in _EVENTS:
        return say.html(_EVENTS[event], who=person)
    return say.html("{event}, {who}", event=shown(event, 40), who=person)
