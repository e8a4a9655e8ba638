"""Stopped in the middle, started again: nothing is lost, and nobody else runs on the same state."""

from __future__ import annotations

import os

import pytest

from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import events
from lazaretto.audit import AuditedStore, verify_database
from lazaretto.state import StateInUse


async def test_what_was_being_judged_is_judged_after_a_restart_and_goes_on(town: Town) -> None:
    hold = town.tg.faults.hold_download(after=5)
    async with town.host() as host:
        posted = await post_note(town.group, town.ann)
        await hold.reached()
    assert host.times_seen(posted) == 0
    town.tg.faults.clear()

    async with town.host() as host:
        await host.saw(posted)
        assert (await host.verdict(posted)).attachment.message == str(posted.message_id)
        await host.settled(town.group, town.ann)
        assert host.times_seen(posted) == 1
    assert (await verify_database(town.state)).fault is None


async def test_a_bad_file_that_was_being_judged_is_removed_after_a_restart(town: Town) -> None:
    hold = town.tg.faults.hold_download(after=5)
    async with town.host():
        posted = await post_program(town.group, town.eve)
        await hold.reached()
    town.tg.faults.clear()

    async with town.host() as host:
        await town.tg.wait_until(lambda: posted.deleted)
        await host.settled(town.group, town.ann)
        assert host.times_seen(posted) == 0


async def test_what_was_finished_is_not_handed_out_again(town: Town) -> None:
    async with town.host() as host:
        posted = await post_note(town.group, town.ann)
        await host.saw(posted)
        await host.done(event="finished")
    async with town.host() as host:
        await host.settled(town.group, town.ann)
        assert host.times_seen(posted) == 0


async def test_a_removal_that_was_under_way_is_done_after_a_restart(town: Town) -> None:
    town.tg.faults.fail("deleteMessage", retry_after=1)
    async with town.host() as host:
        posted = await post_program(town.group, town.eve)
        await host.verdict(posted)
        await town.tg.wait_until(lambda: town.tg.calls_of("deleteMessage"))
    assert not posted.deleted
    async with town.host():
        await town.tg.wait_until(lambda: posted.deleted, timeout=10)


async def test_a_stopped_plugin_stays_stopped(town: Town) -> None:
    async with town.host() as host:
        await host.saw(await post_note(town.group, town.ann))
    async with AuditedStore.open(town.state) as store:  # the lock is free
        said = [record["event"] for record in await events(store)]
    assert said[0] == "started"
    assert said[-1] == "stopped"


async def test_a_second_instance_is_refused_and_told_where_and_who(town: Town) -> None:
    async with town.host():
        with pytest.raises(StateInUse) as refused:
            async with town.host():
                pass
    assert str(town.state) in str(refused.value)
    assert f"process {os.getpid()}" in str(refused.value)
