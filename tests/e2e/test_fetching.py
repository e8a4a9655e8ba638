"""Whatever goes wrong between Telegram and us, nothing that was not looked at in full goes on as clean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import NOTE, PROGRAM, post_note
from e2e.host import PATIENCE, Host
from lazaretto.emulator import Message as Posted

MIB = 1 << 20
Fault = Callable[[Town, Posted], Any]

LASTING: dict[str, Fault] = {
    "cut": lambda town, m: town.tg.faults.cut_download(5, m, times=None),
    "a wrong length": lambda town, m: town.tg.faults.misstate_length(len(NOTE) + 9, m, times=None),
    "compressed": lambda town, m: town.tg.faults.compress_download(m, times=None),
    "a redirect": lambda town, m: town.tg.faults.redirect_download("http://127.0.0.1:1/elsewhere", m, times=None),
    "a refusal": lambda town, m: town.tg.faults.fail_download(500, m, times=None),
}
PASSING: dict[str, Fault] = {
    "cut once": lambda town, m: town.tg.faults.cut_download(5, m),
    "refused once": lambda town, m: town.tg.faults.fail_download(502, m),
    "a stale path": lambda town, m: town.tg.faults.fail_download(404, m),
    "getFile too busy": lambda town, m: town.tg.faults.fail("getFile", retry_after=1),
    "getFile without an answer": lambda town, m: town.tg.faults.reset_connection("getFile"),
    "slow": lambda town, m: town.tg.faults.slow_download(200, m, times=None),
}


async def post_and_fail(town: Town, fault: Fault) -> Posted:
    """A clean note whose download goes wrong."""
    hold = town.tg.faults.hold("getFile")
    posted = await post_note(town.group, town.ann)
    await hold.reached()
    fault(town, posted)
    hold.release()
    return posted


@pytest.mark.parametrize("fault", LASTING.values(), ids=LASTING)
async def test_what_does_not_come_whole_is_held_as_incomplete(town: Town, host: Host, fault: Fault) -> None:
    posted = await post_and_fail(town, fault)
    verdict = await host.verdict(posted)
    assert verdict.rules == ["unscannable.incomplete"]
    await town.tg.wait_until(lambda: posted.deleted, PATIENCE)
    assert host.times_seen(posted) == 0


async def test_a_file_that_has_expired_is_held_as_incomplete(town: Town, host: Host) -> None:
    note = town.tg.attach("document", NOTE, name="minutes.txt")
    town.tg.faults.expire_file_id(note)
    posted = await town.group.post(town.ann, **note)
    assert (await host.verdict(posted)).rules == ["unscannable.incomplete"]
    await town.tg.wait_until(lambda: posted.deleted, PATIENCE)


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
async def test_what_passes_is_tried_again(town: Town, host: Host, fault: Fault) -> None:
    posted = await post_and_fail(town, fault)
    verdict = await host.verdict(posted)
    assert (verdict.rules, verdict.reports[0].size) == ([], len(NOTE))
    await host.saw(posted)


async def test_other_bytes_than_were_posted_are_judged_as_they_are(town: Town, host: Host) -> None:
    posted = await post_and_fail(town, lambda town, m: town.tg.faults.replace_download(PROGRAM, m, times=None))
    assert (await host.verdict(posted)).decision.holds


async def test_more_than_was_declared_is_judged_as_it_comes(town: Town, host: Host) -> None:
    posted = await post_and_fail(town, lambda town, m: town.tg.faults.lengthen_download(50, m, times=None))
    assert (await host.verdict(posted)).reports[0].size == len(NOTE) + 50


async def test_a_body_without_end_is_too_large(town: Town) -> None:
    async with town.host(max_size="1 MiB") as host:
        posted = await post_and_fail(town, lambda town, m: town.tg.faults.endless_download(m))
        assert (await host.verdict(posted)).rules == ["unscannable.too-large"]
        await town.tg.wait_until(lambda: posted.deleted, PATIENCE)


@pytest.mark.parametrize(("action", "deleted"), [("flag", False), ("quarantine", True)])
async def test_what_the_server_does_not_hand_out_is_the_policy_s_to_judge(
    town: Town, action: str, deleted: bool
) -> None:
    """The Bot API's limit is 20 MiB, and decided by the declared size: telegram-bot-api compares with 20 << 20."""
    async with town.host(**{"actions": {"unscannable.not-fetchable": action}}) as host:
        large = await post_note(town.group, town.ann, size=20 * MIB + 1)
        verdict = await host.verdict(large)
        assert verdict.rules == ["unscannable.not-fetchable"]
        await town.moderators.wait_for(lambda m: "minutes.txt" in (m.text or ""), PATIENCE)
        if deleted:
            await town.tg.wait_until(lambda: large.deleted, PATIENCE)
        else:
            await host.saw(large)
            assert not large.deleted


async def test_a_file_of_exactly_the_limit_is_fetched(town: Town, host: Host) -> None:
    allowed = await town.group.post_document(town.ann, b"a line\n" * (20 * MIB // 7), name="long.txt")
    assert (await host.verdict(allowed)).reports[0].size == 7 * (20 * MIB // 7)


async def test_a_story_is_held_where_the_policy_says_so(town: Town) -> None:
    async with town.host(**{"actions": {"unscannable": "quarantine"}}) as host:
        story = await town.group.post(town.ann, **town.tg.attach("story"))
        assert (await host.verdict(story)).rules == ["unscannable.not-fetchable"]
        await town.tg.wait_until(lambda: story.deleted, PATIENCE)
