"""What is this file? By structure, not by a guess: unknown is a legitimate answer.

In this order, and no further than needed, since the file may still be arriving:
the signature table over the first 4 KiB; third parties' signatures; ZIP (which is read from its end); text; tar of the
oldest kind; and only for what is still unknown the marks that stand deep inside or at the end (ISO 9660, DMG, TGA, a
ZIP or PDF behind junk). A signature further inside than at the beginning gives way to ZIP and text.
"""

from __future__ import annotations

import struct

from lazaretto_validators.archives.zip_directory import find_ends
from lazaretto_validators.archives.zip_kinds import zip_kind
from lazaretto_validators.confirm import is_tar_header
from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.markup import looks_like_html, text_kind
from lazaretto_validators.media_types import MEDIA_TYPES, MediaType
from lazaretto_validators.programs.script_families import script_type
from lazaretto_validators.signatures import BY_FIRST_BYTE, HEAD
from lazaretto_validators.source import NotThisFormat, ShortRead, Source
from lazaretto_validators.text.encoding import HEAD_BYTES, decode_head

__all__ = ["identify"]

PDF_REACH = 1024
"""Readers accept the PDF header anywhere in the first KiB: ISO 32000-1, implementation note 13 of PDF 1.7."""

PDF_TAIL = 2048
"""Where readers look for `startxref`: the last KiB, and a second one for what mailers append."""

ISO_AT = 32769
"""Where an ISO 9660 volume descriptor has its identifier: sector 16, second byte. ECMA-119 section 8.1."""

_ISO_MARKS = (b"CD001", b"BEA01", b"CDROM")  # ISO 9660, UDF (ECMA-167), High Sierra
_TGA_FOOTER = b"TRUEVISION-XFILE.\0"  # TGA 2.0, last 18 bytes


def identify(source: Source, foreign: tuple[tuple[bytes, MediaType], ...] = ()) -> MediaType | None:
    """The type of the file, or None.

    foreign: literals at offset 0 and types that only third parties know; ours come first.
    Never raises for any bytes; `Aborted` and `BudgetSpent` pass through.
    """
    source = source.at(0)
    head = source.peek(HEAD)
    if not head:
        return MEDIA_TYPES["application/x-empty"]
    if name := _by_signature(source, head):
        return MEDIA_TYPES[name]
    for literal, media_type in sorted(foreign, key=lambda pair: -len(pair[0])):
        if head.startswith(literal):
            return media_type
    name = _zip(source, head) or _text(source) or _tar(head) or _deep_inside(source, head)
    return MEDIA_TYPES[name] if name else None


def _by_signature(source: Source, head: bytes) -> str | None:
    for signature in BY_FIRST_BYTE[head[0]]:
        if name := signature.judge(source, head):
            # A mark further inside is anybody's to write: what opens a file by its beginning goes before.
            return (signature.offset and (_zip(source, head) or _text(source))) or name
    return None


def _zip(source: Source, head: bytes) -> str | None:
    # PK 7 8 opens the first part of a split archive: APPNOTE 8.5.4.
    if not head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04")):
        return None
    return _zip_name(source)


def _zip_name(source: Source) -> str:
    try:
        name = zip_kind(source.at(0))
    except (ShortRead, NotThisFormat):
        name = "application/zip"
    return name if name in MEDIA_TYPES else "application/zip"


def _tar(head: bytes) -> str | None:
    # Archives older than POSIX have no magic, only the checksum; where that is wrong, magic and version still tell.
    is_tar = is_tar_header(head[:512]) or head[257:265] in (b"ustar\x0000", b"ustar  \0")
    return "application/x-tar" if is_tar else None


def _text(source: Source) -> str | None:
    head = source.peek(HEAD_BYTES)
    text = decode_head(head)
    if text is None:
        return _drawn_or_browsed(head)
    if name := script_type(text):
        return name if name in MEDIA_TYPES else "text/x-script"
    kind = text_kind(text)
    return "application/pdf" if kind == "text/plain" and _is_pdf(source, head) else kind


def _drawn_or_browsed(head: bytes) -> str | None:
    """A page or a drawing although binary data follow: a browser shows what stands in front of them."""
    if looks_like_html(head):
        return "text/html"
    drawing = "image/svg+xml"
    begin = decode_head(head.partition(b"\0")[0])
    return drawing if begin is not None and text_kind(begin) == drawing else None


def _is_pdf(source: Source, head: bytes) -> bool:
    """A PDF behind leading junk, of which nothing is a type of its own; its trailer must be there, too."""
    if b"%PDF-" not in head[:PDF_REACH]:
        return False
    return b"startxref" in bytes_at(source, max(0, source.size - PDF_TAIL), PDF_TAIL)


def _deep_inside(source: Source, head: bytes) -> str | None:
    """Types whose mark stands far inside or at the end: this waits for the whole file."""
    if _is_pdf(source, head):
        return "application/pdf"
    sectors = bytes_at(source, ISO_AT, 2 * 2048 + 5)  # systems pass over one that is none: threats ARC-18
    if any(sectors[at : at + 5] in _ISO_MARKS for at in range(0, len(sectors), 2048)):
        return "application/x-iso9660-image"
    size = source.size
    if size >= 512:
        trailer = bytes_at(source, size - 512, 512)
        if trailer.startswith(b"koly\0\0\0\x04"):
            return "application/x-apple-diskimage"
        if trailer.startswith(b"conectix"):
            return "application/x-vhd"
    if _is_tga(source, head, size):
        return "image/x-tga"
    return _zip_name(source) if any(True for _ in find_ends(source)) else None


def _is_tga(source: Source, head: bytes, size: int) -> bool:
    """A footer, or (TGA 1.0 has none) a header that makes sense in every field and enough bytes for the pixels."""
    if size < 18 + 1:
        return False
    if bytes_at(source, max(0, size - 18), 18) == _TGA_FOOTER:
        return True
    id_length, has_map, kind, _, map_length, map_bits, _, _, width, height, bits, flags = struct.unpack_from(
        "<3B2HB4H2B", head
    )
    if kind not in (1, 2, 3, 9, 10, 11) or has_map > 1 or bits not in (8, 15, 16, 24, 32) or flags & 0xC0:
        return False
    if not (0 < width <= 16384 and 0 < height <= 16384) or (has_map == 0 and (map_length or kind in (1, 9))):
        return False
    if has_map and map_bits not in (15, 16, 24, 32):
        return False
    pixels = width * height * ((bits + 7) // 8)
    least = pixels if kind < 8 else height  # run-length coded: a line has one packet at least
    return bool(size >= 18 + id_length + map_length * ((map_bits + 7) // 8) + least)
