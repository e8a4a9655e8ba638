"""GIF: every rule with its repaired twin, the traps that honest encoders set, the bounds, Pillow as the oracle."""

from __future__ import annotations

import io
import shutil
import subprocess
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import looks
from carriers.gif import (
    CASES,
    application,
    chain,
    comment,
    control,
    extension,
    frame,
    gif,
    lzw,
    profile,
    screen,
    xmp,
)
from carriers.polyglot import zip_archive
from lazaretto_validators import Severity, Source, inspect
from lazaretto_validators.images.gif import MAX_CODES, SMALLEST
from lazaretto_validators.images.gif_lzw import Pixels
from lazaretto_validators.images.gif_structure import data_of
from lazaretto_validators.registry import default_registry
from lazaretto_validators.source import PIECE
from lazaretto_validators.testing import Case

rules_of = partial(looks.rules_of, prefix="gif.")

SEVERITY = {rule.id: rule.severity for rule in default_registry().rules.values()}


def drawn(size: tuple[int, int], mode: str = "P", **options: object) -> bytes:
    """A noisy picture written by Pillow."""
    buffer = io.BytesIO()
    Image.effect_noise(size, 80).convert(mode).save(buffer, "GIF", **options)
    return buffer.getvalue()


def frames_by_pillow(data: bytes) -> int:
    """Loads all frames with Pillow, an independent decoder; how many there are."""
    with Image.open(io.BytesIO(data)) as image:
        frames = int(getattr(image, "n_frames", 1))
        for number in range(frames):
            image.seek(number)
            image.load()
    return frames


@pytest.mark.parametrize("case", [c for c in CASES if len(c.repaired) < 5000], ids=lambda case: case.rule)
def test_pillow_accepts_repaired_twin(case: Case) -> None:
    assert frames_by_pillow(case.repaired) >= 1


def test_smallest_picture_is_valid() -> None:
    assert rules_of(SMALLEST) == set()
    assert frames_by_pillow(SMALLEST) == 1


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (300, 200), (1200, 800)])
@pytest.mark.parametrize("interlace", [0, 1])
def test_pictures_written_by_pillow_are_valid(size: tuple[int, int], interlace: int) -> None:
    assert rules_of(drawn(size, interlace=interlace)) == set()
    assert rules_of(drawn(size, "1", comment="a comment " * 60)) == set()


def test_animation_written_by_pillow_is_valid() -> None:
    frames = [Image.effect_noise((90, 70), 10 * n).convert("P") for n in range(1, 9)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=50, loop=0, disposal=2)
    assert frames_by_pillow(buffer.getvalue()) == 8
    assert rules_of(buffer.getvalue()) == set()


@pytest.mark.parametrize("program", ["gifbuild", "giftext"])
def test_giflib_agrees(program: str, tmp_path: Path) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    path = tmp_path / "a.gif"
    path.write_bytes(gif(control(transparent=1), comment(b"inert"), frame(), frame()))
    command = [program, "-d", str(path)] if program == "gifbuild" else [program, str(path)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert rules_of(path.read_bytes()) == set()


@pytest.mark.parametrize(
    "honest",
    [
        gif(trailer=b""),
        gif(frame(), b"\0\0\0"),
        gif(frame(3, 3)),
        gif(head=screen(0, 0)),
        gif(head=screen(background=255)),
        gif(control(), control(), frame()),
        gif(frame(codes=lzw(4, end=False))),
        gif(frame(codes=lzw(6))),
        gif(application(b"XMP DataXMP", b"inert"), frame()),
        gif(head=screen(palette=b"")),
        gif() + b"\0\0\r\n",
        gif() + b";",
    ],
    ids=[
        "no trailer", "zeros between blocks", "a frame sticks out", "Photoshop's empty canvas", "background",
        "two controls", "no end code", "extra pixels", "XMP in blocks", "no palette", "padding", "second trailer",
    ],
)  # fmt: skip
def test_what_honest_encoders_do_is_told_at_most(honest: bytes) -> None:
    assert {SEVERITY[f.rule] for f in inspect(Source.of_bytes(honest)).findings} <= {Severity.INFO}


def test_xmp_whose_text_reads_as_lengths_leads_to_the_next_block() -> None:
    for length in range(250, 520, 7):
        assert rules_of(gif(xmp(b"x" * length), frame())) == set()


def test_entities_in_xmp() -> None:
    assert rules_of(gif(xmp(b'<!ENTITY x "y">' + b" " * 400), frame())) == {"xmp-dtd"}


@pytest.mark.parametrize("code", [b"<?PHP x", b"<script>", b"; eval(x)", b"/.*/e", b"<%= x %>"])
def test_code_in_comments_and_xmp(code: bytes) -> None:
    assert rules_of(gif(comment(b"x" * 5000 + code), frame())) == {"code-in-metadata"}
    assert rules_of(gif(comment(b"x" * 253 + code), frame())) == {"code-in-metadata"}  # cut apart by a sub-block
    assert rules_of(gif(xmp(b"x" * 500 + code), frame())) == {"code-in-metadata"}


@pytest.mark.parametrize("words", [b"retrieval(x)", b"a < % b", b"<scripture>", b"obj.eval(1)", b"From: me\nTo: you\n"])
def test_words_that_only_look_like_code(words: bytes) -> None:
    assert rules_of(gif(comment(words * 9), frame())) == set()


def test_document_type_cut_apart_by_sub_blocks_of_xmp() -> None:
    """Editors store XMP in ordinary blocks, and readers put it together again."""
    broken = gif(application(b"XMP DataXMP", b"x" * 250 + b"<!DOCTYPE x []>"), frame())
    assert rules_of(broken) == {"xmp-dtd", "xmp-trailer"}


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (900, 9000)])
def test_many_frames_that_are_larger_than_the_screen(size: tuple[int, int]) -> None:
    """Viewers enlarge the screen for the first frame."""
    large = frame(9000, 9000, codes=lzw(1))
    assert "frame-bomb" in rules_of(gif(*[large] * 20, head=screen(*size)))


def test_first_frame_far_from_an_empty_screen() -> None:
    assert "pixel-bomb" in rules_of(gif(frame(1, 1, (60_000, 1)), head=screen(0, 0)))
    assert "pixel-bomb" not in rules_of(gif(frame(1, 1, (600, 1)), head=screen(0, 0)))


def test_profile_whose_table_of_tags_is_longer_than_itself() -> None:
    lying = profile()[:128] + b"\0\0\0\1"
    assert rules_of(gif(application(b"ICCRGBG1012", lying), frame())) == {"icc-profile"}


def test_archive_behind_a_picture_without_trailer() -> None:
    assert "concealed.zip" in rules_of(gif(trailer=b"") + zip_archive())


def test_medical_picture_over_a_picture() -> None:
    head = screen(palette=b"")
    text = b"x" * (128 - len(head) - 3) + b"DICM\2\0\0\0UL\4\0"
    assert "concealed.dicom" in rules_of(gif(comment(text), frame(), head=head))


@pytest.mark.parametrize("code", [b"<?php echo 1; // " + b"inert " * 20, b"<html><body>" + b"inert " * 20])
def test_comment_that_is_a_whole_script_or_page(code: bytes) -> None:
    assert "parasite" in rules_of(gif(comment(code), frame()))


@given(st.integers(2, 8), st.integers(1, 40), st.integers(1, 40), st.data())
@settings(max_examples=60, deadline=None)
def test_pixels_are_counted_as_pillow_writes_them(bits: int, width: int, height: int, data: st.DataObject) -> None:
    colours = data.draw(st.binary(min_size=width * height, max_size=width * height))
    image = Image.frombytes("P", (width, height), bytes(c >> 8 - bits for c in colours))
    image.putpalette(bytes(range(256)) * 3)
    buffer = io.BytesIO()
    image.save(buffer, "GIF")
    assert rules_of(buffer.getvalue()) == set()


@given(st.binary(max_size=3000), st.integers(2, 11), st.lists(st.integers(1, 900), min_size=1, max_size=9))
@settings(max_examples=80, deadline=None)
def test_codes_do_not_depend_on_how_they_arrive(stream: bytes, code_size: int, steps: list[int]) -> None:
    whole, parts = Pixels(code_size), Pixels(code_size)
    whole.feed(stream)
    at = 0
    while at < len(stream):
        step = steps[at % len(steps)]
        parts.feed(stream[at : at + step])
        at += step
    outcome = [(p.count, p.fault, p.ended, p.surplus) for p in (whole, parts)]
    assert outcome[0] == outcome[1]


@pytest.mark.parametrize("code_size", [7, 8, 11])
@pytest.mark.parametrize("place", [300, 700, 5000])
def test_clear_and_end_codes_within_a_batch(code_size: int, place: int) -> None:
    """One after so many codes; each stands for a string of two, the one before and itself."""
    clear, numbers = 1 << code_size, [1 << code_size, 0]
    size = clear + 2
    widths = [code_size + 1] * 2
    while len(numbers) < place:
        numbers.append(0)
        widths.append(min(12, max(code_size + 1, size.bit_length())))
        size = min(size + 1, 4096)
    for last in (clear, clear + 1, 1):
        codes = [*numbers, last]
        stream = at = 0
        for number, width in zip(codes, [*widths, min(12, size.bit_length())], strict=True):
            stream |= number << at
            at += width
        pixels = Pixels(code_size)
        pixels.feed(stream.to_bytes((at + 7) // 8 + 100, "little"))
        assert pixels.fault < 0
        assert pixels.ended is (last == clear + 1)


def test_stream_that_never_clears_its_full_table() -> None:
    stream = (256 | 0 << 9).to_bytes(3, "little") + bytes(40_000)
    assert Pixels(8).feed(stream) > 0


@pytest.mark.parametrize(
    "stream", [b"\x24\x49\x92" * 90_000, bytes(270_000), b"\xff" * 270_000], ids=["clears", "zeros", "ones"]
)
def test_no_stream_takes_many_turns(stream: bytes) -> None:
    assert Pixels(2).feed(stream) <= len(stream)


def test_pixel_data_beyond_the_bound_are_named_in_coverage() -> None:
    wide = frame(1000, 1000, codes=lzw(1_000_000))
    whole = gif(*[wide] * (MAX_CODES // 1_000_000 + 1), head=screen(1000, 1000))
    report = inspect(Source.of_bytes(whole))
    assert report.findings == ()
    assert any("walked" in gap.why for gap in report.coverage)


def test_chains_of_tiny_blocks_are_bounded() -> None:
    data = screen() + b"\x21\xfe" + b"\x01x" * 3_000_000
    assert rules_of(data) & {"truncated", "unscannable.budget"}


def test_chain_of_a_comment_longer_than_a_piece() -> None:
    assert rules_of(gif(b"\x21\xfe" + chain(b"word " * 200_000), frame())) == set()


@pytest.mark.parametrize("block", [PIECE // 256 - 1, PIECE // 128 - 1, PIECE // 100])
@pytest.mark.parametrize("place", [0, 150, 215, 217, 219, 221, 230])
def test_a_second_file_is_found_where_two_pieces_meet(block: int, place: int) -> None:
    archive = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"
    data = bytearray(lzw(4) + bytes(4 * PIECE))
    data[255 * block + place : 255 * block + place + len(archive)] = archive
    assert "parasite" in rules_of(gif(frame(codes=bytes(data))))


@pytest.mark.parametrize("size", [1, 7, 254, 255])
def test_runs_of_sub_blocks_hold_what_was_cut_into_them(size: int) -> None:
    data = bytes(range(256)) * 40
    whole = len(data) // size * size
    assert data_of([chain(data[:whole], size)[:-1], chain(data[whole:], size)[:-1] or b"\0"]) == data


@pytest.mark.parametrize("cut", range(6, len(SMALLEST)))
def test_no_prefix_of_a_picture_is_silent(cut: int) -> None:
    assert rules_of(SMALLEST[:cut]) & {"truncated", "no-trailer"}


def test_profile_padded_to_four_bytes_is_usual() -> None:
    assert rules_of(gif(application(b"ICCRGBG1012", profile() + b"\0\0"), frame())) == set()


def test_plain_text_extension_is_no_fault() -> None:
    assert rules_of(gif(extension(0x01, bytes(12), b"inert"), frame())) == set()
