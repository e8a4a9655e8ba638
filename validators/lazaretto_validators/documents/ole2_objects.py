"""Objects in a compound file: the classes of its storages, links, packaged files, and files in its streams.

[MS-OLEDS] 2.3; the classes are those of published attacks (threats OFF-10 to OFF-14).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from lazaretto_validators.documents import ole2_rules as rules
from lazaretto_validators.documents.ole2_directory import STREAM, Directory, Entry
from lazaretto_validators.documents.ole2_equation import is_sound_equation
from lazaretto_validators.embedded import search
from lazaretto_validators.finding import Finding, Rule
from lazaretto_validators.media_types import MEDIA_TYPES, MediaType, Risk
from lazaretto_validators.names import is_textual
from lazaretto_validators.signatures import BY_FIRST_BYTE, HEAD
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening

__all__ = [
    "ATTACKED",
    "EQUATIONS",
    "LINK_CLASS",
    "REMOTE_MONIKERS",
    "SHELL_EXPLORER",
    "Native",
    "judge_objects",
    "native_file",
]

_TAIL = "-0000-0000-c000-000000000046"
EQUATIONS = tuple(UUID(f"{head}{_TAIL}").bytes_le for head in ("0002ce02", "00021700", "0003000b", "0004a6b0"))
LINK_CLASS = UUID(f"00000300{_TAIL}").bytes_le
_MATHTYPE = UUID(f"0002ce03{_TAIL}").bytes_le  # its own program, which reads the same stream and is not attacked
SHELL_EXPLORER = UUID("eab22ac3-30c1-11cf-a7eb-0000c05bae0b").bytes_le

# URL, script, SOAP and "new" monikers: what they name is fetched or run when the link is followed.
REMOTE_MONIKERS = tuple(
    UUID(text).bytes_le
    for text in (
        "79eac9e0-baf9-11ce-8c82-00aa004ba90b",
        "06290bd3-48aa-11d2-8432-006008c3fbfc",
        "ecabb0c7-7f19-11d2-978e-0000f8757e2a",
        "ecabafc6-7f19-11d2-978e-0000f8757e2a",
    )
)
_ATTACKED = (
    "3050f4d8-98b5-11cf-bb82-00aa00bdce0b",  # HTML application
    "bdd1f04b-858b-11d1-b16a-00c0f0283628",  # MSCOMCTL ListView, CVE-2012-0158
    "c74190b6-8589-11d1-b16a-00c0f0283628",  # MSCOMCTL TreeView, CVE-2012-0158
    "996bf5e0-8044-4650-adeb-0b013914e99c",  # MSCOMCTL ListView
    "9181dc5f-e07d-418a-aca6-8eea1ecb8e9e",  # MSCOMCTL TreeView
    "1efb6596-857c-11d1-b16a-00c0f0283628",  # MSCOMCTL TabStrip, CVE-2012-1856
    "d27cdb6e-ae6d-11cf-96b8-444553540000",  # Flash
    "d27cdb70-ae6d-11cf-96b8-444553540000",  # Flash
    "0e59f1d5-1fbe-11d0-8ff2-00a0d10038bc",  # ScriptControl
    "ae24fdae-03c6-11d1-8b76-0080c744f389",  # scriptlet
    "8856f961-340a-11d0-a96b-00c04fd705a2",  # browser window
    "05741520-c4eb-440a-ac3f-9643bbc9f847",  # OTKLOADR, loaded to get around ASLR
    "66833fe6-8583-11d1-b16a-00c0f0283628",  # MSCOMCTL Toolbar, CVE-2012-1856
    "dd9da666-8594-11d1-b16a-00c0f0283628",  # MSCOMCTL ImageCombo, CVE-2014-1761
    "00000535-0000-0010-8000-00aa006d2ea4",  # ADODB RecordSet, CVE-2015-0097
    "44f9a03b-a3ec-4f3b-9364-08e0007f21df",  # TaskSymbol, CVE-2015-2424
    "cddbcc7c-be18-4a58-9cbf-d62a012272ce",  # osf.Sandbox, CVE-2015-1770
    "4315d437-5b8c-11d0-bd3b-00a0c911ce86",  # device moniker, CVE-2016-0015
    "1461a561-24e8-4ba3-8d4a-ffeef980556b",  # BCSAddin, CVE-2016-0042
    "14ce31dc-abc2-484c-b061-cf3416aed8ff",  # these five load a library by its bare name, CVE-2015-6128
    "394c052e-b830-11d0-9a86-00c04fd8dbf7",
    "975797fc-4e2a-11d0-b702-00c04fd8dbf7",
    "d93ce8b5-3bf8-462c-a03f-ded2730078ba",
    "ecabafc9-7f19-11d2-978e-0000f8757e2a",
    "9c38ed61-d565-4728-aeee-c80952f0ecde",  # disk service, CVE-2021-27058
    "06290bd3-48aa-11d2-8432-006008c3fbfc",  # script moniker, CVE-2017-8570
    "ecabb0c7-7f19-11d2-978e-0000f8757e2a",  # SOAP moniker, CVE-2017-8759
    "79eac9e0-baf9-11ce-8c82-00aa004ba90b",  # URL moniker, CVE-2017-0199
)
ATTACKED = tuple(UUID(text).bytes_le for text in _ATTACKED)
_CLASSES: Mapping[bytes, Rule] = MappingProxyType(
    {
        SHELL_EXPLORER: rules.SHELL_EXPLORER,
        **dict.fromkeys(ATTACKED, rules.DANGEROUS_CLASS),
    }
)
_EQUATION_STREAMS = frozenset({"EQUATION NATIVE", "EQNEDT32"})
_INSTALLERS = tuple(UUID(f"000c108{n}{_TAIL}").bytes_le for n in (2, 4, 6))  # transform, package, patch

_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/tiff", "image/webp"})
_LEAST = 64  # bytes: shorter streams hold no file
_LINKED = 1  # kind of a package: a command; 3 is a file
_FILE_MONIKER = UUID(f"00000303{_TAIL}").bytes_le
_ADDRESS = re.compile(rb"(?:h\0?t\0?t\0?p\0?(?:s\0?)?|f\0?t\0?p\0?):\0?/", re.IGNORECASE)
_MAX_FIELD = 1024  # bytes of a name in a package: MAX_PATH four times


def judge_objects(directory: Directory, screening: Screening) -> Iterator[Finding]:
    """Classes first, then every stream: what it names, what it holds."""
    root = directory.root
    installer = root.clsid in _INSTALLERS
    if installer:
        yield rules.INSTALLER.found(at=root.at, where="root", seen=UUID(bytes_le=root.clsid))
    if root.clsid == LINK_CLASS:
        yield rules.REMOTE_LINK.found(at=root.at, where="root", seen="a link without its document")
    yield from _judge_classes(directory, screening)
    for entry, data in directory.streams():
        screening.spend()
        if entry.key == "\x01OLE":
            yield from _judge_link(entry, data)
        elif entry.key == "\x01OLE10NATIVE":
            yield from _judge_native(entry, data, screening)
        elif entry.name.startswith("__substg1.0_37010102"):
            screening.member(_attachment_name(directory, entry), data)
        elif entry.name.startswith("__substg1.0_10090102"):
            screening.not_covered(entry.path, "the compressed RTF text of a message")
        elif entry.size >= _LEAST:
            yield from _judge_stream(entry, data, screening, installer)


def _judge_classes(directory: Directory, screening: Screening) -> Iterator[Finding]:
    """What a folder's class would start. An equation is told by its stream as well."""
    for entry in directory.entries:
        if entry.kind != STREAM and entry.clsid in EQUATIONS:
            stream = directory.get(f"{entry.path}/Equation Native".lstrip("/"))
            yield _equation_rule(stream, screening).found(
                at=entry.at, where=entry.path or "root", seen=UUID(bytes_le=entry.clsid)
            )
        elif entry.kind != STREAM and (rule := _CLASSES.get(entry.clsid)):
            yield rule.found(at=entry.at, where=entry.path or "root", seen=UUID(bytes_le=entry.clsid))
        elif entry.kind == STREAM and entry.key in _EQUATION_STREAMS and not _has_class(directory, entry):
            yield _equation_rule(entry, screening).found(at=entry.at, where=entry.path, seen=entry.name)


def _equation_rule(stream: Entry | None, screening: Screening) -> Rule:
    sound = stream is not None and is_sound_equation(stream.data, screening)
    return rules.OLD_EQUATION if sound else rules.EQUATION


def _has_class(directory: Directory, entry: Entry) -> bool:
    """Is the equation's folder judged by its class already, or MathType's?"""
    folder = directory.get(entry.folder) if entry.folder else directory.root
    return folder is not None and folder.clsid in (_MATHTYPE, *EQUATIONS)


def _judge_link(entry: Entry, data: Source) -> Iterator[Finding]:
    """The monikers of a linked object. MS-OLEDS 2.3.3."""
    head = data.at(0).peek(4096)
    for moniker in REMOTE_MONIKERS:
        if moniker in head:
            yield rules.REMOTE_LINK.found(at=entry.at, where=entry.path, seen=UUID(bytes_le=moniker))
    if _FILE_MONIKER in head and (address := _ADDRESS.search(head)):
        yield rules.REMOTE_LINK.found(at=entry.at, where=entry.path, seen=head[address.start() :][:60])


@dataclass(frozen=True, slots=True)
class Native:
    """What a packaged object is. name: empty where it is no package after all. command: instead of a file."""

    name: str
    content: Source
    command: str = ""


def native_file(data: Source) -> Native:
    """Name and bytes of a packaged file; the whole where the fields of a package are not there. MS-OLEDS 2.3.6."""
    whole = Native("", data.at(4))
    head = data.at(0).peek(6 + 3 * _MAX_FIELD)
    if struct.unpack_from("<H", head.ljust(6, b"\0"), 4)[0] != 2:
        return whole
    label, at = _text(head, 6)
    path, at = _text(head, at)
    if at < 0 or len(head) < at + 8:
        return whole
    name = path.replace("\\", "/").rpartition("/")[2] or label
    if struct.unpack_from("<H", head, at + 2)[0] == _LINKED:
        return Native(name, Source.of_bytes(b""), _text(head, at + 6)[0] or path)
    at += 8 + min(struct.unpack_from("<L", head, at + 4)[0], _MAX_FIELD)
    if len(head) < at + 4:
        return whole
    return Native(name, data.at(at + 4, struct.unpack_from("<L", head, at)[0]))


def _text(head: bytes, at: int) -> tuple[str, int]:
    end = head.find(b"\0", at, at + _MAX_FIELD) if at >= 0 else -1
    return (head[at:end].decode("cp1252", "replace"), end + 1) if end >= 0 else ("", -1)


def _judge_native(entry: Entry, data: Source, screening: Screening) -> Iterator[Finding]:
    native = native_file(data)
    if native.command:
        yield rules.COMMAND.found(at=entry.at, where=entry.path, seen=native.command)
        return
    name = native.name
    kind = screening.member(name or f"{entry.path}/native data", native.content, nameless=not name)
    # An equation's own data stand in such a stream, too, when another program made it an object.
    if not name and kind is None and data.at(4).peek(2) == b"\x1c\0" and data.at(8).peek(4) == b"\x03\x01\x01\x03":
        yield rules.EQUATION.found(at=entry.at, where=entry.path, seen="an equation's header")


def _attachment_name(directory: Directory, entry: Entry) -> str:
    """The long name of a message's attachment, else the short one. MS-OXMSG 2.2.2."""
    for stream in ("__substg1.0_3707001F", "__substg1.0_3704001F", "__substg1.0_3707001E", "__substg1.0_3704001E"):
        named = directory.get(f"{entry.folder}/{stream}")
        if named is not None and named.data is not None:
            raw = named.data.at(0).peek(_MAX_FIELD)
            return raw.decode("utf-16-le" if stream.endswith("F") else "cp1252", "replace").strip("\0") or "attachment"
    return "attachment"


def _kind_by_head(data: Source) -> MediaType | None:
    """The type by the first bytes alone: a document's own data may well end with a ZIP, as Word's themes do."""
    head = data.at(0).peek(HEAD)
    if head.startswith(b"PK\x03\x04"):
        return MEDIA_TYPES["application/zip"]
    names = (signature.judge(data.at(0), head) for signature in BY_FIRST_BYTE[head[0]]) if head else ()
    return next((MEDIA_TYPES[name] for name in names if name), None)


def _judge_stream(entry: Entry, data: Source, screening: Screening, installer: bool) -> Iterator[Finding]:
    """A stream that is a file by its head is handed on; any other must not hide one further in."""
    kind = _kind_by_head(data)
    is_file = kind is not None and kind.risk not in (Risk.VIEWED, Risk.UNKNOWN) and not is_textual(kind)
    if kind is not None and (is_file or kind.name in _PICTURES):
        screening.member(entry.path, data, nameless=True)
    elif not installer and (hit := search(data.at(0), 1, scripts=False)):
        seen = f"{MEDIA_TYPES[hit[1]].label} at {hit[0]} of the stream"
        yield rules.HIDDEN_FILE.found(at=entry.at, where=entry.path, seen=seen)
