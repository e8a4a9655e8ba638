"""What the guided fuzzer is made of: seeds for every validator, and a judge that lets nothing unexpected pass."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fuzz import recorded, steps
from fuzz.alone import judge
from fuzz.explained import EXPLAINED
from fuzz.guided import seeds
from fuzz.summary import WANTED, Ended, Module, measured, page, table
from lazaretto_validators import Finding, Source, default_registry
from lazaretto_validators.testing import Recorder
from lazaretto_validators.validator import Screening, Validator

VALIDATORS = default_registry().validators


@pytest.mark.parametrize("validator", VALIDATORS, ids=lambda validator: validator.name)
def test_every_validator_has_seeds_that_it_judges_without_a_fault(validator: Validator) -> None:
    found = seeds(more=False)[validator.name]
    assert len(found) > 1
    for data in found:
        judge(validator, data)


def test_what_a_module_of_tests_makes_is_kept_until_something_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorded, "_KEPT", tmp_path / "kept")
    module = tmp_path / "test_inert.py"
    module.write_text("from lazaretto_validators import Source\n\ndef test_it():\n    Source.of_bytes(b'inert')\n")
    first = recorded._folder_of(module, "helpers")
    assert [file.read_bytes() for file in first.iterdir()] == [b"inert"]
    (first / "more").touch()
    assert recorded._folder_of(module, "helpers") == first
    assert (first / "more").exists()
    second = recorded._folder_of(module, "other helpers")
    assert list((tmp_path / "kept").iterdir()) == [second]
    assert not (second / "more").exists()


def test_an_exception_that_is_no_part_of_the_contract_comes_through() -> None:
    def broken(source: Source, screening: Screening) -> Iterator[Finding]:
        raise IndexError(source.size)
        yield

    with pytest.raises(IndexError):
        judge(replace(VALIDATORS[0], run=broken), b"x")


def test_a_rule_that_nobody_has_is_a_fault() -> None:
    def confused(source: Source, screening: Screening) -> Iterator[Finding]:
        yield Finding("zip.bomba", 0)

    with pytest.raises(LookupError, match=r"tells zip\.bomba"):
        judge(replace(VALIDATORS[0], run=confused), b"x")


def test_a_recorder_keeps_what_it_is_told() -> None:
    recorder = Recorder()
    recorder.member("a.png", Source.of_bytes(b"abc"))
    recorder.ends_at(7)
    recorder.not_covered("tail", "why not")
    recorder.expand(9)
    assert [(name, source.size) for name, source in recorder.members] == [("a.png", 3)]
    assert (recorder.end, recorder.gaps, recorder.expanded) == (7, ["tail"], 9)


def step(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(steps.__file__), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    (tmp_path / "elf").mkdir()
    for number, data in enumerate(seeds(more=False)["elf"]):
        (tmp_path / "elf" / str(number)).write_bytes(data)
    return tmp_path / "elf"


def test_time_and_memory_are_measured_without_instrumentation(inputs: Path) -> None:
    ended = step("bound", "elf", inputs)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout).keys() == {"seconds", "bytes", "taken"}


def test_an_input_that_takes_more_than_a_second_for_each_mib_is_a_fault(
    inputs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "granted", lambda size: -1.0)
    with pytest.raises(TimeoutError, match="bytes of 0"):
        steps.STEPS["bound"]("elf", str(inputs))


def test_more_memory_than_is_granted_is_a_fault(inputs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_resident", iter((0.0, 65.0)).__next__)
    with pytest.raises(MemoryError, match="65 MiB"):
        steps.STEPS["bound"]("elf", str(inputs))


def test_a_second_for_each_mib_is_granted_and_half_a_second_to_small_ones() -> None:
    assert [steps.granted(size) for size in (0, 1000, 1 << 19, 1 << 21)] == [0.5, 0.5, 0.5, 2.0]


def test_branches_are_counted_for_the_modules_that_inputs_reach_and_no_others(inputs: Path, tmp_path: Path) -> None:
    assert step("cover", "elf", inputs, tmp_path / ".coverage.elf").returncode == 0
    [module] = measured(tmp_path, [Ended("elf", 1000, 5, 0.1, 64, 0.0, "")])
    assert (module.name, module.executions) == ("programs/elf", 1000)
    assert 0 < module.taken <= module.branches


def test_a_module_below_what_is_wanted_is_shown_with_the_reason_or_as_not_explained() -> None:
    few, most = Module("images/inert", 10, 100, WANTED - 1), Module("images/other", 10, 100, WANTED)
    assert (few.remains, most.remains) == ("NOT EXPLAINED", "")
    assert "84 %  NOT EXPLAINED" in table([few, most])
    assert "| `images/inert` | 10 | 100 | 84 % | NOT EXPLAINED |" in page([], [few, most], 60)


def test_what_is_explained_is_a_module() -> None:
    home = Path(sys.modules["lazaretto_validators"].__file__ or "").parent
    assert [name for name in EXPLAINED if not (home / f"{name}.py").exists()] == []
