"""Layers of policy keys, and how they become one policy.

Preset, installation (`[defaults]`, and `[private]` or `[channels]` on top of it), the group's file, what its admins
set in the chat: a later layer beats an earlier one key by key. Which preset lies underneath is itself a key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from typing import Any, NamedTuple

from lazaretto.languages import LANGUAGES
from lazaretto.model import Action, Mode
from lazaretto.policy.model import Consequence, Keep, Newcomers, Policy, Strikes, Types
from lazaretto.policy.presets import Preset, preset_text
from lazaretto.policy.problems import ConfigError, Problem, did_you_mean
from lazaretto.policy.selectors import check
from lazaretto.policy.values import (
    count,
    days,
    globs,
    identifier,
    members,
    names,
    one_of,
    period,
    period_or_none,
    read_size,
    shown_period,
    switch,
    word,
    words,
)
from lazaretto_validators import Category

__all__ = ["ACTIONS", "CHAT", "KEYS", "Key", "Layer", "Merged", "merge", "preset_layer", "read_layer"]

ACTIONS = "actions"
CHAT = "chat settings"
"""What stands for the file where admins set keys in the chat."""

_BUILT_IN = "built in"


class Key(NamedTuple):
    """One policy key: its default, how its value is read (raises ValueError), and what to write."""

    default: Any
    read: Callable[[object], Any]
    remedy: str


_PERIOD = 'write a period such as "30 days", "12 weeks", "1 year" or "forever"'

KEYS: Mapping[str, Key] = {
    "preset": Key(Preset.BALANCED, partial(word, Preset), "write one of lenient, balanced, strict"),
    "mode": Key(Mode.OBSERVE, partial(word, Mode), "write observe or guard"),
    "moderators": Key(None, identifier, 'write the id of a chat in quotes, such as "-1009876543210"'),
    "max_size": Key(Policy.max_size, read_size, 'write a size such as "50 MB" or "20 MiB"'),
    "types.allow": Key(("*",), globs, 'write a list of media types, such as ["image/*", "application/pdf"]'),
    "types.deny": Key((), globs, 'write a list of media types, such as ["application/zip"]'),
    "previews": Key(False, switch, "write true or false"),
    "release_days": Key(Policy.release_days, days, "write a whole number of days from 1 to 3650"),
    "keep.files": Key(Keep.files, period, _PERIOD),
    "keep.personal": Key(Keep.personal, period, _PERIOD),
    "keep.events": Key(Keep.events, period, _PERIOD),
    "language": Key(Policy.language, partial(one_of, LANGUAGES), f"write one of {', '.join(LANGUAGES)}"),
    "exempt": Key((), members, 'write a list of user ids in quotes, or "admins"'),
    "newcomers.period": Key(Newcomers.period, period_or_none, 'write a period such as "7 days", or "none"'),
    "newcomers.preset": Key(Preset.STRICT, partial(word, Preset), "write one of lenient, balanced, strict"),
    "strikes.limit": Key(Strikes.limit, count, "write a whole number; 0 is none"),
    "strikes.within": Key(Strikes.within, period, _PERIOD),
    "strikes.consequence": Key(Strikes.consequence, partial(word, Consequence), "write mute or ban"),
    "strikes.mute": Key(Strikes.mute, period, _PERIOD),
    "inform_sender": Key(Policy.inform_sender, switch, "write true or false"),
    "two_person": Key((), partial(words, Category), 'write a list of categories, such as ["dangerous", "exploit"]'),
    "weekly_report": Key(Policy.weekly_report, switch, "write true or false"),
    "locked": Key((), names, 'write a list of keys, such as ["max_size", "actions"]'),
}
"""Every key but the actions."""

_LOCKABLE = frozenset({*KEYS, ACTIONS, "types", "keep", "newcomers", "strikes"}) - {"locked"}


@dataclass(frozen=True, slots=True)
class Layer:
    """Keys that one place sets.

    file, section: that place, as in `config/lazaretto.toml` and `defaults`; the section may be empty.
    """

    file: str
    section: str
    values: Mapping[str, Any]
    actions: Mapping[str, Action]

    @property
    def origin(self) -> str:
        """The place in one line, as `policy show` prints it."""
        return f"{self.file} [{self.section}]" if self.section else self.file

    def without(self, locked: Sequence[str]) -> Layer:
        """The layer without the keys that are locked. A preset is a table of actions, so both are locked together."""
        values = {key: value for key, value in self.values.items() if not _is_locked(key, locked)}
        return replace(self, values=values, actions={} if ACTIONS in locked else self.actions)

    def problem(self, key: str, problem: str, remedy: str) -> Problem:
        """A problem with one of the layer's keys."""
        return Problem(self.file, f"{self.section}.{key}" if self.section else key, problem, remedy)


def _is_locked(key: str, locked: Sequence[str]) -> bool:
    return key in locked or key.partition(".")[0] in locked or (key == "preset" and ACTIONS in locked)


def read_layer(data: Mapping[str, Any], file: str, section: str = "") -> tuple[Layer, list[Problem]]:
    """A layer from what a file, a mapping or the chat's settings hold, and everything that is wrong with it.

    Keys may be dotted or nested: `{"types.allow": [...]}` is `{"types": {"allow": [...]}}`.
    """
    values: dict[str, Any] = {}
    actions: dict[str, Action] = {}
    layer = Layer(file, section, values, actions)
    problems: list[Problem] = []
    for key, value in _flat(data):
        try:
            _take(layer, key, value, values, actions)
        except _Wrong as wrong:
            problems.append(layer.problem(key, wrong.problem, wrong.remedy))
    return layer, problems


class _Wrong(Exception):
    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem, self.remedy = problem, remedy


def _flat(data: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in data.items():
        key = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{key}.")
        else:
            yield key, value


def _take(layer: Layer, key: str, value: object, values: dict[str, Any], actions: dict[str, Action]) -> None:
    head, _, selector = key.partition(".")
    if head == ACTIONS and selector:
        actions[selector] = _action(selector, value)
        return
    if key not in KEYS:
        raise _unknown(key)
    if layer.file == CHAT and (key == "locked" or key.startswith("keep.")):  # else an administrator could purge the log
        raise _Wrong("cannot be set in the chat", "set it in the configuration's files")
    try:
        values[key] = KEYS[key].read(value)
    except ValueError as error:
        raise _Wrong(str(error), KEYS[key].remedy) from None
    for name in values["locked"] if key == "locked" else ():
        if name not in _LOCKABLE:
            raise _Wrong(f"{name!r} is no key that can be locked", _lockable(name))


def _action(selector: str, value: object) -> Action:
    if selector in KEYS:
        raise _Wrong(f"{selector!r} is no action", f"move the line above the line [{ACTIONS}]")
    if wrong := check(selector):
        raise _Wrong(*wrong)
    try:
        return word(Action, value)
    except ValueError as error:
        raise _Wrong(str(error), f"write one of {', '.join(Action)}") from None


def _unknown(key: str) -> _Wrong:
    if key != ACTIONS and check(key) is None:
        return _Wrong("is a selector of actions", f"move the line below a line [{ACTIONS}]")
    near = did_you_mean(key, KEYS)
    return _Wrong(
        "is no policy key", f"did you mean {near!r}?" if near else f"the keys are {', '.join(KEYS)}, {ACTIONS}"
    )


def _lockable(name: str) -> str:
    if name.startswith(f"{ACTIONS}."):
        return f'actions are locked together: write "{ACTIONS}"'
    near = did_you_mean(name, _LOCKABLE)
    return f"did you mean {near!r}?" if near else f"write some of {', '.join(sorted(_LOCKABLE))}"


@cache
def preset_layer(preset: Preset) -> Layer:
    """A shipped preset. Raises ConfigError."""
    file = f"preset {preset}"
    layer, problems = read_layer(tomllib.loads(preset_text(preset)), file)
    if problems:
        raise ConfigError(problems)
    return layer


@dataclass(frozen=True, slots=True)
class Merged:
    """One policy and where it comes from. `layers`: the preset first. `values`: key -> value and its layer, if any."""

    policy: Policy
    layers: tuple[Layer, ...]
    values: Mapping[str, tuple[Any, Layer | None]]

    def origin(self, key: str) -> str:
        """Where a key's effective value was set."""
        layer = self.values[key][1]
        return layer.origin if layer else _BUILT_IN

    def is_locked(self, key: str) -> bool:
        """May chats not set it? key: a policy key, `actions` or `actions.SELECTOR`."""
        return _is_locked(key, self.values["locked"][0])

    def problems(self, chat: str | None = None) -> Iterator[Problem]:
        """What the keys contradict each other in, each of them being right. chat: the place's id, where it has one."""
        moderators, source = self.values["moderators"]
        _, moded = self.values["mode"]
        if moderators is not None and moderators == chat and source:
            yield source.problem("moderators", "is the group itself, which would then never be screened", _OTHER_CHAT)
        if self.policy.mode is Mode.GUARD and moderators is None and moded:
            yield moded.problem("mode", "guard mode needs a moderators' chat to send its cards to", _ADD_MODERATORS)
        yield from self._shorter("keep.personal", "keep.files")
        yield from self._shorter("keep.events", "keep.personal")

    def _shorter(self, longer: str, shorter: str) -> Iterator[Problem]:
        """What is kept about something that is gone is of use, the other way round it is not. The layer that spoke last
        is told."""
        (long, long_by), (short, short_by) = self.values[longer], self.values[shorter]
        if long >= short:
            return
        if short_by is not None and (long_by is None or self.layers.index(short_by) > self.layers.index(long_by)):
            what = f"{shown_period(short)} is longer than {longer}, {shown_period(long)} ({self.origin(longer)})"
            yield short_by.problem(shorter, what, f"shorten it, or raise {longer}")
        elif long_by is not None:
            what = f"{shown_period(long)} is shorter than {shorter}, {shown_period(short)} ({self.origin(shorter)})"
            yield long_by.problem(longer, what, f"raise it, or shorten {shorter}")


_OTHER_CHAT = "name a chat that only moderators are in"
_ADD_MODERATORS = 'add moderators = "<id of that chat>", or write mode = "observe"'


def merge(layers: Sequence[Layer], chat: Layer | None = None, moved: Mapping[str, str] | None = None) -> Merged:
    """One policy from layers, the earliest first, without the preset. `chat`: what a chat's admins set there.

    moved: ids of chats that have become others.
    """
    if chat is not None:
        locked = _effective("locked", layers)[0]
        layers = [*layers, chat.without(locked)]
    stack = (preset_layer(_effective("preset", layers)[0]), *layers)
    values = {key: _effective(key, stack) for key in KEYS}
    moderators, named_by = values["moderators"]
    values["moderators"] = (moved or {}).get(moderators, moderators), named_by
    value = {key: found for key, (found, _) in values.items()}
    policy = Policy(
        mode=value["mode"],
        moderators=value["moderators"],
        max_size=value["max_size"],
        types=Types(value["types.allow"], value["types.deny"]),
        release_days=value["release_days"],
        previews=value["previews"],
        keep=Keep(value["keep.files"], value["keep.personal"], value["keep.events"]),
        language=value["language"],
        exempt=value["exempt"],
        newcomers=_newcomers(value["newcomers.period"], value["newcomers.preset"]),
        strikes=Strikes(
            value["strikes.limit"], value["strikes.within"], value["strikes.consequence"], value["strikes.mute"]
        ),
        inform_sender=value["inform_sender"],
        two_person=value["two_person"],
        weekly_report=value["weekly_report"],
        actions=tuple(layer.actions for layer in reversed(stack)),
    )
    return Merged(policy, stack, values)


def _newcomers(period: timedelta, preset: Preset) -> Newcomers:
    return Newcomers(period, preset_layer(preset).actions) if period else Newcomers()


def _effective(key: str, layers: Sequence[Layer]) -> tuple[Any, Layer | None]:
    for layer in reversed(layers):
        if key in layer.values:
            return layer.values[key], layer
    return KEYS[key].default, None
