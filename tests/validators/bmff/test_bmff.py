"""ISO base media files: every rule with its twin, the traps that honest producers set, the bounds, two oracles."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

import looks
from carriers.bmff import (
    CASES,
    CONFIG,
    ONE,
    SIZE,
    UNIT,
    box,
    data_reference,
    descriptions,
    esds,
    file_type,
    fragment,
    full,
    infe,
    location,
    movie,
    numbers,
    picture,
    references,
    sound,
    user_data,
    visual,
    xmp,
)
from carriers.bmff_rare import CASES as RARE
from carriers.polyglot import sevenzip_header
from lazaretto_validators import Limits, Severity, Source, inspect
from lazaretto_validators.bmff.bmff import SMALLEST_MP4, validate_bmff
from lazaretto_validators.finding import Finding
from lazaretto_validators.registry import default_registry
from lazaretto_validators.source import ShortRead
from lazaretto_validators.testing import Case, Recorder

SEVERITY = {rule.id: rule.severity for rule in validate_bmff.rules}
RULES = default_registry().rules


def rules_of(data: bytes, screening: Recorder | None = None) -> set[str]:
    """The rules that the validator finds broken, without their prefix; `truncated` where the file ends too early."""
    found: set[str] = set()
    try:
        for finding in validate_bmff(Source.of_bytes(data), screening or Recorder()):
            found.add(finding.rule.removeprefix("bmff."))
    except ShortRead:
        found.add("truncated")
    return found


def told(data: bytes) -> tuple[Finding, ...]:
    """What is told above info of a file, whoever tells it."""
    return tuple(f for f in inspect(Source.of_bytes(data)).findings if RULES[f.rule].severity is not Severity.INFO)


FOLLOWS = {"bmff.sample-size": {"bmff.chunk-offset"}}
"""What cannot but be broken, too."""


@pytest.mark.parametrize("case", CASES + RARE, ids=lambda case: case.rule)
def test_broken_file_breaks_its_rule_and_no_other(case: Case) -> None:
    found = {finding.rule for finding in inspect(Source.of_bytes(case.broken)).findings}
    assert found - FOLLOWS.get(case.rule, set()) == {case.rule}


def test_smallest_movie_is_valid() -> None:
    assert inspect(Source.of_bytes(SMALLEST_MP4)).findings == ()


# --- traps: what honest producers write ---

SEEDED_UUID = bytes(range(16))
COLOURS = struct.pack(">IHH", 0, 0, 0) + bytes(8)
EXIF = numbers(0) + b"MM\0*\0\0\0\x08" + bytes(6)

VORBIS = full(
    b"esds", b"\3\x80\x80\x86\x1b\0\1\0", b"\4\x80\x80\x86\x13\xdd\x15", bytes(11), b"\5\x80\x80\x86\x01", bytes(769)
)  # fmt: skip
CAI = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")

HONEST = {
    "private uuid": movie(behind=box(b"uuid", SEEDED_UUID, b"what a camera keeps")),
    "free with the muxer's name": movie(behind=box(b"free", b"IsoMedia File Produced with GPAC 0.8.1")),
    "unknown printable box": movie(front=box(b"beam", b"whatever it may mean")),
    "no isom among the brands": movie(brand=b"mp41"),
    "media data up to the end of the file": movie()[:-10] + numbers(0) + b"mdat\0\0",
    "four zero bytes behind user data": movie(
        brand=b"qt  ", in_moov=user_data(box(b"\xa9nam", b"\0\2\0\0ab"), bytes(4))
    ),
    "empty user data": movie(in_moov=user_data(bytes(4))),
    "four zero bytes behind a description": movie(
        brand=b"qt  ", handler=b"vide", entries=(visual(b"avc1", box(b"pasp", numbers(1, 1)), bytes(4)),)
    ),
    "QuickTime's meta without a version": movie(
        brand=b"qt  ",
        in_moov=box(b"meta", full(b"hdlr", bytes(4), b"mdta", bytes(13)), full(b"keys", numbers(0)), box(b"ilst")),
    ),
    "iTunes tags": movie(
        in_moov=user_data(
            full(
                b"meta",
                full(b"hdlr", bytes(4), b"mdir", bytes(13)),
                box(b"ilst", box(b"\xa9nam", box(b"data", numbers(1, 0), b"a title"))),
            )
        )
    ),
    "alias of the movie itself": movie(brand=b"qt  ", references=data_reference(full(b"alis", flags=1))),
    "QuickTime sound of version 1": movie(
        brand=b"qt  ",
        entries=(
            box(
                b"mp4a", bytes(6), b"\0\1\0\1", bytes(6), b"\0\2\0\x10\xff\xfe\0\0", numbers(8000 << 16), bytes(16),
                box(b"wave", box(b"frma", b"mp4a"), box(b"mp4a", bytes(4)), esds(), box(b"\0\0\0\0")),
            ),
        ),
    ),
    "colours behind a description": movie(
        brand=b"qt  ",
        handler=b"vide",
        entries=(visual(b"raw ")[:-4] + b"\0\x08\0\0" + COLOURS,),
    ).replace(visual(b"raw ")[:-4], (86 + len(COLOURS)).to_bytes(4, "big") + visual(b"raw ")[4:-4]),
    "parameter sets with more behind them": movie(
        handler=b"vide",
        entries=(visual(b"avc1", box(b"avcC", b"\1\x64\0\x0a\xff\xe1\0\2\x67\x64\1\0\2\x68\xce\xfd\xf8\xf8\0")),),
    ),
    "Vorbis with its code books": movie(entries=(sound(b"mp4a", VORBIS),)),
    "metadata track of a camera": movie(handler=b"meta", entries=(box(b"gpmd", bytes(6), b"\0\1", bytes(8)),)),
    "fragments": fragment(),
    "tables of no samples": movie(
        tables={
            b"stts": full(b"stts", numbers(0)),
            b"stsc": full(b"stsc", numbers(0)),
            b"stsz": full(b"stsz", numbers(0, 0)),
            b"stco": full(b"stco", numbers(0)),
        }
    ),
    "durations one short": movie(tables={b"stts": full(b"stts", numbers(1, 2, 1))}),
    "a table with room behind it": movie(in_stbl=full(b"stss", numbers(1, 1), bytes(40))),
    "old QuickTime without a type": movie(brand=b"", front=box(b"wide")),
    "dots and zeros behind the movie": movie(behind=bytes(5000)),
    "C2PA and XMP": movie(behind=box(b"uuid", CAI, bytes(99)) + xmp(b"<x/>")),
    "Dolby Digital": movie(entries=(sound(b"ac-3", box(b"dac3", bytes(3))),)),
    "more than 1024 items": picture(
        ONE, *((n, b"av01", UNIT, (1, 2)) for n in range(2, 1200))
    ),
    "thumbnail of nothing": picture(boxes={b"iref": references((b"thmb", 1, (7,)))}),
    "Exif from big-endian cameras": picture(ONE, (2, b"Exif", EXIF, ())),
    "premultiplied alpha": picture(
        ONE, (2, b"av01", UNIT, (1, 2)), boxes={b"iref": references((b"auxl", 2, (1,)), (b"prem", 1, (2,)))}
    ),
    "a sequence without a still picture": movie(
        brand=b"avis",
        handler=b"pict",
        front=full(b"meta", full(b"hdlr", bytes(4), b"pict", bytes(13)), full(b"pitm", b"\0\1")),
    ),
    "length zero, to the end": picture(locations=[location(1, (0, 0))]),
    "Nokia's entries of version 2": picture(boxes={b"iinf": full(b"iinf", numbers(1), infe(1, b"av01"), version=2)}),
    "motion photo box": picture(behind=box(b"mpvd", SMALLEST_MP4)),
    "motion photo appended": picture(behind=SMALLEST_MP4),
}  # fmt: skip


@pytest.mark.parametrize("name", HONEST)
def test_what_honest_producers_write_is_at_most_info(name: str) -> None:
    assert told(HONEST[name]) == ()


@pytest.mark.parametrize("mark", [b"8db42d694ccc418790edff439fe026bf", b"SEFT", b"of nobody known"])
def test_records_of_a_camera_behind_its_movie_are_at_most_info(mark: bytes) -> None:
    whole = movie(behind=b"\xfe" * 9000 + mark)
    assert looks.above_info(whole) == set()
    hidden = movie(behind=b"PK\3\4\x0a\0\0\0\0\0" + bytes(9000) + mark)
    assert looks.above_info(hidden) == {"concealed.appended"}


# --- members and ends ---


def test_motion_photos_are_members() -> None:
    screening = Recorder()
    rules_of(picture(behind=box(b"mpvd", SMALLEST_MP4)), screening)
    assert [(name, source.size) for name, source in screening.members] == [("mpvd", len(SMALLEST_MP4))]
    assert screening.end == len(picture()) + 8 + len(SMALLEST_MP4)
    screening = Recorder()
    rules_of(picture(behind=SMALLEST_MP4), screening)
    assert [(name, source.size) for name, source in screening.members] == [("motion video", len(SMALLEST_MP4))]
    assert screening.end == len(picture())


def test_cover_art_is_a_member() -> None:
    screening = Recorder()
    cover = box(b"ilst", box(b"covr", box(b"data", numbers(13, 0), b"\xff\xd8\xff inert")))
    tags = full(b"meta", full(b"hdlr", bytes(4), b"mdir", bytes(13)), cover)
    assert rules_of(movie(in_moov=user_data(tags)), screening) == set()
    assert [source.size for _, source in screening.members] == [9]


@pytest.mark.parametrize(
    "tail", [b"<?php echo 1;", b"PK\3\4 inert", b"\x7fELF\2\1\1\0", b"Rar!\x1a\7\1\0", b"abc", b"\0\0"]
)
def test_what_is_no_box_is_the_tail(tail: bytes) -> None:
    screening = Recorder()
    assert rules_of(movie(behind=tail), screening) == set()
    assert screening.end == len(movie())


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6, 7])
@pytest.mark.parametrize("kind", [b"moov", b"ftyp", b"mdat"])
def test_top_level_size_below_the_header(kind: bytes, size: int) -> None:
    data = movie()
    at = data.find(kind) - 4
    screening = Recorder()
    assert "box-size" in rules_of(data[:at] + numbers(size) + data[at + 4 :], screening)
    assert screening.end is None
    assert f"after byte {at}" in screening.gaps


def test_size_of_64_bits() -> None:
    data = movie()
    at = data.find(b"mdat") - 4
    wide = full(b"stco", numbers(1, at + 16))
    long = movie(tables={b"stco": wide})[:at] + numbers(1) + b"mdat" + struct.pack(">Q", 18) + b"\0\0"
    assert rules_of(long) == set()
    assert "truncated" in rules_of(long[:-10] + struct.pack(">Q", 1 << 62) + b"\0\0")
    assert "box-size" in rules_of(long[:-10] + struct.pack(">Q", 15) + b"\0\0")


@pytest.mark.parametrize("kind", [b"moov", b"meta"])
def test_second_description_of_the_whole(kind: bytes) -> None:
    second = movie()[movie().find(b"moov") - 4 : movie().find(b"mdat") - 4]
    if kind == b"moov":
        assert rules_of(movie(front=second)) == {"duplicate-box"}
    else:
        data = picture(behind=full(b"meta", full(b"hdlr", bytes(4), b"pict", bytes(13)), full(b"pitm", b"\0\1")))
        assert "duplicate-box" in rules_of(data)


# --- counted tables ---

COUNTED = {
    "stts": full(b"stts", numbers(2), bytes(8)),
    "ctts": full(b"ctts", numbers(2), bytes(8)),
    "stsc": full(b"stsc", numbers(2), bytes(12)),
    "stss": full(b"stss", numbers(2), bytes(4)),
    "stco": full(b"stco", numbers(2), bytes(4)),
    "co64": full(b"co64", numbers(2), bytes(8)),
    "stsz": full(b"stsz", numbers(0, 2), bytes(4)),
    "stz2 of four bits": full(b"stz2", b"\0\0\0\4", numbers(3), bytes(1)),
    "elst": full(b"elst", numbers(2), bytes(12)),
    "elst of version 1": full(b"elst", numbers(1), bytes(19), version=1),
    "sbgp": full(b"sbgp", b"roll", numbers(2), bytes(8)),
    "sgpd of one length": full(b"sgpd", b"roll", numbers(2, 2), bytes(2), version=1),
    "sgpd of several": full(b"sgpd", b"roll", numbers(0, 2, 2), bytes(2), numbers(9), version=1),
    "saiz": full(b"saiz", b"\0", numbers(2), bytes(1)),
    "saio": full(b"saio", numbers(2), bytes(4)),
    "sidx": full(b"sidx", bytes(16), b"\0\0\0\2", bytes(12)),
    "tfra": full(b"tfra", bytes(8), numbers(2), bytes(11)),
    "subs": full(b"subs", numbers(2), bytes(6)),
    "pssh": full(b"pssh", bytes(16), numbers(5), bytes(4)),
    "huge": full(b"stss", numbers(0xFFFFFFFF)),
    "four bytes times 2^30": full(b"stco", numbers(1 << 30)),
}


@pytest.mark.parametrize("name", COUNTED)
def test_table_declares_more_than_its_box_holds(name: str) -> None:
    assert "table-overrun" in rules_of(movie(in_stbl=COUNTED[name]))


@pytest.mark.parametrize("table", ["stsd", "dref"])
def test_list_of_boxes_declares_more_than_there_are(table: str) -> None:
    if table == "stsd":
        broken = movie(tables={b"stsd": full(b"stsd", numbers(2), sound())})
    else:
        broken = movie(references=full(b"dref", numbers(2), full(b"url ", flags=1)))
    assert rules_of(broken) == {"table-overrun"}


@given(st.integers(0, 1 << 32), st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_a_count_fits_exactly_if_its_entries_are_there(count: int, there: int) -> None:
    table = full(b"stss", numbers(min(count, 0xFFFFFFFF)), bytes(4 * there))
    assert ("table-overrun" in rules_of(movie(in_stbl=table))) == (count > there)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 300)), min_size=1, max_size=12), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_farthest_chunk_is_that_of_samples_summed_one_by_one(chunks: list[tuple[int, int]], beyond: int) -> None:
    """Chunks of so many samples of one size each; the last byte of the farthest is the last of the file, or beyond."""
    sizes = [size for samples, size in chunks for _ in range(samples)]
    total = sum(sizes)
    stsc = full(
        b"stsc",
        numbers(len(chunks), *(value for n, (samples, _) in enumerate(chunks) for value in (n + 1, samples, 1))),
    )

    def built(start: int) -> bytes:
        offsets, at = [], start
        for samples, size in chunks:
            offsets.append(at)
            at += samples * size
        tables = {
            b"stts": full(b"stts", numbers(1, len(sizes), 1)),
            b"stsc": stsc,
            b"stsz": full(b"stsz", numbers(0, len(sizes), *sizes)),
            b"stco": full(b"stco", numbers(len(offsets), *offsets)),
        }
        return movie(tables=tables, data=bytes(total))

    start = len(built(0)) - total
    assert rules_of(built(start + beyond)) == ({"chunk-offset"} if beyond and total + beyond > total else set())


# --- codecs, metadata, places ---


@pytest.mark.parametrize(
    "broken",
    [
        b"\3\x80\x80\x80\x80\x05" + bytes(5),
        b"\3\x7f\0\1\0",
        b"\3\2\0\1",
        b"\3\x05\0\1\0\4\x7f",
        b"\3\x13\0\1\0\4\x0d\x40\x15" + bytes(11),
        b"\4\x05\x40\x15\0\0\0",
        b"\3\4\0\1\x40\xff",
    ],
    ids=["fifth byte", "outer", "no fields", "inner", "outer past the end", "short decoder", "location"],
)
def test_descriptor_lies(broken: bytes) -> None:
    assert rules_of(movie(entries=(sound(b"mp4a", full(b"esds", broken)),))) == {"descriptor"}


def test_too_much_for_a_decoder_of_aac() -> None:
    long = b"\4\x82\x24\x40\x15" + bytes(11) + b"\5\x82\x14" + bytes(276)
    assert rules_of(movie(entries=(sound(b"mp4a", full(b"esds", long)),))) == {"descriptor"}


@pytest.mark.parametrize(
    "parameters",
    [
        box(b"hvcC", bytes(22) + b"\1\x20\0\1\0\5abc"),
        box(b"hvcC", bytes(22) + b"\2\x20\0\0"),
        box(b"avcC", b"\1\x42\0\x0a\xff\xe2\0\1a"),
        box(b"av1C", b"\x81\0\0\0\x0a\x05ab"),
        box(b"av1C", b"\x80\0\0\0"),
        box(b"av1C", b"\x81\0\0\0\x0a" + b"\xff" * 9),
    ],
)
def test_parameters_lie(parameters: bytes) -> None:
    assert "codec-config" in rules_of(movie(handler=b"vide", entries=(visual(b"hvc1", parameters),)))


@pytest.mark.parametrize(
    ("location_", "rule"),
    [
        (b"http://example.invalid/a\0", "external-data"),
        (b"SMB://example.invalid/a\0", "external-data"),
        (b"\\\\example.invalid\\a\0", "external-data"),
        (b"file://example.invalid/a\0", "external-data"),
        (b"file:///Movies/a\0", "other-file"),
        (b"a.mov\0", "other-file"),
        (b"\0", ""),
    ],
)
def test_data_reference_leads_elsewhere(location_: bytes, rule: str) -> None:
    assert rules_of(movie(references=data_reference(full(b"url ", location_)))) == ({rule} if rule else set())


def test_reference_movie() -> None:
    def pointer(address: bytes, length: int | None = None) -> bytes:
        record = full(b"rdrf", b"url ", numbers(len(address) if length is None else length), address)
        return file_type(b"qt  ", b"qt  ") + box(b"moov", box(b"rmra", box(b"rmda", record)))

    assert rules_of(pointer(b"rtsp://example.invalid/x")) == {"external-data"}
    assert rules_of(pointer(b"other.mov")) == {"other-file"}
    assert rules_of(pointer(b"other.mov", 1000)) == {"table-overrun"}


@pytest.mark.parametrize("hidden", [b"PK\3\4\x0a\0\0\0\0\0" + bytes(40), b"<html><body>inert</body></html>"])
@pytest.mark.parametrize("kind", [b"free", b"skip", b"wide", b"zzzz"])
def test_file_in_unused_space(kind: bytes, hidden: bytes) -> None:
    assert rules_of(movie(behind=box(kind, hidden))) == {"parasite"}


def test_file_in_the_media_data() -> None:
    assert rules_of(movie(data=b"<?php echo 'inert, and a while of text'; ?>" + bytes(9))) == {"parasite"}
    assert rules_of(movie(data=bytes(20_000) + b"<?php echo 'inert, and a while of text'; ?>")) == {"parasite"}


def test_utf16_titles() -> None:
    def titled(text: bytes) -> bytes:
        return movie(in_moov=user_data(full(b"titl", b"\x15\xc7", text)))

    assert rules_of(titled(b"\xfe\xff\0a\0b\0\0")) == set()
    assert rules_of(titled(b"\xfe\xff\0a\0b\0")) == {"asset-text"}


@pytest.mark.parametrize(
    "broken",
    [
        b"ID3\4\0\0\0\0\x01\x7f" + bytes(11),
        b"ID3\4\0\0\0\0\0\x8b" + bytes(11),
        b"ID3\4\0\x40\0\0\0\x0b\0\0\0\x7f" + bytes(7),
        b"ID3\3\0\0\0\0\0\x0bTIT2\0\0\0\7\0\0\0",
    ],
)
def test_id3_lies(broken: bytes) -> None:
    tag = full(b"ID32", b"\x15\xc7", broken)
    meta = full(b"meta", full(b"hdlr", bytes(4), b"ID32", bytes(13)), tag)
    assert rules_of(movie(in_moov=meta)) == {"id3-frame"}


def test_items_in_the_box_itself() -> None:
    def built(offset: int, length: int) -> bytes:
        places = struct.pack(">HHHH", 1, 1, 0, 1) + numbers(offset, length)
        located = full(b"iloc", b"\x44\0\0\1", places, version=1)
        return picture(boxes={b"iloc": located, b"idat": box(b"idat", UNIT)})

    assert rules_of(built(0, 2)) == set()
    assert rules_of(built(0, 3)) == {"item-extent"}
    assert rules_of(built(2, 1)) == {"item-extent"}


def test_extents_without_fields_are_not_counted_one_by_one() -> None:
    places = b"".join(struct.pack(">HHH", n, 0, 0xFFFF) for n in range(1, 500))
    data = picture(boxes={b"iloc": full(b"iloc", b"\0\0", struct.pack(">H", 499), places)})
    assert "unscannable.budget" not in {
        f.rule for f in inspect(Source.of_bytes(data), Limits(operations=20_000)).findings
    }


@pytest.mark.parametrize(
    "lists",
    [
        [(b"dimg", 1, (1,))],
        [(b"dimg", 1, (2,)), (b"dimg", 2, (3,)), (b"dimg", 3, (1,))],
        [(b"dimg", 1, (2, 3)), (b"dimg", 3, (2,)), (b"dimg", 2, (3,))],
    ],
)
def test_pictures_made_from_each_other(lists: list[tuple[bytes, int, tuple[int, ...]]]) -> None:
    items = tuple((n, b"av01", UNIT, (1, 2)) for n in (1, 2, 3))
    assert rules_of(picture(*items, boxes={b"iref": references(*lists)})) == {"item-cycle"}


def test_a_picture_used_twice_is_no_circle() -> None:
    items = tuple((n, b"av01", UNIT, (1, 2)) for n in (1, 2, 3))
    lists = references((b"dimg", 1, (2, 3)), (b"dimg", 2, (3,)))
    assert rules_of(picture(*items, boxes={b"iref": lists})) == set()


def test_a_very_long_way_is_followed_without_recursion() -> None:
    items = tuple((n, b"av01", UNIT, (1, 2)) for n in range(1, 3001))
    lists = references(*((b"dimg", n, (n + 1,)) for n in range(1, 3000)))
    assert rules_of(picture(*items, boxes={b"iref": lists})) == set()


@pytest.mark.parametrize("size", [(32_769, 1), (1, 32_769), (22_001, 10_000)])
def test_pixel_bounds_are_exact(size: tuple[int, int]) -> None:
    assert rules_of(picture(properties=(full(b"ispe", numbers(*size)), CONFIG))) == {"pixel-bomb"}
    below = (size[0] - (size[0] > 1), size[1] - (size[1] > 10_000))
    assert rules_of(picture(properties=(full(b"ispe", numbers(*below)), CONFIG))) == set()


def test_lengths_in_an_hevc_picture() -> None:
    config = box(b"hvcC", bytes(21) + b"\3\0")

    def built(data: bytes) -> bytes:
        return picture((1, b"hvc1", data, (1, 2)), brand=b"heic", properties=(SIZE, config))

    assert rules_of(built(numbers(3) + b"abc" + numbers(0))) == set()
    assert rules_of(built(numbers(4) + b"abc")) == {"coded-data"}
    assert rules_of(built(numbers(3) + b"abc\0")) == {"coded-data"}


# --- bounds, arrival, oracles ---

VALID = (SMALLEST_MP4, *sorted({c.repaired for c in CASES if len(c.repaired) < 3000}), *HONEST.values())


@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8))
@settings(max_examples=400, deadline=None)
def test_damaged_files_never_make_the_validator_raise(whole: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(whole)
    for at, value in changes:
        data[8 + at % (len(data) - 8)] = value
    assert isinstance(rules_of(bytes(data)), set)


@given(st.sampled_from([c.broken for c in CASES if len(c.broken) < 2000]), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_findings_do_not_depend_on_arrival(data: bytes, step: int) -> None:
    pieces = (data[at : at + step] for at in range(0, len(data), step))
    assert inspect(Source.of_pieces(pieces)) == inspect(Source.of_bytes(data))


@pytest.mark.parametrize("cut", range(8, len(SMALLEST_MP4), 3))
def test_no_prefix_of_a_movie_is_a_movie(cut: int) -> None:
    assert rules_of(SMALLEST_MP4[:cut])


FFMPEG = shutil.which("ffmpeg")
needs_ffmpeg = pytest.mark.skipif(FFMPEG is None, reason="ffmpeg is not installed: no independent writer of movies")

WRITTEN = {
    "plain.mp4": ("-c:v", "mpeg4", "-c:a", "aac"),
    "faststart.mp4": ("-c:v", "mpeg4", "-c:a", "aac", "-movflags", "faststart"),
    "fragments.mp4": ("-c:v", "mpeg4", "-c:a", "aac", "-movflags", "frag_keyframe+empty_moov"),
    "dash.mp4": ("-c:v", "mpeg4", "-c:a", "aac", "-movflags", "dash+global_sidx"),
    "quicktime.mov": ("-c:v", "mjpeg", "-c:a", "pcm_s16be"),
    "palette.mov": ("-c:v", "qtrle", "-pix_fmt", "gray", "-c:a", "adpcm_ima_qt"),
    "phone.3gp": ("-c:v", "mpeg4", "-c:a", "aac", "-metadata", "title=Ein Titel", "-metadata", "artist=Ä"),
    "lossless.m4a": ("-vn", "-c:a", "alac", "-metadata", "title=Ein Titel"),
}


@needs_ffmpeg
@pytest.mark.parametrize("name", WRITTEN)
def test_movies_written_by_ffmpeg_are_valid(name: str, tmp_path: Path) -> None:
    target = tmp_path / name
    inputs = ("-f", "lavfi", "-i", "testsrc=size=64x48:rate=10:duration=1", "-f", "lavfi", "-i", "sine=duration=1")
    command = [str(FFMPEG), "-nostdin", "-loglevel", "error", "-y", *inputs, *WRITTEN[name], str(target)]
    subprocess.run(command, check=True, timeout=60, stdin=subprocess.DEVNULL)
    assert inspect(Source.of_bytes(target.read_bytes())).findings == ()


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF: no independent writer of pictures")
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("frames", [1, 3])
def test_pictures_written_by_pillow_are_valid_and_cut_ones_are_not(mode: str, frames: int) -> None:
    drawn = [Image.effect_noise((40, 30), 10 * n).convert(mode) for n in range(1, frames + 1)]
    buffer = io.BytesIO()
    drawn[0].save(buffer, "AVIF", save_all=frames > 1, append_images=drawn[1:])
    whole = buffer.getvalue()
    assert inspect(Source.of_bytes(whole)).findings == ()
    assert told(whole[: len(whole) // 2])


def test_descriptions_may_be_empty_of_entries() -> None:
    assert rules_of(movie(tables={b"stsd": descriptions()})) <= {"sample-to-chunk"}


# --- what stands behind the fields of a box, or in place of numbers ---

ARCHIVE = sevenzip_header()


@pytest.mark.parametrize(
    "whole",
    [
        movie(in_minf=full(b"hdlr", bytes(4), b"dhlr", bytes(12), ARCHIVE)),
        movie(in_stbl=full(b"sbgp", numbers(0, 4), ARCHIVE)),
        movie(front=box(b"sidx", bytes(44), ARCHIVE)),
        movie(references=data_reference(full(b"url ", ARCHIVE, flags=1))),
        movie(entries=[sound(b"mp4a", esds(ARCHIVE))]),
        movie(entries=[visual(b"avc1", box(b"colr", b"nclx", bytes(7), ARCHIVE))], handler=b"vide"),
        fragment(auxiliary=full(b"senc", numbers(0), ARCHIVE)),
        picture(boxes={b"pitm": full(b"pitm", b"\0\1", ARCHIVE)}),
        picture(boxes={b"idat": box(b"idat", ARCHIVE)}),
        picture(properties=[full(b"ispe", numbers(8, 8), ARCHIVE), CONFIG]),
    ],
    ids=["hdlr", "sbgp", "sidx", "dref", "esds", "colr", "senc", "pitm", "idat", "ispe"],
)
def test_a_file_in_or_behind_the_fields_of_a_box_is_found(whole: bytes) -> None:
    assert "parasite" in rules_of(whole)


def test_a_description_that_quotes_code_is_no_program() -> None:
    quoted = user_data(box(b"titl", bytes(6), b"how to write <?php echo 1; ?> in a page\0"))
    assert rules_of(movie(in_moov=quoted)) == {"code-in-metadata"}
    assert rules_of(movie(in_moov=quoted, in_minf=box(b"hdlr", bytes(24), ARCHIVE))) >= {"parasite"}


def test_beginnings_of_media_data_that_are_not_looked_at_are_named() -> None:
    screening = Recorder()
    rules_of(movie(behind=box(b"mdat", b"MZ" + bytes(14)) * 257), screening)
    assert "mdat at byte" in " ".join(screening.gaps)


@pytest.mark.parametrize(
    "whole",
    [
        movie(in_moov=user_data(*[box(b"name", b"x" * 16)] * 20_000)),
        movie(behind=box(b"free", b"x" * 16) * 20_000),
        movie(in_moov=user_data(*[full(b"ID32", b"\x15\xc7", b"ID3\4\0\0", numbers(0), bytes(16))] * 20_000)),
        picture(boxes={b"iref": full(b"iref", *[box(b"dimg", struct.pack(">HHH", 1, 1, 1))] * 40_000)}),
    ],
    ids=["user data", "unused", "tags", "references"],
)
def test_a_file_of_nothing_but_small_boxes_is_given_up_soon(whole: bytes) -> None:
    assert "unscannable.budget" in looks.rules_of(whole)
