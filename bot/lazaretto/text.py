"""Text that a stranger wrote, made safe for people and terminals: no controls, no bidi tricks, no endless lines."""

from __future__ import annotations

import unicodedata

__all__ = ["fitting", "shown"]

# Invisible and direction-changing characters that make one name look like another (UAX #9, UTS #39) are shown as
# escapes, because a moderator must see that they were there. Beside whole categories (controls, format characters with
# all bidi controls and joiners, separators of lines, what is not assigned) these few, which count as letters or marks
# and draw nothing: the grapheme joiner, Hangul fillers, Khmer inherent vowels, the empty Braille cell.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANKS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")


def shown(text: str | None, limit: int = 120) -> str:
    """`text` on one line of at most `limit` characters, controls and invisible characters as escapes (`\\u202e`).

    Of a longer text both ends are kept: the end of a name is what decides how it is opened.
    """
    if not text:
        return ""
    escaped = _revealed(text[: limit + 1])
    if len(escaped) <= limit:
        return escaped
    tail = (limit - 1) // 3
    end = _revealed(text[-tail:])[-tail:] if tail else ""
    return f"{escaped[: limit - 1 - tail]}…{end}"


def fitting(text: str, units: int) -> str:
    """The beginning of `text`, in at most `units` UTF-16 code units, which is how chat platforms count."""
    return text.encode("utf-16-le", "replace")[: 2 * units].decode("utf-16-le", "ignore")


def _revealed(text: str) -> str:
    return "".join(_reveal(character) for character in text)


def _reveal(character: str) -> str:
    if character in _BLANKS or unicodedata.category(character) in _HIDDEN:
        return character.encode("unicode_escape").decode("ascii")
    return character
