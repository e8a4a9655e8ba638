"""Giving up root, for good: a validator needs none of it."""

from __future__ import annotations

import contextlib
import os
import sys

__all__ = ["NOBODY", "give_up_root"]

NOBODY = 65534
"""The user and group that root becomes: no file of the bot is theirs."""


def give_up_root() -> None:
    """Become nobody. Where the user is not mapped (some containers), stay: the layer `unprivileged` is then missing."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return
    with contextlib.suppress(OSError):
        os.setgroups([])
        os.setregid(NOBODY, NOBODY)  # of root, these set the saved ids too
        os.setreuid(NOBODY, NOBODY)
