"""The outbox at work: order, refusals, and what a crash leaves behind."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from fakes import FakePlatform, FakeStore, FakeVault, Story, an_attachment, digest_of
from lazaretto.alarms import Cause
from lazaretto.conditions import Conditions
from lazaretto.deeds import Deeds
from lazaretto.metrics import Metrics
from lazaretto.model import Action, Attachment, Case, Decision, SealedPart
from lazaretto.pace import Pace, Pacer
from lazaretto.ports import (
    Deed,
    DeedKind,
    Gone,
    Later,
    NotAllowed,
    NotThere,
    Refused,
    Unavailable,
    Unreachable,
    Unsure,
)

HELD = Decision(Action.QUARANTINE, enforced=True)


@dataclass
class Office:
    """An outbox with a platform behind it."""

    story: Story
    store: FakeStore
    platform: FakePlatform
    vault: FakeVault
    metrics: Metrics = field(default_factory=Metrics)
    pauses: list[float] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        pacer = Pacer(Pace(per_second=1000, chat_per_minute=6000), lambda: self.now)
        conditions = Conditions(metrics=self.metrics, pacer=pacer, sleep=self.pause)
        self.deeds = Deeds(self.store, self.platform, self.vault, conditions)

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def case(self, name: str = "a1", *sealed: SealedPart) -> Case:
        return self.store.open_case(an_attachment("note", name=name), HELD, sealed=sealed)

    def intend(
        self, kind: DeedKind, case: Case | None = None, *, attempted: bool = False, note: str = "", room: str = ""
    ) -> Deed:
        about = case or self.case()
        return self.store.intend(kind, about.attachment, about, attempted=attempted, note=note, room=room)

    async def until(self, *events: str) -> None:
        """The story holds a line that begins like each of these."""
        async with asyncio.timeout(5):
            while not all(any(line.startswith(event) for line in self.story) for event in events):
                await asyncio.sleep(0)

    def happened(self, *events: str) -> list[str]:
        return [line for line in self.story if line.startswith(events)]

    def counted(self, kind: DeedKind, outcome: str) -> float | None:
        return self.metrics.registry.get_sample_value("lazaretto_deeds_total", {"kind": kind, "outcome": outcome})


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    story: Story = []
    made = Office(story, FakeStore(story), FakePlatform(story), FakeVault(story, tmp_path))
    yield made
    made.platform.faults.hooks.clear()
    await made.deeds.stop()
    assert not list(tmp_path.iterdir())  # nothing decrypted is left behind


async def test_every_try_is_written_down_before_and_after(office: Office) -> None:
    office.intend(DeedKind.REMOVE)
    office.deeds.start()
    await office.until("done")
    assert office.story == ["attempting remove", "remove m-17", "done remove"]
    assert office.counted(DeedKind.REMOVE, "done") == 1
    sample = office.metrics.registry.get_sample_value
    assert sample("lazaretto_exposure_seconds_count", {"group": "other"}) == 1


async def test_a_removal_is_begun_before_the_cards_that_were_intended_earlier(office: Office) -> None:
    case = office.case()
    office.intend(DeedKind.CARD, case)
    office.intend(DeedKind.REMOVE, case)
    office.deeds.start()
    await office.until("done remove", "done card")
    assert office.happened("attempting") == ["attempting remove", "attempting card"]


async def test_slow_cards_do_not_delay_a_removal(office: Office) -> None:
    never = asyncio.Event()
    office.platform.faults.hooks["notify"] = never.wait
    for number in range(20):
        office.intend(DeedKind.CARD, office.case(f"a{number}"))
    office.deeds.start()
    await office.until("notify")
    office.intend(DeedKind.REMOVE, office.case("urgent"))
    office.deeds.wake()
    await office.until("done remove")
    assert 1 <= len(office.happened("notify")) < 20  # and not all of them are asked for at once
    never.set()
    async with asyncio.timeout(5):
        while len(office.happened("done card")) < 20:
            await asyncio.sleep(0)


async def test_a_chat_that_the_platform_refuses_for_a_while_keeps_no_other_waiting(office: Office) -> None:
    office.platform.faults.errors["notify"] = [Later(3600)]
    for number in range(5):
        office.intend(DeedKind.CARD, office.case(f"a{number}"), room="busy")
    office.deeds.start()
    await office.until("postpone card")
    office.intend(DeedKind.CARD, office.case("other"), room="calm")
    office.intend(DeedKind.REMOVE, office.case("urgent"), room="busy")  # another kind of request
    office.deeds.wake()
    await office.until("done card", "done remove")
    tried = len(office.happened("notify"))
    assert len(office.happened("done card")) + 1 == tried  # the refused one is not asked for again
    office.intend(DeedKind.CARD, office.case("late"), room="busy")
    office.intend(DeedKind.CARD, office.case("late other"), room="calm")
    office.deeds.wake()
    async with asyncio.timeout(5):
        while len(office.happened("notify")) == tried:
            await asyncio.sleep(0)
    assert office.happened("notify")[tried:] == [f"notify {len(office.store.cases)}"]


async def test_slow_posts_in_one_chat_leave_room_for_another(office: Office) -> None:
    never = asyncio.Event()
    office.platform.faults.hooks["notify"] = never.wait
    for number in range(20):
        office.intend(DeedKind.CARD, office.case(f"a{number}"), room="slow")
    office.deeds.start()
    await office.until("notify")
    other = office.case("other")
    office.intend(DeedKind.CARD, other, room="quick")
    office.deeds.wake()
    await office.until(f"notify {other.id}")
    never.set()


async def test_a_crash_leaves_no_more_than_one_card_in_doubt(office: Office) -> None:
    office.platform.faults.hooks["notify"] = partial(asyncio.sleep, 0.01)
    for number in range(5):
        office.intend(DeedKind.CARD, office.case(f"a{number}"), room=f"room {number}")
    office.deeds.start()
    in_doubt = 0
    async with asyncio.timeout(5):
        while len(done := office.happened("done card")) < 5:
            in_doubt = max(in_doubt, len(office.happened("attempting card")) - len(done))
            await asyncio.sleep(0)
    assert in_doubt == 1


async def test_an_older_note_is_not_written_over_a_newer_one(office: Office) -> None:
    answer = asyncio.Event()
    office.platform.faults.hooks["update-card"] = answer.wait
    case = office.case()
    office.intend(DeedKind.CARD, case)
    office.deeds.start()
    await office.until("done card")
    office.intend(DeedKind.UPDATE_CARD, case, note="first")
    office.deeds.wake()
    await office.until("attempting update-card")
    office.intend(DeedKind.UPDATE_CARD, case, note="second")
    office.intend(DeedKind.REMOVE, office.case("other"))
    office.deeds.wake()
    await office.until("done remove")
    assert len(office.happened("attempting update-card")) == 1
    answer.set()
    async with asyncio.timeout(5):
        while len(office.happened("done update-card")) < 2:
            await asyncio.sleep(0)


async def test_a_card_tells_what_it_is_about_and_where_the_audit_log_stands(office: Office) -> None:
    office.intend(DeedKind.CARD)
    office.deeds.start()
    await office.until("done card feather-1")
    assert office.platform.shown == [(1, False, "12:abc")]


async def test_a_card_is_brought_up_to_date_with_its_note(office: Office) -> None:
    case = office.case()
    office.store.cards[case.id] = "feather-1"
    office.intend(DeedKind.UPDATE_CARD, case, note="released")
    office.deeds.start()
    await office.until("done update-card")
    assert office.happened("update-card") == ["update-card feather-1: released"]


async def test_a_card_that_is_not_there_yet_is_waited_for(office: Office) -> None:
    office.intend(DeedKind.UPDATE_CARD, note="released")
    office.deeds.start()
    await office.until("postpone update-card 1")
    assert office.happened("update-card") == []


async def test_a_publication_sends_the_bytes_from_the_vault(office: Office) -> None:
    office.vault.items = {"item-0": b"one", "item-1": b"two"}
    sealed = [SealedPart(i, f"item-{i}", digest_of(data), 3) for i, data in enumerate((b"one", b"two"))]
    office.intend(DeedKind.PUBLISH, office.case("a1", *sealed))
    office.deeds.start()
    await office.until("done publish feather-9")
    assert office.platform.published == [b"one", b"two"]


# -- what the platform says ----------------------------------------------------------------------------------------


ASKED = [
    (DeedKind.REMOVE, "remove"),
    (DeedKind.CARD, "notify"),
    (DeedKind.PUBLISH, "publish"),
    (DeedKind.UPDATE_CARD, "update-card"),
]
every_kind = pytest.mark.parametrize(("kind", "method"), ASKED, ids=[kind.value for kind, _ in ASKED])


def a_deed(office: Office, kind: DeedKind) -> Deed:
    case = office.case()
    office.store.cards[case.id] = "feather-1"
    return office.intend(kind, case)


@every_kind
async def test_a_platform_that_is_busy_is_asked_again_later(office: Office, kind: DeedKind, method: str) -> None:
    office.platform.faults.errors[method] = [Later(7)]
    deed = a_deed(office, kind)
    office.deeds.start()
    await office.until(f"postpone {kind} 7")
    office.store.postponed.clear()
    office.now += 7
    office.deeds.wake()
    await office.until(f"done {kind}")
    assert (
        not office.store.outbox[deed.id].attempted or kind is not DeedKind.CARD or office.platform.shown[0][1] is False
    )
    assert office.counted(kind, "postponed") == 1


async def test_a_platform_that_cannot_be_reached_is_tried_with_one_deed_and_then_everything_goes_on(
    office: Office,
) -> None:
    async def passes(seconds: float) -> list[str]:
        """What happens once so many seconds have passed."""
        before = len(office.story)
        office.now += seconds
        office.store.postponed.clear()
        office.deeds.wake()
        await asyncio.sleep(0.05)
        return office.story[before:]

    office.platform.faults.errors["remove"] = [Unreachable(5)] * 2
    office.intend(DeedKind.REMOVE, room="group")
    office.deeds.start()
    await office.until("postpone remove 5")
    for number in range(5):
        office.intend(DeedKind.CARD, office.case(f"a{number}"), room=f"council {number}")
        office.intend(DeedKind.REMOVE, office.case(f"b{number}"), room=f"group {number}")
    assert await passes(4) == []  # whatever it is, and wherever
    assert await passes(1) == ["attempting remove", "remove m-17", "postpone remove 5"]
    assert await passes(9) == []
    office.now += 1
    office.deeds.wake()
    async with asyncio.timeout(10):
        while len(office.happened("done remove")) < 6 or len(office.happened("done card")) < 5:
            office.deeds.wake()
            await asyncio.sleep(0.01)
    assert len(office.happened("remove")) == 8


async def test_a_chat_that_the_bot_is_not_in_any_more_is_an_alarm_that_passes_and_a_lost_moderators_chat_one_that_lasts(
    office: Office,
) -> None:
    office.platform.faults.errors["remove"] = [NotThere("bot was kicked")]
    office.platform.faults.errors["notify"] = [NotThere("bot was kicked")]
    office.intend(DeedKind.REMOVE, office.case("a"), room="club")
    office.intend(DeedKind.CARD, office.case("b"), room="council")
    office.deeds.start()
    await office.until("failed remove", "failed card")
    await asyncio.sleep(0)
    states = office.deeds._alarms._states
    assert states[Cause.RIGHTS, "club"].until is not None
    assert states[Cause.MODERATORS, "council"].until is None


@every_kind
async def test_what_is_refused_for_good_is_not_asked_again(office: Office, kind: DeedKind, method: str) -> None:
    office.platform.faults.errors[method] = [Refused("not enough rights")]
    a_deed(office, kind)
    office.deeds.start()
    await office.until(f"failed {kind}: not enough rights")
    office.deeds.wake()
    await asyncio.sleep(0)
    assert len([line for line in office.story if line.startswith(f"{method} ")]) == 1
    assert office.counted(kind, "failed") == 1


@every_kind
async def test_what_nobody_knows_is_left_to_the_store(office: Office, kind: DeedKind, method: str) -> None:
    office.platform.faults.errors[method] = [Unsure("no answer")]
    a_deed(office, kind)
    office.deeds.start()
    await office.until(f"unsure {kind}: no answer")
    assert office.happened("done", "failed", "postpone") == []
    assert office.counted(kind, "unknown") == 1


async def test_a_card_of_unknown_outcome_says_that_it_comes_again(office: Office) -> None:
    office.platform.faults.errors["notify"] = [Unsure("no answer")]
    office.intend(DeedKind.CARD)
    office.deeds.start()
    await office.until("unsure card")
    office.store.postponed.clear()
    office.deeds.wake()
    await office.until("done card")
    assert office.platform.shown == [(1, True, "12:abc")]


# -- after a crash -------------------------------------------------------------------------------------------------


async def test_an_interrupted_publication_is_asked_about_and_never_sent_again(office: Office) -> None:
    office.intend(DeedKind.PUBLISH, attempted=True)
    office.deeds.start()
    await office.until("unsure publish: interrupted before the platform answered")
    assert office.happened("publish", "attempting") == []


async def test_an_interrupted_card_is_sent_again_and_says_so(office: Office) -> None:
    office.intend(DeedKind.CARD, attempted=True)
    office.deeds.start()
    await office.until("done card")
    assert office.platform.shown == [(1, True, "12:abc")]


async def test_an_interrupted_removal_is_simply_repeated(office: Office) -> None:
    office.intend(DeedKind.REMOVE, attempted=True)
    office.deeds.start()
    await office.until("done remove")
    assert office.happened("remove") == ["remove m-17"]


# -- when we fail --------------------------------------------------------------------------------------------------


async def test_an_outbox_that_cannot_be_read_for_a_while_is_read_again(office: Office) -> None:
    office.store.faults.errors["due"] = [RuntimeError("locked"), OSError("full")]
    office.intend(DeedKind.REMOVE)
    office.deeds.start()
    await office.until("done remove")
    assert office.pauses == [1.0, 1.0]


async def test_a_deed_that_cannot_be_written_down_is_not_done_and_not_tried_without_a_pause(office: Office) -> None:
    office.store.faults.errors["attempting"] = [RuntimeError("locked")] * 3
    office.intend(DeedKind.REMOVE)
    office.deeds.start()
    await office.until("done remove")
    assert len(office.happened("attempting")) == 4
    assert office.pauses == [1.0, 2.0, 4.0]
    assert office.happened("remove") == ["remove m-17"]


async def test_a_deed_that_always_fails_by_a_fault_of_ours_is_tried_later_and_later_and_then_given_up(
    office: Office,
) -> None:
    office.platform.faults.errors["notify"] = [KeyError("bug")] * 100
    office.intend(DeedKind.CARD, room="council")
    office.deeds.start()
    await office.until("failed card: a fault of the bot's own (KeyError)")
    assert office.pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
    assert len(office.happened("notify")) == 8
    assert office.counted(DeedKind.CARD, "failed") == 1
    sample = office.metrics.registry.get_sample_value
    assert sample("lazaretto_errors_total", {"cause": "deed"}) == 8
    assert sample("lazaretto_alarms", {"cause": "fault"}) == 1
    del office.platform.faults.errors["notify"]
    office.intend(DeedKind.CARD, office.case("next"), room="council")
    office.deeds.wake()
    await office.until("done card")
    assert sample("lazaretto_alarms", {"cause": "fault"}) == 1  # what was given up is as it was


async def test_a_removal_is_tried_for_an_hour_before_it_is_given_up(office: Office) -> None:
    office.platform.faults.errors["remove"] = [KeyError("bug")] * 100
    office.intend(DeedKind.REMOVE)
    office.deeds.start()
    await office.until("failed remove")
    assert 3600 < sum(office.pauses) < 7200
    assert max(office.pauses) == 300


async def test_a_full_disk_is_no_fault_and_no_deed_is_given_up_for_it(office: Office) -> None:
    office.store.faults.errors["attempting"] = [Unavailable("full")] * 50
    office.intend(DeedKind.CARD)
    office.deeds.start()
    await office.until("done card")
    assert office.pauses == [1.0] * 50
    assert office.happened("failed") == []


async def test_what_cannot_even_be_given_up_is_tried_on(office: Office) -> None:
    office.platform.faults.errors["notify"] = [KeyError("bug")] * 9
    office.store.faults.errors["failed"] = [RuntimeError("locked")] * 2
    office.intend(DeedKind.CARD)
    office.deeds.start()
    await office.until("done card")
    assert len(office.happened("failed")) == 2


@pytest.mark.parametrize("poison", [DeedKind.CARD, DeedKind.REMOVE])
async def test_deeds_that_rest_take_no_room_from_others(
    office: Office, monkeypatch: pytest.MonkeyPatch, poison: DeedKind
) -> None:
    never = asyncio.Event()

    async def rest(_: float) -> None:
        await never.wait()

    monkeypatch.setattr(office.deeds, "_sleep", rest)
    method = {DeedKind.CARD: "notify", DeedKind.REMOVE: "remove"}[poison]
    office.platform.faults.errors[method] = [KeyError("bug")] * 20
    for number in range(20):
        office.intend(poison, office.case(f"a{number}"), room="busy")
    office.deeds.start()
    async with asyncio.timeout(5):
        while len(office.happened(method)) < 20:
            await asyncio.sleep(0)
    office.intend(poison, office.case("sound"), room="busy")
    office.deeds.wake()
    await office.until(f"done {poison}")
    async with asyncio.timeout(1):  # and stopping does not wait for them
        await office.deeds.stop()


async def test_a_card_is_shown_while_the_removal_of_its_file_rests(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = asyncio.Event()

    async def rest(_: float) -> None:
        await never.wait()

    monkeypatch.setattr(office.deeds, "_sleep", rest)
    office.platform.faults.errors["remove"] = [KeyError("bug")] * 100
    case = office.case()
    office.intend(DeedKind.REMOVE, case)
    office.intend(DeedKind.CARD, case)
    office.deeds.start()
    await office.until("done card")
    assert office.happened("failed") == []


async def test_groups_that_share_a_moderators_chat_take_turns(office: Office) -> None:
    for number in range(6):
        office.store.intend(
            DeedKind.CARD, (case := office.case(f"a{number}")).attachment, case, room="m", origin="raided"
        )
    for number in range(6, 8):
        office.store.intend(
            DeedKind.CARD, (case := office.case(f"a{number}")).attachment, case, room="m", origin="calm"
        )
    office.deeds.start()
    async with asyncio.timeout(5):
        while len(office.happened("done card")) < 8:
            await asyncio.sleep(0)
    assert office.happened("notify")[:4] == ["notify 1", "notify 7", "notify 2", "notify 8"]


async def test_a_deleted_card_is_told_of_as_gone(office: Office) -> None:
    office.platform.faults.errors["update-card"] = [Gone("message to edit not found")]
    case = office.case()
    office.store.cards[case.id] = "feather-1"
    office.intend(DeedKind.UPDATE_CARD, case, note="Case 2 is like it.")
    office.deeds.start()
    await office.until("failed update-card: message to edit not found (gone)")


async def test_an_alarm_names_nobody(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def hear(_cause: Cause, why: str, _where: str = "", **_: bool) -> None:
        said.append(why)

    monkeypatch.setattr(office.deeds._alarms, "on", hear)
    office.platform.faults.errors["remove"] = [NotAllowed("no right to delete what Ann wrote")]
    office.intend(DeedKind.REMOVE)
    office.deeds.start()
    await office.until("failed remove")
    await asyncio.sleep(0)
    assert said == ["no right to delete what … wrote"]


async def test_a_publication_that_fails_by_a_fault_of_ours_is_not_repeated(office: Office) -> None:
    office.platform.faults.errors["publish"] = [KeyError("bug")]
    office.intend(DeedKind.PUBLISH)
    office.deeds.start()
    await office.until("unsure publish")
    assert office.happened("publish") == ["publish 1"]


async def test_a_deed_that_ends_while_the_outbox_is_read_is_not_done_twice(office: Office) -> None:
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        asked.set()
        await answer.wait()

    async def ends_meanwhile() -> None:
        if asked.is_set():
            answer.set()
            await office.until("done remove")
            await asyncio.sleep(0)

    office.platform.faults.hooks["remove"] = slow
    office.store.faults.hooks["due"] = ends_meanwhile
    office.intend(DeedKind.REMOVE)
    office.deeds.start()
    async with asyncio.timeout(5):
        await asked.wait()
    office.deeds.wake()
    await office.until("done remove")
    office.intend(DeedKind.CARD)
    office.deeds.wake()
    await office.until("done card")
    assert office.happened("remove") == ["remove m-17"]


def erase_sender(store: FakeStore, attachment: Attachment) -> None:
    del store.senders[attachment.id]


async def test_nothing_is_published_for_somebody_who_was_erased(office: Office) -> None:
    case = office.case()
    erase_sender(office.store, case.attachment)
    office.intend(DeedKind.PUBLISH, case)
    office.deeds.start()
    await office.until("failed publish: the sender's data was erased")
    assert office.happened("publish") == []


async def test_a_card_without_a_case_is_refused(office: Office) -> None:
    office.store.intend(DeedKind.CARD, an_attachment("note"), None)
    office.deeds.start()
    await office.until("failed card: card without a case")


async def test_the_removal_of_what_is_not_known_any_more_is_refused(office: Office) -> None:
    office.store.intend(DeedKind.REMOVE, an_attachment("note"), None)
    office.deeds.start()
    await office.until("failed remove: the attachment was erased")


async def test_stopping_lets_what_is_under_way_end(office: Office) -> None:
    answer = asyncio.Event()
    office.platform.faults.hooks["remove"] = answer.wait
    office.intend(DeedKind.REMOVE)
    office.deeds.start()
    await office.until("remove")
    stopping = asyncio.ensure_future(office.deeds.stop())
    await asyncio.sleep(0)
    assert not stopping.done()
    answer.set()
    async with asyncio.timeout(5):
        await stopping
    assert office.happened("done") == ["done remove"]


async def test_stopping_waits_for_no_platform_that_does_not_answer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.deeds._LET_END", 0.05)
    office.platform.faults.hooks["remove"] = asyncio.Event().wait
    office.intend(DeedKind.REMOVE)
    office.deeds.start()
    await office.until("remove")
    async with asyncio.timeout(5):
        await office.deeds.stop()
    assert office.happened("done", "failed", "unsure") == []
    [left] = await office.store.due()
    assert left.attempted  # the next start knows that nobody knows


@pytest.mark.parametrize(
    ("kind", "note", "asked"),
    [
        (DeedKind.MUTE, "3600", "mute p-1 for 3600"),
        (DeedKind.BAN, "0", "ban p-1 for 0"),
        (DeedKind.TELL, "", "tell p-1 of 1"),
    ],
)
async def test_what_concerns_the_sender_is_written_down_around_the_try(
    office: Office, kind: DeedKind, note: str, asked: str
) -> None:
    office.intend(kind, note=note)
    office.deeds.start()
    await office.until("done")
    assert office.story[:2] == [f"attempting {kind}", asked]
    assert office.counted(kind, "done") == 1


@pytest.mark.parametrize("kind", [DeedKind.MUTE, DeedKind.BAN])
async def test_an_interrupted_mute_or_ban_is_repeated(office: Office, kind: DeedKind) -> None:
    office.intend(kind, note="3600", attempted=True)
    office.deeds.start()
    await office.until(f"{kind} p-1", "done")


async def test_whoever_may_have_been_told_is_told_that_this_may_be_the_second_time(office: Office) -> None:
    office.intend(DeedKind.TELL, attempted=True)
    office.deeds.start()
    await office.until("tell p-1 of 1 again", "done")


@pytest.mark.parametrize("kind", [DeedKind.MUTE, DeedKind.BAN, DeedKind.TELL])
async def test_that_a_member_is_out_of_reach_is_no_alarm(office: Office, kind: DeedKind) -> None:
    office.platform.faults.errors[kind].append(NotAllowed("not enough rights to restrict/unrestrict chat member"))
    office.intend(kind, note="3600")
    office.deeds.start()
    await office.until(f"failed {kind}: not enough rights")
    alarms = [s for m in office.metrics.registry.collect() if "alarm" in m.name for s in m.samples if s.value]
    assert alarms == []


@pytest.mark.parametrize("kind", [DeedKind.MUTE, DeedKind.BAN, DeedKind.TELL])
async def test_about_a_sender_who_was_erased_nobody_is_asked(office: Office, kind: DeedKind) -> None:
    deed = office.intend(kind, note="3600")
    del office.store.senders[deed.attachment]
    office.deeds.start()
    await office.until(f"failed {kind}: the sender's data was erased")
    assert not office.happened(f"{kind} p-1")


async def test_that_somebody_else_removed_it_before_is_written_down(office: Office) -> None:
    office.platform.gone = True
    office.intend(DeedKind.REMOVE)
    office.deeds.start()
    await office.until("done")
    assert office.happened("done") == ["done remove already gone"]
