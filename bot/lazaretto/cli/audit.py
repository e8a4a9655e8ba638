"""`lazaretto audit`: read the log, and prove that nobody has rewritten it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from sqlalchemy import Connection

from lazaretto.audit import AuditedStore, Covered, Head, Verdict, covered, export, verify_database, verify_file
from lazaretto.audit import head as newest
from lazaretto.audit.export import CSV_HEAD, Form, csv_of, export_found
from lazaretto.audit.search import Query, search
from lazaretto.cli.filters import Decisions, Events, Group, Member, Rules, Since, Text, Until, query_of
from lazaretto.cli.output import JSON, errors, fail, out, print_json, quiet_when_closed, table
from lazaretto.cli.policies import ConfigFolder
from lazaretto.cli.records import as_table, print_records, print_story
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
    group: Group = None,
    member: Member = None,
    rule: Rules = None,
    decision: Decisions = None,
    event: Events = None,
    text: Text = None,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Print the newest records."""
    wanted = query_of(group=group, member=member, rules=rule, decisions=decision, events=event, text=text)

    async def read(store: AuditedStore) -> None:
        seen = await _print_newer(store, replace(wanted, limit=lines), json=json)
        while follow:
            await asyncio.sleep(_POLL)
            seen = await _print_newer(store, replace(wanted, after=seen), json=json)

    try:
        with_store(state_folder(state, config), read)
    except KeyboardInterrupt:
        raise typer.Exit(0 if follow else 130) from None  # with --follow it is the way to end


async def _print_newer(store: AuditedStore, wanted: Query, *, json: bool) -> int:
    """Print what is there and fits, oldest first. Answers the number up to which was looked."""

    def look(connection: Connection) -> tuple[int, list[dict[str, Any]]]:
        return newest(connection).seq, search(connection, wanted)

    upto, found = await store.state.read(look)
    print_records(found[::-1], json=json)
    return upto


@audit.command(name="search")
def search_log(
    words: Annotated[list[str] | None, typer.Argument(metavar="[WORDS]...", help="The same as --text.")] = None,
    config: ConfigFolder = None,
    state: StateFolder = None,
    since: Since = None,
    until: Until = None,
    group: Group = None,
    member: Member = None,
    rule: Rules = None,
    decision: Decisions = None,
    event: Events = None,
    case: Annotated[int | None, typer.Option(help="Only what concerns this case.")] = None,
    text: Text = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    csv: Annotated[bool, typer.Option("--csv", help="Lines of CSV instead of a table.")] = False,
    json: Annotated[bool, JSON] = False,
) -> None:
    """Find records, newest first. Everything that is given must hold.

    Words begin words of a record, or of the names, captions and file names of
    its attachment, as far as these are kept.

    Examples:
      lazaretto audit search --since 7d --decision quarantine
      lazaretto audit search --group=-1001234567890 --rule 'pdf.*' invoice
    """
    asked = " ".join([*(words or ()), text or ""])
    wanted = query_of(
        since=since,
        until=until,
        group=group,
        member=member,
        rules=rule,
        decisions=decision,
        events=event,
        text=asked,
        case=case,
        limit=limit,
    )
    if csv and json:
        fail("--csv and --json are two forms of the same", "name one of them")
    found = with_store(
        state_folder(state, config), lambda store: store.state.read(lambda connection: search(connection, wanted))
    )
    if json:
        print_records(found, json=True)
    elif csv:
        with quiet_when_closed():
            sys.stdout.buffer.writelines([CSV_HEAD, *map(csv_of, found)])
            sys.stdout.buffer.flush()
    else:
        out.print(as_table(found) if found else "No record fits.")
        if len(found) == limit:
            out.print(f"[dim]The newest {limit}; there may be more: --limit, or --until {found[-1]['time'][:19]}Z[/]")


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
        story = await store.state.read(lambda c: search(c, Query(attachment=name, limit=None)))
        return await store.attachment(name) is not None, story[::-1]

    known, records_found = with_store(folder, read)
    if not records_found:
        what = f"case {case}" if case is not None else f"attachment {attachment}"
        if known:
            fail(f"the records of {what} were purged", "see when with: lazaretto audit tail --event purged", code=1)
        fail(f"there is no {what}", "see what there is with: lazaretto cases list --all", code=1)
    if json:
        print_records(records_found, json=True)
    else:
        print_story(records_found)


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
    found = with_store(state_folder(state, config), AuditedStore.head)
    if json:
        print_json({"head": found})
    else:
        out.print(found, soft_wrap=True)


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
    form: Annotated[Form, typer.Option("--format", help="JSON Lines, CSV, or OCSF events.")] = Form.JSONL,
    since: Since = None,
    until: Until = None,
    group: Group = None,
    member: Member = None,
    rule: Rules = None,
    decision: Decisions = None,
    event: Events = None,
    text: Text = None,
    personal: Annotated[
        bool, typer.Option("--personal", help="With names, captions and user ids, as far as kept.")
    ] = False,
) -> None:
    """Write the log to standard output.

    As JSON Lines and without a filter, audit verify --file checks it. Of a
    purged record its tombstone is written then; other exports leave it out.
    """
    if personal and form is not Form.JSONL:
        fail("--personal goes with JSON Lines alone", "leave --format out, or --personal")
    wanted = query_of(
        since=since, until=until, group=group, member=member, rules=rule, decisions=decision, events=event, text=text
    )
    whole = form is Form.JSONL and wanted == Query(limit=None)

    def write(connection: Connection) -> None:
        lines = export(connection, personal=personal)
        if not whole:
            lines = export_found(connection, wanted, form, personal=personal)
        with quiet_when_closed():
            sys.stdout.buffer.writelines(lines)
            sys.stdout.buffer.flush()

    try:
        with_store(state_folder(state, config), lambda store: store.state.read(write))
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
