"""`lazaretto.install(application, config)`: the one line in anybody's python-telegram-bot application."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import structlog
from telegram import Bot, Update
from telegram.error import TelegramError

from lazaretto.alarms import Alarms
from lazaretto.chat_policies import ChatPolicies
from lazaretto.config import Configuration, Settings
from lazaretto.coverage import Coverage, Outcome
from lazaretto.log import log_through_logging
from lazaretto.metrics import Metrics
from lazaretto.model import DRILL, Attachment, Decision, Mode, Place, Report
from lazaretto.ports import Store
from lazaretto.tasks import spawn
from lazaretto.telegram.attachments import CARRY_FILES, attachment_in
from lazaretto.telegram.authority import Authority
from lazaretto.telegram.commands import sections_of
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.commands.dispatch import Commands
from lazaretto.telegram.commands.help import list_commands
from lazaretto.telegram.events import ChatEvents
from lazaretto.telegram.gate import AnyApplication, Gate
from lazaretto.telegram.handler_order import below, insert_first, take_out
from lazaretto.telegram.journal import Journal
from lazaretto.telegram.keeping import Keeping, stored
from lazaretto.telegram.polling import JournalBot
from lazaretto.telegram.queue import JournalQueue, replace_queue
from lazaretto.telegram.redaction import redact_logs
from lazaretto.telegram.review import Presses
from lazaretto.telegram.rights import RightsWatch
from lazaretto.telegram.rounds import Rounds
from lazaretto.telegram.runtime import Runtime, open_runtime
from lazaretto.telegram.welcome import Welcome

__all__ = ["Guard", "OnDecision", "install"]

_REMEMBERED_REPORTS = 1000  # attachments whose reports a host may still ask for
_log = structlog.get_logger("lazaretto.plugin")

OnDecision = Callable[[Attachment, Decision, Sequence[Report]], Awaitable[None]]
Hook = Callable[[AnyApplication], Awaitable[None]]


def install(
    application: AnyApplication, config: Path | str | Mapping[str, Any] | Settings, *, journal: bool = False
) -> Guard:
    """Screen every attachment before the application's own handlers see it.

    Call it once all handlers are added, before the application is started. It takes a handler group below all others
    and starts and stops with `run_polling` or `run_webhook`. An application that is run in another way has it started
    by the first update, and calls `await guard.stop()` when it ends.

    config: the folder with `lazaretto.toml`, or the same keys as a mapping, or `Settings`.
    journal: replace the application's update queue, so that an update with a file is on disk before Telegram is told
    that it came. Without it a crash between the two loses the update, as it always does with the library alone.
    Raises ConfigError, with file, key and remedy; with `journal`, RuntimeError where the queue cannot be replaced.
    """
    guard = Guard(application, Configuration.load(config))
    guard.attach(journal=journal)
    return guard


class Guard:
    """The installed plugin's handle."""

    def __init__(self, application: AnyApplication, configuration: Configuration) -> None:
        self.configuration = configuration
        self.policies = ChatPolicies(configuration)
        self.metrics = Metrics()
        self.coverage = Coverage(self.metrics)
        self._application = application
        self._gate = Gate(application, self)
        authority = Authority(lambda: configuration.settings.owners)
        desk = self._desk = Desk(self._running, self.policies, authority)
        self._rights = RightsWatch(self._guards, self._alarms, Welcome(desk).told)
        self._events = ChatEvents(desk)
        sections = sections_of(desk)
        pages = {word: page for section in sections for word, page in section.pages.items()}
        self._presses = Presses(self._ready, self._wake, self.policies.policy_of, authority, pages)
        self._commands = Commands(
            [command for section in sections for command in section.commands],
            self._own_bot,
            authority,
            desk.language,
            # Moderators' chats need not be in `groups.allowed`: nothing is screened there.
            lambda place: configuration.admits(place) or place.chat in self.policies.moderator_chats,
        )
        self._group: int | None = None
        self._in_front: set[str] = set()  # handlers in front of the gate, of which was warned
        self._asked = False  # which updates the host asks Telegram for
        self.keeping = Keeping(self._gate, self._running, self.coverage)
        self.journal = application.bot.journal if isinstance(application.bot, JournalBot) else Journal()
        self._finishing: set[asyncio.Task[None]] = set()
        self._opened = AsyncExitStack()
        self._runtime: Runtime | None = None
        self._turn = asyncio.Lock()  # starting and stopping, one after the other
        self._stopped = False
        self._by_hand = False  # the host calls process_update itself, and never started its application
        self._listeners: list[OnDecision] = []
        self._reports: OrderedDict[str, tuple[Report, ...]] = OrderedDict()
        self._undo: list[Callable[[], None]] = []

    # ── for the host ──────────────────────────────────────────────────────────────────────────────────────────────

    def on_decision(self, listener: OnDecision) -> OnDecision:
        """Have `await listener(attachment, decision, reports)` called for every decision. Usable as a decorator.

        The messages of an album are one attachment.
        """
        self._listeners.append(listener)
        return listener

    def report_for(self, update: Update) -> tuple[Report, ...]:
        """The reports of a cleared update's parts, while it is being handled; empty where nothing was screened."""
        attachment = attachment_in(update.to_dict())
        return () if attachment is None else self._reports.get(attachment.id, ())

    def uninstall(self) -> None:
        """Take the plugin out of the application again. What is still running ends with `stop`."""
        if self._group is not None:
            take_out(self._application, self._gate, self._presses, self._rights, self._events, self._commands)
            self._group = None
        while self._undo:
            self._undo.pop()()

    async def start(self) -> Runtime:
        """Open everything, and go on with what an earlier run left. Safe to call again, and after `stop`."""
        async with self._turn:
            self._stopped = False
            return await self._open()

    async def stop(self) -> None:
        """Stop at once; what is unfinished is on disk and gone on with at the next start.

        Stop the application first: an attachment that comes afterwards is held, and kept only in memory.
        """
        async with self._turn:
            self._stopped = True
            await asyncio.gather(*self._finishing, return_exceptions=True)
            self._runtime = None
            await self._opened.aclose()

    # ── for the gate ──────────────────────────────────────────────────────────────────────────────────────────────

    async def ready(self) -> None:
        """What chats have set is known from here on."""
        await self._running()

    async def take(self, attachment: Attachment, update: Update) -> None:
        """Write the attachment down and begin to judge it."""
        self._by_hand = not self._application.running
        new = await (await self._running()).pipeline.take(attachment, stored(update.to_json))
        if not self.keeping.counted(attachment.id):
            self.count(Outcome.SCREENED if new else Outcome.REPEATED)

    async def known(self, attachments: Collection[str]) -> Mapping[str, bool]:
        """Those of these ids that were taken in at any time, each with whether it is held."""
        return await (await self._running()).store.known(tuple(attachments))

    async def set_aside(self, update: object, why: str) -> None:
        """Keep an update that the gate cannot have judged."""
        await self.keeping.set_aside(update, why)

    def when_handled(self, do: Callable[[], None]) -> None:
        """Do it when the host's handlers have ended with what they have now: a crash before that gives it to them
        again. Without the journal's queue nobody can tell when that is."""
        if (handling := JournalQueue.handling()) is None:
            do()
        else:
            handling.then(do)

    def passed_on(self, attachment: Attachment) -> None:
        """The cleared attachment's updates have been through the host's handlers."""
        task = spawn(self._finished(attachment), "passed on")
        self._finishing.add(task)
        task.add_done_callback(self._finishing.discard)

    def mode_of(self, place: Place) -> Mode:
        """How far we go in this chat."""
        return self.policies.policy_of(place).mode

    def _guards(self, place: Place) -> bool:
        """Is anything removed in this chat?"""
        gone = self.policies.has_moved(place)  # Telegram takes the bot out of a group that is another one now
        return not gone and self.skips(place) is None and self.mode_of(place) is Mode.GUARD

    def previews(self, place: Place) -> bool:
        """Are the pictures that the server derives from posted files judged, too?"""
        return self.policies.policy_of(place).previews

    def skips(self, place: Place) -> Outcome | None:
        """Moderators' chats are not screened: what is discussed there was posted elsewhere. Nor are groups that the
        operator has not allowed: nothing is done there. What came from no chat that we know is screened."""
        if not place.chat:
            return None
        if self.policies.is_unscreened(place):
            return Outcome.MODERATORS
        return None if self.configuration.admits(place) else Outcome.NOT_ALLOWED

    def count(self, outcome: Outcome) -> None:
        """An update that carries a file came to this end."""
        self.coverage.count(outcome)

    def arrived(self) -> None:
        """Handlers may have been added since we last looked, and what the host asks Telegram for is known by now."""
        self._check_place()
        if not self._asked:
            self._asked = True
            self._by_hand = not self._application.running
            if self._runtime is None and not self._stopped:  # what an earlier run left waits for no further file
                spawn(self._running(), "start by the first update")
            spawn(self._check_updates(), "which updates come")

    async def put_back(self, update: Update) -> None:
        """Through the queue and not by process_update, so that the host's own concurrency settings apply. But nobody
        reads the queue of a host that never starts its application."""
        if self._by_hand and not self._application.running:
            spawn(self._application.process_update(update), "a cleared update")
        else:
            await self._application.update_queue.put(update)

    # ── inside ────────────────────────────────────────────────────────────────────────────────────────────────────

    def attach(self, *, journal: bool = False, alone: bool = False) -> None:
        """Take the first place in the application, and hook into its start and stop.

        alone: the bot is ours, so every command is known by its own name, too.
        """
        application = self._application
        self._commands.alone = alone
        if journal:  # first: this is what may be refused
            self._undo.append(replace_queue(application, self.journal))
        self.journal.keeper = self.keeping
        self._undo.append(lambda: setattr(self.journal, "keeper", None))
        self._undo.append(redact_logs(application.bot.token))
        self._undo.append(log_through_logging())
        self._group = insert_first(
            application, self._gate, self._presses, self._rights, self._events, behind=self._commands
        )
        self._hook("post_init", before=self.start)
        self._hook("post_stop", after=self.stop)

    def _hook(
        self,
        name: str,
        before: Callable[[], Awaitable[Any]] | None = None,
        after: Callable[[], Awaitable[Any]] | None = None,
    ) -> None:
        """Wrap one of the application's single-callable hooks around what the host put there."""
        theirs: Hook | None = getattr(self._application, name)

        async def both(application: AnyApplication) -> None:
            if before is not None:
                await before()
            try:
                if theirs is not None:
                    await theirs(application)
            finally:
                if after is not None:
                    await after()

        setattr(self._application, name, both)
        self._undo.append(lambda: setattr(self._application, name, theirs))

    async def _running(self) -> Runtime:
        """What is open. Where nobody has started us, the first update does."""
        async with self._turn:
            if self._stopped:
                raise RuntimeError("lazaretto was stopped: call `await guard.start()`")
            if self._runtime is None:
                _log.warning(
                    "nobody has started lazaretto, so the first update waits for that, and nobody will stop it",
                    remedy="call `await guard.start()` before the first update and `await guard.stop()` at the end",
                )
            return await self._open()

    async def _open(self) -> Runtime:
        if self._runtime is not None:
            return self._runtime
        self._check_place()
        async with AsyncExitStack() as opening:
            runtime = await opening.enter_async_context(
                open_runtime(self.policies, self._application.bot, self._settled, self.coverage)
            )
            self._runtime = runtime
            opening.callback(setattr, self, "_runtime", None)  # where going on fails, nothing is open
            await self._go_on(runtime)
            rounds = Rounds(runtime, self.policies)
            rounds.start(at_once=self._commands.alone)  # a host's own start is not ours to lengthen
            opening.push_async_callback(rounds.stop)
            opening.push_async_callback(self._desk.end)
            self._opened = opening.pop_all()
        if self._commands.alone:
            listing = spawn(list_commands(runtime.bot, tuple(self._commands.commands.values())), "list of commands")
            self._opened.push_async_callback(_end, listing)
        _log.info("screening", group=self._group, state=str(self.configuration.settings.state))
        return runtime

    async def _finished(self, attachment: Attachment) -> None:
        if self._runtime is not None:  # else the next start goes on with it
            await self._runtime.store.finished(attachment.id)

    async def _go_on(self, runtime: Runtime) -> None:
        """Take up what an earlier run left: its updates are parked again before they can be settled."""
        for pending in await runtime.store.pending():
            self._gate.expect(pending.attachment)
            for text in pending.updates if pending.attachment.kind != DRILL else ():  # no update brought that
                try:
                    update = Update.de_json(json.loads(text), self._application.bot)
                    self._gate.park_again(pending.attachment, update)
                except Exception as error:  # the library may have changed its mind about what an update is
                    # It is judged all the same; only the host will not see it.
                    why = type(error).__name__
                    _log.error("a stored update cannot be read", attachment=pending.attachment.id, why=why)
        await runtime.pipeline.start()

    def _check_place(self) -> None:
        """Warn once of each handler."""
        if self._group is None or min(self._application.handlers, default=0) >= self._group:
            return
        earlier = below(self._application, self._group)
        if not self._in_front.issuperset(earlier):
            self._in_front.update(earlier)
            _log.warning("handlers run before the gate and see unscreened attachments", handlers=earlier)

    async def _check_updates(self) -> None:
        """Say what the host does not ask Telegram for: what is posted that way, nobody judges."""
        try:
            info = await self._application.bot.get_webhook_info()
        except TelegramError as error:
            _log.info("which updates come could not be asked", why=type(error).__name__)
            return
        missing = [kind.value for kind in CARRY_FILES if kind not in info.allowed_updates]
        if info.allowed_updates and missing:
            _log.warning(
                "some updates that carry files are not asked for, and those files are not screened",
                missing=missing,
                remedy="pass allowed_updates=Update.ALL_TYPES to run_polling or run_webhook",
            )

    async def _settled(self, attachment: Attachment, decision: Decision | None, reports: Sequence[Report]) -> None:
        if reports:  # none come with a decision of an earlier time
            self._remember(attachment, reports)
        while len(self._reports) > _REMEMBERED_REPORTS:
            self._reports.popitem(last=False)
        if decision is not None and attachment.kind != DRILL:  # the host's listeners know of no such message
            await self._tell(attachment, decision, reports)
        goes_on = await self._gate.settled(attachment, decision)
        if decision is not None and not goes_on:
            await self._finished(attachment)

    def _remember(self, attachment: Attachment, reports: Sequence[Report]) -> None:
        """By the ids that the updates will be known by; of an album each brings the reports of its own files."""
        for name, message in zip(attachment.ids, attachment.messages, strict=True):
            mine = [r for part, r in zip(attachment.parts, reports, strict=True) if part.message in ("", message)]
            self._reports[name] = tuple(mine)

    async def _tell(self, attachment: Attachment, decision: Decision, reports: Sequence[Report]) -> None:
        for listener in self._listeners:
            try:
                await listener(attachment, decision, reports)
            except Exception:
                _log.exception("a listener of the host failed", listener=repr(listener))

    async def _own_bot(self) -> Bot:
        return (await self._running()).bot

    async def _ready(self) -> tuple[Bot, Store]:
        runtime = await self._running()
        return runtime.bot, runtime.store

    def _alarms(self) -> Alarms | None:
        return None if self._runtime is None else self._runtime.pipeline.alarms

    def _wake(self) -> None:
        if self._runtime is not None:
            self._runtime.pipeline.deeds.wake()


async def _end(task: asyncio.Task[None]) -> None:
    """What it asks for must not be under way when its connections are closed."""
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
