"""Web pages. WHATWG HTML, https://html.spec.whatwg.org/ (section 13, as browsers read it, not as it should be written).

    page = text with tags, from a first tag that browsers know (WHATWG MIME Sniffing 7.1) to the end of the file

A page that is sent as a file runs with whatever the browser grants to local files, and can look like any login. So each
is told; what is worse is a page that brings a program along.

Checked: that it is one; downloads that it carries itself, and long base64 texts that are another file; scripts that
unpack something and save it; links to programs of the operating system, to shares and to code.
Not checked: what its scripts do beyond that, what it shows, where its forms are sent. A page has an open end.

Each rule is told at its first place.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from lazaretto_validators import unscannable
from lazaretto_validators.documents.xml_tokens import Tag, Text, tokens
from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.identify import identify
from lazaretto_validators.markup import looks_like_html, text_kind
from lazaretto_validators.media_types import MediaType, Risk
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

_EARLY = 4096  # bytes in which a whole page says that it is one (threats WEB-01); `<b>` alone makes none
_DOCUMENT = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|iframe)[\s>]", re.IGNORECASE)
_BASE64 = re.compile(rb"[A-Za-z0-9+/]{%d,}={0,2}" % LEAST_PAYLOAD)
_UNPACKS = re.compile(rb"\b(?:atob|unescape|decodeURIComponent|fromCharCode|eval)\s*\(|\bUint8Array\b", re.IGNORECASE)
_SAVES = re.compile(rb"msSaveOrOpenBlob|msSaveBlob|createObjectURL", re.IGNORECASE)
_CLICKS = re.compile(rb"\.download\s*=|\.click\s*\(\s*\)|setAttribute\(\s*[\"']download", re.IGNORECASE)
_HARMLESS = frozenset({Risk.VIEWED, Risk.UNKNOWN})
_SHOWN_DATA = ("image/", "audio/", "video/", "font/")
_LINKS = ("href", "src", "action", "data", "formaction", "content")


@validator("text/html", extensions=("html", "htm"), rules=RULES, example=b"<!DOCTYPE html>\n<title>x</title>\n", api=1)
def validate_html(source: Source, screening: Screening) -> Iterator[Finding]:
    """Web pages."""
    head = source.peek(HEAD_BYTES)
    text = decode_head(head)
    if not (looks_like_html(head) if text is None else text_kind(text) == "text/html"):
        raise NotThisFormat("no web page")
    if opening := _DOCUMENT.search(head, 0, _EARLY):
        yield PAGE.found(at=opening.start(), seen=head[:60])
    data = read_whole(source, MAX_TEXT)
    if data is None:
        yield unscannable.BUDGET.found(at=MAX_TEXT, seen="a longer page", allowed=f"{MAX_TEXT} bytes")
        return
    yield from _judge_scripts(data, screening)
    yield from _judge_tags(data, encoding_of(head) or "latin-1", screening)


def _judge_scripts(data: bytes, screening: Screening) -> Iterator[Finding]:
    """What the page carries as base64, and whether a script saves what it unpacks."""
    for payload in _BASE64.finditer(data):
        screening.spend()
        if (found := _hidden(payload.group())) is not None:
            yield SMUGGLING.found(at=payload.start(), seen=f"{found.label} in base64")
            break
    if (saved := _SAVES.search(data)) and _CLICKS.search(data) and _UNPACKS.search(data) and _BASE64.search(data):
        yield SAVES.found(at=saved.start(), seen=saved.group())


def _hidden(letters: bytes) -> MediaType | None:
    """The file that base64 text is, if that is none that is only looked at."""
    try:
        head = base64.b64decode(letters[: min(HEAD_BYTES, len(letters) // 4 * 4)])  # four letters are three bytes
    except binascii.Error:
        return None
    found = identify(Source.of_bytes(head))
    return found if found is not None and found.risk not in _HARMLESS else None


def _judge_tags(data: bytes, encoding: str, screening: Screening) -> Iterator[Finding]:
    told: set[Rule] = set()
    for token in tokens(data.decode(encoding, "replace")):
        screening.spend()
        if isinstance(token, Text) or token.closing:
            continue
        for rule, seen in _judge_tag(token):
            if rule not in told:
                told.add(rule)
                yield rule.found(
                    at=data.find(token.source[:60].encode(encoding, "replace")), where=token.name, seen=seen
                )


def _judge_tag(tag: Tag) -> Iterator[tuple[Rule, str]]:
    for attribute, value in tag.attributes.items():
        if attribute.lower() not in _LINKS:
            continue
        if attribute.lower() == "content":  # of a meta element: `0; url=...`
            value = value.partition("=")[2]
        if is_script(value):
            yield SCRIPT_LINK, value[:100]
        elif is_handler(value):
            yield HANDLER, value[:100]
        elif (data := carried(value)) is not None and not data.media_type.startswith(_SHOWN_DATA):
            saved = "download" in {name.lower() for name in tag.attributes} or "download" in tag.source.lower()
            if tag.name.lower() in ("a", "area") and (saved or "application/" in data.media_type):
                yield DOWNLOAD, value[:100]
