"""The doctor's rounds: everything is looked at when `lazaretto run` starts, and once a day. Nothing waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import structlog

from lazaretto.alarms import Cause
from lazaretto.audit.chats import Chats
from lazaretto.chat_policies import ChatPolicies
from lazaretto.health import Check, examine_clock, examine_machine, examine_screening, newest_record
from lazaretto.model import Mode, Place
from lazaretto.policy import Policy
from lazaretto.tasks import spawn
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.doctor import examine, examine_conflict, examine_server
from lazaretto.telegram.polling import JournalBot
from lazaretto.telegram.runtime import Runtime
from lazaretto.telegram.server_clock import server_time

__all__ = ["DAY", "Rounds", "everything"]

DAY = 86_400.0
_MOST = 100  # chats, the liveliest first: some two questions to Telegram each
_log = structlog.get_logger("lazaretto.doctor")


async def everything(runtime: Runtime, policies: ChatPolicies) -> AsyncIterator[Check]:
    """All checks of a running bot: its machine, its connection, and the groups that it guards or is configured for."""
    settings = policies.configuration.settings
    async for check in examine_machine(settings):
        yield check
    newest = await runtime.store.state.read(newest_record)
    now = datetime.now(UTC)
    yield examine_clock(now, newest, server_time(runtime.bot, now))
    yield await examine_screening(runtime.screener)
    yield examine_server(settings.base_url, settings.local_files)
    if isinstance(runtime.host, JournalBot) and not settings.web.webhook:
        yield examine_conflict(runtime.host.conflict, datetime.now(UTC))
    async for check in examine(runtime.bot, await _groups(runtime, policies), settings.web.webhook):
        yield check


async def _groups(runtime: Runtime, policies: ChatPolicies) -> Sequence[tuple[str, Policy]]:
    """Anybody may add the bot to a group of theirs: one that nobody set up is nobody's worry here."""
    configured = policies.configuration.group_ids
    found = []
    for chat in dict.fromkeys([*configured, *await Chats(runtime.store).known(PLATFORM, _MOST)]):
        place = Place(PLATFORM, chat)
        policy = policies.policy_of(place)
        if policies.configuration.admits(place) and (chat in configured or policy.mode is Mode.GUARD):
            found.append((chat, policy))
    return found


class Rounds:
    """Looks once a day, until stopped, and tells the owners of what is not well."""

    def __init__(self, runtime: Runtime, policies: ChatPolicies) -> None:
        self._runtime = runtime
        self._policies = policies
        self._loop: asyncio.Task[None] | None = None

    def start(self, *, at_once: bool) -> None:
        """Begin; with the first look now, or in a day."""
        self._loop = spawn(self._run(at_once=at_once), "doctor")

    async def stop(self) -> None:
        """End at once."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self, *, at_once: bool) -> None:
        if not at_once:
            await asyncio.sleep(DAY)
        while True:
            try:
                await self.look()
            except Exception:
                _log.exception("the daily look at everything failed")
            await asyncio.sleep(DAY)

    async def look(self) -> None:
        """Check everything, log it, and raise the alarm for what is not well, or end it."""
        checks = [check async for check in everything(self._runtime, self._policies)]
        faults = [check.told() for check in checks if not check.well]
        for found, remedy in faults:
            _log.warning("not well", found=found, remedy=remedy)
        alarms = self._runtime.pipeline.alarms
        if faults:
            alarms.on(Cause.DOCTOR, "; ".join(found for found, _ in faults))
        else:
            alarms.off(Cause.DOCTOR)
        _log.info("looked at everything", checks=len(checks), faults=len(faults))
