"""Web pages. WHATWG HTML, https://html.spec.whatwg.org/ (section 13, as browsers read it, not as it should be written).

    page = text with tags, from a first tag that browsers know (WHATWG MIME Sniffing 7.1) to the end of the file

A page that is sent as a file runs with whatever the browser grants to local files, and can look like any login. So each
is told; what is worse is a page that brings a program along.

Checked: that it is one, in the encoding that a browser reads it in; downloads that it carries itself, and long base64
texts that are another file, in lines or in one; pages in its frames, as members; scripts that unpack something and save
it; links to programs of the operating system, to shares and to code.
Not checked: what its scripts do beyond that, what it shows, where its forms are sent. A page has an open end.

Each rule is told at its first place.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from lazaretto_validators import unscannable
from lazaretto_validators.documents.html_tokens import html_tags
from lazaretto_validators.documents.xml_tokens import Tag
from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.identify import identify
from lazaretto_validators.markup import after_prolog, looks_like_html, text_kind
from lazaretto_validators.media_types import MediaType, Risk
from lazaretto_validators.names import words
from lazaretto_validators.source import MAX_READ, NotThisFormat, Source
from lazaretto_validators.text.encoding import HEAD_BYTES, decode_head, encoding_of, read_whole
from lazaretto_validators.text.links import carried, is_handler, is_script
from lazaretto_validators.validator import Screening, validator

__all__ = ["MAX_TEXT", "validate_html"]

MAX_TEXT = 16 * MAX_READ
"""Bytes of a page that are read. Saved pages with their pictures in them have a few MiB."""

LEAST_PAYLOAD = 4096
"""Characters of base64 below which a text is no program worth hiding (threats WEB-02)."""


def _rule(severity: Severity, name: str, message: str, spec: str, innocent: str = "none known") -> Rule:
    return Rule(f"html.{name}", Category.ACTIVE, severity, message, spec, innocent)


PAGE = Rule(
    "html.page",
    Category.DANGEROUS,
    Severity.MEDIUM,
    "This is a web page, which a browser opens with its scripts.",
    "threats WEB-01",
    "saved pages, reports, coverage listings",
)
SMUGGLING = _rule(
    Severity.HIGH, "smuggling", "The page carries another file, and unpacks it when it is opened.", "threats WEB-02"
)
DOWNLOAD = _rule(
    Severity.HIGH,
    "download",
    "A link of the page saves a file that the page carries itself.",
    "WHATWG HTML 4.6.7; RFC 2397; threats WEB-02",
    "charts that offer themselves as a picture",
)
SAVES = _rule(
    Severity.HIGH,
    "saves",
    "A script of the page puts a file together and has it saved at once.",
    "File API 8.1; threats WEB-02",
    "pages that export what they show",
)
HANDLER = _rule(
    Severity.HIGH,
    "handler-link",
    "The page leads to a program of the reader's computer or to a network share.",
    "CVE-2022-30190, CVE-2024-21413; threats WEB-04",
)
SCRIPT_LINK = _rule(
    Severity.INFO,
    "script-link",
    "A link of the page runs code.",
    "WHATWG URL 4.4; threats WEB-02",
    "pages of any age",
)

RULES = (PAGE, SMUGGLING, DOWNLOAD, SAVES, HANDLER, SCRIPT_LINK)

_EARLY = 4096  # characters in which a whole page says that it is one (threats WEB-01); `<b>` alone makes none
_DECLARED = 1024  # bytes in which a page says its encoding, WHATWG HTML 13.2.3.2
_DRAWN = re.compile(r"<(?:svg|math)[\s/>]", re.IGNORECASE)
_DOCUMENT = re.compile(r"<(?:!doctype\s+html|html|head|body|(?:[\w.-]{1,40}:)?script|iframe)[\s/>]", re.IGNORECASE)
_HANDLER = re.compile(r"on[a-z]{3,}")
_BASE64 = re.compile(r"""[A-Za-z0-9+/]{60,}+(?:["'`\s,;+\\]{1,20}[A-Za-z0-9+/]{60,}+)*+[A-Za-z0-9+/]*+={0,2}""")
"""Long texts, in one or in lines that a program puts together; all but the last line are long."""
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/]+")
_UNPACKS = re.compile(r"\b(?:atob|unescape|decodeURIComponent|fromCharCode|eval)\s*\(|\bUint8Array\b", re.IGNORECASE)
_SAVES = re.compile(r"msSaveOrOpenBlob|msSaveBlob|createObjectURL", re.IGNORECASE)
_CLICKS = re.compile(r"\.download\s*=|\.click\s*\(\s*\)|setAttribute\(\s*[\"']download", re.IGNORECASE)
_SHIFTED = re.compile(rb"charset\s*=\s*[\"']?\s*(?:cs)?iso-?2022-?jp", re.IGNORECASE)
_HARMLESS = frozenset({Risk.VIEWED, Risk.UNKNOWN})
_IN_BROWSER = frozenset({"application/wasm", "application/vnd.sqlite3", "application/gzip"})
"""What scripts of honest pages work with: code that runs in the page alone, tables, whatever gzip made smaller."""
_FRAMED = re.compile(r"data:[^\s\"',]{0,60}html[^\s\"',]{0,60},\Z", re.IGNORECASE)
"""What stands in front of a page that a page shows in a frame: that is judged as a member."""
_SHOWN_DATA = ("image/", "audio/", "video/", "font/")
_LINKS = words("href src action data formaction content poster xlink:href")
_FRAMES = words("iframe frame object embed")


@validator("text/html", extensions=("html", "htm"), rules=RULES, example=b"<!DOCTYPE html>\n<title>x</title>\n", api=1)
def validate_html(source: Source, screening: Screening) -> Iterator[Finding]:
    """Web pages."""
    head = source.peek(HEAD_BYTES)
    beginning = decode_head(head)
    if not (looks_like_html(head) if beginning is None else text_kind(beginning) == "text/html"):
        raise NotThisFormat("no web page")
    data = read_whole(source, MAX_TEXT)
    if data is None:
        yield unscannable.BUDGET.found(at=MAX_TEXT, seen="a longer page", allowed=f"{MAX_TEXT} bytes")
        yield PAGE.found(at=0, seen=head[:60])
        return
    page = _Page.of(data, screening)
    yield from _judge_scripts(page)
    yield from _judge_tags(page)


@dataclass(slots=True)
class _Page:
    """A page as a browser reads it. encoding: empty where a character's place in the file is not known."""

    text: str
    encoding: str
    screening: Screening
    told: set[Rule] = field(default_factory=set)

    @classmethod
    def of(cls, data: bytes, screening: Screening) -> _Page:
        """The bytes in their encoding: WHATWG Encoding, of those in which markup reads otherwise than in ASCII."""
        if _SHIFTED.search(data, 0, _DECLARED):
            return cls(data.decode("iso2022_jp", "replace"), "", screening)
        encoding = encoding_of(data[:HEAD_BYTES]) or "latin-1"
        return cls(data.decode(encoding, _errors(encoding)), encoding, screening)

    def once(self, rule: Rule, at: int, where: str, seen: str) -> Iterator[Finding]:
        """The finding, unless its rule was told."""
        if rule not in self.told:
            self.told.add(rule)
            place = len(self.text[:at].encode(self.encoding, _errors(self.encoding))) if self.encoding else None
            yield rule.found(at=place, where=where, seen=seen)


def _errors(encoding: str) -> str:
    return "surrogateescape" if encoding == "utf-8" else "replace"


def _judge_scripts(page: _Page) -> Iterator[Finding]:
    """What the page carries as base64, and whether a script saves what it unpacks."""
    carries = False
    for payload in _BASE64.finditer(page.text):
        begin = payload.start()
        if payload.end() - begin < LEAST_PAYLOAD or _FRAMED.search(page.text[max(0, begin - 150) : begin]):
            continue
        carries = True
        page.screening.spend()
        if (found := _hidden(payload.group())) is not None:
            yield from page.once(SMUGGLING, begin, "", f"{found.label} in base64")
    if carries and (saved := _SAVES.search(page.text)) and _CLICKS.search(page.text) and _UNPACKS.search(page.text):
        yield from page.once(SAVES, saved.start(), "", saved.group())


def _hidden(letters: str) -> MediaType | None:
    """The file that base64 text is, if that is one that would be saved and opened."""
    letters = _NOT_BASE64.sub("", letters[: 2 * HEAD_BYTES])
    head = base64.b64decode(letters[: min(HEAD_BYTES, len(letters) // 4 * 4)])  # four letters are three bytes
    found = identify(Source.of_bytes(head))
    if found is None or found.risk in _HARMLESS or found.name in _IN_BROWSER:
        return None
    return found


def _judge_tags(page: _Page) -> Iterator[Finding]:
    if opening := _DOCUMENT.search(page.text, 0, after_prolog(page.text) + _EARLY):
        yield from page.once(PAGE, opening.start(), "", page.text[opening.start() :][:60])
    readings = (False, True) if _DRAWN.search(page.text) else (False,)
    for tag in chain.from_iterable(html_tags(page.text, drawn=drawn) for drawn in readings):
        page.screening.spend()
        for rule, seen in _judge_tag(tag, page.screening):
            yield from page.once(rule, tag.at, tag.name, seen)


def _judge_tag(tag: Tag, screening: Screening) -> Iterator[tuple[Rule, str]]:
    for attribute, value in tag.pairs:
        if _HANDLER.fullmatch(attribute) and value:
            yield PAGE, f"{attribute}={value[:60]}"
        if attribute not in _LINKS:
            continue
        if attribute == "content":  # of a meta element: `0; url=...`
            value = value.partition("=")[2].lstrip(" \"'")
        if is_script(value):
            yield SCRIPT_LINK, value[:100]
        elif is_handler(value):
            yield HANDLER, value[:100]
        elif (data := carried(value)) is not None and not data.media_type.startswith(_SHOWN_DATA):
            if tag.name in ("a", "area") and ("download" in tag.attributes or "application/" in data.media_type):
                yield DOWNLOAD, value[:100]
            elif tag.name in _FRAMES and "html" in data.media_type:
                screening.expand(len(data.content))
                screening.member(f"{tag.name} at {tag.at}", Source.of_bytes(data.content), nameless=True)
