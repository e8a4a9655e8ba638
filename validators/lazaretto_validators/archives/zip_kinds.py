"""What a ZIP is a package of: found in its directory and, where that does not say it, in one small part.

Programs come first: a file that a Java or Android runtime would run is one, whatever else it is dressed as.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lazaretto_validators.archives.inflate import unpack_head
from lazaretto_validators.archives.zip_directory import STREAMED, Entry, open_archive, read_local
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.source import Source

__all__ = [
    "CONTENT_TYPES",
    "PLAIN_ZIP",
    "PROGRAM_TYPES",
    "entries_by_local_headers",
    "first_local_at",
    "kind_of",
    "member_head",
    "program_kinds",
    "zip_kind",
]

_SPAN_MARKS = (b"PK\x07\x08", b"PK00")
"""What stands in front of an archive that was to be split, and was or was not in the end. APPNOTE 8.5.3, 8.5.4."""

PLAIN_ZIP = "application/zip"

CONTENT_TYPES = "[content_types].xml"
"""Name of the part that makes a ZIP an Open Packaging Conventions package (ECMA-376-2, 10.1.2.2), folded."""

PROGRAM_TYPES = {
    "apk": "application/vnd.android.package-archive",
    "ipa": "application/x-ios-app",
    "msix": "application/msix",
    "xpi": "application/x-xpinstall",
    "wheel": "application/x-wheel+zip",
    "zipapp": "application/x-python-zipapp",
    "jar": "application/java-archive",
}
"""Kinds of ZIP that something runs or installs, with their media types; of several the first names the file."""

_PROGRAM_PARTS = (
    ("apk", re.compile(r"(base/manifest/)?androidmanifest\.xml|classes\d*\.dex")),
    ("ipa", re.compile(r"payload/[^/]+\.app/.*")),
    ("msix", re.compile(r"appxmanifest\.xml|appxmetadata/appxbundlemanifest\.xml")),
    ("xpi", re.compile(r"meta-inf/mozilla\.rsa|install\.rdf")),
    ("wheel", re.compile(r"[^/]+\.dist-info/wheel")),
    ("zipapp", re.compile(r"__main__\.pyc?")),
)
_JAVA_MANIFEST = "meta-inf/manifest.mf"
_MAIN_CLASS = re.compile(rb"^(main|launcher-agent|premain|agent)-class[ \t]*:", re.IGNORECASE | re.MULTILINE)

_SMALL = 64 * 1024  # a manifest or a list of content types: longer ones name their main part early

_MAIN_PARTS = (
    (b"ms-word.document.macroenabled.main", "application/vnd.ms-word.document.macroEnabled.12"),
    (b"ms-word.template.macroenabledtemplate.main", "application/vnd.ms-word.template.macroEnabled.12"),
    (b"ms-excel.sheet.macroenabled.main", "application/vnd.ms-excel.sheet.macroEnabled.12"),
    (b"ms-excel.template.macroenabled.main", "application/vnd.ms-excel.template.macroEnabled.12"),
    (b"ms-excel.addin.macroenabled.main", "application/vnd.ms-excel.addin.macroEnabled.12"),
    (b"ms-excel.sheet.binary.macroenabled.main", "application/vnd.ms-excel.sheet.binary.macroEnabled.12"),
    (
        b"ms-powerpoint.presentation.macroenabled.main",
        "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
    ),
    (b"ms-powerpoint.slideshow.macroenabled.main", "application/vnd.ms-powerpoint.slideshow.macroEnabled.12"),
    (b"ms-powerpoint.template.macroenabled.main", "application/vnd.ms-powerpoint.template.macroEnabled.12"),
    *(
        (f"openxmlformats-officedocument.{kind}.main".encode(), f"application/vnd.openxmlformats-officedocument.{kind}")
        for kind in (
            "wordprocessingml.document",
            "wordprocessingml.template",
            "spreadsheetml.sheet",
            "spreadsheetml.template",
            "presentationml.presentation",
            "presentationml.template",
            "presentationml.slideshow",
        )
    ),
    (b"ms-visio.drawing.main", "application/vnd.ms-visio.drawing"),
    (b"ms-visio.drawing.macroenabled.main", "application/vnd.ms-visio.drawing"),
    (b"ms-package.xps-fixeddocumentsequence", "application/vnd.ms-xpsdocument"),
    (b"openxps.fixeddocumentsequence", "application/vnd.ms-xpsdocument"),
)
"""Content types of main parts (ECMA-376-1, 15.2; MS-OFFMACRO2), folded and without `application/vnd.` and `+xml`."""


def member_head(source: Source, entry: Entry, most: int = _SMALL) -> bytes:
    """Up to `most` unpacked bytes of a member; empty if it is encrypted or cannot be reached."""
    local = read_local(source, entry.local_at)
    if local is None or entry.encrypted:
        return b""
    return unpack_head(source.at(local.data_at, entry.packed), entry.method, most)


def program_kinds(source: Source, entries: Iterable[Entry]) -> dict[str, Entry]:
    """Every kind of program that a ZIP with these members is, with the member that tells."""
    found: dict[str, Entry] = {}
    class_file: Entry | None = None
    manifest: Entry | None = None
    marked = False
    for entry in entries:
        name = _folded(entry.name)
        marked |= entry.java_mark
        for kind, pattern in _PROGRAM_PARTS:
            if pattern.fullmatch(name):
                found.setdefault(kind, entry)
        if name.endswith(".class") and class_file is None:
            class_file = entry
        if name == _JAVA_MANIFEST:
            manifest = entry
    if manifest and (marked or class_file or _MAIN_CLASS.search(member_head(source, manifest))):
        found["jar"] = class_file or manifest
    elif class_file and (marked or "/" not in _folded(class_file.name)):
        # `java -cp` needs no manifest, and a class at the top is there to be started. The mark of Java's tools alone
        # says nothing: they pack documents just as well.
        found["jar"] = class_file
    # APKs are signed like JARs, and a bundle of one has classes: the more special kind is what opens it.
    if "apk" in found or "xpi" in found:
        found.pop("jar", None)
    return {kind: found[kind] for kind in PROGRAM_TYPES if kind in found}


def zip_kind(source: Source) -> str:
    """Name of the media type of a ZIP-based file, `application/zip` if it is a plain one. Waits for its end."""
    archive = open_archive(source, most=10_000)
    entries = archive.entries if archive else []
    if not entries:
        # Without a directory the local headers still say what it was meant to be: repairing programs go by them.
        entries = list(entries_by_local_headers(source))
    return kind_of(source, entries)


def kind_of(source: Source, entries: list[Entry]) -> str:
    """`zip_kind` of members that are already read."""
    if programs := program_kinds(source, entries):
        return PROGRAM_TYPES[next(iter(programs))]
    parts = {_folded(entry.name): entry for entry in reversed(entries)}
    if content_types := parts.get(CONTENT_TYPES):
        return _package_kind(member_head(source, content_types, 1 << 20))
    if mimetype := parts.get("mimetype"):
        declared = member_head(source, mimetype, 256).strip().decode("latin-1")
        known = MEDIA_TYPES.get(declared)
        return declared if known and known.parent == PLAIN_ZIP else PLAIN_ZIP
    return PLAIN_ZIP


def _package_kind(content_types: bytes) -> str:
    folded = content_types.lower()
    if folded[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in folded[:4]:
        folded = folded.replace(b"\0", b"")  # UTF-16: the names sought are ASCII
    for fragment, name in _MAIN_PARTS:
        if fragment in folded:
            return name
    return PLAIN_ZIP


def _folded(name: str) -> str:
    return name.replace("\\", "/").lower()


def first_local_at(source: Source) -> int:
    """Where the first local header stands: behind the mark of an archive that was made to be split, if there is one."""
    return 4 if source.at(0).peek(4) in _SPAN_MARKS else 0


def entries_by_local_headers(source: Source, most: int = 64) -> Iterator[Entry]:
    """The first members as a reader sees them that goes from the front."""
    at = first_local_at(source)
    for _ in range(most):
        local = read_local(source, at)
        if local is None:
            return
        yield Entry.of_local(local)
        if local.flags & STREAMED and not local.packed:
            return
        at = local.data_at + local.packed
