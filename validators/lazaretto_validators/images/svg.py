"""SVG drawings. SVG 2 (https://www.w3.org/TR/SVG2/) and SVG Tiny 1.2 in XML 1.0, 5th edition.

    drawing = [declaration] (instruction | comment | doctype)* <svg> content </svg>
    content = (element | text | CDATA | comment | instruction)*

A browser runs what is in it, so this is a document that happens to be drawn. It is read as text, from tag to tag, and
nothing in it is ever expanded or fetched.

Checked: scripts, handlers, links and what they lead to or carry (a member each), animations of links, parts of web
pages, everything that is loaded from elsewhere, declarations of entities and document types, encodings that hide the
markup, code for servers, copies of copies, the nesting of elements and its end.
Not checked: shapes, numbers and styles as such; what a picture of many small shapes shows (a code to scan, a copy of a
login page: threats SVG-05); names of elements beyond those that do something.

Deviations: the entities that Adobe Illustrator declares for its name spaces (`ns_svg` ...) and styles (`st0` ...) are
let through where no link is made of them, and so is a `foreignObject` with text in it. Names are compared without case
and attributes are found without quotes, since a drawing may also be read as HTML.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators import unscannable
from lazaretto_validators.documents.xml_tokens import Tag, Text, attributes_of, decode_xml, foreign_encoding, tokens
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.images import svg_rules as rules
from lazaretto_validators.images.svg_copies import Copies
from lazaretto_validators.markup import text_kind
from lazaretto_validators.names import words
from lazaretto_validators.source import MAX_READ, NotThisFormat, Source
from lazaretto_validators.text.encoding import HEAD_BYTES, read_whole
from lazaretto_validators.text.links import calls_out, carried, is_handler, is_script, plain
from lazaretto_validators.validator import Screening, validator

__all__ = ["MAX_TEXT", "validate_svg"]

SMALLEST = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"><path d="M0 0h1"/></svg>'

MAX_TEXT = 16 * MAX_READ
"""Bytes of a drawing that are read. Maps and traced photos have a few MiB."""

MAX_DEPTH = 256  # elements in elements (threats SVG-06)
MAX_RADIUS = 100_000  # of a blur, in units (threats SVG-06)
_EACH = 8  # findings of one rule: a drawing can break it in every element

_SCRIPTS = words("script handler listener")
_HTML = words("iframe object embed form input frame applet portal base meta")
_ANIMATIONS = words("set animate animatetransform animatemotion animatecolor")
_LOADING = words(
    "image use feimage font-face-uri script mpath textpath lineargradient radialgradient pattern filter "
    "img video audio source track link"
)
_LINKS = words("href src from to values by action formaction data poster")
_ENCODED = re.compile(
    r"""\b(?:href|src)\s*=\s*["']\s*(?:&\#x?[0-9a-f]+;){3}|"""
    r"""\b(?:href|src|from|to|values|by|attributeName)\s*=\s*["'](?:[^"'&]|&(?:\#|amp;|lt;|gt;|quot;|apos;))*+&\w+;""",
    re.IGNORECASE,
)
"""Three letters as numbers, or an abbreviation that the drawing itself declares."""
_LOADED = re.compile(r"""(?:url\(|@import|image-set\()\s*(?:url\()?\s*["']?\s*([^"')\s;]{1,300})""", re.IGNORECASE)
_CSS_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})\s?|([^\n]))")
_DOCTYPE = re.compile(r"<!DOCTYPE\s+[^\s>\[]+\s*([^\[>]{0,1000})", re.IGNORECASE)
_W3C = re.compile(
    r"""(?:PUBLIC\s*["']-//W3C//DTD (?:SVG|XHTML)[^"']*["']|SYSTEM)\s*["']https?://www\.w3\.org/[^"']*["']"""
)
_ENTITY = re.compile(r"<!ENTITY\s+([^>]{0,1000})", re.IGNORECASE)
_ADOBE = re.compile(r"""(?:ns_|st)\w+\s+(["'])(?:(?![&%<(@\\]|\1)[\x20-\x7e])*\1\s*\Z""")
_DEFAULTS = re.compile(r"""<!ATTLIST\s(?:[^>"']|"[^"]*+"|'[^']*+')*+""", re.IGNORECASE)
_DEFAULT = re.compile(
    r"""(?<=\s)([^\s"'>]++)\s++(?:NOTATION\s++)?(?:[A-Z]++|\([^)]{0,1000}\))\s*+(?:\#FIXED\s*+)?("[^"]*+"|'[^']*+')"""
)
_SHEET = "<?xml-stylesheet"
_SERVER_CODE = re.compile(r"<\?(?:php\b|=)|<%", re.IGNORECASE)
_HANDLER = re.compile(r"on[a-z]{3,}")  # the shortest is `onend`
_FIRST_NUMBER = re.compile(r"\s*(\d{1,30})")


@validator("image/svg+xml", extensions=("svg",), rules=rules.RULES, example=SMALLEST, api=1)
def validate_svg(source: Source, screening: Screening) -> Iterator[Finding]:
    """SVG drawings."""
    head = decode_xml(source.peek(HEAD_BYTES))
    if text_kind(head) != "image/svg+xml" and not foreign_encoding(head):
        raise NotThisFormat("no drawing")
    data = read_whole(source, MAX_TEXT)
    if data is None:
        yield unscannable.BUDGET.found(at=MAX_TEXT, seen="a longer drawing", allowed=f"{MAX_TEXT} bytes")
        return
    drawing = _Drawing(*_decode(data), screening)
    for rule, at, where, seen in drawing.judged():
        drawing.told[rule] += 1
        if drawing.told[rule] <= _EACH:
            yield rule.found(at=drawing.offset(at), where=where, seen=seen)
    if drawing.end is None:
        source.read(1)  # beyond the end: the drawing was cut
    elif (end := drawing.offset(drawing.end)) is not None:
        screening.ends_at(end)


def _decode(data: bytes) -> tuple[str, int]:
    """The text, and how many bytes of the file stand before its first character. Wide encodings lose the mapping."""
    if b"\0" in data[:4] or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return decode_xml(data), -1
    mark = 3 if data.startswith(codecs.BOM_UTF8) else 0
    return data[mark:].decode("utf-8", "surrogateescape"), mark


_Fault = tuple[Rule, int, str, str]
"""A broken rule, the index in the text, the place in words, and what was seen."""


@dataclass(slots=True)
class _Drawing:
    """One drawing on its way from the first tag to the last.

    mark: bytes of a byte order mark in front of the text; -1 where a character's offset cannot be told.
    end: index behind the root element, once it was closed.
    """

    text: str
    mark: int
    screening: Screening
    told: Counter[Rule] = field(default_factory=Counter)
    open: list[str] = field(default_factory=list)
    copies: Copies = field(default_factory=Copies)
    end: int | None = None
    _counted: tuple[int, int] = (1 << 62, 0)  # an index, and its offset

    def offset(self, index: int) -> int | None:
        """The byte offset of a character. Cheap as long as the indices grow."""
        if self.mark < 0:
            return None
        at, offset = self._counted if self._counted[0] <= index else (0, self.mark)
        offset += len(self.text[at:index].encode("utf-8", "surrogateescape"))
        self._counted = index, offset
        return offset

    def judged(self) -> Iterator[_Fault]:
        yield from _judge_prolog(self.text)
        for token in tokens(self.text):
            self.screening.spend()
            if isinstance(token, Text):
                if self.open and self.open[-1] == "style":
                    yield from _judge_style(token.text, 0, "style")
            elif token.closing:
                yield from self._close(token)
            else:
                yield from self._begin(token)
            if self.end is not None:
                break
        yield from self.copies.judged()

    def _begin(self, tag: Tag) -> Iterator[_Fault]:
        name = tag.name.lower()
        yield from self._judge_element(name, tag)
        yield from _judge_attributes(name, tag)
        self._carry(name, tag)
        self.copies.begin(name, tag)
        if tag.empty:
            self.copies.close()
            self.end = self._behind(tag) if not self.open else None
            return
        self.open.append(name)
        if len(self.open) == MAX_DEPTH + 1:
            yield rules.GROWTH, tag.at, name, f"{len(self.open)} elements in each other"

    def _close(self, tag: Tag) -> Iterator[_Fault]:
        name = tag.name.lower()
        if not self.open or self.open[-1] != name:
            yield rules.UNBALANCED, tag.at, name, f"</{name}>"
            self.screening.spend(1 + len(self.open) // 64)
            if name not in self.open:
                return
        while self.open:
            self.copies.close()
            if self.open.pop() == name:
                break
        if not self.open:
            self.end = self._behind(tag)

    def _behind(self, tag: Tag) -> int:
        return tag.at + len(tag.source) + 1

    def _judge_element(self, name: str, tag: Tag) -> Iterator[_Fault]:
        if name in _SCRIPTS:
            yield rules.SCRIPT, tag.at, name, tag.source[:100]
        elif name == "foreignobject":
            yield rules.FOREIGN_OBJECT, tag.at, name, name
        elif name in _HTML:
            yield rules.HTML, tag.at, name, tag.source[:100]
        elif name in _ANIMATIONS:
            for attribute, value in tag.pairs:
                target = plain(value).lower().rpartition(":")[2]
                if attribute.lower() == "attributename" and (target in ("href", "src") or target.startswith("on")):
                    yield rules.ANIMATED_LINK, tag.at, name, target

    def _carry(self, name: str, tag: Tag) -> None:
        """Hand over the pictures, fonts and documents that stand in the drawing itself."""
        for attribute, value in tag.pairs:
            if attribute.lower() in ("href", "src") and (data := carried(value)) is not None and data.content:
                self.screening.expand(len(data.content))
                place = f"{name} at {self.offset(tag.at)}"
                self.screening.member(place, Source.of_bytes(data.content), nameless=True)


def _judge_prolog(text: str) -> Iterator[_Fault]:
    """What stands around the elements: declarations, instructions. XML 1.0 2.6, 2.8, 4.2, 4.3.3."""
    if encoding := foreign_encoding(text):
        yield rules.ENCODING, 0, "declaration", encoding
    doctype = _DOCTYPE.search(text)
    if doctype and (identifier := doctype.group(1).strip()) and not _W3C.fullmatch(identifier):
        yield rules.DOCTYPE, doctype.start(), "doctype", identifier
    for entity in _ENTITY.finditer(text):
        if not _ADOBE.match(entity.group(1)):
            yield rules.ENTITY, entity.start(), "doctype", entity.group(0)[:100]
    yield from _judge_defaults(text)
    yield from _judge_sheets(text)
    if code := _SERVER_CODE.search(text):
        yield rules.CODE, code.start(), "instruction", text[code.start() : code.start() + 40]


def _judge_defaults(text: str) -> Iterator[_Fault]:
    """Attributes that the DOCTYPE gives to elements which do not show them. XML 1.0 3.3.2."""
    for declared in _DEFAULTS.finditer(text):
        found = _DEFAULT.findall(declared.group())
        pairs = tuple((name.rpartition(":")[2], value[1:-1]) for name, value in found if not name.startswith("xmlns"))
        yield from _judge_attributes("default", Tag("default", False, dict(pairs), pairs, declared.start()))


def _judge_sheets(text: str) -> Iterator[_Fault]:
    """Style sheets of their own file, and transformations, which are programs. xml-stylesheet 1.0, section 4."""
    begin = text.find(_SHEET)
    while begin >= 0 and (end := text.find("?>", begin)) >= 0:
        said = attributes_of(text[begin:end])
        address, kind = said.get("href", ""), said.get("type", "").strip().lower()
        if kind and kind != "text/css":
            yield rules.SCRIPT, begin, "stylesheet", kind
        if calls_out(address):
            yield rules.EXTERNAL, begin, "stylesheet", address
        begin = text.find(_SHEET, end)


def _judge_attributes(name: str, tag: Tag) -> Iterator[_Fault]:
    for attribute, value in tag.pairs:
        lowered = attribute.lower()
        if _HANDLER.fullmatch(lowered) and value.strip():
            yield rules.EVENT, tag.at, name, f"{attribute}={value[:100]}"
        elif lowered in _LINKS:
            yield from _judge_link(name, tag, value)
        elif "(" in value:
            yield from _judge_style(value, tag.at, name)
        elif lowered in ("stddeviation", "radius") and _first_number(value) > MAX_RADIUS:
            yield rules.GROWTH, tag.at, name, f"{attribute}={value[:40]}"
    if _ENCODED.search(tag.source):
        yield rules.ENCODED_LINK, tag.at, name, tag.source[:100]


def _first_number(value: str) -> int:
    number = _FIRST_NUMBER.match(value)
    return int(number.group(1)) if number else 0


def _judge_link(name: str, tag: Tag, value: str) -> Iterator[_Fault]:
    if any(is_script(part) for part in value.split(";", 20)):
        yield rules.SCRIPT_LINK, tag.at, name, value[:100]
    elif is_handler(value):
        yield rules.HANDLER_LINK, tag.at, name, value[:100]
    elif name in _LOADING and calls_out(value):
        yield rules.EXTERNAL, tag.at, name, value[:100]
    elif (data := carried(value)) is not None and _is_document(name, data.media_type):
        yield rules.DATA_LINK, tag.at, name, value[:60]


def _is_document(name: str, media_type: str) -> bool:
    """A picture may stand in an `image`; a link or a copy that carries its own target has something to hide."""
    if name in ("image", "feimage", "font-face-uri"):
        return "html" in media_type or (media_type.startswith("application/") and "font" not in media_type)
    return not media_type.startswith(("image/png", "image/jpeg", "image/gif", "image/webp", "font/"))


def _judge_style(text: str, at: int, name: str) -> Iterator[_Fault]:
    """What a style sheet or a style attribute loads. CSS Values 4 4.5; CSS Syntax 3 4.3.7 (escapes)."""
    if "\\" in text:
        text = _CSS_ESCAPE.sub(lambda escape: _letter(escape.group(1)) if escape.group(1) else escape.group(2), text)
    for loaded in _LOADED.finditer(text):
        if is_script(loaded.group(1)):
            yield rules.SCRIPT_LINK, at, name, loaded.group(1)
        elif calls_out(loaded.group(1)):
            yield rules.EXTERNAL, at, name, loaded.group(1)


def _letter(number: str) -> str:
    code = int(number, 16)
    return chr(code) if 0 < code < 0xD800 else "\ufffd"
