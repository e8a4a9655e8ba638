"""PDF documents. ISO 32000-2:2020 (PDF 2.0), which PDF 1.0 to 1.7 are read by as well.

Clauses stand in `pdf_rules` (structure) and `pdf_risks` (what it does and what else is in it).

    file     = [junk] header body {table trailer "startxref" offset "%%EOF" [body]}
    body     = {object}
    object   = n g "obj" value ["stream" bytes "endstream"] "endobj"

Checked: the chain of tables and what each entry leads to; every object that lies in the file, in a stream of objects,
or where a table leads, whether anything refers to it or not; actions, scripts, links, forms, media, attachments (each
judged as a file), pictures in JPEG likewise; packing and its bombs; trees and bookmarks; JBIG2 segments; what a
signature leaves out; what else is in the file.
Not checked: programs of fonts; other pictures' pixels, JPEG 2000 among them; operators on pages; the validity of
signatures; hint tables; of documents that are encrypted and open without a password, what pages show.

Deviations, all of them repaired by readers as a matter of routine and told at info: junk before the header, offsets
that are a little off, wrong lengths, missing `endobj`, several end marks, wrong counts. Three kinds of them in one
file are told at medium. Odd numbers (`--1`, `NaN`) of generators in scripting languages are taken for zero.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lazaretto_validators import unscannable
from lazaretto_validators.documents import pdf_risks as risks
from lazaretto_validators.documents import pdf_rules as rules
from lazaretto_validators.documents.pdf_actions import Actions
from lazaretto_validators.documents.pdf_cavities import judge_cavities
from lazaretto_validators.documents.pdf_crypt import open_without_password
from lazaretto_validators.documents.pdf_file import Indirect, PdfFile
from lazaretto_validators.documents.pdf_members import Members
from lazaretto_validators.documents.pdf_streams import Streams
from lazaretto_validators.documents.pdf_tokens import Name, Ref, Value
from lazaretto_validators.documents.pdf_trees import judge_root, judge_shadow, judge_trees
from lazaretto_validators.documents.pdf_walk import MAX_NAMED, Walk, objects_inside
from lazaretto_validators.documents.pdf_xref import XrefTable, read_xref
from lazaretto_validators.finding import Finding, Severity
from lazaretto_validators.source import NotThisFormat, ShortRead, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_PDF", "validate_pdf"]

RULES = (*rules.RULES, *risks.RULES)

SMALLEST_PDF = (
    b"%PDF-1.7\n"
    b"1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n"
    b"2 0 obj\n<</Type/Pages/Kids[3 0 R]/Count 1>>\nendobj\n"
    b"3 0 obj\n<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]/Resources<<>>>>\nendobj\n"
    b"xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000054 00000 n \n0000000105 00000 n \n"
    b"trailer\n<</Size 4/Root 1 0 R>>\nstartxref\n180\n%%EOF"
)
"""One empty page."""

REACH = 1024  # bytes in which readers look for the header: Acrobat implementation note 13 of PDF 1.7
MAX_OBJECTS = 200_000  # threats BMB-06
MAX_REPAIRS = 2  # kinds of routine damage in one file that nobody minds

_HEADER = re.compile(rb"%PDF-(\d\.\d)?")
_VERSIONS = frozenset((b"1.0", b"1.1", b"1.2", b"1.3", b"1.4", b"1.5", b"1.6", b"1.7", b"2.0"))


@validator("application/pdf", magic=b"%PDF-", extensions=("pdf",), rules=RULES, example=SMALLEST_PDF, api=1)
def validate_pdf(source: Source, screening: Screening) -> Iterator[Finding]:
    """PDF documents. ISO 32000-2."""
    header = _HEADER.search(source.peek(REACH))
    if header is None:
        raise NotThisFormat("no header in the first KiB")
    document = _Document(PdfFile(source, screening, header.start()))
    routine = set()
    for finding in document.judge(header):
        if _SEVERITY.get(finding.rule) is Severity.INFO and finding.rule not in _NO_REPAIR:
            routine.add(finding.rule)
        yield finding
    if len(routine) > MAX_REPAIRS:
        yield rules.REPAIRS.found(at=None, seen=", ".join(sorted(routine)))
    if document.walk.open_at_end:
        raise ShortRead(source.size, 1, 0)


_SEVERITY = {rule.id: rule.severity for rule in RULES}
_NO_REPAIR = frozenset({risks.ATTACHMENT.id, risks.JBIG2.id, risks.LOCAL_ADDRESS.id})


class _Document:
    """One document on its way: tables, then the walk over all objects, then what needs both."""

    def __init__(self, file: PdfFile) -> None:
        self.file = file
        self.table = XrefTable()
        self.walk = Walk(file, file.begin)
        self.actions = Actions(file)
        self.streams = Streams(file, self.actions)
        self.members = Members(file, self.actions, self.streams)
        file.find = self.table.place
        file.find_lying = self._lying

    def judge(self, header: re.Match[bytes]) -> Iterator[Finding]:
        """Everything, in the order in which it can be known."""
        yield from self._judge_header(header)
        yield from read_xref(self.file, self.table)
        yield from self._judge_encryption(self.table.trailer)
        for found in self.walk.run():
            yield from self._judge_object(found)
        yield from self.walk.findings
        yield from self._judge_table()
        yield from self._judge_end(header)
        root = self._root()
        if not self.file.locked:
            yield from judge_root(self.file, root)
        yield from judge_trees(self.file, self.actions, root)
        yield from judge_shadow(self.file, self.walk, self.actions, self.walk.redefined)
        yield from self.actions.finish()
        yield from self.streams.finish()
        yield from self.members.judge(self._of_trailers("Info"))
        if self.file.cipher and self.file.cipher.missed:
            yield unscannable.ENCRYPTED.found(at=None, where="Encrypt", seen=self.file.cipher.missed)
        end = self._end()
        yield from judge_cavities(self.file, self.walk, self.members, end)
        if end is not None:
            self.file.screening.ends_at(end)
        if self.streams.pictures:
            self.file.not_covered("pictures", "their pixels are not unpacked")

    def _judge_header(self, header: re.Match[bytes]) -> Iterator[Finding]:
        if header.start():
            yield rules.LEADING_BYTES.found(at=0, where="header", seen=f"{header.start()} bytes", allowed=0)
        if header[1] not in _VERSIONS:
            yield rules.VERSION.found(
                at=header.start(), where="header", seen=header[1] or b"none", allowed="1.0 to 2.0"
            )

    def _judge_encryption(self, trailer: dict[str, Value]) -> Iterator[Finding]:
        if trailer.get("Encrypt") is None or self.file.locked or self.file.cipher:
            return
        encryption, screening = self.file.resolve(trailer["Encrypt"]), self.file.screening
        if not isinstance(encryption, dict):  # readers then take the document for a plain one
            yield rules.TRAILER.found(at=None, where="Encrypt", seen=repr(encryption), allowed="a dictionary")
            return
        self.file.cipher = open_without_password(encryption, self.file.resolve(trailer.get("ID")), screening)
        if self.file.cipher is None:
            self.file.locked = True
            yield unscannable.ENCRYPTED.found(at=None, where="Encrypt", seen="a password is needed")
        else:
            screening.not_covered("streams", "encrypted contents of pages are not unpacked")

    def _judge_object(self, found: Indirect) -> Iterator[Finding]:
        if isinstance(found.value, (dict, list, Name)):
            found.value = self.file.unsealed(found)
            yield from self.actions.judge(found.value, found.number, found.at, found.where)
        if found.data_at >= 0:
            yield from self.streams.judge(found)

    def _judge_table(self) -> Iterator[Finding]:
        """Each entry of the tables against what lies there; then the insides of streams, if no table can be trusted."""
        objects, told = self.walk.objects, 0
        for number, offset in self.table.in_file.items():
            if objects.get(number) == offset:
                continue
            found = self.file.object_at(offset) if self.file.may_begin(offset) else None
            if found is not None and found.number == number:
                if found.at != objects.get(number) and found.at not in self.walk.earlier:
                    yield rules.HIDDEN_OBJECT.found(at=found.at, where=found.where, seen="not between the objects")
                    yield from self.actions.judge(found.value, number, found.at, found.where)
                continue
            told += 1
            if told <= MAX_NAMED:
                elsewhere = found is None and number in objects
                rule = rules.OBJECT_OFFSET if elsewhere else rules.OBJECT_NUMBER
                seen = found.where if found else "no object"
                yield rule.found(at=offset, where=f"object {number}", seen=seen, allowed=objects.get(number, ""))
        yield from self._judge_packed_entries()
        if told or not self.table.whole:
            for found in objects_inside(self.file):
                yield from self.actions.judge(found.value, found.number, found.at, f"object {found.number} in a stream")

    def _judge_packed_entries(self) -> Iterator[Finding]:
        """A stream of objects must lie in the file itself: 7.5.7."""
        if self.file.locked:
            return
        for holder in sorted(set(self.table.packed.values()) - self.streams.holders)[:MAX_NAMED]:
            nested = holder in self.table.packed
            seen = "inside another" if nested else "no such stream"
            yield rules.OBJECT_STREAM.found(at=None, where=f"object {holder}", seen=seen, allowed="a stream of objects")

    def _judge_end(self, header: re.Match[bytes]) -> Iterator[Finding]:
        if not self.walk.marks:
            yield rules.NO_END_MARK.found(at=self.file.size, where="end", seen="nothing", allowed="%%EOF")
        second = self.file.peek(header.end(), max(0, self.walk.first_object - header.end())).find(b"%PDF-")
        if second >= 0:
            yield rules.SECOND_HEADER.found(at=header.end() + second, where="header", seen="%PDF-", allowed="one")
        if (count := self.walk.count + self.streams.count) > MAX_OBJECTS:
            yield rules.MANY_OBJECTS.found(at=None, seen=f"{count} objects", allowed=MAX_OBJECTS)
        if "Encrypt" not in self.table.trailer:
            for trailer in self.walk.trailers:
                if not self.table.whole:
                    yield from self._judge_encryption(trailer)

    def _of_trailers(self, key: str) -> Value:
        """What the tables' trailers say of a key, or the last trailer that lies in the file."""
        if key in self.table.trailer:
            return self.table.trailer[key]
        return next((trailer[key] for trailer in reversed(self.walk.trailers) if key in trailer), None)

    def _root(self) -> Value:
        """The catalogue, or what a reader that rebuilds the file takes for it."""
        root = self._of_trailers("Root")
        if root is None and self.actions.catalogs:
            return Ref(self.actions.catalogs[-1], 0)
        return root

    def _lying(self, number: int) -> tuple[int, int] | None:
        if number in self.walk.objects:
            return self.walk.objects[number], 0
        return (0, self.streams.packed[number]) if number in self.streams.packed else None

    def _end(self) -> int | None:
        """Behind the last end mark, if no object follows it."""
        marks, last = self.walk.marks, max(self.walk.objects.values(), default=0)
        return marks[-1] if marks and marks[-1] > last else None
