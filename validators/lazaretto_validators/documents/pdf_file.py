"""A PDF as bytes at places: windows over it, and the indirect object at an offset. ISO 32000-2, 7.3.10, 7.5."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lazaretto_validators.documents.pdf_crypt import Cipher
from lazaretto_validators.documents.pdf_filters import Decoded, decode, filters_of
from lazaretto_validators.documents.pdf_tokens import HEAD, Parsed, Ref, Value, parse
from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.source import MAX_READ, Source
from lazaretto_validators.validator import Screening

__all__ = ["MAX_DECODED", "MAX_OBJECT", "WINDOW", "Indirect", "PdfFile", "places_in", "stretch"]

MAX_OBJECT = 8 << 20
"""Bytes of one object without its stream; arrays of widths and destinations take a few hundred KiB."""

MAX_DECODED = 6 << 20
"""Bytes that one stream of objects or references may decode to: writers put a few hundred objects into one."""

WINDOW = 64 * 1024

_BLANKS = re.compile(rb"[\0\t\n\f\r ]*+")
_STREAM_END = re.compile(rb"[\0\t\n\f\r ]*+endstream")
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
        self._window = b""
        self._window_at = 0
        self._packed: dict[int, dict[int, Value]] = {}

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
        """The indirect object whose head stands at `at`, blanks before it tolerated."""
        if not 0 <= at < self.size:
            return None
        data, index = self.window(at)
        blanks = _BLANKS.match(data, index)
        head = HEAD.match(data, blanks.end() if blanks else index)
        if head is None:
            return None
        begin = at - index + head.start()
        parsed = self.parse_at(at - index + head.end())
        found = Indirect(int(head[1]), int(head[2]), begin, parsed.value, True, parsed.end, parsed.ending, parsed)
        if parsed.ending == b"stream" and isinstance(parsed.value, dict):
            found.data_at = self.after_stream_word(parsed.end)
        return found

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
                if (values := self.unpacked(stream)) and number in values:
                    return values[number]
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
        """The indirect object with a stream that a reference leads to, its length as declared."""
        found = self._holder(value.number) if isinstance(value, Ref) else None
        if found is None or found.data_at < 0:
            return None
        length = self.resolve(found.dictionary.get("Length"))
        if not isinstance(length, int) or length < 0 or self.ends_at(found.data_at + length) is None:
            length = self.length_by_mark(found.data_at)
        found.length = length
        return found

    def length_by_mark(self, at: int) -> int:
        """How long a stream is by its end mark, where its declared length leads astray; a bounded search."""
        data = stretch(self.source, at, MAX_OBJECT)
        end = data.find(b"endstream")
        return end if end >= 0 else len(data)

    def content(self, found: Indirect, most: int = MAX_DECODED, *, encrypted: bool = True) -> Decoded:
        """A stream's data with its filters undone, at most `most` bytes; nothing of a locked document.

        encrypted: False for the tables, which never are (7.5.8.2).
        """
        if self.locked and encrypted:
            return Decoded(b"")
        data = stretch(self.source, found.data_at, min(found.length, most))
        if self.cipher and encrypted:
            data = self.cipher.stream(found.number, found.generation, data)
        dictionary = dict(found.dictionary)
        for key in ("Filter", "DecodeParms"):
            dictionary[key] = self._resolved(dictionary.get(key))
        return decode(data, filters_of(dictionary), most, self.screening.expand)

    def _resolved(self, value: Value) -> Value:
        value = self.resolve(value)
        return [self.resolve(item) for item in value[:64]] if isinstance(value, list) else value

    def unpacked(self, number: int) -> dict[int, Value]:
        """The objects of a stream of objects (7.5.7) by number, from a few that are kept."""
        if number not in self._packed:
            if len(self._packed) >= 4:
                del self._packed[next(iter(self._packed))]
            self._packed[number] = {}  # a stream that holds itself ends here
            if found := self.stream(Ref(number, 0)):
                values = self.objects_in(found, self.content(found).data)
                self._packed[number] = {inner: parsed.value for inner, parsed in values}
        return self._packed[number]

    def objects_in(self, found: Indirect, data: bytes) -> Iterator[tuple[int, Parsed]]:
        """Number and value of each object in the decoded `data` of a stream of objects."""
        for number, begin, _ in places_in(found.dictionary, data):
            parsed = parse(data, begin, one=True)
            self.screening.spend(2 + parsed.tokens // 4)
            yield number, parsed


def places_in(dictionary: dict[str, Value], data: bytes) -> list[tuple[int, int, int]]:
    """Number, begin and end of each object in a stream of objects, as its header says; one for each offset."""
    first, count = dictionary.get("First"), dictionary.get("N")
    if not isinstance(first, int) or not isinstance(count, int) or not 0 <= first <= len(data):
        return []
    numbers = [int(digits) for digits in _DIGITS.findall(data[:first])[: 2 * max(0, count)]]
    begins = {first + at: number for number, at in zip(numbers[::2], numbers[1::2], strict=False)}
    order = sorted(begin for begin in begins if begin < len(data))
    return [(begins[begin], begin, end) for begin, end in zip(order, [*order[1:], len(data)], strict=False)]


_DIGITS = re.compile(rb"\d{1,10}")
