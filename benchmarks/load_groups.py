"""Fifty groups that post all the time: what they post when, and what the bot did about it, by its requests.

The same texts and files at the same times for every host.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from benchmarks.posts import Post
from benchmarks.reports import WrongReport
from lazaretto.emulator import Chat, Emulator, Message, User

__all__ = ["FILES", "GROUPS", "MEMBERS", "TEXTS", "Due", "Groups", "schedule"]

FILES, TEXTS = 20.0, 30.0
"""A second, on average, in all groups together."""

GROUPS, MEMBERS = 50, 5

Key = tuple[int, int]
"""Chat and message."""


@dataclass(frozen=True, slots=True)
class Due:
    """at: seconds from the beginning. post: None is a text."""

    at: float
    group: int
    member: int
    post: Post | None


def schedule(seconds: float, posts: Sequence[Post], part: int) -> list[Due]:
    """What comes when, in order, as long as there are files; each part has its own times."""
    dice = random.Random(part)
    due = [Due(at, *_somebody(dice), None) for at in _arrivals(dice, TEXTS, seconds)]
    due += [Due(at, *_somebody(dice), post) for at, post in zip(_arrivals(dice, FILES, seconds), posts, strict=False)]
    return sorted(due, key=lambda each: each.at)


def _somebody(dice: random.Random) -> tuple[int, int]:
    return dice.randrange(GROUPS), dice.randrange(MEMBERS)


def _arrivals(dice: random.Random, rate: float, seconds: float) -> Iterator[float]:
    at = dice.expovariate(rate)
    while at < seconds:
        yield at
        at += dice.expovariate(rate)


@dataclass
class Groups:
    """Posts, and notes what comes of it. Times are of the machine's clock, in seconds.

    seen: when the host's handler saw a message, by its own word. gone: when a removal was asked for.
    waiting: files that were neither answered nor gone, at most at any time. late: by how many seconds a post came too
    late at most, because this process was busy itself.
    """

    tg: Emulator
    chats: Sequence[Chat]
    members: Sequence[User]
    guarded: bool
    posted: dict[Key, float] = field(default_factory=dict)
    files: dict[Key, tuple[Message, Post]] = field(default_factory=dict)
    seen: dict[Key, float] = field(default_factory=dict)
    gone: dict[Key, float] = field(default_factory=dict)
    waiting: int = 0
    late: float = 0.0
    _calls: int = 0
    _ours: frozenset[int] = frozenset()
    _open: set[Key] = field(default_factory=set)
    _texts: set[Key] = field(default_factory=set)  # that are not answered

    def __post_init__(self) -> None:
        self._calls = len(self.tg.calls)
        self._ours = frozenset(chat.id for chat in self.chats)

    async def post(self, to_post: Sequence[Due]) -> None:
        """All of it, each at its time."""
        began = perf_counter()
        for due in to_post:
            await asyncio.sleep(began + due.at - perf_counter())
            self.late = max(self.late, perf_counter() - began - due.at)
            chat, member = self.chats[due.group], self.members[due.member]
            at, post = perf_counter(), due.post
            if post is None:
                message = await chat.post_text(member, "What do you say?")
                self._texts.add((chat.id, message.message_id))
            else:
                message = await chat.post_document(member, post.data, name=post.name, mime=post.mime)
                self.files[chat.id, message.message_id] = message, post
                self._open.add((chat.id, message.message_id))
            self.posted[chat.id, message.message_id] = at
            self.look()

    def look(self) -> None:
        """Note what the bot has asked for since the last look. Raises WrongReport for a second answer to a message."""
        now, calls = perf_counter(), self.tg.calls
        for call in calls[self._calls :]:
            chat = int(call.params.get("chat_id", 0))
            if call.method == "deleteMessage":
                key = chat, int(call.params["message_id"])
                self.gone.setdefault(key, now)
                self._open.discard(key)
            elif call.method == "sendMessage" and chat in self._ours:
                number, saw_at = str(call.params["text"]).split()
                if (chat, int(number)) in self.seen:
                    raise WrongReport(f"message {number} came to the host's handler twice")
                self.seen[chat, int(number)] = float(saw_at)
                self._open.discard((chat, int(number)))
                self._texts.discard((chat, int(number)))
        self._calls = len(calls)
        self.waiting = max(self.waiting, self.open_files())

    def open_files(self) -> int:
        """Files that wait for their fate now."""
        return len(self._open)

    def over(self) -> bool:
        """Is every message answered, or gone where it has to be?"""
        self.look()
        return not self._open and not self._texts

    def check(self) -> None:
        """Raises WrongReport where a host saw what is held, or lost what is sound."""
        for key, (message, post) in self.files.items():
            held = self.guarded and post.bad
            if (message.deleted, key in self.seen) != (held, not held):
                raise WrongReport(f"{post.name} is deleted: {message.deleted}, came to the handler: {key in self.seen}")
