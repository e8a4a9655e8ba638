"""What the parts of an Office document do: macros, controls, fields, actions. Threats OFF-01, OFF-05, OFF-06, OFF-20.

A part is what its content type, its relationships or its bytes make it; its name is only a custom.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from lazaretto_validators.documents import ooxml_rules as rules
from lazaretto_validators.documents.field_codes import starts_program, unquoted
from lazaretto_validators.documents.ooxml_package import Package
from lazaretto_validators.documents.xml_tokens import Text, attributes_of, tokens
from lazaretto_validators.finding import Finding, Rule

__all__ = ["judge_macros", "judge_parts"]

_OLE2 = bytes.fromhex("d0cf11e0a1b11ae1")
_VBA_STORAGE = "_VBA_PROJECT".encode("utf-16-le")
_VBA_TYPE = "application/vnd.ms-office.vbaproject"
_OLD_DOCUMENTS = frozenset({"application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"})
_MACRO_SHEETS = frozenset({"xlmacrosheet", "xlintlmacrosheet"})

_FETCHING = re.compile(
    r"\s*+(?:includepicture|(?P<text>includetext|rd|link\s++\S{1,80}))\s++\"?\s*+(?!file:/*[a-z]:)"
    r"(?:file:|\\\\|//|(?(text)https?:|\Z\A))",
    re.IGNORECASE,
)
_MAX_CONTENT = 16 << 20  # bytes of a part that are read: the text of a thick book
_QUOTED = r"""(?:[^>"']|"[^"]*+"|'[^']*+')*+"""
_PARTS = re.compile(rf"<(?:[\w.-]{{1,40}}:)?(fldSimple|fldChar|instrText)\b({_QUOTED})>([^<]*+)")
_TRICKY = re.compile(
    rf"<!|<\?(?!xml\s)|<(?:[\w.-]{{1,40}}:)?instrText\b{_QUOTED}(?<!/)>[^<]*+<(?!/)|\binstr\b[^<>]*\binstr\b"
)
"""What no program writes: comments, instructions, elements in a field's text, an attribute twice."""

_ADD_IN = re.compile(r"_assembly(?:location|name)\b.{0,400}?(?:https?:|file:|\\\\)", re.IGNORECASE | re.DOTALL)
_REFRESHED = re.compile(r"refreshonload\s*=\s*[\"'](?:1|true)", re.IGNORECASE)

_JUDGED_NAMES = re.compile(
    r"(?:word/[^/]+|xl/externallinks/[^/]+|xl/connections|docprops/custom|ppt/(?:slides|slidemasters|slidelayouts)/"
    r"[^/]+)\.xml"
)
_JUDGED_TYPES = re.compile(
    r".*(?:wordprocessingml\.[a-z.]+|spreadsheetml\.(?:externallink|connections)|custom-properties|"
    r"presentationml\.(?:slide|slidelayout|slidemaster|notesslide|notesmaster|handoutmaster))\+xml"
)


def judge_macros(package: Package) -> Iterator[Finding]:
    """VBA projects and Excel 4.0 macro sheets."""
    main_type = package.type_of(package.main)
    for name, entry in package.parts.items():
        package.screening.spend()
        content_type, roles = package.type_of(name), package.roles.get(name, set())
        is_sheet = "macrosheet" in content_type or name.startswith("xl/macrosheets/") or roles & _MACRO_SHEETS
        if is_sheet and not entry.is_folder:
            yield rules.XLM_MACRO.found(at=entry.local_at, where=entry.name, seen=content_type)
        elif not is_sheet and (rule := _macro_rule(package, name, main_type)):
            yield rule.found(at=entry.local_at, where=entry.name, seen=main_type or "no type for the main part")


def _macro_rule(package: Package, name: str, main_type: str) -> Rule | None:
    content_type = package.type_of(name)
    base = name.rpartition("/")[2]
    named = base.startswith("vbaproject") and base.endswith(".bin")
    if content_type == _VBA_TYPE or "vbaproject" in package.roles.get(name, set()) or named:
        return rules.MACRO if "macroenabled" in main_type else rules.MACRO_HIDDEN
    if package.head(name, len(_OLE2)) != _OLE2 or _VBA_STORAGE not in package.head(name):
        return None
    # An old document put into a new one keeps its own macros: the document itself promises nothing about them.
    honest = "macroenabled" in main_type or content_type in _OLD_DOCUMENTS
    return rules.MACRO if honest else rules.MACRO_HIDDEN


def judge_parts(package: Package) -> Iterator[Finding]:
    """Controls by name or role; texts, slides and links by their content."""
    for name, entry in package.parts.items():
        in_folder = "/activex/" in f"/{name}" and not name.endswith(".rels")
        if (in_folder or "control" in package.roles.get(name, set())) and not entry.is_folder:
            yield rules.ACTIVEX.found(at=entry.local_at, where=entry.name)
        if name == package.main or _JUDGED_NAMES.fullmatch(name) or _JUDGED_TYPES.fullmatch(package.type_of(name)):
            yield from _judge_content(package, name)


def _judge_content(package: Package, name: str) -> Iterator[Finding]:
    text, _ = package.xml(name, _MAX_CONTENT)
    at, where = package.parts[name].local_at, package.parts[name].name
    yield from package.judge_markup(name, text)
    if "instrText" in text or "fldSimple" in text:
        if _TRICKY.search(text) and not package.may_take_apart(text):
            package.screening.not_covered(where, "fields beyond what is taken apart of one document")
            return
        for code in _field_codes(text):
            if rule := _field_rule(code):
                yield rule.found(at=at, where=where, seen=code)
    if "ddeLink" in text:
        yield rules.DDE.found(at=at, where=where, seen="ddeLink")
    plain = html.unescape(text) if "&#" in text else text
    if "ppaction://program" in plain.lower():
        yield rules.RUN_ACTION.found(at=at, where=where, seen="ppaction://program")
    if found := _ADD_IN.search(plain):
        yield rules.REMOTE_PART.found(at=at, where=where, seen=found.group())
    if "<connection" in plain and "webPr" in plain and _REFRESHED.search(plain):
        yield rules.LINKED_PART.found(at=at, where=where, seen="a web query that is refreshed when it is opened")


def _field_rule(code: str) -> Rule | None:
    """The rule that a field's instruction breaks. ECMA-376-1, 17.16.5."""
    if starts_program(code):
        return rules.DDE
    return rules.LINKED_PART if _FETCHING.match(unquoted(code)) else None


def _field_codes(text: str) -> Iterator[str]:
    """The instructions of every field, put together from the runs that they are split over (17.16.18)."""
    code: list[str] = []
    for kind, content in _tricky_parts(text) if _TRICKY.search(text) else _parts(text):
        if kind == "fldSimple":
            yield content
        elif kind == "instrText":
            code.append(content)
        elif code:
            yield "".join(code)
            code = []
    yield "".join(code)


def _parts(text: str) -> Iterator[tuple[str, str]]:
    """What fields are made of, in order: kind and text. For documents as programs write them, at the speed of C."""
    for kind, attributes, content in _PARTS.findall(text):
        if kind == "fldSimple":
            yield kind, attributes_of(attributes).get("instr", "")
        else:
            yield kind, html.unescape(content)


def _tricky_parts(text: str) -> Iterator[tuple[str, str]]:
    """The same for any XML."""
    reading = False
    for token in tokens(text):
        if isinstance(token, Text):
            if reading:
                yield "instrText", token.text
        elif token.name == "fldSimple" and not token.closing:
            yield from (("fldSimple", value) for attribute, value in token.pairs if attribute == "instr")
        elif token.name == "instrText":
            reading = not token.closing
        elif token.name == "fldChar":
            yield "fldChar", ""
