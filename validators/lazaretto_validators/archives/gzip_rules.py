"""Everything that the gzip validator can say. Clauses are those of RFC 1952."""

from __future__ import annotations

from lazaretto_validators.finding import Category, Rule, Severity

HIGH, MEDIUM, INFO = Severity.HIGH, Severity.MEDIUM, Severity.INFO


def _of(
    category: Category, severity: Severity, name: str, message: str, spec: str, innocent: str = "none known"
) -> Rule:
    return Rule(f"gzip.{name}", category, severity, message, spec, innocent)


def _malformed(severity: Severity, name: str, message: str, spec: str, innocent: str = "none known") -> Rule:
    return _of(Category.MALFORMED, severity, name, message, spec, innocent)


METHOD = _malformed(HIGH, "method", "The file is compressed by a method that does not exist.", "RFC 1952 2.3.1, CM")
FLAGS = _malformed(
    HIGH, "flags", "The header has flags that are reserved, so where it ends cannot be known.", "RFC 1952 2.3.1.2"
)
EXTRA_FIELD = _malformed(
    MEDIUM, "extra-field", "The header's extra field breaks off or contradicts itself.", "RFC 1952 2.3.1.1"
)
HEADER_CRC = _malformed(
    MEDIUM, "header-crc", "The header's checksum is wrong.", "RFC 1952 2.3.1, CRC16", "files damaged in transfer"
)
ENDLESS_TEXT = _of(
    Category.RESOURCE,
    HIGH,
    "endless-text",
    "The header's name or comment does not end within 64 KiB.",
    "RFC 1952 2.3.1, FNAME and FCOMMENT: zero-terminated",
)
TRAVERSAL = _of(
    Category.EXPLOIT,
    HIGH,
    "traversal",
    "The name in the header leads out of the folder that the file is unpacked into.",
    "RFC 1952 2.3.1, FNAME: no directory; Zip Slip (2018); threats ARC-06",
)
ABSOLUTE = _of(
    Category.EXPLOIT,
    MEDIUM,
    "absolute-name",
    "The name in the header is an absolute path.",
    "RFC 1952 2.3.1, FNAME: no directory; threats ARC-06",
    "libraries that store the path they were given",
)
NAME_PATH = _malformed(
    INFO,
    "name-path",
    "The name in the header has folders in it.",
    "RFC 1952 2.3.1, FNAME: no directory; threats ARC-06",
    "libraries that store the path they were given",
)
PARASITE = _of(
    Category.CONCEALED,
    HIGH,
    "parasite",
    "The header holds another file, which other programs would open.",
    "RFC 1952 2.3.1.1; threats IMG-37, STG-02",
)
CODE_IN_HEADER = _of(
    Category.ACTIVE,
    MEDIUM,
    "code-in-header",
    "The header holds program code for a web server or page.",
    "RFC 1952 2.3.1; threats IMG-36",
)
SECOND_NAME = _malformed(
    INFO,
    "second-name",
    "The parts of the file name themselves differently.",
    "RFC 1952 2.2: members follow each other and are one content",
    "files that were compressed one by one and joined",
)
CORRUPT_DATA = _malformed(
    HIGH, "corrupt-data", "The compressed data is broken.", "RFC 1951", "files damaged in transfer"
)
CRC = _malformed(
    MEDIUM, "crc", "The checksum of the content is wrong.", "RFC 1952 2.3.1, CRC32", "files damaged in transfer"
)
SIZE = _malformed(
    MEDIUM, "size", "The content has another size than the file says.", "RFC 1952 2.3.1, ISIZE (modulo 2^32)"
)
BOMB = _of(
    Category.RESOURCE,
    HIGH,
    "bomb",
    "The file unpacks to so many times its size that it fills the disk.",
    "threats BMB-02; Limits.ratio",
    "logs and empty disk images",
)

RULES: tuple[Rule, ...] = (
    METHOD,
    FLAGS,
    EXTRA_FIELD,
    HEADER_CRC,
    ENDLESS_TEXT,
    TRAVERSAL,
    ABSOLUTE,
    NAME_PATH,
    PARASITE,
    CODE_IN_HEADER,
    SECOND_NAME,
    CORRUPT_DATA,
    CRC,
    SIZE,
    BOMB,
)
