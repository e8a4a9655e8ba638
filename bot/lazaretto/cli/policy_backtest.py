"""`lazaretto policy test`: what another policy would have done with what was posted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn

from lazaretto.audit import AuditedStore, Settings
from lazaretto.audit.chats import Chats
from lazaretto.backtest import Change, Comparison, Unjudged, backtest
from lazaretto.chat_policies import ChatPolicies
from lazaretto.cli.output import JSON, errors, fail, out, print_json, table
from lazaretto.cli.policies import ConfigFolder, configuration, group_id
from lazaretto.cli.states import StateFolder, state_folder, with_store
from lazaretto.cli.times import moment
from lazaretto.config import ConfigError, Configuration
from lazaretto.model import Place
from lazaretto.policy import Policy
from lazaretto.state.recorded import is_channel
from lazaretto.text import shown

__all__ = ["backtested"]

_PLATFORM = "telegram"
_LEFT_OUT = MappingProxyType(
    {
        Unjudged.ERASED: "because what is needed for it was purged or erased",
        Unjudged.UNDECIDED: "because nothing was decided about them on the day either",
        Unjudged.PRECEDENT: "because a moderator's earlier decision about the same file was followed",
        Unjudged.UNSEEN: "because the file was not looked at, or not to its end, by the policy of the day",
    }
)


def backtested(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A policy as in config/groups/ID.toml.", show_default=False)
    ] = None,
    group: Annotated[str, typer.Option(help="The group or channel whose records are decided anew.")] = "",
    since: Annotated[str, typer.Option(help="How far back: 12h, 30d, 2w, or a date.")] = "30d",
    config: ConfigFolder = None,
    state: StateFolder = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Decide anew what was posted in a group, by another policy.

    FILE stands in the place of the group's own file; what administrators set in the chat holds on top of it.
    It is compared with the policy in force, or without FILE that policy with what was decided on the day.
    Nothing is changed, and no file is looked at again: recorded reports are judged as guard mode would.

    Examples:
      lazaretto policy test stricter.toml --group -1001234567890
      lazaretto policy test --group -1001234567890 --since 2w --json | jq .held.count

    Exit status:
      2  wrong usage, configuration, FILE or state; else
      1  nothing was recorded that could be judged; else
      0  whatever the answer is
    """
    if not group:
        fail("--group is missing", "name the group whose records are to be judged, such as --group -1001234567890")
    chat, loaded = group_id(group), configuration(config)
    start = moment(since, "--since") or datetime.now(UTC)
    with _progress() as told:

        async def work(store: AuditedStore) -> Comparison:
            moved = await Chats(store).moved(_PLATFORM)
            here = moved.get(chat, chat)
            channel = await store.state.read(lambda connection: is_channel(connection, _PLATFORM, here))
            place = Place(_PLATFORM, here, channel=channel)
            in_force = await _policy(loaded, store, place)
            if file is None:
                return await backtest(store, place, in_force, start, progress=told)
            tried = await _policy(loaded.trying(here, file), store, place)
            return await backtest(store, place, tried, start, against=in_force, progress=told)

        try:
            comparison = with_store(state_folder(state, config), work)
        except ConfigError as error:
            fail(str(error))
    if json:
        print_json(_row(chat, start, comparison))
    else:
        _show(comparison, chat, start, "the policy in force" if file else "what was decided")
    raise typer.Exit(0 if comparison.judged else 1)


async def _policy(configured: Configuration, store: AuditedStore, place: Place) -> Policy:
    """What would be in force under a configuration, by what the chat has set as well."""
    policies = ChatPolicies(configured)
    await policies.load(Settings(store), await Chats(store).moved(place.platform))
    return policies.policy_of(place)


@contextmanager
def _progress() -> Iterator[Any]:
    spinner = SpinnerColumn(), TextColumn("{task.description}")
    quiet = not errors.is_terminal
    with Progress(*spinner, console=errors, transient=True, disable=quiet, redirect_stdout=False) as progress:
        task = progress.add_task("reading")
        yield lambda looked: progress.update(task, description=f"{looked:,} looked at")


def _show(found: Comparison, chat: str, since: datetime, beside: str) -> None:
    period = f"since {since:%Y-%m-%d %H:%M} UTC"
    if found.first is not None and found.last is not None:
        period = f"{found.first:%Y-%m-%d} to {found.last:%Y-%m-%d}"
    out.print(f"{_counted(found.judged, 'attachment')} of {chat}, {period}, beside {beside}.", soft_wrap=True)
    if found.more:
        out.print("[yellow]note:[/] older ones in the period were left out: there are too many")
    if found.judged:
        _print_change(_held(found.held), found.held)
        _print_change(_let_go(found.let_go), found.let_go)
        _print_actions(found)
    for why, count in found.unjudged.items():
        out.print(f"[dim]{_counted(count, 'attachment')} left out, {_LEFT_OUT[why]}.[/]", soft_wrap=True)


def _held(change: Change) -> str:
    if not change.count:
        return "Would have held nothing more."
    return f"Would have held {change.count:,} more, {change.released:,} of which moderators released by hand."


def _let_go(change: Change) -> str:
    if not change.count:
        return "Would have let nothing more through."
    return f"Would have let {change.count:,} more through, {change.confirmed:,} of which moderators confirmed as bad."


def _print_change(sentence: str, change: Change) -> None:
    out.print(f"[bold]{sentence}[/]", soft_wrap=True)
    if change.rules:
        rules = ", ".join(f"{escape(shown(rule, 60))} {count:,}" for rule, count in change.rules)
        out.print(f"  for {rules}", soft_wrap=True)
    if change.cases:
        more = " and others" if len(change.cases) < change.count else ""
        out.print(f"  cases {', '.join(map(str, change.cases))}{more}", soft_wrap=True)


def _print_actions(found: Comparison) -> None:
    rows = table("before", "now", "attachments")
    for (old, new), count in sorted(found.actions.items(), key=lambda row: (row[0][0].rank, row[0][1].rank)):
        name = new.value if old is new else f"[bold]{new.value}[/]"
        rows.add_row(old.value, name, f"{count:,}")
    out.print(rows)


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _row(chat: str, since: datetime, found: Comparison) -> dict[str, Any]:
    return {
        "group": chat,
        "since": since.isoformat(),
        "first": None if found.first is None else found.first.isoformat(),
        "last": None if found.last is None else found.last.isoformat(),
        "more": found.more,
        "judged": found.judged,
        "changed": found.changed,
        "actions": [
            {"before": old.value, "now": new.value, "count": count} for (old, new), count in found.actions.items()
        ],
        "held": _change_row(found.held),
        "let_go": _change_row(found.let_go),
        "unjudged": {why.value: count for why, count in found.unjudged.items()},
    }


def _change_row(change: Change) -> dict[str, Any]:
    return {
        "count": change.count,
        "released": change.released,
        "confirmed": change.confirmed,
        "cases": list(change.cases),
        "rules": [{"rule": rule, "count": count} for rule, count in change.rules],
    }
