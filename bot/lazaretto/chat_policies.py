"""The policy of every chat: what the files say, and what its administrators set in the chat on top of that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace

import structlog

from lazaretto.audit.settings import Settings
from lazaretto.config import ConfigError, Configuration
from lazaretto.model import Mode, Person, Place
from lazaretto.policy import Policy, Row
from lazaretto.policy.layers import CHAT, Merged

__all__ = ["ChatPolicies"]

_log = structlog.get_logger("lazaretto.policies")

_Chat = tuple[str, str]  # platform and id


class ChatPolicies:
    """`pipeline.Policies` over a configuration. Without `load` it knows what the files say, and nothing else."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self._settings: Settings | None = None
        self._set: dict[_Chat, dict[str, object]] = {}
        self._complained: set[tuple[_Chat, str]] = set()
        self._moved: Mapping[str, str] = {}
        self._turn = asyncio.Lock()
        self._named: tuple[object, frozenset[str]] | None = None  # for this configuration; None: not known any more

    async def load(self, settings: Settings, moved: Mapping[str, str] | None = None) -> None:
        """Take over what is set, and which chats have another id now. Private chats have nothing of their own."""
        async with self._turn:
            everything = await settings.of_all()
            self._set = {chat: {key: one.value for key, one in keys.items()} for chat, keys in everything.items()}
            self._settings = settings
            self._named = None
            if (moved or {}) != self._moved:
                self._moved = dict(moved or {})
                self.configuration.moved(self._moved)
                self._name_files()

    def _name_files(self) -> None:
        for old, new in self._moved.items():
            file = self.configuration.file_of(Place("", new))
            if old in file:
                _log.warning(
                    "a group has another id now, and its policy goes on to hold",
                    file=file,
                    remedy=f"write {new} instead of {old}: in the name of its file, and wherever it stands",
                )

    async def refresh(self, place: Place) -> None:
        """Look again at what a chat has set: somebody whom it names may have been erased since."""
        async with self._turn:
            if self._settings is not None and not place.private:
                place = replace(place, chat=self._chat(place)[1])
                found = await self._settings.of(place)
                self._named = None
                self._set.pop(self._chat(place), None)
                if found:
                    self._set[self._chat(place)] = {key: one.value for key, one in found.items()}

    def policy_of(self, place: Place) -> Policy:
        """The effective policy of a chat, now."""
        return self.configuration.policy_of(place, self.set_in(place))

    def explain(self, place: Place) -> list[Row]:
        """Key, effective value and origin of everything that holds in a chat."""
        return self.configuration.explain(place, self.set_in(place))

    def has_moved(self, place: Place) -> bool:
        """Has this chat another id now?"""
        return place.chat in self._moved

    def merged(self, place: Place) -> Merged:
        """Everything that holds in a chat, each key's value with where it was set."""
        return self.configuration.merged(place, self.set_in(place))

    def export(self, place: Place) -> str:
        """What a group has of its own, as TOML that its file may be replaced by."""
        return self.configuration.export(place, self.set_in(place))

    @property
    def moderator_chats(self) -> frozenset[str]:
        """Every chat that cards are sent to."""
        return self.configuration.moderator_chats | self._named_in_chats()

    def is_unscreened(self, place: Place) -> bool:
        """Is it a moderators' chat that is not screened? A chat that is guarded, or has a file of the operator's, is
        screened whatever another chat's administrators call it: only the operator's files can say otherwise."""
        if place.chat in self.configuration.moderator_chats:
            return True
        if place.chat not in self._named_in_chats() or self.configuration.file_of(place):
            return False
        return self.policy_of(place).mode is not Mode.GUARD or not self.configuration.admits(place)

    def _named_in_chats(self) -> frozenset[str]:
        """The moderators' chats that chats have set. Asked for at every attachment, so kept until something changes."""
        in_force = self.configuration.in_force
        if self._named is None or self._named[0] is not in_force:
            chats = [chat for chat, keys in self._set.items() if "moderators" in keys]
            self._named = in_force, frozenset(one for chat in chats for one in self._named_in(chat))
        return self._named[1]

    def _named_in(self, chat: _Chat) -> Iterator[str]:
        """Only what holds: a key that is locked since, or a chat that is not allowed any more, names nobody's."""
        platform, name = chat
        for place in (Place(platform, name), Place(platform, name, channel=True)):  # which of them, nobody wrote down
            merged = self.configuration.merged(place, self._holding(place)[0])
            moderators = merged.policy.moderators
            if moderators is not None and merged.origin("moderators") == CHAT and self.configuration.admits(place):
                yield moderators

    def set_in(self, place: Place) -> Mapping[str, object]:
        """What the chat has set, and holds. What contradicts the files, which may have changed since, does not."""
        mine, problems = self._holding(place)
        for problem, keys in problems.items():
            self._complain(self._chat(place), problem, unguarded=keys.get("mode") == Mode.GUARD)
        return mine

    def _holding(self, place: Place) -> tuple[Mapping[str, object], Mapping[str, Mapping[str, object]]]:
        """And why the rest does not: each problem with the keys that were left out for it."""
        mine = {} if place.private else dict(self._set.get(self._chat(place), {}))
        problems: dict[str, Mapping[str, object]] = {}
        while mine:
            try:
                self.configuration.policy_of(place, mine)
            except ConfigError as error:
                wrong = {problem.key for problem in error.problems} & mine.keys()
                problems[str(error)] = {key: mine.pop(key) for key in wrong or tuple(mine)}
            else:
                break
        return mine, problems

    def check(self, place: Place, key: str, value: object) -> None:
        """Raises what `change` would, and changes nothing."""
        wanted = {**self.set_in(place), key: value}
        if value is None:
            wanted.pop(key)
        else:
            self.configuration.check_chat(place, wanted, key)
        self.configuration.policy_of(place, wanted)

    def trying(self, place: Place, key: str, value: object) -> Policy:
        """What would hold if a chat set this key. Raises ConfigError where it contradicts what else holds."""
        return self.configuration.policy_of(place, {**self.set_in(place), key: value})

    def now(self, chat: str) -> str:
        """The id that a chat has by now: records keep the one that it had."""
        return self._moved.get(chat, chat)

    def _chat(self, place: Place) -> _Chat:
        return place.platform, self.now(place.chat)

    async def change(self, place: Place, key: str, value: object, by: Person) -> None:
        """Set a key for a chat; None unsets it. Raises ConfigError where the key is locked, or the value is wrong by
        itself or together with what else holds there."""
        async with self._turn:  # two that are right by themselves may contradict each other
            await self._change(place, key, value, by)

    async def _change(self, place: Place, key: str, value: object, by: Person) -> None:
        if self._settings is None:
            raise RuntimeError("what chats have set was never loaded")
        chat = self._chat(place)
        place = replace(place, chat=chat[1])
        self.check(place, key, value)
        await self._settings.change(place, key, value, by)
        kept = dict(self._set.get(chat, {}))
        kept.pop(key, None)
        self._set[chat] = kept if value is None else {**kept, key: value}
        self._named = None

    def _complain(self, chat: _Chat, problem: str, *, unguarded: bool) -> None:
        if (chat, problem) in self._complained:
            return
        self._complained.add((chat, problem))
        if unguarded:  # nothing is removed there any more, and only the operator can tell whether that was meant
            _log.error(
                "a chat that guarded itself is not guarded any more",
                chat=chat[1],
                problem=problem,
                remedy=f'write moderators = "<id of that chat>" into groups/{chat[1]}.toml',
            )
        else:
            _log.warning("what was set in a chat does not hold any more", chat=chat[1], problem=problem)
