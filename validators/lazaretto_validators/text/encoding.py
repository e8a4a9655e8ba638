"""Is this text, and in which encoding? The decision that `identify` and the text validators share.

Text is what decodes to the end without control characters. UTF-8 first, then UTF-16 and UTF-32 by byte-order mark or
by the pattern of zero bytes, then the one-byte code pages, which cannot be told apart and need not be: what is looked
for in a text (interpreters, keywords) is ASCII in all of them.
"""

from __future__ import annotations

import codecs
import re

from lazaretto_validators.source import Source

__all__ = ["ASCII_SUPERSETS", "BINARY", "CONTROLS", "HEAD_BYTES", "decode_head", "encoding_of", "read_whole"]

HEAD_BYTES = 64 * 1024
"""How much of a file `decode_head` should be given, bytes: a script announces itself early."""

_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: its mark begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# Bell to carriage return, the DOS end of file and escape (coloured logs) occur in honest text; other controls do not.
BINARY = re.compile("[\0-\x06\x0e-\x19\x1c-\x1f\x7f]")

CONTROLS = tuple(bytes((code,)) for code in range(128) if BINARY.match(chr(code)))
"""The same as single bytes: asking for each of them with memchr is many times as fast as a search for the class."""

ASCII_SUPERSETS = frozenset({"utf-8", "latin-1"})
"""Encodings in which a byte below 128 is that character and nothing else."""

# An interpreter that reads line by line never sees what is packed behind the script (makeself, PHAR, batch installers):
# for these openings, text counts up to the first zero byte.
_READ_BY_LINE = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:#![ \t]*[/\w][ -~\t]{1,255}[\r\n]|<\?php\s|@echo off\s*[\r\n]|"
    rb"\[(?:InternetShortcut|Desktop Entry)\]\s*[\r\n]|Windows Registry Editor Version 5|REGEDIT4)",
    re.IGNORECASE,
)

_SHORT = 64  # bytes; below, random bytes pass for a code page by chance: one in ten is a control
_LEAST_ASCII = 16  # bytes; so many ASCII ones in a row are no UTF-16, whose every second one tells the script
_LEAST_PAIRS = 4  # UTF-16 without a mark: fewer units than this prove nothing


def read_whole(source: Source, most: int) -> bytes | None:
    """Everything from the cursor to the end, None if that is more than `most` bytes."""
    pieces: list[bytes] = []
    for piece in source.pieces():
        pieces.append(piece)
        if source.tell() > most:
            return None
    return b"".join(pieces)


def decode_head(head: bytes) -> str | None:
    """The first bytes of a file as text, without a byte-order mark; None where they are not text (or nothing).

    head: at best HEAD_BYTES; a character cut in half at its end is left out.
    """
    if not head:
        return None
    if encoding := encoding_of(head):
        text = _decode(head, encoding)
        if text is not None and not _has_controls(head, encoding, text):
            return text.removeprefix("\ufeff").removeprefix("\xff\xfe").removeprefix("\xfe\xff")
    if _READ_BY_LINE.match(head):
        return head.removeprefix(codecs.BOM_UTF8).split(b"\0", 1)[0].decode("latin-1")
    return None


def _has_controls(data: bytes, encoding: str, text: str) -> bool:
    if encoding in ASCII_SUPERSETS:
        return any(control in data for control in CONTROLS)
    return BINARY.search(text) is not None


def encoding_of(head: bytes) -> str | None:
    """The codec that decodes `head`, None if none does. `latin-1` stands for any one-byte code page."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            if encoding.startswith("utf-16") and _is_ascii_behind(head, mark):
                return "latin-1"
            return encoding if _decode(head, encoding) is not None else None
    if b"\0" in head:
        return _wide_encoding(head)
    if _decode(head, "utf-8") is not None:
        return "utf-8"
    high = sum(map((0x7F).__lt__, head))
    return None if len(head) < _SHORT and 2 * high > len(head) else "latin-1"


def _is_ascii_behind(head: bytes, mark: bytes) -> bool:
    """A mark of UTF-16 in front of ASCII: editors show Chinese, while the command interpreter reads commands."""
    rest = head[len(mark) :]
    return len(rest) >= _LEAST_ASCII and rest.isascii() and b"\0" not in rest


def _decode(head: bytes, encoding: str) -> str | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        return decoder.decode(head)  # not final: the head may end inside a character
    except UnicodeDecodeError:
        return None


def _wide_encoding(head: bytes) -> str | None:
    """UTF-16 without a mark: one byte of most pairs is zero, and the other one never is."""
    pairs = len(head) // 2
    low, high = head[0 : 2 * pairs : 2].count(0), head[1 : 2 * pairs : 2].count(0)
    if pairs < _LEAST_PAIRS:
        return None
    if low == 0 and 2 * high > pairs:
        return "utf-16-le"
    if high == 0 and 2 * low > pairs:
        return "utf-16-be"
    return None
