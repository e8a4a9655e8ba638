"""Inert JPEG pictures, built byte by byte: a valid default of one grey block, and one deviation for each rule."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from lazaretto_validators.testing import Case

__all__ = [
    "APP",
    "CASES",
    "COM",
    "EOI",
    "METADATA",
    "SOI",
    "TABLES",
    "as_script",
    "block",
    "dht",
    "dqt",
    "entropy",
    "exif",
    "icc",
    "ifd",
    "jpeg",
    "mpf",
    "progressive",
    "scan",
    "segment",
    "sof",
    "sos",
    "xmp",
]

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
COM, DHT, DAC, DQT, DNL, DRI, SOS = 0xFE, 0xC4, 0xCC, 0xDB, 0xDC, 0xDD, 0xDA
APP = 0xE0

GREY = ((1, 0x11, 0),)
COLOUR = ((1, 0x11, 0), (2, 0x11, 0), (3, 0x11, 0))


def segment(marker: int, body: bytes = b"", *, length: int | None = None) -> bytes:
    """A segment, with its own length unless another is given."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2 if length is None else length) + body


def dqt(number: int = 0, steps: bytes = b"\x01" * 64) -> bytes:
    """A quantization table of 64 steps."""
    return segment(DQT, bytes([number]) + steps)


def dht(kind: int = 0, number: int = 0, counts: Sequence[int] = (1,), symbols: bytes = b"\0") -> bytes:
    """A Huffman table; by default the code 0 for the symbol 0: no difference, or the end of a block."""
    return segment(DHT, bytes([kind << 4 | number]) + bytes(counts).ljust(16, b"\0") + symbols)


TABLES = dqt() + dht(0) + dht(1)


def sof(
    width: int = 8,
    height: int = 8,
    components: Sequence[tuple[int, int, int]] = GREY,
    *,
    marker: int = 0xC0,
    precision: int = 8,
) -> bytes:
    """A frame header; by default of a single grey block."""
    rows = b"".join(bytes(component) for component in components)
    return segment(marker, struct.pack(">BHHB", precision, height, width, len(components)) + rows)


def sos(numbers: Sequence[int] = (1,), band: tuple[int, int, int] = (0, 63, 0), tables: int = 0) -> bytes:
    """A scan header of these components."""
    rows = b"".join(bytes([number, tables]) for number in numbers)
    return segment(SOS, bytes([len(numbers)]) + rows + bytes(band))


def entropy(blocks: int = 1, bits: int = 2) -> bytes:
    """Pixel data: every block takes so many bits, all zero; the rest of the last byte is filled up with ones."""
    whole, rest = divmod(blocks * bits, 8)
    return bytes(whole) + (bytes([0xFF >> rest]) if rest else b"")


def scan(blocks: int = 1, numbers: Sequence[int] = (1,)) -> bytes:
    """A scan header and its pixel data."""
    return sos(numbers) + entropy(blocks)


def jpeg(
    before: bytes = b"",
    *,
    tables: bytes = TABLES,
    frame: bytes | None = None,
    pixels: bytes | None = None,
    after: bytes = b"",
) -> bytes:
    """A picture; `before` are segments behind SOI, `after` is what follows EOI."""
    return b"".join(
        (SOI, before, tables, sof() if frame is None else frame, scan() if pixels is None else pixels, EOI, after)
    )


def progressive(pixels: bytes) -> bytes:
    """A progressive picture of one grey block with these scans."""
    return jpeg(frame=sof(marker=0xC2), pixels=pixels)


def block(first: int, last: int, bits: int = 0) -> bytes:
    """A scan of one band of a progressive picture's only block, which brings nothing; bits: Ah and Al."""
    return sos(band=(first, last, bits)) + entropy(1, 1)


def ifd(entries: Sequence[tuple[int, int, int, int]], following: int = 0) -> bytes:
    """A directory, big-endian: tag, type, count and value of each entry."""
    rows = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    return struct.pack(">H", len(entries)) + rows + struct.pack(">I", following)


def exif(directory: bytes, rest: bytes = b"", *, first: int = 8) -> bytes:
    """An Exif segment whose first directory begins at byte 8 of the block."""
    return segment(APP + 1, b"Exif\0\0MM\0*" + struct.pack(">I", first) + directory + rest)


def icc(size: int | None = None, *, tag_size: int = 4, piece: tuple[int, int] = (1, 1), profile: int = 148) -> bytes:
    """A colour profile with one tag of four bytes."""
    data = bytearray(148)
    data[36:40] = b"acsp"
    struct.pack_into(">I", data, 0, len(data) if size is None else size)
    struct.pack_into(">I4sII", data, 128, 1, b"desc", 144, tag_size)
    return segment(APP + 2, b"ICC_PROFILE\0" + bytes(piece) + data[:profile])


def xmp(packet: bytes) -> bytes:
    """An XMP packet."""
    return segment(APP + 1, b"http://ns.adobe.com/xap/1.0/\0" + packet)


def extended_xmp(packet: bytes, total: int, offset: int) -> bytes:
    """A piece of an extended XMP packet."""
    head = b"http://ns.adobe.com/xmp/extension/\0" + b"0123456789ABCDEF" * 2
    return segment(APP + 1, head + struct.pack(">II", total, offset) + packet)


def mpf(places: Sequence[tuple[int, int]]) -> bytes:
    """An index of pictures: length and place of each, counted from the index's own header."""
    rows = b"".join(struct.pack(">IIIHH", 0, length, offset, 0, 0) for length, offset in places)
    entries = [(0xB000, 7, 4, 0x30313030), (0xB001, 4, 1, len(places)), (0xB002, 7, len(rows), 8 + 2 + 36 + 4)]
    return segment(APP + 2, b"MPF\0MM\0*\0\0\0\x08" + ifd(entries) + rows)


def resource(data: bytes, size: int | None = None, kind: int = 0x0404) -> bytes:
    """A Photoshop segment with one resource block."""
    body = b"8BIM" + struct.pack(">HxxI", kind, len(data) if size is None else size) + data
    return segment(APP + 13, b"Photoshop 3.0\0" + body)


def resource_in_two(cut: int, *, whole: bool = True) -> bytes:
    """Two Photoshop blocks that are cut apart somewhere: the rest stands in a second segment, or nowhere."""
    name = b"Photoshop 3.0\0"
    body = resource(bytes(40))[4 + len(name) :] * 2
    return segment(APP + 13, name + body[:cut]) + (segment(APP + 13, name + body[cut:]) if whole else b"")


def photoshop_thumbnail(picture: bytes, *, lacking: int = 0) -> bytes:
    """A Photoshop block with a small picture; lacking: bytes that it declares and does not have."""
    data = struct.pack(">6IHH", 1, 1, 1, 4, 4, len(picture), 24, 1) + picture
    return resource(data, len(data) + lacking, kind=0x040C)


def resources(*parts: bytes) -> bytes:
    """Photoshop's resources, in as many segments as there are parts."""
    return b"".join(segment(APP + 13, b"Photoshop 3.0\0" + part) for part in parts)


def thumbnail(picture: bytes, *, kind: int = 1, size: int | None = None) -> bytes:
    """Photoshop's thumbnail, in a resource of its own. kind: 0 of raw pixels."""
    length = len(picture) if size is None else size
    content = struct.pack(">6IHH", kind, 8, 8, 8, 8, length, 24, 1) + picture
    return b"8BIM" + struct.pack(">HxxI", 0x040C, len(content)) + content + bytes(len(content) % 2)


def with_second(gap: bytes = b"", *, at: int | None = None, length: int | None = None) -> bytes:
    """Two pictures, the second one named by the index of the first."""
    origin = len(SOI) + 8  # marker, length, "MPF\0"
    first = len(jpeg(mpf([(0, 0), (0, 0)])))
    place = first + len(gap) - origin if at is None else at
    index = mpf([(first, 0), (len(jpeg()) if length is None else length, place)])
    return jpeg(index, after=gap + jpeg())


def as_script(opening: bytes, body: bytes, behind: bytes = b"*/") -> bytes:
    """A picture whose first segment has a length that reads as `opening`; a second comment has `behind` in it."""
    length = int.from_bytes(opening, "big")
    return jpeg(segment(COM, body.ljust(length - 2)) + segment(COM, behind))


def _case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"jpeg.{rule}", broken, jpeg() if repaired is None else repaired)


def _restarts(*marks: int) -> bytes:
    """Three blocks side by side, a restart mark between each."""
    data = entropy() + b"".join(bytes([0xFF, 0xD0 + mark]) + entropy() for mark in marks)
    return jpeg(segment(DRI, b"\0\1"), frame=sof(24), pixels=sos() + data)


def _many_scans(count: int) -> bytes:
    """DC, then every coefficient by itself, then a second bit of each."""
    scans = [block(0, 0)]
    scans += [block(n, n, 0x01) for n in range(1, 64)]
    scans += [block(n, n, 0x10) for n in range(1, 64)]
    return progressive(b"".join(scans[:count]))


_COMMENT = segment(COM, b"inert")
_RATIONAL = (0x011A, 5, 1, 26)
_PAGE = b"<!DOCTYPE html><html><body>inert</body></html>"
_PACKET = b'<?xpacket begin=""?><!DOCTYPE x []><x:xmpmeta xmlns:x="adobe:ns:meta/"/><?xpacket end="w"?>'
_JFIF = segment(APP, b"JFIF\0\1\2\0\0\1\0\1\0\0")
_ADOBE = segment(APP + 14, b"Adobe\0\x64\0\0\0\0\0")
_DEEP = 8 + 2 + 12 + 4
_LONG = [0] * 14
_PRIVATE = segment(APP + 15, bytes(65_533))
_WIDE = tuple((number, 0x22, 0) for number in (1, 2, 3))

_MARKERS = (
    _case("segment-length", jpeg(segment(COM, length=1)), jpeg(segment(COM))),
    _case("junk", jpeg(_COMMENT + b"\1"), jpeg(_COMMENT)),
    _case("unknown-marker", jpeg(segment(0x02, b"inert")), jpeg(_COMMENT)),
    _case("stray-marker", jpeg(_COMMENT + SOI), jpeg(_COMMENT)),
    _case("no-end", jpeg()[:-2]),
    _case("truncated", jpeg(_COMMENT)[:8], jpeg(_COMMENT)),
)

_FRAME = (
    _case("frame-length", jpeg(frame=segment(0xC0, b"\x08\0\x08\0\x08\x03\x01\x11\0"))),
    _case("frame-components", jpeg(frame=sof(components=((1, 0x01, 0),)))),
    _case("frame-unusual", jpeg(frame=sof(components=COLOUR[:2]), pixels=scan(2, (1, 2)))),
    _case("frame-precision", jpeg(frame=sof(precision=7))),
    _case("frame-size", jpeg(frame=sof(width=0))),
    _case("late-height", jpeg(frame=sof(height=0), pixels=scan() + segment(DNL, b"\0\x08"))),
    _case("hierarchical", jpeg(frame=sof(marker=0xC5))),
    _case("arithmetic", jpeg(frame=sof(marker=0xC9))),
    _case("second-frame", jpeg(frame=sof() + sof())),
    _case("no-frame", jpeg(frame=b"")),
    _case("pixel-bomb", jpeg(frame=sof(40_000, 40_000))),
)

_TABLES = (
    _case("quantization-length", jpeg(dqt(steps=b"\x01" * 65)), jpeg(dqt())),
    _case("quantization-table", jpeg(dqt(4)), jpeg(dqt(3))),
    _case("quantization-zero", jpeg(dqt(steps=bytes(64))), jpeg(dqt())),
    _case("huffman-overflow", jpeg(dht(1, 1, [*_LONG, 255, 2], bytes(257))), jpeg(dht(1, 1, [*_LONG, 0, 3], b"abc"))),
    _case("huffman-code", jpeg(dht(1, 1, [3], b"abc")), jpeg(dht(1, 1, [0, 3], b"abc"))),
    _case("huffman-all-ones", jpeg(dht(1, 1, [2], b"ab")), jpeg(dht(1, 1, [1, 1], b"ab"))),
    _case("huffman-table", jpeg(dht(2)), jpeg(dht(1))),
    _case("huffman-symbol", jpeg(dht(0, 1, [1], b"\x11")), jpeg(dht(0, 1, [1], b"\x0b"))),
    _case("conditioning", jpeg(segment(DAC, b"\x20\0")), jpeg(segment(DAC, b"\0\x10"))),
    _case("restart-length", jpeg(segment(DRI, b"\0\1\0")), jpeg(segment(DRI, b"\0\1"))),
    _case("table-missing", jpeg(pixels=sos(tables=0x01) + entropy())),
    _case("default-tables", jpeg(tables=dqt())),
)

_SCANS = (
    _case("scan-length", jpeg(pixels=segment(SOS, b"\x01\x01\0\0\x3f\0\0") + entropy())),
    _case("scan-components", jpeg(pixels=scan(1, (9,)))),
    _case(
        "scan-units",
        jpeg(frame=sof(16, 16, _WIDE), pixels=scan(12, (1, 2, 3))),
        jpeg(frame=sof(8, 8, COLOUR), pixels=scan(3, (1, 2, 3))),
    ),
    _case("scan-order", jpeg(pixels=scan() + scan())),
    _case("scan-fields", jpeg(pixels=sos(band=(0, 62, 0)) + entropy())),
    _case("scan-bomb", _many_scans(101), _many_scans(100)),
    _case("no-scan", jpeg(pixels=b"")),
    _case("entropy-short", jpeg(frame=sof(80, 80)), jpeg(frame=sof(80, 80), pixels=scan(100))),
    _case("entropy-long", jpeg(pixels=scan() + bytes(2000))),
    _case("restart-order", _restarts(0, 2), _restarts(0, 1)),
    _case("restart-count", _restarts(0), _restarts(0, 1)),
)

METADATA = (
    _case("jfif-thumbnail", jpeg(_JFIF[:-2] + b"\1\1"), jpeg(_JFIF)),
    _case("duplicate-metadata", jpeg(_JFIF * 2), jpeg(_JFIF)),
    _case("adobe-length", jpeg(segment(APP + 14, b"Adobe\0\x64")), jpeg(_ADOBE)),
    _case("exif-header", jpeg(exif(ifd([]), first=4)), jpeg(exif(ifd([])))),
    _case("exif-directory", jpeg(exif(ifd([(0x8769, 4, 1, 999)]))), jpeg(exif(ifd([(0x8769, 4, 1, _DEEP)]), ifd([])))),
    _case("exif-loop", jpeg(exif(ifd([(0x8769, 4, 1, 8)]))), jpeg(exif(ifd([(0x8769, 4, 1, _DEEP)]), ifd([])))),
    _case("exif-value", jpeg(exif(ifd([_RATIONAL]), bytes(7))), jpeg(exif(ifd([_RATIONAL]), bytes(8)))),
    _case("icc-chunks", jpeg(icc(piece=(2, 1))), jpeg(icc())),
    _case("icc-profile", jpeg(icc(tag_size=5)), jpeg(icc())),
    _case("icc-profile", jpeg(icc(144)), jpeg(icc())),
    _case("icc-profile", jpeg(icc(profile=140)), jpeg(icc())),
    _case("exif-loop", jpeg(exif(ifd([])) + exif(ifd([(0x8769, 7, 4, 8)]))), jpeg(exif(ifd([])))),
    _case("icc-short", jpeg(icc(profile=7)), jpeg(icc())),
    _case("xmp-dtd", jpeg(xmp(_PACKET)), jpeg(xmp(_PACKET.replace(b"<!DOCTYPE x []>", b"")))),
    _case("xmp-extension", jpeg(extended_xmp(b"inert", 6, 0)), jpeg(extended_xmp(b"inert", 5, 0))),
    _case("mpf-index", with_second(length=9999), with_second()),
    _case("photoshop-resource", jpeg(resource(b"inert!", size=8)), jpeg(resource(b"inert!"))),
    _case("photoshop-resource", jpeg(resource(b"inert!", size=4)), jpeg(resource(b"inert!"))),
    *(
        _case("photoshop-resource", jpeg(resource_in_two(cut, whole=False)), jpeg(resource_in_two(cut)))
        for cut in (30, 56, 75)
    ),
    _case("photoshop-resource", jpeg(photoshop_thumbnail(jpeg(), lacking=9)), jpeg(photoshop_thumbnail(jpeg()))),
    _case("code-in-metadata", jpeg(segment(COM, b"inert <?php /* inert */ ?>")), jpeg(_COMMENT)),
    _case("parasite", jpeg(segment(COM, _PAGE)), jpeg(_COMMENT)),
    _case("script", as_script(b"/*", b"*/=1;/*"), as_script(b"\x0e*", b"*/=1;/*")),
    _case("oversized-metadata", jpeg(_PRIVATE * 17), jpeg(_PRIVATE * 16)),
)

_BLOCK = b"8BIM\4\4\5inert\0\0\0\6inert!"  # with a name
_SMALL = thumbnail(jpeg())

_PHOTOSHOP = (
    _case("photoshop-resource", jpeg(resources(b"inert, no block")), jpeg(resources(_BLOCK + bytes(20)))),
    _case(
        "photoshop-resource", jpeg(resources(_BLOCK, b"inert, no block")), jpeg(resources(_BLOCK, b"PHUT" + _BLOCK[4:]))
    ),
    _case("photoshop-resource", jpeg(resources(_BLOCK[:-3])), jpeg(resources(_BLOCK[:-3], _BLOCK[-3:]))),
    _case(
        "photoshop-resource",
        jpeg(resources(_BLOCK + _BLOCK[:10], b"inert" * 9)),
        jpeg(resources(_BLOCK[:10], _BLOCK[10:])),
    ),
    _case(
        "photoshop-resource",
        jpeg(resources(_BLOCK + _BLOCK[:14], b"?")),
        jpeg(resources(_BLOCK[:14], _BLOCK[14:] + _BLOCK)),
    ),
    _case("photoshop-resource", jpeg(resources(_SMALL[:-9])), jpeg(resources(_SMALL))),
    _case("photoshop-resource", jpeg(resources(_SMALL[:20])), jpeg(resources(_SMALL[:60], _SMALL[60:]))),
    _case(
        "photoshop-resource",
        jpeg(resources(thumbnail(b"raw", kind=0)[:-2])),
        jpeg(resources(thumbnail(b"raw", kind=0))),
    ),
    _case(
        "photoshop-resource", jpeg(resources(_SMALL[:10], b"inert")), jpeg(resources(_BLOCK + _SMALL[:10], _SMALL[10:]))
    ),
)

CASES: tuple[Case, ...] = _MARKERS + _FRAME + _TABLES + _SCANS + METADATA + _PHOTOSHOP
