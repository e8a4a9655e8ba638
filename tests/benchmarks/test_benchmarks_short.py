"""The benchmarks work. How fast anything is decides no test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from lazaretto.emulator import Emulator

ROOT = Path(__file__).parents[2]
SECTIONS = {"large", "small", "lag", "memory", "session", "end_to_end", "hosts", "load", "log"}

pytestmark = [pytest.mark.checkout, pytest.mark.timeout(300)]


def ran(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as it is typed."""
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def figures_of(whole: dict[str, Any]) -> list[dict[str, Any]]:
    """All of them, of all sections."""
    return [figure for section in whole["sections"].values() for figure in section["figures"]]


@pytest.mark.long  # a minute
def test_a_short_run_measures_everything_and_tells_nothing_of_the_machine_but_its_speed(tmp_path: Path) -> None:
    written = tmp_path / "new" / "figures.json"
    done = ran("--short", "--json", str(written))
    assert done.returncode == 0, done.stderr
    text = written.read_text(encoding="utf-8")
    whole = json.loads(text)
    assert whole["sections"].keys() == SECTIONS
    assert [name for name, section in whole["sections"].items() if not section["figures"]] == []
    ratios = [figure for figure in figures_of(whole) if figure["unit"] == "x"]
    assert ratios
    assert [figure for figure in ratios if figure["value"] <= 0 or figure["samples"]["min"] <= 0] == []
    assert {"cpu", "cores", "kernel", "python", "zlib", "openssl", "date"} <= whole["machine"].keys()
    secrets = [str(ROOT), str(tmp_path), tempfile.gettempdir(), str(Path.home()), Emulator().token, os.uname().nodename]
    assert [secret for secret in secrets if len(secret) > 3 and secret in text] == []


def test_targets_are_told_with_what_became_of_them(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    done = ran("--short", "--rounds", "2", "--only", "lag", "--json", str(written))
    assert done.returncode == 0, done.stderr
    whole = json.loads(written.read_text(encoding="utf-8"))
    asked = [figure for figure in figures_of(whole) if figure["target"] is not None]
    assert [figure["met"] for figure in asked] == [figure["value"] <= figure["target"] for figure in asked]
    assert f"{sum(figure['met'] for figure in asked)} of {len(asked)} targets are met." in done.stdout


def test_what_is_no_benchmark_is_refused_with_the_names_of_those_that_are() -> None:
    done = ran("--only", "nothing")
    assert done.returncode == 2
    assert "end_to_end" in done.stderr
