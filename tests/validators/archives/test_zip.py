"""ZIP: what its directory, its layout, its names and its members must be."""

from __future__ import annotations

import io
import lzma
import struct
import zipfile
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.programs import a_pe
from carriers.zip import (
    BZIP2,
    CASES,
    DEFLATED,
    ENCRYPTED,
    LINK,
    PIPE,
    PLAIN,
    STREAMED,
    TEXT,
    UTF8,
    ZIPPED,
    Archive,
    Member,
    archive,
    deflate,
    one,
    signing_block,
    unicode_path,
    wide_end,
)
from lazaretto_validators import Limits, Severity, Source, default_registry, inspect
from lazaretto_validators.archives.zip import SMALLEST_ZIP, validate_zip
from lazaretto_validators.archives.zip_directory import open_archive
from lazaretto_validators.archives.zip_kinds import PROGRAM_TYPES, zip_kind
from lazaretto_validators.media_types import MEDIA_TYPES
from lazaretto_validators.testing import assert_laws
from looks import rules_of


def test_zip_keeps_the_laws() -> None:
    assert_laws(validate_zip, cases=CASES, foreign=(b"\x89PNG\r\n\x1a\n" + bytes(60), b"plain words"))


@pytest.mark.parametrize("data", [SMALLEST_ZIP, PLAIN, ZIPPED, one(flags=STREAMED), one(method=BZIP2)])
def test_what_the_builder_calls_sound_python_reads_as_well(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as opened:
        assert opened.testzip() is None
    assert not rules_of(data)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@given(texts=st.lists(st.text(st.characters(codec="ascii", categories=["L", "Zs"]), max_size=200), max_size=4))
@settings(max_examples=15, deadline=None)
def test_archives_written_by_python_are_clean(method: int, texts: list[str]) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as made:
        for number, text in enumerate(texts):
            made.writestr(f"folder/{number}.txt", text)
    assert not rules_of(stream.getvalue())


def test_zip64_archives_written_by_python_are_clean() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as made, made.open("a.txt", "w", force_zip64=True) as member:
        member.write(TEXT)
    assert not rules_of(stream.getvalue())


def test_archives_that_python_streamed_are_clean() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def tell(self) -> int:
            raise OSError("a pipe has no position")

    stream = Pipe()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a.txt", TEXT)
        made.writestr("b.txt", TEXT * 9)
    assert not rules_of(stream.getvalue())


def test_a_streamed_archive_without_descriptor_marks_is_clean() -> None:
    member = Member(flags=STREAMED)
    unmarked = replace(member, flags=STREAMED).local().replace(b"PK\x07\x08", b"")
    whole = archive(member)
    shortened = unmarked + whole[len(member.local()) :]
    end = struct.pack("<2LH", len(member.central(0)), len(unmarked), 0)
    assert not rules_of(shortened[: -len(end)] + end)


def test_members_are_screened_wherever_they_lie() -> None:
    inner = one(name="../up.txt", method=DEFLATED)
    report = inspect(Source.of_bytes(archive(Member("b.zip", archive(Member("c.zip", inner, method=DEFLATED))))))
    assert [(f.rule, f.where) for f in report.findings] == [("zip.traversal", "b.zip!/c.zip!/../up.txt")]


def test_archives_nested_too_deep_are_unscannable_and_not_clean() -> None:
    data = PLAIN
    for depth in range(6):
        data = archive(Member(f"{depth}.zip", data, method=DEFLATED))
    assert rules_of(data) == {"unscannable.budget"}


def test_a_member_that_hides_its_growth_is_cut_off_while_unpacking() -> None:
    liar = Member(method=DEFLATED, data=bytes(8 << 20), size=10)
    report = inspect(Source.of_bytes(archive(liar)))
    found = [finding for finding in report.findings if finding.rule == "zip.bomb"]
    assert found
    assert int(found[0].seen.rsplit(" ", 1)[1]) < 8 << 20


def test_all_members_together_may_not_expand_beyond_the_limit() -> None:
    members = (Member(f"{i}.bin.txt", (b"%04d," % i) * 4000, method=DEFLATED) for i in range(5))
    assert "unscannable.budget" in rules_of(archive(*members), Limits(expanded_bytes=50_000))


def test_a_member_larger_than_one_member_may_be_is_not_unpacked() -> None:
    data = one(method=DEFLATED, data=TEXT * 100)
    assert "unscannable.budget" in rules_of(data, Limits(member_bytes=1000))


def test_more_members_than_allowed_are_unscannable() -> None:
    data = archive(*(Member(f"{i}.txt") for i in range(12)))
    assert "unscannable.budget" in rules_of(data, Limits(members=10))
    assert not rules_of(data, Limits(members=12))


def test_a_declared_count_of_members_is_not_believed() -> None:
    opened = open_archive(Source.of_bytes(Archive(count=60_000).build()), most=100)
    assert opened is not None
    assert len(opened.entries) == 1


def test_overlapping_members_are_not_unpacked_twice() -> None:
    kernel = Member(method=DEFLATED, data=bytes(900_000))
    copies = (replace(kernel, name=f"{i}.txt", local_name="a.txt", offset=0) for i in range(50))
    limits = Limits(expanded_bytes=2_000_000, ratio=10_000)
    found = rules_of(archive(kernel, *copies), limits)
    assert "zip.overlap" in found
    assert "unscannable.budget" not in found


def test_prefix_data_shifts_every_offset_and_members_are_still_found() -> None:
    data = Archive(prefix=b"PK00 a stub in front", shift=20, members=(Member("../a.txt"),)).build()
    assert rules_of(data) == {"zip.prefix", "zip.traversal"}


def test_a_nested_archive_that_is_stored_does_not_count_as_a_second_end() -> None:
    assert not rules_of(archive(Member("b.zip", PLAIN)))


def test_signing_blocks_of_apps_are_no_gap() -> None:
    block = signing_block((0x7109871A, b"signature"), (0x42726577, bytes(3000)))
    assert not rules_of(Archive(before_directory=block).build())


def test_a_signing_block_that_carries_something_large_and_unknown_is_found() -> None:
    block = signing_block((0x13371337, b"x" * 200_000))
    assert rules_of(Archive(before_directory=block).build()) == {"zip.signing-block"}


def test_an_index_of_sozip_need_not_be_listed() -> None:
    index = Member(".a.txt.sozip.idx", listed=False)
    assert not rules_of(archive(Member(), index))


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("a/../../b.txt", "zip.traversal"),
        ("..\\b.txt", "zip.traversal"),
        ("a/.. /b.txt", "zip.traversal"),
        ("\\\\host\\share\\b.txt", "zip.drive-name"),
        ("//host/b.txt", "zip.drive-name"),
        ("c:b.txt", "zip.drive-name"),
        ("a\nb.txt", "zip.name-control"),
        ("", "zip.name-control"),
    ],
)
def test_names_that_lead_elsewhere(name: str, rule: str) -> None:
    assert rule in rules_of(one(name=name))


@pytest.mark.parametrize("name", ["a\\b.txt", "a/b.txt", "x..y/a.txt", "привет.txt", b"\x8f\x90.txt"])
def test_names_of_honest_writers_are_clean(name: str | bytes) -> None:
    assert not rules_of(one(name=name, flags=UTF8 if isinstance(name, str) else 0))


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "C:\\x", "\\\\host\\x"])
def test_links_that_lead_out(target: str) -> None:
    assert "zip.symlink" in rules_of(one(name="b/a", data=target.encode(), mode=LINK))


def test_a_program_marked_as_a_link_is_screened_all_the_same() -> None:
    report = inspect(Source.of_bytes(one(name="b/a.txt", data=b"\xca\xfe\xba\xbe" + bytes(5000), mode=LINK)))
    assert any("a.txt" in gap.where for gap in report.coverage) or report.findings


def test_encrypted_members_are_unscannable() -> None:
    assert "unscannable.encrypted" in rules_of(one(flags=ENCRYPTED))
    assert "unscannable.encrypted" in rules_of(one(method=99))


def test_the_name_of_an_encrypted_program_is_judged_all_the_same() -> None:
    assert {"unscannable.encrypted", "name.dangerous-extension"} <= rules_of(one(name="a.scr", flags=ENCRYPTED))


def test_the_whole_of_a_member_is_checked_even_if_nobody_reads_it() -> None:
    assert "zip.crc" in rules_of(one(name="a.unknown", data=b"\x00\x01\x02" * 90_000, method=DEFLATED, crc=7))


def test_data_that_breaks_off_is_corrupt() -> None:
    assert "zip.corrupt-data" in rules_of(one(method=DEFLATED, packed=deflate(TEXT)[:-4]))


def test_an_lzma_dictionary_of_gigabytes_is_refused() -> None:
    packed = struct.pack("<2BHBL", 9, 20, 5, 0x5D, 0xFFFFFFFF) + lzma.compress(TEXT, lzma.FORMAT_ALONE)[13:]
    assert "zip.corrupt-data" in rules_of(one(method=14, packed=packed))


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["a.txt"], "application/zip"),
        (["classes2.dex"], "application/vnd.android.package-archive"),
        (["META-INF/MANIFEST.MF", "b/A.class"], "application/java-archive"),
        (["b/A.class"], "application/zip"),
        (["A.class"], "application/java-archive"),
        (["Payload/X.app/X"], "application/x-ios-app"),
        (["__main__.py"], "application/x-python-zipapp"),
        (["AppxManifest.xml", "[Content_Types].xml"], "application/msix"),
    ],
)
def test_kinds_of_zip(names: list[str], kind: str) -> None:
    assert zip_kind(Source.of_bytes(archive(*(Member(name) for name in names)))) == kind


def test_the_kind_is_known_without_a_directory() -> None:
    data = archive(Member("AndroidManifest.xml"))
    assert zip_kind(Source.of_bytes(data[:-30])) == "application/vnd.android.package-archive"


def test_every_kind_is_a_known_media_type() -> None:
    assert set(PROGRAM_TYPES.values()) <= set(MEDIA_TYPES)


def test_a_program_in_the_comment_is_screened() -> None:
    report = inspect(Source.of_bytes(Archive(comment=b"#!/bin/sh\necho inert\n").build()))
    assert any(finding.where.startswith("(comment)") for finding in report.findings)
    assert not rules_of(Archive(comment=b"Packed with love.").build())


def test_parts_of_a_package_are_not_judged_by_name_and_files_of_an_archive_are() -> None:
    part = Member("chrome/x.manifest", TEXT)
    assert "name.dangerous-extension" in rules_of(archive(part))
    assert rules_of(archive(Member("META-INF/mozilla.rsa"), part)) == {"zip.program-xpi"}


def test_conflicting_twins_are_worse_than_equal_ones() -> None:
    rules = default_registry().rules
    assert rules["zip.duplicate"].severity is Severity.MEDIUM
    assert rules["zip.duplicate-conflict"].severity is Severity.HIGH


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_mutations_are_reported_and_never_raise(data: st.DataObject) -> None:
    members = (Member(), Member("b/c.txt", method=DEFLATED), Member("d.zip", ZIPPED, flags=STREAMED))
    mutated = bytearray(archive(*members))
    for _ in range(data.draw(st.integers(1, 6))):
        mutated[data.draw(st.integers(0, len(mutated) - 1))] = data.draw(st.integers(0, 255))
    counted = Counter(finding.rule for finding in inspect(Source.of_bytes(bytes(mutated))).findings)
    assert not counted["unscannable.validator-failed"]


def test_a_second_name_in_the_local_header_alone_is_found() -> None:
    assert rules_of(one(local_extra=unicode_path("a.exe", "a.txt"))) == {"zip.local-name"}
    both = unicode_path("a.txt", "a.txt")
    assert rules_of(one(extra=both, local_extra=both)) == set()


def test_two_second_names_contradict_each_other() -> None:
    assert rules_of(one(extra=unicode_path("a.txt", "a.txt") + unicode_path("a.exe", "a.txt"))) == {"zip.extra-field"}


def test_sizes_of_zip64_that_nobody_asked_for_must_agree() -> None:
    def wide(size: int) -> bytes:
        return struct.pack("<2H2Q", 1, 16, size, size)

    for header in ("extra", "local_extra"):
        assert rules_of(one(**{header: wide(10**12)})) == {"zip.local-sizes"}
        assert rules_of(one(**{header: wide(len(TEXT))})) == set()


def test_a_zip64_end_record_that_is_not_where_it_is_said_to_be() -> None:
    directory, body = len(Member().central(0)), len(Member().local())
    assert rules_of(Archive(wide_end=wide_end(1, directory, body, 999_999)).build()) == {"zip.zip64"}


def test_a_data_descriptor_inside_a_stored_member_ends_it_for_who_reads_from_the_front() -> None:
    early = struct.pack("<4s3L", b"PK\x07\x08", 0, len(TEXT), len(TEXT))
    assert rules_of(one(data=TEXT + early + TEXT, flags=STREAMED)) == {"zip.unlisted-member"}
    assert rules_of(one(data=b"x" + TEXT + early + TEXT, flags=STREAMED)) == set()


@pytest.mark.parametrize("name", ["\u2024\u2024/a.txt", "\uff0e\uff0e/a.txt", "\u2025/a.txt"])
def test_dots_of_other_kinds_lead_out_as_well(name: str) -> None:
    assert "zip.traversal" in rules_of(one(name=name))


def test_what_was_piped_into_an_archive_is_no_pipe() -> None:
    assert "zip.special-file" not in rules_of(one(name="-", mode=PIPE))
    assert "zip.special-file" in rules_of(one(name="-a", mode=PIPE))


def test_documents_packed_by_the_tools_of_java_are_no_program() -> None:
    mark = struct.pack("<2H", 0xCAFE, 0)
    assert rules_of(one(extra=mark, local_extra=mark)) == set()
    assert "zip.program-jar" in rules_of(archive(Member(extra=mark), Member("p/A.class")))


@pytest.mark.parametrize("mark", [b"PK00", b"PK\x07\x08"], ids=["PK00", "PK78"])
def test_members_behind_the_mark_of_a_split_archive_are_looked_at(mark: bytes) -> None:
    members = archive(Member(b"evil.exe", a_pe()))
    without_directory = mark + members[: members.index(b"PK\x01\x02")]
    found = {finding.rule for finding in inspect(Source.of_bytes(without_directory)).findings}
    assert {"zip.no-directory", "pe.program"} <= found
