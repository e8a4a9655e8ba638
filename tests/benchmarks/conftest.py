"""The benchmarks are in the checkout alone: where there is none, there is nothing to collect here."""

from __future__ import annotations

import sys
from pathlib import Path

_CHECKOUT = Path(__file__).parents[2]

if (_CHECKOUT / "benchmarks" / "__main__.py").exists():
    sys.path.append(str(_CHECKOUT))
    collect_ignore_glob: list[str] = []
else:
    collect_ignore_glob = ["test_*.py"]
