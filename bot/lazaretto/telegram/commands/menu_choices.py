"""What the menu offers: for each policy key the values that a button stands for, and the page that the key is on.

A button's data names key and value and never a place in a list, so that one of an older version does what it says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lazaretto.languages import LANGUAGES, N_, language_of
from lazaretto.model import Action
from lazaretto.policy.layers import ACTIONS, KEYS
from lazaretto.policy.values import ADMINS
from lazaretto_validators import Category, Severity
from lazaretto_validators.media_types import MEDIA_TYPES, Risk

__all__ = [
    "ACTION_WORDS",
    "CATEGORY_WORDS",
    "FAIL_KEY",
    "FAMILIES",
    "KEY_WORDS",
    "PAGES",
    "SEVERITY_WORDS",
    "UNSET",
    "Choice",
    "Page",
    "choices_of",
    "page_of",
]

UNSET = "~"
"""Takes back what the chat has set: the operator's files and the preset say what holds."""

FAIL_KEY = f"{ACTIONS}.{Category.UNSCANNABLE}"


@dataclass(frozen=True, slots=True)
class Choice:
    """token: in the button's data. label: in English for the catalogue. value: what the key is set to; a list's button
    adds and drops values instead."""

    token: str
    label: str
    value: object = None
    add: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    def applied(self, now: object) -> object:
        """The key's new value. now: the effective one."""
        if self.value is not None:
            return self.value
        old = now if isinstance(now, tuple) else ()
        return [*(one for one in old if one not in (*self.add, *self.drop)), *self.add]

    def holds(self, key: str, now: object) -> bool:
        """Is it so already?"""
        if self.value is not None:
            return bool((KEYS[key].read(self.value) if key in KEYS else self.value) == now)
        here = frozenset(now) if isinstance(now, tuple) else frozenset()
        return here.issuperset(self.add) if self.add else here.isdisjoint(self.drop)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the menu. name: in its buttons' data. keys: that it shows and sets."""

    name: str
    title: str
    about: str
    keys: tuple[str, ...]


def _is(value: object, label: str, token: str = "") -> Choice:
    return Choice(token or str(value), label, value)


def _with(names: tuple[str, ...], token: str, label: str) -> tuple[Choice, Choice]:
    """Two choices of a list: with these values in it, and without."""
    return Choice(f"+{token}", label, add=names), Choice(f"-{token}", label, drop=names)


def _named(risk: Risk) -> tuple[str, ...]:
    return tuple(sorted(name.lower() for name, kind in MEDIA_TYPES.items() if kind.risk is risk))


FAMILIES: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "pictures": (N_("Pictures"), ("image/*",)),
    "video": (N_("Video"), ("video/*",)),
    "audio": (N_("Sound"), ("audio/*",)),
    "documents": (N_("Documents"), _named(Risk.DOCUMENT)),
    "archives": (N_("Archives"), _named(Risk.ARCHIVE)),
    "programs": (N_("Programs"), _named(Risk.RUN)),
}
"""Families of media types: what they are called, and the globs that stand for them."""

_MEDIA = ("image/*", "video/*", "audio/*", "application/pdf", "application/ogg", "application/x-tgsticker")

ACTION_WORDS: Mapping[str, str] = {
    Action.QUARANTINE: N_("Hold it"),
    Action.REJECT: N_("Delete it"),
    Action.FLAG: N_("Let it pass, send a card"),
    Action.FORWARD: N_("Let it pass"),
}

CATEGORY_WORDS: Mapping[str, str] = {
    Category.MALFORMED: N_("Broken files"),
    Category.SPOOFED: N_("Files posing as others"),
    Category.CONCEALED: N_("Hidden contents"),
    Category.ACTIVE: N_("Scripts and macros"),
    Category.DANGEROUS: N_("Programs and shortcuts"),
    Category.EXPLOIT: N_("Known attacks"),
    Category.RESOURCE: N_("Bombs"),
    Category.UNSCANNABLE: N_("What cannot be looked at"),
}

SEVERITY_WORDS: Mapping[str, str] = {
    Severity.HIGH: N_("serious"),
    Severity.MEDIUM: N_("doubtful"),
    Severity.INFO: N_("harmless"),
}

_ON_OFF = (_is(True, N_("On"), "on"), _is(False, N_("Off"), "off"))
_PRESETS = (
    _is("lenient", N_("Lenient")),
    _is("balanced", N_("Balanced")),
    _is("strict", N_("Strict")),
)
_ACTIONS = tuple(_is(str(action), label) for action, label in ACTION_WORDS.items())


_CHOICES: Mapping[str, tuple[Choice, ...]] = {
    "mode": (_is("observe", N_("Observe")), _is("guard", N_("Guard"))),
    "preset": _PRESETS,
    "max_size": tuple(_is(size, size) for size in ("5 MB", "20 MB", "50 MB", "200 MB", "2 GB")),
    "types.allow": (_is(["*"], N_("All types"), "all"), _is(list(_MEDIA), N_("Only media and PDF"), "media")),
    "types.deny": tuple(choice for name, (label, globs) in FAMILIES.items() for choice in _with(globs, name, label)),
    "moderators": (),
    "exempt": (
        *_with((ADMINS,), ADMINS, N_("Administrators")),
        _is([], N_("Nobody"), "nobody"),
    ),
    "newcomers.period": (
        _is("none", N_("Nobody is new")),
        _is("1 day", N_("1 day")),
        _is("7 days", N_("7 days")),
        _is("30 days", N_("30 days")),
    ),
    "newcomers.preset": _PRESETS,
    "strikes.limit": (
        _is(0, N_("Off"), "0"),
        *(_is(number, str(number), str(number)) for number in (1, 2, 3, 5)),
    ),
    "strikes.within": (_is("7 days", N_("7 days")), _is("30 days", N_("30 days")), _is("forever", N_("Ever"))),
    "strikes.consequence": (_is("mute", N_("Mute")), _is("ban", N_("Ban"))),
    "strikes.mute": (
        _is("1 day", N_("1 day")),
        _is("7 days", N_("7 days")),
        _is("30 days", N_("30 days")),
    ),
    "inform_sender": _ON_OFF,
    "weekly_report": _ON_OFF,
    "two_person": tuple(
        choice for name, label in CATEGORY_WORDS.items() for choice in _with((str(name),), str(name), label)
    ),
    "language": tuple(_is(code, language_of(code).name) for code in LANGUAGES),
}

PAGES: Mapping[str, Page] = {
    page.name: page
    for page in (
        Page(
            "mode",
            N_("Mode"),
            N_("Observe: I judge and record, and touch nothing. Guard: I remove what the rules hold back."),
            ("mode",),
        ),
        Page(
            "mods",
            N_("Moderators' chat"),
            N_("Where cards go. It is never screened itself, so only moderators should be in it."),
            ("moderators",),
        ),
        Page("preset", N_("Preset"), N_("The rules that lie underneath everything else."), ("preset",)),
        Page("acts", N_("What happens to what"), N_("Choose what to change."), ()),
        Page(
            "types",
            N_("Types of files"),
            N_("Types with a cross may not be posted. Others can be typed: /lazaretto set types.deny application/zip"),
            ("types.allow", "types.deny"),
        ),
        Page("size", N_("Size"), N_("Larger files count as not looked at."), ("max_size",)),
        Page(
            "fail",
            N_("What cannot be looked at"),
            N_("Encrypted, too large, or a check that failed: such a file may be anything."),
            (FAIL_KEY,),
        ),
        Page(
            "exempt",
            N_("Exempt members"),
            N_("Their files are judged and recorded, and never removed. Answer a member with /lazaretto exempt."),
            ("exempt",),
        ),
        Page(
            "new",
            N_("New members"),
            N_("For how long after their first file members are judged by a stricter preset, too."),
            ("newcomers.period", "newcomers.preset"),
        ),
        Page(
            "strikes",
            N_("Strikes"),
            N_("A confirmed case is a strike. So many within a time have a consequence."),
            ("strikes.limit", "strikes.within", "strikes.consequence", "strikes.mute"),
        ),
        Page(
            "two",
            N_("Two moderators"),
            N_("A release of these needs a second moderator."),
            ("two_person",),
        ),
        Page(
            "say",
            N_("Messages and language"),
            N_("Whether senders are told in private, a weekly report, and the language in the group."),
            ("inform_sender", "weekly_report", "language"),
        ),
    )
}
"""In the order in which the first page lists them."""

KEY_WORDS: Mapping[str, str] = {
    "types.allow": N_("Allowed"),
    "types.deny": N_("Not allowed"),
    "newcomers.period": N_("New for"),
    "newcomers.preset": N_("Judged by"),
    "strikes.limit": N_("Strikes"),
    "strikes.within": N_("Within"),
    "strikes.consequence": N_("Consequence"),
    "strikes.mute": N_("Muted for"),
    "inform_sender": N_("Tell senders"),
    "weekly_report": N_("Weekly report"),
    "language": N_("Language"),
}
"""Of pages with several keys."""


def choices_of(key: str) -> Sequence[Choice]:
    """What a button can set a key to; nothing for one that no button sets."""
    return _ACTIONS if key.startswith(f"{ACTIONS}.") else _CHOICES.get(key, ())


def page_of(key: str) -> str:
    """The page that a key is on."""
    if key == FAIL_KEY:
        return "fail"
    if key.startswith(f"{ACTIONS}."):
        return f"a.{key.removeprefix(f'{ACTIONS}.')}"
    return next((page.name for page in PAGES.values() if key in page.keys), "")
