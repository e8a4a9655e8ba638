"""Office Open XML: Word, Excel, PowerPoint and Visio packages. ECMA-376 part 2 (packages), MS-OFFMACRO2.

    package       = ZIP with `[Content_Types].xml`, `_rels/.rels` and parts
    content types = {Default extension, type | Override part, type}
    relationships = {Relationship: type, target, internal or external}

Everything that is wrong with the ZIP is said by the ZIP's own rules; here is what the parts would do once opened.
XML is read in bounded stretches by a tokenizer that expands nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators import unscannable
from lazaretto_validators.archives.zip import validate_zip
from lazaretto_validators.archives.zip_directory import Entry, open_archive
from lazaretto_validators.archives.zip_example import stored_archive
from lazaretto_validators.archives.zip_kinds import CONTENT_TYPES, member_head
from lazaretto_validators.documents import ooxml_rules as rules
from lazaretto_validators.documents.xml_tokens import Tag, Text, decode_xml, has_doctype, tokens
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_DOCX", "validate_ooxml"]

_PART = 1 << 20  # bytes of one XML part that are read
_ALL_PARTS = 32 << 20  # and of all of them together
_ALL_TOKENS = 4 << 20  # characters of them that are taken apart, which costs Python half a second per million

_FETCHED = frozenset(
    {
        "attachedtemplate", "oleobject", "frame", "subdocument", "package", "slidemaster", "slide", "slideupdateurl",
        "officedocument", "afchunk", "control", "externalreference", "worksheet",
    }
)  # fmt: skip
"""Kinds of relationship whose external target is loaded without a click (threats OFF-07), folded."""

_LINKED = frozenset(["externallink", "externallinkpath"])  # Excel asks before it follows these
_REMOTE = re.compile(r"(?:https?|ftps?|mhtml|mk|its|ms-its|ms-msdt|search-ms|webdav|file):|[\\/]{2}", re.IGNORECASE)
_ON_DISK = re.compile(r"(?:file:/*)?[A-Za-z]:[\\/]", re.IGNORECASE)
_ON_SHARE = re.compile(r"file:|[\\/]{2}", re.IGNORECASE)

_DDE_FIELD = re.compile(r"\s*+=?\s*+dde(?:auto)?\b", re.IGNORECASE)
_XML_PARTS = re.compile(r"(word/[^/]+|xl/externallinks/[^/]+|ppt/(slides|slidemasters|slidelayouts)/[^/]+)\.xml")
_OLE2 = bytes.fromhex("d0cf11e0a1b11ae1")
_VBA_STORAGE = "_VBA_PROJECT".encode("utf-16-le")

SMALLEST_DOCX = stored_archive(
    {
        "[Content_Types].xml": b'<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        b'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        b'<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument'
        b'.wordprocessingml.document.main+xml"/></Types>',
        "_rels/.rels": b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        b'<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
        b'officeDocument" Target="word/document.xml"/></Relationships>',
        "word/document.xml": b'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        b"<w:body/></w:document>",
    }
)
"""A document without a word."""


@dataclass(slots=True)
class _Package:
    """The parts by folded name, what their types are said to be, and how much may still be read and taken apart."""

    source: Source
    screening: Screening
    parts: dict[str, Entry] = field(default_factory=dict)
    defaults: dict[str, str] = field(default_factory=dict)
    overrides: dict[str, str] = field(default_factory=dict)
    allowance: int = _ALL_PARTS
    token_allowance: int = _ALL_TOKENS
    main: str = ""

    def head(self, name: str) -> bytes:
        """The beginning of a part, as much as is granted."""
        data = member_head(self.source, self.parts[name], min(_PART, self.allowance))
        self.screening.expand(len(data))
        self.allowance -= len(data)
        return data

    def xml(self, name: str) -> tuple[str, bool]:
        """The text of a part as far as it is read, and whether that is all. The rest is named in the coverage."""
        entry = self.parts[name]
        data = self.head(name)
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


@validator(
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.template",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.template",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "application/vnd.openxmlformats-officedocument.presentationml.template",
    "application/vnd.openxmlformats-officedocument.presentationml.slideshow",
    "application/vnd.ms-word.document.macroEnabled.12",
    "application/vnd.ms-word.template.macroEnabled.12",
    "application/vnd.ms-excel.sheet.macroEnabled.12",
    "application/vnd.ms-excel.template.macroEnabled.12",
    "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
    "application/vnd.ms-excel.addin.macroEnabled.12",
    "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
    "application/vnd.ms-powerpoint.slideshow.macroEnabled.12",
    "application/vnd.ms-powerpoint.template.macroEnabled.12",
    "application/vnd.ms-visio.drawing",
    magic=b"PK\x03\x04",
    rules=rules.RULES,
    example=SMALLEST_DOCX,
    api=1,
)
def validate_ooxml(source: Source, screening: Screening) -> Iterator[Finding]:
    """Office Open XML documents, with and without macros. ECMA-376, MS-OFFMACRO2."""
    yield from validate_zip(source, screening)
    archive = open_archive(source, screening.limits.members)
    if archive is None:
        return  # a ZIP without directory, which is said already
    package = _Package(source, screening)
    for entry in archive.entries:
        package.parts.setdefault(entry.name.replace("\\", "/").lower().lstrip("/"), entry)
    yield from _read_types(package)
    yield from _judge_relationships(package)
    yield from _judge_macros(package)
    yield from _judge_parts(package)


def _elements(text: str, *wanted: str) -> Iterator[Tag]:
    return (t for t in tokens(text) if isinstance(t, Tag) and t.name in wanted and not t.closing)


def _read_types(package: _Package) -> Iterator[Finding]:
    if CONTENT_TYPES not in package.parts:
        yield rules.MISSING_PART.found(at=None, where="[Content_Types].xml")
        return
    text, _ = package.xml(CONTENT_TYPES)
    yield from _judge_doctype(package, CONTENT_TYPES, text)
    for tag in _elements(text, "Default", "Override"):
        content_type = tag.attributes.get("ContentType", "").lower()
        if tag.name == "Default":
            package.defaults.setdefault(tag.attributes.get("Extension", "").lower(), content_type)
        else:
            package.overrides.setdefault(tag.attributes.get("PartName", "").lower().lstrip("/"), content_type)


def _judge_doctype(package: _Package, name: str, text: str) -> Iterator[Finding]:
    if has_doctype(text):
        yield rules.DOCTYPE.found(at=package.parts[name].local_at, where=package.parts[name].name)


def _judge_relationships(package: _Package) -> Iterator[Finding]:
    if "_rels/.rels" not in package.parts:
        yield rules.MISSING_PART.found(at=None, where="_rels/.rels")
    for name in package.parts:
        if name.endswith(".rels"):
            yield from _judge_relationships_part(package, name)


def _judge_relationships_part(package: _Package, name: str) -> Iterator[Finding]:
    text, whole = package.xml(name)
    yield from _judge_doctype(package, name, text)
    if not whole or not package.may_take_apart(text):
        # No honest part of this kind is so long, and what one relationship does may hide behind a million others.
        entry = package.parts[name]
        yield unscannable.BUDGET.found(at=entry.local_at, where=entry.name, seen=f"{entry.size} bytes of relationships")
        return
    for tag in _elements(text, "Relationship"):
        yield from _judge_relationship(package, name, tag.attributes)


def _judge_relationship(package: _Package, name: str, attributes: dict[str, str]) -> Iterator[Finding]:
    kind = attributes.get("Type", "").rpartition("/")[2].lower()
    target = attributes.get("Target", "").strip()
    at, where = package.parts[name].local_at, package.parts[name].name
    seen = f"{kind} {target}"
    if attributes.get("TargetMode", "").lower() == "external":
        if kind in _FETCHED and _ON_DISK.match(target):
            yield rules.LINKED_PART.found(at=at, where=where, seen=seen)
        elif kind in _FETCHED and _REMOTE.match(target):
            yield rules.REMOTE_PART.found(at=at, where=where, seen=seen)
        elif (kind in _LINKED and _REMOTE.match(target)) or (kind == "image" and _ON_SHARE.match(target)):
            yield rules.LINKED_PART.found(at=at, where=where, seen=seen)
        return
    part = _resolve(name, target)
    if name == "_rels/.rels" and kind == "officedocument":
        package.main = part
    if kind == "afchunk" and part in package.parts and _is_active_chunk(package, part):
        yield rules.ALT_CHUNK.found(at=package.parts[part].local_at, where=package.parts[part].name)


def _resolve(relationships: str, target: str) -> str:
    """The folded name of the part that a relationship points at: relative to the folder above `_rels`."""
    folders = [] if target.startswith(("/", "\\")) else relationships.split("/")[:-2]
    for step in target.replace("\\", "/").lower().split("/"):
        if step == "..":
            del folders[-1:]
        elif step not in ("", "."):
            folders.append(step)
    return "/".join(folders)


def _is_active_chunk(package: _Package, part: str) -> bool:
    head = member_head(package.source, package.parts[part], 64 * 1024).lstrip().lower()
    package.screening.expand(len(head))
    return head.startswith(b"{\\rt") or "rtf" in package.type_of(part) or b"<script" in head


def _judge_macros(package: _Package) -> Iterator[Finding]:
    main_type = package.type_of(package.main)
    for name, entry in package.parts.items():
        content_type = package.type_of(name)
        if "macrosheet" in content_type or name.startswith("xl/macrosheets/"):
            if not entry.is_folder:
                yield rules.XLM_MACRO.found(at=entry.local_at, where=entry.name, seen=content_type)
        elif _holds_vba(package, name, content_type):
            rule = rules.MACRO if "macroenabled" in main_type else rules.MACRO_HIDDEN
            yield rule.found(at=entry.local_at, where=entry.name, seen=main_type or "no type for the main part")


def _holds_vba(package: _Package, name: str, content_type: str) -> bool:
    if content_type == "application/vnd.ms-office.vbaproject":
        return True
    if not name.endswith(".bin"):
        return False
    if name.rpartition("/")[2].startswith("vbaproject"):
        return True
    head = member_head(package.source, package.parts[name], len(_OLE2))
    if head != _OLE2:
        return False
    return _VBA_STORAGE in package.head(name)


def _judge_parts(package: _Package) -> Iterator[Finding]:
    for name, entry in package.parts.items():
        if "/activex/" in f"/{name}" and not entry.is_folder and not name.endswith(".rels"):
            yield rules.ACTIVEX.found(at=entry.local_at, where=entry.name)
        if _XML_PARTS.fullmatch(name):
            yield from _judge_content(package, name)


def _judge_content(package: _Package, name: str) -> Iterator[Finding]:
    text, _ = package.xml(name)
    at, where = package.parts[name].local_at, package.parts[name].name
    yield from _judge_doctype(package, name, text)
    if "instrText" in text or "fldSimple" in text:
        if not package.may_take_apart(text):
            package.screening.not_covered(where, "fields beyond what is taken apart of one document")
            return
        codes = (code for code in _field_codes(text) if _DDE_FIELD.match(code))
        yield from (rules.DDE.found(at=at, where=where, seen=code) for code in codes)
    if "ddeLink" in text:
        yield rules.DDE.found(at=at, where=where, seen="ddeLink")
    if "ppaction://program" in text.lower():
        yield rules.RUN_ACTION.found(at=at, where=where, seen="ppaction://program")


def _field_codes(text: str) -> Iterator[str]:
    """The instructions of every field, put together from the runs that they are split over (17.16.18)."""
    code = ""
    reading = False
    for token in tokens(text):
        if isinstance(token, Text):
            code += token.text if reading else ""
        elif token.name == "fldSimple" and not token.closing:
            yield token.attributes.get("instr", "")
        elif token.name == "instrText":
            reading = not token.closing
        elif token.name == "fldChar" or (token.name == "p" and token.closing):
            yield code
            code = ""
    yield code
