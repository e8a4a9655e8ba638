"""`lazaretto policy`: what is in force, whether the files are right, and what others would have done."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lazaretto.cli.output import JSON, complain, errors, fail, out, print_json, table
from lazaretto.cli.policies import ConfigFolder, configuration, group_id, load_configuration
from lazaretto.cli.policy_backtest import backtested
from lazaretto.cli.policy_chats import chat_policies
from lazaretto.cli.states import StateFolder
from lazaretto.config import ConfigError
from lazaretto.model import Place

__all__ = ["policy"]

policy = typer.Typer(help="Show and check the policies of groups.", no_args_is_help=True, add_completion=False)
# `test` itself would be collected as one by whoever imports it in tests.
policy.command("test")(backtested)


# Ids of groups begin with a minus sign: unknown options are taken for one, and looked at below.
@policy.command(context_settings={"ignore_unknown_options": True})
def show(
    group: Annotated[str, typer.Argument(help="The group's id, such as -1001234567890.")] = "",
    config: ConfigFolder = None,
    private: Annotated[bool, typer.Option("--private", help="What holds in private chats.")] = False,
    channel: Annotated[bool, typer.Option("--channel", help="What holds in channels.")] = False,
    state: StateFolder = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Print the effective value of every key, and where it comes from.

    Without a group: what holds by default.
    What a group's administrators set in the chat comes from "chat settings"; it is in the bot's state.

    Examples:
      lazaretto policy show
      lazaretto policy show -1001234567890
      lazaretto policy show --private --json | jq .key,.value
    """
    if bool(group) + private + channel > 1:
        fail("a group, --private and --channel each name a place", "give one of them")
    name = group_id(group) if group else ""
    place, files = Place("telegram", name, private=private, channel=channel), configuration(config)
    rows = chat_policies(files, state).explain(place) if group else files.explain(place)
    if json:
        for row in rows:
            print_json({"key": row.key, "value": row.value, "origin": row.origin})
        return
    shown = table("key", "value", "comes from")
    for row in rows:
        shown.add_row(f"[bold]{escape(row.key)}[/]", escape(row.value), f"[dim]{escape(row.origin)}[/]")
    out.print(shown)


@policy.command(context_settings={"ignore_unknown_options": True})
def export(
    group: Annotated[str, typer.Argument(help="The group's id, such as -1001234567890.")],
    config: ConfigFolder = None,
    state: StateFolder = None,
) -> None:
    """Print what a group has of its own, in its file and set in the chat, as its file would have it.

    What is exported holds as well where nothing is set in the chat. What comes from the defaults is left out.

    Example:
      lazaretto policy export -1001234567890 > config/groups/-1001234567890.toml
    """
    place = Place("telegram", group_id(group))
    typer.echo(chat_policies(configuration(config), state).export(place), nl=False)


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
