"""Containers that hold many kinds of file: which one is it? Part of `identify`.

Each function gets the source and its head (at least the container's signature is there) and answers with the name of
a media type, or None where the structure does not bear out what the signature promised. No function reads further
than the few KiB that it names, and none raises for any bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from lazaretto_validators.source import Source

__all__ = ["EBML_HEAD", "bytes_at", "ebml_kind", "iso_media_kind", "ogg_kind", "ole_kind", "riff_kind", "tiff_kind"]

EBML_HEAD = 512
"""How far into a Matroska file the document type may stand: the EBML header has some 40 bytes in practice."""


def bytes_at(source: Source, offset: int, count: int) -> bytes:
    """Up to `count` bytes at `offset` of the file."""
    return source.at(offset, count).peek(count)


# --- ISO base media files: ISO/IEC 14496-12 section 4.3, brands registered at mp4ra.org ---

_BRANDS: Mapping[bytes, str] = {
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/x-m4a",
    b"M4B ": "audio/x-m4a",
    b"M4P ": "audio/x-m4a",
    b"F4A ": "audio/x-m4a",
    b"M4V ": "video/x-m4v",
    b"M4VH": "video/x-m4v",
    b"M4VP": "video/x-m4v",
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"hevx": "image/heic",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"crx ": "image/x-canon-cr3",
    b"jp2 ": "image/jp2",
    b"jpx ": "image/jp2",
    b"jpm ": "image/jp2",
    b"mjp2": "image/jp2",
    b"jxl ": "image/jxl",
}
_IMAGE_BRANDS = frozenset({b"mif1", b"mif2", b"msf1", b"miaf", b"jpeg", b"jpgs"})
_MP4_BRANDS = frozenset(b"isom iso2 iso3 iso4 iso5 iso6 iso7 iso8 iso9 mp41 mp42 avc1 dash MSNV".split())
_OLD_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"pnot"})


def iso_media_kind(source: Source, head: bytes) -> str | None:
    """By the major brand of `ftyp`, for still pictures by the compatible ones, too."""
    size = int.from_bytes(head[:4], "big")
    if head[4:8] in (b"free", b"skip"):
        # Padding may come first; the type is then told by the `ftyp` that follows.
        following = bytes_at(source, size, 4096) if 8 <= size < 1 << 32 else b""
        return iso_media_kind(source, following) if following[4:8] == b"ftyp" else None
    if head[4:8] in _OLD_QUICKTIME:
        # Before ISO there was no ftyp: the first box must then be followed by another one that has a printable type.
        return "video/quicktime" if (head[4:8] == b"moov" and size >= 16) or _box_follows(source, size) else None
    if head[4:8] == b"meta":
        return "image/heif" if head[16:20] == b"hdlr" and head[24:32] == b"\0\0\0\0pict" else None
    major = head[8:12]
    lawful = 8 <= size <= 4096 and size % 4 == 0
    # A known brand tells the type whatever size is declared: the validator then tells that it is wrong.
    if head[4:8] != b"ftyp" or not (lawful or major in _BRANDS or major in _IMAGE_BRANDS or major in _MP4_BRANDS):
        return None
    compatible = [head[at : at + 4] for at in range(16, min(size, len(head)), 4)]
    if major in _IMAGE_BRANDS:
        kinds = [_BRANDS[brand] for brand in compatible if _BRANDS.get(brand, "").startswith("image/")]
        return kinds[0] if kinds else "image/heif"
    if major[:3] in (b"3gp", b"3gr", b"3ge", b"3gs", b"3gg"):
        return "video/3gpp"
    if major[:3] == b"3g2":
        return "video/3gpp2"
    return _BRANDS.get(major, "video/mp4")


def _box_follows(source: Source, size: int) -> bool:
    # "wide" and "pnot" are short; a movie that begins with its data says where the next box stands.
    return 8 <= size < 1 << 32 and bytes_at(source, size + 4, 4) in (
        b"moov",
        b"mdat",
        b"free",
        b"skip",
        b"wide",
        b"PICT",
    )


# --- RIFF: Microsoft multimedia specification; WebP: RFC 9649 ---

_RIFF: Mapping[bytes, str] = {
    b"WAVE": "audio/wav",
    b"AVI ": "video/x-msvideo",
    b"WEBP": "image/webp",
    b"ACON": "application/x-navi-animation",
    b"RMID": "audio/midi",
}


def riff_kind(source: Source, head: bytes) -> str | None:  # noqa: ARG001 - same shape as the others
    """By the form type. Only sound comes in the large and in the big-endian variants."""
    name = _RIFF.get(head[8:12])
    return name if head.startswith(b"RIFF") or name == "audio/wav" else None


# --- EBML: RFC 8794; DocType is element 0x4282 ---


def ebml_kind(source: Source, head: bytes) -> str | None:  # noqa: ARG001
    """By the document type in the EBML header."""
    at = head.find(b"\x42\x82", 4, EBML_HEAD)
    if at < 0:
        return "video/x-matroska"
    return "video/webm" if head[at + 3 : at + 7] == b"webm" else "video/x-matroska"


# --- Ogg: RFC 3533; the codec's name opens the first packet ---


def ogg_kind(source: Source, head: bytes) -> str | None:  # noqa: ARG001
    """By the codec of the first logical stream."""
    if len(head) < 28 or head[4]:  # stream structure version 0
        return None
    packet = head[27 + head[26] :]
    if packet.startswith((b"\x01vorbis", b"OpusHead", b"Speex   ", b"\x7fFLAC", b"fLaC", b"PCM     ")):
        return "audio/ogg"
    if packet.startswith((b"\x80theora", b"\x01video", b"BBCD", b"OVP80")):
        return "video/ogg"
    return "application/ogg"


# --- TIFF 6.0 and the raw formats that borrow it ---


_RAW_TAGS: Mapping[int, str] = {50706: "image/x-adobe-dng"}  # DNGVersion, DNG 1.7 section "Tags"
_RAW_MAKERS: Mapping[bytes, str] = {b"NIKON": "image/x-nikon-nef", b"SONY": "image/x-sony-arw"}
_MAKE, _SUB_IFDS = 271, 330


def tiff_kind(source: Source, head: bytes) -> str | None:
    """TIFF, BigTIFF, DNG, or a camera's raw format by maker and sub-pictures in the first directory."""
    order = "<" if head[:2] == b"II" else ">"
    magic = struct.unpack_from(f"{order}H", head.ljust(16, b"\0"), 2)[0]
    if magic == 43:
        return "image/tiff"
    if head[8:11] == b"CR\x02":
        return "image/x-canon-cr2"
    entries = _first_directory(source, head, order)
    for tag in entries:
        if tag in _RAW_TAGS:
            return _RAW_TAGS[tag]
    if _SUB_IFDS in entries and _MAKE in entries:
        count, offset = entries[_MAKE]
        maker = bytes_at(source, offset, min(count, 32)).upper()
        return next((kind for name, kind in _RAW_MAKERS.items() if maker.startswith(name)), "image/tiff")
    return "image/tiff"


def _first_directory(source: Source, head: bytes, order: str) -> dict[int, tuple[int, int]]:
    """Tag -> (count, value or offset). Only while the directory is near: the end of the file is left alone."""
    offset = struct.unpack_from(f"{order}L", head.ljust(8, b"\0"), 4)[0]
    if offset > 1 << 16:
        return {}
    data = bytes_at(source, offset, 2 + 12 * 256)
    if len(data) < 2:
        return {}
    count = min(struct.unpack_from(f"{order}H", data)[0], (len(data) - 2) // 12, 256)
    rows = (struct.unpack_from(f"{order}HHLL", data, 2 + 12 * n) for n in range(count))
    return {tag: (length, value) for tag, _, length, value in rows}


# --- OLE2 compound files: [MS-CFB] ---

_ROOT_CLASSES: Mapping[bytes, str] = {
    bytes.fromhex("84100c0000000000c000000000000046"): "application/x-msi",  # installer package
    bytes.fromhex("86100c0000000000c000000000000046"): "application/x-msi",  # patch
    bytes.fromhex("82100c0000000000c000000000000046"): "application/x-msi",  # transform
}
_STREAMS: tuple[tuple[str, str], ...] = (
    ("WordDocument", "application/msword"),
    ("Workbook", "application/vnd.ms-excel"),
    ("Book", "application/vnd.ms-excel"),
    ("PowerPoint Document", "application/vnd.ms-powerpoint"),
    ("__properties_version1.0", "application/vnd.ms-outlook"),
    ("VisioDocument", "application/vnd.visio"),
    ("HwpSummaryInformation", "application/x-hwp"),
    ("\x05HwpSummaryInformation", "application/x-hwp"),
)
_MAX_SECTORS = 64  # of the directory: 64 x 4 entries of 512-byte sectors; the telling streams come early
_FREE = 0xFFFFFFFA  # and above: end of chain and other marks, [MS-CFB] 2.1


def ole_kind(source: Source, head: bytes) -> str | None:
    """By the class of the root storage, else by the names of its streams."""
    if len(head) < 512:
        return "application/x-ole-storage"
    shift = struct.unpack_from("<H", head, 30)[0]
    if shift not in (9, 12):
        return "application/x-ole-storage"
    names: set[str] = set()
    for sector in _directory_sectors(source, head, shift):
        for at in range(0, len(sector) - 127, 128):
            length = min(struct.unpack_from("<H", sector, at + 64)[0], 64)
            name = sector[at : at + max(0, length - 2)].decode("utf-16-le", errors="replace")
            if sector[at + 66] == 5 and (kind := _ROOT_CLASSES.get(sector[at + 80 : at + 96])):
                return kind
            names.add(name)
    return next((kind for stream, kind in _STREAMS if stream in names), "application/x-ole-storage")


def _directory_sectors(source: Source, head: bytes, shift: int) -> list[bytes]:
    """The directory's sectors along its chain, as far as the first 109 allocation sectors tell."""
    size = 1 << shift
    number = struct.unpack_from("<L", head, 48)[0]
    table = struct.unpack_from("<109L", head, 76)
    sectors: list[bytes] = []
    for _ in range(_MAX_SECTORS):
        index = number // (size // 4)
        if number >= _FREE or index >= len(table):
            break
        data = bytes_at(source, (number + 1) << shift, size)
        if len(data) < 128:
            break
        sectors.append(data)
        link = (
            b""
            if table[index] >= _FREE
            else bytes_at(source, ((table[index] + 1) << shift) + number % (size // 4) * 4, 4)
        )
        number = int.from_bytes(link, "little") if len(link) == 4 else _FREE
    return sectors
