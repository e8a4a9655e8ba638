"""The files that the tests of the validators make: seeds of a variety that nobody would write down twice.

As a plugin of pytest (`-p fuzz.recorded`) it keeps whatever bytes become a source, in the folder that a variable names.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from lazaretto_validators.source import Source

if TYPE_CHECKING:
    import pytest

__all__ = ["pytest_configure", "recorded"]

_VARIABLE = "LAZARETTO_RECORDED"
_TESTS = Path(__file__).parents[1]
_NOT = ("test_laws.py", "test_streaming.py", "test_bounded.py", "test_source.py")  # mutants, pieces, bombs


def recorded(longest: int) -> list[bytes]:
    """Run the tests of the validators, whatever comes out, and take their files of up to so many bytes."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "fuzz.recorded"]
        ignored = [f"--ignore={_TESTS / 'validators' / name}" for name in _NOT]
        variables = {**os.environ, _VARIABLE: folder, "PYTHONPATH": str(_TESTS)}
        subprocess.run(
            [*command, *ignored, str(_TESTS / "validators")],
            cwd=_TESTS.parent,
            env=variables,
            stdout=subprocess.DEVNULL,
            check=False,
        )
        files = sorted(Path(folder).iterdir())
        return [file.read_bytes() for file in files if file.stat().st_size <= longest]


def pytest_configure(config: pytest.Config) -> None:
    """Have every source of bytes leave a copy of them."""
    folder, of_bytes = Path(os.environ[_VARIABLE]), Source.of_bytes

    def recording(data: bytes) -> Source:
        (folder / sha256(data).hexdigest()).write_bytes(data)
        return of_bytes(data)

    Source.of_bytes = staticmethod(recording)  # type: ignore[method-assign]
