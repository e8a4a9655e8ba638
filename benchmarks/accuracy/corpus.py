"""Where the labelled files lie: where LAZARETTO_CORPUS says, or in `shared/corpus` beside the checkout."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["VARIABLE", "find_corpus"]

VARIABLE = "LAZARETTO_CORPUS"
_CHECKOUT = Path(__file__).parents[2]


def find_corpus() -> Path | None:
    """The manifest, None where there is no corpus. Raises FileNotFoundError where the variable names none."""
    if named := os.environ.get(VARIABLE):
        manifest = Path(named) if Path(named).is_file() else Path(named, "manifest.csv")
        if not manifest.is_file():
            raise FileNotFoundError(f"{VARIABLE} names {named}, and there is no manifest.csv")
        return manifest
    beside = _CHECKOUT.parent / "shared" / "corpus" / "manifest.csv"
    return beside if beside.is_file() else None
