"""What the sender, the platform or a container says of a file: never trusted, compared with the content.

Name, declared type and content are held against each other by one question: *what would open this?* A picture under
another picture's name is shown all the same. A program under a picture's name is run. Threats NAM-09, APK-02;
CVE-2025-30401 (shown by its declared type, opened by its extension); CVE-2024-7014 (an app sent as a video).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.media_types import BY_EXTENSION, MEDIA_TYPES, MediaType, Risk
from lazaretto_validators.mime_names import by_name
from lazaretto_validators.name_rules import RULES as NAME_RULES
from lazaretto_validators.name_rules import judge_name
from lazaretto_validators.names import DANGEROUS_EXTENSIONS, extension_of, is_textual, words

__all__ = ["RULES", "UNJUDGED_CARRIERS", "UNJUDGED_PROGRAMS", "Claim", "judge_claims"]


def _rule(name: str, severity: Severity, message: str, false_positives: str) -> Rule:
    return Rule(f"claim.{name}", Category.SPOOFED, severity, message, "threats NAM-09, APK-02", false_positives)


RUNS = _rule(
    "runs",
    Severity.HIGH,
    "The file can be run, but it is presented as something that is only shown.",
    "none known",
)
BROWSED = _rule(
    "browsed",
    Severity.HIGH,
    "The file is a web page or a drawing with scripts, but it is presented as a picture, a video or a document.",
    "an error page saved by a downloader in place of the picture",
)
ARCHIVE = _rule(
    "archive",
    Severity.HIGH,
    "The file is an archive or a disk image, but it is presented as something that is only shown.",
    "none known",
)
PROGRAM = Rule(
    "claim.program",
    Category.DANGEROUS,
    Severity.HIGH,
    "The file is of a type that is run, installed or mounted when it is opened, and its content is not judged.",
    "threats EXE-06, LNK-01, LNK-02, LNK-03, LNK-04, ARC-17, ARC-18, DEV-02, DOC-03, OFF-22, OFF-25, WEB-07, NAM-11",
    "code, packages and disk images in groups of developers and players",
)
OTHER_CLASS = _rule(
    "other-class",
    Severity.MEDIUM,
    "The content is of another class than the name or the declared type says.",
    "web pages exported as .xls, compressed logs named .txt",
)
TEXT = _rule(
    "text",
    Severity.MEDIUM,
    "The file is plain text, but it is presented as a picture, sound, video, document or archive.",
    "an error message saved by a downloader in place of the file",
)
UNRECOGNISED = _rule(
    "unrecognised",
    Severity.MEDIUM,
    "The content is not what the name or the declared type says, nor anything known.",
    "damaged or encrypted files",
)
OTHER_TYPE = _rule(
    "other-type",
    Severity.INFO,
    "The content is of a similar type, but not of the one that the name or the declared type says.",
    "WebP saved as .jpg, MOV as .mp4, .m4a as .mp4: everyday",
)

RULES: tuple[Rule, ...] = (*NAME_RULES, RUNS, BROWSED, PROGRAM, ARCHIVE, OTHER_CLASS, TEXT, UNRECOGNISED, OTHER_TYPE)

_DISK_IMAGES = words(
    "application/x-iso9660-image application/x-apple-diskimage application/x-vhd application/x-vhdx "
    "application/x-vmdk application/x-qcow2 application/x-ms-wim"
)
# Programs write HTML and RTF under the names of the old office formats, and the office programs open them.
_HTML_TOLERANT = frozenset({"application/msword", "application/vnd.ms-excel"})
# Types that run and have no validator yet, which would say so by rules of its own.
UNJUDGED_PROGRAMS = words(
    "application/x-java-class application/x-python-code application/x-python-pickle application/x-lua-bytecode "
    "application/wasm application/x-ms-shortcut application/vnd.ms-htmlhelp application/winhlp application/x-msi "
    "application/vnd.debian.binary-package application/x-rpm application/x-apple-installer "
    "application/x-chrome-extension"
)
# Types that mount a disk, or hold what runs when they are opened, and have no validator either.
UNJUDGED_CARRIERS = words(
    "application/x-iso9660-image application/x-apple-diskimage application/x-vhd application/x-vhdx application/x-vmdk "
    "application/x-ms-wim application/x-ace-compressed application/onenote application/x-msaccess "
    "application/x-shockwave-flash text/x-sylk"
)
_STICKERS = frozenset({"application/gzip", "application/x-tgsticker"})
_SHOWN_KINDS = words("photo live_photo video video_note animation audio voice sticker")

# Types that no program writes without the mark that `identify` knows.
_ALWAYS_MARKED = words(
    "image/png image/jpeg image/gif image/webp image/bmp image/heic image/avif application/pdf application/zip "
    "application/gzip application/vnd.rar application/x-7z-compressed audio/flac application/ogg video/x-matroska "
    "application/x-tar video/mp4 application/x-ole-storage application/vnd.microsoft.portable-executable"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said of one part. All of it optional, none of it trusted.

    kind: how the platform presents it (`photo`, `video`, `document` ...).
    """

    name: str | None = None
    media_type: str | None = None
    size: int | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class _Presented:
    """One thing that was claimed. vague: it says what opens the file, not which type of that sort it is."""

    where: str
    media_type: MediaType
    vague: bool = False


def judge_claims(claim: Claim, detected: MediaType | None) -> Iterator[Finding]:
    """Findings about the name, and about the disagreement of name, declared type and content. Offsets are None."""
    yield from judge_name(claim.name or "", detected)
    if detected and detected.name in UNJUDGED_PROGRAMS | UNJUDGED_CARRIERS:
        yield PROGRAM.found(at=None, where="content", seen=f"{detected.label} ({detected.name})")
    presented = [p for p in (_by_name(claim.name), _by_declaration(claim.media_type), _by_kind(claim, detected)) if p]
    disagreements = [(rule, p, detected) for p in presented if (rule := _against_content(p, detected))]
    if (names := _between(presented)) is not None:
        disagreements.append((RUNS, *names))
    if not disagreements:
        return
    rule, p, actual = min(disagreements, key=lambda found: found[0].severity.rank)
    seen = f"{actual.label} ({actual.name})" if actual else "no known type"
    yield rule.found(at=None, where=p.where, seen=seen, allowed=f"{p.media_type.label} ({p.media_type.name})")


def _by_name(name: str | None) -> _Presented | None:
    extension = extension_of(name or "")
    if known := BY_EXTENSION.get(extension):
        return _Presented("name", known)
    if extension in DANGEROUS_EXTENSIONS:
        return _Presented("name", MediaType(f".{extension}", "file that runs", Risk.RUN), vague=True)
    return None


def _by_declaration(declared: str | None) -> _Presented | None:
    if not declared:
        return None
    if known := by_name(declared):
        return _Presented("media type", known)
    if declared.strip().lower().startswith(("image/", "audio/", "video/")):
        return _Presented("media type", MediaType(declared.strip().lower(), "media file", Risk.VIEWED), vague=True)
    return None  # application/octet-stream and its like say nothing


def _by_kind(claim: Claim, detected: MediaType | None) -> _Presented | None:
    if claim.kind not in _SHOWN_KINDS:
        return None
    if claim.kind == "sticker" and detected and detected.name in _STICKERS:
        return None
    return _Presented("kind", MediaType(claim.kind, "media file", Risk.VIEWED), vague=True)


def _against_content(presented: _Presented, detected: MediaType | None) -> Rule | None:
    if detected is None:
        marked = not _LINEAGE_OF[presented.media_type.name].isdisjoint(_ALWAYS_MARKED) if not presented.vague else False
        return UNRECOGNISED if marked else None
    if detected.name == "application/x-empty":
        return None
    rule = _compare(detected, presented.media_type)
    return None if rule is OTHER_TYPE and presented.vague else rule


def _between(presented: list[_Presented]) -> tuple[_Presented, MediaType] | None:
    """A name that runs beside a declared type that is only shown, or the other way round: (what is said, what runs)."""
    said = {p.where: p for p in presented}
    name, declared = said.get("name"), said.get("media type") or said.get("kind")
    if not name or not declared or _related(name.media_type, declared.media_type):
        return None
    if is_textual(declared.media_type) and (name.vague or is_textual(name.media_type)):
        return None
    harmless = (Risk.VIEWED, Risk.DOCUMENT)
    if name.media_type.risk is Risk.RUN and declared.media_type.risk in harmless:
        return declared, name.media_type
    if declared.media_type.risk is Risk.RUN and name.media_type.risk in harmless:
        return name, declared.media_type
    return None


def _lineage(media_type: MediaType) -> frozenset[str]:
    names = [media_type.name]
    while (parent := MEDIA_TYPES[names[-1]].parent if names[-1] in MEDIA_TYPES else None) is not None:
        names.append(parent)
    return frozenset(names)


_LINEAGE_OF = {name: _lineage(media_type) for name, media_type in MEDIA_TYPES.items()}


def _related(one: MediaType, other: MediaType) -> bool:
    """The same type, or one a kind of the other: every DOCX is a ZIP."""
    return other.name in _lineage(one) or one.name in _lineage(other)


def _compare(actual: MediaType, said: MediaType) -> Rule | None:
    """Which rule the content `actual` breaks under the claim `said`."""
    if _related(actual, said):
        # A bare ZIP under a Java or Android program's name: nothing in it runs, and its name asks for just that.
        return OTHER_CLASS if actual.risk is Risk.ARCHIVE and said.risk is Risk.RUN else None
    if is_textual(actual) and (is_textual(said) or said.risk is Risk.RUN):
        # What a text does is decided by its name: `name.dangerous-extension`, not a matter of disagreement.
        return OTHER_TYPE if said.risk is not Risk.RUN else None
    if "macroEnabled" in actual.name and "macroEnabled" not in said.name:
        return RUNS  # the macros of a .docm run under the name .doc as well
    if Risk.RUN in (actual.risk, said.risk):
        return OTHER_TYPE if actual.risk is said.risk else RUNS
    if actual.risk is Risk.BROWSED and said.risk in (Risk.VIEWED, Risk.DOCUMENT):
        return OTHER_CLASS if said.name in _HTML_TOLERANT else BROWSED
    if actual.risk is Risk.ARCHIVE and said.risk in (Risk.VIEWED, Risk.DOCUMENT):
        hides = actual.name in _DISK_IMAGES or (said.risk is Risk.VIEWED and not is_textual(said))
        return ARCHIVE if hides else OTHER_CLASS
    if is_textual(actual) and said.name not in _HTML_TOLERANT:
        return TEXT
    return OTHER_TYPE if actual.risk is said.risk else OTHER_CLASS
