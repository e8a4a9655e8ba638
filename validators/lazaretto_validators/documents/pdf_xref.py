"""Where a PDF says that its objects are: tables, streams, hybrids, and their chain. ISO 32000-2, 7.5.4 to 7.5.8.

    section  = table | stream              each with a trailer dictionary
    table    = "xref" {first count {offset generation n|f}} "trailer" << ... /Prev offset /XRefStm offset >>
    stream   = n g obj << /Type /XRef /W [w w w] /Index [first count ...] >> stream ...
    file end = "startxref" offset "%%EOF"

The newest section is read first, and what it says of an object holds. A chain that bites its tail, or numbers that no
file of this size can mean, are what readers were attacked with; offsets that are a little off are everyday.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.documents import pdf_rules as rules
from lazaretto_validators.documents.pdf_file import PdfFile
from lazaretto_validators.documents.pdf_tokens import WHITE, Value
from lazaretto_validators.finding import Finding

__all__ = ["MAX_NUMBER", "XrefTable", "read_xref"]

MAX_NUMBER = 8_388_607
"""Annex C (informative): the number of indirect objects that Acrobat can take."""

MAX_ENTRIES = 1_000_000  # of all sections together
MAX_SECTIONS = 2048  # one for each time that the document was saved
MAX_REACH = 1 << 20  # bytes before the end in which `startxref` is looked for, as far as readers go back
_NEARBY = 64  # bytes that a section may stand off; further away it is as good as lost

_BLANKS = rb"[" + WHITE + rb"]*+"
_TOLD = re.compile(rb"startxref[" + WHITE + rb"]*(\d{1,19})")
_SUBSECTION = re.compile(_BLANKS + rb"(\d{1,10})[\0\t\f ]++(\d{1,10})" + _BLANKS)
_ENTRY = re.compile(rb"(\d{1,10})[ \t]++(\d{1,10})[ \t]++([fn])" + _BLANKS)
_TRAILER = re.compile(_BLANKS + rb"trailer")
_OBJECT = rb"\d{1,10}[" + WHITE + rb"]+\d{1,5}[" + WHITE + rb"]+obj\b"
_SECTION = re.compile(rb"xref\b|" + _OBJECT)
_NEAR = re.compile(rb"(?<![a-z])xref(?=[" + WHITE + rb"]+\d)|\b" + _OBJECT)
_PIECE = 256 * 1024


@dataclass(slots=True)
class XrefTable:
    """in_file: offset of each object by number. packed: number of the stream of objects that holds it.

    trailer: what the newest trailer says, with older ones where it names no root.
    whole: every section of the chain could be read.
    sections: offsets of all sections.
    """

    in_file: dict[int, int] = field(default_factory=dict)
    packed: dict[int, int] = field(default_factory=dict)
    trailer: dict[str, Value] = field(default_factory=dict)
    sections: list[int] = field(default_factory=list)
    whole: bool = True
    from_header: bool = False
    entries: int = 0

    def place(self, number: int) -> tuple[int, int] | None:
        """Offset and 0, or 0 and the number of the stream of objects."""
        if number in self.in_file:
            return self.in_file[number], 0
        return (0, self.packed[number]) if number in self.packed else None


def read_xref(file: PdfFile, table: XrefTable) -> Iterator[Finding]:
    """Fill `table` from the end of the file."""
    told = _told(file)
    if told is None:
        table.whole = False
        yield rules.XREF_LOST.found(at=file.size, where="startxref", seen="nothing", allowed="an offset")
        return
    waiting = [told]
    while waiting:
        at = waiting.pop()
        if at in table.sections:
            yield rules.XREF_LOOP.found(at=at, where="Prev", seen="a section for the second time", allowed="older ones")
            return
        if len(table.sections) == MAX_SECTIONS:
            yield rules.XREF_NUMBERS.found(at=at, where="Prev", seen="more sections", allowed=MAX_SECTIONS)
            return
        table.sections.append(at)
        trailer: dict[str, Value] = {}
        yield from _read_section(file, table, at, trailer)
        if "Root" not in table.trailer:  # readers take the newest trailer alone, unless it leads nowhere
            table.trailer = {**trailer, **table.trailer}
        yield from _follow(trailer, at, waiting)


def _told(file: PdfFile) -> int | None:
    """The offset behind the last `startxref`."""
    end = file.size
    while end > max(0, file.size - MAX_REACH):
        begin = max(0, end - _PIECE)
        found = _TOLD.findall(file.peek(begin, end - begin + 40 if end < file.size else end - begin))
        if found:
            return int(found[-1])
        end = begin
    return None


def _follow(trailer: dict[str, Value], at: int, waiting: list[int]) -> Iterator[Finding]:
    """The sections that this one leads to: the older one last, the hybrid's stream first (7.5.8.4)."""
    for key in ("Prev", "XRefStm"):
        value = trailer.get(key)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if type(value) is int and value >= 0:
            if value:  # some writers say 0 for none
                waiting.append(value)
        elif key in trailer:
            yield rules.TRAILER.found(at=at, where=key, seen=repr(value), allowed="an offset")


def _read_section(file: PdfFile, table: XrefTable, told: int, trailer: dict[str, Value]) -> Iterator[Finding]:
    at = _locate(file, table, told)
    if at is None:
        table.whole = False
        yield rules.XREF_LOST.found(at=min(told, file.size), where="startxref", seen=told, allowed="a section")
        return
    if at not in (told, told + file.begin):  # counted from a header that is told of already
        yield rules.XREF_SHIFTED.found(at=at, where="startxref", seen=told, allowed=at)
    if file.peek(at, 4) == b"xref":
        yield from _read_table(file, table, at, trailer)
    else:
        yield from _read_stream(file, table, at, trailer)
    size = trailer.get("Size")
    if trailer and type(size) is not int:
        yield rules.TRAILER.found(at=at, where="Size", seen=repr(size), allowed="a number")
    elif isinstance(size, int) and not 0 <= size <= MAX_NUMBER:
        yield rules.XREF_NUMBERS.found(at=at, where="Size", seen=size, allowed=MAX_NUMBER)


def _locate(file: PdfFile, table: XrefTable, told: int) -> int | None:
    """Where the section really begins: as told, counted from the header, or a few bytes off."""
    for at in (told, told + file.begin):
        if _SECTION.match(file.peek(at, 40)):
            table.from_header = table.from_header or at != told
            return at
    for at in (told, told + file.begin):
        begin = max(0, at - _NEARBY)
        around = file.peek(begin, 2 * _NEARBY)
        near = [begin + found.start() for found in _NEAR.finditer(around)]
        if near:
            return min(near, key=lambda place: abs(place - at))
    return None


def _read_table(file: PdfFile, table: XrefTable, at: int, trailer: dict[str, Value]) -> Iterator[Finding]:
    position = at + len(b"xref")
    while True:
        data, index = file.window(position, 128)
        head = _SUBSECTION.match(data, index)
        if head is None:
            break
        first, count = int(head[1]), int(head[2])
        if first + count > MAX_NUMBER + 1:
            yield rules.XREF_NUMBERS.found(at=position, where="xref", seen=f"{first} {count}", allowed=MAX_NUMBER)
            table.whole = False
        position += head.end() - index
        position, read = _read_entries(file, table, position, first, count)
        table.entries += read
        if read < count:
            table.whole = False
            yield rules.XREF_ENTRIES.found(at=position, where="xref", seen=f"{read} entries", allowed=count)
            break
        if table.entries > MAX_ENTRIES:
            yield rules.XREF_NUMBERS.found(at=position, where="xref", seen=table.entries, allowed=MAX_ENTRIES)
            break
    data, index = file.window(position, 128)
    word = _TRAILER.match(data, index)
    if word is None:
        table.whole = False
        yield rules.TRAILER.found(at=position, where="trailer", seen=data[index : index + 20], allowed="trailer")
        return
    value = file.parse_at(position - index + word.end()).value
    if isinstance(value, dict):
        trailer.update(value)
    else:
        yield rules.TRAILER.found(at=position, where="trailer", seen=type(value).__name__, allowed="a dictionary")


def _read_entries(file: PdfFile, table: XrefTable, at: int, first: int, count: int) -> tuple[int, int]:
    """Up to `count` entries from `at`: where they end, and how many there are."""
    read, match, shift = 0, _ENTRY.match, file.begin if table.from_header else 0
    data, index = file.window(at, _PIECE)
    begin = at - index
    while read < count and read <= MAX_ENTRIES:
        if index + 64 > len(data) and begin + len(data) < file.size:
            file.screening.spend(1 + read // 64)
            begin, (data, index) = begin + index, file.window(begin + index, _PIECE)
            begin -= index
        entry = match(data, index)
        if entry is None:
            break
        index = entry.end()
        if read == 0 and first == 1 and entry[3] == b"f" and entry[2] == b"65535":
            first = 0  # a known slip: the head of the free list is object 0 (7.5.4)
        if entry[3] == b"n" and (offset := int(entry[1])):
            table.in_file.setdefault(first + read, offset + shift)
        read += 1
    file.screening.spend(1 + read // 16)
    return begin + index, read


def _read_stream(file: PdfFile, table: XrefTable, at: int, trailer: dict[str, Value]) -> Iterator[Finding]:
    found = file.object_at(at)
    shape = _shape(found.dictionary) if found else None
    if found is None or found.data_at < 0 or shape is None:
        table.whole = False
        seen = f"W {found.dictionary.get('W')!r}, Index {found.dictionary.get('Index')!r}" if found else "no object"
        yield rules.XREF_STREAM.found(at=at, where="xref", seen=seen, allowed="a stream of entries")
        return
    trailer.update({key: value for key, value in found.dictionary.items() if key not in _OWN})
    found.length = file.length_of(found, found.dictionary.get("Length"))
    decoded = file.content(found, encrypted=False)
    if decoded.bomb:
        yield rules.BOMB.found(
            at=at, where=found.where, seen=f"{found.length} bytes to more", allowed=len(decoded.data)
        )
    widths, index = shape
    wanted = sum(count for _, count in index)
    there = len(decoded.data) // sum(widths)
    if max((first + count for first, count in index), default=0) > MAX_NUMBER + 1:
        yield rules.XREF_NUMBERS.found(at=at, where="Index", seen=wanted, allowed=MAX_NUMBER)
    if there < wanted or decoded.fault:
        table.whole = False
        seen = decoded.fault or f"{there} entries"
        yield rules.XREF_STREAM.found(at=at, where="xref", seen=seen, allowed=f"{wanted} entries")
    _enter(file, table, decoded.data, widths, index)


_OWN = frozenset({"Filter", "DecodeParms", "Length", "Type", "W", "Index"})


def _shape(dictionary: dict[str, Value]) -> tuple[tuple[int, int, int], list[tuple[int, int]]] | None:
    """Widths and subsections of a cross-reference stream; None where they make no sense (7.5.8.2)."""
    widths, index = dictionary.get("W"), dictionary.get("Index", [0, dictionary.get("Size")])
    if not isinstance(widths, list) or len(widths) < 3 or not isinstance(index, list) or len(index) % 2:
        return None
    numbers = [n for n in widths[:3] if type(n) is int and 0 <= n <= 8]
    bounds = [n for n in index if type(n) is int and n >= 0]
    if len(numbers) < 3 or not sum(numbers) or len(bounds) < len(index):
        return None
    return (numbers[0], numbers[1], numbers[2]), list(zip(bounds[::2], bounds[1::2], strict=True))


def _enter(
    file: PdfFile, table: XrefTable, data: bytes, widths: tuple[int, int, int], index: list[tuple[int, int]]
) -> None:
    one, two = widths[0], widths[0] + widths[1]
    step = two + widths[2]
    shift = file.begin if table.from_header else 0
    at, number = 0, int.from_bytes
    for first, count in index:
        for n in range(first, first + min(count, (len(data) - at) // step, MAX_ENTRIES - table.entries)):
            kind = number(data[at : at + one], "big") if one else 1
            value = number(data[at + one : at + two], "big")
            at += step
            table.entries += 1
            if kind == 1 and value and n not in table.packed:
                table.in_file.setdefault(n, value + shift)
            elif kind == 2 and n not in table.in_file:
                table.packed.setdefault(n, value)
    file.screening.spend(1 + table.entries // 16)
