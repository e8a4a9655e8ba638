"""The limits that a worker sets around itself hold. Each attack is tried without them, too, and succeeds."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

LIMITED = (
    "from lazaretto.screening.worker import limit_resources\nassert limit_resources(64 << 20, 1) == ('rlimits',)\n"
)

ATTACKS = {
    "allocation": "bytearray(256 << 20)",
    "descriptors": "import os\nfor _ in range(64): os.dup(0)",
    "writing": "import os\nos.write(os.memfd_create('x'), b'x')",
}


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("attack", "error"),
    [("allocation", "MemoryError"), ("descriptors", "Too many open files"), ("writing", "File too large")],
)
def test_an_attack_meets_its_limit(attack: str, error: str) -> None:
    assert run(ATTACKS[attack]).returncode == 0
    limited = run(LIMITED + ATTACKS[attack])
    assert limited.returncode == 1
    assert error in limited.stderr


def test_an_endless_loop_is_ended_by_a_signal_that_names_the_reason() -> None:
    assert run(LIMITED + "while True: pass").returncode == -signal.SIGXCPU
