"""`lazaretto quarantine`: the cases, from the terminal. Changes are asked of the running bot."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from lazaretto.cli.output import JSON, fail, finding_line, out, print_json, reason_row, report_row, table
from lazaretto.cli.policies import ConfigFolder
from lazaretto.cli.states import StateFolder, ask_bot, state_folder, with_store
from lazaretto.intents import CONFIRM, PURGE, RELEASE
from lazaretto.model import Case, CaseState, Part, Person, Report
from lazaretto.text import shown

__all__ = ["quarantine"]

quarantine = typer.Typer(
    help="List, show and decide cases.\n\nExit status of release, confirm and purge: 0 done, 1 refused, 2 no state, "
    "3 written down, but no bot runs that would do it yet.",
    no_args_is_help=True,
    add_completion=False,
)

_Case = Annotated[int, typer.Argument(help="The case's number.", min=1)]


@quarantine.command(name="list")
def list_cases(
    config: ConfigFolder = None,
    state: StateFolder = None,
    everything: Annotated[bool, typer.Option("--all", help="Closed cases too.")] = False,
    group: Annotated[str | None, typer.Option(help="Only this group's.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    json: Annotated[bool, JSON] = False,
) -> None:
    """List cases that wait for a decision, newest first."""
    states = [] if everything else [CaseState.OPEN, CaseState.RELEASE_PENDING, CaseState.APPEALED]
    cases = with_store(state_folder(state, config), lambda store: store.cases(states=states, chat=group, limit=limit))
    if json:
        for case in cases:
            print_json(_row(case))
        return
    found = table("case", "state", "opened", "file, and why", "group, and from whom")
    found.columns[3].min_width = 28  # the rules' ids fit, and can be copied
    for case in cases:
        name = _file_name(case.attachment.parts[0].claim.name) if case.attachment.parts else ""
        found.add_row(
            str(case.id),
            f"{case.state}\n[dim]{case.action}[/]",
            f"{case.opened_at:%Y-%m-%d}\n[dim]{case.opened_at:%H:%M} UTC[/]",
            f"{escape(name) or '(no name)'}\n[dim]{case.reasons[0].rule if case.reasons else ''}[/]",
            f"{escape(shown(case.attachment.place.chat, 30))}\n[dim]{escape(_name(case.attachment.sender))}[/]",
        )
    out.print(found if cases else "No case waits for a decision." if not everything else "There is no case.")


@quarantine.command()
def show(
    case: _Case, config: ConfigFolder = None, state: StateFolder = None, json: Annotated[bool, JSON] = False
) -> None:
    """Show one case: claims, reports, findings, who and where."""
    found = _existing(state_folder(state, config), case)
    if json:
        print_json(_row(found))
        return
    place, sender = shown(found.attachment.place.chat, 40), _name(found.attachment.sender)
    out.print(
        f"[bold]case {found.id}[/] · {found.state} · {found.action} · opened {found.opened_at:%Y-%m-%d %H:%M:%S} UTC"
    )
    out.print(f"from {escape(sender)} in {escape(place)}")
    for part, report in zip(found.attachment.parts, found.reports, strict=False):
        _show_part(part, report)


def _show_part(part: Part, report: Report) -> None:
    name, declared = shown(part.claim.name, 500) or "(no name)", shown(part.claim.media_type) or "no type"
    out.print(f"claims to be {escape(name)}, {escape(declared)}", soft_wrap=True)
    size = "of unknown size" if report.size is None else f"{report.size:,} bytes"
    digest = f", SHA-256 {report.sha256}" if report.sha256 else ""
    out.print(f"is {report.media_type or 'of no known type'}, {size}{digest}", soft_wrap=True)
    for finding in report.findings:
        out.print(f"  {finding_line(finding)}", soft_wrap=True)
    for gap in report.coverage:
        where = f"{shown(gap.where)}: " if gap.where else ""
        out.print(f"  [dim]not looked at: {escape(where)}{escape(shown(gap.why, 200))}[/]", soft_wrap=True)


@quarantine.command()
def release(
    case: _Case, config: ConfigFolder = None, state: StateFolder = None, json: Annotated[bool, JSON] = False
) -> None:
    """Put a case's attachment back into its group, and let the same file pass there from now on."""
    folder = state_folder(state, config)
    _existing(folder, case)
    ask_bot(folder, RELEASE, {"case": case}, json=json)


@quarantine.command()
def confirm(
    case: _Case, config: ConfigFolder = None, state: StateFolder = None, json: Annotated[bool, JSON] = False
) -> None:
    """Confirm a case as bad: the same file is blocked in its group from now on."""
    folder = state_folder(state, config)
    _existing(folder, case)
    ask_bot(folder, CONFIRM, {"case": case}, json=json)


@quarantine.command()
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
        fail(f"there is no case {number}", "see them with: lazaretto quarantine list --all", code=1)
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
