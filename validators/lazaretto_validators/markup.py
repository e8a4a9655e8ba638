"""Which kind of text is it? The part of `identify` for texts that are no scripts.

HTML is recognised as browsers do (WHATWG MIME Sniffing, section 7.1): by the first tag, whatever follows it.
XML is told apart by its root element.
"""

from __future__ import annotations

import re

from lazaretto_validators.names import words

__all__ = ["after_prolog", "looks_like_html", "text_kind"]

_HTML = re.compile(
    r"<(?:!doctype\s+html|html|head|script|iframe|h[1-6]|div|font|table|a|style|title|b|body|br|p|meta|img|form|center|"
    r"link|base|object|embed|ul|ol|span|input)[\s>/]",
    re.IGNORECASE,
)
_HTML_DOCUMENT = re.compile(
    r"(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body|script|iframe)[\s>/]", re.IGNORECASE | re.DOTALL
)
_ROOT = re.compile(r"<(?:[A-Za-z_][\w.-]{0,100}:)?([A-Za-z_][\w.-]{0,100})(?=[\s/>])")
_ROOTS = {
    "svg": "image/svg+xml",
    "html": "text/html",
    "stylesheet": "application/xslt+xml",
    "transform": "application/xslt+xml",
    "plist": "application/x-plist",
}
_OPENINGS: tuple[tuple[str, str], ...] = (
    ("BEGIN:VCALENDAR", "text/calendar"),
    ("BEGIN:VCARD", "text/vcard"),
    ("#EXTM3U", "application/x-mpegurl"),
    ("-----BEGIN ", "application/x-pem-file"),
    ("{\\RT", "text/rtf"),  # Word passes over blanks in front of it
)
_JSON = re.compile(r'\{\s*(?:\}|"(?:[^"\\]|\\.){0,500}"\s*:)|\[\s*(?:[\[{"\]]|-?\d|true\b|false\b|null\b)')
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9-]{0,60}):[ \t\r]")
_MAIL_HEADERS = words(
    "from to subject date received return-path mime-version message-id delivered-to content-type reply-to x-mailer"
)
_MAX_PROLOG = 64  # instructions, comments and a DOCTYPE in front of the root element


def looks_like_html(head: bytes) -> bool:
    """Would a browser read these bytes as HTML although binary data follows? Only whole-document openings count."""
    text = head[:1024].removeprefix(b"\xef\xbb\xbf").decode("latin-1").lstrip()
    return _HTML_DOCUMENT.match(text) is not None


def text_kind(text: str) -> str:
    """The media type of a text that is no script, `text/plain` if it is nothing in particular."""
    text = text.lstrip("\ufeff \t\r\n\f")
    if text.startswith("<"):
        return _markup_kind(text)
    for opening, kind in _OPENINGS:
        if text[: len(opening)].upper() == opening:
            return kind
    if _JSON.match(text) and (text[0] == "{" or text.rstrip().endswith(("]", ","))):
        return "application/json"
    return "message/rfc822" if _is_mail(text) else "text/plain"


def _markup_kind(text: str) -> str:
    is_xml = text.startswith("<?xml")
    position = after_prolog(text)
    root = _ROOT.match(text, position)
    if root and (kind := _ROOTS.get(root.group(1).lower())):
        return kind
    if not is_xml and (_HTML.match(text) or _HTML.match(text, position)):
        return "text/html"
    if is_xml or (root and (f"</{root.group(0)[1:]}" in text or "xmlns" in text[position : position + 2000])):
        return "text/xml"
    return "text/plain"


def after_prolog(text: str) -> int:
    """Where the root element begins: behind the declaration, instructions, comments and the DOCTYPE."""
    position = 0
    for _ in range(_MAX_PROLOG):
        while text[position : position + 1].isspace():
            position += 1
        if text.startswith("<!--", position):
            end, length = text.find("-->", position), 3
        elif text.startswith("<?", position):
            end, length = text.find("?>", position), 2
        elif text.startswith("<!", position):
            end, length = _doctype_end(text, position), 1
        else:
            return position
        if end < 0:
            return position
        position = end + length
    return position


def _doctype_end(text: str, position: int) -> int:
    subset, close = text.find("[", position), text.find(">", position)
    if 0 <= subset < close:
        close = text.find(">", text.find("]", subset)) if "]" in text[subset:] else -1
    return close


def _is_mail(text: str) -> bool:
    """Header lines from the first one on (RFC 5322 section 2.2), three at least that mails have."""
    seen = set()
    for line in text[:8192].splitlines()[:60]:
        if line[:1] in (" ", "\t"):
            continue
        header = _HEADER.match(line + "\r")
        if not header:
            break
        seen.add(header.group(1).lower())
    return len(seen & _MAIL_HEADERS) >= 3
