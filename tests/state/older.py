"""The migrations that an older program knew: what it makes is what an older version left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

from lazaretto.state.migrate import SCRIPTS

__all__ = ["OLDER", "program_of"]

OLDER = sorted(int(script.name[1:5]) for script in (SCRIPTS / "versions").glob("v*.py"))[:-1]
"""The numbers of the schemas before the newest."""


def program_of(version: int, folder: Path) -> Path:
    """The migrations of a program that knows none after this one, copied into a new folder in `folder`."""
    scripts = folder / f"version-{version}"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    for script in (scripts / "versions").glob("v*.py"):
        if int(script.name[1:5]) > version:
            script.unlink()
    return scripts
