"""What every benchmark is told, and how it tells on stderr what it is doing."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

__all__ = ["GIB", "KIB", "MIB", "Options", "say", "sized"]

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Options:
    """short: only show that it works. rounds: how often everything is measured, in turn. folder: our own, for files."""

    short: bool
    rounds: int
    folder: Path


def say(text: str) -> None:
    """One line of progress, on stderr: the table alone goes to stdout."""
    print(f"  {text} ...", file=sys.stderr, flush=True)


def sized(size: int) -> str:
    """A size as people say it."""
    for unit, name in ((GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if size >= unit:
            return f"{size / unit:g} {name}"
    return f"{size} bytes"
