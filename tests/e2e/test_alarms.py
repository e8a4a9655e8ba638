"""The owners hear of it when the bot has gone blind or its hands are tied."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import Host, build, events, polling, until
from lazaretto.alarms import Cause
from lazaretto.audit import AuditedStore
from lazaretto.emulator import Chat, Rights
from lazaretto.state import StateUnwritable


@pytest.fixture
def office(town: Town) -> Chat:
    """The private chat of the bot with its owner."""
    return town.tg.private(town.mila)


@pytest.fixture
async def owned(town: Town, office: Chat) -> AsyncIterator[Host]:
    config = town.config() | {"owners": [str(town.mila.id)]}
    async with polling(build(town.tg, config)) as host:
        yield host


async def test_the_owner_is_told_at_once_that_the_bot_lost_its_rights_and_that_it_has_them_back(
    town: Town, owned: Host, office: Chat
) -> None:
    await post_note(town.group, town.ann)  # the bot has seen the group
    town.group.set_standing(town.tg.bot, "administrator", Rights(can_pin_messages=True))
    told = await office.wait_for(lambda m: "stay visible" in (m.text or ""))
    assert "the bot may not delete messages" in (told.text or "")
    assert str(town.group.id) in (told.text or "")
    town.group.set_standing(town.tg.bot, "administrator", Rights.full())
    await office.wait_for(lambda m: (m.text or "").startswith("✅ Over"))


async def test_a_stranger_who_adds_the_bot_to_a_chat_of_their_own_does_not_alarm_the_owner(
    town: Town, office: Chat
) -> None:
    """Nor does the moderators' chat, in which the bot removes nothing."""
    strange = town.other_group("A stranger's")
    config = town.config() | {"owners": [str(town.mila.id)]}
    config["groups"]["allowed"] = [str(town.group.id)]
    async with polling(build(town.tg, config)):
        await post_note(town.group, town.ann)
        for chat in (strange, town.moderators, town.group):  # one after the other: the last is the one that is told
            chat.set_standing(town.tg.bot, "administrator", Rights(can_pin_messages=True))
        told = await office.wait_for(lambda m: "stay visible" in (m.text or ""))
        assert str(town.group.id) in (told.text or "")
        assert len(town.tg.calls_of("sendMessage")) == 1


async def test_a_removal_that_is_refused_for_lack_of_rights_is_an_alarm(town: Town, owned: Host, office: Chat) -> None:
    town.tg.faults.fail("deleteMessage", error_code=400, description="Bad Request: not enough rights", times=1)
    await post_program(town.group, town.eve)
    told = await office.wait_for(lambda m: "stay visible" in (m.text or ""))
    assert "not enough rights" in (told.text or "").lower()
    record = await owned.done(event="alarm")
    assert (record["data"]["cause"], record["data"]["on"]) == ("rights", True)


async def test_a_moderators_chat_that_threw_the_bot_out_is_an_alarm(town: Town, owned: Host, office: Chat) -> None:
    town.tg.faults.fail("sendMessage", error_code=403, description="Forbidden: bot was kicked", times=1)
    await post_program(town.group, town.eve)
    await office.wait_for(lambda m: "Cards do not reach" in (m.text or ""))


async def test_a_message_that_somebody_else_deleted_is_no_alarm(town: Town, owned: Host, office: Chat) -> None:
    town.tg.faults.fail(
        "deleteMessage", error_code=400, description="Bad Request: message can't be deleted for everyone", times=1
    )
    await post_program(town.group, town.eve)
    await owned.done(event="failed", kind="remove")
    store = (await owned.guard.start()).store
    assert "alarm" not in [record["event"] for record in await events(store)]


async def test_what_a_refusal_repeats_of_a_member_reaches_neither_owner_nor_log_and_its_marks_stay_text(
    town: Town, owned: Host, office: Chat
) -> None:
    said = "Bad Request: not enough rights in <b>\u202eclub</b> of Eve"
    town.tg.faults.fail("deleteMessage", error_code=400, description=said, times=1)
    await post_program(town.group, town.eve)
    told = await office.wait_for(lambda m: "stay visible" in (m.text or ""))
    assert "<b>\\u202eclub</b> of …." in (told.text or "")
    assert "bold" not in [entity["type"] for entity in told.json().get("entities", [])]
    record = await owned.done(event="alarm")
    assert record["data"]["why"].endswith("of …")


async def test_rights_that_are_lost_in_many_groups_are_few_messages(
    town: Town, owned: Host, office: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.alarms._GATHERED", 1.0)
    groups = [town.other_group(f"Club {number}") for number in range(20)]
    for group in groups:
        await post_note(group, town.ann)
        group.set_standing(town.tg.bot, "administrator", Rights(can_pin_messages=True))
    await office.wait_for(lambda m: "in 17 chats (" in (m.text or ""))
    assert len([m for m in office.messages if "stay visible" in (m.text or "")]) == 4


def _is_on(host: Host, cause: str) -> float | None:
    return host.guard.metrics.registry.get_sample_value("lazaretto_alarms", {"cause": cause})


async def test_lost_rights_are_over_where_the_group_becomes_another_chat(town: Town, owned: Host, office: Chat) -> None:
    old = town.tg.group("Old club", members=[town.eve], admins=[town.mila], bot_rights=Rights.full(), basic=True)
    town.tg.faults.fail("deleteMessage", error_code=400, description="Bad Request: not enough rights", times=1)
    await post_program(old, town.eve)
    await office.wait_for(lambda m: "stay visible" in (m.text or ""))
    assert _is_on(owned, "rights") == 1
    new = old.migrate(town.mila)
    over = await owned.done(event="alarm", on=False)
    assert over["data"]["why"] == f"the chat is {new.id} now"
    assert _is_on(owned, "rights") == 0
    assert not any("✅" in (m.text or "") for m in office.messages)


async def test_what_is_wrong_when_the_bot_is_stopped_is_told_and_audited_before_it_ends(
    town: Town, office: Chat
) -> None:
    groups = [town.other_group(f"Club {number}") for number in range(6)]
    async with polling(build(town.tg, town.config() | {"owners": [str(town.mila.id)]})) as host:
        for group in groups:
            await post_note(group, town.ann)
            group.set_standing(town.tg.bot, "administrator", Rights(can_pin_messages=True))
        await until(lambda: _is_on(host, "rights") == 6)
    assert any("in 3 chats (" in (m.text or "") for m in office.messages)
    async with AuditedStore.open(town.state) as store:
        log = [record["event"] for record in await events(store)]
    assert log.count("alarm") == 6
    assert log[-1] == "stopped"


async def test_what_could_not_be_audited_is_at_the_next_sign_of_life(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.telegram.runtime.SIGN_SECONDS", 0.2)
    async with polling(build(town.tg, town.config())) as host:
        store = (await host.guard.start()).store
        honest = store.state.writer.do
        failed = asyncio.Event()

        async def full(*_: Any, **__: Any) -> Any:
            failed.set()
            raise StateUnwritable("disk I/O error")

        store.state.writer.do = full  # type: ignore[method-assign]
        host.guard._runtime.pipeline.alarms.on(Cause.DISK, "full")  # type: ignore[union-attr]
        await failed.wait()
        store.state.writer.do = honest  # type: ignore[method-assign]
        record = await host.done(event="alarm")
        assert "since" in record["data"]
