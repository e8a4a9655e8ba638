"""What stands in bytes that a format leaves free: comments, unused space, padding. Is there a file or code in them?

Programs that start to read elsewhere than the format's own decoder does find what was put there: a picture whose
comment is an archive is opened as either. Threats IMG-36, IMG-37, STG-02.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from lazaretto_validators.embedded import search, text_tail
from lazaretto_validators.identify import identify
from lazaretto_validators.media_types import MEDIA_TYPES, MediaType, Risk
from lazaretto_validators.names import is_textual
from lazaretto_validators.source import Source

__all__ = ["code_in", "doctype_in", "file_in", "script_at"]

_OVERLAP = 16  # bytes, more than any match takes: one that lies across two pieces is still seen
# Every pattern begins with a literal, which the regular expression engine finds at the speed of memory.
_CODE = (
    re.compile(rb"<(?i:\?php|script[\s>/]|%[=@!\s-])"),
    re.compile(rb"eval\((?<![\w.]eval\()"),
    re.compile(rb"/\.\*/e"),
)
_DOCTYPE = (re.compile(rb"<!(?i:doctype|entity)\b"),)
_LEAST = 8  # bytes: no file worth hiding is shorter
_PADDING = b"\0 \t\r\n"
_FOREIGN = frozenset({Risk.RUN, Risk.ARCHIVE, Risk.DOCUMENT, Risk.BROWSED})


def code_in(pieces: Iterable[bytes]) -> bytes:
    """The first program text for a web server or page in bytes that pass by; empty if there is none. All are taken."""
    return _first_of(_CODE, pieces)


def doctype_in(pieces: Iterable[bytes]) -> bytes:
    """The first declaration of a document type or an entity. All pieces are taken."""
    return _first_of(_DOCTYPE, pieces)


def _first_of(patterns: tuple[re.Pattern[bytes], ...], pieces: Iterable[bytes]) -> bytes:
    carry = hit = b""
    for piece in pieces:
        if hit:
            continue
        # A match that begins with a full carry was judged with the character before it, which is gone now.
        begin = int(len(carry) == _OVERLAP)
        text = carry + piece
        carry = text[-_OVERLAP:]
        hit = next((match[0] for pattern in patterns if (match := pattern.search(text, begin))), b"")
    return hit


def file_in(
    source: Source, begin: int, end: int, *, host: str = "", quoting: bool = False
) -> tuple[int, MediaType] | None:
    """A program, archive, document or page between two offsets of a file, where it begins and its type.

    At the beginning by its signature, anywhere by its structure, a page also at the end.
    host: the type of the file itself. quoting: it is a place for text, which may quote code, but not begin with it.
    """
    room = source.at(begin, max(0, end - begin))
    lead = _padding(room)
    if end - begin - lead < _LEAST:
        return None
    found = identify(room.at(lead))
    if found is not None and found.name != host and _is_file(found):
        return begin + lead, found
    hit = search(room, 0, scripts=not quoting, host=host) or (None if quoting else text_tail(room))
    return (begin + hit[0], MEDIA_TYPES[hit[1]]) if hit else None


def _padding(room: Source) -> int:
    """How many bytes of padding it begins with."""
    count = 0
    for piece in room.at(0).pieces():
        content = piece.lstrip(_PADDING)
        count += len(piece) - len(content)
        if content:
            break
    return count


def _is_file(found: MediaType) -> bool:
    """A text is what its name makes it, and has none here; only pages and PHP are looked for by what reads them."""
    if is_textual(found):
        return found.risk is Risk.BROWSED or found.name == "application/x-php"
    return found.risk in _FOREIGN


_COMMENT_END = re.compile(rb"\*/\s*=")


def script_at(source: Source, at: int) -> bytes | None:
    """What makes a JavaScript program of a file whose signature is a word, and ends at `at`; None if nothing does.

    A comment that is closed further on and followed by an assignment, or an assignment at once: `GIF89a/* ... */=1`.
    The bytes there are sizes, which no honest file has so large.
    """
    opening = source.at(at, 4).peek(4)
    if opening[:2] == b"/*":
        walker, carry = source.at(at + 2), b""
        for piece in walker.pieces():
            if _COMMENT_END.search(carry + piece):
                return opening
            carry = piece[-_OVERLAP:]
    assigns = len(opening) == 4 and opening[:1] == b"=" and all(32 <= byte < 127 for byte in opening)
    return opening if assigns else None
