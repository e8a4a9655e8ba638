"""The configuration's files change while the bot runs."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest
import structlog

from e2e.conftest import Town
from e2e.files import post_program
from e2e.host import build, polling


def _write(town: Town, mode: str) -> Path:
    folder = town.folder / "config"
    (folder / "groups").mkdir(parents=True, exist_ok=True)
    (folder / "lazaretto.toml").write_text(f'state = "{town.state.as_posix()}"\n', encoding="utf-8")
    _write_group(town, f'mode = "{mode}"\nmoderators = "{town.moderators.id}"\n')
    return folder


def _write_group(town: Town, text: str) -> None:
    (town.folder / "config" / "groups" / f"{town.group.id}.toml").write_text(text, encoding="utf-8")


async def test_a_changed_group_file_takes_over_while_the_bot_runs(town: Town) -> None:
    async with polling(build(town.tg, _write(town, "observe"))) as host:
        observed = await post_program(town.group, town.eve)
        assert not (await host.verdict(observed)).decision.enforced
        await host.saw(observed)

        _write(town, "guard")
        record = await host.done(event="policy-changed")
        assert record["chat"] == f"telegram:{town.group.id}"
        guarded = await post_program(town.group, town.eve, data=b"#!/bin/sh\necho inert\n")
        assert (await host.verdict(guarded)).decision.enforced
        assert not observed.deleted


async def test_a_broken_group_file_leaves_the_last_good_policy_in_force(town: Town) -> None:
    with structlog.testing.capture_logs() as logs:
        async with polling(build(town.tg, _write(town, "guard"))) as host:
            _write_group(town, 'mode = "gaurd"\n')
            await town.tg.wait_until(lambda: [record for record in logs if "problem" in record], timeout=10)
            bad = await post_program(town.group, town.eve)
            await town.tg.wait_until(lambda: bad.deleted)

            _write(town, "observe")
            await host.done(event="policy-changed")
            observed = await post_program(town.group, town.eve, data=b"#!/bin/sh\necho inert\n")
            assert not (await host.verdict(observed)).decision.enforced
    (problem,) = [record for record in logs if "problem" in record]
    assert problem["log_level"] == "error"
    assert f"{town.group.id}.toml" in problem["problem"]
    assert "gaurd" in problem["problem"]


async def test_a_moderators_chat_that_is_named_later_is_exempt_from_then_on(town: Town) -> None:
    async with polling(build(town.tg, _write(town, "observe"))) as host:
        new = town.other_group("New moderators")
        before = await post_program(new, town.mila)
        await host.verdict(before)
        _write_group(town, f'mode = "guard"\nmoderators = "{new.id}"\n')
        await host.done(event="policy-changed")
        after = await post_program(new, town.mila, "second.jpg")
        await host.saw(after)
        assert len(host.verdicts.all) == 1


async def test_a_plugin_leaves_every_signal_to_its_host(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", lambda number, *_: taken.append(number))
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    async with polling(build(town.tg, _write(town, "observe"))) as host:
        await host.verdict(await post_program(town.group, town.eve))
        assert {number: signal.getsignal(number) for number in signal.valid_signals()} == before
    assert taken == []
