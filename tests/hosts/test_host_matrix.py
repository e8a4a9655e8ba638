"""The plugin in applications of every style: each of them gets the same promises, and keeps its own behaviour."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog
from telegram import Update
from telegram.ext import CommandHandler, ConversationHandler, MessageHandler, filters

from e2e.conftest import Town
from e2e.files import post_note
from e2e.host import PATIENCE, Heard, emptied, until
from hosts.life import Life, Seen, Style, live, outcome
from hosts.matrix import STYLES
from hosts.script import bad_file, with_held
from lazaretto.emulator import Message

every_style = pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)

RUN_DIFFERENTLY = list({style.run: style for style in STYLES}.values())
"""One style for each way to run a bot."""


async def saw(witness: Heard[Seen], message: Message) -> Seen:
    """The first call of one of the host's handlers with a message."""
    return await witness.first(lambda seen: seen.is_of(message))


def screened(witness: Heard[Seen], style: Style) -> list[Seen]:
    """The calls of the handlers that are behind the gate."""
    return [seen for seen in witness.all if seen.handler not in style.in_front]


def complaints(logs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What was said louder than by the way."""
    return [record for record in logs if record["log_level"] in ("warning", "error", "critical")]


async def nothing_more_comes(life: Life, witness: Heard[Seen]) -> None:
    """What was cleared went through the host's handlers, and so did a text after it."""
    assert life.guard is not None
    store = (await life.guard.start()).store
    await emptied(store.pending)
    await saw(witness, await life.town.group.post_text(life.town.ann, "Is everybody through?"))


@every_style
async def test_it_does_and_keeps_what_it_does_without_lazaretto(style: Style, town: Town, twin: Town) -> None:
    script = with_held(style.script)
    assert await outcome(style, town, script, guarded=True) == await outcome(style, twin, script, guarded=False)


@every_style
async def test_a_held_attachment_reaches_none_of_its_handlers(style: Style, town: Town, witness: Heard[Seen]) -> None:
    async with live(style, town) as life:
        bad = await life.post_held()
        answer = await town.group.post_text(town.eve, "What was that?", reply_to=bad)
        await saw(witness, answer)
        await nothing_more_comes(life, witness)
    assert [seen.handler for seen in screened(witness, style) if seen.shows(bad)] == []


@every_style
async def test_in_an_observed_group_everything_reaches_it_at_once(
    style: Style, town: Town, witness: Heard[Seen]
) -> None:
    async with live(style, town, mode="observe") as life:
        assert life.guard is not None
        download = town.tg.faults.hold_download(times=None)
        bad = await bad_file(town)
        text = await town.group.post_text(town.ann, "Look at that!")
        first = await saw(witness, bad)
        await download.reached(PATIENCE)
        town.tg.faults.clear()
        second = await saw(witness, text)
        await nothing_more_comes(life, witness)
    assert not bad.deleted
    if not life.application.concurrent_updates:  # else nobody promises an order
        assert witness.all.index(first) < witness.all.index(second)
    assert Counter(seen.handler for seen in witness.all if seen.is_of(bad)).most_common(1)[0][1] == 1


@every_style
async def test_texts_keep_their_order_and_a_file_that_waits_comes_once_and_delays_none_of_them(
    style: Style, town: Town, witness: Heard[Seen]
) -> None:
    async with live(style, town) as life:
        download = town.tg.faults.hold_download(times=None)
        file = await post_note(town.group, town.ann)
        await download.reached(PATIENCE)
        texts = [await town.group.post_text(town.ann, text) for text in ("First.", "Second.")]
        calls = [await saw(witness, text) for text in texts]
        assert witness.all.index(calls[0]) < witness.all.index(calls[1])
        assert not any(seen.is_of(file) for seen in screened(witness, style))
        town.tg.faults.clear()
        await witness.first(lambda seen: seen.is_of(file) and seen.handler not in style.in_front)
        await nothing_more_comes(life, witness)
    times = Counter(seen.handler for seen in screened(witness, style) if seen.is_of(file))
    assert set(times.values()) == {1}


@every_style
async def test_what_is_being_judged_when_it_stops_is_judged_when_it_starts_again(
    style: Style, town: Town, witness: Heard[Seen]
) -> None:
    async with live(style, town):
        download = town.tg.faults.hold_download(times=None)
        bad, good = await bad_file(town), await post_note(town.group, town.ann)
        await town.tg.wait_until(lambda: download.waiting == 2, PATIENCE)
    town.tg.faults.clear()
    assert not any(seen.is_of(good) for seen in screened(witness, style))
    async with live(style, town) as life:
        await saw(witness, await town.group.post_text(town.ann, "Good morning"))
        await town.tg.wait_until(lambda: bad.deleted, PATIENCE)
        await witness.first(lambda seen: seen.is_of(good) and seen.handler not in style.in_front)
        await nothing_more_comes(life, witness)
    times = Counter(seen.handler for seen in screened(witness, style) if seen.is_of(good) or seen.is_of(bad))
    assert set(times.values()) == {1}
    assert not any(seen.is_of(bad) for seen in screened(witness, style))


@every_style
async def test_it_starts_and_stops_twice_and_leaves_nothing_behind(
    style: Style, town: Town, witness: Heard[Seen], caplog: pytest.LogCaptureFixture
) -> None:
    gc.collect()  # what earlier tests left is no business of this one
    caplog.clear()
    tasks, processes = ours(), children()
    for _ in range(2):
        async with live(style, town) as life:
            await saw(witness, await post_note(town.group, town.ann))
            await nothing_more_comes(life, witness)
            assert children() - processes
        await until(lambda: ours() <= tasks)
        assert children() <= processes
    gc.collect()
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []


@every_style
async def test_it_is_warned_of_what_weakens_the_gate_and_of_nothing_else(
    style: Style, town: Town, witness: Heard[Seen]
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with live(style, town) as life:
            await saw(witness, await post_note(town.group, town.ann))
            await nothing_more_comes(life, witness)
            await until(lambda: len(complaints(logs)) >= len(style.warnings))
    said = complaints(logs)
    as_expected = [next((part for part in style.warnings if part in r["event"]), r["event"]) for r in said]
    assert as_expected == [*style.warnings]
    assert {name for record in said for name in record.get("handlers", ())} == style.in_front


async def sneak(_update: Update, _context: object) -> None:
    """A handler that is added too late and too low."""


async def creep(_update: Update, _context: object) -> None:
    """Another one, right beside it."""


@pytest.mark.parametrize("style", RUN_DIFFERENTLY, ids=lambda style: style.name)
async def test_it_is_warned_once_of_each_handler_that_gets_in_front_of_the_gate_while_it_runs(
    style: Style, town: Town, witness: Heard[Seen]
) -> None:
    async with live(style, town) as life:
        await saw(witness, await town.group.post_text(town.ann, "Hello"))
        in_front = min(life.application.handlers) - 1
        with structlog.testing.capture_logs() as logs:
            for too_late in (sneak, creep):
                life.application.add_handler(MessageHandler(filters.Sticker.ALL, too_late), group=in_front)
                for text in ("First.", "Second."):
                    await saw(witness, await town.group.post_text(town.ann, text))
    warnings = [record for record in logs if "handlers run before the gate" in record["event"]]
    assert len(warnings) == 2
    assert "sneak" in warnings[0]["handlers"]
    assert "creep" in warnings[1]["handlers"]


async def test_a_conversation_in_front_of_the_gate_is_warned_of(town: Town) -> None:
    style = STYLES[0]
    async with live(style, town) as life:
        life.application.add_handler(
            ConversationHandler([CommandHandler("sneak", sneak)], {}, []), group=min(life.application.handlers) - 1
        )
        with structlog.testing.capture_logs() as logs:
            await town.group.post_text(town.ann, "Hello")
            await town.tg.wait_until(lambda: any(message.sender == town.tg.bot for message in town.group.messages))
    assert ["handlers run before the gate" in record["event"] for record in complaints(logs)] == [True]


def ours() -> set[asyncio.Task[object]]:
    """The running tasks, but those of HTTP servers: their connections end when they like."""
    return {task for task in asyncio.all_tasks() if "uvicorn" not in repr(task.get_coro())}


def children() -> set[int]:
    """Process ids of our children, whichever thread started them. Zygotes are among them."""
    return {int(pid) for each in Path("/proc/self/task").glob("*/children") for pid in each.read_text().split()}
