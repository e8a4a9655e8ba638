"""What can be wrong with a ZIP. PKWARE APPNOTE 6.3.10 ("4.3.16" and the like), and the attacks of the trade."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("zip")

# The end and the directory
NO_DIRECTORY = _TABLE.malformed(
    HIGH,
    "no-directory",
    "The archive has no directory, so programs disagree about what is in it.",
    "4.3.16: exactly one end record",
    "downloads that broke off",
)
DIRECTORY = _TABLE.malformed(
    HIGH, "directory", "The archive's directory breaks off or holds something else.", "4.3.12, 4.3.6"
)
DIRECTORY_OFFSET = _TABLE.malformed(
    HIGH, "directory-offset", "The archive says that its directory is where it is not.", "4.4.24"
)
RIVAL_DIRECTORY = _TABLE.concealed(
    HIGH,
    "rival-directory",
    "The archive has two directories; programs disagree about which one counts.",
    "4.4.1.1; threats ARC-11",
)
SEVERAL_ENDS = _TABLE.concealed(
    HIGH,
    "several-ends",
    "The archive ends twice, so programs disagree about what is in it.",
    "4.3.16: exactly one end record; threats ARC-11",
    "a few Android packages",
)
ENTRY_COUNT = _TABLE.malformed(MEDIUM, "entry-count", "The archive miscounts its members.", "4.4.22")
ZIP64 = _TABLE.malformed(HIGH, "zip64", "The archive's two end records contradict each other.", "4.3.14, 4.4.1.4")
SPLIT = _TABLE.unscannable(
    MEDIUM,
    "split",
    "This is one volume of a split archive; the others are not here.",
    "4.4.19, 4.4.20",
    "large honest archives in volumes",
)
SECOND_ARCHIVE = _TABLE.concealed(
    HIGH,
    "second-archive",
    "Another archive stands in front of this one; programs disagree about which one they open.",
    "threats ARC-11",
)
PREFIX = _TABLE.concealed(
    MEDIUM,
    "prefix",
    "Something else stands in front of the archive.",
    "4.1.9; threats ARC-11",
    "self-extracting archives, Python applications, CRX",
)
TRAILING = _TABLE.concealed(
    HIGH,
    "trailing-data",
    "Something follows the end of the archive.",
    "4.3.16; threats ARC-11",
    "mail gateways that append lines",
)
COMMENT = _TABLE.malformed(
    MEDIUM, "comment-length", "The archive's comment reaches past the end of the file.", "4.3.16"
)

# Layout
OVERLAP = _TABLE.resource(
    HIGH,
    "overlap",
    "Members share the same bytes, as in an archive that unpacks to far more than it holds.",
    "4.3.6; D. Fifield, A better zip bomb (2019); threats BMB-01",
)
OUT_OF_BOUNDS = _TABLE.malformed(
    HIGH, "out-of-bounds", "A member's bytes reach past the space for members.", "4.4.8, 4.4.16"
)
NO_LOCAL = _TABLE.malformed(HIGH, "no-local-header", "A member of the directory does not exist.", "4.3.7, 4.4.16")
UNLISTED = _TABLE.concealed(
    HIGH,
    "unlisted-member",
    "The archive holds a member that its directory does not list.",
    "4.3.12; threats ARC-08",
    "archives that were edited in place",
)
GAP = _TABLE.concealed(
    MEDIUM,
    "gap",
    "Bytes are hidden between the members.",
    "4.3.6; threats ARC-09",
    "archives that were edited in place",
)
SIGNING_BLOCK = _TABLE.malformed(
    MEDIUM,
    "signing-block",
    "The block for Android signatures is damaged or hides something else.",
    "APK Signature Scheme v2; threats APK-05",
)

# Local header against directory
LOCAL_NAME = _TABLE.concealed(
    HIGH, "local-name", "A member has two names; programs disagree about which one counts.", "4.4.17; threats ARC-08"
)
LOCAL_METHOD = _TABLE.concealed(
    HIGH, "local-method", "A member says in two places differently how it is packed.", "4.4.5; threats ARC-08"
)
LOCAL_ENCRYPTED = _TABLE.concealed(
    HIGH, "local-encrypted", "A member says in one place only that it is encrypted.", "4.4.4 bit 0; threats ARC-08"
)
LOCAL_SIZES = _TABLE.malformed(
    MEDIUM,
    "local-sizes",
    "A member has two sizes or two checksums.",
    "4.4.7 to 4.4.9; threats ARC-08",
    "streaming writers that leave the bit for it out; macOS beyond 4 GiB",
)

# Names
NAME_UTF8 = _TABLE.malformed(
    HIGH, "name-utf8", "A member's name is not the UTF-8 that it promises to be.", "App. D, bit 11"
)
NAME_CONTROL = _TABLE.exploit(
    HIGH, "name-control", "A member's name is empty or holds control characters.", "4.4.17; C-ZIP-05"
)
TRAVERSAL = _TABLE.exploit(
    HIGH,
    "traversal",
    "A member's name leads out of the folder that it is unpacked into.",
    "4.4.17.1; Zip Slip (2018); CVE-2025-8088; threats ARC-06",
)
DRIVE = _TABLE.exploit(
    HIGH, "drive-name", "A member's name leads to a drive or another computer.", "4.4.17.1; threats ARC-06"
)
ABSOLUTE = _TABLE.exploit(
    MEDIUM,
    "absolute-name",
    "A member's name is an absolute path.",
    "4.4.17.1; threats ARC-06",
    "backups of whole systems, careless scripts",
)
UNICODE_NAME = _TABLE.concealed(
    HIGH,
    "unicode-name",
    "A member has a second name with another extension.",
    "4.6.9 (field 0x7075); threats ARC-15",
)
DUPLICATE = _TABLE.malformed(
    MEDIUM, "duplicate", "The same member is there twice.", "threats ARC-10", "archives merged by Gradle"
)
DUPLICATE_CONFLICT = _TABLE.concealed(
    HIGH,
    "duplicate-conflict",
    "Two different members have the same name; programs disagree about which one they show.",
    "CVE-2013-4787; threats ARC-10",
    "archives that were appended to",
)
NAME_COLLISION = _TABLE.concealed(
    MEDIUM,
    "name-collision",
    "Two members get the same name on some computers.",
    "threats ARC-10",
    "Linux sources with names that differ in case",
)
SYMLINK = _TABLE.exploit(
    HIGH,
    "symlink",
    "A link in the archive leads out of the folder that it is unpacked into.",
    "4.4.15; CVE-2025-11001; threats ARC-07",
)
THROUGH_LINK = _TABLE.exploit(
    HIGH, "through-link", "A member is unpacked through a link of the same archive.", "threats ARC-06, ARC-07"
)
SPECIAL_FILE = _TABLE.exploit(HIGH, "special-file", "A member is a device or a pipe.", "4.4.15; threats ARC-07")
EXTRA_FIELD = _TABLE.malformed(
    MEDIUM,
    "extra-field",
    "A member's extra field breaks off or contradicts itself.",
    "4.5; threats APK-04, ARC-15",
    "old zipalign padding",
)

# Content
METHOD_UNKNOWN = _TABLE.malformed(
    HIGH, "method-unknown", "A member is packed in a way that does not exist.", "4.4.5; threats APK-04 (BadPack)"
)
METHOD_UNREAD = _TABLE.unscannable(
    MEDIUM,
    "method-unread",
    "A member is packed in a way that is not unpacked here.",
    "4.4.5",
    "archives made by WinZip or 7-Zip with rare settings",
)
APK_TAMPERED = _TABLE.exploit(
    HIGH,
    "apk-tampered",
    "An Android package is disguised so that scanners give up and phones install it.",
    "BadPack; threats APK-04",
)
STORED_SIZE = _TABLE.malformed(
    HIGH, "stored-size", "A member that is not packed has two sizes.", "4.4.8, 4.4.9; C-ZIP-06"
)
CORRUPT_DATA = _TABLE.malformed(HIGH, "corrupt-data", "A member's packed data is broken.", "RFC 1951; 5.8; 4.4.5")
SIZE = _TABLE.malformed(HIGH, "size", "A member unpacks to another size than it says.", "4.4.9")
CRC = _TABLE.malformed(MEDIUM, "crc", "A member's checksum is wrong.", "4.4.7; C-ZIP-07")
BOMB = _TABLE.resource(
    HIGH,
    "bomb",
    "A member unpacks to so many times its size that it fills the disk.",
    "threats BMB-02; Limits.ratio, Limits.expanded_bytes",
    "logs and empty disk images",
)
MIMETYPE_FIRST = _TABLE.malformed(
    INFO,
    "mimetype-first",
    "The member that names the document's type is not the first, or is packed.",
    "ODF 1.3 part 2, 3.3; OCF 3.2, 4.3",
    "many EPUB tools",
)

# Programs
PROGRAMS = {
    "apk": _TABLE.dangerous(HIGH, "program-apk", "This is an Android app.", "threats APK-01", "groups that share apps"),
    "ipa": _TABLE.dangerous(HIGH, "program-ipa", "This is an iPhone app.", "threats APK-06", "groups that share apps"),
    "msix": _TABLE.dangerous(
        HIGH, "program-msix", "This is a Windows app.", "MSIX package format; threats EXE-05", "software distribution"
    ),
    "xpi": _TABLE.dangerous(
        MEDIUM, "program-xpi", "This is a browser extension.", "Mozilla XPI; threats WEB-07", "developers of extensions"
    ),
    "wheel": _TABLE.dangerous(
        MEDIUM, "program-wheel", "This is a Python package.", "PEP 427; threats EXE-03", "developers' groups"
    ),
    "zipapp": _TABLE.dangerous(
        HIGH, "program-zipapp", "This is a Python program.", "PEP 441; threats EXE-03", "developers' groups"
    ),
    "jar": _TABLE.dangerous(
        HIGH, "program-jar", "This is a Java program.", "JAR specification; threats EXE-03", "mods of games"
    ),
}

RULES = _TABLE.rules
