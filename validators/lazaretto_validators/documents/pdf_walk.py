"""The objects of a PDF in the order in which they lie in the file, whatever its tables say. ISO 32000-2, 7.5.

    file = header {object | table trailer | "startxref" offset "%%EOF" | comment}

Attackers write objects that no table lists, and readers find them as soon as a table is broken. Therefore the walk
takes every object that lies there; the tables are compared with it afterwards. What lies inside a stream is passed
over, unless a table leads there or no table can be relied on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.documents import pdf_risks as risks
from lazaretto_validators.documents import pdf_rules as rules
from lazaretto_validators.documents.pdf_actions import ACTIONS
from lazaretto_validators.documents.pdf_file import MAX_OBJECT, WINDOW, Indirect, PdfFile
from lazaretto_validators.documents.pdf_tokens import BLANKS, HEAD, WHITE, Ref, Value, name_of, parse, sound_end
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import ShortRead

__all__ = ["ACTING", "MAX_GAP", "MAX_NAMED", "OVERLAP", "Walk", "objects_inside", "pieces"]

ACTING = re.compile(
    rb"/(?:J(?:S|avaScript|BIG2Decode)|OpenAction|AA|Launch|SubmitForm|ImportData|GoTo[RE]|Rendition|Movie|Sound"
    rb"|Screen|RichMedia|Flash|3D|U3D|PRC|EF|EmbeddedFile|XFA|FontMatrix|Kids|First|Next|ByteRange|Catalog|Named|Ref"
    rb"|Thread|FFilter|URI(?=[" + WHITE + rb"]*+(?:\((?!https?://[\w.-]+(?::\d+)?[/?#)]|mailto:|tel:)|<|\d)))"
    rb"(?![^" + WHITE + rb"()<>\[\]{}/%])|#(?:3\d|[46][1-9A-Fa-f]|[57][0-9Aa])"
)
"""What an object must contain to be worth taking apart, beside a stream.

A link to an ordinary page is not, nor are escapes in names but for letters and digits, which alone keywords consist of.
"""

MAX_GAP = 1024  # bytes between objects that an editor may leave without anybody minding (C-PDF-10 by analogy)
MAX_INSIDE = 10_000  # objects within streams that are looked at
MAX_NAMED = 16  # findings of one kind that are told; the rest is more of the same

_CLOSE = 4096  # bytes between a missing end mark and the next one in the file, at which the first is missed
_LONGEST_WORD = len(b"endobj")
OVERLAP = 48
"""Bytes of a piece that are looked at with the next one: longer than any word or head that is looked for."""
_TABLE = re.compile(rb"[\dfn" + WHITE + rb"]*+")
_COMMENT = re.compile(rb"%[^\r\n]*+")
_END_MARK = re.compile(rb"%%EOF")
_STARTXREF = re.compile(rb"startxref[" + WHITE + rb"]*\d*")
_LAST_HEAD = re.compile(rb"\d{1,10}[" + WHITE + rb"]{1,16}\d{1,10}[" + WHITE + rb"]{0,16}\Z")
_NEXT = re.compile(rb"obj|trailer|startxref|%%EOF")
_ENDOBJ = re.compile(rb"[" + WHITE + rb"]*+endobj")


@dataclass(slots=True)
class Walk:
    """Where the walk has come to, and what it has gathered.

    objects: offset of the last definition of each number.
    earlier: offsets of definitions that a later one replaces; redefined: the last offset of such objects.
    gaps: (begin, length) of what is no object; comments: the same of long ones.
    marks: where each end mark ends; started: whether `startxref` was met. trailers: dictionaries of all trailers.
    """

    file: PdfFile
    at: int
    objects: dict[int, int] = field(default_factory=dict)
    gaps: list[tuple[int, int]] = field(default_factory=list)
    comments: list[tuple[int, int]] = field(default_factory=list)
    marks: list[int] = field(default_factory=list)
    trailers: list[dict[str, Value]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    count: int = 0
    started: bool = False
    open_at_end: bool = False
    first_object: int = -1
    earlier: set[int] = field(default_factory=set)
    redefined: dict[int, int] = field(default_factory=dict)
    revision: set[int] = field(default_factory=set)
    weighty: set[int] = field(default_factory=set)
    _told: dict[str, int] = field(default_factory=dict)
    _sought: dict[bytes, tuple[int, int]] = field(default_factory=dict)

    def run(self) -> Iterator[Indirect]:
        """Every object that must be looked at: those with a stream, and those that contain ACTING."""
        file = self.file
        while self.at < file.size:
            data, index = file.window(self.at)
            file.screening.spend()
            begin = self.at - index
            blanks = BLANKS.match(data, index)
            index = blanks.end() if blanks else index
            self.at = begin + index
            if index >= len(data):
                continue
            if head := HEAD.match(data, index):
                if (found := self._object(data, index, head)) is not None:
                    yield found
            elif not self._between(data, index):
                self._gap(data, index)

    def note(self, finding: Finding) -> None:
        """Keep a finding, unless there are many of its kind already."""
        told = self._told.get(finding.rule, 0)
        self._told[finding.rule] = told + 1
        if told < MAX_NAMED:
            self.findings.append(finding)

    def _object(self, data: bytes, index: int, head: re.Match[bytes]) -> Indirect | None:
        at, number = self.at, int(head[1])
        self.count += 1
        if (before := self.objects.get(number)) is not None:
            self.earlier.add(before)
            self.redefined[number] = at
        self.objects[number] = at
        if self.first_object < 0:
            self.first_object = at
        end = sound_end(data, head.end())
        if max(end, -1 - end) >= len(data) - _LONGEST_WORD and self.at - index + len(data) < self.file.size:
            data, index, head, end = self._whole(data, index, head, end)
        is_stream = end >= 0 and data.startswith(b"stream", end)
        if not is_stream and (end < 0 or not data.startswith(b"endobj", end)):
            return self._slowly(number, at)
        if not is_stream and not ACTING.search(data, head.end(), end):
            self.at = at - index + end + len(b"endobj")
            self._defined(number, at, False)
            return None
        parsed = parse(data[head.end() : end + 9])
        self.file.screening.spend(parsed.tokens // 8)
        parsed.end += at - index + head.end()
        found = Indirect(number, int(head[2]), at, parsed.value, True, parsed.end, parsed.ending, parsed)
        return self._finish(found)

    def _whole(
        self, data: bytes, index: int, head: re.Match[bytes], end: int
    ) -> tuple[bytes, int, re.Match[bytes], int]:
        """A window that the object does not reach the end of, unless it is very long or the last one."""
        least = WINDOW
        while max(end, -1 - end) >= len(data) - _LONGEST_WORD and least < MAX_OBJECT:
            if self.at - index + len(data) >= self.file.size:
                break
            least *= 4
            data, index = self.file.window(self.at, least)
            head = HEAD.match(data, index) or head
            end = sound_end(data, head.end())
        return data, index, head, end

    def _slowly(self, number: int, at: int) -> Indirect:
        self.file.screening.spend(3)
        found = self.file.object_at(at)
        if found is None:  # cannot be: the head was just matched
            raise ShortRead(at, 1, 0)
        found.number = number
        return self._finish(found)

    def _finish(self, found: Indirect) -> Indirect:
        """What follows the value: a stream, the end mark."""
        parsed = found.parsed
        if parsed.faults:
            offset, what = parsed.faults[0]
            self.note(rules.OBJECT_SYNTAX.found(at=offset, where=found.where, seen=what, allowed="a value"))
        if parsed.hidden:
            self.note(risks.HIDDEN_NAME.found(at=found.at, where=found.where, seen=parsed.hidden[0]))
        if parsed.too_deep:
            self.note(rules.NESTING.found(at=found.at, where=found.where, seen="deeper", allowed="256 levels"))
        kind, action = name_of(found.dictionary.get("Type")), name_of(found.dictionary.get("S"))
        self._defined(found.number, found.at, kind in ("Catalog", "Action") or action in ACTIONS)
        self.at = max(found.end, found.at + 1)
        if parsed.ending == b"stream" and isinstance(found.value, dict):
            found.data_at = self.file.after_stream_word(found.end)
            self._pass_stream(found)
        elif parsed.ending == b"endobj":
            self.at += len(b"endobj")
        elif parsed.ending:
            self.note(rules.OBJECT_OPEN.found(at=found.end, where=found.where, seen=parsed.ending, allowed="endobj"))
            self.at += len(parsed.ending) if parsed.ending in (b"endstream", b"stream") else 0
        else:
            self.open_at_end = self.at >= self.file.size
        return found

    def _defined(self, number: int, at: int, weighty: bool) -> None:
        if number in self.revision:
            swapped = weighty or number in self.weighty
            rule = rules.OBJECT_SWAPPED if swapped else rules.OBJECT_TWICE
            self.note(rule.found(at=at, where=f"object {number}", seen="a second definition", allowed="one"))
        self.revision.add(number)
        if weighty:
            self.weighty.add(number)

    def _pass_stream(self, found: Indirect) -> None:
        """Go to the end of the stream: by its length, or where that is wrong, by its end mark."""
        file, told = self.file, found.dictionary.get("Length")
        length = file.resolve(told) if not isinstance(told, int) else told
        if isinstance(told, Ref) and length is None and told.number in self.objects:
            known = file.object_at(self.objects[told.number])
            length = known.value if known else None
        end = file.ends_at(found.data_at + length) if type(length) is int and length >= 0 else None
        if end is not None and isinstance(length, int):
            found.length = length
        else:
            end = self._to_mark(found, told, length)
        file.lengths[found.data_at] = found.length
        self.at = end
        data, index = file.window(end, 64)
        if closing := _ENDOBJ.match(data, index):
            self.at = end - index + closing.end()
        elif file.size > end:
            self.note(
                rules.OBJECT_OPEN.found(at=end, where=found.where, seen=data[index : index + 8], allowed="endobj")
            )

    def _to_mark(self, found: Indirect, told: Value, length: Value) -> int:
        begin = found.data_at
        mark = self._search(begin, b"endstream")
        other = self._search(begin, b"endobj")
        if mark < 0 or (0 <= other < mark and mark - other < _CLOSE):
            # A stream that holds objects is rare, one whose end mark is misspelt is damage: the nearer end counts.
            mark = other if other >= 0 else mark
            if mark < 0:
                self.open_at_end, found.length = True, self.file.size - begin
                return self.file.size
            self.note(rules.STREAM_OPEN.found(at=begin, where=found.where, seen="no end mark", allowed="endstream"))
            found.length = mark - begin
            return mark
        found.length = mark - begin
        if told is None:
            self.note(rules.STREAM_OPEN.found(at=begin, where=found.where, seen="no length", allowed=found.length))
        elif length is not None or not isinstance(told, Ref):
            self.note(rules.STREAM_LENGTH.found(at=begin, where=found.where, seen=length, allowed=found.length))
        return mark + len(b"endstream")

    def _search(self, at: int, word: bytes) -> int:
        """Where `word` stands next, to the end of the file, or -1; the last answer holds as far as it reaches."""
        begin, last = self._sought.get(word, (at + 1, -1))
        if begin <= at and (at <= last or last < 0):
            return last
        found = (piece_at + index for piece_at, piece in pieces(self.file, at) if (index := piece.find(word)) >= 0)
        self._sought[word] = (at, next(found, -1))
        return self._sought[word][1]

    def _between(self, data: bytes, index: int) -> bool:
        """Tables, trailers, marks and comments. False where it is something else."""
        begin = self.at - index
        if data.startswith(b"xref", index):
            self._table(data, index + len(b"xref"))
        elif data.startswith(b"trailer", index):
            parsed = self.file.parse_at(self.at + len(b"trailer"))
            if isinstance(parsed.value, dict):
                self.trailers.append(parsed.value)
            self.at = max(parsed.end, self.at + len(b"trailer"))
        elif mark := _STARTXREF.match(data, index):
            self.at = begin + mark.end()
            self.started = True
            self.revision.clear()
            self.weighty.clear()
        elif mark := _END_MARK.match(data, index):
            self.at = begin + mark.end()
            self.marks.append(self.at)
        elif comment := _COMMENT.match(data, index):
            if comment.end() - index > 16:
                self.comments.append((self.at, comment.end() - index))
            self.at = begin + comment.end()
        else:
            return False
        return True

    def _table(self, data: bytes, index: int) -> None:
        at = self.at + len(b"xref")
        while (match := _TABLE.match(data, index)) and match.end() == len(data) and match.end() > index:
            at += match.end() - index
            data, index = self.file.window(at)
        end = match.end() if match else index
        if data.startswith(b"obj", end) and (head := _LAST_HEAD.search(data, max(index, end - 48), end)):
            end = head.start()  # no trailer: the digits before were the next object's
        self.at = max(at + end - index, self.at + len(b"xref"))

    def _gap(self, data: bytes, index: int) -> None:
        """Something else: to where the next thing begins that is known."""
        begin, position = self.at, index + 1
        while True:
            found = _NEXT.search(data, position)
            if found is None:
                stop = max(len(data) - 64, index + 1) if self.at - index + len(data) < self.file.size else len(data)
                break
            stop = found.start()
            if found[0] != b"obj":
                break
            if head := _LAST_HEAD.search(data, max(index + 1, stop - 48), stop):
                stop = head.start()
                break
            position = found.end()
        self.at = begin + stop - index
        if self.gaps and sum(self.gaps[-1]) == begin:
            begin = self.gaps.pop()[0]
        self.gaps.append((begin, self.at - begin))


def pieces(file: PdfFile, at: int, length: int | None = None) -> Iterator[tuple[int, bytes]]:
    """A stretch of the file, or the rest of it, in pieces that overlap by OVERLAP bytes, each with its place."""
    rest = b""
    for piece in file.source.at(at, length).pieces():
        yield at - len(rest), rest + piece
        at += len(piece)
        rest = piece[-OVERLAP:]


def objects_inside(file: PdfFile) -> Iterator[Indirect]:
    """Objects that lie within streams: a reader that rebuilds the table may take them for ones of the document."""
    left, seen = MAX_INSIDE, -1
    for begin, length in list(file.lengths.items()):
        for offset, piece in pieces(file, begin, length):
            at = piece.find(b"obj")
            while at >= 0 and left:
                head = _LAST_HEAD.search(piece, max(0, at - OVERLAP), at)
                if (
                    head
                    and offset + at > seen
                    and (found := file.object_at(offset + head.start()))
                    and ACTING.search(file.peek(found.at, min(65536, found.end - found.at)))
                ):
                    left, seen = left - 1, offset + at
                    yield found
                at = piece.find(b"obj", at + 3)
    if not left:
        file.not_covered("streams", f"more than {MAX_INSIDE} objects inside streams")
