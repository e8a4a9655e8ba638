"""tar: every rule with its repaired twin, the traps that honest writers set, the bounds, tarfile and tar as oracles."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import time
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import looks
from carriers.polyglot import zip_archive
from carriers.tar import CASES, END, TEXT, Member, pax, record, sparse, tar
from lazaretto_validators import Severity, Source, inspect
from lazaretto_validators.archives.tar import SMALLEST
from lazaretto_validators.archives.tar_header import number, parse_records
from lazaretto_validators.registry import default_registry
from lazaretto_validators.testing import Case

rules_of = partial(looks.rules_of, prefix="tar.")

SEVERITY = {rule.id: rule.severity for rule in default_registry().rules.values()}
PROGRAM = next(v.example for v in default_registry().validators if v.name == "elf")


def names_by_tarfile(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_tarfile_reads_repaired_twin(case: Case) -> None:
    assert names_by_tarfile(case.repaired)


def test_smallest_archive_is_valid() -> None:
    assert rules_of(SMALLEST) == set()
    assert names_by_tarfile(SMALLEST) == ["a"]


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc", "Cf")), min_size=1, max_size=120)


@given(
    st.lists(st.tuples(NAMES, st.binary(max_size=1500)), min_size=1, max_size=4),
    st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]),
)
@settings(max_examples=80, deadline=None)
def test_what_tarfile_writes_is_valid(members: list[tuple[str, bytes]], kind: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=kind) as archive:
        for number_, (name, data) in enumerate(members):
            info = tarfile.TarInfo(f"{number_}/{name.replace('/', '_').strip('. ') or 'x'}.dat")
            info.size = len(data)
            try:
                archive.addfile(info, io.BytesIO(data))
            except ValueError:
                continue  # ustar has no room for the name
    found = {f.rule for f in inspect(Source.of_bytes(buffer.getvalue())).findings if f.rule.startswith("tar.")}
    assert {rule for rule in found if SEVERITY[rule] is not Severity.INFO} <= {"tar.traversal", "tar.empty"}


@pytest.mark.parametrize("kind", ["v7", "oldgnu", "gnu", "ustar", "posix"])
def test_what_gnu_tar_writes_is_valid(kind: str, tmp_path: Path) -> None:
    if shutil.which("tar") is None:
        pytest.skip("tar is not installed")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "a.txt").write_bytes(TEXT)
    (folder / ("long" * 20 + ".txt")).write_bytes(TEXT * 99)
    (folder / "link").symlink_to("a.txt")
    with (folder / "holes.txt").open("wb") as file:
        file.seek(2_000_000)
        file.write(TEXT)
    command = ["tar", "--format", kind, "-cf", str(tmp_path / "a.tar"), "-C", str(tmp_path), "in"]
    if kind in ("gnu", "posix", "oldgnu"):
        command.insert(1, "--sparse")
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(done.stderr.decode())
    found = inspect(Source.of_bytes((tmp_path / "a.tar").read_bytes())).findings
    assert [f for f in found if SEVERITY[f.rule] is not Severity.INFO and f.rule.startswith("tar.")] == []


@pytest.mark.parametrize(
    "honest",
    [
        tar(Member(magic=b"")),
        tar(Member(magic=b"ustar  \0")),
        tar(Member(kind=b"\0")),
        tar(Member(prefix=b"folder")),
        tar(Member(size=b"\x80" + (len(TEXT)).to_bytes(11, "big"))),
        tar(Member(size=b"%11o " % len(TEXT))),
        tar(end=b""),
        tar(end=bytes(20 * 512)),
        tar(Member(b"b/", b"", b"5"), Member(b"b/", b"", b"5")),
        tar(Member(), Member(b"b", b"", b"1", b"a.txt")),
        tar(Member(), Member(b"b", b"", b"1", b"a.txt", size=b"%011o\0" % len(TEXT))),
        tar(Member(patches={508: b"tar\0"})),
        tar(Member(padding=b"what was in memory")),
        tar(pax((b"mtime", b"1.5"), (b"SCHILY.xattr.user.x", b"\0\1\2")), Member()),
        tar(pax(raw=b"4 x="), Member()),
    ],
    ids=[
        "v7", "GNU", "old type", "prefix", "base 256", "blanks", "pipe", "record", "folder twice", "hard link",
        "hard link with size", "star", "old padding", "attributes", "empty value",
    ],
)  # fmt: skip
def test_what_honest_writers_do_is_told_at_most(honest: bytes) -> None:
    assert {SEVERITY[f.rule] for f in inspect(Source.of_bytes(honest)).findings} <= {Severity.INFO}


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (tar(Member(size=b"\xff" * 12)), "member-size"),
        (tar(Member(size=b"\x80" + b"\xff" * 11)), "truncated"),
        (tar(Member(size=b"77777777777\0")), "truncated"),
        (tar(pax((b"size", b"99999999999")), Member()), "truncated"),
        (tar(pax((b"size", b"-1")), Member()), "pax-record"),
        (tar(pax((b"size", b"0")), Member()), "pax-size"),
        (tar(pax((b"size", b"512")), Member(b"././@LongLink", b"b", b"L"), Member()), "pax-size"),
        (tar(pax((b"path", b"b")), pax((b"path", b"c")), Member()), "pax-chain"),
        (tar(pax((b"path", b"../../b")), Member()), "traversal"),
        (tar(pax((b"linkpath", b"/etc/passwd")), Member(kind=b"2", data=b"", link=b"b")), "link"),
        (tar(Member(b"././@LongLink", b"../../b\0", b"L"), Member()), "traversal"),
        (tar(Member(b"././@LongLink", b"/etc/passwd\0", b"K"), Member(kind=b"1", data=b"")), "link"),
        (tar(Member(b"..\\..\\a.txt")), "traversal"),
        (tar(Member("\uff0e\uff0e/a.txt".encode())), "traversal"),
        (tar(Member(kind=b"6", data=b"")), "special-file"),
        (tar(Member(b"")), "name-control"),
        (tar(sparse((0, 99), real=99)), "sparse-map"),
        (tar(sparse((50, 45), real=60)), "sparse-map"),
        (tar(sparse((0, 20), real=20)), "sparse-map"),
        (tar(sparse(real=0, data=PROGRAM)), "sparse-map"),
        (tar(pax((b"path", b"a.txt")), Member(b"././@LongLink", b"../../b\0", b"L"), Member()), "traversal"),
        (tar(pax((b"path", b"a.txt")), Member(b"././@LongLink", b"b.txt\0", b"L"), Member()), "two-names"),
        (tar(pax((b"linkpath", b"b")), Member(b"x", b"c\0", b"K"), Member(kind=b"2", data=b"")), "two-names"),
        (tar(pax((b"path", b"a.txt"), (b"GNU.sparse.name", b"a.js")), Member()), "two-names"),
        (tar(pax((b"path", b"a.txt")), Member(b"../../b")), "traversal"),
        (tar(Member(b"a", prefix=b"../..", magic=b"ustar  \0")), "traversal"),
        (tar(Member(b"a", prefix=b"../..", magic=b"ustarX00")), "traversal"),
        (tar(Member(b"b", b"", b"2", b"c"), Member(b"B/a.txt")), "through-link"),
        (tar(Member(b"b", b"", b"2", b"c"), Member(b"d", b"", b"1", b"b"), Member(b"d/a.txt")), "through-link"),
        (tar(pax((b"GNU.sparse.map", b"0,x"), (b"GNU.sparse.size", b"9")), Member()), "sparse-map"),
        (tar(pax((b"GNU.sparse.major", b"1"), (b"GNU.sparse.realsize", b"9")), Member()), "sparse-map"),
    ],
)
def test_lies(broken: bytes, rule: str) -> None:
    assert rule in rules_of(broken)


def test_member_of_every_kind_is_screened_under_its_name() -> None:
    for members in (
        (Member(b"a.pdf", PROGRAM),),
        (pax((b"path", b"a.pdf")), Member(b"b", PROGRAM)),
        (Member(b"././@LongLink", b"a.pdf\0", b"L"), Member(b"b", PROGRAM)),
        (Member(b"a.pdf", PROGRAM, b"7"),),
        (Member(b"a.pdf", PROGRAM, b"D"),),
        (Member(b"a.pdf", PROGRAM, b"M"),),
        (Member(b"a.pdf", PROGRAM, b"N"),),
        (Member(b"a.pdf", PROGRAM, b"~"),),
        (Member(b"a.pdf", PROGRAM, b"1", b"b"),),
    ):
        found = inspect(Source.of_bytes(tar(*members))).findings
        assert any(f.rule == "claim.runs" and f.where.startswith("a.pdf") for f in found)


def test_program_in_the_pieces_of_a_sparse_file() -> None:
    half = len(PROGRAM) // 2
    member = sparse((0, half), (half, len(PROGRAM) - half), real=len(PROGRAM) + 999, data=PROGRAM)
    assert "elf.program" in rules_of(tar(member))


def test_program_in_a_sparse_file_of_format_1_0() -> None:
    lines = b"1\n0\n%d\n" % len(PROGRAM)
    data = lines.ljust(512, b"\0") + PROGRAM
    head = pax(
        (b"GNU.sparse.major", b"1"), (b"GNU.sparse.name", b"a.bin"), (b"GNU.sparse.realsize", b"%d" % len(PROGRAM))
    )
    found = inspect(Source.of_bytes(tar(head, Member(b"GNUSparseFile/a.bin", data)))).findings
    assert any(f.rule == "elf.program" and f.where == "a.bin" for f in found)


@pytest.mark.parametrize("tail", [zip_archive(), b"<?php echo 1;", b"<html><body>inert</body></html>"])
def test_what_follows_the_end(tail: bytes) -> None:
    assert rules_of(tar() + tail) & {"concealed.zip", "concealed.appended"}


def test_members_behind_zeros_behind_the_end() -> None:
    assert "hidden-archive" in rules_of(tar(end=END + bytes(300 * 512)) + tar())


def test_second_file_between_header_and_data_of_the_oldest_kind() -> None:
    hidden = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n"
    assert "parasite" in rules_of(tar(Member(magic=b"", patches={257: hidden})))


def test_wrong_checksum_does_not_hide_an_archive() -> None:
    assert "checksum" in rules_of(tar(Member(broken_sum=True)))


def test_name_that_begins_with_a_null_does_not_hide_an_archive() -> None:
    whole = tar(Member(b"\0\0\6\0free"), end=END)
    assert "concealed.tar" in rules_of(whole) or "name-control" in rules_of(whole)


def test_ten_thousand_members_take_seconds() -> None:
    whole = tar(*(Member(b"folder/%d.txt" % n) for n in range(10_050)))
    begin = time.process_time()
    assert rules_of(whole) == {"unscannable.budget"}
    assert time.process_time() - begin < 5


def test_nested_archives_come_to_an_end() -> None:
    whole = tar()
    for depth in range(8):
        whole = tar(Member(b"%d.tar" % depth, whole))
    assert "unscannable.budget" in rules_of(whole)


@pytest.mark.parametrize(
    "flood",
    [
        tar(*([pax((b"comment", b"x"))] * 40_000)),
        tar(pax(raw=record(b"comment", b"x") * 50_000), Member()),
        tar(sparse(*([(0, 0)] * 4), real=0)),
    ],
    ids=["headers", "records", "pieces"],
)
def test_floods_are_bounded(flood: bytes) -> None:
    begin = time.process_time()
    rules_of(flood)
    assert time.process_time() - begin < 5


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_records_are_read_or_refused(data: bytes) -> None:
    records = parse_records(data)
    assert records.fault or not data or records.values


@given(st.integers(0, 8**11 - 1))
def test_numbers_in_both_notations(value: int) -> None:
    assert number(b"%011o\0" % value) == value
    assert number(b"\x80" + value.to_bytes(11, "big")) == value
    assert number((-value - 1 + (1 << 96)).to_bytes(12, "big")) == -value - 1


@given(
    st.sampled_from([c.repaired for c in CASES if len(c.repaired) < 5000]),
    st.binary(min_size=1, max_size=12),
    st.data(),
)
@settings(max_examples=200, deadline=None)
def test_damaged_archives_never_make_the_validator_raise(whole: bytes, change: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(whole) - 1))
    assert "unscannable.validator-failed" not in rules_of(whole[:at] + change + whole[at + len(change) :])


@pytest.mark.parametrize("cut", range(600, len(SMALLEST), 100))
def test_no_prefix_is_silent(cut: int) -> None:
    assert rules_of(SMALLEST[:cut]) & {"truncated", "no-end"}
