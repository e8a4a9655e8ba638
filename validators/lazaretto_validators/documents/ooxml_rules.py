"""What an Office Open XML document can do once it is opened. ECMA-376, MS-OFFMACRO2, and the attacks of the trade."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, MEDIUM, RuleTable

_TABLE = RuleTable("ooxml")

MACRO = _TABLE.active(
    MEDIUM, "macro", "The document contains macros.", "MS-OFFMACRO2; threats OFF-01", "spreadsheets of accountants"
)
MACRO_HIDDEN = _TABLE.active(
    HIGH,
    "macro-hidden",
    "The document contains macros, though its type says that it has none.",
    "MS-OFFMACRO2, 2.2; threats OFF-01",
)
XLM_MACRO = _TABLE.active(
    HIGH, "xlm-macro", "The workbook contains Excel 4.0 macros.", "MS-XLSB 2.1.7.32; threats OFF-05"
)
REMOTE_PART = _TABLE.active(
    HIGH,
    "remote-part",
    "Opening the document fetches a template, an object or a frame from somewhere else.",
    "ECMA-376-2, 9.3; CVE-2017-0199, CVE-2022-30190; threats OFF-07",
    "templates on a company's server",
)
LINKED_PART = _TABLE.active(
    MEDIUM,
    "linked-part",
    "The document is linked to a file outside itself.",
    "ECMA-376-2, 9.3; threats OFF-07, OFF-23",
    "workbooks that refer to each other, templates on the author's disk",
)
ALT_CHUNK = _TABLE.active(
    HIGH,
    "alt-chunk",
    "The document imports an RTF or a web page with a script when it is opened.",
    "ECMA-376-1, 11.3.1; CVE-2023-36884; threats OFF-09",
)
ACTIVEX = _TABLE.active(
    MEDIUM, "activex", "The document contains ActiveX controls.", "ECMA-376-1, 15.2.2; threats OFF-15", "old forms"
)
DDE = _TABLE.active(
    HIGH, "dde", "A field of the document starts a program.", "ECMA-376-1, 17.16.5 (DDE); threats OFF-06"
)
RUN_ACTION = _TABLE.active(
    HIGH, "run-action", "A click or the mere mouse starts a program.", "MS-PPTX, ppaction; threats OFF-20"
)
DOCTYPE = _TABLE.exploit(
    HIGH,
    "doctype",
    "A part of the document declares its own entities, which no office program writes.",
    "ECMA-376-2, 7.3.3 (M1.17): no DTD; threats BMB-07",
)
ENCODING = _TABLE.concealed(
    HIGH,
    "encoding",
    "A part of the document is written in an encoding that hides its text from whoever looks for it.",
    "ECMA-376-2, 7.3.2 (M1.17): UTF-8 or UTF-16",
)
MISSING_PART = _TABLE.malformed(
    HIGH,
    "missing-part",
    "The document lacks the part that says where its parts are.",
    "ECMA-376-2, 9.3.2; C-ZIP-09",
)

RULES = _TABLE.rules
