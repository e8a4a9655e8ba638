"""What a group's administrators set in the chat, as an operator sees it in the terminal."""

from __future__ import annotations

import asyncio
import tomllib
from pathlib import Path

import pytest

from cli.terminal import call, json_lines
from lazaretto.audit import AuditedStore, Settings
from lazaretto.audit.chats import Chats
from lazaretto.config import Configuration
from lazaretto.model import Person, Place

GROUP = Place("telegram", "-1001234")
MOD = Person("telegram", "7", "Mia \x1b[31m")


@pytest.fixture
def config(folder: Path) -> Path:
    """A configuration with a file for the group."""
    groups = folder / "config" / "groups"
    groups.mkdir(parents=True)
    (folder / "config" / "lazaretto.toml").write_text('[defaults]\nlocked = ["preset"]\n', "utf-8")
    (groups / "-1001234.toml").write_text('max_size = "7 MB"\n[actions]\n"active.high" = "flag"\n', "utf-8")
    return folder / "config"


def set_in_chat(folder: Path, **keys: object) -> Path:
    """The state of a bot, with keys set by a moderator."""

    async def fill() -> None:
        async with AuditedStore.open(folder / "state") as store:
            for key, value in keys.items():
                await Settings(store).change(GROUP, key, value, MOD)

    asyncio.run(fill())
    return folder / "state"


def test_show_says_what_was_set_in_the_chat(folder: Path, config: Path) -> None:
    state = set_in_chat(folder, language="de", preset="lenient")
    shown = call("policy", "show", GROUP.chat, "--config", config, "--state", state, "--json")
    rows = {row["key"]: (row["value"], row["origin"]) for row in json_lines(shown.stdout)}
    assert rows["language"] == ("de", "chat settings")
    assert rows["preset"] == ("balanced", "built in")  # it is locked, so what was set before does not hold
    assert rows["max_size"][0] == "7 MB"
    assert shown.stderr == ""


def test_show_without_a_state_says_what_is_missing(folder: Path, config: Path) -> None:
    shown = call("policy", "show", GROUP.chat, "--config", config, "--json")
    assert {row["key"]: row["value"] for row in json_lines(shown.stdout)}["max_size"] == "7 MB"
    assert "what is set in the chat is not shown" in " ".join(shown.stderr.split())
    assert not (folder / "state").exists()


def test_an_export_replaces_the_groups_file(folder: Path, config: Path) -> None:
    state = set_in_chat(folder, language="de", **{"actions.active": "reject"})
    before = json_lines(call("policy", "show", GROUP.chat, "--config", config, "--state", state, "--json").stdout)
    exported = call("policy", "export", GROUP.chat, "--config", config, "--state", state)
    assert exported.returncode == 0
    assert tomllib.loads(exported.stdout)["max_size"] == "7 MB"
    (config / "groups" / "-1001234.toml").write_text(exported.stdout, "utf-8")
    after = Configuration.load(config)
    assert after.policy_of(GROUP).language == "de"
    values = {row.key: row.value for row in after.explain(GROUP)}
    assert {row["key"]: row["value"] for row in before if row["key"] in values}.items() <= values.items()


def test_a_file_of_the_old_id_counts_for_the_new_one(folder: Path, config: Path) -> None:
    state = set_in_chat(folder, language="de")

    async def move() -> None:
        async with AuditedStore.open(state) as store:
            assert await Chats(store).move("telegram", GROUP.chat, "-1005678")

    asyncio.run(move())
    shown = call("policy", "show", "-1005678", "--config", config, "--state", state, "--json")
    rows = {row["key"]: row["value"] for row in json_lines(shown.stdout)}
    assert (rows["language"], rows["max_size"]) == ("de", "7 MB")


def test_an_export_of_nothing_is_empty_and_a_wrong_id_is_explained(folder: Path, config: Path) -> None:
    assert call("policy", "export", "-1", "--config", config).stdout == ""
    wrong = call("policy", "export", "chess", "--config", config)
    assert (wrong.returncode, "ids are numbers" in wrong.stderr) == (1, True) or wrong.returncode == 2
