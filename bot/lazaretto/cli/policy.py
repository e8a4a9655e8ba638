"""`lazaretto policy`: what is in force, and whether the files are right."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lazaretto.cli.output import JSON, complain, errors, fail, out, print_json, table
from lazaretto.cli.policies import ConfigFolder, configuration, group_id, load_configuration
from lazaretto.config import ConfigError
from lazaretto.model import Place

__all__ = ["policy"]

policy = typer.Typer(help="Show and check the policies of groups.", no_args_is_help=True, add_completion=False)


# Ids of groups begin with a minus sign: unknown options are taken for one, and looked at below.
@policy.command(context_settings={"ignore_unknown_options": True})
def show(
    group: Annotated[str, typer.Argument(help="The group's id, such as -1001234567890.")] = "",
    config: ConfigFolder = None,
    private: Annotated[bool, typer.Option("--private", help="What holds in private chats.")] = False,
    channel: Annotated[bool, typer.Option("--channel", help="What holds in channels.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Print the effective value of every key, and where it comes from.

    Without a group: what holds by default.
    What a group's administrators set in the chat is not in files and not shown.

    Examples:
      lazaretto policy show
      lazaretto policy show -1001234567890
      lazaretto policy show --private --json | jq .key,.value
    """
    if bool(group) + private + channel > 1:
        fail("a group, --private and --channel each name a place", "give one of them")
    name = group_id(group) if group else ""
    rows = configuration(config).explain(Place("telegram", name, private=private, channel=channel))
    if json:
        for row in rows:
            print_json({"key": row.key, "value": row.value, "origin": row.origin})
        return
    shown = table("key", "value", "comes from")
    for row in rows:
        shown.add_row(f"[bold]{escape(row.key)}[/]", escape(row.value), f"[dim]{escape(row.origin)}[/]")
    out.print(shown)


@policy.command()
def check(config: ConfigFolder = None, json: Annotated[bool, JSON] = False) -> None:
    """Read the configuration as the bot would.

    Exit status 2 where it is wrong, with file, key and remedy of each problem.
    """
    try:
        checked = load_configuration(config)
    except ConfigError as error:
        if json:
            problems = [
                {"file": p.file, "key": p.key, "problem": p.problem, "remedy": p.remedy} for p in error.problems
            ]
            print_json({"ok": False, "problems": problems})
        else:
            complain(str(error))
        raise typer.Exit(2) from error
    settings = checked.settings
    if json:
        print_json({"ok": True, "problems": [], "state": str(settings.state), "token": settings.token is not None})
        return
    out.print("[green]The configuration is right.[/]")
    if settings.token is None:
        errors.print("[yellow]note:[/] no token yet: set LAZARETTO_TOKEN before lazaretto run")
