"""A host application as a bot's author writes it: handlers of its own, python-telegram-bot as it is, real HTTP.

It writes down what its handlers see and what the plugin tells it, so that a test can wait for it.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from telegram import Update
from telegram.ext import Application, CallbackQueryHandler, MessageHandler, filters

import lazaretto
from lazaretto.audit import AuditedStore, records
from lazaretto.emulator import Chat, Emulator, User
from lazaretto.emulator import Message as Posted
from lazaretto.model import Attachment, Decision, Report
from lazaretto.telegram.gate import AnyApplication, AnyContext
from lazaretto.telegram.plugin import Guard

__all__ = ["PATIENCE", "Heard", "Host", "Verdict", "build", "emptied", "policies", "polled", "polling", "until"]

PATIENCE = 15.0
"""Seconds for anything to happen. Nothing takes that long; a loaded machine may."""

T = TypeVar("T")
Settings = Path | Mapping[str, Any]


@overload
async def until(condition: Callable[[], Awaitable[T]], patience: float = ...) -> T: ...
@overload
async def until(condition: Callable[[], bool], patience: float = ...) -> bool: ...
async def until(condition: Callable[[], Any], patience: float = PATIENCE) -> Any:
    """The first true value of something that nobody announces."""
    async with asyncio.timeout(patience):
        while True:
            value = condition()
            if found := await value if inspect.isawaitable(value) else value:
                return found
            await asyncio.sleep(0.01)  # looks again; how long it takes decides nothing


async def emptied(rows: Callable[[], Awaitable[Sequence[object]]], patience: float = PATIENCE) -> None:
    """Wait until a query finds nothing any more."""

    async def nothing_left() -> bool:
        return not await rows()

    await until(nothing_left, patience)


class Heard(Generic[T]):
    """What came, in order, and a way to wait for it."""

    def __init__(self) -> None:
        self.all: list[T] = []
        self._news = asyncio.Event()

    def add(self, item: T) -> None:
        self.all.append(item)
        self._news.set()
        self._news = asyncio.Event()

    async def first(self, wanted: Callable[[T], bool]) -> T:
        """The first one, old or new, that is wanted."""
        return (await self.several(1, wanted))[0]

    async def several(self, count: int, wanted: Callable[[T], bool] = lambda _: True) -> list[T]:
        """At least so many that are wanted."""
        async with asyncio.timeout(PATIENCE):
            while len(found := [item for item in self.all if wanted(item)]) < count:
                await self._news.wait()
        return found


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the plugin told the host of one attachment."""

    attachment: Attachment
    decision: Decision
    reports: tuple[Report, ...]

    @property
    def name(self) -> str | None:
        return self.attachment.parts[0].claim.name

    @property
    def rules(self) -> list[str]:
        return [reason.rule for reason in self.decision.reasons]


@dataclass
class Host:
    """The application, the plugin in it, and what both of them said."""

    application: AnyApplication
    guard: Guard = field(init=False)
    updates: Heard[Update] = field(default_factory=Heard)
    presses: Heard[str] = field(default_factory=Heard)
    verdicts: Heard[Verdict] = field(default_factory=Heard)
    reports: dict[int, tuple[Report, ...]] = field(default_factory=dict)

    async def see(self, update: Update, _context: AnyContext) -> None:
        """The host's handler of messages."""
        self.reports[update.update_id] = self.guard.report_for(update)
        self.updates.add(update)

    async def press(self, update: Update, _context: AnyContext) -> None:
        """The host's handler of every button."""
        assert update.callback_query is not None
        self.presses.add(str(update.callback_query.data))

    async def hear(self, attachment: Attachment, decision: Decision, reports: Sequence[Report]) -> None:
        """The host's listener."""
        self.verdicts.add(Verdict(attachment, decision, tuple(reports)))

    async def verdict(self, message: Posted) -> Verdict:
        """What was decided about a message's attachment."""
        place, number = str(message.chat.id), str(message.message_id)
        return await self.verdicts.first(lambda v: v.attachment.place.chat == place and number in v.attachment.messages)

    async def saw(self, message: Posted) -> Update:
        """The update with which the host's handler saw a message."""
        return await self.updates.first(lambda update: _is_of(update, message))

    def times_seen(self, message: Posted) -> int:
        return sum(_is_of(update, message) for update in self.updates.all)

    async def settled(self, chat: Chat, by: User) -> None:
        """Nothing is being judged any more, and what was cleared went through the host's handlers."""
        store = (await self.guard.start()).store
        await emptied(store.pending)
        await self.saw(await chat.post_text(by, "Is everybody through?"))

    async def done(self, **wanted: Any) -> dict[str, Any]:
        """The first audit record with these values, in itself or in its data."""
        store = (await self.guard.start()).store

        async def found() -> list[dict[str, Any]]:
            return [record for record in await events(store) if wanted.items() <= (record | record["data"]).items()]

        return (await until(found))[0]


async def events(store: AuditedStore) -> list[dict[str, Any]]:
    """The whole audit log."""
    return await store.state.read(records)


def _is_of(update: Update, message: Posted) -> bool:
    seen = update.effective_message
    return seen is not None and (seen.chat_id, seen.message_id) == (message.chat.id, message.message_id)


def policies(state: Path, groups: Mapping[Chat, Mapping[str, Any]], **settings: Any) -> dict[str, Any]:
    """A configuration as a mapping: what each group's file would hold, and keys of the installation."""
    return {
        "state": str(state),
        "groups": {"policies": {str(group.id): dict(keys) for group, keys in groups.items()}},
        **settings,
    }


def build(
    tg: Emulator, config: Settings, adapt: Callable[[Any], Any] = lambda builder: builder, *, journal: bool = False
) -> Host:
    """A host with the plugin installed. adapt: changes the application's builder."""
    builder = Application.builder().token(tg.token).base_url(tg.base_url).base_file_url(tg.base_file_url)
    application: AnyApplication = adapt(builder).build()
    host = Host(application)
    application.add_handler(MessageHandler(filters.ALL, host.see))
    application.add_handler(CallbackQueryHandler(host.press))
    host.guard = lazaretto.install(application, config, journal=journal)
    host.guard.on_decision(host.hear)
    return host


@asynccontextmanager
async def polling(host: Host) -> AsyncIterator[Host]:
    """The host, polling."""
    async with polled(host.application):
        yield host


@asynccontextmanager
async def polled(
    application: AnyApplication, allowed_updates: Sequence[str] | None = Update.ALL_TYPES
) -> AsyncIterator[None]:
    """What `run_polling` does, in its order, on a loop that runs already."""
    assert application.updater is not None
    await application.initialize()
    try:
        if application.post_init is not None:
            await application.post_init(application)
        await application.updater.start_polling(allowed_updates=allowed_updates)
        await application.start()
        yield
    finally:
        if application.updater.running:
            await application.updater.stop()
        if application.running:
            await application.stop()
        if application.post_stop is not None:
            await application.post_stop(application)
        await application.shutdown()
