"""What commands and the buttons of their answers work with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from lazaretto.chat_policies import ChatPolicies
from lazaretto.languages import LANGUAGES, Language, language_of
from lazaretto.model import Place
from lazaretto.tasks import spawn
from lazaretto.telegram.authority import Authority
from lazaretto.telegram.commands.asked import Command
from lazaretto.telegram.commands.choices import Choices
from lazaretto.telegram.commands.directory import Directory
from lazaretto.telegram.review import Page
from lazaretto.telegram.runtime import Runtime

__all__ = ["Desk", "Section"]


@dataclass(frozen=True, slots=True)
class Desk:
    """open: what is open, opened where it is not yet. directory: of chats and who administers them, for lists. choices:
    chats that people are asked for. tasks: answers that take longer than a press may."""

    open: Callable[[], Awaitable[Runtime]]
    policies: ChatPolicies
    authority: Authority
    directory: Directory = field(default_factory=Directory)
    choices: Choices = field(default_factory=Choices)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def language(self, place: Place, code: str | None = None) -> Language:
        """What is spoken in a place: the group's language, and in private the person's own. code: of their client, such
        as `de` or `pt-br`."""
        if not place.private:
            return language_of(self.policies.policy_of(place).language)
        own = (code or "").partition("-")[0].lower()
        return language_of(own if own in LANGUAGES else self.policies.policy_of(place).language)

    def run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Work on an answer in the background."""
        task = spawn(work, name)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def end(self) -> None:
        """Before what they work with is closed."""
        tasks = tuple(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Section(Protocol):
    """The commands about one subject, and who answers the buttons under their answers, by the first word of the
    buttons' data."""

    @property
    def commands(self) -> Sequence[Command]:
        """In the order in which Telegram lists them."""

    @property
    def pages(self) -> Mapping[str, Page]:
        """Each checks by itself what the presser may."""
