"""What a field of a Word document does, by its instruction. ECMA-376-1, 17.16.5; threats OFF-06.

instruction = name argument* | QUOTE number* (the letters of another instruction, 17.16.5.49)
"""

from __future__ import annotations

import re

__all__ = ["starts_program", "unquoted"]

_DDE = re.compile(r"\s*+=?\s*+dde(?:auto)?\b", re.IGNORECASE)
_QUOTED = re.compile(r"\s*+quote((?:\s++\d{2,5}){3,64})(.*)", re.IGNORECASE | re.DOTALL)


def unquoted(code: str) -> str:
    """The instruction itself where its letters are given by their numbers."""
    if not (quoted := _QUOTED.match(code)):
        return code
    return "".join(chr(int(number)) for number in quoted.group(1).split()) + quoted.group(2)


def starts_program(code: str) -> bool:
    """Does it ask another program for data, and start it for that?"""
    return _DDE.match(unquoted(code)) is not None
