"""The streams of a PDF: how they are packed, what they unpack to, and what does not belong there. ISO 32000-2, 7.3.8.

Streams of objects are unpacked and judged like the rest of the file. Contents of pages are unpacked, bounded, to see
that they can be. Pixels of pictures and programs of fonts are not: their declared numbers are judged alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.documents import pdf_risks as risks
from lazaretto_validators.documents import pdf_rules as rules
from lazaretto_validators.documents.pdf_actions import Actions, is_remote, path_of
from lazaretto_validators.documents.pdf_file import MAX_DECODED, Indirect, PdfFile, places_in
from lazaretto_validators.documents.pdf_filters import IMAGE_FILTERS, KNOWN_FILTERS, filters_of
from lazaretto_validators.documents.pdf_jbig2 import judge_segments
from lazaretto_validators.documents.pdf_tokens import Name, Ref, Value, name_of, parse, sound_end
from lazaretto_validators.documents.pdf_walk import ACTING
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import PIECE

__all__ = ["Streams"]

MAX_CONTENTS = 64 << 20
"""Bytes that the contents of all pages may unpack to before no more of them are tried (threats BMB-06)."""

MAX_FILTERS, MAX_CHAIN = 2, 5
MAX_PLAIN = 20_000  # streams without a filter that are searched for other files

_WRONG_CHECKSUM = "incorrect data check"  # readers do not compare it, and several old writers leave it out
_PACKING = frozenset({"FlateDecode", "LZWDecode", "RunLengthDecode"})
_FONT_KEYS = frozenset({"Length1", "Length2", "Length3"})
_FONT_TYPES = frozenset({"Type1C", "CIDFontType0C", "OpenType"})


@dataclass(slots=True)
class Streams:
    """What was met so far.

    packed: number of the stream of objects by the number of each object in it. holders: numbers of such streams.
    plain: (number, begin, length) of streams without a filter. embedded: streams marked as files.
    descriptions: streams of metadata. jbig2: pictures in JBIG2.
    """

    file: PdfFile
    actions: Actions
    packed: dict[int, int] = field(default_factory=dict)
    holders: set[int] = field(default_factory=set)
    plain: list[tuple[int, int, int]] = field(default_factory=list)
    embedded: dict[int, Indirect] = field(default_factory=dict)
    descriptions: list[Indirect] = field(default_factory=list)
    jbig2: list[Indirect] = field(default_factory=list)
    count: int = 0
    unpacked: int = 0
    pictures: bool = False

    def judge(self, found: Indirect) -> Iterator[Finding]:
        """One stream, its length known."""
        dictionary = found.dictionary
        if dictionary.get("Type") == "XRef":
            return
        filters = self._filters(dictionary)
        yield from self._judge_filters(found, filters)
        yield from self._judge_external(found)
        if dictionary.get("Type") == "EmbeddedFile":
            self.embedded[found.number] = found
        elif dictionary.get("Type") == "ObjStm":
            yield from self._judge_objects(found)
        elif self.file.locked or self.file.cipher:
            return  # decrypting everything would take too long
        elif dictionary.get("Type") == "Metadata":
            self.descriptions.append(found)
        elif not filters:
            if len(self.plain) < MAX_PLAIN and dictionary.get("Subtype") != "Image":
                self.plain.append((found.number, found.data_at, found.length))
        else:
            yield from self._judge_data(found, [name for name, _ in filters])

    def _filters(self, dictionary: dict[str, Value]) -> list[tuple[str, dict[str, Value]]]:
        """The filters, those behind a reference included."""
        if isinstance(dictionary.get("F"), (bytes, dict, Ref)):  # data in another file, not the short form of Filter
            dictionary = {key: value for key, value in dictionary.items() if key != "F"}
        if any(isinstance(dictionary.get(key), (Ref, list)) for key in ("Filter", "DecodeParms")):
            dictionary = dict(dictionary)
            for key in ("Filter", "DecodeParms"):
                value = self.file.resolve(dictionary.get(key))
                dictionary[key] = (
                    [self.file.resolve(item) for item in value[:4096]] if isinstance(value, list) else value
                )
        return filters_of(dictionary)

    def _judge_filters(self, found: Indirect, filters: list[tuple[str, dict[str, Value]]]) -> Iterator[Finding]:
        names = [name for name, _ in filters if name != "Crypt"]
        if strange := [name for name in names if name not in KNOWN_FILTERS]:
            yield rules.FILTER.found(at=found.at, where=found.where, seen=strange[0], allowed="7.4.1, table 6")
        if len(names) > MAX_FILTERS:
            rule = rules.FILTER if len(names) <= MAX_CHAIN else rules.FILTER_CHAIN
            yield rule.found(at=found.at, where=found.where, seen=f"{len(names)} filters", allowed=MAX_FILTERS)
        for name, parameters in filters:
            if name in ("FlateDecode", "LZWDecode") and (wrong := _impossible(parameters)):
                yield rules.PICTURE_NUMBERS.found(at=found.at, where=found.where, seen=wrong)
        if found.dictionary.get("Subtype") == "Image" and (wrong := _impossible_picture(found.dictionary)):
            yield rules.PICTURE_NUMBERS.found(at=found.at, where=found.where, seen=wrong)
        if "JBIG2Decode" in names:
            self.jbig2.append(found)

    def _judge_external(self, found: Indirect) -> Iterator[Finding]:
        place = found.dictionary.get("F")
        if isinstance(place, (bytes, dict, Ref)):
            path = path_of(place, self.file)
            rule = risks.REMOTE_FILE if is_remote(path) else risks.EXTERNAL_STREAM
            yield rule.found(at=found.at, where=found.where, seen=path, allowed="data in the document")

    def _judge_objects(self, found: Indirect) -> Iterator[Finding]:
        """A stream of objects: 7.5.7."""
        self.holders.add(found.number)
        if self.file.locked:
            return
        decoded = self.file.content(found)
        if self.file.cipher and self.file.cipher.over:
            return
        data, first, count = decoded.data, found.dictionary.get("First"), found.dictionary.get("N")
        if decoded.bomb:
            seen = f"{found.length} bytes to more than {MAX_DECODED}"
            yield rules.BOMB.found(at=found.at, where=found.where, seen=seen)
        elif decoded.fault and _WRONG_CHECKSUM not in decoded.fault:
            yield rules.STREAM_DATA.found(at=found.data_at, where=found.where, seen=decoded.fault)
        places = places_in(found.dictionary, data)
        if not isinstance(count, int) or not isinstance(first, int) or not 0 <= len(places) == count:
            yield rules.OBJECT_STREAM.found(
                at=found.at, where=found.where, seen=f"N {count!r}, First {first!r}", allowed=f"{len(places)} objects"
            )
        if found.dictionary.get("Extends") == Ref(found.number, 0):
            yield rules.OBJECT_STREAM.found(at=found.at, where=found.where, seen="it extends itself")
        self.count += len(places)
        self.packed.update((number, found.number) for number, _, _ in places)
        self.file.screening.spend(1 + len(places) // 8)
        if places and (ACTING.search(data) or sound_end(data, places[0][1]) < len(data)):
            yield from self._judge_packed(found, data)

    def _judge_packed(self, found: Indirect, data: bytes) -> Iterator[Finding]:
        for number, begin, end in places_in(found.dictionary, data):
            # An offset may lead into the middle of another object: then neither is whole where the next one begins.
            if sound_end(data, begin, end) == end and not ACTING.search(data, begin, end):
                continue
            parsed = parse(data, begin, one=True)
            self.file.screening.spend(2 + parsed.tokens // 4)
            where = f"object {number} in {found.number}"
            if parsed.hidden:
                yield risks.HIDDEN_NAME.found(at=found.at, where=where, seen=parsed.hidden[0])
            if parsed.too_deep:
                yield rules.NESTING.found(at=found.at, where=where, seen="deeper", allowed="256 levels")
            elif parsed.faults:
                yield rules.OBJECT_SYNTAX.found(at=found.at, where=where, seen=parsed.faults[0][1], allowed="a value")
            yield from self.actions.judge(parsed.value, number, found.at, where)

    def _judge_data(self, found: Indirect, names: list[str]) -> Iterator[Finding]:
        dictionary = found.dictionary
        if dictionary.get("Subtype") == "Image" or not IMAGE_FILTERS.isdisjoint(names):
            self.pictures = True
        if names == ["DCTDecode"] and not self._begins_as_jpeg(found):
            yield rules.STREAM_DATA.found(at=found.data_at, where=found.where, seen="no JPEG", allowed="FF D8")
        packings = sum(name in _PACKING for name in names)
        if packings > 1 and len(names) <= MAX_CHAIN and IMAGE_FILTERS.isdisjoint(names):
            decoded = self.file.content(found)
            if decoded.bomb:  # one packing makes a thousandth at best, and nobody packs twice what is so large
                yield rules.BOMB.found(at=found.at, where=found.where, seen=f"{found.length} bytes to {MAX_DECODED}")
            elif decoded.fault and _WRONG_CHECKSUM not in decoded.fault:
                yield rules.STREAM_DATA.found(at=found.data_at, where=found.where, seen=decoded.fault)
        elif names == ["FlateDecode"] and not self._is_picture_or_font(dictionary):
            yield from self._judge_contents(found)

    def _begins_as_jpeg(self, found: Indirect) -> bool:
        """T.81, B.2.1; line ends in front are what is left of a wrong `stream` line."""
        return found.length == 0 or self.file.peek(found.data_at, 16).lstrip(b"\r\n ").startswith(b"\xff\xd8")

    @staticmethod
    def _is_picture_or_font(dictionary: dict[str, Value]) -> bool:
        subtype = name_of(dictionary.get("Subtype"))
        return subtype == "Image" or subtype in _FONT_TYPES or not _FONT_KEYS.isdisjoint(dictionary)

    def _judge_contents(self, found: Indirect) -> Iterator[Finding]:
        """Unpack without keeping anything."""
        if self.unpacked > MAX_CONTENTS:
            return
        size, fault = 0, ""
        unpacked = self._unpack(found)
        while size <= MAX_CONTENTS and (step := next(unpacked, None)):
            size, fault = step
        self.unpacked += size
        if size > MAX_CONTENTS and size > self.file.screening.limits.ratio * found.length:
            yield rules.BOMB.found(at=found.at, where=found.where, seen=f"{found.length} bytes to {size}")
        elif fault and _WRONG_CHECKSUM not in fault:
            yield rules.STREAM_DATA.found(at=found.data_at, where=found.where, seen=fault)

    def _unpack(self, found: Indirect) -> Iterator[tuple[int, str]]:
        """How many bytes have come out, and the fault that ends it."""
        inflate, size = zlib.decompressobj(), 0
        window = self.file.source.at(found.data_at, found.length)
        for data in window.pieces():
            while data and not inflate.eof:
                try:
                    out = inflate.decompress(data, PIECE)
                except zlib.error as error:
                    yield size, str(error)
                    return
                size += len(out)
                self.file.screening.expand(len(out))
                yield size, ""
                data = inflate.unconsumed_tail

    def finish(self) -> Iterator[Finding]:
        """What can be told once all objects are known: JBIG2 pictures with their globals."""
        for number, found in enumerate(self.jbig2):
            if number == 0:
                yield risks.JBIG2.found(at=found.at, where=found.where, seen="JBIG2Decode")
            filters = self._filters(found.dictionary)
            shared = next(
                (parameters.get("JBIG2Globals") for name, parameters in filters if name == "JBIG2Decode"), None
            )
            common = self.file.stream(shared)
            parts = (self.file.content(common).data if common else b"", self.file.content(found).data)
            if wrong := "" if self.file.locked or self.file.cipher else judge_segments(parts):
                yield risks.JBIG2_SEGMENTS.found(at=found.data_at, where=found.where, seen=wrong)


def _impossible(parameters: dict[str, Value]) -> str:
    """What a predictor cannot work with: 7.4.4.3, table 8."""
    colours, depth = parameters.get("Colors", 1), parameters.get("BitsPerComponent", 8)
    columns, predictor = parameters.get("Columns", 1), parameters.get("Predictor", 1)
    numbers = [n for n in (colours, depth, columns, predictor) if type(n) is int]
    if len(numbers) < 4:
        return "" if any(isinstance(n, Ref) for n in (colours, depth, columns, predictor)) else f"{parameters}"
    if not 1 <= numbers[0] <= 32 or numbers[1] not in (1, 2, 4, 8, 16) or numbers[2] < 1:
        return f"Colors {colours!r}, BitsPerComponent {depth!r}, Columns {columns!r}"
    if numbers[0] * numbers[1] * numbers[2] >= 1 << 31:
        return f"rows of {numbers[0] * numbers[1] * numbers[2]} bits"
    return "" if numbers[3] in (1, 2, 10, 11, 12, 13, 14, 15) else f"Predictor {predictor!r}"


def _impossible_picture(dictionary: dict[str, Value]) -> str:
    """8.9.5, table 87."""
    width, height = (dictionary.get(key, dictionary.get(key[0])) for key in ("Width", "Height"))
    depth = dictionary.get("BitsPerComponent", dictionary.get("BPC", 8))
    if type(width) is int and type(height) is int and (width < 0 or height < 0 or width * height > 1 << 31):
        return f"{width} by {height} pixels"
    if type(depth) is int and depth not in (1, 2, 4, 8, 16) and not isinstance(depth, (Name, Ref)):
        return f"{depth} bits per component"
    return ""
