"""xz: every rule with its repaired twin, what honest writers do, the bounds, Python's lzma as the oracle."""

from __future__ import annotations

import io
import lzma
import random
import shutil
import subprocess
import tarfile
import time
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import looks
from carriers.polyglot import elf_header, zip_archive
from carriers.xz import TEXT, block, chunk, packed_chunk, xz
from lazaretto_validators import Limits
from lazaretto_validators.archives.xz import SMALLEST

rules_of = partial(looks.rules_of, prefix="xz.")

NOISE = random.Random(1).randbytes(300_000)
DELTA = [{"id": lzma.FILTER_DELTA, "dist": 4}, {"id": lzma.FILTER_LZMA2, "preset": 1}]
X86 = [{"id": lzma.FILTER_X86}, {"id": lzma.FILTER_LZMA2, "preset": 1}]


def test_smallest_file_is_valid() -> None:
    assert rules_of(SMALLEST) == set()
    assert lzma.decompress(SMALLEST) == b""


def test_what_is_built_here_is_what_python_reads() -> None:
    assert lzma.decompress(xz(block(), block(chunk(TEXT), chunk(TEXT, control=2), unpacked=90))) == TEXT * 3


@given(
    st.lists(st.binary(max_size=3000), min_size=1, max_size=4),
    st.sampled_from([lzma.CHECK_NONE, lzma.CHECK_CRC32, lzma.CHECK_CRC64, lzma.CHECK_SHA256]),
    st.sampled_from([None, DELTA, X86]),
    st.integers(0, 3),
)
@settings(max_examples=60, deadline=None)
def test_what_python_writes_is_valid(
    contents: list[bytes], check: int, filters: list[dict[str, int]], gap: int
) -> None:
    streams = [lzma.compress(content, check=check, filters=filters) for content in contents]
    assert rules_of((bytes(4 * gap)).join(streams) + bytes(4 * gap)) == set()


@pytest.mark.parametrize("preset", [0, 6, 9, 9 | lzma.PRESET_EXTREME])
@pytest.mark.parametrize(
    "content", [b"", b"x", b"line of a log\n" * 9000, NOISE, bytes(1 << 20), NOISE + bytes(1 << 21)]
)
def test_every_preset_is_valid(content: bytes, preset: int) -> None:
    assert rules_of(lzma.compress(content, preset=preset)) == set()


def test_tar_xz_is_valid() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:xz") as archive:
        member = tarfile.TarInfo("a.bin")
        member.size = len(NOISE)
        archive.addfile(member, io.BytesIO(NOISE))
    assert rules_of(file.getvalue()) == set()


@pytest.mark.skipif(shutil.which("xz") is None, reason="needs XZ Utils")
@pytest.mark.parametrize(
    "options", ["-9", "-T0 --block-size=65536", "-0 -T2 --block-size=40000", "--block-list=9,99,0"]
)
def test_what_xz_writes_is_valid(options: str) -> None:
    packed = subprocess.run(["xz", "-c", *options.split()], input=NOISE + TEXT, capture_output=True, check=True).stdout
    assert rules_of(packed) == set()


@given(st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=200, deadline=None)
def test_damage_to_the_structure_that_python_notices_is_found(at: int, change: int) -> None:
    """Of a block that is not compressed: what the check alone would notice, a checksum of the content, is none here."""
    whole = bytearray(xz(block(told=(49, len(TEXT)))) + xz(block()))
    at = 6 + at % (len(whole) - 6)
    whole[at] ^= change
    try:
        noticed = len(lzma.decompress(bytes(whole))) != 2 * len(TEXT)
    except (lzma.LZMAError, EOFError):
        noticed = True
    assert not noticed or looks.rules_of(bytes(whole))


def test_more_comes_out_than_the_index_says() -> None:
    bomb = xz(*[block(packed_chunk(1 << 21), unpacked=9)] * 20)
    assert rules_of(bomb) == {"index", "bomb"}


def test_bomb_before_broken_data_is_told() -> None:
    bomb = xz(block(*[packed_chunk(1 << 21)] * 20, b"\x03", unpacked=20 << 21))
    assert rules_of(bomb) == {"chunk", "bomb"}


def test_a_bomb_without_the_end_of_the_file_is_truncated() -> None:
    bomb = lzma.compress(bytes(5 << 20))
    assert rules_of(bomb) == {"bomb"}
    assert rules_of(bomb[:-20]) == {"truncated"}


def test_a_long_run_of_zeros_in_front_is_no_bomb() -> None:
    assert rules_of(lzma.compress(bytes(8 << 20) + NOISE, preset=0)) == set()


@pytest.mark.parametrize(
    "damaged",
    [
        xz(block(flags=4)),
        xz(block(rest=b"\1")),
        xz(block(told=(None, 9))),
        xz(block(zeros=b"")),
        xz(block(zeros=b"\1\0\0")),
    ],
    ids=["reserved flag", "more behind the filters", "unpacked size", "no padding", "padding"],
)
def test_block_is_damaged(damaged: bytes) -> None:
    assert rules_of(damaged) & {"block", "index"}
    with pytest.raises((lzma.LZMAError, EOFError)):
        lzma.decompress(damaged)


@pytest.mark.parametrize("filters", [((3, b"\0" * 200), (0x21, b"\x16")), ((0x21, b"\x29"),), ((4, b""), (3, b"\0"))])
def test_filters_no_reader_knows(filters: tuple[tuple[int, bytes], ...]) -> None:
    assert rules_of(xz(block(filters=filters))) == {"filter"}


@pytest.mark.parametrize("second", [zip_archive(), elf_header()])
def test_second_file_behind_the_end(second: bytes) -> None:
    found = looks.rules_of(xz(block()) + second)
    assert found & {"concealed.zip", "concealed.appended"}


def test_zeros_that_are_no_multiple_of_four_end_the_file() -> None:
    assert looks.rules_of(xz() + bytes(3)) == set()
    assert looks.rules_of(xz() + bytes(3) + xz()) == {"concealed.appended"}


def test_content_is_named_as_not_looked_at() -> None:
    assert [gap.why for gap in looks.look(xz(block())).coverage] == ["xz data is not unpacked"]


def test_a_million_small_chunks_meet_the_budget() -> None:
    began = time.process_time()
    assert looks.rules_of(xz(block(*[chunk(b"a")] * 500_000))) == {"unscannable.budget"}
    assert time.process_time() - began < 5


def test_many_blocks_are_listed_in_pieces() -> None:
    assert rules_of(xz(*[block()] * 40_000), Limits(operations=1_000_000)) == set()
