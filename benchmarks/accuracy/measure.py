"""Our own run: the command as its users have it, sandbox included."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

__all__ = ["PRESET", "evaluated"]

PRESET = "balanced"


def evaluated(manifest: Path) -> dict[str, Any]:
    """What `lazaretto evaluate --json` says of the corpus; its progress goes to our standard error."""
    command = [sys.executable, "-m", "lazaretto", "evaluate", str(manifest), "--preset", PRESET, "--json"]
    ended = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    if ended.returncode not in (0, 1):
        raise RuntimeError(f"lazaretto evaluate ended with status {ended.returncode}")
    result: dict[str, Any] = json.loads(ended.stdout)
    return result
