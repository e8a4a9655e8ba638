"""The people around a host: what they post when, and what they hear of it.

Texts come at random times, and beside them files that are sound or have to go. The same ones for every host.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

from benchmarks.posts import Post
from benchmarks.reports import WrongReport
from lazaretto.emulator import Chat, Message, User

__all__ = ["FILES", "LOADS", "MOST_FILES", "SOME_HELD", "TEXTS", "TEXTS_ALONE", "Crowd", "Due", "Sample", "schedule"]

TEXTS, FILES = 50.0, 5.0
"""A second, on average."""

MOST_FILES = 40
"""In one part of a load."""

TEXTS_ALONE, CLEAN, SOME_HELD = "texts alone", "with clean files", "with files, a quarter held"
LOADS = (TEXTS_ALONE, CLEAN, SOME_HELD)

Due = tuple[float, Post | None]
"""Seconds from the beginning, and the file that is posted then; None is a text."""

Sample = tuple[float, float]
"""Milliseconds from a text's post to the handler, and to the reply."""


def schedule(load: str, seconds: float, part: int, posts: Sequence[Post]) -> list[Due]:
    """What to post when, in order. Each part has its own times and files; no file comes twice under one load."""
    times = random.Random(part)
    due: list[Due] = [(at, None) for at in _arrivals(times, TEXTS, seconds)]
    if load != TEXTS_ALONE:
        mine = posts[part * MOST_FILES : (part + 1) * MOST_FILES]
        files = mine if load == SOME_HELD else [post for post in mine if not post.bad]
        due += zip(_arrivals(times, FILES, seconds), files, strict=False)
    return sorted(due, key=lambda each: each[0])


def _arrivals(times: random.Random, rate: float, seconds: float) -> Iterator[float]:
    """Seconds from the beginning at which something comes, as people do: independently of each other."""
    at = times.expovariate(rate)
    while at < seconds:
        yield at
        at += times.expovariate(rate)


@dataclass
class Crowd:
    """One group while it is posted to: what was posted when, and what was answered when, by message id."""

    group: Chat
    bot: User
    texts: dict[int, float] = field(default_factory=dict)
    files: dict[int, tuple[Message, Post]] = field(default_factory=dict)
    answered: dict[int, Sample] = field(default_factory=dict)
    newest: int = 0

    async def post(self, sender: User, post: Post | None) -> None:
        """A file, or a text."""
        began = perf_counter()
        if post is None:
            message = await self.group.post_text(sender, "What do you say?")
            self.texts[message.message_id] = began
        else:
            message = await self.group.post_document(sender, post.data, name=post.name, mime=post.mime)
            self.files[message.message_id] = message, post

    def look(self) -> None:
        """Note the answers that have come since the last look. Raises WrongReport for a second answer to a message."""
        now = perf_counter()
        news = [message for message in self.group.messages if message.message_id > self.newest]
        for message in (message for message in news if message.sender == self.bot):
            number, saw_at = (message.text or "").split()
            if int(number) in self.answered:
                raise WrongReport(f"message {number} came to the host's handler twice")
            self.answered[int(number)] = float(saw_at), now
        self.newest = max((message.message_id for message in news), default=self.newest)

    def over(self, *, guarded: bool) -> bool:
        """Is every message answered, or gone where it has to be?"""
        return self.texts.keys() <= self.answered.keys() and all(
            message.deleted if guarded and post.bad else number in self.answered
            for number, (message, post) in self.files.items()
        )

    def samples(self) -> list[Sample]:
        """Of the texts. Raises WrongReport where a host saw what is held."""
        if seen := [post.name for n, (message, post) in self.files.items() if message.deleted and n in self.answered]:
            raise WrongReport(f"{seen[0]} is held and came to the host's handler")
        moments = ((posted, *self.answered[number]) for number, posted in self.texts.items())
        return [(1000 * (saw - posted), 1000 * (replied - posted)) for posted, saw, replied in moments]
