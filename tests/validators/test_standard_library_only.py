"""The validators run on a bare Python: no site-packages, nothing on the path but themselves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import lazaretto_validators
from carriers.programs import a_pe

ROOT = Path(lazaretto_validators.__file__).parents[1]

PROGRAM = """
import json, sys
sys.path[:] = [sys.argv[1], *(p for p in sys.path if "-packages" not in p)]
from lazaretto_validators import Claim, Source, screen
with open(sys.argv[2], "rb") as file:
    inspection = screen(Source.of_file(file.fileno()), Claim(name="holiday.jpg"))
foreign = sorted(
    name for name in sys.modules
    if name.partition(".")[0] not in {*sys.stdlib_module_names, "lazaretto_validators", "__main__"}
)
rules = [finding.rule for finding in inspection.findings]
print(json.dumps({"type": inspection.media_type.name, "rules": rules, "foreign": foreign}))
"""


@pytest.fixture
def answer(tmp_path: Path) -> dict[str, object]:
    file = tmp_path / "holiday.jpg"
    file.write_bytes(a_pe())
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, str(ROOT), str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.stderr == ""
    loaded: dict[str, object] = json.loads(run.stdout)
    return loaded


def test_a_bare_python_screens_a_file(answer: dict[str, object]) -> None:
    assert answer["type"] == "application/vnd.microsoft.portable-executable"
    rules = answer["rules"]
    assert isinstance(rules, list)
    assert "pe.program" in rules


def test_nothing_but_the_standard_library_is_imported(answer: dict[str, object]) -> None:
    assert answer["foreign"] == []
