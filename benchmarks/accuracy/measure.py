"""Our own run: the command as its users have it, sandbox included."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["PRESET", "Unusable", "evaluated"]

PRESET = "balanced"


class Unusable(Exception):
    """The corpus could not be read in full, so that there are no figures to compare."""


def evaluated(manifest: Path) -> dict[str, Any]:
    """What `lazaretto evaluate --json` says of the corpus; it complains on our standard error. Raises Unusable."""
    command = [sys.executable, "-m", "lazaretto", "evaluate", str(manifest), "--preset", PRESET, "--json"]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if ended.returncode not in (0, 1):
        raise Unusable(f"lazaretto evaluate ended with status {ended.returncode}")
    result: dict[str, Any] = json.loads(ended.stdout)
    return result
