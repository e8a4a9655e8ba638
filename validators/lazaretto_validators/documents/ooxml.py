"""Office Open XML: Word, Excel, PowerPoint and Visio packages. ECMA-376 part 2 (packages), MS-OFFMACRO2.

    package       = ZIP with `[Content_Types].xml`, `_rels/.rels` and parts
    content types = {Default extension, type | Override part, type}
    relationships = {Relationship: type, target, internal or external}

Everything that is wrong with the ZIP is said by the ZIP's own rules; here is what the parts would do once opened.
XML is read in bounded stretches by a tokenizer that expands nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from lazaretto_validators.archives.zip import validate_zip
from lazaretto_validators.archives.zip_directory import open_archive
from lazaretto_validators.archives.zip_example import stored_archive
from lazaretto_validators.archives.zip_kinds import CONTENT_TYPES
from lazaretto_validators.documents import ooxml_rules as rules
from lazaretto_validators.documents.ooxml_links import judge_links
from lazaretto_validators.documents.ooxml_package import Package, elements, folded
from lazaretto_validators.documents.ooxml_parts import judge_macros, judge_parts
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST_DOCX", "validate_ooxml"]

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
    package = Package(source, screening)
    for entry in archive.entries:
        package.parts.setdefault(folded(entry.name), entry)
    yield from _read_types(package)
    yield from judge_links(package)
    yield from judge_macros(package)
    yield from judge_parts(package)


def _read_types(package: Package) -> Iterator[Finding]:
    if CONTENT_TYPES not in package.parts:
        yield rules.MISSING_PART.found(at=None, where="[Content_Types].xml")
        return
    text, _ = package.xml(CONTENT_TYPES)
    yield from package.judge_markup(CONTENT_TYPES, text)
    for tag in elements(text, "Default", "Override"):
        content_type = tag.attributes.get("ContentType", "").strip().lower()
        if tag.name == "Default":
            package.defaults.setdefault(tag.attributes.get("Extension", "").strip().lower(), content_type)
        else:
            package.overrides.setdefault(folded(tag.attributes.get("PartName", "")), content_type)
