"""The files that the demo's members post, made on the spot. None of them can do anything: the programs have no code,
the macro is empty, the bomb is zeros."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from lazaretto_validators.documents.ole2 import SMALLEST_OLE2

__all__ = ["LIMIT", "SAMPLES", "Sample"]

LIMIT = 2_000_000
"""The demo group's max_size, bytes."""

_DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_DOCM = "application/vnd.ms-word.document.macroEnabled.12"
_DOCX_MAIN = f"{_DOCX}.main+xml"
_DOCM_MAIN = "application/vnd.ms-word.document.macroEnabled.main+xml"


@dataclass(frozen=True, slots=True)
class Sample:
    """One post. `photo`: posted as a picture, without a name, instead of as a document."""

    by: str
    name: str
    mime: str
    data: bytes
    caption: str = ""
    photo: bool = False


def _png(width: int = 64, height: int = 48) -> bytes:
    """A small picture: a lighthouse's beam, more or less."""
    rows = b"".join(
        b"\0" + b"".join(bytes((40 + 3 * x, 60 + 2 * y, 160 if x > y else 90)) for x in range(width))
        for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    body = (struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _png_with_overlong_chunk() -> bytes:
    """The pixel chunk declares more bytes than there are: what a careless decoder reads past its buffer for."""
    data = bytearray(_png())
    at = data.index(b"IDAT") - 4
    data[at : at + 4] = struct.pack(">I", 0x00FF_FFFF)
    return bytes(data)


def _zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 5, 1, 12, 0, 0)), data, zipfile.ZIP_DEFLATED)
    return file.getvalue()


def _encrypted_zip() -> bytes:
    """A ZIP whose member has the encryption bit set in both of its headers, and noise for content."""
    data = bytearray(_zip({"salaries.txt": b"x" * 40}))
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(signature) + flags] |= 1
    return bytes(data)


def _program() -> bytes:
    """The headers of a Windows program with one empty section."""
    optional = bytearray(240)  # PE32+, PE/COFF "Optional Header": magic, alignments, sizes, subsystem, directories
    struct.pack_into("<HBB", optional, 0, 0x20B, 14, 0)
    struct.pack_into("<QII", optional, 24, 0x1_4000_0000, 0x1000, 0x200)
    struct.pack_into("<II", optional, 56, 0x2000, 0x200)
    struct.pack_into("<H", optional, 68, 3)
    struct.pack_into("<I", optional, 108, 16)
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 0x22)
    section = b".text\0\0\0" + struct.pack("<IIIIIIHHI", 0, 0x1000, 0x200, 0x200, 0, 0, 0, 0, 0x60000020)
    stub = b"MZ".ljust(60, b"\0") + struct.pack("<I", 64)
    return (stub + b"PE\0\0" + coff + optional + section).ljust(0x400, b"\0")


def _document(main_type: str, parts: dict[str, bytes] | None = None) -> bytes:
    """A Word document that says hello, with further parts if wanted."""
    macro = "".join(
        f'<Override PartName="/{name}" ContentType="application/vnd.ms-office.vbaProject"/>' for name in parts or {}
    )
    types = (
        '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/word/document.xml" ContentType="{main_type}"/>{macro}</Types>'
    )
    rels = (
        '<?xml version="1.0" encoding="UTF-8"?><Relationships '
        'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
        'Target="word/document.xml"/></Relationships>'
    )
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><w:document '
        'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>Hello.</w:t>'
        "</w:r></w:p></w:body></w:document>"
    )
    members = {"[Content_Types].xml": types, "_rels/.rels": rels, "word/document.xml": text}
    return _zip({**{name: data.encode() for name, data in members.items()}, **(parts or {})})


def _samples() -> tuple[Sample, ...]:
    program, picture = _program(), _png()
    macro = {"word/vbaProject.bin": SMALLEST_OLE2}
    nested = _zip({"more-photos.zip": _zip({"readme.txt": b"All of May.\n", "setup.exe": program})})
    return (
        Sample("Ann", "photo", "image/jpeg", picture, "The lighthouse this morning", photo=True),
        Sample("Boris", "minutes.txt", "text/plain", b"Present: everybody.\nNext meeting: Tuesday.\n"),
        Sample("Ann", "may.zip", "application/zip", _zip({"a.png": picture, "notes.txt": b"From the pier.\n"})),
        Sample("Chen", "report.docx", _DOCX, _document(_DOCX_MAIN)),
        Sample("Eve", "holiday.jpg", "image/jpeg", program, "Look who is on it!"),
        Sample("Eve", "photos.zip", "application/zip", nested),
        Sample("Eve", "42.zip", "application/zip", _zip({"zeros.bin": bytes(64_000_000)})),
        Sample("Eve", "invoice_\u202efdp.exe", "application/pdf", b"Please pay.\n"),
        Sample("Dora", "agenda.docx", _DOCX, _document(_DOCX_MAIN, macro), "The agenda for Tuesday"),
        Sample("Dora", "budget.docm", _DOCM, _document(_DOCM_MAIN, macro)),
        Sample("Eve", "cat.png", "image/png", _png_with_overlong_chunk()),
        Sample("Eve", "postcard.png", "image/png", picture + _zip({"setup.exe": program})),
        Sample("Chen", "salaries.zip", "application/zip", _encrypted_zip()),
        Sample("Boris", "regatta.bin", "application/octet-stream", bytes(LIMIT + 1)),
    )


SAMPLES = _samples()
