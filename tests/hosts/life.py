"""A host's life: made with the plugin or without it, started as its author starts it, fed, watched and stopped."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from telegram import Update
from telegram.ext import Application, ConversationHandler, ExtBot

import lazaretto
from e2e.conftest import Town
from e2e.host import PATIENCE, polled
from hosts.script import HELD, NAME_OF_HELD, RESTART, Step, bad_file
from hosts.shapes import AnyApplication, AnyBuilder, Build, Plugin, Run
from lazaretto.emulator import Call, Message
from lazaretto.telegram.plugin import Guard

__all__ = ["Life", "Seen", "Style", "live", "outcome", "polling"]

_KEYS = re.compile(r"\b[0-9a-f]{64}\b")
"""What the library sends in place of arbitrary callback data: random, and new each time."""

_VALUES = (int, str, dict, list, set)

_SILENT = {"getUpdates", "setWebhook", "getMe", "getFile", "getWebhookInfo", "getChatMember"}
"""Calls that nobody sees. Each side makes its own, and what a host does with a file that it fetches is seen."""


@asynccontextmanager
async def polling(
    application: AnyApplication, _guard: Plugin | None, allowed_updates: Sequence[str] = Update.ALL_TYPES
) -> AsyncIterator[None]:
    """As `run_polling` does."""
    async with polled(application, allowed_updates):
        yield


@dataclass(frozen=True, slots=True)
class Style:
    """One way to write a bot: a row of the matrix.

    run: how it is started. script: what its people do.
    in_front: the handlers, by name, that run before the gate. warnings: what the plugin says about it, in part.
    """

    name: str
    build: Build
    script: Sequence[Step]
    run: Run = polling
    in_front: frozenset[str] = frozenset()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Seen:
    """One of the host's handlers was called."""

    handler: str
    update: Update

    def is_of(self, message: Message) -> bool:
        """Is it about this message?"""
        seen = self.update.effective_message
        return seen is not None and (seen.chat_id, seen.message_id) == (message.chat.id, message.message_id)

    def shows(self, message: Message) -> bool:
        """Is this message's file anywhere in it?"""
        return message.file is not None and message.file.unique_id in self.update.to_json()


@dataclass
class Life:
    """One running host."""

    town: Town
    style: Style
    application: AnyApplication
    guard: Guard | None = None
    held: list[int] = field(default_factory=list)
    pressed: list[str] = field(default_factory=list)

    def calls(self) -> list[Call]:
        """What the host itself has called so far."""
        return [call for call in self.town.tg.calls if not self._is_not_the_hosts(call)]

    def _is_not_the_hosts(self, call: Call) -> bool:
        removes = call.method == "deleteMessage" and call.params.get("message_id") in self.held
        tells = call.params.get("chat_id") == self.town.moderators.id
        answers = call.params.get("callback_query_id") in self.pressed
        return call.method in _SILENT or removes or tells or answers

    async def play(self, step: Step) -> None:
        """Do one step and wait for all that has to come of it."""
        before = len(self.calls())
        await step.act(self.town)
        await self.town.tg.wait_until(lambda: len(self.calls()) >= before + step.calls, PATIENCE)

    async def post_held(self) -> Message:
        """Post what is held, and wait until it is gone and the moderators know."""
        before = _told(self.town)
        message = await bad_file(self.town, told=self.guard is not None)
        self.held.append(message.message_id)
        if self.guard is not None:
            await self.town.tg.wait_until(lambda: message.deleted and _told(self.town) > before, PATIENCE)
        return message

    async def confirm(self) -> None:
        """A moderator presses the button of the newest card."""
        query = await self.town.tg.press(self.town.mila, _cards(self.town)[-1], "⛔ Confirm")
        self.pressed.append(query.id)
        await query.answered(PATIENCE)


def _cards(town: Town) -> list[Message]:
    return [message for message in town.moderators.messages if NAME_OF_HELD in (message.text or "")]


def _told(town: Town) -> int:
    """How many cases the moderators know of: those of a raid share a card."""
    more = [re.search(r"And (\d+) more like it", card.text or "") for card in _cards(town)]
    return len(more) + sum(int(found[1]) for found in more if found)


@asynccontextmanager
async def live(style: Style, town: Town, *, guarded: bool = True, mode: str = "guard") -> AsyncIterator[Life]:
    """Build the host and run it in the way of its own, in a folder of its own."""
    builder: AnyBuilder = Application.builder()
    builder = builder.token(town.tg.token).base_url(town.tg.base_url).base_file_url(town.tg.base_file_url)
    guards: list[Guard] = []

    def install(application: AnyApplication) -> None:
        if guarded:
            guards.append(lazaretto.install(application, town.config(mode=mode)))

    with contextlib.chdir(town.folder):
        life = Life(town, style, style.build(builder, install))
        life.guard = guards[0] if guards else None
        async with style.run(life.application, life.guard):
            yield life


async def outcome(style: Style, town: Town, script: Sequence[Step], *, guarded: bool) -> list[str]:
    """Play a whole script, and have the last card's button pressed at the end.

    Without the plugin, what is held is posted as if the bot were not told of it, and there are no cards.
    Answers all that the host did and kept, as lines that compare: its calls in each chat, its data, its jobs ...
    """
    held: list[int] = []
    steps = list(script)
    while True:
        async with live(style, town, guarded=guarded) as life:
            life.held = held
            while steps and (step := steps.pop(0)) is not RESTART:
                await (life.post_held() if step is HELD else life.play(step))
            if guarded and not steps:
                await life.confirm()
        if not steps:  # what it still had to say, it has said by now
            return [*_sent(life), *_kept(life)]


def _sent(life: Life) -> list[str]:
    """Chat by chat, because what goes to different chats has no order."""
    calls = sorted(life.calls(), key=lambda call: str(call.params.get("chat_id")))  # stable: in order per chat
    return [f"{call.method} {_without_keys(dict(call.params))}" for call in calls]


def _without_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_keys(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_keys(item) for item in value]
    return _KEYS.sub("*", value) if isinstance(value, str) else value


def _kept(life: Life) -> Iterator[str]:
    application = life.application
    for name in ("bot_data", "chat_data", "user_data"):
        yield f"{name}: {_plain(getattr(application, name))}"
    for handler in chain.from_iterable(application.handlers.values()):
        if isinstance(handler, ConversationHandler):
            # The library has no public way to ask who is in which state.
            yield f"conversations: {getattr(handler, '_conversations')}"  # noqa: B009
    bot = application.bot
    if isinstance(bot, ExtBot) and bot.callback_data_cache is not None:
        buttons, presses = bot.callback_data_cache.persistence_data
        yield f"buttons: {[list(data.values()) for _, _, data in buttons]}, and {len(presses)} presses"
    if application.job_queue is not None:
        yield f"jobs: {sorted(job.name or '' for job in application.job_queue.jobs())}"


def _plain(data: Mapping[Any, Any]) -> dict[Any, Any]:
    """Data as values that compare. Where a key has nothing, the library has only looked."""
    shown = {key: value for key, value in data.items() if value != {}}
    return {key: value if isinstance(value, _VALUES) else type(value) for key, value in shown.items()}
