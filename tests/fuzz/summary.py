"""What a run of the guided fuzzer reached: by validator, and by module with the reason for what is not reached."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fuzz.explained import EXPLAINED

__all__ = ["PAGE", "Ended", "Module", "measured", "page", "table"]

WANTED = 85  # percent of the branches of a module
PAGE = Path(__file__).parents[2] / "docs" / "fuzzing.md"
_PACKAGE = "lazaretto_validators"
_BESIDE = frozenset({"markup", "riff", "slack"})  # parsers that several formats share; the rest has no format to parse
_HEAD = """# Fuzzing

`make fuzz` mutates files against every validator, led by what they reach ([atheris](https://github.com/google/atheris)).
This page is written by `make fuzz FUZZ='--write'`, here by a run of {seconds} seconds that the validators shared.

An input is a fault where the validator raises, or takes more than a second of processor time for each MiB of the file
and of what it unpacks to (half a second where that is little), or 64 MiB of memory.
{executions:,} inputs were tried, and {faults} of {validators} validators had a fault.

## Validators

The slowest input is the slowest of those that were kept, without instrumentation.

| validator | executions | inputs kept | slowest input | memory taken |
|---|---|---|---|---|
"""
_MODULES = f"""
## Modules

Branches that the kept inputs take, of all in the module; at least {WANTED} % are wanted.
Executions are those of every validator whose inputs reach into the module.

| module | executions | branches | taken | what remains |
|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """How the fuzzing of one validator ended.

    seconds, size: of the slowest input, with what it unpacks to. taken: MiB.
    fault: what was printed of a fault, empty if there was none.
    """

    name: str
    executions: int
    inputs: int
    seconds: float
    size: int
    taken: float
    fault: str

    def sentence(self) -> str:
        slowest = f"slowest {self.seconds:.3f} s for {self.size} bytes, {self.taken:.0f} MiB taken"
        return f"{self.name}: {self.executions} executions, {slowest}{', FAULT' if self.fault else ''}"


@dataclass(frozen=True, slots=True)
class Module:
    """The branches of one module, and how many of them were taken."""

    name: str
    executions: int
    branches: int
    taken: int

    @property
    def percent(self) -> float:
        return 100 * self.taken / self.branches

    @property
    def remains(self) -> str:
        """Why fewer branches than are wanted were taken; empty where they were."""
        return "" if self.percent >= WANTED else EXPLAINED.get(self.name, "NOT EXPLAINED")


def measured(folder: Path, ended: Sequence[Ended]) -> list[Module]:
    """Every module of a format that has branches, by what the step `cover` left in `folder`."""
    import coverage

    files = [str(file) for file in folder.glob(".coverage.*")]
    if not files:
        return []
    combined = coverage.Coverage(data_file=str(folder / ".coverage"), branch=True)
    combined.combine(files, keep=True)
    combined.json_report(outfile=str(folder / "coverage.json"))
    counted = json.loads((folder / "coverage.json").read_text(encoding="utf-8"))["files"]
    executions = {result.name: result.executions for result in ended}
    modules = []
    for path, report in sorted(counted.items()):
        name, summary = path.partition(f"{_PACKAGE}/")[2].removesuffix(".py"), report["summary"]
        if ("/" in name or name in _BESIDE) and summary["num_branches"]:
            by = set().union(*combined.get_data().contexts_by_lineno(str(Path(path).resolve())).values())
            tried = sum(executions.get(validator, 0) for validator in by)
            if tried:
                modules.append(Module(name, tried, summary["num_branches"], summary["covered_branches"]))
    return modules


def table(modules: Sequence[Module]) -> str:
    """For a terminal."""
    lines = [f"{'module':<32} {'executions':>10} {'branches':>8} {'taken':>6}"]
    for module in modules:
        percent = f"{module.percent:.0f} %"
        lines.append(f"{module.name:<32} {module.executions:>10} {module.branches:>8} {percent:>6}  {module.remains}")
    return "\n".join(lines)


def page(ended: Sequence[Ended], modules: Sequence[Module], seconds: int) -> str:
    """docs/fuzzing.md."""
    head = _HEAD.format(
        seconds=seconds,
        executions=sum(result.executions for result in ended),
        faults=sum(bool(result.fault) for result in ended),
        validators=len(ended),
    )
    return "".join((head, *_validator_rows(ended), _MODULES, *_module_rows(modules)))


def _validator_rows(ended: Sequence[Ended]) -> Iterator[str]:
    for result in sorted(ended, key=lambda result: result.name):
        slowest = f"{result.seconds:.3f} s for {result.size:,} bytes" if not result.fault else "FAULT"
        yield f"| {result.name} | {result.executions:,} | {result.inputs:,} | {slowest} | {result.taken:.0f} MiB |\n"


def _module_rows(modules: Sequence[Module]) -> Iterator[str]:
    for module in modules:
        numbers = f"{module.executions:,} | {module.branches} | {module.percent:.0f} %"
        yield f"| `{module.name}` | {numbers} | {module.remains} |\n"
