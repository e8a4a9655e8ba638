"""Bytes that a format leaves free: files, programs' text and declarations in them are found, ordinary words are not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.polyglot import zip_archive
from lazaretto_validators import Source
from lazaretto_validators.registry import default_registry
from lazaretto_validators.slack import code_in, doctype_in, file_in, script_at

PROGRAM = next(v.example for v in default_registry().validators if v.name == "elf")
RAR = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"
PAGE = b"<html><body>inert</body></html>"


def found_in(data: bytes, *, quoting: bool = False, host: str = "") -> tuple[int, str] | None:
    whole = b"front" + data + b"behind"
    hit = file_in(Source.of_bytes(whole), 5, 5 + len(data), host=host, quoting=quoting)
    return (hit[0] - 5, hit[1].name) if hit else None


@pytest.mark.parametrize("code", [b"<?php x", b"<SCRIPT>", b"<script src", b"; eval(x)", b"/.*/e", b"<%= x %>"])
@given(cut=st.integers(0, 40))
@settings(max_examples=20, deadline=None)
def test_code_is_seen_wherever_pieces_are_cut(code: bytes, cut: int) -> None:
    text = b"some words before it " + code + b" and behind"
    assert code_in([text[:cut], text[cut:]])


@pytest.mark.parametrize("words", [b"retrieval(x)", b"a < % b", b"<scripture>", b"obj.eval(1)", b"100 <%", b""])
def test_words_that_only_look_like_code(words: bytes) -> None:
    assert code_in([words, words]) == b""


def test_all_pieces_are_taken() -> None:
    pieces = iter([b"<?php ", b"more", b"more"])
    assert code_in(pieces) == b"<?php"
    assert next(pieces, None) is None


def test_declarations() -> None:
    assert doctype_in([b"<!DOC", b"TYPE x []>"]) == b"<!DOCTYPE"
    assert doctype_in([b'<!entity a "b">']) == b"<!entity"
    assert doctype_in([b"<!-- doctype -->"]) == b""


@pytest.mark.parametrize(
    ("data", "place", "name"),
    [
        (RAR, 0, "application/vnd.rar"),
        (b"\0\0" + RAR, 2, "application/vnd.rar"),
        (bytes(4090) + RAR, 4090, "application/vnd.rar"),
        (bytes(5000) + zip_archive(), 5000, "application/zip"),
        (b"\n" * 300_000 + zip_archive(), 300_000, "application/zip"),
        (b"some words " + RAR, 11, "application/vnd.rar"),
        (zip_archive(), 0, "application/zip"),
        (PROGRAM, 0, "application/x-executable"),
        (PAGE, 0, "text/html"),
        (b"\1\2\3" + PAGE, 3, "text/html"),
        (b"words <?php echo 1;", 6, "application/x-php"),
    ],
)
def test_a_file_is_found(data: bytes, place: int, name: str) -> None:
    assert found_in(data) == (place, name)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"MZ",
        bytes(900),
        bytes(range(256)),
        b"From: somebody\nTo: nobody\nSubject: inert\n",
        b"#!/bin/sh\ntrue\n",
        b'{"a": 1, "b": [2, 3]}',
        b"Created with a program",
    ],
)
def test_what_is_no_file_or_only_text_is_not(data: bytes) -> None:
    assert found_in(data) is None


def test_text_may_quote_code_but_not_begin_with_it() -> None:
    assert found_in(b"words <?php echo 1;", quoting=True) is None
    assert found_in(b"\1\2\3 see " + PAGE, quoting=True) is None
    assert found_in(b"<?php echo 1; // inert", quoting=True) == (0, "application/x-php")
    assert found_in(PAGE, quoting=True) == (0, "text/html")


def test_a_host_may_hold_its_own_kind() -> None:
    assert found_in(RAR, host="application/vnd.rar") == (0, "application/vnd.rar")  # its structure is there
    assert found_in(b"BZh91AY&SY" + bytes(20), host="application/x-bzip2") is None


@pytest.mark.parametrize(
    ("data", "is_one"),
    [
        (b"GIF89a/*" + bytes(9) + b"*/=1", True),
        (b"GIF89a/*" + bytes(300_000) + b"*/ =1", True),
        (b"GIF89a/*" + bytes(9) + b"*/ 1", False),
        (b"GIF89a=1;a", True),
        (b"GIF89a=\n/*\0", True),
        (b"GIF89a:\n\n\n/*\0", True),
        (b"GIF89aXY\n\n.\n/*\0", True),
        (b"GIF89a//\0\n/*\0*/=1", True),
        (b"GIF89a" + b"x" * 5000 + b'="\0', True),
        (b"GIF89a" + b" " * 4089 + b"/*\0*/=1", True),
        (b"GIF89a//\0", False),
        (b"GIF89a/*\0", False),
        (b"GIF89a=//\0\nalert(document)", True),
        (b"GIF89a=//\0\nalert(\1)", False),
        (b"GIF89a=http://ns.adobe.com/xap/1.0/\0<?xpacket?>\n<x:xmpmeta>", False),
        (b"GIF89a=http://ns.adobe.com/xap/1.0/\0\xff", True),
        (b"GIF89a=\x01\x02\x01", False),
        (b"GIF89a\x01\0\x01\0", False),
        (b"GIF89a", False),
    ],
)
def test_signature_that_begins_a_program(data: bytes, is_one: bool) -> None:
    assert (script_at(Source.of_bytes(data), 6) is not None) is is_one
