"""Second files are found by their structure, and never where there are none."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.polyglot import (
    BLOB,
    PDF,
    PNG,
    elf_header,
    html_page,
    iso_descriptor,
    pe_header,
    rar4_header,
    rar5_header,
    sevenzip_header,
    tar_block,
    zip_archive,
)
from lazaretto_validators.limits import BudgetSpent
from lazaretto_validators.media_types import MEDIA_TYPES, Risk
from lazaretto_validators.polyglot import RULES, hidden_in
from lazaretto_validators.source import Source

PICTURE = MEDIA_TYPES["image/bpg"]


def found(data: bytes, media_type: str = "image/bpg", end: int | None = None) -> list[str]:
    return [finding.rule for finding in hidden_in(Source.of_bytes(data), MEDIA_TYPES[media_type], end)]


@pytest.mark.parametrize(
    "second",
    [pe_header(), elf_header(), sevenzip_header(), rar4_header(), rar5_header(), html_page(), b"<?php inert();", PDF],
    ids=["pe", "elf", "7z", "rar4", "rar5", "html", "php", "pdf"],
)
@pytest.mark.parametrize("gap", [0, 300_000])
def test_second_file_anywhere_in_a_picture_without_a_known_end(second: bytes, gap: int) -> None:
    data = BLOB * 2 + b"\xa5" * gap + second
    assert "concealed.embedded" in found(data)


@pytest.mark.parametrize("second", [pe_header(), elf_header(), sevenzip_header(), html_page(), PDF, zip_archive()])
def test_second_file_behind_a_known_end(second: bytes) -> None:
    rules = found(PNG + second, "image/png", len(PNG))
    assert rules == (["concealed.zip"] if second.startswith(b"PK") else ["concealed.appended"])


def test_second_file_behind_padding_is_placed_where_it_begins() -> None:
    (finding,) = hidden_in(Source.of_bytes(PNG + b"\0" * 100 + PDF), MEDIA_TYPES["image/png"], len(PNG))
    assert (finding.rule, finding.offset) == ("concealed.appended", len(PNG) + 100)


def test_second_file_behind_junk_in_the_tail_is_found() -> None:
    assert found(PNG + b"\xa5" * 99 + elf_header(), "image/png", len(PNG)) == ["concealed.appended"]


def test_zip_with_prefix_resolves_to_its_first_member() -> None:
    (finding,) = hidden_in(Source.of_bytes(BLOB + zip_archive(comment=b"inert")), PICTURE, None)
    assert (finding.rule, finding.offset) == ("concealed.zip", len(BLOB))


@pytest.mark.parametrize("kind", ["application/zip", "application/epub+zip", "application/java-archive"])
def test_zip_is_not_concealed_in_a_zip(kind: str) -> None:
    assert found(zip_archive(), kind) == []


def test_zip_in_the_middle_of_a_container_is_no_second_file() -> None:
    assert found(b"\xa5" * 600 + zip_archive() + b"\xa5" * 600, "application/x-cpio") == []


def test_zip_in_a_comment_of_a_picture_is_found_though_pixels_follow() -> None:
    assert "concealed.zip" in found(BLOB + zip_archive() + b"\xa5" * 9000)


def test_php_between_pixels_is_found_and_php_in_a_document_is_text() -> None:
    data = b"\xa5" * 99 + b"<?php inert(); ?>" + b"\x01\xa5" * 50
    assert found(BLOB + data) == ["concealed.embedded"]
    assert found(PDF + data, "application/pdf") == []


def test_end_record_alone_is_no_zip() -> None:
    assert found(BLOB + zip_archive()[-22:]) == []


@pytest.mark.parametrize("kind", ["application/vnd.microsoft.portable-executable", "text/x-shellscript"])
def test_programs_may_carry_archives(kind: str) -> None:
    assert found(pe_header() + zip_archive(), kind) == []


def test_motion_photo_behind_a_jpeg_is_ordinary() -> None:
    movie = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"\0" * 8
    assert found(b"\xff\xd8\xff\xd9" + movie, "image/jpeg", 4) == []


def test_padding_of_any_tolerated_length_is_ordinary() -> None:
    assert found(PNG + b"\0" * 65536, "image/png", len(PNG)) == []
    assert found(PNG + b"\0" * 200_000, "image/png", len(PNG)) == ["concealed.tail"]


@pytest.mark.parametrize(
    ("block", "kind", "rule"),
    [
        (tar_block(b"BPG\xfb"), "image/bpg", "concealed.tar"),
        (b"BPG\xfb".ljust(32768, b"\0") + iso_descriptor(), "image/bpg", "concealed.iso"),
        (b"BPG\xfb" + PDF, "image/bpg", "concealed.pdf"),
    ],
)
def test_overlay_at_a_fixed_place_is_found_once(block: bytes, kind: str, rule: str) -> None:
    assert found(block, kind).count(rule) == 1


HOSTS = sorted(name for name, kind in MEDIA_TYPES.items() if kind.risk is not Risk.RUN)
NO_HOSTS = {"application/dicom", "application/x-empty"}


@pytest.mark.parametrize("kind", sorted({*HOSTS} - NO_HOSTS))
@pytest.mark.parametrize("group", [b"\2\0", b"\x08\0", b"\0\x08"], ids=["meta", "no meta", "big-endian"])
def test_medical_picture_whose_preamble_is_any_other_file(kind: str, group: bytes) -> None:
    assert "concealed.dicom" in found(b"\xa5" * 128 + b"DICM" + group + b"\0\0UL\4\0", kind)


@pytest.mark.parametrize("behind", [b"", b"\2", b" is its mark", b"\0\0\0\0", b"\7\0\0\0", b"\x10\x10\0\0"])
def test_mark_of_a_medical_picture_alone_is_not_believed(behind: bytes) -> None:
    assert found(b"\xa5" * 128 + b"DICM" + behind, "image/jpeg", 0)[:1] != ["concealed.dicom"]


@pytest.mark.parametrize("kind", ["video/mp4", "video/quicktime", "video/x-m4v", "audio/x-m4a"])
def test_records_of_a_camera_behind_a_video_are_told_and_code_is_blocked(kind: str) -> None:
    """C-MP4-10."""
    records = random.Random(1).randbytes(90_000)
    assert found(b"\xa5" * 99 + records, kind, 99) == ["concealed.short-tail"]
    assert found(b"\xa5" * 99 + records + elf_header(), kind, 99) == ["concealed.appended"]
    assert found(b"\xa5" * 99 + records + zip_archive(), kind, 99) == ["concealed.zip"]


def test_text_about_pdf_is_no_pdf() -> None:
    assert found(b"A file begins with %PDF-1.4 and ends with startxref, 0 and %%EOF.", "text/plain") == []


def test_tar_checksum_is_wrong() -> None:
    assert found(tar_block(b"BPG\xfb").replace(b"\0ustar", b"\x01ustar")) == []


def test_iso_block_sizes_disagree() -> None:
    sector = bytearray(iso_descriptor())
    sector[129] ^= 1
    assert found(b"BPG\xfb".ljust(32768, b"\0") + bytes(sector)) == []


@pytest.mark.parametrize(
    "literal", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01\0", b"PE\0\0", b"\x7fELF", b"%PDF-", b"MZ"]
)
def test_signature_alone_is_never_believed(literal: bytes) -> None:
    noise = random.Random(1).randbytes(2000)
    assert found(BLOB + noise + literal + noise) == []


def test_signature_across_two_pieces_is_found() -> None:
    data = BLOB.ljust(262_144 - 3, b"\xa5") + sevenzip_header()
    assert "concealed.embedded" in found(data)


def test_flood_of_signatures_costs_a_bounded_search() -> None:
    began = time.process_time()
    with pytest.raises(BudgetSpent):
        found(BLOB + b"%PDF-" * 100_000)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("literal", [b"7z\xbc\xaf\x27\x1c", b"\x7fELF", b"PE\0\0\x64\x86", b"<script>"])
def test_decoys_do_not_end_the_search_in_silence(literal: bytes) -> None:
    with pytest.raises(BudgetSpent):
        found(BLOB + (literal + b"\1") * 300 + elf_header())


def test_plain_area_whose_colour_reads_as_a_signature_is_no_decoy() -> None:
    assert found(BLOB + b"PE\0\0" * 90_000) == []


@pytest.mark.parametrize(
    "picture",
    [b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(8), PNG, BLOB, b"MThd\0\0\0\x06\0\0\0\x01"],
    ids=["mp4", "png", "bpg", "midi"],
)
@pytest.mark.parametrize("second", [elf_header(), sevenzip_header(), html_page()], ids=["elf", "7z", "html"])
def test_what_stands_behind_the_motion_of_a_photo_is_found(picture: bytes, second: bytes) -> None:
    assert found(b"\xff\xd8\xff\xd9" + picture + second, "image/jpeg", 4) == ["concealed.appended"]


@pytest.mark.parametrize("sector", [16, 17, 18])
def test_disc_image_whose_first_sectors_are_something_else(sector: int) -> None:
    assert "concealed.iso" in found(b"BPG\xfb".ljust(2048 * sector, b"\0") + iso_descriptor())


def test_disc_image_of_udf_alone() -> None:
    marks = b"".join((b"\0" + mark + b"\1").ljust(2048, b"\0") for mark in (b"BEA01", b"NSR02", b"TEA01"))
    assert "concealed.iso" in found(b"BPG\xfb".ljust(32768, b"\0") + marks)
    assert found(b"BPG\xfb".ljust(32768, b"\0") + marks.replace(b"NSR02", b"NSR99")) == []


@pytest.mark.parametrize(
    "document",
    [
        b"%PDF-x " + PDF,
        PDF.replace(b"%PDF-1.4\n", b"%PDF-1.4\n%" + b"x" * 3000 + b"\n"),
        PDF.replace(b"startxref", b"inert").replace(b"%%EOF", b""),
    ],
    ids=["behind another header", "far object", "without the end that writers put"],
)
def test_document_that_readers_rebuild_in_a_picture(document: bytes) -> None:
    assert "concealed.pdf" in found(BLOB[:50] + document + b"\xa5" * 9000)


@given(st.binary(max_size=600), st.sampled_from(sorted(MEDIA_TYPES)), st.none() | st.integers(0, 700))
def test_any_bytes_give_findings_of_our_rules(data: bytes, kind: str, end: int | None) -> None:
    assert set(found(data, kind, end)) <= {rule.id for rule in RULES}


def pdf(*, at: int = 0) -> bytes:
    body = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"
    return body + b"xref\n0 1\ntrailer\n<<>>\nstartxref\n%d\n%%%%EOF\n" % (at + len(body))


def test_a_header_that_an_update_of_a_pdf_repeats_is_no_second_file() -> None:
    first = pdf()
    assert found(first + pdf(at=len(first)), "application/pdf") == []
    assert found(first + b"%PDF-1.4\n2 0 obj\n" + pdf(at=9999), "application/pdf") == ["concealed.embedded"]


def test_letters_of_ascii85_are_no_script() -> None:
    assert found(b"%!PS-Adobe-3.0 EPSF-3.0\n" + b"bCSd&=<?=q/i47O:4pK" * 9, "application/postscript") == []
    assert found(b"%!PS-Adobe-3.0\n<?=`id`?>", "application/postscript") == ["concealed.embedded"]
