"""The `lazaretto` command as its users have it: a process, or where nothing depends on that, a call."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from lazaretto.cli import app

__all__ = ["COMMAND", "Ended", "call", "environment", "json_lines", "lazaretto", "without_disk"]

COMMAND = (sys.executable, "-m", "lazaretto")
_PATIENCE = 60.0

Ended = subprocess.CompletedProcess[str]


def environment(**more: str) -> dict[str, str]:
    """Ours without what would configure the command, on a terminal 80 columns wide, and `more`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LAZARETTO_")}
    return {**kept, "COLUMNS": "80", "PYTHONWARNINGS": "default", **more}


def lazaretto(
    *arguments: str | bytes | Path,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    prefix: Sequence[str] = COMMAND,
) -> Ended:
    """Run the command as a process to its end."""
    ended = subprocess.run(
        [*prefix, *arguments],
        input=stdin,
        capture_output=True,
        cwd=cwd,
        env=environment(**(env or {})),
        timeout=_PATIENCE,
        check=False,
    )
    return Ended(ended.args, ended.returncode, ended.stdout.decode("utf-8"), ended.stderr.decode("utf-8"))


def call(*arguments: str | Path, stdin: str | None = None, env: Mapping[str, str | None] | None = None) -> Ended:
    """Run the command in this process, which is quicker."""
    clean: dict[str, str | None] = {key: None for key in os.environ if key.startswith("LAZARETTO_")}
    words = [str(argument) for argument in arguments]
    result = CliRunner().invoke(app, words, input=stdin, env={**clean, "COLUMNS": "80", **(env or {})})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ended(words, result.exit_code, result.stdout, result.stderr)


def json_lines(text: str) -> list[dict[str, Any]]:
    """Every line as the object that it is."""
    rows = [json.loads(line) for line in text.splitlines()]
    assert all(isinstance(row, dict) for row in rows)
    return rows


def without_disk(most: int) -> tuple[str, ...]:
    """The command in a process whose files cannot grow beyond `most` bytes, which is what a full disk comes to."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({most}, {resource.RLIM_INFINITY}))"
    return (sys.executable, "-c", f"{limit}; from lazaretto.cli import main; main()")
