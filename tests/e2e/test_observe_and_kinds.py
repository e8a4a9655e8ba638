"""What is looked at and what is not: modes, exempt chats, and every way in which a file can arrive."""

from __future__ import annotations

from typing import Any

import pytest

from e2e.conftest import Town
from e2e.files import NOTE, PICTURE, PROGRAM, post_note, post_program
from e2e.host import Host, build, polling
from lazaretto.model import Action


async def test_observe_mode_touches_nothing_and_records_what_it_would_have_done(town: Town) -> None:
    async with town.host(mode="observe") as host:
        posted = await post_program(town.group, town.eve)
        verdict = await host.verdict(posted)
        await host.saw(posted)
        record = await host.done(event="decided", attachment=verdict.attachment.id)
        await host.done(event="finished", attachment=verdict.attachment.id)

        assert (verdict.decision.action, verdict.decision.enforced) == (Action.QUARANTINE, False)
        assert (record["data"]["action"], record["data"]["enforced"]) == ("quarantine", False)
        assert host.times_seen(posted) == 1
        assert not posted.deleted
        assert town.moderators.messages == []
        assert not list((town.state / "vault").glob("*.age"))
    changing = {"deleteMessage", "deleteMessages", "sendMessage", "sendDocument", "restrictChatMember", "banChatMember"}
    assert changing.isdisjoint(call.method for call in town.tg.calls)


async def test_a_slow_download_in_an_observed_group_delays_nobody(town: Town) -> None:
    async with town.host(mode="observe") as host:
        hold = town.tg.faults.hold_download(after=5)
        posted = await post_note(town.group, town.ann)
        await hold.reached()
        await host.saw(posted)
        hold.release()
        await host.verdict(posted)


async def test_the_moderators_chat_is_never_screened(town: Town, host: Host) -> None:
    posted = await post_program(town.moderators, town.mila, "evidence.jpg")
    await host.saw(posted)
    assert not posted.deleted
    assert host.verdicts.all == []
    assert town.tg.downloads == ()


async def test_our_own_posts_are_never_screened(town: Town, host: Host) -> None:
    """Telegram shows a bot what it posted itself where the bot is also a channel's or a business's voice."""
    fields = town.tg.attach("document", PROGRAM, name="holiday.jpg")
    message = {"message_id": 900, "date": 1, "chat": town.group.json(), "from": town.tg.bot.json(), **fields}
    await town.tg.inject({"message": message})
    await host.updates.first(lambda update: update.message is not None and update.message.message_id == 900)
    assert host.verdicts.all == []


async def test_a_reply_to_a_released_file_is_not_judged_for_it(town: Town, host: Host) -> None:
    await post_program(town.group, town.eve)
    card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
    await (await town.tg.press(town.mila, card, "Release")).answered()
    back = await town.group.wait_for(lambda m: m.sender == town.tg.bot and m.document is not None)
    await host.done(event="released")
    reply = await town.group.post_text(town.ann, "Nice one", reply_to=back)
    await host.saw(reply)
    assert len(host.verdicts.all) == 1


async def test_a_file_shown_by_an_external_reply_is_judged(town: Town, host: Host) -> None:
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}
    carried = town.tg.attach("document", PROGRAM, name="holiday.jpg")
    posted = await town.group.post_text(town.eve, "Look at that", external_reply={"origin": origin, **carried})
    verdict = await host.verdict(posted)
    await town.tg.wait_until(lambda: posted.deleted)
    await host.settled(town.group, town.ann)
    assert verdict.attachment.parts[0].path == "message.external_reply.document"
    assert verdict.decision.holds
    assert host.times_seen(posted) == 0


async def test_edited_media_is_judged_again(town: Town, host: Host) -> None:
    posted = await post_note(town.group, town.eve)
    await host.saw(posted)
    await town.group.edit(posted, **town.tg.attach("document", PROGRAM, name="minutes.txt"))
    await host.verdicts.first(lambda v: v.decision.holds)
    await town.tg.wait_until(lambda: posted.deleted)
    await host.settled(town.group, town.ann)
    assert host.times_seen(posted) == 1
    assert host.verdicts.all[1].attachment.parts[0].path == "edited_message.document"


async def test_an_edited_caption_goes_on_without_another_download(town: Town, host: Host) -> None:
    posted = await post_note(town.group, town.ann, caption="The minuts")
    await host.saw(posted)
    await town.group.edit(posted, caption="The minutes")
    await host.updates.first(lambda update: update.edited_message is not None)
    await host.settled(town.group, town.ann)
    assert host.times_seen(posted) == 2
    assert len(town.tg.downloads) == 1


@pytest.mark.parametrize("kind", ["document", "photo", "video", "animation", "audio", "voice", "video_note", "sticker"])
async def test_every_kind_is_judged_and_a_clean_one_goes_on(town: Town, host: Host, kind: str) -> None:
    posted = await town.group.post(town.ann, **town.tg.attach(kind, PICTURE))
    verdict = await host.verdict(posted)
    await host.saw(posted)
    assert [part.claim.kind for part in verdict.attachment.parts] == ([kind, "cover"] if kind == "video" else [kind])
    assert {report.size for report in verdict.reports} == {len(PICTURE)}


@pytest.mark.parametrize("kind", ["photo", "video", "sticker", "voice"])
async def test_a_program_is_held_whatever_kind_it_is_posted_as(town: Town, host: Host, kind: str) -> None:
    posted = await town.group.post(town.eve, **town.tg.attach(kind, PROGRAM))
    await town.tg.wait_until(lambda: posted.deleted)
    await host.settled(town.group, town.ann)
    assert host.times_seen(posted) == 0


async def test_a_program_as_a_video_s_cover_is_held_and_comes_back_with_its_video(town: Town, host: Host) -> None:
    video = town.tg.attach("video", PICTURE)["video"] | {"cover": town.tg.attach("photo", PROGRAM)["photo"]}
    posted = await town.group.post(town.eve, video=video)
    await town.tg.wait_until(lambda: posted.deleted)
    card = await town.moderators.wait_for(lambda message: "Quarantined" in (message.text or ""))
    await (await town.tg.press(town.mila, card, "Release")).answered()
    await town.group.wait_for(lambda message: message.sender == town.tg.bot)
    assert town.tg.calls_of("sendVideo")[-1].params["cover"] == video["cover"][-1]["file_id"]


async def test_a_kind_that_the_library_does_not_know_is_judged(town: Town, host: Host) -> None:
    carried = town.tg.attach("document", PROGRAM, name="holiday.jpg")["document"]
    blocks: dict[str, Any] = {"blocks": [{"type": "document", "document": carried}]}
    posted = await town.group.post(town.eve, rich_message=blocks)
    verdict = await host.verdict(posted)
    await town.tg.wait_until(lambda: posted.deleted)
    await host.settled(town.group, town.ann)
    assert verdict.attachment.parts[0].path == "message.rich_message.blocks.0.document"
    assert host.times_seen(posted) == 0


async def test_a_file_in_a_private_chat_is_judged_by_the_private_policy(town: Town, host: Host) -> None:
    private = town.tg.private(town.ann)
    posted = await private.post_document(town.ann, NOTE, name="mine.txt")
    verdict = await host.verdict(posted)
    await host.saw(posted)
    assert verdict.attachment.place.private


async def test_a_group_that_the_operator_did_not_allow_is_left_alone(town: Town) -> None:
    allowed = town.other_group("Book club")
    config = town.config()
    config["groups"]["allowed"] = [str(allowed.id)]
    async with polling(build(town.tg, config)) as host:
        posted = await post_program(town.group, town.eve)
        await host.saw(posted)
        bad = await post_program(allowed, town.eve)
        await town.tg.wait_until(lambda: bad.deleted)
        assert not posted.deleted
        assert len(host.verdicts.all) == 1
