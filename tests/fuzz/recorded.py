"""The files that the tests of the validators make: seeds of a variety that nobody would write down twice.

Each module of tests runs in a process of its own, as many at a time as there are processors, and what came out is kept
in `build/seeds` until the module, or something that it is made with, changes.
As a plugin of pytest (`-p fuzz.recorded`) this keeps whatever bytes become a source, in the folder that a variable
names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lazaretto_validators.source import Source

if TYPE_CHECKING:
    import pytest

__all__ = ["pytest_configure", "recorded"]

_VARIABLE = "LAZARETTO_RECORDED"
_TESTS = Path(__file__).parents[1]
_KEPT = _TESTS.parent / "build" / "seeds"
_NOT = ("test_laws.py", "test_streaming.py", "test_bounded.py", "test_source.py")  # mutants, pieces, bombs


def recorded(longest: int, without: Collection[str] = ()) -> Iterator[bytes]:
    """Take the files of up to so many bytes that the tests of the validators make, whatever comes of the tests.

    without: validators whose own tests are not run.
    """
    passed_over = {*_NOT, *(f"test_{name}.py" for name in without)}
    modules = [file for file in sorted((_TESTS / "validators").rglob("test_*.py")) if file.name not in passed_over]
    helpers = _digest((*sorted((_TESTS / "carriers").glob("*.py")), *sorted(_TESTS.glob("*.py")), Path(__file__)))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        folders = pool.map(lambda module: _folder_of(module, helpers), modules)
        for number, folder in enumerate(folders, 1):
            files = [file for file in sorted(folder.iterdir()) if file.stat().st_size <= longest]
            print(f"  {number} of {len(modules)}: {len(files)} from {folder.name.partition('-')[0]}", flush=True)
            yield from (file.read_bytes() for file in files)


def _digest(files: Iterable[Path]) -> str:
    return sha256(b"".join(sha256(file.read_bytes()).digest() for file in files)).hexdigest()


def _folder_of(module: Path, helpers: str) -> Path:
    """Where the files of a module of tests are: from an earlier run, or from one now."""
    key = sha256((helpers + _digest([module])).encode()).hexdigest()
    folder = _KEPT / f"{module.stem}-{key[:16]}"
    if not folder.exists():
        for older in _KEPT.glob(f"{module.stem}-*"):
            shutil.rmtree(older, ignore_errors=True)
        _KEPT.mkdir(parents=True, exist_ok=True)
        running = Path(tempfile.mkdtemp(dir=_KEPT, prefix="running-"))
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "fuzz.recorded", str(module)]
        variables = {**os.environ, _VARIABLE: str(running), "PYTHONPATH": str(_TESTS)}
        subprocess.run(command, cwd=_TESTS.parent, env=variables, stdout=subprocess.DEVNULL, check=False)
        with suppress(OSError):  # where somebody else ran them meanwhile
            running.rename(folder)
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Have every source of bytes leave a copy of them."""
    folder, of_bytes = Path(os.environ[_VARIABLE]), Source.of_bytes

    def recording(data: bytes) -> Source:
        (folder / sha256(data).hexdigest()).write_bytes(data)
        return of_bytes(data)

    Source.of_bytes = staticmethod(recording)  # type: ignore[method-assign]
