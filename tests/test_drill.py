"""The structural test file: broken in one place, the same for everybody, and harmless."""

from __future__ import annotations

import re
import struct
import zlib
from pathlib import Path

import pytest

from lazaretto import drill
from lazaretto_validators import Category, Claim, Severity, Source, default_registry, screen

RUN = "0123456789abcdef0123456789abcd"


def test_it_breaks_exactly_one_rule_of_the_worst_kind() -> None:
    file = drill.test_file(RUN)
    report = screen(Source.of_bytes(file), Claim(name=drill.FILE_NAME, media_type=drill.MEDIA_TYPE, size=len(file)))
    (finding,) = report.findings
    assert (finding.rule, finding.offset) == (drill.RULE, drill.FAULT)
    rule = default_registry().rules[drill.RULE]
    assert (rule.category, rule.severity) == (Category.MALFORMED, Severity.HIGH)


def test_with_a_pixel_in_it_nothing_is_found() -> None:
    file = drill.test_file(RUN)
    pixel = b"IDAT" + zlib.compress(b"\0\0")
    chunk = struct.pack(">I", len(pixel) - 4) + pixel + struct.pack(">I", zlib.crc32(pixel))
    mended = file[: drill.FAULT] + chunk + file[drill.FAULT :]
    assert screen(Source.of_bytes(mended), Claim(name=drill.FILE_NAME)).findings == ()


def test_it_names_itself_and_its_run() -> None:
    assert drill.MARK + b" " + RUN.encode() in drill.test_file(RUN)
    runs = {drill.new_run() for _ in range(50)}
    assert len({drill.test_file(run) for run in runs}) == 50


@pytest.mark.parametrize("run", ["", "0" * 29, "0" * 31, "G" * 30, "<script>" * 4, "0" * 29 + "\n"])
def test_nothing_else_gets_into_it(run: str) -> None:
    with pytest.raises(ValueError, match="is no run"):
        drill.test_file(run)


@pytest.mark.checkout
def test_the_documentation_has_its_bytes() -> None:
    page = Path(__file__).parents[1].joinpath("docs", "drill.md").read_text("utf-8")
    rows = re.findall(r"^    [0-9a-f]{8}  (.{48}) \|", page, re.MULTILINE)
    assert bytes.fromhex("".join(rows)) == drill.test_file(RUN)
