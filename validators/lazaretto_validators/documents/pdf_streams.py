"""The streams of a PDF: how they are packed, what they unpack to, and what does not belong there. ISO 32000-2, 7.3.8.

Streams of objects are unpacked and judged like the rest of the file. Contents of pages are unpacked, bounded, to see
that they can be. A picture in JPEG is a file of its own and is judged as one. Other pixels and programs of fonts are
not unpacked: their declared numbers are judged alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.documents import pdf_risks as risks
from lazaretto_validators.documents import pdf_rules as rules
from lazaretto_validators.documents.pdf_actions import Actions, is_remote, path_of
from lazaretto_validators.documents.pdf_file import MAX_DECODED, PACKED_PER_OPERATION, Indirect, PdfFile, places_in
from lazaretto_validators.documents.pdf_filters import IMAGE_FILTERS, KNOWN_FILTERS
from lazaretto_validators.documents.pdf_jbig2 import Segments, read_segments
from lazaretto_validators.documents.pdf_tokens import Name, Ref, Value, name_of, sound_end
from lazaretto_validators.documents.pdf_walk import ACTING
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import PIECE, Source

__all__ = ["Streams"]

MAX_CONTENTS = 64 << 20
"""Bytes that the contents of all pages may unpack to before no more of them are tried (threats BMB-06)."""

MAX_JPEGS = 1000
"""Pictures in JPEG that are judged as files, a tenth of the members that one inspection is granted (`Limits`)."""

MAX_FILTERS, MAX_CHAIN = 2, 5
MAX_PLAIN = 100_000  # streams without a filter that are searched for other files

_WRONG_CHECKSUM = "incorrect data check"  # readers do not compare it, and several old writers leave it out
_PACKING = frozenset({"FlateDecode", "LZWDecode", "RunLengthDecode"})
_FONT_KEYS = frozenset({"Length1", "Length2", "Length3"})
_FONT_TYPES = frozenset({"Type1C", "CIDFontType0C", "OpenType"})


@dataclass(slots=True)
class Streams:
    """What was met so far.

    packed: number of the stream of objects by the number of each object in it. holders: numbers of such streams.
    plain: (number, begin, length) of streams without a filter. embedded: streams marked as files.
    descriptions: streams of metadata. jbig2: pictures in JBIG2. jpegs: how many in JPEG were handed on.
    unpacked, packed_size: bytes of contents that were tried, and what they were packed in.
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
    packed_size: int = 0
    pictures: bool = False
    jpegs: int = 0

    def judge(self, found: Indirect) -> Iterator[Finding]:
        """One stream, its length known."""
        dictionary = found.dictionary
        if dictionary.get("Type") == "XRef":
            return
        filters = self.file.filters(dictionary)
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
        elif not filters and len(self.plain) < MAX_PLAIN:
            self.plain.append((found.number, found.data_at, found.length))
        elif not filters:
            self.file.not_covered("streams", f"more than {MAX_PLAIN} without a filter")
        else:
            yield from self._judge_data(found, [name for name, _ in filters])

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
        if self.file.cipher and self.file.cipher.missed and not decoded.data:
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
        self.file.screening.spend(1 + len(places) // 8 + len(data) // PACKED_PER_OPERATION)
        if places and (ACTING.search(data) or sound_end(data, places[0][1]) < len(data)):
            yield from self._judge_packed(found, data, places)

    def _judge_packed(self, found: Indirect, data: bytes, places: list[tuple[int, int, int]]) -> Iterator[Finding]:
        for number, begin, end in places:
            # An offset may lead into the middle of another object: then neither is whole where the next one begins.
            if sound_end(data, begin, end) == end and not ACTING.search(data, begin, end):
                continue
            parsed = self.file.packed_at(data, begin)
            self.file.screening.spend(max(0, parsed.end - end) // 16)
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
        if names[-1] == "DCTDecode" and IMAGE_FILTERS.isdisjoint(names[:-1]) and len(names) <= MAX_CHAIN:
            yield from self._judge_jpeg(found, packed=len(names) > 1)
        elif dictionary.get("Subtype") == "Image" or not IMAGE_FILTERS.isdisjoint(names):
            self.pictures = True
        packings = sum(name in _PACKING for name in names)
        if packings > 1 and len(names) <= MAX_CHAIN and IMAGE_FILTERS.isdisjoint(names):
            decoded = self.file.content(found)
            if decoded.bomb:  # one packing makes a thousandth at best, and nobody packs twice what is so large
                yield rules.BOMB.found(at=found.at, where=found.where, seen=f"{found.length} bytes to {MAX_DECODED}")
            elif decoded.fault and _WRONG_CHECKSUM not in decoded.fault:
                yield rules.STREAM_DATA.found(at=found.data_at, where=found.where, seen=decoded.fault)
        elif names == ["FlateDecode"] and not self._is_picture_or_font(dictionary):
            yield from self._judge_contents(found)

    def _judge_jpeg(self, found: Indirect, *, packed: bool) -> Iterator[Finding]:
        """A JPEG file (7.4.8), which viewers decode as one; line ends in front are left of a wrong `stream` line."""
        source = self.file.source.at(found.data_at, found.length)
        if packed:
            decoded = self.file.content(found)
            if decoded.cut or decoded.fault:
                self.file.not_covered(found.where, decoded.fault or f"more than {MAX_DECODED} bytes of JPEG")
                return
            source = Source.of_bytes(decoded.data)
        head = source.peek(16)
        blanks = len(head) - len(head.lstrip(b"\r\n "))
        if head and not head.startswith(b"\xff\xd8", blanks):
            yield rules.STREAM_DATA.found(at=found.data_at, where=found.where, seen="no JPEG", allowed="FF D8")
        elif head and self.jpegs < MAX_JPEGS:
            self.jpegs += 1
            self.file.screening.member(found.where, source.at(blanks), media_type="image/jpeg", nameless=True)
        elif head:
            self.file.not_covered("pictures", f"more than {MAX_JPEGS} in JPEG")

    @staticmethod
    def _is_picture_or_font(dictionary: dict[str, Value]) -> bool:
        subtype = name_of(dictionary.get("Subtype"))
        return subtype == "Image" or subtype in _FONT_TYPES or not _FONT_KEYS.isdisjoint(dictionary)

    def _judge_contents(self, found: Indirect) -> Iterator[Finding]:
        """Unpack without keeping anything, until all together are large: then a bomb is told, or that there is more."""
        if self.unpacked > MAX_CONTENTS:
            self.file.not_covered("streams", f"more than {MAX_CONTENTS} bytes of contents")
            return
        size, fault = 0, ""
        unpacked = self._unpack(found)
        while self.unpacked + size <= MAX_CONTENTS and (step := next(unpacked, None)):
            size, fault = step
        self.unpacked += size
        self.packed_size += found.length
        if self.unpacked > MAX_CONTENTS and self.unpacked > self.file.screening.limits.ratio * self.packed_size:
            seen = f"{self.packed_size} bytes to {self.unpacked}"
            yield rules.BOMB.found(at=found.at, where=found.where, seen=seen)
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
        if self.jbig2:
            yield risks.JBIG2.found(at=self.jbig2[0].at, where=self.jbig2[0].where, seen="JBIG2Decode")
        if self.file.locked or self.file.cipher:
            return
        shared: dict[Ref | None, Segments] = {None: Segments()}
        for found in self.jbig2:
            parameters = next((own for name, own in self.file.filters(found.dictionary) if name == "JBIG2Decode"), {})
            common = parameters.get("JBIG2Globals")
            common = common if isinstance(common, Ref) else None
            if common not in shared:
                stream = self.file.stream(common)
                shared[common] = read_segments(self.file.content(stream).data if stream else b"", Segments())
            decoded = self.file.content(found)
            segments = read_segments(decoded.data, shared[common])
            if decoded.cut:
                self.file.not_covered(found.where, f"more than {MAX_DECODED} bytes of JBIG2")
            elif segments.wrong:
                yield risks.JBIG2_SEGMENTS.found(at=found.data_at, where=found.where, seen=segments.wrong)


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
