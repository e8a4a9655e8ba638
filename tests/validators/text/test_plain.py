"""Plain text, and everything that is judged as text."""

from __future__ import annotations

import pytest

from carriers.text import EICAR, PROSE, source_with, zalgo
from lazaretto_validators import Inspection, Source, inspect
from lazaretto_validators.source import PIECE
from lazaretto_validators.testing import Subject, in_pieces
from lazaretto_validators.text.plain import MAX_MARKS, validate_plain


def rules(data: bytes) -> list[str]:
    return [finding.rule for finding in inspect(Source.of_bytes(data)).findings]


def judged(data: bytes) -> dict[str, int | None]:
    """The validator alone: what it is given is text, whatever it was identified as."""
    return {finding.rule: finding.offset for finding in Subject(validate_plain).judge(data) or ()}


@pytest.mark.parametrize("tail", [b"", b"\r\n", b" " * 60])
def test_the_test_file_is_found_with_white_space_behind_it(tail: bytes) -> None:
    assert rules(EICAR + tail) == ["plain.eicar"]


@pytest.mark.parametrize("data", [EICAR + b" " * 61, EICAR + b"!", b" " + EICAR, PROSE + EICAR])
def test_text_about_the_test_file_is_not_it(data: bytes) -> None:
    assert rules(data) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_honest_text_of_any_encoding_has_no_finding(encoding: str) -> None:
    assert rules(("The café is closed. Ünlü naïve façade.\r\n\t" * 50).encode(encoding)) == []


@pytest.mark.parametrize("encoding", ["cp1251", "koi8-r", "shift-jis", "gb18030"])
def test_honest_text_of_old_code_pages_has_no_finding(encoding: str) -> None:
    text = "Все хорошо, 'спасибо' вам.\n" if encoding in {"cp1251", "koi8-r"} else "東京は良い天気です。\n"
    assert rules((text * 20).encode(encoding)) == []


@pytest.mark.parametrize(
    "text", ['{"a": [1, 2]}\n', "a,b\n1,2\n", "a\x1b[31mred\x1b[0m\n", "emoji 👩‍👩‍👧‍👦 ❤️\n", "नमस्ते दुनिया\n"]
)
def test_other_honest_texts_have_no_finding(text: str) -> None:
    assert rules(text.encode()) == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_control_character_is_found_at_its_byte(encoding: str) -> None:
    before = "é and so on. " * 50
    data = (before + "\x01").encode(encoding)
    assert judged(data) == {"plain.control-character": len(before.encode(encoding))}


def test_bytes_that_are_no_utf_8_do_not_shift_the_place() -> None:
    data = "é".encode() * 40_000 + b"\xff\xfe\x01"
    assert judged(data) == {"plain.control-character": 80_002}


def test_a_rule_is_said_once_however_often_it_is_broken() -> None:
    assert list(judged(PROSE * 900 + b"\0\1\0" * 90_000)) == ["plain.control-character"]


@pytest.mark.parametrize("shift", [0, 1, 2, 500, 1500])
def test_a_flood_across_the_border_of_two_pieces_is_found(shift: int) -> None:
    start = b"x" * (PIECE - shift)
    assert "plain.combining-flood" in judged(start + "\u0301".encode() * (MAX_MARKS + 1) + b"x" * 100)
    assert judged(start + "\u0301".encode() * MAX_MARKS + b"x" * 100) == {}


def test_the_stacked_letters_of_jokes_are_no_flood() -> None:
    assert rules(zalgo(60) * 50) == []


@pytest.mark.parametrize("character", ["\u202a", "\u202e", "\u2066", "\u2069"])
def test_hidden_order_is_named(character: str) -> None:
    assert rules(source_with(character)) == ["plain.bidi-control"]


@pytest.mark.parametrize("character", ["\u200e", "\u200f", "\u200d", "\ufeff"])
def test_marks_that_reorder_nothing_are_not(character: str) -> None:
    assert rules(source_with(character)) == []


def test_the_report_does_not_depend_on_the_pieces() -> None:
    data = (zalgo(1001) + source_with("\u202e")) * 3 + "é".encode() * 200_000 + b"\0"
    reports: list[Inspection] = [inspect(in_pieces(data, seed)) for seed in range(3)]
    assert reports == [inspect(Source.of_bytes(data))] * 3
