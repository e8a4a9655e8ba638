r"""The text of a group of an RTF document: without its controls, characters that are written as numbers as themselves.

\'hh            a byte by its two digits
\uN x...        a character by its number, then those that stand in for it with old readers      page 17
\ucN            how many those are from here to the end of the group; one, if nothing is said
"""

from __future__ import annotations

import re

__all__ = ["plain", "readings"]

_ESCAPED = re.compile(rb"\\(?:'([0-9a-fA-F]{2})|u(-?\d{1,6})\s?\??|([\\{}~])|\*|[a-zA-Z]{1,32}-?\d{0,10} ?)|[{}\r\n]")
_UNICODE = re.compile(rb"\\u-?\d")
_MAX_UNICODE = 8 * 1024  # bytes of a text that are read as often as there are ways to read its numbered characters
_PIECE_OF_TEXT = re.compile(
    rb"\\(?:'([0-9a-fA-F]{2})|u(-?\d{1,6}) ?|uc(\d{1,3}) ?|([\\{}~])|[a-zA-Z]{1,32}-?\d{0,10} ?|.)|"
    rb"([{}\r\n])|([^\\{}\r\n]+)",
    re.DOTALL,
)


def readings(raw: bytes) -> list[str]:
    r"""What a text can be read as: how many characters stand in for a `\u`, an earlier `\uc` says (page 17)."""
    if not _UNICODE.search(raw):
        return [plain(raw)]
    return list(dict.fromkeys(_numbered(raw[:_MAX_UNICODE], skip) for skip in (1, 0, 2)))


def plain(raw: bytes) -> str:
    """The text of a group without its controls."""

    def shown(match: re.Match[bytes]) -> bytes:
        return bytes.fromhex(match[1].decode()) if match[1] else match[3] or b""

    return _ESCAPED.sub(shown, raw).decode("latin-1").strip()


def _numbered(raw: bytes, skip: int) -> str:
    r"""The same where characters are written as numbers. skip: the characters behind each that are for old readers."""
    text: list[str] = []
    passed = 0  # of those behind the last number
    for piece in _PIECE_OF_TEXT.finditer(raw):
        byte, number, count, symbol, brace, letters = piece.groups()
        if count:
            skip = int(count)
        if number:
            text.append(chr(int(number) & 0xFFFF))
            passed = skip
        elif brace:
            passed = 0 if brace in b"{}" else passed
        elif letters:
            text.append(letters[passed:].decode("latin-1"))
            passed = max(0, passed - len(letters))
        elif passed:
            passed -= 1
        else:
            text.append((bytes.fromhex(byte.decode()) if byte else symbol or b"").decode("latin-1"))
    return "".join(text).strip()
