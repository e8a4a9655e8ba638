"""Everything that the PDF validator can say. Clauses are those of ISO 32000-2:2020.

Severity: high where readers are attacked by it or nothing can be read, medium where an honest writer does not write it
or a person should look, info where readers repair it as a matter of routine: such repairs are counted, and only
several kinds of them in one file are worth a look (`repairs`).
"""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("pdf")

# fmt: off - a table: a rule takes two to five lines, not ten

# Header, end and cross-references
LEADING_BYTES = _TABLE.malformed(
    INFO,
    "leading-bytes",
    "The document does not begin at the first byte.",
    "7.5.2; C-PDF-01; threats PDF-16",
    "mail gateways, printer firmware, web servers that put their headers into the file",
)
VERSION = _TABLE.malformed(
    INFO,
    "version",
    "The header names a version of PDF that does not exist.",
    "7.5.2; C-PDF-01; threats PDF-16",
    "private variants of old producers",
)
SECOND_HEADER = _TABLE.concealed(
    MEDIUM,
    "second-header",
    "A second header stands before the first object.",
    "7.5.2; threats PDF-16",
    "documents that a gateway has put a header in front of",
)
NO_END_MARK = _TABLE.malformed(
    INFO,
    "no-end-mark",
    "The document has no end mark.",
    "7.5.5; C-PDF-02",
    "files cut by a few bytes on their way",
)
XREF_LOST = _TABLE.malformed(
    MEDIUM,
    "xref-lost",
    "The table of objects is not where the document says, so readers have to rebuild it.",
    "7.5.5; C-PDF-02; threats PDF-24",
    "documents changed by mail gateways or by hand",
)
XREF_SHIFTED = _TABLE.malformed(
    INFO,
    "xref-shifted",
    "The table of objects stands a little off.",
    "7.5.5; C-PDF-02; threats PDF-24",
    "offsets counted from a shifted header, blanks before the table",
)
XREF_LOOP = _TABLE.exploit(
    HIGH,
    "xref-loop",
    "The tables of objects refer to each other in a circle.",
    "7.5.6; C-PDF-02; threats PDF-24",
)
XREF_NUMBERS = _TABLE.exploit(
    HIGH,
    "xref-numbers",
    "The table of objects declares more objects than any reader can take.",
    "7.5.4, 7.5.8.2, annex C; threats BMB-06, PDF-24",
)
XREF_ENTRIES = _TABLE.malformed(
    MEDIUM,
    "xref-entries",
    "The table of objects has fewer entries than it says.",
    "7.5.4; C-PDF-02",
    "documents changed by hand",
)
XREF_STREAM = _TABLE.malformed(
    MEDIUM,
    "xref-stream",
    "The compressed table of objects contradicts itself.",
    "7.5.8.2; C-PDF-02",
)
TRAILER = _TABLE.malformed(
    MEDIUM,
    "trailer",
    "The trailer is missing or says something impossible.",
    "7.5.5, table 15; C-PDF-02",
)
NO_CATALOG = _TABLE.malformed(
    HIGH,
    "no-catalog",
    "The document has no root, so readers cannot open it or guess.",
    "7.5.5, 7.7.2; C-PDF-02",
    "files damaged in transfer",
)
NO_PAGES = _TABLE.malformed(
    MEDIUM, "no-pages", "The document has no pages.", "7.7.3.2; C-PDF-05", "empty forms and templates"
)

# Objects
OBJECT_OFFSET = _TABLE.malformed(
    INFO,
    "object-offset",
    "The table of objects is wrong about where an object stands.",
    "7.5.4; C-PDF-03",
    "documents changed by mail gateways or by hand",
)
OBJECT_NUMBER = _TABLE.malformed(
    MEDIUM,
    "object-number",
    "The table of objects leads to another object than it names, or to none.",
    "7.5.4; C-PDF-03; threats PDF-24",
    "documents changed by hand",
)
OBJECT_TWICE = _TABLE.malformed(
    INFO,
    "object-twice",
    "An object is defined twice without an update in between.",
    "7.3.10; threats PDF-24",
    "careless joiners of documents",
)
OBJECT_SWAPPED = _TABLE.concealed(
    HIGH,
    "object-swapped",
    "An action or the root is defined twice, so that readers disagree about what it does.",
    "7.3.10; threats PDF-24",
)
HIDDEN_OBJECT = _TABLE.concealed(
    HIGH,
    "hidden-object",
    "The table of objects leads into a stream or a comment, where an object is hidden.",
    "7.5.4; threats PDF-14, PDF-24",
)
OBJECT_SYNTAX = _TABLE.malformed(
    MEDIUM,
    "object-syntax",
    "An object is not written as objects are, so that readers guess what it says.",
    "7.2, 7.3",
    "files damaged in transfer",
)
OBJECT_OPEN = _TABLE.malformed(
    INFO,
    "object-open",
    "An object has no end mark.",
    "7.3.10",
    "several old producers",
)
NESTING = _TABLE.exploit(
    HIGH,
    "nesting",
    "Arrays or dictionaries are nested so deeply that readers run out of stack.",
    "annex C; threats BMB-06",
)
GAP = _TABLE.malformed(
    MEDIUM,
    "gap",
    "Between the objects stands something that is none.",
    "7.5.3; threats PDF-17",
    "files damaged in transfer, objects that an editor has overwritten",
)
STREAM_LENGTH = _TABLE.malformed(
    INFO,
    "stream-length",
    "A stream is not as long as it says.",
    "7.3.8.2; C-PDF-04; threats PDF-24",
    "old producers, line ends changed on the way",
)
STREAM_OPEN = _TABLE.malformed(
    MEDIUM,
    "stream-open",
    "A stream has no length or no end mark.",
    "7.3.8; C-PDF-04",
    "files damaged in transfer",
)
STREAM_DATA = _TABLE.malformed(
    MEDIUM,
    "stream-data",
    "Packed data of a stream are broken.",
    "7.4.4; RFC 1950; C-PDF-07",
    "files damaged in transfer",
)
FILTER = _TABLE.malformed(
    MEDIUM,
    "filter",
    "A stream is packed in a way that does not exist, or more than twice.",
    "7.4.1; C-PDF-07",
    "private filters of archive systems",
)
FILTER_CHAIN = _TABLE.resource(
    HIGH,
    "filter-chain",
    "A stream is packed many times over, which only bombs and hiders do.",
    "7.4.1; C-PDF-07; threats BMB-06",
)
OBJECT_STREAM = _TABLE.malformed(
    HIGH,
    "object-stream",
    "A stream of objects contradicts itself.",
    "7.5.7; threats PDF-14",
)
BOMB = _TABLE.resource(
    HIGH,
    "bomb",
    "A stream unpacks to so many times its size that readers run out of memory.",
    "threats BMB-06",
    "drawings of a single colour",
)
MANY_OBJECTS = _TABLE.resource(
    MEDIUM,
    "many-objects",
    "The document has more objects or pages than readers handle well.",
    "threats BMB-06: 200 000 objects, 10 000 pages",
    "large construction drawings, statements of a whole year",
)
PICTURE_NUMBERS = _TABLE.exploit(
    HIGH,
    "picture-numbers",
    "A picture or its packing declares impossible numbers.",
    "7.4.4.3, 8.9.5; CVE-2009-3459; C-PDF-07; threats PDF-20",
)
REPAIRS = _TABLE.malformed(
    MEDIUM,
    "repairs",
    "The document is damaged in several ways at once.",
    "C-PDF-02 to C-PDF-04; threats PDF-24: routine repairs are counted",
    "documents mangled by mail gateways",
)

# Trees
TREE_LOOP = _TABLE.exploit(
    HIGH,
    "tree-loop",
    "The tree of pages, fields or names contains itself.",
    "7.7.3.2, 7.9.6; C-PDF-05",
)
TREE_DEPTH = _TABLE.exploit(
    HIGH,
    "tree-depth",
    "The tree of pages, fields or names is so deep that readers run out of stack.",
    "7.7.3.2, 7.9.6; C-PDF-05",
)
OUTLINE_LOOP = _TABLE.malformed(
    MEDIUM,
    "outline-loop",
    "Bookmarks or actions follow each other in a circle.",
    "12.3.3, 12.6.2; C-PDF-05",
    "documents joined by careless tools",
)
PAGE_COUNT = _TABLE.malformed(
    INFO,
    "page-count",
    "The document miscounts its pages.",
    "7.7.3.2; C-PDF-05",
    "documents joined by careless tools",
)

RULES = _TABLE.rules
