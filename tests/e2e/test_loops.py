"""The plugin in a host with another event loop, in another thread, or without anybody who starts it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import structlog
import uvloop
from telegram import Update

from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import PATIENCE, Host, build, polling

LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


@asynccontextmanager
async def in_a_second_thread(town: Town, new_loop: Callable[[], asyncio.AbstractEventLoop]) -> AsyncIterator[None]:
    """A host that lives on a loop of its own, in a thread that is not the main one."""
    ready, failures = threading.Event(), list[BaseException]()
    end: Callable[[], object] = ready.set

    async def life() -> None:
        nonlocal end
        ending, loop = asyncio.Event(), asyncio.get_running_loop()
        end = lambda: loop.call_soon_threadsafe(ending.set)  # noqa: E731
        async with polling(build(town.tg, town.config())):
            ready.set()
            await ending.wait()

    def run() -> None:
        try:
            with asyncio.Runner(loop_factory=new_loop) as runner:
                runner.run(life())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run)
    thread.start()
    await asyncio.to_thread(ready.wait, PATIENCE)
    try:
        yield
    finally:
        end()
        await asyncio.to_thread(thread.join, PATIENCE)
    assert not thread.is_alive()
    assert failures == []


@pytest.mark.parametrize("loop", LOOPS)
async def test_a_host_on_another_loop_in_a_second_thread_is_as_safe(town: Town, loop: str) -> None:
    async with in_a_second_thread(town, LOOPS[loop]):
        bad = await post_program(town.group, town.eve)
        good = await post_note(town.group, town.ann)
        await town.tg.wait_until(lambda: bad.deleted)
        await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        assert not good.deleted


@asynccontextmanager
async def processing_updates_itself(town: Town) -> AsyncIterator[Host]:
    """A host that fetches its updates and calls `process_update`; it starts neither the application nor the plugin."""
    host = build(town.tg, town.config())
    async with host.application as application:

        async def serve() -> None:
            offset = 0
            while True:
                for update in await application.bot.get_updates(offset, timeout=1, allowed_updates=Update.ALL_TYPES):
                    offset = update.update_id + 1
                    await application.process_update(update)

        serving = asyncio.ensure_future(serve())
        yield host
        serving.cancel()
        await host.guard.stop()


async def test_a_host_that_starts_nothing_is_told_so_and_as_safe(town: Town) -> None:
    with structlog.testing.capture_logs() as logs:
        async with processing_updates_itself(town) as host:
            bad = await post_program(town.group, town.eve)
            await town.tg.wait_until(lambda: bad.deleted)
            good = await post_note(town.group, town.ann)
            await host.saw(good)
            assert host.times_seen(bad) == 0
    said = [record for record in logs if "nobody has started lazaretto" in record["event"]]
    assert len(said) == 1
    assert "await guard.start()" in said[0]["remedy"]


async def test_a_host_that_is_started_as_it_should_be_is_not_told_anything(town: Town) -> None:
    with structlog.testing.capture_logs() as logs:
        async with town.host() as host:
            await host.saw(await post_note(town.group, town.ann))
    assert [record for record in logs if record["log_level"] in ("warning", "error")] == []
