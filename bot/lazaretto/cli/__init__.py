"""The `lazaretto` command. One module a command; `output` is how they all speak.

A command's module is imported when it is called: Telegram's library and a database toolkit are most of a second that
`lazaretto scan` has no use for.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from io import TextIOWrapper
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from lazaretto import __version__
from lazaretto.cli.output import complain, drop_output
from lazaretto.log import configure_logging
from lazaretto_validators.registry import RegistryError

__all__ = ["app", "main"]

_COMMANDS: Mapping[str, str] = {
    "init": "lazaretto.cli.init",
    "run": "lazaretto.cli.run",
    "demo": "lazaretto.cli.demo",
    "scan": "lazaretto.cli.scan",
    "evaluate": "lazaretto.cli.evaluate",
    "audit": "lazaretto.cli.audit",
    "cases": "lazaretto.cli.cases",
    "backup": "lazaretto.cli.backup",
    "policy": "lazaretto.cli.policy",
    "rules": "lazaretto.cli.rules",
    "doctor": "lazaretto.cli.doctor",
    "quarantine": "lazaretto.cli.cases",
}
"""The module of each command, in the order of the help. It holds a function, or a group of commands, of that name."""


class _Commands(TyperGroup):
    """Finds commands by the table above."""

    # Any: click's own classes, which newer versions of typer bring along under a private name.

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click's signature
        """Their names, in the order of the help."""
        return list(_COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command, None where there is none of that name."""
        return _command(cmd_name) if cmd_name in _COMMANDS else None


@cache
def _command(name: str) -> Any:
    found = getattr(import_module(_COMMANDS[name]), name)
    if isinstance(found, typer.Typer):
        group = typer.main.get_command(found)
        group.name = name
        return group
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return typer.main.get_command(alone)


app = typer.Typer(
    name="lazaretto",
    cls=_Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,  # its frames show local variables, and one of them is the token
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lazaretto {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Screen attachments in chat groups: forward what is clean, quarantine what is not, prove what was done.

    Exit status, where a command's own help does not say otherwise:
      0    done
      1    the answer is no, such as a broken log or a case that is not there
      2    it cannot be done: wrong usage, configuration or state
      130  ended by Ctrl-C, 143 by SIGTERM
      141  whoever read the output went away (| head)
    """
    # Standard output is for results alone; unconfigured, structlog would write there.
    configure_logging("ERROR")


def main() -> None:
    """Entry point of the `lazaretto` command."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 is no reason to die
    signal.signal(signal.SIGTERM, _terminated)
    try:
        app()
    except RegistryError as error:
        complain(f"the validators cannot be loaded: {error}", "mend or remove the distribution named")
        sys.exit(2)
    except OSError as error:
        drop_output()
        what = f"{error.filename} cannot be used" if error.filename else "the output cannot be written"
        with suppress(OSError):  # standard error itself may be what cannot be written
            complain(
                f"{what}: {error.strerror or error}", "check that there is room, and that this user may write there"
            )
        sys.exit(2)


def _open_streams() -> None:
    """Started without standard output or error (`>&-`), write to nowhere: else the next file opened is written to."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            opened = os.open(os.devnull, os.O_WRONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            setattr(sys, name, os.fdopen(number, "w"))


def _terminated(number: int, _frame: FrameType | None) -> NoReturn:
    """End as Ctrl-C does: through every `finally`, so that no temporary file is left behind."""
    sys.exit(128 + number)
