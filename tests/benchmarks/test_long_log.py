"""A log of a million records, with the figures that are asked of it (`make long`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.checkout, pytest.mark.long, pytest.mark.timeout(3600)]


def test_a_log_of_a_million_records_is_searched_verified_and_exported_as_asked(tmp_path: Path) -> None:
    written = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", "--only", "log", "--json", str(written)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    figures = json.loads(written.read_text(encoding="utf-8"))["sections"]["log"]["figures"]
    asked = {f"{f['subject']}: {f['name']}": (f["met"], f["value"]) for f in figures if f["target"] is not None}
    print(asked)
    assert {"all searches: p95", "/case: p95", "verification: speed", "export, jsonl: difference"} <= asked.keys()
    assert [name for name, (met, _) in asked.items() if not met] == []
