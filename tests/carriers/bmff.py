"""Inert ISO base media files, built box by box: a valid movie and a valid picture, and one deviation for each rule."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from lazaretto_validators.bmff.bmff_example import box, full
from lazaretto_validators.testing import Case

__all__ = [
    "CASES", "Item", "box", "colour_profile", "data_reference", "esds", "fragment", "full", "id3", "infe", "movie",
    "numbers", "picture", "sound", "visual",
]  # fmt: skip


def numbers(*values: int) -> bytes:
    """Numbers of 32 bits."""
    return b"".join(value.to_bytes(4, "big") for value in values)


def file_type(*brands: bytes) -> bytes:
    """The type of the file."""
    return box(b"ftyp", brands[0], numbers(0), *brands)


# --- movies ---


def sound(kind: bytes = b"twos", *boxes: bytes, reference: int = 1) -> bytes:
    """A description of sound: one channel of 16 bits."""
    return box(
        kind, bytes(6), struct.pack(">H", reference), bytes(8), b"\0\1\0\x10", bytes(4), numbers(8000 << 16), *boxes
    )


def visual(kind: bytes = b"mp4v", *boxes: bytes, size: tuple[int, int] = (64, 64)) -> bytes:
    """A description of pictures."""
    fields = struct.pack(">16xHHII4xH32xHh", *size, 72 << 16, 72 << 16, 1, 24, -1)
    return box(kind, bytes(6), b"\0\1", fields, *boxes)


def descriptions(*entries: bytes) -> bytes:
    """The box of all descriptions."""
    return full(b"stsd", numbers(len(entries)), *entries)


def data_reference(*entries: bytes) -> bytes:
    """Where the media lie: by default in the file itself."""
    return full(b"dref", numbers(len(entries) or 1), *(entries or (full(b"url ", flags=1),)))


def esds(specific: bytes = b"\x12\x10", *, too_long: int = 0) -> bytes:
    """AAC's parameters; the length of the innermost is `too_long` too much."""
    inner = b"\5" + bytes([len(specific) + too_long]) + specific
    decoder = b"\4" + bytes([13 + len(inner)]) + b"\x40\x15" + bytes(11) + inner
    return full(b"esds", b"\3" + bytes([3 + len(decoder) + 3]), b"\0\1\0", decoder, b"\6\1\2")


def movie(
    *,
    brand: bytes = b"isom",
    tables: Mapping[bytes, bytes] | None = None,
    references: bytes | None = None,
    entries: Sequence[bytes] = (),
    handler: bytes = b"soun",
    in_stbl: bytes = b"",
    in_minf: bytes = b"",
    in_moov: bytes = b"",
    front: bytes = b"",
    behind: bytes = b"",
    data: bytes = b"\0\0",
    time_scale: int = 1000,
) -> bytes:
    """One track of one sample. tables: boxes of `stbl` in place of the usual ones; without a brand, without `ftyp`."""
    header = numbers(0, 0)

    def built(offset: int) -> bytes:
        usual = {
            b"stsd": descriptions(*(entries or (sound() if handler == b"soun" else visual(),))),
            b"stts": full(b"stts", numbers(1, 1, 1)),
            b"stsc": full(b"stsc", numbers(1, 1, 1, 1)),
            b"stsz": full(b"stsz", numbers(len(data), 1)),
            b"stco": full(b"stco", numbers(1, offset)),
        }
        samples = box(b"stbl", *(usual | dict(tables or {})).values(), in_stbl)
        where = box(b"dinf", references or data_reference())
        media = box(
            b"mdia",
            full(b"mdhd", header, numbers(time_scale, 1), b"\x55\xc4\0\0"),
            full(b"hdlr", bytes(4), handler, bytes(13)),
            box(b"minf", full(b"smhd", bytes(4)), where, samples, in_minf),
        )
        track = box(b"trak", full(b"tkhd", numbers(0, 0, 1, 0, 1), bytes(60), flags=1), media)
        moov = box(b"moov", full(b"mvhd", header, numbers(1000, 1), bytes(76), numbers(2)), track, in_moov)
        return (file_type(brand, brand) if brand else b"") + front + moov

    return built(len(built(0)) + 8) + box(b"mdat", data) + behind


def user_data(*boxes: bytes) -> bytes:
    """Descriptions in user data."""
    return box(b"udta", *boxes)


RUNS = full(b"tfhd", numbers(1))


def fragment(
    *,
    offset: int | None = None,
    size: int = 2,
    auxiliary: bytes = b"",
    header: bytes = RUNS,
    run: bytes | None = None,
    beside: bytes = b"",
) -> bytes:
    """A movie that comes in fragments: one of one sample. auxiliary, beside: boxes behind the run, behind its track."""
    moov = box(
        b"moov",
        full(b"mvhd", numbers(0, 0, 1000, 1), bytes(76), numbers(2)),
        box(b"mvex", full(b"trex", numbers(1, 1, 0, 0, 0))),
    )

    def moof(at: int) -> bytes:
        usual = full(b"trun", numbers(1, at, size), flags=0x201)
        track = box(b"traf", header, usual if run is None else run, auxiliary)
        return box(b"moof", full(b"mfhd", numbers(1)), track, beside)

    inside = len(moof(0)) + 8
    return file_type(b"iso5", b"iso5") + moov + moof(inside if offset is None else offset) + box(b"mdat", bytes(2))


# --- metadata ---


def id3(frame_size: int = 1) -> bytes:
    """An ID3 tag with one frame of one byte, in a `meta` box."""
    frame = b"TIT2" + numbers(frame_size) + b"\0\0" + b"\0"
    tag = full(b"ID32", b"\x15\xc7", b"ID3\4\0\0", numbers(len(frame)), frame)
    return full(b"meta", full(b"hdlr", bytes(4), b"ID32", bytes(13)), tag)


XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")


def xmp(text: bytes) -> bytes:
    """An XMP description."""
    return box(b"uuid", XMP, text)


def colour_profile(*, size: int | None = None) -> bytes:
    """A profile of one tag."""
    profile = bytearray(148)
    profile[36:40] = b"acsp"
    struct.pack_into(">I", profile, 0, len(profile) if size is None else size)
    struct.pack_into(">I4sII", profile, 128, 1, b"desc", 144, 4)
    return box(b"colr", b"prof", bytes(profile))


# --- pictures ---

Item = tuple[int, bytes, bytes, Sequence[int]]
"""Number, type, data, and the numbers of its properties, counted from 1."""

UNIT = b"\x12\0"  # AV1: a temporal delimiter, without content
SIZE = full(b"ispe", numbers(8, 8))
CONFIG = box(b"av1C", b"\x81\0\0\0")
PROPERTIES = (SIZE, CONFIG)
ONE: Item = (1, b"av01", UNIT, (1, 2))


def infe(number: int, kind: bytes, content: bytes = b"") -> bytes:
    """An item's entry."""
    return full(b"infe", struct.pack(">HH", number, 0), kind, b"\0", content, version=2)


def location(number: int, *extents: tuple[int, int]) -> bytes:
    """An item's places in the file."""
    places = b"".join(numbers(*extent) for extent in extents)
    return struct.pack(">HHH", number, 0, len(extents)) + places


def picture(
    *items: Item,
    brand: bytes = b"avif",
    compatible: Sequence[bytes] = (b"mif1", b"miaf"),
    properties: Sequence[bytes] = PROPERTIES,
    boxes: Mapping[bytes, bytes] | None = None,
    locations: Sequence[bytes] | None = None,
    behind: bytes = b"",
) -> bytes:
    """A picture of items whose data lie in `mdat`. boxes: in place of the usual ones of `meta`, or in addition."""
    items = items or (ONE,)
    owners = b"".join(
        struct.pack(">HB", number, len(having)) + bytes(having) for number, _, _, having in items if having
    )
    count = sum(bool(having) for *_, having in items)

    def built(offset: int) -> bytes:
        places = []
        for number, _, data, _ in items:
            places.append(location(number, (offset, len(data))))
            offset += len(data)
        usual = {
            b"hdlr": full(b"hdlr", bytes(4), b"pict", bytes(13)),
            b"pitm": full(b"pitm", b"\0\1"),
            b"iloc": full(b"iloc", b"\x44\0", struct.pack(">H", len(items)), *(locations or places)),
            b"iinf": full(
                b"iinf",
                struct.pack(">H", len(items)),
                *(
                    infe(number, kind, b"application/rdf+xml\0" if kind == b"mime" else b"")
                    for number, kind, _, _ in items
                ),
            ),
            b"iprp": box(b"iprp", box(b"ipco", *properties), full(b"ipma", numbers(count), owners)),
        }
        meta = full(b"meta", *(usual | dict(boxes or {})).values())
        return (file_type(brand, brand, *compatible) if brand else b"") + meta

    return built(len(built(0)) + 8) + box(b"mdat", *(data for _, _, data, _ in items)) + behind


def references(*lists: tuple[bytes, int, Sequence[int]]) -> bytes:
    """References: type, from, to."""
    return full(
        b"iref",
        *(box(kind, struct.pack(f">HH{len(to)}H", source, len(to), *to)) for kind, source, to in lists),
    )


def grid(rows: int, columns: int, width: int, height: int) -> bytes:
    """The data of a grid."""
    return struct.pack(">BBBBHH", 0, 0, rows - 1, columns - 1, width, height)


def mosaic(*, rows: int = 1, columns: int = 2, width: int = 16) -> bytes:
    """A picture of two tiles."""
    items: tuple[Item, ...] = (
        (1, b"grid", grid(rows, columns, width, 8), (1,)),
        (2, b"av01", UNIT, (1, 2)),
        (3, b"av01", UNIT, (1, 2)),
    )
    return picture(*items, boxes={b"iref": references((b"dimg", 1, (2, 3)))})


def mask(size: int) -> bytes:
    """A mask of 8 by 8 pixels of a byte each, with data of so many bytes."""
    return picture(
        ONE,
        (2, b"mski", bytes(size), (1, 3)),
        properties=(*PROPERTIES, full(b"mskC", b"\x08")),
        boxes={b"iref": references((b"auxl", 2, (1,)))},
    )


def uncompressed(size: int, *, version: int = 0, count: int = 3, sampling: int = 0) -> bytes:
    """Three components of 8 bits, 8 by 8 pixels."""
    components = b"".join(struct.pack(">HBBB", index, 7, 0, 0) for index in range(3))
    rest = (bytes([sampling]) + bytes(4), bytes(12), numbers(0, 0))
    config = full(b"uncC", numbers(0, count), components, *rest, version=version)
    return picture((1, b"unci", bytes(size), (1, 2)), properties=(SIZE, config))


def turned(*order: int) -> bytes:
    """A picture with a turn (3) and a mirror (4) in this order among size (1) and parameters (2)."""
    properties = (*PROPERTIES, box(b"irot", b"\1"), box(b"imir", b"\0"))
    return picture((1, b"av01", UNIT, order), properties=properties)


NUMBERS_OF_COLOUR = box(b"colr", b"nclx", b"\0\1\0\x0d\0\6\x80")


def _case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"bmff.{rule}", broken, movie() if repaired is None else repaired)


def _picture_case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"bmff.{rule}", broken, picture() if repaired is None else repaired)


def _in_user_data(*content: bytes) -> bytes:
    return movie(in_moov=user_data(*content))


def _nested(depth: int) -> bytes:
    whole = b""
    for _ in range(depth):
        whole = box(b"strk", whole)
    return whole


def _cookie(channels: int) -> bytes:
    return full(b"alac", struct.pack(">IBBBBBBHIII", 4096, 0, 16, 40, 10, 14, channels, 255, 0, 0, 8000))


def _parameter_sets(length: int) -> bytes:
    return box(b"avcC", b"\1\x42\0\x0a\xff\xe1", struct.pack(">H", length), b"\x67\x42\1\0\2\x68\xce")


_TITLE = full(b"titl", b"\x15\xc7", b"inert\0")
_HELLO = b"Nothing but words, and not few of them. "

_BOXES = (
    _case("box-size", _in_user_data(numbers(4) + b"name"), _in_user_data(box(b"name"))),
    _case("box-overrun", _in_user_data(numbers(40) + b"name"), _in_user_data(box(b"name"))),
    _case("box-type", _in_user_data(box(b"\1\2\3\4")), _in_user_data(box(b"name"))),
    _case("box-rest", _in_user_data(box(b"name"), b"abc"), _in_user_data(box(b"name"), bytes(4))),
    _case(
        "box-short", movie(in_minf=full(b"nmhd")[:-1].replace(b"\x0cnmhd", b"\x0bnmhd")), movie(in_minf=full(b"nmhd"))
    ),
    _case("box-version", movie(in_minf=full(b"nmhd", version=2)), movie(in_minf=full(b"nmhd"))),
    _case("nesting", movie(in_moov=_nested(20)), movie(in_moov=_nested(8))),
    _case("box-flood", _in_user_data(box(b"name") * 152_000), _in_user_data(box(b"name") * 1000)),
    _case("duplicate-box", movie(in_minf=box(b"dinf", data_reference()))),
    _case("missing-box", movie(tables={b"stts": b""})),
    _case("no-movie", file_type(b"isom", b"isom") + box(b"mdat", bytes(9))),
    _case("no-file-type", movie(brand=b"")),
    _case(
        "file-type",
        movie().replace(file_type(b"isom", b"isom"), file_type(*[b"isom"] * 300)),
    ),
)

_TABLES = (
    _case("table-overrun", movie(tables={b"stsc": full(b"stsc", numbers(2, 1, 1, 1))})),
    _case(
        "auxiliary-count",
        movie(in_stbl=full(b"saiz", b"\1", numbers(2))),
        movie(in_stbl=full(b"saiz", b"\1", numbers(1))),
    ),
    _case("sample-to-chunk", movie(tables={b"stsc": full(b"stsc", numbers(1, 2, 1, 1))})),
    _case("chunk-offset", movie(tables={b"stco": full(b"stco", numbers(1, 1_000_000))})),
    _case("sample-size", movie(tables={b"stsz": full(b"stsz", numbers(0xFFFFFFFF, 1))})),
    _case("sample-count", movie(tables={b"stts": full(b"stts", numbers(1, 2, 1))})),
    _case("sample-tables", movie(tables={b"stsc": full(b"stsc", numbers(2, 1, 1, 1, 2, 1, 1))})),
    _case("run-offset", fragment(offset=100_000), fragment()),
    _case("time-scale", movie(time_scale=0)),
)

_TRACKS = (
    _case("external-data", movie(references=data_reference(full(b"url ", b"http://example.invalid/x\0")))),
    _case("other-file", movie(references=data_reference(full(b"url ", b"inert.mov\0")))),
    _case("reference-index", movie(entries=(sound(reference=2),))),
    _case(
        "mixed-samples",
        movie(handler=b"vide", entries=(visual(), visual(size=(128, 64)))),
        movie(handler=b"vide", entries=(visual(), visual())),
    ),
    _case("frame-size", movie(handler=b"vide", entries=(visual(size=(65535, 65535)),)), movie(handler=b"vide")),
    _case(
        "descriptor",
        movie(entries=(sound(b"mp4a", esds(too_long=8)),)),
        movie(entries=(sound(b"mp4a", esds()),)),
    ),
    _case(
        "codec-config",
        movie(handler=b"vide", entries=(visual(b"avc1", _parameter_sets(9)),)),
        movie(handler=b"vide", entries=(visual(b"avc1", _parameter_sets(2)),)),
    ),
    _case(
        "alac-cookie",
        movie(entries=(sound(b"alac", _cookie(9)),)),
        movie(entries=(sound(b"alac", _cookie(1)),)),
    ),
    _case("risky-codec", movie(entries=(sound(b"ec-3", box(b"dec3", bytes(5))),))),
    _case("dolby-digital", movie(entries=(sound(b"ac-3", box(b"dac3", bytes(3))),))),
    _case(
        "colour-profile",
        movie(handler=b"vide", entries=(visual(b"mp4v", colour_profile(size=400)),)),
        movie(handler=b"vide", entries=(visual(b"mp4v", colour_profile()),)),
    ),
)

_METADATA = (
    _case("asset-short", _in_user_data(box(b"albm")), _in_user_data(full(b"albm", b"\x15\xc7\0"))),
    _case("asset-text", _in_user_data(full(b"titl", b"\x15\xc7", b"inert")), _in_user_data(_TITLE)),
    _case("id3-frame", movie(in_moov=id3(2)), movie(in_moov=id3())),
    _case(
        "code-in-metadata",
        _in_user_data(box(b"name", b"The title is <?php /* inert */ ?>")),
        _in_user_data(box(b"name", b"The title is one of no meaning.")),
    ),
    _case(
        "xmp-dtd",
        movie(behind=xmp(b"<?xpacket begin=''?><!DOCTYPE x []><x:xmpmeta/>")),
        movie(behind=xmp(b"<?xpacket begin=''?><x:xmpmeta/>")),
    ),
    _case(
        "xmp-size",
        movie(data=bytes(5 << 20), behind=xmp(_HELLO * 110_000)),
        movie(behind=xmp(_HELLO * 100)),
    ),
    _case(
        "parasite",
        movie(behind=box(b"free", b"<div id='inert'></div><script> inert </script>")),
        movie(behind=box(b"free", bytes(46))),
    ),
    _case("metadata-flood", movie(behind=box(b"free", _HELLO * 30_000)), movie(behind=box(b"free", bytes(1_200_000)))),
)

_TWO_PLACES = picture(locations=[location(1, (0, 4), (2, 4))])
_AUXILIARY: Item = (2, b"av01", UNIT, (1, 2))
_CODED = picture((1, b"av01", b"\x12\1", (1, 2)))

_ITEMS = (
    _picture_case("no-picture-type", picture(brand=b"")),
    _picture_case("item-extent", picture(locations=[location(1, (0, 1 << 20))])),
    _picture_case("extent-overlap", _TWO_PLACES, picture(boxes={b"free": b""})),
    _picture_case("location-sizes", picture(boxes={b"iloc": full(b"iloc", b"\x34\0\0\0")})),
    _picture_case(
        "item-cycle",
        picture(ONE, _AUXILIARY, boxes={b"iref": references((b"auxl", 2, (1,)), (b"auxl", 1, (2,)))}),
        picture(ONE, _AUXILIARY, boxes={b"iref": references((b"auxl", 2, (1,)))}),
    ),
    _picture_case("item-duplicate", picture(ONE, ONE)),
    _picture_case("item-reference", picture(boxes={b"iref": references((b"auxl", 1, (7,)))})),
    _picture_case("dangling-reference", picture(boxes={b"iref": references((b"thmb", 1, (7,)))})),
    _picture_case("item-flood", picture(*((n, b"zzzz", b"", ()) for n in range(1, 4098)))),
    _picture_case("primary-item", picture(boxes={b"pitm": full(b"pitm", b"\0\7")})),
    _picture_case("property-index", picture((1, b"av01", UNIT, (1, 2, 3)))),
    _picture_case("property-order", turned(1, 2, 4, 3), turned(1, 2, 3, 4)),
    _picture_case(
        "property-repeated",
        picture((1, b"av01", UNIT, (1, 2, 3, 3)), properties=(*PROPERTIES, NUMBERS_OF_COLOUR)),
        picture((1, b"av01", UNIT, (1, 2, 3)), properties=(*PROPERTIES, NUMBERS_OF_COLOUR)),
    ),
    _picture_case("property-missing", picture((1, b"av01", UNIT, (2,)))),
    _picture_case("property-value", picture(properties=(*PROPERTIES, box(b"irot", b"\x07")))),
    _picture_case(
        "unknown-essential",
        picture((1, b"av01", UNIT, (1, 2, 0x83)), properties=(*PROPERTIES, box(b"zzzz"))),
    ),
    _picture_case("picture-size", picture(properties=(full(b"ispe", numbers(0, 8)), CONFIG))),
    _picture_case("pixel-bomb", picture(properties=(full(b"ispe", numbers(40_000, 40_000)), CONFIG))),
    _picture_case("grid", mosaic(columns=3), mosaic()),
    _picture_case("coded-data", _CODED),
    _picture_case("mask-size", mask(65), mask(64)),
    _picture_case("raw-size", uncompressed(10), uncompressed(192)),
    _picture_case(
        "exif-header",
        picture(ONE, (2, b"Exif", numbers(0) + b"inert, inert", ()), boxes={b"iref": references((b"cdsc", 2, (1,)))}),
        picture(ONE, (2, b"Exif", numbers(0) + b"II*\0\x08\0\0\0" + bytes(6), ())),
    ),
    _picture_case("truncated", picture()[:-20]),
)

CASES: tuple[Case, ...] = _BOXES + _TABLES + _TRACKS + _METADATA + _ITEMS
