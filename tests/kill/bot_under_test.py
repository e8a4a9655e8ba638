"""The real bot in a process of its own, which counts its steps and, told so, dies by SIGKILL at one of them.

A step is a call that crosses one of the four ports, an update on its way into the journal, or the host's handler.
Steps are named `CLASS.METHOD[ DEED]#COUNT`, so that one name is one moment of the attachment's way whatever runs beside
it. Reads that a clock repeats (`due`, `pending_intents`) are no steps: nothing changes between them that another step
does not mark. Nor is what tells of the bot's own life (`record`, `began`, `alive`, `ended`), or what the store's other
methods are made of (`write`).

Run as a script this is a nursery: it imports everything once, and forks a process for each life that it reads from its
standard input (one JSON object a line), or sends a life the signal that it reads. It answers each life with its exit
status. When its input ends, so do all lives.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import json
import os
import selectors
import sys
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from signal import pidfd_send_signal as send_signal
from typing import Any

from sqlalchemy import Connection, func, select
from telegram import Bot, Update
from telegram.ext import ContextTypes, TypeHandler

from lazaretto.audit import AuditedStore
from lazaretto.config import Configuration
from lazaretto.log import configure_logging
from lazaretto.ports import Deed
from lazaretto.quarantine import AgeVault
from lazaretto.screening import WorkerScreener
from lazaretto.screening.job import SpooledJob
from lazaretto.state.attachments import Progress
from lazaretto.state.outbox import WAITING
from lazaretto.state.schema import attachments, outbox
from lazaretto.telegram.bot import build_bot
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.journal import Journal
from lazaretto.telegram.keeping import Keeping
from lazaretto.telegram.lifetime import poll
from lazaretto.telegram.moderation import TelegramPlatform
from lazaretto.telegram.queue import JournalQueue
from lazaretto.telegram.web import serve

_LOOK = 0.02  # seconds between looks whether everything has settled
_FOLDERS = {
    AuditedStore: ("store", frozenset({"due", "pending_intents", "record", "began", "alive", "ended", "write"})),
    TelegramPlatform: ("platform", frozenset[str]()),
    SpooledJob: ("job", frozenset({"close"})),
    AgeVault: ("vault", frozenset[str]()),
    Keeping: ("journal", frozenset[str]()),
}


@dataclass(frozen=True, slots=True)
class Life:
    """One run of the bot. With no step it lives until all is settled.

    when, step: `after`: die as soon as this step is taken; Telegram may still hold the update and deliver it again.
    `before`: die when the step is due, and once the update is written down only when Telegram has forgotten it as
    well: then nobody but us can bring it back.
    folder: holds `config/` and `state/`; the steps that were begun are written to `steps`, what the host's handlers
    saw to `host`, the log to `log`.
    as_run: as `lazaretto run` lives: until a signal ends it, with a web server where the configuration has one. Its
    steps are not counted.
    """

    number: int
    folder: str
    token: str
    when: str = ""
    step: str = ""
    as_run: bool = False


class Steps:
    """Names each step, writes it down, and ends the process at the one that was asked for."""

    def __init__(self, life: Life, forgotten: Callable[[], Awaitable[None]]) -> None:
        self._life = life
        self._forgotten = forgotten
        self._seen: Counter[str] = Counter()
        self._armed = False
        self._journaled = False
        self._file = os.open(Path(life.folder, "steps"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)

    def arm(self) -> None:
        """The update has come: from now on steps count."""
        self._armed = True

    def journaled(self) -> None:
        """The update is written down: it may be acknowledged."""
        self._journaled = True

    async def begin(self, what: str) -> str:
        """A step is about to be taken. Answers its name, empty before it counts."""
        if not self._armed:
            return ""
        self._seen[what] += 1
        name = f"{what}#{self._seen[what]}"
        os.write(self._file, f"{name}\n".encode())
        if ("before", name) == (self._life.when, self._life.step):
            if self._journaled:
                await self._forgotten()
            os.kill(os.getpid(), SIGKILL)
        return name

    def end(self, name: str) -> None:
        """The step was taken."""
        if name and ("after", name) == (self._life.when, self._life.step):
            os.kill(os.getpid(), SIGKILL)


def _wrap_methods(steps: Steps) -> None:
    for owner, (folder, left_out) in _FOLDERS.items():
        for name, method in list(vars(owner).items()):
            if not name.startswith("_") and name not in left_out and inspect.iscoroutinefunction(method):
                setattr(owner, name, _wrapped(method, f"{folder}.{name}", steps))
    _patch(TelegramPlatform, "fetch", lambda fetch: _wrapped_fetch(fetch, steps))
    _patch(WorkerScreener, "open", lambda opens: _wrapped_context(opens, "screener.open", steps))
    _patch(AgeVault, "unsealed", lambda opens: _wrapped_context(opens, "vault.unsealed", steps))
    _patch(Journal, "write_ahead", lambda write: _wrapped_ahead(write, steps))
    _patch(JournalQueue, "put", lambda put: _wrapped_put(put, steps))


def _patch(owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
    setattr(owner, name, wrap(getattr(owner, name)))


def _wrapped(method: Callable[..., Awaitable[Any]], name: str, steps: Steps) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(method)
    async def stepping(self: object, *args: Any, **kwargs: Any) -> Any:
        deed = f" {args[0].kind}" if args and isinstance(args[0], Deed) else ""
        step = await steps.begin(name + deed)
        answer = await method(self, *args, **kwargs)
        steps.end(step)
        return answer

    return stepping


def _wrapped_ahead(write: Callable[..., Awaitable[int]], steps: Steps) -> Callable[..., Awaitable[int]]:
    async def stepping(self: Journal, updates: Sequence[Update]) -> int:
        if updates:
            steps.arm()  # what one poll brings is written down before it is queued
        return await write(self, updates)

    return stepping


def _wrapped_put(put: Callable[..., Awaitable[None]], steps: Steps) -> Callable[..., Awaitable[None]]:
    async def stepping(self: JournalQueue, item: object) -> None:
        if not isinstance(item, Update):  # the library's own mark that it stops
            return await put(self, item)
        steps.arm()
        step = await steps.begin("journal.put")
        await put(self, item)
        steps.journaled()
        return steps.end(step)

    return stepping


def _wrapped_fetch(fetch: Callable[..., AsyncIterator[bytes]], steps: Steps) -> Callable[..., AsyncIterator[bytes]]:
    async def stepping(self: TelegramPlatform, *args: Any) -> AsyncIterator[bytes]:
        step = await steps.begin("platform.fetch")
        async for chunk in fetch(self, *args):
            piece = await steps.begin("platform.fetch chunk")
            yield chunk
            steps.end(piece)
        steps.end(step)

    return stepping


def _wrapped_context(opens: Callable[..., Any], name: str, steps: Steps) -> Callable[..., Any]:
    @asynccontextmanager
    async def stepping(self: object, *args: Any) -> AsyncIterator[Any]:
        step = await steps.begin(name)
        async with opens(self, *args) as opened:
            steps.end(step)
            yield opened
            step = await steps.begin(f"{name} left")
        steps.end(step)

    return stepping


async def _live(life: Life) -> None:
    folder = Path(life.folder)
    application, guard = build_bot(Configuration.load(folder / "config"), life.token)

    async def host(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        step = await steps.begin("host.handle")
        with (folder / "host").open("a", encoding="utf-8") as seen:
            seen.write(f"{update.update_id}\n")
        steps.end(step)

    steps = Steps(life, lambda: _forgotten(application.bot))
    application.add_handler(TypeHandler(Update, host))
    _wrap_methods(steps)
    assert application.updater is not None
    async with application:
        runtime = await guard.start()
        await application.start()
        await application.updater.start_polling(allowed_updates=Update.ALL_TYPES)
        await _settled(application, runtime.store)
        await application.updater.stop()
        await application.stop()
        await guard.stop()


def _live_as_run(life: Life) -> None:
    folder = Path(life.folder)
    configuration = Configuration.load(folder / "config")
    application, guard = build_bot(configuration, life.token)

    async def host(update: Update, _context: ContextTypes.DEFAULT_TYPE) -> None:
        with (folder / "host").open("a", encoding="utf-8") as seen:
            seen.write(f"{update.update_id}\n")

    application.add_handler(TypeHandler(Update, host))
    if configuration.settings.web.port is None:
        poll(application, guard)
    else:
        serve(application, guard, configuration.settings.web)


async def _settled(application: AnyApplication, store: AuditedStore) -> None:
    """Telegram holds no update for us, none is being handled, and nothing is left to do."""
    await _forgotten(application.bot)
    await application.update_queue.join()
    while await store.state.read(left_to_do):
        await asyncio.sleep(_LOOK)


async def _forgotten(bot: Bot) -> None:
    """Every update is acknowledged."""
    while (await bot.get_webhook_info()).pending_update_count:
        await asyncio.sleep(_LOOK)


def left_to_do(connection: Connection) -> int:
    """How many attachments and deeds wait; one where nothing has come at all."""
    known = connection.scalar(select(func.count()).select_from(attachments)) or 0
    unfinished = attachments.c.state.in_((Progress.RECEIVED, Progress.DECIDED))
    waiting = connection.scalar(select(func.count()).select_from(attachments).where(unfinished)) or 0
    deeds = connection.scalar(select(func.count()).select_from(outbox).where(outbox.c.state.in_(WAITING))) or 0
    return waiting + deeds + (not known)


def _be_born(life: Life) -> None:
    """In the forked process. Never returns."""
    status = 1
    try:
        null = os.open(os.devnull, os.O_RDWR)
        log = os.open(Path(life.folder, "log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for descriptor, target in ((null, 0), (null, 1), (log, 2)):
            os.dup2(descriptor, target)
        configure_logging("WARNING")
        if life.as_run:
            _live_as_run(life)
        else:
            asyncio.run(_live(life))
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def nursery() -> None:
    """Do what is asked on standard input: fork a process for a life, whose exit status goes to standard output, or
    send a life a signal."""
    waiting = selectors.DefaultSelector()
    os.set_blocking(0, False)
    waiting.register(0, selectors.EVENT_READ)
    lives: dict[int, tuple[int, int]] = {}
    rest = b""
    while True:
        for key, _ in waiting.select():
            if key.fd != 0:
                waiting.unregister(key.fd)
                pid, number = lives.pop(key.fd)
                os.close(key.fd)
                _, status = os.waitpid(pid, 0)
                answer = {"number": number, "status": os.waitstatus_to_exitcode(status)}
                os.write(1, json.dumps(answer).encode() + b"\n")
                continue
            data = os.read(0, 65536)
            if not data:
                return _end_all(lives)
            *lines, rest = (rest + data).split(b"\n")
            for order in map(json.loads, lines):
                if "signal" in order:
                    _send(lives, **order)
                    continue
                life = Life(**order)
                pid = os.fork()
                if pid == 0:
                    _be_born(life)
                pidfd = os.pidfd_open(pid)
                lives[pidfd] = pid, life.number
                waiting.register(pidfd, selectors.EVENT_READ)


def _send(lives: dict[int, tuple[int, int]], number: int, signal: int) -> None:
    """Send a life a signal; one that has ended by itself gets none."""
    for pidfd, (_, other) in lives.items():
        if other == number:
            send_signal(pidfd, signal)


def _end_all(lives: dict[int, tuple[int, int]]) -> None:
    for pidfd, (pid, _) in lives.items():
        send_signal(pidfd, SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    nursery()
