"""An album is one thing to those who see it: judged as one, removed as one, released as one."""

from __future__ import annotations

from typing import Any

from e2e.conftest import Town
from e2e.files import PICTURE, PROGRAM
from e2e.host import PATIENCE, Host
from lazaretto.emulator import Message as Posted


async def post_album(town: Town, *items: dict[str, Any], album: str = "7") -> list[Posted]:
    """Messages of one album, in a row, as Telegram delivers them."""
    first, *rest = items
    posted = [await town.group.post(town.ann, media_group_id=album, caption="our trip", **first)]
    return posted + [await town.group.post(town.ann, media_group_id=album, **item) for item in rest]


async def test_a_clean_album_goes_on_as_a_whole_with_one_verdict(town: Town, host: Host) -> None:
    posted = await post_album(town, *(town.tg.attach("photo", PICTURE) for _ in range(3)))
    for message in posted:
        update = await host.saw(message)
        assert [report.size for report in host.reports[update.update_id]] == [len(PICTURE)]
    await host.settled(town.group, town.ann)
    assert len(host.verdicts.all) == 1
    assert [host.times_seen(message) for message in posted] == [1, 1, 1]


async def test_one_bad_file_takes_its_whole_album_out_with_one_card(town: Town, host: Host) -> None:
    posted = await post_album(town, town.tg.attach("photo", PICTURE), town.tg.attach("photo", PROGRAM))
    await town.tg.wait_until(lambda: all(message.deleted for message in posted), PATIENCE)
    await town.moderators.wait_for(lambda m: "Quarantined" in (m.text or ""))
    await host.settled(town.group, town.ann)
    assert [host.times_seen(message) for message in posted] == [0, 0]
    assert len(town.moderators.messages) == 1


async def test_a_released_album_comes_back_as_an_album(town: Town, host: Host) -> None:
    await post_album(town, town.tg.attach("photo", PICTURE), town.tg.attach("photo", PROGRAM))
    card = await town.moderators.wait_for(lambda m: "Quarantined" in (m.text or ""), PATIENCE)
    await (await town.tg.press(town.mila, card, "Release")).answered()
    await town.tg.wait_until(lambda: sum(m.sender == town.tg.bot for m in town.group.messages) == 2, PATIENCE)
    first, second = (message for message in town.group.messages if message.sender == town.tg.bot)
    assert (first.data, second.data) == (PICTURE, PROGRAM)
    assert first.content["media_group_id"] == second.content["media_group_id"]
    assert "our trip" in (first.caption or "")
    assert second.caption is None


async def test_an_edit_that_swaps_one_file_of_an_album_is_judged(town: Town, host: Host) -> None:
    posted = await post_album(town, *(town.tg.attach("photo", PICTURE) for _ in range(2)))
    for message in posted:
        await host.saw(message)
    await town.group.edit(posted[1], **town.tg.attach("photo", PROGRAM))
    await town.tg.wait_until(lambda: posted[1].deleted, PATIENCE)
    assert not posted[0].deleted


async def test_an_album_whose_caption_is_edited_is_not_looked_at_again(town: Town, host: Host) -> None:
    posted = await post_album(town, *(town.tg.attach("photo", PICTURE) for _ in range(2)))
    for message in posted:
        await host.saw(message)
    await town.group.edit(posted[0], caption="our second trip")
    await host.updates.several(3, lambda update: update.effective_message is not None)
    assert sum(bool(verdict.reports) for verdict in host.verdicts.all) == 1


async def test_a_stop_between_two_messages_of_an_album_loses_none(town: Town) -> None:
    first = town.tg.attach("photo", PICTURE)
    async with town.host() as host:
        await town.group.post(town.ann, media_group_id="7", **first)
        await host.done(event="received")
    async with town.host() as host:
        bad = await town.group.post(town.ann, media_group_id="7", **town.tg.attach("photo", PROGRAM))
        await town.tg.wait_until(lambda: bad.deleted, PATIENCE)
        await host.settled(town.group, town.ann)
        assert {verdict.decision.holds for verdict in host.verdicts.all} >= {True}
        assert len(await (await host.guard.start()).store.pending()) == 0
