"""Fuzz every validator with inputs that are led by what they reach (atheris, which is libFuzzer), and measure coverage.

    make fuzz                                                  a few minutes over all validators
    make fuzz FUZZ='--seconds 1800 --write'                    half an hour over all of them, and docs/fuzzing.md anew
    make fuzz FUZZ='--only pdf jpeg --seconds 600 --keep DIR'  two of them; what was found stays in DIR

Each validator runs in a process of its own, alone with the bytes: what it would hand over as a member is not followed.
Seeds are its example, the carriers of its rules, and files of its types: those of the labelled corpus, if there is one,
and all that the tests of the validators make, which are run for that and kept in `build/seeds` until they change.

A fault is an exception that is not part of the contract, a finding of a rule that nobody has, more than a second of
processor time for each MiB of the file and of what it unpacks to (half a second where that is little), or more
memory than is granted. The offending bytes are printed; they become a test of the validator.

At the end: by module executions and branch coverage over all inputs that were kept, and why the rest is not reached.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))
sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz import steps
from fuzz.mutate import seeds as carried
from fuzz.recorded import recorded
from fuzz.summary import PAGE, Ended, measured, page, table
from lazaretto_validators import Source, default_registry
from lazaretto_validators.identify import identify

__all__ = ["seeds"]

_MOST_SEEDS = 1500  # for a validator, the rarest kinds first: example, carriers, corpus, files of the tests
_SHOWN = 2048  # bytes of a faulty input that are printed
_DONE = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)


@cache
def seeds(*, more: bool = True, only: tuple[str, ...] = ()) -> Mapping[str, Sequence[bytes]]:
    """By validator: its example, the carriers, and of its types the corpus' files and those that the tests make.

    only: the validators that are asked for, if not all of them; the others' tests are left out.
    """
    registry = default_registry()
    found = {validator.name: [validator.example] for validator in registry.validators}
    others = found.keys() - only if only else set()
    for data in (*carried(), *((*_corpus(), *recorded(steps.LONGEST, others)) if more else ())):
        media_type = identify(Source.of_bytes(data))
        validator = media_type and registry.judge_of(media_type)
        if validator:
            found[validator.name].append(data)
    return {name: list(dict.fromkeys(files))[:_MOST_SEEDS] for name, files in found.items()}


def _corpus() -> Iterator[bytes]:
    from benchmarks.accuracy.corpus import find_corpus

    from lazaretto.evaluation.manifest import read_manifest

    if manifest := find_corpus():
        files = (entry.file for entry in read_manifest(manifest))
        yield from (file.read_bytes() for file in files if file.stat().st_size <= steps.LONGEST)


def run(names: Sequence[str], seconds: int, jobs: int, folder: Path) -> list[Ended]:
    """Fuzz these validators, `jobs` at a time, for so long in all."""
    each = str(max(1, seconds * jobs // len(names)))
    print("gathering seeds ...", flush=True)
    found = seeds(only=tuple(names))

    def one(name: str) -> Ended:
        inputs = folder / name
        inputs.mkdir()
        for number, data in enumerate(found[name]):
            (inputs / f"seed-{number}").write_bytes(data)
        fuzzed = _step("fuzz", name, inputs, each)
        done = _DONE.search(fuzzed.stdout + fuzzed.stderr)
        bound = _step("bound", name, inputs)
        covered = _step("cover", name, inputs, str(folder / f".coverage.{name}"))
        said = json.loads(bound.stdout) if bound.returncode == 0 else {}
        result = Ended(
            name,
            int(done.group(1)) if done else 0,
            len(list(inputs.iterdir())),
            said.get("seconds", 0.0),
            said.get("bytes", 0),
            said.get("taken", 0.0),
            "\n".join(_traced(ended.stdout + ended.stderr) for ended in (fuzzed, bound, covered) if ended.returncode),
        )
        print(result.sentence(), flush=True)
        return result

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, names))


def _step(step: str, name: str, inputs: Path, *more: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(Path(steps.__file__)), step, name, str(inputs), *more]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def _traced(said: str) -> str:
    """The part that tells what happened: from the first traceback on, or else the end."""
    begin = said.find("Traceback")
    return said[begin : begin + 4000] if begin >= 0 else said[-2000:]


def _show_faults(folder: Path, ended: Sequence[Ended]) -> None:
    for fault in folder.glob("fault-*"):
        data = fault.read_bytes()
        print(f"{fault.name}: {data.hex() if len(data) <= _SHOWN else f'{len(data)} bytes, see --keep'}")
    for result in ended:
        if result.fault:
            print(f"--- {result.name}\n{result.fault}")


def main() -> int:
    """Parse the options, run, report. Status 1 where there was a fault."""
    names = [validator.name for validator in default_registry().validators]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=240, help="for all validators together [240]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="validators at a time")
    parser.add_argument("--only", nargs="+", choices=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--keep", type=Path, help="folder that takes all inputs [none: they are thrown away]")
    parser.add_argument("--write", action="store_true", help="write docs/fuzzing.md; of all validators alone")
    options = parser.parse_args()
    if options.write and options.only:
        parser.error("--write is about all validators, --only about some")
    with tempfile.TemporaryDirectory() as folder:
        ended = run(options.only or names, options.seconds, options.jobs, Path(folder))
        modules = measured(Path(folder), ended)
        if options.keep:
            shutil.copytree(folder, options.keep, dirs_exist_ok=True)
        _show_faults(Path(folder), ended)
    print(table(modules))
    faults = sum(bool(result.fault) for result in ended)
    print(f"{sum(result.executions for result in ended)} executions, {faults} faults")
    if options.write:
        PAGE.write_text(page(ended, modules, options.seconds), encoding="utf-8")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
