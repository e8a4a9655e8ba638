"""What would open a file: on each platform another part of what it says of itself decides.

The table is data, and general on purpose: which program somebody has installed nobody can tell, only of which kind the
one is that their system hands such a file to.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from lazaretto.languages import N_, Html, Language
from lazaretto.model import Part, Report
from lazaretto_validators import Claim
from lazaretto_validators.media_types import BY_EXTENSION, MEDIA_TYPES, MediaType, Risk
from lazaretto_validators.mime_names import by_name
from lazaretto_validators.names import extension_of, runs

__all__ = ["IN_THE_CHAT", "Opener", "opened_with", "openers_line"]


class Opener(Enum):
    """A kind of program. Every value is the English for the catalogue."""

    VIEWER = N_("picture viewer")
    PLAYER = N_("player")
    TEXT = N_("text viewer")
    DOCUMENT = N_("office program")
    PDF = N_("PDF viewer")
    ARCHIVE = N_("archive program")
    BROWSER = N_("browser")
    HELP = N_("help viewer")
    DISC = N_("mounted as a disk")
    SCRIPT = N_("script host")
    INSTALLER = N_("package installer")
    PROGRAM = N_("run as a program")
    ASKS = N_("asks what to open it with")


DANGEROUS = frozenset({Opener.SCRIPT, Opener.INSTALLER, Opener.PROGRAM})
"""What such a file says is done. A disk, a help file and a web page come close, but need one more click."""

IN_THE_CHAT = frozenset({"photo", "sticker", "voice", "video_note", "live_photo", "animation", "cover"})
"""Kinds that the platform's own programs show, by their content, and hand to no other."""

_BY_RISK = {
    Risk.VIEWED: Opener.VIEWER,
    Risk.DOCUMENT: Opener.DOCUMENT,
    Risk.ARCHIVE: Opener.ARCHIVE,
    Risk.BROWSED: Opener.BROWSER,
    Risk.RUN: Opener.PROGRAM,
    Risk.UNKNOWN: Opener.ASKS,
}
_BY_FAMILY = {"audio": Opener.PLAYER, "video": Opener.PLAYER, "text": Opener.TEXT}
"""Of what is merely viewed."""

_BY_EXTENSION: Mapping[str, Opener] = MappingProxyType(
    {
        extension: opener
        for opener, extensions in {
            Opener.PDF: "pdf",
            Opener.TEXT: "json geojson csv ics ifb pem",
            Opener.PLAYER: "ogx rm rmvb ra tgs",
            Opener.INSTALLER: "apk apks apkm xapk aab ipa tipa msi msp mst msix appx msixbundle appxbundle deb rpm pkg"
            " mpkg xpi crx appinstaller flatpak snap mobileconfig",
            Opener.SCRIPT: "js jse vbs vbe wsf wsh hta ps1 psm1 psd1 bat cmd sh bash zsh ksh csh command py pyw pyz pl"
            " pm rb php lua ahk au3 jar applescript scpt reg sct wsc jnlp",
            Opener.HELP: "chm hlp",
            Opener.DISC: "iso img udf dmg vhd vhdx",
        }.items()
        for extension in extensions.split()
    }
)
"""Where the kind is more particular than what the type's risk says."""


@dataclass(frozen=True, slots=True)
class _System:
    """A system, and what tells it how to open a file: first the one, then, where that says nothing, the other."""

    name: str
    asks: tuple[str, ...]


_SYSTEMS = (
    # Telegram for Android looks the name's extension up and takes the declared type for what it does not know;
    # Windows and macOS go by the name alone; the web version hands the browser the declared type, which looks into
    # what is declared as nothing in particular (WHATWG MIME Sniffing, 7).
    _System("Android", ("name", "declared")),
    _System("Windows", ("name",)),
    _System("macOS", ("name",)),
    _System(N_("web"), ("declared", "content")),
)
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def opened_with(claim: Claim, media_type: str | None) -> Mapping[str, Opener]:
    """What each system would open a file with, by name; `content` is what its content is for. media_type: detected."""
    by = {
        "name": _of_name(claim.name or ""),
        "declared": _of_type(claim.media_type or ""),
        "content": _of_type(media_type or ""),
    }
    found = {
        system.name: next((opener for way in system.asks if (opener := by[way]) is not None), Opener.ASKS)
        for system in _SYSTEMS
    }
    return found | {"content": by["content"] or Opener.ASKS}


def _of_name(name: str) -> Opener | None:
    extension = extension_of(name)
    if not extension:
        return None
    if (particular := _BY_EXTENSION.get(extension)) is not None:
        return particular
    if (known := BY_EXTENSION.get(extension)) is not None and known.risk is not Risk.UNKNOWN:
        return _of(known)
    return Opener.PROGRAM if runs(extension) else Opener.ASKS


def _of_type(name: str) -> Opener | None:
    if name.partition(";")[0].strip().lower() in _SAYS_NOTHING:
        return None
    known = MEDIA_TYPES.get(name) or by_name(name)
    return None if known is None else _of(known)


def _of(known: MediaType) -> Opener:
    particular = next((_BY_EXTENSION[name] for name in known.extensions if name in _BY_EXTENSION), None)
    if particular is not None:
        return particular
    family = _BY_FAMILY.get(known.name.partition("/")[0])
    return family if known.risk is Risk.VIEWED and family else _BY_RISK[known.risk]


def openers_line(say: Language, part: Part, report: Report) -> Html:
    """`Opens with: picture viewer (Android, Windows, macOS), run as a program (web)`; what is dangerous is stressed
    where something else makes light of it."""
    if part.claim.kind in IN_THE_CHAT:
        return say.html("Opens with: shown in the chat itself")
    found = dict(opened_with(part.claim, report.media_type))
    content = found.pop("content")
    disagree = len({*found.values(), content}) > 1
    told = Html(", ").join(_grouped(say, found, disagree))
    if content in found.values() or content is Opener.ASKS:
        return say.html("Opens with: {systems}", systems=told)
    return say.html("Opens with: {systems}; by its content: {content}", systems=told, content=_one(say, content, True))


def _grouped(say: Language, found: Mapping[str, Opener], disagree: bool) -> Iterator[Html]:
    for opener in dict.fromkeys(found.values()):
        systems = [name for name, one in found.items() if one is opener]
        where = say("everywhere") if len(systems) == len(found) else ", ".join(map(say, systems))
        yield say.html("{opener} ({where})", opener=_one(say, opener, disagree), where=where)


def _one(say: Language, opener: Opener, disagree: bool) -> Html:
    told = say.html(opener.value)
    return say.html("<b>⚠ {opener}</b>", opener=told) if disagree and opener in DANGEROUS else told
