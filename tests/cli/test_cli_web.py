"""`lazaretto run` with a web server: real processes, to which updates are posted as Telegram posts them."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from carriers.programs import a_pe
from cli.bots import Harbour, a_harbour, running_bot
from cli.terminal import Ended, json_lines, lazaretto
from lazaretto.emulator import Emulator, Message

HOOK = "/telegram/updates"
WITHOUT_UVICORN = (
    sys.executable,
    "-c",
    "import sys; sys.modules['uvicorn'] = None; from lazaretto.cli import main; main()",
)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def harbour(telegram_emulator: Emulator, folder: Path) -> Harbour:
    return a_harbour(telegram_emulator, folder)


def serve(harbour: Harbour, port: int, *, webhook: bool = True) -> None:
    """Give the bot a port, and a webhook."""
    more = f'webhook = "https://bot.example.org{HOOK}"\n' if webhook else ""
    with (harbour.config / "lazaretto.toml").open("a", encoding="utf-8") as file:
        file.write(f"[web]\nport = {port}\n{more}")


async def started(harbour: Harbour, starts: int = 1) -> str:
    """Wait until Telegram was told of the webhook so many times; answers the newest secret."""
    await harbour.chat.wait_until(lambda: len(harbour.chat.calls_of("setWebhook")) >= starts, timeout=30)
    return str(harbour.chat.calls_of("setWebhook")[-1].params["secret_token"])


async def ask(port: int, page: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        return await client.get(page)


async def deliver(port: int, secret: str, posted: Message) -> int:
    update: dict[str, Any] = {"update_id": 900, "message": posted.json()}
    headers = {"X-Telegram-Bot-Api-Secret-Token": secret}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        return (await client.post(HOOK, json=update, headers=headers)).status_code


def assert_explained(ended: Ended, status: int, *words: str) -> None:
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    for word in ("error:", *words):
        assert word in ended.stderr


async def test_a_program_that_is_delivered_is_held_and_sigterm_ends_the_bot_in_good_order(
    harbour: Harbour, port: int
) -> None:
    serve(harbour, port)
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        secret = await started(harbour)
        posted = await harbour.group.post_document(harbour.ann, a_pe(), name="game.exe")
        assert await deliver(port, secret, posted) == 200
        await harbour.chat.wait_until(lambda: posted.deleted, timeout=30)
        assert (await ask(port, "/readyz")).json() == {"ready": True, "missing": []}
        assert await bot.stop(signal.SIGTERM) == 0
    for hidden in (secret, harbour.chat.token.partition(":")[2], "Traceback"):
        assert hidden not in bot.said
    assert "the webhook stays set" in bot.said
    last = json_lines((await harbour.command("audit", "tail", "-n", "1", "--json")).stdout)
    assert last[0]["event"] == "stopped"


async def test_what_was_acknowledged_survives_a_kill(harbour: Harbour, port: int) -> None:
    serve(harbour, port)
    hold = harbour.chat.faults.hold_download(after=1)
    posted = await harbour.group.post_document(harbour.ann, a_pe(), name="game.exe")
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        assert await deliver(port, await started(harbour), posted) == 200
        bot.kill()
        await bot.ended()
    hold.release()
    assert not posted.deleted
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await harbour.chat.wait_until(lambda: posted.deleted, timeout=30)  # and nobody has delivered it again
        assert await bot.stop(signal.SIGTERM) == 0


async def test_polling_with_a_port_is_watched_there(harbour: Harbour, port: int) -> None:
    serve(harbour, port, webhook=False)
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await harbour.chat.wait_until(lambda: harbour.chat.calls_of("getUpdates"), timeout=30)
        posted = await harbour.group.post_document(harbour.ann, a_pe(), name="game.exe")
        await harbour.chat.wait_until(lambda: posted.deleted, timeout=30)
        assert (await ask(port, "/healthz")).status_code == 200
        assert "lazaretto_decisions_total" in (await ask(port, "/metrics")).text
        assert await bot.stop(signal.SIGINT) == 0
    assert "Traceback" not in bot.said
    assert harbour.chat.calls_of("setWebhook") == ()


async def test_a_signal_while_it_starts_ends_it_as_well(harbour: Harbour, port: int) -> None:
    serve(harbour, port)
    hold = harbour.chat.faults.hold("setWebhook")
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await hold.reached(30)
        assert await bot.stop(signal.SIGTERM) == 0
    assert "Traceback" not in bot.said
    last = json_lines((await harbour.command("audit", "tail", "-n", "1", "--json")).stdout)
    assert last[0]["event"] == "stopped"


async def run(harbour: Harbour, *prefix: str) -> Ended:
    words = ("run", "--config", str(harbour.config))
    env = {"LAZARETTO_TOKEN": harbour.chat.token}
    if prefix:
        return await asyncio.to_thread(lazaretto, *words, env=env, prefix=prefix)
    return await asyncio.to_thread(lazaretto, *words, env=env)


async def test_without_the_extra_it_says_how_to_get_it(harbour: Harbour, port: int) -> None:
    serve(harbour, port)
    ended = await run(harbour, *WITHOUT_UVICORN)
    assert_explained(ended, 2, "the web server needs uvicorn", "pip install 'lazaretto[web]'", "web.port")
    assert harbour.chat.calls_of("getMe") == ()


async def test_a_port_that_is_taken_is_named(harbour: Harbour) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        serve(harbour, taken.getsockname()[1])
        assert_explained(await run(harbour), 2, f"127.0.0.1:{taken.getsockname()[1]}", "in use")


async def test_a_webhook_that_telegram_refuses_is_explained(harbour: Harbour, port: int) -> None:
    serve(harbour, port)
    harbour.chat.faults.fail("setWebhook", error_code=400, description="Bad Request: bad webhook: no such host")
    assert_explained(await run(harbour), 2, "no such host", "web.webhook")
