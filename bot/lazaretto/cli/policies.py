"""The options that choose a policy on the command line: a preset, or a group of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lazaretto.cli.output import errors, fail
from lazaretto.config import ConfigError, Configuration, Settings
from lazaretto.config_files import MAIN
from lazaretto.model import Place
from lazaretto.policy import PRESETS, Policy
from lazaretto.policy.values import identifier

__all__ = [
    "ConfigFolder",
    "Group",
    "Preset",
    "chosen_policy",
    "chosen_settings",
    "configuration",
    "group_id",
    "load_configuration",
]

Preset = Annotated[str | None, typer.Option(help=f"Judge by a preset: {', '.join(PRESETS)}. [default: balanced]")]
ConfigFolder = Annotated[
    Path | None,
    typer.Option(help="Folder with lazaretto.toml and groups/. [default: config]", envvar="LAZARETTO_CONFIG"),
]
Group = Annotated[str | None, typer.Option(help="Judge by this group's policy (its id, from --config).")]


def load_configuration(folder: Path | None) -> Configuration:
    """The configuration in `folder`; without one that in ./config, or else the defaults. Raises ConfigError."""
    source: Path | dict[str, object] = folder or Path("config")
    if folder is None and not Path("config", MAIN).exists():
        source = {}  # nothing was set up here: the defaults, and what the environment says
    return Configuration.load(source)


def configuration(folder: Path | None) -> Configuration:
    """As `load_configuration`, but ends the program where it is broken."""
    try:
        return load_configuration(folder)
    except ConfigError as error:
        fail(str(error))


def group_id(given: str) -> str:
    """A group's id as it is in its file's name. Ends the program for anything else."""
    try:
        return identifier(given)
    except ValueError:
        fail(f"{given!r} is neither the id of a group nor an option", "ids are numbers such as -1001234567890")


def chosen_policy(preset: str | None, folder: Path | None, group: str | None) -> Policy:
    """The policy that the options name. Ends the program where they contradict each other."""
    if preset and group:
        fail("--preset and --group both choose a policy", "give one of them")
    if preset and preset not in PRESETS:
        fail(f"there is no preset {preset!r}", f"use one of: {', '.join(PRESETS)}")
    if group:
        chosen, name = configuration(folder), group_id(group)
        if name not in chosen.group_ids:
            errors.print(f"[yellow]note:[/] group {name} has no file of its own, so the defaults are used")
        return chosen.policy_of(Place("telegram", name))
    if folder and not preset:
        return configuration(folder).policy_of(Place("telegram", ""))
    return Configuration.load({"defaults": {"preset": preset or "balanced"}}).policy_of(Place("telegram", ""))


def chosen_settings(folder: Path | None, group: str | None) -> Settings:
    """The settings of the configuration that the options name; without one, the defaults."""
    return configuration(folder).settings if folder or group else Configuration.load({}).settings
