"""`lazaretto audit`: read the log, and prove that nobody has rewritten it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from lazaretto.audit import (
    AuditedStore,
    Covered,
    Event,
    Head,
    Verdict,
    covered,
    export,
    records,
    verify_database,
    verify_file,
)
from lazaretto.cli.output import JSON, errors, fail, out, print_json, quiet_when_closed, table
from lazaretto.cli.policies import ConfigFolder
from lazaretto.cli.states import StateFolder, ask_bot, reading_state, state_folder, with_store
from lazaretto.intents import ERASE
from lazaretto.text import shown

__all__ = ["audit"]

audit = typer.Typer(help="Read the audit log and verify it.", no_args_is_help=True, add_completion=False)

_POLL = 0.5  # seconds between looks at a log that is followed


@audit.command()
def tail(
    config: ConfigFolder = None,
    state: StateFolder = None,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="How many of the newest.")] = 20,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as records come, until Ctrl-C.")] = False,
    event: Annotated[list[Event] | None, typer.Option(help="Only events of this kind; may be repeated.")] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Print the newest records."""
    events = event or []

    async def read(store: AuditedStore) -> None:
        found = await _records(store, last=lines, events=events)
        _print(found, json)
        while follow:
            await asyncio.sleep(_POLL)
            newer = await _records(store, after=found[-1]["seq"] if found else 0, events=events)
            _print(newer, json)
            found = newer or found

    try:
        with_store(state_folder(state, config), read)
    except KeyboardInterrupt:
        raise typer.Exit(0 if follow else 130) from None  # with --follow it is the way to end


@audit.command()
def show(
    case: Annotated[int | None, typer.Option(help="All records of this case's attachment.")] = None,
    attachment: Annotated[str | None, typer.Option(help="All records of this attachment.")] = None,
    config: ConfigFolder = None,
    state: StateFolder = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Print everything that happened to one attachment, from arrival to release."""
    if (case is None) == (attachment is None):
        fail("name what to show", "lazaretto audit show --case NUMBER, or --attachment ID")
    folder, wanted = state_folder(state, config), attachment

    async def read(store: AuditedStore) -> tuple[bool, list[dict[str, Any]]]:
        found = await store.case(case) if case is not None else None
        name = found.attachment.id if found else wanted
        if name is None:
            return False, []
        return await store.attachment(name) is not None, await _records(store, attachment=name)

    known, records_found = with_store(folder, read)
    if not records_found:
        what = f"case {case}" if case is not None else f"attachment {attachment}"
        if known:
            fail(f"the records of {what} were purged", "see when with: lazaretto audit tail --event purged", code=1)
        fail(f"there is no {what}", "see what there is with: lazaretto quarantine list --all", code=1)
    _print(records_found, json)


@audit.command()
def verify(
    config: ConfigFolder = None,
    state: StateFolder = None,
    file: Annotated[Path | None, typer.Option(help="Verify an exported log instead of the state's.")] = None,
    expect: Annotated[
        str | None, typer.Option(metavar="SEQ:HASH", help="A head noted earlier: finds a cut tail and a rewritten log.")
    ] = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Check every record against the one before it, without any secret.

    Exit status 1 where the log is broken, naming the first wrong record;
    2 where it could not be read.

    A cut tail, or a log that was rewritten from some record on, is whole in
    itself. A head noted earlier (lazaretto audit head, or any card) finds both.

    Examples:
      lazaretto audit verify
      lazaretto audit verify --expect "$(cat head-of-last-week)"
      lazaretto audit export > log.jsonl; lazaretto audit verify --file log.jsonl
    """
    try:
        head = Head.parse(expect) if expect else None
    except ValueError as error:
        fail(f"--expect: {error}", "copy it whole, as lazaretto audit head printed it: SEQ:HASH")
    if file is None:
        folder = state_folder(state, config)
        verdict = reading_state(folder, lambda: verify_database(folder, head))
    else:
        try:
            verdict = asyncio.run(verify_file(file, head))
        except OSError as error:
            fail(f"{file} cannot be read: {error.strerror}", "make it with: lazaretto audit export > FILE")
    _print_verdict(verdict, json)
    raise typer.Exit(1 if verdict.fault else 0)


def _print_verdict(verdict: Verdict, json: bool) -> None:
    fault = verdict.fault
    if json:
        wrong = None if fault is None else {"seq": fault.seq, "kind": fault.kind.value, "problem": fault.what}
        print_json(
            {
                "ok": fault is None,
                "records": verdict.records,
                "purged": verdict.purged,
                "head": str(verdict.head),
                "fault": wrong,
            }
        )
    elif fault is None:
        purged = f", {verdict.purged} of them purged" if verdict.purged else ""
        out.print(f"[green]Whole:[/] {verdict.records} records{purged}, head {verdict.head}", soft_wrap=True)
    else:
        errors.print(f"[bold red]Broken[/] at record {fault.seq}: {escape(fault.what)}", soft_wrap=True)
        errors.print("[bold]do:[/] keep a copy of the state folder, and find out who wrote to it", soft_wrap=True)


@audit.command()
def head(config: ConfigFolder = None, state: StateFolder = None, json: Annotated[bool, JSON] = False) -> None:
    """Print SEQ:HASH of the newest record.

    Noted elsewhere, it lets audit verify --expect find a cut or rewritten log.
    """
    newest = with_store(state_folder(state, config), AuditedStore.head)
    if json:
        print_json({"head": newest})
    else:
        out.print(newest, soft_wrap=True)


@audit.command()
def coverage(config: ConfigFolder = None, state: StateFolder = None, json: Annotated[bool, JSON] = False) -> None:
    """Add up what was done with every update that carried a file, and check it.

    Each of them has one outcome. Those screened have a record of their own in
    the log, and the two counts are held against each other.
    Exit status 1 where more was counted as screened than was received.
    """

    async def read(store: AuditedStore) -> Covered:
        return await store.state.read(covered)

    found = with_store(state_folder(state, config), read)
    if json:
        print_json({"updates": found.updates, "received": found.received, "uncounted": found.uncounted})
    else:
        counts = table("OUTCOME", "UPDATES")
        for outcome, count in found.updates.items():
            counts.add_row(escape(shown(outcome, 60)), f"{count:,}")
        out.print(counts)
        received = "attachments were received, each" if found.received != 1 else "attachment was received,"
        out.print(f"{found.received:,} {received} with a record of its own.", soft_wrap=True)
        if found.uncounted > 0:
            why = "the running bot writes its counts down once a minute, and a crash loses the last ones"
            are = "are" if found.uncounted != 1 else "is"
            out.print(f"{found.uncounted:,} of them {are} not counted above: {why}.", soft_wrap=True)
    if found.uncounted < 0:
        fail(
            f"{-found.uncounted:,} more were counted as screened than were received",
            "verify the log: lazaretto audit verify",
            code=1,
        )


@audit.command(name="export")
def export_log(
    config: ConfigFolder = None,
    state: StateFolder = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="With names, captions and user ids, as far as kept.")
    ] = False,
) -> None:
    """Write the log to standard output as JSON Lines, which `audit verify --file` checks.

    Of a purged record its tombstone is written.
    """

    async def write(store: AuditedStore) -> None:
        with quiet_when_closed():
            await store.state.read(
                lambda connection: sys.stdout.buffer.writelines(export(connection, personal=personal))
            )
            sys.stdout.buffer.flush()

    try:
        with_store(state_folder(state, config), write)
    except OSError as error:
        fail(f"the log could not be written in full: {error.strerror}", "make room, and export it again")


@audit.command()
def erase(
    user: Annotated[str, typer.Argument(help="The person's user id on the platform.")],
    config: ConfigFolder = None,
    state: StateFolder = None,
    platform: Annotated[str, typer.Option(help="Where the id is from.")] = "telegram",
    json: Annotated[bool, JSON] = False,
) -> None:
    """Forget a person: names, captions, files. The log stays whole, since it holds only digests of them."""
    folder = state_folder(state, config)
    subject = with_store(folder, lambda store: store.subject_of(platform, user))
    if subject is None:
        fail(f"nobody with the id {user} is known", "ids are on the platform's profile, not the @name", code=1)
    ask_bot(folder, ERASE, {"subject": subject}, json=json)


async def _records(store: AuditedStore, **which: Any) -> list[dict[str, Any]]:
    return await store.state.read(lambda connection: records(connection, **which))


def _print(found: Sequence[dict[str, Any]], json: bool) -> None:
    for record in found:
        if json:
            print_json(record)
            continue
        about = " ".join(f"{key}={record[key]}" for key in ("chat", "case", "attachment", "subject") if record[key])
        rules = f" [yellow]{escape(', '.join(record['rules']))}[/]" if record["rules"] else ""
        data = " ".join(f"{key}={shown(str(value), 60)}" for key, value in record["data"].items())
        out.print(
            f"[dim]{record['seq']:>6} {record['time']}[/] [bold]{record['event']:<15}[/]{rules} "
            f"{escape(about)} [dim]{escape(data)}[/]",
            soft_wrap=True,
        )
