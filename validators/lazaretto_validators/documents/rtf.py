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
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.documents import rtf_rules as rules
from lazaretto_validators.documents.rtf_object import MAX_DATA, Embedded, decoded, judge_object
from lazaretto_validators.embedded import may_hold, search
from lazaretto_validators.finding import Finding
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.slack import code_in, dicom_at, file_in
from lazaretto_validators.source import PIECE, ShortRead, Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_RTF", "validate_rtf"]

SMALLEST_RTF = b"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}\\f0 inert\\par}"

MAX_DEPTH = 100  # groups in groups, C-RTF-02; Word itself nests tables and fields some thirty deep
MAX_WALKED = 10_000  # groups in groups, before the walk is given up
MAX_FONTS = 1000  # C-RTF-06
MAX_PICTURES = 200  # that are decoded; what is beyond is told
MAX_INNER = 10  # groups in groups in front of a picture's data: Word nests four
MAX_TEXT = 64 * 1024  # bytes of a field's instruction, a template's name or a class

_OVERLAP = 64  # bytes, more than any token but a binary stretch takes
# One set of first characters, which the engine runs through fast; then what makes it one of those that matter.
_TOKEN = re.compile(
    rb"[{}\\\0-\x08\x0b\x0e-\x1f](?:(?<!\\)|(?<=\\)(?:[\\{}]|bin(\d{1,10})[ \r\n]?|(object|objdata|objclass|objupdate|"
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
_FRAGMENTS = re.compile(
    rb"\\sn\s*pFragments\b.{0,200}?\\sv\s*(\d{1,9})\s*;\s*(\d{1,9})\s*;\s*([0-9a-fA-F\s]*)", re.DOTALL
)
_ESCAPED = re.compile(rb"\\(?:'([0-9a-fA-F]{2})|u(-?\d{1,6})\s?\??|([\\{}~])|\*|[a-zA-Z]{1,32}-?\d{0,10} ?)|[{}\r\n]")
_DDE = re.compile(r"\s*dde(?:auto)?\b", re.IGNORECASE)
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
    """The walk over one document. told: rules that are said once. held: there may be a second file in it."""

    source: Source
    screening: Screening
    depth: int = 0
    pictures: int = 0
    groups: list[_Group] = field(default_factory=list)
    told: set[str] = field(default_factory=set)
    held: bool = False

    def object(self) -> _Group | None:
        """The object that is open."""
        return next((group for group in reversed(self.groups) if group.kind == b"object"), None)


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
    if dicom := dicom_at(whole):
        yield rules.DICOM.found(at=dicom, seen="DICM")
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
        at = 0
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
                    yield from _once(document, rules.DEPTH.found(at=base + at, seen=document.depth, allowed=MAX_DEPTH))
                elif byte == _SHUT:
                    if document.groups:
                        yield from _close(document, base + begin)
                    document.depth -= 1
                else:
                    yield from _once(document, rules.BINARY_DATA.found(at=base + begin, seen=f"{byte:02x}"))
                if document.depth <= 0 or document.depth > MAX_WALKED:
                    source.skip(at)
                    return
            elif match[1] is not None:
                yield from _judge_binary(document, base + at, int(match[1]))
                document.held = True  # what is passed over now may hold anything
                at += int(match[1])
                matches = _tokens(block, marks, at)
            elif match[2] is not None:
                yield from _word(document, match[2], base + at)
            elif match[3] is not None:
                yield from _once(document, rules.CONTROL_WORD.found(at=base + begin, seen=match[3]))
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


def _once(document: _Document, finding: Finding) -> Iterator[Finding]:
    if finding.rule not in document.told:
        document.told.add(finding.rule)
        yield finding


def _word(document: _Document, word: bytes, at: int) -> Iterator[Finding]:
    """A control word that matters, read up to `at`."""
    if word.startswith(b"listoverridecount"):
        count = int(word[len(b"listoverridecount") :] or b"0")
        if count not in (0, 1, 9):
            yield rules.LIST_OVERRIDE.found(at=at, where="listoverride", seen=count, allowed="0, 1, 9")
    elif word in _CAPTURED:
        document.screening.spend()
        document.groups.append(_Group(word, document.depth, at))
    if word in _OBJECT_WORDS and (group := document.object()):
        group.words.add(word)


def _close(document: _Document, at: int) -> Iterator[Finding]:
    """The group that closes at `at`: judge what was wanted of it."""
    while document.groups and document.groups[-1].depth >= document.depth:
        group = document.groups.pop()
        document.screening.spend()
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
    length = min(end - group.begin, most)
    if end - group.begin > most:
        document.screening.not_covered(f"{group.kind.decode()} at byte {group.begin}", f"beyond {most} bytes")
    return b"".join(document.source.at(group.begin, length).pieces())


def _judge_data(document: _Document, group: _Group, end: int) -> Iterator[Finding]:
    embedded = decoded(_text_of(document, group, end, MAX_DATA), group.begin, document.screening)
    owner = document.object()
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
        yield from _judge_property(raw, at)
    elif group.kind == b"template":
        if _ELSEWHERE.match(name := _plain(raw)):
            yield rules.REMOTE_TEMPLATE.found(at=at, where="template", seen=name)
    elif group.kind == b"objclass":
        if owner := document.object():
            owner.classes.append(_plain(raw))
    elif group.kind == b"fldinst":
        yield from _judge_field(_plain(raw), at)


def _judge_property(raw: bytes, at: int) -> Iterator[Finding]:
    if found := _FRAGMENTS.search(raw):
        size, count = int(found[1]), int(found[2])
        held = len(found[3].translate(None, b" \t\r\n")) // 2
        if held > size * count:
            yield rules.FRAGMENTS.found(at=at, where="pFragments", seen=f"{held} bytes", allowed=f"{size * count}")


def _judge_field(text: str, at: int) -> Iterator[Finding]:
    if _DDE.match(text):
        yield rules.DDE.found(at=at, where="fldinst", seen=text)
    elif match := _REMOTE.match(text):
        is_picture = match[1].lower() == "includepicture"
        if is_picture and re.search(r"\s\\d\b", text):
            yield rules.REMOTE_PICTURE.found(at=at, where="fldinst", seen=text)
        elif not is_picture:
            yield rules.REMOTE_FIELD.found(at=at, where="fldinst", seen=text)


def _plain(raw: bytes) -> str:
    """The text of a group without its controls; characters that are written as numbers as themselves."""

    def shown(match: re.Match[bytes]) -> bytes:
        if match[1]:
            return bytes.fromhex(match[1].decode())
        if match[2]:
            return chr(int(match[2]) & 0xFF).encode("latin-1")
        return match[3] or b""

    return _ESCAPED.sub(shown, raw).decode("latin-1").strip()


def _judge_binary(document: _Document, at: int, length: int) -> Iterator[Finding]:
    """A stretch behind \\bin must be there, and be no file of another kind."""
    document.screening.spend()
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
