"""The journal in front of a store that fails as it is told to: what is queued, tried again, waited for, set aside."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telegram import Update
from telegram.error import NetworkError
from telegram.ext import Application

from lazaretto.ports import Unavailable
from lazaretto.state import StateClosed
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.journal import TRIES, Journal, Moment, Placeholder, Unreadable, is_shortage
from lazaretto.telegram.queue import JournalQueue, replace_queue
from offline import Offline

Json = dict[str, Any]
BEGAN = datetime(2026, 11, 25, 12, tzinfo=UTC)
SHORTAGES = [OSError(28, "no room"), Unavailable("the disk is full"), StateClosed("closed")]
POISONS = [ValueError("x"), KeyError("x"), RecursionError(), MemoryError(), AssertionError(), TimeoutError()]


class Keeper:
    """Takes everything, but for what `errors` says; `over`: numbers that an earlier run has finished with."""

    def __init__(self) -> None:
        self.written: list[tuple[int, bool]] = []
        self.unreadable: list[Mapping[str, Any]] = []
        self.again: list[object] = []
        self.aside: list[tuple[object, str]] = []
        self.gaps: list[tuple[datetime, datetime]] = []
        self.errors: list[Exception] = []
        self.cannot_set_aside: Exception | None = None
        self.over: set[int] = set()

    async def write_down(self, update: Update, *, delivered: bool) -> bool:
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop(0)
        self.written.append((update.update_id, delivered))
        return not (delivered and update.update_id in self.over)

    async def take_unreadable(self, update: Mapping[str, Any], why: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.unreadable.append(update)

    def came_again(self, update: object) -> None:
        self.again.append(update)

    async def set_aside(self, update: object, why: str) -> None:
        if self.cannot_set_aside is not None:
            raise self.cannot_set_aside
        self.aside.append((update, why))

    async def note_gap(self, since: datetime, until: datetime) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.gaps.append((since, until))


class Desk:
    """A journal, its queue, and the application that reads it."""

    def __init__(self) -> None:
        self.keeper = Keeper()
        self.pauses: list[float] = []
        self.moment = Moment(BEGAN, 0.0)
        self.journal = Journal(self._pause, lambda: self.moment)
        self.journal.keeper = self.keeper
        self.app: AnyApplication = Application.builder().token("1:a").request(Offline()).build()
        self.queue = JournalQueue(journal=self.journal)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def later(self, **time: float) -> None:
        passed = timedelta(**time)
        self.moment = Moment(self.moment.wall + passed, self.moment.steady + passed.total_seconds())

    async def read(self, raw: object) -> Update | None:
        return await self.journal.read(raw, self.app.bot)

    async def deliver(self, *raw: object) -> None:
        """What polling does with an answer."""
        for update in [await self.read(one) for one in raw]:
            await self.queue.put(update)

    def queued(self) -> list[int]:
        found = []
        while not self.queue.empty():
            update = self.queue.get_nowait()
            assert isinstance(update, Update)
            found.append(update.update_id)
        return found


@pytest.fixture
def desk() -> Desk:
    return Desk()


def an_update(number: object = 7, **fields: Any) -> Json:
    chat = {"id": -1, "type": "supergroup", "title": "Chess"}
    message = {"message_id": 5, "date": 1_700_000_000, "chat": chat, "text": "hello", **fields}
    return {"update_id": number, "message": message}


UNREADABLE = an_update(8, date="yesterday")


# ── what the library can read ─────────────────────────────────────────────────────────────────────────────────────


async def test_an_update_is_written_down_before_it_is_queued(desk: Desk) -> None:
    update = await desk.read(an_update())
    putting = asyncio.ensure_future(desk.queue.put(update))
    await asyncio.sleep(0)
    assert desk.queue.empty()
    await putting
    assert (desk.keeper.written, desk.queued()) == ([(7, True)], [7])


async def test_what_was_queued_is_not_queued_again_when_it_is_delivered_again(desk: Desk) -> None:
    """Putting failed at the third, so Telegram delivers all of them again."""
    first = [await desk.read(an_update(number)) for number in (11, 12, 13)]
    await desk.queue.put(first[0])
    desk.keeper.errors = [Unavailable("the disk is full")]
    with pytest.raises(NetworkError):
        await desk.queue.put(first[1])
    again = [await desk.read(an_update(number)) for number in (11, 12, 13)]
    assert [isinstance(update, Placeholder) for update in again] == [True, False, False]
    for update in again:
        await desk.queue.put(update)
    assert desk.queued() == [11, 12, 13]


async def test_two_deliveries_of_one_update_at_the_same_time_are_queued_once(desk: Desk) -> None:
    both = [await desk.read(an_update()) for _ in range(2)]
    await asyncio.gather(*(desk.queue.put(update) for update in both))
    assert desk.queued() == [7]


async def test_a_host_may_queue_an_update_of_its_own_as_often_as_it_likes(desk: Desk) -> None:
    await desk.deliver(an_update())
    own = Update.de_json(an_update(), None)
    for _ in range(2):
        await desk.queue.put(own)
    assert desk.queued() == [7, 7, 7]


async def test_what_an_earlier_run_has_finished_with_is_not_queued(desk: Desk) -> None:
    desk.keeper.over = {7}
    await desk.deliver(an_update())
    assert desk.queued() == []
    assert isinstance(await desk.read(an_update()), Placeholder)
    assert desk.keeper.again == [an_update()]
    await desk.queue.put(Update.de_json(an_update(), None))
    assert desk.queued() == [7]  # the host's own doing


async def test_an_update_that_did_not_come_into_the_queue_is_delivered_again(desk: Desk) -> None:
    desk.queue = JournalQueue(maxsize=1, journal=desk.journal)
    await desk.deliver(an_update(7))
    putting = asyncio.ensure_future(desk.queue.put(await desk.read(an_update(8))))
    for _ in range(5):
        await asyncio.sleep(0)
    putting.cancel()
    await asyncio.gather(putting, return_exceptions=True)
    assert desk.queued() == [7]
    await desk.deliver(an_update(7), an_update(8))
    assert desk.queued() == [8]


@pytest.mark.parametrize("fault", SHORTAGES, ids=lambda fault: type(fault).__name__)
async def test_a_shortage_is_waited_for_by_whoever_delivers(desk: Desk, fault: Exception) -> None:
    for _ in range(3 * TRIES):
        desk.keeper.errors = [fault]
        with pytest.raises(NetworkError, match="could not be written down"):
            await desk.deliver(an_update())
    assert (desk.keeper.aside, desk.pauses) == ([], [])
    await desk.deliver(an_update())
    assert desk.queued() == [7]


@pytest.mark.parametrize("fault", POISONS, ids=lambda fault: type(fault).__name__)
async def test_what_cannot_be_kept_is_set_aside_after_a_few_tries(desk: Desk, fault: Exception) -> None:
    assert not is_shortage(fault)
    desk.keeper.errors = [fault] * TRIES
    await desk.deliver(an_update(7), an_update(9))
    assert desk.queued() == [9]
    ((aside, why),) = desk.keeper.aside
    assert isinstance(aside, dict)
    assert (aside["update_id"], aside["message"]["text"]) == (7, "hello")
    assert why == f"cannot be kept; {type(fault).__name__}"
    assert desk.pauses == [0.5, 1.0]


async def test_what_can_be_kept_at_last_is_not_set_aside(desk: Desk) -> None:
    desk.keeper.errors = [ValueError()] * (TRIES - 1)
    await desk.deliver(an_update())
    assert (desk.queued(), desk.keeper.aside) == ([7], [])


async def test_what_cannot_even_be_set_aside_is_not_acknowledged(desk: Desk) -> None:
    desk.keeper.errors = [ValueError()] * TRIES
    desk.keeper.cannot_set_aside = Unavailable("the disk is full")
    with pytest.raises(NetworkError):
        await desk.deliver(an_update())
    desk.keeper.cannot_set_aside = None
    await desk.deliver(an_update())
    assert desk.queued() == [7]


async def test_where_the_plugin_was_taken_out_nothing_stalls_either(desk: Desk) -> None:
    desk.journal.keeper = None
    await desk.deliver(an_update(7), UNREADABLE, an_update(9))
    assert await desk.read("no object") is None
    desk.later(days=3)
    await desk.journal.reached()
    assert desk.queued() == [7, 9]


# ── what it cannot ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_the_library_cannot_read_is_judged_and_acknowledged_and_not_queued(desk: Desk) -> None:
    stands_for_it = await desk.read(UNREADABLE)
    assert isinstance(stands_for_it, Unreadable)
    assert (stands_for_it.update_id, desk.keeper.unreadable) == (8, [UNREADABLE])
    await desk.queue.put(stands_for_it)
    assert desk.queued() == []


async def test_it_is_set_aside_as_it_came_where_it_cannot_be_judged(desk: Desk) -> None:
    desk.keeper.errors = [KeyError("Ann")] * TRIES
    assert isinstance(await desk.read(UNREADABLE), Unreadable)
    ((aside, why),) = desk.keeper.aside
    assert aside == UNREADABLE
    assert why == "unreadable (TypeError); KeyError"
    assert isinstance(await desk.read(UNREADABLE), Placeholder)
    assert len(desk.keeper.aside) == 1


@pytest.mark.parametrize("number", ["7", None, 7.0, True, -1, 2**63, [], {}])
async def test_an_update_without_a_number_to_acknowledge_is_judged_once(desk: Desk, number: object) -> None:
    for _ in range(3):
        assert await desk.read(an_update(number)) is None
    assert desk.keeper.unreadable == [an_update(number)]


@pytest.mark.parametrize("odd", [None, 7, "text", [], [an_update()], 1.5, True])
async def test_what_is_no_object_is_set_aside_once(desk: Desk, odd: object) -> None:
    for _ in range(3):
        assert await desk.read(odd) is None
    assert [aside for aside, _ in desk.keeper.aside] == [odd]
    assert desk.keeper.unreadable == []


# ── gaps ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_polling_that_reached_nobody_for_a_day_is_no_gap_and_for_longer_it_is(desk: Desk) -> None:
    desk.later(hours=24)
    await desk.journal.reached()
    assert desk.keeper.gaps == []
    desk.later(hours=24, seconds=1)
    await desk.journal.reached()
    await desk.journal.reached()
    assert desk.keeper.gaps == [(BEGAN + timedelta(hours=24), desk.moment.wall)]


async def test_a_clock_that_is_set_back_hides_no_gap(desk: Desk) -> None:
    desk.moment = Moment(BEGAN - timedelta(days=30), 48 * 3600.0)
    await desk.journal.reached()
    ((since, until),) = desk.keeper.gaps
    assert (until - since, until) == (timedelta(hours=48), desk.moment.wall)


async def test_a_machine_that_slept_hides_no_gap(desk: Desk) -> None:
    desk.moment = Moment(BEGAN + timedelta(hours=48), 1.0)
    await desk.journal.reached()
    assert desk.keeper.gaps == [(BEGAN, desk.moment.wall)]


async def test_a_gap_that_cannot_be_recorded_stops_nothing(desk: Desk) -> None:
    desk.later(days=2)
    desk.keeper.errors = [Unavailable("the disk is full")]
    await desk.journal.reached()
    await desk.deliver(an_update())
    assert desk.queued() == [7]


# ── while it is handled ───────────────────────────────────────────────────────────────────────────────────────────


async def _fetched(desk: Desk) -> None:
    await desk.deliver(an_update())
    await desk.queue.get()


async def test_what_follows_the_handlers_is_done_when_they_have_ended(desk: Desk) -> None:
    done: list[str] = []
    await _fetched(desk)
    handling = JournalQueue.handling()
    assert handling is not None
    handling.then(lambda: done.append("first"))
    assert done == []
    desk.queue.task_done()
    handling.then(lambda: done.append("late"))
    assert done == ["first", "late"]


async def test_what_follows_the_handlers_is_not_done_where_they_were_cut_off(desk: Desk) -> None:
    done: list[str] = []

    async def handle() -> None:
        handling = JournalQueue.handling()
        assert handling is not None
        handling.then(lambda: done.append("never"))
        try:
            await asyncio.Event().wait()
        finally:
            desk.queue.task_done()

    await _fetched(desk)
    task = asyncio.ensure_future(handle())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert done == []


# ── the queue's place ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_queue_takes_the_place_of_the_librarys_with_what_is_in_it(desk: Desk) -> None:
    before: asyncio.Queue[object] = asyncio.Queue(5)
    app: AnyApplication = Application.builder().token("1:a").request(Offline()).update_queue(before).build()
    before.put_nowait("one")
    before.put_nowait("two")
    undo = replace_queue(app, desk.journal)
    assert app.updater is not None
    assert isinstance(app.update_queue, JournalQueue)
    assert app.updater.update_queue is app.update_queue
    assert (app.update_queue.maxsize, app.update_queue.get_nowait(), before.qsize()) == (5, "one", 0)
    undo()
    assert app.update_queue is app.updater.update_queue is before
    assert before.get_nowait() == "two"


async def test_a_queue_in_use_is_not_replaced(desk: Desk) -> None:
    app: AnyApplication = Application.builder().token("1:a").updater(None).request(Offline()).build()
    async with app:
        await app.start()
        with pytest.raises(RuntimeError, match="before the application is started"):
            replace_queue(app, desk.journal)
        await app.stop()


async def test_a_queue_that_is_in_use_stays_and_becomes_a_plain_one_when_it_is_undone(desk: Desk) -> None:
    app: AnyApplication = Application.builder().token("1:a").updater(None).request(Offline()).build()
    undo = replace_queue(app, desk.journal)
    async with app:
        await app.start()
        queue = app.update_queue
        undo()
        assert app.update_queue is queue
        await queue.put(Update.de_json(an_update(), None))
        await queue.join()
        await app.stop()
    assert desk.keeper.written == []


@pytest.mark.parametrize("theirs", [asyncio.LifoQueue, asyncio.PriorityQueue, type("Mine", (asyncio.Queue,), {})])
async def test_a_queue_of_the_hosts_own_kind_is_not_replaced(desk: Desk, theirs: type[asyncio.Queue[object]]) -> None:
    app: AnyApplication = Application.builder().token("1:a").request(Offline()).update_queue(theirs()).build()
    with pytest.raises(RuntimeError, match=rf"is your own \({theirs.__qualname__}\): leave out"):
        replace_queue(app, desk.journal)
    assert type(app.update_queue) is theirs


async def test_an_updater_with_another_queue_is_not_replaced(desk: Desk) -> None:
    app: AnyApplication = Application.builder().token("1:a").request(Offline()).build()
    assert app.updater is not None
    app.updater.update_queue = asyncio.Queue()
    with pytest.raises(RuntimeError, match="your own"):
        replace_queue(app, desk.journal)
