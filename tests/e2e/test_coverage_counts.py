"""Coverage is proved: what came with a file and what was done with it is in the log, and agrees with it."""

from __future__ import annotations

from collections import Counter

from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import events
from lazaretto.audit import AuditedStore
from lazaretto.coverage import Outcome
from lazaretto.emulator import Rights


def counted(log: list[dict[str, object]]) -> Counter[str]:
    """All that was ever counted."""
    total: Counter[str] = Counter()
    for record in log:
        if record["event"] == "coverage":
            data = record["data"]
            assert isinstance(data, dict)
            total.update(data["updates"])
    return total


async def test_every_update_with_a_file_is_counted_once(town: Town) -> None:
    async with town.host() as host:
        note = await post_note(town.group, town.ann)
        await host.saw(note)
        bad = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: bad.deleted)
        await town.group.edit(note, caption="only the caption")
        await host.updates.first(lambda update: update.edited_message is not None)
        await host.saw(await town.group.post_text(town.eve, "thanks", reply_to=note))
        await host.saw(await post_note(town.moderators, town.mila))
        await host.saw(await town.group.post_text(town.ann, "no file at all"))
    async with AuditedStore.open(town.state) as store:
        log = await events(store)
    assert counted(log) == {
        Outcome.SCREENED: 2,
        Outcome.REPEATED: 1,
        Outcome.SHOWN_AGAIN: 1,
        Outcome.MODERATORS: 1,
    }


async def test_as_many_are_counted_as_screened_as_were_received(town: Town) -> None:
    async with town.host() as host:
        for _ in range(5):
            await host.saw(await post_note(town.group, town.ann))
    async with AuditedStore.open(town.state) as store:
        log = await events(store)
    assert counted(log)[Outcome.SCREENED] == sum(record["event"] == "received" for record in log) == 5


async def test_a_file_that_the_bot_never_saw_is_judged_when_somebody_replies_to_it(town: Town) -> None:
    town.group.remove_bot()
    before = await post_program(town.group, town.eve)
    town.group.set_bot_rights(Rights.full())
    async with town.host() as host:
        reply = await town.group.post_text(town.ann, "what is this?", reply_to=before)
        await town.tg.wait_until(lambda: before.deleted)
        update = await host.saw(reply)
        assert update.message is not None
        assert update.message.reply_to_message is not None
        assert update.message.reply_to_message.document is None
