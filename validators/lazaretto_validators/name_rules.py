"""The rules about a file's name alone. Each was used to make people, or programs, take one file for another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.media_types import BY_EXTENSION, MediaType, Risk
from lazaretto_validators.names import (
    BIDI_CONTROLS,
    DANGEROUS_EXTENSIONS,
    DOTS,
    INVISIBLE,
    NOISY_EXTENSIONS,
    calls_out,
    disguises,
    extension_of,
    is_device,
    is_known,
    is_textual,
    runs,
    skeleton,
    words,
)
from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

__all__ = ["RULES", "judge_name"]

_TABLE = RuleTable("name")

BIDI_OVERRIDE = _TABLE.spoofed(
    HIGH,
    "bidi-override",
    "A hidden character turns part of the name around, so a name that runs reads as another one.",
    "threats NAM-01; UAX #9",
)
BIDI = _TABLE.spoofed(
    MEDIUM,
    "bidi",
    "The name contains characters that change the order in which it is shown.",
    "threats NAM-01; UAX #9",
    "U+200E and U+200F are ordinary in Arabic and Hebrew names",
)
DOUBLE_EXTENSION = _TABLE.spoofed(
    HIGH,
    "double-extension",
    "The name looks like a picture or document, but its last extension runs.",
    "threats NAM-02",
)
TRAILING = _TABLE.spoofed(
    HIGH,
    "trailing",
    "The name ends with a dot or a blank, which Windows drops: it is opened as another type than it shows.",
    "threats NAM-03; Win32 naming conventions",
    "titles copied from a sentence, with its full stop",
)
CONTROL = _TABLE.spoofed(
    HIGH,
    "control",
    "The name contains control characters, at which some programs cut it off.",
    "threats NAM-03; CVE-2026-23863",
)
INVISIBLE_CHARACTER = _TABLE.spoofed(
    HIGH,
    "invisible",
    "Invisible characters stand in or next to the extension.",
    "threats NAM-05",
    "emoji with joiners are no hit unless inside the extension",
)
CONFUSABLE = _TABLE.spoofed(
    HIGH,
    "confusable",
    "The extension, or the dot before it, is written with look-alike characters.",
    "threats NAM-06; UTS #39; CVE-2025-0411",
    "extensions of one's own in another script",
)
SLASH_LOOKALIKE = _TABLE.spoofed(
    MEDIUM,
    "slash-lookalike",
    "The name contains characters that look like a path separator.",
    "threats NAM-06",
    "video downloaders write U+29F8 where a title has a slash",
)
PATH = _TABLE.spoofed(
    HIGH,
    "path",
    "The name contains a path, so that it could be stored elsewhere than it seems.",
    "threats NAM-07",
)
STREAM = _TABLE.spoofed(
    HIGH,
    "stream",
    "The name addresses a hidden data stream of another file (a colon behind an extension, or before one that runs).",
    "threats NAM-07; CVE-2025-8088; [MS-FSCC] 2.1.5",
    "times in names of screenshots have colons, but no extension before them",
)
DEVICE = _TABLE.spoofed(
    HIGH,
    "device",
    "Windows takes this name for a device, not for a file.",
    "threats NAM-07; Win32 naming conventions",
    "aux.tex and the like, made where the name is harmless",
)
SPECIAL = _TABLE.spoofed(
    MEDIUM,
    "special",
    "The name has a meaning of its own for the shell or the file manager.",
    "threats NAM-07",
    "names that begin with a dash or a tilde by habit",
)
SHELL = _TABLE.spoofed(
    MEDIUM,
    "shell",
    "The name contains characters that command lines and formatters execute.",
    "threats NAM-08",
    "quotation marks and vertical bars in titles",
)
CLASS_ID = _TABLE.spoofed(
    HIGH,
    "class-id",
    "The name ends with a class id, which Explorer hides and starts.",
    "threats NAM-14",
)
TOO_LONG = _TABLE.spoofed(
    MEDIUM,
    "too-long",
    "The name is longer than file systems and dialogs can show, so its end may be cut off.",
    "255 characters: NTFS, ext4, APFS",
    "titles of articles used as names",
)
DANGEROUS = _TABLE.dangerous(
    HIGH,
    "dangerous-extension",
    "By its extension the file opens as a program or pulls one in.",
    "threats NAM-11, ARC-01, OFF-22; the union of the lists of Telegram Desktop, Gmail, Outlook and rspamd",
    "source code, packages and disk images in groups of developers and players",
)
NOISY = _TABLE.dangerous(
    MEDIUM,
    "noisy-extension",
    "By its extension the file can be run, though it is everyday in many groups.",
    "threats NAM-11, the noisy list",
    "scripts, settings and data shared on purpose",
)
CALLS_OUT = _TABLE.active(
    INFO,
    "calls-out",
    "Opening such a file can tell other hosts the reader's address.",
    "threats NAM-12; Telegram Desktop IsIpRevealingPath",
    "every web page",
)

RULES = _TABLE.rules

MAX_NAME = 255

# What turns the letters around: overrides, and the right-to-left embedding and isolate. What Telegram Desktop strips.
_FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and dots that show nothing
_FLIPS = frozenset("\u202b\u202d\u202e\u2067")
_CONTROLS = re.compile("[\0-\x1f\x7f-\x9f]")
_ENDINGS = (
    frozenset(". \u00a0\u1680\u3000\u2028\u2029\u202f\u205f" + "".join(map(chr, range(0x2000, 0x200C)))) | _FILLERS
)
_SLASHES = re.compile("[\u2044\u2215\u29f8\uff0f\uff3c]")
_SEPARATORS = re.compile(r"[/\\]|%2e%2e|^\.\.$", re.IGNORECASE)
_SHELL = re.compile(r"\$[({]|[`|;\"]|<[a-z/!?]|\{[a-z0-9_/.-]{1,40},-", re.IGNORECASE)
_FORMATS = re.compile(r"%[snxp](?![0-9a-f])")
_CLASS_ID = re.compile(r"\.\{[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}\s*$", re.IGNORECASE)
_SPECIAL = frozenset({"desktop.ini", "autorun.inf"})
_EMOJI_SELECTORS = frozenset("\ufe0e\ufe0f\u200d")
_PACKED_ALONE = words(
    "application/gzip application/x-bzip2 application/x-xz application/x-lzma application/x-lzip application/x-lzop "
    "application/zstd application/x-lz4 application/x-compress"
)
_EXTENSION_ROOM = 64  # characters; nothing longer is an extension


def _finds_bidi(name: str) -> Rule | None:
    present = BIDI_CONTROLS.intersection(name)
    if not present:
        return None
    return BIDI_OVERRIDE if present & _FLIPS and runs(extension_of(name)) else BIDI


def _finds_double_extension(name: str) -> Rule | None:
    return DOUBLE_EXTENSION if runs(extension_of(name)) and disguises(name) else None


def _finds_ending(name: str) -> Rule | None:
    if _CONTROLS.search(name):
        return CONTROL
    return TRAILING if name[-1] in _ENDINGS else None


def _finds_invisible(name: str) -> Rule | None:
    stem, dot, extension = name.rpartition(".")
    if not dot or len(extension) > _EXTENSION_ROOM:
        return None
    before = stem[-1:]
    # An emoji may end with a selector; behind a letter or digit one has no business.
    is_emoji = before in _EMOJI_SELECTORS and not stem[-2:-1].isalnum()
    hit = INVISIBLE.intersection(extension) or (before in INVISIBLE and not is_emoji)
    return INVISIBLE_CHARACTER if hit else None


def _finds_confusable(name: str) -> Rule | None:
    plain = name.rstrip()
    raw = plain.rpartition(".")[2] if "." in plain else ""
    if (
        0 < len(raw) <= _EXTENSION_ROOM
        and not raw.isascii()
        and not is_known(raw.casefold())
        and is_known(skeleton(raw))
    ):
        return CONFUSABLE
    if (place := max(map(plain.rfind, DOTS))) >= 0 and is_known(skeleton(plain[place + 1 :][:_EXTENSION_ROOM])):
        return CONFUSABLE
    return None


def _finds_path(name: str) -> Rule | None:
    if _SEPARATORS.search(name):
        return PATH
    return SLASH_LOOKALIKE if _SLASHES.search(name) else None


def _finds_stream(name: str) -> Rule | None:
    head, colon, stream = name.rpartition(":")
    if not colon:
        return None
    names_file = extension_of(head.partition(":")[0]) in BY_EXTENSION
    return STREAM if names_file or stream.casefold() == "$data" or runs(extension_of(stream)) else None


def _finds_special(name: str) -> Rule | None:
    if is_device(name):
        return DEVICE
    # "~$" opens the names of the lock files that office programs leave behind.
    leads = name[0] in "~-" and not name.startswith("~$")
    return SPECIAL if leads or name.casefold() in _SPECIAL else None


def _finds_shell(name: str) -> Rule | None:
    return SHELL if _SHELL.search(name) or name[0] == "=" or len(_FORMATS.findall(name)) >= 2 else None


def _finds_class_id(name: str) -> Rule | None:
    return CLASS_ID if _CLASS_ID.search(name[-80:]) else None


def _finds_length(name: str) -> Rule | None:
    return TOO_LONG if len(name) > MAX_NAME else None


_CHECKS: tuple[Callable[[str], Rule | None], ...] = (
    _finds_bidi,
    _finds_double_extension,
    _finds_ending,
    _finds_invisible,
    _finds_confusable,
    _finds_path,
    _finds_stream,
    _finds_special,
    _finds_shell,
    _finds_class_id,
    _finds_length,
)


def judge_name(name: str, detected: MediaType | None) -> Iterator[Finding]:
    """Findings about the name of a file whose content is `detected`. Linear in the length of the name."""
    if not name:
        return
    for check in _CHECKS:
        if rule := check(name):
            yield rule.found(at=None, where="name", seen=name)
    if rule := _extension_rule(extension_of(name), detected) or _packed_rule(name, detected):
        yield rule.found(at=None, where="name", seen=name, allowed="another extension, or a content that is judged")


def _extension_rule(extension: str, detected: MediaType | None) -> Rule | None:
    """A content of a known type is judged as that; only unknown bytes and text are what their name makes them."""
    judged = detected is not None and (not is_textual(detected) or extension in detected.extensions or _runs(detected))
    if not judged and extension in DANGEROUS_EXTENSIONS:
        return DANGEROUS
    if not judged and extension in NOISY_EXTENSIONS:
        return NOISY
    # A `.m4v` that is a playlist or a page calls out, one that is a video does not.
    is_video = detected is not None and detected.name.startswith(("video/", "audio/"))
    return CALLS_OUT if calls_out(extension) and not is_video else None


def _packed_rule(name: str, detected: MediaType | None) -> Rule | None:
    """One packed file has no name of its own, as a rule, and gets what is left of this one: `a.js.xz`."""
    if detected is None or detected.name not in _PACKED_ALONE or extension_of(name) not in detected.extensions:
        return None
    inner = extension_of(name.rpartition(".")[0])
    known = BY_EXTENSION.get(inner)
    return DANGEROUS if known is not None and known.risk is Risk.RUN and inner in DANGEROUS_EXTENSIONS else None


def _runs(detected: MediaType) -> bool:
    return detected.risk is Risk.RUN
