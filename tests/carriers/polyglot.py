"""Inert files that are two things at once, and their twins that are one."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib

from carriers.svg import svg
from lazaretto_validators.testing import Case

__all__ = [
    "BLOB",
    "CASES",
    "PDF",
    "PNG",
    "elf_header",
    "html_page",
    "iso_descriptor",
    "pe_header",
    "rar4_header",
    "rar5_header",
    "sevenzip_header",
    "tar_block",
    "zip_archive",
]


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


IEND = _chunk(b"IEND")
PNG = (
    b"\x89PNG\r\n\x1a\n"
    + _chunk(b"IHDR", struct.pack(">2L5B", 1, 1, 8, 0, 0, 0, 0))
    + _chunk(b"IDAT", zlib.compress(b"\0\0"))
    + IEND
)
"""A picture of one grey pixel: a format whose validator tells where it ends."""

BLOB = b"BPG\xfb" + bytes(range(128, 256)) * 4
"""A picture of a type that no validator judges: its end is not known."""

PDF = b"%PDF-1.4\n1 0 obj\n<< >>\nendobj\nxref\n0 1\ntrailer\n<< >>\nstartxref\n31\n%%EOF\n"


def zip_archive(name: str = "inert.txt", content: bytes = b"inert", comment: bytes = b"") -> bytes:
    """A ZIP with one member."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
        archive.comment = comment
    return buffer.getvalue()


def tar_block(head: bytes = b"inert.txt") -> bytes:
    """A tar header that begins with `head`, its checksum right."""
    block = bytearray(512)
    block[: len(head)] = head
    block[124:136] = b"00000000000\0"
    block[148:156] = b" " * 8
    block[257:263] = b"ustar\0"
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def iso_descriptor() -> bytes:
    """A primary volume descriptor with one block size in both byte orders."""
    sector = bytearray(2048)
    sector[:7] = b"\x01CD001\x01"
    sector[80:88] = struct.pack("<L", 25) + struct.pack(">L", 25)
    sector[128:132] = struct.pack("<H", 2048) + struct.pack(">H", 2048)
    return bytes(sector)


def sevenzip_header() -> bytes:
    """The header of an empty 7-Zip archive."""
    start = struct.pack("<QQL", 0, 0, 0)
    return b"7z\xbc\xaf\x27\x1c\0\x04" + struct.pack("<L", zlib.crc32(start)) + start


def rar5_header() -> bytes:
    """The marker and main header of a RAR 5 archive."""
    body = b"\x05\x01\x00\x00\x00\x00"
    return b"Rar!\x1a\x07\x01\0" + struct.pack("<L", zlib.crc32(body)) + body


def rar4_header() -> bytes:
    """The marker and archive header of a RAR 4 archive."""
    fields = b"\x73\0\0\x0d\0\0\0\0\0\0\0"
    return b"Rar!\x1a\x07\0" + struct.pack("<H", zlib.crc32(fields) & 0xFFFF) + fields


def pe_header() -> bytes:
    """A DOS stub and the first fields of a PE header: nothing that could be loaded."""
    return b"MZ".ljust(60, b"\0") + struct.pack("<L", 64) + b"PE\0\0" + struct.pack("<H18xH", 0x14C, 0x10B)


def elf_header() -> bytes:
    """An ELF header without program headers: nothing that could be loaded."""
    return b"\x7fELF\x02\x01\x01".ljust(16, b"\0") + struct.pack("<2HL3QL6H", 2, 62, 1, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0)


def html_page() -> bytes:
    """A page with nothing on it."""
    return b"<!DOCTYPE html>\n<html><body>inert</body></html>\n"


CASES: tuple[Case, ...] = (
    Case("concealed.appended", PNG + html_page(), PNG),
    Case("concealed.embedded", BLOB + sevenzip_header(), BLOB + sevenzip_header()[:-1] + b"\x01"),
    Case("concealed.zip", BLOB + zip_archive(), BLOB + zip_archive()[:-22]),
    Case("concealed.pdf", BLOB[:200] + PDF, BLOB[:200] + PDF.replace(b"%PDF-", b"%PPF-")),
    Case("concealed.tar", tar_block(BLOB[:64]), tar_block(BLOB[:64]).replace(b"ustar", b"usxar")),
    Case("concealed.dicom", BLOB[:128] + b"DICM\x02\0\0\0UL", BLOB[:128] + b"DICN\x02\0\0\0UL"),
    Case("concealed.iso", BLOB.ljust(32768, b"\0") + iso_descriptor(), BLOB.ljust(32768 + 2048, b"\0")),
    Case("concealed.script", svg() + bytes(range(32)) * 8, svg()),
    Case("concealed.tail", PNG + b"\xa5" * 5000, PNG + b"\0" * 5000),
    Case("concealed.short-tail", PNG + b"\xa5" * 50, PNG + b"\r\n"),
    Case("concealed.leftover", PNG + b"\xa5" * 5000 + _chunk(b"IDAT", b"\xa5" * 9) + IEND, PNG),
)
