"""Configurations that are wrong: each command that reads one says file, place and remedy, and changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.terminal import Ended, call, json_lines


def a_config(folder: Path, main: str = "", **groups: str) -> Path:
    """A configuration; the names of `groups` are ids without their sign."""
    config = folder / "config"
    (config / "groups").mkdir(parents=True)
    (config / "lazaretto.toml").write_text(main, encoding="utf-8")
    for name, contents in groups.items():
        (config / "groups" / f"-{name[1:]}.toml").write_text(contents, encoding="utf-8")
    return config


def assert_explained(ended: Ended, *words: str) -> None:
    assert ended.returncode == 2
    assert not ended.stdout
    assert ended.stderr.startswith("error:")
    for word in words:
        assert word in ended.stderr


def test_broken_toml_is_named_by_file_and_line(folder: Path) -> None:
    config = a_config(folder, 'state = "state"\n[defaults\n')
    assert_explained(call("policy", "check", "--config", config), "lazaretto.toml: line 2", "is not TOML")


def test_a_mistyped_policy_key_is_guessed(folder: Path) -> None:
    config = a_config(folder, "", _1001='moed = "guard"\n')
    assert_explained(
        call("policy", "check", "--config", config), "-1001.toml", "moed: is no policy key", "did you mean 'mode'?"
    )


def test_a_mistyped_setting_is_guessed(folder: Path) -> None:
    config = a_config(folder, "onwers = []\n")
    assert_explained(call("policy", "check", "--config", config), "onwers", "did you mean 'owners'?")


def test_guard_without_moderators_is_refused(folder: Path) -> None:
    config = a_config(folder, "", _1001='mode = "guard"\n')
    assert_explained(call("policy", "check", "--config", config), "-1001.toml", "moderators")


def test_every_problem_has_its_own_line(folder: Path) -> None:
    config = a_config(folder, "onwers = []\n", _1001="max_size = 1 2\n")
    said = call("policy", "check", "--config", config).stderr
    broken = a_config(folder / "other", '[defaults]\npreset = "harsh"\nmoed = "guard"\n')
    assert "-1001.toml: line 1" in said
    assert len(call("policy", "check", "--config", broken).stderr.splitlines()) == 2


def test_problems_as_json(folder: Path) -> None:
    config = a_config(folder, "", _1001='mode = "guard"\n')
    ended = call("policy", "check", "--json", "--config", config)
    [row] = json_lines(ended.stdout)
    assert (ended.returncode, row["ok"]) == (2, False)
    assert row["problems"][0].keys() == {"file", "key", "problem", "remedy"}


@pytest.mark.parametrize(
    "command", [("policy", "show"), ("scan", "x"), ("run",), ("audit", "tail"), ("quarantine", "list")], ids=" ".join
)
def test_every_command_refuses_a_folder_that_is_not_there(folder: Path, command: tuple[str, ...]) -> None:
    ended = call(*command, "--config", folder / "nowhere", env={"LAZARETTO_TOKEN": "1234:" + "a" * 35})
    assert_explained(ended, "nowhere: there is no such file", "name the folder")
    assert list(folder.iterdir()) == []


def test_a_token_with_a_slash_is_refused_and_not_repeated(folder: Path) -> None:
    ended = call("run", "--config", a_config(folder), env={"LAZARETTO_TOKEN": "1234:../../secret"})
    assert_explained(ended, "LAZARETTO_TOKEN", "@BotFather")
    assert "secret" not in ended.stderr


# ── policy show ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_group_is_shown_by_its_id_with_the_origin_of_each_value(folder: Path) -> None:
    config = a_config(folder, '[defaults]\npreset = "strict"\n', _1001='max_size = "5 MB"\n')
    rows = {row["key"]: row for row in json_lines(call("policy", "show", "-1001", "--config", config, "--json").stdout)}
    assert rows["max_size"]["value"] == "5 MB"
    assert rows["max_size"]["origin"].endswith("-1001.toml")
    assert rows["preset"]["origin"].endswith("lazaretto.toml [defaults]")


@pytest.mark.parametrize("arguments", [("--jsn",), ("friends",)])
def test_what_is_neither_option_nor_id_is_refused(arguments: tuple[str, ...]) -> None:
    assert_explained(call("policy", "show", *arguments), "neither the id of a group nor an option")


def test_two_places_at_once_are_refused() -> None:
    assert_explained(call("policy", "show", "--private", "-1001"), "give one of them")


def test_a_right_configuration_without_token_is_noted(folder: Path) -> None:
    ended = call("policy", "check", "--config", a_config(folder))
    assert (ended.returncode, ended.stdout) == (0, "The configuration is right.\n")
    assert "LAZARETTO_TOKEN" in ended.stderr
