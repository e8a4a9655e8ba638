"""What was done with every update that carries a file is counted, and the counts reach the log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from lazaretto.coverage import Coverage, Outcome
from lazaretto.metrics import Metrics
from lazaretto.ports import Unavailable


class Log:
    """What was recorded. `fault` is raised once."""

    def __init__(self, fault: Exception | None = None) -> None:
        self.records: list[Mapping[str, Any]] = []
        self._fault = fault

    async def __call__(self, data: Mapping[str, object]) -> None:
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault
        self.records.append(data)


async def test_counts_are_recorded_with_the_time_that_they_are_of() -> None:
    log, coverage = Log(), Coverage(Metrics())
    for outcome in (Outcome.SCREENED, Outcome.OWN, Outcome.SCREENED):
        coverage.count(outcome)
    await coverage.flush(log)
    coverage.count(Outcome.REPEATED)
    await coverage.flush(log)
    first, second = log.records
    assert (first["updates"], second["updates"]) == ({"screened": 2, "skipped-own": 1}, {"repeated": 1})
    assert first["since"] < first["until"] == second["since"]


async def test_where_nothing_came_nothing_is_recorded() -> None:
    log, coverage = Log(), Coverage(Metrics())
    await coverage.flush(log)
    assert log.records == []


@pytest.mark.parametrize("fault", [Unavailable("the disk is full"), RuntimeError("a fault of ours")])
async def test_counts_that_could_not_be_recorded_are_in_the_next_record(fault: Exception) -> None:
    log, coverage = Log(fault), Coverage(Metrics())
    coverage.count(Outcome.SCREENED)
    await coverage.flush(log)
    assert log.records == []
    coverage.count(Outcome.SCREENED)
    await coverage.flush(log)
    assert [record["updates"] for record in log.records] == [{"screened": 2}]


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_is_a_metric(outcome: Outcome) -> None:
    metrics = Metrics()
    Coverage(metrics).count(outcome)
    assert metrics.registry.get_sample_value("lazaretto_updates_total", {"outcome": outcome.value}) == 1
