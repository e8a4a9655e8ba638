"""What becomes of a file: it goes on, or it is held, and then its moderators decide."""

from __future__ import annotations

from card_buttons import deciding
from e2e.conftest import Town
from e2e.files import PROGRAM, post_note, post_program
from e2e.host import Host, events
from lazaretto.emulator import Message
from lazaretto.model import Action, CaseState
from lazaretto.quarantine import AgeVault


async def test_a_clean_file_goes_on_to_the_hosts_handler_exactly_once(town: Town, host: Host) -> None:
    posted = await post_note(town.group, town.ann)
    verdict = await host.verdict(posted)
    await host.settled(town.group, town.ann)

    assert verdict.decision.action is Action.FORWARD
    assert host.times_seen(posted) == 1
    assert town.group.find(posted.message_id) is posted
    assert town.moderators.messages == []


async def test_the_host_sees_a_file_only_after_it_was_judged(town: Town, host: Host) -> None:
    hold = town.tg.faults.hold_download(after=10)
    posted = await post_note(town.group, town.ann)
    await hold.reached()
    await host.saw(await town.group.post_text(town.ann, "Have you seen the minutes?"))
    assert host.times_seen(posted) == 0

    hold.release()
    update = await host.saw(posted)
    assert host.verdicts.all[0].name == "minutes.txt"
    assert host.reports[update.update_id][0].media_type == "text/plain"


async def test_a_bad_file_is_removed_and_the_host_never_sees_it(town: Town, host: Host) -> None:
    posted = await post_program(town.group, town.eve)
    verdict = await host.verdict(posted)
    await town.tg.wait_until(lambda: posted.deleted)
    await host.settled(town.group, town.ann)

    assert (verdict.decision.action, verdict.decision.enforced) == (Action.QUARANTINE, True)
    assert host.times_seen(posted) == 0


async def test_a_bad_file_is_sealed_unreadably_and_unseals_to_the_same_bytes(town: Town, host: Host) -> None:
    posted = await post_program(town.group, town.eve)
    await host.done(event="done", kind="remove")
    case = await (await host.guard.start()).store.case(1)

    assert case is not None
    (sealed,) = case.sealed
    stored = (town.state / "vault" / f"{sealed.item}.age").read_bytes()
    assert stored.startswith(b"age-encryption.org/v1")
    assert b"MZ" + PROGRAM[2:64] not in stored
    async with AgeVault(town.state / "vault", town.state / "vault.key").unsealed(sealed.item) as path:
        assert path.read_bytes() == PROGRAM == posted.data
    assert not any(path.read_bytes() for path in (town.state / "spool").iterdir())  # the spare's file is empty


async def test_the_evidence_is_sealed_before_the_message_is_deleted(town: Town, host: Host) -> None:
    hold = town.tg.faults.hold("deleteMessage")
    posted = await post_program(town.group, town.eve)
    await hold.reached()
    sealed = list((town.state / "vault").glob("*.age"))
    said = [record["event"] for record in await events((await host.guard.start()).store)]
    assert not posted.deleted
    assert len(sealed) == 1
    assert said.index("screened") < said.index("decided") < said.index("opened") < said.index("attempted")

    hold.release()
    await town.tg.wait_until(lambda: posted.deleted)
    methods = [call.method for call in town.tg.calls if call.method in ("getFile", "deleteMessage")]
    assert methods == ["getFile", "deleteMessage"]


async def test_the_card_says_what_it_claims_what_it_is_why_who_and_where(town: Town, host: Host) -> None:
    await post_program(town.group, town.eve, "holiday.jpg", caption="Look who is on it!")
    card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))

    verdict = host.verdicts.all[0]
    digest = verdict.reports[0].sha256
    text = card.text or ""
    for fact in (
        "holiday.jpg",
        "image/jpeg",
        str(digest),
        f"{len(PROGRAM):,} bytes",
        "Eve",
        "@eve",
        str(town.group.id),
    ):
        assert fact in text
    assert verdict.rules[0] in text
    assert deciding(card.buttons) == ["✅ Release", "⛔ Confirm"]


async def _released(town: Town, host: Host) -> Message:
    await post_program(town.group, town.eve, "holiday.jpg", caption="Look & <b>see</b>!")
    card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
    press = await town.tg.press(town.mila, card, "Release")
    assert "posted again" in (await press.answered()).text
    return await town.group.wait_for(lambda m: m.sender == town.tg.bot and m.document is not None)


async def test_a_released_file_is_back_with_its_senders_name_and_caption(town: Town, host: Host) -> None:
    back = await _released(town, host)
    assert back.data == PROGRAM
    assert back.caption == "From Eve, released by a moderator\nLook & <b>see</b>!"
    await host.done(event="released")
    case = await (await host.guard.start()).store.case(1)
    assert case is not None
    assert case.state is CaseState.RELEASED


async def test_a_released_file_is_not_caught_again(town: Town, host: Host) -> None:
    await _released(town, host)
    again = await post_program(town.group, town.ann, "holiday.jpg")
    verdict = await host.verdict(again)
    assert verdict.decision.action is Action.FORWARD
    assert "precedent.granted" in verdict.rules
    await host.saw(again)


async def test_a_released_picture_does_not_come_back_as_a_program(town: Town, host: Host) -> None:
    await _released(town, host)
    renamed = await town.group.post_document(town.eve, PROGRAM, name="holiday.exe", mime="application/x-msdownload")
    verdict = await host.verdict(renamed)
    assert verdict.decision.holds
    await town.tg.wait_until(lambda: renamed.deleted)


async def test_a_confirmed_file_is_caught_under_any_name(town: Town) -> None:
    """Its type is only flagged here, so it is held for the moderators' word alone."""
    async with town.host(actions={"dangerous": "flag", "spoofed": "flag"}) as host:
        first = await post_program(town.group, town.eve)
        card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        await host.saw(first)
        press = await town.tg.press(town.mila, card, "Confirm")
        assert "blocked here" in (await press.answered()).text
        await town.tg.wait_until(lambda: first.deleted)

        for name in ("holiday.jpg", "grandma.png"):
            again = await post_program(town.group, town.ann, name)
            verdict = await host.verdict(again)
            assert verdict.decision.holds
            assert verdict.rules[0] == "precedent.confirmed"
            await town.tg.wait_until(lambda posted=again: posted.deleted)  # type: ignore[misc]


async def test_what_one_group_confirmed_is_no_precedent_in_another(town: Town, host: Host) -> None:
    await post_program(town.group, town.eve)
    card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
    await (await town.tg.press(town.mila, card, "Confirm")).answered()
    other = town.other_group("Book club")
    verdict = await host.verdict(await post_program(other, town.eve))
    assert "precedent.confirmed" not in verdict.rules


async def test_a_rejected_file_is_removed_and_nothing_of_it_is_kept(town: Town) -> None:
    async with town.host(actions={"dangerous": "reject", "spoofed": "reject"}) as host:
        posted = await post_program(town.group, town.eve)
        verdict = await host.verdict(posted)
        await host.done(event="done", kind="remove")
        assert verdict.decision.action is Action.REJECT
        assert posted.deleted
        assert not list((town.state / "vault").glob("*.age"))
        assert town.moderators.messages == []


async def test_a_flagged_file_goes_on_and_has_a_card(town: Town) -> None:
    async with town.host(actions={"dangerous": "flag", "spoofed": "flag"}) as host:
        posted = await post_program(town.group, town.eve)
        card = await town.moderators.wait_for(lambda m: "Flagged" in (m.text or ""))
        await host.saw(posted)
        assert not posted.deleted
        said = await (await town.tg.press(town.mila, card, "Release")).answered()
        assert "its attachment stays" in said.text


async def test_the_audit_log_names_the_layers_behind_which_a_file_was_looked_at(town: Town, host: Host) -> None:
    await host.verdict(await post_note(town.group, town.ann))
    record = await host.done(event="screened")
    (part,) = record["data"]["parts"]
    assert {"no-new-privs", "undumpable", "rlimits", "cpu-timer", "seccomp"} <= {*part["layers"]}
