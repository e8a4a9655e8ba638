"""PNG and APNG: every rule with its repaired twin, the traps that honest encoders set, the bounds, an oracle."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from carriers.png import (
    CASES,
    ROWS,
    actl,
    animation,
    chunk,
    fctl,
    fdat,
    icc_profile,
    idat,
    ihdr,
    indexed,
    itxt,
    palette,
    png,
    ztxt,
)
from lazaretto_validators import Limits, Severity, Source, inspect
from lazaretto_validators.images.png import SIGNATURE, SMALLEST, validate_png
from lazaretto_validators.source import PIECE, ShortRead
from lazaretto_validators.testing import Case, Recorder

SEVERITY = {rule.id: rule.severity for rule in validate_png.rules}


def rules_of(data: bytes, screening: Recorder | None = None) -> set[str]:
    """The rules that the validator finds broken, without their prefix; `truncated` where the file ends too early."""
    found: set[str] = set()
    try:
        for finding in validate_png(Source.of_bytes(data), screening or Recorder()):
            found.add(finding.rule.removeprefix("png."))
    except ShortRead:
        found.add("truncated")
    return found


def pixels_by_pillow(data: bytes) -> int:
    """Loads all frames with Pillow, an independent decoder; how many there are."""
    with Image.open(io.BytesIO(data)) as image:
        frames = getattr(image, "n_frames", 1)
        for frame in range(frames):
            image.seek(frame)
            image.load()
    return int(frames)


def drawn(mode: str, size: tuple[int, int]) -> bytes:
    """A picture written by Pillow."""
    buffer = io.BytesIO()
    whole = Image.new(mode, size) if mode == "I;16" else Image.effect_noise(size, 80).convert(mode)
    whole.save(buffer, "PNG")
    return buffer.getvalue()


def interlaced(width: int, height: int, depth: int, colour: int, rows: bytes) -> bytes:
    return png(head=ihdr(width, height, depth, colour, interlace=1), pixels=idat(rows))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_pillow_accepts_repaired_twin(case: Case) -> None:
    assert pixels_by_pillow(case.repaired) >= 1


def test_smallest_picture_is_valid() -> None:
    assert rules_of(SMALLEST) == set()
    assert pixels_by_pillow(SMALLEST) == 1


@pytest.mark.parametrize("mode", ["1", "L", "LA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (640, 480)])
def test_pictures_written_by_pillow_are_valid(mode: str, size: tuple[int, int]) -> None:
    assert rules_of(drawn(mode, size)) == set()


def test_animation_written_by_pillow_is_valid() -> None:
    frames = [Image.effect_noise((40, 30), 10 * n) for n in range(1, 5)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "PNG", save_all=True, append_images=frames[1:], duration=50)
    assert pixels_by_pillow(buffer.getvalue()) == 4
    assert rules_of(buffer.getvalue()) == set()


@pytest.mark.parametrize(("width", "height"), [(w, h) for w in (1, 2, 3, 5, 8, 9) for h in (1, 2, 4, 5, 8, 9)])
def test_interlaced_size_is_that_of_the_pixels_counted_one_by_one(width: int, height: int) -> None:
    pattern = ("16462646", "77777777", "56565656", "77777777", "36463646", "77777777", "56565656", "77777777")
    grid = [[pattern[y % 8][x % 8] for x in range(width)] for y in range(height)]
    rows = 0
    for number in "1234567":
        rows += sum(1 + -(-line.count(number) * 4 // 8) for line in grid if number in line)
    whole = interlaced(width, height, 4, 0, bytes(rows))
    assert rules_of(whole) == set()
    assert pixels_by_pillow(whole) == 1
    assert "idat-shortage" in rules_of(interlaced(width, height, 4, 0, bytes(rows - 1)))


def test_filter_byte_is_checked_in_every_pass() -> None:
    rows = bytearray(bytes(2) + bytes(2) + bytes(3) + bytes(3) * 2 + bytes(5) * 2 + bytes(5) * 4 + bytes(9) * 4)
    head = ihdr(8, 8, interlace=1)
    assert rules_of(png(head=head, pixels=idat(bytes(rows)))) == set()
    for first_of_pass in (0, 2, 4, 7, 13, 23, 43):
        wrong = bytearray(rows)
        wrong[first_of_pass] = 5
        assert rules_of(png(head=head, pixels=idat(bytes(wrong)))) == {"filter-byte"}


@given(st.integers(1, 300), st.integers(1, 300), st.data())
@settings(max_examples=40, deadline=None)
def test_filter_byte_is_found_in_whichever_row_it_stands(width: int, height: int, data: st.DataObject) -> None:
    row = data.draw(st.integers(0, height - 1))
    cut = data.draw(st.integers(1, 50))
    rows = bytearray((width + 1) * height)
    rows[row * (width + 1)] = 200
    stream = zlib.compress(bytes(rows))
    pixels = b"".join(chunk(b"IDAT", stream[at : at + cut]) for at in range(0, len(stream), cut))
    found = list(validate_png(Source.of_bytes(png(head=ihdr(width, height), pixels=pixels)), Recorder()))
    assert [(f.rule, f.seen) for f in found] == [("png.filter-byte", f"200 in row {row}")]


def test_long_rows_are_checked_beyond_one_piece() -> None:
    width = 30_000
    rows = bytearray((8 * width + 1) * 3)
    rows[2 * (8 * width + 1)] = 9
    head = ihdr(width, 3, 16, 6)
    assert rules_of(png(head=head, pixels=idat(bytes(rows)))) == {"filter-byte"}
    rows[2 * (8 * width + 1)] = 4
    assert rules_of(png(head=head, pixels=idat(bytes(rows)))) == set()


def test_pixel_data_in_many_chunks_some_of_them_empty() -> None:
    stream = zlib.compress(ROWS)
    pieces = [chunk(b"IDAT", stream[n : n + 1]) + chunk(b"IDAT") for n in range(len(stream))]
    assert rules_of(png(pixels=b"".join(pieces))) == set()


def test_window_smaller_than_used_is_tolerated() -> None:
    head = b"\x08\x1d"  # CINFO 0: a window of 256 bytes
    rows = b"".join(b"\0" + struct.pack(">256H", *range(n, n + 256)) for n in range(256))
    stream = zlib.compress(rows)
    whole = png(head=ihdr(256, 256, 16), pixels=chunk(b"IDAT", head + stream[2:]))
    assert rules_of(whole) == set()


@pytest.mark.parametrize("head", [b"\x77\x85", b"\x88\x1c", b"\x78\xbb", b"\x78\x00"])
def test_zlib_header_is_wrong(head: bytes) -> None:
    assert rules_of(png(pixels=chunk(b"IDAT", head + zlib.compress(ROWS)[2:]))) == {"zlib-header"}


def test_pixel_data_cut_inside_the_zlib_header() -> None:
    assert rules_of(png(pixels=chunk(b"IDAT", b"\x78"))) == {"idat-shortage"}


def test_never_more_is_inflated_than_expected_and_one_piece() -> None:
    screening = Recorder()
    assert rules_of(png(pixels=idat(bytes(50 << 20))), screening) == {"idat-surplus"}
    assert screening.expanded <= len(ROWS) + PIECE


def test_pixel_bomb_is_told_before_anything_is_inflated() -> None:
    screening = Recorder()
    assert rules_of(png(head=ihdr(20_000, 20_000), pixels=idat(bytes(1000))), screening) == {"pixel-bomb"}
    assert (screening.expanded, screening.gaps) == (0, ["IDAT"])


@pytest.mark.parametrize(("width", "height"), [(32_769, 1), (1, 32_769), (10_001, 10_000)])
def test_pixel_bounds_are_exact(width: int, height: int) -> None:
    assert "pixel-bomb" in rules_of(png(head=ihdr(width, height)))
    assert "pixel-bomb" not in rules_of(png(head=ihdr(width - (width > 10), height - (height > 10_000))))


def test_frame_bomb_is_told_although_few_frames_are_announced() -> None:
    frames = b"".join(fctl(2 * n + 1) + fdat(2 * n + 2) for n in range(2000))
    assert "frame-bomb" in rules_of(png(actl(1) + fctl(0), frames))


def test_pixels_beyond_the_granted_bytes_are_named_in_coverage() -> None:
    screening = Recorder(Limits(expanded_bytes=PIECE))
    assert rules_of(png(), screening) == set()
    assert (screening.expanded, screening.gaps) == (0, ["IDAT[0]"])


def test_text_bomb_stops_at_its_bound() -> None:
    screening = Recorder()
    assert rules_of(png(ztxt(bytes(40 << 20))), screening) == {"text-bomb"}
    assert screening.expanded <= (8 << 20) + 3 * PIECE


def test_photoshop_sized_xmp_is_no_bomb() -> None:
    text = b"".join(b"<rdf:li>%d</rdf:li>" % n for n in range(100_000))
    assert rules_of(png(itxt(text, compressed=True) + ztxt(text))) == set()


def test_profile_bomb() -> None:
    bomb = chunk(b"iCCP", b"Inert\0\0" + zlib.compress(bytes(9 << 20)))
    assert rules_of(png(bomb)) == {"text-bomb"}


@pytest.mark.parametrize(
    "value", [b"/etc/inert", b"-", b"~/inert", b"..\\inert", b"msl:inert", b"C:\\inert", b" /inert\n"]
)
def test_profile_keyword_names_a_file(value: bytes) -> None:
    assert rules_of(png(chunk(b"tEXt", b"profile\0" + value))) == {"profile-path"}
    assert rules_of(png(ztxt(value, b"PROFILE"))) == {"profile-path"}
    assert rules_of(png(itxt(value, b"Profile"))) == {"profile-path"}
    assert rules_of(png(chunk(b"tEXt", b"Comment\0" + value))) == set()


@pytest.mark.parametrize("value", [b"", b"inert words", b"line one\n/line two", b"a/" * 4000])
def test_profile_keyword_with_mere_words(value: bytes) -> None:
    assert rules_of(png(chunk(b"tEXt", b"profile\0" + value))) == set()


@pytest.mark.parametrize("code", [b"<?PHP x", b"<script>", b"; eval(x)", b"/.*/e", b"<%= x %>"])
def test_code_in_each_kind_of_text(code: bytes) -> None:
    expected = {"code-in-metadata"}
    assert rules_of(png(chunk(b"tEXt", b"Comment\0 " + code))) == expected
    assert rules_of(png(ztxt(b"x" * 300_000 + code))) == expected
    assert rules_of(png(itxt(code, compressed=True))) == expected
    assert rules_of(png(chunk(b"tEXt", code))) == expected | {"text-structure"}


@pytest.mark.parametrize("words", [b"retrieval(x)", b"a < % b", b"<scripture>", b"100 <%", b"obj.eval(1)"])
def test_words_that_only_look_like_code(words: bytes) -> None:
    assert rules_of(png(chunk(b"tEXt", b"Comment\0" + words))) == set()


@given(st.integers(0, 40), st.integers(PIECE - 30, PIECE + 30))
@settings(max_examples=60, deadline=None)
def test_code_is_seen_wherever_pieces_are_cut(behind: int, before: int) -> None:
    assert rules_of(png(ztxt(b"x" * before + b" eval(" + b"x" * behind))) == {"code-in-metadata"}
    assert rules_of(png(ztxt(b"x" * before + b"eval(" + b"x" * behind))) == set()


def test_code_in_a_private_chunk_and_in_exif() -> None:
    exif = b"MM\0*\0\0\0\x08" + bytes(6)
    assert rules_of(png(chunk(b"prIv", b"\0\1<?php"))) == {"code-in-metadata"}
    assert rules_of(png(chunk(b"eXIf", exif + b"<script>"))) == {"code-in-metadata"}
    assert rules_of(png(chunk(b"eXIf", exif + b"<% /.*/e"))) == set()


def test_entities_in_compressed_xmp() -> None:
    assert rules_of(png(itxt(b'<!ENTITY x "y">', compressed=True))) == {"xmp-dtd"}
    assert rules_of(png(itxt(b'<!ENTITY x "y">', b"Comment"))) == set()


@pytest.mark.parametrize(
    "broken",
    [
        icc_profile(size=100),
        icc_profile(size=149),
        icc_profile(tags=3),
        icc_profile(tags=1 << 31),
        icc_profile(tag_size=1 << 31),
    ],
    ids=["longer", "shorter", "tags", "many tags", "tag size"],
)
def test_profile_lies(broken: bytes) -> None:
    assert rules_of(png(broken)) == {"icc-profile"}


def test_profile_padded_to_four_bytes_is_usual() -> None:
    assert rules_of(png(icc_profile(size=145))) == set()


def test_private_variant_of_apple_is_read() -> None:
    raw = zlib.compress(ROWS)[2:-4]
    whole = SIGNATURE + chunk(b"CgBI", bytes(4)) + png(pixels=chunk(b"IDAT", raw))[8:]
    assert rules_of(whole) == {"cgbi"}
    assert rules_of(png(chunk(b"CgBI", bytes(4)))) == {"unknown-critical"}


def test_walk_goes_on_where_the_header_is_not_first() -> None:
    screening = Recorder()
    whole = SIGNATURE + chunk(b"cOMM", b"inert") + png(after=chunk(b"ABCD"))[8:]
    assert rules_of(whole, screening) == {"ihdr-first", "unknown-critical"}
    assert screening.end == len(whole)


def test_file_without_header() -> None:
    assert rules_of(png(head=b"")) == {"ihdr-first"}


def test_end_is_told_and_the_tail_is_left_alone() -> None:
    screening = Recorder()
    assert rules_of(png() + chunk(b"IDAT", b"old pixels") + b"PK", screening) == set()
    assert screening.end == len(png())


@pytest.mark.parametrize("lost", [chunk(b"pr1v"), chunk(b"prIv", length=1 << 31), chunk(b"IHDR")])
def test_lost_structure_is_named_in_coverage(lost: bytes) -> None:
    screening = Recorder()
    rules_of(png(lost + chunk(b"prIv")), screening)
    assert screening.gaps == ["after byte 33"]
    assert screening.end is None


def test_second_header_changes_nothing() -> None:
    assert rules_of(png(ihdr(3, 3))) == {"chunk-duplicate"}


def test_palette_after_the_pixels() -> None:
    whole = png(after=palette(2), head=ihdr(colour=2), pixels=idat(bytes(14)))
    assert rules_of(whole) == {"chunk-order"}


@pytest.mark.parametrize(
    ("colour", "kind", "right", "wrong"),
    [
        (0, b"bKGD", 2, 6),
        (2, b"bKGD", 6, 2),
        (0, b"sBIT", 1, 3),
        (6, b"sBIT", 4, 3),
        (0, b"cHRM", 32, 31),
        (2, b"tRNS", 6, 2),
    ],
)
def test_length_depends_on_colour_type(colour: int, kind: bytes, right: int, wrong: int) -> None:
    size = {0: 1, 2: 3, 6: 4}[colour]
    pixels = idat((b"\0" + bytes(2 * size)) * 2)
    assert rules_of(png(chunk(kind, bytes(right)), head=ihdr(colour=colour), pixels=pixels)) == set()
    expected = {"trns-length" if kind == b"tRNS" else "chunk-size"}
    assert rules_of(png(chunk(kind, bytes(wrong)), head=ihdr(colour=colour), pixels=pixels)) == expected


def test_histogram_has_a_count_for_each_colour() -> None:
    assert rules_of(indexed(palette(3) + chunk(b"hIST", bytes(6)))) == set()
    assert rules_of(indexed(palette(3) + chunk(b"hIST", bytes(4)))) == {"chunk-size"}


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (animation(b""), "apng-order"),
        (animation(actl() + fctl(0), fctl(1)), "apng-order"),
        (animation(first=fctl(0, size=(1, 1))), "apng-frame"),
        (animation(second=fctl(1, size=(0, 1))), "apng-frame"),
        (animation(second=fctl(1, at=(0xFFFFFFFF, 0))), "apng-frame"),
        (animation(second=fctl(1, blend=2)), "apng-operation"),
        (animation(second=b"", data=fdat(1)), "apng-order"),
        (animation(second=b"", data=fctl(1) + fctl(2) + fdat(3)), "apng-order"),
        (animation(data=fdat(2, ROWS[:-1])), "idat-shortage"),
        (animation(data=fdat(2, ROWS + ROWS)), "idat-surplus"),
        (animation(data=fdat(2, b"\7" + ROWS[1:])), "filter-byte"),
        (animation(data=fdat(3)), "apng-sequence"),
        (animation(data=chunk(b"fdAT", b"\0\0")), "chunk-size"),
        (png(after=actl(0)), "apng-order"),
    ],
)
def test_animation_lies(broken: bytes, rule: str) -> None:
    assert rule in rules_of(broken)


def test_default_image_may_be_no_frame() -> None:
    whole = png(actl(1), fctl(0, size=(1, 1), at=(1, 1)) + fdat(1, b"\0\x50"))
    assert rules_of(whole) == set()
    assert pixels_by_pillow(whole) >= 1


def test_frame_in_several_chunks() -> None:
    stream = zlib.compress(ROWS)
    parts = [chunk(b"fdAT", struct.pack(">I", 2 + n) + stream[n : n + 1]) for n in range(len(stream))]
    assert rules_of(animation(data=b"".join(parts))) == set()


@pytest.mark.parametrize(
    "honest",
    [
        SIGNATURE + chunk(b"CgBI", bytes(4)) + png(pixels=chunk(b"IDAT", zlib.compress(ROWS)[2:-4]))[8:],
        png(chunk(b"priv")),
        png(chunk(b"tEXt", b"Comment\0inert", crc=1)),
        png(icc_profile() + chunk(b"sRGB", b"\0")),
        png(after=chunk(b"pHYs", bytes(9))),
        indexed(palette(2) + chunk(b"tRNS", bytes(256))),
        png(pixels=idat(ROWS + bytes(3))),
        png(pixels=chunk(b"IDAT", zlib.compress(ROWS)[:-4])),
        animation(actl(3)),
    ],
    ids=["Xcode", "private", "patched", "GIMP", "late pHYs", "Photoshop", "padding", "screenshot", "stale number"],
)
def test_what_honest_encoders_do_is_told_and_no_more(honest: bytes) -> None:
    found = inspect(Source.of_bytes(honest)).findings
    assert {SEVERITY[finding.rule] for finding in found} == {Severity.INFO}


@pytest.mark.parametrize("cut", range(8, len(SMALLEST)))
def test_no_prefix_of_a_picture_is_a_picture(cut: int) -> None:
    assert "truncated" in rules_of(SMALLEST[:cut])


VALID = (*(case.repaired for case in CASES if len(case.repaired) < 2000), drawn("RGB", (50, 40)))


@given(st.sampled_from(VALID), st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8))
@settings(max_examples=300, deadline=None)
def test_damaged_pictures_never_make_the_validator_raise(whole: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(whole)
    for at, value in changes:
        data[8 + at % (len(data) - 8)] = value
    assert isinstance(rules_of(bytes(data)), set)


@given(st.sampled_from([case.broken for case in CASES if len(case.broken) < 2000]), st.integers(1, 9))
@settings(max_examples=100, deadline=None)
def test_findings_do_not_depend_on_arrival(data: bytes, step: int) -> None:
    pieces = (data[at : at + step] for at in range(0, len(data), step))
    assert inspect(Source.of_pieces(pieces)) == inspect(Source.of_bytes(data))


def test_work_is_bounded_for_many_empty_chunks() -> None:
    data = SIGNATURE + ihdr() + chunk(b"prIv") * 20_000
    found = inspect(Source.of_bytes(data), Limits(operations=10_000)).findings
    assert "unscannable.budget" in {finding.rule for finding in found}


@pytest.mark.parametrize("broken", [1, 5, 30])
def test_a_fault_in_one_of_many_small_chunks_is_told_of_that_one(broken: int) -> None:
    rows = bytearray((b"\0" + bytes(range(250))) * 400)
    rows[251 * 30] = 9  # a filter that does not exist, in a row that a chunk in the middle holds
    stream = zlib.compress(rows, 0)
    parts = [stream[at : at + 1000] for at in range(0, len(stream), 1000)]
    pixels = [chunk(b"IDAT", part, crc=7 if number == broken else None) for number, part in enumerate(parts)]
    picture = png(head=ihdr(250, 400), pixels=b"".join(pixels))
    found = {f.rule: f.where for f in inspect(Source.of_bytes(picture)).findings}
    assert found == {"png.chunk-crc": f"IDAT[{broken}]", "png.filter-byte": "IDAT[7]"}
