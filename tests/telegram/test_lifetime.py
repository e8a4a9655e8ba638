"""What is waited for at the end, and how long. What signals do is in `cli/test_cli_signals.py`."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from lazaretto import deeds
from lazaretto.telegram import lifetime
from lazaretto.telegram.lifetime import STOP_SECONDS, Patience


async def test_what_ends_in_time_is_waited_for() -> None:
    ended = asyncio.Event()

    async def stop() -> None:
        await asyncio.sleep(0.01)
        ended.set()

    with capture_logs() as logs:
        await Patience(10).wait("handlers", stop)
    assert ended.is_set()
    assert logs == []


async def test_all_of_it_together_has_one_time_and_the_last_still_has_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifetime, "_LEAST_SECONDS", 0.05)
    patience, begun = Patience(0.2), []

    async def hang() -> None:
        begun.append(asyncio.get_running_loop().time())
        await asyncio.Event().wait()

    start = asyncio.get_running_loop().time()
    with capture_logs() as logs:
        for what in ("requests", "polling", "handlers"):
            await patience.wait(what, hang)
    assert [record["what"] for record in logs] == ["requests", "polling", "handlers"]
    assert len(begun) == 3
    assert asyncio.get_running_loop().time() - start < 1  # 0.2, and two moments


async def test_whoever_is_cancelled_is_not_taken_for_one_who_is_late() -> None:
    waiting = asyncio.ensure_future(Patience(10).wait("handlers", asyncio.Event().wait))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


def test_the_bound_has_room_for_all_that_is_waited_for() -> None:
    drained = lifetime._DRAIN_SECONDS + 2 * lifetime._LEAST_SECONDS
    assert drained + deeds._LET_END < STOP_SECONDS
    assert STOP_SECONDS <= 10 - 2, "docker stop kills after ten seconds"
