"""Office Open XML: what the parts of a package do once it is opened."""

from __future__ import annotations

import io
import time
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.ooxml import (
    CASES,
    DOCM,
    DOCX,
    PPTX,
    VBA,
    XLSX,
    instruction,
    linked,
    package,
    relationships,
    word,
)
from lazaretto_validators import Source, inspect
from lazaretto_validators.documents.ooxml import SMALLEST_DOCX, validate_ooxml
from lazaretto_validators.documents.xml_tokens import Tag, Text, decode_xml, tokens
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.testing import Case, assert_laws


def rules_of(data: bytes) -> set[str]:
    return {finding.rule for finding in inspect(Source.of_bytes(data)).findings}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_each_rule_is_found_and_its_repaired_twin_is_clean(case: Case) -> None:
    assert case.rule in rules_of(case.broken)
    assert rules_of(case.repaired) <= case.allowed


def test_every_rule_has_a_case() -> None:
    assert {rule.id for rule in validate_ooxml.rules} == {case.rule for case in CASES}


def test_ooxml_keeps_the_laws() -> None:
    assert_laws(validate_ooxml, cases=CASES, foreign=(b"\x89PNG\r\n\x1a\n" + bytes(60), b"plain words"))


@pytest.mark.parametrize("data", [SMALLEST_DOCX, package(), package(main=DOCM)])
def test_what_the_builder_calls_sound_python_reads_as_well(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
    assert not rules_of(data)


@pytest.mark.parametrize(
    ("main", "part", "name"),
    [
        (DOCX, "word/document.xml", "wordprocessingml.document"),
        (DOCM, "word/document.xml", "ms-word.document.macroEnabled.12"),
        (XLSX, "xl/workbook.xml", "spreadsheetml.sheet"),
        (PPTX, "ppt/presentation.xml", "presentationml.presentation"),
    ],
)
def test_the_main_part_names_the_type(main: str, part: str, name: str) -> None:
    detected = inspect(Source.of_bytes(package(main=main, part=part))).media_type
    assert detected is not None
    assert detected.name.endswith(name)


def test_every_type_that_is_judged_is_a_known_one() -> None:
    assert {media_type.name for media_type in validate_ooxml.media_types} <= set(MEDIA_TYPES)


def test_macros_are_found_by_their_content_type_whatever_the_part_is_called() -> None:
    assert "ooxml.macro-hidden" in rules_of(package({"word/x.dat": b"inert"}, types={"word/x.dat": VBA}))


def test_macros_are_found_by_their_storage_whatever_part_and_type_are_called() -> None:
    storage = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + "_VBA_PROJECT".encode("utf-16-le") + bytes(500)
    assert "ooxml.macro-hidden" in rules_of(package({"word/x.bin": storage}))


def test_a_decoy_type_does_not_make_hidden_macros_declared_ones() -> None:
    parts = {"word/vbaProject.bin": b"inert", "word/decoy.xml": b"<a/>"}
    assert "ooxml.macro-hidden" in rules_of(package(parts, types={"word/decoy.xml": DOCM}))


@pytest.mark.parametrize("kind", ["attachedTemplate", "oleObject", "frame", "subDocument", "slideMaster"])
@pytest.mark.parametrize("target", ["https://example.invalid/x", "\\\\host\\x", "mhtml:http://example.invalid/x!y"])
def test_parts_from_elsewhere(kind: str, target: str) -> None:
    assert rules_of(linked(kind, target)) == {"ooxml.remote-part"}


@pytest.mark.parametrize("kind", ["hyperlink", "image"])
def test_links_to_web_pages_and_pictures_are_everyday(kind: str) -> None:
    assert not rules_of(linked(kind, "https://example.invalid/x"))


def test_pictures_on_a_share_are_linked_parts() -> None:
    assert rules_of(linked("image", "file://host/a.png")) == {"ooxml.linked-part"}


@pytest.mark.parametrize("field", ["DDEAUTO x y", " dde x y", "=DDE x"])
def test_fields_that_start_programs(field: str) -> None:
    simple = word(f'<w:p><w:fldSimple w:instr="{field}"/></w:p>')
    assert "ooxml.dde" in rules_of(package({"word/document.xml": simple}))
    assert "ooxml.dde" in rules_of(package({"word/header1.xml": word(instruction(*field))}))


def test_words_about_dde_are_no_field() -> None:
    assert not rules_of(package({"word/document.xml": word(instruction("REF ", "ddeauto") + "<w:t>DDEAUTO x</w:t>")}))


def test_utf16_parts_are_read() -> None:
    hidden = relationships(("attachedTemplate", "http://example.invalid/t", True)).decode().encode("utf-16")
    assert "ooxml.remote-part" in rules_of(package({"word/_rels/settings.xml.rels": hidden}))


def test_references_in_targets_are_resolved() -> None:
    assert "ooxml.remote-part" in rules_of(linked("oleObject", "&#104;ttp://example.invalid/x"))


def test_only_the_beginning_of_a_huge_part_is_read_and_that_is_said() -> None:
    report = inspect(Source.of_bytes(package({"word/document.xml": word("<w:p>x</w:p>" * 120_000)})))
    assert any(gap.where == "word/document.xml" for gap in report.coverage)


def test_relationships_hidden_behind_a_million_others_are_unscannable() -> None:
    padded = relationships(("frame", "http://example.invalid/x", True)).replace(b"?>", b"?>" + b" " * (1 << 20))
    assert rules_of(package({"word/_rels/a.xml.rels": padded})) == {"unscannable.budget"}


def test_zip_findings_are_said_of_documents_too() -> None:
    assert "zip.traversal" in rules_of(package({"../x.txt": b"words"}))


def test_tokens_resolve_references_and_pass_over_comments() -> None:
    assert list(tokens("<a:b x:c='1&amp;2'>t&lt;<!-- <z> --><![CDATA[<y>]]></a:b>")) == [
        Tag("b", False, {"c": "1&2"}),
        Text("t<"),
        Text("<y>"),
        Tag("b", True, {}),
    ]


@given(st.binary(max_size=400))
@settings(max_examples=100)
def test_any_bytes_have_tokens(data: bytes) -> None:
    assert sum(1 for _ in tokens(decode_xml(data))) <= 2 * len(data) + 1


@pytest.mark.parametrize("unit", ["<a ", '<a "', "<!--", "<![CDATA[", "a" * 9, "<a b=", "<a '>\"", "<" + "a " * 9])
def test_tokenizing_takes_linear_time(unit: str) -> None:
    def cost(size: int) -> float:
        text = unit * (size // len(unit))
        begin = time.process_time()
        for _ in tokens(text):
            pass
        return time.process_time() - begin

    assert cost(1 << 20) < 100 * max(cost(1 << 16), 0.005)  # linear is 16 times, quadratic 256


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_mutations_are_reported_and_never_raise(data: st.DataObject) -> None:
    source = CASES[data.draw(st.integers(0, len(CASES) - 1))].broken
    mutated = bytearray(source)
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    assert "unscannable.validator-failed" not in rules_of(bytes(mutated))
