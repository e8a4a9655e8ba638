"""The pages of the settings menu: text and buttons. Nothing here changes anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from html import escape

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from lazaretto.languages import N_, Html, Language
from lazaretto.model import Mode, Place
from lazaretto.policy import Row, explain
from lazaretto.policy.layers import ACTIONS, CHAT, Merged
from lazaretto.policy.values import ADMINS, shown_period, shown_size
from lazaretto.telegram.cards import PREFIX
from lazaretto.telegram.commands.cases_text import code
from lazaretto.telegram.commands.directory import KnownChat
from lazaretto.telegram.commands.menu_choices import (
    ACTION_WORDS,
    CATEGORY_WORDS,
    FAIL_KEY,
    FAMILIES,
    KEY_WORDS,
    PAGES,
    SEVERITY_WORDS,
    UNSET,
    Choice,
    choices_of,
)
from lazaretto.text import shown

__all__ = [
    "CHOOSE",
    "EXPORT",
    "GUARD",
    "MAIN",
    "SHOW",
    "TRIED",
    "TRY",
    "WORD",
    "View",
    "chooser",
    "data_of",
    "effective",
    "page",
    "tries_of",
    "try_page",
]

WORD = "m"
"""The first word of the menu's buttons."""

MAIN, SHOW, EXPORT, CHOOSE, TRY = "main", "show", "export", "choose", "try"
TRIED = f"{TRY}."
"""Begins the names of pages that wait for what a trial comes to: `try.guard`, `try.strict`."""
GUARD = "guard"
_IN_A_ROW = 3
_TITLE = 60
_MOST_LISTED = 30
"""Chats to choose from: three to a row, of the hundred buttons that a message may have."""
_LONGEST = 3900
"""Characters of a page: Telegram takes 4096 after entities are taken out."""

_VALUE_WORDS: Mapping[str, str] = {
    "observe": N_("Observe"),
    "guard": N_("Guard"),
    "lenient": N_("Lenient"),
    "balanced": N_("Balanced"),
    "strict": N_("Strict"),
    "none": N_("none"),
    "True": N_("On"),
    "False": N_("Off"),
}

_TRIES: Mapping[str, str] = {GUARD: N_("Guard mode"), **{c.token: c.label for c in choices_of("preset")}}


@dataclass(frozen=True, slots=True)
class View:
    """What a page is about. title: the chat's, a stranger's text. own: what is set in the chat, and holds."""

    place: Place
    title: str
    merged: Merged
    own: Mapping[str, object]
    say: Language
    note: str = ""  # said above the page, in the language already

    @property
    def heading(self) -> Html:
        return self.say.html("<b>Settings of {title}</b>", title=code(self.say, self.title or self.place.chat, _TITLE))


Pressable = tuple[Html, InlineKeyboardMarkup]


def data_of(chat: str, what: str, token: str = "") -> str:
    """A button's data: a page to show, or `=key` and the token of a choice. At most 64 bytes (Bot API): 5 for
    the words, 20 for the longest id, 38 for `=actions.unscannable.medium:quarantine`, one between."""
    return f"{PREFIX}{WORD}:{chat}:{what}" + (f":{token}" if token else "")


def effective(merged: Merged, key: str) -> object:
    """The value that holds for a key; for a whole category None where its severities differ."""
    if not key.startswith(f"{ACTIONS}."):
        return merged.values[key][0]
    selector = key.removeprefix(f"{ACTIONS}.")
    cells = merged.policy.cells
    if selector in cells:
        return str(cells[selector][0])
    found = {str(action) for cell, (action, _) in cells.items() if cell.startswith(f"{selector}.")}
    return found.pop() if len(found) == 1 else None


def page(view: View, name: str) -> Pressable | None:
    """The page of that name; None where there is none."""
    if name == MAIN:
        return _main(view)
    if name in (SHOW, f"{SHOW}.{ACTIONS}"):
        return _all(view, actions=name != SHOW)
    if name == TRY:
        return try_page(view, [])
    if name == "acts":
        return _categories(view)
    if name.startswith("a."):
        return _action(view, name.removeprefix("a."))
    return _keys(view, name) if name in PAGES else None


def chooser(chats: Sequence[KnownChat], say: Language) -> Pressable:
    """Which group is it about?"""
    buttons = [
        InlineKeyboardButton(shown(chat.title, 30) or chat.id, callback_data=data_of(chat.id, MAIN))
        for chat in chats[:_MOST_LISTED]
    ]
    text = say.html("Which group is it about?")
    if len(chats) > _MOST_LISTED:
        text = Html("\n").join([text, say.html("Not in the list? Write /lazaretto in that group.")])
    return text, InlineKeyboardMarkup([buttons[n : n + 2] for n in range(0, len(buttons), 2)])


def _main(view: View) -> Pressable:
    say, merged = view.say, view.merged
    lines = [
        say.html("{name}: <b>{value}</b>", name=say(PAGES[name].title), value=_told(view, key))
        for name, key in (("mode", "mode"), ("preset", "preset"), ("size", "max_size"), ("mods", "moderators"))
    ]
    if merged.policy.moderators is None:
        lines.append(say.html("Choose a moderators' chat first: guard mode needs one, and cards go there."))
    buttons = [_button(view, say(one.title), one.name) for one in PAGES.values()]
    buttons += [_button(view, say("Try it"), TRY), _button(view, say("Show everything"), SHOW)]
    buttons.append(_button(view, say("Export"), EXPORT))
    return _text(view, lines), InlineKeyboardMarkup(_rows(buttons, 2))


def _keys(view: View, name: str) -> Pressable:
    one, say = PAGES[name], view.say
    lines = [say.html("<b>{title}</b>", title=say(one.title)), say.html(one.about), Html("")]
    rows: list[list[InlineKeyboardButton]] = []
    for key in one.keys:
        lines.append(_line(view, key))
        rows += _choice_rows(view, key)
    if name == "mods" and not view.merged.is_locked("moderators"):
        rows.insert(0, [_button(view, say("Choose a chat"), CHOOSE)])
    return _text(view, lines), _with_back(view, rows, MAIN)


def _line(view: View, key: str) -> Html:
    say = view.say
    name = say(KEY_WORDS[key]) if key in KEY_WORDS else say("Now")
    told = say.html("{name}: <b>{value}</b> ({origin})", name=name, value=_told(view, key), origin=_origin(view, key))
    return Html("\n").join([told, say.html("🔒 Locked by the operator.")]) if view.merged.is_locked(key) else told


def _choice_rows(view: View, key: str) -> list[list[InlineKeyboardButton]]:
    if view.merged.is_locked(key):
        return []
    now, say = effective(view.merged, key), view.say
    buttons = []
    for choice in choices_of(key):
        holds = choice.holds(key, now)
        if (choice.add or choice.drop) and holds:  # of the two, that which changes something
            continue
        buttons.append(_choice(view, key, choice, marked=_mark(key, choice, holds=holds)))
    rows = _rows(buttons)
    if key in view.own:
        rows.append([_change(view, say("↩ {name} as the operator says", name=_short(view, key)), key, UNSET)])
    return rows


def _mark(key: str, choice: Choice, *, holds: bool) -> str:
    if choice.add:
        return "" if key == "types.deny" else "▫️ "
    if choice.drop:
        return "❌ " if key == "types.deny" else "✅ "
    return "✅ " if holds else ""


def _choice(view: View, key: str, choice: Choice, marked: str) -> InlineKeyboardButton:
    return _change(view, f"{marked}{view.say(choice.label)}", key, choice.token)


def _short(view: View, key: str) -> str:
    return view.say(KEY_WORDS[key]) if key in KEY_WORDS else ""


def tries_of(view: View) -> Sequence[str]:
    """What can be tried: guard mode where it does not hold, and the presets that do not and that the chat may set."""
    merged = view.merged
    guard = [GUARD] if merged.policy.mode is Mode.OBSERVE else []
    now = effective(merged, "preset")
    presets = [] if merged.is_locked("preset") else [c.token for c in choices_of("preset") if c.value != now]
    return [*guard, *presets]


def try_page(view: View, lines: Sequence[Html]) -> Pressable:
    """What would have been done; `lines` is what the last trial came to."""
    say = view.say
    about = say.html("What would this have done with the files of the last 30 days? Nothing is changed.")
    head = [say.html("<b>{title}</b>", title=say("Try it")), about, Html("")]
    buttons = [_button(view, say(_TRIES[what]), f"{TRIED}{what}") for what in tries_of(view)]
    return _text(view, [*head, *lines]), _with_back(view, _rows(buttons, 2), MAIN)


def _categories(view: View) -> Pressable:
    say = view.say
    lines = [
        say.html("{name}: <b>{value}</b>", name=say(label), value=_told(view, f"{ACTIONS}.{category}"))
        for category, label in CATEGORY_WORDS.items()
    ]
    buttons = [
        _button(view, say(label), "fail" if f"{ACTIONS}.{category}" == FAIL_KEY else f"a.{category}")
        for category, label in CATEGORY_WORDS.items()
    ]
    return _text(view, lines), _with_back(view, _rows(buttons, 2), MAIN)


def _action(view: View, selector: str) -> Pressable | None:
    category, _, severity = selector.partition(".")
    if category not in CATEGORY_WORDS or (severity and severity not in SEVERITY_WORDS):
        return None
    say, key = view.say, f"{ACTIONS}.{selector}"
    title = say(CATEGORY_WORDS[category])
    title = f"{title}: {say(SEVERITY_WORDS[severity])}" if severity else title
    lines = [say.html("<b>{title}</b>", title=title), _line(view, key)]
    rows = _choice_rows(view, key)
    if severity:
        return _text(view, lines), _with_back(view, rows, f"a.{category}")
    for name, label in SEVERITY_WORDS.items():
        cell = f"{key}.{name}"
        lines.append(say.html("{name}: {value}", name=say(label), value=_told(view, cell)))
    rows.append([_button(view, say(label), f"a.{category}.{name}") for name, label in SEVERITY_WORDS.items()])
    return _text(view, lines), _with_back(view, rows, "acts")


def _all(view: View, *, actions: bool) -> Pressable:
    say = view.say
    rows = [row for row in explain(view.merged) if row.key.startswith(f"{ACTIONS}.") is actions]
    lines: list[Html] = []
    for row in rows:
        lines.append(_explained(view, row))
        if sum(map(len, lines)) > _LONGEST:
            lines[-1] = say.html("… the rest is in the export.")
            break
    other = _button(view, say("Actions"), f"{SHOW}.{ACTIONS}") if not actions else _button(view, say("Keys"), SHOW)
    return _text(view, lines), _with_back(view, [[other]], MAIN)


def _explained(view: View, row: Row) -> Html:
    origin = shown(row.origin.rpartition("/")[2], 60)
    return view.say.html(
        "<code>{key}</code> = {value} <i>({origin})</i>", key=row.key, value=shown(row.value, 80), origin=origin
    )


def _told(view: View, key: str) -> str:
    """The effective value, for people."""
    say, value = view.say, effective(view.merged, key)
    if key.startswith(f"{ACTIONS}."):
        return say("Depends on how serious it is") if value is None else say(ACTION_WORDS[str(value)])
    if key == "moderators":
        return say("none") if value is None else str(value)
    if key == "max_size" and isinstance(value, int):
        return shown_size(value)
    if isinstance(value, timedelta):
        return say("none") if not value else shown_period(value)
    if isinstance(value, tuple):
        return ", ".join(_listed(view, key, value)) or say("none")
    return say(_VALUE_WORDS.get(str(value), str(value)))


def _listed(view: View, key: str, values: tuple[str, ...]) -> Iterator[str]:
    say, left = view.say, list(values)
    if key.startswith("types."):
        for label, globs in FAMILIES.values():
            if {*globs} <= {*left}:
                yield say(label)
                left = [one for one in left if one not in globs]
    words = {ADMINS: N_("Administrators"), "*": N_("All types"), **CATEGORY_WORDS}
    yield from (say(words[one]) if one in words else shown(one, 40) for one in left[:10])
    if len(left) > 10:
        yield say("and {count} more", count=len(left) - 10)


def _origin(view: View, key: str) -> str:
    say = view.say
    if key in view.own:
        return say("set here")
    if key.startswith(f"{ACTIONS}."):
        return say("preset or operator")
    layer = view.merged.values[key][1]
    if layer is None:
        return say("built in")
    return say("set here") if layer.file == CHAT else say("set by the operator")


def _text(view: View, lines: Sequence[Html]) -> Html:
    above = [Html(escape(view.note)), Html("")] if view.note else []
    return Html("\n").join([*above, view.heading, Html(""), *lines])


def _button(view: View, label: str, name: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=data_of(view.place.chat, name))


def _change(view: View, label: str, key: str, token: str) -> InlineKeyboardButton:
    return InlineKeyboardButton(label, callback_data=data_of(view.place.chat, f"={key}", token))


def _rows(buttons: Sequence[InlineKeyboardButton], wide: int = _IN_A_ROW) -> list[list[InlineKeyboardButton]]:
    return [list(buttons[n : n + wide]) for n in range(0, len(buttons), wide)]


def _with_back(view: View, rows: list[list[InlineKeyboardButton]], back: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([*rows, [_button(view, view.say("« Back"), back)]])
