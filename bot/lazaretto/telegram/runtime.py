"""Everything that one installation keeps open while it runs, opened in order and closed in the opposite one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from telegram import Bot
from telegram.error import InvalidToken

from lazaretto import __version__
from lazaretto.audit import AuditedStore, Event
from lazaretto.config import Changes, Configuration
from lazaretto.coverage import Coverage
from lazaretto.intents import Intents
from lazaretto.model import Place
from lazaretto.pace import Pace, Pacer
from lazaretto.pipeline import OnSettled, Pipeline
from lazaretto.ports import Unavailable
from lazaretto.quarantine import AgeVault
from lazaretto.screening import WorkerScreener
from lazaretto.tasks import spawn
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.download import Downloads
from lazaretto.telegram.moderation import TelegramPlatform
from lazaretto_validators import Limits

__all__ = ["Runtime", "open_runtime"]

_AGAIN = 1.0  # seconds before what failed for a shortage is tried again
_log = structlog.get_logger("lazaretto.runtime")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What is open. `bot` is our own, beside the host's: the host's may rewrite our buttons' data."""

    bot: Bot
    store: AuditedStore
    screener: WorkerScreener
    pipeline: Pipeline


@asynccontextmanager
async def open_runtime(
    configuration: Configuration, host: Bot, on_settled: OnSettled, coverage: Coverage
) -> AsyncIterator[Runtime]:
    """Open state, vault, screener, connections and the loops over them. Raises what each of them raises."""
    settings = configuration.settings
    async with AsyncExitStack() as opened:
        store = await opened.enter_async_context(AuditedStore.open(settings.state))
        vault = AgeVault(settings.state / "vault", settings.state / "vault.key")
        await _sweep(store, vault)
        screener = await opened.enter_async_context(
            WorkerScreener(
                settings.state / "spool",
                workers=settings.screening.workers,
                seconds=settings.screening.seconds,
                max_spool=settings.spool.max_bytes,
                cpu_seconds=settings.sandbox.cpu_seconds,
                limits=Limits(memory=settings.sandbox.memory),
                require=settings.sandbox.require,
            )
        )
        bot = await opened.enter_async_context(_own_bot(host))
        downloads = Downloads(bot, host.base_file_url, local_files=settings.local_files)
        opened.push_async_callback(downloads.close)
        pipeline = Pipeline(
            screener,
            TelegramPlatform(bot, downloads),
            store,
            vault,
            configuration,
            on_settled,
            coverage.metrics,
            pacer=Pacer(Pace(settings.traffic.per_second, settings.traffic.chat_per_minute)),
        )
        intents = Intents(store, vault, pipeline.deeds, configuration)
        watching = spawn(_watch(configuration, store), "configuration")
        opened.callback(watching.cancel)
        await store.record(Event.STARTED, {"version": __version__})
        opened.push_async_callback(store.record, Event.STOPPED, {})  # the last record: everything else has ended
        record = partial(store.record, Event.COVERAGE)
        opened.push_async_callback(coverage.flush, record)
        counting = spawn(coverage.keep(record), "coverage")
        opened.callback(counting.cancel)
        opened.push_async_callback(pipeline.stop)
        intents.start()
        opened.push_async_callback(intents.stop)
        yield Runtime(bot, store, screener, pipeline)


async def _sweep(store: AuditedStore, vault: AgeVault) -> None:
    """Shred what a crash left between sealing and `decided`. Before anything is judged: it is sealed again then."""
    orphans = await vault.orphans(await store.sealed_items())
    if orphans and all(pending.decision is not None for pending in await store.pending()):
        # No interrupted judgement explains them: the database may be an older copy, and they may be evidence.
        _log.warning("the vault holds items that the database does not know; they are kept", items=len(orphans))
        return
    for item in orphans:
        await vault.shred(item)


@asynccontextmanager
async def _own_bot(host: Bot) -> AsyncIterator[Bot]:
    """Beside the host's, with its addresses. Raises InvalidToken, without the token that the library puts into it."""
    bot = Bot(host.token, base_url=lambda _: host.base_url, base_file_url=lambda _: host.base_file_url)
    try:
        try:
            await bot.initialize()
        except InvalidToken:
            raise InvalidToken("Telegram does not know this token: copy it again from @BotFather") from None
        yield bot
    finally:
        await bot.shutdown()


async def _watch(configuration: Configuration, store: AuditedStore) -> None:
    """Take over changed configuration files while running; every change is audited, a broken one changes nothing."""

    async def changed(changes: Changes) -> None:
        for name, (_, policy) in changes.items():
            place = Place(PLATFORM, name) if name in configuration.group_ids else None
            await recorded({"policy": policy, "keys": [name]}, place)
        _log.info("configuration taken over", changed=sorted(changes))

    async def recorded(data: Mapping[str, object], place: Place | None) -> None:
        while True:
            try:
                return await store.record(Event.POLICY_CHANGED, data, place=place)
            except Unavailable as error:  # it holds already: giving up here would end the watch, and go unaudited
                _log.error("a changed policy cannot be audited yet", error=str(error))
                await asyncio.sleep(_AGAIN)

    async def broken(problem: str) -> None:
        _log.error("configuration is broken, the last good one stays in force", problem=problem)

    while True:
        try:
            return await configuration.watch(changed, broken)
        except OSError as error:
            _log.error("the configuration cannot be watched, trying again", error=str(error))
            await asyncio.sleep(_AGAIN)
