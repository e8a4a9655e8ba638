"""Fuzz every validator with inputs that are led by what they reach (atheris, which is libFuzzer), and measure coverage.

    make fuzz                                                  a few minutes over all validators
    make fuzz FUZZ='--seconds 1800'                            half an hour over all of them together
    make fuzz FUZZ='--only pdf jpeg --seconds 600 --keep DIR'  two of them; what was found stays in DIR

Each validator runs in a process of its own, alone with the bytes: what it would hand over as a member is not followed.
Seeds are its example, the carriers of its rules, and files of its types in the labelled corpus, if there is one.

A fault is an exception that is not part of the contract, a finding of a rule that is not the validator's, more than a
second for each MiB, or more memory than is granted. The offending bytes are printed; put them into test_found.py.

At the end: executions by validator, and branch coverage by module over all inputs that were kept.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import process_time

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS), str(_TESTS.parent)]

_LONGEST = 64 * 1024  # bytes of an input: longer ones find nothing new and are slow
_MOST_SEEDS = 400
_MEMORY = 1024  # MiB, of the whole process: the interpreter, the fuzzer, and what the validator takes
_SECONDS_PER_MIB = 1.0
_SHOWN = 2048  # bytes of a faulty input that are printed
_GRACE = 2.0  # seconds that any input may take: this is for hangs, and the machine is busy
_DONE = re.compile(r"^stat::number_of_executed_units:\s+(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Ended:
    """How the fuzzing of one validator ended. fault: what was printed of a fault, empty if there was none."""

    name: str
    executions: int
    fault: str


def fuzz_one(name: str, folder: str, seconds: int) -> None:
    """Fuzz this process' one validator; ends the process."""
    import atheris

    with atheris.instrument_imports(include=["lazaretto_validators"]):
        from fuzz.alone import judge
        from lazaretto_validators.registry import default_registry
    [validator] = [found for found in default_registry().validators if found.name == name]

    def one(data: bytes) -> None:
        began = process_time()
        try:
            judge(validator, data)
        except Exception:
            traceback.print_exc()  # libFuzzer says no more than that there was one
            raise
        took = process_time() - began
        if took > _GRACE + _SECONDS_PER_MIB * len(data) / (1 << 20):
            raise TimeoutError(f"{took:.1f} s for {len(data)} bytes")

    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_LONGEST}",
        f"-rss_limit_mb={_MEMORY}",
        "-timeout=60",
        "-print_final_stats=1",
        "-verbosity=0",
        f"-artifact_prefix={folder}/../fault-{name}-",
    ]
    atheris.Setup([sys.argv[0], *options, folder], one)
    atheris.Fuzz()


def cover_one(name: str, folder: str, data_file: str) -> None:
    """Judge every kept input of a validator once more, under coverage."""
    import coverage

    measured = coverage.Coverage(data_file=data_file, branch=True, source_pkgs=["lazaretto_validators"])
    measured.start()
    from fuzz.alone import judge
    from lazaretto_validators.registry import default_registry

    [validator] = [found for found in default_registry().validators if found.name == name]
    for file in sorted(Path(folder).iterdir()):
        judge(validator, file.read_bytes())
    measured.stop()
    measured.save()


def seeds(name: str, *, corpus: bool = True) -> Iterator[bytes]:
    """The example, the carriers, and the corpus' files of the validator's types."""
    from fuzz.mutate import seeds as carried
    from lazaretto_validators import Source, default_registry
    from lazaretto_validators.identify import identify

    registry = default_registry()
    [validator] = [found for found in registry.validators if found.name == name]
    yield validator.example
    for data in (*carried(), *(_corpus() if corpus else ())):
        found = identify(Source.of_bytes(data))
        if found is not None and registry.judge_of(found) is validator:
            yield data


def _corpus() -> Iterator[bytes]:
    from benchmarks.accuracy.corpus import find_corpus

    from lazaretto.evaluation.manifest import read_manifest

    if manifest := find_corpus():
        files = (entry.file for entry in read_manifest(manifest))
        yield from (file.read_bytes() for file in files if file.stat().st_size <= _LONGEST)


def run(names: Sequence[str], seconds: int, jobs: int, folder: Path) -> list[Ended]:
    """Fuzz these validators, `jobs` at a time, for so long in all."""
    each = max(1, seconds * jobs // len(names))

    def one(name: str) -> Ended:
        inputs = folder / name
        inputs.mkdir()
        for number, data in enumerate(dict.fromkeys(seeds(name))):
            if number < _MOST_SEEDS:
                (inputs / f"seed-{number}").write_bytes(data)
        ended = _child("fuzz", name, str(inputs), str(each))
        said = ended.stdout + ended.stderr
        done = _DONE.search(said)
        fault = "" if ended.returncode == 0 else _traced(said)
        result = Ended(name, int(done.group(1)) if done else 0, fault)
        print(f"{name}: {result.executions} executions in {each} s{', FAULT' if fault else ''}", flush=True)
        _child("cover", name, str(inputs), str(folder / f".coverage.{name}"))
        return result

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, names))


def _traced(said: str) -> str:
    """The part that tells what happened: from the first traceback on, or else the end."""
    begin = said.find("Traceback")
    return said[begin : begin + 4000] if begin >= 0 else said[-2000:]


def _child(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, __file__, "--child", *arguments]
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def _modules_of(name: str) -> list[str]:
    """The files of a validator: its own module, and those beside it that begin with its name."""
    from lazaretto_validators.registry import default_registry

    [validator] = [found for found in default_registry().validators if found.name == name]
    home = Path(sys.modules[validator.run.__module__].__file__ or "")
    return [str(file) for file in home.parent.glob(f"{home.stem}*.py")]


def report(folder: Path, names: Sequence[str]) -> None:
    """Branch coverage by module over everything that was kept."""
    import coverage

    combined = coverage.Coverage(data_file=str(folder / ".coverage"), branch=True)
    combined.combine([str(file) for file in folder.glob(".coverage.*")], keep=True)
    modules = sorted({module for name in names for module in _modules_of(name)})
    combined.report(modules, show_missing=True, skip_covered=False, skip_empty=True)


def main() -> int:
    """Parse the options, run, report. Status 1 where there was a fault."""
    if sys.argv[1:2] == ["--child"]:
        what, *rest = sys.argv[2:]
        if what == "fuzz":
            fuzz_one(rest[0], rest[1], int(rest[2]))
        else:
            cover_one(*rest)
        return 0
    from lazaretto_validators.registry import default_registry

    names = [validator.name for validator in default_registry().validators]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=240, help="for all validators together [240]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="validators at a time")
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--keep", type=Path, help="folder that takes all inputs [none: they are thrown away]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        ended = run(options.only, options.seconds, options.jobs, Path(folder))
        report(Path(folder), options.only)
        if options.keep:
            shutil.copytree(folder, options.keep, dirs_exist_ok=True)
        for fault in Path(folder).glob("fault-*"):
            data = fault.read_bytes()
            shown = data.hex() if len(data) <= _SHOWN else f"{len(data)} bytes, see --keep"
            print(f"{fault.name}: {shown}")
    for result in ended:
        if result.fault:
            print(f"--- {result.name}\n{result.fault}")
    print(f"{sum(result.executions for result in ended)} executions, {sum(bool(r.fault) for r in ended)} faults")
    return int(any(result.fault for result in ended))


if __name__ == "__main__":
    sys.exit(main())
