"""Is this text?"""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazaretto_validators.text.encoding import decode_head

TEXT = "The café is closed.\r\nNothing else.\n"


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252"]
)
def test_text_of_every_encoding_is_decoded_without_its_mark(encoding: str) -> None:
    assert decode_head(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_character_cut_in_half_is_left_out(cut: int) -> None:
    assert decode_head(b"so " * 30 + "𝄞".encode()[:cut]) == "so " * 30


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        b"PK\x03\x04\x14\0",
        b"\xff\xd8\xff\xe0\0\x10JFIF",
        b"\xff\xfe\x00\xd8\x00\xd8",
        b"\xef\xbb\xbf\xff",
        b"\xf0\xe1\xd2\xc3 a",
        b"text\x01",
        bytes(4000),
    ],
)
def test_what_is_no_text(data: bytes) -> None:
    assert decode_head(data) is None


def test_random_bytes_are_no_text() -> None:
    chance = random.Random(1)
    assert [decode_head(chance.randbytes(200)) for _ in range(500)] == [None] * 500


@pytest.mark.parametrize("opening", [b"#!/bin/sh\n", b"<?php\n", b"@ECHO OFF\r\n"])
def test_a_script_with_a_packed_tail_is_text_up_to_the_tail(opening: bytes) -> None:
    assert decode_head(opening + b"rest\0\xff\xfe\x01") == opening.decode() + "rest"


@given(st.binary(max_size=300))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    text = decode_head(data)
    assert text is None or len(text) <= len(data)


def test_a_mark_of_utf_16_in_front_of_ascii_does_not_hide_commands() -> None:
    assert decode_head(b"\xff\xfe&cls\r\n@echo off\r\nexit\r\n") == "&cls\r\n@echo off\r\nexit\r\n"
    assert decode_head("\ufeff中文中文中文中文中文".encode("utf-16-le")) == "中文中文中文中文中文"
