"""What cards and the messages about cases have in common: the prefix of their buttons, and strangers' text."""

from __future__ import annotations

import re
from html import unescape

from lazaretto.text import shown

__all__ = ["MOST_UNITS", "PREFIX", "told", "units"]

PREFIX = "lz:"
"""Begins the data of every button of ours."""

MOST_UNITS = 4096
"""UTF-16 code units of a message, once its HTML is parsed: Bot API, sendMessage."""

_BLANKS = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]{3,}")  # what Unicode counts as spaces (Zs)
_TAG = re.compile(r"<[^<>]*>")


def told(text: str | None, limit: int) -> str:
    """A stranger's text, not escaped yet: nothing hidden in it, and no room to look like a line of ours. Blanks that
    would push what follows to the beginning of a line are counted instead."""
    return shown(_BLANKS.sub(lambda run: f" [{len(run[0])} blanks] ", text or ""), limit)


def units(html: str) -> int:
    """How much of a message HTML takes: UTF-16 code units of what is left once it is parsed."""
    return len(unescape(_TAG.sub("", html)).encode("utf-16-le", "surrogatepass")) // 2
