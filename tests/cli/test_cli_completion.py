"""Shell completion, as shells ask for it."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from cli.terminal import COMMAND, environment, lazaretto


def completed(words: str) -> list[str]:
    """What bash is told for the last word."""
    place = str(len(words.split(" ")) - 1)
    asked = {"_LAZARETTO_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": place}
    ended = lazaretto(prefix=("lazaretto",), env=asked) if shutil.which("lazaretto") else None
    if ended is None:
        pytest.skip("the command is not on the path")
    assert ended.stderr == ""
    return ended.stdout.split()


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("lazaretto ca", ["cases"]),
        ("lazaretto au", ["audit"]),
        ("lazaretto cases re", ["release"]),
        ("lazaretto audit se", ["search"]),
        ("lazaretto audit export --for", ["--format"]),
        ("lazaretto audit export --format o", ["ocsf"]),
        ("lazaretto audit search --decision q", ["quarantine"]),
        ("lazaretto audit search --rule png.chunk-c", ["png.chunk-crc"]),
        ("lazaretto nothing-like-it", []),
    ],
)
def test_what_bash_is_offered(words: str, offered: list[str]) -> None:
    assert completed(words) == offered


def test_every_command_is_offered() -> None:
    assert {"audit", "cases", "doctor", "policy", "quarantine", "scan"} <= set(completed("lazaretto "))


@pytest.mark.parametrize(
    ("shell", "asked"),
    [
        ("zsh", {"_TYPER_COMPLETE_ARGS": "lazaretto ca"}),
        ("fish", {"_TYPER_COMPLETE_ARGS": "lazaretto ca", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}),
    ],
)
def test_zsh_and_fish_are_offered_the_same(shell: str, asked: dict[str, str]) -> None:
    if shutil.which("lazaretto") is None:
        pytest.skip("the command is not on the path")
    ended = lazaretto(prefix=("lazaretto",), env={"_LAZARETTO_COMPLETE": f"complete_{shell}", **asked})
    assert "cases" in ended.stdout
    assert "audit" not in ended.stdout


@pytest.mark.skipif(shutil.which("bash") is None or shutil.which("lazaretto") is None, reason="needs bash")
def test_bash_completes_with_the_script_that_it_is_given() -> None:
    script = """
        eval "$(_LAZARETTO_COMPLETE=source_bash lazaretto)"
        COMP_WORDS=(lazaretto ca); COMP_CWORD=1
        _lazaretto_completion lazaretto
        echo "${COMPREPLY[@]}"
    """
    ended = subprocess.run(
        ["bash", "-c", script], capture_output=True, text=True, env=environment(), timeout=60, check=True
    )
    assert ended.stdout == "cases\n"


def test_installing_and_showing_are_offered_by_the_command() -> None:
    said = lazaretto("--help", prefix=COMMAND).stdout
    assert "--install-completion" in said
    assert "--show-completion" in said
