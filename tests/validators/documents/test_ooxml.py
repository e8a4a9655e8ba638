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
    SLIDE,
    VBA,
    XLSX,
    instruction,
    linked,
    package,
    relationships,
    word,
)
from lazaretto_validators import Source, inspect
from lazaretto_validators.documents import ooxml_links, ooxml_parts
from lazaretto_validators.documents.ooxml import SMALLEST_DOCX, validate_ooxml
from lazaretto_validators.documents.xml_tokens import Tag, Text, decode_xml, tokens
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.testing import assert_laws
from looks import rules_of


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


def test_only_the_beginning_of_a_huge_part_is_read_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ooxml_parts, "_MAX_CONTENT", 1 << 20)
    report = inspect(Source.of_bytes(package({"word/document.xml": word("<w:p>x</w:p>" * 120_000)})))
    assert any(gap.where == "word/document.xml" for gap in report.coverage)


def test_field_behind_a_long_text_is_found() -> None:
    assert "ooxml.dde" in rules_of(
        package({"word/document.xml": word("<w:p/>" * 300_000 + instruction("DDE", "AUTO x"))})
    )


@pytest.mark.parametrize(
    "field",
    [
        "<w:instrText a='>'>DDE x</w:instrText>",
        "<w:instrText><!-- -->DDE x</w:instrText>",
        "<w:instrText><![CDATA[DDE x]]></w:instrText>",
        "<w:instrText>D<w:b/>DE x</w:instrText>",
        "<w:fldSimple w:instr='DDE x' instr='PAGE'/>",
        "<w:fldSimple w:a='>' w:instr='&#68;DE x'/>",
        "<?a > <!-- ?><w:instrText>DDE x</w:instrText><!-- -->",
    ],
)
def test_field_is_read_however_its_markup_is_written(field: str) -> None:
    assert "ooxml.dde" in rules_of(package({"word/document.xml": word(f"<w:p>{field}</w:p>")}))


def test_sheet_full_of_links_goes_on() -> None:
    links = relationships(*[("hyperlink", f"https://host.invalid/a/b/{number}", True) for number in range(30_000)])
    parts = {"xl/worksheets/_rels/sheet1.xml.rels": links}
    assert rules_of(package(parts, main=XLSX, part="xl/workbook.xml")) == set()


def test_relationship_hidden_behind_very_many_others_is_found() -> None:
    links = [("hyperlink", f"https://host.invalid/{number}", True) for number in range(10_000)]
    hidden = relationships(*links, ("frame", "http://example.invalid/x", True))
    assert rules_of(package({"word/_rels/a.xml.rels": hidden})) == {"ooxml.remote-part"}


def test_relationships_beyond_what_is_read_are_unscannable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ooxml_links, "_MAX_LINKS", 1 << 20)
    padded = relationships(("frame", "http://example.invalid/x", True)).replace(b"?>", b"?>" + b" " * (1 << 20))
    assert rules_of(package({"word/_rels/a.xml.rels": padded})) == {"unscannable.budget"}


def test_attribute_of_another_name_space_hides_no_target() -> None:
    links = relationships(("frame", "http://example.invalid/x", True)).replace(b" Target=", b" x:Target='a' Target=")
    other = relationships(("frame", "http://example.invalid/x", True)).replace(b"/></R", b" x:Target='a'/></R")
    assert {"ooxml.remote-part"} == rules_of(package({"word/_rels/a.xml.rels": links}))
    assert {"ooxml.remote-part"} == rules_of(package({"word/_rels/a.xml.rels": other}))


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


OLE2_WITH_VBA = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(504) + "_VBA_PROJECT".encode("utf-16-le") + bytes(64)


@pytest.mark.parametrize("name", ["word/foo.dat", "word/foo.xml", "word/media/image1.jpg", "word/foo"])
def test_macros_are_found_whatever_their_part_is_called(name: str) -> None:
    assert "ooxml.macro-hidden" in rules_of(package({name: OLE2_WITH_VBA}))


def test_a_part_is_a_macro_by_its_relationship_alone() -> None:
    assert "ooxml.macro-hidden" in rules_of(
        linked("vbaProject", "foo.dat", external=False, parts={"word/foo.dat": b"x"})
    )
    sheet = {"xl/foo.xml": b"<a/>", "xl/_rels/workbook.xml.rels": relationships(("xlMacrosheet", "foo.xml", False))}
    assert "ooxml.xlm-macro" in rules_of(package(sheet, main=XLSX, part="xl/workbook.xml"))


@pytest.mark.parametrize("name", ["word/%66oo.dat", "WORD/FOO.DAT"])
def test_a_part_is_a_macro_by_its_type_however_its_name_is_written(name: str) -> None:
    assert "ooxml.macro-hidden" in rules_of(package({"word/foo.dat": b"x"}, types={name: f" {VBA} "}))


def test_an_old_workbook_inside_keeps_its_own_macros() -> None:
    kept = package(
        {"word/embeddings/a.xls": OLE2_WITH_VBA}, types={"word/embeddings/a.xls": "application/vnd.ms-excel"}
    )
    assert {rule for rule in rules_of(kept) if rule.startswith("ooxml.")} == {"ooxml.macro"}


def test_a_control_is_one_by_its_relationship() -> None:
    assert rules_of(linked("control", "x/c.xml", external=False, parts={"word/x/c.xml": b"<a/>"})) == {"ooxml.activex"}


@pytest.mark.parametrize(
    "target", ["%68ttp://host.invalid/x", "ht&#10;tp://host.invalid/x", "ms-msdt:/id", "smb://host/x"]
)
def test_an_address_is_read_as_programs_read_it(target: str) -> None:
    assert rules_of(linked("attachedTemplate", target)) == {"ooxml.remote-part"}


@pytest.mark.parametrize("kind", ["mailMergeSource", "externalLinkLong", "customXml", "theme"])
def test_kinds_with_no_business_outside_are_linked_parts(kind: str) -> None:
    assert rules_of(linked(kind, "\\\\host\\x")) == {"ooxml.linked-part"}


@pytest.mark.parametrize(
    ("old", "new"), [(b"attachedTemplate", b"attachedTemplate /"), (b'"External"', b'" EXTERNAL "')]
)
def test_blanks_and_case_do_not_hide_a_relationship(old: bytes, new: bytes) -> None:
    links = relationships(("attachedTemplate", "http://example.invalid/t", True)).replace(old, new)
    assert rules_of(package({"word/_rels/settings.xml.rels": links})) == {"ooxml.remote-part"}


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_parts_in_wide_letters_are_read_without_a_mark_or_declaration(encoding: str) -> None:
    links = relationships(("attachedTemplate", "http://example.invalid/t", True)).split(b"\n", 1)[1]
    part = links.decode().encode(encoding)
    assert "ooxml.remote-part" in rules_of(package({"word/_rels/settings.xml.rels": part}))


def test_ebcdic_hides_a_part() -> None:
    links = relationships(("attachedTemplate", "http://example.invalid/t", True)).decode().encode("cp037")
    assert rules_of(package({"word/_rels/settings.xml.rels": links})) == {"ooxml.encoding"}


def test_a_field_is_put_together_over_paragraphs_and_from_quoted_letters() -> None:
    begin = '<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r>'
    split = f"{begin}<w:r><w:instrText>DD</w:instrText></w:r></w:p><w:p><w:r><w:instrText>E x</w:instrText></w:r></w:p>"
    quoted = instruction("QUOTE " + " ".join(str(ord(letter)) for letter in "DDEAUTO x"))
    for body in (split, quoted):
        assert rules_of(package({"word/document.xml": word(body)})) == {"ooxml.dde"}


@pytest.mark.parametrize("field", ['INCLUDETEXT "http://host.invalid/x"', 'INCLUDEPICTURE "\\\\\\\\host\\\\x" \\d'])
def test_a_field_that_fetches_is_a_linked_part(field: str) -> None:
    assert rules_of(package({"word/document.xml": word(instruction(field))})) == {"ooxml.linked-part"}


@pytest.mark.parametrize(
    "field", ['INCLUDEPICTURE "https://host.invalid/x.png"', 'LINK Excel.Sheet "C:\\\\a.xlsx"', "QUOTE 65"]
)
def test_fields_that_show_a_picture_or_a_file_nearby_are_everyday(field: str) -> None:
    assert not rules_of(package({"word/document.xml": word(instruction(field))}))


def test_the_main_part_and_parts_by_type_are_judged_under_any_name() -> None:
    assert rules_of(package({"foo/bar.xml": word(instruction("DDE x"))}, part="foo/bar.xml")) == {"ooxml.dde"}
    slide, kind = "ppt/foo/s.xml", "application/vnd.openxmlformats-officedocument.presentationml.slide+xml"
    acting = SLIDE % b"ppaction&#58;//program"
    made = package({slide: acting}, main=PPTX, part="ppt/presentation.xml", types={slide: kind})
    assert rules_of(made) == {"ooxml.run-action"}


def test_an_add_in_and_a_query_from_elsewhere_are_found() -> None:
    custom = b'<Properties><property name="_AssemblyLocation"><a>http://host.invalid/a.vsto</a></property></Properties>'
    assert rules_of(package({"docProps/custom.xml": custom})) == {"ooxml.remote-part"}
    query = b'<connections><connection refreshOnLoad="1"><webPr url="http://host.invalid"/></connection></connections>'
    made = package({"xl/connections.xml": query}, main=XLSX, part="xl/workbook.xml")
    assert rules_of(made) == {"ooxml.linked-part"}
