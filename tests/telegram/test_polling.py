"""A bot that no update can stall, whatever the answer to getUpdates is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from telegram import Update
from telegram.error import NetworkError, RetryAfter, TimedOut
from telegram.request import RequestData

from lazaretto.emulator import Chat, Emulator, User
from lazaretto.telegram.journal import TRIES, Placeholder, Unreadable
from lazaretto.telegram.polling import JournalBot
from offline import Offline

Json = dict[str, Any]


class Keeper:
    """Remembers what came; fails as often as it is told to."""

    def __init__(self) -> None:
        self.unreadable: list[Mapping[str, Any]] = []
        self.again: list[object] = []
        self.aside: list[object] = []
        self.gaps: list[tuple[datetime, datetime]] = []
        self.errors: list[Exception] = []

    async def write_down(self, update: Update, *, delivered: bool) -> bool:
        return delivered

    async def take_unreadable(self, update: Mapping[str, Any], why: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.unreadable.append(update)

    def came_again(self, update: object) -> None:
        self.again.append(update)

    async def set_aside(self, update: object, why: str) -> None:
        self.aside.append(update)

    async def note_gap(self, since: datetime, until: datetime) -> None:
        self.gaps.append((since, until))


class Canned(Offline):
    """Answers getUpdates with what is next. asked: the parameters and the read timeout of each request."""

    read_timeout = 5.0  # type: ignore[assignment] # the stub has none

    def __init__(self) -> None:
        self.answers: list[str | Exception] = []
        self.asked: list[tuple[Json, Any]] = []

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *rest: Any, **timeouts: Any
    ) -> tuple[int, bytes]:
        if not url.endswith("/getUpdates"):
            return await super().do_request(url, method, request_data, *rest, **timeouts)
        assert request_data is not None
        self.asked.append((request_data.parameters, timeouts.get("read_timeout", rest[0] if rest else None)))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return 200, f'{{"ok": true, "result": {answer}}}'.encode()


class Poll:
    """A bot, its keeper, and what it is answered."""

    def __init__(self) -> None:
        self.keeper, self.server = Keeper(), Canned()
        self.bot = JournalBot("1:a", request=Offline(), get_updates_request=self.server)
        self.bot.journal.keeper = self.keeper

    async def answered(self, *results: object, offset: int | None = None) -> tuple[Update, ...]:
        self.server.answers.append(json.dumps(results))
        return await self.bot.get_updates(offset=offset)


@pytest.fixture
def poll(monkeypatch: pytest.MonkeyPatch) -> Poll:
    monkeypatch.setattr("lazaretto.telegram.journal._FIRST_PAUSE", 0.0)
    return Poll()


def an_update(number: object = 7, **fields: Any) -> Json:
    chat = {"id": -1, "type": "supergroup", "title": "Chess"}
    message = {"message_id": 5, "date": 1_700_000_000, "chat": chat, "text": "hello", **fields}
    return {"update_id": number, "message": message}


def numbers(updates: tuple[Update, ...]) -> list[tuple[type, int]]:
    return [(type(update), update.update_id) for update in updates]


async def test_what_the_library_can_read_is_read_as_it_reads_it(poll: Poll) -> None:
    (update,) = await poll.answered(an_update())
    assert update == Update.de_json(an_update(), poll.bot)
    assert (update.message and update.message.get_bot()) is poll.bot


async def test_the_updates_around_an_unreadable_one_are_read(poll: Poll) -> None:
    odd = an_update(8, date="yesterday")
    updates = await poll.answered(an_update(7), odd, an_update(9))
    assert numbers(updates) == [(Update, 7), (Unreadable, 8), (Update, 9)]
    assert poll.keeper.unreadable == [odd]


async def test_an_unreadable_one_at_the_end_is_acknowledged_by_its_number(poll: Poll) -> None:
    updates = await poll.answered(an_update(7), {"update_id": 8, "message": 5})
    assert updates[-1].update_id == 8


async def test_one_that_cannot_be_judged_either_is_set_aside_and_acknowledged(poll: Poll) -> None:
    poll.keeper.errors = [ValueError()] * TRIES
    odd = an_update(8, date="yesterday")
    assert numbers(await poll.answered(odd)) == [(Unreadable, 8)]
    assert poll.keeper.aside == [odd]
    assert numbers(await poll.answered(odd)) == [(Placeholder, 8)]
    assert poll.keeper.aside == [odd]


async def test_one_that_has_to_wait_keeps_none_of_those_before_it(poll: Poll) -> None:
    odd = an_update(8, date="yesterday")
    poll.keeper.errors = [OSError(28, "no room")]
    assert numbers(await poll.answered(an_update(7), odd, an_update(9))) == [(Update, 7)]
    poll.keeper.errors = [OSError(28, "no room")]
    with pytest.raises(NetworkError, match="no room"):
        await poll.answered(odd, an_update(9), offset=8)
    assert numbers(await poll.answered(odd, an_update(9), offset=8)) == [(Unreadable, 8), (Update, 9)]


@pytest.mark.parametrize("number", ["7", None, 7.5, True, -1, 2**63, []])
async def test_a_number_that_is_none_is_not_what_an_answer_ends_with(poll: Poll, number: object) -> None:
    """The library would add one to it, and end polling by the error."""
    updates = await poll.answered(an_update(6), an_update(number, document={"file_id": "a", "file_unique_id": "b"}))
    assert numbers(updates) == [(Update, 6)]
    assert len(poll.keeper.unreadable) == 1


@pytest.mark.parametrize("odd", [None, 7, "text", [], True, {}, {"update_id": "7"}])
async def test_an_answer_with_nothing_to_acknowledge_is_asked_for_again_after_a_pause(poll: Poll, odd: object) -> None:
    for _ in range(3):
        with pytest.raises(NetworkError, match="no update"):  # for which polling pauses, ever longer
            await poll.answered(odd)
    assert len(poll.keeper.aside) + len(poll.keeper.unreadable) == 1


@pytest.mark.parametrize("result", ["null", "true", "7", '"text"', "{}", '{"update_id": 7}'])
async def test_an_answer_that_is_no_list_is_asked_for_again_after_a_pause(poll: Poll, result: str) -> None:
    poll.server.answers = [result]
    with pytest.raises(NetworkError, match="no list"):
        await poll.bot.get_updates()


async def test_an_answer_that_nests_too_deep_is_asked_for_again_after_a_pause(poll: Poll) -> None:
    poll.server.answers = ["[" * 100_000 + "]" * 100_000]
    with pytest.raises(NetworkError, match="too deep"):
        await poll.bot.get_updates()


async def test_more_updates_than_were_asked_for_come_again(poll: Poll) -> None:
    assert len(await poll.answered(*(an_update(number) for number in range(1, 300)))) == 100


async def test_a_server_that_does_not_hear_what_is_acknowledged_is_asked_again_after_a_pause(poll: Poll) -> None:
    await poll.bot.journal.take((await poll.answered(an_update(7)))[0], _nowhere)
    with pytest.raises(NetworkError, match="acknowledged"):
        await poll.answered(an_update(7), offset=8)
    assert numbers(await poll.answered(an_update(7), an_update(8), offset=8)) == [(Placeholder, 7), (Update, 8)]
    assert numbers(await poll.answered(an_update(3), offset=8)) == [(Update, 3)]  # numbers may begin anew


async def _nowhere(_: Update) -> None:
    """The queue."""


async def test_an_empty_answer_is_empty(poll: Poll) -> None:
    assert await poll.answered() == ()


async def test_a_token_that_is_not_known_any_more_does_not_end_polling(poll: Poll) -> None:
    async with poll.bot:  # the library ends polling by an InvalidToken
        for status in (401, 404):

            async def refuses(*_: Any, status: int = status, **__: Any) -> tuple[int, bytes]:
                return status, b'{"ok": false, "description": "Not Found"}'

            poll.server.do_request = refuses  # type: ignore[method-assign]
            with pytest.raises(NetworkError, match="token"):
                await poll.bot.get_updates()


@pytest.mark.parametrize("error", [TimedOut(), RetryAfter(3), NetworkError("reset")])
async def test_the_librarys_own_errors_pass(poll: Poll, error: Exception) -> None:
    poll.server.answers = [error]
    with pytest.raises(type(error)):
        await poll.bot.get_updates()


@pytest.mark.parametrize("timeout", [10, timedelta(seconds=10)])
async def test_telegram_is_asked_as_the_library_asks(poll: Poll, timeout: Any) -> None:
    poll.server.answers = ["[]"]
    await poll.bot.get_updates(offset=5, limit=20, timeout=timeout, allowed_updates=["message"])
    ((asked, patience),) = poll.server.asked
    assert asked == {"offset": 5, "limit": 20, "timeout": 10, "allowed_updates": ["message"]}
    assert patience == 15.0


async def test_a_buttons_data_that_cannot_be_put_back_stalls_nothing(
    poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: Update) -> None:
        raise KeyError("data")

    monkeypatch.setattr(JournalBot, "insert_callback_data", staticmethod(fails))
    assert numbers(await poll.answered(an_update())) == [(Update, 7)]


async def test_telegram_counts_as_reached_once_what_came_was_taken_in(
    poll: Poll, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached: list[int] = []

    async def note() -> None:
        reached.append(len(poll.server.asked))

    monkeypatch.setattr(poll.bot.journal, "reached", note)
    await poll.answered(an_update(7), offset=None)  # first
    await poll.answered(an_update(7), offset=None)  # second: the queue could not take it
    await poll.answered(an_update(8), offset=8)  # third
    await poll.answered(offset=9)
    await poll.answered(offset=9)
    assert reached == [1, 3, 4, 5]


async def test_a_real_poll_waits_as_long_as_it_asks_for_and_is_no_warning(tg: Emulator, ann: User, group: Chat) -> None:
    async with JournalBot(tg.token, base_url=tg.base_url, base_file_url=tg.base_file_url) as bot:
        bot.journal.keeper = Keeper()
        assert await bot.get_updates(timeout=0) == ()
        await group.post_text(ann, "hello")
        await tg.inject_unparsable()
        readable, unreadable = await bot.get_updates(timeout=5)
        assert (type(readable), type(unreadable)) == (Update, Unreadable)
        assert await bot.get_updates(offset=unreadable.update_id + 1) == ()
        assert not tg.pending_updates
