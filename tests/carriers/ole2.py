"""Inert compound files, built sector by sector: a valid default, and one deviation for each rule."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping
from uuid import UUID

from lazaretto_validators.documents.ole2 import SMALLEST_OLE2
from lazaretto_validators.documents.ole2_structure import END, FAT_SECTOR, FREE, SIGNATURE
from lazaretto_validators.testing import Case

__all__ = ["CASES", "compound", "compress", "equation", "module_stream", "native", "vba_dir"]

SECTOR, MINI, CUTOFF = 512, 64, 4096
_STORAGE, _STREAM, _ROOT = 1, 2, 5


def clsid(text: str) -> bytes:
    """A class, as a directory entry has it."""
    return UUID(text).bytes_le


def _chained(units: int, first: int) -> list[int]:
    return [*range(first + 1, first + units), END] if units else []


class _Entry:
    def __init__(self, name: str, kind: int, data: bytes = b"", cls: bytes = bytes(16)) -> None:
        self.name, self.kind, self.data, self.clsid = name, kind, data, cls
        self.left = self.right = self.child = FREE
        self.start, self.size = (END if data else 0), len(data)

    def packed(self) -> bytes:
        raw = self.name.encode("utf-16-le")
        return (
            raw.ljust(64, b"\0")
            + struct.pack("<HBB3L", len(raw) + 2, self.kind, 1, self.left, self.right, self.child)
            + self.clsid
            + bytes(20)
            + struct.pack("<LQ", self.start, self.size)
        )


def _entries(streams: Mapping[str, bytes], classes: Mapping[str, bytes]) -> list[_Entry]:
    """Root, folders and streams; siblings hang on each other's right. A path that ends with `/` is an empty folder."""
    entries = [_Entry("Root Entry", _ROOT, cls=classes.get("", bytes(16)))]
    places = {"": 0}
    last: dict[str, int] = {}

    def hang(folder: str, entry: _Entry, path: str) -> None:
        entries.append(entry)
        number = places[path] = len(entries) - 1
        if folder in last:
            entries[last[folder]].right = number
        else:
            entries[places[folder]].child = number
        last[folder] = number

    for path, data in streams.items():
        *folders, name = path.split("/")
        parent = ""
        for folder in folders:
            whole = f"{parent}/{folder}".lstrip("/")
            if whole not in places:
                hang(parent, _Entry(folder, _STORAGE, cls=classes.get(whole, bytes(16))), whole)
            parent = whole
        if name:
            hang(parent, _Entry(name, _STREAM, data), path)
    return entries


def compound(
    streams: Mapping[str, bytes] | None = None, classes: Mapping[str, bytes] | None = None, *, spare: bytes = b""
) -> bytes:
    """A file of version 3. streams: path to bytes. classes: of folders, "" being the root. spare: unused sectors.

    Sectors: table, directory, mini table, mini stream, long streams, spare ones.
    """
    entries = _entries(streams or {}, classes or {})
    short = [e for e in entries if e.data and len(e.data) < CUTOFF]
    long = [e for e in entries if len(e.data) >= CUTOFF]
    minis = b""
    mini_links: list[int] = []
    for entry in short:
        entry.start = len(mini_links)
        units = -(-len(entry.data) // MINI)
        mini_links += _chained(units, len(mini_links))
        minis += entry.data.ljust(units * MINI, b"\0")
    directory = b"".join(e.packed() for e in entries)
    mini_table = struct.pack(f"<{len(mini_links)}L", *mini_links)
    parts = [directory, mini_table, minis, *(e.data for e in long)]
    tables = 1
    while tables * 128 < tables + sum(-(-len(p) // SECTOR) for p in parts) + -(-len(spare) // SECTOR):
        tables += 1
    links, starts = [FAT_SECTOR] * tables, []
    for part in parts:
        starts.append(len(links) if part else END)
        links += _chained(-(-len(part) // SECTOR), len(links))
    for entry, start in zip(long, starts[3:], strict=True):
        entry.start = start
    if minis:
        entries[0].start, entries[0].size = starts[2], len(minis)
    else:
        entries[0].start = END
    unused = _Entry("", 0).packed()[:68] + struct.pack("<3L", FREE, FREE, FREE) + bytes(48)
    parts[0] = b"".join(e.packed() for e in entries) + unused * (-len(entries) % 4)
    parts[1] = mini_table.ljust(-(-len(mini_table) // SECTOR) * SECTOR, b"\xff")
    links += [FREE] * (tables * 128 - len(links))
    header = (
        SIGNATURE
        + bytes(16)
        + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
        + struct.pack("<9L", 0, tables, starts[0], 0, CUTOFF, starts[1], -(-len(mini_table) // SECTOR), END, 0)
        + struct.pack("<109L", *range(tables), *[FREE] * (109 - tables))
    )
    body = b"".join(part.ljust(-(-len(part) // SECTOR) * SECTOR, b"\0") for part in parts)
    return (
        header + struct.pack(f"<{len(links)}L", *links) + body + spare.ljust(-(-len(spare) // SECTOR) * SECTOR, b"\0")
    )


def compress(data: bytes) -> bytes:
    """A compressed container of literals alone. [MS-OVBA] 2.4.1."""
    out = b"\x01"
    for at in range(0, len(data), 3600):
        chunk = data[at : at + 3600]
        tokens = b"".join(b"\0" + chunk[i : i + 8] for i in range(0, len(chunk), 8))
        out += struct.pack("<H", 0xB000 | (len(tokens) - 1)) + tokens
    return out


def vba_dir(name: str = "Inert", offset: int = 0) -> bytes:
    """The stream that names one module and where its source begins. [MS-OVBA] 2.3.4.2."""
    raw, wide = name.encode(), name.encode("utf-16-le")
    version = struct.pack("<HLLH", 9, 4, 1, 1)
    stream = struct.pack("<HL", 0x1A, len(raw)) + raw + struct.pack("<HL", 0x32, len(wide)) + wide
    return compress(version + stream + struct.pack("<HLL", 0x31, 4, offset) + struct.pack("<HL", 0x2B, 0))


def module_stream(source: bytes, compiled: bytes = b"") -> bytes:
    """A module: compiled code, then its source."""
    return compiled + compress(source)


def native(name: bytes = b"inert.txt", content: bytes = b"inert") -> bytes:
    """A packaged file, as the Packager writes it. [MS-OLEDS] 2.3.6."""
    body = b"\2\0" + name + b"\0C:\\" + name + b"\0\0\0\3\0" + struct.pack("<L", len(name) + 4) + b"C:\\" + name + b"\0"
    body += struct.pack("<L", len(content)) + content
    return struct.pack("<L", len(body)) + body


def packaged_command(command: bytes = b"C:\\inert.exe") -> bytes:
    """A package that holds a command instead of a file."""
    body = b"\2\0inert\0" + command + b"\0\0\0\1\0\1\0" + command + b"\0" + bytes(8)
    return struct.pack("<L", len(body)) + body


def equation(name: bytes = b"Inert") -> bytes:
    """An equation of the letter x in a font of this name."""
    body = b"\3\1\1\3\0" + b"\x0a\1" + b"\x08\1\0" + name + b"\0" + b"\2\x83x\0" + b"\0\0"
    return struct.pack("<HLHL16x", 28, 0x20000, 0xC001, len(body)) + body


def every_record() -> bytes:
    """An equation with a record of every kind that the editor writes."""
    body = (
        b"\3\1\1\3\0"
        b"\x0a\x0b\x0c\x0d\x0e"  # sizes by name
        b"\x09\x65\0\1\x09\x64\0\1\2\x09\1\2"  # by number
        b"\x07\2\1\2\3\4\5\6"  # a ruler with two stops
        b"\x41\5\x81\1\1"  # lines, one with more space, one moved
        b"\x02\x83x\0\x82\x80\x80\1\0\2\0\x83y\0"  # letters, one of them moved far
        b"\x06\1\0\x03\1\0\0\x04\1\2\0"  # a mark, a template, a pile
        b"\x05\1\2\3\2\2\0\0\0"  # a matrix of two rows and columns
        b"\x08\1\0Inert\0\0"
    )
    return struct.pack("<HLHL16x", 28, 0x20000, 0xC001, len(body)) + body


def record(kind: int, body: bytes = b"", *, length: int | None = None) -> bytes:
    """A record of a workbook."""
    return struct.pack("<HH", kind, len(body) if length is None else length) + body


BOF, EOF = record(0x0809, b"\0\6\5\0" + bytes(12)), record(0x0A)


def workbook(*records: bytes) -> bytes:
    """A compound file with a workbook of these records."""
    return compound({"Workbook": BOF + b"".join(records) + EOF})


def sheet(kind: int) -> bytes:
    """The record of one sheet."""
    return record(0x85, struct.pack("<LBBBB", 0, 0, kind, 1, 0) + b"A")


def supbook(text: str) -> bytes:
    """A link to another program."""
    return record(0x1AE, struct.pack("<HHB", 0, len(text), 0) + text.encode("latin-1"))


def atom(kind: int, body: bytes = b"", *, flags: int = 0) -> bytes:
    """A record of a presentation."""
    return struct.pack("<HHL", flags, kind, len(body)) + body


def presentation(*records: bytes, user: bytes = bytes(12) + b"\x5f\xc0\x91\xe3") -> bytes:
    """A presentation of these records, in a container."""
    return compound({"PowerPoint Document": atom(0x03E8, b"".join(records), flags=15), "Current User": user})


def packed_object(data: bytes) -> bytes:
    """A storage in a presentation, compressed. MS-PPT 2.10.34."""
    return atom(0x1011, struct.pack("<L", len(data)) + zlib.compress(data), flags=16)


def word_document(template: str = "", flags: int = 0x0200) -> bytes:
    """A document of Word that was made from this template."""
    texts = ("", template, "Title")
    table = b"".join(struct.pack("<H", len(text)) + text.encode("utf-16-le") for text in texts)
    table = struct.pack("<HHH", 0xFFFF, len(texts), 0) + table
    fib = struct.pack("<HHHHHH", 0xA5EC, 0xC1, 0, 0, 0, flags).ljust(410, b"\0") + struct.pack("<LL", 16, len(table))
    return compound({"WordDocument": fib.ljust(5000, b"\0"), "1Table": bytes(16) + table})


def rc4(key: bytes, data: bytes) -> bytes:
    """RC4, for what Office encrypted with it."""
    box, j, out = list(range(256)), 0, []
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)


def sealed_rc4(password: str) -> bytes:
    """FILEPASS of a workbook with this password, RC4. [MS-OFFCRYPTO] 2.3.6."""
    salt, verifier = bytes(range(16)), bytes(16)
    half = hashlib.md5(password.encode("utf-16-le")).digest()[:5]
    half = hashlib.md5((half + salt) * 16).digest()[:5]
    sealed = rc4(hashlib.md5(half + bytes(4)).digest(), verifier + hashlib.md5(verifier).digest())
    return struct.pack("<HHH", 1, 1, 1) + salt + sealed


def sealed_crypto_api(password: str, bits: int = 128) -> bytes:
    """The same, RC4 by CryptoAPI. [MS-OFFCRYPTO] 2.3.5."""
    salt, verifier = bytes(range(16)), bytes(16)
    first = hashlib.sha1(salt + password.encode("utf-16-le")).digest()
    key = hashlib.sha1(first + bytes(4)).digest()[: bits // 8].ljust(16, b"\0")[: 16 if bits == 40 else bits // 8]
    sealed = rc4(key, verifier + hashlib.sha1(verifier).digest())
    header = struct.pack("<8L", 4, 0, 0x6801, 0x8004, bits, 1, 0, 0) + "Inert\0".encode("utf-16-le")
    body = struct.pack("<L", 16) + salt + sealed[:16] + struct.pack("<L", 20) + sealed[16:]
    return struct.pack("<HHHLL", 1, 4, 2, 4, len(header)) + header + body


def swapped(whole: bytes, at: int, new: bytes) -> bytes:
    """`whole` with other bytes at one place."""
    return whole[:at] + new + whole[at + len(new) :]


def u32(value: int) -> bytes:
    """Four bytes, little-endian."""
    return struct.pack("<L", value)


PLAIN = compound({"Inert": b"inert", "Long": bytes(5000)})
FAT_AT, DIRECTORY_AT = 512, 1024
_LONG_ENTRY = DIRECTORY_AT + 2 * 128
_INERT_ENTRY = DIRECTORY_AT + 128
_LONG_FIRST = struct.unpack_from("<L", PLAIN, _LONG_ENTRY + 116)[0]
_HEAD_OF_7Z = bytes.fromhex("377abcaf271c0004") + bytes.fromhex("8d9bd50f") + bytes(20)
_FILE_MONIKER = "00000303-0000-0000-c000-000000000046"


def macros(source: bytes = b'Attribute VB_Name = "Inert"\r\n', folder: str = "Macros/", offset: int = 0) -> bytes:
    """A document with one module."""
    streams = {f"{folder}VBA/dir": vba_dir(offset=offset), f"{folder}VBA/Inert": module_stream(source)}
    return compound(streams)


def unlinked(payload: bytes) -> bytes:
    """A file with bytes in mini sectors that no stream has."""
    whole = compound({"Inert": payload.ljust(256, b"\1")})
    return swapped(swapped(whole, DIRECTORY_AT + 76, u32(FREE)), _INERT_ENTRY, _Entry("", 0).packed()[:66] + bytes(62))


def large_sectors(behind_header: bytes = b"") -> bytes:
    """The smallest file of version 4. behind_header: bytes in the rest of the first sector."""
    head = swapped(swapped(SMALLEST_OLE2[:512], 26, b"\4"), 30, b"\x0c")
    table, directory = SMALLEST_OLE2[512:1024], SMALLEST_OLE2[1024:]
    unused = directory[128:256]
    return (head + behind_header).ljust(4096, b"\0") + table.ljust(4096, b"\xff") + directory[:128] + unused * 31


def overlong(payload: bytes) -> bytes:
    """A file with a stream that has more sectors than bytes."""
    return swapped(compound({"Long": bytes(5000) + payload.ljust(3000, b"\1")}), _INERT_ENTRY + 120, u32(4096))


def properties(place: int) -> bytes:
    """A document whose summary has one property, at `place` of its set."""
    summary = struct.pack("<HHL16xL16xL", 0xFFFE, 0, 0x20006, 1, 48) + struct.pack("<LLLLL", 20, 1, 1, place, 0)
    return compound({"\x05SummaryInformation": summary})


def message(path: str) -> bytes:
    """An Outlook message whose reminder plays the sound at `path`."""
    return compound(
        {
            "__nameid_version1.0/__substg1.0_00030102": struct.pack("<LHH", 0x851F, 0x0006, 0),
            "__properties_version1.0": bytes(32),
            "__substg1.0_8000001F": path.encode("utf-16-le"),
        }
    )


def _case(rule: str, broken: bytes, repaired: bytes = PLAIN) -> Case:
    return Case(f"ole2.{rule}", broken, repaired)


_STRUCTURE = (
    _case("sector-shift", swapped(PLAIN, 30, b"\x0a")),
    _case("header", swapped(PLAIN, 28, b"\xff\xfe")),
    _case("header-clsid", swapped(PLAIN, 8, b"\1")),
    _case("sector-count", swapped(PLAIN, 44, u32(2))),
    _case("short-sector", PLAIN[:-1]),
    _case("table-outside", swapped(PLAIN, 80, u32(9999))),
    _case("chain-outside", swapped(PLAIN, FAT_AT + 4 * _LONG_FIRST, u32(9999))),
    _case("chain-loop", swapped(PLAIN, FAT_AT + 4 * _LONG_FIRST, u32(_LONG_FIRST))),
    _case("cross-link", swapped(PLAIN, FAT_AT + 4 * _LONG_FIRST, u32(1))),
    _case("chain-short", swapped(PLAIN, _LONG_ENTRY + 120, u32(9000))),
    _case("root", swapped(PLAIN, DIRECTORY_AT + 66, b"\2")),
    _case("directory-entry", swapped(PLAIN, DIRECTORY_AT + 3 * 128 + 66, b"\3")),
    _case("directory-link", swapped(PLAIN, _LONG_ENTRY + 72, u32(99))),
    _case("directory-loop", swapped(PLAIN, _LONG_ENTRY + 72, u32(1))),
    _case("orphan", swapped(PLAIN, _INERT_ENTRY + 72, u32(FREE))),
    _case("duplicate-name", compound({"Inert": b"inert", "INERT": b"inert"})),
    _case("truncated", SMALLEST_OLE2[:500]),
)

_CONTENT = (
    _case("hidden-file", compound(spare=bytes(512) + b"PK\3\4\x14\0\0\0" + bytes(600)), compound(spare=bytes(1024))),
    _case(
        "installer",
        compound(classes={"": clsid("000c1084-0000-0000-c000-000000000046")}),
    ),
    _case("macro", macros()),
    _case("vba-project", macros(folder="")),
    _case("macro-autoexec", macros(b"Sub AutoOpen()\r\n' Shell, in a comment\r\nEnd Sub\r\n")),
    _case("macro-stomped", macros(offset=500)),
    _case("xlm-macro", workbook(sheet(1)), workbook(sheet(0))),
    _case("dde", workbook(supbook("cmd\x03/c inert")), workbook(supbook("Word.Document.8\x03inert"))),
    _case("dde-link", workbook(supbook("INERT\x03topic")), workbook(supbook("Word.Document.8\x03inert"))),
    _case("record", workbook(record(0x85, length=9000)), workbook(sheet(0))),
    _case(
        "run-action",
        compound({"PowerPoint Document": struct.pack("<HHL8xB7x", 0, 0x0FF3, 16, 2)}),
        compound({"PowerPoint Document": struct.pack("<HHL8xB7x", 0, 0x0FF3, 16, 4)}),
    ),
    _case("property-set", properties(99), properties(16)),
    _case("known-password", workbook(record(0x2F, bytes.fromhex("000059b30a9a"))), workbook()),
    _case("equation", compound({"Object/Equation Native": b""})),
    _case("old-equation", compound({"Object/Equation Native": equation()})),
    _case(
        "shell-explorer",
        compound({"Object/": b""}, {"Object": clsid("eab22ac3-30c1-11cf-a7eb-0000c05bae0b")}),
        compound({"Object/": b""}),
    ),
    _case(
        "dangerous-class",
        compound({"Object/": b""}, {"Object": clsid("bdd1f04b-858b-11d1-b16a-00c0f0283628")}),
        compound({"Object/": b""}),
    ),
    _case(
        "remote-link",
        compound({"Object/\x01Ole": bytes(40) + clsid("79eac9e0-baf9-11ce-8c82-00aa004ba90b")}),
        compound({"Object/\x01Ole": bytes(40)}),
    ),
    _case("hidden-file", unlinked(_HEAD_OF_7Z), unlinked(bytes(32))),
    _case("hidden-file", overlong(_HEAD_OF_7Z), overlong(bytes(32))),
    _case("hidden-file", large_sectors(_HEAD_OF_7Z), large_sectors()),
    _case("hidden-file", swapped(PLAIN, FAT_AT + 400, _HEAD_OF_7Z)),
    _case("macro", presentation(atom(0x0400, u32(0) + u32(1) + u32(2))), presentation(atom(0x0400, bytes(12)))),
    _case(
        "vba-project",
        presentation(packed_object(macros(folder=""))),
        presentation(packed_object(PLAIN), atom(0x1011, PLAIN), atom(0x0FF3, bytes(16)), atom(0x0BC3)),
    ),
    _case("known-password", workbook(record(0x2F, sealed_rc4("VelvetSweatshop"))), workbook()),
    _case("known-password", workbook(record(0x2F, sealed_crypto_api("VelvetSweatshop"))), workbook()),
    _case("dde", workbook(record(0x1AE, b"\0\0\x0b\0\1" + "cmd\x03/c inert".encode("utf-16-le")))),
    _case("old-equation", compound({"Object/Equation Native": every_record()})),
    _case("equation", compound({"Object/\x01Ole10Native": bytes(4) + b"\x1c\0\0\0\3\1\1\3" + bytes(60)})),
    _case(
        "remote-link",
        compound({"Object/\x01Ole": clsid(_FILE_MONIKER) + b"http://host.invalid/"}),
        compound({"Object/\x01Ole": clsid(_FILE_MONIKER) + b"C:\\inert.xls"}),
    ),
    _case("remote-link", compound(classes={"": clsid("00000300-0000-0000-c000-000000000046")})),
    _case(
        "command",
        compound({"Object/\x01Ole10Native": packaged_command()}),
        compound({"Object/\x01Ole10Native": native()}),
    ),
    _case("remote-template", word_document("http://host.invalid/a.dotm"), word_document("C:\\Inert\\Normal.dotm")),
    _case("reminder-path", message("\\\\host.invalid\\inert.wav"), message("inert.wav")),
)

CASES: tuple[Case, ...] = _STRUCTURE + _CONTENT
