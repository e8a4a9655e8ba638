"""Everything that one installation keeps open while it runs, opened in order and closed in the opposite one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import structlog
from telegram import Bot
from telegram.error import InvalidToken

from lazaretto import __version__
from lazaretto.alarms import Alarms
from lazaretto.audit import AuditedStore, Event
from lazaretto.audit.chats import Chats
from lazaretto.audit.life import SIGN_SECONDS
from lazaretto.audit.settings import Settings as AuditSettings
from lazaretto.backup import take_over
from lazaretto.chat_policies import ChatPolicies
from lazaretto.conditions import OTHER_GROUPS, Conditions
from lazaretto.config import Changes, Configuration, Settings
from lazaretto.coverage import Coverage
from lazaretto.intents import Intents
from lazaretto.metrics import Metrics
from lazaretto.model import Place
from lazaretto.pace import Pace, Pacer
from lazaretto.pipeline import OnSettled, Pipeline
from lazaretto.ports import Unavailable
from lazaretto.quarantine import AgeVault
from lazaretto.quotas import Quotas
from lazaretto.retention import Retention
from lazaretto.screening import WorkerScreener
from lazaretto.tasks import spawn
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.download import Downloads
from lazaretto.telegram.members import Members
from lazaretto.telegram.moderation import TelegramPlatform
from lazaretto.telegram.moves import FollowingRequest, Moves
from lazaretto.telegram.redaction import without_token
from lazaretto.telegram.report import Reports
from lazaretto_validators import Limits

__all__ = ["Runtime", "open_runtime", "reread"]

_AGAIN = 1.0  # seconds before what failed for a shortage is tried again
_log = structlog.get_logger("lazaretto.runtime")


@dataclass(frozen=True, slots=True)
class Runtime:
    """What is open. `bot` is our own, beside the `host`'s: the host's may rewrite our buttons' data."""

    bot: Bot
    store: AuditedStore
    screener: WorkerScreener
    pipeline: Pipeline
    host: Bot


@asynccontextmanager
async def open_runtime(
    policies: ChatPolicies, host: Bot, on_settled: OnSettled, coverage: Coverage
) -> AsyncIterator[Runtime]:
    """Open state, vault, screener, connections and the loops over them. Raises what each of them raises."""
    configuration = policies.configuration
    settings = configuration.settings
    async with AsyncExitStack() as opened:
        store = await opened.enter_async_context(AuditedStore.open(settings.state))
        await reread(policies, store)
        vault = AgeVault(settings.state / "vault", settings.state / "vault.key", settings.vault.max_bytes)
        await _sweep(store, vault)
        screener = await opened.enter_async_context(_screener(settings))
        coverage.metrics.sandbox_restarts.set_function(lambda: screener.restarts)
        coverage.metrics.reused.set_function(lambda: screener.reused)
        moves = Moves(store, policies)
        bot = await opened.enter_async_context(_own_bot(host, moves))
        at_once = settings.screening.workers
        downloads = Downloads(bot, host.base_file_url, local_files=settings.local_files, at_once=at_once)
        opened.push_async_callback(downloads.close)
        pipeline = Pipeline(
            screener,
            TelegramPlatform(bot, downloads, lambda place: policies.policy_of(place).language),
            store,
            vault,
            policies,
            on_settled,
            _conditions(configuration, coverage.metrics, store, bot),
            Members(bot, store),
        )
        again = partial(reread, policies, store)
        intents = Intents(store, vault, pipeline.deeds, policies, again, lambda: configuration.settings.owners)
        watching = spawn(_watch(configuration, store), "configuration")
        opened.callback(watching.cancel)
        if await take_over(store):
            _log.warning("this state was restored from a backup: what may have been done since is asked about")
        await store.began(__version__)
        opened.push_async_callback(store.ended)  # the last record: everything else has ended
        opened.push_async_callback(pipeline.alarms.aclose)
        living = spawn(_keep_signing(store, pipeline.alarms), "sign of life")
        opened.callback(living.cancel)
        record = partial(store.record, Event.COVERAGE)
        opened.push_async_callback(coverage.flush, record)
        counting = spawn(coverage.keep(record), "coverage")
        opened.callback(counting.cancel)
        opened.push_async_callback(pipeline.stop)
        intents.start()
        opened.push_async_callback(intents.stop)
        retention = Retention(store, pipeline.deeds.wake, configuration, coverage.metrics)
        retention.start()
        opened.push_async_callback(retention.stop)
        reports = Reports(bot, store, policies)
        reports.start()
        opened.push_async_callback(reports.stop)
        yield Runtime(bot, store, screener, pipeline, host)


async def reread(policies: ChatPolicies, store: AuditedStore) -> None:
    """Take over what chats have set by now."""
    await policies.load(AuditSettings(store), await Chats(store).moved(PLATFORM))


def _screener(settings: Settings) -> WorkerScreener:
    return WorkerScreener(
        settings.state / "spool",
        workers=settings.screening.workers,
        seconds=settings.screening.seconds,
        max_spool=settings.spool.max_bytes,
        cpu_seconds=settings.sandbox.cpu_seconds,
        limits=Limits(memory=settings.sandbox.memory),
        require=settings.sandbox.require,
    )


def _conditions(configuration: Configuration, metrics: Metrics, store: AuditedStore, bot: Bot) -> Conditions:
    settings = configuration.settings
    screening = settings.screening

    def group_of(place: Place) -> str:
        return place.chat if place.chat in configuration.group_ids else OTHER_GROUPS

    async def tell(text: str) -> None:
        await _tell(bot, configuration.settings.owners, text)  # whoever they are by now

    return Conditions(
        metrics=metrics,
        alarms=Alarms(metrics, tell, partial(store.record, Event.ALARM), clean=partial(without_token, token=bot.token)),
        pacer=Pacer(Pace(settings.traffic.per_second, settings.traffic.chat_per_minute)),
        quotas=Quotas(screening.workers, screening.waiting, screening.per_member, settings.spool.max_bytes),
        group_of=group_of,
    )


async def _tell(bot: Bot, owners: Sequence[str], text: str) -> None:
    """Say something to every owner. Raises the last refusal where there are some, and nobody could be told."""
    results = await asyncio.gather(*(bot.send_message(int(owner), text) for owner in owners), return_exceptions=True)
    refusals = [result for result in results if isinstance(result, BaseException)]
    for refusal in refusals:
        _log.warning("an owner could not be told", why=str(refusal))
    if refusals and len(refusals) == len(results):
        raise refusals[-1]


async def _keep_signing(store: AuditedStore, alarms: Alarms) -> None:
    while True:
        await asyncio.sleep(SIGN_SECONDS)
        try:
            await store.alive()
            await alarms.beat()
        except Exception as error:  # no sign where nothing can be written: what comes now cannot be taken in either
            _log.error("no sign of life can be written", error=str(error))


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
async def _own_bot(host: Bot, moves: Moves) -> AsyncIterator[Bot]:
    """Beside the host's, with its addresses. Raises InvalidToken, without the token that the library puts into it."""
    bot = Bot(
        host.token,
        base_url=lambda _: host.base_url,
        base_file_url=lambda _: host.base_file_url,
        request=FollowingRequest(moves.move),
    )
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
        if configuration.at_next_start:
            _log.warning("changed settings hold only from the next start on", settings=configuration.at_next_start)

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
        except Exception as error:  # whatever it is, later changes must not go unseen
            _log.error("the configuration cannot be watched, trying again", error=str(error))
            await asyncio.sleep(_AGAIN)
