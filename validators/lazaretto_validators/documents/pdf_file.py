"""A PDF as bytes at places: windows over it, and the indirect object at an offset. ISO 32000-2, 7.3.10, 7.5."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import takewhile

from lazaretto_validators.documents.pdf_crypt import Cipher
from lazaretto_validators.documents.pdf_filters import Decoded, decode, filters_of
from lazaretto_validators.documents.pdf_tokens import HEAD, WHITE, Parsed, Ref, Value, parse
from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.source import MAX_READ, Source
from lazaretto_validators.validator import Screening

__all__ = ["MAX_DECODED", "MAX_OBJECT", "WINDOW", "Indirect", "PdfFile", "places_in", "stretch"]

MAX_OBJECT = 8 << 20
"""Bytes of one object without its stream; arrays of widths and destinations take a few hundred KiB."""

MAX_DECODED = 6 << 20
"""Bytes that one stream of objects or references may decode to: writers put a few hundred objects into one."""

WINDOW = 64 * 1024
MAX_KEPT = 8 * MAX_DECODED  # bytes of unpacked streams of objects
_BYTES_PER_PLACE = 128  # what it takes to remember where an object begins

PACKED_PER_OPERATION = 256
"""Bytes of unpacked objects that may be searched for one operation.

The file's own bytes earn an operation for every 64 (`Limits`), but objects pack a hundredfold: a large document would
be refused at 12 MiB of them if each cost what it would cost in the file. Searching is quick, so that four times as
much is granted: 50 MiB, twice what 200 000 objects (`MAX_PACKED`) take. What has to be taken apart is charged apart.
"""
MAX_RESOLVED = 4096  # filters of one stream that are looked up; a handful is a bomb
_FILTERING = frozenset({"Filter", "F", "DecodeParms", "DP"})

MAX_PACKED = 200_000
"""Objects in one stream of objects: no reader handles more in the whole document well (threats BMB-06)."""

_BEGINNINGS = frozenset(bytes((n,)) for n in WHITE + b"%0123456789")
_SKIPPED = rb"(?:[" + WHITE + rb"]++|%[^\r\n]*+)*+"
_BEFORE_HEAD = re.compile(_SKIPPED)
_PART_OF_HEAD = re.compile(_SKIPPED + rb"(?:\d{1,10}" + _SKIPPED + rb"){0,2}")
_STREAM_END = re.compile(rb"[" + WHITE + rb"]*+endstream")
_LINE_END = re.compile(rb"[\0\t ]*+(?:\r\n|\n|\r)?")
_AROUND = 32  # bytes: how far behind its declared end a stream's end mark is still taken for it


@dataclass(slots=True)
class Indirect:
    """One indirect object.

    at: where its head stands. end: behind its value, where the word `ending` begins.
    read: `value` is what stands there; else nothing in it needed taking apart.
    data_at, length: its stream, if it has one.
    """

    number: int
    generation: int
    at: int
    value: Value = None
    read: bool = True
    end: int = 0
    ending: bytes = b""
    parsed: Parsed = field(default_factory=Parsed)
    data_at: int = -1
    length: int = 0

    @property
    def where(self) -> str:
        return f"object {self.number}"

    @property
    def dictionary(self) -> dict[str, Value]:
        """Its dictionary, empty if it is something else."""
        return self.value if isinstance(self.value, dict) else {}


def stretch(source: Source, at: int, count: int) -> bytes:
    """Up to `count` bytes at `at`, more than one read gives."""
    window = source.at(at, count)
    parts: list[bytes] = []
    while count > 0 and (part := window.peek(min(MAX_READ, count))):
        window.skip(len(part))
        parts.append(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class PdfFile:
    """The bytes and the bounds. `begin`: where the header stands, which some writers count offsets from.

    find: where the object of a number is told to stand: (offset, number of the stream of objects or 0).
    find_lying: where it was met; asked where the first answer leads astray.
    cipher: of an encrypted document that can be read. locked: it cannot.
    lengths: of streams whose end is known, by where their data begin.
    """

    def __init__(self, source: Source, screening: Screening, begin: int) -> None:
        self.source = source
        self.screening = screening
        self.begin = begin
        self.size = source.size
        self.find: Callable[[int], tuple[int, int] | None] = lambda _: None
        self.find_lying: Callable[[int], tuple[int, int] | None] = lambda _: None
        self.cipher: Cipher | None = None
        self.locked = False
        self.lengths: dict[int, int] = {}
        self._window = b""
        self._window_at = 0
        self._packed: dict[int, tuple[bytes, dict[int, int]]] = {}
        self._kept = 0
        self._gaps: set[tuple[str, str]] = set()

    def not_covered(self, where: str, why: str) -> None:
        """Tell a gap once, however often it is met."""
        if (where, why) not in self._gaps:
            self._gaps.add((where, why))
            self.screening.not_covered(where, why)

    def window(self, at: int, least: int = 1024) -> tuple[bytes, int]:
        """A kept stretch in which `least` bytes from `at` stand, fewer at the end, and where in it `at` is."""
        index = at - self._window_at
        if not 0 <= index <= len(self._window) or (
            index + least > len(self._window) and self._window_at + len(self._window) < self.size
        ):
            self._window = stretch(self.source, at, max(WINDOW, least))
            self._window_at, index = at, 0
        return self._window, index

    def peek(self, at: int, count: int) -> bytes:
        """Up to `count` bytes at `at`, by a read of their own."""
        return bytes_at(self.source, at, count) if 0 <= at < self.size else b""

    def object_at(self, at: int) -> Indirect | None:
        """The indirect object whose head stands at `at`, behind blanks and comments, which readers pass over."""
        if not 0 <= at < self.size:
            return None
        head, index = self._head_at(at)
        if head is None:
            return None
        begin = at - index + head.start()
        parsed = self.parse_at(at - index + head.end())
        found = Indirect(int(head[1]), int(head[2]), begin, parsed.value, True, parsed.end, parsed.ending, parsed)
        if parsed.ending == b"stream" and isinstance(parsed.value, dict):
            found.data_at = self.after_stream_word(parsed.end)
        return found

    def may_begin(self, at: int) -> bool:
        """Could an object's head stand at `at`? By one byte, for tables that are wrong throughout."""
        return self.peek(at, 1) in _BEGINNINGS

    def _head_at(self, at: int) -> tuple[re.Match[bytes] | None, int]:
        """The head at `at`, in a window that grows until that is decided, and where in it `at` is."""
        least = 1024
        while True:
            data, index = self.window(at, least)
            part = _PART_OF_HEAD.match(data, index)
            reached = part.end() if part else index
            self.screening.spend((reached - index) // 64)
            if reached < len(data) or at - index + len(data) >= self.size or least >= MAX_OBJECT:
                before = _BEFORE_HEAD.match(data, index)
                return HEAD.match(data, before.end() if before else index), index
            least = max(least * 8, 2 * (len(data) - index))

    def parse_at(self, at: int) -> Parsed:
        """The value at `at`; offsets in it are those of the file."""
        least = 4096
        while True:
            data, index = self.window(at, least)
            parsed = parse(data, index)
            self.screening.spend(1 + parsed.tokens // 4)
            begin = at - index
            cut = not parsed.ending and parsed.end >= len(data) and begin + len(data) < self.size
            if not cut or least >= MAX_OBJECT:
                break
            least = max(least * 8, 2 * (len(data) - index))
        parsed.end += begin
        parsed.faults = [(begin + offset, what) for offset, what in parsed.faults]
        return parsed

    def after_stream_word(self, at: int) -> int:
        """Where the data begins of a stream whose word `stream` stands at `at` (7.3.8.1)."""
        data, index = self.window(at, 64)
        line_end = _LINE_END.match(data, index + len(b"stream"))
        return at - index + (line_end.end() if line_end else index + len(b"stream"))

    def ends_at(self, at: int) -> int | None:
        """Behind the word `endstream`, if that stands at `at`, blanks before it tolerated."""
        data, index = self.window(at, 64)
        found = _STREAM_END.match(data, index, index + _AROUND)
        return at - index + found.end() if found else None

    def load(self, number: int) -> Value:
        """The object of a number; None where there is none. Its stream, if it has one, is left out."""
        for find in (self.find, self.find_lying):
            offset, stream = find(number) or (-1, 0)
            if stream:
                data, begins = self._unpacked(stream)
                if number in begins:
                    return self.packed_at(data, begins[number]).value
            elif (found := self.object_at(offset)) and found.number == number:
                return self.unsealed(found)
        return None

    def unsealed(self, found: Indirect) -> Value:
        """An object's value, its strings decrypted."""
        value = found.value
        return self.cipher.value(value, found.number, found.generation) if self.cipher else value

    def _holder(self, number: int) -> Indirect | None:
        """The object of a number that stands in the file itself."""
        for find in (self.find, self.find_lying):
            offset, stream = find(number) or (-1, 0)
            if not stream and (found := self.object_at(offset)) and found.number == number:
                return found
        return None

    def resolve(self, value: Value) -> Value:
        """What a reference leads to, through a few of them."""
        for _ in range(8):
            if not isinstance(value, Ref):
                return value
            value = self.load(value.number)
        return None

    def stream(self, value: Value) -> Indirect | None:
        """The indirect object with a stream that a reference leads to, its length known."""
        found = self._holder(value.number) if isinstance(value, Ref) else None
        if found is None or found.data_at < 0:
            return None
        if found.data_at not in self.lengths:
            self.lengths[found.data_at] = self.length_of(found, self.resolve(found.dictionary.get("Length")))
        found.length = self.lengths[found.data_at]
        return found

    def length_of(self, found: Indirect, told: Value) -> int:
        """How long a stream is: as told, or to its end mark; a bounded search."""
        if isinstance(told, int) and told >= 0 and self.ends_at(found.data_at + told) is not None:
            return told
        data = stretch(self.source, found.data_at, MAX_OBJECT)
        end = data.find(b"endstream")
        return end if end >= 0 else len(data)

    def content(self, found: Indirect, most: int = MAX_DECODED, *, encrypted: bool = True) -> Decoded:
        """A stream's data with its filters undone, at most `most` bytes; nothing of a locked document.

        encrypted: False for the tables, which never are (7.5.8.2).
        """
        if self.locked and encrypted:
            return Decoded(b"")
        data = stretch(self.source, found.data_at, min(found.length, most))
        filters = self.filters(found.dictionary)
        if self.cipher and encrypted:
            method = self.cipher.method_of(found.dictionary, filters)
            data = self.cipher.stream(found.number, found.generation, data, method)
        decoded = decode(data, filters, most, self.screening)
        decoded.cut = decoded.cut or found.length > most
        return decoded

    def text(self, found: Indirect, most: int = MAX_DECODED) -> bytes:
        """What a stream holds that is searched, and what of it could not be had is told."""
        decoded = self.content(found, most)
        if decoded.cut or decoded.unread:
            self.not_covered(found.where, decoded.unread or f"more than {most} bytes")
        return decoded.data

    def filters(self, dictionary: dict[str, Value]) -> list[tuple[str, dict[str, Value]]]:
        """The filters of a stream with their parameters, those behind references included."""
        if isinstance(dictionary.get("F"), (bytes, dict, Ref)):  # data in another file, not the short form of Filter
            dictionary = {key: value for key, value in dictionary.items() if key != "F"}
        if not _FILTERING.isdisjoint(dictionary):
            dictionary = {key: self._resolved(dictionary[key]) for key in _FILTERING & dictionary.keys()}
        return filters_of(dictionary)

    def _resolved(self, value: Value) -> Value:
        value = self.resolve(value)
        if isinstance(value, list):
            return [self._parameters(self.resolve(item)) for item in value[:MAX_RESOLVED]]
        return self._parameters(value)

    def _parameters(self, value: Value) -> Value:
        if not isinstance(value, dict):
            return value
        return {key: item if key == "JBIG2Globals" else self.resolve(item) for key, item in value.items()}

    def _unpacked(self, number: int) -> tuple[bytes, dict[int, int]]:
        """A stream of objects (7.5.7) and where in it each of them begins; the oldest are forgotten."""
        if number not in self._packed:
            while self._kept > MAX_KEPT:
                data, begins = self._packed.pop(next(iter(self._packed)))
                self._kept -= len(data) + _BYTES_PER_PLACE * len(begins)
            self._packed[number] = b"", {}  # a stream that holds itself ends here
            if found := self.stream(Ref(number, 0)):
                data = self.content(found).data
                self.screening.spend(1 + len(data) // PACKED_PER_OPERATION)
                begins = {inner: at for inner, at, _ in places_in(found.dictionary, data)}
                self._packed[number] = data, begins
                self._kept += len(data) + _BYTES_PER_PLACE * len(begins)
        return self._packed[number]

    def packed_at(self, data: bytes, begin: int) -> Parsed:
        """The object that begins there in a stream of objects; charged as the walk charges those of the file."""
        parsed = parse(data, begin, one=True)
        self.screening.spend(1 + parsed.tokens // 8)
        return parsed


def places_in(dictionary: dict[str, Value], data: bytes) -> list[tuple[int, int, int]]:
    """Number, begin and end of each object in a stream of objects, as its header says; one for each offset.

    A header of anything but plain numbers ends there: readers would skip comments in it, and nobody writes them.
    """
    first, count = dictionary.get("First"), dictionary.get("N")
    if not isinstance(first, int) or not isinstance(count, int) or not 0 <= first <= len(data):
        return []
    count = 2 * min(max(0, count), MAX_PACKED)
    digits = takewhile(_NUMBER.fullmatch, data[:first].replace(b"\0", b" ").split(None, count)[:count])
    numbers = list(map(int, digits))
    begins = {first + at: number for number, at in zip(numbers[::2], numbers[1::2], strict=False)}
    order = sorted(begin for begin in begins if begin < len(data))
    return [(begins[begin], begin, end) for begin, end in zip(order, [*order[1:], len(data)], strict=False)]


_NUMBER = re.compile(rb"\d{1,10}")
