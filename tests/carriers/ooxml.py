"""Inert Office documents: a package that is right by default, and one case for every rule."""

from __future__ import annotations

from collections.abc import Mapping

from carriers.zip import Archive, Member
from lazaretto_validators.testing import Case

_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OPEN = "application/vnd.openxmlformats-officedocument"

DOCX = f"{_OPEN}.wordprocessingml.document.main+xml"
DOCM = "application/vnd.ms-word.document.macroEnabled.main+xml"
XLSX = f"{_OPEN}.spreadsheetml.sheet.main+xml"
PPTX = f"{_OPEN}.presentationml.presentation.main+xml"
VBA = "application/vnd.ms-office.vbaProject"

Parts = Mapping[str, bytes | None]
"""Parts by name; None takes one away."""


def content_types(main: str, part: str, overrides: dict[str, str] | None = None) -> bytes:
    """The part that gives every other part its type."""
    rest = "".join(
        f'<Override PartName="/{name}" ContentType="{kind}"/>'
        for name, kind in {part: main, **(overrides or {})}.items()
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Types xmlns="{_PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{rest}</Types>'
    ).encode()


def relationships(*links: tuple[str, str, bool]) -> bytes:
    """Relationships of (kind, target, external)."""
    body = "".join(
        f'<Relationship Id="r{i}" Type="{_OFFICE}/{kind}" Target="{target}"{" TargetMode=" * out}{chr(34) * out}'
        f"{'External' * out}{chr(34) * out}/>"
        for i, (kind, target, out) in enumerate(links)
    )
    return f'<?xml version="1.0"?>\n<Relationships xmlns="{_PACKAGE}/relationships">{body}</Relationships>'.encode()


def word(body: str = "<w:p/>") -> bytes:
    """A main part with this body."""
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    return f'<?xml version="1.0"?>\n<w:document xmlns:w="{space}"><w:body>{body}</w:body></w:document>'.encode()


def instruction(*runs: str) -> str:
    """A complex field whose code is split over runs."""
    code = "".join(f"<w:r><w:instrText>{run}</w:instrText></w:r>" for run in runs)
    begin, end = (f'<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>' for kind in ("begin", "end"))
    return f"<w:p>{begin}{code}{end}</w:p>"


def package(
    parts: Parts | None = None,
    *,
    main: str = DOCX,
    part: str = "word/document.xml",
    types: dict[str, str] | None = None,
) -> bytes:
    """An Office document; a Word document without words by default."""
    contents: dict[str, bytes | None] = {
        "[Content_Types].xml": content_types(main, part, types),
        "_rels/.rels": relationships(("officeDocument", part, False)),
        part: word(),
        **(parts or {}),
    }
    return Archive(tuple(Member(name, data) for name, data in contents.items() if data is not None)).build()


def linked(kind: str, target: str, *, external: bool = True, parts: Parts | None = None) -> bytes:
    """A document whose main part has this relationship."""
    return package({"word/_rels/document.xml.rels": relationships((kind, target, external)), **(parts or {})})


SLIDE = b'<?xml version="1.0"?>\n<p:sld xmlns:p="p"><a:hlinkMouseOver xmlns:a="a" action="%s"/></p:sld>'
_MACRO_PART = {"word/vbaProject.bin": b"inert"}
_MACRO_TYPE = {"word/vbaProject.bin": VBA}
_NOTHING = package()

CASES: tuple[Case, ...] = (
    Case("ooxml.truncated", _NOTHING[:900], _NOTHING),
    Case("ooxml.missing-part", package({"_rels/.rels": None}), _NOTHING),
    Case("ooxml.macro", package(_MACRO_PART, main=DOCM, types=_MACRO_TYPE), package(main=DOCM)),
    Case("ooxml.macro-hidden", package(_MACRO_PART), package({"word/other.bin": b"inert"})),
    Case(
        "ooxml.xlm-macro",
        package({"xl/macrosheets/sheet1.xml": b"<xm:macrosheet xmlns:xm='x'/>"}, main=XLSX, part="xl/workbook.xml"),
        package({"xl/worksheets/sheet1.xml": b"<worksheet/>"}, main=XLSX, part="xl/workbook.xml"),
    ),
    Case(
        "ooxml.remote-part",
        linked("attachedTemplate", "http://example.invalid/t.dotx"),
        linked("hyperlink", "http://example.invalid/t.dotx"),
    ),
    Case(
        "ooxml.linked-part",
        linked("attachedTemplate", "file:///C:/Templates/t.dotx"),
        linked("attachedTemplate", "Normal.dotm"),
    ),
    Case(
        "ooxml.alt-chunk",
        linked("aFChunk", "afchunk.html", external=False, parts={"word/afchunk.html": b"{\\rtf1}"}),
        linked("aFChunk", "afchunk.txt", external=False, parts={"word/afchunk.txt": b"plain words"}),
    ),
    Case("ooxml.activex", package({"word/activeX/activeX1.bin": b"inert"}), package({"word/x/x1.bin": b"inert"})),
    Case(
        "ooxml.dde",
        package({"word/document.xml": word(instruction("DDE", "AUTO inert ", "inert"))}),
        package({"word/document.xml": word(instruction("PA", "GE"))}),
    ),
    Case(
        "ooxml.run-action",
        package({"ppt/slides/slide1.xml": SLIDE % b"ppaction://program"}, main=PPTX, part="ppt/presentation.xml"),
        package({"ppt/slides/slide1.xml": SLIDE % b"ppaction://hlinkshowjump"}, main=PPTX, part="ppt/presentation.xml"),
    ),
    Case(
        "ooxml.encoding",
        package({"word/document.xml": word().replace(b"?>", b' encoding="utf-7"?>')}),
        package({"word/document.xml": word().replace(b"?>", b' encoding="windows-1252"?>')}),
    ),
    Case(
        "ooxml.doctype",
        package({"word/document.xml": word().replace(b"\n", b'<!DOCTYPE x [<!ENTITY a "aa">]>')}),
        _NOTHING,
    ),
)
