"""`lazaretto init`: three questions, and a configuration is there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated

import tomlkit
import typer
from rich.markup import escape

from lazaretto.cli.output import errors, fail, out
from lazaretto.config import ConfigError, Configuration
from lazaretto.private_files import new_private_file, sync_folder

__all__ = ["init"]

_TOKEN = re.compile(r"[0-9]{3,20}:[A-Za-z0-9_-]{20,64}")  # the shape of @BotFather's tokens
_IDS = re.compile(r"\s*[0-9]+(\s*[, ]\s*[0-9]+)*\s*")
_CHAT = re.compile(r"-?[0-9]+")


def init(
    config: Annotated[Path, typer.Option(help="Folder to write.", envvar="LAZARETTO_CONFIG")] = Path("config"),
    owners: Annotated[str | None, typer.Option(help="User ids, separated by commas, instead of being asked.")] = None,
    moderators: Annotated[str | None, typer.Option(help="Id of the moderators' chat, instead of being asked.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing lazaretto.toml.")] = False,
) -> None:
    """Ask for token, owners and moderators' chat, and write config/lazaretto.toml.

    With LAZARETTO_TOKEN in the environment the token is neither asked for nor
    written. It is no option, because everybody on the machine sees those.

    Example, without questions:
      LAZARETTO_TOKEN=... lazaretto init --owners 123456789 --moderators=-1001234567890
    """
    target = config / "lazaretto.toml"
    if target.exists() and not force:
        fail(f"{target} exists already", "edit it, or replace it with --force")
    document = _document(_asked_token(), _asked_owners(owners), _asked_moderators(moderators))
    _write(target, tomlkit.dumps(document))
    try:
        Configuration.load(config)
    except ConfigError as error:
        fail(f"{target} was written, but the configuration is not right yet: {error}")
    out.print(f"[green]Wrote[/] {escape(str(target))}. New groups are only observed. Next:", soft_wrap=True)
    out.print("  lazaretto doctor          check token, rights and state")
    out.print("  lazaretto run             start the bot, then add it to a group as an administrator")
    out.print(
        f'  {escape(str(config))}/groups/<id>.toml   with mode = "guard", to have bad files removed from that group',
        soft_wrap=True,
    )


def _asked_token() -> str | None:
    if os.environ.get("LAZARETTO_TOKEN"):
        return None
    while True:
        token = str(
            typer.prompt(
                "Bot token from @BotFather (empty: set LAZARETTO_TOKEN later)",
                default="",
                show_default=False,
                hide_input=True,
            )
        ).strip()
        if not token or _TOKEN.fullmatch(token):
            return token or None
        errors.print("That does not look like a token: it is digits, a colon, and about 35 letters. Copy it whole.")


def _asked_owners(given: str | None) -> list[str]:
    question = "Your user id, or several with commas (@userinfobot tells it; empty: none)"
    return re.findall(r"[0-9]+", _asked(question, given, _IDS, "User ids are numbers, such as 123456789."))


def _asked_moderators(given: str | None) -> str | None:
    question = "Id of the moderators' chat, where cards go (empty: later)"
    return _asked(question, given, _CHAT, "Chat ids are numbers, such as -1001234567890.").strip() or None


def _asked(question: str, given: str | None, shape: re.Pattern[str], hint: str) -> str:
    if given is not None:
        if given and not shape.fullmatch(given):
            fail(f"{given!r} is not right", hint)
        return given
    while True:
        answer = str(typer.prompt(question, default="", show_default=False))
        if not answer or shape.fullmatch(answer):
            return answer
        errors.print(hint)


def _document(token: str | None, owners: list[str], moderators: str | None) -> tomlkit.TOMLDocument:
    document = tomlkit.document()
    document.add(tomlkit.comment("Lazaretto. Every key: lazaretto policy show, and config/lazaretto.example.toml."))
    if token:
        document.add("token", tomlkit.item(token))
    document.add("owners", tomlkit.item(owners))
    defaults = tomlkit.table()
    defaults.add("preset", "balanced")
    if moderators:
        defaults.add("moderators", moderators)
    document.add("defaults", defaults)
    return document


def _write(target: Path, text: str) -> None:
    """Only the owner may read it: it may hold the token. An interruption leaves the old file."""
    new = target.with_suffix(".new")
    try:
        (target.parent / "groups").mkdir(parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        with open(new_private_file(new), "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor with its mode
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        fail(f"{target} cannot be written: {error.strerror}", "choose another folder with --config")
