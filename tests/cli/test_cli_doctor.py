"""`lazaretto doctor`: every fault with its remedy."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from telegram import Bot, Update, WebhookInfo

from cli.bots import write_config
from cli.terminal import call, json_lines
from lazaretto.config import Configuration
from lazaretto.emulator import Chat, Emulator, Rights
from lazaretto.model import Place
from lazaretto.policy import Policy
from lazaretto.telegram.doctor import Check, examine, examine_server

TOKEN = "7000000002:no-bot-of-this-server-has-such-a-token"


def a_policy(**keys: str) -> Policy:
    return Configuration.load({"defaults": keys}).policy_of(Place("telegram", ""))


async def examined(chat: Emulator, *groups: tuple[Chat, Policy], token: str | None = None) -> Sequence[Check]:
    bot = Bot(token or chat.token, base_url=chat.base_url, base_file_url=chat.base_file_url)
    checks = [check async for check in examine(bot, [(str(group.id), policy) for group, policy in groups])]
    await bot.shutdown()
    return checks


def faults(checks: Sequence[Check]) -> list[str]:
    assert all(check.remedy for check in checks if not check.well)
    return [check.told()[0] for check in checks if not check.well]


async def test_a_guarded_group_with_all_rights_is_well(telegram_emulator: Emulator) -> None:
    group, moderators = (telegram_emulator.group(name, bot_rights=Rights.full()) for name in ("Harbour", "Moderators"))
    checks = await examined(telegram_emulator, (group, a_policy(mode="guard", moderators=str(moderators.id))))
    assert faults(checks) == []
    assert f"group {group.id}: cards go to {moderators.id}" in [check.told()[0] for check in checks]


@pytest.mark.parametrize(
    ("rights", "said"), [(None, "is no administrator"), (Rights(can_delete_messages=False), "may not delete messages")]
)
async def test_a_guarded_group_needs_the_right_to_delete(
    telegram_emulator: Emulator, rights: Rights | None, said: str
) -> None:
    moderators = telegram_emulator.group("Moderators")
    group = telegram_emulator.group("Harbour", bot_rights=rights)
    checks = await examined(telegram_emulator, (group, a_policy(mode="guard", moderators=str(moderators.id))))
    assert faults(checks) == [f"group {group.id}: the bot {said}"]


async def test_an_observed_group_where_the_bot_sees_nothing(telegram_emulator: Emulator) -> None:
    group = telegram_emulator.group("Harbour")
    [fault] = faults(await examined(telegram_emulator, (group, a_policy())))
    assert "sees no files there" in fault


async def test_a_group_that_the_bot_was_taken_out_of(telegram_emulator: Emulator) -> None:
    group = telegram_emulator.group("Harbour", bot_rights=Rights.full())
    group.remove_bot()
    assert len(faults(await examined(telegram_emulator, (group, a_policy())))) == 1


async def test_a_moderators_chat_without_the_bot(telegram_emulator: Emulator) -> None:
    group = telegram_emulator.group("Harbour", bot_rights=Rights.full())
    moderators = telegram_emulator.group("Moderators")
    moderators.remove_bot()
    [fault] = faults(await examined(telegram_emulator, (group, a_policy(mode="guard", moderators=str(moderators.id)))))
    assert f"its moderators' chat {moderators.id}" in fault


async def test_a_wrong_token(telegram_emulator: Emulator) -> None:
    assert faults(await examined(telegram_emulator, token=TOKEN)) == ["Telegram does not know this token"]


# ── how updates come ──────────────────────────────────────────────────────────────────────────────────────────────


HOOK = "https://bot.example.org/telegram/updates"


class ToldBot(Bot):
    """A bot of the emulator's to which Telegram tells what a test says of its updates."""

    _told = WebhookInfo("", False, 0)

    async def get_webhook_info(self, *_: object, **__: object) -> WebhookInfo:
        return self._told


async def updates(chat: Emulator, webhook: str | None, told: WebhookInfo) -> list[Check]:
    """What is said of how updates come, and which."""
    bot = ToldBot(chat.token, base_url=chat.base_url, base_file_url=chat.base_file_url)
    bot._told = told
    checks = [check async for check in examine(bot, [], webhook)]
    await bot.shutdown()
    faults(checks)
    return checks[2:]


@pytest.mark.parametrize(
    ("webhook", "url", "well", "said"),
    [
        (None, "", True, "updates are asked for, no webhook is set; 3 wait"),
        (None, HOOK, True, "a webhook is set, at bot.example.org"),
        (HOOK, "", True, "no webhook is set yet"),
        (HOOK, HOOK, True, "the webhook is set, at bot.example.org; 3 updates wait"),
        (HOOK, "https://me:secret@elsewhere.example/secret", False, "another webhook is set than web.webhook"),
    ],
)
async def test_it_says_how_updates_come(
    telegram_emulator: Emulator, webhook: str | None, url: str, well: bool, said: str
) -> None:
    way, _ = await updates(telegram_emulator, webhook, WebhookInfo(url, False, 3))
    assert (way.well, said in way.told()[0]) == (well, True), way
    assert "secret" not in way.told()[0]


@pytest.mark.parametrize(("pending", "well"), [(5, False), (0, True)])
async def test_a_webhook_that_fails_is_a_fault_while_updates_wait(
    telegram_emulator: Emulator, pending: int, well: bool
) -> None:
    at = datetime(2026, 5, 1, 12, 30, tzinfo=UTC)
    failing = WebhookInfo(HOOK, False, pending, last_error_date=at, last_error_message="Connection refused")
    way, _ = await updates(telegram_emulator, HOOK, failing)
    assert way.well is well
    assert ("failed 2026-05-01 12:30 UTC: Connection refused; 5 updates wait" in way.told()[0]) is not well


@pytest.mark.parametrize(
    ("allowed", "well", "said"),
    [
        ((), True, "its usual types"),
        (Update.ALL_TYPES, True, "not to send: none"),
        ([kind for kind in Update.ALL_TYPES if kind != "poll"], True, "not to send: poll"),
        ([kind for kind in Update.ALL_TYPES if kind != "channel_post"], False, "not to send: channel_post"),
        ([kind for kind in Update.ALL_TYPES if kind != "callback_query"], False, "not to send: callback_query"),
    ],
)
async def test_update_types_that_do_not_come_are_named(
    telegram_emulator: Emulator, allowed: Sequence[str], well: bool, said: str
) -> None:
    _, types = await updates(telegram_emulator, None, WebhookInfo("", False, 0, allowed_updates=allowed))
    assert (types.well, said in types.told()[0]) == (well, True), types


# ── a server of one's own ─────────────────────────────────────────────────────────────────────────────────────────


SERVER = "http://me:secret@127.0.0.1:8081/bot"


def test_telegrams_own_server_is_named() -> None:
    assert examine_server(None, None) == Check(
        True, "the Bot API server is Telegram's own: it hands out files of up to 20 MiB"
    )


@pytest.mark.parametrize(
    ("make", "well", "said"),
    [
        (lambda _: None, False, "there is no folder"),
        (lambda folder: folder.write_text("a file"), False, "there is no folder"),
        (lambda folder: folder.mkdir(), True, "files of up to 2 GB are read from"),
        (lambda folder: (folder / TOKEN).mkdir(parents=True), True, "files of up to 2 GB are read from"),
    ],
)
def test_the_servers_folder_is_looked_at(tmp_path: Path, make: Callable[[Path], object], well: bool, said: str) -> None:
    make(tmp_path / "files")
    check = examine_server(SERVER, tmp_path / "files")
    assert (check.well, said in check.told()[0]) == (well, True), check
    assert "127.0.0.1:8081" in check.told()[0]
    assert "secret" not in check.told()[0]
    assert check.well or "the same path" in check.remedy


@pytest.mark.parametrize("forbidden", ["files", TOKEN])
def test_a_folder_that_may_not_be_read_is_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forbidden: str
) -> None:
    (tmp_path / "files" / TOKEN).mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, _: Path(path).name != forbidden)  # as everybody but root finds it
    check = examine_server(SERVER, tmp_path / "files")
    assert not check.well
    assert "may not be read" in check.told()[0]
    assert TOKEN not in str(check)


def test_without_a_folder_files_come_over_http() -> None:
    check = examine_server(SERVER, None)
    assert check.well
    assert "must not run with --local unless local_files is set" in check.told()[0]


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_offline_everything_is_well_before_the_first_start(folder: Path) -> None:
    ended = call("doctor", "--offline", "--json")
    rows = json_lines(ended.stdout)
    assert ended.returncode == 0
    assert all(row["ok"] for row in rows)
    assert any("layers hold around a worker: process" in row["found"] for row in rows)


def on_another_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the product takes for macOS; the workers themselves are as on Linux without the lock."""
    monkeypatch.setattr(sys, "platform", "darwin")


def test_another_system_is_refused_by_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_another_system(monkeypatch)
    ended = call("doctor", "--offline", "--json")
    rows = json_lines(ended.stdout)
    assert ended.returncode == 1
    assert any("untested on this system (darwin)" in row["found"] for row in rows)
    (fault,) = [row for row in rows if not row["ok"]]
    assert "the lock does not hold: no no-new-privs on this system; no seccomp on this system" in fault["found"]
    assert "sandbox.require = false" in fault["found"]


def test_the_operator_may_accept_another_system(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_another_system(monkeypatch)
    more = "[sandbox]\nrequire = false\n"
    config = write_config(folder, "http://127.0.0.1:1/bot", "http://127.0.0.1:1/file/bot", more=more)
    ended = call("doctor", "--offline", "--json", "--config", config)
    assert ended.returncode == 0
    found = [row["found"] for row in json_lines(ended.stdout)]
    assert any("untested on this system (darwin)" in line for line in found)
    (held,) = [line for line in found if "layers hold" in line]
    assert held.startswith("4 layers hold around a worker: process, unprivileged, ")
    assert held.endswith("sandbox.require = false does without no-new-privs, seccomp, undumpable")


@pytest.mark.parametrize("missing", [False, True])
def test_the_web_server_is_looked_at_where_a_port_is_set(
    folder: Path, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    if missing:
        monkeypatch.setitem(sys.modules, "uvicorn", None)
        monkeypatch.delitem(sys.modules, "lazaretto.telegram.web", raising=False)
    config = write_config(folder, "http://127.0.0.1:1/bot", "http://127.0.0.1:1/file/bot", more="[web]\nport = 8080\n")
    ended = call("doctor", "--offline", "--json", "--config", config)
    assert ended.returncode == missing
    [row] = [row for row in json_lines(ended.stdout) if "8080" in row["found"] or "uvicorn" in row["found"]]
    assert row["ok"] is not missing


@pytest.mark.parametrize(("listen", "warned"), [("127.0.0.1", False), ("::1", False), ("0.0.0.0", True), ("::", True)])
def test_a_web_server_that_other_machines_may_reach_is_pointed_out(folder: Path, listen: str, warned: bool) -> None:
    more = f'[web]\nport = 8080\nlisten = "{listen}"\n'
    config = write_config(folder, "http://127.0.0.1:1/bot", "http://127.0.0.1:1/file/bot", more=more)
    rows = json_lines(call("doctor", "--offline", "--json", "--config", config).stdout)
    [row] = [row for row in rows if "8080" in row["found"]]
    assert (row["ok"], "not for the public" in row["found"], bool(row["remedy"])) == (True, warned, warned)


def test_a_missing_token_is_a_fault(folder: Path) -> None:
    ended = call("doctor")
    assert ended.returncode == 1
    assert "fault no bot token" in ended.stdout
    assert "lazaretto init" in ended.stdout


def test_a_broken_configuration_is_a_fault_among_others(folder: Path) -> None:
    config = write_config(folder, "http://127.0.0.1:1/bot", "http://127.0.0.1:1/file/bot", ("-1001", "mode =\n"))
    ended = call("doctor", "--config", config, "--json")
    rows = json_lines(ended.stdout)
    assert ended.returncode == 1
    assert ["-1001.toml: line 1" in row["found"] for row in rows if not row["ok"]] == [True]


def test_telegram_cannot_be_reached(folder: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    config = write_config(folder, f"{url}/bot", f"{url}/file/bot")
    ended = call("doctor", "--config", config, env={"LAZARETTO_TOKEN": TOKEN})
    assert ended.returncode == 1
    assert "Telegram cannot be reached" in ended.stdout
    assert TOKEN.partition(":")[2] not in ended.stdout + ended.stderr


async def test_the_command_asks_telegram(telegram_emulator: Emulator, folder: Path) -> None:
    config = write_config(folder, telegram_emulator.base_url, telegram_emulator.base_file_url)
    token = telegram_emulator.token
    ended = await asyncio.to_thread(call, "doctor", "--config", config, env={"LAZARETTO_TOKEN": token})
    assert ended.returncode == 0, ended.stdout
    assert f"@{telegram_emulator.bot.username}" in ended.stdout
    assert "updates are asked for, no webhook is set" in ended.stdout
    assert "the Bot API server is your own" in ended.stdout
