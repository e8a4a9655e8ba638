"""`lazaretto scan`: screen files on disk and say what a group's policy would do about each."""

from __future__ import annotations

import asyncio
import os
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn

from lazaretto.cli.inputs import STDIN, Unreadable, files_in, standard_input
from lazaretto.cli.output import JSON, errors, fail, finding_line, out, print_json, reason_row, report_row
from lazaretto.cli.policies import ConfigFolder, Group, Preset, chosen_policy, chosen_settings
from lazaretto.cli.screeners import (
    DEFAULT_JOBS,
    LARGEST,
    Jobs,
    complain_of,
    decided,
    in_order,
    sandboxed,
    unprotected,
)
from lazaretto.model import Action, Claim, Decision, Report
from lazaretto.policy import Policy
from lazaretto.ports import Screener
from lazaretto.rules import all_rules
from lazaretto.text import shown
from lazaretto_validators import Category

__all__ = ["scan"]

_SHOWN_FINDINGS = 8
_STYLES = {Action.FORWARD: "green", Action.FLAG: "yellow", Action.QUARANTINE: "red", Action.REJECT: "bold red"}


@dataclass(frozen=True, slots=True)
class _Scanned:
    path: str
    report: Report
    decision: Decision
    elapsed_ms: float

    @property
    def unscannable(self) -> bool:
        rules = all_rules()
        return any(rules[finding.rule].category is Category.UNSCANNABLE for finding in self.report.findings)


@dataclass(slots=True)
class _Tally:
    """All that is kept of the results that were shown: a folder may hold any number of files."""

    actions: dict[Action, int] = field(default_factory=lambda: dict.fromkeys(Action, 0))
    unscannable: int = 0
    unreadable: int = 0

    def count(self, result: _Scanned | Unreadable) -> None:
        if isinstance(result, Unreadable):
            self.unreadable += 1
            return
        self.actions[result.decision.action] += 1
        self.unscannable += result.unscannable

    @property
    def screened(self) -> int:
        return sum(self.actions.values())

    @property
    def exit_status(self) -> int:
        if self.unreadable:
            return 2
        if self.screened > self.actions[Action.FORWARD]:
            return 1
        return 3 if self.unscannable else 0


def scan(
    paths: Annotated[
        list[str], typer.Argument(help="Files, folders (recursed), or - for standard input.", metavar="PATH...")
    ],
    json: Annotated[bool, JSON] = False,
    preset: Preset = None,
    config: ConfigFolder = None,
    group: Group = None,
    name: Annotated[str | None, typer.Option(help="Judge the file under this name instead of its own.")] = None,
    mime: Annotated[str | None, typer.Option(help="The MIME type that the sender declared.")] = None,
    jobs: Jobs = DEFAULT_JOBS,
    no_sandbox: Annotated[
        bool, typer.Option("--no-sandbox", help="Parse in this process, to debug a validator. Never on others' files.")
    ] = False,
) -> None:
    """Screen files with the rules and the policy that the bot would use. Nothing is moved or changed.

    A file's own name is its claim, as if it had been posted under it.
    Results come in the order of the input, one after the other.
    Each file is parsed in a locked-down process of its own.

    Examples:
      lazaretto scan suspect.docx
      lazaretto scan --preset strict --json ~/Downloads | jq .decision
      lazaretto scan --name x.png --mime image/png - < upload.bin
      lazaretto scan --config config --group=-1001234567890 inbox/

    Exit status:
      2  wrong usage, or any input that could not be read; else
      1  any decision but forward; else
      3  any file that could not be looked at in full; else
      0
    """
    if paths.count(STDIN) > 1:
        fail("standard input (-) is named more than once", "name it once: it can be read only once")
    policy = chosen_policy(preset, config, group)
    largest = min(policy.max_size, LARGEST) if group or (config and not preset) else LARGEST
    judge = _Judge(policy, name, mime, 1 if no_sandbox else jobs)
    screener = unprotected(largest) if no_sandbox else sandboxed(jobs, largest, chosen_settings(config, group))
    tally = asyncio.run(_scan(paths, judge, screener, json))
    if not json:
        _summary(tally)
    raise typer.Exit(tally.exit_status)


async def _scan(paths: list[str], judge: _Judge, opening: AbstractAsyncContextManager[Screener], json: bool) -> _Tally:
    tally = _Tally()
    # On a terminal the results are progress enough. Rich's own redirection would send them to standard error.
    spinner = SpinnerColumn(), TextColumn("{task.description}")
    quiet = out.is_terminal or not errors.is_terminal
    progress = Progress(*spinner, console=errors, transient=True, disable=quiet, redirect_stdout=False)
    task = progress.add_task("looking for files")

    def show(result: _Scanned | Unreadable) -> None:
        tally.count(result)
        _show(result, json)
        progress.update(task, description=f"{tally.screened} screened, {escape(shown(result.path, 60))}")

    async with opening as screener:
        with progress:
            await in_order(files_in(paths), partial(judge.one, screener), show, judge.jobs)
    return tally


@dataclass(frozen=True, slots=True)
class _Judge:
    """How files are judged, and how many at once."""

    policy: Policy
    name: str | None
    mime: str | None
    jobs: int

    async def one(self, screener: Screener, path: str | Unreadable) -> _Scanned | Unreadable:
        if isinstance(path, Unreadable):
            return path
        own_name = None if path == STDIN else Path(path).name
        claim = Claim(name=self.name or own_name, media_type=self.mime, kind="document")
        began = monotonic()
        try:
            report = await (_stdin(screener, claim) if path == STDIN else screener.screen_file(Path(path), claim))
        except OSError as error:
            return Unreadable.because(path, error)
        elapsed = monotonic() - began
        return _Scanned(path, report, decided(claim, report, self.policy), 1000 * elapsed)


async def _stdin(screener: Screener, claim: Claim) -> Report:
    async with screener.open(claim) as job:
        async for chunk in standard_input():
            try:
                await job.feed(chunk)
            except OSError as error:
                why = f"cannot be kept while it is looked at ({error.strerror}): make room in the folder for temporary"
                raise OSError(error.errno, f"{why} files, or name another in TMPDIR") from error
        return await job.finish()


def _show(result: _Scanned | Unreadable, json: bool) -> None:
    if isinstance(result, Unreadable):
        complain_of(result)
    elif json:
        print_json(_row(result))
    else:
        _show_plain(result)


def _row(result: _Scanned) -> dict[str, Any]:
    return {
        # Names are bytes. Those that are not UTF-8 are shown with escapes, since many JSON readers take no others.
        "path": os.fsencode(result.path).decode("utf-8", "backslashreplace"),
        **report_row(result.report),
        "decision": result.decision.action.value,
        "reasons": [reason_row(reason) for reason in result.decision.reasons],
        "elapsed_ms": round(result.elapsed_ms, 2),
    }


def _show_plain(result: _Scanned) -> None:
    action, report = result.decision.action, result.report
    path, kind = escape(shown(result.path, 300)), report.media_type or "unknown type"
    out.print(f"[{_STYLES[action]}]{action.value:<10}[/] {path}  [dim]{kind}[/]", soft_wrap=True)
    for finding in report.findings[:_SHOWN_FINDINGS]:
        out.print(f"           {finding_line(finding)}", soft_wrap=True)
    if report.total > _SHOWN_FINDINGS:
        out.print(f"           … {report.total - _SHOWN_FINDINGS} more findings, see --json")


def _summary(tally: _Tally) -> None:
    counts = [f"{count} {action.value}" for action, count in tally.actions.items()]
    counts += [f"{tally.unscannable} not looked at in full"] if tally.unscannable else []
    counts += [f"{tally.unreadable} unreadable"] if tally.unreadable else []
    out.print(f"[bold]{tally.screened} screened:[/] {', '.join(counts)}", soft_wrap=True)
