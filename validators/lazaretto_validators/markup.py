"""Which kind of text is it? The part of `identify` for texts that are no scripts.

HTML is recognised as browsers do (WHATWG MIME Sniffing, section 7.1): by the first tag, whatever follows it.
XML is told apart by its root element.
"""

from __future__ import annotations

import re

from lazaretto_validators.names import words

__all__ = ["after_prolog", "declaration_end", "looks_like_html", "text_kind"]

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
_DECLARATION = re.compile(
    r"""<!(?:[^\["'>]|"[^"]*+"|'[^']*+')*+"""
    r"""(?:\[(?:<!--.*?-->|<\?.*?\?>|"[^"]*+"|'[^']*+'|[^\]"'<]++|<(?!!--|\?))*+\][^>]*+)?>""",
    re.DOTALL,
)
_PAGE_SPACE = re.compile(r"""xmlns(?::([\w.-]{1,40}))?\s*=\s*["']http://www\.w3\.org/(?:1999/xhtml|2000/svg)""")
_SCRIPT = re.compile(r"<(?:([\w.-]{1,40}):)?script[\s/>]")


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
    # Comments to the end of what is seen: whatever comes then, a browser would read it.
    if text.startswith(("<!", "<?"), position):
        return "text/html"
    if is_xml or (root and (f"</{root.group(0)[1:]}" in text or "xmlns" in text[position : position + 2000])):
        return "text/html" if _runs_script(text) else "text/xml"
    return "text/plain"


def _runs_script(text: str) -> bool:
    """Does XML of another kind hold a script of a page, which a browser runs wherever it stands?"""
    prefixes = {space[1] for space in _PAGE_SPACE.finditer(text)}
    return any(script[1] in prefixes for script in _SCRIPT.finditer(text))


def after_prolog(text: str) -> int:
    """Where the root element begins: behind the declaration, instructions, comments and the DOCTYPE."""
    position, length = 0, len(text)
    while True:
        while position < length and text[position].isspace():
            position += 1
        if text.startswith("<!--", position):
            last, width = text.find("-->", position + 4), 3
        elif text.startswith("<?", position):
            last, width = text.find("?>", position), 2
        elif text.startswith("<!", position):
            last, width = declaration_end(text, position), 1
        else:
            return position
        if last < 0:
            return position
        position = last + width


def declaration_end(text: str, begin: int) -> int:
    """Index of the `>` that ends the DOCTYPE at `begin`, its internal subset included (XML 1.0 2.8); -1 if none."""
    found = _DECLARATION.match(text, begin)
    return found.end() - 1 if found else -1


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
