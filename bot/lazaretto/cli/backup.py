"""`lazaretto backup`: a copy of everything that is remembered, made beside the running bot."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lazaretto import __version__
from lazaretto import backup as backups
from lazaretto.backup import KEY, Backup, BackupError
from lazaretto.cli.output import JSON, complain, errors, fail, out, print_json
from lazaretto.cli.policies import ConfigFolder
from lazaretto.cli.states import StateFolder, reading_state, state_folder
from lazaretto.text import shown

__all__ = ["backup"]

_KEY_WARNING = (
    "The backup holds the vault's key: whoever has it can read every quarantined file in it. "
    "Keep it as you keep the key, or make backups without --with-key and the key's own copy elsewhere."
)
_NO_KEY = f"The vault's key is not in it: without a copy of {KEY} elsewhere its quarantined files cannot be read."


def backup(
    folder: Annotated[Path, typer.Argument(help="The backup: a folder that does not exist yet.")],
    config: ConfigFolder = None,
    state: StateFolder = None,
    with_key: Annotated[
        bool, typer.Option("--with-key", help="Put the vault's key into it, too. Keys belong elsewhere.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check a backup that is there, and make none.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Back up database, quarantined files and audit log, also while the bot runs.

    The folder appears once it is whole, is never overwritten, and is private.
    To restore, put it in the place of the state folder: docs/operations.md.

    Exit status 1 where something is wrong with what was backed up or checked.

    Examples:
      lazaretto backup /backups/today
      lazaretto backup --verify /backups/today
    """
    if verify and with_key:
        fail("--verify makes no backup", "leave out --with-key")
    done = _checked(folder) if verify else _made(state_folder(state, config), folder, with_key)
    if json:
        print_json(
            {
                "ok": not done.problems,
                "made_at": done.made_at,
                "head": done.head,
                "files": len(done.files),
                "bytes": done.bytes,
                "key": KEY in done.files,
                "gone": list(done.gone),
                "problems": list(done.problems),
            }
        )
    else:
        _print(done, folder, verify=verify)
    raise typer.Exit(1 if done.problems else 0)


def _made(state: Path, folder: Path, with_key: bool) -> Backup:
    async def make() -> Backup:
        return await asyncio.to_thread(backups.make, state, folder, with_key=with_key, version=__version__, tell=_tell)

    made = reading_state(state, make)
    errors.print(f"[bold yellow]note:[/] {_KEY_WARNING if KEY in made.files else _NO_KEY}", soft_wrap=True)
    return made


def _checked(folder: Path) -> Backup:
    try:
        return backups.check(folder, _tell)
    except BackupError as error:
        fail(str(error))


def _tell(progress: str) -> None:
    errors.print(f"[dim]{escape(progress)}[/]", soft_wrap=True)


def _print(done: Backup, folder: Path, *, verify: bool) -> None:
    for problem in done.problems:
        complain(problem)
    if done.problems and verify:
        complain(f"{folder} is not a whole backup", "take another one")
        return
    word = "Whole" if verify else "Made"
    said = f"{escape(shown(str(folder), 500))}, {len(done.files):,} files, {done.bytes:,} bytes, of {done.made_at}"
    out.print(f"[green]{word}:[/] {said}", soft_wrap=True)
    out.print(f"head {done.head}", soft_wrap=True)
