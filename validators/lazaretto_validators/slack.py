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
from lazaretto_validators.source import PIECE, Source

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


_WORD_END = re.compile(rb"[^\w$\xaa\xb5\xba\xc0-\xff]")  # of Latin-1: in another encoding, a picture is no text
_BLANKS = re.compile(rb"[\t-\r \xa0]*+")
# What can follow a word that is known only further on, up to where any bytes may stand: a comment, a string, a pattern.
_STATEMENT = re.compile(rb"[=:;,.(\[?+*/%&|^!-][\t-\r !#-&(-.0-_a-~\xa0-\xff]*+(?:(//)|[/\"'`]|\Z)")
_COMMENT_END, _LINE_END = re.compile(rb"\*/"), re.compile(rb"[\r\n]")
_CODE_TEXT = re.compile(rb"[^<\0-\x08\x0e-\x1f\x7f-\x9f][^\0-\x08\x0e-\x1f\x7f-\x9f]*")
_LOOK = 4096


def script_at(source: Source, at: int) -> bytes | None:
    """What makes a JavaScript program of a file whose signature is a word, and ends at `at`; None if nothing does.

    Sizes that go on as a program, `GIF89a=1/*`, `GIF89a/* ... */=1` or `RIFF:/*`: comments that are closed, then an
    operator and text up to where any bytes may stand. The bytes there hold a zero in nearly every honest file.
    """
    opening = source.at(at, 4).peek(4)
    behind = _behind(source, at, _WORD_END)
    begin = None if behind is None else _past_comments(source, behind - 1)
    if begin is None or not (statement := _STATEMENT.match(source.at(begin).peek(_LOOK))):
        return None
    if statement[1]:  # or it is the address that opens an XMP packet, with markup or pixels in the next line
        line = _past_comments(source, begin + statement.start(1))
        text = b"" if line is None else source.at(line).peek(_OVERLAP)
        return None if text and not _CODE_TEXT.fullmatch(text) else opening
    return opening


def _past_comments(source: Source, at: int) -> int | None:
    """Where blanks and JavaScript's comments from `at` on end; None if one of them is never closed."""
    while True:
        head = source.at(at).peek(_LOOK)
        blanks = _BLANKS.match(head)
        start = blanks.end() if blanks else 0
        if head[start : start + 2] == b"/*":
            if (end := _behind(source, at + start + 2, _COMMENT_END)) is None:
                return None
            at = end
        elif head[start : start + 2] == b"//":
            end = _behind(source, at + start, _LINE_END)
            at = source.size if end is None else end
        elif start + 1 < _LOOK:
            return at + start
        else:
            at += start


def _behind(source: Source, at: int, mark: re.Pattern[bytes]) -> int | None:
    """The place behind the first `mark`, of two bytes at most, from `at` on."""
    walker, window = source.at(at), _LOOK
    while piece := walker.peek(window):
        if found := mark.search(piece):
            return at + walker.tell() + found.end()
        walker.skip(max(1, len(piece) - 1))
        window = PIECE
    return None
