"""What an inspection says when things go wrong, and how it gathers what it found."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carriers.programs import HARMLESS, a_pe
from carriers.text import EICAR
from carriers.zip import Member, archive
from lazaretto_validators import (
    Category,
    Claim,
    Finding,
    Inspection,
    Limits,
    Rule,
    Screening,
    Severity,
    Source,
    inspect,
    screen,
    validator,
)
from lazaretto_validators.finding import MAX_OFFSET
from lazaretto_validators.inspect import MAX_FINDINGS, MAX_GAPS
from lazaretto_validators.media_types import Risk
from lazaretto_validators.registry import default_registry
from lazaretto_validators.source import NotThisFormat
from lazaretto_validators.testing import aborted, registry_with
from lazaretto_validators.validator import Validate

TOY = b"\x01TOY and some more of it"
MINOR = Rule("toy.minor", Category.MALFORMED, Severity.INFO, "A small thing.", "The toy book 1")
MAJOR = Rule("toy.major", Category.MALFORMED, Severity.HIGH, "A big thing.", "The toy book 2")


def inspect_toy(function: Validate, data: bytes | Source = TOY, limits: Limits | None = None) -> Inspection:
    """Inspect with `function` as the validator of toys."""
    function.__name__ = "validate_toy"
    make = validator(
        "image/x-toy", magic=b"\x01TOY", rules=(MINOR, MAJOR), example=TOY, api=1, label="toy", risk=Risk.VIEWED
    )
    source = data if isinstance(data, Source) else Source.of_bytes(data)
    return inspect(source, limits, registry_with(make(function)))


def rules(inspection: Inspection) -> list[str]:
    return [finding.rule for finding in inspection.findings]


def zipped(**members: bytes) -> bytes:
    """A stored ZIP; double underscores in the names stand for dots."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("__", ".")), data)
    return file.getvalue()


def test_a_validator_that_raises_is_our_fault_and_holds_the_file() -> None:
    def broken(source: Source, screening: Screening) -> Iterator[Finding]:
        yield MAJOR.found(at=0)
        raise KeyError("attacker's text")

    inspection = inspect_toy(broken)
    assert rules(inspection) == ["toy.major", "unscannable.validator-failed"]
    assert inspection.findings[1].seen == "toy: KeyError"


def test_a_short_read_is_the_files_truncation_at_its_place() -> None:
    def reading(source: Source, screening: Screening) -> Iterator[Finding]:
        source.skip(20)
        source.read(10)
        yield MINOR.found(at=0)

    (finding,) = inspect_toy(reading).findings
    assert (finding.rule, finding.offset, finding.seen, finding.allowed) == ("toy.truncated", 20, "4 bytes", "10 bytes")


def test_a_broken_off_download_is_incomplete_and_not_truncated() -> None:
    def reading(source: Source, screening: Screening) -> Iterator[Finding]:
        source.skip(20)
        yield MINOR.found(at=0)

    inspection = inspect_toy(reading, aborted(TOY, 10))
    assert rules(inspection) == ["unscannable.incomplete"]
    assert inspection.size is None


def test_what_was_found_before_the_download_broke_off_is_kept() -> None:
    assert "pe.program" in rules(inspect(aborted(a_pe(size=9000), 6000)))


def test_a_file_that_its_own_formats_validator_declines_is_never_clean() -> None:
    def declining(source: Source, screening: Screening) -> Iterator[Finding]:
        raise NotThisFormat("no")
        yield MINOR.found(at=0)

    inspection = inspect_toy(declining)
    assert [finding.rule for finding in inspection.findings] == ["unscannable.declined"]
    assert inspection.coverage[0].why == "declined by the validator toy"


def test_a_spent_budget_says_what_was_spent() -> None:
    def endless(source: Source, screening: Screening) -> Iterator[Finding]:
        yield MINOR.found(at=0)
        while True:
            source.at(0)

    inspection = inspect_toy(endless, limits=Limits(operations=500))
    assert rules(inspection) == ["unscannable.budget", "toy.minor"]
    assert inspection.findings[0].seen == "501 operations"


@pytest.mark.parametrize("charge", ["spend", "expand"])
def test_work_that_does_not_read_is_charged_too(charge: str) -> None:
    def expanding(source: Source, screening: Screening) -> Iterator[Finding]:
        getattr(screening, charge)(10_000)
        yield MINOR.found(at=0)

    inspection = inspect_toy(expanding, limits=Limits(operations=5000, expanded_bytes=5000))
    assert rules(inspection) == ["unscannable.budget"]


def test_the_worst_findings_are_kept_and_all_are_counted() -> None:
    def noisy(source: Source, screening: Screening) -> Iterator[Finding]:
        yield from (MINOR.found(at=at) for at in range(5000))
        yield MAJOR.found(at=9)
        yield MAJOR.found(at=7)

    inspection = inspect_toy(noisy)
    assert (inspection.total, len(inspection.findings)) == (5002, MAX_FINDINGS)
    assert [(f.rule, f.offset) for f in inspection.findings[:4]] == [
        ("toy.major", 7),
        ("toy.major", 9),
        ("toy.minor", 0),
        ("toy.minor", 1),
    ]


def test_a_rule_that_is_broken_often_crowds_out_no_other() -> None:
    def noisy(source: Source, screening: Screening) -> Iterator[Finding]:
        yield from (MAJOR.found(at=at) for at in range(5000))
        yield MINOR.found(at=1)

    inspection = inspect_toy(noisy)
    assert len(inspection.findings) == MAX_FINDINGS
    assert inspection.findings[-1] == MINOR.found(at=1)


def test_gaps_are_bounded() -> None:
    def vague(source: Source, screening: Screening) -> Iterator[Finding]:
        for index in range(1000):
            screening.not_covered(f"part[{index}]", "too dull")
        yield MINOR.found(at=0)

    assert len(inspect_toy(vague).coverage) == MAX_GAPS


def test_a_members_findings_carry_the_whole_path() -> None:
    data = zipped(a__zip=zipped(b__txt=EICAR))
    (finding,) = (f for f in inspect(Source.of_bytes(data)).findings if f.rule == "plain.eicar")
    assert (finding.where, finding.offset) == ("a.zip!/b.txt", 0)


def test_a_member_is_judged_as_a_name_too() -> None:
    inspection = inspect(Source.of_bytes(zipped(holiday__jpg=a_pe())))
    found = {f.rule: f.where for f in inspection.findings}
    assert found["pe.program"] == "holiday.jpg"
    assert found["claim.runs"].startswith("holiday.jpg")


def test_nesting_ends_somewhere() -> None:
    data = EICAR
    for _ in range(7):
        data = zipped(a__zip=data)
    found = rules(inspect(Source.of_bytes(data)))
    assert "unscannable.budget" in found
    assert "plain.eicar" not in found
    assert "plain.eicar" in rules(inspect(Source.of_bytes(data), Limits(nesting=8)))


def test_members_are_counted() -> None:
    data = zipped(**{f"note{index}__txt": HARMLESS for index in range(20)})
    assert "unscannable.budget" in rules(inspect(Source.of_bytes(data), Limits(members=10)))
    assert "unscannable.budget" not in rules(inspect(Source.of_bytes(data), Limits(members=20)))


def test_screen_adds_what_the_claim_is_worth() -> None:
    data = a_pe()
    bare, claimed = inspect(Source.of_bytes(data)), screen(Source.of_bytes(data), Claim(name="holiday.jpg"))
    assert set(rules(bare)) < set(rules(claimed))
    assert claimed.total > bare.total
    assert screen(Source.of_bytes(data)) == bare


def test_an_unknown_file_is_a_gap_and_no_finding() -> None:
    inspection = inspect(Source.of_bytes(b"\x03\x91\x00\x07" * 9))
    assert (inspection.media_type, inspection.findings) == (None, ())
    assert [gap.why for gap in inspection.coverage] == ["no known type"]


def test_the_rule_set_is_the_registrys() -> None:
    assert inspect(Source.of_bytes(b"")).rule_set == default_registry().rule_set


OPENINGS = (
    b"",
    b"MZ",
    b"\x7fELF",
    b"dex\n035\0",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"#!",
    b"PK\3\4",
    b"\xff\xfe",
)


@given(opening=st.sampled_from(OPENINGS), rest=st.binary(max_size=400))
def test_any_bytes_give_a_report(opening: bytes, rest: bytes) -> None:
    inspection = inspect(Source.of_bytes(opening + rest))
    assert inspection.size == len(opening) + len(rest)
    assert "unscannable.validator-failed" not in rules(inspection)
    assert all(finding.rule in default_registry().rules for finding in inspection.findings)


def test_a_noisy_name_is_told_alone_and_not_among_the_files_of_an_archive() -> None:
    data, text = Member("image.bin", b"\x01" * 40), Member("readme.txt", b"words\n")
    assert "name.noisy-extension" in {finding.rule for finding in inspect(Source.of_bytes(archive(data))).findings}
    assert inspect(Source.of_bytes(archive(data, text))).findings == ()


def test_a_place_that_no_file_has_is_named_as_the_farthest() -> None:
    declared = b"\0\0\0\1ftypisom\0\0\2\0isomiso2mp41" + bytes(40)  # a box of as many bytes as `isom` is a number
    found = inspect(Source.of_bytes(declared)).findings
    assert found
    assert all(0 <= (finding.offset or 0) <= MAX_OFFSET for finding in found)
    assert default_registry().rules["bmff.truncated"].found(at=1 << 80).offset == MAX_OFFSET
