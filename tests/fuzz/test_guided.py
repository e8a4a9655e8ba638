"""What the guided fuzzer is made of: seeds for every validator, and a judge that lets nothing unexpected pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fuzz.alone import judge
from fuzz.guided import seeds
from lazaretto_validators import Finding, Source, default_registry
from lazaretto_validators.testing import Recorder
from lazaretto_validators.validator import Screening, Validator

VALIDATORS = default_registry().validators


@pytest.mark.parametrize("validator", VALIDATORS, ids=lambda validator: validator.name)
def test_every_validator_has_seeds_that_it_judges_without_a_fault(validator: Validator) -> None:
    found = list(dict.fromkeys(seeds(validator.name, corpus=False)))
    assert len(found) > 1
    for data in found:
        judge(validator, data)


def test_an_exception_that_is_no_part_of_the_contract_comes_through() -> None:
    def broken(source: Source, screening: Screening) -> Iterator[Finding]:
        raise IndexError(source.size)
        yield

    with pytest.raises(IndexError):
        judge(replace(VALIDATORS[0], run=broken), b"x")


def test_a_rule_that_nobody_has_is_a_fault() -> None:
    def confused(source: Source, screening: Screening) -> Iterator[Finding]:
        yield Finding("zip.bomba", 0)

    with pytest.raises(LookupError, match=r"tells zip\.bomba"):
        judge(replace(VALIDATORS[0], run=confused), b"x")


def test_a_recorder_keeps_what_it_is_told() -> None:
    recorder = Recorder()
    recorder.member("a.png", Source.of_bytes(b"abc"))
    recorder.ends_at(7)
    recorder.not_covered("tail", "why not")
    recorder.expand(9)
    assert [(name, source.size) for name, source in recorder.members] == [("a.png", 3)]
    assert (recorder.end, recorder.gaps, recorder.expanded) == (7, ["tail"], 9)
