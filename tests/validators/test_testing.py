"""The kit itself. A law that cannot fail proves nothing: each one is shown a toy validator that breaks it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from lazaretto_validators import Category, Finding, Rule, Screening, Severity, Source, Validator, validator
from lazaretto_validators.laws import (
    Case,
    Subject,
    alone,
    arrival,
    bounded,
    documented,
    polite,
    proved,
    total,
    truncation,
)
from lazaretto_validators.media_types import Risk
from lazaretto_validators.source import Aborted, ShortRead
from lazaretto_validators.testing import (
    PatchError,
    aborted,
    assert_laws,
    bytewise,
    cut,
    from_file,
    growing,
    in_pieces,
    patch,
    registry_with,
    whole,
)
from lazaretto_validators.validator import Validate

MAGIC = b"\x01TOY"
EXAMPLE = MAGIC + b"\x01" + (3).to_bytes(4, "big") + b"abc"
PNG = b"\x89PNG\r\n\x1a\n"

VERSION = Rule(
    "toy.version", Category.MALFORMED, Severity.HIGH, "The toy has a version that does not exist.", "The toy book 1"
)
CASES = (
    Case("toy.version", broken=patch(EXAMPLE, "@0004=01>02"), repaired=EXAMPLE),
    Case("toy.truncated", broken=EXAMPLE[:-1], repaired=EXAMPLE),
)


def toy(function: Validate, *, rules: tuple[Rule, ...] = (VERSION,), example: bytes = EXAMPLE) -> Validator:
    """`function` as the validator of toys: magic, version (1), length: u32, so many bytes."""
    function.__name__ = "validate_toy"
    make = validator("image/x-toy", magic=MAGIC, rules=rules, example=example, api=1, label="toy", risk=Risk.VIEWED)
    return make(function)


def good(source: Source, screening: Screening) -> Iterator[Finding]:
    source.expect(MAGIC)
    if (version := source.read(1)[0]) != 1:
        yield VERSION.found(at=4, seen=version, allowed=1)
    source.skip(int.from_bytes(source.read(4), "big"))
    screening.ends_at(source.tell())


def subject(function: Validate, *, cases: tuple[Case, ...] = CASES, rules: tuple[Rule, ...] = (VERSION,)) -> Subject:
    judge = toy(function, rules=rules)
    return Subject(judge, cases, foreign=(PNG, b"All is well.\n"), registry=registry_with(judge))


def test_a_good_validator_keeps_every_law() -> None:
    assert_laws(toy(good), cases=CASES, foreign=(PNG, b"All is well.\n"))


def test_raising_breaks_total() -> None:
    def raising(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(MAGIC)
        yield from (VERSION.found(at=4) for _ in range(0, 1, 1 // source.read(1)[0]))

    with pytest.raises(AssertionError, match="'total'"):
        total(subject(raising))


def test_asking_for_what_has_arrived_breaks_arrival() -> None:
    def peeping(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(MAGIC)
        if type(vars(Source)["_store"].__get__(source)).__name__ == "_PiecesStore":
            yield VERSION.found(at=4)

    with pytest.raises(AssertionError, match="'arrival'"):
        arrival(subject(peeping))


def test_blaming_the_file_for_a_broken_download_breaks_arrival() -> None:
    def blaming(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(MAGIC)
        try:
            source.skip(1000)
        except (Aborted, ShortRead):
            yield judge.truncated.found(at=0)

    judge = toy(blaming)
    with pytest.raises(AssertionError, match="broken off"):
        arrival(Subject(judge, registry=registry_with(judge)))


def test_not_reading_to_the_end_breaks_truncation() -> None:
    def careless(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(MAGIC)
        source.skip(5)
        yield from ()

    with pytest.raises(AssertionError, match="'truncation'"):
        truncation(subject(careless))


def test_an_open_end_is_excused_from_truncation() -> None:
    def careless(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(MAGIC)
        yield from ()

    judge = toy(careless)
    truncation(Subject(judge, open_ended=True, registry=registry_with(judge)))


def test_looping_by_a_declared_number_breaks_bounded() -> None:
    def counting(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(MAGIC)
        source.skip(1)
        length = int.from_bytes(source.read(4), "big")
        for _ in range(length):
            pass
        yield from ()

    with pytest.raises(AssertionError, match="lines of work"):
        bounded(subject(counting))


def test_allocating_by_a_declared_number_breaks_bounded() -> None:
    def allocating(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(MAGIC)
        source.skip(1)
        room = bytearray(int.from_bytes(source.read(4), "big") >> 6)
        yield from (VERSION.found(at=None) for _ in room[:0])

    with pytest.raises(AssertionError, match="bytes of memory"):
        bounded(subject(allocating))


def test_doing_less_under_small_limits_without_a_word_breaks_bounded() -> None:
    def lazy(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(MAGIC)
        if screening.limits.operations >= 100:
            yield VERSION.found(at=4)

    with pytest.raises(AssertionError, match="shorten the report"):
        bounded(subject(lazy))


def test_remembering_breaks_alone() -> None:
    counter = itertools.count()

    def remembering(source: Source, screening: Screening) -> Iterator[Finding]:
        source.expect(MAGIC)
        yield VERSION.found(at=4, seen=next(counter))

    with pytest.raises(AssertionError, match="'alone'"):
        alone(subject(remembering))


@pytest.mark.parametrize(
    ("flaw", "rule"),
    [
        ("cites nothing", Rule("toy.version", Category.MALFORMED, Severity.HIGH, "It is wrong.", "")),
        ("not one sentence", Rule("toy.version", Category.MALFORMED, Severity.HIGH, "It is wrong", "1")),
        ("not one sentence", Rule("toy.version", Category.MALFORMED, Severity.HIGH, "It is. It is not.", "1")),
        ("no false positives", Rule("toy.version", Category.MALFORMED, Severity.HIGH, "It is wrong.", "1", " ")),
        ("no case", Rule("toy.other", Category.MALFORMED, Severity.HIGH, "It is wrong.", "1")),
    ],
)
def test_a_rule_badly_kept_breaks_documented(flaw: str, rule: Rule) -> None:
    with pytest.raises(AssertionError, match=flaw):
        documented(subject(good, rules=(rule,)))


def test_a_reason_for_a_rule_that_has_a_case_breaks_documented() -> None:
    judge = toy(good)
    with pytest.raises(AssertionError, match="needlessly exempt"):
        documented(Subject(judge, CASES, exempt={"toy.version": "no reason"}, registry=registry_with(judge)))


@pytest.mark.parametrize(
    ("flaw", "case"),
    [
        ("not among", Case("toy.version", broken=EXAMPLE, repaired=EXAMPLE)),
        ("still breaks", Case("toy.truncated", EXAMPLE[:-1], repaired=patch(EXAMPLE, "@0004=01>02"))),
        ("may not be allowed", Case("toy.truncated", EXAMPLE[:-1], EXAMPLE, allowed=frozenset({"toy.version"}))),
    ],
)
def test_a_case_that_proves_nothing_breaks_proved(flaw: str, case: Case) -> None:
    with pytest.raises(AssertionError, match=flaw):
        proved(subject(good, cases=(case,)))


def test_taking_foreign_files_breaks_polite() -> None:
    judge = toy(good)
    with pytest.raises(AssertionError, match="'polite'"):
        polite(Subject(judge, foreign=(MAGIC + b"of somebody else",), registry=registry_with(judge)))


def test_patch_replaces_the_bytes_it_names() -> None:
    assert patch(b"\x00\x01\x02", "@0001=0102>FFFE", "@0=00>aa") == b"\xaa\xff\xfe"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        ("@0001=02>00", "stands 01, not 02"),
        ("@0009=02>00", "stands , not 02"),
        ("@0001=01>0000", "use as many"),
        ("0001=01>00", "is no patch"),
    ],
)
def test_patch_that_does_not_fit_is_an_error(edit: str, why: str) -> None:
    with pytest.raises(PatchError, match=why):
        patch(b"\x00\x01\x02", edit)


def test_every_source_gives_the_same_bytes() -> None:
    data = bytes(range(256)) * 300
    sources = [whole(data), bytewise(data), in_pieces(data, seed=1), in_pieces(data, seed=2)]
    assert [source.read(len(data)) for source in sources] == [data] * 4
    with from_file(data) as file, growing(data, step=7) as grown:
        assert (file.read(len(data)), grown.read(len(data))) == (data, data)


def test_random_pieces_depend_on_the_seed_alone() -> None:
    data = bytes(5000)
    assert in_pieces(data, seed=4).peek(5000) == in_pieces(data, seed=4).peek(5000) == data


def test_a_cut_file_ends_and_an_aborted_one_does_not() -> None:
    assert cut(b"abcdef", 3).size == 3
    broken = aborted(b"abcdef", 3)
    assert broken.read(3) == b"abc"
    with pytest.raises(Aborted):
        broken.read(1)


def test_a_growing_file_is_written_only_as_far_as_it_is_read() -> None:
    with growing(bytes(1000), step=10) as source:
        assert source.read(5) == bytes(5)
        assert source.size == 1000
