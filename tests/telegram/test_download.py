"""Downloads are streamed whole or fail; they go where we say, and nowhere else."""

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest
import telegram
from telegram.error import BadRequest, NetworkError, TelegramError

from lazaretto.emulator import Chat, Emulator, Message, User
from lazaretto.emulator.files.store import DOWNLOAD_LIMIT
from lazaretto.model import Claim, Part
from lazaretto.ports import FetchFailed, NotFetchable
from lazaretto.telegram.download import Downloads, Pace, least_pace
from lazaretto.telegram.inline import data_url

DATA = bytes(range(256)) * 4000  # four chunks, about


def part_of(message: Message) -> Part:
    document = message.document or {}
    return Part(0, document["file_id"], document["file_unique_id"], "message.document", Claim())


async def fetched(downloads: Downloads, part: Part) -> bytes:
    return b"".join([chunk async for chunk in downloads.fetch(part)])


@pytest.fixture
async def posted(group: Chat, ann: User) -> Message:
    return await group.post_document(ann, DATA, name="a.bin")


class HostileBot(telegram.Bot):
    """Answers getFile with what a hostile server would."""

    async def do_api_request(self, endpoint: str, api_kwargs: Any = None, *_: Any, **__: Any) -> Any:
        answer = HOSTILE.pop()
        if isinstance(answer, Exception):
            raise answer
        return answer


HOSTILE: list[Any] = []


async def from_hostile(tg: Emulator, answer: Any) -> bytes:
    bot = HostileBot(tg.token, base_url=tg.base_url, base_file_url=tg.base_file_url)
    HOSTILE.append(answer)
    downloads = Downloads(bot, bot.base_file_url)
    try:
        return await fetched(downloads, Part(0, "x", "u", "message.document", Claim()))
    finally:
        await downloads.close()


async def test_the_bytes_that_come_are_the_bytes_that_were_posted(posted: Message, downloads: Downloads) -> None:
    assert await fetched(downloads, part_of(posted)) == DATA


async def test_bytes_are_handed_on_before_the_last_has_come(
    tg: Emulator, posted: Message, downloads: Downloads
) -> None:
    hold = tg.faults.hold_download(posted, after=600_000)
    chunks = downloads.fetch(part_of(posted))
    first = await anext(chunks)
    assert 0 < len(first) < len(DATA)
    hold.release()
    assert first + b"".join([chunk async for chunk in chunks]) == DATA


async def test_a_slow_transfer_is_no_fault(tg: Emulator, group: Chat, ann: User, downloads: Downloads) -> None:
    tg.faults.slow_download(100_000)
    message = await group.post_document(ann, b"x" * 20_000)
    assert len(await fetched(downloads, part_of(message))) == 20_000


@pytest.mark.parametrize("after", [0, 1, 300_000])
async def test_a_body_that_is_cut_is_never_taken_for_a_whole_one(
    tg: Emulator, posted: Message, downloads: Downloads, after: int
) -> None:
    tg.faults.cut_download(after, posted)
    with pytest.raises(FetchFailed) as failure:
        await fetched(downloads, part_of(posted))
    assert tg.token not in str(failure.value)
    assert await fetched(downloads, part_of(posted)) == DATA


@pytest.mark.parametrize("status", [301, 302, 403, 404, 500, 206, 204])
async def test_any_answer_but_the_file_is_a_failure(
    tg: Emulator, posted: Message, downloads: Downloads, status: int
) -> None:
    tg.faults.fail_download(status, posted)
    with pytest.raises(FetchFailed, match=str(status)) as failure:
        await fetched(downloads, part_of(posted))
    assert tg.token not in str(failure.value)


async def test_a_file_that_is_too_big_for_bots_is_not_fetchable(group: Chat, ann: User, downloads: Downloads) -> None:
    message = await group.post_document(ann, b"x" * (DOWNLOAD_LIMIT + 1))
    with pytest.raises(NotFetchable, match="File is too big"):
        await fetched(downloads, part_of(message))


async def test_an_unknown_file_is_not_fetchable(downloads: Downloads) -> None:
    with pytest.raises(NotFetchable):
        await fetched(downloads, Part(0, "nonsense", "u", "message.document", Claim()))


async def test_a_server_that_is_busy_is_asked_again_another_time(
    tg: Emulator, posted: Message, downloads: Downloads
) -> None:
    tg.faults.fail(
        "getFile", error_code=400, description="Bad Request: wrong file_id or the file is temporarily unavailable"
    )
    tg.faults.fail("getFile", retry_after=3)
    tg.faults.fail("getFile", error_code=500)
    tg.faults.reset_connection("getFile")
    for _ in range(4):
        with pytest.raises(FetchFailed) as failure:
            await fetched(downloads, part_of(posted))
        assert tg.token not in str(failure.value)
    assert await fetched(downloads, part_of(posted)) == DATA


async def test_a_server_that_is_gone_is_a_failure(tg: Emulator, posted: Message, downloads: Downloads) -> None:
    await tg.stop()
    with pytest.raises(FetchFailed) as failure:
        await fetched(downloads, part_of(posted))
    assert tg.token not in str(failure.value)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/hostname",
        "../../etc/hostname",
        "documents/../../x",
        "documents/./x",
        "..",
        "http://127.0.0.1:1/x",
        "file:///etc/hostname",
        "\\\\server\\share",
        "documents\\..\\x",
        "documents/\ud800",
        "",
        None,
        7,
        ["a"],
    ],
)
async def test_a_path_outside_the_servers_own_files_is_refused(tg: Emulator, path: object) -> None:
    with pytest.raises(NotFetchable):
        await from_hostile(tg, {"file_path": path})
    assert tg.downloads == ()


@pytest.mark.parametrize("answer", [None, True, [], "text", {}])
async def test_an_answer_without_a_path_is_refused(tg: Emulator, answer: object) -> None:
    with pytest.raises(NotFetchable):
        await from_hostile(tg, answer)


async def test_a_path_cannot_become_a_query(tg: Emulator) -> None:
    with pytest.raises(FetchFailed, match="404"):
        await from_hostile(tg, {"file_path": "documents/x?a=b#c"})


@pytest.mark.parametrize("error", [NetworkError("https://api/bot1:secret"), TelegramError("bot1:secret")])
async def test_an_error_of_the_library_is_told_without_its_text(tg: Emulator, error: Exception) -> None:
    with pytest.raises(FetchFailed) as failure:
        await from_hostile(tg, error)
    assert "secret" not in str(failure.value)


async def test_a_refusal_keeps_the_servers_reason(tg: Emulator) -> None:
    with pytest.raises(NotFetchable, match=r"^file is too big$"):
        await from_hostile(tg, BadRequest("file is too big"))


@pytest.mark.parametrize("text", ["BEGIN:VCARD\nFN:Zoë; 100 %, #1?\nEND:VCARD\n", "", "data:,x"])
async def test_what_the_message_itself_holds_is_fetched_from_nowhere(
    tg: Emulator, downloads: Downloads, text: str
) -> None:
    part = Part(0, data_url("text/vcard", text), "vcard 1", "message.contact", Claim())
    assert await fetched(downloads, part) == text.encode()
    assert tg.calls_of("getFile") == ()


@pytest.mark.parametrize(
    ("file_id", "path", "why"),
    [
        ("", "message.story", "hands out no file"),
        ("AgAD", "message.passport_data.data.0.front_side", "encrypted for the bot's owner"),
    ],
)
async def test_a_file_that_nobody_hands_out_is_not_asked_for(
    tg: Emulator, downloads: Downloads, file_id: str, path: str, why: str
) -> None:
    with pytest.raises(NotFetchable, match=why):
        await fetched(downloads, Part(0, file_id, "u", path, Claim()))
    assert tg.calls_of("getFile") == ()


async def test_a_local_file_of_the_same_name_is_never_read_instead(
    tg: Emulator,
    bot: telegram.Bot,
    posted: Message,
    downloads: Downloads,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    part = part_of(posted)
    answer: Any = await bot.do_api_request("getfile", {"file_id": part.file_id})
    planted = tmp_path / answer["file_path"]
    planted.parent.mkdir()
    planted.write_bytes(b"planted")
    monkeypatch.chdir(tmp_path)
    assert await fetched(downloads, part) == DATA
    assert len(tg.downloads) == 1


# -- pace --------------------------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lazaretto.telegram.download.PACE_WINDOW", 0.5)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("speed", [5, 2000])
async def test_a_transfer_that_crawls_is_given_up_long_before_its_end(
    tg: Emulator, posted: Message, downloads: Downloads, speed: int
) -> None:
    """It would hold one of the few downloads for hours, and not even a chunk of it is full by then."""
    tg.faults.slow_download(speed, posted, times=1)
    async with asyncio.timeout(5):
        with pytest.raises(FetchFailed, match=r"too slow: .* at least 4096 a second"):
            await fetched(downloads, part_of(posted))
    assert await fetched(downloads, part_of(posted)) == DATA


@pytest.mark.usefixtures("impatient")
async def test_a_transfer_of_just_the_least_pace_is_let_go_on(
    tg: Emulator, group: Chat, ann: User, downloads: Downloads
) -> None:
    pace = int(least_pace(8))
    tg.faults.slow_download(2 * pace)
    message = await group.post_document(ann, bytes(3 * pace))
    assert len(await fetched(downloads, part_of(message))) == 3 * pace


@pytest.mark.parametrize("at_once", [1, 8, 16])
def test_all_that_share_the_slowest_line_are_fast_enough_though_it_is_never_shared_evenly(at_once: int) -> None:
    """What was asked of each was its whole share: hardly one of eight ever came to its end."""
    line, chance = 128 * 1024, random.Random(1)
    for _ in range(50):
        pace, done = Pace(least_pace(at_once)), 0
        while done < 20 << 20:
            waited = chance.uniform(0.2, 0.5)
            came = int(line / at_once * waited * chance.uniform(0.4, 1.6))
            pace.came(came, waited)
            done += came


@pytest.mark.usefixtures("impatient")
async def test_a_reader_that_takes_its_time_is_not_the_servers_fault(posted: Message, downloads: Downloads) -> None:
    """A disk of ours may be slow."""
    received = 0
    async for chunk in downloads.fetch(part_of(posted)):
        received += len(chunk)
        await asyncio.sleep(0.6)
    assert received == len(DATA)
