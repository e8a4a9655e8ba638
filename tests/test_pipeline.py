"""The whole story on a platform that is not Telegram: nothing above telegram/ knows which one it is."""

import asyncio
import errno
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest

from fakes import MAILBOX, FakeJob, FakePlatform, FakeScreener, FakeStore, FakeVault, Story, an_attachment, digest_of
from lazaretto.alarms import Cause
from lazaretto.albums import Albums
from lazaretto.conditions import Conditions
from lazaretto.model import Action, Attachment, Claim, Decision, Mode, Part, Person, Place, Report
from lazaretto.pipeline import Pipeline
from lazaretto.policy import Policy, claimed_risk
from lazaretto.ports import FetchFailed, NotFetchable, Pending, Precedents, VaultFull
from lazaretto.quotas import Quotas
from lazaretto.rules import CRASHED, OVERLOADED, WORKER
from lazaretto.state.errors import StateUnwritable
from lazaretto_validators import default_registry

ACTIONS = {"png.chunk-crc": Action.QUARANTINE, "unscannable": Action.QUARANTINE, "dangerous": Action.QUARANTINE}
LETTER = b"a letter of some length"
BAD = LETTER + b" EVIL"
FULL = OSError(errno.ENOSPC, "no space left on device")


@dataclass
class Post:
    """A pipeline with everything around it. `settled`: what it told of; `pauses`: how long it would have waited."""

    story: Story
    screener: FakeScreener
    platform: FakePlatform
    store: FakeStore
    vault: FakeVault
    policy: Policy = field(
        default_factory=lambda: Policy(mode=Mode.GUARD, moderators="council", max_size=100, actions=(ACTIONS,))
    )
    pauses: list[float] = field(default_factory=list)
    settled: asyncio.Queue[tuple[Attachment, Decision | None, Sequence[Report]]] = field(default_factory=asyncio.Queue)
    broken_listener: list[Exception] = field(default_factory=list)
    quotas: Quotas = field(default_factory=Quotas)

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(
            self.screener,
            self.platform,
            self.store,
            self.vault,
            self,
            self.on_settled,
            Conditions(quotas=self.quotas, sleep=self.pause, clock=lambda: sum(self.pauses)),
            albums=partial(Albums, quiet=0.1),
        )

    def policy_of(self, place: Place) -> Policy:
        assert place == MAILBOX
        return self.policy

    async def on_settled(self, attachment: Attachment, decision: Decision | None, reports: Sequence[Report]) -> None:
        if self.broken_listener:
            raise self.broken_listener.pop(0)
        await self.settled.put((attachment, decision, reports))

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def files(self, **contents: bytes) -> Attachment:
        """An attachment that carries these files."""
        self.platform.files |= contents
        return an_attachment(*contents)

    async def next(self) -> tuple[Attachment, Decision | None, Sequence[Report]]:
        async with asyncio.timeout(5):
            return await self.settled.get()

    async def judge(self, attachment: Attachment) -> tuple[Decision, Sequence[Report]]:
        await self.pipeline.take(attachment, "{}")
        _, decision, reports = await self.next()
        assert decision is not None
        return decision, reports

    async def until(self, event: str) -> None:
        """The story holds a line that begins like this."""
        async with asyncio.timeout(5):
            while not any(line.startswith(event) for line in self.story):
                await asyncio.sleep(0)

    def waiting(self) -> float | None:
        return self.pipeline.metrics.registry.get_sample_value("lazaretto_waiting")

    async def nothing_under_way(self) -> None:
        async with asyncio.timeout(5):
            while self.waiting():
                await asyncio.sleep(0)

    def happened(self, *events: str) -> list[str]:
        """The lines of the story that begin like one of these, in order."""
        return [line for line in self.story if line.startswith(events)]


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    story: Story = []
    screener = FakeScreener(story, tmp_path)
    screener.marks[b"EVIL"] = default_registry().rules["png.chunk-crc"].found(at=19)
    made = Post(story, screener, FakePlatform(story), FakeStore(story), FakeVault(story, tmp_path))
    await made.pipeline.start()
    yield made
    await made.pipeline.stop()
    assert screener.open_jobs == 0
    assert not list(tmp_path.iterdir())  # no spool is left behind


# -- decisions ---------------------------------------------------------------------------------------------------


async def test_a_clean_attachment_goes_on(post: Post) -> None:
    decision, reports = await post.judge(post.files(note=LETTER))
    assert (decision.action, decision.holds) == (Action.FORWARD, False)
    assert reports[0].sha256 == digest_of(LETTER)
    assert (post.store.outbox, post.vault.items) == ({}, {})


async def test_a_flagged_attachment_goes_on_and_a_card_is_sent(post: Post) -> None:
    post.policy = Policy(mode=Mode.GUARD, moderators="council", actions=({"png.chunk-crc": Action.FLAG},))
    decision, _ = await post.judge(post.files(note=BAD))
    await post.until("done card")
    assert (decision.action, decision.holds) == (Action.FLAG, False)
    assert post.happened("remove", "notify", "seal") == ["notify 1"]


async def test_evidence_is_kept_before_the_decision_is_written_and_that_before_the_message_is_removed(
    post: Post,
) -> None:
    decision, _ = await post.judge(post.files(note=BAD))
    await post.until("done remove")
    await post.until("done card")
    assert (decision.action, decision.holds) == (Action.QUARANTINE, True)
    assert post.happened("take-in", "finish", "seal", "decided", "attempting remove", "remove") == [
        "take-in a1",
        "finish",
        "seal",
        "decided quarantine enforced=True",
        "attempting remove",
        "remove m-17",
    ]
    assert list(post.vault.items.values()) == [BAD]
    assert [(s.part, s.sha256, s.size) for s in post.store.sealed["a1"]] == [(0, digest_of(BAD), len(BAD))]


async def test_a_rejected_attachment_is_removed_and_not_kept(post: Post) -> None:
    post.policy = Policy(mode=Mode.GUARD, moderators="council", actions=({"png.chunk-crc": Action.REJECT},))
    decision, _ = await post.judge(post.files(note=BAD))
    await post.until("done remove")
    assert decision.holds
    assert (post.vault.items, post.store.cases) == ({}, {})


async def test_observe_judges_and_touches_nothing(post: Post) -> None:
    post.policy = Policy(mode=Mode.OBSERVE, actions=(ACTIONS,))
    decision, _ = await post.judge(post.files(note=BAD))
    assert (decision.action, decision.enforced, decision.holds) == (Action.QUARANTINE, False, False)
    assert (post.store.outbox, post.vault.items) == ({}, {})
    assert post.happened("decided") == ["decided quarantine enforced=False"]


async def test_one_bad_part_holds_all_and_each_is_sealed(post: Post) -> None:
    decision, reports = await post.judge(post.files(picture=LETTER, film=BAD))
    assert decision.holds
    assert [report.sha256 for report in reports] == [digest_of(LETTER), digest_of(BAD)]
    assert [(s.part, post.vault.items[s.item]) for s in post.store.sealed["a1"]] == [(0, LETTER), (1, BAD)]


# -- what cannot be looked at --------------------------------------------------------------------------------------


async def test_a_file_that_claims_to_be_too_large_is_not_fetched(post: Post) -> None:
    post.platform.files["note"] = LETTER
    decision, reports = await post.judge(an_attachment("note", size=101))
    assert decision.holds
    assert reports[0].findings[0].rule == "unscannable.too-large"
    assert (reports[0].findings[0].seen, reports[0].findings[0].allowed) == ("101", "100")
    assert post.happened("open", "fetch", "seal") == []


async def test_size_is_counted_on_what_came_and_not_on_what_was_declared(post: Post) -> None:
    post.platform.files["note"] = b"x" * 101
    decision, reports = await post.judge(an_attachment("note", size=1))
    assert decision.holds
    assert reports[0].findings[0].rule == "unscannable.too-large"
    assert post.happened("finish", "seal") == []
    assert post.happened("abort") == ["abort"]


async def test_a_file_of_exactly_the_largest_size_is_looked_at(post: Post) -> None:
    decision, _ = await post.judge(post.files(note=b"x" * 100))
    assert decision.action is Action.FORWARD


async def test_a_file_that_is_never_handed_out_is_unscannable_and_not_tried_again(post: Post) -> None:
    attachment = post.files(note=LETTER)
    post.platform.faults.errors["fetch"] = [NotFetchable("file is too big")]
    decision, reports = await post.judge(attachment)
    assert decision.holds
    assert (reports[0].findings[0].rule, reports[0].findings[0].seen) == (
        "unscannable.not-fetchable",
        "file is too big",
    )
    assert (len(post.happened("fetch")), post.pauses) == (1, [])


async def test_a_file_without_bytes_is_judged_by_its_claims_all_the_same(post: Post) -> None:
    attachment = an_attachment("invoice\u202efdp.exe", size=101)
    _, reports = await post.judge(attachment)
    assert {"unscannable.too-large", "name.bidi-override"} <= {finding.rule for finding in reports[0].findings}


async def test_a_download_that_breaks_off_twice_starts_from_the_first_byte_again(post: Post) -> None:
    attachment = post.files(note=LETTER)
    post.platform.faults.errors["fetch"] = [FetchFailed("cut"), FetchFailed("cut")]
    decision, reports = await post.judge(attachment)
    assert decision.action is Action.FORWARD
    assert reports[0].sha256 == digest_of(LETTER)
    assert post.screener.opened == 3
    assert post.pauses == [0.5, 1.0]


async def test_a_download_that_breaks_off_every_time_is_incomplete(post: Post) -> None:
    attachment = post.files(note=LETTER)
    post.platform.faults.errors["fetch"] = [FetchFailed("cut")] * 3
    decision, reports = await post.judge(attachment)
    assert decision.holds
    assert [finding.rule for finding in reports[0].findings] == ["unscannable.incomplete"]
    assert post.vault.items == {}  # half a file is no evidence; the platform's copy is


# -- precedents ------------------------------------------------------------------------------------------------------


async def test_a_file_has_as_much_time_as_all_that_share_a_slow_line_need(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It had the time that it takes alone: of eight large files at once on such a line, none came to its end."""
    monkeypatch.setattr("lazaretto.fetching._LONGEST", 0)
    monkeypatch.setattr("lazaretto.fetching._SLOWEST", 4 * len(LETTER))  # a quarter of a second alone, 2 s of eight
    post.policy = replace(post.policy, max_size=len(LETTER))
    post.platform.faults.hooks["fetch"] = partial(asyncio.sleep, 0.5)
    post.platform.files["note"] = LETTER
    decision, _ = await post.judge(an_attachment("note", size=len(LETTER)))
    assert decision.action is Action.FORWARD


async def test_bytes_that_were_released_before_go_on(post: Post) -> None:
    attachment = post.files(note=BAD)
    risk = claimed_risk(attachment.parts[0].claim)
    post.store.before = Precedents(granted=frozenset({(digest_of(BAD), risk)}))
    decision, _ = await post.judge(attachment)
    assert decision.action is Action.FORWARD
    assert [reason.rule for reason in decision.reasons] == ["precedent.granted"]


async def test_bytes_that_were_confirmed_before_are_held_though_nothing_else_is_wrong(post: Post) -> None:
    post.store.before = Precedents(confirmed=frozenset({digest_of(LETTER)}))
    decision, _ = await post.judge(post.files(note=LETTER))
    assert decision.holds
    assert [reason.rule for reason in decision.reasons] == ["precedent.confirmed"]


# -- ending early ----------------------------------------------------------------------------------------------------

EVIL_FIRST = b"EVIL, and then much more that nobody needs"


def rejecting(mode: Mode = Mode.GUARD) -> Policy:
    return Policy(mode=mode, moderators="council", max_size=100, actions=({"png.chunk-crc": Action.REJECT, **HELD},))


HELD = {"unscannable": Action.QUARANTINE, "dangerous": Action.QUARANTINE}


async def test_what_is_rejected_whatever_follows_is_not_fetched_to_its_end(post: Post) -> None:
    post.policy = rejecting()
    decision, (report,) = await post.judge(post.files(note=EVIL_FIRST))
    assert decision.action is Action.REJECT
    assert (report.partial, report.size, report.sha256) == (True, None, None)
    assert post.happened("feed") == ["feed"]


async def test_what_is_only_quarantined_is_fetched_to_its_end(post: Post) -> None:
    _, (report,) = await post.judge(post.files(note=EVIL_FIRST))
    assert report.sha256 == digest_of(EVIL_FIRST)


async def test_an_observed_group_is_told_of_the_whole_file(post: Post) -> None:
    post.policy = rejecting(Mode.OBSERVE)
    decision, (report,) = await post.judge(post.files(note=EVIL_FIRST))
    assert (decision.action, decision.enforced) == (Action.REJECT, False)
    assert report.sha256 == digest_of(EVIL_FIRST)


async def test_where_something_was_released_the_digest_decides_so_all_is_fetched(post: Post) -> None:
    post.policy = rejecting()
    attachment = post.files(note=EVIL_FIRST)
    risk = claimed_risk(attachment.parts[0].claim)
    post.store.before = Precedents(granted=frozenset({(digest_of(EVIL_FIRST), risk)}))
    decision, _ = await post.judge(attachment)
    assert decision.action is Action.FORWARD


# -- crashes ---------------------------------------------------------------------------------------------------------


async def test_after_a_crash_nothing_of_the_same_sender_is_opened(post: Post) -> None:
    post.screener.marks[b"CRASH"] = CRASHED.found(at=None, seen="killed by SIGSEGV")
    decision, _ = await post.judge(post.files(note=b"CRASH"))
    assert decision.holds
    fed = len(post.happened("feed"))
    attachment = replace(post.files(next=LETTER), id="a2")
    decision, (report,) = await post.judge(attachment)
    assert decision.holds
    assert [finding.rule for finding in report.findings] == ["unscannable.backed-off"]
    assert report.findings[0].seen == "60 s to go"
    assert len(post.happened("feed")) == fed

    other = replace(post.files(third=LETTER), id="a3", sender=Person("pigeon", "p-2", "Ben"))
    decision, (report,) = await post.judge(other)
    assert not decision.holds
    assert report.findings == ()


async def judged_next(post: Post) -> list[str]:
    """The rules that the sender's next file breaks."""
    _, (report,) = await post.judge(replace(post.files(next=LETTER), id="a2"))
    return [finding.rule for finding in report.findings]


@pytest.fixture
def crashing(post: Post) -> Post:
    post.screener.marks[b"CRA"] = CRASHED.found(at=None, seen="killed by SIGSEGV")
    return post


async def test_what_crashed_a_worker_is_not_fetched_for_another_one(crashing: Post) -> None:
    crashing.platform.faults.errors["fetch"] = [FetchFailed("cut")]
    decision, (report,) = await crashing.judge(crashing.files(note=b"CRASHING"))
    assert decision.holds
    assert {finding.rule for finding in report.findings} == {"unscannable.crashed", "unscannable.incomplete"}
    assert crashing.screener.opened == 1
    assert await judged_next(crashing) == ["unscannable.backed-off"]


@pytest.mark.parametrize("fault", [NotFetchable("gone"), FULL], ids=["not-fetchable", "full"])
async def test_a_crash_counts_however_the_download_ends(crashing: Post, fault: Exception) -> None:
    crashing.platform.faults.errors["fetch"] = [fault]
    await crashing.judge(crashing.files(note=b"CRASHING"))
    assert await judged_next(crashing) == ["unscannable.backed-off"]


async def test_a_crash_counts_in_a_file_that_is_too_large(crashing: Post) -> None:
    _, (report,) = await crashing.judge(crashing.files(note=b"CRASHING" * 20))
    assert "unscannable.too-large" in {finding.rule for finding in report.findings}
    assert await judged_next(crashing) == ["unscannable.backed-off"]


# -- when we fail ----------------------------------------------------------------------------------------------------


async def test_room_is_waited_for_a_minute_and_the_database_as_long_as_it_takes(post: Post) -> None:
    attachment = post.files(note=BAD)
    post.screener.faults.errors["feed"] = [FULL] * 3
    post.vault.faults.errors["seal"] = [FULL] * 4
    post.store.faults.errors["decided"] = [StateUnwritable("the disk is full")] * 9
    decision, _ = await post.judge(attachment)
    assert decision.holds
    assert post.store.aside == {}
    assert post.pauses[:8] == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    assert [post.vault.items[s.item] for s in post.store.sealed["a1"]] == [BAD]
    assert len(post.vault.items) == 1  # what the failed tries sealed is gone


@pytest.mark.parametrize("step", ["open", "feed", "finish"])
async def test_a_file_that_no_room_is_made_for_is_not_looked_at_and_policy_says_what_follows(
    post: Post, step: str
) -> None:
    post.screener.faults.errors[step] = [FULL] * 8
    decision, (report,) = await post.judge(post.files(note=LETTER))
    assert [(found.rule, found.seen) for found in report.findings] == [(OVERLOADED.id, "no space left on device")]
    assert decision.action is Action.QUARANTINE
    assert sum(post.pauses) == 61.5
    assert alarm(post, Cause.DISK) == 1  # there is still no room
    await post.judge(replace(post.files(next=LETTER), id="a2"))
    assert alarm(post, Cause.DISK) == 0


async def test_of_several_files_those_that_there_is_room_for_are_looked_at(post: Post) -> None:
    post.screener.faults.errors["feed"] = [FULL] * 15  # of two parts: only one of the last two finds room
    _, reports = await post.judge(post.files(one=LETTER, two=LETTER))
    assert sorted(len(report.findings) for report in reports) == [0, 1]
    assert alarm(post, Cause.DISK) == 1


async def test_what_is_lacking_when_a_judged_file_is_let_go_changes_nothing_of_its_decision(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system may tell of a lost write only at the close: it was fetched and sealed again for that."""
    honest = post.screener.open

    @asynccontextmanager
    async def fails_at_the_end(claim: Claim, decisive: frozenset[str] = frozenset()) -> AsyncIterator[FakeJob]:
        async with honest(claim, decisive) as job:
            yield job
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(post.screener, "open", fails_at_the_end)
    decision, _ = await post.judge(post.files(letter=BAD))
    assert decision.holds
    assert len(post.happened("fetch")) == 1
    assert len(post.vault.items) == 1
    assert post.pauses == []


async def test_what_must_go_is_removed_though_no_room_is_made_for_its_bytes_in_the_vault(post: Post) -> None:
    post.vault.faults.errors["seal"] = [FULL] * 8
    decision, (report,) = await post.judge(post.files(letter=BAD))
    await post.until("done remove")
    assert [found.rule for found in report.findings] == ["png.chunk-crc"]  # it was looked at all the same
    assert decision.holds
    assert post.store.not_kept == ["no space left on device"]
    assert post.pipeline.metrics.registry.get_sample_value("lazaretto_not_kept_total") == 1
    assert alarm(post, Cause.SEALING) == 1


async def test_of_a_file_that_did_not_come_whole_nothing_is_kept_while_others_come(post: Post) -> None:
    """Its room is wanted by others, also of the same album."""
    go_on = asyncio.Event()

    async def fetch(part: Part) -> AsyncIterator[bytes]:
        yield LETTER
        if part.file_id == "cut":
            raise FetchFailed("the transfer broke off")
        await go_on.wait()

    post.platform.fetch = fetch  # type: ignore[method-assign]
    await post.pipeline.take(post.files(cut=LETTER, slow=LETTER), "{}")
    async with asyncio.timeout(5):
        while post.screener.opened < 4 or post.screener.open_jobs != 1:  # three tries of one, and the other
            await asyncio.sleep(0)
    go_on.set()
    _, _, reports = await post.next()
    assert [report.broke_off for report in reports] == [("the transfer broke off",) * 3, ()]


@pytest.mark.parametrize("fault", [ValueError("bug"), RuntimeError("bug"), TimeoutError(), ConnectionResetError()])
async def test_an_attachment_that_we_cannot_handle_is_set_aside_and_held(post: Post, fault: Exception) -> None:
    attachment = post.files(note=LETTER)
    post.screener.faults.errors["finish"] = [fault] * 3
    await post.pipeline.take(attachment, "{}")
    settled, decision, reports = await post.next()
    assert (settled, decision, tuple(reports)) == (attachment, None, ())
    assert post.store.aside == {"a1": "handling failed 3 times"}
    assert post.happened("decided") == []


async def test_setting_aside_is_repeated_until_it_is_written_down(post: Post) -> None:
    attachment = post.files(note=LETTER)
    post.screener.faults.errors["finish"] = [ValueError("bug")] * 3
    post.store.faults.errors["set-aside"] = [StateUnwritable("the disk is full")] * 2
    await post.pipeline.take(attachment, "{}")
    assert (await post.next())[1] is None
    assert post.store.aside == {"a1": "handling failed 3 times"}


async def test_a_fault_that_passes_costs_a_try_and_nothing_else(post: Post) -> None:
    post.screener.faults.errors["finish"] = [ValueError("bug")] * 2
    decision, _ = await post.judge(post.files(note=LETTER))
    assert decision.action is Action.FORWARD
    assert post.store.aside == {}


async def test_what_is_judged_is_not_judged_again_when_telling_of_it_fails(post: Post) -> None:
    post.broken_listener = [RuntimeError("host"), RuntimeError("host")]
    decision, reports = await post.judge(post.files(note=BAD))
    assert (decision.holds, len(reports)) == (True, 1)
    assert (post.screener.opened, len(post.happened("decided"))) == (1, 1)


# -- again -----------------------------------------------------------------------------------------------------------


async def test_an_attachment_that_is_delivered_twice_is_handled_once(post: Post) -> None:
    attachment = post.files(note=BAD)
    await post.pipeline.take(attachment, "{}")
    await post.pipeline.take(attachment, "{}")
    _, decision, _ = await post.next()
    assert decision is not None
    assert decision.holds
    assert (post.screener.opened, len(post.store.cases)) == (1, 1)


async def test_a_later_delivery_gets_the_decision_of_the_first(post: Post) -> None:
    attachment = post.files(note=BAD)
    first, _ = await post.judge(attachment)
    await post.nothing_under_way()
    again, _ = await post.judge(attachment)
    assert again == first
    assert post.screener.opened == 1


async def test_a_restart_goes_on_with_what_was_not_judged(post: Post) -> None:
    attachment = post.files(note=LETTER)
    post.store.attachments["a1"] = Pending(attachment, ("{}",), None)
    await post.pipeline.start()
    assert (await post.next())[1] == Decision(Action.FORWARD, enforced=True)


async def test_a_restart_settles_what_was_judged_and_not_told(post: Post) -> None:
    held = Decision(Action.QUARANTINE, enforced=True)
    post.store.attachments["a1"] = Pending(an_attachment("note"), ("{}",), held)
    await post.pipeline.start()
    _, decision, reports = await post.next()
    assert (decision, tuple(reports), post.screener.opened) == (held, (), 0)


# -- albums ------------------------------------------------------------------------------------------------------


def an_album(post: Post, **contents: bytes) -> list[Attachment]:
    """Attachments of one album, each with one file."""
    post.platform.files |= contents
    return [
        replace(an_attachment(name, name=f"a-{name}"), message=f"m-{number}", album="7")
        for number, name in enumerate(contents)
    ]


async def test_an_album_is_judged_as_one(post: Post) -> None:
    for member in an_album(post, good=LETTER, bad=BAD):
        await post.pipeline.take(member, "{}")
    album, decision, reports = await post.next()
    assert album.members == ("a-good", "a-bad")
    assert (len(reports), decision and decision.holds) == (2, True)
    await post.until("done remove")
    assert post.happened("remove") == ["remove m-0 m-1"]
    assert len(post.store.cases) == 1


async def test_a_message_of_an_album_that_stays_alone_is_judged_by_itself(post: Post) -> None:
    (member,) = an_album(post, good=LETTER)
    await post.pipeline.take(member, "{}")
    attachment, decision, _ = await post.next()
    assert (attachment.id, decision and decision.action) == ("a-good", Action.FORWARD)
    assert post.happened("join") == []


async def test_what_comes_again_after_its_album_was_judged_gets_the_album_s_decision(post: Post) -> None:
    members = an_album(post, good=LETTER, bad=BAD)
    for member in members:
        await post.pipeline.take(member, "{}")
    album, decision, _ = await post.next()
    await post.nothing_under_way()
    held = post.store.attachments[album.id]
    post.store.attachments["a-good"] = held  # as the real store answers for a member
    await post.pipeline.take(members[0], "{}")
    assert (await post.next())[:2] == (album, decision)


async def test_a_restart_joins_what_was_not_joined(post: Post) -> None:
    for member in an_album(post, good=LETTER, fair=LETTER):
        post.store.attachments[member.id] = Pending(member, ("{}",), None)
    await post.pipeline.start()
    album, decision, _ = await post.next()
    assert (album.members, decision and decision.action) == (("a-good", "a-fair"), Action.FORWARD)


async def test_an_album_that_cannot_be_joined_is_tried_again(post: Post) -> None:
    post.store.faults.errors["join"] = [FULL, RuntimeError("a fault of ours")]
    for member in an_album(post, good=LETTER, fair=LETTER):
        await post.pipeline.take(member, "{}")
    album, _, _ = await post.next()
    assert len(album.members) == 2
    assert len(post.happened("join")) == 3


async def test_the_parts_of_an_attachment_are_fetched_at_the_same_time(post: Post) -> None:
    both = asyncio.Barrier(2)
    post.platform.faults.hooks["fetch"] = both.wait
    decision, reports = await post.judge(post.files(one=LETTER, two=LETTER))
    assert (decision.action, len(reports)) == (Action.FORWARD, 2)


async def test_what_is_only_written_down_is_not_judged_yet(post: Post) -> None:
    attachment = post.files(note=LETTER)
    assert await post.pipeline.write_down(attachment, "{}") is None
    assert post.screener.opened == 0
    assert await post.pipeline.take(attachment, "{}") is False
    await post.next()
    assert (
        post.pipeline.metrics.registry.get_sample_value("lazaretto_attachments_received_total", {"kind": "scroll"}) == 1
    )


async def test_what_cannot_be_written_down_is_not_taken(post: Post) -> None:
    post.store.faults.errors["take-in"] = [StateUnwritable("the disk is full")]
    with pytest.raises(StateUnwritable):
        await post.pipeline.take(post.files(note=LETTER), "{}")
    assert post.screener.opened == 0


async def test_stopping_leaves_the_unfinished_to_the_next_start(post: Post) -> None:
    attachment = post.files(note=LETTER)
    never = asyncio.Event()
    post.platform.faults.hooks["fetch"] = never.wait
    await post.pipeline.take(attachment, "{}")
    await post.until("fetch")
    await post.pipeline.stop()
    assert post.screener.open_jobs == 0
    assert [pending.decision for pending in post.store.attachments.values()] == [None]


async def test_how_many_wait_is_counted_down_again(post: Post) -> None:
    await post.pipeline.take(post.files(note=LETTER), "{}")
    assert post.waiting() == 1
    await post.next()
    await post.nothing_under_way()


async def test_what_is_lacking_after_the_last_byte_is_waited_for_and_not_held_against_the_file(post: Post) -> None:
    """A job that has ended cannot be aborted: that was taken for a fault of the attachment, and it was set aside."""
    post.screener.faults.errors["finish"] = [OSError(errno.EMFILE, "too many open files")] * 5
    decision, _ = await post.judge(post.files(note=LETTER))
    assert decision.action is Action.FORWARD
    assert not post.happened("abort")
    assert not post.happened("set-aside")


async def next_decision(post: Post) -> tuple[Decision, Sequence[Report]]:
    _, decision, reports = await post.next()
    assert decision is not None
    return decision, reports


# -- quotas --------------------------------------------------------------------------------------------------------


@pytest.fixture
def quotas() -> Quotas:
    """Three attachments of everybody may wait, and two of one member; the spool takes 50 bytes."""
    return Quotas(waiting=3, per_member=2, spool=50)


@pytest.fixture
async def narrow(tmp_path: Path, quotas: Quotas) -> AsyncIterator[Post]:
    story: Story = []
    made = Post(
        story,
        FakeScreener(story, tmp_path),
        FakePlatform(story),
        FakeStore(story),
        FakeVault(story, tmp_path),
        quotas=quotas,
    )
    await made.pipeline.start()
    yield made
    made.platform.faults.hooks.clear()
    await made.pipeline.stop()


def of(member: str, name: str, post: Post) -> Attachment:
    post.platform.files[name] = LETTER
    return replace(an_attachment(name, name=name), sender=Person("courier", member, member))


async def test_what_one_member_posts_beyond_the_quota_is_not_looked_at_and_policy_says_what_follows(
    narrow: Post,
) -> None:
    never = asyncio.Event()
    narrow.platform.faults.hooks["fetch"] = never.wait
    for name in ("a1", "a2"):
        await narrow.pipeline.take(of("eve", name, narrow), "{}")
    decision, (report,) = await narrow.judge(of("eve", "a3", narrow))
    assert decision.action is Action.QUARANTINE
    assert [finding.rule for finding in report.findings] == [OVERLOADED.id]
    assert not [line for line in narrow.happened("fetch") if "a3" in line]
    async with asyncio.timeout(5):
        while narrow.waiting() != 2:
            await asyncio.sleep(0)
    await narrow.pipeline.take(of("bob", "b1", narrow), "{}")
    never.set()
    for _ in range(3):
        _, settled, _ = await narrow.next()
        assert settled is not None
        assert settled.action is Action.FORWARD


async def test_more_than_may_wait_in_all_is_not_looked_at(narrow: Post) -> None:
    never = asyncio.Event()
    narrow.platform.faults.hooks["fetch"] = never.wait
    for member in ("eve", "bob", "cid"):
        await narrow.pipeline.take(of(member, member, narrow), "{}")
    _, (report,) = await narrow.judge(of("dan", "dan", narrow))
    assert [finding.rule for finding in report.findings] == [OVERLOADED.id]
    never.set()
    for _ in range(3):
        await narrow.next()
    await narrow.nothing_under_way()
    decision, _ = await narrow.judge(of("dan", "again", narrow))
    assert decision.action is Action.FORWARD


async def test_a_file_that_the_spool_can_never_take_is_too_large_and_not_waited_for(narrow: Post) -> None:
    _, (report,) = await narrow.judge(narrow.files(letter=b"x" * 51))
    assert [finding.rule for finding in report.findings] == ["unscannable.too-large"]


async def test_of_files_that_never_fit_together_those_that_do_are_looked_at_and_nobody_waits(narrow: Post) -> None:
    narrow.platform.files |= dict.fromkeys(("one", "two", "three"), b"x" * 20)
    _, reports = await narrow.judge(an_attachment("one", "two", "three", size=20))
    assert [[finding.rule for finding in report.findings] for report in reports] == [[], [], [OVERLOADED.id]]
    assert narrow.pauses == []


async def test_more_bytes_than_were_claimed_are_not_waited_for_where_there_is_no_room(
    narrow: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever began must be able to end: what others have set aside is theirs."""
    never = asyncio.Event()
    honest = narrow.platform.fetch

    async def fetch(part: Part) -> AsyncIterator[bytes]:
        async for chunk in honest(part):
            yield chunk
        if part.file_id == "slow":
            await never.wait()

    monkeypatch.setattr(narrow.platform, "fetch", fetch)
    narrow.platform.files |= {"slow": LETTER, "liar": b"x" * 30}
    await narrow.pipeline.take(an_attachment("slow", name="a1", size=30), "{}")
    await narrow.until("feed")
    liar = replace(an_attachment("liar", name="a2", size=5), sender=Person("courier", "bob", "bob"))
    _, (report,) = await narrow.judge(liar)
    assert [finding.rule for finding in report.findings] == [OVERLOADED.id]
    assert alarm(narrow, Cause.DISK) == 1
    never.set()
    decision, _ = await next_decision(narrow)
    assert decision.action is Action.FORWARD


async def test_room_in_the_spool_is_waited_for_a_minute_and_no_longer(
    narrow: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.turns.PATIENCE", 0.05)
    never = asyncio.Event()
    narrow.platform.faults.hooks["fetch"] = never.wait
    narrow.platform.files |= {"first": LETTER, "second": LETTER}
    await narrow.pipeline.take(an_attachment("first", name="a1", size=40), "{}")
    await narrow.until("fetch first")
    second = replace(an_attachment("second", name="a2", size=23), place=Place("pigeon", "tower-4"))
    monkeypatch.setattr(narrow, "policy_of", lambda _place: narrow.policy)
    _, (report,) = await narrow.judge(second)
    assert [(found.rule, found.seen) for found in report.findings] == [(OVERLOADED.id, "no room in the spool")]
    assert not narrow.happened("fetch second")  # nothing was fetched for nothing
    assert alarm(narrow, Cause.DISK) == 1
    never.set()
    decision, _ = await next_decision(narrow)
    assert decision.action is Action.FORWARD
    assert alarm(narrow, Cause.DISK) == 0


async def test_where_the_vault_is_full_the_file_is_removed_all_the_same_and_the_record_says_so(post: Post) -> None:
    post.vault.faults.errors["seal"] = [VaultFull("no more")]
    await post.judge(post.files(letter=BAD))
    await post.until("done remove")
    assert post.store.not_kept == ["no more"]
    assert post.pipeline.metrics.registry.get_sample_value("lazaretto_not_kept_total") == 1


# -- alarms --------------------------------------------------------------------------------------------------------


def alarm(post: Post, cause: Cause) -> float | None:
    return post.pipeline.metrics.registry.get_sample_value("lazaretto_alarms", {"cause": cause})


@pytest.mark.parametrize(
    ("method", "error", "cause"),
    [
        ("feed", FULL, Cause.DISK),
        ("decided", StateUnwritable("the disk is full"), Cause.DATABASE),
    ],
)
async def test_a_shortage_is_an_alarm_until_it_is_over(post: Post, method: str, error: Exception, cause: Cause) -> None:
    faults = post.screener.faults if method == "feed" else post.store.faults
    faults.errors[method] = [error] * 3
    await post.pipeline.take(post.files(note=LETTER), "{}")
    async with asyncio.timeout(5):
        while alarm(post, cause) != 1:
            await asyncio.sleep(0)
    await post.next()
    await post.nothing_under_way()
    assert alarm(post, cause) == 0


async def test_a_database_that_takes_nothing_in_is_an_alarm(post: Post) -> None:
    post.store.faults.errors["take-in"] = [StateUnwritable("read-only")]
    with pytest.raises(StateUnwritable):
        await post.pipeline.take(post.files(note=LETTER), "{}")
    assert alarm(post, Cause.DATABASE) == 1
    await post.judge(post.files(note=LETTER))
    assert alarm(post, Cause.DATABASE) == 0


async def test_a_sandbox_that_gives_no_worker_is_an_alarm(post: Post) -> None:
    post.screener.marks[b"REFUSED"] = WORKER.found(at=None, seen="the lock does not hold: no seccomp")
    await post.judge(post.files(note=b"REFUSED"))
    assert alarm(post, Cause.SANDBOX) == 1
    await post.judge(replace(post.files(next=LETTER), id="a2"))
    assert alarm(post, Cause.SANDBOX) == 0


async def test_a_full_vault_is_an_alarm(post: Post) -> None:
    post.vault.faults.errors["seal"] = [VaultFull("no more")]
    await post.judge(post.files(letter=BAD))
    assert alarm(post, Cause.VAULT) == 1
    await post.judge(replace(post.files(next=BAD), id="a2"))
    assert alarm(post, Cause.VAULT) == 0


async def test_a_vault_that_cannot_be_written_is_an_alarm_until_it_can(post: Post) -> None:
    """It was taken for the disk where files arrive, and every clean file that came meanwhile told that it was over."""
    post.vault.faults.errors["seal"] = [OSError(errno.EIO, "Input/output error")] * 16
    for number in (1, 2):
        await post.judge(replace(post.files(letter=BAD), id=f"bad-{number}"))
        await post.judge(replace(post.files(note=LETTER), id=f"good-{number}"))
        assert alarm(post, Cause.SEALING) == 1
    assert not alarm(post, Cause.DISK)
    await post.judge(replace(post.files(letter=BAD), id="bad-3"))
    assert alarm(post, Cause.SEALING) == 0


async def test_too_many_waiting_is_an_alarm_until_few_wait(narrow: Post) -> None:
    never = asyncio.Event()
    narrow.platform.faults.hooks["fetch"] = never.wait
    for name in ("a1", "a2"):
        await narrow.pipeline.take(of("eve", name, narrow), "{}")
    assert not alarm(narrow, Cause.OVERLOAD)
    await narrow.judge(of("eve", "a3", narrow))
    assert alarm(narrow, Cause.OVERLOAD) == 1
    never.set()
    for _ in range(2):
        await narrow.next()
    await narrow.nothing_under_way()
    assert alarm(narrow, Cause.OVERLOAD) == 0


@pytest.mark.parametrize("quotas", [Quotas(waiting=2, per_member=100)])
async def test_the_alarm_lasts_while_as_many_wait_as_may_in_all(narrow: Post) -> None:
    never = asyncio.Event()
    narrow.platform.faults.hooks["fetch"] = never.wait
    for member in ("eve", "bob"):
        await narrow.pipeline.take(of(member, member, narrow), "{}")
    await narrow.judge(of("dan", "dan", narrow))
    async with asyncio.timeout(5):
        while narrow.waiting() != 2:
            await asyncio.sleep(0)
    assert alarm(narrow, Cause.OVERLOAD) == 1
    never.set()
    for _ in range(2):
        await narrow.next()
    await narrow.nothing_under_way()
    assert alarm(narrow, Cause.OVERLOAD) == 0


async def test_what_was_slow_by_its_tries_does_not_look_quick(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    async def pause(_seconds: float) -> None:
        await asyncio.sleep(0.3)

    monkeypatch.setattr(post.pipeline, "_sleep", pause)
    post.store.faults.errors["decided"] = [RuntimeError("locked")]
    await post.judge(post.files(note=b"hello there"))
    seconds = post.pipeline.metrics.registry.get_sample_value("lazaretto_verdict_seconds_sum")
    assert seconds is not None
    assert seconds >= 0.3
