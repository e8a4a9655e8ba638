"""WebP: every rule with its repaired twin, the traps that honest encoders set, the bounds, Pillow as an oracle."""

from __future__ import annotations

import io
import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from carriers.polyglot import zip_archive
from carriers.riff import chunk
from carriers.webp import (
    CASES,
    CODES,
    START,
    Fields,
    alph,
    anim,
    animation,
    anmf,
    code_of,
    exif,
    extended,
    lossless,
    picture,
    single,
    stream,
    two,
    vp8l,
    vp8x,
    webp,
    xmp,
)
from lazaretto_validators import Severity, Source, inspect
from lazaretto_validators.images.webp import SMALLEST, validate_webp
from lazaretto_validators.images.webp_bits import Allowance
from lazaretto_validators.images.webp_lossless import Size, check_lossless
from lazaretto_validators.testing import Case, Recorder

SEVERITY = {rule.id: rule.severity for rule in validate_webp.rules}

# Pillow takes no care of what the rule forbids, or the twin is larger than Pillow opens.
UNOPENED = frozenset({"webp.frame-bomb"})

LOSSY = bytes.fromhex("3001009d012a010001000ec0fe25a400037000000000")


def rules_of(data: bytes, *, above: Severity | None = None) -> set[str]:
    """The rules that the whole inspection finds broken, without this format's prefix; only those worse than `above`."""
    findings = inspect(Source.of_bytes(data)).findings
    if above is not None:
        findings = tuple(f for f in findings if SEVERITY.get(f.rule, Severity.HIGH).rank < above.rank)
    return {finding.rule.removeprefix("webp.") for finding in findings}


def by_pillow(data: bytes) -> int:
    """Loads all frames with Pillow, an independent decoder; how many there are."""
    with Image.open(io.BytesIO(data)) as image:
        frames = getattr(image, "n_frames", 1)
        for frame in range(frames):
            image.seek(frame)
            image.load()
    return int(frames)


def drawn(kind: int, size: tuple[int, int], **options: object) -> bytes:
    """A picture written by Pillow, which uses libwebp."""
    noise = [Image.effect_noise(size, 20 * n + 5) for n in range(4)]
    image = (
        Image.merge("RGBA", noise),
        Image.radial_gradient("L").resize(size).convert("RGB"),
        Image.new("RGBA", size, (1, 2, 3, 4)),
        noise[2].quantize(7).convert("RGB"),
        Image.effect_mandelbrot(size, (-2, -1.5, 1, 1.5), 30).convert("RGB"),
    )[kind]
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("case", [c for c in CASES if c.rule not in UNOPENED], ids=lambda case: case.rule)
def test_pillow_accepts_repaired_twin(case: Case) -> None:
    assert by_pillow(case.repaired) >= 1


def test_smallest_picture_is_valid() -> None:
    assert rules_of(SMALLEST) == set()
    assert by_pillow(SMALLEST) == 1


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"lossless": True},
        {"lossless": True, "quality": 100, "method": 6, "exact": True},
        {"lossless": True, "quality": 0, "method": 0},
        {"quality": 5},
        {"quality": 90, "alpha_quality": 30},
        {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", "xmp": b"<x:xmpmeta/>"},
    ],
    ids=str,
)
def test_pictures_written_by_libwebp_are_valid(kind: int, options: dict[str, object]) -> None:
    for size in ((1, 1), (31, 7), (150, 120)):
        assert rules_of(drawn(kind, size, **options)) == set()


@given(st.integers(0, 4), st.integers(1, 90), st.integers(1, 90), st.sampled_from([0, 50, 100]), st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_lossless_pictures_are_read_to_their_last_byte(
    kind: int, width: int, height: int, quality: int, method: int
) -> None:
    """An independent proof that every bit is understood: nothing is left over, and one byte less is too short."""
    data = drawn(kind, (width, height), lossless=True, quality=quality, method=method)
    at = data.index(b"VP8L")
    payload = data[at + 13 : at + 8 + int.from_bytes(data[at + 4 : at + 8], "little")]
    whole = check_lossless(Source.of_bytes(payload), Size(width, height), Allowance(), Recorder(), "")
    cut = check_lossless(Source.of_bytes(payload[:-1]), Size(width, height), Allowance(), Recorder(), "")
    longer = check_lossless(Source.of_bytes(payload + bytes(17)), Size(width, height), Allowance(), Recorder(), "")
    assert list(whole) == []
    assert [f.rule for f in cut] == ["webp.lossless-short"]
    assert [f.rule for f in longer] == ["webp.lossless-trailing"]


@pytest.mark.parametrize("options", [{}, {"lossless": True}, {"minimize_size": True}, {"allow_mixed": True}], ids=str)
def test_animations_with_frames_smaller_than_the_canvas_are_valid(options: dict[str, object]) -> None:
    frames = [Image.effect_noise((90, 70), 40).convert("RGBA")]
    for n in range(1, 6):
        changed = frames[-1].copy()
        changed.paste((n, 99, 30, 255), (3 * n, 5, 3 * n + 11, 20))
        frames.append(changed)
    buffer = io.BytesIO()
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:], duration=40, **options)
    assert by_pillow(buffer.getvalue()) == 6
    assert rules_of(buffer.getvalue()) == set()


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("count", [2, 3])
def test_incomplete_code_is_found_in_each_of_the_five(place: int, count: int) -> None:
    codes = [single()] * 5
    codes[place] = code_of(count)
    assert rules_of(picture(START, *codes, ((0, 8),))) == {"prefix-code"}
    codes[place] = code_of(4)
    assert rules_of(picture(START, *codes, ((0, 8),))) == set()


def test_overfull_code_is_found() -> None:
    assert rules_of(picture(START, *[single()] * 4, code_of(5))) == {"prefix-code"}


def test_incomplete_code_is_found_in_transforms_frames_and_transparency() -> None:
    broken = (*[single()] * 4, code_of(2))
    palette: Fields = ((1, 1), (3, 2), (0, 8), (0, 1))
    assert rules_of(picture(palette, *broken)) == {"prefix-code"}
    predictor: Fields = ((1, 1), (0, 2), (0, 3), (0, 1))
    assert rules_of(picture(predictor, *broken)) == {"prefix-code"}
    content = stream(START, *broken)
    assert rules_of(animation(anmf(vp8l(content=content)))) == {"prefix-code"}
    assert "prefix-code" in rules_of(extended(flags=16, before=alph(1, content), image=chunk(b"VP8 ", LOSSY)))


def test_incomplete_code_is_found_in_the_last_of_many_groups() -> None:
    """Three tiles side by side, of groups 0, 0 and 1: only the second group has the incomplete code."""
    entropy: Fields = ((0, 1),)  # no cache, then codes and three pixels whose green is the group
    image = (entropy, two(0, 1), *[single()] * 4, ((0, 1), (0, 1), (1, 1)))
    groups = [*[single()] * 5, *[single()] * 4, code_of(2)]
    meta: Fields = ((0, 1), (0, 1), (1, 1), (0, 3))  # no transform, no cache, tiles of four pixels
    assert rules_of(picture(meta, *image, *groups, size=(12, 1))) == {"prefix-code"}
    groups[-1] = single()
    whole = picture(meta, *image, *groups, size=(12, 1))
    assert rules_of(whole) == set()
    assert by_pillow(whole) == 1


def test_single_symbol_of_any_length_is_a_code() -> None:
    """libwebp writes and reads them: a code of one symbol takes no bits, whatever length it is given."""
    one: Fields = ((0, 1), (1, 4), (0, 3), (0, 3), (0, 3), (0, 3), (1, 3), (1, 1), (0, 3), (0, 2))
    assert rules_of(picture(START, *[single()] * 4, one)) == {"prefix-code"}  # two symbols of length two
    zero: Fields = ((0, 1), (0, 4), (0, 3), (0, 3), (1, 3), (1, 3), (1, 1), (0, 3), (0, 2), (1, 1), (0, 1))
    assert rules_of(picture(START, *[single()] * 4, zero)) == set()


def test_predictor_beyond_the_last_is_found() -> None:
    predictor: Fields = ((1, 1), (0, 2), (0, 3), (0, 1))
    assert rules_of(picture(predictor, single(14), *[single()] * 4, START, CODES)) == {"lossless-transform"}
    assert rules_of(picture(predictor, single(13), *[single()] * 4, START, CODES)) == set()


@pytest.mark.parametrize("bits", [0, 12, 15])
def test_colour_cache_of_impossible_size(bits: int) -> None:
    assert rules_of(picture(((0, 1), (1, 1), (bits, 4), (0, 1)), CODES)) == {"lossless-cache"}


@pytest.mark.parametrize("bits", [1, 11])
def test_colour_cache_of_possible_size(bits: int) -> None:
    assert rules_of(picture(((0, 1), (1, 1), (bits, 4), (0, 1)), CODES)) == set()


def test_pixels_beyond_the_allowance_are_named_in_coverage() -> None:
    screening = Recorder()
    content = stream(START, two(0, 1), *[single()] * 4) + bytes(250_000)
    found = check_lossless(Source.of_bytes(content), Size(2000, 1000), Allowance(), screening, "VP8L[0]")
    assert (list(found), screening.gaps) == ([], ["VP8L[0]"])


def test_pixels_that_take_no_bits_cost_nothing() -> None:
    screening = Recorder()
    content = stream(START, CODES)
    found = check_lossless(Source.of_bytes(content), Size(16384, 16384), Allowance(), screening, "")
    assert (list(found), screening.gaps) == ([], [])


def test_codes_cannot_hide_behind_a_large_image() -> None:
    meta: Fields = ((0, 1), (0, 1), (1, 1), (0, 3))
    assert rules_of(picture(meta, START[:1], CODES, CODES, size=(4000, 400))) == set()
    assert rules_of(picture(meta, START[:1], CODES, CODES, size=(16384, 6000))) == {"unscannable.budget"}


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (animation(anmf(at=(0, 1))), "frame-rectangle"),
        (animation(anmf(size=(3, 1))), "frame-rectangle"),
        (animation(anmf(vp8l(2, 1))), "frame-size"),
        (animation(anmf(alph(), vp8l())), "alpha-place"),
        (animation(anmf(chunk(b"note"))), "frame-content"),
        (animation(anmf(flags=4)), "reserved"),
        (animation(head=b""), "animation"),
        (webp(vp8x(2), anim(), vp8l()), "animation"),
        (webp(vp8x(0), anmf()), "animation"),
        (webp(anim(), vp8l()), "first-chunk"),
        (extended(alph()), "alpha-place"),
        (extended(before=alph() * 2, image=chunk(b"VP8 ", LOSSY)), "alpha-place"),
        (extended(before=chunk(b"ALPH"), image=chunk(b"VP8 ", LOSSY)), "alpha-length"),
        (extended(flags=0x80), "reserved"),
        (webp(vp8x(0, 40_000, 40_000), vp8l()), "pixel-bomb"),
        (webp(vp8l(16_000, 16_000)), "pixel-bomb"),
        (webp(), "image-missing"),
    ],
)
def test_container_lies(broken: bytes, rule: str) -> None:
    assert rule in rules_of(broken)


@pytest.mark.parametrize(
    "honest",
    [
        extended(flags=4, before=xmp()),
        extended(xmp()),
        extended(flags=4 | 8),
        webp(vp8l(), xmp()),
        extended(chunk(b"note", b"inert"), xmp(), flags=4),
        extended(xmp(), exif(), flags=12),
        webp(vp8x(16), chunk(b"VP8 ", LOSSY)),
        webp(chunk(b"VP8L", lossless() + b"\0\0", pad=False)),
        extended(exif(8, (0x010F, 2, 900, 4000)), flags=8),
    ],
    ids=[
        "XMP before the picture",
        "flag not set",
        "flag without chunk",
        "simple file with XMP",
        "unknown chunk",
        "XMP before Exif",
        "transparency announced and not there",
        "no pad byte at the end",
        "Exif with a value outside",
    ],
)
def test_what_taggers_and_old_encoders_leave_is_not_flagged(honest: bytes) -> None:
    assert rules_of(honest, above=Severity.INFO) == set()


@pytest.mark.parametrize(
    ("tag", "first", "rule"),
    [
        (0x11, 9, "lossy-header"),  # no key frame
        (0x18, 9, "lossy-header"),  # version 4
        (0x00, 9, "lossy-header"),  # not shown
        (0x10, 0x7FFFF, "lossy-partition"),
    ],
)
def test_lossy_head_lies(tag: int, first: int, rule: str) -> None:
    head = (tag | first << 5).to_bytes(3, "little")
    assert rules_of(webp(chunk(b"VP8 ", head + LOSSY[3:]))) == {rule}


def coded(*decisions: int) -> bytes:
    """Decisions of even odds, as RFC 6386 7.3 codes them."""
    low, room, shifts = 0, 255, 0
    for one in decisions:
        split = 1 + ((room - 1) * 128 >> 8)
        low, room = (low + split, room - split) if one else (low, split)
        while room < 128:
            low, room, shifts = low << 1, room << 1, shifts + 1
    spare = -(8 + shifts) % 8
    return (low << spare).to_bytes((8 + shifts + spare) // 8, "big")


SEGMENTS = (1, 1, 1, 0, *(1, *[1] * 8) * 4, *(1, *[1] * 7) * 4, *(1, *[1] * 8) * 3)
ADJUSTMENTS = (1, 1, *(1, *[1] * 7) * 8)


@pytest.mark.parametrize(
    "segments", [(0,), (1, 0, 0), (1, 1, 0, *(0,) * 3), SEGMENTS], ids=["none", "kept", "map", "all"]
)
@pytest.mark.parametrize("adjustments", [(0,), (1, 0), ADJUSTMENTS], ids=["none", "kept", "all"])
@pytest.mark.parametrize("count", range(4))
def test_sizes_of_all_partitions_must_be_there(
    segments: tuple[int, ...], adjustments: tuple[int, ...], count: int
) -> None:
    first = coded(0, 0, *segments, 0, *(0,) * 9, *adjustments, count >> 1, count & 1) + bytes(64)
    head = (0x10 | len(first) << 5).to_bytes(3, "little") + LOSSY[3:10]
    sizes = bytes(3 * ((1 << count) - 1))
    assert rules_of(webp(chunk(b"VP8 ", head + first + sizes))) == set()
    expected = {"lossy-partition"} if count else set()
    assert rules_of(webp(chunk(b"VP8 ", head + first + sizes[:-1]))) == expected


@given(st.integers(0, 4), st.integers(1, 120), st.integers(1, 120), st.integers(1, 95), st.integers(0, 6))
@settings(max_examples=40, deadline=None)
def test_lossy_pictures_have_all_their_blocks(kind: int, width: int, height: int, quality: int, method: int) -> None:
    """With far more rows declared than there are, the first partition comes to its end."""
    data = drawn(kind, (width, height), quality=quality, method=method)
    assert rules_of(data) == set()
    at = data.index(b"\x9d\x01\x2a") + 5
    taller = data[:at] + (16383).to_bytes(2, "little") + data[at + 2 :]
    with pytest.raises(OSError):  # noqa: PT011 - Pillow has no other words for it
        by_pillow(taller)
    assert "lossy-short" in rules_of(taller) or "VP8" in str(inspect(Source.of_bytes(taller)).coverage)


def test_blocks_beyond_the_allowance_are_named_in_coverage() -> None:
    first = bytes(60_000)
    head = (0x10 | len(first) << 5).to_bytes(3, "little") + LOSSY[3:6] + struct.pack("<HH", 9000, 9000)
    screening = Recorder()
    assert list(validate_webp(Source.of_bytes(webp(chunk(b"VP8 ", head + first))), screening)) == []
    assert screening.gaps == ["VP8[0]"]


def test_second_picture_behind_an_animation_is_screened_as_one() -> None:
    """ImageMagick 6 writes it."""
    whole, second = animation(), extended(chunk(b"note", b"inert" * 1000))
    assert rules_of(whole + second) == set()
    assert rules_of(whole + picture(START, CODES[:-4], code_of(2))) == {"prefix-code"}
    assert rules_of(SMALLEST + second) == {"concealed.tail"}
    assert "concealed.zip" in rules_of(whole + second + zip_archive())


def test_chunk_that_is_none_is_named_in_coverage() -> None:
    screening = Recorder()
    broken = extended(chunk(b"\1\2\3\4"))
    assert [found.rule for found in validate_webp(Source.of_bytes(broken), screening)] == ["webp.chunk-id"]
    assert (len(screening.gaps), screening.end) == (1, None)


@pytest.mark.parametrize("kind", [1, 3, 4, 7])
def test_pointer_of_any_type_that_leads_back_is_a_loop(kind: int) -> None:
    """libexif does not ask for the type."""
    count = {1: 4, 3: 1, 4: 1, 7: 4}[kind]
    assert "exif-loop" in rules_of(extended(exif(8, (0x8769, kind, count, 8)), flags=8))


def test_thumbnail_in_exif_is_screened_as_a_picture() -> None:
    screening = Recorder()
    block = b"II*\0\x08\0\0\0" + b"\0\0" + (14).to_bytes(4, "little")  # an empty directory, and where the next stands
    entries = [(0x0201, 4, 1, 44), (0x0202, 4, 1, 4)]
    rows = b"".join(
        t.to_bytes(2, "little") + k.to_bytes(2, "little") + n.to_bytes(4, "little") + v.to_bytes(4, "little")
        for t, k, n, v in entries
    )
    data = extended(chunk(b"EXIF", block + b"\2\0" + rows + bytes(4) + b"\xff\xd8\xff\xd9"), flags=8)
    assert list(validate_webp(Source.of_bytes(data), screening)) == []
    assert [name for name, _ in screening.members] == ["EXIF[0]/thumbnail"]


def test_archive_in_an_unknown_chunk_is_found_though_it_is_not_the_last() -> None:
    assert "hidden-file" in rules_of(extended(chunk(b"note", zip_archive()), xmp(), flags=4))


def test_end_is_told_and_the_tail_is_left_alone() -> None:
    screening = Recorder()
    assert list(validate_webp(Source.of_bytes(SMALLEST + b"tail"), screening)) == []
    assert screening.end == len(SMALLEST)


def test_every_prefix_is_truncated() -> None:
    whole = extended(xmp(), exif(), flags=12)
    assert all("truncated" in rules_of(whole[:n]) for n in range(12, len(whole)))


def test_broken_stream_never_passes_pillow_and_us_alike() -> None:
    """What the reference decoder refuses of a lossless picture, we refuse, when all of it is looked at."""
    data = drawn(4, (60, 50), lossless=True)
    at = data.index(b"VP8L") + 13
    missed = []
    for place, bit in itertools.product(range(at, min(len(data), at + 120)), (1, 16)):
        broken = data[:place] + bytes([data[place] ^ bit]) + data[place + 1 :]
        try:
            by_pillow(broken)
        except (OSError, ValueError):
            if not rules_of(broken):
                missed.append(place)
    assert missed == []
