"""A package of Office Open XML as its validator sees it: parts by folded name, their types, and what may be read.

Part names are compared as ECMA-376-2, 6.2.2 and annex C demand: without regard to case, percent-encoding resolved.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from lazaretto_validators.archives.zip_directory import Entry
from lazaretto_validators.archives.zip_kinds import member_head
from lazaretto_validators.documents import ooxml_rules as rules
from lazaretto_validators.documents.xml_tokens import Tag, decode_xml, foreign_encoding, has_doctype, tokens
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = ["Package", "elements", "folded"]

_PART = 1 << 20  # bytes of one part that are read
_ALL_PARTS = 32 << 20  # and of all of them together
_ALL_TOKENS = 4 << 20  # characters of them that are taken apart, which costs Python half a second per million


@dataclass(slots=True)
class Package:
    """The parts by folded name, what their types are said to be, and how much may still be read and taken apart.

    roles: the kinds of the relationships that point at a part, folded; what a program takes it for.
    """

    source: Source
    screening: Screening
    parts: dict[str, Entry] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)
    roles: dict[str, set[str]] = field(default_factory=dict)
    allowance: int = _ALL_PARTS
    token_allowance: int = _ALL_TOKENS
    main: str = ""

    def head(self, name: str, most: int = _PART) -> bytes:
        """The beginning of a part, as much as is granted."""
        data = member_head(self.source, self.parts[name], min(most, self.allowance))
        self.screening.expand(len(data))
        self.allowance -= len(data)
        return data

    def xml(self, name: str, most: int = _PART) -> tuple[str, bool]:
        """The text of a part as far as it is read, and whether that is all. The rest is named in the coverage."""
        entry = self.parts[name]
        data = self.head(name, most)
        whole = len(data) >= entry.size or entry.encrypted
        if not whole:
            self.screening.not_covered(entry.name, f"XML beyond {len(data)} bytes")
        return decode_xml(data), whole

    def may_take_apart(self, text: str) -> bool:
        """Charge the text to what may be taken apart into tokens. False once that is spent."""
        self.token_allowance -= len(text)
        return self.token_allowance >= 0

    def type_of(self, name: str) -> str:
        """The content type of a part, folded; empty if none is declared."""
        return self.overrides.get(name) or self.defaults.get(name.rpartition(".")[2], "")

    def judge_markup(self, name: str, text: str) -> Iterator[Finding]:
        """What no part may hold, whatever it is for: declarations of entities, encodings that hide the text."""
        at, where = self.parts[name].local_at, self.parts[name].name
        if has_doctype(text):
            yield rules.DOCTYPE.found(at=at, where=where)
        if encoding := foreign_encoding(text):
            yield rules.ENCODING.found(at=at, where=where, seen=encoding, allowed="UTF-8, UTF-16")


def folded(name: str) -> str:
    """A part's name as names are compared."""
    return unquote(name).replace("\\", "/").lower().strip().lstrip("/")


def elements(text: str, *wanted: str) -> Iterator[Tag]:
    """The start tags of these names."""
    return (t for t in tokens(text) if isinstance(t, Tag) and t.name in wanted and not t.closing)
