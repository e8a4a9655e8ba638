"""The buttons under a card that decide about its case, told from those about its sender and for a closer look."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["deciding"]

_OTHERS = frozenset({"Mute ▸", "Ban ▸", "Details", "Tell sender"})


def deciding(buttons: Iterable[str]) -> list[str]:
    """Labels of those that decide, in order."""
    return [label for label in buttons if label not in _OTHERS]
