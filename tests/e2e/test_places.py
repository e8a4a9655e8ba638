"""Where a message can stand beside a group: channels and their discussion, private chats, business, guests, topics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import NOTE, post_note, post_program
from e2e.host import PATIENCE, Host, build, policies, polling
from lazaretto.emulator import BusinessRights, Chat, Rights


def everywhere(town: Town, **sections: Any) -> dict[str, Any]:
    """A configuration in which everything is guarded, unless a section says otherwise."""
    guarded = dict.fromkeys(("defaults", "private", "channels"), town.guarded)
    return policies(town.state, {}, **{**guarded, **sections})


@pytest.fixture
async def host(town: Town) -> AsyncIterator[Host]:
    """A host that polls, with every chat guarded."""
    config = everywhere(town) | {"owners": [str(town.mila.id)]}
    async with polling(build(town.tg, config)) as host:
        yield host


@pytest.fixture
def channel(town: Town) -> Chat:
    """A channel whose posts appear in the town's group."""
    return town.tg.channel("Chess news", admins=[town.mila], bot_rights=Rights.full(), discussion=town.group)


# -- channels --------------------------------------------------------------------------------------------------------


async def test_a_bad_post_of_a_channel_is_removed_there_and_in_its_discussion(
    town: Town, host: Host, channel: Chat
) -> None:
    bad = await post_program(channel, town.mila)
    copy = town.group.messages[-1]
    assert copy.content["is_automatic_forward"]
    await town.tg.wait_until(lambda: bad.deleted and copy.deleted, PATIENCE)
    await host.settled(town.group, town.ann)
    assert (host.times_seen(bad), host.times_seen(copy)) == (0, 0)


async def test_a_clean_post_of_a_channel_is_seen_in_both_places(town: Town, host: Host, channel: Chat) -> None:
    good = await post_note(channel, town.mila)
    copy = town.group.messages[-1]
    await host.saw(good)
    await host.saw(copy)
    assert (await host.verdict(good)).attachment.place.channel
    assert not (await host.verdict(copy)).attachment.place.channel


async def test_an_edited_post_of_a_channel_is_judged_again(town: Town, host: Host, channel: Chat) -> None:
    post = await post_note(channel, town.mila)
    await host.saw(post)
    await channel.edit(post, **town.tg.attach("document", b"MZ" + bytes(100), name="notes.exe"))
    verdict = await host.verdicts.first(lambda verdict: verdict.name == "notes.exe")
    assert verdict.attachment.message == str(post.message_id)


@pytest.mark.parametrize("follow", [False, True], ids=["the copy stays", "the copy follows"])
async def test_whatever_becomes_of_its_copy_an_edited_post_is_judged_wherever_it_is_shown(
    town: Town, host: Host, follow: bool
) -> None:
    """Telegram's own behaviour is not proved: the gate bears both."""
    channel = town.tg.channel(
        "Club news", admins=[town.mila], bot_rights=Rights.full(), discussion=town.group, copies_follow=follow
    )
    post = await post_note(channel, town.mila)
    copy = town.group.messages[-1]
    await host.saw(copy)
    await channel.edit(post, **town.tg.attach("document", b"MZ" + bytes(100), name="notes.exe"))
    await town.tg.wait_until(lambda: post.deleted and copy.deleted == follow, PATIENCE)
    await host.settled(town.group, town.ann)
    assert (host.times_seen(post), host.times_seen(copy), copy.deleted) == (1, 1, follow)


async def test_channels_have_a_policy_of_their_own(town: Town, channel: Chat) -> None:
    config = everywhere(town, channels={"mode": "observe"})
    async with polling(build(town.tg, config)) as host:
        bad = await post_program(channel, town.mila)
        copy = town.group.messages[-1]
        assert not (await host.verdict(bad)).decision.enforced
        await host.saw(bad)
        await town.tg.wait_until(lambda: copy.deleted, PATIENCE)
        assert not bad.deleted


async def test_a_released_post_goes_back_into_its_channel(town: Town, host: Host, channel: Chat) -> None:
    bad = await post_program(channel, town.mila)
    await town.tg.wait_until(lambda: bad.deleted, PATIENCE)
    card = await town.moderators.wait_for(lambda m: str(channel.id) in (m.text or ""), PATIENCE)
    await (await town.tg.press(town.mila, card, "Release")).answered()
    back = await channel.wait_for(lambda m: m.sender == town.tg.bot or m.data == bad.data, PATIENCE)
    assert back.data == bad.data


# -- private chats, business accounts, guests ------------------------------------------------------------------------


async def test_a_bad_file_in_a_private_chat_is_removed_by_the_private_policy(town: Town, host: Host) -> None:
    bad = await post_program(town.tg.private(town.eve), town.eve)
    verdict = await host.verdict(bad)
    assert verdict.attachment.place.private
    await town.tg.wait_until(lambda: bad.deleted, PATIENCE)
    await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""), PATIENCE)


async def test_private_chats_have_a_policy_of_their_own(town: Town) -> None:
    async with polling(build(town.tg, everywhere(town, private={"mode": "observe"}))) as host:
        bad = await post_program(town.tg.private(town.eve), town.eve)
        assert not (await host.verdict(bad)).decision.enforced
        await host.saw(bad)
        assert not bad.deleted


async def test_a_bad_file_for_a_business_account_is_removed_in_its_name(town: Town, host: Host) -> None:
    rights = BusinessRights(can_reply=True, can_read_messages=True, can_delete_all_messages=True)
    chat = town.tg.business(town.ann, rights).chat_with(town.eve)
    bad = await post_program(chat, town.eve)
    await town.tg.wait_until(lambda: bad.deleted, PATIENCE)
    assert town.tg.calls_of("deleteMessage") == ()
    await host.settled(town.group, town.ann)
    assert host.times_seen(bad) == 0


async def test_without_the_right_to_delete_a_business_message_is_held_and_the_refusal_audited(
    town: Town, host: Host
) -> None:
    chat = town.tg.business(town.ann).chat_with(town.eve)
    bad = await post_program(chat, town.eve)
    refused = await host.done(event="failed", kind="remove")
    assert refused["data"]["why"]
    assert not bad.deleted
    await host.settled(town.group, town.ann)
    assert host.times_seen(bad) == 0


async def test_an_edited_business_message_is_judged(town: Town, host: Host) -> None:
    rights = BusinessRights(can_reply=True, can_read_messages=True, can_delete_all_messages=True)
    chat = town.tg.business(town.ann, rights).chat_with(town.eve)
    message = await post_note(chat, town.eve)
    await host.verdict(message)
    await chat.edit(message, **town.tg.attach("document", NOTE, name="minutes.pdf.exe"))
    await host.verdicts.first(lambda verdict: verdict.name == "minutes.pdf.exe")


async def test_a_file_that_a_guest_bot_is_called_to_is_judged_and_cannot_be_removed(town: Town, host: Host) -> None:
    elsewhere = town.tg.group("Elsewhere", members=[town.eve], with_bot=False)
    called = await elsewhere.summon(
        town.eve, "@lazaretto_demo_bot look", **town.tg.attach("document", NOTE, name="a.exe")
    )
    await host.verdicts.first(lambda verdict: verdict.attachment.message == str(called.message_id))


# -- topics, anonymous administrators --------------------------------------------------------------------------------


async def test_a_release_goes_back_into_its_topic(town: Town, host: Host) -> None:
    forum = town.tg.group("Forum", members=[town.eve], admins=[town.mila], bot_rights=Rights.full(), forum=True)
    topic = forum.open_topic("Endgames", town.mila)
    bad = await post_program(forum, town.eve, topic=topic)
    await town.tg.wait_until(lambda: bad.deleted, PATIENCE)
    card = await town.moderators.wait_for(lambda m: str(forum.id) in (m.text or ""), PATIENCE)
    await (await town.tg.press(town.mila, card, "Release")).answered()
    back = await forum.wait_for(lambda m: m.sender == town.tg.bot, PATIENCE)
    assert back.content["message_thread_id"] == topic.thread_id


async def test_an_anonymous_administrator_is_screened_like_everybody(town: Town, host: Host) -> None:
    bad = await post_program(town.group, town.mila, as_chat=town.group)
    verdict = await host.verdict(bad)
    assert verdict.attachment.sender.id == str(town.group.id)
    await town.tg.wait_until(lambda: bad.deleted, PATIENCE)
