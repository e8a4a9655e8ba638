"""Screeners in a folder of their own, and what the machine says about our processes and descriptors."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lazaretto.screening import WorkerScreener

GIB = 1 << 30


@pytest.fixture
def make_screener(tmp_path: Path) -> Callable[..., WorkerScreener]:
    """A screener of the spool folder `spool`, with any of its arguments changed."""

    def make(**changes: object) -> WorkerScreener:
        arguments: dict[str, object] = {"workers": 2, "spares": 1, "seconds": 20.0, "max_spool": GIB, **changes}
        return WorkerScreener(tmp_path / "spool", **arguments)  # type: ignore[arg-type]

    return make


@pytest.fixture
def children() -> Callable[[], set[int]]:
    """Process ids of our children, zombies included."""

    def now() -> set[int]:
        return {
            int(pid.name) for pid in Path("/proc").iterdir() if pid.name.isdecimal() and _parent(pid) == os.getpid()
        }

    return now


@pytest.fixture
def descriptors() -> Callable[[], set[str]]:
    """What our open descriptors stand for."""

    def now() -> set[str]:
        links: set[str] = set()
        for entry in Path("/proc/self/fd").iterdir():
            try:
                links.add(f"{entry.name} {entry.readlink()}")
            except FileNotFoundError:  # the descriptor of this very listing
                continue
        return links

    return now


def _parent(process: Path) -> int | None:
    try:
        # The name in brackets may hold anything: count from its end.
        return int((process / "stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None
