"""The configuration: settings of the installation, and the policy of every place.

    configuration = Configuration.load(Path("config"))
    policy = configuration.policy_of(place)

A configuration that is wrong is refused with file, key and remedy; when it becomes wrong while the bot runs, the last
good one stays in force.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from watchfiles import awatch

from lazaretto.config_files import fingerprint, read_file, read_tree, watched
from lazaretto.config_sections import Groups, Log, Sandbox, Screening, Spool, Traffic, Vault, Web
from lazaretto.config_settings import Settings, read_settings
from lazaretto.model import Place
from lazaretto.policy import ConfigError, Policy, Problem, Row, explain
from lazaretto.policy.export import toml_of
from lazaretto.policy.layers import CHAT, Layer, Merged, merge, read_layer
from lazaretto.policy.values import shown_size

__all__ = [
    "Changes",
    "ConfigError",
    "Configuration",
    "Groups",
    "Log",
    "Problem",
    "Row",
    "Sandbox",
    "Screening",
    "Settings",
    "Spool",
    "Traffic",
    "Vault",
    "Web",
]

Changes = dict[str, tuple[str, str]]
"""Old and new policy id of every group whose policy changed; `defaults`, `private` and `channels` for all others."""

_IN_CODE = "settings"
"""What stands for the file where the configuration came from code."""

_SECTIONS: Mapping[str, Place] = {
    "defaults": Place("", ""),
    "private": Place("", "", private=True),
    "channels": Place("", "", channel=True),
}
_TAKEN_OVER = frozenset({"owners", "groups", *_SECTIONS})
"""Settings that are asked for whenever they are needed."""
_REMEMBERED = 1024
"""Merged policies kept. Places without a file share theirs, so only chats' own settings make more."""


@dataclass(frozen=True)
class _Loaded:
    """One good configuration."""

    settings: Settings
    sections: Mapping[str, Layer]
    groups: Mapping[str, Layer]
    moved: Mapping[str, str] = field(default_factory=dict)  # ids of chats that have become others
    merged: dict[tuple[str, str, str], Merged] = field(default_factory=dict)

    def names_of(self, chat: str) -> tuple[str, ...]:
        """A chat's id, and those that it had or has besides."""
        if not self.moved:
            return (chat,)
        others = (old for old, new in self.moved.items() if new == chat)
        return tuple(name for name in (chat, *others, self.moved.get(chat, "")) if name)

    def merge(self, place: Place, chat_layer: Mapping[str, object] | None = None) -> Merged:
        section = "private" if place.private else "channels" if place.channel else "defaults"
        group = next((name for name in self.names_of(place.chat) if name in self.groups), "")
        chat = json.dumps(chat_layer, sort_keys=True, default=str) if chat_layer else ""
        # A chat that sets its own moderators' chat is judged by its id, so it shares with nobody.
        known = self.merged.get((section, place.chat if chat else group, chat))
        if known is not None:
            return known
        layers = [self.sections["defaults"]]
        layers += [self.sections[section]] if section != "defaults" else []
        layers += [self.groups[group]] if group else []
        merged = merge(layers, _chat_layer(chat_layer) if chat_layer else None, self.moved)
        if problems := list(merged.problems(place.chat if group or chat else None)):
            raise ConfigError(problems)
        if len(self.merged) >= _REMEMBERED:
            self.merged.clear()
        self.merged[section, place.chat if chat else group, chat] = merged
        return merged

    @cached_property
    def moderator_chats(self) -> frozenset[str]:
        """Asked for at every attachment, and the same until the files change."""
        return frozenset(p.moderators for p in self.policies().values() if p.moderators is not None)

    def policies(self) -> dict[str, Policy]:
        """The policy of every section and every configured group."""
        places = {**_SECTIONS, **{group: Place("", group) for group in self.groups}}
        return {name: self.merge(place).policy for name, place in places.items()}


def _chat_layer(data: Mapping[str, object]) -> Layer:
    layer, problems = read_layer(data, CHAT)
    if problems:
        raise ConfigError(problems)
    return layer


class Configuration:
    """The configuration in force. Made by `load`.

    problems: what was wrong with the files when they were last read; empty while they are in force as they are.
    """

    def __init__(self, loaded: _Loaded, source: Path | None, seen: str) -> None:
        self.problems: tuple[Problem, ...] = ()
        self._loaded = loaded
        self._source = source
        self._seen = seen
        self._started = loaded.settings
        self._moved: dict[str, str] = {}
        self._asked = asyncio.Event()

    @classmethod
    def load(cls, source: Path | str | Mapping[str, Any] | Settings) -> Configuration:
        """Read a configuration: the folder with `lazaretto.toml`, or that file, or its keys as a mapping, or Settings.

        In a mapping `groups.policies` has each group's keys by id. Raises ConfigError with every problem there is.
        """
        if isinstance(source, Path | str):
            path = Path(source)
            seen = fingerprint(path)
            return cls(_read(path), path, seen)
        if not isinstance(source, Settings):
            source = read_settings(source, _IN_CODE, environment_wins=False)
        return cls(_build(source, _IN_CODE, {}), None, "")

    @property
    def settings(self) -> Settings:
        """The settings in force. After a reload they may differ from those that the bot started with."""
        return self._loaded.settings

    @property
    def in_force(self) -> object:
        """The same object as long as nothing of the configuration changes."""
        return self._loaded

    @property
    def at_next_start(self) -> tuple[str, ...]:
        """The settings that were changed and hold only from the next start on, such as `web.port`."""
        return tuple(_differing(self._started, self.settings, *_TAKEN_OVER))

    @property
    def moderator_chats(self) -> frozenset[str]:
        """Every chat that a section or a group's file sends cards to."""
        return self._loaded.moderator_chats

    @property
    def group_ids(self) -> tuple[str, ...]:
        """The groups that have a policy of their own."""
        return tuple(self._loaded.groups)

    def admits(self, place: Place) -> bool:
        """Does the bot work here? Private chats are not subject to `groups.allowed`."""
        allowed = self.settings.groups.allowed
        return allowed is None or place.private or any(name in allowed for name in self._loaded.names_of(place.chat))

    def moved(self, moved: Mapping[str, str]) -> None:
        """Ids of chats that have become others, each with the new one: what files say of either holds for both."""
        self._moved = dict(moved)
        self._loaded = replace(self._loaded, moved=self._moved, merged={})

    def file_of(self, place: Place) -> str:
        """The file, or what stands in its place, with the keys of this group alone; empty where there is none."""
        name = next((name for name in self._loaded.names_of(place.chat) if name in self._loaded.groups), "")
        return self._loaded.groups[name].origin if name else ""

    def merged(self, place: Place, chat_layer: Mapping[str, object] | None = None) -> Merged:
        """Everything that holds in a place, each key's value with where it was set."""
        return self._loaded.merge(place, chat_layer)

    def export(self, place: Place, chat_layer: Mapping[str, object] | None = None) -> str:
        """What a group has of its own, in its file and set in the chat, as TOML that its file may be replaced by."""
        names = self._loaded.names_of(place.chat)
        layers = [self._loaded.groups[name] for name in names if name in self._loaded.groups][:1]
        # What is locked does not hold, and in the file it would.
        locked, _ = self._loaded.merge(place).values["locked"]
        layers += [_chat_layer(chat_layer).without(locked)] if chat_layer else []
        return toml_of(layers)

    def trying(self, group: str, file: Path) -> Configuration:
        """The same, with this file in the place of what the group has. Raises ConfigError where the file is wrong."""
        layer, problems = read_layer(read_file(file), str(file))
        if problems:
            raise ConfigError(problems)
        others = {name: kept for name, kept in self._loaded.groups.items() if name not in self._loaded.names_of(group)}
        loaded = replace(self._loaded, groups={**others, group: layer}, merged={})
        loaded.merge(Place("", group))
        return Configuration(loaded, None, "")

    def policy_of(self, place: Place, chat_layer: Mapping[str, object] | None = None) -> Policy:
        """The effective policy of a place.

        chat_layer: what its admins set in the chat, as policy keys; locked keys in it are ignored. Raises ConfigError
        where those keys are wrong by themselves or together with the files.
        """
        return self._loaded.merge(place, chat_layer).policy

    def check_chat(self, place: Place, chat_layer: Mapping[str, object], key: str) -> None:
        """May this key be set in this chat, as it is in `chat_layer`? Raises ConfigError if it is locked or wrong."""
        if self._loaded.merge(place).is_locked(key):
            raise ConfigError([Problem(CHAT, key, "is locked by the operator", "ask whoever runs the bot")])
        policy = self._loaded.merge(place, chat_layer).policy
        room = self.settings.spool.max_bytes
        if key == "max_size" and policy.max_size > room:  # it would be waited for that room for ever
            raise ConfigError([Problem(CHAT, key, "is more than the bot has room for", f"{shown_size(room)} at most")])

    def explain(self, place: Place, chat_layer: Mapping[str, object] | None = None) -> list[Row]:
        """Key, effective value and origin of everything that holds in a place."""
        return explain(self._loaded.merge(place, chat_layer))

    def reload(self) -> Changes:
        """Read the files again. Raises ConfigError, and the last good configuration stays in force."""
        if self._source is None:
            return {}
        self._seen = fingerprint(self._source)
        try:
            return self._accept(_read(self._source))
        except ConfigError as error:
            self.problems = error.problems
            raise

    def read_again(self) -> None:
        """Have whoever watches the files read them at once, changed or not. To be called on the event loop."""
        self._asked.set()

    def _accept(self, loaded: _Loaded) -> Changes:
        before, after = self._loaded, replace(loaded, moved=self._moved, merged={})
        names = {**before.policies(), **after.policies()}
        old, new = ({name: _policy_named(name, side).id for name in names} for side in (before, after))
        self._loaded, self.problems = after, ()
        return {name: (old[name], new[name]) for name in names if old[name] != new[name]}

    async def watch(
        self,
        on_change: Callable[[Changes], Awaitable[None]],
        on_problem: Callable[[str], Awaitable[None]],
        *,
        every: float = 5.0,
    ) -> None:
        """Take changed files over until cancelled; returns at once where the configuration came from code.

        on_change: told after each reload, also when only settings changed. on_problem: told once per broken state of
        the files, and whenever they were asked for; one line a problem. What either raises ends the watch. every:
        seconds after which the contents are compared anyway, because file systems over a network and swapped symbolic
        links give no sign.
        """
        source = self._source
        if source is None:
            return
        while True:
            asked = self._asked.is_set()
            self._asked.clear()  # before reading: what is asked for meanwhile is read after this
            await self._look(source, on_change, on_problem, asked=asked)
            folders = await asyncio.to_thread(watched, source)
            if not folders:
                with suppress(TimeoutError):
                    async with asyncio.timeout(every):
                        await self._asked.wait()
                continue
            wake = awatch(
                *folders,
                watch_filter=None,
                debounce=400,
                rust_timeout=max(1, int(every * 1000)),
                yield_on_timeout=True,
                recursive=False,
                stop_event=self._asked,
            )
            async for _ in wake:
                await self._look(source, on_change, on_problem)
                if await asyncio.to_thread(watched, source) != folders:
                    break  # groups/ came or went: watch what there is now

    async def _look(
        self,
        source: Path,
        on_change: Callable[[Changes], Awaitable[None]],
        on_problem: Callable[[str], Awaitable[None]],
        *,
        asked: bool = False,
    ) -> None:
        if not asked and await asyncio.to_thread(fingerprint, source) == self._seen:
            return
        try:
            changes = await asyncio.to_thread(self.reload)
        except ConfigError as error:
            await on_problem(str(error))
        else:
            await on_change(changes)


def _differing(before: BaseModel, after: BaseModel, *left_out: str) -> Iterator[str]:
    for name in type(before).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if name in left_out or old == new:
            continue
        if isinstance(old, BaseModel):
            yield from (f"{name}.{key}" for key in _differing(old, new))
        else:
            yield name


def _policy_named(name: str, loaded: _Loaded) -> Policy:
    return loaded.merge(_SECTIONS.get(name) or Place("", name)).policy


def _read(source: Path) -> _Loaded:
    tree = read_tree(source)
    file, tables = tree.main
    return _build(read_settings(tables, file, environment_wins=True), file, tree.groups)


def _build(settings: Settings, file: str, files: Mapping[str, tuple[str, Mapping[str, Any]]]) -> _Loaded:
    """Layers from settings and groups' files. Raises ConfigError with all their problems at once."""
    problems: list[Problem] = []

    def layer(data: Mapping[str, Any], where: str, section: str = "") -> Layer:
        read, wrong = read_layer(data, where, section)
        problems.extend(wrong)
        return read

    sections = {name: layer(getattr(settings, name), file, name) for name in _SECTIONS}
    groups = {group: layer(data, file, f"groups.policies.{group}") for group, data in settings.groups.policies.items()}
    for group, (name, data) in files.items():
        if group in groups:
            remedy = f"take groups.policies.{group} out of {file}"
            problems.append(Problem(name, "", "the group's policy is written in two places", remedy))
        groups[group] = layer(data, name)
    loaded = _Loaded(settings, sections, groups)
    if not problems:
        problems.extend(_contradictions(loaded))
    if not problems:
        largest = max(policy.max_size for policy in loaded.policies().values())
        if largest > settings.spool.max_bytes:  # it would be waited for that room for ever
            what = f"is less than max_size: a file of {largest} bytes may be posted, and would never fit"
            problems.append(Problem(file, "spool.max_bytes", what, "raise it, or lower max_size"))
    if problems:
        raise ConfigError(problems)
    return loaded


def _contradictions(loaded: _Loaded) -> Iterator[Problem]:
    for name in (*_SECTIONS, *loaded.groups):
        try:
            _policy_named(name, loaded)
        except ConfigError as error:
            yield from error.problems
