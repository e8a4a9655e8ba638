"""What can be wrong with a ZIP. PKWARE APPNOTE 6.3.10 ("4.3.16" and the like), and the attacks of the trade."""

from __future__ import annotations

from lazaretto_validators.finding import Category, Rule, Severity

HIGH, MEDIUM, INFO = Severity.HIGH, Severity.MEDIUM, Severity.INFO


def _malformed(name: str, severity: Severity, message: str, spec: str, innocent: str = "none known") -> Rule:
    return Rule(f"zip.{name}", Category.MALFORMED, severity, message, spec, innocent)


def _concealed(name: str, severity: Severity, message: str, spec: str, innocent: str = "none known") -> Rule:
    return Rule(f"zip.{name}", Category.CONCEALED, severity, message, spec, innocent)


def _exploit(name: str, severity: Severity, message: str, spec: str, innocent: str = "none known") -> Rule:
    return Rule(f"zip.{name}", Category.EXPLOIT, severity, message, spec, innocent)


def _program(kind: str, severity: Severity, message: str, spec: str, innocent: str) -> Rule:
    return Rule(f"zip.program-{kind}", Category.DANGEROUS, severity, message, spec, innocent)


# The end and the directory
NO_DIRECTORY = _malformed(
    "no-directory",
    HIGH,
    "The archive has no directory, so programs disagree about what is in it.",
    "4.3.16: exactly one end record",
    "downloads that broke off",
)
DIRECTORY = _malformed(
    "directory", HIGH, "The archive's directory breaks off or holds something else.", "4.3.12, 4.3.6"
)
DIRECTORY_OFFSET = _malformed(
    "directory-offset", HIGH, "The archive says that its directory is where it is not.", "4.4.24"
)
RIVAL_DIRECTORY = _concealed(
    "rival-directory",
    HIGH,
    "The archive has two directories; programs disagree about which one counts.",
    "4.4.1.1; threats ARC-11",
)
SEVERAL_ENDS = _concealed(
    "several-ends",
    HIGH,
    "The archive ends twice, so programs disagree about what is in it.",
    "4.3.16: exactly one end record; threats ARC-11",
    "a few Android packages",
)
ENTRY_COUNT = _malformed("entry-count", MEDIUM, "The archive miscounts its members.", "4.4.22")
ZIP64 = _malformed("zip64", HIGH, "The archive's two end records contradict each other.", "4.3.14, 4.4.1.4")
SPLIT = Rule(
    "zip.split",
    Category.UNSCANNABLE,
    MEDIUM,
    "This is one volume of a split archive; the others are not here.",
    "4.4.19, 4.4.20",
    "large honest archives in volumes",
)
SECOND_ARCHIVE = _concealed(
    "second-archive",
    HIGH,
    "Another archive stands in front of this one; programs disagree about which one they open.",
    "threats ARC-11",
)
PREFIX = _concealed(
    "prefix",
    MEDIUM,
    "Something else stands in front of the archive.",
    "4.1.9; threats ARC-11",
    "self-extracting archives, Python applications, CRX",
)
TRAILING = _concealed(
    "trailing-data",
    HIGH,
    "Something follows the end of the archive.",
    "4.3.16; threats ARC-11",
    "mail gateways that append lines",
)
COMMENT = _malformed("comment-length", MEDIUM, "The archive's comment reaches past the end of the file.", "4.3.16")

# Layout
OVERLAP = Rule(
    "zip.overlap",
    Category.RESOURCE,
    HIGH,
    "Members share the same bytes, as in an archive that unpacks to far more than it holds.",
    "4.3.6; D. Fifield, A better zip bomb (2019); threats BMB-01",
)
OUT_OF_BOUNDS = _malformed("out-of-bounds", HIGH, "A member's bytes reach past the space for members.", "4.4.8, 4.4.16")
NO_LOCAL = _malformed("no-local-header", HIGH, "A member of the directory does not exist.", "4.3.7, 4.4.16")
UNLISTED = _concealed(
    "unlisted-member",
    HIGH,
    "The archive holds a member that its directory does not list.",
    "4.3.12; threats ARC-08",
    "archives that were edited in place",
)
GAP = _concealed(
    "gap",
    MEDIUM,
    "Bytes are hidden between the members.",
    "4.3.6; threats ARC-09",
    "archives that were edited in place",
)
SIGNING_BLOCK = _malformed(
    "signing-block",
    MEDIUM,
    "The block for Android signatures is damaged or hides something else.",
    "APK Signature Scheme v2; threats APK-05",
)

# Local header against directory
LOCAL_NAME = _concealed(
    "local-name", HIGH, "A member has two names; programs disagree about which one counts.", "4.4.17; threats ARC-08"
)
LOCAL_METHOD = _concealed(
    "local-method", HIGH, "A member says in two places differently how it is packed.", "4.4.5; threats ARC-08"
)
LOCAL_ENCRYPTED = _concealed(
    "local-encrypted", HIGH, "A member says in one place only that it is encrypted.", "4.4.4 bit 0; threats ARC-08"
)
LOCAL_SIZES = _malformed(
    "local-sizes",
    MEDIUM,
    "A member has two sizes or two checksums.",
    "4.4.7 to 4.4.9; threats ARC-08",
    "streaming writers that leave the bit for it out; macOS beyond 4 GiB",
)

# Names
NAME_UTF8 = _malformed("name-utf8", HIGH, "A member's name is not the UTF-8 that it promises to be.", "App. D, bit 11")
NAME_CONTROL = _exploit(
    "name-control", HIGH, "A member's name is empty or holds control characters.", "4.4.17; C-ZIP-05"
)
TRAVERSAL = _exploit(
    "traversal",
    HIGH,
    "A member's name leads out of the folder that it is unpacked into.",
    "4.4.17.1; Zip Slip (2018); CVE-2025-8088; threats ARC-06",
)
DRIVE = _exploit(
    "drive-name", HIGH, "A member's name leads to a drive or another computer.", "4.4.17.1; threats ARC-06"
)
ABSOLUTE = _exploit(
    "absolute-name",
    MEDIUM,
    "A member's name is an absolute path.",
    "4.4.17.1; threats ARC-06",
    "backups of whole systems, careless scripts",
)
UNICODE_NAME = _concealed(
    "unicode-name",
    HIGH,
    "A member has a second name with another extension.",
    "4.6.9 (field 0x7075); threats ARC-15",
)
DUPLICATE = _malformed(
    "duplicate", MEDIUM, "The same member is there twice.", "threats ARC-10", "archives merged by Gradle"
)
DUPLICATE_CONFLICT = _concealed(
    "duplicate-conflict",
    HIGH,
    "Two different members have the same name; programs disagree about which one they show.",
    "CVE-2013-4787; threats ARC-10",
    "archives that were appended to",
)
NAME_COLLISION = _concealed(
    "name-collision",
    MEDIUM,
    "Two members get the same name on some computers.",
    "threats ARC-10",
    "Linux sources with names that differ in case",
)
SYMLINK = _exploit(
    "symlink",
    HIGH,
    "A link in the archive leads out of the folder that it is unpacked into.",
    "4.4.15; CVE-2025-11001; threats ARC-07",
)
THROUGH_LINK = _exploit(
    "through-link", HIGH, "A member is unpacked through a link of the same archive.", "threats ARC-06, ARC-07"
)
SPECIAL_FILE = _exploit("special-file", HIGH, "A member is a device or a pipe.", "4.4.15; threats ARC-07")
EXTRA_FIELD = _malformed(
    "extra-field",
    MEDIUM,
    "A member's extra field breaks off or contradicts itself.",
    "4.5; threats APK-04, ARC-15",
    "old zipalign padding",
)

# Content
METHOD_UNKNOWN = _malformed(
    "method-unknown", HIGH, "A member is packed in a way that does not exist.", "4.4.5; threats APK-04 (BadPack)"
)
METHOD_UNREAD = Rule(
    "zip.method-unread",
    Category.UNSCANNABLE,
    MEDIUM,
    "A member is packed in a way that is not unpacked here.",
    "4.4.5",
    "archives made by WinZip or 7-Zip with rare settings",
)
APK_TAMPERED = _exploit(
    "apk-tampered",
    HIGH,
    "An Android package is disguised so that scanners give up and phones install it.",
    "BadPack; threats APK-04",
)
STORED_SIZE = _malformed("stored-size", HIGH, "A member that is not packed has two sizes.", "4.4.8, 4.4.9; C-ZIP-06")
CORRUPT_DATA = _malformed("corrupt-data", HIGH, "A member's packed data is broken.", "RFC 1951; 5.8; 4.4.5")
SIZE = _malformed("size", HIGH, "A member unpacks to another size than it says.", "4.4.9")
CRC = _malformed("crc", MEDIUM, "A member's checksum is wrong.", "4.4.7; C-ZIP-07")
BOMB = Rule(
    "zip.bomb",
    Category.RESOURCE,
    HIGH,
    "A member unpacks to so many times its size that it fills the disk.",
    "threats BMB-02; Limits.ratio, Limits.expanded_bytes",
    "logs and empty disk images",
)
MIMETYPE_FIRST = _malformed(
    "mimetype-first",
    INFO,
    "The member that names the document's type is not the first, or is packed.",
    "ODF 1.3 part 2, 3.3; OCF 3.2, 4.3",
    "many EPUB tools",
)

# Programs
PROGRAMS = {
    "apk": _program("apk", HIGH, "This is an Android app.", "threats APK-01", "groups that share apps"),
    "ipa": _program("ipa", HIGH, "This is an iPhone app.", "threats APK-06", "groups that share apps"),
    "msix": _program("msix", HIGH, "This is a Windows app.", "MSIX package format", "software distribution"),
    "xpi": _program("xpi", MEDIUM, "This is a browser extension.", "Mozilla XPI", "developers of extensions"),
    "wheel": _program("wheel", MEDIUM, "This is a Python package.", "PEP 427; threats EXE-03", "developers' groups"),
    "zipapp": _program("zipapp", HIGH, "This is a Python program.", "PEP 441; threats EXE-03", "developers' groups"),
    "jar": _program("jar", HIGH, "This is a Java program.", "JAR specification; threats EXE-03", "mods of games"),
}

RULES: tuple[Rule, ...] = (
    NO_DIRECTORY,
    DIRECTORY,
    DIRECTORY_OFFSET,
    RIVAL_DIRECTORY,
    SEVERAL_ENDS,
    ENTRY_COUNT,
    ZIP64,
    SPLIT,
    SECOND_ARCHIVE,
    PREFIX,
    TRAILING,
    COMMENT,
    OVERLAP,
    OUT_OF_BOUNDS,
    NO_LOCAL,
    UNLISTED,
    GAP,
    SIGNING_BLOCK,
    LOCAL_NAME,
    LOCAL_METHOD,
    LOCAL_ENCRYPTED,
    LOCAL_SIZES,
    NAME_UTF8,
    NAME_CONTROL,
    TRAVERSAL,
    DRIVE,
    ABSOLUTE,
    UNICODE_NAME,
    DUPLICATE,
    DUPLICATE_CONFLICT,
    NAME_COLLISION,
    SYMLINK,
    THROUGH_LINK,
    SPECIAL_FILE,
    EXTRA_FIELD,
    METHOD_UNKNOWN,
    METHOD_UNREAD,
    APK_TAMPERED,
    STORED_SIZE,
    CORRUPT_DATA,
    SIZE,
    CRC,
    BOMB,
    MIMETYPE_FIRST,
    *PROGRAMS.values(),
)
