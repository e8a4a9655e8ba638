"""What the command says of itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from cli.terminal import COMMAND, call, environment, json_lines, lazaretto
from lazaretto import __version__
from lazaretto.rules import all_rules

COMMANDS = ["init", "run", "demo", "scan", "audit", "quarantine", "policy", "rules", "doctor"]
WITHOUT_UVICORN = "import sys; sys.modules['uvicorn'] = None; from lazaretto.cli import main; main()"


def test_the_version() -> None:
    assert call("--version").stdout == f"lazaretto {__version__}\n"


def test_the_help_lists_every_command_and_the_exit_statuses() -> None:
    said = call("--help").stdout
    for word in (*COMMANDS, "Exit status", "141"):
        assert word in said


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_in_80_columns(command: str) -> None:
    ended = call(command, "-h")
    assert ended.returncode == 0
    assert "Usage:" in ended.stdout
    assert max(map(len, ended.stdout.splitlines())) <= 80


@pytest.mark.parametrize(
    ("command", "example"),
    [
        (("scan",), "lazaretto scan suspect.docx"),
        (("policy", "show"), "lazaretto policy show -1001234567890"),
        (("audit", "verify"), "lazaretto audit verify --expect"),
    ],
    ids=["scan", "policy show", "audit verify"],
)
def test_help_teaches_by_example(command: tuple[str, ...], example: str) -> None:
    assert example in call(*command, "--help").stdout


def test_no_command_shows_the_help() -> None:
    ended = call()
    assert ended.returncode == 2
    assert "scan" in ended.stdout + ended.stderr


def test_an_unknown_command() -> None:
    ended = call("scna")
    assert ended.returncode == 2
    assert "No such command" in ended.stderr


def test_a_scan_pays_for_neither_telegram_nor_a_database() -> None:
    code = "import sys; import lazaretto.cli.scan; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.split())
    assert "lazaretto.screening" in loaded
    assert not {"telegram", "sqlalchemy"} & loaded


def test_a_terminal_that_is_not_utf8_gets_escapes() -> None:
    ended = subprocess.run(
        [*COMMAND, "rules", "no-such-→-rule"],
        capture_output=True,
        env=environment(PYTHONIOENCODING="ascii"),
        check=False,
    )
    assert ended.returncode == 2
    assert b"\\u2192" in ended.stderr


# ── rules ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_rules_in_a_table_of_80_columns() -> None:
    said = call("rules").stdout
    assert max(map(len, said.splitlines())) <= 80
    assert f"{len(all_rules())} rules" in said


def test_rules_by_glob_as_json() -> None:
    rows = json_lines(call("rules", "png.*", "--json").stdout)
    assert rows
    assert all(row["rule"].startswith("png.") and row["message"] and row["spec"] for row in rows)


def test_a_mistyped_rule_is_guessed() -> None:
    ended = call("rules", "png.chunk-cr")
    assert ended.returncode == 2
    assert "did you mean png.chunk-crc?" in ended.stderr or "did you mean png." in ended.stderr


def test_the_demo_without_its_chat_server() -> None:
    ended = lazaretto("demo", "--exit", prefix=(sys.executable, "-c", WITHOUT_UVICORN))
    assert ended.returncode == 2
    assert "pip install 'lazaretto[emulator]'" in ended.stderr
    assert "Traceback" not in ended.stderr
