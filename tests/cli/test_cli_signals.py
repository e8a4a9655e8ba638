"""What `lazaretto run` makes of signals: it ends within its bound whatever hangs, and reads its configuration again."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import signal
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from carriers.programs import a_pe
from cli.bots import Harbour, RunningBot, a_harbour, running_bot
from cli.terminal import json_lines
from lazaretto.emulator import Emulator, Message
from lazaretto.telegram.lifetime import STOP_SECONDS

MACHINE_SECONDS = 4.0
"""What a busy machine may need beyond the bound to notice that a process has ended."""

STUCK = """
import time
from lazaretto.cli import main
from lazaretto.telegram import lifetime, runtime
lifetime.STOP_SECONDS = 1.0
async def ended(store):
    print("stuck", flush=True)
    time.sleep(60)
runtime.AuditedStore.ended = ended
main()
"""
"""The command on a disk that does not answer any more when the last record is written: the event loop stands still."""


@pytest.fixture
def harbour(telegram_emulator: Emulator, folder: Path) -> Harbour:
    return a_harbour(telegram_emulator, folder)


async def post(harbour: Harbour, count: int) -> list[Message]:
    data = (a_pe() + bytes([number]) for number in range(count))
    return [await harbour.group.post_document(harbour.ann, each, name="game.exe") for each in data]


async def all_are_removed_after_the_next_start(harbour: Harbour, posted: list[Message]) -> None:
    """Nothing was lost: each is removed, and has one case."""
    chat = harbour.chat
    chat.faults.clear()
    before = len(chat.calls_of("getUpdates"))
    async with running_bot(harbour.config, chat.token) as bot:
        await chat.wait_until(lambda: len(chat.calls_of("getUpdates")) > before, timeout=30)
        await chat.wait_until(lambda: all(message.deleted for message in posted), timeout=30)
        assert await bot.stop(signal.SIGTERM) == 0
    listed = json_lines((await harbour.command("quarantine", "list", "--json")).stdout)
    assert sorted(row["message"] for row in listed) == sorted(str(message.message_id) for message in posted)
    verified = await harbour.command("audit", "verify", "--json")
    assert json_lines(verified.stdout)[0]["ok"] is True


async def last_event(harbour: Harbour) -> str:
    (last,) = json_lines((await harbour.command("audit", "tail", "-n", "1", "--json")).stdout)
    return str(last["event"])


async def seconds_to_end(bot: RunningBot) -> float:
    """From SIGTERM to the end in good order."""
    began = monotonic()
    assert await bot.stop(signal.SIGTERM) == 0, bot.said
    assert "Traceback" not in bot.said
    return monotonic() - began


# ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_ends_within_the_bound_while_downloads_hang_and_the_next_start_goes_on(harbour: Harbour) -> None:
    hold = harbour.chat.faults.hold_download(after=100, times=None)
    posted = await post(harbour, 10)  # eight are fetched at once, two wait
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await hold.reached(30)
        assert await seconds_to_end(bot) < STOP_SECONDS + MACHINE_SECONDS
    assert await last_event(harbour) == "stopped"
    await all_are_removed_after_the_next_start(harbour, posted)


async def test_it_ends_within_the_bound_while_telegram_answers_nothing_at_all(harbour: Harbour) -> None:
    faults = harbour.chat.faults
    removals = faults.hold("deleteMessage", times=None)
    posted = await post(harbour, 12)
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await removals.reached(30)  # the others wait in the outbox
        for method in ("getUpdates", "sendMessage", "getFile", "getMe"):
            faults.hold(method, times=None)
        await harbour.group.post_document(harbour.ann, b"never fetched", name="note.txt")
        assert await seconds_to_end(bot) < STOP_SECONDS + MACHINE_SECONDS
    assert await last_event(harbour) == "stopped"
    await all_are_removed_after_the_next_start(harbour, posted)


async def test_it_ends_within_the_bound_while_the_sandbox_stands_still(harbour: Harbour) -> None:
    hold = harbour.chat.faults.hold_download(after=100, times=None)
    posted = await post(harbour, 3)
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await hold.reached(30)
        zygotes = children(bot.pid)
        assert zygotes
        for process in [*zygotes, *(worker for zygote in zygotes for worker in children(zygote))]:
            os.kill(process, signal.SIGSTOP)
        assert await seconds_to_end(bot) < STOP_SECONDS + MACHINE_SECONDS
    await all_are_removed_after_the_next_start(harbour, posted)


def children(parent: int) -> list[int]:
    """The processes that another one has started."""
    return [process for process, of in _parents() if of == parent]


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal():
                yield int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # ended while we looked
            continue


async def test_what_the_event_loop_is_stuck_in_does_not_keep_the_process(harbour: Harbour) -> None:
    async with running_bot(harbour.config, harbour.chat.token, prefix=(sys.executable, "-c", STUCK)) as bot:
        await harbour.chat.wait_until(lambda: harbour.chat.calls_of("getUpdates"), timeout=30)
        assert await seconds_to_end(bot) < 1.0 + MACHINE_SECONDS
    assert "stuck" in bot.said
    assert "not everything ended in time" in bot.said


async def test_it_ends_while_it_still_waits_for_telegram_to_let_it_start(harbour: Harbour) -> None:
    hold = harbour.chat.faults.hold("getMe", times=None)
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await hold.reached(30)
        assert await seconds_to_end(bot) < STOP_SECONDS + MACHINE_SECONDS


@pytest.mark.parametrize(("how", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["SIGTERM", "Ctrl-C"])
async def test_a_second_signal_ends_it_at_once_and_nothing_is_lost(
    harbour: Harbour, how: signal.Signals, status: int
) -> None:
    hold = harbour.chat.faults.hold("deleteMessage", times=None)
    posted = await post(harbour, 2)
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await hold.reached(30)
        harbour.chat.faults.hold("getUpdates", times=None)  # the end in good order waits for this one
        bot.send(how)
        await asyncio.sleep(0.3)
        began = monotonic()
        assert await bot.stop(how) == status
        assert monotonic() - began < MACHINE_SECONDS
    assert await last_event(harbour) != "stopped"
    await all_are_removed_after_the_next_start(harbour, posted)


# ── SIGHUP ────────────────────────────────────────────────────────────────────────────────────────────────────────

TAKEN_OVER = "configuration taken over"


async def test_sighup_takes_policies_over_and_names_what_needs_a_restart(harbour: Harbour) -> None:
    async with running_bot(harbour.config, harbour.chat.token) as bot:
        await harbour.chat.wait_until(lambda: harbour.chat.calls_of("getUpdates"), timeout=30)
        bot.send(signal.SIGHUP)  # nothing has changed, so nobody but the signal can have it read
        await bot.has_said(TAKEN_OVER)
        assert "next start" not in bot.said

        main = harbour.config / "lazaretto.toml"
        main.write_text(main.read_text() + '[log]\nlevel = "DEBUG"\n[defaults]\nrelease_days = 3\n')
        bot.send(signal.SIGHUP)
        await bot.has_said("next start")
        assert "log.level" in bot.said
        assert "DEBUG" not in bot.said

        good = main.read_text()
        main.write_text(good + "release_dais = 3\n")
        await bot.has_said("release_dais")
        seen = bot.said.count("release_dais: is no policy key")
        bot.send(signal.SIGHUP)
        await bot.has_said("release_dais: is no policy key", seen + 1)  # and is named again whenever it is asked for

        posted = await post(harbour, 1)  # the last good policy is in force
        await harbour.chat.wait_until(lambda: posted[0].deleted, timeout=30)
        assert await bot.stop(signal.SIGTERM) == 0
    assert "Traceback" not in bot.said
    main.write_text(good)
    events = json_lines((await harbour.command("audit", "tail", "-n", "100", "--json")).stdout)
    changed = [key for row in events if row["event"] == "policy-changed" for key in row["data"]["keys"]]
    assert sorted(changed) == sorted(["channels", "defaults", "private", str(harbour.group.id)])


async def test_a_closed_terminal_ends_it_in_good_order(harbour: Harbour) -> None:
    ours, theirs = pty.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    options: dict[str, Any] = {"start_new_session": True, "pass_fds": (theirs,), "preexec_fn": take_terminal}
    async with running_bot(harbour.config, harbour.chat.token, **options) as bot:
        os.close(theirs)
        try:
            await harbour.chat.wait_until(lambda: harbour.chat.calls_of("getUpdates"), timeout=30)
            bot.send(signal.SIGHUP)  # the terminal is still there
            await bot.has_said(TAKEN_OVER)
        finally:
            os.close(ours)
        assert await bot.ended() == 0
    assert await last_event(harbour) == "stopped"
