"""Zstandard: every rule with its repaired twin, what honest writers do, the bounds; the command as the oracle."""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import looks
from carriers.polyglot import elf_header, zip_archive
from carriers.zstd import CASES, RUN, TEXT, block, frame, passed
from lazaretto_validators.archives.zstd import SMALLEST
from lazaretto_validators.testing import Case

rules_of = partial(looks.rules_of, prefix="zstd.")

NOISE = random.Random(1).randbytes(300_000)
needs_zstd = pytest.mark.skipif(shutil.which("zstd") is None, reason="needs zstd")


def run(*options: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["zstd", "-q", "-c", *options], input=data, capture_output=True, check=False)


@needs_zstd
@pytest.mark.parametrize("whole", [SMALLEST, frame(), frame() + passed(b"inert") + frame(told=None)])
def test_what_is_built_here_is_what_the_command_reads(whole: bytes) -> None:
    done = run("-d", data=whole)
    assert (done.returncode, done.stdout.replace(TEXT, b"")) == (0, b"")
    assert rules_of(whole) == set()


@needs_zstd
@pytest.mark.parametrize("options", ["-1", "-19", "--ultra -22", "-T0", "--no-check", "--fast", "--long=27"])
@pytest.mark.parametrize("content", [b"", b"x", b"line of a log\n" * 9000, NOISE, NOISE + bytes(1 << 21) + NOISE])
def test_what_zstd_writes_is_valid(content: bytes, options: str) -> None:
    for more in ((), (f"--stream-size={len(content)}",)):
        assert rules_of(run(*options.split(), *more, data=content).stdout) == set()


@needs_zstd
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule)
def test_command_reads_repaired_twin(case: Case) -> None:
    assert run("-d", data=case.repaired).returncode == 0


@needs_zstd
@given(st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_damage_to_the_structure_that_the_command_notices_is_found(at: int, change: int) -> None:
    whole = bytearray(frame() + frame(told=None))
    whole[4 + at % (len(whole) - 4)] ^= change
    done = run("-d", data=bytes(whole))
    noticed = done.returncode != 0 and b"dictionary" not in done.stderr.lower()
    assert not noticed or looks.rules_of(bytes(whole))


@needs_zstd
@pytest.mark.parametrize("options", [(), (f"--stream-size={8 << 20}",)])
def test_bomb_is_told_whether_its_size_is_in_the_header_or_not(options: tuple[str, ...]) -> None:
    assert rules_of(run(*options, data=bytes(8 << 20)).stdout) == {"bomb"}


@pytest.mark.parametrize("told", [0, 44, 46, 1 << 40, (1 << 64) - 1])
def test_size_that_no_blocks_give(told: int) -> None:
    assert "size" in rules_of(frame(told=told))


@pytest.mark.parametrize("bad", [block(b"a", kind=RUN, size=(1 << 17) + 1), block(b"a", kind=3, size=1)])
def test_block_no_reader_takes(bad: bytes) -> None:
    assert rules_of(frame(bad, told=None)) == {"block"}


@pytest.mark.parametrize("second", [zip_archive(), elf_header()])
def test_second_file_behind_the_end(second: bytes) -> None:
    assert looks.rules_of(frame() + second) & {"concealed.zip", "concealed.appended"}


def test_content_is_named_as_not_looked_at() -> None:
    assert [gap.why for gap in looks.look(frame()).coverage] == ["Zstandard data is not unpacked"]


@pytest.mark.parametrize("flood", [passed(b"") * 100_000, SMALLEST * 100_000, frame(block(b"", last=False) * 300_000)])
def test_floods_are_bounded(flood: bytes) -> None:
    began = time.process_time()
    assert looks.rules_of(flood) == {"unscannable.budget"}
    assert time.process_time() - began < 5
