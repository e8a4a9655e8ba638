"""`lazaretto evaluate`: how many files of a labelled collection the rules get right, and which ones wrong."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from lazaretto.cli.inputs import Unreadable
from lazaretto.cli.output import complain, errors, fail, out, print_json, table
from lazaretto.cli.policies import Preset, chosen_policy, chosen_settings
from lazaretto.cli.screeners import LARGEST, decided, in_order, sandboxed
from lazaretto.evaluation.manifest import Entry, Label, ManifestError, read_manifest
from lazaretto.evaluation.tally import Counts, Evaluated, Gates, Tally, percent
from lazaretto.model import Claim
from lazaretto.policy import Policy
from lazaretto.ports import Screener
from lazaretto.text import shown

__all__ = ["evaluate"]

_SHOWN_MISTAKES = 40
_STEP = 10  # percent after which a log, where no bar can be drawn, gets a line


def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV list of the labelled files.", metavar="MANIFEST")],
    root: Annotated[
        Path | None, typer.Option(help="Folder that the paths are relative to. [default: the manifest's own]")
    ] = None,
    preset: Preset = None,
    jobs: Annotated[int, typer.Option(min=1, help="Files screened at once.")] = os.cpu_count() or 1,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
    max_blocked_benign: Annotated[
        float | None,
        typer.Option(min=0, max=100, metavar="PCT", help="Fail if more percent of the benign files are blocked."),
    ] = None,
    min_caught: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            metavar="PCT",
            help="Fail if fewer percent of the hostile and malformed files are blocked or flagged.",
        ),
    ] = None,
    require_class: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Fail if no file is of this class. Can be repeated.")
    ] = None,
) -> None:
    """Judge a labelled collection of files, and count what was got right.

    The manifest is a CSV file whose first line names its columns; others than these are ignored:
      path          of the file, relative to the manifest or to --root
      label         benign, hostile or malformed
      class         kind of a hostile file, such as polyglot; may be empty
      ext           the format that the file is counted under
      claimed_name  the name to judge it under, if not its own

    blocked is quarantine or reject, flagged is flag, caught is either.
    unscannable counts the files that could not be looked at in full, whatever became of them.
    Each file is parsed in a locked-down process of its own.

    Examples:
      lazaretto evaluate corpus/manifest.csv
      lazaretto evaluate list.csv --root /data --preset strict --json | jq .mistakes
      lazaretto evaluate list.csv --max-blocked-benign 0.5 --min-caught 90 --require-class polyglot

    Exit status:
      2  wrong usage, or any file that could not be read; else
      1  a crash, or anything asked for by --max-blocked-benign, --min-caught or --require-class was not reached; else
      0
    """
    entries = _read(manifest, root)
    policy = chosen_policy(preset, None, None)
    run = _Run(policy, len(entries))
    asyncio.run(run.through(entries, jobs))
    if json:
        print_json({**run.tally.as_json(run.seconds), "unreadable": len(run.unreadable)})
    else:
        _show(run)
    gates = Gates(max_blocked_benign, min_caught, require_class or ())
    missed = list(gates.missed(run.tally))
    for sentence in missed:
        complain(sentence)
    if run.tally.crashes:
        complain(f"{run.tally.crashes} files ended their worker or raised an exception", "see their rules: --json")
    raise typer.Exit(2 if run.unreadable else 1 if missed or run.tally.crashes else 0)


def _read(manifest: Path, root: Path | None) -> list[Entry]:
    if root is not None and not root.is_dir():
        fail(f"{root} is no folder", "--root names the folder that the paths of the manifest begin in")
    try:
        return read_manifest(manifest, root)
    except ManifestError as error:
        fail(str(error), error.remedy)
    except OSError as error:
        fail(f"{manifest} cannot be read: {error.strerror or error}", "check the name, and that you may read it")


@dataclass(slots=True)
class _Run:
    """One evaluation under way, and all that came of it."""

    policy: Policy
    files: int
    tally: Tally = field(default_factory=Tally)
    unreadable: list[Unreadable] = field(default_factory=list)
    seconds: float = 0.0

    async def through(self, entries: Iterable[Entry], jobs: int) -> None:
        began = monotonic()
        async with sandboxed(jobs, LARGEST, chosen_settings(None, None)) as screener:
            with _progress(self.files) as advance:

                def note(result: Evaluated | Unreadable) -> None:
                    self._take(result)
                    advance()

                await in_order(entries, partial(self._one, screener), note, jobs)
        self.seconds = monotonic() - began

    async def _one(self, screener: Screener, entry: Entry) -> Evaluated | Unreadable:
        claim = Claim(name=entry.name, kind="document")
        try:
            report = await screener.screen_file(entry.file, claim)
        except OSError as error:
            return Unreadable.because(entry.path, error)
        return Evaluated(entry, report, decided(claim, report, self.policy))

    def _take(self, result: Evaluated | Unreadable) -> None:
        if isinstance(result, Evaluated):
            self.tally.count(result)
            return
        self.unreadable.append(result)
        path, why = escape(shown(result.path, 300)), escape(shown(result.why, 300))
        errors.print(f"[bold red]unreadable:[/] {path}: {why}", soft_wrap=True)


@contextmanager
def _progress(files: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, elsewhere a line for every tenth of the way; both on standard error."""
    columns = (
        TextColumn("screening"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal, redirect_stdout=False)
    with bar:
        task = bar.add_task("", total=files)
        done, told = 0, 0

        def advance() -> None:
            nonlocal done, told
            done += 1
            bar.advance(task)
            if not errors.is_terminal and (share := 100 * done // files) >= told + _STEP:
                told = share - share % _STEP
                errors.print(f"{done} of {files} files screened", soft_wrap=True)

        yield advance


def _show(run: _Run) -> None:
    tally = run.tally
    out.print(_formats(tally))
    out.print()
    classes = table("class", "files", "blocked", "flagged", "unscannable", "caught")
    for (label, kind), counts in sorted(tally.by_class.items()):
        classes.add_row(*_class_row(f"{label} {kind}".strip(), counts))
    for label, counts in tally.by_label.items():
        classes.add_row(*_class_row(f"all {label}", counts), style="bold")
    out.print(classes)
    out.print()
    for mistake in tally.mistakes[:_SHOWN_MISTAKES]:
        out.print(_mistake_line(mistake), soft_wrap=True)
    if (more := len(tally.mistakes) - _SHOWN_MISTAKES) > 0:
        out.print(f"… {more} more mistakes, see --json")
    speed = f"{run.seconds:.1f} s, {tally.files / run.seconds:.0f} files/s" if run.seconds else ""
    out.print(f"[bold]{tally.files} files:[/] {len(tally.mistakes)} mistakes, {tally.crashes} crashes, {speed}")


def _formats(tally: Tally) -> Table:
    """A row for each format, with what was blocked and flagged of each label."""
    formats = table("format", *(f"{label}: blocked, flagged" for label in Label))
    for extension in sorted({extension for extension, _ in tally.by_format}):
        shares = (_shares(tally.by_format.get((extension, label))) for label in Label)
        formats.add_row(escape(shown(extension, 20)), *shares)
    return formats


def _shares(counts: Counts | None) -> str:
    return f"{counts.blocked}, {counts.flagged} of {counts.total}" if counts else ""


def _class_row(name: str, counts: Counts) -> tuple[str, ...]:
    numbers = (counts.total, counts.blocked, counts.flagged, counts.unscannable)
    return (escape(shown(name, 60)), *map(str, numbers), f"{percent(counts.caught, counts.total):.1f} %")


def _mistake_line(mistake: Evaluated) -> str:
    entry, rules = mistake.entry, ", ".join(mistake.rules[:4])
    what = escape(shown(f"{entry.label} {entry.kind}".strip(), 60))
    path = escape(shown(entry.path, 300))
    return f"{mistake.decision.action.value:<10} {what:<24} {path}  [dim]{escape(rules)}[/]"
