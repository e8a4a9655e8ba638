"""The HTTP side: addresses, tokens, encodings, start, stop and restart, and the record of requests."""

import asyncio
import logging
import signal
import subprocess
import sys
from typing import Any

import httpx
import pytest
import telegram
from telegram import Update
from telegram.ext import Application, MessageHandler, filters

from lazaretto.emulator import Chat, Emulator, User


async def test_a_wrong_token_is_unauthorized(tg: Emulator, api: httpx.AsyncClient) -> None:
    for address in (f"{tg.base_url}1:wrong/getMe", f"{tg.base_file_url}1:wrong/documents/file_0"):
        answer = await api.post(address)
        assert answer.status_code == 401
        assert answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


async def test_an_unknown_method_is_not_found(tg: Emulator, api: httpx.AsyncClient) -> None:
    answer = await api.post("makeTea", json={"sugar": 2})
    assert answer.status_code == 404
    assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found: method not found"}
    assert [(call.method, call.params) for call in tg.calls] == [("makeTea", {"sugar": 2})]


async def test_any_other_address_is_not_found(tg: Emulator, api: httpx.AsyncClient) -> None:
    assert (await api.get(tg.base_url.removesuffix("bot"))).status_code == 404


async def test_method_names_are_case_insensitive(tg: Emulator, api: httpx.AsyncClient) -> None:
    assert (await api.post("GETME")).json()["result"]["id"] == tg.bot.id
    assert [call.method for call in tg.calls] == ["getMe"]


async def test_all_four_encodings_say_the_same(tg: Emulator, group: Chat, api: httpx.AsyncClient) -> None:
    said = {"chat_id": str(group.id), "text": "12", "protect_content": "true"}
    await api.get("sendMessage", params=said)
    await api.post("sendMessage", data=said)
    await api.post("sendMessage", files={name: (None, value) for name, value in said.items()})
    await api.post("sendMessage", json={"chat_id": group.id, "text": "12", "protect_content": True})
    assert [message.text for message in group.messages] == ["12"] * 4
    read = {"chat_id": group.id, "text": "12", "protect_content": True}
    assert [dict(call.params) for call in tg.calls] == [read] * 4


@pytest.mark.parametrize(
    ("body", "description"),
    [
        (b"{", "can't parse JSON request body"),
        (b"[" * 100_000, "can't parse JSON request body"),
        (b"[]", "JSON request body must be an Object"),
    ],
    ids=["broken", "deep", "array"],
)
async def test_a_json_body_that_is_no_object(
    tg: Emulator, api: httpx.AsyncClient, body: bytes, description: str
) -> None:
    answer = await api.post("getMe", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["description"]) == (400, f"Bad Request: {description}")
    assert [(call.method, call.params) for call in tg.calls] == [("getMe", {})]


@pytest.mark.parametrize("boundary", ["", "; boundary=b"], ids=["no boundary", "no part"])
async def test_a_broken_multipart_body_is_refused(api: httpx.AsyncClient, boundary: str) -> None:
    headers = {"content-type": f"multipart/form-data{boundary}"}
    answer = await api.post("getMe", content=b"no part begins here", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["description"].startswith("Bad Request: can't parse the form: ")


async def test_a_request_that_is_too_large_is_refused(tg: Emulator) -> None:
    port = int(tg.base_url.split(":")[2].removesuffix("/bot"))
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /bot{tg.token}/sendDocument HTTP/1.1\r\nHost: x\r\nContent-Length: {60 << 20}\r\n\r\n"
    writer.write(head.encode())
    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("value", ["ten", "1e3", "9" * 5000, [1], True])
async def test_a_number_that_is_none_counts_as_zero(group: Chat, api: httpx.AsyncClient, value: Any) -> None:
    answer = await api.post("deleteMessage", json={"chat_id": group.id, "message_id": value})
    assert answer.json()["description"] == "Bad Request: message identifier is not specified"


async def test_the_record_holds_parameters_and_files_and_no_token(tg: Emulator, group: Chat, bot: telegram.Bot) -> None:
    await bot.send_document(group.id, b"data", filename="a.txt", caption="hi")
    (call,) = tg.calls_of("sendDocument")
    assert (call.params["chat_id"], call.params["caption"]) == (group.id, "hi")
    upload = call.files["document"]
    assert (upload.name, upload.mime, upload.data) == ("a.txt", "text/plain", b"data")
    assert tg.token not in repr(tg.calls)


async def test_no_token_is_logged(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await api.post("getMe")
    await api.get(f"{tg.base_file_url}{tg.token}/documents/file_9")
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert [line for line in ours if tg.token in line] == []


async def test_the_world_survives_a_restart_on_the_same_port(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    await group.post_text(ann, "before")
    before = (await api.post("getUpdates")).json()
    address = tg.base_url
    await tg.restart()
    assert tg.base_url == address
    assert (await api.post("getUpdates")).json() == before


async def test_a_stopped_server_breaks_polls_and_holds_at_once(tg: Emulator, api: httpx.AsyncClient) -> None:
    hold = tg.faults.hold("getMe")
    async with asyncio.TaskGroup() as tasks:
        calls = [
            tasks.create_task(_outcome(api.post("getUpdates", json={"timeout": 50}))),
            tasks.create_task(_outcome(api.post("getMe"))),
        ]
        await hold.reached()
        await tg.wait_until(lambda: tg.calls_of("getUpdates"))
        async with asyncio.timeout(5):
            await tg.stop()
    assert [call.result() for call in calls] == ["broken", "broken"]


@pytest.mark.parametrize("speed", [None, 1000], ids=["held", "slow"])
async def test_a_stopped_server_breaks_downloads_at_once(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, speed: int | None
) -> None:
    posted = await group.post_document(ann, b"x" * 100_000)
    path = (await api.post("getFile", data={"file_id": (posted.document or {})["file_id"]})).json()["result"]
    if speed:
        tg.faults.slow_download(speed)
    else:
        tg.faults.hold_download(after=100)
    async with asyncio.TaskGroup() as tasks:
        download = tasks.create_task(_outcome(api.get(f"{tg.base_file_url}{tg.token}/{path['file_path']}")))
        await tg.wait_until(lambda: tg.downloads and tg.downloads[0].sent >= 100)
        async with asyncio.timeout(5):
            await tg.stop()
    assert download.result() == "broken"
    assert not tg.downloads[0].complete


async def _outcome(call: Any) -> str:
    try:
        await call
    except httpx.TransportError:
        return "broken"
    return "answered"


async def test_a_bot_goes_on_polling_after_a_restart(tg: Emulator, group: Chat, ann: User) -> None:
    async def reply(update: Update, context: Any) -> None:
        assert update.message is not None
        await update.message.reply_text(f"heard {update.message.text}")

    app = Application.builder().token(tg.token).base_url(tg.base_url).build()
    app.add_handler(MessageHandler(filters.ALL, reply))
    async with app:
        await app.start()
        assert app.updater is not None
        await app.updater.start_polling(error_callback=lambda error: None)
        await group.post_text(ann, "one")
        await group.wait_for(lambda m: m.text == "heard one")
        await tg.stop()
        await group.post_text(ann, "two")
        await tg.start()
        await group.wait_for(lambda m: m.text == "heard two", timeout=10)
        await app.updater.stop()
        await app.stop()
    assert [m.text for m in group.messages] == ["one", "heard one", "two", "heard two"]


async def test_two_emulators_live_side_by_side(tg: Emulator) -> None:
    async with Emulator(token="42:another") as other:
        assert other.base_url != tg.base_url
        assert other.bot.id == 42


async def test_a_taken_port_is_an_error(tg: Emulator) -> None:
    port = int(tg.base_url.rpartition(":")[2].partition("/")[0])
    with pytest.raises(OSError, match="in use"):
        await Emulator(port=port).start()


def test_before_its_start_there_is_no_address() -> None:
    with pytest.raises(RuntimeError, match="no port yet"):
        _ = Emulator().base_url


def test_a_token_begins_with_the_bots_id() -> None:
    with pytest.raises(ValueError, match="numeric id"):
        Emulator(token="secret")


async def test_the_hosts_signal_handlers_stay() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    async with Emulator():
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_a_missing_extra_is_named_in_one_line() -> None:
    code = "import sys; sys.modules['uvicorn'] = None; from lazaretto.emulator import Emulator"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stderr.splitlines()[-1] == ("ImportError: the emulator needs uvicorn: pip install 'lazaretto[emulator]'")
