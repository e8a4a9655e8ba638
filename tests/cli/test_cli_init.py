"""`lazaretto init`: what it asks, what it writes, and what it leaves alone."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from cli.terminal import call

TOKEN = "123456789:" + "A" * 35


def written(folder: Path) -> dict[str, object]:
    return tomllib.loads((folder / "config" / "lazaretto.toml").read_text(encoding="utf-8"))


def test_three_answers_make_a_configuration_that_only_its_owner_reads(folder: Path) -> None:
    ended = call("init", stdin=f"{TOKEN}\n111, 222\n-1001234\n")
    assert ended.returncode == 0, ended.stderr
    assert written(folder) == {
        "token": TOKEN,
        "owners": ["111", "222"],
        "defaults": {"preset": "balanced", "moderators": "-1001234"},
    }
    assert stat.S_IMODE((folder / "config" / "lazaretto.toml").stat().st_mode) == 0o600
    assert TOKEN not in ended.stdout + ended.stderr
    assert call("policy", "check").returncode == 0


def test_a_token_in_the_environment_is_neither_asked_for_nor_written(folder: Path) -> None:
    ended = call("init", "--owners", "1", "--moderators", "-5", env={"LAZARETTO_TOKEN": TOKEN})
    assert ended.returncode == 0, ended.stderr
    assert "token" not in written(folder)


def test_a_wrong_answer_is_asked_again(folder: Path) -> None:
    ended = call("init", stdin=f"nonsense\n{TOKEN}\n@ann\n111\nfriends\n\n")
    assert ended.returncode == 0
    assert "does not look like a token" in ended.stderr
    assert "User ids are numbers" in ended.stderr
    assert "Chat ids are numbers" in ended.stderr


@pytest.mark.parametrize("option", ["--owners", "--moderators"])
def test_a_wrong_option_is_refused_and_nothing_written(folder: Path, option: str) -> None:
    ended = call("init", option, "@ann", stdin=f"{TOKEN}\n\n\n")
    assert ended.returncode == 2
    assert "'@ann' is not right" in ended.stderr
    assert list(folder.iterdir()) == []


def test_an_existing_configuration_is_kept(folder: Path) -> None:
    call("init", stdin=f"{TOKEN}\n111\n\n")
    ended = call("init", stdin="\n222\n\n")
    assert ended.returncode == 2
    assert "--force" in ended.stderr
    assert written(folder)["owners"] == ["111"]
    assert call("init", "--force", stdin="\n222\n\n").returncode == 0
    assert written(folder)["owners"] == ["222"]


def test_no_more_answers_leaves_everything_as_it_was(folder: Path) -> None:
    ended = call("init", stdin=f"{TOKEN}\n")
    assert ended.returncode == 1
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made(folder: Path) -> None:
    (folder / "config").write_text("a file")
    ended = call("init", stdin="\n\n\n")
    assert ended.returncode == 2
    assert "cannot be written" in ended.stderr
    assert "--config" in ended.stderr


def test_a_planted_file_never_receives_the_token(folder: Path) -> None:
    (folder / "config").mkdir()
    elsewhere = folder / "elsewhere"
    (folder / "config" / "lazaretto.new").symlink_to(elsewhere)
    assert call("init", stdin=f"{TOKEN}\n\n\n").returncode == 0
    assert not elsewhere.exists()
