"""PDF: every rule with its repaired twin, the traps that honest producers set, attacks, bounds, qpdf as an oracle."""

from __future__ import annotations

import base64
import shutil
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.pdf import (
    BASE,
    CASES,
    HEADER,
    PACKINGS,
    WRAPPED,
    attachment,
    catalog,
    document,
    encrypted,
    object_stream,
    packed,
    page,
    pages,
    predicted,
    sealed,
    segment,
    stream,
    updated,
    xref_stream,
)
from carriers.zip import archive
from lazaretto_validators import Severity
from lazaretto_validators.documents.pdf import SMALLEST_PDF
from lazaretto_validators.documents.pdf_actions import address_rule, is_remote
from lazaretto_validators.documents.pdf_ciphers import aes_decrypt, aes_encrypt, rc4
from lazaretto_validators.documents.pdf_filters import decode
from lazaretto_validators.documents.pdf_tokens import Name, Ref, parse, sound_end
from lazaretto_validators.images.jpeg import SMALLEST as SMALLEST_JPEG
from lazaretto_validators.registry import default_registry
from lazaretto_validators.source import PIECE
from looks import rules_of

RULES = default_registry().rules
QPDF = shutil.which("qpdf")
SCRIPT = b"<</S/JavaScript/JS(inert)>>"
SCRIPTS = {"pdf.script", "pdf.open-script"}


class Free:
    """Charges nothing."""

    def expand(self, count: int) -> None:
        pass

    def spend(self, operations: int = 1) -> None:
        pass


def severities(data: bytes) -> set[Severity]:
    return {RULES[rule].severity for rule in rules_of(data)}


@pytest.mark.skipif(QPDF is None, reason="qpdf is not installed: no independent reader to ask")
@pytest.mark.parametrize("data", sorted({SMALLEST_PDF, *(case.repaired for case in CASES)}), ids=len)
def test_qpdf_opens_repaired_twin(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "twin.pdf"
    path.write_bytes(data)
    checked = subprocess.run([str(QPDF), "--check", str(path)], capture_output=True, text=True, timeout=60)
    complaints = (line for line in checked.stderr.splitlines() if not any(word in line for word in _OF_CONTENTS))
    assert "file is damaged" not in "\n".join(complaints)


_OF_CONTENTS = ("content stream",)


# --- what honest producers do ---


@pytest.mark.parametrize(
    "honest",
    [
        document(lead=b"\xef\xbb\xbf"),
        document(lead=b"HTTP/1.1 200 OK\r\n\r\n"),
        document(lead=b"\x1b%-12345X@PJL ENTER LANGUAGE=PDF\r\n"),
        document(told=document().find(b"xref") + 40),
        document(end=b"%%EOF\n" + bytes(1000)),
        document(end=b"%%EOF\n-- \nsent by a gateway\n"),
        document({4: stream(b"BT ET", length=3)}),
        document({4: stream(b"BT ET", length=4000)}),
        document({2: pages(count=3)}),
        document(closing={3: b""}),
        document(astray={3: 30}),
        document({1: catalog(b"/OpenAction[3 0 R/Fit]")}),
        document({1: catalog(b"/OpenAction<</S/GoTo/D[3 0 R/Fit]>>")}),
        document({1: catalog(b"/AcroForm<</Fields[]/NeedAppearances true>>")}),
        document({3: page(b"/Annots[<</Subtype/Link/A<</S/GoToR/F(part2.pdf)/D[0/Fit]>>>>]")}),
        document({3: page(b"/Annots[<</Subtype/Link/A<</S/Named/N/NextPage>>>>]")}),
        document({3: page(b"/Annots[<</Subtype/Link/A<</S/URI/URI(file:///C:/Users/me/a.docx)>>>>]")}),
        attachment(b"factur-x.xml", b'<?xml version="1.0"?><rsm:Invoice xmlns:rsm="urn:inert"/>'),
        document({4: stream(b"", b"/Subtype/Image/Width 8/Height 8/Filter/JBIG2Decode")}),
        document({3: page(b"/Rotate --90/UserUnit NaN")}),
        document({3: page(b"/Font<</F#20One 1>>")}),
        document({3: b"<</Type/Page % a comment (\n/Parent 2 0 R/T(a (b (c)) \\( d)>>"}),
        document({4: stream(b"(5 0 obj <</S/JavaScript/JS(x)>> endobj <script>) Tj")}),
        xref_stream({**BASE, 4: object_stream({5: b"null", 6: b"(a)"})}, {5: (4, 0), 6: (4, 1)}),
        updated(document(), {3: page(b"/Rotate 90")}, 4),
    ],
    ids=lambda data: str(zlib.crc32(data)),
)
def test_what_honest_producers_do_is_told_and_no_more(honest: bytes) -> None:
    assert severities(honest) <= {Severity.INFO}


def test_several_kinds_of_damage_together_are_worth_a_look() -> None:
    one = document({2: pages(count=9)})
    assert "pdf.repairs" not in rules_of(one)
    many = document({2: pages(count=9), 4: stream(b"x", length=9)}, lead=b"\n")
    assert "pdf.repairs" in rules_of(many)


# --- active content, wherever it hides ---


@pytest.mark.parametrize(
    "hidden",
    [
        document({4: SCRIPT}),
        document({4: b"<</S/JavaScript/JS 5 0 R>>", 5: packed(b"inert")}),
        document({1: catalog(b"/OpenAction 4 0 R"), 4: SCRIPT}),
        document({1: catalog(b"/OpenAction[4 0 R]"), 4: SCRIPT}),
        document({4: b"<</S /J#61vaScript /JS (inert)>>"}),
        document({4: b"<</S 5 0 R/X(inert)>>", 5: b"/JavaScript"}),
        document({4: b"[(endobj) (1 0 obj) [" + SCRIPT + b"]]"}),
        document({4: b"<</A % /S/URI\n" + SCRIPT + b">>"}),
        document({4: SCRIPT}, told=99_999),
        document({4: stream(b"\n5 0 obj\n" + SCRIPT + b"\nendobj")}, told=99_999),
        document(between=b"4 0 obj " + SCRIPT),
        xref_stream({**BASE, 4: object_stream({5: SCRIPT})}, {5: (4, 0)}),
        updated(document({4: SCRIPT}), {4: b"null"}, 5),
        document({4: SCRIPT})[:-120],
    ],
    ids=lambda data: str(zlib.crc32(data)),
)
def test_script_is_found_wherever_it_stands(hidden: bytes) -> None:
    assert rules_of(hidden) & (SCRIPTS | {"pdf.hidden-name"})


@pytest.mark.parametrize("odd", [b"[]", b"<<>>", b"4 0 R", b"(a)", b"1", b"null"])
def test_value_of_another_type_than_expected(odd: bytes) -> None:
    keys = (b"S", b"Subtype", b"Type", b"N", b"Filter", b"DecodeParms", b"Length", b"F", b"URI", b"EF", b"AA", b"Kids")
    value = b"<</JS 1/Kids 1" + b"".join(b"/%s %s" % (key, odd) for key in keys) + b">>"
    rules = rules_of(document({4: value, 5: b"<</AA<</O %s>>>>" % value, 6: value + b"stream\n\nendstream"}))
    assert "unscannable.validator-failed" not in rules


def test_object_in_a_stream_that_the_table_leads_to() -> None:
    inside = stream(b"\n5 0 obj\n" + SCRIPT + b"\nendobj")
    at = document({4: inside}).find(b"5 0 obj")
    assert rules_of(document({4: inside}, astray={5: at})) >= {"pdf.hidden-object", "pdf.script"}
    assert rules_of(document({4: inside})) == set()


def test_offset_into_the_middle_of_a_name_hides_nothing() -> None:
    body = b"<</S/JavaScript/JS(inert)>>"
    head = b"5 0 6 9 "
    holder = packed(head + body, b"/Type/ObjStm/N 2/First %d" % len(head))
    assert "pdf.script" in rules_of(xref_stream({**BASE, 4: holder}, {5: (4, 0), 6: (4, 1)}))


@pytest.mark.parametrize("gap", [b" %\n0 ", b" " * 40 + b"0 ", b"\n% a comment\n 0\n%\n", b" " * 70_000 + b"0 "])
def test_head_of_an_object_with_comments_or_many_blanks_hides_nothing(gap: bytes) -> None:
    second = b"4" + gap + b"obj\n" + SCRIPT + b"\nendobj\n"
    at = document({4: b"null"}, between=second).rfind(b"4" + gap)
    assert "pdf.script" in rules_of(document({4: b"null"}, between=second, astray={4: at}))


def test_header_of_a_stream_of_objects_with_a_comment_is_told() -> None:
    head = b"%9 0\n7 5 "
    holder = packed(head + b"null " + SCRIPT, b"/Type/ObjStm/N 1/First %d" % len(head))
    assert "pdf.object-stream" in rules_of(xref_stream({**BASE, 4: holder}, {7: (4, 0)}))


def test_object_hidden_behind_thousands_of_wrong_entries() -> None:
    wrong = dict.fromkeys(range(4, 2500), b"null")
    objects = {**wrong, 2500: stream(b"\n2501 0 obj\n" + SCRIPT + b"\nendobj")}
    at = document(objects).find(b"2501 0 obj")
    assert "pdf.hidden-object" in rules_of(document(objects, astray={**dict.fromkeys(wrong, 12), 2501: at}))


def test_object_across_the_border_of_two_pieces_of_a_stream() -> None:
    hidden = b"\n9 0 obj\n" + SCRIPT + b"\nendobj "
    for place in range(PIECE - 8, PIECE):
        padded = document({4: stream(b"q" * place + hidden)}, told=99_999)
        assert "pdf.script" in rules_of(padded)


def test_matrix_of_a_font_behind_references() -> None:
    rule = "pdf.font-matrix"
    assert rule in rules_of(document({4: b"<</FontMatrix 5 0 R>>", 5: b"[1 0 0 1 0(x)]"}))
    assert rule in rules_of(document({4: b"<</FontMatrix[1 0 0 1 0 5 0 R]>>", 5: b"(x)"}))
    assert rules_of(document({4: b"<</FontMatrix[1 0 0 1 0 5 0 R]>>", 5: b"0"})) == set()


@pytest.mark.parametrize("start", [b"/Next[%s]", b"/Next<</S/GoTo/Next %s>>"])
def test_automatic_action_behind_others(start: bytes) -> None:
    last = b"<</S/URI/URI(http://example.invalid/)>>"
    assert "pdf.automatic-action" in rules_of(document({1: catalog(b"/OpenAction<</S/GoTo" + start % last + b">>")}))
    events = b"<<" + b"".join(b"/X%d null" % n for n in range(20)) + b"/O%s>>" % last
    assert "pdf.automatic-action" in rules_of(document({3: page(b"/AA 4 0 R"), 4: events}))


@pytest.mark.parametrize(
    "hidden",
    [
        {4: b"<</S/Thread/F(\\\\\\\\host.invalid\\\\x)>>"},
        {4: b"<</S/GoToR/F<</F(a.pdf)/UF 5 0 R>>>>", 5: b"(\\\\\\\\host.invalid\\\\x)"},
        {4: b"<</S 5 0 R/F(\\\\\\\\host.invalid\\\\x)>>", 5: b"/GoToE"},
    ],
    ids=["thread", "path by reference", "action by reference"],
)
def test_remote_file_in_an_unusual_place(hidden: dict[int, bytes]) -> None:
    assert "pdf.remote-file" in rules_of(document(hidden))


@pytest.mark.parametrize(
    ("value", "rule"),
    [
        (b"<</S/Launch/F(inert.txt)/S/GoTo>>", "pdf.object-swapped"),
        (b"<</S/GoTo/S/Launch/F(inert.txt)>>", "pdf.object-swapped"),
        (b"<</S/URI/URI(search-ms:inert)/URI(https://example.invalid/)>>", "pdf.address"),
        (b"<</OpenAction<</S/JavaScript/JS(inert)>>/OpenAction null>>", "pdf.script"),
    ],
)
def test_key_that_stands_there_twice_hides_nothing(value: bytes, rule: str) -> None:
    assert rule in rules_of(document({4: value}))


def test_key_that_stands_there_twice_and_does_nothing_is_honest() -> None:
    assert rules_of(document({4: b"<</Type/Annot/Type/Annot/S/D/S/U/First 5 0 R/AA null>>"})) == set()


def test_code_behind_many_harmless_comments() -> None:
    comments = b"".join(b"%% a harmless comment, %d\n" % n for n in range(300))
    assert rules_of(document(between=comments)) == set()
    assert "pdf.code-in-gap" in rules_of(document(between=comments + b"%<script >inert</script>\n"))


def test_code_across_the_border_of_two_pieces_of_a_stream() -> None:
    for place in range(PIECE - 8, PIECE):
        assert "pdf.foreign-stream" in rules_of(document({4: stream(b"q" * place + b"<script >")}))


def test_text_about_scripts_in_a_long_page_is_no_code() -> None:
    assert rules_of(document({4: stream(b"(" + b"q" * PIECE + b"<script >) Tj")})) == set()


@pytest.mark.parametrize(
    ("code", "rule"),
    [
        (b'AFDate_FormatEx\\("dd.mm.yyyy"\\);', "pdf.form-script"),
        (b'AFSimple_Calculate\\("SUM", new Array \\("a", "b"\\)\\);', "pdf.form-script"),
        (b'AFDate_FormatEx\\("x"\\); app.launchURL\\("x"\\);', "pdf.script"),
        (b"AFNumber_Format\\(eval\\(unescape\\(x\\)\\)\\); y = 1", "pdf.script"),
    ],
)
def test_form_functions_of_fields_are_told_apart(code: bytes, rule: str) -> None:
    field = b"<</FT/Tx/T(a)/AA<</F<</S/JavaScript/JS(" + code + b")>>/K 5 0 R>>>>"
    inner = b"<</S/JavaScript/JS(" + code + b")>>"
    assert rules_of(document({4: field, 5: inner})) == {rule}


@pytest.mark.parametrize(
    "address",
    [
        "javascript:inert", " java\tscript:inert", "vbscript:inert", "data:text/html,inert", "smb://host.invalid/x",
        "ms-msdt:/id", "search-ms:query=inert", "\\\\host.invalid\\x", "file://host.invalid/x", "file:////host.invalid/x",
        "file:///C:/inert.exe",
    ],
)  # fmt: skip
def test_dangerous_address(address: str) -> None:
    rule = address_rule(address)
    assert rule is not None
    assert rule.severity is Severity.HIGH


@pytest.mark.parametrize(
    "address",
    [
        "https://example.invalid/@name", "http://example.invalid?q=a@b", "mailto:a@example.invalid", "tel:+1",
        "#page=2", "//example.invalid/x", "example.invalid", "sms:1", "https://xn--bcher-kva.invalid/", "",
    ],
)  # fmt: skip
def test_ordinary_address(address: str) -> None:
    assert address_rule(address) is None


@pytest.mark.parametrize("path", ["\\\\h\\x", "//h/x", "http://h/x", "file://h/x", "ftp://h/x"])
def test_path_on_another_computer(path: str) -> None:
    assert is_remote(path)


@pytest.mark.parametrize("path", ["a.pdf", "../a.pdf", "/C/a.pdf", "C:\\a.pdf", "", "file:///C:/a.pdf", "\\a.pdf"])
def test_path_on_this_computer(path: str) -> None:
    assert not is_remote(path)


# --- attachments ---


def test_attachment_is_judged_by_name_and_content() -> None:
    assert "name.dangerous-extension" in rules_of(attachment(b"inert.exe", b"inert"))
    assert "pdf.script" in rules_of(attachment(b"inner.pdf", document({4: SCRIPT})))


def test_stored_attachment_is_not_concealed() -> None:
    inner = document({4: stream(b"BT ET")})
    specification = b"<</Type/Filespec/F(b.pdf)/EF<</F 5 0 R>>>>"
    outer = document({4: specification, 5: stream(inner, b"/Type/EmbeddedFile")})
    assert rules_of(outer) == {"pdf.attachment"}


@pytest.mark.parametrize("kind", [2, 10, 11, 12, 13, 14])
def test_attachment_behind_a_predictor_is_judged(kind: int) -> None:
    page_of_web = b"<html><script>inert</script></html>"
    inner = packed(predicted(page_of_web, kind, 9), b"/Type/EmbeddedFile/DecodeParms<</Predictor %d/Columns 9>>" % kind)
    assert "html.page" in rules_of(document({4: b"<</EF<</F 5 0 R>>/F(a.htm)>>", 5: inner}))


def test_attachment_whose_filter_is_a_reference_is_judged() -> None:
    inner = stream(zlib.compress(document({4: SCRIPT})), b"/Type/EmbeddedFile/Filter 6 0 R")
    assert "pdf.script" in rules_of(document({4: b"<</EF<</F 5 0 R>>/F(a.pdf)>>", 5: inner, 6: b"/FlateDecode"}))


# --- pictures ---


def test_rare_segments_of_jbig2_are_sound() -> None:
    [odd] = [case.broken for case in CASES if case.rule == "pdf.jbig2" and b"\xff\xff\xff\xff" in case.broken]
    assert rules_of(odd) == {"pdf.jbig2"}


@pytest.mark.parametrize("names", [(), ("ASCII85Decode",), ("FlateDecode",), ("RunLengthDecode",)])
def test_jpeg_is_judged_as_a_file(names: tuple[str, ...]) -> None:
    for data, expected in ((SMALLEST_JPEG, set[str]()), (SMALLEST_JPEG + archive(), {"concealed.zip"})):
        for name in names:
            data = PACKINGS[name](data)
        chain = b" ".join(b"/" + name.encode() for name in (*names, "DCTDecode"))
        assert rules_of(document({4: stream(data, b"/Subtype/Image/Filter[%s]" % chain)})) == expected


def test_archive_in_a_stream_that_is_no_attachment() -> None:
    assert "pdf.foreign-stream" in rules_of(document({4: stream(archive())}))


def test_document_behind_the_document() -> None:
    assert severities(document() + document({4: stream(b"other")})) >= {Severity.HIGH}


# --- encryption ---


def test_document_with_a_password_cannot_be_looked_at() -> None:
    assert rules_of(encrypted()) == {"unscannable.encrypted"}


@pytest.mark.skipif(QPDF is None, reason="qpdf is not installed: nothing else encrypts here")
@pytest.mark.parametrize("bits", ["40", "128", "256"])
@pytest.mark.parametrize("user", ["", "secret"])
def test_empty_password_is_tried(bits: str, user: str, tmp_path: Path) -> None:
    plain, sealed = tmp_path / "plain.pdf", tmp_path / "sealed.pdf"
    plain.write_bytes(document({1: catalog(b"/OpenAction 4 0 R"), 4: SCRIPT}))
    weak = [] if bits == "256" else ["--allow-weak-crypto"]
    compressed = ["--object-streams=generate"]
    command = [str(QPDF), *weak, *compressed, "--encrypt", user, "owner", bits, "--", str(plain), str(sealed)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    rules = rules_of(sealed.read_bytes())
    if user:
        assert "unscannable.encrypted" in rules
    else:
        assert rules == {"pdf.open-script"}


@pytest.mark.skipif(QPDF is None, reason="qpdf is not installed: no independent reader to ask")
@pytest.mark.parametrize("data", [case.broken for case in WRAPPED], ids=lambda data: str(zlib.crc32(data)))
def test_qpdf_reads_what_is_wrapped_like_we_do(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "wrapped.pdf"
    path.write_bytes(data)
    command = [str(QPDF), "--show-object=4", "--filtered-stream-data", str(path)]
    shown = subprocess.run(command, capture_output=True, timeout=60).stdout
    assert shown.startswith(b"5 0 ")
    assert b"/S/JavaScript/JS(inert)>>" in shown


@pytest.mark.parametrize("entry", [b"/Encrypt 77 0 R", b"/Encrypt[]"])
def test_encryption_that_readers_pass_over_hides_nothing(entry: bytes) -> None:
    packed_script = xref_stream({**BASE, 4: object_stream({5: SCRIPT})}, {5: (4, 0)}, index=entry)
    assert rules_of(packed_script) >= {"pdf.script", "pdf.trailer"}


def test_encryption_of_an_older_revision_alone_hides_nothing() -> None:
    first = encrypted()
    assert rules_of(first) == {"unscannable.encrypted"}
    later = updated(first, {5: object_stream({6: SCRIPT})}, 7)
    assert "pdf.script" in rules_of(later)


def test_password_for_attachments_alone_hides_nothing_else() -> None:
    handler = b"<</Filter/Standard/V 4/R 4/P -4/O(%s)/U(%s)/CF<</StdCF<</CFM/AESV2>>>>/EFF/StdCF>>" % (
        b"o" * 32,
        b"u" * 32,
    )
    objects = {4: handler, 5: object_stream({6: SCRIPT}), 7: stream(b"i" * 64, b"/Type/EmbeddedFile")}
    rules = rules_of(document(objects, trailer=b"/Encrypt 4 0 R/ID[(a)(a)]"))
    assert rules >= {"pdf.script", "unscannable.encrypted"}


def test_stream_that_its_own_crypt_filter_leaves_plain() -> None:
    plain = sealed("AESV2", b"null").replace(b"endobj\n6 0", b"endobj\n7 0 obj\n%s\nendobj\n6 0" % _PLAIN_OBJECTS)
    assert "pdf.script" in rules_of(plain)


_PLAIN_OBJECTS = stream(b"8 0 " + SCRIPT, b"/Type/ObjStm/N 1/First 4/Filter/Crypt")


def test_ciphers_agree_with_the_examples_of_their_standards() -> None:
    key, start = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"), bytes(range(16))
    plain = bytes.fromhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51")
    sealed = bytes.fromhex("7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2")  # SP 800-38A F.2.1
    assert aes_encrypt(key, start, plain) == sealed
    assert aes_decrypt(key, start, sealed) == plain
    assert rc4(b"Key", b"Plaintext").hex() == "bbf316e8d940af0ad3"


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_decryption_undoes_encryption(key: bytes, data: bytes) -> None:
    data = data[: len(data) & ~15]
    assert aes_decrypt(key, bytes(16), aes_encrypt(key, bytes(16), data)) == data


# --- syntax and filters ---


def test_values_are_taken_apart() -> None:
    data = rb"<</A[1 -2.5 4 0 R null true]/B(a\(\061\)(x))/C<4a4>/D#41 /E /F<</G/H>>>> endobj"
    parsed = parse(data)
    assert parsed.value == {
        "A": [1, -2.5, Ref(4, 0), None, True],
        "B": b"a(1)(x)",
        "C": b"J@",
        "DA": Name("E"),
        "F": {"G": Name("H")},
    }
    assert (parsed.ending, parsed.faults, data[parsed.end :]) == (b"endobj", [], b"endobj")


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_taken_apart(data: bytes) -> None:
    assert 0 <= parse(data).end <= len(data)
    assert -1 - len(data) <= sound_end(data, 0) <= len(data)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("ASCIIHexDecode", b"69 6e 65 72 74>", b"inert"),
        ("RunLengthDecode", b"\x01ab\xfec\x80zz", b"abccc"),
        ("LZWDecode", bytes([0x80, 0x0B, 0x60, 0x50, 0x22, 0x0C, 0x0C, 0x85, 0x01]), b"-----A---B"),  # 7.4.4.2
    ],
)
def test_filter_is_undone(name: str, data: bytes, expected: bytes) -> None:
    assert decode(data, [(name, {})], 1000, Free()).data == expected


@given(st.binary(max_size=200))
def test_base_85_agrees_with_the_standard_library(data: bytes) -> None:
    assert decode(base64.a85encode(data) + b"~>", [("ASCII85Decode", {})], 1000, Free()).data == data


@pytest.mark.parametrize("predictor", [2, 12])
def test_predictor_of_nothing(predictor: int) -> None:
    empty = decode(zlib.compress(b""), [("FlateDecode", {"Predictor": predictor, "Columns": 3})], 1000, Free())
    assert empty.data == b""


def test_predictors_are_undone() -> None:
    rows = b"\x02\x01\x02\x03" + b"\x02\x01\x01\x01" + b"\x01\x05\x01\x01"
    undone = decode(zlib.compress(rows), [("FlateDecode", {"Predictor": 12, "Columns": 3})], 1000, Free())
    assert undone.data == bytes([1, 2, 3, 2, 3, 4, 5, 6, 7])


# --- bounds ---


def test_large_documents_and_bombs_are_bounded() -> None:
    many = dict.fromkeys(range(4, 30_000), b"<</Type/StructElem/S/P/K[1 2 3]/T(a)>>")
    assert rules_of(document(many)) == set()
    bomb = packed(b"5 0 " + bytes(60 << 20), b"/Type/ObjStm/N 1/First 4")
    assert "pdf.bomb" in rules_of(xref_stream({**BASE, 4: bomb}, {5: (4, 0)}))


def _shared_segments() -> bytes:
    shared = b"".join(segment(number, 48, data=bytes(19)) for number in range(4000))
    picture = stream(b"", b"/Subtype/Image/Filter/JBIG2Decode/DecodeParms<</JBIG2Globals 5 0 R>>")
    return document({5: stream(shared), **dict.fromkeys(range(6, 1000), picture)})


_ONE_OBJECT = b"/Type/ObjStm/N 1/First 4"
_OFFSETS = b"".join(b"%d %d " % (n, n) for n in range(20_000))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(document({4: stream(b"(<script>)" + b"\\(" * 30_000)}), id="escaped parentheses"),
        pytest.param(HEADER + b"1 0 obj<<>>stream\nendstream " * 20_000 + b"endobj", id="one end mark for all objects"),
        pytest.param(document({4: stream(b"a" * 500_000), 5: b"[%s]" % (b"<</JS 4 0 R>>" * 5000)}), id="shared script"),
        pytest.param(_shared_segments(), id="shared segments"),
        pytest.param(
            document({4: packed(_OFFSETS + b"(" * 30_000, b"/Type/ObjStm/N 20000/First %d" % len(_OFFSETS))}),
            id="objects inside each other",
        ),
        pytest.param(
            document(dict.fromkeys(range(4, 40), packed(b"5 0 " + b"<</A(b)>>" * 600_000, _ONE_OBJECT))),
            id="streams of objects that are nearly bombs",
        ),
        pytest.param(
            document(dict.fromkeys(range(4, 40), packed(
                (b"\4" + bytes(9)) * 100_000, _ONE_OBJECT + b"/DecodeParms<</Predictor 14/Columns 9>>"
            ))),
            id="slow predictors",
        ),
    ],
)  # fmt: skip
def test_work_is_bounded_by_the_size(data: bytes) -> None:
    began = process_time()
    rules_of(data)
    assert process_time() - began < 12  # minutes before; generous, for machines that are busy


def test_contents_that_are_a_bomb_together_are_told() -> None:
    large = packed(bytes(60 << 20))
    assert "pdf.bomb" in rules_of(document({4: large, 5: large}))


def test_large_honest_streams_of_objects_are_read_to_the_end() -> None:
    element = b"<</Type/StructElem/S/Normal#20Text/P 7 0 R/K 3/Pg 3 0 R/T(a title that is long enough)/Lang(en-GB)>>"
    holders = {4 + n: object_stream({1000 + 200 * n + k: element for k in range(200)}) for n in range(300)}
    assert rules_of(document(holders)) == set()


def _spam() -> Iterator[bytes]:
    for piece in (
        b"1 0 obj ",
        b"1 0 obj<<",
        b"((",
        b"%\n",
        b"trailer<<",
        b"1 0 obj<<>>stream\n",
        b"xref\n",
        b"startxref 9 ",
    ):
        yield b"%PDF-1.7\n" + piece * (50_000 // len(piece))


@pytest.mark.parametrize("data", list(_spam()), ids=lambda data: repr(data[9:20]))
def test_nonsense_is_bounded_and_never_passes(data: bytes) -> None:
    assert severities(data) & {Severity.HIGH, Severity.MEDIUM}


@given(
    st.sampled_from([case.repaired for case in CASES if len(case.repaired) < 3000]),
    st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), max_size=8),
)
@settings(max_examples=300, deadline=None)
def test_damaged_documents_never_make_the_validator_raise(whole: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(whole)
    for at, value in changes:
        data[8 + at % (len(data) - 8)] = value
    assert "unscannable.validator-failed" not in rules_of(bytes(data))


@pytest.mark.parametrize("cut", range(9, len(SMALLEST_PDF)))
def test_no_prefix_of_a_document_is_a_document(cut: int) -> None:
    assert rules_of(SMALLEST_PDF[:cut])
