"""Ogg: every rule with its repaired twin, the traps that recorders set, the bounds, the checksum bit by bit."""

from __future__ import annotations

import base64
import shutil
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.ogg import FIRST, LAST, comments, head, ogg, opus_head, page, picture, speex, vorbis
from carriers.png import png
from carriers.polyglot import zip_archive
from lazaretto_validators.audio.ogg import BLOCK, SMALLEST_OGG, checksum
from lazaretto_validators.registry import default_registry
from looks import above_info, look, rules_of

RULES = default_registry().rules


def slow_checksum(page: bytes) -> int:
    """RFC 3533 section 6, bit by bit."""
    register = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        register ^= byte << 24
        for _ in range(8):
            register = (register << 1 ^ (0x04C11DB7 if register >> 31 else 0)) & 0xFFFFFFFF
    return register


@given(st.binary(min_size=27, max_size=400))
def test_checksum_is_the_one_of_the_standard(data: bytes) -> None:
    assert checksum(data) == slow_checksum(data)


@pytest.mark.parametrize(
    "data",
    [
        SMALLEST_OGG,
        vorbis(),
        speex(),
        ogg() + ogg(),
        ogg(None, comments(picture(png()))),
        ogg(None, comments(b"TITLE=a title of <b>bold</b> words")),
        ogg(None, comments(tail=bytes(400))),
        ogg(opus_head(channels=6, family=1, mapping=bytes([4, 2, 0, 4, 1, 2, 3, 5]))),
        ogg() + bytes(100),
    ],
)
def test_what_encoders_write_is_no_finding(data: bytes) -> None:
    assert rules_of(data) == set()


@pytest.mark.parametrize(
    "data",
    [
        head(third=page(b"\xf8", 0, 2)),
        head(third=page(b"\xf8", LAST, 9)),
        ogg()[: -len(page(b"\xf8\xff\xfe"))],
        b"".join(
            page(p, f, n, crc=0) for n, (p, f) in enumerate(((opus_head(), FIRST), (comments(), 0), (b"\xf8", LAST)))
        ),
        ogg() + b"TAG" + bytes(125),
    ],
)
def test_what_recorders_leave_is_no_more_than_a_note(data: bytes) -> None:
    assert above_info(data) == set()


@pytest.mark.parametrize(
    "first",
    [
        opus_head()[:-1],
        opus_head(version=16),
        opus_head(channels=0),
        opus_head(channels=2, family=1, mapping=b"\1\1\0"),
        opus_head(channels=2, family=1, mapping=b"\1\2\0\1"),
        opus_head(channels=2, family=1, mapping=b"\1\0\0\1"),
    ],
)
def test_impossible_opus_header_is_found(first: bytes) -> None:
    assert "ogg.opus-header" in rules_of(ogg(first))


def test_comments_over_several_pages_are_put_together() -> None:
    packet = comments(picture(png()), b"A=" + b"x" * 100_000)
    cut = 255 * 200
    lacing = b"\xff" * 200
    middle = page(b"", 0, 1)
    middle = middle[:26] + bytes([200]) + lacing + packet[:cut]
    middle = middle[:22] + checksum(middle).to_bytes(4, "little") + middle[26:]
    data = page(opus_head(), FIRST, 0) + middle + page(packet[cut:][: 255 * 254], 1, 2)
    found = rules_of(data + page(b"\xf8", LAST, 3))
    assert found == set()


def test_cover_is_screened() -> None:
    found = look(ogg(None, comments(picture(png()[:-20])))).findings
    assert {finding.where.partition("!")[0] for finding in found} == {"Opus 00000001 comment[1] picture"}


def test_page_may_lie_across_two_blocks() -> None:
    pages = [page(opus_head(), FIRST, 0), page(comments(), 0, 1)]
    pages += [page(b"\xf8" * 5000, 0, number) for number in range(2, 2 + 2 * BLOCK // 5000)]
    data = b"".join(pages) + page(b"\xf8", LAST, len(pages))
    assert rules_of(data) == set()


def test_many_small_pages_are_within_budget() -> None:
    # An hour of voice, a page for every 20 ms, as small devices write it.
    sound = b"".join(page(b"\xf8" * 60, 0, number, granule=960 * number) for number in range(2, 60_000))
    data = page(opus_head(), FIRST, 0) + page(comments(), 0, 1) + sound + page(b"\xf8", LAST, 60_000, granule=1 << 40)
    assert rules_of(data) == set()


@given(st.binary(max_size=300), st.integers(0, len(SMALLEST_OGG)))
@settings(max_examples=150)
def test_any_damage_gives_a_report(junk: bytes, at: int) -> None:
    assert "unscannable.validator-failed" not in rules_of(SMALLEST_OGG[:at] + junk + SMALLEST_OGG[at:])


@pytest.mark.skipif(shutil.which("ogginfo") is None, reason="ogginfo is not installed")
@pytest.mark.parametrize("broken", [False, True])
def test_ogginfo_agrees_about_checksums(tmp_path: Path, broken: bool) -> None:
    second = page(comments(), 0, 1, crc=1 if broken else None)
    (tmp_path / "a.ogg").write_bytes(head(second=second))
    done = subprocess.run(["ogginfo", str(tmp_path / "a.ogg")], capture_output=True, check=False)
    assert (b"hole" in done.stdout.lower() or b"WARNING" in done.stdout) == broken


@pytest.mark.parametrize("before", range(0, 24, 4))
def test_a_second_file_is_found_between_a_page_and_what_was_lost_behind_it(before: int) -> None:
    archive = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"
    pages = page(opus_head(), FIRST, 0) + page(comments(), 0, 1)
    number = 2
    while (left := BLOCK - len(pages)) > 40_000:
        pages += page(bytes(30_000), 0, number)
        number += 1
    length = next(n for n in range(left) if len(page(bytes(n))) == left)
    pages += page(bytes(length - before) + archive[:before], 0, number)
    assert len(pages) == BLOCK
    whole = pages + archive[before:] + page(b"\xf8", LAST, number + 1)
    assert "ogg.hidden-file" in rules_of(whole)


RAR = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("before", range(1, len(RAR)))
def test_a_file_that_begins_in_the_last_page_and_goes_on_behind_it_is_found(before: int) -> None:
    whole = head(third=page(b"\xf8" + RAR[:before], LAST, 2)) + RAR[before:]
    assert "ogg.hidden-file" in rules_of(whole)


def flac(*blocks: bytes) -> bytes:
    """A file of FLAC: a block of metadata in each packet."""
    info = b"\0\0\0\x22" + struct.pack(">HH", 4096, 4096) + bytes(6) + (44100 << 4).to_bytes(3, "big") + bytes(21)
    first = b"\x7fFLAC\1\0" + struct.pack(">H", 1 + len(blocks)) + b"fLaC" + info
    return ogg(first, b"\4" + bytes(3) + comments(mark=b""), *blocks, b"\xff\xf8")


def test_a_cover_in_a_block_of_flac_is_screened() -> None:
    def block(data: bytes) -> bytes:
        return b"\x86" + bytes(3) + base64.b64decode(picture(data).partition(b"=")[2])

    assert rules_of(flac(b"\1" + bytes(99), block(png()))) == set()
    found = look(flac(b"\1" + bytes(99), block(png()[:-20]))).findings
    assert {finding.where.partition("!")[0] for finding in found} == {"FLAC 00000001 block[3] picture"}


def test_a_file_in_the_padding_of_flac_is_found() -> None:
    assert "ogg.hidden-file" in rules_of(flac(b"\x81" + bytes(3) + b"PK\3\4" + zip_archive()))


def test_a_cover_without_the_signs_that_fill_up_base64_is_screened() -> None:
    comment = picture(png()).rstrip(b"=")
    assert comment != picture(png())
    assert rules_of(ogg(None, comments(comment))) == set()


@pytest.mark.parametrize(
    "pages",
    [
        page(b"", 0, 2) + b"x" * 12,
        page(b"unknown codec", FIRST | LAST, 0, serial=5),
        page(opus_head(), FIRST, 0, serial=5) + page(comments(b"A=" + b"x" * 14), LAST, 1, serial=5),
    ],
    ids=["gaps", "unknown codecs", "chained"],
)
def test_a_file_of_nothing_but_small_streams_or_gaps_is_given_up_soon(pages: bytes) -> None:
    assert "unscannable.budget" in rules_of(ogg() + pages * 6000)


def test_very_many_comments_are_given_up_soon() -> None:
    packet = comments(*[b"A=" + b"x" * 18] * 5000)
    parts = [packet[at : at + 255 * 255] for at in range(0, len(packet), 255 * 255)]
    pages = page(opus_head(), FIRST, 0)
    for number, part in enumerate(parts):
        lacing = b"\xff" * (len(part) // 255) + (bytes([len(part) % 255]) if part is parts[-1] else b"")
        whole = struct.pack("<4sBBqLLLB", b"OggS", 0, bool(number), 0, 1, number + 1, 0, len(lacing)) + lacing + part
        pages += whole[:22] + checksum(whole).to_bytes(4, "little") + whole[26:]
    assert "unscannable.budget" in rules_of(pages + page(b"\xf8", LAST, len(parts) + 1))
