"""XML as a stream of tags and text, without expanding anything: no entity, no DTD, no external resource is followed.

A tokenizer for judging, not a parser: it takes what it can and passes over the rest. Its time is linear in the text.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators.markup import declaration_end

__all__ = ["Tag", "Text", "attributes_of", "decode_xml", "foreign_encoding", "has_doctype", "tokens"]

_DOCTYPE = re.compile(r"<!(DOCTYPE|ENTITY)", re.IGNORECASE)
_TAG = re.compile(r"""<[^>"']*+(?:(?:"[^"]*+"|'[^']*+')[^>"']*+)*+>""")
# A name begins after a separator only and gives nothing back: what is no attribute is not tried letter by letter.
# Slashes between attributes and values without quotes are no XML, but are read where a drawing is opened as a page.
_ATTRIBUTE = re.compile(r"""(?<=[\s"'/])([^\s=<>"'/]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")
_TAG_NAME = re.compile(r"</?\s*([^\s/>]*)")
_ENCODING = re.compile(r"\s*<\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"']([\w.:-]{1,40})", re.IGNORECASE)
_SHIFTING = re.compile(
    r"utf-?7|utf-?32|ucs-?4|(?:cs)?iso-?2022|hz\b|ebcdic|ibm|cp(?:037|500|10(?:26|47)|11[45]\d)\b", re.IGNORECASE
)
_EBCDIC = b"Lo\xa7\x94".decode("utf-8", errors="replace")  # `<?xm`


@dataclass(frozen=True, slots=True)
class Tag:
    """A start or end tag. name and attribute names are without their namespace prefix.

    attributes: one value for each name; one without a prefix before others, the first before later ones.
    pairs: all of them, in order: two prefixes may give one name two values.
    at: index of its `<` in the text. source: as it is written, without the `>`.
    """

    name: str
    closing: bool
    attributes: dict[str, str] = field(default_factory=dict)
    pairs: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    at: int = field(default=0, compare=False)
    source: str = field(default="", compare=False)

    @property
    def empty(self) -> bool:
        """Does the tag close itself?"""
        return self.source.endswith("/")


@dataclass(frozen=True, slots=True)
class Text:
    """Character data between two tags, predefined and numeric references resolved."""

    text: str


def decode_xml(data: bytes) -> str:
    """The text of an XML file by its byte order mark or by its first `<` (XML 1.0, appendix F). Never raises."""
    if data[:4] in (b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        return data.decode("utf-32", errors="replace")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    if data[:1] == b"<" and data[1:4:2] == b"\0\0":
        return data.decode("utf-16-le", errors="replace")
    if data[1:2] == b"<" and data[:4:2] == b"\0\0":
        return data.decode("utf-16-be", errors="replace")
    return data.decode("utf-8-sig", errors="replace")


def foreign_encoding(text: str) -> str:
    """The encoding that a text as `decode_xml` gives it is really in, where that is not one whose ASCII can be read."""
    if text.startswith(_EBCDIC):
        return "EBCDIC"
    declared = _ENCODING.match(text)
    return declared.group(1) if declared and _SHIFTING.match(declared.group(1)) else ""


def has_doctype(text: str) -> bool:
    """Is there a document type or entity declaration?"""
    return bool(_DOCTYPE.search(text))


def tokens(text: str) -> Iterator[Tag | Text]:
    """Tags and text in order; comments, processing instructions and declarations are passed over.

    Ends where a tag, a comment or a declaration is not closed: so does every parser of XML.
    """
    position = 0
    while (begin := text.find("<", position)) >= 0:
        if begin > position:
            yield Text(html.unescape(text[position:begin]))
        opening = text[begin : begin + 9]
        if opening == "<![CDATA[":
            end = text.find("]]>", begin)
            yield Text(text[begin + 9 : end if end >= 0 else None])
            position = end + 3
        elif opening.startswith("<!--"):
            position = (end := text.find("-->", begin + 4)) + 3
        elif opening[1:2] == "?":
            position = (end := text.find("?>", begin)) + 2
        elif opening[1:2] == "!":
            position = (end := declaration_end(text, begin)) + 1
        else:
            found = _TAG.match(text, begin)
            end = found.end() - 1 if found else -1
            if found:
                yield _tag(text[begin:end], begin)
            position = end + 1
        if end < 0:
            return


def attributes_of(source: str) -> dict[str, str]:
    """The attributes of a tag or an instruction: one value for each name, see `Tag`."""
    return _preferred(_pairs(source))


def _pairs(source: str) -> list[tuple[str, str]]:
    """Attributes as they are written, without declarations of name spaces."""
    return [
        (name, html.unescape(double or single or bare))
        for name, double, single, bare in _ATTRIBUTE.findall(source)
        if name != "xmlns" and not name.startswith("xmlns:")
    ]


def _preferred(pairs: list[tuple[str, str]]) -> dict[str, str]:
    preferred = {name: value for name, value in reversed(pairs) if ":" not in name}
    for name, value in pairs:
        if ":" in name:
            preferred.setdefault(name.rpartition(":")[2], value)
    return preferred


def _tag(source: str, at: int) -> Tag:
    named, pairs = _TAG_NAME.match(source), _pairs(source)
    local = tuple((name.rpartition(":")[2], value) for name, value in pairs)
    name = named.group(1).rpartition(":")[2] if named else ""
    return Tag(name, source.startswith("</"), _preferred(pairs), local, at, source)
