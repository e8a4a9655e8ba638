"""RTF: every rule with its repaired twin, the traps that honest writers set, obfuscated objects, the bounds."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.ole2 import compound, macros
from carriers.ole2 import native as packaged
from carriers.png import png
from carriers.rtf import CASES, as_hex, document, field, object_data, object_group
from lazaretto_validators.documents.rtf import SMALLEST_RTF
from lazaretto_validators.registry import default_registry
from lazaretto_validators.source import PIECE
from looks import above_info, look, rules_of

RULES = default_registry().rules


@pytest.mark.parametrize("tail", [b"\0", b"\r\n\0", b"\r\n", b" \n\n", bytes(100)])
def test_padding_behind_the_last_brace_is_tolerated(tail: bytes) -> None:
    assert rules_of(SMALLEST_RTF + tail) == set()


@pytest.mark.parametrize(
    "body",
    [
        b"a brace \\{ and one \\} and \\\\{grouped\\\\}",
        b"\\'e4\\'f6\\u8364 ? caf\xe9 \xc3\xa9",
        b"{\\*\\generator Riched20 10.0.19041;}\\viewkind4\\uc1 inert",
        b"<html><script>quoted()</script><?php echo 1; ?>",
        b"{\\pict\\wmetafile8\\picw1\\pich1 0100090000}",
        b"{\\pict\\pngblip\\bin" + str(len(png())).encode() + b" " + png() + b"}",
        b"{\\*\\htmltag64 <html>}",
        b'{\\field{\\*\\fldinst HYPERLINK "https://host.invalid/"}{\\fldrslt inert}}',
    ],
)
def test_what_honest_writers_do_is_no_finding(body: bytes) -> None:
    assert above_info(document(body)) == set()


@pytest.mark.parametrize("template", [b"C:\\\\Normal.dot", b"Normal.dotm", b"file:///C:/a.dot"])
def test_template_on_the_own_disk_is_no_finding(template: bytes) -> None:
    assert rules_of(document(b"{\\*\\template " + template + b"}")) == set()


@pytest.mark.parametrize(
    "template",
    [
        b"https://host.invalid/a",
        b"\\\\\\\\host.invalid\\\\a",
        b"\\'68\\'74\\'74\\'70://host.invalid/a",
        b"\\u104?ttp://a",
    ],
)
def test_template_elsewhere_is_found_however_it_is_written(template: bytes) -> None:
    assert "rtf.remote-template" in rules_of(document(b"{\\*\\template " + template + b"}"))


def test_field_split_over_groups_is_read_as_one() -> None:
    assert "rtf.dde" in rules_of(field(b"D{\\b D}{E}AUTO inert"))


@pytest.mark.parametrize(
    "instruction",
    [
        b"\\u68x\\u68x\\u69x x",
        b"\\u68\\'44\\u68\\'44E x",
        b"\\uc0\\u68 \\u68 E x",
        b"\\uc3\\u68 xyz\\u68 {\\b}E x",
        b"D\\'44\\'45AUTO x",
        b"{\\field{\\*\\fldinst QUOTE 68 68 69 65 85 84 79}} x",
    ],
)
def test_field_that_starts_a_program_is_found_however_its_letters_are_written(instruction: bytes) -> None:
    assert "rtf.dde" in rules_of(field(instruction))


def test_letters_for_old_readers_are_as_many_as_an_earlier_word_says() -> None:
    assert "rtf.dde" in rules_of(document(b"\\uc0{\\field{\\*\\fldinst \\u68 \\u68 E x}}"))
    assert "rtf.dde" in rules_of(document(b"\\uc2{\\field{\\*\\fldinst \\u68 xy\\u68 xyE x}}"))


@pytest.mark.parametrize("name", [b"pFr\\'61gments", b"pFragments}{\\*\\x " + b"9" * 300, b"PFRAGMENTS"])
def test_property_that_holds_more_than_it_declares_is_found_however_it_is_written(name: bytes) -> None:
    body = b"{\\shp{\\sp{\\sn " + name + b"}{\\sv 4;1;" + b"00" * 5 + b"}}}"
    assert "rtf.fragments" in rules_of(document(body))


_HARD = {
    "fields": b"{\\fldinst x" * 9000 + b"y" * 900_000,
    "numbered letters": b"{\\fldinst \\u1 " * 60_000,
    "objects": b"{\\objdata " * 90 + b"0\\a " * 200_000,
    "pictures": b"{\\pict\\pngblip " * 90 + b"0" * 900_000,
    "templates": b"{\\template " * 5000 + b"\\a" * 400_000,
    "properties": b"{\\sp{\\sn pFragments" * 40_000,
    "zeros": b"\\\0" * 400_000,
    "shapes": b"{\\sp{\\sn fFlipH}{\\sv 0}}" * 40_000,
}


@pytest.mark.parametrize("name", _HARD)
def test_document_that_is_built_to_waste_time_is_bounded(name: str) -> None:
    began = time.process_time()
    rules_of(document(_HARD[name] + b"}" * _HARD[name].count(b"{")))
    assert time.process_time() - began < 5


def test_document_of_very_many_shapes_is_read_to_its_end() -> None:
    shapes = b"{\\sp{\\sn fFlipH}{\\sv 0}}" * 120_000
    assert rules_of(document(shapes)) == set()


def test_embedded_compound_file_is_screened() -> None:
    found = rules_of(object_group(as_hex(object_data(b"Word.Document.8", macros()))))
    assert "ole2.macro" in found


def test_class_of_the_file_manager_is_found_among_the_data() -> None:
    shell_explorer = bytes.fromhex("c32ab2eac130cf11a7eb0000c05bae0b")
    assert "rtf.dangerous-class" in rules_of(object_group(as_hex(object_data(native=shell_explorer))))


def test_packaged_file_is_judged_by_its_name() -> None:
    native = packaged(b"inert.exe", b"MZ" + bytes(62))[4:]
    found = look(object_group(as_hex(object_data(b"Package", native)))).findings
    assert any("inert.exe" in finding.where for finding in found)


@pytest.mark.parametrize(
    "hide",
    [
        lambda text: text.replace(b"d0cf", b"d0{\\*\\x}cf"),
        lambda text: text.replace(b"d0cf", b"d0\\par cf"),
        lambda text: text.replace(b"d0cf", b"d0\\'01cf"),
        lambda text: text.replace(b"d0cf", b"\\bin2 \xd0\xcf"),
    ],
)
def test_interrupted_data_are_told_and_decoded(hide: Callable[[bytes], bytes]) -> None:
    text = hide(as_hex(object_data(b"Word.Document.8", compound())))
    found = rules_of(object_group(text, b"\\objemb\\objupdate"))
    assert "rtf.obfuscated" in found


def test_picture_in_hexadecimal_is_screened() -> None:
    broken = png()[:-20]
    found = look(document(b"{\\pict\\pngblip\\picw1 " + as_hex(broken) + b"}")).findings
    assert {finding.where.partition("!")[0] for finding in found} == {"picture 1"}


def test_picture_behind_the_properties_that_word_writes_is_read() -> None:
    properties = b"{\\*\\picprop\\shplid1025{\\sp{\\sn shapeType}{\\sv 75}}{\\sp{\\sn fFlipH}{\\sv 0}}}"
    place = b"\\picscalex100\\picw53\\pngblip\\bliptag-1805{\\*\\blipuid 946b0f0aa1b2c3d4}\r\n"
    assert rules_of(document(b"{\\pict" + properties + place + as_hex(png()) + b"}")) == set()


def test_remains_behind_the_end_are_classified() -> None:
    assert "concealed.appended" in rules_of(SMALLEST_RTF + b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\nstartxref\n0\n%%EOF")


def test_braces_in_binary_data_do_not_count() -> None:
    assert rules_of(document(b"{\\pict\\bin6 {{}{\\\\}")) == set()


def test_token_may_lie_across_two_pieces() -> None:
    for shift in range(40):
        filler = b"x" * (PIECE - 80 - shift)
        found = rules_of(document(filler + b"{\\object\\objupdate{\\*\\objdata 0105000002000000}}"))
        assert "rtf.object-update" in found, shift


@given(st.binary(max_size=300), st.integers(0, 200))
@settings(max_examples=150)
def test_any_damage_gives_a_report(junk: bytes, at: int) -> None:
    data = CASES[10].broken
    assert "unscannable.validator-failed" not in rules_of(data[:at] + junk + data[at:])


def test_many_binary_stretches_are_walked_in_time() -> None:
    data = document(b"\\bin1 x" * 100_000)
    assert above_info(data) <= {"unscannable.budget"}


_ARCHIVE = b"Rar!\x1a\x07\x00\xcf\x90s\x00\x00\x0d\x00\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize("place", [0, 10, PIECE - 60, PIECE - 40, PIECE - 20, 2 * PIECE])
@pytest.mark.parametrize("lead", [b"", b"\\bin400000 "], ids=["digits", "binary"])
def test_a_second_file_is_found_among_digits_and_binary_data(place: int, lead: bytes) -> None:
    held = bytearray(b"0" * 3 * PIECE)
    held[place : place + len(_ARCHIVE)] = _ARCHIVE
    assert "rtf.hidden-file" in rules_of(document(lead + bytes(held)))


@pytest.mark.parametrize("place", [PIECE - 90, PIECE - 70, PIECE - 50, PIECE - 30, PIECE + 5])
def test_words_are_read_where_two_pieces_meet(place: int) -> None:
    body = b"0" * place + b"{\\*\\template http://inert.invalid/a.dot}" + b"0" * PIECE
    assert "rtf.remote-template" in rules_of(document(body))
