"""Everything that the OLE2 validator can say. Clauses of [MS-CFB] 9.0 unless another document is named.

Severity: high where a reader is attacked by it or cannot go on, or where opening the document runs something; medium
where an honest writer does not write it; info where honest writers do although the specification says otherwise.
"""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("ole2")

# The header
SECTOR_SHIFT = _TABLE.malformed(
    HIGH, "sector-shift", "The header declares sectors of a size that does not exist.", "2.2; C-OLE2-01"
)
HEADER = _TABLE.malformed(
    MEDIUM,
    "header",
    "A field of the header that always has the same value has another one.",
    "2.2; C-OLE2-01",
    "none known; Microsoft's own reader refuses such files",
)
HEADER_CLSID = _TABLE.malformed(
    INFO, "header-clsid", "Reserved bytes of the header are not zero.", "2.2; C-OLE2-01", "very old Office programs"
)
SECTOR_COUNT = _TABLE.malformed(
    INFO,
    "sector-count",
    "The header counts its tables otherwise than they are.",
    "2.2, 2.3, 2.5; C-OLE2-05",
    "third-party writers that leave the counts zero, very old Excel",
)
SHORT_SECTOR = _TABLE.malformed(
    INFO,
    "short-sector",
    "The last sector of the file is shorter than a sector.",
    "2.1; C-OLE2-02, C-OLE2-05",
    "writers that do not fill the last sector up, and files that lost their end",
)

# Sectors and chains
TABLE_OUTSIDE = _TABLE.malformed(
    HIGH,
    "table-outside",
    "A sector of the allocation table lies outside the file.",
    "2.3, 2.5; C-OLE2-02",
    "files that lost their end",
)
CHAIN_OUTSIDE = _TABLE.malformed(
    HIGH,
    "chain-outside",
    "A stream leads to a sector that does not exist in the file.",
    "2.3; C-OLE2-02",
    "files that lost their end",
)
CHAIN_LOOP = _TABLE.malformed(
    HIGH, "chain-loop", "A chain of sectors leads back into itself.", "2.3; C-OLE2-02; CVE-2012-1461 class of loops"
)
CROSS_LINK = _TABLE.malformed(
    HIGH, "cross-link", "Two streams share a sector.", "2.3; C-OLE2-02", "damaged old documents"
)
CHAIN_SHORT = _TABLE.malformed(
    MEDIUM,
    "chain-short",
    "A stream declares more bytes than its sectors hold.",
    "2.6.3; C-OLE2-04",
    "documents damaged in transfer",
)

# The directory
ROOT = _TABLE.malformed(
    HIGH, "root", "The first entry of the directory is not the root of the file.", "2.6.2; C-OLE2-03"
)
DIRECTORY_ENTRY = _TABLE.malformed(
    MEDIUM, "directory-entry", "A directory entry has a type, name or colour that does not exist.", "2.6.1; C-OLE2-03"
)
DIRECTORY_LINK = _TABLE.malformed(
    MEDIUM, "directory-link", "A directory entry leads to one that does not exist or is unused.", "2.6.4; C-OLE2-03"
)
DIRECTORY_LOOP = _TABLE.malformed(
    HIGH, "directory-loop", "The directory's tree leads back into itself.", "2.6.4; C-OLE2-03; a reader never ends"
)
ORPHAN = _TABLE.malformed(
    INFO,
    "orphan",
    "A directory entry is in use and belongs to no folder.",
    "2.6.4; C-OLE2-03",
    "stale entries that old programs left behind",
)
DUPLICATE_NAME = _TABLE.malformed(MEDIUM, "duplicate-name", "Two entries of one folder have the same name.", "2.6.1")

# What is in it
HIDDEN_FILE = _TABLE.concealed(
    HIGH,
    "hidden-file",
    "In unused space, or inside the document's own data, stands another file.",
    "2.3 (free sectors), C-OLE2-06; threats IMG-37",
    "remains of objects that were deleted from the document",
)
INSTALLER = _TABLE.dangerous(
    HIGH,
    "installer",
    "This is a Windows installer, whatever its name says.",
    "Windows Installer database, root CLSID 000C108x; C-OLE2-07; threats EXE-05",
    "members who share software",
)
MACRO = _TABLE.active(
    HIGH,
    "macro",
    "The document contains macros.",
    "MS-OVBA 2.2; threats OFF-02",
    "spreadsheets of accountants, old templates",
)
VBA_PROJECT = _TABLE.active(
    MEDIUM,
    "vba-project",
    "This is a macro project without its document.",
    "MS-OVBA 2.2.1; threats OFF-01",
    "the part of a document with macros that the document itself is judged for",
)
MACRO_AUTOEXEC = _TABLE.active(
    HIGH,
    "macro-autoexec",
    "A macro runs by itself when the document is opened, and writes files or starts programs.",
    "MS-OVBA 2.4.1; threats OFF-03",
    "tools for accountants that save a copy of themselves",
)
MACRO_STOMPED = _TABLE.active(
    HIGH,
    "macro-stomped",
    "A macro was deprived of its source, so that only the compiled code, which nobody reads, is left.",
    "MS-OVBA 2.3.4.3; threats OFF-04",
)
XLM_MACRO = _TABLE.active(HIGH, "xlm-macro", "The workbook contains Excel 4.0 macros.", "MS-XLS 2.4.28; threats OFF-05")
DDE = _TABLE.active(
    HIGH,
    "dde",
    "A link of the document starts a program.",
    "MS-DOC 2.9.90 (DDE, DDEAUTO), MS-XLS 2.5.277; threats OFF-06",
)
DDE_LINK = _TABLE.active(
    MEDIUM,
    "dde-link",
    "The workbook takes values from another running program.",
    "MS-XLS 2.5.277; threats OFF-06",
    "sheets that show stock prices",
)
EQUATION = _TABLE.exploit(
    HIGH,
    "equation",
    "An object of the old Equation Editor is no equation that the editor makes, but shaped as its attackers do.",
    "CVE-2017-11882, CVE-2018-0802, CVE-2018-0798; MTEF v.3; threats OFF-11",
    "equations damaged in transfer",
)
OLD_EQUATION = _TABLE.active(
    MEDIUM,
    "old-equation",
    "The document holds an equation of the old Equation Editor, which is attacked and was withdrawn.",
    "CVE-2017-11882; MTEF v.3; threats OFF-11",
    "documents with formulas from before 2018",
)
SHELL_EXPLORER = _TABLE.exploit(
    HIGH,
    "shell-explorer",
    "The document holds an object that lets a window of the file manager run in it.",
    "CVE-2026-21509, CLSID EAB22AC3; threats OFF-12",
)
DANGEROUS_CLASS = _TABLE.exploit(
    HIGH,
    "dangerous-class",
    "The document holds an object of a class that is known for attacks.",
    "CVE-2012-0158, CVE-2017-8570, CVE-2017-8759 and their like; threats OFF-14",
    "forms with lists of the old common controls",
)
REMOTE_LINK = _TABLE.exploit(
    HIGH,
    "remote-link",
    "An object of the document is fetched from somewhere else, or made by a script, when it is opened.",
    "CVE-2017-0199, CVE-2017-8570; MS-OLEDS 2.3.3; threats RTF-02, OFF-14",
)
COMMAND = _TABLE.active(
    HIGH,
    "command",
    "A packaged object is no file but a command, which runs when the object is opened.",
    "MS-OLEDS 2.3.6; threats OFF-10",
    "handbooks with a button for a program",
)
REMOTE_TEMPLATE = _TABLE.active(
    HIGH,
    "remote-template",
    "Opening the document fetches a template from somewhere else.",
    "MS-DOC 2.9.274 (SttbfAssoc); threats OFF-07",
    "templates on a company's server",
)
REMINDER_PATH = _TABLE.exploit(
    HIGH,
    "reminder-path",
    "The message makes Outlook fetch a sound from another machine, which is then told the reader's password hash.",
    "CVE-2023-23397, MS-OXPROPS PidLidReminderFileParameter; threats WEB-04",
    "reminders with a sound on a company's server",
)
KNOWN_PASSWORD = _TABLE.concealed(
    MEDIUM,
    "known-password",
    "The workbook is encrypted with the password that Excel tries by itself, which only hides it from a check.",
    "MS-XLS 2.4.117 (FILEPASS), VelvetSweatshop; threats OFF-17",
    "workbooks whose structure alone was protected",
)
RUN_ACTION = _TABLE.active(
    HIGH,
    "run-action",
    "A click or the mere mouse on a slide starts a program or a macro.",
    "MS-PPT 2.8.6 (InteractiveInfoAtom, action 1 and 2); threats OFF-20",
    "kiosk presentations that start a demonstration",
)
PROPERTY_SET = _TABLE.malformed(
    INFO,
    "property-set",
    "The summary of the document has fields outside itself.",
    "MS-OLEPS 2.20, 2.21; C-OLE2-08",
    "third-party writers",
)
RECORD = _TABLE.malformed(
    MEDIUM,
    "record",
    "A record of the document reaches past the end of its stream.",
    "MS-XLS 2.1.4, MS-PPT 2.3.1",
    "documents damaged in transfer",
)

RULES = _TABLE.rules
