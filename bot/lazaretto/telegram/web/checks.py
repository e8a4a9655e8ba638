"""What has to be well before the bot can be relied on: plugin, database, sandbox, and the webhook if there is one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

from lazaretto.model import Claim
from lazaretto.ports import Screener
from lazaretto.telegram.plugin import Guard
from lazaretto.telegram.web.health import Check

__all__ = ["Progress", "checks_of"]

_SCREENING_SECONDS = 3.0  # an empty file takes a few milliseconds where nothing is in its way
_UNSCANNABLE = "unscannable."


@dataclass(slots=True)
class Progress:
    """How far the start has come. webhook: is it set, or none wanted?"""

    webhook: bool
    guard: bool = False


def checks_of(guard: Guard, progress: Progress) -> Mapping[str, Check]:
    """The checks by name. They never start the plugin."""

    async def started() -> bool:
        return progress.guard

    async def database() -> bool:
        return progress.guard and bool(await (await guard.start()).store.head())

    async def sandbox() -> bool:
        if not progress.guard:
            return False
        screener = (await guard.start()).screener
        try:
            async with asyncio.timeout(_SCREENING_SECONDS):
                return await _screens(screener)
        except TimeoutError:
            # Behind others that are at work it may have to wait, which says nothing against the sandbox.
            return bool(guard.metrics.registry.get_sample_value("lazaretto_waiting"))

    async def webhook() -> bool:
        return progress.webhook

    return {"guard": started, "database": database, "sandbox": sandbox, "webhook": webhook}


async def _screens(screener: Screener) -> bool:
    """Does a worker come up, locked down, and look at a file that is empty?"""
    async with screener.open(Claim()) as job:
        report = await job.finish()
    return not any(finding.rule.startswith(_UNSCANNABLE) for finding in report.findings)
