"""Parts of ISO base media files that few files have: each with what is wrong with it, and as it is right."""

from __future__ import annotations

from collections.abc import Callable

from carriers.bmff import (
    CONFIG,
    NUMBERS_OF_COLOUR,
    PROPERTIES,
    RUNS,
    SIZE,
    UNIT,
    box,
    data_reference,
    fragment,
    full,
    movie,
    numbers,
    picture,
    sound,
    uncompressed,
    user_data,
    visual,
)
from carriers.png import png
from lazaretto_validators.testing import Case

__all__ = ["CASES"]


def tags(*items: bytes) -> bytes:
    """A list of tags, as iTunes writes them."""
    return full(b"meta", full(b"hdlr", bytes(4), b"mdir", bytes(13)), box(b"ilst", *items))


def keyed(keys: bytes) -> bytes:
    """Metadata whose tags are named by a list of keys."""
    return full(b"meta", full(b"hdlr", bytes(4), b"mdta", bytes(13)), keys)


def tag_of(version: int, content: bytes, *, flags: int = 0, size: bytes | None = None) -> bytes:
    """An ID3 tag in user data."""
    length = numbers(len(content)) if size is None else size
    return full(b"ID32", b"\x15\xc7", b"ID3", bytes([version, 0, flags]), length, content)


def pointer(location: bytes, *, length: int | None = None) -> bytes:
    """A movie that points to another one."""
    content = b"url " + numbers(len(location) if length is None else length) + location
    return movie(in_moov=box(b"rmra", box(b"rmda", full(b"rdrf", content))))


def _case(rule: str, broken: bytes, repaired: bytes | None = None) -> Case:
    return Case(f"bmff.{rule}", broken, movie() if repaired is None else repaired)


def _cases(put: Callable[[bytes], bytes], *parts: tuple[str, bytes, bytes]) -> tuple[Case, ...]:
    """Rule, a part that breaks it, the part as it is right; put: builds the file around it."""
    return tuple(_case(rule, put(broken), put(valid)) for rule, broken, valid in parts)


_KEYWORDS = full(b"kywd", b"\x15\xc7\2\6inert\0\2a\0")
_PICTURE_TAG = box(b"covr", box(b"data", numbers(14, 0), png()))
_NAMED = box(b"----", full(b"mean", b"com.apple.iTunes"), full(b"name", b"inert"), box(b"data", numbers(1, 0), b"1"))
_KEY = box(b"mdta", b"com.example.inert")
_FRAME = b"TIT2" + numbers(1) + bytes(3)

_METADATA = (
    *_cases(
        lambda part: movie(in_moov=user_data(part)),
        ("asset-short", full(b"yrrc", b"\7"), full(b"yrrc", b"\7\xd0")),
        ("asset-short", full(b"kywd", b"\x15\xc7"), _KEYWORDS),
        ("asset-text", full(b"kywd", b"\x15\xc7\2\6inert\0"), full(b"kywd", b"\x15\xc7\1\6inert\0")),
        ("asset-short", full(b"clsf", bytes(7)), full(b"clsf", bytes(9))),
        ("asset-text", full(b"titl", b"\x15\xc7\xfe\xff\0a"), full(b"titl", b"\x15\xc7\xfe\xff\0a\0\0")),
        ("box-short", box(b"ID32", bytes(15)), full(b"ID32", bytes(14))),
        ("id3-frame", tag_of(5, b""), tag_of(4, b"")),
        ("id3-frame", tag_of(4, b"", size=b"\0\0\0\x80"), tag_of(4, bytes(10))),
        ("id3-frame", tag_of(4, b"", size=numbers(1)), tag_of(4, b"", size=numbers(0))),
        ("id3-frame", tag_of(4, numbers(99), flags=0x40), tag_of(4, numbers(6) + b"\1\0" + _FRAME, flags=0x40)),
        ("id3-frame", tag_of(3, numbers(99), flags=0x40), tag_of(3, numbers(6) + bytes(6) + _FRAME, flags=0x40)),
        ("id3-frame", tag_of(2, b"TT2\0\0\2\0"), tag_of(2, b"TT2\0\0\1\0")),
        ("id3-frame", tag_of(4, b"TIT2\0\0\0\x80\0\0"), tag_of(4, b"TIT2\0\0\0\0\0\0")),
    ),
    *_cases(
        lambda part: movie(in_moov=tags(part)),
        ("box-type", box(b"\1\2\3\4", box(b"data", numbers(1, 0))), box(b"\0\0\0\1", box(b"data", numbers(1, 0)))),
        ("box-short", box(b"\xa9nam", box(b"data", bytes(4))), _NAMED),
        ("box-rest", _PICTURE_TAG + b"abc", _PICTURE_TAG),
    ),
    _case("box-short", movie(in_moov=keyed(full(b"keys"))), movie(in_moov=keyed(full(b"keys", numbers(0))))),
    _case(
        "table-overrun",
        movie(in_moov=keyed(full(b"keys", numbers(2), _KEY))),
        movie(in_moov=keyed(full(b"keys", numbers(1), _KEY))),
    ),
    _case("box-short", movie(behind=box(b"uuid", bytes(15))), movie(behind=box(b"uuid", bytes(16)))),
    _case("box-short", movie(in_moov=box(b"rmra", box(b"rmda", box(b"rdrf", bytes(11)))))),
    _case("table-overrun", pointer(b"inert.mov\0", length=11)),
    _case("other-file", pointer(b"inert.mov\0")),
    _case("external-data", pointer(b"https://host.invalid/inert.mov\0")),
)

_CROP = box(b"clap", numbers(8, 1, 8, 1, 0, 1, 0, 1))

_PROPERTIES = (
    *_cases(
        lambda part: picture(properties=(*PROPERTIES, part)),
        ("box-short", full(b"ispe", numbers(8)), SIZE),
        ("box-short", _CROP[:3] + b"\x27" + _CROP[4:-1], _CROP),
        ("property-value", box(b"clap", numbers(8, 1, 8, 1, 0, 1, 0, 0)), _CROP),
        ("box-short", box(b"irot"), box(b"irot", b"\3")),
        ("property-value", box(b"imir", b"\2"), box(b"imir", b"\1")),
        ("box-short", full(b"pixi"), full(b"pixi", b"\3\x08\x08\x08")),
        ("table-overrun", full(b"pixi", b"\3\x08\x08"), full(b"pixi", b"\1\x08")),
        ("box-short", full(b"auxC", b"urn:inert"), full(b"auxC", b"urn:inert\0")),
        ("box-short", box(b"a1op"), box(b"a1op", b"\1")),
        ("property-value", box(b"a1op", b"\x20"), box(b"a1op", b"\x1f")),
        ("box-short", box(b"a1lx", bytes(6)), box(b"a1lx", bytes(7))),
        ("box-short", box(b"a1lx", b"\1" + bytes(11)), box(b"a1lx", b"\1" + bytes(12))),
        ("box-short", NUMBERS_OF_COLOUR.replace(b"\x13colr", b"\x12colr")[:-1], NUMBERS_OF_COLOUR),
        ("box-overrun", b"\0\0\1\0zzzz", box(b"zzzz", bytes(20))),
    ),
    # Layouts that are not known say nothing of how many pixels there are.
    _case("raw-size", uncompressed(10), uncompressed(10, version=1)),
    _case("raw-size", uncompressed(191), uncompressed(10, count=1000)),
    _case("raw-size", uncompressed(63, sampling=2), uncompressed(64, sampling=2)),
)

_SYSTEM = bytes(16)  # of protection, and a key
_GROUPS = full(b"sgpd", b"roll", numbers(2, 1), bytes(2), version=1)

_TABLES = (
    *_cases(
        lambda part: movie(in_stbl=part),
        ("box-short", full(b"cslg", bytes(19)), full(b"cslg", bytes(20))),
        ("box-short", full(b"sgpd", b"roll", numbers(2), version=1), _GROUPS),
        (
            "table-overrun",
            full(b"sgpd", b"roll", numbers(2, 2), bytes(2), version=1),
            full(b"sgpd", b"roll", numbers(0)),
        ),
        (
            "table-overrun",
            full(b"sgpd", b"roll", numbers(0, 2, 2), bytes(2), numbers(9), version=1),
            full(b"sgpd", b"roll", numbers(0, 2, 2), bytes(2), numbers(0), version=1),
        ),
        (
            "table-overrun",
            full(b"sgpd", b"roll", numbers(0, 1), b"\0", version=1),
            full(b"sgpd", b"roll", numbers(0, 0), version=1),
        ),
        (
            "table-overrun",
            full(b"elst", numbers(1), bytes(19), version=1),
            full(b"elst", numbers(1), bytes(20), version=1),
        ),
        ("table-overrun", full(b"stz2", b"\0\0\0\4", numbers(3), b"\0"), full(b"stz2", b"\0\0\0\4", numbers(1), b"\0")),
        (
            "table-overrun",
            full(b"saio", numbers(2), bytes(4)),
            full(b"saio", bytes(8), numbers(1), bytes(8), version=1, flags=1),
        ),
        ("box-short", box(b"sbgp", bytes(11)), full(b"sbgp", b"roll", numbers(0, 1, 1, 1), version=1)),
    ),
    *_cases(
        lambda part: movie(in_moov=part),
        (
            "table-overrun",
            full(b"pssh", _SYSTEM, numbers(1), _SYSTEM, numbers(1), version=1),
            full(b"pssh", _SYSTEM, numbers(1), _SYSTEM, numbers(1), b"x", version=1),
        ),
        (
            "table-overrun",
            full(b"pssh", _SYSTEM, numbers(1), _SYSTEM, version=1),
            full(b"pssh", _SYSTEM, numbers(0), numbers(0), version=1),
        ),
        ("table-overrun", full(b"pssh", _SYSTEM, numbers(1)), full(b"pssh", _SYSTEM, numbers(1), b"x")),
    ),
)

_FRAGMENTS = (
    _case("box-short", fragment(header=full(b"tfhd", numbers(1), flags=1)), fragment()),
    _case(
        "run-offset",
        fragment(offset=9999, header=full(b"tfhd", numbers(1, 0, 0), flags=1)),
        fragment(offset=40, header=full(b"tfhd", numbers(1, 0, 0), flags=1)),
    ),
    _case("run-offset", fragment(offset=0x80000000), fragment(header=full(b"tfhd", numbers(1, 1), flags=0x20002))),
    _case(
        "run-offset",
        fragment(header=full(b"tfhd", numbers(1, 999), flags=0x20010), run=full(b"trun", numbers(1, 0), flags=1)),
        fragment(header=full(b"tfhd", numbers(1, 2), flags=0x20010), run=full(b"trun", numbers(1, 0), flags=1)),
    ),
    _case(
        "run-offset",
        fragment(run=full(b"trun", numbers(1, 0, 1, 999), flags=0x301)),
        fragment(run=full(b"trun", numbers(1, 0, 999, 1), flags=0x301)),
    ),
    _case(
        "table-overrun",
        fragment(run=full(b"trun", numbers(2, 2), flags=0x200)),
        fragment(run=full(b"trun", numbers(1, 2), flags=0x200)),
    ),
    _case(
        "missing-box", fragment(header=b""), fragment(beside=box(b"traf", RUNS, full(b"trun", numbers(1, 0), flags=1)))
    ),
    _case(
        "auxiliary-count",
        fragment(auxiliary=full(b"saiz", b"\1", numbers(2))),
        fragment(auxiliary=full(b"saiz", b"\1", numbers(1))),
    ),
    _case(
        "table-overrun",
        fragment(auxiliary=full(b"saio", numbers(2, 0))),
        fragment(auxiliary=full(b"saio", numbers(1, 0))),
    ),
    _case("box-short", fragment(auxiliary=full(b"tfdt")), fragment(auxiliary=full(b"tfdt", numbers(0)) + _GROUPS)),
    _case(
        "box-overrun",
        fragment(auxiliary=b"\0\0\1\0zzzz"),
        fragment(auxiliary=box(b"zzzz", bytes(20)), beside=box(b"free", bytes(20))),
    ),
)

_CHANNELS = box(b"chan", bytes(12), numbers(1), bytes(20))
_URL = full(b"url ", flags=1)
_LONG_SETS = box(b"avcC", b"\1\x42\0\x0a\xff\xe1\0\2\x67\x42\1\0\2\x68\xce", bytes(5000))

_ENTRIES = (
    *_cases(
        lambda part: movie(entries=(part,)),
        ("box-short", box(b"twos", bytes(7)), sound(b"ulaw")),
        ("box-short", box(b"twos", bytes(6), b"\0\1", bytes(19)), sound()),
        ("box-short", box(b"twos", bytes(6), b"\0\1\0\1", bytes(18)), box(b"twos", bytes(6), b"\0\1\0\1", bytes(34))),
        (
            "risky-codec",
            sound(b"enca", box(b"sinf", box(b"frma", b"ec-3"))),
            sound(b"enca", box(b"sinf", box(b"frma", b"mp4a"), box(b"schi", box(b"zzzz", bytes(20))))),
        ),
        ("descriptor", sound(b"mp4a", box(b"esds", bytes(3))), sound(b"mp4a", full(b"esds"))),
        ("table-overrun", sound(b"twos", box(b"chan", bytes(15))), sound(b"twos", _CHANNELS)),
        ("table-overrun", sound(b"twos", box(b"chan", bytes(12), numbers(1))), sound(b"twos", box(b"chan", bytes(16)))),
    ),
    *_cases(
        lambda part: movie(handler=b"vide", entries=(part,)),
        ("box-short", box(b"mp4v", bytes(6), b"\0\1", bytes(69)), visual()),
        ("codec-config", visual(b"av01", box(b"av1C", b"\x81\0\0")), visual(b"av01", CONFIG)),
        (
            "codec-config",
            visual(b"av01", box(b"av1C", b"\x80\0\0\0")),
            visual(b"av01", box(b"av1C", b"\x81\0\0\0", UNIT)),
        ),
        ("codec-config", visual(b"avc1", box(b"avcC", bytes(6))), visual(b"avc1", _LONG_SETS)),
        ("codec-config", visual(b"hvc1", box(b"hvcC", bytes(22))), visual(b"hvc1", box(b"hvcC", bytes(23)))),
        (
            "codec-config",
            visual(b"hvc1", box(b"hvcC", bytes(22) + b"\1\x20\0\1\0\5abc")),
            visual(b"hvc1", box(b"hvcC", bytes(22) + b"\1\x20\0\1\0\3abc")),
        ),
        (
            "box-short",
            visual(b"mp4v", box(b"colr", b"nclc", bytes(5))),
            visual(b"mp4v", box(b"colr", b"nclc", bytes(6))),
        ),
    ),
    *_cases(
        lambda part: movie(references=part),
        ("box-short", full(b"dref"), data_reference()),
        ("box-short", data_reference(box(b"url ", b"\0")), data_reference(full(b"url "))),
        ("table-overrun", full(b"dref", numbers(2), _URL), data_reference(_URL, _URL)),
        (
            "external-data",
            data_reference(full(b"urn ", b"inert\0http://host.invalid/x\0")),
            data_reference(full(b"imdt")),
        ),
    ),
    _case("table-overrun", movie(tables={b"stsd": full(b"stsd", numbers(2), sound())})),
    _case("box-short", movie(tables={b"stsd": full(b"stsd")})),
    _case(
        "reference-index",
        movie(handler=b"text", entries=(box(b"text", bytes(6), b"\0\2", bytes(20)),)),
        movie(handler=b"text", entries=(box(b"text", bytes(6), b"\0\1", bytes(20)),)),
    ),
)

CASES: tuple[Case, ...] = _METADATA + _PROPERTIES + _TABLES + _FRAGMENTS + _ENTRIES
