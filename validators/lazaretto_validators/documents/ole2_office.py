"""What Word, Excel, PowerPoint and Outlook keep in their streams that acts or hides. [MS-DOC], [MS-XLS], [MS-PPT],
[MS-OFFCRYPTO], [MS-OXMSG].
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from lazaretto_validators import unscannable
from lazaretto_validators.archives.inflate import Inflated
from lazaretto_validators.documents import ole2_rules as rules
from lazaretto_validators.documents.ole2_directory import Directory, Entry
from lazaretto_validators.documents.ole2_password import opens_by_itself
from lazaretto_validators.finding import Finding
from lazaretto_validators.source import PIECE, Source
from lazaretto_validators.validator import Screening

__all__ = ["judge_office"]

_BOF, _EOF, _FILEPASS, _BOUNDSHEET, _SUPBOOK = (0x0809, 0x0009), 0x0A, 0x2F, 0x85, 0x1AE
_JUDGED = frozenset({_FILEPASS, _BOUNDSHEET, _SUPBOOK})
_BLOCK = 16 * 1024  # bytes of records that are read at once
_FIB = 154 + 33 * 8  # bytes of the head of a document up to where its associated strings are named, MS-DOC 2.5.6
_ELSEWHERE = re.compile(r"\s*(?:https?:|ftps?:|file://(?:[^/\s]|//)|mhtml:|\\\\|//)", re.IGNORECASE)
_MACRO_SHEET = 1  # dt, MS-XLS 2.4.28
_SEALED = b"\xdf\xc4\xd1\xf3"  # headerToken of an encrypted presentation, MS-PPT 2.3.2
_MAX_INNER = 32 << 20  # bytes out of one compressed object of a presentation

_STARTED = re.compile(
    r"(?i)(?:^|[\\/])(?:cmd|powershell|pwsh|mshta|wscript|cscript|rundll32|regsvr32|certutil|bitsadmin|msiexec|explorer|"
    r"msexcel|control|wmic|forfiles|pcalua|installutil|schtasks)(?:\.exe)?\s*$"
)
_DDE_FIELD = re.compile(
    rb"\x13[ \t]*(?i:dde(?:auto)?)[ \t\"\\]|\x13\0(?:[ \t]\0)*(?i:d\0d\0e\0(?:a\0u\0t\0o\0)?)[ \t\"\\]\0"
)
_OVERLAP = 64


def judge_office(directory: Directory, screening: Screening) -> Iterator[Finding]:
    """By the streams that are there: a file can be several documents at once."""
    yield from _judge_package(directory)
    user = directory.get("Current User")
    sealed = user is not None and user.data is not None and user.data.at(12).peek(4) == _SEALED
    if user is not None and sealed:
        yield unscannable.ENCRYPTED.found(at=user.at, where=user.path)
    for entry, data in directory.streams():
        match entry.key:
            case "WORDDOCUMENT":
                yield from _judge_word(directory, entry, data)
            case "WORKBOOK" | "BOOK":
                yield from _judge_workbook(entry, data)
            case "\x05SUMMARYINFORMATION" | "\x05DOCUMENTSUMMARYINFORMATION":
                yield from _judge_properties(entry, data)
            case "POWERPOINT DOCUMENT" if not sealed:
                yield from _judge_presentation(entry, data, screening)
    yield from _judge_reminder(directory)


def _judge_package(directory: Directory) -> Iterator[Finding]:
    """An encrypted or rights-managed package. MS-OFFCRYPTO 2.3.2, 2.2."""
    for name in ("EncryptedPackage", "\tDRMContent", "EncryptionInfo"):
        if entry := directory.get(name):
            yield unscannable.ENCRYPTED.found(at=entry.at, where=entry.path)
            return


def _judge_properties(entry: Entry, data: Source) -> Iterator[Finding]:
    """Where each set begins, how long it is, where its properties lie. MS-OLEPS 2.20, 2.21."""
    size = data.size
    head = data.at(0).peek(28 + 2 * 20)
    if len(head) < 48 or head[:2] != b"\xfe\xff":
        yield rules.PROPERTY_SET.found(at=entry.at, where=entry.path, seen=head[:2].hex(), allowed="feff, 48 bytes")
        return
    for number in range(min(struct.unpack_from("<L", head, 24)[0], 2)):
        begin = int.from_bytes(head[44 + 20 * number : 48 + 20 * number], "little")
        section = data.at(begin, 8).peek(8)
        length, count = struct.unpack("<LL", section.ljust(8, b"\xff"))
        table = data.at(begin + 8).peek(min(8 * count, PIECE))
        places = [place for _, place in struct.iter_unpack("<LL", table[: len(table) & ~7])]
        if begin + length > size or 8 + 8 * count > length or any(place > length - 4 for place in places):
            seen = f"set {number}: {count} properties in {length} bytes at {begin}"
            yield rules.PROPERTY_SET.found(at=entry.at, where=entry.path, seen=seen, allowed=f"{size} bytes")


def _judge_word(directory: Directory, entry: Entry, data: Source) -> Iterator[Finding]:
    """The flags of the FIB (MS-DOC 2.5.1), the template, then fields that start a program (2.9.90)."""
    head = data.at(0).peek(_FIB)
    flags = struct.unpack_from("<H", head, 10)[0] if len(head) >= 12 else 0
    if flags & 0x0100:
        yield unscannable.ENCRYPTED.found(at=entry.at, where=entry.path)
        return
    table = directory.get("1Table" if flags & 0x0200 else "0Table")
    places = struct.unpack_from("<LL", head, _FIB - 8) if len(head) == _FIB else (0, 0)
    if table is not None and table.data is not None and _ELSEWHERE.match(name := _template(table.data, *places)):
        yield rules.REMOTE_TEMPLATE.found(at=table.at, where=table.path, seen=name)
    last = b""
    for piece in data.at(0).pieces():
        text = last + piece
        if match := _DDE_FIELD.search(text):
            yield rules.DDE.found(at=entry.at, where=entry.path, seen=text[match.start() : match.start() + 60])
            return
        last = text[-_OVERLAP:]


def _template(table: Source, begin: int, length: int) -> str:
    """The name of the template: the second of the document's associated strings. MS-DOC 2.2.4, 2.9.274."""
    data = table.at(begin, min(length, PIECE)).peek(PIECE)
    if data[:2] != b"\xff\xff" or len(data) < 8:
        return ""
    extra, first = struct.unpack_from("<HH", data, 4)
    at = 8 + 2 * first + extra
    letters = int.from_bytes(data[at : at + 2], "little")
    return data[at + 2 : at + 2 + 2 * letters].decode("utf-16-le", "replace")


class _Records:
    """Short stretches of a stream that lie one behind the other, for the price of one read of many."""

    def __init__(self, data: Source) -> None:
        self._data, self._block, self._base = data, b"", 0

    def peek(self, at: int, count: int) -> bytes:
        """See `Source.peek`."""
        begin = at - self._base
        if begin < 0 or begin + count > len(self._block):
            self._block, self._base, begin = self._data.at(at).peek(_BLOCK), at, 0
        return self._block[begin : begin + count]


def _judge_workbook(entry: Entry, data: Source) -> Iterator[Finding]:
    """The records of the first substream, which lists the sheets. MS-XLS 2.1.4, 2.1.7.20.3."""
    size, at, records = data.size, 0, _Records(data)
    while at + 4 <= size:
        kind, length = struct.unpack("<HH", records.peek(at, 4).ljust(4, b"\0"))
        if at == 0 and kind not in _BOF:
            return  # no workbook behind the name
        if at + 4 + length > size:
            yield rules.RECORD.found(
                at=entry.at, where=entry.path, seen=f"record {kind:#x} ends at {at + 4 + length}", allowed=size
            )
            return
        body = records.peek(at + 4, min(length, 600)) if kind in _JUDGED else b""
        if kind == _EOF:
            return
        if kind == _FILEPASS:
            if opens_by_itself(body):
                yield rules.KNOWN_PASSWORD.found(at=entry.at, where=entry.path, seen="VelvetSweatshop")
            yield unscannable.ENCRYPTED.found(at=entry.at, where=entry.path)
            return
        if kind == _BOUNDSHEET and len(body) > 5 and body[5] == _MACRO_SHEET:
            hidden = ("visible", "hidden", "very hidden")[min(body[4] & 3, 2)]
            yield rules.XLM_MACRO.found(at=entry.at, where=entry.path, seen=f"a {hidden} macro sheet")
        elif kind == _SUPBOOK:
            yield from _judge_link(entry, body)
        at += 4 + length


def _judge_link(entry: Entry, body: bytes) -> Iterator[Finding]:
    """A SupBook without sheets is a link to a program: `program 03 topic`. MS-XLS 2.4.271, 2.5.277."""
    if len(body) < 6 or body[:2] != b"\0\0":
        return
    count, wide = struct.unpack_from("<HB", body, 2)
    if count in (0x0401, 0x3A01):
        return
    text = body[5 : 5 + 2 * count].decode("utf-16-le", "replace") if wide & 1 else body[5 : 5 + count].decode("latin-1")
    program, mark, _ = text.partition("\x03")
    if not mark:
        return
    if _STARTED.search(program):
        yield rules.DDE.found(at=entry.at, where=entry.path, seen=text)
    elif "." not in program:  # with a dot it is the class of an object: Word.Document.8
        yield rules.DDE_LINK.found(at=entry.at, where=entry.path, seen=text)


def _judge_presentation(entry: Entry, data: Source, screening: Screening) -> Iterator[Finding]:
    """The records one behind the other, containers entered. MS-PPT 2.3.1."""
    size, at, records = data.size, 0, _Records(data)
    while at + 8 <= size:
        flags, kind, length = struct.unpack("<HHL", records.peek(at, 8).ljust(8, b"\0"))
        if at + 8 + length > size:
            yield rules.RECORD.found(
                at=entry.at, where=entry.path, seen=f"record {kind:#x} ends at {at + 8 + length}", allowed=size
            )
            return
        if kind == 0x0400 and length == 12 and records.peek(at + 12, 4) == b"\x01\0\0\0":  # VBAInfoAtom, 2.4.11
            yield rules.MACRO.found(at=entry.at, where=entry.path, seen="a macro project")
        if kind == 0x0FF3 and length == 16 and records.peek(at + 16, 1) in (b"\1", b"\2"):
            yield rules.RUN_ACTION.found(at=entry.at, where=entry.path, seen=f"an action at {at}")
        if kind == 0x1011 and length > 8:  # an object's or the macros' storage: 2.10.34
            yield from _judge_object(f"{entry.path}[{at}]", data.at(at + 8, length), bool(flags >> 4), screening)
        at += 8 if flags & 15 == 15 and kind != 0x1011 else 8 + length


def _judge_object(name: str, data: Source, packed: bool, screening: Screening) -> Iterator[Finding]:
    if not packed:
        screening.member(name, data, nameless=True)
        return
    inner = Inflated(data.at(4), charge=screening.expand, most=_MAX_INNER)
    screening.member(name, Source.of_pieces(inner.pieces()), nameless=True)
    if inner.over:
        yield unscannable.BUDGET.found(at=None, where=name, seen=f"{inner.size} bytes", allowed=_MAX_INNER)


def _judge_reminder(directory: Directory) -> Iterator[Finding]:
    """The sound of a reminder: the named property 0x851F, whose number the message itself assigns. MS-OXMSG 2.2.3."""
    names = directory.get("__nameid_version1.0/__substg1.0_00030102")
    if names is None or names.data is None:
        return
    data = names.data.at(0).peek(64 * 1024)
    for at in range(0, len(data) - 7, 8):
        name, flags, index = struct.unpack_from("<LHH", data, at)
        if name != 0x851F or flags & 1:
            continue
        for kind, encoding in (("001F", "utf-16-le"), ("001E", "latin-1")):
            value = directory.get(f"__substg1.0_{0x8000 + index:04X}{kind}")
            if value is None or value.data is None:
                continue
            path = value.data.at(0).peek(1024).decode(encoding, "replace").strip("\0 ")
            if path.startswith(("\\\\", "//")) or "://" in path:
                yield rules.REMINDER_PATH.found(at=value.at, where=value.path, seen=path)
