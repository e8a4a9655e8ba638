"""BMP: every rule with its repaired twin, the traps that honest writers set, the bounds, Pillow as the oracle."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import looks
from carriers.bmp import CASES, PIXELS, bmp, core, dib, info, profile, runs, v5, with_gap
from carriers.polyglot import PNG, zip_archive
from lazaretto_validators import Severity, Source, inspect
from lazaretto_validators.images.bmp import MAX_FOLLOWED, SMALLEST, validate_bmp
from lazaretto_validators.images.bmp_rle import Runs, fed
from lazaretto_validators.registry import default_registry
from lazaretto_validators.testing import Case, Recorder

rules_of = partial(looks.rules_of, prefix="bmp.")

SEVERITY = {rule.id: rule.severity for rule in default_registry().rules.values()}


def is_read_by_pillow(data: bytes) -> bool:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
    return True


def drawn(mode: str, size: tuple[int, int], kind: str = "BMP") -> bytes:
    """A picture written by Pillow."""
    buffer = io.BytesIO()
    Image.effect_noise(size, 80).convert(mode).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_pillow_accepts_repaired_twin(case: Case) -> None:
    assert is_read_by_pillow(case.repaired)


def test_smallest_picture_is_valid() -> None:
    assert rules_of(SMALLEST) == set()
    assert is_read_by_pillow(SMALLEST)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA"])
@pytest.mark.parametrize("size", [(1, 1), (7, 3), (640, 481)])
@pytest.mark.parametrize("kind", ["BMP", "DIB"])
def test_pictures_written_by_pillow_are_valid(mode: str, size: tuple[int, int], kind: str) -> None:
    assert rules_of(drawn(mode, size, kind)) == set()


@pytest.mark.parametrize(
    "honest",
    [
        bmp(info(planes=0)),
        bmp() + b"\0\0",
        b"BM" + struct.pack("<L", 7) + bmp()[6:],
        b"BM" + bytes(4) + bmp()[6:],
        bmp(info(height=-2)),
        bmp(pixels=PIXELS[:-2]),
        bmp(behind=bytes(1000)),
        runs(2, 1, 0, 0, 2, 1),
        runs(0, 2, 1, 1, 0, 1),
        bmp(core()),
        bmp(info(size=64)),
        bmp(v5(depth=32, compression=3, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000))),
        bmp(v5(0x4D424544, 124, 132), profile()),
        bmp(info(depth=0, compression=5, image_size=len(PNG)), pixels=PNG),
        dib(),
    ],
    ids=[
        "scanner", "Photoshop's padding", "wrong file size", "no file size", "top-down", "last row", "aligned pixels",
        "no end mark", "move", "OS/2 1", "OS/2 2", "V5 with masks", "profile before the pixels", "a PNG", "clipboard",
    ],
)  # fmt: skip
def test_what_honest_writers_do_is_told_at_most(honest: bytes) -> None:
    assert {SEVERITY[f.rule] for f in inspect(Source.of_bytes(honest)).findings} <= {Severity.INFO}


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (bmp(info(0, 2)), "dimensions"),
        (bmp(info(2, 0)), "dimensions"),
        (bmp(info(2, -(1 << 31))), "pixel-bomb"),
        (bmp(info((1 << 31) - 1, (1 << 31) - 1)), "pixel-bomb"),
        (bmp(info(depth=8, used=300), bytes(1200), bytes(8)), "colours"),
        (bmp(info(depth=24, used=0xFFFFFFFF)), "colours"),
        (bmp(offset=53), "pixel-offset"),
        (bmp(offset=0), "pixel-offset"),
        (bmp(offset=0xFFFFFFFF), "pixel-offset"),
        (bmp(info(depth=24, compression=1)), "depth"),
        (bmp(info(depth=16, compression=3), struct.pack("<3L", 0xF00, 0xF0, 0x1000F)), "masks"),
        (bmp(info(depth=16, compression=3), struct.pack("<3L", 0xB00, 0xF0, 0xF)), "masks"),
        (runs(2, 1, 0, 0, 2, 1, 0, 0, 1, 1, 0, 1), "rle-overrun"),
        (runs(0, 2, 3, 0, 0, 1), "rle-overrun"),
        (runs(0, 3, 1, 1, 1, 0, 0, 1), "rle-overrun"),
        (runs(2, 1, 0, 1, image_size=9000), "short-tail"),
        (bmp(v5(0x4D424544, 0xFFFFFFFF, 0xFFFFFFFF)), "profile"),
        (bmp(v5(0x4D424544, 124, 132), profile(1)), "profile"),
        (bmp(info(40_000, 40_000)), "truncated"),
        (bmp(info(depth=0, compression=5, image_size=900), pixels=PNG), "truncated"),
    ],
)
def test_lies_in_the_headers(broken: bytes, rule: str) -> None:
    if rule == "short-tail":
        assert rules_of(broken) == set()
    else:
        assert rule in rules_of(broken)


@pytest.mark.parametrize(
    "code", [b"<?php echo 1;", b"<script>inert</script>", b"<html><body>inert inert</body></html>"]
)
def test_script_or_page_in_the_gap(code: bytes) -> None:
    assert rules_of(bmp(behind=code + b" " * 8)) & {"parasite", "code-in-gap"}
    assert any(SEVERITY[f.rule] is Severity.HIGH for f in inspect(Source.of_bytes(bmp(behind=code))).findings)


@pytest.mark.parametrize(
    ("gap", "rule"),
    [
        (b"<html><body>inert inert</body></html>", "parasite"),
        (b"inert; eval(1)\0\1", "code-in-gap"),
        (b"inert", "gap"),
        (b"inert" * 20_000, "large-gap"),
        (bytes(100_000), None),
    ],
)
def test_something_between_pixels_and_profile(gap: bytes, rule: str | None) -> None:
    assert rules_of(with_gap(gap)) == ({rule} if rule else set())


def test_profile_whose_table_of_tags_is_longer_than_itself() -> None:
    lying = profile()[:128] + b"\0\0\0\1"
    assert rules_of(bmp(v5(0x4D424544, 140, 132), pixels=PIXELS + lying)) == {"profile"}


@pytest.mark.parametrize("size", [b"/*\0\0", b"=\n/*", b":\n/*", b"x=/*"])
def test_size_that_reads_as_a_script(size: bytes) -> None:
    assert "script" in rules_of(b"BM" + size + bmp(pixels=b"*/=1;//inert----")[6:])


def test_headers_are_judged_before_the_download_has_ended() -> None:
    whole = bmp(info(1000, 1000, planes=2), pixels=bytes(3_000_000))
    asked = []

    def pieces() -> Iterator[bytes]:
        for at in range(0, len(whole), 1000):
            asked.append(at)
            yield whole[at : at + 1000]

    told = validate_bmp(Source.of_pieces(pieces()), Recorder())
    assert next(told).rule == "bmp.planes"
    assert len(asked) < 100


def test_archive_behind_the_pixels() -> None:
    assert "concealed.zip" in rules_of(bmp() + zip_archive())


def test_medical_picture_over_a_picture() -> None:
    assert "concealed.dicom" in rules_of(bmp(behind=bytes(128 - 54) + b"DICM\2\0\0\0UL\4\0"))


def test_picture_inside_is_screened_as_itself() -> None:
    broken = PNG[:40] + b"\xff" + PNG[41:]
    found = inspect(Source.of_bytes(bmp(info(depth=0, compression=5), pixels=broken))).findings
    assert any(f.rule.startswith("png.") and f.where.startswith("pixels") for f in found)


@given(st.binary(max_size=4000), st.sampled_from([4, 8, 24]), st.integers(1, 700))
@settings(max_examples=80, deadline=None)
def test_runs_do_not_depend_on_how_they_arrive(stream: bytes, depth: int, step: int) -> None:
    whole, parts = Runs(20, 20, depth), Runs(20, 20, depth)
    list(fed(whole, iter([stream])))
    list(fed(parts, (stream[at : at + step] for at in range(0, len(stream), step))))
    assert (whole.used, whole.ended, whole.overrun) == (parts.used, parts.ended, parts.overrun)


def test_runs_beyond_the_bound_are_named_in_coverage() -> None:
    stream = b"\1\1\0\0" * (MAX_FOLLOWED // 4 + 1)
    header = info(2, 32_000, depth=8, compression=1, image_size=len(stream), used=2)
    report = inspect(Source.of_bytes(bmp(header, bytes(8), stream)))
    assert any("followed" in gap.why for gap in report.coverage)


@pytest.mark.parametrize("cut", range(30, len(SMALLEST)))
def test_no_prefix_of_a_picture_is_silent(cut: int) -> None:
    assert rules_of(SMALLEST[:cut]) & {"truncated", "pixel-offset", "last-row"}


@pytest.mark.parametrize("place", [0, 8000, 65_536, 65_600])
def test_a_second_file_is_found_in_and_behind_the_pixels(place: int) -> None:
    archive = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"
    whole = bytearray(bmp(v5(0x4D424544, 124 + 65_536, 400, width=128, height=128, depth=32), pixels=bytes(66_000)))
    whole[138 + place : 138 + place + len(archive)] = archive
    assert "parasite" in rules_of(bytes(whole))
