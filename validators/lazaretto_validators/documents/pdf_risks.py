"""What a PDF can do, and what else can be in it: the rules of its contents. Clauses are those of ISO 32000-2:2020.

Beside `pdf_rules`, which says what is wrong with its structure.
"""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("pdf")

# fmt: off - a table: a rule takes two to five lines, not ten

# What it does
OPEN_SCRIPT = _TABLE.active(
    HIGH,
    "open-script",
    "A script runs when the document is opened.",
    "12.6.4.17; C-PDF-08; threats PDF-01",
    "forms of banks and tax offices",
)
SCRIPT = _TABLE.active(
    HIGH,
    "script",
    "The document contains a script.",
    "12.6.4.17; C-PDF-08; threats PDF-02, PDF-14",
    "interactive forms",
)
FORM_SCRIPT = _TABLE.active(
    MEDIUM,
    "form-script",
    "Fields of a form are checked or computed by the reader's own form functions.",
    "12.6.3, table 199; C-PDF-08; threats PDF-02",
    "every form that formats dates or adds up",
)
PRINT_SCRIPT = _TABLE.active(
    MEDIUM,
    "print-script",
    "A script of one call opens the print dialogue.",
    "12.6.4.17; threats PDF-01",
    "tickets and labels made to be printed",
)
LAUNCH = _TABLE.active(
    HIGH,
    "launch",
    "The document starts a program or opens a file.",
    "12.6.4.6; CVE-2010-1240; C-PDF-08; threats PDF-05",
)
AUTOMATIC_ACTION = _TABLE.active(
    MEDIUM,
    "automatic-action",
    "The document does something by itself that should wait for a click.",
    "12.6.3; C-PDF-08; threats PDF-04",
    "forms that load their data",
)
REMOTE_FILE = _TABLE.exploit(
    HIGH,
    "remote-file",
    "The document reaches for a file on another computer, which gives away the reader's login.",
    "12.6.4.3, 12.6.4.4, 7.11; CVE-2018-4993; threats PDF-10",
    "documents of a company that refer to its own server",
)
EXTERNAL_STREAM = _TABLE.active(
    MEDIUM,
    "external-stream",
    "Data of the document are to be fetched from another file.",
    "7.3.8.2, table 5; threats PDF-10",
)
SUBMIT = _TABLE.active(
    MEDIUM,
    "submit",
    "A form sends what is written into it somewhere, or loads data.",
    "12.7.6.2, 12.7.6.4; C-PDF-08; threats PDF-09",
    "forms of authorities and shops",
)
ADDRESS = _TABLE.active(
    HIGH,
    "address",
    "A link leads to a program or another computer's files instead of a page.",
    "12.6.4.8; CVE-2023-36884; threats PDF-11",
)
LOCAL_ADDRESS = _TABLE.active(
    INFO,
    "local-address",
    "A link leads to a file on the reader's own computer.",
    "12.6.4.8; threats PDF-11",
    "word processors write it for every link that was relative",
)
DISGUISED_ADDRESS = _TABLE.active(
    MEDIUM,
    "disguised-address",
    "The address of a link is written so that it reads as another one.",
    "RFC 3986, 3.2.1; threats PDF-11",
)
RICH_MEDIA = _TABLE.active(
    HIGH,
    "rich-media",
    "The document contains Flash or other rich media.",
    "13.7; CVE-2010-1297; C-PDF-08; threats PDF-07",
)
MEDIA = _TABLE.active(
    MEDIUM,
    "media",
    "The document contains sound, film or a model in three dimensions.",
    "13.2 to 13.6; CVE-2009-3953, CVE-2011-4369; threats PDF-07",
    "engineering models, lecture slides with film",
)
XFA = _TABLE.active(
    MEDIUM,
    "xfa",
    "The document contains a form in the old XML format, which may hold scripts.",
    "annex K; C-PDF-08; threats PDF-08",
    "forms of authorities",
)
XFA_EXPLOIT = _TABLE.exploit(
    HIGH,
    "xfa-exploit",
    "A script of the form changes how it is kept together, as a known attack does.",
    "CVE-2013-0640; threats PDF-08",
)
ATTACHMENT = _TABLE.active(
    INFO,
    "attachment",
    "The document carries another file.",
    "7.11.4; C-PDF-08; threats PDF-06",
    "e-invoices (factur-x.xml), archives (PDF/A-3), portfolios",
)
RISKY_ATTACHMENT = _TABLE.active(
    MEDIUM,
    "risky-attachment",
    "The document carries an archive, a web page, a program or something unknown.",
    "7.11.4; C-PDF-08; threats PDF-06",
    "data of scientific papers",
)
EXPORTED_ATTACHMENT = _TABLE.active(
    HIGH,
    "exported-attachment",
    "A script of the document unpacks or opens a file that it carries.",
    "7.11.4; threats PDF-06",
)
HIDDEN_NAME = _TABLE.concealed(
    HIGH,
    "hidden-name",
    "A word that readers act on is written with escapes, which only hides it.",
    "7.3.5; C-PDF-06; threats PDF-13",
)
FONT_MATRIX = _TABLE.exploit(
    HIGH,
    "font-matrix",
    "The matrix of a font is not six numbers.",
    "9.6.4; CVE-2024-4367; threats PDF-19",
)
JBIG2 = _TABLE.malformed(
    INFO,
    "jbig2",
    "The document contains pictures in JBIG2.",
    "7.4.7; threats PDF-22",
    "most office scanners",
)
JBIG2_SEGMENTS = _TABLE.exploit(
    HIGH,
    "jbig2-segments",
    "A JBIG2 picture is built like those that attack its decoder.",
    "ITU-T T.88, 7.2, 7.4; CVE-2021-30860; threats PDF-21",
)
SHADOW = _TABLE.concealed(
    MEDIUM,
    "shadow",
    "After it was signed, what the document shows was changed.",
    "12.8.1; shadow attacks (NDSS 2021); C-PDF-09; threats PDF-25",
    "signed documents that were edited on purpose",
)

# What else is in it
DICOM = _TABLE.concealed(
    HIGH,
    "dicom",
    "The file is a medical picture as well.",
    "DICOM PS3.10, 7.1: DICM at byte 128; threats PDF-17",
)
FOREIGN_STREAM = _TABLE.concealed(
    HIGH,
    "foreign-stream",
    "A stream that is no attachment holds another file or code of a web page.",
    "7.3.8; threats PDF-17",
    "attachments that are not marked as such",
)
CODE_IN_GAP = _TABLE.concealed(
    HIGH,
    "code-in-gap",
    "Code of a web page or server stands between the objects or in a comment.",
    "7.2.4; threats PDF-17",
)
CODE_IN_METADATA = _TABLE.active(
    MEDIUM,
    "code-in-metadata",
    "The document's description holds code of a web page or server.",
    "14.3; threats IMG-36, PDF-17",
    "documents about programming whose title quotes code",
)

RULES = _TABLE.rules
