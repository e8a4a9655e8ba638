"""JPEG: every rule with its repaired twin, the traps that honest producers set, the bounds, two oracles."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from carriers.jpeg import (
    APP,
    CASES,
    COLOUR,
    COM,
    DRI,
    EOI,
    METADATA,
    SOI,
    as_script,
    block,
    dht,
    dqt,
    entropy,
    exif,
    extended_xmp,
    icc,
    ifd,
    jpeg,
    mpf,
    progressive,
    resource,
    scan,
    segment,
    sof,
    sos,
    with_second,
    xmp,
)
from lazaretto_validators import Severity, Source, inspect
from lazaretto_validators.hostile import growing
from lazaretto_validators.images.jpeg import SMALLEST, validate_jpeg
from lazaretto_validators.images.jpeg_entropy import REACH
from lazaretto_validators.source import PIECE, NotThisFormat, ShortRead
from lazaretto_validators.testing import Case, Recorder

SEVERITY = {rule.id: rule.severity for rule in validate_jpeg.rules}
DJPEG = shutil.which("djpeg")
needs_djpeg = pytest.mark.skipif(DJPEG is None, reason="djpeg is not installed (libjpeg-turbo-progs)")


def rules_of(data: bytes, screening: Recorder | None = None) -> set[str]:
    """The rules that the validator finds broken, without their prefix; `truncated` where the file ends too early."""
    found: set[str] = set()
    try:
        for finding in validate_jpeg(Source.of_bytes(data), screening or Recorder()):
            found.add(finding.rule.removeprefix("jpeg."))
    except ShortRead:
        found.add("truncated")
    except NotThisFormat:
        found.add("declined")
    return found


def all_rules(data: bytes) -> set[str]:
    """Everything that an inspection says, members included."""
    return {finding.rule for finding in inspect(Source.of_bytes(data)).findings}


def drawn(mode: str, size: tuple[int, int], **options: object) -> bytes:
    """A picture written by Pillow."""
    buffer = io.BytesIO()
    Image.effect_noise(size, 80).convert(mode).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def complaint_of_djpeg(data: bytes) -> str:
    """What libjpeg-turbo says; empty if the picture is sound."""
    assert DJPEG
    done = subprocess.run([DJPEG, "-strict", "-outfile", "/dev/null"], input=data, capture_output=True, check=False)
    return done.stderr.decode()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_pillow_accepts_repaired_twin(case: Case) -> None:
    with Image.open(io.BytesIO(case.repaired)) as image:
        image.load()


@needs_djpeg
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_djpeg_has_nothing_to_say_of_repaired_twin(case: Case) -> None:
    assert complaint_of_djpeg(case.repaired) == ""


NOT_SEEN_BY_DJPEG = {
    "no fault to it": frozenset({"frame-unusual", "arithmetic", "default-tables", "restart-count", "scan-order"}),
    "no interest": frozenset(
        {"segment-length", "quantization-zero", "conditioning", "late-height", "pixel-bomb", "scan-bomb"}
    ),
    "no scan uses the table": frozenset({"huffman-code", "huffman-all-ones", "huffman-symbol", "quantization-table"}),
}
_OUTSIDE = frozenset(case.rule for case in METADATA) | {
    f"jpeg.{rule}" for rules in NOT_SEEN_BY_DJPEG.values() for rule in rules
}


@needs_djpeg
@pytest.mark.parametrize("case", [c for c in CASES if c.rule not in _OUTSIDE], ids=lambda case: case.rule)
def test_djpeg_refuses_or_complains_of_what_we_find(case: Case) -> None:
    assert complaint_of_djpeg(case.broken) != ""


def test_smallest_picture_is_valid() -> None:
    assert all_rules(SMALLEST) == set()
    with Image.open(io.BytesIO(SMALLEST)) as image:
        image.load()


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (640, 480)])
@pytest.mark.parametrize(
    "options",
    [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_blocks": 3}, {"restart_marker_rows": 1}],
    ids=str,
)
def test_pictures_written_by_pillow_are_valid(mode: str, size: tuple[int, int], options: dict[str, object]) -> None:
    assert all_rules(drawn(mode, size, **options)) == set()


@given(
    st.integers(1, 80),
    st.integers(1, 80),
    st.sampled_from(["L", "RGB", "CMYK"]),
    st.sampled_from([1, 50, 100]),
    st.booleans(),
    st.integers(0, 7),
    st.integers(0, 2),
)
@settings(max_examples=60, deadline=None)
def test_amount_of_pixel_data_is_never_misjudged(
    width: int, height: int, mode: str, quality: int, progressive: bool, restart: int, subsampling: int
) -> None:
    options: dict[str, object] = {"quality": quality, "progressive": progressive}
    if restart:
        options["restart_marker_blocks"] = restart
    if mode != "L":
        options["subsampling"] = subsampling
    assert all_rules(drawn(mode, (width, height), **options)) == set()


@given(st.integers(0, 600), st.integers(0, 255))
@settings(max_examples=150, deadline=None)
@needs_djpeg
def test_nothing_is_held_that_djpeg_reads_without_complaint(at: int, value: int) -> None:
    data = bytearray(drawn("RGB", (24, 24), quality=80))
    data[3 + at % (data.index(b"\xff\xda") - 3)] = value
    found = {rule for rule in all_rules(bytes(data)) if not rule.startswith("jpeg.") or SEVERITY[rule] is Severity.HIGH}
    found.discard("jpeg.table-missing")  # libjpeg-turbo puts in the usual table, others run on with none (IMG-31)
    assert not found or complaint_of_djpeg(bytes(data)) != ""


def test_members_of_an_mpo_written_by_pillow() -> None:
    frames = [Image.effect_noise((40, 30), 10 * n) for n in range(1, 5)]
    for count in (2, 4):
        buffer = io.BytesIO()
        frames[0].save(buffer, "MPO", save_all=True, append_images=frames[1:count])
        whole, screening = buffer.getvalue(), Recorder()
        # From the third picture on, Pillow counts wrongly: the index leads out of the file, the pictures are sound.
        assert rules_of(whole, screening) == ({"mpf-index"} if count > 2 else set())
        assert [name for name, _ in screening.members] == [f"picture[{n}].jpg" for n in range(1, count)]
        assert screening.end == len(whole)


# --- markers ---


def test_fill_bytes_before_a_marker_are_lawful() -> None:
    assert all_rules(jpeg(segment(COM) + b"\xff" * 16)) == set()
    assert all_rules(jpeg(segment(COM) + b"\xff" * 10_000)) == set()
    assert all_rules(jpeg(pixels=scan() + b"\xff" * 16)) == set()


@pytest.mark.parametrize("junk", [b"\1", b"\0\0", b"\xff\0", b"inert" * 2000])
def test_junk_between_segments(junk: bytes) -> None:
    assert rules_of(jpeg(segment(COM) + junk)) == {"junk"}


def test_archive_between_segments_is_a_parasite() -> None:
    assert "parasite" in rules_of(jpeg(segment(COM) + b"<!DOCTYPE html><html><script>"))


def test_lost_structure_is_named_in_coverage() -> None:
    screening = Recorder()
    assert rules_of(jpeg(segment(APP + 4, length=0)), screening) == {"segment-length"}
    assert screening.gaps == ["after byte 2"]
    assert screening.end is None


def test_file_without_any_scan_is_worse_than_one_without_an_end() -> None:
    assert rules_of(jpeg()[:-2]) == {"no-end"}
    assert rules_of(jpeg(pixels=b"")[:-2]) == {"no-end", "no-scan"}
    assert rules_of(SOI + segment(COM)) == {"no-end", "no-frame"}


def test_end_of_an_unfinished_picture_is_not_told() -> None:
    screening = Recorder()
    rules_of(jpeg()[:-2], screening)
    assert screening.end is None


# --- frame and scans ---


def test_phones_take_200_megapixels() -> None:
    blocks = (16320 // 8) * (12240 // 8)
    pixels = sos() + bytes(16320 * 12240 // 32 + 1)
    assert "pixel-bomb" not in rules_of(jpeg(frame=sof(16320, 12240), pixels=pixels))
    assert "pixel-bomb" in rules_of(jpeg(frame=sof(16320, 12240), pixels=sos() + entropy(blocks)))


@pytest.mark.parametrize(("width", "height"), [(16001, 16000), (65535, 65535)])
def test_more_pixels_than_any_camera_has(width: int, height: int) -> None:
    assert "pixel-bomb" in rules_of(jpeg(frame=sof(width, height)))


def test_pixel_bomb_by_late_height() -> None:
    late = segment(0xDC, b"\xff\xff")
    assert "pixel-bomb" in rules_of(jpeg(frame=sof(65535, 0), pixels=scan() + late))


def test_no_height_and_no_late_one() -> None:
    assert rules_of(jpeg(frame=sof(height=0))) == {"frame-size"}
    assert rules_of(jpeg(pixels=scan() + segment(0xDC, b"\0\x08"))) == {"stray-marker"}


def test_component_numbers_that_are_not_unique_are_read_by_position() -> None:
    frame = sof(components=((0, 0x11, 0),) * 3)
    assert rules_of(jpeg(frame=frame, pixels=scan(3, (0, 0, 0)))) == {"frame-unusual"}


def test_arithmetic_picture_needs_no_huffman_tables() -> None:
    assert rules_of(jpeg(tables=dqt(), frame=sof(marker=0xC9))) == {"arithmetic"}


def test_lossless_picture_needs_no_quantization() -> None:
    pixels = sos(band=(1, 0, 0)) + entropy(64, 1)
    assert rules_of(jpeg(tables=dht(0), frame=sof(marker=0xC3), pixels=pixels)) == set()
    assert rules_of(jpeg(tables=dht(0), frame=sof(marker=0xC3), pixels=sos(band=(8, 0, 0)) + entropy(64, 1))) == {
        "scan-fields"
    }


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (block(0, 0) + block(1, 63), set()),
        (block(0, 0, 0x01) + block(1, 5) + block(6, 63) + block(0, 0, 0x10), set()),
        (block(0, 0), set()),
        (block(1, 63) + block(0, 0), {"scan-order"}),
        (block(0, 0) + block(0, 0), {"scan-order"}),
        (block(0, 0, 0x10), {"scan-order"}),
        (block(0, 0, 0x02) + block(0, 0, 0x10), {"scan-order"}),
        (block(0, 63), {"scan-fields"}),
        (block(0, 0) + block(5, 4), {"scan-fields"}),
        (block(0, 0) + block(60, 1), {"scan-fields"}),
        (block(0, 0) + block(1, 64), {"scan-fields"}),
        (block(0, 0, 0x31), {"scan-fields", "scan-order"}),
    ],
)
def test_progression(pixels: bytes, expected: set[str]) -> None:
    assert rules_of(progressive(pixels)) == expected


def test_component_without_a_scan() -> None:
    assert rules_of(jpeg(frame=sof(components=COLOUR), pixels=scan(1, (1,)) + scan(1, (2,)))) == {"scan-order"}
    three = b"".join(scan(1, (number,)) for number in (1, 2, 3))
    assert rules_of(jpeg(frame=sof(components=COLOUR), pixels=three)) == set()


def test_too_many_scans_end_the_walk() -> None:
    screening = Recorder()
    assert "scan-bomb" in rules_of(jpeg(pixels=scan() * 5000), screening)
    assert (len(screening.gaps), screening.end) == (1, None)


def test_motion_jpeg_frame_without_tables_is_no_fault() -> None:
    assert SEVERITY["jpeg.default-tables"] is Severity.INFO
    assert rules_of(jpeg(segment(APP, b"AVI1\0\0\0\0"), tables=dqt())) == {"default-tables"}
    assert rules_of(jpeg(tables=dqt(), pixels=sos(tables=0x22) + entropy())) == {"table-missing"}


# --- pixel data ---


@given(st.integers(PIECE - 40, PIECE + 40), st.integers(1, 60))
@settings(max_examples=25, deadline=None)
def test_end_of_pixel_data_is_seen_wherever_pieces_are_cut(before: int, fill: int) -> None:
    frame = sof(60_000, 64)
    whole = jpeg(frame=frame, pixels=sos() + bytes(before) + b"\xff" * fill)
    screening = Recorder()
    rules_of(whole, screening)
    assert screening.end == len(whole)


@given(st.integers(2, 40), st.integers(1, 5), st.integers(4000, 4200))
@settings(max_examples=40, deadline=None)
def test_restart_marks_are_counted_across_pieces(intervals: int, blocks: int, padding: int) -> None:
    parts = [entropy(blocks) for _ in range(intervals)]
    data = b"".join(part + bytes([0xFF, 0xD0 + n % 8]) for n, part in enumerate(parts[:-1])) + parts[-1]
    frame = sof(8 * blocks * intervals, 8)
    interval = segment(DRI, struct.pack(">H", blocks))
    before = segment(COM, b"x" * padding)
    assert rules_of(jpeg(before + interval, frame=frame, pixels=sos() + data)) == set()
    last = bytes([0xFF, 0xD0 + (intervals - 1) % 8])  # hardware encoders write it
    assert rules_of(jpeg(before + interval, frame=frame, pixels=sos() + data + last)) == set()
    assert "restart-count" in rules_of(jpeg(before + interval, frame=frame, pixels=sos() + data + last + b"\xff\xd0"))


def test_restart_marks_where_none_are_announced() -> None:
    assert rules_of(jpeg(pixels=sos() + entropy() + b"\xff\xd0" + entropy())) == {"restart-count"}


@pytest.mark.parametrize("at", [0, 4090, PIECE, PIECE + 4093])
def test_archive_hidden_in_pixel_data_is_a_parasite(at: int) -> None:
    rar = b"Rar!\x1a\x07\0\xcf\x90\x73\0\0\r\0\0\0\0\0\0\0" + b"inert"
    pixels = sos() + bytes(at) + rar + bytes(PIECE)
    assert "parasite" in rules_of(jpeg(frame=sof(60_000, 600), pixels=pixels))


def test_unpackers_look_no_further_than_we_do() -> None:
    assert REACH >= 1 << 23


# --- metadata ---


def test_jfif_beside_exif_in_any_order_is_universal() -> None:
    jfif = segment(APP, b"JFIF\0\1\2\0\0\1\0\1\0\0")
    assert all_rules(jpeg(exif(ifd([])) + jfif)) == set()
    assert all_rules(jpeg(jfif + icc() + exif(ifd([])))) == set()


def test_jfif_with_more_behind_its_fields_is_usual() -> None:
    assert all_rules(jpeg(segment(APP, b"JFIF\0\1\1\1\1\x2c\1\x2c\0\0AMPF"))) == set()


def test_jfxx_thumbnails() -> None:
    screening = Recorder()
    assert rules_of(jpeg(segment(APP, b"JFXX\0\x10" + SMALLEST)), screening) == set()
    assert [(name, source.size) for name, source in screening.members] == [("JFXX/thumbnail.jpg", len(SMALLEST))]
    assert rules_of(jpeg(segment(APP, b"JFXX\0\x13\1\1abc"))) == set()
    assert rules_of(jpeg(segment(APP, b"JFXX\0\x13\1\2abc"))) == {"jfif-thumbnail"}
    assert rules_of(jpeg(segment(APP, b"JFXX\0\x14"))) == {"jfif-thumbnail"}


@pytest.mark.parametrize("kind", [b"\x10", b"\x13\1\1abc"])
@pytest.mark.parametrize("head", [b"JFXX\0", b"MPF\0MM\0*\0\0\0\x08" + ifd([])])
def test_archive_in_segments_that_have_a_use(kind: bytes, head: bytes) -> None:
    rar = b"Rar!\x1a\x07\0\xcf\x90\x73\0\0\r\0\0\0\0\0\0\0" + b"inert"
    marker = APP if head.startswith(b"JFXX") else APP + 2
    assert rules_of(jpeg(segment(marker, head + kind + rar))) == {"parasite"}


@pytest.mark.parametrize(
    "picture",
    [as_script(b"\n:", b"1/*"), as_script(b"x=", b"\n1;/*"), as_script(b" .", b"a=1//")],
    ids=["label", "assignment", "line comment"],
)
def test_picture_that_is_a_script_as_well(picture: bytes) -> None:
    assert "script" in rules_of(picture)


def test_packet_whose_length_and_address_read_like_a_script() -> None:
    packet = b'<?xpacket begin=""?>\n<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    for length in (b"A=", b"\n0", b"\n:"):
        first = xmp(packet.ljust(int.from_bytes(length, "big") - 2 - 29))
        assert first[2:4] == length
        assert rules_of(jpeg(first)) == set()


def exif_with_thumbnail(thumbnail: bytes, length: int) -> bytes:
    second = 8 + 6
    place = second + 2 + 2 * 12 + 4
    return exif(ifd([], second), ifd([(0x0201, 4, 1, place), (0x0202, 4, 1, length)]) + thumbnail)


def test_exif_thumbnail_is_a_member() -> None:
    screening = Recorder()
    assert rules_of(jpeg(exif_with_thumbnail(SMALLEST, len(SMALLEST))), screening) == set()
    assert [(name, source.size) for name, source in screening.members] == [("Exif/thumbnail.jpg", len(SMALLEST))]
    broken = jpeg(exif_with_thumbnail(jpeg(dht(2)), len(jpeg(dht(2)))))
    assert "jpeg.huffman-table" in all_rules(broken)


def test_thumbnail_that_an_editor_cut_off_is_told_at_most() -> None:
    assert rules_of(jpeg(exif_with_thumbnail(b"", 5000))) == {"exif-value"}
    screening = Recorder()
    assert rules_of(jpeg(exif_with_thumbnail(bytes(400), 300)), screening) == set()
    assert (screening.members, screening.gaps) == ([], ["Exif/thumbnail.jpg"])


def test_broken_exif_values_are_told_at_most() -> None:
    assert SEVERITY["jpeg.exif-value"] is SEVERITY["jpeg.exif-header"] is Severity.INFO
    note = (0x927C, 7, 5000, 400)  # a maker's note whose numbers an editor broke
    sub = ifd([note])
    assert rules_of(jpeg(exif(ifd([(0x8769, 4, 1, 26)]), sub))) == set()


@pytest.mark.parametrize("following", [8, 26])
def test_chain_that_leads_back_is_no_exploit(following: int) -> None:
    assert rules_of(jpeg(exif(ifd([(0x0112, 3, 1, 0x10000)], following)))) == {"exif-value"}


def test_directories_are_bounded() -> None:
    sub = b"".join(ifd([(0x014A, 4, 1, 8 + 18 * (n + 1))]) for n in range(200))
    assert rules_of(jpeg(exif(sub))) == {"exif-loop"}
    many = ifd([(0x9000, 3, 1, 0)] * 5000)
    assert "exif-loop" not in rules_of(jpeg(exif(many)))


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_pass_for_exif(data: bytes) -> None:
    for head in (b"MM\0*\0\0\0\x08", b"II*\0\x08\0\0\0"):
        rules_of(jpeg(segment(APP + 1, b"Exif\0\0" + head + data)))
        rules_of(jpeg(segment(APP + 2, b"MPF\0" + head + data)))


@pytest.mark.parametrize(
    "lying",
    [
        exif(ifd([(0x8769, 4, 1, 8 + 2 + 24 + 4), (0x8769, 4, 1, 8)]), ifd([])),
        exif(ifd([(0x8769, 7, 4, 8)])),
        exif(ifd([(0x014A, 4, 2, 26)]), struct.pack(">II", 34, 8) + ifd([])),
        exif(ifd([])) + exif(ifd([(0x8769, 4, 1, 8)])),
    ],
    ids=["a tag twice", "of another type", "in a list", "in a second block"],
)
def test_loop_that_only_some_readers_run_into(lying: bytes) -> None:
    assert "exif-loop" in rules_of(jpeg(lying))


@pytest.mark.parametrize("entry", [(0x8769, 7, 4, 0x30303030), (0x8769, 2, 1, 0), (0x014A, 4, 9, 9000)])
def test_pointer_that_is_none_is_not_followed(entry: tuple[int, int, int, int]) -> None:
    assert rules_of(jpeg(exif(ifd([entry])))) <= {"exif-value"}


def test_second_exif_is_told_at_most() -> None:
    assert rules_of(jpeg(exif(ifd([])) * 2)) == {"duplicate-metadata"}


def test_long_exif_goes_on_in_further_segments() -> None:
    """As ExifTool writes it."""
    first = exif(ifd([(0x8769, 4, 1, 60_026)]), bytes(60_000))[:60_000]
    first = first[:2] + struct.pack(">H", len(first) - 2) + first[4:]
    rest = exif(ifd([(0x8769, 4, 1, 60_026)]), bytes(60_000) + ifd([]))[60_000:]
    assert rules_of(jpeg(first)) == {"exif-directory"}
    assert rules_of(jpeg(first + segment(APP + 1, b"Exif\0\0" + rest))) == set()


def test_exif_is_bounded() -> None:
    screening = Recorder()
    assert rules_of(jpeg(exif(ifd([])) + segment(APP + 1, b"Exif\0\0" + bytes(60_000)) * 40), screening) == set()
    assert len(screening.gaps) == 1


def test_thumbnail_that_goes_on_in_the_next_segment_is_named_in_coverage() -> None:
    screening = Recorder()
    rest = segment(APP + 1, b"Exif\0\0" + SMALLEST[20:])
    assert rules_of(jpeg(exif_with_thumbnail(SMALLEST[:20], len(SMALLEST)) + rest), screening) == set()
    assert (screening.members, screening.gaps) == ([], ["APP1[0]/thumbnail"])


def test_profile_in_pieces() -> None:
    whole = icc()[18:]
    pieces = [
        segment(APP + 2, b"ICC_PROFILE\0" + bytes([n + 1, 2]) + whole[70 * n : 70 * n + 70 + 99 * n]) for n in (0, 1)
    ]
    assert rules_of(jpeg(pieces[0] + segment(COM) + pieces[1])) == set()
    assert rules_of(jpeg(pieces[1] + pieces[0])) == {"icc-chunks"}
    assert rules_of(jpeg(pieces[0])) == {"icc-chunks"}
    assert rules_of(jpeg(pieces[0] * 2)) == {"icc-chunks"}


def test_whole_profile_twice_is_told_at_most() -> None:
    assert rules_of(jpeg(icc() * 2)) == {"duplicate-metadata"}


@pytest.mark.parametrize("packet", ['<?xml?><!DOCTYPE x [<!ENTITY y "z">]>', '<!ENTITY y "z">'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_in_xmp(packet: str, encoding: str) -> None:
    assert rules_of(jpeg(xmp(packet.encode(encoding)))) == {"xmp-dtd"}


def test_entities_across_two_pieces_of_extended_xmp() -> None:
    assert rules_of(jpeg(extended_xmp(b"<x/><!DOC", 19, 0) + extended_xmp(b"TYPE x []>", 19, 9))) == {"xmp-dtd"}


def extended_by(guid: bytes, packet: bytes, total: int, offset: int) -> bytes:
    """A piece of the packet that has this digest."""
    return extended_xmp(packet, total, offset).replace(b"0123456789ABCDEF" * 2, guid.rjust(32, b"0"))


def test_entities_across_pieces_that_stand_in_another_order() -> None:
    """Readers put them together by their offsets."""
    head, middle, tail = (
        extended_xmp(text, 26, at) for text, at in ((b"<x/><!", 0), (b"DOC", 6), (b"TYPE x []>.......", 9))
    )
    assert rules_of(jpeg(tail + head + middle)) == {"xmp-dtd"}
    assert rules_of(jpeg(tail + middle + head)) == {"xmp-dtd"}


def test_entities_in_the_last_of_many_extended_packets() -> None:
    decoys = b"".join(extended_by(b"%d" % number, b"x", 1, 0) for number in range(40))
    last = extended_by(b"A", b"<x/><!DOC", 19, 0) + extended_by(b"A", b"TYPE x []>", 19, 9)
    assert rules_of(jpeg(decoys + last)) == {"xmp-dtd"}


def test_pieces_that_are_too_many_or_lie_over_each_other_are_named_in_coverage() -> None:
    screening = Recorder()
    assert rules_of(jpeg(extended_xmp(b"inert", 9, 0) * 2 + extended_xmp(b"inert", 9, 4)), screening) == {
        "xmp-extension"
    }
    assert len(screening.gaps) == 1
    screening = Recorder()
    many = b"".join(extended_xmp(b"x", 5000, n) for n in range(5000))
    assert rules_of(jpeg(many), screening) == {"xmp-extension"}
    assert len(screening.gaps) == 1


def test_extended_xmp_without_its_fields_is_looked_into() -> None:
    short = segment(APP + 1, b"http://ns.adobe.com/xmp/extension/\0<?php inert;")
    assert rules_of(jpeg(short)) == {"xmp-extension", "code-in-metadata"}


def test_extended_xmp_with_a_gap() -> None:
    assert rules_of(jpeg(extended_xmp(b"inert", 15, 0) + extended_xmp(b"inert", 15, 10))) == {"xmp-extension"}
    assert rules_of(jpeg(extended_xmp(b"inert", 10, 0) + extended_xmp(b"inert", 10, 5))) == set()


@pytest.mark.parametrize("identifier", [b"", b"http://ns.adobe.com/xap/1.0/\0", b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"])
@pytest.mark.parametrize("code", [b"<?PHP x();\0\1", b"<script>\0\1", b" eval(x)\0\1"])
def test_code_in_metadata(identifier: bytes, code: bytes) -> None:
    marker = APP + 1 if identifier else COM
    assert rules_of(jpeg(segment(marker, identifier + b"inert " + code))) == {"code-in-metadata"}


@pytest.mark.parametrize(
    "words",
    [
        b"CREATOR: gd-jpeg v1.0 (using IJG JPEG v62), quality = 90\n",
        b"File written by Adobe Photoshop\xa8 5.2",
        b"LEAD Technologies Inc. V1.01\0",
        b"Lavc60.31.102\0",
        b"a < % b, retrieval(x), <scripture>",
        b"AppleMark\n",
        b"import of the photos from the camera\n",
    ],
)
def test_usual_comments(words: bytes) -> None:
    assert all_rules(jpeg(segment(COM, words))) == set()


@pytest.mark.parametrize(
    "private",
    [
        b"<!DOCTYPE html><html><body>inert</body></html>",
        b"PK\3\4\x14\0\0\0\0\0" + bytes(60),
        b"\0\0" + b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHI", 2, 62, 1) + bytes(28) + b"\x40\0" + bytes(10),
        b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\nstartxref\n0\n%%EOF\n",
    ],
    ids=["page", "archive", "program", "document"],
)
@pytest.mark.parametrize("marker", [COM, APP + 4])
def test_whole_file_in_a_segment_is_a_parasite(private: bytes, marker: int) -> None:
    assert "parasite" in rules_of(jpeg(segment(marker, private)))


def test_large_segments_with_a_reason_are_not_oversized() -> None:
    jumbf = segment(APP + 11, b"JP\0\1" + bytes(60_000))
    assert rules_of(jpeg(jumbf * 20)) == set()


def test_photoshop_block_runs_on_into_the_next_segment() -> None:
    whole = resource(bytes(100))
    head, rest = whole[:60], whole[60:]
    first = head[:2] + struct.pack(">H", len(head) - 2) + head[4:]
    assert rules_of(jpeg(first + segment(APP + 13, b"Photoshop 3.0\0" + rest))) == set()
    assert rules_of(jpeg(first)) == {"photoshop-resource"}


def test_photoshop_thumbnail_is_a_member() -> None:
    header = struct.pack(">6IHH", 1, 1, 1, 4, 4, len(SMALLEST), 24, 1)
    screening = Recorder()
    assert rules_of(jpeg(resource(header + SMALLEST, kind=0x040C)), screening) == set()
    assert [(name, source.size) for name, source in screening.members] == [("Photoshop/thumbnail.jpg", len(SMALLEST))]


def test_thumbnails_are_bounded() -> None:
    screening = Recorder()
    rules_of(jpeg(segment(APP, b"JFXX\0\x10" + SMALLEST) * 20), screening)
    assert len(screening.members) == 16
    assert screening.gaps


# --- further pictures, tails ---


@pytest.mark.parametrize("gap", [b"", bytes(1), bytes(5000), bytes(60_000)], ids=len)
def test_further_picture_behind_zeros_belongs_to_the_file(gap: bytes) -> None:
    screening = Recorder()
    whole = with_second(gap)
    assert rules_of(whole, screening) == set()
    assert [(name, source.size) for name, source in screening.members] == [("picture[1].jpg", len(jpeg()))]
    assert screening.end == len(whole)


def test_further_picture_without_an_index_belongs_to_the_file() -> None:
    screening = Recorder()
    assert rules_of(jpeg(after=jpeg() * 3 + b"tail"), screening) == set()
    assert len(screening.members) == 3
    assert screening.end == 4 * len(jpeg())


def test_further_picture_is_judged() -> None:
    assert "jpeg.huffman-table" in all_rules(jpeg(after=jpeg(dht(2))))


def test_file_between_two_pictures_is_a_parasite() -> None:
    assert "parasite" in rules_of(with_second(b"<!DOCTYPE html><html><script>inert</script></html>"))


def test_many_other_bytes_before_a_picture_that_the_index_names_are_a_tail() -> None:
    screening = Recorder()
    whole = with_second(b"inert" * 2000)
    assert rules_of(whole, screening) == set()
    assert [name for name, _ in screening.members] == ["picture[1].jpg"]
    assert screening.end == len(whole) - len(jpeg()) - 10_000
    assert all_rules(whole) == {"concealed.tail"}
    assert all_rules(with_second(b"inert")) == set()


def test_index_whose_pictures_were_dropped_is_told_at_most() -> None:
    assert SEVERITY["jpeg.mpf-index"] is Severity.INFO
    assert rules_of(jpeg(mpf([(100, 0), (5000, 4000)]))) == {"mpf-index"}


def test_video_of_a_motion_photo_is_left_to_the_tail() -> None:
    video = struct.pack(">I", 24) + b"ftypmp42\0\0\0\0isommp42" + bytes(5000)
    screening = Recorder()
    whole = jpeg(after=video)
    assert rules_of(whole, screening) == set()
    assert screening.end == len(jpeg())
    assert all_rules(whole) == set()


def test_further_pictures_are_bounded() -> None:
    screening = Recorder()
    rules_of(jpeg(after=jpeg() * 300), screening)
    assert len(screening.members) == 256
    assert screening.gaps


def test_picture_is_judged_before_the_download_has_ended() -> None:
    whole = jpeg(segment(COM, b"inert") + exif(ifd([]))) + bytes(1 << 20)
    asked = 0

    def pieces() -> object:
        nonlocal asked
        for at in range(0, len(whole), 1000):
            asked = at
            yield whole[at : at + 1000]

    findings = validate_jpeg(Source.of_pieces(pieces()), Recorder())  # type: ignore[arg-type]
    assert list(findings) == []
    assert asked < 1 << 19


@pytest.mark.parametrize("step", [1, 7, 5000])
def test_growing_file(step: int) -> None:
    whole = with_second(bytes(3))
    with growing(whole, step=step) as source:
        assert inspect(source) == inspect(Source.of_bytes(whole))


@given(st.binary(max_size=200), st.integers(0, 400))
@settings(max_examples=200, deadline=None)
def test_any_bytes_behind_any_beginning(data: bytes, cut: int) -> None:
    rules_of(SOI + b"\xff" + data)
    rules_of(jpeg(exif(ifd([])))[:cut] + data + EOI)
