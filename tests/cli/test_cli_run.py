"""`lazaretto run` and the commands beside it: real processes, and a chat server on this machine."""

from __future__ import annotations

import asyncio
import signal
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from carriers.programs import a_pe
from cli.bots import Harbour, a_harbour, running_bot, write_config
from cli.terminal import Ended, json_lines, lazaretto, without_disk
from lazaretto.emulator import Emulator

TOKEN = "7000000002:no-bot-of-this-server-has-such-a-token"
"""Of the right shape, and nobody's."""


@pytest.fixture
def harbour(telegram_emulator: Emulator, folder: Path) -> Harbour:
    return a_harbour(telegram_emulator, folder)


async def test_a_program_is_held_and_released_from_another_process(harbour: Harbour) -> None:
    chat = harbour.chat
    async with running_bot(harbour.config, chat.token) as bot:
        posted = await harbour.group.post_document(harbour.ann, a_pe(), name="game.exe")
        card = await harbour.moderators.wait_for(lambda message: message.sender == chat.bot, timeout=30)
        assert "game.exe" in str(card.json())
        await chat.wait_until(lambda: posted.deleted)

        listed = json_lines((await harbour.command("quarantine", "list", "--json")).stdout)
        assert [(row["case"], row["state"], row["parts"][0]["name"]) for row in listed] == [(1, "open", "game.exe")]

        noted = (await harbour.command("audit", "head")).stdout.strip()
        released = await harbour.command("quarantine", "release", "1")
        assert (released.returncode, released.stderr) == (0, "")
        await harbour.group.wait_for(lambda m: m.sender == chat.bot and "game.exe" in str(m.json()), timeout=30)
        assert not (await harbour.command("quarantine", "list", "--json")).stdout

        events = [row["event"] for row in json_lines((await harbour.command("audit", "tail", "--json")).stdout)]
        assert {"received", "screened", "decided", "released"} <= set(events)
        verified = await harbour.command("audit", "verify", "--expect", noted, "--json")
        assert (verified.returncode, json_lines(verified.stdout)[0]["ok"]) == (0, True)

        assert await bot.stop(signal.SIGTERM) == 0
        assert chat.token.partition(":")[2] not in bot.said
        assert "Traceback" not in bot.said


async def test_ctrl_c_ends_the_bot_in_good_order(harbour: Harbour) -> None:
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await harbour.chat.wait_until(lambda: harbour.chat.calls_of("getUpdates"), timeout=30)
        assert await bot.stop(signal.SIGINT) == 0
        assert "Traceback" not in bot.said
    last = json_lines((await harbour.command("audit", "tail", "-n", "1", "--json")).stdout)
    assert last[0]["event"] == "stopped"


async def test_a_second_bot_on_the_same_state_is_refused(harbour: Harbour) -> None:
    async with running_bot(harbour.config, harbour.chat.token) as first:
        await harbour.chat.wait_until(lambda: harbour.chat.calls_of("getUpdates"), timeout=30)
        async with running_bot(harbour.config, harbour.chat.token) as second:
            assert await second.ended() == 2
            assert "is in use by process" in second.said
            assert "Traceback" not in second.said
        assert await first.stop(signal.SIGTERM) == 0


async def test_an_answer_nobody_gives_is_said_and_the_command_is_kept(harbour: Harbour) -> None:
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await harbour.group.post_document(harbour.ann, a_pe(), name="game.exe")
        await harbour.moderators.wait_for(lambda message: message.sender == harbour.chat.bot, timeout=30)
        assert await bot.stop(signal.SIGTERM) == 0
    asked = await harbour.command("quarantine", "confirm", "1", "--json")
    assert (asked.returncode, json_lines(asked.stdout)[0]["ok"]) == (3, None)
    async with running_bot(harbour.config, harbour.chat.token):
        await harbour.moderators.wait_for(lambda message: "onfirmed" in str(message.json()), timeout=30)


# ── what a start can meet ─────────────────────────────────────────────────────────────────────────────────────────


async def start(harbour: Harbour, token: str | None = None, prefix: tuple[str, ...] | None = None) -> Ended:
    """A `lazaretto run` that is expected to end by itself."""
    env = {"LAZARETTO_TOKEN": token or harbour.chat.token}
    words = ("run", "--config", str(harbour.config))
    if prefix is None:
        return await asyncio.to_thread(lazaretto, *words, env=env)
    return await asyncio.to_thread(lazaretto, *words, env=env, prefix=prefix)


def assert_explained(ended: Ended, status: int, *words: str) -> None:
    assert ended.returncode == status, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "error:" in ended.stderr
    for word in words:
        assert word in ended.stderr


async def test_a_token_that_telegram_does_not_know(harbour: Harbour) -> None:
    ended = await start(harbour, TOKEN)
    assert_explained(ended, 2, "does not know this bot token", "@BotFather")
    assert TOKEN.partition(":")[2] not in ended.stdout + ended.stderr


def test_telegram_cannot_be_reached(folder: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    config = write_config(folder, f"{url}/bot", f"{url}/file/bot")
    ended = lazaretto("run", "--config", config, env={"LAZARETTO_TOKEN": TOKEN})
    assert_explained(ended, 1, "Telegram cannot be reached", "check the network")
    assert TOKEN.partition(":")[2] not in ended.stdout + ended.stderr


def test_no_token_at_all(folder: Path) -> None:
    assert_explained(lazaretto("run"), 2, "no bot token", "LAZARETTO_TOKEN")


async def test_the_state_folder_cannot_be_made(harbour: Harbour, folder: Path) -> None:
    (folder / "state").write_text("a file where the folder should be")
    assert_explained(await start(harbour), 2, str(folder / "state"))


async def test_the_database_is_newer_than_the_program(harbour: Harbour, folder: Path) -> None:
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await harbour.chat.wait_until(lambda: harbour.chat.calls_of("getUpdates"), timeout=30)
        assert await bot.stop(signal.SIGTERM) == 0
    with closing(sqlite3.connect(folder / "state" / "lazaretto.db")) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    assert_explained(await start(harbour), 2, "9999", "install the newer Lazaretto")
    tail = await harbour.command("audit", "tail")
    assert_explained(tail, 2, "9999", "install the newer Lazaretto")


async def test_the_disk_is_full_for_the_database(harbour: Harbour) -> None:
    ended = await start(harbour, prefix=without_disk(8192))
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
