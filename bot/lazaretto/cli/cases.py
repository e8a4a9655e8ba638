"""`lazaretto cases`, also called `lazaretto quarantine`: the cases, from the terminal. Changes are asked of the bot."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from lazaretto.audit import AuditedStore
from lazaretto.audit.history import History, Wanted
from lazaretto.cli.bytes import Bytes
from lazaretto.cli.filters import Group, rules_beginning
from lazaretto.cli.output import JSON, fail, finding_line, out, print_json, reason_row, report_row, table
from lazaretto.cli.policies import ConfigFolder
from lazaretto.cli.states import StateFolder, ask_bot, state_folder, with_store
from lazaretto.cli.times import moment
from lazaretto.intents import CONFIRM, PURGE, RELEASE
from lazaretto.model import Case, CaseState, Part, Person, Report
from lazaretto.text import shown

__all__ = ["cases", "quarantine"]

_STATUS = (
    "Exit status of release, confirm and purge: 0 done, 1 refused, 2 no state, "
    "3 written down, but no bot runs that would do it yet."
)
cases = typer.Typer(help=f"List, show and decide cases.\n\n{_STATUS}", no_args_is_help=True, add_completion=False)
quarantine = typer.Typer(
    help=f"Another name of lazaretto cases.\n\n{_STATUS}", no_args_is_help=True, add_completion=False
)
quarantine.registered_commands = cases.registered_commands  # one list: what is added to one is in both

_WAITING = (CaseState.OPEN, CaseState.RELEASE_PENDING, CaseState.APPEALED)
_PAGE = 200
_PLATFORM = "telegram"  # where a group or a sender is named without one

_Case = Annotated[int, typer.Argument(help="The case's number.", min=1)]


@cases.command(name="list")
def list_cases(
    config: ConfigFolder = None,
    state: StateFolder = None,
    everything: Annotated[bool, typer.Option("--all", help="Closed cases too.")] = False,
    in_state: Annotated[
        list[CaseState] | None, typer.Option("--case-state", help="Only these; may be repeated.")
    ] = None,
    group: Group = None,
    member: Annotated[str | None, typer.Option(help="Only this sender's: a user id, or @name.")] = None,
    rule: Annotated[
        str,
        typer.Option(help="Only those decided by this rule: an id or a glob (pdf.*).", autocompletion=rules_beginning),
    ] = "",
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="Opened since: 12h, 7d (ago), or a date.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    json: Annotated[bool, JSON] = False,
) -> None:
    """List cases that wait for a decision, newest first."""
    states = tuple(in_state) if in_state else () if everything else _WAITING
    begin = moment(since, "--since")

    platform, _, chat = (group or "").rpartition(":")
    wanted = Wanted(
        platform=platform or _PLATFORM, chats=[chat] if group else None, states=states, member=member, rule=rule
    )

    async def find(store: AuditedStore) -> list[Case]:
        return await _opened_since(History(store), wanted, begin, limit)

    found = with_store(state_folder(state, config), find)
    if json:
        for case in found:
            print_json(_row(case))
        return
    waiting = states == _WAITING
    out.print(_table_of(found) if found else "No case waits for a decision." if waiting else "There is no case.")


async def _opened_since(history: History, wanted: Wanted, begin: datetime | None, limit: int) -> list[Case]:
    """The newest, in pages. Numbers rise with the time at which cases are opened: one that is older ends the search."""
    found: list[Case] = []
    page = await history.listing(wanted, limit=min(limit, _PAGE))
    while True:
        recent = [case for case in page.cases if begin is None or case.opened_at >= begin]
        found += recent
        if len(found) >= limit or len(recent) < len(page.cases) or not page.older:
            return found[:limit]
        page = await history.listing(wanted, before=page.cases[-1].id, limit=_PAGE)


def _table_of(found: Sequence[Case]) -> Table:
    made = table("case", "state", "opened", "file, and why", "group, and from whom")
    made.columns[3].min_width = 28  # the rules' ids fit, and can be copied
    for case in found:
        name = _file_name(case.attachment.parts[0].claim.name) if case.attachment.parts else ""
        made.add_row(
            str(case.id),
            f"{case.state}\n[dim]{case.action}[/]",
            f"{case.opened_at:%Y-%m-%d}\n[dim]{case.opened_at:%H:%M} UTC[/]",
            f"{escape(name) or '(no name)'}\n[dim]{case.reasons[0].rule if case.reasons else ''}[/]",
            f"{escape(shown(case.attachment.place.chat, 30))}\n[dim]{escape(_name(case.attachment.sender))}[/]",
        )
    return made


@cases.command()
def show(
    case: _Case, config: ConfigFolder = None, state: StateFolder = None, json: Annotated[bool, JSON] = False
) -> None:
    """Show one case: claims, reports, findings with the bytes around them, who and where."""
    folder = state_folder(state, config)
    found = _existing(folder, case)
    if json:
        print_json(_row(found))
        return
    place, sender = shown(found.attachment.place.chat, 40), _name(found.attachment.sender)
    out.print(
        f"[bold]case {found.id}[/] · {found.state} · {found.action} · opened {found.opened_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    out.print(f"from {escape(sender)} in {escape(place)}")
    if found.closed_by:
        out.print(f"decided by {escape(shown(found.closed_by, 60))}")
    items = {sealed.part: sealed.item for sealed in found.sealed}
    for part, report in zip(found.attachment.parts, found.reports, strict=False):
        _show_part(part, report, Bytes(folder, items.get(part.index)))
    out.print(f"[dim]what happened: lazaretto audit show --case {found.id}[/]")


def _show_part(part: Part, report: Report, held: Bytes) -> None:
    name, declared = shown(part.claim.name, 500) or "(no name)", shown(part.claim.media_type) or "no type"
    out.print(f"claims to be {escape(name)}, {escape(declared)}", soft_wrap=True)
    size = "of unknown size" if report.size is None else f"{report.size:,} bytes"
    digest = f", SHA-256 {report.sha256}" if report.sha256 else ""
    out.print(f"is {report.media_type or 'of no known type'}, {size}{digest}", soft_wrap=True)
    for finding in report.findings:
        out.print(f"  {finding_line(finding)}", soft_wrap=True)
        for line in held.around(finding):
            out.print(f"    [dim]{escape(line)}[/]", soft_wrap=True)
    for gap in report.coverage:
        where = f"{shown(gap.where)}: " if gap.where else ""
        out.print(f"  [dim]not looked at: {escape(where)}{escape(shown(gap.why, 200))}[/]", soft_wrap=True)
    if held.why_not:
        out.print(f"  [dim]bytes are not shown: {escape(shown(held.why_not, 300))}[/]", soft_wrap=True)


@cases.command()
def release(
    case: _Case, config: ConfigFolder = None, state: StateFolder = None, json: Annotated[bool, JSON] = False
) -> None:
    """Put a case's attachment back into its group, and let the same file pass there from now on."""
    folder = state_folder(state, config)
    _existing(folder, case)
    ask_bot(folder, RELEASE, {"case": case}, json=json)


@cases.command()
def confirm(
    case: _Case, config: ConfigFolder = None, state: StateFolder = None, json: Annotated[bool, JSON] = False
) -> None:
    """Confirm a case as bad: the same file is blocked in its group from now on."""
    folder = state_folder(state, config)
    _existing(folder, case)
    ask_bot(folder, CONFIRM, {"case": case}, json=json)


@cases.command()
def purge(
    case: _Case,
    config: ConfigFolder = None,
    state: StateFolder = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Delete a case's quarantined files for good. What was decided stays in the audit log."""
    folder = state_folder(state, config)
    _existing(folder, case)
    if not yes and not typer.confirm(f"Delete the files of case {case} for good?", err=True):
        raise typer.Exit(1)
    ask_bot(folder, PURGE, {"case": case}, json=json)


def _existing(folder: Path, number: int) -> Case:
    """The case. Ends the program where there is none: nobody should wait for the bot to say so."""
    found = with_store(folder, lambda store: store.case(number))
    if found is None:
        fail(f"there is no case {number}", "see them with: lazaretto cases list --all", code=1)
    return found


def _file_name(name: str | None) -> str:
    """A name in at most 40 characters with its beginning and its end, since the extension is what matters."""
    whole = shown(name, 4000)
    return whole if len(whole) <= 40 else f"{whole[:27]}…{whole[-12:]}"


def _name(person: Person) -> str:
    return shown(person.name, 40) or "erased"


def _row(case: Case) -> dict[str, Any]:
    attachment = case.attachment
    return {
        "case": case.id,
        "state": case.state.value,
        "action": case.action.value,
        "opened_at": case.opened_at.isoformat(),
        "removed_at": case.removed_at.isoformat() if case.removed_at else None,
        "platform": attachment.place.platform,
        "chat": attachment.place.chat,
        "message": attachment.message,
        "attachment": attachment.id,
        "sender": {"id": attachment.sender.id, "name": attachment.sender.name},
        "reasons": [reason_row(reason) for reason in case.reasons],
        "parts": [
            {"name": part.claim.name, "declared": part.claim.media_type, "kind": part.claim.kind, **report_row(report)}
            for part, report in zip(attachment.parts, case.reports, strict=False)
        ],
        "vault": [sealed.item for sealed in case.sealed],
    }
