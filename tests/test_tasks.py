"""Background tasks: kept alive, and loud when they fail."""

import asyncio
import gc
import weakref

import pytest
from structlog.testing import capture_logs

from lazaretto.tasks import spawn


async def ended(task: asyncio.Task[object]) -> None:
    """The task is over and its end was looked at."""
    await asyncio.wait({task}, timeout=5)
    await asyncio.sleep(0)


async def test_a_task_that_nobody_holds_is_not_collected() -> None:
    go, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        done.set()

    watched = weakref.ref(spawn(work(), "kept"))
    await asyncio.sleep(0)
    gc.collect()
    assert watched() is not None
    go.set()
    async with asyncio.timeout(5):
        await done.wait()


async def test_a_failure_is_logged_with_the_tasks_name() -> None:
    async def work() -> None:
        raise ValueError("broken")

    with capture_logs() as logs:
        await ended(spawn(work(), "the weekly work"))
    assert [(line["task"], line["error"], line["log_level"]) for line in logs] == [
        ("the weekly work", "ValueError('broken')", "error")
    ]


async def test_to_be_cancelled_is_no_failure() -> None:
    task = spawn(asyncio.Event().wait(), "waits")
    await asyncio.sleep(0)
    with capture_logs() as logs:
        task.cancel()
        await ended(task)
    assert logs == []


async def test_the_result_can_be_awaited() -> None:
    async def work() -> int:
        return 7

    assert await spawn(work(), "answers") == 7


def test_a_task_needs_a_running_loop() -> None:
    work = asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="no running event loop"):
        spawn(work, "too early")
    work.close()


def test_a_signal_that_strikes_in_a_task_is_no_failure_of_the_task() -> None:
    async def work() -> None:
        raise SystemExit(143)

    async def program() -> None:
        spawn(work(), "struck")
        await asyncio.sleep(5)

    with capture_logs() as logs, pytest.raises(SystemExit):
        asyncio.run(program())
    assert logs == []
