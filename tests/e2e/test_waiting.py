"""What waits, and what must not wait for it."""

from __future__ import annotations

import asyncio
import errno
from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import NOTE, picture, post_note, post_program
from e2e.host import Host
from lazaretto.audit import AuditedStore
from lazaretto.model import Action
from lazaretto.telegram.plugin import Guard


async def test_the_host_sees_cleared_files_in_the_order_in_which_they_are_cleared(town: Town, host: Host) -> None:
    first = await post_note(town.group, town.ann, "first.txt")
    bad = await post_program(town.group, town.eve)
    await host.verdict(bad)
    await host.saw(first)

    hold = town.tg.faults.hold_download(after=5)
    slow = await town.group.post_document(town.ann, NOTE + b"slow", name="slow.txt")
    await hold.reached()
    quick = await post_note(town.group, town.ann, "quick.txt")
    await host.saw(quick)
    hold.release()
    await host.saw(slow)
    await host.settled(town.group, town.ann)

    seen = [u.message.document.file_name for u in host.updates.all if u.message and u.message.document]
    assert seen == ["first.txt", "quick.txt", "slow.txt"]
    assert host.times_seen(bad) == 0


async def test_a_slow_download_delays_no_other_chat(town: Town, host: Host) -> None:
    other = town.other_group("Book club")
    hold = town.tg.faults.hold_download(after=5)
    slow = await post_note(town.group, town.ann)
    await hold.reached()

    await host.saw(await other.post_text(town.ann, "What are we reading?"))
    await host.saw(await other.post_document(town.ann, NOTE + b"2", name="list.txt"))
    await host.saw(await town.group.post_text(town.ann, "And here?"))
    assert host.times_seen(slow) == 0
    hold.release()
    await host.saw(slow)


async def test_seven_slow_downloads_do_not_block_the_eighth_chat(town: Town, host: Host) -> None:
    hold = town.tg.faults.hold_download(after=5, times=7)
    chats = [town.other_group(f"Club {number}") for number in range(8)]
    slow = [await chat.post_document(town.ann, picture(n), name=f"{n}.png") for n, chat in enumerate(chats[:7])]
    await town.tg.wait_until(lambda: hold.waiting == 7)
    await host.saw(await post_note(chats[7], town.ann))
    assert not any(host.times_seen(posted) for posted in slow)
    hold.release()
    for posted in slow:
        await host.saw(posted)


async def test_a_text_passes_even_when_every_place_is_taken(town: Town) -> None:
    """Of the eight places a group has six at most, and a member four: the rest is another group's."""
    elsewhere = town.other_group("Choir")
    async with town.host() as host:
        hold = town.tg.faults.hold_download(after=5, times=None)
        posters = [(town.group, town.ann), (town.group, town.eve), (elsewhere, town.ann)]
        slow = [
            await group.post_document(member, picture(number), name=f"{number}.png")
            for number, (group, member) in enumerate(posters * 4)
        ]
        await town.tg.wait_until(lambda: hold.waiting == 8)
        await host.saw(await town.group.post_text(town.ann, "Is it slow today?"))
        hold.release()
        for posted in slow:
            await host.saw(posted)


async def test_a_download_that_was_cut_is_repeated_and_then_judged(town: Town, host: Host) -> None:
    town.tg.faults.cut_download(after=7)
    posted = await post_note(town.group, town.ann)
    verdict = await host.verdict(posted)
    await host.saw(posted)
    assert verdict.decision.action is Action.FORWARD
    assert verdict.reports[0].size == len(NOTE)
    assert [(download.sent, download.complete) for download in town.tg.downloads] == [(7, False), (len(NOTE), True)]


@pytest.mark.parametrize(("action", "stays"), [("quarantine", False), ("forward", True)])
async def test_the_policy_decides_about_a_download_that_is_always_cut(town: Town, action: str, stays: bool) -> None:
    town.tg.faults.cut_download(after=7, times=None)
    async with town.host(actions={"unscannable.incomplete": action}) as host:
        posted = await post_note(town.group, town.ann)
        verdict = await host.verdict(posted)
        assert verdict.reports[0].findings[0].rule == "unscannable.incomplete"
        assert verdict.reports[0].sha256 is None
        await host.settled(town.group, town.ann)
        assert host.times_seen(posted) == int(stays)
        if not stays:
            await town.tg.wait_until(lambda: posted.deleted)


async def test_a_file_that_telegram_does_not_hand_out_is_not_called_clean(town: Town, host: Host) -> None:
    town.tg.faults.fail("getFile", error_code=400, description="Bad Request: file is too big")
    posted = await post_note(town.group, town.ann)
    verdict = await host.verdict(posted)
    assert verdict.rules == ["unscannable.not-fetchable"]


async def test_a_gate_that_raises_holds(town: Town, host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("a fault of ours")

    with monkeypatch.context() as patched:
        patched.setattr(Guard, "take", broken)
        held = await post_note(town.group, town.ann)
        await host.saw(await town.group.post_text(town.ann, "Can you see it?"))
    assert host.times_seen(held) == 0
    await host.saw(await post_note(town.group, town.ann, "later.txt"))
    assert host.times_seen(held) == 0


async def test_a_full_disk_holds_and_nothing_is_let_through(
    town: Town, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(AuditedStore, "take_in", full)
        held = await post_note(town.group, town.ann)
        await host.saw(await town.group.post_text(town.ann, "Can you see it?"))
    assert host.times_seen(held) == 0
    assert host.verdicts.all == []


async def test_a_decision_that_cannot_be_written_down_waits_until_it_can(
    town: Town, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = asyncio.Event()
    decided = AuditedStore.decided

    async def full_once(self: AuditedStore, *args: Any, **kwargs: Any) -> Any:
        if refused.is_set():
            return await decided(self, *args, **kwargs)
        refused.set()
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(AuditedStore, "decided", full_once)
    posted = await post_program(town.group, town.eve)
    await refused.wait()
    assert not posted.deleted
    await town.tg.wait_until(lambda: posted.deleted)
    await host.settled(town.group, town.ann)
    assert host.times_seen(posted) == 0
