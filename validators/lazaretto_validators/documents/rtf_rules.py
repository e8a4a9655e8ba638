"""Everything that the RTF validator can say. Pages of the RTF specification 1.9.1 unless another document is named."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("rtf")

# The grammar
HEADER = _TABLE.concealed(
    HIGH,
    "header",
    "The document begins so that Word takes it for RTF and a check may not.",
    "page 9 (header); C-RTF-01; threats RTF-04",
)
VERSION = _TABLE.malformed(
    INFO, "version", "The document does not say version 1.", "page 9; C-RTF-01", "some exporting programs"
)
LEADING = _TABLE.malformed(
    MEDIUM,
    "leading",
    "Blanks stand before the document, which Word passes over and a check may stumble on.",
    "page 9: the file begins with a brace; C-RTF-01",
    "documents cut out of mails and web pages",
)
UNBALANCED = _TABLE.malformed(
    INFO,
    "unbalanced",
    "The last brace of the document is missing.",
    "page 6 (groups); C-RTF-02",
    "truncated mails, careless writers",
)
DEPTH = _TABLE.malformed(
    HIGH, "depth", "Groups are nested more than a hundred deep.", "page 6; C-RTF-02; threats RTF-04"
)
CONTROL_WORD = _TABLE.malformed(
    MEDIUM,
    "control-word",
    "A control word has more letters or digits than any reader's.",
    "page 6 (32 letters, 10 digits); C-RTF-03; threats RTF-04",
)
BINARY_DATA = _TABLE.malformed(
    MEDIUM,
    "binary-data",
    "Control characters stand in the text of the document.",
    "page 6: 7-bit characters, binary data only after \\bin; C-RTF-04",
    "files damaged in transfer",
)
TABLE_FLOOD = _TABLE.exploit(
    HIGH,
    "table-flood",
    "The document declares more than a thousand fonts.",
    "page 19 (font table), CVE-2023-21716; C-RTF-06",
    "none known: merged letters reach some four hundred",
)
LIST_OVERRIDE = _TABLE.exploit(
    HIGH,
    "list-override",
    "A list overrides a number of levels that lists do not have.",
    "page 27 (\\listoverridecount is 0, 1 or 9), CVE-2014-1761; threats RTF-06",
)
FRAGMENTS = _TABLE.exploit(
    HIGH,
    "fragments",
    "A drawing property holds more bytes than it declares.",
    "pFragments, MS10-087, CVE-2010-3333; threats RTF-06",
)

# Objects
OBJECT = _TABLE.active(
    MEDIUM,
    "object",
    "The document contains an embedded object.",
    "page 148 (objects); C-RTF-05; threats RTF-01",
    "tables pasted from a spreadsheet",
)
OBJECT_UPDATE = _TABLE.active(
    HIGH,
    "object-update",
    "The document contains an object that is started when the document is opened.",
    "page 148 (\\objupdate, \\objautlink, \\objlink, \\objocx); C-RTF-07; threats RTF-01",
    "tables that follow a spreadsheet",
)
OBFUSCATED = _TABLE.concealed(
    HIGH,
    "obfuscated",
    "The data of an object are interrupted by other things, so that a check shall not see them.",
    "page 148 (object data are hexadecimal); C-RTF-05; threats RTF-04",
)
BINARY_OBJECT = _TABLE.concealed(
    MEDIUM,
    "binary-object",
    "The data of an object are partly binary.",
    "page 7 (\\bin); C-RTF-04",
    "very few exporting programs",
)
OBJECT_HEADER = _TABLE.malformed(
    MEDIUM,
    "object-header",
    "The header of an object reaches past the object's data.",
    "MS-OLEDS 2.2.4; C-RTF-05",
    "files damaged in transfer",
)
LINK_OBJECT = _TABLE.exploit(
    HIGH,
    "link-object",
    "An object of the document is a link that fetches and runs what it points at.",
    "CVE-2017-0199, CVE-2017-8570, CVE-2017-8759; threats RTF-02",
)
EQUATION = _TABLE.exploit(
    HIGH,
    "equation",
    "The document holds an object of the old Equation Editor, which is attacked and was withdrawn.",
    "CVE-2017-11882, CVE-2018-0802; threats OFF-11",
    "documents with formulas from before 2018",
)
DANGEROUS_CLASS = _TABLE.exploit(
    HIGH,
    "dangerous-class",
    "The document holds an object of a class that is known for attacks.",
    "CVE-2012-0158, CVE-2026-21509 and their like; threats OFF-12, OFF-14",
)

# What is fetched or started
DDE = _TABLE.active(
    HIGH, "dde", "A field of the document starts a program.", "ECMA-376-1, 17.16.5 (DDE); threats OFF-06"
)
REMOTE_TEMPLATE = _TABLE.active(
    HIGH,
    "remote-template",
    "Opening the document fetches a template from somewhere else.",
    "page 33 (\\template); C-RTF-07; threats RTF-05",
    "templates on a company's server",
)
REMOTE_PICTURE = _TABLE.active(
    HIGH,
    "remote-picture",
    "A picture is not in the document but fetched from somewhere else each time it is opened.",
    "ECMA-376-1, 17.16.5.25 (INCLUDEPICTURE \\d); C-RTF-07; threats RTF-05",
)
REMOTE_FIELD = _TABLE.active(
    MEDIUM,
    "remote-field",
    "A field of the document refers to text on another machine.",
    "ECMA-376-1, 17.16.5 (INCLUDETEXT, LINK, RD); threats OFF-23",
    "documents made of several on a company's server",
)

# Other files
HIDDEN_FILE = _TABLE.concealed(
    HIGH,
    "hidden-file",
    "Among the document's data stands another file.",
    "page 7 (\\bin); threats IMG-37, STG-02",
)
CODE_IN_DATA = _TABLE.concealed(
    HIGH,
    "code-in-data",
    "Binary data of the document hold program code for a web server or page.",
    "page 7 (\\bin); threats IMG-36",
)

RULES = _TABLE.rules
