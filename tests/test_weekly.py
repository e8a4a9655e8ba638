"""The weekly report: which week, which figures, once, and in the chat's language."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import telegram

from audit.samples import GROUP, MOD, Clock, decide, events, open_case
from lazaretto.audit import AuditedStore
from lazaretto.audit.weekly import Figures, Span, Weekly, last_week_until
from lazaretto.chat_policies import ChatPolicies
from lazaretto.config import Configuration
from lazaretto.emulator import Chat, Emulator, Rights
from lazaretto.languages import LANGUAGES, language_of
from lazaretto.model import Action, Mode, Place
from lazaretto.policy import Policy
from lazaretto.telegram.report import Reports, report_text

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)
LAST = Span(MONDAY - WEEK, MONDAY)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def store(tmp_path: Path, clock: Clock) -> AsyncIterator[AuditedStore]:
    async with AuditedStore.open(tmp_path / "state", clock=clock) as opened:
        yield opened


# ── Which week ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (MONDAY + timedelta(hours=5, minutes=59), MONDAY - WEEK),
        (MONDAY + timedelta(hours=6), MONDAY),
        (MONDAY + timedelta(days=3), MONDAY),
        (MONDAY + WEEK - timedelta(seconds=1), MONDAY),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 12, 29, tzinfo=UTC)),
    ],
)
def test_a_week_ends_on_sunday_and_its_report_comes_on_monday_morning(now: datetime, until: datetime) -> None:
    assert last_week_until(now) == until


async def test_a_chat_that_is_new_to_reports_has_its_first_one_next_monday(store: AuditedStore) -> None:
    weekly = Weekly(store)
    assert await weekly.due(GROUP, MONDAY + timedelta(days=2)) is None
    assert await weekly.due(GROUP, MONDAY + WEEK + timedelta(hours=5)) is None
    assert await weekly.due(GROUP, MONDAY + WEEK + timedelta(hours=6)) == Span(MONDAY, MONDAY + WEEK)


async def test_a_week_is_claimed_once_with_a_record(store: AuditedStore) -> None:
    weekly = Weekly(store)
    await weekly.due(GROUP, MONDAY)
    span = Span(MONDAY - WEEK, MONDAY)
    assert [await weekly.claim(GROUP, span), await weekly.claim(GROUP, span)] == [True, False]
    assert (await events(store)).count("weekly-report") == 1
    assert await weekly.due(GROUP, MONDAY + timedelta(days=1)) is None


async def test_what_was_missed_is_one_report_over_five_weeks_at_most(store: AuditedStore) -> None:
    weekly = Weekly(store)
    await weekly.due(GROUP, MONDAY + timedelta(days=1))
    later = MONDAY + 3 * WEEK + timedelta(days=2)
    assert await weekly.due(GROUP, later) == Span(MONDAY, MONDAY + 3 * WEEK)
    much_later = MONDAY + 52 * WEEK + timedelta(days=2)
    assert await weekly.due(GROUP, much_later) == Span(MONDAY + 47 * WEEK, MONDAY + 52 * WEEK)


async def test_a_clock_that_was_ahead_once_does_not_keep_reports_away(store: AuditedStore) -> None:
    weekly = Weekly(store)
    await weekly.due(GROUP, MONDAY + 500 * WEEK)
    assert await weekly.due(GROUP, MONDAY + timedelta(days=1)) is None
    assert await weekly.due(GROUP, MONDAY + WEEK + timedelta(days=1)) == Span(MONDAY, MONDAY + WEEK)


# ── Figures ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_figures_of_a_week_and_of_no_other_chat_or_time(store: AuditedStore, clock: Clock) -> None:
    clock.now = MONDAY - timedelta(days=1)
    posted: dict[str, Any] = {"posted_at": clock.now - timedelta(seconds=2)}
    held = await open_case(store, number=1, **posted)
    kept = await open_case(store, number=2, **posted)
    flagged = await open_case(store, Action.FLAG, number=3, **posted)
    await decide(store, Action.FORWARD, number=4, **posted)
    await decide(store, Action.QUARANTINE, number=5, enforced=False, **posted)
    await decide(store, Action.FLAG, number=6, enforced=False, **posted)
    await store.release(flagged.id, MOD, days=1)
    await store.confirm(held.id, MOD)
    await open_case(store, number=7, place=Place("telegram", "-1005"), **posted)
    clock.now = MONDAY
    await open_case(store, number=8)
    assert await Weekly(store).figures(GROUP, LAST) == Figures(
        posted=6,
        held=2,
        flagged=1,
        would_hold=1,
        would_flag=1,
        released=1,
        confirmed=1,
        waiting=2,  # at the moment: the one that is kept, and the one of this week
        exposure=(2.0, 2.0),
        rules=(("pdf.javascript", 5),),
    )
    assert kept.id


async def test_a_chat_without_anything_has_zeros(store: AuditedStore) -> None:
    assert await Weekly(store).figures(GROUP, LAST) == Figures(0, 0, 0, 0, 0, 0, 0, 0, None, ())


# ── Its text ──────────────────────────────────────────────────────────────────────────────────────────────────────────

FIGURES = Figures(1234, 5, 6, 7, 8, 2, 1, 3, (0.42, 12.5), tuple((f"pdf.rule-{n}", n) for n in range(5)))


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("title", ["<b>x</b>", "a\u202eb\n/cases", "\U0001f4a3" * 4096, "& &amp; `x` *y*"])
def test_hostile_titles_are_escaped_shown_and_bounded(code: str, title: str) -> None:
    text = report_text(language_of(code), Policy(mode=Mode.OBSERVE), LAST, FIGURES, title)
    assert len(text.encode("utf-16-le")) // 2 < 4096
    assert "<b>x" not in text
    assert not set(text) & set("\u202e")
    assert all(not line.startswith("/cases") for line in text.splitlines()[:2])


def test_what_observing_would_have_done_is_said_where_something_was_only_observed() -> None:
    say, guarding = language_of("en"), Policy(mode=Mode.GUARD, moderators="-1")
    assert "would have held 7 and flagged 8" in report_text(say, guarding, LAST, FIGURES, "x")
    nothing = Figures(1, 0, 0, 0, 0, 0, 0, 0, None, ())
    assert "would have" not in report_text(say, guarding, LAST, nothing, "x")
    assert "would have held 0" in report_text(say, Policy(), LAST, nothing, "x")


# ── Sending ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def bot(telegram_emulator: Emulator) -> AsyncIterator[telegram.Bot]:
    tg = telegram_emulator
    async with telegram.Bot(tg.token, base_url=tg.base_url, base_file_url=tg.base_file_url) as client:
        yield client


@pytest.fixture
def group(telegram_emulator: Emulator) -> Chat:
    return telegram_emulator.group("Chess club", bot_rights=Rights.full())


@pytest.fixture
def moderators(telegram_emulator: Emulator) -> Chat:
    return telegram_emulator.group("Moderators", bot_rights=Rights.full())


@pytest.fixture
def reports(bot: telegram.Bot, store: AuditedStore, clock: Clock, group: Chat, moderators: Chat) -> Reports:
    return _reports(bot, store, clock, group, moderators)


def _reports(bot: telegram.Bot, store: AuditedStore, clock: Clock, group: Chat, cards: Chat, **keys: object) -> Reports:
    wanted = {"moderators": str(cards.id), "weekly_report": True} | keys
    wanted = {key: value for key, value in wanted.items() if value is not None}
    configuration = Configuration.load({"state": "unused", "groups": {"policies": {str(group.id): wanted}}})
    return Reports(bot, store, ChatPolicies(configuration), clock)


def sent(tg: Emulator) -> int:
    return len(tg.calls_of("sendMessage"))


async def _due(store: AuditedStore, clock: Clock, group: Chat, reports: Reports) -> None:
    clock.now = MONDAY + timedelta(hours=8)
    await decide(store, Action.FORWARD, place=Place("telegram", str(group.id)))
    await reports.look()
    clock.now = MONDAY + WEEK + timedelta(hours=7)


async def test_a_report_is_sent_once_and_not_again_by_the_next_run(
    telegram_emulator: Emulator, bot: telegram.Bot, store: AuditedStore, clock: Clock, group: Chat, moderators: Chat,
    reports: Reports,
) -> None:  # fmt: skip
    await _due(store, clock, group, reports)
    assert sent(telegram_emulator) == 0
    await reports.look()
    await reports.look()
    await _reports(bot, store, clock, group, moderators).look()
    assert sent(telegram_emulator) == 1
    (message,) = [m for m in moderators.messages if m.text]
    assert "Report for Chess club, 2026-03-02 to 2026-03-08" in (message.text or "")


async def test_the_loop_sends_what_is_due_at_its_start(
    telegram_emulator: Emulator, store: AuditedStore, clock: Clock, group: Chat, moderators: Chat, reports: Reports
) -> None:
    await _due(store, clock, group, reports)
    reports.start()
    try:
        await moderators.wait_for(lambda m: "Report for" in (m.text or ""))
    finally:
        await reports.stop()
    assert sent(telegram_emulator) == 1


async def test_what_telegram_has_not_taken_is_tried_again(
    telegram_emulator: Emulator, store: AuditedStore, clock: Clock, group: Chat, reports: Reports
) -> None:
    await _due(store, clock, group, reports)
    telegram_emulator.faults.fail("sendMessage", error_code=429, retry_after=1)
    await reports.look()
    assert sent(telegram_emulator) == 2


async def test_what_may_have_arrived_is_not_sent_again(
    telegram_emulator: Emulator, store: AuditedStore, clock: Clock, group: Chat, reports: Reports
) -> None:
    await _due(store, clock, group, reports)
    telegram_emulator.faults.fail("sendMessage", error_code=500)
    await reports.look()
    await reports.look()
    assert sent(telegram_emulator) == 1


@pytest.mark.parametrize("keys", [{"weekly_report": False}, {"moderators": None}])
async def test_without_a_moderators_chat_or_the_wish_nothing_is_sent(
    telegram_emulator: Emulator,
    bot: telegram.Bot,
    store: AuditedStore,
    clock: Clock,
    group: Chat,
    moderators: Chat,
    keys: dict[str, object],
) -> None:
    reports = _reports(bot, store, clock, group, moderators, **keys)
    await _due(store, clock, group, reports)
    await reports.look()
    assert sent(telegram_emulator) == 0


async def test_a_channels_report_follows_what_holds_for_channels(
    telegram_emulator: Emulator, bot: telegram.Bot, store: AuditedStore, clock: Clock, moderators: Chat
) -> None:
    channel = telegram_emulator.channel("News", bot_rights=Rights.full())
    wanted = {"moderators": str(moderators.id), "weekly_report": True}
    reports = Reports(bot, store, ChatPolicies(Configuration.load({"state": "unused", "channels": wanted})), clock)
    clock.now = MONDAY + timedelta(hours=8)
    await decide(store, Action.FORWARD, place=Place("telegram", str(channel.id), channel=True))
    await reports.look()
    clock.now += WEEK
    await reports.look()
    assert sent(telegram_emulator) == 1
