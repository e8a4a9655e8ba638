"""A page of cases: its text, and the buttons under it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from lazaretto.languages import N_, Html, Language
from lazaretto.model import Case, CaseState
from lazaretto.telegram.card_words import PREFIX
from lazaretto.telegram.commands.cases_text import STATES, ago, code, who
from lazaretto.telegram.commands.cases_words import EVERYWHERE, LONGEST_DATA, WORD, Words, distances, told
from lazaretto.text import fitting, shown

__all__ = ["Listed", "chooser", "list_buttons", "list_text"]

_A_ROW = 3
_MOST_CHATS = 60
"""Chats to choose from: with the last row of a keyboard that has at most 100 buttons. Whoever has more names one."""

_NOTE = 600
"""Code units for what became of a press. A case takes at most 380 (number 20, state 20, name 80 and sender 60 of two
units each character, rule 60, chat 60, and what is between), eight of them 3,040, and the head at most 260."""

_TITLES: Mapping[str, str] = MappingProxyType(
    {
        "open": N_("Cases that wait"),
        "all": N_("All cases"),
        "released": N_("Released cases"),
        "confirmed": N_("Confirmed cases"),
    }
)
_FILTERS: Mapping[str, str] = MappingProxyType(
    {"open": N_("Open"), "all": N_("All"), "released": N_("Released"), "confirmed": N_("Confirmed")}
)


@dataclass(frozen=True, slots=True)
class Listed:
    """A page. cases: newest first. anchor: a number above all of them. chosen: None while nothing is being chosen."""

    words: Words
    cases: Sequence[Case]
    titles: Mapping[str, str]
    newer: bool
    older: bool
    anchor: int
    chosen: frozenset[int] | None = None
    note: str = ""


def list_text(say: Language, listed: Listed, now: datetime) -> Html:
    """Within the 4,096 units of a message."""
    lines = [say.html("<code>{command}</code>", command=str(listed.words))]
    one = listed.words.chat if listed.words.chat != EVERYWHERE else None
    title = say(_TITLES[listed.words.state])
    if one is None:
        lines.append(say.html("<b>{title}</b>", title=title))
    else:
        lines.append(say.html("<b>{title}</b> in {chat}", title=title, chat=_chat(say, listed, one)))
    lines += [_line(say, case, listed, now, named=one is None) for case in listed.cases]
    if not listed.cases:
        lines.append(say.html("There are none."))
    if listed.chosen is not None:
        lines.append(say.html("Press the numbers of the cases to decide about, then what to do with them."))
    if listed.note:
        lines.append(say.html("<b>{note}</b>", note=fitting(listed.note, _NOTE)))
    return Html("\n").join(lines)


def _line(say: Language, case: Case, listed: Listed, now: datetime, *, named: bool) -> Html:
    parts = case.attachment.parts
    concerned = case.reasons[0].part if case.reasons else 0
    name = parts[concerned].claim.name if concerned < len(parts) else None
    sender = None if case.state is CaseState.ERASED else case.attachment.sender
    said = [
        say.html("<b>{number}</b> {state}", number=case.id, state=say(STATES[case.state])),
        code(say, name, 40) if name else say.html("a file without a name"),
        who(say, sender, 30),
    ]
    if case.reasons:
        said.append(say.html("<code>{rule}</code>", rule=shown(case.reasons[0].rule, 60)))
    if named:
        said.append(_chat(say, listed, case.attachment.place.chat))
    said.append(say.html("{time} ago", time=ago(say, case.opened_at, now)))
    return Html(" · ").join(said)


def _chat(say: Language, listed: Listed, chat: str) -> Html:
    return code(say, listed.titles.get(chat) or chat, 30)


def list_buttons(say: Language, listed: Listed) -> InlineKeyboardMarkup:
    """Three a row at most."""
    choosing = listed.chosen is not None
    numbers = [_toggle(listed, case) for case in listed.cases if _waits(case)] if choosing else _openers(listed)
    rows = [list(numbers[at : at + _A_ROW]) for at in range(0, len(numbers), _A_ROW)]
    rows += _deciding(say, listed) if choosing else _moving(say, listed)
    return InlineKeyboardMarkup([row for row in rows if row])


def _openers(listed: Listed) -> list[InlineKeyboardButton]:
    return [_button(str(case.id), f"o:{told(case.id)}") for case in listed.cases]


def _toggle(listed: Listed, case: Case) -> InlineKeyboardButton:
    before = listed.chosen or frozenset()
    after = before ^ {case.id}
    mark = "☑" if case.id in before else "☐"
    return _button(f"{mark} {case.id}", f"s:{told(listed.anchor)}:{distances(listed.anchor, after)}")


def _waits(case: Case) -> bool:
    return case.state in (CaseState.OPEN, CaseState.APPEALED, CaseState.RELEASE_PENDING)


def _deciding(say: Language, listed: Listed) -> list[list[InlineKeyboardButton]]:
    at, chosen = told(listed.anchor), listed.chosen or frozenset()
    waiting = [case.id for case in listed.cases if _waits(case)]
    some = distances(listed.anchor, chosen)
    decide = [
        _button(say("✅ Release {count}", count=len(chosen)), f"r:{at}:{some}"),
        _button(say("⛔ Confirm {count}", count=len(chosen)), f"c:{at}:{some}"),
    ]
    whole = _button(say("All of these"), f"s:{at}:{distances(listed.anchor, waiting)}")
    back = _button(say("Back"), f"b:{at}")
    return [decide if chosen else [], [back] if len(chosen) == len(waiting) else [whole, back]]


def _moving(say: Language, listed: Listed) -> list[list[InlineKeyboardButton]]:
    pages = []
    if listed.newer and listed.cases:
        pages.append(_button(say("◀ Newer"), f"a:{told(listed.cases[0].id)}"))
    elif listed.newer:
        pages.append(_button(say("◀ Newest"), "n"))
    if listed.older:
        pages.append(_button(say("Older ▶"), f"b:{told(listed.cases[-1].id)}"))
    some = any(map(_waits, listed.cases))
    select = [_button(say("Select"), f"s:{told(listed.anchor)}:")] if some else []
    filters = [
        _button(f"• {say(text)}" if name == listed.words.state else say(text), f"f:{name}")
        for name, text in _FILTERS.items()
    ]
    return [pages, select, filters[:2], filters[2:]]


def _button(text: str, data: str) -> InlineKeyboardButton:
    whole = f"{PREFIX}{WORD}:{data}"
    return InlineKeyboardButton(text, callback_data=whole if len(whole) <= LONGEST_DATA else f"{PREFIX}{WORD}:far")


def chooser(
    say: Language, words: Words, titles: Mapping[str, str], *, everywhere: bool
) -> tuple[Html, InlineKeyboardMarkup]:
    """Which chat? everywhere: private chats, too, for the installation's owners."""
    asked = replace(words, chat=None)
    text = say.html("<code>{command}</code>\nOf which chat?", command=str(asked))
    named = sorted(titles.items(), key=lambda chat: chat[1].casefold())[:_MOST_CHATS]
    buttons = [_button(shown(title, 30) or chat, f"g:{chat}") for chat, title in named]
    rows = [buttons[at : at + 2] for at in range(0, len(buttons), 2)]
    rows.append([_button(say("Everywhere") if everywhere else say("All of these"), f"g:{EVERYWHERE}")])
    return text, InlineKeyboardMarkup(rows)
