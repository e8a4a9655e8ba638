"""`lazaretto demo`: a chat server, a group and the bot on this machine alone, and files that show what it does."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from lazaretto.cli.output import fail
from lazaretto.config_settings import ENVIRONMENT, TOKEN_FILE

__all__ = ["demo"]


def demo(
    leave: Annotated[bool, typer.Option("--exit", help="End after the show instead of staying up.")] = False,
    state: Annotated[
        Path | None, typer.Option(help="Keep the demo's state in this new folder. [default: a temporary one]")
    ] = None,
) -> None:
    """Watch it work, without token or network: members post files, a moderator releases one, the audit log proves it.

    Exit status 1 when the show did not go as it should.
    """
    try:
        from lazaretto.cli.demo.show import run_show
    except ImportError as error:
        fail(f"the demo's chat server is not installed: {error}", "pip install 'lazaretto[emulator]'")
    if state is not None and state.exists() and any(state.iterdir()):
        fail(f"{state} is not empty", "name a new folder, or leave --state out")
    for name in (*ENVIRONMENT.values(), TOKEN_FILE):
        os.environ.pop(name, None)  # they would win over the demo's own configuration: its cases are no real ones
    folder = state or Path(tempfile.mkdtemp(prefix="lazaretto-demo-"))
    try:
        went_well = asyncio.run(run_show(folder, stay=not leave))
    except KeyboardInterrupt:
        went_well = True  # the way to end a demo that stays up
    finally:
        if state is None:
            shutil.rmtree(folder, ignore_errors=True)
    raise typer.Exit(0 if went_well else 1)
