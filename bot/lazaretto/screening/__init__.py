"""Streaming download to disk, and the processes that look at what came.

async with WorkerScreener(folder) as screener, screener.open(claim) as job:
    async for chunk in download:
        await job.feed(chunk)
    report = await job.finish()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["WorkerScreener"]

if TYPE_CHECKING:
    from lazaretto.screening.screener import WorkerScreener


def __getattr__(name: str) -> Any:
    # Loaded on first use: a worker imports this package too, and must not carry asyncio into its lock.
    if name != "WorkerScreener":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from lazaretto.screening.screener import WorkerScreener

    return WorkerScreener
