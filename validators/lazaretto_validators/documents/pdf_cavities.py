"""Where a PDF has room for something else: between objects, in comments, in streams that nobody shows.

Readers pass over all of it (ISO 32000-2, 7.5.3, and their repairs), other programs do not: a file that is an archive,
a web page or a program as well. Threats PDF-17.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lazaretto_validators.documents import pdf_risks as risks
from lazaretto_validators.documents import pdf_rules as rules
from lazaretto_validators.documents.pdf_file import PdfFile, stretch
from lazaretto_validators.documents.pdf_members import CODE, Members
from lazaretto_validators.documents.pdf_tokens import STRING
from lazaretto_validators.documents.pdf_walk import MAX_GAP, OVERLAP, Walk, pieces
from lazaretto_validators.embedded import search
from lazaretto_validators.finding import Finding
from lazaretto_validators.identify import identify
from lazaretto_validators.media_types import Risk
from lazaretto_validators.source import PIECE

__all__ = ["judge_cavities"]

_DICOM = b"DICM\x02\x00"  # PS3.10, 7.1: the prefix, and the group of the first element, little endian
_FOREIGN_HEAD = re.compile(
    rb"PK\x03\x04|MZ|\x7fELF|Rar!|7z\xbc\xaf|\xca\xfe\xba\xbe|dex\n|\x1f\x8b\x08|MSCF|#!|\xd0\xcf\x11\xe0"
    rb"|\s{0,16}<(?:\?php|html|!doctype|script|svg)",
    re.IGNORECASE,
)
_FOREIGN = frozenset({Risk.RUN, Risk.ARCHIVE, Risk.BROWSED})
_MAX_READ = 64 << 20  # bytes of streams without a filter that are searched for code
_MAX_TEXT = 8 << 20  # bytes of one of them whose strings are told from what else is in it
_STRINGS = re.compile(rb"\\.|" + STRING.pattern, re.DOTALL)


def judge_cavities(file: PdfFile, walk: Walk, members: Members, end: int | None) -> Iterator[Finding]:
    """end: where the document ends, if it has an end mark; up to there it is searched through here."""
    if file.peek(128, len(_DICOM)) == _DICOM:
        yield risks.DICOM.found(at=128, seen="a DICOM prefix")
    yield from _judge_gaps(file, walk, file.size if end is None else end)
    yield from _judge_plain(file, members)
    if end is not None:
        yield from _search(file, members, end)


def _judge_gaps(file: PdfFile, walk: Walk, end: int) -> Iterator[Finding]:
    for begin, length in sorted(walk.gaps + walk.comments):
        if length > PIECE:
            data = stretch(file.source, begin, min(length, _MAX_TEXT))
        else:
            window, index = file.window(begin, length)
            data = window[index : index + length]
        if _holds_zip(data):
            yield risks.FOREIGN_STREAM.found(at=begin, where="between objects", seen="application/zip")
            break
        if code := CODE.search(data):
            yield risks.CODE_IN_GAP.found(at=begin + code.start(), seen=code[0])
            break
        if length > _MAX_TEXT:
            file.not_covered("between objects", f"more than {_MAX_TEXT} bytes")
    wide = [gap for gap in walk.gaps if gap[0] < end and (gap[1] > MAX_GAP or gap[0] < walk.first_object - MAX_GAP)]
    if wide:
        yield rules.GAP.found(at=wide[0][0], seen=f"{wide[0][1]} bytes", allowed="objects")


def _judge_plain(file: PdfFile, members: Members) -> Iterator[Finding]:
    """Streams without a filter: their beginning, and code of pages in what is no text shown on a page."""
    left = _MAX_READ
    for number, begin, length in members.streams.plain:
        if number in members.numbers:
            continue
        if left <= 0:
            file.not_covered("streams", f"more than {_MAX_READ} bytes without a filter")
            return
        window = file.source.at(begin, length)
        head = window.peek(32)
        if _FOREIGN_HEAD.match(head):
            detected = identify(window)
            if detected is not None and detected.risk in _FOREIGN:
                yield risks.FOREIGN_STREAM.found(at=begin, where=f"object {number}", seen=detected.name)
                return
        left -= length
        if seen := _foreign(file, begin, length):
            yield risks.FOREIGN_STREAM.found(at=begin, where=f"object {number}", seen=seen)
            return


def _foreign(file: PdfFile, begin: int, length: int) -> bytes:
    """An archive, or code of a page that is not shown as text: that would stand in a string."""
    known = begin  # up to here there is no code
    for at, piece in pieces(file, begin, length):
        if _holds_zip(piece):
            return b"application/zip"
        if at >= known and CODE.search(piece):
            start = begin if at < begin + _MAX_TEXT else at
            text = stretch(file.source, start, min(begin + length - start, _MAX_TEXT))
            if code := CODE.search(_STRINGS.sub(b"()", text)):
                return code[0]
            known = start + len(text) - OVERLAP
    return b""


def _holds_zip(data: bytes) -> bool:
    """A member and the end of a directory: APPNOTE 4.3.7, 4.3.16. Text and pixels do not contain both by chance."""
    return 0 <= data.find(b"PK\x03\x04") < data.rfind(b"PK\x05\x06")


def _search(file: PdfFile, members: Members, end: int) -> Iterator[Finding]:
    """Another file anywhere but in an attachment, which has been judged as a file of its own."""
    inside, begin = file.source.at(0, end), file.begin + 5
    attachments = sorted(members.extents)
    for _ in range(len(attachments) + 1):
        hit = search(inside, begin, scripts=False, host="application/pdf")
        if hit is None:
            return
        around = next((until for start, until in attachments if start <= hit[0] < until), None)
        if around is None:
            yield risks.FOREIGN_STREAM.found(at=hit[0], seen=hit[1])
            return
        begin = around
