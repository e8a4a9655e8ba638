"""A reduced, seeded run of the fuzzer in every test run; `make fuzz` and `make long` run it for longer."""

from __future__ import annotations

import pytest

from fuzz.mutate import run


@pytest.mark.parametrize("seed", range(4))
def test_mutated_files_give_reports_and_never_exceptions(seed: int) -> None:
    assert run(seconds=0, seed=seed, rounds=1500) == 1500
