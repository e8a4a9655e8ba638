"""`python -m benchmarks`: run them, show the tables, write the JSON."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import NoReturn

from rich.console import Console

from benchmarks import end_to_end, hosts, lag, large, load, log, machine, memory, session, small
from benchmarks.options import Options
from benchmarks.reports import WrongReport
from benchmarks.results import Section, as_json, tables
from lazaretto.log import configure_logging

__all__ = ["BENCHMARKS", "main"]

BENCHMARKS: Mapping[str, Callable[[Options], Section]] = {
    "large": large.run,
    "small": small.run,
    "lag": lag.run,
    "memory": memory.run,
    "session": session.run,
    "end_to_end": end_to_end.run,
    "hosts": hosts.run,
    "load": load.run,
    "log": log.run,
}

_WIDTH = 150
"""Columns of the tables where stdout is no terminal."""

_HELP = """\
Measures Lazaretto beside peers and physical limits, in rounds that take turns, and compares with its targets.

  large       large files of every kind, beside SHA-256, a copy, and zlib on the same streams
  small       small files: how many a second and a core, beside hashing, no sandbox, and ClamAV's clamd if installed
  lag         how late the event loop is while two workers run at full speed, beside an idle one
  memory      peaks of the bot and of a worker from 1 MiB to 2 GiB (Linux)
  session     what a sandboxed session costs beyond looking at the file, and how soon the report follows the last byte
  end_to_end  the emulator and a bot with the plugin: attachments a second, and how soon bad ones are gone
  hosts       how much later a host under load answers texts because of the plugin, beside the same host without it
  load        two minutes of fifty groups: exposure, backlog, memory, and a host's texts with the plugin and without
  log         a million audit records: searches, cases, verification, and the memory of an export

A value that misses its target is marked so and is no failure: the status is 0. It is 1 when a benchmark does not work,
or when a report is not the right one.
"""

_EXAMPLES = """\
examples:
  python -m benchmarks                            everything, twenty minutes on two quiet cores
  python -m benchmarks --short                    only proves that they work; its figures say nothing about speed
  python -m benchmarks --only session lag         two of them
  python -m benchmarks --only large --rounds 9    more rounds: steadier medians
  TMPDIR=/var/tmp python -m benchmarks            files go there (up to 5 GiB): a folder in memory flatters copies
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for. Answers the exit status."""
    asked = _parser().parse_args(arguments)
    configure_logging("ERROR")
    signal.signal(signal.SIGTERM, _ended)
    facts = machine.facts()
    console = Console(width=None if sys.stdout.isatty() else _WIDTH, highlight=False)
    rounds = asked.rounds or (1 if asked.short else 5)
    sections: list[Section] = []
    failed = False
    console.print(", ".join(f"{name} {value}" for name, value in facts.items()))
    for name in asked.only or BENCHMARKS:
        try:
            section = _ran(name, short=asked.short, rounds=rounds)
        except WrongReport as error:
            print(f"{name}: a report is wrong. {error}", file=sys.stderr)
            failed = True
            continue
        except Exception:
            # What was measured before, and what comes behind, is worth having all the same.
            traceback.print_exc()
            failed = True
            continue
        sections.append(section)
        _show(console, section)
    asked.json.parent.mkdir(parents=True, exist_ok=True)
    whole = as_json(sections, facts, short=asked.short, rounds=rounds)
    asked.json.write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")
    _summary(console, sections)
    print(f"written: {asked.json}", file=sys.stderr)
    return 1 if failed else 0


def _ended(*_: object) -> NoReturn:
    """Asked to end: what was started and written goes first, as after Ctrl-C."""
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_HELP,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--short", action="store_true", help="small sizes, one round, less than a minute: for CI")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, metavar="NAME", help="these, instead of all")
    parser.add_argument("--rounds", type=_count, metavar="N", help="how often everything is measured (5; short: 1)")
    parser.add_argument(
        "--json",
        type=Path,
        default=Path("build/benchmarks.json"),
        metavar="PATH",
        help="where the figures are written (build/benchmarks.json)",
    )
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def _ran(name: str, *, short: bool, rounds: int) -> Section:
    """One benchmark, with a folder of its own that is gone afterwards."""
    print(f"{name}:", file=sys.stderr, flush=True)
    began = perf_counter()
    with tempfile.TemporaryDirectory(prefix="lazaretto-benchmark-") as folder:
        section = BENCHMARKS[name](Options(short, rounds, Path(folder)))
    print(f"{name}: {perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    return section


def _show(console: Console, section: Section) -> None:
    for table in tables(section):
        console.print(table)
    for note in section.notes:
        console.print(note, markup=False)
    console.print()


def _summary(console: Console, sections: Sequence[Section]) -> None:
    """What misses its target, once more and together."""
    asked = [(section, f) for section in sections for f in section.figures if f.met is not None]
    missed = [(section, f) for section, f in asked if not f.met]
    console.print(f"{len(asked) - len(missed)} of {len(asked)} targets are met.")
    for section, f in missed:
        console.print(
            f"misses  {section.name}: {f.subject}: {f.name} is {f.value:.3g} {f.unit}, wanted {f.asked}", markup=False
        )


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; nothing was written")
