"""What an Office Open XML document can do once it is opened. ECMA-376, MS-OFFMACRO2, and the attacks of the trade."""

from __future__ import annotations

from lazaretto_validators.finding import Category, Rule, Severity

HIGH, MEDIUM = Severity.HIGH, Severity.MEDIUM


def _active(name: str, severity: Severity, message: str, spec: str, innocent: str = "none known") -> Rule:
    return Rule(f"ooxml.{name}", Category.ACTIVE, severity, message, spec, innocent)


MACRO = _active(
    "macro", MEDIUM, "The document contains macros.", "MS-OFFMACRO2; threats OFF-01", "spreadsheets of accountants"
)
MACRO_HIDDEN = _active(
    "macro-hidden",
    HIGH,
    "The document contains macros, though its type says that it has none.",
    "MS-OFFMACRO2, 2.2; threats OFF-01",
)
XLM_MACRO = _active("xlm-macro", HIGH, "The workbook contains Excel 4.0 macros.", "MS-XLSB 2.1.7.32; threats OFF-05")
REMOTE_PART = _active(
    "remote-part",
    HIGH,
    "Opening the document fetches a template, an object or a frame from somewhere else.",
    "ECMA-376-2, 9.3; CVE-2017-0199, CVE-2022-30190; threats OFF-07",
    "templates on a company's server",
)
LINKED_PART = _active(
    "linked-part",
    MEDIUM,
    "The document is linked to a file outside itself.",
    "ECMA-376-2, 9.3; threats OFF-07, OFF-23",
    "workbooks that refer to each other, templates on the author's disk",
)
ALT_CHUNK = _active(
    "alt-chunk",
    HIGH,
    "The document imports an RTF or a web page with a script when it is opened.",
    "ECMA-376-1, 11.3.1; CVE-2023-36884; threats OFF-09",
)
ACTIVEX = _active(
    "activex", MEDIUM, "The document contains ActiveX controls.", "ECMA-376-1, 15.2.2; threats OFF-15", "old forms"
)
DDE = _active("dde", HIGH, "A field of the document starts a program.", "ECMA-376-1, 17.16.5 (DDE); threats OFF-06")
RUN_ACTION = _active(
    "run-action", HIGH, "A click or the mere mouse starts a program.", "MS-PPTX, ppaction; threats OFF-20"
)
DOCTYPE = Rule(
    "ooxml.doctype",
    Category.EXPLOIT,
    HIGH,
    "A part of the document declares its own entities, which no office program writes.",
    "ECMA-376-2, 7.3.3 (M1.17): no DTD; threats BMB-07",
)
ENCODING = Rule(
    "ooxml.encoding",
    Category.CONCEALED,
    HIGH,
    "A part of the document is written in an encoding that hides its text from whoever looks for it.",
    "ECMA-376-2, 7.3.2 (M1.17): UTF-8 or UTF-16",
)
MISSING_PART = Rule(
    "ooxml.missing-part",
    Category.MALFORMED,
    HIGH,
    "The document lacks the part that says where its parts are.",
    "ECMA-376-2, 9.3.2; C-ZIP-09",
)

RULES = (
    MACRO, MACRO_HIDDEN, XLM_MACRO, REMOTE_PART, LINKED_PART, ALT_CHUNK, ACTIVEX, DDE, RUN_ACTION, DOCTYPE,
    ENCODING, MISSING_PART,
)  # fmt: skip
