"""Builders of inert files: valid by default, one deviation each, and the cases that prove every rule."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

from lazaretto_validators.testing import Case

__all__ = ["cases"]


def cases() -> Iterator[tuple[str, Case]]:
    """Every case, with the name of the module that it is in."""
    for module in pkgutil.iter_modules(__path__):
        for case in getattr(importlib.import_module(f"carriers.{module.name}"), "CASES", ()):
            yield module.name, case
