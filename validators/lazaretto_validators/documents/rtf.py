r"""RTF documents. Rich Text Format Specification 1.9.1 (Microsoft, March 2008).

    file    = "{" \rtf1 header document "}"
    group   = "{" (text | control | group)* "}"
    control = "\" letters [-digits] [blank] | "\" one other character | "\'" two digits | "\bin" N blank N bytes

Checked: the header, the nesting of groups to the last brace, binary stretches, objects (decoded however they are
written, and screened as what they are), pictures in PNG and JPEG, fields and templates that fetch or start something,
tables that readers were attacked by; other files and code among the data.
Not checked: formatting, the order of tables, metafiles, what the text says; whether \objclass agrees with the data.

Deviations: a missing last brace, NUL and blanks behind it, and a header without version are written by honest
programs: told at info, or not at all.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.documents import rtf_rules as rules
from lazaretto_validators.documents.field_codes import starts_program, unquoted
from lazaretto_validators.documents.rtf_object import MAX_DATA, Embedded, decoded, judge_object
from lazaretto_validators.documents.rtf_text import plain, readings
from lazaretto_validators.embedded import may_hold, search
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.slack import code_in, file_in
from lazaretto_validators.source import PIECE, ShortRead, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_RTF", "validate_rtf"]

SMALLEST_RTF = b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\\f0 inert\\par}"

MAX_DEPTH = 100  # groups in groups, C-RTF-02; Word itself nests tables and fields some thirty deep
MAX_WALKED = 10_000  # groups in groups, before the walk is given up
MAX_DIGITS = 10  # of a control word's number, page 6
MAX_FONTS = 1000  # C-RTF-06
MAX_PICTURES = 200  # that are decoded; what is beyond is told
MAX_INNER = 10  # groups in groups in front of a picture's data: Word nests four
MAX_TEXT = 64 * 1024  # bytes of a field's instruction, a template's name or a class
MAX_NESTED = 4  # groups of one kind in each other whose text is read: Word nests fields three deep

_OVERLAP = 64  # bytes, more than any token but a binary stretch takes
# One set of first characters, which the engine runs through fast; then what makes it one of those that matter.
_TOKEN = re.compile(
    rb"[{}\\\0-\x08\x0b\x0e-\x1f](?:(?<!\\)|(?<=\\)(?:[\\{}]|bin(\d{1,20}+)[ \r\n]?|(object|objdata|objclass|objupdate|"
    rb"objautlink|objlink|objocx|template|fldinst|pict|fonttbl|sp|listoverridecount(?:-?\d{1,10})?)(?![a-zA-Z])|"
    rb"([a-zA-Z]{1,32}+(?:[a-zA-Z]|-?\d{11}))))"
)
_MARK, _CONTROL = b"\1", b"\2"  # classes of bytes: what begins a token, control characters apart
_CLASS_OF = bytes(1 if byte in b"{}\\" else 2 if byte < 32 and byte not in b"\t\n\f\r" else 0 for byte in range(256))
_NEAR = 2048  # bytes behind a token in which the next one is looked for
_CAPTURED = frozenset({b"object", b"objdata", b"objclass", b"template", b"fldinst", b"pict", b"fonttbl", b"sp"})
_OBJECT_WORDS = frozenset({b"objupdate", b"objautlink", b"objlink", b"objocx"})
_OPEN, _SHUT = b"{}"
_FONT = re.compile(rb"\\f\d+")
_FRAGMENTS = re.compile(r"pFragments[^;\d]*(\d{1,9})\s*;\s*(\d{1,9})\s*;\s*([0-9a-fA-F\s]*)", re.IGNORECASE)
_IGNORED = re.compile(rb"\{\\\*[^{}]*\}")  # what a reader passes over that does not know it, page 10
_SHORT = 512  # bytes in which a drawing property has its name
_REMOTE = re.compile(r"\s*(includepicture|includetext|rd|link\s+\S{1,80})\s+\"?\s*(https?:|ftp:|file:|\\\\|//)", re.I)
_ELSEWHERE = re.compile(r"\s*\"?\s*(?:https?:|ftps?:|file://(?:[^/\s]|//)|mhtml:|\\\\|//)", re.IGNORECASE)
_INNERMOST = re.compile(rb"\{[^{}]*\}")
_BLIP = re.compile(rb"\\(pngblip|jpegblip)(?![a-zA-Z])")


@dataclass(slots=True)
class _Group:
    """A group whose text is wanted. depth: of the group that the word stands in. begin: of its text.

    words, objects, classes: of an object.
    """

    kind: bytes
    depth: int
    begin: int
    words: set[bytes] = field(default_factory=set)
    objects: list[Embedded] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Document:
    """The walk over one document. told: rules that are said once. held: there may be a second file in it.

    block, base: what is being walked over, and where it begins.
    """

    source: Source
    screening: Screening
    depth: int = 0
    pictures: int = 0
    block: bytes = b""
    base: int = 0
    groups: list[_Group] = field(default_factory=list)
    nested: Counter[bytes] = field(default_factory=Counter)
    told: set[Rule] = field(default_factory=set)
    held: bool = False

    def open_object(self) -> _Group | None:
        """The object that is open."""
        return next((group for group in reversed(self.groups) if group.kind == b"object"), None)

    def once(self, rule: Rule, at: int, seen: object, allowed: object = "") -> Iterator[Finding]:
        """A finding of a rule that can be broken by every letter, the first time."""
        if rule not in self.told:
            self.told.add(rule)
            yield rule.found(at=at, seen=seen, allowed=allowed)


@validator("text/rtf", magic=b"{\\rt", rules=rules.RULES, example=SMALLEST_RTF, api=1)
def validate_rtf(source: Source, screening: Screening) -> Iterator[Finding]:
    """Rich Text Format 1.9.1, and what Word takes for it."""
    whole, walker = source.at(0), source.at(0)
    yield from _judge_header(walker)
    document = _Document(whole, screening)
    yield from _walk(walker, document)
    end = walker.tell()
    if document.depth > MAX_WALKED:
        screening.not_covered(f"after byte {end}", "groups are nested too deep")
        return
    if document.depth > 1:
        raise ShortRead(end, document.depth, 0)
    if document.depth == 1:
        yield rules.UNBALANCED.found(at=end, seen="no brace", allowed="}")
    screening.ends_at(end)
    # A text about programming quotes PHP and web pages: those are looked for in binary stretches alone.
    if document.held and (hit := search(whole.at(0, end), 1, scripts=False)):
        yield rules.HIDDEN_FILE.found(at=hit[0], seen=MEDIA_TYPES[hit[1]].label)


def _judge_header(source: Source) -> Iterator[Finding]:
    head = source.peek(PIECE)
    if lead := len(head) - len(head.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n\f")):
        source.skip(lead)
        yield rules.LEADING.found(at=0, seen=f"{lead} bytes", allowed="{\\rtf1")
    head = source.peek(12)
    if head[:4].lower() != b"{\\rt":
        source.expect(b"{\\rt")
    if head[4:5] != b"f" or head[5:6].isalpha():
        yield rules.HEADER.found(at=0, seen=head, allowed="{\\rtf1")
    elif not re.match(rb"1(?!\d)", head[5:7]):
        yield rules.VERSION.found(at=0, seen=head, allowed="{\\rtf1")


def _walk(source: Source, document: _Document) -> Iterator[Finding]:
    """From the first brace to the one that closes it, or to the end. Leaves the source there."""
    base = source.tell()
    while block := source.peek(PIECE):
        limit = len(block) if len(block) < PIECE else len(block) - _OVERLAP
        document.block, document.base, at = block, base, 0
        classes = block.translate(_CLASS_OF)
        document.held = document.held or _holds(block, classes)
        marks = classes.replace(_CONTROL, _MARK)
        matches = _tokens(block, marks, 0)
        while (match := next(matches, None)) and (begin := match.start()) < limit:
            at = match.end()
            if at == begin + 1:
                byte = block[begin]
                if byte == _OPEN:
                    document.depth += 1
                    if document.depth <= MAX_DEPTH:
                        continue
                    yield from document.once(rules.DEPTH, base + at, document.depth, MAX_DEPTH)
                elif byte == _SHUT:
                    if document.groups:
                        yield from _close(document, base + begin)
                    document.depth -= 1
                else:
                    yield from document.once(rules.BINARY_DATA, base + begin, f"{byte:02x}")
                if document.depth <= 0 or document.depth > MAX_WALKED:
                    source.skip(at)
                    return
            elif match[1] is not None:
                yield from _judge_binary(document, base + at, match[1])
                document.held = True  # what is passed over now may hold anything
                at += int(match[1])
                matches = _tokens(block, marks, at)
            elif match[2] is not None:
                yield from _word(document, match[2], base + at)
            elif match[3] is not None:
                yield from document.once(rules.CONTROL_WORD, base + begin, match[3])
        step = max(at, limit)
        base += step
        source.skip(step)


def _tokens(block: bytes, marks: bytes, at: int) -> Iterator[re.Match[bytes]]:
    """What matters from `at` on. The digits that a large document is made of are passed at the speed of memory."""
    while (at := marks.find(_MARK, at)) >= 0:
        end = at + _NEAR
        for match in _TOKEN.finditer(block, at, end + _OVERLAP):
            if match.start() >= end:
                break
            at = match.end()
            yield match
        at = max(at, end)


def _holds(block: bytes, classes: bytes) -> bool:
    """Can a second file begin here? In plain text, only a PDF can: all others have bytes of control or beyond ASCII."""
    return b"%PDF-" in block if block.isascii() and _CONTROL not in classes else may_hold(block)


def _word(document: _Document, word: bytes, at: int) -> Iterator[Finding]:
    """A control word that matters, read up to `at`."""
    if word.startswith(b"listoverridecount"):
        count = int(word[len(b"listoverridecount") :] or b"0")
        if count not in (0, 1, 9):
            yield rules.LIST_OVERRIDE.found(at=at, where="listoverride", seen=count, allowed="0, 1, 9")
    elif word in _CAPTURED:
        if document.nested[word] < MAX_NESTED:
            document.nested[word] += 1
            document.groups.append(_Group(word, document.depth, at))
        else:
            document.screening.not_covered(f"{word.decode()} at byte {at}", f"{MAX_NESTED} of its kind around it")
    if word in _OBJECT_WORDS and (group := document.open_object()):
        group.words.add(word)


def _close(document: _Document, at: int) -> Iterator[Finding]:
    """The group that closes at `at`: judge what was wanted of it."""
    while document.groups and document.groups[-1].depth >= document.depth:
        group = document.groups.pop()
        document.nested[group.kind] -= 1
        if group.kind == b"object":
            for embedded in group.objects:
                yield from judge_object(embedded, frozenset(group.words), group.classes, document.screening)
        elif group.kind == b"objdata":
            yield from _judge_data(document, group, at)
        elif group.kind == b"pict":
            _judge_picture(document, group, at)
        else:
            yield from _judge_text(document, group, at)


def _text_of(document: _Document, group: _Group, end: int, most: int) -> bytes:
    """The text of a group, charged by its length: groups in each other share theirs."""
    length = min(end - group.begin, most)
    document.screening.spend(length >> 6)
    if end - group.begin > most:
        document.screening.not_covered(f"{group.kind.decode()} at byte {group.begin}", f"beyond {most} bytes")
    begin = group.begin - document.base
    if begin >= 0:
        return document.block[begin : begin + length]
    return b"".join(document.source.at(group.begin, length).pieces())


def _judge_data(document: _Document, group: _Group, end: int) -> Iterator[Finding]:
    embedded = decoded(_text_of(document, group, end, MAX_DATA), group.begin, document.screening)
    owner = document.open_object()
    if owner is not None:
        owner.objects.append(embedded)
    else:
        yield from judge_object(embedded, frozenset(), [], document.screening)


def _judge_picture(document: _Document, group: _Group, end: int) -> None:
    """Pictures in formats of their own are members. Bitmaps and metafiles are Windows' business."""
    kind = _BLIP.search(document.source.at(group.begin, min(MAX_TEXT, end - group.begin)).peek(MAX_TEXT))
    if kind is None:
        return
    document.pictures += 1
    if document.pictures > MAX_PICTURES:
        document.screening.not_covered(f"picture at byte {group.begin}", f"more than {MAX_PICTURES} pictures")
        return
    text, mark, rest = _text_of(document, group, end, MAX_DATA).partition(b"\\bin")
    for _ in range(MAX_INNER):  # identifiers and properties stand in groups of their own
        text, groups = _INNERMOST.subn(b"", text)
        if not groups:
            break
    data = decoded(text + mark + rest, group.begin, document.screening).data
    document.screening.member(f"picture {document.pictures}", Source.of_bytes(data), nameless=True)


def _judge_text(document: _Document, group: _Group, end: int) -> Iterator[Finding]:
    at, raw = group.begin, _text_of(document, group, end, MAX_TEXT)
    if group.kind == b"fonttbl":
        fonts = sum(1 for _ in _FONT.finditer(raw))
        if fonts > MAX_FONTS:
            yield rules.TABLE_FLOOD.found(at=at, where="fonttbl", seen=fonts, allowed=MAX_FONTS)
    elif group.kind == b"sp":
        if "pfragments" in plain(raw[:_SHORT]).lower():
            yield from _judge_property(plain(_IGNORED.sub(b"", raw)), at)
    elif group.kind == b"template":
        if name := next(filter(_ELSEWHERE.match, readings(raw)), None):
            yield rules.REMOTE_TEMPLATE.found(at=at, where="template", seen=name)
    elif group.kind == b"objclass":
        if owner := document.open_object():
            owner.classes += readings(raw)
    elif group.kind == b"fldinst":
        yield from _judge_field(readings(raw), at)


def _judge_property(text: str, at: int) -> Iterator[Finding]:
    if found := _FRAGMENTS.search(text):
        size, count = int(found[1]), int(found[2])
        held = len("".join(found[3].split())) // 2
        if held > size * count:
            yield rules.FRAGMENTS.found(at=at, where="pFragments", seen=f"{held} bytes", allowed=f"{size * count}")


def _judge_field(texts: list[str], at: int) -> Iterator[Finding]:
    """One field, in each way in which its text can be read."""
    for text in texts:
        if starts_program(text):
            yield rules.DDE.found(at=at, where="fldinst", seen=text)
            return
        if match := _REMOTE.match(unquoted(text)):
            is_picture = match[1].lower() == "includepicture"
            if is_picture and re.search(r"\s\\d\b", text):
                yield rules.REMOTE_PICTURE.found(at=at, where="fldinst", seen=text)
            elif not is_picture:
                yield rules.REMOTE_FIELD.found(at=at, where="fldinst", seen=text)
            return


def _judge_binary(document: _Document, at: int, number: bytes) -> Iterator[Finding]:
    """A stretch behind \\bin must be there, and be no file of another kind."""
    length = int(number)
    document.screening.spend()
    if len(number) > MAX_DIGITS:
        yield from document.once(rules.CONTROL_WORD, at, b"bin" + number)
    if not length:
        return
    stretch = document.source.at(at, length)
    if not document.source.at(at + length - 1, 1).peek(1):
        raise ShortRead(at, length, stretch.size)
    if any(group.kind == b"objdata" for group in document.groups):
        return  # decoded with the rest of the object
    if hit := file_in(document.source, at, at + length, host="text/rtf"):
        yield rules.HIDDEN_FILE.found(at=hit[0], where="bin", seen=hit[1].label)
    elif code := code_in(stretch.pieces()):
        yield rules.CODE_IN_DATA.found(at=at, where="bin", seen=code)
