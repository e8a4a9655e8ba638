"""Screeners in a folder of their own, over every backend, and what the machine says about our processes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from lazaretto.screening import WorkerScreener
from lazaretto.screening.sandbox.backend import Backend
from lazaretto.screening.sandbox.exec_backend import ExecBackend
from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend

GIB = 1 << 30


@pytest.fixture(params=["zygote", "exec"])
def backend(request: pytest.FixtureRequest) -> str:
    """The name of the backend that the screeners of a test have: every promise holds over both."""
    return str(request.param)


@pytest.fixture
def new_backend(backend: str) -> Callable[[], Backend]:
    """A backend of the test's own."""
    return ZygoteBackend if backend == "zygote" else ExecBackend


@pytest.fixture
def make_screener(tmp_path: Path, backend: str, new_backend: Callable[[], Backend]) -> Callable[..., WorkerScreener]:
    """A screener of the spool folder `spool`, with any of its arguments changed."""

    def make(**changes: object) -> WorkerScreener:
        arguments: dict[str, object] = {"workers": 2, "spares": 1, "seconds": 20.0, "max_spool": GIB, **changes}
        arguments.setdefault("backend", new_backend())
        arguments.setdefault("require", backend == "zygote")
        return WorkerScreener(tmp_path / "spool", **arguments)  # type: ignore[arg-type]

    return make


@pytest.fixture
def children() -> Callable[[], set[int]]:
    """Process ids of all our descendants, zombies included."""

    def now() -> set[int]:
        parents = _parents()
        found: set[int] = set()
        while more := {pid for pid, parent in parents.items() if parent in {os.getpid(), *found}} - found:
            found |= more
        return found

    return now


@pytest.fixture
def workers(backend: str) -> Callable[[], set[int]]:
    """Process ids of the workers alone."""

    def now() -> set[int]:
        parents = _parents()
        ours = {pid for pid, parent in parents.items() if parent == os.getpid()}
        return ours if backend == "exec" else {pid for pid, parent in parents.items() if parent in ours}

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


def _parents() -> dict[int, int]:
    """Every process's parent."""
    parents = {}
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            try:
                # The name in brackets may hold anything: count from its end.
                parents[int(process.name)] = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    return parents
