"""Threats that no rule has to itself: the file of each as somebody sends it, and the same repaired.

Where a rule names one threat alone, its case in the other modules is that threat's file. A rule such as `claim.program`
meets many threats, and a name is no part of the bytes: what shows such a threat is here.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from carriers import bmff, gzip, ole2, pdf
from carriers import zip as zips
from carriers.programs import a_pe
from carriers.quine import quine
from lazaretto_validators import Claim
from lazaretto_validators.limits import Limits
from lazaretto_validators.testing import Case

__all__ = ["SENT", "Sent"]

_NOTHING = Claim()
_TEXT = b"Nothing to see here, only a few plain words.\n"


@dataclass(frozen=True, slots=True)
class Sent:
    """A case, and what is said of its file and of the repaired one."""

    case: Case
    claim: Claim = _NOTHING
    repaired_claim: Claim = _NOTHING


def _by_content(rule: str, broken: bytes, repaired: bytes = _TEXT, limits: Limits | None = None) -> tuple[Sent]:
    return (Sent(Case(rule, broken, repaired, limits)),)


def _by_name(rule: str, name: str, honest: str = "a.txt", data: bytes = _TEXT) -> Sent:
    """The same bytes under two names."""
    return Sent(Case(f"name.{rule}", data, data), Claim(name), Claim(honest))


def _presented(rule: str, broken: bytes, repaired: bytes, name: str, media_type: str) -> tuple[Sent]:
    """Two files under one name and type."""
    claim = Claim(name, media_type)
    return (Sent(Case(f"claim.{rule}", broken, repaired), claim, claim),)


def _nested(levels: int) -> bytes:
    data = zips.one(name="note.txt")
    for _ in range(levels - 1):
        data = zips.one(name="inner.zip", data=data)
    return data


def _link(flags: int = 0, rest: bytes = b"") -> bytes:
    """A Windows shortcut. [MS-SHLLINK] 2.1: the header's size, its class, flags."""
    identity = bytes.fromhex("0114020000000000c000000000000046")
    return struct.pack("<L16sL", 76, identity, flags) + bytes(52) + rest


def _counted(text: str) -> bytes:
    """A string of a shortcut. [MS-SHLLINK] 2.4."""
    return struct.pack("<H", len(text)) + text.encode("utf-16-le")


def _disk_image(mark: bytes = b"CD001") -> bytes:
    """An ISO 9660 image with a descriptor and the terminator of descriptors. ECMA-119 8.1."""
    return bytes(32_768) + b"\1" + mark + b"\1" + bytes(2041) + b"\xff" + mark + b"\1" + bytes(2041)


_HAS_NAME, _HAS_ARGUMENTS, _HAS_ICON, _WIDE = 1 << 2, 1 << 5, 1 << 6, 1 << 7
_PADDED = _link(_HAS_NAME | _HAS_ARGUMENTS | _WIDE, _counted("inert") + _counted(" " * 50))
_ICON = _link(_HAS_ICON | _WIDE, _counted("\\\\host.invalid\\a.ico"))
_LINK_BROKEN = b"\0" + _link()[1:]
_ONENOTE = bytes.fromhex("e4525c7b8cd8a74daeb15378d02996d3")
_OTHER_SOUND = bmff.movie(entries=(bmff.sound(b"mp4a", bmff.esds()),))

SENT: Mapping[str, tuple[Sent, ...]] = {
    "APK-02": _presented("browsed", b"<html></html>", bmff.movie(), "a.mp4", "video/mp4"),
    "ARC-01": (
        Sent(
            Case("name.dangerous-extension", zips.one(name="a.js", data=b"// inert"), zips.one(name="a.txt")),
            Claim("a.zip"),
            Claim("a.zip"),
        ),
    ),
    "ARC-14": _by_content("unscannable.encrypted", zips.one(flags=zips.ENCRYPTED), zips.one()),
    "ARC-17": _by_content("claim.program", bytes(7) + b"**ACE**" + bytes(40), bytes(7) + b"**ICE**" + bytes(40)),
    "ARC-18": _by_content("claim.program", _disk_image(), _disk_image(b"inert")),
    "BMB-03": (
        *_by_content("unscannable.budget", _nested(6), _nested(2)),
        *_by_content("unscannable.budget", quine(), gzip.gz()),
    ),
    "DEV-02": _by_content("claim.program", b"\x80\x02ccollections\nOrderedDict\n)R.", b"ccollections\nOrderedDict\n"),
    "DOC-03": _by_content("claim.program", _ONENOTE + bytes(64), b"\0" + _ONENOTE[1:] + bytes(64)),
    "EXE-05": _by_content("zip.program-msix", zips.one(name="AppxManifest.xml"), zips.one(name="Inert.txt")),
    "EXE-06": _by_content("claim.program", b"!<arch>\ndebian-binary   ", b"!<inert>\ndebian-binary   "),
    "LNK-01": _by_content("claim.program", _link(), _LINK_BROKEN),
    "LNK-02": _by_content("claim.program", _PADDED, b"\0" + _PADDED[1:]),
    "LNK-03": _by_content("claim.program", _ICON, b"\0" + _ICON[1:]),
    "LNK-04": _by_content("claim.program", _link(rest=bytes(4) + b"A" * 1024), _LINK_BROKEN),
    "LNK-10": _by_content("script.applescript", b"FasdUAS 1.101.10" + bytes(40), b"Inert 1.101.10" + bytes(40)),
    "MP4-18": _by_content(
        "bmff.risky-codec", bmff.movie(entries=(bmff.sound(b"apac", bmff.box(b"chan", bytes(12))),)), _OTHER_SOUND
    ),
    "NAM-01": (
        _by_name("bidi-override", "inert\u202etxt.exe"),
        _by_name("bidi", "inert\u202efdp.txt", "inert.txt"),
    ),
    "NAM-02": (_by_name("double-extension", "invoice.pdf.js"),),
    "NAM-03": (_by_name("trailing", "a.exe. "), _by_name("control", "a.pdf\0.exe")),
    "NAM-05": (_by_name("invisible", "a.e\u200bxe"),),
    "NAM-06": (_by_name("confusable", "a.\u0435xe"), _by_name("slash-lookalike", "a\u2215b.txt", "a-b.txt")),
    "NAM-07": (
        _by_name("path", "..\\inert.txt", "inert.txt"),
        _by_name("stream", "a.txt:x.exe"),
        _by_name("device", "aux.txt", "auxiliary.txt"),
        _by_name("special", "desktop.ini"),
    ),
    "NAM-08": (_by_name("shell", "a$(true).txt"),),
    "NAM-09": _presented("runs", a_pe(), b"", "a.jpg", "image/jpeg"),
    "NAM-11": (_by_name("dangerous-extension", "a.scf"), _by_name("noisy-extension", "see example.com")),
    "NAM-12": (_by_name("calls-out", "list.m3u8", "list.txt", data=b""),),
    "NAM-14": (_by_name("class-id", "a.pdf.{00000000-0000-0000-0000-000000000000}"),),
    "OFF-17": _by_content(
        "unscannable.encrypted",
        ole2.compound({"EncryptionInfo": b"", "EncryptedPackage": b""}),
        ole2.compound({"Information": b"", "Package": b""}),
    ),
    "OFF-22": (
        _by_name("dangerous-extension", "a.iqy", data=b"WEB\n1\nhttp://example.invalid"),
        *_by_content("claim.program", b"ID;PWXL;N;E\nE\n", b"IN;PWXL;N;E\nE\n"),
    ),
    "OFF-25": _by_content("claim.program", b"\0\1\0\0Standard Jet DB\0", b"\0\1\0\0Inert Jet DB\0"),
    "PDF-15": _by_content("unscannable.encrypted", pdf.encrypted(), pdf.document()),
    "WEB-07": (
        *_by_content("claim.program", b"Cr24" + struct.pack("<LL", 3, 0), b"Inert24" + bytes(8)),
        *_by_content("zip.program-xpi", zips.one(name="install.rdf"), zips.one(name="inert.rdf")),
    ),
}
"""By threat. Each is what the table's own description asks for, as small as it can be."""
