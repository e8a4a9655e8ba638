"""Locked children for the tests, as the user that we are and, if that is root, as an ordinary one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lazaretto
import lazaretto_validators

NOBODY = 65534
_HERE = Path(__file__).parent
_SOURCES = {"bot": Path(lazaretto.__file__).parent, "validators": Path(lazaretto_validators.__file__).parent}
_IS_ROOT = sys.platform != "win32" and os.geteuid() == 0

Run = Callable[..., dict[str, Any]]


@pytest.fixture(scope="session")
def everybodys() -> Iterator[Path]:
    """A folder that every user can read, with the product and the attacks: root's own folders are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="lazaretto-sandbox-"))
    for root, package in _SOURCES.items():
        shutil.copytree(package, folder / root / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(_HERE / "locked_child.py", folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def everybodys_python() -> str:
    """An interpreter that an ordinary user can start."""
    question = "import sys, ctypes; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            subprocess.run([python, "-I", "-c", question], check=True, capture_output=True, **_ordinary())
        except (OSError, subprocess.CalledProcessError):
            continue
        return python
    pytest.skip("no Python 3.11 that an ordinary user can start")


@pytest.fixture(params=["as we are", "as an ordinary user"])
def who(request: pytest.FixtureRequest) -> str:
    """Whose processes are locked."""
    if sys.platform != "linux":
        pytest.skip("needs Linux")
    if request.param == "as an ordinary user" and not _IS_ROOT:
        pytest.skip("we are one already")
    return str(request.param)


@pytest.fixture
def locked(who: str, request: pytest.FixtureRequest) -> Run:
    """Run `locked_child.py` with a function's name and arguments: what it answers."""
    if who == "as we are":
        roots = [str(package.parent) for package in _SOURCES.values()]
        return _runner(sys.executable, _HERE / "locked_child.py", roots, {})
    folder: Path = request.getfixturevalue("everybodys")
    python: str = request.getfixturevalue("everybodys_python")
    return _runner(python, folder / "locked_child.py", [str(folder / root) for root in _SOURCES], _ordinary())


def _ordinary() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if _IS_ROOT else {}


def _runner(python: str, script: Path, roots: list[str], user: dict[str, Any]) -> Run:
    def run(function: str, **arguments: object) -> dict[str, Any]:
        command = [python, "-I", str(script), json.dumps(roots), function, json.dumps(arguments)]
        done = subprocess.run(command, capture_output=True, timeout=60, cwd="/", check=False, **user)
        assert done.returncode == 0, done.stderr.decode()
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    return run
