"""Everything that the tar validator can say. "ustar" and "pax" are POSIX.1-2017, pax utility, extended description;
"GNU" is the GNU tar manual, "Basic Tar Format"."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("tar")

# Headers
CHECKSUM = _TABLE.malformed(
    HIGH,
    "checksum",
    "Where a member's header should be stands something else, or its checksum is wrong.",
    "ustar, chksum; threats ARC-16",
    "files damaged in transfer",
)
NUMBER = _TABLE.malformed(
    MEDIUM,
    "number",
    "A number in a header is not written as one.",
    "ustar: octal digits; GNU: base 256",
    "very old or home-made writers",
)
MEMBER_SIZE = _TABLE.malformed(
    HIGH, "member-size", "A member's size is no number, or negative.", "ustar, size; threats ARC-16"
)
TYPE = _TABLE.malformed(
    INFO, "type", "A member is of a kind that the standard does not know.", "ustar, typeflag", "vendors' extensions"
)
BODY_OF_LINK = _TABLE.malformed(
    MEDIUM,
    "body-of-link",
    "A link or folder, which has no content, is followed by some: programs disagree about what comes next.",
    "ustar, size: links have none; threats ARC-16",
)
SIZE_OF_LINK = _TABLE.malformed(
    INFO,
    "size-of-link",
    "A member that has no content, such as a link or folder, has a size.",
    "ustar, size",
    "old writers, which give a link the size of its target",
)
EMPTY = _TABLE.malformed(MEDIUM, "empty", "The archive holds no member.", "ustar: headers, then two blocks of zeros")
NO_END = _TABLE.malformed(
    INFO,
    "no-end",
    "The archive does not end with two blocks of zeros.",
    "ustar: two blocks of zeros",
    "programs that write to a pipe, members cut out of larger archives",
)
HIDDEN_ARCHIVE = _TABLE.concealed(
    HIGH,
    "hidden-archive",
    "Behind the end of the archive stand members that most programs do not see.",
    "ustar: two blocks of zeros end the archive; threats ARC-16",
    "archives joined without removing the first one's end",
)
PADDING = _TABLE.concealed(
    INFO,
    "padding",
    "The unused rest of a block is not empty.",
    "ustar: records of 512 bytes; threats ARC-16",
    "old writers, which leave there what was in memory",
)
PARASITE = _TABLE.concealed(
    HIGH,
    "parasite",
    "Between the members stands another file, which other programs would open.",
    "threats IMG-37, STG-02, ARC-16",
)

# pax and GNU extensions
PAX_RECORD = _TABLE.malformed(
    HIGH,
    "pax-record",
    "An extended header is not a sequence of records, so programs disagree about what it says.",
    "pax, extended header: length, keyword, value; threats ARC-16",
)
PAX_RECORD_END = _TABLE.malformed(
    INFO,
    "pax-record-end",
    "A record of an extended header does not end with a line end.",
    "pax, extended header",
    "writers of empty values",
)
PAX_SIZE = _TABLE.exploit(
    HIGH,
    "pax-size",
    "A member has two sizes: what one program skips as content, another reads as members.",
    "pax, size; CVE-2025-62518 (TARmageddon), CVE-2026-53655; threats ARC-16",
)
PAX_CHAIN = _TABLE.malformed(
    MEDIUM,
    "pax-chain",
    "An extended header is followed by none of the members that it speaks of.",
    "pax, extended header; threats ARC-16",
    "members cut out of larger archives",
)
PAX_GLOBAL = _TABLE.malformed(
    HIGH,
    "pax-global",
    "A global header gives all members one name, link or size.",
    "pax, global extended header; threats ARC-16",
)
TWO_NAMES = _TABLE.exploit(
    HIGH,
    "two-names",
    "Extended headers give a member two names or two targets, of which programs take either.",
    "pax, path and linkpath; GNU long names; threats ARC-16",
)
HEADER_BOMB = _TABLE.resource(
    HIGH,
    "header-bomb",
    "An extended header or long name is larger than any real one.",
    "pax; GNU long names; 1 MiB is the limit of libarchive, too",
)
SPARSE_MAP = _TABLE.malformed(
    HIGH,
    "sparse-map",
    "The pieces of a file with holes overlap, run backwards or are not all that is there.",
    "GNU sparse formats; threats ARC-16",
)
SPARSE_BOMB = _TABLE.resource(
    HIGH,
    "sparse-bomb",
    "A file with holes unpacks to so many times its size that it fills the disk.",
    "GNU sparse formats; threats BMB-02",
    "images of virtual disks",
)

# Names
NAME_CONTROL = _TABLE.exploit(
    HIGH,
    "name-control",
    "A member's name is empty or holds control characters.",
    "ustar, name; threats ARC-06, NAM-03",
    "icons of old Mac folders (Icon, with a carriage return)",
)
NAME_UTF8 = _TABLE.malformed(
    INFO,
    "name-utf8",
    "A member's name is not UTF-8.",
    "pax, path: UTF-8; threats ARC-15",
    "old archives in other encodings",
)
NO_FILE_NAME = _TABLE.concealed(
    HIGH,
    "no-file-name",
    "A member has a folder's name and content all the same: it is unpacked by nobody.",
    "ustar, name; threats ARC-16",
)
TRAVERSAL = _TABLE.exploit(
    HIGH,
    "traversal",
    "A member's name leads out of the folder that it is unpacked into.",
    "ustar, name; Zip Slip (2018); CVE-2007-4559; threats ARC-06",
)
DRIVE = _TABLE.exploit(
    HIGH,
    "drive-name",
    "A member's name leads to a drive or another computer.",
    "ustar, name; threats ARC-06",
)
ABSOLUTE = _TABLE.exploit(
    MEDIUM,
    "absolute-name",
    "A member's name is an absolute path.",
    "ustar, name; threats ARC-06",
    "backups of whole systems",
)
LONG_PATH = _TABLE.malformed(
    MEDIUM,
    "long-path",
    "A member's path is so long that some programs forget where it came from.",
    "CVE-2021-1810; threats ARC-20",
    "deep folders of JavaScript packages",
)
LINK = _TABLE.exploit(
    HIGH,
    "link",
    "A link in the archive leads out of the folder that it is unpacked into.",
    "ustar, linkname; CVE-2025-4517; threats ARC-07",
    "backups of whole systems",
)
THROUGH_LINK = _TABLE.exploit(
    HIGH,
    "through-link",
    "A member is unpacked through a link of the same archive.",
    "CVE-2025-4517; threats ARC-06, ARC-07",
)
SPECIAL_FILE = _TABLE.exploit(
    HIGH,
    "special-file",
    "A member is a device or a pipe.",
    "ustar, typeflag; threats ARC-07",
    "backups of whole systems",
)
DUPLICATE = _TABLE.malformed(
    INFO, "duplicate", "The same member is there twice.", "threats ARC-10", "folders that are named twice"
)
DUPLICATE_CONFLICT = _TABLE.concealed(
    MEDIUM,
    "duplicate-conflict",
    "Two different members have the same name.",
    "threats ARC-10",
    "archives that a newer version was appended to",
)
NAME_COLLISION = _TABLE.malformed(
    INFO,
    "name-collision",
    "Two members get the same name on some computers.",
    "threats ARC-10",
    "Linux sources with names that differ in case",
)
SET_UID = _TABLE.dangerous(
    INFO,
    "set-uid",
    "A member would run with its owner's rights.",
    "ustar, mode; threats ARC-07",
    "backups of whole systems",
)

RULES = _TABLE.rules
