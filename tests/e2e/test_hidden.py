"""Files that stand deep in a message, or in a message that another one shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import NOTE, PROGRAM
from e2e.host import PATIENCE, Host, events
from lazaretto.audit import AuditedStore
from lazaretto.emulator import Message as Posted

Block = dict[str, Any]
NESTING: dict[str, Callable[[Block], Block]] = {
    "lists": lambda block: {"type": "list", "items": [{"label": "1", "blocks": [block]}]},
    "tables": lambda block: {"type": "table", "cells": [[{"blocks": [block]}]]},
}


def post_nested(town: Town, levels: int, around: Callable[[Block], Block]) -> Posted:
    """A rich message with a program in as many blocks."""
    block: Block = {"type": "document", **town.tg.attach("document", PROGRAM, name="party.jpg")}
    for _ in range(levels):
        block = around(block)
    return town.group.append(town.eve, {"rich_message": {"blocks": [block]}}, told=True)


@pytest.mark.parametrize("around", NESTING.values(), ids=NESTING)
async def test_a_file_is_found_as_deep_as_telegram_lets_blocks_nest(
    town: Town, host: Host, around: Callable[[Block], Block]
) -> None:
    bad = post_nested(town, 16, around)
    assert (await host.verdict(bad)).name == "party.jpg"
    await town.tg.wait_until(lambda: bad.deleted, PATIENCE)
    assert host.times_seen(bad) == 0


@pytest.mark.parametrize("around", NESTING.values(), ids=NESTING)
@pytest.mark.parametrize("levels", [31, 150])
async def test_what_nests_deeper_is_removed_and_the_moderators_are_told(
    town: Town, host: Host, levels: int, around: Callable[[Block], Block]
) -> None:
    """Nobody looked for files there. 150 levels are as deep as a parser of JSON goes."""
    hidden = post_nested(town, levels, around)
    assert (await host.verdict(hidden)).rules == ["unscannable.budget"]
    await town.tg.wait_until(lambda: hidden.deleted, PATIENCE)
    await town.moderators.wait_for(lambda message: "unscannable.budget" in (message.text or ""), PATIENCE)
    assert host.times_seen(hidden) == 0


async def test_what_nests_deeper_than_json_can_be_written_is_removed_as_well(town: Town, host: Host) -> None:
    posted = town.group.append(town.eve, {"text": "look"})
    deep: Block = {}
    for _ in range(5_000):
        deep = {"block": deep}
    update = {"update_id": 1, "message": {**posted.json(), "hologram": deep}}
    await host.guard.keeping.take_unreadable(update, "TypeError")
    await town.tg.wait_until(lambda: posted.deleted, PATIENCE)


def pin_of_old(town: Town) -> tuple[Posted, Posted]:
    """A program, and the notice that it was pinned; both from before the bot came."""
    old = town.group.append(town.eve, town.tg.attach("document", PROGRAM, name="party.jpg"))
    return old, town.group.append(town.mila, {"pinned_message": old.json(nested=True)})


async def test_a_reply_to_a_pin_does_not_show_what_was_pinned(town: Town, host: Host) -> None:
    old, pin = pin_of_old(town)
    for text in ("while nobody has judged it", "once it is held"):
        update = await host.saw(await town.group.post_text(town.eve, text, reply_to=pin))
        assert "file_id" not in update.to_json()
        assert update.message is not None
        assert update.message.reply_to_message is not None
        await town.tg.wait_until(lambda: old.deleted, PATIENCE)
    assert [verdict.name for verdict in host.verdicts.all] == ["party.jpg"]


async def test_the_votes_of_a_poll_do_not_have_its_media_judged_again(town: Town) -> None:
    media = town.tg.attach("document", NOTE, name="minutes.txt")
    poll = {
        "id": "77",
        "question": "When?",
        "options": [{"text": "now", "voter_count": 0, "persistent_id": "1"}],
        "is_closed": False,
        "is_anonymous": True,
        "type": "regular",
        "allows_multiple_answers": False,
        "allows_revoting": True,
        "members_only": False,
        "media": media,
    }
    async with town.host() as host:
        for votes in range(5):
            await town.tg.inject({"poll": {**poll, "total_voter_count": votes}})
        await host.settled(town.group, town.ann)
        assert len(town.tg.calls_of("getFile")) == 1
    async with AuditedStore.open(town.state) as store:
        assert await counted(store) == {"screened": 1, "repeated": 4}


async def counted(store: AuditedStore) -> dict[str, int]:
    """The one record of what was done with updates."""
    (record,) = [record for record in await events(store) if record["event"] == "coverage"]
    return dict(record["data"]["updates"])
