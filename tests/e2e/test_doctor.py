"""`/doctor` and the daily look over HTTP: what is not well is named with its remedy, to whom it concerns."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from telegram import Bot
from telegram.error import Conflict

from e2e.conftest import Town
from e2e.host import events, until
from e2e.test_review_in_chat import Review, reviewing
from lazaretto.config import Settings
from lazaretto.emulator import Rights
from lazaretto.health import examine_clock, examine_machine
from lazaretto.telegram.doctor import examine_conflict
from lazaretto.telegram.polling import JournalBot
from lazaretto.telegram.server_clock import TimedRequest, server_time

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
async def review(town: Town) -> AsyncIterator[Review]:
    async with reviewing(town) as made:
        yield made


# ── By command ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_in_the_group_it_is_a_line_and_in_private_every_check_of_that_group(review: Review) -> None:
    town = review.town
    assert (await review.ask(town.mila, "/doctor", town.group)).text == "✅ All is well here."
    answer = await review.ask(town.mila, "/doctor")
    assert "All is well" in (answer.text or "")
    assert f"group {town.group.id}: guarded" in (answer.text or "")
    assert str(review.other.id) not in (answer.text or "")


async def test_a_missing_right_is_named_with_its_remedy(review: Review) -> None:
    town = review.town
    town.group.set_standing(town.tg.bot, "administrator", Rights(can_delete_messages=False))
    short = await review.ask(town.mila, "/doctor", town.group)
    assert "1 thing is not well" in (short.text or "")
    assert "may not delete" not in (short.text or "")
    answer = await review.ask(town.mila, f"/doctor {town.group.id}")
    assert "may not delete messages" in (answer.text or "")
    assert "→ give it that right" in (answer.text or "")


async def test_an_owner_sees_the_machine_and_every_group(town: Town) -> None:
    async with reviewing(town, owners=(town.ann,)) as review:
        answer = await review.ask(town.ann, "/doctor")
        text = answer.text or ""
        for part in ("the clock is", "MiB are free", "database can be written", "layers hold", "token is that of"):
            assert part in text, text
        assert f"group {town.group.id}" in text
        assert f"group {review.other.id}" in text


async def test_strangers_and_moderators_elsewhere_learn_nothing_of_a_group(review: Review) -> None:
    town = review.town
    stranger = town.tg.user("Sam")
    assert "You administer no group" in ((await review.ask(stranger, "/doctor")).text or "")
    for user in (stranger, town.ann, review.oscar):
        answer = await review.ask(user, f"/doctor {town.group.id}")
        assert "Only administrators" in (answer.text or ""), user
        assert "guarded" not in (answer.text or "")


async def test_an_anonymous_administrator_is_sent_to_the_private_chat(review: Review) -> None:
    town = review.town
    town.group.set_standing(town.mila, "administrator", Rights(is_anonymous=True))
    answer = await review.ask(town.mila, "/doctor", town.group)
    assert "your rights cannot be told" in (answer.text or "")


async def test_a_forged_press_shows_nothing(review: Review) -> None:
    town = review.town
    answer = await review.ask(review.oscar, "/doctor")
    before = answer.text
    assert "Only administrators" in await review.forge(review.oscar, answer, f"lz:doctor:{town.group.id}")
    for data in ("lz:doctor:", "lz:doctor:1", "lz:doctor:-1:x", "lz:doctor:<b>"):
        assert "not one of ours" in await review.forge(town.mila, answer, data)
    assert "not one of ours" in await review.forge(town.mila, answer, f"lz:doctor:{town.group.id}")  # not her chat
    assert answer.text == before


@pytest.mark.parametrize("words", ["chess", "123", "<b>-1</b>", "\u202e-100", "-" * 400])
async def test_hostile_words_are_no_group(review: Review, words: str) -> None:
    answer = await review.ask(review.town.mila, f"/doctor {words}")
    assert "Write the id of a group" in (answer.text or "")


# ── At the start, and daily ───────────────────────────────────────────────────────────────────────────────────────────


async def test_what_is_not_well_at_the_start_is_told_to_the_owners(town: Town) -> None:
    town.group.set_standing(town.tg.bot, "administrator", Rights(can_delete_messages=False))
    await town.tg.private(town.ann).post_text(town.ann, "hello")
    async with reviewing(town, owners=(town.ann,)) as review:
        told = await town.tg.private(town.ann).wait_for(lambda m: "daily look" in (m.text or ""))
        assert "may not delete messages" in (told.text or "")
        assert "/doctor" in (told.text or "")
        store = (await review.host.guard.start()).store

        async def audited() -> bool:
            return any(r["data"].get("cause") == "doctor" for r in await events(store) if r["event"] == "alarm")

        await until(audited)


async def test_it_never_keeps_the_start_waiting(town: Town) -> None:
    hold = town.tg.faults.hold("getWebhookInfo", times=None)
    async with reviewing(town) as review:
        await review.held()  # screening goes on meanwhile
        hold.release()


# ── Checks ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("newest", "server", "said"),
    [
        (None, None, ""),
        (NOW, NOW, ""),
        (NOW + timedelta(seconds=20), NOW - timedelta(seconds=20), ""),
        (NOW + timedelta(hours=1), NOW, "3600 s behind the newest record"),
        (NOW, NOW + timedelta(minutes=2), "120 s behind the platform's"),
        (NOW, NOW - timedelta(minutes=2), "120 s ahead of the platform's"),
    ],
)
def test_a_wrong_clock_is_seen(newest: datetime | None, server: datetime | None, said: str) -> None:
    check = examine_clock(NOW, newest, server)
    found, remedy = check.told()
    assert check.well is not bool(said)
    assert said in found
    assert bool(remedy) is bool(said)


@pytest.mark.parametrize(("ago", "well"), [(None, True), (timedelta(minutes=1), False), (timedelta(hours=1), True)])
def test_somebody_else_who_polls_is_told_of_for_some_minutes(ago: timedelta | None, well: bool) -> None:
    check = examine_conflict(None if ago is None else NOW - ago, NOW)
    assert (check.well, bool(check.told()[1])) == (well, not well)


async def test_a_conflict_is_remembered_by_the_bot_that_polls(town: Town) -> None:
    bot = JournalBot(town.tg.token, base_url=town.tg.base_url, base_file_url=town.tg.base_file_url)
    async with bot:
        town.tg.faults.fail(
            "getUpdates", error_code=409, description="Conflict: terminated by other getUpdates request"
        )
        with pytest.raises(Conflict):
            await bot.get_updates()
    assert bot.conflict is not None


@pytest.mark.parametrize(
    ("headers", "off"),
    [
        ({"Date": "Sun, 01 Mar 2026 11:58:00 GMT"}, True),
        ({}, False),
        ({"Date": "yesterday"}, False),
        ({"Date": "Sun, 99 Mar 2026 11:58:00 GMT"}, False),
    ],
)
async def test_the_servers_time_is_taken_from_its_answers(town: Town, headers: dict[str, str], off: bool) -> None:
    request = TimedRequest()
    await request._note(httpx.Response(200, headers=headers))
    bot = Bot(town.tg.token, request=request, base_url=town.tg.base_url, base_file_url=town.tg.base_file_url)
    now = datetime.now(UTC)
    said = server_time(bot, now)
    assert (said is not None) is off
    if said is not None:
        assert abs(said - datetime(2026, 3, 1, 11, 58, tzinfo=UTC)) < timedelta(seconds=5)


async def test_every_answer_of_a_server_that_has_a_clock_tells_its_time(town: Town) -> None:
    bot = Bot(town.tg.token, request=TimedRequest(), base_url=town.tg.base_url, base_file_url=town.tg.base_file_url)
    assert server_time(bot, NOW) is None
    async with bot:
        said = server_time(bot, datetime.now(UTC))
    assert said is not None
    assert abs(said - datetime.now(UTC)) < timedelta(seconds=5)


async def _machine(folder: Path, **keys: object) -> dict[bool, str]:
    said: dict[bool, str] = {True: "", False: ""}
    async for check in examine_machine(Settings(state=folder, **keys)):  # type: ignore[arg-type] # sections as mappings
        found, remedy = check.told()
        said[check.well] += f"{found}\n{remedy}\n"
        assert check.well or remedy
    return said


async def test_a_damaged_database_is_not_well(tmp_path: Path) -> None:
    (tmp_path / "lazaretto.db").write_bytes(b"SQLite format 3\0" + bytes(range(256)) * 64)
    assert "database" in (await _machine(tmp_path))[False]


async def test_a_vault_without_its_key_is_not_well(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "0123.age").write_bytes(b"sealed")
    assert "no usable key" in (await _machine(tmp_path))[False]


async def test_a_key_that_others_may_read_is_not_well(tmp_path: Path) -> None:
    (tmp_path / "vault.key").write_text("AGE-SECRET-KEY-1\n")
    (tmp_path / "vault.key").chmod(0o644)
    said = (await _machine(tmp_path))[False]
    assert "chmod 600" in said
    assert "AGE-SECRET" not in said


async def test_a_full_disk_is_not_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
    assert "1 MiB are free" in (await _machine(tmp_path))[False]


async def test_an_empty_folder_is_well(tmp_path: Path) -> None:
    said = await _machine(tmp_path)
    assert not said[False]
    assert "made with the first file" in said[True]
