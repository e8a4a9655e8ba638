"""`lazaretto run`'s own bot, polling: what is delivered twice is there once, and no update stands in another's way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs
from telegram import Update
from telegram.ext import MessageHandler, TypeHandler, filters

from e2e.conftest import Town
from e2e.files import PICTURE, PROGRAM, picture, post_note, post_program
from e2e.host import Host, build, emptied, events, polling, until
from lazaretto.audit import AuditedStore, verify_database
from lazaretto.config import Configuration
from lazaretto.emulator import Message
from lazaretto.ports import Unavailable
from lazaretto.state import DATABASE
from lazaretto.state.codec import rfc3339
from lazaretto.state.signs import last_sign
from lazaretto.telegram import journal as journal_module
from lazaretto.telegram import runtime
from lazaretto.telegram.bot import build_bot
from lazaretto.telegram.gate import AnyContext, Gate
from lazaretto.telegram.queue import JournalQueue


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "_FIRST_PAUSE", 0.0)


@asynccontextmanager
async def own_bot(town: Town) -> AsyncIterator[Host]:
    """What `lazaretto run` starts, with a handler that sees everything."""
    config = town.config() | {"base_url": town.tg.base_url, "base_file_url": town.tg.base_file_url}
    application, guard = build_bot(Configuration.load(config), town.tg.token)
    host = Host(application)
    host.guard = guard
    application.add_handler(TypeHandler(Update, host.see), group=1)
    guard.on_decision(host.hear)
    async with polling(host):
        yield host


async def log_of(host: Host) -> list[dict[str, Any]]:
    return await events((await host.guard.start()).store)


async def count(host: Host, event: str) -> int:
    return [record["event"] for record in await log_of(host)].count(event)


Fault = Callable[..., Awaitable[Any]]


def fail_take_in(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception, times: int) -> list[str]:
    """Have `take_in` fail for a file of this name so often. Answers which were tried."""
    take_in, tried = AuditedStore.take_in, []

    async def failing(store: AuditedStore, attachment: Any, update: str) -> Any:
        tried.append(attachment.parts[0].claim.name)
        if tried[-1] == name and tried.count(name) <= times:
            raise error
        return await take_in(store, attachment, update)

    monkeypatch.setattr(AuditedStore, "take_in", failing)
    return tried


# ── one odd update ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_update_that_the_library_cannot_read_stalls_nothing(town: Town) -> None:
    async with own_bot(town) as host:
        odd = await town.tg.inject_unparsable()
        posted = await post_note(town.group, town.ann)
        await host.saw(posted)
        await town.tg.wait_until(lambda: not town.tg.pending_updates)
        assert odd["update_id"] not in {update.update_id for update in host.updates.all}
        assert len(town.tg.calls_of("getUpdates")) < 20  # and nobody asks without a pause


async def test_it_is_acknowledged_where_it_comes_last_and_alone(town: Town) -> None:
    async with own_bot(town) as host:
        await town.tg.inject_unparsable()
        await town.tg.wait_until(lambda: not town.tg.pending_updates)
        await host.saw(await post_note(town.group, town.ann))


async def test_the_file_in_an_update_that_the_library_cannot_read_is_removed(town: Town) -> None:
    posted = town.group.append(town.eve, town.tg.attach("document", PROGRAM, name="party.jpg"))
    message = {key: value for key, value in posted.json().items() if key != "date"}
    async with own_bot(town) as host:
        await town.tg.inject({"message": message})
        await town.tg.wait_until(lambda: posted.deleted)
        await host.settled(town.group, town.ann)
        assert host.times_seen(posted) == 0


def _fail_to_walk(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    attachment_of = Gate.attachment_of

    def failing(gate: Gate, data: Any) -> Any:
        if name in str(data):
            raise RecursionError
        return attachment_of(gate, data)

    monkeypatch.setattr(Gate, "attachment_of", failing)


async def test_an_update_that_the_walker_fails_on_is_set_aside_and_held(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_to_walk(monkeypatch, "odd.txt")
    async with own_bot(town) as host:
        odd = await post_note(town.group, town.eve, name="odd.txt")
        await host.saw(await post_note(town.group, town.ann))
        record = await host.done(event="update-set-aside")
        assert record["data"]["why"] == "cannot be kept; RecursionError"
        assert await count(host, "received") == 1
        assert host.times_seen(odd) == 0
        sample = host.guard.metrics.registry.get_sample_value
        assert sample("lazaretto_updates_set_aside_total") == 1
        assert sample("lazaretto_updates_total", {"outcome": "unreadable"}) == 1
        await town.tg.wait_until(lambda: not town.tg.pending_updates)
    assert (await verify_database(town.state)).fault is None


@pytest.mark.parametrize("readable", [True, False])
async def test_what_cannot_be_written_down_is_tried_a_few_times_and_set_aside(
    town: Town, monkeypatch: pytest.MonkeyPatch, readable: bool
) -> None:
    tried = fail_take_in(monkeypatch, "party.jpg", ValueError("Eve"), times=3)
    posted = town.group.append(town.eve, town.tg.attach("document", PROGRAM, name="party.jpg"))
    message = {key: value for key, value in posted.json().items() if readable or key != "date"}
    async with own_bot(town) as host:
        odd = await town.tg.inject({"message": message})
        await host.saw(await post_note(town.group, town.ann))
        assert tried.count("party.jpg") == 3
        record = await host.done(event="update-set-aside")
        assert record["data"]["update"] == str(odd["update_id"])
        assert "Eve" not in str(record)
        assert host.times_seen(posted) == 0


async def test_what_an_earlier_run_set_aside_is_not_set_aside_again(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It died between setting it aside and telling Telegram."""
    _fail_to_walk(monkeypatch, "odd.txt")
    async with own_bot(town) as host:
        town.tg.faults.lose_confirmation(times=100)
        odd = await post_note(town.group, town.eve, name="odd.txt")
        await host.done(event="update-set-aside")
    assert town.tg.pending_updates
    town.tg.faults.clear()
    async with own_bot(town) as host:
        await town.tg.wait_until(lambda: not town.tg.pending_updates)
        await host.settled(town.group, town.ann)
        assert (await count(host, "update-set-aside"), host.times_seen(odd)) == (1, 0)


async def test_a_full_disk_is_waited_for_and_nothing_is_set_aside(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_take_in(monkeypatch, "minutes.txt", Unavailable("the disk is full"), times=2)
    async with own_bot(town) as host:
        posted = await post_note(town.group, town.ann)
        await host.saw(posted)
        await host.done(event="finished")
        assert await count(host, "update-set-aside") == 0
        assert (host.times_seen(posted), await count(host, "received")) == (1, 1)


# ── the same thing twice ──────────────────────────────────────────────────────────────────────────────────────────


async def test_a_batch_that_comes_again_because_one_could_not_be_written_down_is_there_once(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """11, 12 and 13 are delivered, 13 fails, 11, 12 and 13 are delivered again."""
    tried = fail_take_in(monkeypatch, "holiday.jpg", Unavailable("the disk is full"), times=1)
    posts = [await post_note(town.group, town.ann, name=f"{number}.txt") for number in range(2)]
    text = await town.group.post_text(town.ann, "hello")
    posts.append(await post_program(town.group, town.eve))
    async with own_bot(town) as host:
        await host.verdict(posts[-1])
        await host.settled(town.group, town.ann)
        assert tried.count("holiday.jpg") >= 2
        assert [host.times_seen(message) for message in (*posts, text)] == [1, 1, 0, 1]
        assert [await count(host, event) for event in ("received", "decided", "opened")] == [3, 3, 1]
        await town.tg.wait_until(lambda: posts[-1].deleted)


async def test_an_update_whose_acknowledgement_was_lost_is_there_once(town: Town) -> None:
    async with own_bot(town) as host:
        town.tg.faults.lose_confirmation(times=2)
        text, posted = await town.group.post_text(town.ann, "hello"), await post_note(town.group, town.ann)
        await host.saw(posted)
        await town.tg.wait_until(lambda: not town.tg.pending_updates, timeout=15)
        await host.settled(town.group, town.ann)
        assert (host.times_seen(text), host.times_seen(posted), await count(host, "decided")) == (1, 1, 1)


async def test_an_update_that_an_earlier_run_finished_with_is_not_handled_again(town: Town) -> None:
    async with own_bot(town) as host:
        posted = await post_note(town.group, town.ann)
        await host.saw(posted)
        await host.done(event="finished")
        town.tg.faults.lose_confirmation(times=100)
        bad = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: bad.deleted)
        again = await post_note(town.group, town.ann, name="again.txt")
        await host.saw(again)
        await emptied((await host.guard.start()).store.pending)
    assert town.tg.pending_updates
    town.tg.faults.clear()
    async with own_bot(town) as host:
        await host.settled(town.group, town.ann)
        await town.tg.wait_until(lambda: not town.tg.pending_updates)
        assert [host.times_seen(message) for message in (posted, bad, again)] == [0, 0, 0]
        assert [await count(host, event) for event in ("received", "decided", "opened")] == [3, 3, 1]
        assert len(town.moderators.messages) == 1


async def test_the_same_message_under_another_number_is_one_case(town: Town) -> None:
    async with own_bot(town) as host:
        posted = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: posted.deleted)
        await town.tg.inject({"message": posted.json()})
        await town.tg.inject({"channel_post": posted.json()})
        await host.settled(town.group, town.ann)
        assert [await count(host, event) for event in ("received", "decided", "opened")] == [1, 1, 1]
        assert host.times_seen(posted) == 0


async def test_an_edit_with_the_same_file_is_the_same_case(town: Town) -> None:
    async with own_bot(town) as host:
        posted = await town.group.post_document(town.eve, PICTURE, name="a.png", mime="image/png")
        await host.saw(posted)
        await town.group.edit(posted, caption="better")
        await host.updates.several(2, lambda update: update.edited_message is not None or update.message is not None)
        await host.settled(town.group, town.ann)
        assert [await count(host, event) for event in ("received", "decided")] == [1, 1]


async def test_an_edit_with_another_file_is_a_case_of_its_own(town: Town) -> None:
    async with own_bot(town) as host:
        posted = await town.group.post_document(town.eve, PICTURE, name="a.png", mime="image/png")
        await host.saw(posted)
        await town.group.edit(posted, document=town.tg.attach("document", PROGRAM, name="a.png"))
        await town.tg.wait_until(lambda: posted.deleted)
        await host.settled(town.group, town.ann)
        assert [await count(host, event) for event in ("received", "decided", "opened")] == [2, 2, 1]


# ── while the host handles it ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_attachment_is_finished_when_the_handlers_have_ended(town: Town) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()

    async def slow(_update: Update, _context: AnyContext) -> None:
        entered.set()
        await leave.wait()

    async with own_bot(town) as host:
        host.application.add_handler(MessageHandler(filters.Document.ALL, slow), group=2)
        await post_note(town.group, town.ann)
        await entered.wait()
        await host.application.bot.get_me()  # as long as it takes to ask somebody
        assert await count(host, "finished") == 0
        leave.set()
        await host.done(event="finished")


async def test_an_album_is_finished_when_the_handlers_of_all_its_messages_have_ended(town: Town) -> None:
    entered: list[int] = []
    leave = asyncio.Event()

    async def slow_with_the_first(update: Update, _context: AnyContext) -> None:
        assert update.effective_message is not None
        entered.append(update.effective_message.message_id)
        if update.effective_message.message_id == album[0].message_id:
            await leave.wait()

    async with own_bot(town) as host:
        host.application.add_handler(MessageHandler(filters.PHOTO, slow_with_the_first), group=2)
        album = await town.group.post_album(town.ann, [town.tg.attach("photo", picture(n)) for n in range(2)])
        await town.tg.wait_until(lambda: len(entered) == 2, timeout=15)
        await host.application.bot.get_me()
        assert await count(host, "finished") == 0
        leave.set()
        await host.done(event="finished")


async def test_what_a_stop_cuts_off_is_handled_again(town: Town) -> None:
    entered = asyncio.Event()

    async def never(_update: Update, _context: AnyContext) -> None:
        entered.set()
        await asyncio.Event().wait()

    async def cut_off() -> Message:
        async with own_bot(town) as host:
            host.application.add_handler(MessageHandler(filters.Document.ALL, never), group=2)
            posted = await post_note(town.group, town.ann)
            await entered.wait()
            for task in asyncio.all_tasks():
                if "process_concurrent_update" in task.get_name():
                    task.cancel()
            return posted

    posted = await cut_off()
    async with own_bot(town) as host:
        await host.saw(posted)
        await host.done(event="finished")
        assert await count(host, "decided") == 1


# ── signs of life ─────────────────────────────────────────────────────────────────────────────────────────────────


async def last_sign_in(town: Town) -> datetime:
    async with AuditedStore.open(town.state, beside=True) as beside:
        found = await beside.state.read(last_sign)
    assert found is not None
    return found


async def test_the_running_bot_gives_signs_of_life(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "SIGN_SECONDS", 0.01)
    async with own_bot(town):
        first = await last_sign_in(town)

        async def later() -> bool:
            return await last_sign_in(town) > first

        await until(later)


async def test_a_bot_that_was_away_says_since_when(town: Town) -> None:
    async with own_bot(town) as host:
        assert await count(host, "gap") == 0
    stopped = await last_sign_in(town)
    with closing(sqlite3.connect(town.state / DATABASE)) as connection, connection:
        connection.execute("UPDATE life SET at = ?", (rfc3339(stopped - timedelta(hours=2)),))
    async with own_bot(town) as host:
        record = await host.done(event="gap")
        assert record["data"]["since"] == rfc3339(stopped - timedelta(hours=2))
        assert record["data"]["until"] >= rfc3339(stopped)
    async with own_bot(town) as host:
        assert await count(host, "gap") == 1


async def test_a_gap_while_the_bot_runs_is_recorded(town: Town) -> None:
    until_now = datetime.now(UTC)
    async with own_bot(town) as host:
        keeper = host.guard.journal.keeper
        assert keeper is not None
        await keeper.note_gap(until_now - timedelta(days=2), until_now)
        record = await host.done(event="gap")
    assert record["data"] == {"since": rfc3339(until_now - timedelta(days=2)), "until": rfc3339(until_now)}


# ── in somebody else's application ────────────────────────────────────────────────────────────────────────────────


async def test_a_plugin_with_a_journal_has_on_disk_what_telegram_has_forgotten(town: Town) -> None:
    hold = town.tg.faults.hold_download(after=1)
    async with polling(build(town.tg, town.config(), journal=True)) as host:
        assert isinstance(host.application.update_queue, JournalQueue)
        posted = await post_note(town.group, town.ann)
        await town.tg.wait_until(lambda: not town.tg.pending_updates)
        async with AuditedStore.open(town.state, beside=True) as beside:  # as whoever starts after a crash reads it
            (pending,) = await beside.pending()
        assert pending.attachment.message == str(posted.message_id)
        hold.release()
        await host.saw(posted)
        await host.done(event="finished")


async def test_uninstalling_gives_the_application_its_queue_back(town: Town) -> None:
    host = build(town.tg, town.config(), journal=True)
    theirs = host.application.update_queue
    host.guard.uninstall()
    assert type(host.application.update_queue) is asyncio.Queue
    assert host.application.update_queue is not theirs


async def test_uninstalling_while_it_runs_leaves_a_plain_queue(town: Town) -> None:
    async with polling(build(town.tg, town.config(), journal=True)) as host:
        host.guard.uninstall()
        bad = await post_program(town.group, town.eve)
        await host.saw(bad)
        assert not bad.deleted
        await host.guard.stop()


async def test_what_is_set_aside_says_nothing_of_anybody_in_the_log(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    _fail_to_walk(monkeypatch, "odd.txt")
    with capture_logs() as logs:
        async with own_bot(town) as host:
            await post_note(town.group, town.eve, name="odd.txt")
            await host.done(event="update-set-aside")
    assert [one["log_level"] for one in logs if "set aside" in one["event"]] == ["error"]
    for secret in ("Eve", "odd.txt", str(town.eve.id), str(town.group.id)):
        assert secret not in str([one for one in logs if one.get("log_level") in ("error", "warning")])
