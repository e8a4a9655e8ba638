"""gzip: every rule with its repaired twin, the traps of honest writers, the bounds, Python's gzip as the oracle."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import subprocess
import tarfile
import time
import zlib
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import looks
from carriers.gzip import CASES, TEXT, deflate, gz, subfield
from carriers.polyglot import zip_archive
from lazaretto_validators import Limits, Severity, Source, inspect
from lazaretto_validators.archives.gzip import SMALLEST
from lazaretto_validators.registry import default_registry
from lazaretto_validators.testing import Case

rules_of = partial(looks.rules_of, prefix="gzip.")

SEVERITY = {rule.id: rule.severity for rule in default_registry().rules.values()}
PROGRAM = next(v.example for v in default_registry().validators if v.name == "elf")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_python_reads_repaired_twin(case: Case) -> None:
    assert gzip.decompress(case.repaired) is not None


def test_smallest_file_is_valid() -> None:
    assert rules_of(SMALLEST) == set()
    assert gzip.decompress(SMALLEST) == b""


@given(st.lists(st.binary(max_size=3000), min_size=1, max_size=5), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_what_python_writes_is_valid(contents: list[bytes], level: int) -> None:
    whole = b"".join(gzip.compress(content, level) for content in contents)
    assert {rule for rule in rules_of(whole) if "." not in rule} == set()


@given(st.binary(min_size=1, max_size=400), st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=120, deadline=None)
def test_damage_that_python_notices_is_found(content: bytes, at: int, change: int) -> None:
    whole = bytearray(gz(content))
    at = 10 + at % (len(whole) - 10)
    whole[at] ^= change
    try:
        noticed = gzip.decompress(bytes(whole)) != content
    except (OSError, EOFError, zlib.error):
        noticed = True
    assert not noticed or rules_of(bytes(whole))


@pytest.mark.parametrize(
    "honest",
    [
        gz(name=b"a.txt"),
        gz(name="ä.txt".encode()),
        gz(name="ä.txt".encode("latin-1")),
        gz(name=b"a.txt.gz"),
        gz(name=b"folder/a.txt"),
        gz() + bytes(900),
        gz() + gz(),
        gz(name=b"a.txt") + gz(name=b"b.txt"),
        gz(extra=subfield(b"BC", b"\x1b\x00")),
        gz(b"") + gz(b""),
    ],
    ids=["name", "UTF-8", "Latin-1", "archive's name", "path", "block padding", "joined", "names", "BGZF", "empty"],
)
def test_what_honest_writers_do_is_told_at_most(honest: bytes) -> None:
    assert {SEVERITY[f.rule] for f in inspect(Source.of_bytes(honest)).findings} <= {Severity.INFO}


@pytest.mark.parametrize("command", [["gzip", "-9"], ["gzip", "-n"], ["gzip", "-1", "-N"]])
def test_what_gzip_writes_is_valid(command: list[str], tmp_path: Path) -> None:
    if shutil.which("gzip") is None:
        pytest.skip("gzip is not installed")
    path = tmp_path / "a.txt"
    path.write_bytes(TEXT * 999)
    subprocess.run([*command, str(path)], check=True)
    assert rules_of((tmp_path / "a.txt.gz").read_bytes()) == set()


def test_content_is_screened_under_the_name_in_the_header() -> None:
    found = inspect(Source.of_bytes(gz(PROGRAM, name=b"a.txt.gz"))).findings
    assert {f.where.split("!/")[0] for f in found} == {"a.txt"}
    assert any(f.rule == "claim.runs" for f in found)
    assert any(f.rule == "elf.program" for f in found)


def test_content_without_a_name_is_screened_all_the_same() -> None:
    assert "elf.program" in rules_of(gz(PROGRAM))


@pytest.mark.parametrize("name", [b"a.command", b"a.pdf.exe", "a\u202etxt.exe".encode()])
def test_dangerous_name_in_the_header(name: bytes) -> None:
    found = inspect(Source.of_bytes(gz(name=name))).findings
    assert any(SEVERITY[f.rule] is Severity.HIGH for f in found)


def test_tar_inside() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        member = tarfile.TarInfo("a.bin")
        member.size = len(PROGRAM)
        archive.addfile(member, io.BytesIO(PROGRAM))
    found = inspect(Source.of_bytes(buffer.getvalue())).findings
    assert any(f.rule == "elf.program" and f.where.endswith("a.bin") for f in found)


def test_program_in_a_later_member() -> None:
    assert "elf.program" in rules_of(gz() + gz(PROGRAM))


def test_archive_behind_the_last_member() -> None:
    assert rules_of(gz() + zip_archive()) & {"concealed.zip", "concealed.appended"}


@pytest.mark.parametrize("where", ["extra", "comment"])
def test_archive_in_the_header(where: str) -> None:
    hidden = zip_archive() if where == "extra" else b"<?php echo 1; // inert inert"
    whole = gz(extra=subfield(b"AB", hidden)) if where == "extra" else gz(comment=hidden)
    assert "parasite" in rules_of(whole)


def test_medical_picture_over_an_archive() -> None:
    assert "concealed.dicom" in rules_of(gz(extra=subfield(b"AB", bytes(128 - 16) + b"DICM\2\0\0\0UL\4\0")))


def test_zeros_at_the_beginning_of_a_disk_image_are_no_bomb() -> None:
    assert rules_of(gz(bytes(8 << 20) + random.Random(1).randbytes(200_000))) == set()


def test_many_names_are_read_one_by_one() -> None:
    began = time.process_time()
    rules_of(b"".join(gz(b"a", name=b"%d" % number) for number in range(20_000)))
    assert time.process_time() - began < 3


def test_bomb_is_found_in_time() -> None:
    layer = gzip.compress(bytes(300 << 20), 9)
    begin = time.process_time()
    assert "bomb" in rules_of(layer)
    assert "bomb" in rules_of(gzip.compress(layer, 9))
    assert time.process_time() - begin < 5


def test_nested_archives_come_to_an_end() -> None:
    whole = TEXT
    for _ in range(9):
        whole = gz(whole)
    assert "unscannable.budget" in rules_of(whole)


def test_more_than_a_member_is_granted() -> None:
    noise = random.Random(1).randbytes(3000)
    assert "unscannable.budget" in rules_of(gz(noise), Limits(member_bytes=2000))
    assert "unscannable.budget" in rules_of(gz(noise), Limits(expanded_bytes=2000))


def test_many_members_are_bounded() -> None:
    whole = gz(b"x") * 30_000
    begin = time.process_time()
    rules_of(whole)
    assert time.process_time() - begin < 5


def test_genome_archives_have_many_members() -> None:
    block = gz(random.Random(2).randbytes(20_000), extra=subfield(b"BC", b"\x1b\x00"))
    assert {SEVERITY[f.rule] for f in inspect(Source.of_bytes(block * 400)).findings} <= {Severity.INFO}


@pytest.mark.parametrize("cut", range(10, len(gz(name=b"a.txt"))))
def test_no_prefix_is_silent(cut: int) -> None:
    assert "truncated" in rules_of(gz(name=b"a.txt")[:cut])


def test_stored_blocks_and_flushes() -> None:

    packer = zlib.compressobj(0, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(packer.compress(TEXT) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(50)) + packer.flush()
    assert rules_of(gz(TEXT * 50, packed=packed)) == set()
    assert rules_of(gz(TEXT, packed=deflate(TEXT))) == set()
