"""How commands speak: tables for people, JSON Lines for programs, errors with a remedy for both."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lazaretto.model import Reason, Report
from lazaretto.rules import all_rules
from lazaretto.text import shown
from lazaretto_validators import Finding

__all__ = [
    "JSON",
    "complain",
    "drop_output",
    "errors",
    "fail",
    "finding_line",
    "finding_row",
    "out",
    "print_json",
    "quiet_when_closed",
    "reason_row",
    "report_row",
    "table",
]

JSON = typer.Option("--json", help="One JSON object a line instead of text.")

_LONGEST = 1000
"""Characters of one line of an error: a path may have 4,096."""


class _Console(Console):
    def on_broken_pipe(self) -> None:
        _reader_gone()


out = _Console(highlight=False)
errors = _Console(stderr=True, highlight=False)


_SIGPIPE = 13  # Windows does not have it, nor a name for it


def _reader_gone() -> NoReturn:
    """Whoever read our output has enough (`| head`): end quietly, with the status of a death by SIGPIPE."""
    drop_output()
    raise SystemExit(128 + _SIGPIPE)


def drop_output() -> None:
    """Standard output cannot be written any more: what is still buffered must not be tried again at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def quiet_when_closed() -> Iterator[None]:
    """For whoever writes to standard output without the console."""
    try:
        yield
    except BrokenPipeError:
        _reader_gone()


def complain(problem: str, remedy: str = "") -> None:
    """Say what is wrong and what to do, on stderr."""
    errors.print(f"[bold red]error:[/] {_plain(problem)}", soft_wrap=True)
    if remedy:
        errors.print(f"[bold]do:[/] {_plain(remedy)}", soft_wrap=True)


def fail(problem: str, remedy: str = "", *, code: int = 2) -> NoReturn:
    """Say what is wrong and what to do, on stderr, and end with `code`."""
    complain(problem, remedy)
    raise typer.Exit(code)


def _plain(text: str) -> str:
    # Line by line: several problems come as several lines, and names in them may be anything.
    return "\n".join(escape(shown(line, _LONGEST)) for line in text.split("\n"))


def table(*headings: str) -> Table:
    """An empty table without a frame. What does not fit is folded, never cut: ids are copied from it."""
    made = Table(box=None, pad_edge=False)
    for heading in headings:
        made.add_column(heading, overflow="fold")
    return made


def print_json(row: Mapping[str, Any]) -> None:
    """One object on one line of standard output, in ASCII alone."""
    with quiet_when_closed():
        sys.stdout.write(json.dumps(row, ensure_ascii=True, separators=(",", ":")) + "\n")
        sys.stdout.flush()


def finding_row(finding: Finding) -> dict[str, Any]:
    """A finding with its rule's category, severity and wording; null for those of a validator that is gone."""
    rule = all_rules().get(finding.rule)
    return {
        "rule": finding.rule,
        "category": rule.category.value if rule else None,
        "severity": rule.severity.value if rule else None,
        "offset": finding.offset,
        "where": finding.where,
        "seen": finding.seen,
        "allowed": finding.allowed,
        "message": rule.message if rule else None,
    }


def finding_line(finding: Finding) -> str:
    """A finding on one line, as markup: severity, rule, what it means, and at which byte of what."""
    rule = all_rules().get(finding.rule)
    offset = "" if finding.offset is None else f"byte {finding.offset:,}"
    place = " ".join(part for part in (shown(finding.where, 100), offset) if part)
    severity, message = (rule.severity.value, rule.message) if rule else ("", "(of a validator that is not installed)")
    return f"{severity:<6} [bold]{escape(shown(finding.rule))}[/] {escape(message)} [dim]{escape(place)}[/]"


def reason_row(reason: Reason) -> dict[str, Any]:
    """Why a decision was taken."""
    return {"rule": reason.rule, "action": reason.action.value, "key": reason.key, "part": reason.part}


def report_row(report: Report) -> dict[str, Any]:
    """A report as every `--json` shows it."""
    return {
        "size": report.size,
        "sha256": report.sha256,
        "media_type": report.media_type,
        "findings": [finding_row(finding) for finding in report.findings],
        "findings_total": report.total,
        "coverage": [{"where": gap.where, "why": gap.why} for gap in report.coverage],
        "rule_set": report.rule_set,
        "layers": list(report.layers),
    }
