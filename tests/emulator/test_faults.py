"""Each fault does what it says, as often as it says, to what it says."""

import asyncio
import gzip
from collections.abc import Awaitable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import telegram
from telegram.error import NetworkError, RetryAfter

from lazaretto.emulator import Chat, Emulator, Message, User


@pytest.fixture
async def posted(group: Chat, ann: User) -> Message:
    return await group.post_document(ann, b"x" * 300_000, name="a.bin")


async def address(tg: Emulator, api: httpx.AsyncClient, message: Message) -> str:
    file_id = (message.document or {})["file_id"]
    path = (await api.post("getFile", json={"file_id": file_id})).json()["result"]["file_path"]
    return f"{tg.base_file_url}{tg.token}/{path}"


# -- methods -----------------------------------------------------------------------------------------------------


async def test_a_refusal_strikes_once_and_carries_nothing_out(
    tg: Emulator, group: Chat, api: httpx.AsyncClient
) -> None:
    params = {"chat_id": group.id, "text": "x"}
    tg.faults.fail("sendMessage", error_code=502)
    refused = await api.post("sendMessage", json=params)
    assert refused.status_code == 502
    assert refused.json() == {"ok": False, "error_code": 502, "description": "Bad Gateway"}
    assert group.messages == []
    assert (await api.post("sendMessage", json=params)).json()["ok"] is True


async def test_too_many_requests_names_the_delay(
    tg: Emulator, group: Chat, bot: telegram.Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # the type of retry_after that does not warn
    tg.faults.fail("deleteMessage", retry_after=7)
    with pytest.raises(RetryAfter) as refused:
        await bot.delete_message(group.id, 1)
    assert refused.value.retry_after == timedelta(seconds=7)


async def test_a_fault_may_be_bound_to_a_chat_and_to_a_number_of_calls(
    tg: Emulator, group: Chat, api: httpx.AsyncClient
) -> None:
    other = tg.group("Other")
    tg.faults.fail("sendMessage", chat=group, times=2)

    async def status(chat: Chat) -> int:
        return (await api.post("sendMessage", data={"chat_id": str(chat.id), "text": "x"})).status_code

    assert [await status(other), await status(group), await status(group), await status(group)] == [200, 500, 500, 200]


async def test_a_chat_is_meant_by_whichever_name_it_is_called(
    tg: Emulator, ann: User, mod: User, api: httpx.AsyncClient
) -> None:
    club = tg.group("Tea club", members=[ann], username="Tea")
    connection = tg.business(mod)
    customers, private = connection.chat_with(ann), tg.private(ann)
    calls: dict[str, dict[str, Any]] = {
        "club": {"chat_id": "@tea"},
        "customer": {"chat_id": ann.id, "business_connection_id": connection.id},
        "private": {"chat_id": ann.id},
    }

    async def struck() -> list[str]:
        answers = {name: await api.post("sendMessage", json={"text": "x", **to}) for name, to in calls.items()}
        return [name for name, answer in answers.items() if answer.status_code != 200]

    expected: list[tuple[Any, str]] = [(club, "club"), (club.id, "club"), ("@TEA", "club")]
    expected += [(customers, "customer"), (private, "private"), (ann.id, "private")]
    for where, name in expected:
        tg.faults.fail("sendMessage", chat=where)
        assert (where, await struck()) == (where, [name])


async def test_a_call_that_names_no_chat_is_not_struck_in_one(
    tg: Emulator, group: Chat, api: httpx.AsyncClient
) -> None:
    tg.faults.fail("getMe", chat=group)
    assert (await api.post("getMe")).status_code == 200


async def test_a_fault_of_nothing_that_is_there_is_a_mistake_of_the_test(tg: Emulator) -> None:
    with pytest.raises(ValueError, match="knows no method 'sendMesage'"):
        tg.faults.slow("sendMesage", 1)
    for nowhere in (-1, "@nobody", ""):
        with pytest.raises(ValueError, match="there is no chat"):
            tg.faults.hold("sendMessage", chat=nowhere)


async def test_a_method_is_meant_in_any_spelling(tg: Emulator, api: httpx.AsyncClient) -> None:
    tg.faults.fail("GETME")
    assert (await api.post("getme")).status_code == 500


async def test_a_fault_without_end_lasts_until_it_is_cleared(tg: Emulator, api: httpx.AsyncClient) -> None:
    tg.faults.fail("getMe", times=None, error_code=403, description="Forbidden: go away")
    answers = [(await api.post("getMe")).json() for _ in range(3)]
    assert [answer["description"] for answer in answers] == ["Forbidden: go away"] * 3
    tg.faults.clear()
    assert (await api.post("getMe")).json()["ok"] is True


async def test_a_proxys_error_page_is_no_json(tg: Emulator, api: httpx.AsyncClient) -> None:
    tg.faults.fail("getMe", status=502, body=b"<html>nginx</html>")
    answer = await api.post("getMe")
    assert (answer.status_code, answer.content) == (502, b"<html>nginx</html>")


async def test_a_late_refusal_has_carried_the_call_out(tg: Emulator, group: Chat, api: httpx.AsyncClient) -> None:
    tg.faults.fail("sendMessage", late=True)
    assert (await api.post("sendMessage", json={"chat_id": group.id, "text": "x"})).status_code == 500
    assert [message.text for message in group.messages] == ["x"]


@pytest.mark.parametrize("late", [False, True], ids=["before", "after it was carried out"])
async def test_a_connection_is_reset(tg: Emulator, group: Chat, bot: telegram.Bot, late: bool) -> None:
    tg.faults.reset_connection("sendMessage", late=late)
    with pytest.raises(NetworkError):
        await bot.send_message(group.id, "x")
    assert len(group.messages) == late


@pytest.mark.parametrize("late", [False, True], ids=["before", "after it was carried out"])
async def test_a_method_is_held_until_its_release(
    tg: Emulator, group: Chat, api: httpx.AsyncClient, late: bool
) -> None:
    hold = tg.faults.hold("sendMessage", late=late)
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(api.post("sendMessage", json={"chat_id": group.id, "text": "x"}))
        await hold.reached()
        assert (len(group.messages), call.done()) == (int(late), False)
        hold.release()
    assert call.result().json()["ok"] is True
    assert len(group.messages) == 1


async def test_a_hold_that_nobody_reaches_says_so(tg: Emulator) -> None:
    with pytest.raises(TimeoutError, match="nothing has come to this hold"):
        await tg.faults.hold("sendMessage").reached(timeout=0)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after it was carried out"])
async def test_a_method_is_slow(tg: Emulator, group: Chat, api: httpx.AsyncClient, late: bool) -> None:
    tg.faults.slow("sendMessage", 0.3, late=late)
    started = asyncio.get_running_loop().time()
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(api.post("sendMessage", json={"chat_id": group.id, "text": "x"}))
        await tg.wait_until(lambda: tg.calls_of("sendMessage"))
        assert (len(group.messages), call.done()) == (int(late), False)
    assert asyncio.get_running_loop().time() - started >= 0.3
    assert call.result().json()["ok"] is True


async def test_a_slow_method_ends_with_the_server(tg: Emulator, api: httpx.AsyncClient) -> None:
    tg.faults.slow("getMe", 3600)
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_error(api.post("getMe")))
        await tg.wait_until(lambda: tg.calls)
        async with asyncio.timeout(5):
            await tg.stop()
    assert isinstance(call.result(), httpx.TransportError)


async def _error(call: Awaitable[Any]) -> Exception | None:
    try:
        await call
    except httpx.HTTPError as error:
        return error
    return None


async def test_an_expired_file_id_is_refused_wherever_it_is_named(
    tg: Emulator, group: Chat, posted: Message, api: httpx.AsyncClient
) -> None:
    file_id = (posted.document or {})["file_id"]
    tg.faults.expire_file_id(posted, times=3)
    album = [{"type": "document", "media": file_id}] * 2
    calls: list[tuple[str, dict[str, Any]]] = [
        ("getFile", {"file_id": file_id}),
        ("sendDocument", {"chat_id": group.id, "document": file_id}),
        ("sendMediaGroup", {"chat_id": group.id, "media": album}),
    ]
    expired = "Bad Request: wrong file_id or the file is temporarily unavailable"
    for method, params in calls:
        assert (await api.post(method, json=params)).json()["description"] == expired
    assert [(await api.post(method, json=params)).status_code for method, params in calls] == [200] * 3


async def test_a_file_may_have_no_path_just_then(
    tg: Emulator, group: Chat, ann: User, posted: Message, bot: telegram.Bot
) -> None:
    other = await group.post_document(ann, b"other")
    tg.faults.omit_file_path(posted)
    ids = [(message.document or {})["file_id"] for message in (other, posted, posted)]
    assert [(await bot.get_file(file_id)).file_path is None for file_id in ids] == [False, True, False]
    tg.faults.omit_file_path()
    assert (await bot.get_file(ids[0])).file_path is None


# -- downloads ---------------------------------------------------------------------------------------------------


async def test_a_download_is_held_in_the_middle(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    hold = tg.faults.hold_download(posted, after=100_000)
    async with api.stream("GET", url) as answer:
        await hold.reached()
        assert [download.sent for download in tg.downloads] == [100_000]
        hold.release()
        assert len(await answer.aread()) == 300_000


@pytest.mark.parametrize("after", [0, 1, 100_000])
async def test_a_cut_download_is_shorter_than_promised(
    tg: Emulator, posted: Message, api: httpx.AsyncClient, after: int
) -> None:
    url = await address(tg, api, posted)
    tg.faults.cut_download(after, posted)
    received = bytearray()

    async def read() -> None:
        async with api.stream("GET", url) as answer:
            assert answer.headers["content-length"] == "300000"
            async for piece in answer.aiter_raw():
                received.extend(piece)

    with pytest.raises(httpx.RemoteProtocolError):
        await read()
    assert len(received) == after
    assert [(download.sent, download.complete) for download in tg.downloads] == [(after, False)]
    assert len((await api.get(url)).content) == 300_000


async def test_a_slow_download_takes_its_time_and_loses_nothing(
    tg: Emulator, posted: Message, api: httpx.AsyncClient
) -> None:
    url = await address(tg, api, posted)
    tg.faults.slow_download(1_000_000)
    started = asyncio.get_running_loop().time()
    assert len((await api.get(url)).content) == 300_000
    assert asyncio.get_running_loop().time() - started >= 0.3


async def test_a_download_may_be_refused(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.faults.fail_download(503, posted)
    assert [(await api.get(url)).status_code for _ in range(2)] == [503, 200]


async def test_only_the_named_file_is_struck(
    tg: Emulator, group: Chat, ann: User, posted: Message, api: httpx.AsyncClient
) -> None:
    other = await group.post_document(ann, b"other")
    tg.faults.fail_download(500, (posted.document or {})["file_id"])
    assert (await api.get(await address(tg, api, other))).content == b"other"
    assert (await api.get(await address(tg, api, posted))).status_code == 500


@pytest.mark.parametrize("nothing", ["no-such-id", {}, {"file": 1}])
async def test_a_fault_of_no_file_is_a_mistake_of_the_test(tg: Emulator, nothing: Any) -> None:
    with pytest.raises(ValueError, match="no stored file is named by"):
        tg.faults.cut_download(1, nothing)


async def test_a_download_is_shorter_than_the_file(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.faults.shorten_download(1000, posted)
    answer = await api.get(url)
    assert (answer.headers["content-length"], len(answer.content)) == ("1000", 1000)


async def test_a_download_is_longer_than_the_file(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.faults.lengthen_download(7, posted)
    answer = await api.get(url)
    assert (answer.headers["content-length"], len(answer.content)) == ("300007", 300_007)


async def test_a_download_has_other_bytes(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.faults.replace_download(b"MZ", posted)
    assert [(await api.get(url)).content[:2] for _ in range(2)] == [b"MZ", b"xx"]


async def test_a_download_is_compressed(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.faults.compress_download(posted)
    async with api.stream("GET", url, headers={"accept-encoding": "identity"}) as answer:
        raw = b"".join([piece async for piece in answer.aiter_raw()])
    assert (answer.headers["content-encoding"], int(answer.headers["content-length"])) == ("gzip", len(raw))
    assert gzip.decompress(raw) == posted.data


async def test_a_promise_of_less_than_there_is(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.faults.misstate_length(1000, posted)
    answer = await api.get(url)
    assert (answer.headers["content-length"], len(answer.content)) == ("1000", 1000)
    assert tg.downloads[0].sent == 300_000
    assert len((await api.get(url)).content) == 300_000


async def test_a_promise_of_more_than_there_is(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.faults.misstate_length(400_000, posted)
    assert isinstance(await _error(api.get(url)), httpx.RemoteProtocolError)


@pytest.mark.parametrize("data", [b"x" * 300_000, b"abc", b""], ids=["long", "short", "empty"])
async def test_an_endless_download_ends_when_the_client_goes(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, data: bytes
) -> None:
    url = await address(tg, api, await group.post_document(ann, data))
    tg.faults.endless_download()
    received = 0
    async with api.stream("GET", url) as answer:
        assert "content-length" not in answer.headers
        async for piece in answer.aiter_raw():
            received += len(piece)
            if received > 1_000_000:
                break
        assert not tg.downloads[0].ended
    await tg.wait_until(lambda: tg.downloads[0].ended)
    assert not tg.downloads[0].complete


async def test_an_endless_download_ends_with_the_server(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.faults.endless_download()
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(_error(api.get(url)))
        await tg.wait_until(lambda: tg.downloads and tg.downloads[0].sent > 1_000_000)
        async with asyncio.timeout(5):
            await tg.stop()
    assert isinstance(call.result(), httpx.TransportError)


async def test_a_download_is_redirected(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.faults.redirect_download("https://evil.example/x", posted)
    answer = await api.get(url)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://evil.example/x")


@pytest.mark.parametrize("everything", [False, True], ids=["one file", "all files"])
async def test_a_stale_path_leads_nowhere_until_the_next_get_file(
    tg: Emulator, posted: Message, api: httpx.AsyncClient, everything: bool
) -> None:
    url = await address(tg, api, posted)
    tg.faults.expire_path(None if everything else posted)
    assert (await api.get(url)).status_code == 404
    assert await address(tg, api, posted) == url
    assert (await api.get(url)).status_code == 200


async def test_a_path_goes_stale_by_itself_after_an_hour(tg: Emulator, posted: Message, api: httpx.AsyncClient) -> None:
    url = await address(tg, api, posted)
    tg.advance(timedelta(minutes=59))
    assert (await api.get(url)).status_code == 200
    tg.advance(timedelta(minutes=2))
    assert (await api.get(url)).status_code == 404


async def test_a_path_that_get_file_never_named_leads_nowhere(
    tg: Emulator, posted: Message, api: httpx.AsyncClient
) -> None:
    assert posted.file is not None
    assert (await api.get(f"{tg.base_file_url}{tg.token}/{posted.file.path}")).status_code == 404


# -- updates -----------------------------------------------------------------------------------------------------


async def test_a_lost_confirmation_brings_updates_again(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    await group.post_text(ann, "one")
    first = (await api.post("getUpdates")).json()["result"][0]["update_id"]
    tg.faults.lose_confirmation()
    again = (await api.post("getUpdates", json={"offset": first + 1})).json()["result"]
    assert [update["update_id"] for update in again] == [first]
    assert (await api.post("getUpdates", json={"offset": first + 1})).json()["result"] == []
