"""Everything that the gzip validator can say. Clauses are those of RFC 1952."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("gzip")

METHOD = _TABLE.malformed(
    HIGH, "method", "The file is compressed by a method that does not exist.", "RFC 1952 2.3.1, CM"
)
FLAGS = _TABLE.malformed(
    HIGH, "flags", "The header has flags that are reserved, so where it ends cannot be known.", "RFC 1952 2.3.1.2"
)
EXTRA_FIELD = _TABLE.malformed(
    MEDIUM, "extra-field", "The header's extra field breaks off or contradicts itself.", "RFC 1952 2.3.1.1"
)
HEADER_CRC = _TABLE.malformed(
    MEDIUM, "header-crc", "The header's checksum is wrong.", "RFC 1952 2.3.1, CRC16", "files damaged in transfer"
)
ENDLESS_TEXT = _TABLE.resource(
    HIGH,
    "endless-text",
    "The header's name or comment does not end within 64 KiB.",
    "RFC 1952 2.3.1, FNAME and FCOMMENT: zero-terminated",
)
TRAVERSAL = _TABLE.exploit(
    HIGH,
    "traversal",
    "The name in the header leads out of the folder that the file is unpacked into.",
    "RFC 1952 2.3.1, FNAME: no directory; Zip Slip (2018); threats ARC-06",
)
ABSOLUTE = _TABLE.exploit(
    MEDIUM,
    "absolute-name",
    "The name in the header is an absolute path.",
    "RFC 1952 2.3.1, FNAME: no directory; threats ARC-06",
    "libraries that store the path they were given",
)
NAME_PATH = _TABLE.malformed(
    INFO,
    "name-path",
    "The name in the header has folders in it.",
    "RFC 1952 2.3.1, FNAME: no directory; threats ARC-06",
    "libraries that store the path they were given",
)
PARASITE = _TABLE.concealed(
    HIGH,
    "parasite",
    "The header holds another file, which other programs would open.",
    "RFC 1952 2.3.1.1; threats IMG-37, STG-02",
)
CODE_IN_HEADER = _TABLE.active(
    MEDIUM,
    "code-in-header",
    "The header holds program code for a web server or page.",
    "RFC 1952 2.3.1; threats IMG-36",
)
SECOND_NAME = _TABLE.malformed(
    INFO,
    "second-name",
    "The parts of the file name themselves differently.",
    "RFC 1952 2.2: members follow each other and are one content",
    "files that were compressed one by one and joined",
)
CORRUPT_DATA = _TABLE.malformed(
    HIGH, "corrupt-data", "The compressed data is broken.", "RFC 1951", "files damaged in transfer"
)
CRC = _TABLE.malformed(
    MEDIUM, "crc", "The checksum of the content is wrong.", "RFC 1952 2.3.1, CRC32", "files damaged in transfer"
)
SIZE = _TABLE.malformed(
    MEDIUM, "size", "The content has another size than the file says.", "RFC 1952 2.3.1, ISIZE (modulo 2^32)"
)
BOMB = _TABLE.resource(
    HIGH,
    "bomb",
    "The file unpacks to so many times its size that it fills the disk.",
    "threats BMB-02; Limits.ratio",
    "logs and empty disk images",
)

RULES = _TABLE.rules
