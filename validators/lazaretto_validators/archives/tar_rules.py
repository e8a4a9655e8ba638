"""Everything that the tar validator can say. "ustar" and "pax" are POSIX.1-2017, pax utility, extended description;
"GNU" is the GNU tar manual, "Basic Tar Format"."""

from __future__ import annotations

from lazaretto_validators.finding import Category, Rule, Severity

HIGH, MEDIUM, INFO = Severity.HIGH, Severity.MEDIUM, Severity.INFO


def _of(
    category: Category, severity: Severity, name: str, message: str, spec: str, innocent: str = "none known"
) -> Rule:
    return Rule(f"tar.{name}", category, severity, message, spec, innocent)


def _malformed(severity: Severity, name: str, message: str, spec: str, innocent: str = "none known") -> Rule:
    return _of(Category.MALFORMED, severity, name, message, spec, innocent)


# Headers
CHECKSUM = _malformed(
    HIGH,
    "checksum",
    "Where a member's header should be stands something else, or its checksum is wrong.",
    "ustar, chksum; threats ARC-16",
    "files damaged in transfer",
)
NUMBER = _malformed(
    MEDIUM,
    "number",
    "A number in a header is not written as one.",
    "ustar: octal digits; GNU: base 256",
    "very old or home-made writers",
)
MEMBER_SIZE = _malformed(
    HIGH, "member-size", "A member's size is no number, or negative.", "ustar, size; threats ARC-16"
)
TYPE = _malformed(
    INFO, "type", "A member is of a kind that the standard does not know.", "ustar, typeflag", "vendors' extensions"
)
BODY_OF_LINK = _malformed(
    MEDIUM,
    "body-of-link",
    "A link or folder, which has no content, is followed by some: programs disagree about what comes next.",
    "ustar, size: links have none; threats ARC-16",
)
SIZE_OF_LINK = _malformed(
    INFO,
    "size-of-link",
    "A member that has no content, such as a link or folder, has a size.",
    "ustar, size",
    "old writers, which give a link the size of its target",
)
EMPTY = _malformed(MEDIUM, "empty", "The archive holds no member.", "ustar: headers, then two blocks of zeros")
NO_END = _malformed(
    INFO,
    "no-end",
    "The archive does not end with two blocks of zeros.",
    "ustar: two blocks of zeros",
    "programs that write to a pipe, members cut out of larger archives",
)
HIDDEN_ARCHIVE = _of(
    Category.CONCEALED,
    HIGH,
    "hidden-archive",
    "Behind the end of the archive stand members that most programs do not see.",
    "ustar: two blocks of zeros end the archive; threats ARC-16",
    "archives joined without removing the first one's end",
)
PADDING = _of(
    Category.CONCEALED,
    INFO,
    "padding",
    "The unused rest of a block is not empty.",
    "ustar: records of 512 bytes; threats ARC-16",
    "old writers, which leave there what was in memory",
)
PARASITE = _of(
    Category.CONCEALED,
    HIGH,
    "parasite",
    "Between the members stands another file, which other programs would open.",
    "threats IMG-37, STG-02, ARC-16",
)

# pax and GNU extensions
PAX_RECORD = _malformed(
    HIGH,
    "pax-record",
    "An extended header is not a sequence of records, so programs disagree about what it says.",
    "pax, extended header: length, keyword, value; threats ARC-16",
)
PAX_RECORD_END = _malformed(
    INFO,
    "pax-record-end",
    "A record of an extended header does not end with a line end.",
    "pax, extended header",
    "writers of empty values",
)
PAX_SIZE = _of(
    Category.EXPLOIT,
    HIGH,
    "pax-size",
    "A member has two sizes: what one program skips as content, another reads as members.",
    "pax, size; CVE-2025-62518 (TARmageddon), CVE-2026-53655; threats ARC-16",
)
PAX_CHAIN = _malformed(
    MEDIUM,
    "pax-chain",
    "An extended header is followed by none of the members that it speaks of.",
    "pax, extended header; threats ARC-16",
    "members cut out of larger archives",
)
PAX_GLOBAL = _malformed(
    MEDIUM,
    "pax-global",
    "A global header gives all members one name, link or size.",
    "pax, global extended header; threats ARC-16",
)
HEADER_BOMB = _of(
    Category.RESOURCE,
    HIGH,
    "header-bomb",
    "An extended header or long name is larger than any real one.",
    "pax; GNU long names; 1 MiB is the limit of libarchive, too",
)
SPARSE_MAP = _malformed(
    HIGH,
    "sparse-map",
    "The pieces of a file with holes overlap, run backwards or take more than there is.",
    "GNU sparse formats; threats ARC-16",
)
SPARSE_BOMB = _of(
    Category.RESOURCE,
    HIGH,
    "sparse-bomb",
    "A file with holes unpacks to so many times its size that it fills the disk.",
    "GNU sparse formats; threats BMB-02",
    "images of virtual disks",
)

# Names
NAME_CONTROL = _of(
    Category.EXPLOIT,
    HIGH,
    "name-control",
    "A member's name is empty or holds control characters.",
    "ustar, name; threats ARC-06, NAM-03",
    "icons of old Mac folders (Icon, with a carriage return)",
)
NAME_UTF8 = _malformed(
    INFO,
    "name-utf8",
    "A member's name is not UTF-8.",
    "pax, path: UTF-8; threats ARC-15",
    "old archives in other encodings",
)
NO_FILE_NAME = _of(
    Category.CONCEALED,
    HIGH,
    "no-file-name",
    "A member has a folder's name and content all the same: it is unpacked by nobody.",
    "ustar, name; threats ARC-16",
)
TRAVERSAL = _of(
    Category.EXPLOIT,
    HIGH,
    "traversal",
    "A member's name leads out of the folder that it is unpacked into.",
    "ustar, name; Zip Slip (2018); CVE-2007-4559; threats ARC-06",
)
DRIVE = _of(
    Category.EXPLOIT,
    HIGH,
    "drive-name",
    "A member's name leads to a drive or another computer.",
    "ustar, name; threats ARC-06",
)
ABSOLUTE = _of(
    Category.EXPLOIT,
    MEDIUM,
    "absolute-name",
    "A member's name is an absolute path.",
    "ustar, name; threats ARC-06",
    "backups of whole systems",
)
LONG_PATH = _malformed(
    MEDIUM,
    "long-path",
    "A member's path is so long that some programs forget where it came from.",
    "CVE-2021-1810; threats ARC-20",
    "deep folders of JavaScript packages",
)
LINK = _of(
    Category.EXPLOIT,
    HIGH,
    "link",
    "A link in the archive leads out of the folder that it is unpacked into.",
    "ustar, linkname; CVE-2025-4517; threats ARC-07",
    "backups of whole systems",
)
THROUGH_LINK = _of(
    Category.EXPLOIT,
    HIGH,
    "through-link",
    "A member is unpacked through a link of the same archive.",
    "CVE-2025-4517; threats ARC-06, ARC-07",
)
SPECIAL_FILE = _of(
    Category.EXPLOIT,
    HIGH,
    "special-file",
    "A member is a device or a pipe.",
    "ustar, typeflag; threats ARC-07",
    "backups of whole systems",
)
DUPLICATE = _malformed(
    INFO, "duplicate", "The same member is there twice.", "threats ARC-10", "folders that are named twice"
)
DUPLICATE_CONFLICT = _of(
    Category.CONCEALED,
    MEDIUM,
    "duplicate-conflict",
    "Two different members have the same name.",
    "threats ARC-10",
    "archives that a newer version was appended to",
)
NAME_COLLISION = _malformed(
    INFO,
    "name-collision",
    "Two members get the same name on some computers.",
    "threats ARC-10",
    "Linux sources with names that differ in case",
)
SET_UID = _of(
    Category.DANGEROUS,
    INFO,
    "set-uid",
    "A member would run with its owner's rights.",
    "ustar, mode; threats ARC-07",
    "backups of whole systems",
)

RULES: tuple[Rule, ...] = (
    CHECKSUM,
    NUMBER,
    MEMBER_SIZE,
    TYPE,
    BODY_OF_LINK,
    SIZE_OF_LINK,
    EMPTY,
    NO_END,
    HIDDEN_ARCHIVE,
    PADDING,
    PARASITE,
    PAX_RECORD,
    PAX_RECORD_END,
    PAX_SIZE,
    PAX_CHAIN,
    PAX_GLOBAL,
    HEADER_BOMB,
    SPARSE_MAP,
    SPARSE_BOMB,
    NAME_CONTROL,
    NAME_UTF8,
    NO_FILE_NAME,
    TRAVERSAL,
    DRIVE,
    ABSOLUTE,
    LONG_PATH,
    LINK,
    THROUGH_LINK,
    SPECIAL_FILE,
    DUPLICATE,
    DUPLICATE_CONFLICT,
    NAME_COLLISION,
    SET_UID,
)
