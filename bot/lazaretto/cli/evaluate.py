"""`lazaretto evaluate`: how many files of a labelled collection the rules get right, and which ones wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
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
from lazaretto.cli.screeners import DEFAULT_JOBS, LARGEST, Jobs, complain_of, decided, in_order, sandboxed
from lazaretto.evaluation.manifest import Entry, Label, ManifestError, read_manifest
from lazaretto.evaluation.tally import Counts, Evaluated, Gates, Tally, percent
from lazaretto.model import Claim
from lazaretto.policy import Policy
from lazaretto.ports import Screener
from lazaretto.text import shown

__all__ = ["evaluate"]

_SHOWN_MISTAKES = 40
_STEP = 10  # percent after which a log, where no bar can be drawn, gets a line

Root = Annotated[Path | None, typer.Option(help="Folder that the paths are relative to. [default: the manifest's own]")]
MaxBlockedBenign = Annotated[
    float | None,
    typer.Option(min=0, max=100, metavar="PCT", help="Fail if more percent of the benign files are blocked."),
]
MinCaught = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=100,
        metavar="PCT",
        help="Fail if fewer percent of the hostile and malformed files are blocked or flagged.",
    ),
]
RequireClass = Annotated[
    list[str] | None, typer.Option(metavar="NAME", help="Fail if no file is of this class. Can be repeated.")
]


def evaluate(
    manifest: Annotated[Path, typer.Argument(help="CSV list of the labelled files.", metavar="MANIFEST")],
    root: Root = None,
    preset: Preset = None,
    jobs: Jobs = DEFAULT_JOBS,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
    max_blocked_benign: MaxBlockedBenign = None,
    min_caught: MinCaught = None,
    require_class: RequireClass = None,
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
    run = _Run(chosen_policy(preset, None, None))
    asyncio.run(run.through(entries, jobs))
    if json:
        print_json({**run.tally.as_json(run.seconds), "unreadable": run.unreadable})
    else:
        _show(run)
    missed = list(Gates(max_blocked_benign, min_caught, require_class or ()).missed(run.tally))
    for sentence in missed:
        complain(sentence)
    raise typer.Exit(2 if run.unreadable else 1 if missed else 0)


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
    tally: Tally = field(default_factory=Tally)
    unreadable: int = 0
    seconds: float = 0.0

    async def through(self, entries: Sequence[Entry], jobs: int) -> None:
        began = monotonic()
        async with sandboxed(jobs, LARGEST, chosen_settings(None, None)) as screener:
            with _progress(len(entries)) as advance:

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
        else:
            self.unreadable += 1
            complain_of(result)


@contextmanager
def _progress(files: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, elsewhere a line for every tenth of the way; both on standard error."""
    columns = (TextColumn("screening"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    quiet = not errors.is_terminal
    with Progress(*columns, console=errors, transient=True, disable=quiet, redirect_stdout=False) as bar:
        task = bar.add_task("", total=files)
        done = 0

        def advance() -> None:
            nonlocal done
            done += 1
            bar.advance(task)
            if quiet and 100 * done // files // _STEP > 100 * (done - 1) // files // _STEP:
                errors.print(f"{done} of {files} files screened", soft_wrap=True)

        yield advance


def _show(run: _Run) -> None:
    tally = run.tally
    for part in (_formats(tally), _classes(tally)):
        out.print(part)
        out.print()
    for mistake in tally.mistakes[:_SHOWN_MISTAKES]:
        out.print(_mistake_line(mistake), soft_wrap=True)
    if (more := len(tally.mistakes) - _SHOWN_MISTAKES) > 0:
        out.print(f"… {more} more mistakes, see --json")
    speed = f"{run.seconds:.1f} s, {tally.files / run.seconds:.0f} files/s" if run.seconds else ""
    out.print(f"[bold]{tally.files} files:[/] {len(tally.mistakes)} mistakes, {tally.crashes} crashes, {speed}")


def _formats(tally: Tally) -> Table:
    """A row for each format, with what was blocked and flagged of each label."""
    formats = table("format", *(f"{label}\nblocked, flagged" for label in Label))
    for extension in sorted({extension for extension, _ in tally.by_format}):
        shares = (_shares(tally.by_format.get((extension, label))) for label in Label)
        formats.add_row(escape(shown(extension, 20)), *shares)
    return formats


def _classes(tally: Tally) -> Table:
    """A row for each class, and one for each label."""
    classes = table("class", "files", "blocked", "flagged", "unscannable", "caught")
    for (label, kind), counts in sorted(tally.by_class.items()):
        classes.add_row(*_class_row(f"{label} {kind}".strip(), counts))
    for label, counts in tally.by_label.items():
        classes.add_row(*_class_row(f"all {label}", counts), style="bold")
    return classes


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
