"""The quick look that spares most pieces of a file the search for each literal."""

from __future__ import annotations

import random

import pytest

from carriers.polyglot import BLOB, PDF, elf_header, pe_header, rar4_header, rar5_header, sevenzip_header
from lazaretto_validators import Source, inspect
from lazaretto_validators.embedded import WINDOWS, may_hold, search
from lazaretto_validators.source import PIECE

CARRIERS = {
    "7z": sevenzip_header(),
    "rar4": rar4_header(),
    "rar5": rar5_header(),
    "pe": pe_header(),
    "elf": elf_header(),
    "pdf": PDF,
    "php": b"<?php echo 1; ?>",
}
NOISE = random.Random(1).randbytes(PIECE + 1000)


def test_the_first_two_classes_share_no_byte() -> None:
    """Else one of the literals would be overlooked: a byte has one class."""
    first, second = (b"".join(window[place] for window in WINDOWS) for place in (0, 1))
    assert set(first).isdisjoint(second)


@pytest.mark.parametrize("at", [0, 1, 2, 7, 998, 999, 1000])
@pytest.mark.parametrize("name", CARRIERS)
def test_nothing_is_overlooked_wherever_it_stands(name: str, at: int) -> None:
    data = bytearray(NOISE[:1000])
    data[at:at] = CARRIERS[name]
    assert may_hold(bytes(data))


def test_noise_and_zeros_are_passed_over() -> None:
    assert not may_hold(NOISE[:4096])
    assert not may_hold(bytes(4096))


def test_a_piece_built_to_waste_our_time_is_searched_the_long_way() -> None:
    assert may_hold(b"7z\xbc\xaf\x27." * 20_000)


@pytest.mark.parametrize("shift", range(-12, 3))
@pytest.mark.parametrize("name", ["7z", "rar4", "rar5", "elf", "php"])
def test_what_lies_across_two_pieces_is_found_where_it_begins(name: str, shift: int) -> None:
    data = bytearray(BLOB + NOISE[len(BLOB) :])
    at = PIECE + 1 + shift
    data[at : at + len(CARRIERS[name])] = CARRIERS[name]
    hit = search(Source.of_bytes(bytes(data)), 1)
    assert hit is not None
    assert hit[0] == at


def test_a_pdf_counts_only_if_the_file_ends_as_one_and_comes_before_what_follows_it() -> None:
    program = elf_header()
    after = BLOB + NOISE[:1000] + PDF + NOISE[: PIECE + 1000] + program + NOISE[:1000]
    hit = search(Source.of_bytes(after), 1)
    assert hit == (after.index(program), "application/x-executable")
    assert search(Source.of_bytes(after + PDF), 1) == (after.index(PDF), "application/pdf")


@pytest.mark.parametrize("left", range(40, 64))
def test_an_elf_header_that_the_file_cuts_short_is_no_fault_of_ours(left: int) -> None:
    header = b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\0\x3e\0\x01\0\0\0" + bytes(28) + b"\x40\0" + bytes(10)
    picture = b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(400) + header[:left]
    assert "unscannable.validator-failed" not in {f.rule for f in inspect(Source.of_bytes(picture)).findings}
